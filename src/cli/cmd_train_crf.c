/* SPDX-License-Identifier: Apache-2.0 */
/* weft train crf CONF --into LENS.gguf: what words say of entities, beside the encoder. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/crf.h"
#include "train/crf_classes.h"

#define BYTES_USUAL 900000
#define BYTES_MOST (8 << 20)
#define CLASS_WORDS 30000      /* of words that have a class: 90 kB of the table */
#define TEXT_WORDS (48u << 20) /* that classes are made of: 200 MB */

struct asked {
    const char *conf, *into, *data, *classes;
    int64_t bytes;
};

struct made {
    struct wf_crf_table table;
    struct wf_crf_choice choice;
};

static void on_pass(void *ud, unsigned pass, double loss)
{
    (void)ud;
    fprintf(stderr, _("pass %u: loss of a word %.4f\n"), pass + 1, loss);
}

static void tell_figures(const char *who, const struct wf_crf_figures *f)
{
    printf(_("  %-28s F1 %.1f (precision %.1f, recall %.1f), noisy text %.1f, of that what is "
             "kept aside as a whole %.1f\n"),
           who, f->f1, f->precision, f->recall, f->noisy_f1, f->dev_file_f1);
}

static json_t *figures_json(const struct wf_crf_figures *f)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "f1", f->f1, "precision", f->precision, "recall",
                     f->recall, "noisy_f1", f->noisy_f1, "dev_file_f1", f->dev_file_f1);
}

static int tell(struct wf_cli *cli, const char *path, const struct made *m)
{
    char features[32], bytes[32];
    json_t *v;

    if (!cli->json) {
        printf(_("%s: %s features of words; the table takes %s.\n"), path,
               wf_cli_count(features, m->table.n_features), wf_cli_bytes(bytes, m->table.bytes));
        printf(_("On texts kept aside:\n"));
        tell_figures(_("words"), &m->choice.words);
        if (m->choice.has_encoder)
            tell_figures(_("encoder"), &m->choice.encoder);
        tell_figures(_("both"), &m->choice.both);
        tell_figures(_("both, chosen on other halves"), &m->choice.crossed);
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o, s:o}", "file", path, "features",
                  (json_int_t)m->table.n_features, "entries", (json_int_t)m->table.n_entries,
                  "bytes", (json_int_t)m->table.bytes, "share", m->choice.numbers.share, "outside",
                  m->choice.numbers.outside, "words", figures_json(&m->choice.words), "encoder",
                  figures_json(&m->choice.encoder), "both", figures_json(&m->choice.both),
                  "crossed", figures_json(&m->choice.crossed));
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}

/* Fits, squeezes, chooses and writes. */
static int make(const struct asked *a, struct made *out, struct wf_err *err)
{
    struct wf_crf_texts texts = {0};
    struct wf_crf_classes *made = NULL;
    struct wf_lens_classes classes;
    struct wf_lens *lens = NULL;
    struct wf_gguf *g = NULL;
    struct wf_crf *c = NULL;
    int rc = wf_gguf_open(a->into, &g, err);
    bool has_head;

    if (rc == 0)
        rc = wf_crf_check_labels(g, err);
    if (rc == 0)
        rc = wf_lens_open(a->into, &lens, err);
    if (rc == 0 && a->classes != NULL)
        rc = wf_crf_classes_make(a->classes, CLASS_WORDS, TEXT_WORDS, &made, err);
    classes = wf_crf_classes_view(made);
    if (rc == 0)
        rc = wf_crf_texts_read(a->conf, a->data, wf_lens_vocab(lens), &classes, &texts, err);
    if (rc == 0)
        rc = wf_crf_fit(&texts.sides[0], &wf_crf_usual, on_pass, NULL, &c, err);
    if (rc == 0)
        wf_crf_squeeze(c, (size_t)a->bytes - WF_MIN((size_t)a->bytes, 3 * classes.n));
    has_head = rc == 0 && wf_gguf_tensor(g, "lens.entity.weight") != NULL;
    if (rc == 0)
        rc = wf_crf_choose(c, has_head ? lens : NULL, 0, &texts.sides[1], &out->choice, err);
    if (rc == 0)
        rc = wf_crf_write(c, &out->choice.numbers, &classes, g, a->into, &out->table, err);
    wf_crf_free(c);
    wf_crf_classes_free(made);
    wf_gguf_close(g);
    wf_lens_close(lens);
    wf_crf_texts_deinit(&texts);
    return rc;
}

int wf_train_crf(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train crf CONF --into LENS.gguf [--classes LIST] [--data FOLDER] [--bytes "
        "N]\n\n"
        "Learns what words, their letters and their neighbours say of entities, from the texts\n"
        "of CONF's section [task entity], and adds it to LENS.gguf in place of what it has. How\n"
        "much that counts beside the encoder is chosen on the texts that are kept aside.\n"
        "--classes: a list of sources (train/corpus.conf) that shows which words are alike;\n"
        "--data: the folder of CONF's sources (../shared/data); --bytes: what it may take, about\n"
        "(900000).");
    struct asked a = {.data = "../shared/data", .bytes = BYTES_USUAL};
    const struct wf_option options[] = {
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &a.into},
        {.name = "classes", .kind = WF_OPTION_TEXT, .out = &a.classes},
        {.name = "data", .kind = WF_OPTION_TEXT, .out = &a.data},
        {.name = "bytes", .kind = WF_OPTION_NUMBER, .out = &a.bytes, .min = 1, .max = BYTES_MOST},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    struct made m = {0};
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || a.into == NULL)
        return wf_cli_usage(usage);
    a.conf = cli->args[0];
    if (make(&a, &m, &err) != 0)
        return wf_cli_fail(cli, &err);
    return tell(cli, a.into, &m);
}
