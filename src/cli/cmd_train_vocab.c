/* SPDX-License-Identifier: Apache-2.0 */
/* weft train vocab LIST OUT: a byte-level BPE vocabulary out of the texts of a list of sources. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "cli/train.h"
#include "train/bpe.h"
#include "train/corpus.h"

/* As lens has them: the begin of a text, its end or a border in it, what is to be guessed, a
 * question, a passage, and some for tasks to come. */
static const char *const controls[] = {
    "<s>",  "</s>", "<mask>", "<q>",   "<p>",   "<r5>",  "<r6>",  "<r7>",
    "<r8>", "<r9>", "<r10>",  "<r11>", "<r12>", "<r13>", "<r14>", "<r15>",
};

struct work {
    struct wf_bpe *bpe;
    uint32_t hundredths;
    uint64_t n_bytes;
    int64_t n_tokens;
    struct wf_models_progress shown;
};

static int on_text(void *ud, const struct wf_corpus_text *t, struct wf_err *err)
{
    struct work *w = ud;

    w->n_bytes += t->text.len;
    return t->is_dev ? 0 : wf_bpe_add(w->bpe, t->text, w->hundredths, err);
}

static bool on_merges(void *ud, uint32_t n_tokens)
{
    struct work *w = ud;

    return wf_models_tell(&w->shown, n_tokens, (uint64_t)w->n_tokens);
}

static int count_all(const struct wf_corpus *c, struct work *w, struct wf_err *err)
{
    size_t n = wf_corpus_n_sources(c);
    struct wf_models_progress shown = {_("counting words"), -1};
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wf_corpus_source *s = wf_corpus_source(c, i);
        (void)wf_models_tell(&shown, i, n);
        w->hundredths = s->vocab_hundredths;
        if (w->hundredths > 0)
            rc = wf_corpus_read(s, on_text, w, err);
    }
    (void)wf_models_tell(&shown, n, n);
    wf_models_told(&shown);
    return rc;
}

static int tell_done(const struct wf_cli *cli, const struct work *w, size_t n_words, double s)
{
    uint32_t n_tokens = wf_bpe_n_tokens(w->bpe);
    char words[32], bytes[32];
    json_t *v;

    if (!cli->json) {
        printf(_("%" PRIu32 " tokens out of %s different words in %s of text, in %.0f s\n"),
               n_tokens, wf_cli_count(words, n_words), wf_cli_bytes(bytes, w->n_bytes), s);
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s, s:I, s:I, s:I, s:f}", "file", cli->args[1], "tokens", (json_int_t)n_tokens,
                  "words", (json_int_t)n_words, "bytes", (json_int_t)w->n_bytes, "seconds", s);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}

int wf_train_vocab(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train vocab LIST OUT.gguf [--tokens N] [--pre NAME] [--token-bytes N]\n"
          "                        [--name NAME]\n\n"
          "Makes a byte-level BPE vocabulary out of the texts of the sources in LIST (see\n"
          "train/corpus.conf), each with its weight, and writes it as a GGUF without weights.\n"
          "--tokens: its size (16384); --pre: how texts are cut into words (qwen2);\n"
          "--token-bytes: the longest token (24).");
    const char *pre = "qwen2", *name = "lens";
    int64_t token_bytes = 24;
    struct work w = {.n_tokens = 16384, .shown = {_("merging"), -1}};
    const struct wf_option options[] = {
        {"tokens", 'n', WF_OPTION_NUMBER, &w.n_tokens, 272, WF_BPE_TOKENS_MAX},
        {"token-bytes", 0, WF_OPTION_NUMBER, &token_bytes, 2, WF_BPE_TOKEN_BYTES_MAX},
        {.name = "pre", .kind = WF_OPTION_TEXT, .out = &pre},
        {.name = "name", .kind = WF_OPTION_TEXT, .out = &name},
        {0},
    };
    struct wf_corpus *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    int64_t began = wf_clock_mono_ns(NULL);
    size_t n_words = 0;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    struct wf_bpe_options o = {.n_tokens = (uint32_t)w.n_tokens,
                               .token_bytes_max = (uint32_t)token_bytes,
                               .pre = pre,
                               .controls = controls,
                               .n_controls = WF_ARRAY_LEN(controls)};
    rc = wf_corpus_open(cli->args[0], &c, &err);
    if (rc == 0)
        rc = wf_bpe_new(&o, &w.bpe, &err);
    if (rc == 0)
        rc = count_all(c, &w, &err);
    if (rc == 0) {
        n_words = wf_bpe_n_words(w.bpe);
        rc = wf_bpe_train(w.bpe, on_merges, &w, &err);
        wf_models_told(&w.shown);
    }
    if (rc == 0)
        rc = wf_bpe_write(w.bpe, name, cli->args[1], &err);
    code = rc == 0 ? tell_done(cli, &w, n_words, (double)(wf_clock_mono_ns(NULL) - began) * 1e-9)
                   : wf_cli_fail(cli, &err);
    wf_bpe_free(w.bpe);
    wf_corpus_free(c);
    return code;
}
