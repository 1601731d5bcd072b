/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's texts, its table, and the file. */
#include "train/salience_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/gguf_write.h"
#include "os/file.h"
#include "text/sentence.h"
#include "train/split.h"

#define SENTENCES_MAX 8000u /* of one text */
#define ENTRIES_MAX (1u << 20)
#define LIST_BYTES_MAX (64u << 10)
#define QUESTIONS_ONE_IN 3 /* that teach: a meeting has a dozen, and all of its words each time */

static const char *const own[] = {"lens.salience.fit", "lens.salience.words.", NULL};

/* What choosing is done with, beside what is learned: set on the texts that teach, with the table
 * learned on them; each lies on a plateau. The encoder's weight is chosen from a few. */
static const struct wf_salience_fit choosing[2] = {
    {.words = 14, .shape = 0.9f, .price = 0.1f, .length = 0.35f, .region = 0.97f}, /* of all */
    {.words = 14, .shape = 0.9f, .price = 0.1f, .length = 0.3f, .region = 0.75f},  /* about */
};
static const float encoder_weights[] = {0, 0.05f, 0.1f, 0.2f, 0.3f, 0.45f};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn salience.");
}

int wf_salience_trainer_new(struct wf_salience_trainer **out, struct wf_err *err)
{
    struct wf_salience_trainer *t = wf_alloc_array(1, sizeof(*t));

    if (t == NULL)
        return no_memory(err);
    wf_map_init(&t->index, ENTRIES_MAX);
    memcpy(t->fit, choosing, sizeof(t->fit));
    *out = t;
    return 0;
}

static void example_deinit(struct wf_salience_example *x)
{
    wf_salience_text_deinit(&x->text);
    for (size_t i = 0; i < x->n_refs; i++)
        wf_free(x->refs[i].words);
    wf_free(x->table);
    wf_free(x->logits);
}

void wf_salience_trainer_free(struct wf_salience_trainer *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        example_deinit(&t->examples[i]);
    wf_map_deinit(&t->index);
    wf_free(t->examples);
    wf_free(t->entries);
    wf_free(t->table._owned);
    wf_free(t->last_logits);
    wf_free(t);
}

void wf_salience_trainer_encoder(struct wf_salience_trainer *t, wf_salience_logits_fn fn, void *ud)
{
    t->logits = fn;
    t->logits_ud = ud;
}

/* ---- reading ---- */

/* The trainer's words of a text. */
static int find_entries(struct wf_salience_trainer *t, struct wf_salience_example *x)
{
    x->table = wf_alloc_array(x->text.n_words + 1, sizeof(*x->table));
    if (x->table == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < x->text.n_words; i++) {
        uint32_t hash = x->text.words[i].hash;
        struct wf_str key = wf_str_n((const char *)&hash, sizeof(hash));
        bool is_new = false;
        union wf_map_value *v = wf_map_put(&t->index, key, &is_new);
        if (v == NULL)
            return WF_E_NOMEM;
        if (is_new && t->n_entries == t->entries_cap) {
            size_t cap = t->entries_cap > 0 ? 2 * t->entries_cap : 4096;
            struct wf_salience_entry *p = wf_realloc_array(t->entries, cap, sizeof(*p));
            if (p == NULL)
                return WF_E_NOMEM;
            t->entries = p;
            t->entries_cap = cap;
        }
        if (is_new) {
            v->u64 = t->n_entries;
            t->entries[t->n_entries++] = (struct wf_salience_entry){.hash = hash};
        }
        x->table[i] = (uint32_t)v->u64;
        t->entries[v->u64].n_texts += !x->is_dev;
    }
    return 0;
}

struct referring {
    const struct wf_salience_example *x;
    struct wf_salience_reference *ref;
    size_t cap;
    int rc;
};

