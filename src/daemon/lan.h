/* Lan: how phones reach this machine (`weft up --lan`): a short process of the supervisor's that
 * holds the home CA's key (mesh/home_ca.h) for a moment. It finds this machine's private addresses,
 * opens a listener at each, has a certificate made for them, hands all of that to core over a local
 * socket of packets, and ends. Core, which cannot bind anything, never has the CA's key; the
 * supervisor parses nothing.
 *
 * Packets to core (http/lan.h): 'C' close your listeners (answered by one byte); 'P' SENTENCE, why
 * there is none; 'L' JSON NUL KEY, with the listeners. Thread rule: init. */
#ifndef WF_DAEMON_LAN_H
#define WF_DAEMON_LAN_H

#include <stdint.h>

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/home.h"

/* A certificate is made anew after so long; it counts for three times that. */
#define WF_LAN_RENEW_MS ((int64_t)30 * 24 * 3600 * 1000)

/* A local socket of packets between the supervisor (and its short processes) and core, close-on-
 * exec. Errors: IO. */
int wf_lan_pair(int out_fds[2], struct wf_err *err) WF_MUST_USE;

/* What this machine's addresses are like, as a number: another one when they have changed. */
uint64_t wf_lan_addresses(const struct wf_config *c);

/* The process: does it once; the status it ends with: 0, or 1 where no listener could be had. */
int wf_lan_run(const struct wf_home *home, const struct wf_config *c, struct wf_log *log, int fd);

#endif
