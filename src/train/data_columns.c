/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences of a token a line: the tokens are found again in the sentence's text where the file has
 * it ("# text = "), else joined. Tags of both schemes are read alike: a span goes on as long as the
 * type stays and no B- comes. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/data_tagged_internal.h"

/* Tokens of one sentence: a line without an empty one for long is no sentence. */
#define TOKENS_MAX 100000u

struct token {
    size_t from, to; /* of the forms, then of the text */
    enum wf_entity type;
    bool is_entity, begins;
};

struct sentence {
    struct token *tokens; /* wf_free */
    size_t n, cap;
    struct wf_buf forms;
    struct wf_buf raw; /* what the file says the text is */
};

static const struct {
    const char *name;
    enum wf_entity type;
} types[] = {
    {"PER", WF_ENTITY_PERSON},       {"person", WF_ENTITY_PERSON},
    {"LOC", WF_ENTITY_PLACE},        {"location", WF_ENTITY_PLACE},
    {"ORG", WF_ENTITY_ORGANISATION}, {"corporation", WF_ENTITY_ORGANISATION},
    {"group", WF_ENTITY_GROUP},      {"creative-work", WF_ENTITY_WORK},
    {"product", WF_ENTITY_PRODUCT},  {"MISC", WF_ENTITY_OTHER},
    {"OTH", WF_ENTITY_OTHER},
};

static bool read_tag(struct wf_str tag, struct token *t)
{
    struct wf_str name = wf_str_sub(tag, 2, tag.len);

    t->is_entity = false;
    if (wf_str_eq(tag, wf_str_from("O")))
        return true;
    if (!wf_str_starts(tag, wf_str_from("B-")) && !wf_str_starts(tag, wf_str_from("I-")))
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(types); i++) {
        if (wf_str_eq(name, wf_str_from(types[i].name))) {
            *t = (struct token){t->from, t->to, types[i].type, true, tag.ptr[0] == 'B'};
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

static struct wf_str form_of(const struct sentence *s, size_t i)
{
    return wf_str_n(s->forms.ptr + s->tokens[i].from, s->tokens[i].to - s->tokens[i].from);
}

/* Finds every token in the raw text, with nothing but white space between them. */
static bool find_tokens(struct sentence *s)
{
    struct wf_str raw = wf_buf_str(&s->raw);
    size_t at = 0;

    for (int moves = 0; moves < 2; moves++) { /* looks first: all or none are moved */
        at = 0;
        for (size_t i = 0; i < s->n; i++) {
            struct wf_str form = form_of(s, i);
            while (at < raw.len && (raw.ptr[at] == ' ' || raw.ptr[at] == '\t'))
                at++;
            if (moves == 0 && !wf_str_starts(wf_str_sub(raw, at, raw.len), form))
                return false;
            if (moves == 1) {
                s->tokens[i].from = at;
                s->tokens[i].to = at + form.len;
            }
            at += form.len;
        }
    }
    return true;
}

static bool is_one_of(struct wf_str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wf_str_eq_nocase(s, wf_str_from(list[i])))
            return true;
    }
    return false;
}

/* Whether people write no space between these two. */
static bool is_tight(struct wf_str left, struct wf_str right, bool in_quotes)
{
    static const char *const behind[] = {
        ".",  ",",  "!",   "?",   ";",   ":",  ")",   "]", "}",       "%",      "...",
        "'s", "'m", "'re", "'ve", "'ll", "'d", "n't", "'", "\u2019s", "\u2026", "\u201d"};
    static const char *const before[] = {"(", "[", "{", "$", "\u00a3", "\u20ac", "\u201c"};

    if (is_one_of(right, behind, WF_ARRAY_LEN(behind)) ||
        is_one_of(left, before, WF_ARRAY_LEN(before)))
        return true;
    return (wf_str_eq(left, wf_str_from("\"")) && in_quotes) ||
           (wf_str_eq(right, wf_str_from("\"")) && in_quotes);
}

static int join_tokens(struct wf_data__tagged *r, struct sentence *s)
{
    struct wf_str last = {0};
    bool in_quotes = false;

    for (size_t i = 0; i < s->n; i++) {
        struct wf_str form = form_of(s, i);
        bool tight = r->o->is_natural && is_tight(last, form, in_quotes);
        if (i > 0 && !tight)
            (void)wf_buf_append_byte(&r->text, ' ');
        if (wf_str_eq(form, wf_str_from("\"")))
            in_quotes = !in_quotes;
        s->tokens[i].from = r->text.len;
        (void)wf_buf_append_str(&r->text, form);
        s->tokens[i].to = r->text.len;
        last = form;
    }
    return wf_buf_status(&r->text);
}

/* ---- sentences ---- */

