/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the command line that commands which fit something to a lens have in common. */
#include <assert.h>
#include <string.h>

#include "cli/train.h"

bool wf_train_fit_open(struct wf_cli *cli, const char *usage, const struct wf_option *more,
                       size_t n, struct wf_train_fit *out, int *out_code)
{
    struct wf_option options[3 + WF_TRAIN_FIT_MORE + 1] = {
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &out->into},
        {.name = "out", .kind = WF_OPTION_TEXT, .out = &out->out},
        {.name = "data", .kind = WF_OPTION_TEXT, .out = &out->data},
    };
    struct wf_err err = WF_ERR_INIT;

    assert(n <= WF_TRAIN_FIT_MORE);
    *out = (struct wf_train_fit){.data = "../shared/data"};
    if (n > 0)
        memcpy(&options[3], more, n * sizeof(*more));
    if (!wf_cli_options(cli, usage, options, out_code))
        return false;
    if (cli->n_args != 1 || out->into == NULL) {
        *out_code = wf_cli_usage(usage);
        return false;
    }
    if (out->out == NULL)
        out->out = out->into;
    if (wf_conf_load(cli->args[0], &out->conf, &err) != 0) {
        *out_code = wf_cli_fail(cli, &err);
        return false;
    }
    return true;
}
