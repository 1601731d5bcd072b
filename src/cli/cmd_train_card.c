/* SPDX-License-Identifier: Apache-2.0 */
/* weft train card CARD OUT.gguf --into LENS.gguf --version TEXT: what a lens says of itself. */
#include <stdio.h>

#include "base/limits.h"
#include "cli/i18n.h"
#include "cli/train.h"
#include "os/file.h"
#include "train/card.h"

int wf_train_card(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train card CARD OUT.gguf --into LENS.gguf --version TEXT\n\n"
          "Writes all that LENS.gguf has to OUT.gguf, with its version and its card: each line of\n"
          "the text file CARD is a figure that was measured with it. 'weft lens' shows them.");
    const char *into = NULL, *version = NULL;
    const struct wf_option options[] = {
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &into},
        {.name = "version", .kind = WF_OPTION_TEXT, .out = &version},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    struct wf_buf text;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2 || into == NULL || version == NULL)
        return wf_cli_usage(usage);
    wf_buf_init(&text, WF_LIMIT_LENS_BYTES);
    rc = wf_file_read(cli->args[0], &text, &err);
    if (rc == 0)
        rc = wf_gguf_open(into, &g, &err);
    if (rc == 0)
        rc = wf_card_write(g, wf_str_from(version), wf_buf_str(&text), cli->args[1], &err);
    if (rc == 0 && !cli->json)
        printf(_("%s is version %s.\n"), cli->args[1], version);
    code = rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
    wf_gguf_close(g);
    wf_buf_deinit(&text);
    return code;
}
