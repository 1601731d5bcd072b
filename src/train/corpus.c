/* SPDX-License-Identifier: Apache-2.0 */
/* The list of sources: a line is a name, options with "=", and files. What a line does not say has
 * weight 1, nothing kept aside, no language. */
#include "train/corpus.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"

/* A list is written by hand. */
#define LIST_BYTES_MAX ((size_t)1 << 20)
#define WEIGHT_MAX 1000.0

struct wf_corpus {
    struct wf_corpus_source *sources;
    size_t n;
    struct wf_arena arena;
};

struct list {
    struct wf_corpus *c;
    const char *name;
    struct wf_str data;
    unsigned line;
    struct wf_err *err;
};

static int wrong(struct list *l, const char *what, struct wf_str word)
{
    return wf_err_set(l->err, WF_E_FORMAT, "%s:%u: %s '%.*s'.", l->name, l->line, what,
                      WF_STR_ARG(wf_str_sub(word, 0, 60)));
}

static int no_memory(struct list *l)
{
    return wf_err_set(l->err, WF_E_NOMEM, "Not enough memory for the list of sources.");
}

static int read_weight(struct list *l, struct wf_str value, uint32_t *out)
{
    double x;

    if (!wf_str_to_f64(value, &x) || !(x >= 0 && x <= WEIGHT_MAX))
        return wrong(l, "a weight is a number from 0 to 1000, not", value);
    *out = (uint32_t)(x * 100 + 0.5);
    return 0;
}

static int read_reader(struct list *l, struct wf_str value, struct wf_corpus_source *s)
{
    static const struct {
        const char *name;
        enum wf_corpus_reader reader;
        bool has_fields, has_header;
    } readers[] = {
        {"json", WF_CORPUS_JSON, true, false},
        {"tsv", WF_CORPUS_TSV, true, false},
        {"tsvh", WF_CORPUS_TSV, true, true},
        {"plain", WF_CORPUS_PLAIN, false, false},
        {"conll", WF_CORPUS_CONLL, false, false},
        {"iob2", WF_CORPUS_IOB2, false, false},
        {"conllu", WF_CORPUS_CONLLU, false, false},
        {"address", WF_CORPUS_ADDRESS, false, false},
        {"presidio", WF_CORPUS_PRESIDIO, false, false},
    };
    size_t colon = WF_MIN(wf_str_find_byte(value, ':', 0), value.len);
    struct wf_str name = wf_str_sub(value, 0, colon);

    for (size_t i = 0; i < WF_ARRAY_LEN(readers); i++) {
        if (!wf_str_eq(name, wf_str_from(readers[i].name)))
            continue;
        s->reader = readers[i].reader;
        s->has_header = readers[i].has_header;
        s->fields = wf_str_sub(value, colon + 1, value.len);
        if (readers[i].has_fields != (s->fields.len > 0))
            return wrong(l, "this reader wants fields or has none:", value);
        return 0;
    }
    return wrong(l, "there is no reader", name);
}

static int read_option(struct list *l, struct wf_str word, size_t equals,
                       struct wf_corpus_source *s)
{
    struct wf_str key = wf_str_sub(word, 0, equals), value = wf_str_sub(word, equals + 1, word.len);
    uint64_t n;

    if (wf_str_eq(key, wf_str_from("read")))
        return read_reader(l, value, s);
    if (wf_str_eq(key, wf_str_from("vocab")))
        return read_weight(l, value, &s->vocab_hundredths);
    if (wf_str_eq(key, wf_str_from("epoch")))
        return read_weight(l, value, &s->epoch_hundredths);
    if (wf_str_eq(key, wf_str_from("lang"))) {
        s->language = value;
        return 0;
    }
    if (wf_str_eq(key, wf_str_from("key"))) {
        s->key = value;
        return 0;
    }
    if (!wf_str_eq(key, wf_str_from("dev")))
        return wrong(l, "there is no option", key);
    if (!wf_str_to_u64(value, &n) || n > UINT32_MAX)
        return wrong(l, "dev= takes a whole number, not", value);
    s->dev_one_in = (uint32_t)n;
    return 0;
}

static int add_file(struct list *l, struct wf_str word, struct wf_corpus_source *s)
{
    bool is_whole = l->data.len == 0 || wf_str_starts(word, wf_str_from("/"));

    if (s->n_files == WF_LIMIT_CORPUS_FILES)
        return wf_err_set(l->err, WF_E_LIMIT, "%s:%u: a source has at most %u files.", l->name,
                          l->line, WF_LIMIT_CORPUS_FILES);
    s->files[s->n_files] = is_whole ? wf_arena_cstr(&l->c->arena, word)
                                    : wf_arena_printf(&l->c->arena, "%.*s/%.*s",
                                                      WF_STR_ARG(l->data), WF_STR_ARG(word));
    if (s->files[s->n_files] == NULL)
        return no_memory(l);
    s->n_files++;
    return 0;
}