static void refer(void *ud, uint32_t hash)
{
    struct referring *r = ud;
    size_t i = wf_salience_text_find(&r->x->text, hash);

    if (r->ref->n == r->cap && r->rc == 0) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 128;
        uint32_t *p = wf_realloc_array(r->ref->words, cap, sizeof(*p));
        if (p == NULL) {
            r->rc = WF_E_NOMEM;
            return;
        }
        r->ref->words = p;
        r->cap = cap;
    }
    if (r->rc == 0)
        r->ref->words[r->ref->n++] = i < r->x->text.n_words ? (uint32_t)i : UINT32_MAX;
}

static size_t cut(struct wf_str text, struct wf_sentence *out, size_t n_max)
{
    size_t at = 0, n = 0;
    struct wf_sentence s;

    while (n < n_max && wf_sentence_next(text, &at, &s)) {
        if (out != NULL)
            out[n] = s;
        n++;
    }
    return n;
}

static int add_references(struct wf_salience_example *x, const struct wf_data_summary *q)
{
    for (size_t i = 0; i < q->n_references; i++) {
        struct referring r = {x, &x->refs[x->n_refs], 0, 0};
        if (q->references[i].len == 0)
            continue;
        x->n_refs++;
        wf_salience_each_word(q->references[i], refer, &r);
        if (r.rc != 0)
            return r.rc;
        r.ref->n_sentences = (uint32_t)cut(q->references[i], NULL, SENTENCES_MAX);
        if (r.ref->n == 0) {
            wf_free(r.ref->words);
            *r.ref = (struct wf_salience_reference){.n = 0};
            x->n_refs--;
        }
    }
    return 0;
}

/* One text has several questions, one after the other. */
static int add_logits(struct wf_salience_trainer *t, struct wf_salience_example *x,
                      struct wf_str text, const struct wf_str *sentences, struct wf_err *err)
{
    uint64_t key = wf_str_hash(text, 11);
    int rc = 0;

    x->logits = wf_alloc_array(x->text.n + 1, sizeof(*x->logits));
    if (x->logits == NULL)
        return no_memory(err);
    if (key != t->last_key || t->last_n != x->text.n) {
        wf_free(t->last_logits);
        t->last_logits = wf_alloc_array(x->text.n + 1, sizeof(*t->last_logits));
        if (t->last_logits == NULL)
            return no_memory(err);
        rc = t->logits(t->logits_ud, sentences, x->text.n, t->last_logits, err);
        t->last_key = rc == 0 ? key : 0;
        t->last_n = x->text.n;
    }
    if (rc == 0)
        memcpy(x->logits, t->last_logits, x->text.n * sizeof(*x->logits));
    return rc;
}

static int read_example(struct wf_salience_trainer *t, struct wf_salience_example *x,
                        const struct wf_data_summary *q, struct wf_str question, struct wf_err *err)
{
    struct wf_sentence *s = wf_alloc_array(SENTENCES_MAX, sizeof(*s));
    struct wf_str *sentences = wf_alloc_array(SENTENCES_MAX, sizeof(*sentences));
    size_t n;
    int rc = s == NULL || sentences == NULL ? no_memory(err) : 0;

    if (rc == 0) {
        n = cut(q->document, s, SENTENCES_MAX);
        for (size_t i = 0; i < n; i++)
            sentences[i] = wf_str_sub(q->document, s[i].start, s[i].end);
        rc = wf_salience_text_init(&x->text, sentences, n, question, err);
    }
    if (rc == 0 && x->is_dev && t->logits != NULL)
        rc = add_logits(t, x, q->document, sentences, err);
    if (rc == 0 && (add_references(x, q) != 0 || find_entries(t, x) != 0))
        rc = no_memory(err);
    wf_free(s);
    wf_free(sentences);
    return rc;
}

