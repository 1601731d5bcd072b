/* SPDX-License-Identifier: Apache-2.0 */
/* weft train language SENTENCES OUT.gguf: the table by which lens tells the language of a text. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/language.h"

static int tell(struct wf_cli *cli, const struct wf_language_table *t)
{
    char sentences[32], languages[32], bytes[32];
    json_t *v;

    if (!cli->json) {
        printf(_("%s: %s languages from %s sentences; the table takes %s.\n"), cli->args[1],
               wf_cli_count(languages, t->n_labels), wf_cli_count(sentences, t->n_sentences),
               wf_cli_bytes(bytes, t->bytes));
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "file", cli->args[1], "languages",
                  (json_int_t)t->n_labels, "sentences", (json_int_t)t->n_sentences, "grams",
                  (json_int_t)t->n_grams, "entries", (json_int_t)t->n_entries, "bytes",
                  (json_int_t)t->bytes);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}

int wf_train_language(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train language SENTENCES OUT.gguf [--more LIST] [--into LENS.gguf]\n\n"
        "Makes the table by which lens tells the language of a text. SENTENCES has a line for\n"
        "each sentence: the language (ISO 639-3), a tab, the sentence; it may be packed (xz,\n"
        "gzip). --more: a list of sources with more text of some languages (train/language.conf).\n"
        "--into writes all that LENS.gguf has, with the table added or replaced.");
    const char *into = NULL, *more = NULL;
    const struct wf_option options[] = {
        {.name = "more", .kind = WF_OPTION_TEXT, .out = &more},
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &into},
        {0},
    };
    struct wf_language_trainer *t = NULL;
    struct wf_language_table table;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    int code, rc = 0;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    if (into != NULL)
        rc = wf_gguf_open(into, &g, &err);
    if (rc == 0)
        rc = wf_language_trainer_new(&t, &err);
    if (rc == 0)
        rc = wf_language_trainer_add_file(t, cli->args[0], &err);
    if (rc == 0 && more != NULL)
        rc = wf_language_trainer_add_corpus(t, more, &err);
    if (rc == 0)
        rc = wf_language_trainer_write(t, g, cli->args[1], &table, &err);
    code = rc == 0 ? tell(cli, &table) : wf_cli_fail(cli, &err);
    wf_language_trainer_free(t);
    wf_gguf_close(g);
    return code;
}
