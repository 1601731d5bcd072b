/* SPDX-License-Identifier: Apache-2.0 */
/* Views: the hidden parts that hidden.c finds, undone, with the text around them.
 *
 * Between two hidden parts that lie far apart only what is near each is copied, so that a long text
 * with one hidden part has a short view. */
#include "privacy/view.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "privacy/hidden_internal.h"

/* Bytes of the text around a hidden part: words near, and numbers of which only a part hides. */
#define BEFORE 100
#define BEHIND 60
#define WORD 64
#define RUN 4096

void wf_view_init(struct wf_view *v)
{
    *v = (struct wf_view){.cap = 0};
    wf_buf_init(&v->text, (size_t)2 * WF_LIMIT_DETECT_BYTES);
}

void wf_view_deinit(struct wf_view *v)
{
    wf_buf_deinit(&v->text);
    wf_free(v->start);
    wf_free(v->end);
    wf_free(v->how);
    wf_free(v->blocks);
    wf_view_init(v);
}

const char *wf_hiding_name(enum wf_hiding h)
{
    switch (h) {
    case WF_HIDING_INVISIBLE:
        return "invisible characters";
    case WF_HIDING_LIKENESS:
        return "look-alike characters";
    case WF_HIDING_SPACED:
        return "spaced characters";
    case WF_HIDING_BASE64:
        return "base64";
    case WF_HIDING_HEX:
        return "hexadecimal";
    case WF_HIDING_URL:
        return "URL encoding";
    case WF_HIDING_JSON:
        return "JSON escapes";
    case WF_HIDING_HTML:
        return "HTML entities";
    case WF_HIDING_MAIL:
        return "quoted-printable";
    case WF_HIDING_BASE32:
        return "base32";
    case WF_HIDING_CODES:
        return "codes of characters";
    case WF_HIDING_MORSE:
        return "Morse code";
    case WF_HIDING_BASE58:
        return "base58";
    case WF_HIDING_BASE85:
        return "base85";
    case WF_HIDING_BRAILLE:
        return "Braille";
    case WF_HIDING_TURNED:
        return "turned text";
    case WF_HIDING_JOINED:
    case WF_HIDING_PARTED:
        return "parts put together";
    case WF_HIDING_SPELLED:
        return "words for digits";
    case WF_HIDING_REVERSED:
        return "written backwards";
    case WF_HIDING_ROTATED:
        return "rotated letters";
    case WF_HIDING_LETTERS:
        return "letters for digits";
    case WF_HIDING_NONE:
    case WF_HIDING_COUNT:
        break;
    }
    return NULL;
}

struct maker {
    struct wf_view *v;
    struct wf_str text;
    const struct wf_view *below;
    enum wf_hiding unseen; /* what stood here and is nothing */
};

/* Room for the maps of the bytes that were appended since `from`. */
static int grow(struct wf_view *v)
{
    size_t cap = v->cap == 0 ? 1024 : v->cap;

    while (cap < v->text.len)
        cap *= 2;
    if (cap == v->cap)
        return 0;
    uint32_t *start = wf_realloc_array(v->start, cap, sizeof(*start));
    if (start != NULL)
        v->start = start;
    uint32_t *end = wf_realloc_array(v->end, cap, sizeof(*end));
    if (end != NULL)
        v->end = end;
    uint8_t *how = wf_realloc_array(v->how, cap, sizeof(*how));
    if (how != NULL)
        v->how = how;
    if (start == NULL || end == NULL || how == NULL)
        return WF_E_NOMEM;
    v->cap = cap;
    return 0;
}

/* Says of the bytes appended since `from` that they came from [at, at + len), each from its own
 * byte where `each`. */
static int map(struct maker *m, size_t from, size_t at, size_t len, bool each, enum wf_hiding how)
{
    struct wf_view *v = m->v;
    int rc = wf_buf_status(&v->text);

    if (rc == 0)
        rc = grow(v);
    for (size_t i = from; rc == 0 && i < v->text.len; i++) {
        const size_t first = each ? at + (i - from) : at;
        const size_t last = each ? first : at + len - 1;
        v->start[i] = m->below == NULL ? (uint32_t)first : m->below->start[first];
        v->end[i] = m->below == NULL ? (uint32_t)last + 1 : m->below->end[last];
        v->how[i] = (uint8_t)how;
        if (how == WF_HIDING_NONE && m->below != NULL)
            v->how[i] = m->below->how[first];
        if (v->how[i] == WF_HIDING_NONE)
            v->how[i] = (uint8_t)m->unseen;
        m->unseen = WF_HIDING_NONE;
    }
    return rc;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (uint8_t)c >= 0x80;
}

/* Signs of base64 and of what is escaped in URLs: a run that hides is cut nowhere. */
static bool is_run(char c)
{
    return (uint8_t)c < 0x80 && (is_word(c) || (c != '\0' && strchr("+/_=%-", c) != NULL));
}

