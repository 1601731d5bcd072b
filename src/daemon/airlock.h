/* Airlock: the only process that can reach a provider.
 *
 * For each request that core hands over (route/airlock_frame.h) it looks at the label, scans the
 * bytes once more with the detectors and refuses what the policy does not let out (it never
 * repairs), waits until the ledger's entry is durable, and only then connects, puts the key in and
 * sends. What comes back goes to core as it is, as fast as core takes it. Many requests at once,
 * each with its own handle and connection.
 *
 * It keeps the ledger for the rest of weft, too: what core is about to hand to another person's
 * device it writes down, and answers once that is durable. Those bytes do not go through it.
 *
 * Engines, keys and policy are read before it locks itself down, and never again: the supervisor
 * starts it anew when they change. It fails closed: without a policy, detectors or a ledger it runs
 * and refuses everything with that reason. Thread rule: init. */
#ifndef WF_DAEMON_AIRLOCK_H
#define WF_DAEMON_AIRLOCK_H

#include "base/log.h"
#include "daemon/home.h"

struct wf_airlock_options {
    const struct wf_home *home;
    const char *ca_file;   /* certificates of authorities instead of the system's; or NULL */
    const char *user_home; /* what "~" in the policy stands for; or NULL */
    struct wf_log *log;
    int fd; /* to core; borrowed */
};

/* Serves until core closes the connection or SIGTERM comes. Returns the exit code. */
int wf_airlock_run(const struct wf_airlock_options *o);

#endif