static int take(void *ud, const struct wf_data_summary *q, struct wf_err *err)
{
    struct wf_salience_trainer *t = ud;
    uint64_t hash = wf_split_hash(q->key);
    struct wf_salience_example x = {
        .weight = t->weight, .is_dev = wf_split_is_dev(q->key), .half = hash >> 8 & 1};
    struct wf_str question = q->query;
    int rc;

    /* SQuALITY asks for the whole story in words. */
    if (wf_str_eq(question, WF_STR("What is the plot of the story?")))
        question = WF_STR("");
    if (q->document.len == 0 ||
        (question.len > 0 && !x.is_dev && (wf_split_hash(question) >> 20) % QUESTIONS_ONE_IN != 0))
        return 0;
    if (t->n == t->cap) {
        size_t cap = t->cap > 0 ? 2 * t->cap : 256;
        struct wf_salience_example *p = wf_realloc_array(t->examples, cap, sizeof(*p));
        if (p == NULL)
            return no_memory(err);
        t->examples = p;
        t->cap = cap;
    }
    rc = read_example(t, &x, q, question, err);
    if (rc != 0 || x.n_refs == 0 || x.text.n == 0)
        example_deinit(&x);
    else
        t->examples[t->n++] = x;
    return rc;
}

/* "PATH WEIGHT" in a folder. */
static int add_line(struct wf_salience_trainer *t, struct wf_str dir, struct wf_str line,
                    struct wf_err *err)
{
    struct wf_str rest = line, name;
    uint64_t hundredths = 0;
    char path[WF_LIMIT_PATH_BYTES];
    int n;

    (void)wf_str_split(&rest, ' ', &name);
    if (!wf_str_to_u64(wf_str_trim(rest), &hundredths) || hundredths > 10000)
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATH WEIGHT.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    n = snprintf(path, sizeof(path), "%.*s%s%.*s", WF_STR_ARG(dir), dir.len > 0 ? "/" : "",
                 WF_STR_ARG(name));
    if (n < 0 || (size_t)n >= sizeof(path))
        return wf_err_set(err, WF_E_LIMIT, "The path of a source is too long.");
    t->weight = (double)hundredths / 100;
    return wf_data_summaries_read(path, take, t, err);
}

int wf_salience_trainer_add_list(struct wf_salience_trainer *t, const char *list,
                                 struct wf_err *err)
{
    struct wf_str rest, line, dir = WF_STR("");
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, LIST_BYTES_MAX);
    rc = wf_file_read(list, &text, err);
    rest = wf_buf_str(&text);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        line = wf_str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (wf_str_starts(line, WF_STR("data=")))
            dir = wf_str_sub(line, 5, line.len);
        else
            rc = add_line(t, dir, line, err);
    }
    wf_buf_deinit(&text);
    return rc;
}

/* ---- the table ---- */

static int by_hash(const void *a, const void *b)
{
    uint32_t x = ((const struct wf_salience_entry *)a)->hash;
    uint32_t y = ((const struct wf_salience_entry *)b)->hash;

    return (x > y) - (x < y);
}

static int32_t hundredths(float weight)
{
    return (int32_t)lrintf(fmaxf(-WF_SALIENCE_WEIGHT_MAX, fminf(WF_SALIENCE_WEIGHT_MAX, weight)) *
                           100.0f);
}

/* The entries that say something, ascending, as they will be read. From now on entries are in
 * another order: examples' numbers of them are of no use. */
static int make_table(struct wf_salience_trainer *t, struct wf_err *err)
{
    struct wf_salience *s = &t->table;
    uint32_t *hashes = wf_alloc_array(t->n_entries + 1, 3 * sizeof(*hashes));
    float *all, *about;

    if (hashes == NULL)
        return no_memory(err);
    all = (float *)(void *)(hashes + t->n_entries);
    about = all + t->n_entries;
    qsort(t->entries, t->n_entries, sizeof(*t->entries), by_hash);
    for (size_t i = 0; i < t->n_entries; i++) {
        const struct wf_salience_entry *e = &t->entries[i];
        if (e->n_texts < WF_SALIENCE_TEXTS_MIN || s->n == WF_SALIENCE_WORDS_MAX)
            continue;
        hashes[s->n] = e->hash;
        all[s->n] = (float)hundredths(e->weight[0]) / 100.0f;
        about[s->n++] = (float)hundredths(e->weight[1]) / 100.0f;
    }
    s->_owned = hashes;
    s->hashes = hashes;
    s->weights[0] = all;
    s->weights[1] = about;
    memcpy(s->fit, t->fit, sizeof(s->fit));
    return 0;
}