static bool next_word(struct wf_str *rest, struct wf_str *out)
{
    *rest = wf_str_trim(*rest);
    size_t n = 0;

    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
        n++;
    *out = wf_str_sub(*rest, 0, n);
    *rest = wf_str_sub(*rest, n, rest->len);
    return n > 0;
}

static bool has_name(const struct wf_corpus *c, struct wf_str name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (wf_str_eq(c->sources[i].name, name))
            return true;
    }
    return false;
}

/* Names become file names. */
static bool is_name(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (i > 0 && c == '-')))
            return false;
    }
    return s.len > 0 && s.len <= 60;
}

static int read_source(struct list *l, struct wf_str name, struct wf_str rest)
{
    struct wf_corpus_source s = {
        .name = name, .vocab_hundredths = 100, .epoch_hundredths = 100, .reader = WF_CORPUS_PLAIN};
    struct wf_str word;
    int rc = 0;

    if (!is_name(name))
        return wrong(l, "a source's name is of a-z, 0-9 and -, not", name);
    if (has_name(l->c, name))
        return wrong(l, "there is a source before of the name", name);
    if (l->c->n == WF_LIMIT_CORPUS_SOURCES)
        return wf_err_set(l->err, WF_E_LIMIT, "%s:%u: a list has at most %u sources.", l->name,
                          l->line, WF_LIMIT_CORPUS_SOURCES);
    s.files = wf_arena_array(&l->c->arena, WF_LIMIT_CORPUS_FILES, sizeof(*s.files));
    if (s.files == NULL)
        return no_memory(l);
    while (rc == 0 && next_word(&rest, &word)) {
        size_t equals = wf_str_find_byte(word, '=', 0);
        rc = equals < word.len ? read_option(l, word, equals, &s) : add_file(l, word, &s);
    }
    if (rc == 0 && s.n_files == 0)
        rc = wrong(l, "no files in source", name);
    if (rc == 0)
        l->c->sources[l->c->n++] = s;
    return rc;
}

static int read_line(struct list *l, struct wf_str line)
{
    struct wf_str word, data = wf_str_from("data=");

    line = wf_str_trim(wf_str_sub(line, 0, WF_MIN(wf_str_find_byte(line, '#', 0), line.len)));
    if (!next_word(&line, &word))
        return 0;
    if (!wf_str_starts(word, data))
        return read_source(l, word, line);
    l->data = wf_str_sub(word, data.len, word.len);
    return 0;
}

/* Lines that end in "\" become one with the next; a vertical tab stands for each such newline, so
 * that lines are still counted. */
static void join_lines(struct wf_str s, char *p)
{
    memcpy(p, s.ptr, s.len);
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (p[i] == '\\' && p[i + 1] == '\n')
            memcpy(p + i, " \v", 2);
    }
}

int wf_corpus_parse(const char *name, struct wf_str list, struct wf_corpus **out,
                    struct wf_err *err)
{
    struct wf_corpus *c = wf_alloc_array(1, sizeof(*c));
    struct list l = {.c = c, .name = name, .err = err};
    struct wf_str rest, line;
    char *text;
    int rc = 0;

    if (c == NULL)
        return no_memory(&l);
    wf_arena_init(&c->arena, 0, 4 * LIST_BYTES_MAX);
    c->sources = wf_arena_array(&c->arena, WF_LIMIT_CORPUS_SOURCES, sizeof(*c->sources));
    text = wf_arena_alloc(&c->arena, list.len + 1);
    if (c->sources == NULL || text == NULL) {
        rc = no_memory(&l);
    } else if (list.len > 0) {
        join_lines(list, text);
        rest = wf_str_n(text, list.len);
        while (rc == 0 && wf_str_line(&rest, &line)) {
            l.line++;
            rc = read_line(&l, line);
            for (size_t i = 0; i < line.len; i++)
                l.line += line.ptr[i] == '\v';
        }
    }
    if (rc == 0 && c->n == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s: no sources are listed.", name);
    if (rc != 0) {
        wf_corpus_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

int wf_corpus_open(const char *path, struct wf_corpus **out, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, LIST_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = wf_corpus_parse(path, wf_buf_str(&b), out, err);
    wf_buf_deinit(&b);
    return rc;
}

void wf_corpus_free(struct wf_corpus *c)
{
    if (c == NULL)
        return;
    wf_arena_deinit(&c->arena);
    wf_free(c);
}

size_t wf_corpus_n_sources(const struct wf_corpus *c)
{
    return c->n;
}

const struct wf_corpus_source *wf_corpus_source(const struct wf_corpus *c, size_t i)
{
    return &c->sources[i];
}
