/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a JSON value, looked at alone and together.
 *
 * Together they are read in four ways, each a text of its own whose bytes know where they stand:
 *
 * - line by line, "name: value", for words that tell what the next text is;
 * - the values without anything between, for what is cut in two, and short ones in a row;
 * - numbers and keys alone, each with its next ones, without the words between, for what is told
 *   piece by piece. Any two numbers may happen to be a third one: here only what tells by itself
 *   what it is counts (keys with a prefix, checksums of two digits), and cards beside their word.
 */
#include "op/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "op/json.h"
#include "op/picture.h"
#include "privacy/datum.h"

/* Bytes of a reading at which it is looked through; words before a piece; its letters and digits.
 */
#define READING_BYTES ((size_t)1 << 20)
#define WORDS_BEFORE 80
/* What may be cut in two between texts; a text so short may be the middle of three. */
#define BORDER_BYTES ((size_t)1024)
#define SHORT_BYTES ((size_t)64)
#define SHORT_LEAST 3
#define PIECE_LEAST 4
#define KEY_LEAST 7 /* of one without digits */
#define PIECE_MOST 4096
/* Pieces that may belong together. */
#define PIECES_MOST 3
/* Numbers shorter than this are nobody's. */
#define NUMBER_LEAST 100000
/* Numbers of an array that are the bytes of a text. */
#define BYTES_LEAST 5
/* Of a message in an array of them; its members are one deeper. */
#define MESSAGE_DEPTH 2

enum kind {
    NAME,
    VALUE,
    FRAME /* what the form of chats says, and no person: roles and types */
};

struct text {
    struct wf_text said;
    enum kind kind;
    size_t found_at;
    char number[32]; /* of a number */
};

/* A part of a reading, and where it stands in its text. */
struct segment {
    size_t at, len; /* of the reading */
    size_t i_text, offset;
};

struct reading {
    struct wf_buf text;
    struct segment *segments; /* [n] */
    size_t n, cap;
};

/* Something found by a reading. */
struct crossing {
    size_t i_text;
    struct wf_pii pii;
};

struct wf_texts {
    struct text *texts; /* [n] */
    size_t n, cap;
    json_t **inner; /* [n_inner] values of texts that are JSON */
    size_t n_inner, cap_inner;
    struct wf_pii *found;
    size_t n_found, cap_found;
    struct crossing *crossings;
    size_t n_crossings, cap_crossings;
};

struct reader {
    struct wf_texts *t;
    struct wf_labeler *l;
    struct reading reading;
    unsigned depth;
    size_t top, part;
    bool is_content; /* the member that is walked is a message's content */
    struct wf_err *err;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look through the texts.");
}

/* ---- gathering ---- */

json_t *wf_texts_inner(struct wf_str text)
{
    struct wf_str s = wf_str_trim(text);

    return s.len > 1 && (s.ptr[0] == '{' || s.ptr[0] == '[')
               ? wf_json_load(s, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL)
               : NULL;
}

bool wf_texts_counts(const json_t *number)
{
    const double v = json_number_value(number);

    return json_is_number(number) && (json_is_real(number) || v >= NUMBER_LEAST || v < 0);
}

bool wf_texts_is_bytes(const json_t *array)
{
    const size_t n = json_array_size(array);
    bool all = n >= BYTES_LEAST;

    for (size_t i = 0; all && i < n; i++) {
        const json_t *one = json_array_get(array, i);
        const json_int_t v = json_integer_value(one);
        all = json_is_integer(one) && v < 256 && (v >= ' ' || v == '\n' || v == '\r' || v == '\t');
    }
    return all;
}

static struct text *add(struct reader *r, struct wf_str s, enum kind kind)
{
    struct wf_texts *t = r->t;

    if (wf_reserve(&t->texts, &t->cap, t->n + 1, sizeof(*t->texts)) != 0)
        return NULL;
    t->texts[t->n] =
        (struct text){.said = {.text = s, .top = r->top, .part = r->part}, .kind = kind};
    return &t->texts[t->n++];
}

static int gather(struct reader *r, const json_t *v, enum kind kind);

