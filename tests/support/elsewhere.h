/* Elsewhere: a home with an engine elsewhere, "stub/small", that is a recorder on loopback behind a
 * real airlock process, and the engine that reaches it; for tests of what leaves and what comes
 * back. What cannot be set up ends the process with a sentence. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_ELSEWHERE_H
#define WF_TESTS_SUPPORT_ELSEWHERE_H

#include <sys/types.h>

#include "daemon/home.h"
#include "op/remote.h"
#include "support/recorder.h"

struct elsewhere_options {
    const char *policy; /* its text; NULL: the built-in one */
    bool is_filed;      /* the policy is the home's, so that airlock has it, too */
    const char *says;   /* as recorder_options has it; looked at anew with each answer */
    bool is_blind;      /* every detector of core is disabled */
};

struct elsewhere {
    char dir[64];
    struct wf_home home;
    struct recorder *recorder;
    struct wf_log *log;
    int listener;
    pid_t airlock;
    struct wf_airlock_link *link;
    struct wf_engines *engines;
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_inbound *inbound;
    struct wf_engine *engine;
};

void elsewhere_open(struct elsewhere *e, const struct elsewhere_options *o);
/* With another policy (a text) from now on. */
void elsewhere_policy(struct elsewhere *e, const char *policy);
void elsewhere_close(struct elsewhere *e);

#endif