/* Moves a cut to where it cuts no word and no character, not before `floor`. */
static size_t cut_before(struct wf_str t, size_t i, size_t floor)
{
    for (size_t n = 0; i > floor && n < WORD && is_word(t.ptr[i - 1]); n++)
        i--;
    for (size_t n = 0;
         i > floor && n < RUN && i < t.len && is_run(t.ptr[i - 1]) && is_run(t.ptr[i]); n++)
        i--;
    while (i > 0 && i < t.len && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i--;
    return i;
}

static size_t cut_behind(struct wf_str t, size_t i)
{
    for (size_t n = 0; i < t.len && n < WORD && is_word(t.ptr[i]); n++)
        i++;
    for (size_t n = 0; i > 0 && i < t.len && n < RUN && is_run(t.ptr[i]) && is_run(t.ptr[i - 1]);
         n++)
        i++;
    while (i < t.len && ((uint8_t)t.ptr[i] & 0xc0) == 0x80)
        i++;
    return WF_MIN(i, t.len);
}

static int copy(struct maker *m, size_t from, size_t to)
{
    const size_t at = m->v->text.len;

    if (to <= from)
        return 0;
    (void)wf_buf_append_str(&m->v->text, wf_str_sub(m->text, from, to)); /* asked by map */
    return map(m, at, from, to - from, true, WF_HIDING_NONE);
}

/* An end that no form crosses. */
static int part(struct maker *m, size_t at)
{
    const size_t from = m->v->text.len;

    (void)wf_buf_append_cstr(&m->v->text, "\n\x1a\n"); /* asked by map */
    m->unseen = WF_HIDING_NONE;
    return map(m, from, at, 1, false, WF_HIDING_NONE);
}

/* The next part of the text, from *io_from on, with blocks that have something of a kind, and a
 * block before and behind. */
static bool next_window(const struct wf_view *v, struct wf_str text, unsigned loose,
                        size_t *io_from, size_t *out_to)
{
    size_t block = *io_from / WF_VIEW_BLOCK, first;

    while (block < v->n_blocks && (v->blocks[block] & loose) == 0)
        block++;
    if (block >= v->n_blocks || *io_from >= text.len)
        return false;
    first = block;
    while (block < v->n_blocks && (v->blocks[block] & loose) != 0)
        block++;
    *io_from = WF_MAX(*io_from, first > 0 ? cut_before(text, (first - 1) * WF_VIEW_BLOCK, 0) : 0);
    *out_to = cut_behind(text, WF_MIN((block + 1) * WF_VIEW_BLOCK, text.len));
    return true;
}

/* Room for the blocks of a text, empty. */
static int clear_blocks(struct wf_view *v, struct wf_str text)
{
    const size_t n = text.len / WF_VIEW_BLOCK + 1;

    if (n > v->cap_blocks) {
        uint8_t *blocks = wf_realloc_array(v->blocks, n, 1);
        if (blocks == NULL)
            return WF_E_NOMEM;
        v->blocks = blocks;
        v->cap_blocks = n;
    }
    v->n_blocks = n;
    memset(v->blocks, 0, n);
    return 0;
}

int wf_view_add(struct wf_view *v, struct wf_str bytes, size_t at, size_t len, enum wf_hiding how,
                const struct wf_view *below)
{
    struct maker m = {.v = v, .below = below};
    const size_t from = v->text.len;

    (void)wf_buf_append_str(&v->text, bytes); /* asked by map */
    return map(&m, from, at, len, bytes.len == len, how);
}

/* Undoes what hides in [from, to). *io_done: behind the last hidden part; SIZE_MAX: there was none.
 */
static int undo_between(struct maker *m, struct wf_hidden_finder *f, size_t *io_done)
{
    const struct wf_str text = m->text;
    struct wf_hidden h;
    int rc = 0;

    while (rc == 0 && (f->loose == WF_LOOSE_TOKENS ? wf_hidden__next_token(text, &f->i, &h)
                                                   : wf_hidden_next(f, &h))) {
        const size_t floor = *io_done != SIZE_MAX ? *io_done : 0;
        size_t near = h.at > BEFORE ? h.at - BEFORE : 0;
        if (near > floor)
            near = cut_before(text, near, floor);
        if (*io_done != SIZE_MAX && near > *io_done + BEHIND + WORD) {
            const size_t end = cut_behind(text, *io_done + BEHIND);
            rc = copy(m, *io_done, end);
            if (rc == 0)
                rc = part(m, end);
        } else if (*io_done != SIZE_MAX) {
            near = *io_done;
        }
        if (rc == 0)
            rc = copy(m, near, h.at);
        const size_t from = m->v->text.len;
        if (rc == 0)
            rc = wf_hidden_undo(text, &h, &m->v->text);
        if (rc == 0)
            rc = map(m, from, h.at, h.len, false, h.how);
        if (m->v->text.len == from)
            m->unseen = h.how;
        *io_done = h.at + h.len;
    }
    return rc;
}

static int make(struct wf_view *v, struct wf_str text, const struct wf_view *below, unsigned loose)
{
    struct maker m = {.v = v, .text = text, .below = below};
    struct wf_hidden_finder f = {.text = text, .loose = loose};
    size_t done = SIZE_MAX, from = 0, to = text.len;
    int rc = loose == 0 ? clear_blocks(v, text) : 0;

    f.blocks = v->blocks;
    wf_buf_reset(&v->text);
    if (rc == 0 && loose == 0)
        rc = undo_between(&m, &f, &done);
    if (rc == 0 && loose == WF_LOOSE_TOKENS)
        rc = undo_between(&m, &f, &done);
    while (rc == 0 && loose != 0 && loose != WF_LOOSE_TOKENS &&
           next_window(v, text, loose, &from, &to)) {
        f = (struct wf_hidden_finder){.text = wf_str_sub(text, 0, to),
                                      .i = from,
                                      .run = from,
                                      .floor = from,
                                      .loose = loose,
                                      .has_loose = f.has_loose,
                                      .blocks = v->blocks};
        rc = undo_between(&m, &f, &done);
        from = to;
    }
    if (rc == 0 && done != SIZE_MAX)
        rc = copy(&m, done, cut_behind(text, WF_MIN(done + BEHIND, text.len)));
    v->has_loose = f.has_loose;
    return rc;
}

int wf_view_make(struct wf_view *v, struct wf_str text, const struct wf_view *below)
{
    return make(v, text, below, 0);
}

int wf_view_make_loose(struct wf_view *v, struct wf_str text, const struct wf_view *below,
                       unsigned loose)
{
    return make(v, text, below, loose);
}