/* Keeps a value as long as the texts; takes it. */
static int keep_value(struct reader *r, json_t *v)
{
    if (v == NULL ||
        wf_reserve(&r->t->inner, &r->t->cap_inner, r->t->n_inner + 1, sizeof(json_t *)) != 0) {
        json_decref(v);
        return WF_E_NOMEM;
    }
    r->t->inner[r->t->n_inner++] = v;
    return 0;
}

static int gather_bytes(struct reader *r, const json_t *v)
{
    json_t *text = NULL;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, SIZE_MAX);
    rc = wf_json_append(&b, v);
    if (rc == 0)
        text = wf_json_str(wf_buf_str(&b));
    wf_buf_deinit(&b);
    if (keep_value(r, text) != 0 ||
        add(r, wf_str_n(json_string_value(text), json_string_length(text)), VALUE) == NULL)
        return no_memory(r->err);
    return 0;
}

static int gather_text(struct reader *r, const json_t *v, enum kind kind)
{
    struct wf_str s = wf_str_n(json_string_value(v), json_string_length(v));
    json_t *inner = wf_texts_inner(s);

    if (inner == NULL)
        return add(r, s, kind) != NULL ? 0 : no_memory(r->err);
    if (keep_value(r, inner) != 0)
        return no_memory(r->err);
    return gather(r, inner, VALUE);
}

static int gather_number(struct reader *r, const json_t *v)
{
    struct text *t = wf_texts_counts(v) ? add(r, WF_STR(""), VALUE) : NULL;
    struct wf_buf b;

    if (!wf_texts_counts(v))
        return 0;
    wf_buf_init(&b, sizeof(t->number));
    if (t == NULL || wf_json_append(&b, v) != 0 || b.len >= sizeof(t->number)) {
        wf_buf_deinit(&b);
        return no_memory(r->err);
    }
    memcpy(t->number, b.ptr, b.len);
    t->said.text.len = b.len; /* its pointer is told by wf_texts_at: texts still move */
    wf_buf_deinit(&b);
    return 0;
}

static bool is_frame(const char *name)
{
    static const char *const frames[] = {"role", "type", "id", "tool_call_id", "model"};

    for (size_t i = 0; i < WF_ARRAY_LEN(frames); i++)
        if (strcmp(name, frames[i]) == 0)
            return true;
    return false;
}

/* A word that chats are made of, where their form has one: nobody says anything by it, though lens
 * may think so of a single word ("type"). */
static bool is_of_form(const struct text *x)
{
    struct wf_str words = WF_STR(
        "role|content|type|text|user|assistant|system|developer|tool|tool_calls|id|tool_call_id|"
        "function|name|arguments|description|refusal|reasoning_content|parameters|properties|"
        "required|object|string|strict");
    struct wf_str word;

    while (x->kind != VALUE && wf_str_split(&words, '|', &word))
        if (wf_str_eq(x->said.text, word))
            return true;
    return false;
}

static int gather_inside(struct reader *r, const json_t *v)
{
    json_t *from = (json_t *)(uintptr_t)v, *member; /* jansson walks no const objects */
    const json_t *one;
    const char *name;
    size_t i;
    int rc = 0;

    if (wf_op_is_picture(v))
        return 0;
    json_object_foreach(from, name, member)
    {
        if (add(r, wf_str_from(name), NAME) == NULL)
            return no_memory(r->err);
        if (r->depth == MESSAGE_DEPTH)
            r->is_content = strcmp(name, "content") == 0;
        rc = gather(r, member, is_frame(name) ? FRAME : VALUE);
        if (rc != 0)
            return rc;
    }
    json_array_foreach(v, i, one)
    {
        if (r->depth == 1)
            r->top = i;
        if (r->depth == MESSAGE_DEPTH + 1 && r->is_content)
            r->part = i;
        rc = gather(r, one, VALUE);
        if (rc != 0)
            return rc;
    }
    if (r->depth == MESSAGE_DEPTH + 1)
        r->part = SIZE_MAX;
    return rc;
}

