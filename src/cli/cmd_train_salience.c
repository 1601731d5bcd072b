/* SPDX-License-Identifier: Apache-2.0 */
/* weft train salience SOURCES OUT.gguf: what words a summary has, for lens and summarize. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "cli/train.h"
#include "engine/lens_sentences.h"
#include "train/salience.h"

static int tell(struct wf_cli *cli, const struct wf_salience_table *t)
{
    char words[32], texts[32];
    json_t *v;

    if (!cli->json) {
        printf(
            _("%s: %s words from %s texts. ROUGE-1 on what was kept aside: %.1f, about something "
              "%.1f; with the encoder %.1f (weight %.2f) and %.1f (%.2f).\n"),
            cli->args[1], wf_cli_count(words, t->n_words), wf_cli_count(texts, t->n_texts),
            t->rouge1[0], t->rouge1[1], t->with_encoder[0], (double)t->encoder[0],
            t->with_encoder[1], (double)t->encoder[1]);
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "file", cli->args[1],
                  "words", (json_int_t)t->n_words, "texts", (json_int_t)t->n_texts, "kept_aside",
                  (json_int_t)t->n_kept, "rouge1", t->rouge1[0], "rouge1_about", t->rouge1[1],
                  "with_encoder", t->with_encoder[0], "with_encoder_about", t->with_encoder[1],
                  "encoder_weight", (double)t->encoder[0], "encoder_weight_about",
                  (double)t->encoder[1]);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}

static int logits(void *ud, const struct wf_str *sentences, size_t n, float *out,
                  struct wf_err *err)
{
    return wf_lens_sentences(ud, sentences, n, out, err);
}

/* Whether a file has an encoder that scores sentences; a pool of it then. */
static int open_encoder(const char *path, struct wf_lens_pool **out, struct wf_err *err)
{
    const struct wf_lens_pool_options o = {.path = path};
    const struct wf_lens *lens;
    int rc = wf_lens_pool_new(&o, out, err);

    if (rc == 0)
        rc = wf_lens_pool_lens(*out, &lens, err);
    if (rc == 0 && !wf_lens_scores_sentences(lens)) {
        wf_lens_pool_free(*out);
        *out = NULL;
    }
    return rc;
}

int wf_train_salience(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train salience SOURCES OUT.gguf [--into LENS.gguf]\n\n"
          "Learns from texts and their summaries what words a summary has, by which lens and\n"
          "summarize choose sentences. SOURCES: a list of files, as train/salience-words.conf.\n"
          "--into writes all that LENS.gguf has, with this added or replaced.");
    const char *into = NULL;
    const struct wf_option options[] = {
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &into},
        {0},
    };
    struct wf_salience_trainer *t = NULL;
    struct wf_lens_pool *pool = NULL;
    struct wf_salience_table table;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    int code, rc = 0;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    if (into != NULL)
        rc = wf_gguf_open(into, &g, &err);
    if (rc == 0 && into != NULL)
        rc = open_encoder(into, &pool, &err);
    if (rc == 0)
        rc = wf_salience_trainer_new(&t, &err);
    if (rc == 0 && pool != NULL)
        wf_salience_trainer_encoder(t, logits, pool);
    if (rc == 0)
        rc = wf_salience_trainer_add_list(t, cli->args[0], &err);
    if (rc == 0)
        rc = wf_salience_trainer_write(t, g, cli->args[1], &table, &err);
    code = rc == 0 ? tell(cli, &table) : wf_cli_fail(cli, &err);
    wf_salience_trainer_free(t);
    wf_lens_pool_free(pool);
    wf_gguf_close(g);
    return code;
}
