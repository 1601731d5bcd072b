/* SPDX-License-Identifier: Apache-2.0 */
/* weft train shards LIST VOCAB DIR: the texts of a list of sources as files of tokens, and a table
 * of how many there are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "cli/train.h"
#include "train/corpus_shards.h"

/* Languages that a table can have. */
#define LANGUAGES_MAX 1024

struct row {
    char name[64];
    double weight; /* per epoch */
    uint64_t n_texts, n_bytes, n_tokens;
};

struct work {
    const struct wf_corpus *corpus;
    struct wf_models_progress shown;
    struct row *languages; /* [LANGUAGES_MAX] */
    size_t n_languages;
    struct wf_map by_language;
};

static void on_text(void *ud, const struct wf_corpus_counted *t)
{
    struct work *w = ud;
    union wf_map_value *v;
    bool is_new;
    struct row *row;

    if (t->language.len >= sizeof(row->name))
        return;
    v = wf_map_put(&w->by_language, t->language, &is_new);
    if (v == NULL)
        return; /* more languages than there are: the table is for people, not for counting */
    if (is_new) {
        v->u64 = w->n_languages++;
        memcpy(w->languages[v->u64].name, t->language.ptr, t->language.len);
    }
    row = &w->languages[v->u64];
    row->n_texts++;
    row->n_bytes += t->n_bytes;
    row->n_tokens += t->n_tokens;
}

static bool on_source(void *ud, size_t i)
{
    struct work *w = ud;

    return wf_models_tell(&w->shown, i, wf_corpus_n_sources(w->corpus));
}

static void print_row(const struct row *r)
{
    char texts[32], bytes[32], tokens[32];
    double each = r->n_tokens > 0 ? (double)r->n_bytes / (double)r->n_tokens : 0.0;

    printf("%-20s %10s %10s %12s %6.2f", r->name, wf_cli_count(texts, r->n_texts),
           wf_cli_bytes(bytes, r->n_bytes), wf_cli_count(tokens, r->n_tokens), each);
    if (r->weight >= 0)
        printf(" %6.2f", r->weight);
    putchar('\n');
}

/* What a source's two files say; those that an epoch does not have are left out. */
static int read_rows(const char *dir, const struct wf_corpus_source *s, struct row out[2],
                     struct wf_err *err)
{
    struct wf_buf path;
    int rc = 0;

    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    for (int dev = 0; dev < 2 && rc == 0; dev++) {
        struct wf_shard *shard = NULL;
        rc = wf_corpus_shard_path(s, dir, dev == 1, &path, err);
        if (rc == 0)
            rc = wf_shard_open(path.ptr, &shard, err);
        if (rc == 0) {
            const struct wf_shard_head *h = wf_shard_head(shard);
            out[dev] = (struct row){.weight = s->epoch_hundredths / 100.0,
                                    .n_texts = h->n_texts,
                                    .n_bytes = h->n_bytes,
                                    .n_tokens = h->n_tokens};
            (void)snprintf(out[dev].name, sizeof(out[dev].name), "%.*s", WF_STR_ARG(s->name));
        }
        wf_shard_close(shard);
    }
    wf_buf_deinit(&path);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void print_languages(struct work *w)
{
    if (w->n_languages == 0)
        return;
    qsort(w->languages, w->n_languages, sizeof(*w->languages), by_name);
    printf("\n%-20s %10s %10s %12s %6s\n", _("language"), _("texts"), _("bytes"), _("tokens"),
           _("each"));
    for (size_t i = 0; i < w->n_languages; i++) {
        w->languages[i].weight = -1;
        print_row(&w->languages[i]);
    }
}

static int report(const struct wf_cli *cli, struct work *w, struct wf_err *err)
{
    struct row total = {.name = "", .weight = -1}, rows[2] = {0};
    double epoch = 0.0;
    uint64_t n_dev = 0;
    char count[32];

    if (!cli->json)
        printf("%-20s %10s %10s %12s %6s %6s\n", _("source"), _("texts"), _("bytes"), _("tokens"),
               _("each"), _("epoch"));
    for (size_t i = 0; i < wf_corpus_n_sources(w->corpus); i++) {
        const struct wf_corpus_source *s = wf_corpus_source(w->corpus, i);
        int rc = s->epoch_hundredths > 0 ? read_rows(cli->args[2], s, rows, err) : 0;
        if (rc != 0)
            return rc;
        if (s->epoch_hundredths == 0)
            continue;
        if (!cli->json)
            print_row(&rows[0]);
        total.n_texts += rows[0].n_texts;
        total.n_bytes += rows[0].n_bytes;
        total.n_tokens += rows[0].n_tokens;
        n_dev += rows[1].n_tokens;
        epoch += rows[0].weight * (double)rows[0].n_tokens;
    }
    if (cli->json) {
        json_t *v =
            json_pack("{s:I, s:I, s:I, s:I, s:f}", "texts", (json_int_t)total.n_texts, "bytes",
                      (json_int_t)total.n_bytes, "tokens", (json_int_t)total.n_tokens, "dev_tokens",
                      (json_int_t)n_dev, "epoch_tokens", epoch);
        if (v != NULL)
            wf_cli_print_json(v);
        json_decref(v);
        return 0;
    }
    print_row(&total);
    print_languages(w);
    printf(_("\nAn epoch has %s tokens"), wf_cli_count(count, (uint64_t)epoch));
    printf(_("; %s are kept aside.\n"), wf_cli_count(count, n_dev));
    return 0;
}

int wf_train_shards(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train shards LIST VOCAB.gguf FOLDER [--again] [--threads N]\n\n"
        "Writes the texts of the sources in LIST (see train/corpus.conf) as files of tokens into\n"
        "FOLDER, and prints how many each source has. Files that are up to date stay; --again\n"
        "makes all of them anew, and counts each language too.");
    bool again = false;
    int64_t n_threads = 0;
    const struct wf_option options[] = {
        {.name = "again", .kind = WF_OPTION_FLAG, .out = &again},
        {"threads", 't', WF_OPTION_NUMBER, &n_threads, 1, 256},
        {0},
    };
    struct work w = {.shown = {_("writing tokens"), -1}};
    struct wf_corpus *c = NULL;
    struct wf_gguf *g = NULL;
    struct wf_vocab *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 3)
        return wf_cli_usage(usage);
    struct wf_corpus_prepare_options o = {.n_threads = (size_t)n_threads,
                                          .again = again,
                                          .on_text = on_text,
                                          .tell = on_source,
                                          .ud = &w};
    wf_map_init(&w.by_language, LANGUAGES_MAX);
    w.languages = wf_alloc_array(LANGUAGES_MAX, sizeof(*w.languages));
    rc = w.languages != NULL ? wf_corpus_open(cli->args[0], &c, &err)
                             : wf_err_set(&err, WF_E_NOMEM, _("Not enough memory for a table."));
    w.corpus = c;
    if (rc == 0)
        rc = wf_gguf_open(cli->args[1], &g, &err);
    if (rc == 0)
        rc = wf_vocab_open(g, &v, &err);
    if (rc == 0) {
        rc = wf_corpus_prepare(c, v, cli->args[2], &o, &err);
        wf_models_told(&w.shown);
    }
    if (rc == 0)
        rc = report(cli, &w, &err);
    wf_vocab_close(v);
    wf_gguf_close(g);
    wf_corpus_free(c);
    wf_map_deinit(&w.by_language);
    wf_free(w.languages);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