static int gather(struct reader *r, const json_t *v, enum kind kind)
{
    int rc = 0;

    if (++r->depth > WF_LIMIT_NESTING)
        rc = wf_err_set(r->err, WF_E_LIMIT, "The JSON is nested too deeply.");
    else if (json_is_string(v))
        rc = gather_text(r, v, kind);
    else if (json_is_number(v))
        rc = gather_number(r, v);
    else if (wf_texts_is_bytes(v))
        rc = gather_bytes(r, v);
    else
        rc = gather_inside(r, v);
    r->depth--;
    return rc;
}

/* ---- readings ---- */

static struct wf_str text_of(const struct wf_texts *t, size_t i)
{
    const struct text *x = &t->texts[i];

    return x->said.text.len > 0 && x->number[0] != 0 ? wf_str_n(x->number, x->said.text.len)
                                                     : x->said.text;
}

/* Appends [from, to) of a text, which is a segment. */
static int put(struct reader *r, size_t i_text, size_t from, size_t to)
{
    struct reading *g = &r->reading;

    if (from == to)
        return 0;
    if (wf_reserve(&g->segments, &g->cap, g->n + 1, sizeof(*g->segments)) != 0)
        return no_memory(r->err);
    g->segments[g->n++] =
        (struct segment){.at = g->text.len, .len = to - from, .i_text = i_text, .offset = from};
    return wf_buf_append_str(&g->text, wf_str_sub(text_of(r->t, i_text), from, to));
}

static int add_crossing(struct reader *r, const struct segment *s, const struct wf_pii *p)
{
    struct wf_texts *t = r->t;
    const size_t start = WF_MAX(p->start, s->at), end = WF_MIN(p->end, s->at + s->len);

    if (wf_reserve(&t->crossings, &t->cap_crossings, t->n_crossings + 1, sizeof(*t->crossings)) !=
        0)
        return no_memory(r->err);
    t->crossings[t->n_crossings] = (struct crossing){.i_text = s->i_text, .pii = *p};
    t->crossings[t->n_crossings].pii.start = start - s->at + s->offset;
    t->crossings[t->n_crossings].pii.end = end - s->at + s->offset;
    t->n_crossings++;
    return 0;
}

typedef bool (*keep_fn)(const struct wf_pii *p);

/* Looks through what was read, and begins anew. least: segments that something must cross. */
static int look(struct reader *r, size_t least, keep_fn keep)
{
    struct reading *g = &r->reading;
    struct wf_pii_list list = {.n = 0};
    size_t first = 0;
    int rc = wf_buf_status(&g->text);

    if (rc != 0)
        return no_memory(r->err);
    if (g->text.len > 0)
        rc = wf_labeler_scan(r->l, wf_buf_str(&g->text), &list, r->err);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        const struct wf_pii *p = &list.items[i];
        size_t n = 0;
        while (first < g->n && g->segments[first].at + g->segments[first].len <= p->start)
            first++;
        while (first + n < g->n && g->segments[first + n].at < p->end)
            n++;
        for (size_t k = 0; rc == 0 && n >= least && (keep == NULL || keep(p)) && k < n; k++)
            rc = add_crossing(r, &g->segments[first + k], p);
    }
    wf_buf_reset(&g->text);
    g->n = 0;
    return rc;
}

/* "name: value" */
static int read_lines(struct reader *r)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->t->n; i++) {
        const struct text *x = &r->t->texts[i];
        const bool is_followed = i + 1 < r->t->n && r->t->texts[i + 1].kind != NAME;
        rc = put(r, i, 0, x->said.text.len);
        (void)wf_buf_append_cstr(&r->reading.text, /* asked by look */
                                 x->kind == NAME && is_followed ? ": " : "\n");
        if (rc == 0 && r->reading.text.len > READING_BYTES && x->kind != NAME)
            rc = look(r, 1, NULL);
    }
    return rc == 0 ? look(r, 1, NULL) : rc;
}

static size_t next_value(const struct wf_texts *t, size_t i)
{
    do
        i++;
    while (i < t->n && (t->texts[i].kind != VALUE || t->texts[i].said.text.len == 0));
    return i;
}

