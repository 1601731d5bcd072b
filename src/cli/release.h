/* A person's release at a terminal: what the policy keeps is shown as it would go, then a reason is
 * asked for, then the engine's name. Thread rule: owner. */
#ifndef WF_CLI_RELEASE_H
#define WF_CLI_RELEASE_H

#include "cli/cli.h"
#include "daemon/client.h"

/* Looks by `call` (its op with params as they would be sent, and its descriptor), and asks. The
 * "release" that was meant, a new reference; NULL: it stays here, or there is no terminal to ask
 * at, or the policy has nothing to do with it. */
json_t *wf_release_ask(struct wf_cli *cli, struct wf_client *c, const struct wf_client_call *call);

/* Runs an operation that can be looked at by itself (ask, summarize); where the policy keeps it
 * asks, and runs it once more with what was released. As wf_client_run. */
int wf_release_run(struct wf_cli *cli, struct wf_client *c, const struct wf_client_call *call,
                   json_t **out_result, struct wf_err *err) WF_MUST_USE;

#endif