/* The best of a few weights on some of what is kept aside. */
static int choose_encoder(struct wf_salience_trainer *t, bool about, unsigned half, float *out,
                          struct wf_err *err)
{
    double best = -1;
    int rc = 0;

    *out = 0;
    for (size_t i = 0; i < WF_ARRAY_LEN(encoder_weights) && rc == 0 && t->logits != NULL; i++) {
        double x = 0;
        rc = wf_salience__measure(t, about, encoder_weights[i], half, &x, err);
        if (x > best + 0.02) { /* nothing is not worth a weight */
            best = x;
            *out = encoder_weights[i];
        }
    }
    return rc;
}

static int measure(struct wf_salience_trainer *t, bool about, struct wf_salience_table *out,
                   struct wf_err *err)
{
    double sum = 0;
    int rc = wf_salience__measure(t, about, 0, 2, &out->rouge1[about], err);

    for (unsigned half = 0; half < 2 && rc == 0; half++) {
        float weight = 0;
        double x = 0;
        rc = choose_encoder(t, about, !half, &weight, err);
        if (rc == 0)
            rc = wf_salience__measure(t, about, weight, half, &x, err);
        sum += x / 2;
    }
    out->with_encoder[about] = sum;
    if (rc == 0)
        rc = choose_encoder(t, about, 2, &out->encoder[about], err);
    t->table.fit[about].encoder = out->encoder[about];
    return rc;
}

static int write_file(const struct wf_salience *s, const struct wf_gguf *into, const char *path,
                      struct wf_err *err)
{
    static const uint64_t dims[] = {WF_SALIENCE_FIT, 2};
    struct wf_gguf_writer *w = NULL;
    int rc = wf_gguf_writer_new(path, &w, err);

    if (rc != 0)
        return rc;
    if (into != NULL)
        wf_gguf_put_others(w, into, own);
    else
        wf_gguf_put_string(w, "general.architecture", WF_STR("lens"));
    wf_gguf_put_i32s(w, "lens.salience.words.hashes", s->n);
    for (size_t i = 0; i < s->n; i++)
        wf_gguf_item_put_i32(w, (int32_t)s->hashes[i]);
    wf_gguf_put_i32s(w, "lens.salience.words.weights", s->n);
    for (size_t i = 0; i < s->n; i++)
        wf_gguf_item_put_i32(w, (int32_t)((uint32_t)hundredths(s->weights[1][i]) << 16 |
                                          ((uint32_t)hundredths(s->weights[0][i]) & 0xffffu)));
    wf_gguf_put_tensor(w, wf_str_from(own[0]), wf_dtype_by_id(WF_DTYPE_F32), 2, dims);
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0 && into != NULL)
        rc = wf_gguf_write_others(w, into, own, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, s->fit, sizeof(s->fit), err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}

int wf_salience_trainer_write(struct wf_salience_trainer *t, const struct wf_gguf *into,
                              const char *path, struct wf_salience_table *out, struct wf_err *err)
{
    struct wf_salience_table made = {.n_texts = 0};
    int rc = 0;

    _Static_assert(sizeof(struct wf_salience_fit) == WF_SALIENCE_FIT * sizeof(float),
                   "the file has its numbers as they are");
    for (size_t i = 0; i < t->n; i++) {
        made.n_texts += !t->examples[i].is_dev;
        made.n_kept += t->examples[i].is_dev;
    }
    if (made.n_texts == 0)
        return wf_err_set(err, WF_E_INVAL, "There is no text with a summary to learn from.");
    rc = wf_salience__fit(t, false, err);
    if (rc == 0)
        rc = wf_salience__fit(t, true, err);
    if (rc == 0)
        rc = make_table(t, err);
    made.n_words = t->table.n;
    for (int about = 0; about < 2 && rc == 0; about++)
        rc = measure(t, about != 0, &made, err);
    if (rc == 0)
        rc = write_file(&t->table, into, path, err);
    if (rc == 0 && out != NULL)
        *out = made;
    return rc;
}