/* Appends what is near the border of a text with the next: its end, or its beginning. */
static int put_border(struct reader *r, size_t i, bool is_end)
{
    const struct wf_str s = text_of(r->t, i);
    size_t from = is_end && s.len > BORDER_BYTES ? s.len - BORDER_BYTES : 0;
    size_t to = is_end ? s.len : WF_MIN(s.len, BORDER_BYTES);

    while (from > 0 && from < s.len && ((uint8_t)s.ptr[from] & 0xc0) == 0x80)
        from++;
    while (to > 0 && to < s.len && ((uint8_t)s.ptr[to] & 0xc0) == 0x80)
        to--;
    return put(r, i, from, to);
}

/* Each value with the next one right behind it, and with the one behind that where that is short.
 */
static int read_joined(struct reader *r)
{
    const struct wf_texts *t = r->t;
    int rc = 0;

    for (size_t i = next_value(t, SIZE_MAX), k; rc == 0 && i < t->n; i = k) {
        k = next_value(t, i);
        const size_t last = k < t->n ? next_value(t, k) : t->n;
        const size_t least = k < t->n && last < t->n && text_of(t, k).len <= SHORT_BYTES ? 3 : 2;
        for (size_t n = 2; rc == 0 && k < t->n && n <= least; n++) {
            rc = put_border(r, i, true);
            if (rc == 0)
                rc = put_border(r, k, false);
            if (rc == 0 && n == 3)
                rc = put_border(r, last, false);
            (void)wf_buf_append_byte(&r->reading.text, '\n'); /* asked by look */
        }
        if (rc == 0 && r->reading.text.len > READING_BYTES)
            rc = look(r, 2, NULL);
    }
    return rc == 0 ? look(r, 2, NULL) : rc;
}

/* A part of something, not a sentence. */
static bool is_part(struct wf_str s)
{
    size_t spaces = 0;

    for (size_t i = 1; i + 1 < s.len; i++)
        spaces += s.ptr[i] == ' ';
    return s.len > 0 && s.len <= SHORT_BYTES && spaces < 2;
}

/* Short values one behind the other, three and more, are one: a number's parts in a list, a
 * character a message; behind the end of the text before. */
static int read_short(struct reader *r)
{
    const struct wf_texts *t = r->t;
    size_t before = SIZE_MAX;
    int rc = 0;

    for (size_t i = next_value(t, SIZE_MAX), k; rc == 0 && i < t->n; i = k) {
        size_t n = 0, bytes = 0, to = i;
        for (; to < t->n && is_part(text_of(t, to)) && bytes < BORDER_BYTES; n++) {
            bytes += text_of(t, to).len;
            to = next_value(t, to);
        }
        k = n > 0 ? to : next_value(t, i);
        if (n >= SHORT_LEAST) {
            if (before != SIZE_MAX) {
                rc = put_border(r, before, true);
                (void)wf_buf_append_byte(&r->reading.text, ' '); /* asked by look */
            }
            for (size_t at = i; rc == 0 && at < to; at = next_value(t, at))
                rc = put(r, at, 0, text_of(t, at).len);
            (void)wf_buf_append_byte(&r->reading.text, '\n');
        }
        before = n > 0 ? SIZE_MAX : i;
        if (rc == 0 && r->reading.text.len > READING_BYTES)
            rc = look(r, 2, NULL);
    }
    return rc == 0 ? look(r, 2, NULL) : rc;
}

/* ---- pieces ---- */

struct piece {
    size_t i_text, start, end;
};

