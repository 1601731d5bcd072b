/* SPDX-License-Identifier: Apache-2.0 */
/* Texts out of a source's files. What the fields say is looked up anew for each line: parsing JSON
 * takes far longer. A text's hash is remembered, so that the same paragraph under ten questions, or
 * the same sentence with ten translations, is seen once. */
#include <jansson.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "train/corpus.h"
#include "train/data_tagged.h"
#include "train/lines.h"
#include "train/split.h"

/* Hashes of texts, open addressing; 0 marks a free slot (a text of hash 0 is never skipped). */
struct seen {
    uint64_t *slots;
    size_t n_slots, n;
};

struct read {
    const struct wf_corpus_source *source;
    struct wf_lines *lines;
    wf_corpus_fn fn;
    void *ud;
    struct seen seen;
    struct wf_buf text;
    struct wf_str key, language; /* of the line */
    struct wf_err *err;
};

static int seen_grow(struct seen *s)
{
    size_t n = s->n_slots > 0 ? 2 * s->n_slots : 1024;
    uint64_t *slots = wf_alloc_array(n, sizeof(*slots));

    if (slots == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < s->n_slots; i++) {
        uint64_t h = s->slots[i];
        size_t at = h & (n - 1);
        while (h != 0 && slots[at] != 0)
            at = (at + 1) & (n - 1);
        if (h != 0)
            slots[at] = h;
    }
    wf_free(s->slots);
    s->slots = slots;
    s->n_slots = n;
    return 0;
}

static int seen_add(struct seen *s, uint64_t h, bool *out_is_new)
{
    *out_is_new = true;
    if (2 * s->n >= s->n_slots && seen_grow(s) != 0)
        return WF_E_NOMEM;
    for (size_t at = h & (s->n_slots - 1); h != 0; at = (at + 1) & (s->n_slots - 1)) {
        if (s->slots[at] == h) {
            *out_is_new = false;
            return 0;
        }
        if (s->slots[at] == 0) {
            s->slots[at] = h;
            s->n++;
            return 0;
        }
    }
    return 0;
}

static int no_memory(struct read *r)
{
    return wf_err_set(r->err, WF_E_NOMEM, "Not enough memory for the texts of '%.*s'.",
                      WF_STR_ARG(r->source->name));
}

static int give(struct read *r, struct wf_str text)
{
    struct wf_corpus_text t = {.text = wf_str_trim(text), .language = r->language};
    struct wf_str key = r->key.len > 0 ? r->key : t.text;
    bool is_new;

    if (t.text.len == 0)
        return 0;
    if (r->seen.n > WF_LIMIT_CORPUS_TEXTS)
        return wf_lines_fail(r->lines, WF_E_LIMIT, r->err, "too many texts in one source");
    if (seen_add(&r->seen, wf_split_hash(t.text), &is_new) != 0)
        return no_memory(r);
    if (!is_new)
        return 0;
    t.is_dev = wf_split_is_dev_of(key, r->source->dev_one_in);
    return r->fn(r->ud, &t, r->err);
}

/* ---- JSON ---- */

static struct wf_str string_of(const json_t *v)
{
    return json_is_string(v) ? wf_str_n(json_string_value(v), json_string_length(v))
                             : wf_str_n(NULL, 0);
}

/* What is found at the path "a.b" below v: each string goes to the text behind a newline, or is
 * given out. Depth is the path's. */
static int walk(struct read *r, const json_t *v, struct wf_str path, bool joins)
{
    struct wf_str name;
    int rc = 0;

    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v) && rc == 0; i++) {
            const json_t *item = json_array_get(v, i);
            if (!json_is_array(item)) /* lists of lists are no texts */
                rc = walk(r, item, path, joins);
        }
        return rc;
    }
    if (path.len == 0) {
        struct wf_str s = string_of(v);
        if (!joins)
            return give(r, s);
        if (s.len > 0 && r->text.len > 0)
            (void)wf_buf_append_byte(&r->text, '\n');
        return wf_buf_append_str(&r->text, s) == 0 ? 0 : no_memory(r);
    }
    if (!json_is_object(v) || !wf_str_split(&path, '.', &name))
        return 0;
    return walk(r, json_object_getn(v, name.ptr, name.len), path, joins);
}

/* "a", "*a", "a+b" with paths a and b. */
static int json_field(struct read *r, const json_t *v, struct wf_str field)
{
    bool joins =
        wf_str_starts(field, wf_str_from("*")) || wf_str_find_byte(field, '+', 0) < field.len;
    struct wf_str part;
    int rc = 0;

    wf_buf_reset(&r->text);
    while (rc == 0 && wf_str_split(&field, '+', &part)) {
        if (wf_str_starts(part, wf_str_from("*")))
            part = wf_str_sub(part, 1, part.len);
        rc = walk(r, v, part, joins);
    }
    return rc == 0 && joins ? give(r, wf_buf_str(&r->text)) : rc;
}

static int json_line(struct read *r, struct wf_str line)
{
    const struct wf_corpus_source *s = r->source;
    struct wf_str fields = s->fields, field;
    json_error_t why;
    json_t *v;
    int rc = 0;

    if (wf_str_trim(line).len == 0)
        return 0;
    v = json_loadb(line.ptr, line.len, 0, &why);
    if (!json_is_object(v)) {
        json_decref(v);
        return wf_lines_fail(r->lines, WF_E_FORMAT, r->err, "no JSON object (%s)",
                             v == NULL ? why.text : "something else");
    }
    r->key = string_of(json_object_getn(v, s->key.ptr, s->key.len));
    if (wf_str_starts(s->language, wf_str_from("@")))
        r->language = string_of(json_object_getn(v, s->language.ptr + 1, s->language.len - 1));
    while (rc == 0 && wf_str_split(&fields, ',', &field))
        rc = json_field(r, v, field);
    json_decref(v);
    return rc;
}

