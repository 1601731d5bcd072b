/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for the field: those of the task of entities (task_entity.c), whole instead of cut in
 * windows; of the copies in small letters, which the task weighs by `lower`, there are so many
 * instead. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/conf.h"
#include "train/crf.h"
#include "train/shuffle.h"
#include "train/split.h"

/* Words of all texts, at most: 700 MB of features. */
#define WORDS_MAX (4u << 20)

struct settings {
    char sources[WF_CONF_VALUE_BYTES];
    double outside, lower;
};

struct reader {
    struct wf_crf_texts *out;
    const struct wf_vocab *vocab;
    const struct wf_lens_classes *classes;
    struct settings s;
    struct wf_entity_source source;
    struct wf_ids ids, firsts;
    uint32_t *bounds;
    size_t cap_bounds;
    struct wf_buf lower;
    struct wf_crf_side *side; /* that features are listed for */
    size_t first;
    struct wf_err *err;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to learn from.");
}

/* p, grown; as it was where that fails. */
static void *grow(void *p, size_t n, size_t item_bytes, bool *io_failed)
{
    void *grown = wf_realloc_array(p, n, item_bytes);

    *io_failed |= grown == NULL;
    return grown != NULL ? grown : p;
}

static int reserve(struct wf_crf_side *s, size_t n, struct wf_err *err)
{
    size_t cap = s->cap > 0 ? s->cap : 4096;
    bool failed = false;

    while (cap < s->n + n)
        cap *= 2;
    if (cap > WORDS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There is too much text to learn from.");
    if (cap != s->cap) {
        s->features = grow(s->features, cap, WF_LENS_WORD_FEATURES * sizeof(uint32_t), &failed);
        s->tags = grow(s->tags, cap, sizeof(*s->tags), &failed);
        s->allowed = grow(s->allowed, cap, sizeof(*s->allowed), &failed);
        s->begins = grow(s->begins, cap, sizeof(*s->begins), &failed);
        s->cap = failed ? s->cap : cap;
    }
    if (s->n_texts == s->cap_texts) {
        cap = s->cap_texts > 0 ? 2 * s->cap_texts : 1024;
        s->texts = grow(s->texts, cap, sizeof(*s->texts), &failed);
        s->cap_texts = failed ? s->cap_texts : cap;
    }
    return failed ? no_memory(err) : 0;
}

/* ---- words ---- */

/* The pieces of a text, as lens cuts it. */
static int cut(struct reader *r, struct wf_str text, struct wf_lens_pieces *out)
{
    size_t n, at = 0, token = 0;
    int rc;

    r->ids.n = r->firsts.n = 0;
    rc = wf_vocab_encode_words(r->vocab, text, &r->ids, &r->firsts, r->err);
    n = r->firsts.n;
    if (rc == 0 && n + 1 > r->cap_bounds) {
        bool failed = false;
        r->bounds = grow(r->bounds, 2 * n + 2, sizeof(*r->bounds), &failed);
        r->cap_bounds = failed ? r->cap_bounds : 2 * n + 2;
        rc = failed ? no_memory(r->err) : 0;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        while (token < (size_t)r->firsts.ptr[i])
            at += wf_vocab_bytes(r->vocab, r->ids.ptr[token++]).len;
        if (at >= text.len)
            rc = wf_err_set(r->err, WF_E_FORMAT, "The vocabulary lacks some bytes.");
        r->bounds[i] = (uint32_t)at;
    }
    if (rc == 0)
        r->bounds[n] = (uint32_t)text.len;
    *out = (struct wf_lens_pieces){text, r->bounds, n};
    return rc;
}

static void take_features(void *ud, size_t i, const uint32_t features[WF_LENS_WORD_FEATURES])
{
    struct reader *r = ud;

    memcpy(r->side->features + (r->first + i) * WF_LENS_WORD_FEATURES, features,
           WF_LENS_WORD_FEATURES * sizeof(*features));
}

static void add_tags(const struct wf_data_tagged *t, const struct wf_lens_pieces *p,
                     uint64_t unknown, struct wf_crf_side *s)
{
    size_t span = 0, last = SIZE_MAX;

    for (size_t i = 0; i < p->n; i++, s->n++) {
        size_t from = p->bounds[i], to = p->bounds[i + 1];
        uint64_t allowed;
        while (from + 1 < to && (unsigned char)p->text.ptr[from] <= ' ')
            from++;
        s->begins[s->n] = (uint32_t)from;
        s->tags[s->n] = (int16_t)wf_entity_find_tag(t, from, to, unknown, &span, &last, &allowed);
        s->allowed[s->n] = s->tags[s->n] >= 0 ? 1u << s->tags[s->n] : (uint32_t)allowed;
    }
}

static int add_text(struct reader *r, const struct wf_data_tagged *t, struct wf_str text,
                    bool is_dev)
{
    struct wf_crf_side *s = &r->out->sides[is_dev];
    uint64_t unknown = wf_entity_unknown_tags(t->known), draw = wf_split_hash(text);
    struct wf_lens_pieces p;
    int rc = cut(r, text, &p);

    if (rc == 0)
        rc = p.n > 0 ? reserve(s, p.n, r->err) : 0;
    if (rc != 0 || p.n == 0)
        return rc;
    if (!is_dev && wf_draw_real(&draw) < r->s.outside)
        unknown = 1;
    s->texts[s->n_texts++] = (struct wf_crf_text){
        .first = s->n,
        .n = p.n,
        .at = s->bytes.len,
        .len = s->keeps_bytes ? text.len : 0,
        .known = t->known,
        .weight = (float)r->source.weight,
        .source = (uint16_t)(r->out->n_sources - 1),
        .is_noisy = r->source.is_noisy,
        .is_dev_file = r->source.is_dev,
    };
    if (s->keeps_bytes && wf_buf_append(&s->bytes, text.ptr, text.len) != 0)
        return no_memory(r->err);
    r->side = s;
    r->first = s->n;
    wf_lens_words_look(&p, r->classes, take_features, r);
    add_tags(t, &p, unknown, s);
    return 0;
}

static int take(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct reader *r = ud;
    bool is_dev = r->source.is_dev || wf_split_is_dev(t->key);
    uint64_t draw = wf_seed_mix(wf_split_hash(t->text), 1);
    int rc;

    r->err = err;
    if (t->text.len == 0 || (!is_dev && r->source.weight <= 0))
        return 0;
    rc = add_text(r, t, t->text, is_dev);
    if (rc != 0 || is_dev || wf_draw_real(&draw) >= r->s.lower)
        return rc;
    wf_buf_reset(&r->lower);
    for (size_t i = 0; i < t->text.len; i++) {
        char c = t->text.ptr[i];
        (void)wf_buf_append_byte(&r->lower, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    if (wf_buf_status(&r->lower) != 0)
        return no_memory(err);
    return add_text(r, t, wf_buf_str(&r->lower), false);
}

/* ---- sources ---- */

static int read_source(struct reader *r, const char *data_dir, struct wf_str line,
                       struct wf_err *err)
{
    struct wf_crf_texts *out = r->out;
    struct wf_buf path;
    int rc = wf_entity_source_parse(line, &r->source, err);

    if (rc != 0)
        return rc;
    if (out->n_sources == WF_CRF_SOURCES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are more than %u sources of entities.",
                          WF_CRF_SOURCES_MAX);
    out->sources[out->n_sources] = wf_memdup0(r->source.path.ptr, r->source.path.len);
    if (out->sources[out->n_sources] == NULL)
        return no_memory(err);
    out->n_sources++;
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    (void)wf_buf_appendf(&path, "%s/%.*s", data_dir, WF_STR_ARG(r->source.path));
    rc = wf_buf_status(&path) != 0 ? no_memory(err)
                                   : wf_data_tagged_read(path.ptr, &r->source.form, take, r, err);
    wf_buf_deinit(&path);
    return rc;
}

static int read_sources(struct reader *r, const char *data_dir, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(r->s.sources), part;
    int rc = 0;

    wf_buf_init(&r->lower, WF_LIMIT_CORPUS_LINE_BYTES);
    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(r, data_dir, part, err);
    }
    if (rc == 0 && r->out->sides[0].n == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of entities hold no text to learn from.");
    wf_buf_deinit(&r->lower);
    wf_free(r->ids.ptr);
    wf_free(r->firsts.ptr);
    wf_free(r->bounds);
    return rc;
}

int wf_crf_texts_read(const char *conf, const char *data_dir, const struct wf_vocab *vocab,
                      const struct wf_lens_classes *classes, struct wf_crf_texts *out,
                      struct wf_err *err)
{
    static const struct wf_conf_option options[] = {
        {.name = "sources",
         .kind = WF_CONF_TEXT,
         .offset = offsetof(struct settings, sources),
         .text_bytes = WF_CONF_VALUE_BYTES},
        {.name = "outside",
         .kind = WF_CONF_REAL,
         .offset = offsetof(struct settings, outside),
         .fallback = "0.5",
         .max = 1},
        {.name = "lower",
         .kind = WF_CONF_REAL,
         .offset = offsetof(struct settings, lower),
         .fallback = "0.1",
         .max = 1},
        {.name = NULL},
    };
    struct reader r = {.out = out, .vocab = vocab, .classes = classes};
    struct wf_conf *c = NULL;
    int rc = wf_conf_load(conf, &c, err);

    out->sides[1].keeps_bytes = true;
    wf_buf_init(&out->sides[1].bytes, (size_t)64 << 20);
    if (rc == 0 && wf_conf_section(c, "entity") == NULL)
        rc = wf_err_set(err, WF_E_FORMAT, "%s has no section [task entity].", conf);
    if (rc == 0)
        rc = wf_conf_fill(c, wf_conf_section(c, "entity"), options, &r.s, err);
    if (rc == 0)
        rc = read_sources(&r, data_dir, err);
    wf_conf_free(c);
    return rc;
}

void wf_crf_texts_deinit(struct wf_crf_texts *t)
{
    for (size_t i = 0; i < 2; i++) {
        struct wf_crf_side *s = &t->sides[i];
        wf_free(s->features);
        wf_free(s->tags);
        wf_free(s->allowed);
        wf_free(s->begins);
        wf_free(s->texts);
        wf_buf_deinit(&s->bytes);
    }
    for (size_t i = 0; i < t->n_sources; i++)
        wf_free(t->sources[i]);
    memset(t, 0, sizeof(*t));
}