static bool is_piece(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '+' || c == '/' || c == '=' || c == ':';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The end of a word of a piece's characters; what it has besides small letters. */
static size_t word_end(struct wf_str s, size_t i, bool *out_digits, bool *out_capitals)
{
    const size_t start = i;

    *out_digits = *out_capitals = false;
    for (; i < s.len && is_piece(s.ptr[i]); i++) {
        *out_digits = *out_digits || is_digit(s.ptr[i]);
        *out_capitals = *out_capitals || (i > start && s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
    }
    return i;
}

static bool has_digit(struct wf_str s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (is_digit(s.ptr[i]))
            return true;
    return false;
}

/* The next piece of a text: words with digits, one space between, or a long one with capitals
 * within; moves *io_i behind it. */
static bool next_piece(struct wf_str s, size_t *io_i, size_t *out_start, size_t *out_end)
{
    size_t i = *io_i;
    bool digits, capitals;

    while (i < s.len) {
        size_t end = word_end(s, i, &digits, &capitals), next = end;
        const bool is_key = capitals && !digits && end - i >= KEY_LEAST;
        *out_start = i;
        for (bool more = digits; more; next = word_end(s, end + 1, &more, &capitals)) {
            end = next;
            if (end >= s.len || s.ptr[end] != ' ')
                break;
        }
        i = end + (end < s.len);
        *out_end = end;
        while (*out_end > *out_start + 1 && strchr(".:-", s.ptr[*out_end - 1]) != NULL)
            (*out_end)--;
        if ((is_key || *out_end - *out_start >= PIECE_LEAST) &&
            *out_end - *out_start <= PIECE_MOST && (is_key || has_digit(s, *out_start, *out_end))) {
            *io_i = i;
            return true;
        }
    }
    *io_i = i;
    return false;
}

/* Pieces one behind the other without spaces, behind the words before the first. */
static int put_pieces(struct reader *r, const struct piece *p, size_t n)
{
    const struct wf_str s = text_of(r->t, p[0].i_text);
    size_t from = p[0].start > WORDS_BEFORE ? p[0].start - WORDS_BEFORE : 0;
    int rc = 0;

    while (from < p[0].start && ((uint8_t)s.ptr[from] & 0xc0) == 0x80)
        from++;
    (void)wf_buf_append_str(&r->reading.text, wf_str_sub(s, from, p[0].start)); /* asked by look */
    (void)wf_buf_append_byte(&r->reading.text, ' ');
    for (size_t k = 0; rc == 0 && k < n; k++) {
        const struct wf_str t = text_of(r->t, p[k].i_text);
        const char *dividers =
            is_digit(t.ptr[p[k].start]) && is_digit(t.ptr[p[k].end - 1]) ? " -" : " ";
        for (size_t i = p[k].start, end; rc == 0 && i < p[k].end; i = end + 1) {
            for (end = i; end < p[k].end && strchr(dividers, t.ptr[end]) == NULL;)
                end++;
            rc = put(r, p[k].i_text, i, end);
        }
    }
    (void)wf_buf_append_byte(&r->reading.text, '\n');
    return rc;
}

static bool tells_itself(const struct wf_pii *p)
{
    const enum wf_datum kind = wf_datum_of(wf_str_from(p->type));

    if (kind == WF_DATUM_CARD)
        return p->word.len > 0;
    return kind == WF_DATUM_API_KEY || kind == WF_DATUM_TOKEN || strcmp(p->type, "IBAN_CODE") == 0;
}

static int read_pieces(struct reader *r)
{
    struct piece last[PIECES_MOST];
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->t->n; i++) {
        const struct wf_str s = text_of(r->t, i);
        size_t at = 0, start, end;
        while (rc == 0 && r->t->texts[i].kind == VALUE && next_piece(s, &at, &start, &end)) {
            if (n == PIECES_MOST) {
                memmove(last, last + 1, (PIECES_MOST - 1) * sizeof(*last));
                n--;
            }
            last[n++] = (struct piece){.i_text = i, .start = start, .end = end};
            for (size_t k = 2; rc == 0 && k <= n; k++)
                rc = put_pieces(r, last + n - k, k);
            if (rc == 0 && r->reading.text.len > READING_BYTES)
                rc = look(r, 2, tells_itself);
        }
    }
    return rc == 0 ? look(r, 2, tells_itself) : rc;
}

/* ---- all of it ---- */

static int by_text(const void *a, const void *b)
{
    const struct crossing *x = a, *y = b;

    if (x->i_text != y->i_text)
        return x->i_text < y->i_text ? -1 : 1;
    return x->pii.start < y->pii.start ? -1 : x->pii.start > y->pii.start;
}

static int keep_found(struct wf_texts *t, struct text *x, const struct wf_labeled *f,
                      struct wf_err *err)
{
    const size_t n = f->n + f->n_topics;

    x->found_at = t->n_found;
    x->said.n_found = f->n;
    x->said.n_topics = f->n_topics;
    if (n == 0)
        return 0;
    if (wf_reserve(&t->found, &t->cap_found, t->n_found + n, sizeof(*t->found)) != 0)
        return no_memory(err);
    memcpy(t->found + t->n_found, f->all, n * sizeof(*f->all));
    t->n_found += n;
    return 0;
}

/* Each text alone, with what the readings found there. */
static int find_each(struct reader *r)
{
    struct wf_texts *t = r->t;
    struct wf_pii *more = wf_alloc_array(t->n_crossings + 1, sizeof(*more));
    size_t at = 0;
    int rc = more == NULL ? no_memory(r->err) : 0;

    if (t->n_crossings > 0)
        qsort(t->crossings, t->n_crossings, sizeof(*t->crossings), by_text);
    for (size_t i = 0; rc == 0 && i < t->n; i++) {
        struct wf_labeled found;
        size_t n = 0;
        for (; at < t->n_crossings && t->crossings[at].i_text == i; at++)
            more[n++] = t->crossings[at].pii;
        if (n == 0 && is_of_form(&t->texts[i]))
            continue;
        rc = wf_labeler_find_more(r->l, text_of(t, i), (struct wf_pii_list){more, n}, &found,
                                  r->err);
        if (rc == 0)
            rc = keep_found(t, &t->texts[i], &found, r->err);
    }
    wf_free(more);
    return rc;
}

int wf_texts_read(struct wf_labeler *l, const json_t *v, struct wf_texts **out, struct wf_err *err)
{
    struct reader r = {.t = wf_alloc_array(1, sizeof(*r.t)), .l = l, .part = SIZE_MAX, .err = err};
    int rc = 0;

    if (r.t == NULL)
        return no_memory(err);
    wf_buf_init(&r.reading.text, SIZE_MAX);
    rc = gather(&r, v, VALUE);
    if (rc == 0)
        rc = read_lines(&r);
    if (rc == 0)
        rc = read_joined(&r);
    if (rc == 0)
        rc = read_short(&r);
    if (rc == 0)
        rc = read_pieces(&r);
    if (rc == 0)
        rc = find_each(&r);
    wf_buf_deinit(&r.reading.text);
    wf_free(r.reading.segments);
    if (rc == 0)
        *out = r.t;
    else
        wf_texts_free(r.t);
    return rc;
}

void wf_texts_free(struct wf_texts *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n_inner; i++)
        json_decref(t->inner[i]);
    wf_free(t->inner);
    wf_free(t->texts);
    wf_free(t->found);
    wf_free(t->crossings);
    wf_free(t);
}