/* ---- columns ---- */

/* The column "2" of a line; false: the number is none, or the line has fewer. */
static bool column_of(struct wf_str line, struct wf_str number, struct wf_str *out)
{
    uint64_t n;

    if (!wf_str_to_u64(number, &n) || n == 0)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        if (!wf_str_split(&line, '\t', out))
            return false;
    }
    return true;
}

static int tsv_line(struct read *r, struct wf_str line)
{
    const struct wf_corpus_source *s = r->source;
    struct wf_str fields = s->fields, field, text;
    int rc = 0;

    if (line.len == 0 || (s->has_header && wf_lines_number(r->lines) == 1))
        return 0;
    if (s->key.len > 0 && !column_of(line, s->key, &r->key))
        return wf_lines_fail(r->lines, WF_E_FORMAT, r->err, "no column %.*s", WF_STR_ARG(s->key));
    if (wf_str_starts(s->language, wf_str_from("@")) &&
        !column_of(line, wf_str_sub(s->language, 1, s->language.len), &r->language))
        return wf_lines_fail(r->lines, WF_E_FORMAT, r->err, "no column %.*s for the language",
                             WF_STR_ARG(s->language));
    while (rc == 0 && wf_str_split(&fields, ',', &field)) {
        if (!column_of(line, field, &text))
            return wf_lines_fail(r->lines, WF_E_FORMAT, r->err, "no column %.*s",
                                 WF_STR_ARG(field));
        rc = give(r, text);
    }
    return rc;
}

/* ---- paragraphs ---- */

static int plain_line(struct read *r, struct wf_str line)
{
    int rc = 0;

    if (wf_str_trim(line).len > 0) {
        if (r->text.len > 0)
            (void)wf_buf_append_byte(&r->text, '\n');
        return wf_buf_append_str(&r->text, line) == 0 ? 0 : no_memory(r);
    }
    rc = give(r, wf_buf_str(&r->text));
    wf_buf_reset(&r->text);
    return rc;
}

/* ---- tagged data ---- */

static int on_tagged(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct read *r = ud;

    (void)err; /* the same as r's */
    r->key = t->key;
    return give(r, t->text);
}

static int tagged_lines(struct read *r, enum wf_data_form form)
{
    struct wf_data_tagged_options o = {.form = form, .is_natural = true};

    return wf_data_tagged_read_lines(r->lines, &o, on_tagged, r, r->err);
}

/* Calls fn for each line. */
static int each_line(struct read *r, int (*fn)(struct read *r, struct wf_str line))
{
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_next(r->lines, &line, &is_end, r->err);

    while (rc == 0 && !is_end) {
        rc = fn(r, line);
        if (rc == 0)
            rc = wf_lines_next(r->lines, &line, &is_end, r->err);
    }
    return rc;
}

static int read_texts(struct read *r)
{
    int rc;

    switch (r->source->reader) {
    case WF_CORPUS_JSON:
        return each_line(r, json_line);
    case WF_CORPUS_TSV:
        return each_line(r, tsv_line);
    case WF_CORPUS_CONLL:
        return tagged_lines(r, WF_DATA_CONLL);
    case WF_CORPUS_IOB2:
        return tagged_lines(r, WF_DATA_IOB2);
    case WF_CORPUS_CONLLU:
        return tagged_lines(r, WF_DATA_CONLLU);
    case WF_CORPUS_ADDRESS:
        return tagged_lines(r, WF_DATA_ADDRESS);
    case WF_CORPUS_PRESIDIO:
        return tagged_lines(r, WF_DATA_PRESIDIO);
    case WF_CORPUS_PLAIN:
        break;
    }
    rc = each_line(r, plain_line);
    return rc == 0 ? give(r, wf_buf_str(&r->text)) : rc;
}

/* Reads what r->lines has, and closes it. */
static int read_lines(struct read *r)
{
    int rc;

    wf_buf_reset(&r->text);
    rc = read_texts(r);
    wf_lines_close(r->lines);
    r->lines = NULL;
    return rc;
}

static void begin(struct read *r, const struct wf_corpus_source *s)
{
    r->source = s;
    r->language = s->language;
    wf_buf_init(&r->text, WF_LIMIT_CORPUS_LINE_BYTES);
}

static void end(struct read *r)
{
    wf_free(r->seen.slots);
    wf_buf_deinit(&r->text);
}

int wf_corpus_read(const struct wf_corpus_source *s, wf_corpus_fn fn, void *ud, struct wf_err *err)
{
    struct read r = {.fn = fn, .ud = ud, .err = err};
    int rc = 0;

    begin(&r, s);
    for (size_t i = 0; i < s->n_files && rc == 0; i++) {
        rc = wf_lines_open(s->files[i], &r.lines, err);
        if (rc == 0)
            rc = read_lines(&r);
    }
    end(&r);
    return rc;
}

int wf_corpus_read_bytes(const struct wf_corpus_source *s, const char *name, struct wf_str bytes,
                         wf_corpus_fn fn, void *ud, struct wf_err *err)
{
    struct read r = {.fn = fn, .ud = ud, .err = err};
    int rc;

    begin(&r, s);
    rc = wf_lines_open_bytes(name, bytes, &r.lines, err);
    if (rc == 0)
        rc = read_lines(&r);
    end(&r);
    return rc;
}