static int make_spans(struct wf_data__tagged *r, const struct sentence *s)
{
    const struct token *last = NULL;
    int rc = 0;

    r->spans.n = 0;
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct token *t = &s->tokens[i];
        if (t->is_entity && last != NULL && last->type == t->type && !t->begins)
            r->spans.ptr[r->spans.n - 1].to = t->to;
        else if (t->is_entity)
            rc = wf_data__add_span(&r->spans, (struct wf_data_span){t->from, t->to, t->type});
        last = t->is_entity ? t : NULL;
    }
    return rc;
}

static int end_sentence(struct wf_data__tagged *r, struct sentence *s)
{
    struct wf_str text;
    int rc = 0;

    wf_buf_reset(&r->text);
    if (s->n > 0 && s->raw.len > 0 && find_tokens(s)) {
        text = wf_buf_str(&s->raw);
    } else {
        rc = join_tokens(r, s);
        text = wf_buf_str(&r->text);
    }
    if (rc == 0)
        rc = make_spans(r, s);
    rc = rc != 0 ? wf_data__no_memory(r->l, r->err)
                 : wf_data__give_tagged(r, text, r->o->known, wf_str_n(NULL, 0));
    s->n = 0;
    wf_buf_reset(&s->forms);
    wf_buf_reset(&s->raw);
    return rc;
}

static int add_token(struct wf_data__tagged *r, struct sentence *s, struct wf_str form,
                     struct wf_str tag)
{
    struct token t = {.from = s->forms.len, .to = s->forms.len + form.len};

    if (!read_tag(tag, &t))
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "'%.*s' is no tag that is known",
                             WF_STR_ARG(wf_str_sub(tag, 0, 40)));
    if (form.len == 0)
        return 0; /* BTC has one such */
    if (s->n == TOKENS_MAX)
        return wf_lines_fail(r->l, WF_E_LIMIT, r->err, "a sentence of more than %u tokens",
                             TOKENS_MAX);
    if (s->n == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 64;
        struct token *p = wf_realloc_array(s->tokens, cap, sizeof(*p));
        if (p == NULL)
            return wf_data__no_memory(r->l, r->err);
        s->tokens = p;
        s->cap = cap;
    }
    if (wf_buf_append_str(&s->forms, form) != 0)
        return wf_data__no_memory(r->l, r->err);
    s->tokens[s->n++] = t;
    return 0;
}

/* "token ... tag" */
static int conll_line(struct wf_data__tagged *r, struct sentence *s, struct wf_str line)
{
    char sep = wf_str_find_byte(line, '\t', 0) < line.len ? '\t' : ' ';
    struct wf_str rest = line, form, part, tag = {0};
    size_t n = 0;

    if (wf_str_starts(line, wf_str_from("-DOCSTART-")))
        return 0;
    (void)wf_str_split(&rest, sep, &form); /* a line that is not empty has one part */
    while (wf_str_split(&rest, sep, &part)) {
        tag = part;
        n++;
    }
    if (n == 0)
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "a token without a tag");
    return add_token(r, s, form, wf_str_trim(tag));
}

/* "id token tag", "# text = ..."; ranges ("8-9") and empty nodes ("8.1") are no tokens of their
 * own. */
static int iob2_line(struct wf_data__tagged *r, struct sentence *s, struct wf_str line)
{
    struct wf_str mark = wf_str_from("# text = "), id, form, tag;

    if (line.ptr[0] == '#') {
        if (!wf_str_starts(line, mark))
            return 0;
        wf_buf_reset(&s->raw);
        return wf_buf_append_str(&s->raw, wf_str_trim(wf_str_sub(line, mark.len, line.len))) == 0
                   ? 0
                   : wf_data__no_memory(r->l, r->err);
    }
    if (!wf_str_split(&line, '\t', &id) || !wf_str_split(&line, '\t', &form) ||
        !wf_str_split(&line, '\t', &tag))
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "fewer than three columns");
    if (wf_str_find_byte(id, '-', 0) < id.len || wf_str_find_byte(id, '.', 0) < id.len)
        return 0;
    return add_token(r, s, form, r->o->form == WF_DATA_CONLLU ? wf_str_from("O") : tag);
}

int wf_data__read_columns(struct wf_data__tagged *r)
{
    struct sentence s = {0};
    struct wf_str line;
    bool is_end = false;
    int rc;

    wf_buf_init(&s.forms, WF_LIMIT_CORPUS_LINE_BYTES);
    wf_buf_init(&s.raw, WF_LIMIT_CORPUS_LINE_BYTES);
    rc = wf_lines_next(r->l, &line, &is_end, r->err);
    while (rc == 0 && !is_end) {
        if (wf_str_trim(line).len == 0)
            rc = end_sentence(r, &s);
        else if (r->o->form == WF_DATA_CONLL)
            rc = conll_line(r, &s, line);
        else
            rc = iob2_line(r, &s, line);
        if (rc == 0)
            rc = wf_lines_next(r->l, &line, &is_end, r->err);
    }
    if (rc == 0)
        rc = end_sentence(r, &s);
    wf_buf_deinit(&s.forms);
    wf_buf_deinit(&s.raw);
    wf_free(s.tokens);
    return rc;
}