size_t wf_texts_n(const struct wf_texts *t)
{
    return t->n;
}

struct wf_text wf_texts_at(const struct wf_texts *t, size_t i)
{
    struct wf_text x = t->texts[i].said;

    x.text = text_of(t, i);
    x.found = x.n_found + x.n_topics > 0 ? t->found + t->texts[i].found_at : NULL;
    return x;
}

struct wf_pii_list wf_texts_between(const struct wf_texts *t, size_t from, size_t to)
{
    struct wf_pii_list list = {.n = 0};

    for (size_t i = from; i < to; i++) {
        const struct wf_text x = wf_texts_at(t, i);
        if (x.found == NULL)
            continue;
        if (list.n == 0)
            list.items = x.found; /* those of neighbours stand one behind the other */
        list.n += x.n_found + x.n_topics;
    }
    return list;
}

struct wf_pii_list wf_texts_found(const struct wf_texts *t, size_t top)
{
    struct wf_pii_list list = {.n = 0};

    for (size_t i = 0; i < t->n; i++) {
        const struct wf_text x = wf_texts_at(t, i);
        if ((top != SIZE_MAX && x.top != top) || x.found == NULL)
            continue;
        if (list.n == 0)
            list.items = x.found; /* those of the texts of one index stand one behind the other */
        list.n += x.n_found + x.n_topics;
    }
    return list;
}
