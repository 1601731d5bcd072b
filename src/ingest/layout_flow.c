/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: the lines of one column become headings, paragraphs, items and rows.
 *
 * Whether a line goes on with the one above is told by what a typesetter does: a paragraph begins
 * behind a gap, with an indent, or behind a line that ended early, that is, where the first word of
 * the next line would still have fitted. A line that ended early without the end of a sentence is a
 * line of its own (an address, a verse, an item).
 *
 * Hyphens at the end of a line: a soft one goes. Else the word is joined without it, unless the
 * document has it with the hyphen elsewhere, or what follows begins with a capital or a digit, or
 * is an "and" ("Vor- und Nachteile"). The last word of such a line is held until the next line
 * comes, across columns and pages. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/layout_internal.h"
#include "text/utf8.h"

/* Letters this much higher than those of the body make a heading. */
#define HEADING_RATIO 1.17F
/* Words closer than this are one. */
#define TOUCH_HEIGHTS 0.06F
/* A run of more lines is text in large letters, not a heading. */
#define HEADING_LINES_MAX 4
#define HEADING_WORDS_MAX 30

/* ---- letters ---- */

static uint32_t first_cp(struct wf_str s)
{
    size_t i = 0;
    return s.len > 0 ? wf_utf8_next(s, &i) : 0;
}

static uint32_t last_cp(struct wf_str s)
{
    size_t at = s.len;
    while (at > 0 && ((unsigned char)s.ptr[at - 1] & 0xc0) == 0x80) {
        at--;
    }
    at -= at > 0;
    return at < s.len ? wf_utf8_next(s, &at) : 0;
}

/* Small letters of Latin, Greek and Cyrillic; what has no case counts as small. */
static bool is_small(uint32_t cp)
{
    if (cp < 0x80) {
        return cp >= 'a' && cp <= 'z';
    }
    if (cp >= 0xc0 && cp <= 0xde) {
        return false;
    }
    if (cp >= 0x100 && cp < 0x180) {
        return (cp & 1) != 0;
    }
    if (cp >= 0x391 && cp <= 0x3ab) {
        return false;
    }
    return (cp >= 0xdf && cp < 0x400) || (cp >= 0x430 && cp < 0x2000);
}

static bool is_letter(uint32_t cp)
{
    return (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z') || (cp >= 0xc0 && cp < 0x2000) ||
           cp >= 0x2c00;
}

/* Chinese and Japanese are written without spaces. */
static bool is_spaceless(uint32_t cp)
{
    return (cp >= 0x2e80 && cp < 0x3130) || (cp >= 0x3190 && cp < 0xa000) ||
           (cp >= 0xf900 && cp < 0xfb00) || (cp >= 0xfe30 && cp < 0xfe50) ||
           (cp >= 0xff00 && cp < 0xffa0) || (cp >= 0x20000 && cp < 0x40000);
}

static bool ends_sentence(uint32_t cp)
{
    return cp == '.' || cp == '!' || cp == '?' || cp == ':' || cp == ';' || cp == 0x2026 ||
           cp == 0x3002 || cp == 0xff01 || cp == 0xff1f || cp == 0x201d || cp == 0xbb;
}

static bool is_hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0x2010 || cp == 0xad;
}

/* ---- words seen, for hyphens ---- */

static uint32_t hash_letters(struct wf_str a, struct wf_str b, size_t *out_n)
{
    uint32_t h = 2166136261u;
    size_t n = 0;
    for (size_t i = 0; i < a.len + b.len; i++) {
        unsigned char c = (unsigned char)(i < a.len ? a.ptr[i] : b.ptr[i - a.len]);
        if (c < 0x80 && !is_letter(c) && c != '-') {
            continue;
        }
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        h = (h ^ c) * 16777619u;
        n++;
    }
    *out_n = n;
    return h | 1;
}

static void note_word(struct wf_layout *l, struct wf_str s)
{
    size_t n = 0;
    uint32_t h = hash_letters(s, wf_str_n("", 0), &n);
    if (n >= 5) {
        l->_vocabulary[(h >> 8) & (WF_LAYOUT_VOCABULARY - 1)] = h;
    }
}

static bool is_known(const struct wf_layout *l, struct wf_str a, struct wf_str b)
{
    size_t n = 0;
    uint32_t h = hash_letters(a, b, &n);
    return l->_vocabulary[(h >> 8) & (WF_LAYOUT_VOCABULARY - 1)] == h;
}

/* ---- writing ---- */

static void put(struct wf_layout *l, struct wf_str s)
{
    wf_compose_flow(l->_c, s);
    l->_last_cp = last_cp(s);
    l->_any = true;
}

void wf_layout__release(struct wf_layout *l)
{
    if (l->_held.len > 0) {
        struct wf_str held = wf_buf_str(&l->_held);
        note_word(l, held);
        put(l, held);
        wf_buf_reset(&l->_held);
    }
    l->_last_full = false;
}

/* Small capitals and changes of the font split words for which no space is meant. */
static bool is_touching(const struct wf_layout *l, uint32_t i_word)
{
    const struct wf_layout_box *a = &l->_words[i_word - 1].box;
    const struct wf_layout_box *b = &l->_words[i_word].box;
    float gap = WF_MAX(b->x0 - a->x1, a->x0 - b->x1);
    return gap < TOUCH_HEIGHTS * WF_MIN(a->y1 - a->y0, b->y1 - b->y0);
}

void wf_layout__put_words(struct wf_layout *l, const struct wf_layout_line *line)
{
    for (uint32_t i = 0; i < line->n_words; i++) {
        struct wf_str s = wf_layout__word_text(l, line->i_word + i);
        if (i > 0 && !is_touching(l, line->i_word + i)) {
            wf_compose_space(l->_c);
        }
        note_word(l, s);
        put(l, s);
    }
}

static bool is_and(struct wf_str s)
{
    static const char *const words[] = {"und", "oder", "bzw.", "and", "or", "et",  "ou", "y",
                                        "o",   "e",    "i",    "en",  "of", "och", "og"};
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        if (wf_str_eq(s, wf_str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

static size_t hyphen_bytes(struct wf_str s)
{
    uint32_t cp = last_cp(s);
    return cp == '-' ? 1 : cp == 0xad ? 2 : 3;
}

/* Writes the held word together with the first word of the next line. */
static void join_held(struct wf_layout *l, struct wf_str next)
{
    struct wf_str held = wf_buf_str(&l->_held);
    struct wf_str stem = wf_str_sub(held, 0, held.len - hyphen_bytes(held));
    bool soft = last_cp(held) == 0xad;
    bool keep = !soft && (!is_small(first_cp(next)) ||
                          (is_known(l, held, next) && !is_known(l, stem, next)));
    if (!soft && is_and(next)) {
        put(l, held);
        wf_compose_space(l->_c);
    } else {
        put(l, keep ? held : stem);
    }
    wf_buf_reset(&l->_held);
    put(l, next);
}

/* A word at the end of a line that may go on in the next one. */
static bool may_go_on(struct wf_str s)
{
    return s.len > 2 && is_hyphen(last_cp(s)) &&
           is_letter(last_cp(wf_str_sub(s, 0, s.len - hyphen_bytes(s))));
}

/* The words of a line of text; `joined`: it goes on from the line before. */
static void put_line(struct wf_layout *l, const struct wf_layout_line *line, bool joined)
{
    for (uint32_t i = 0; i < line->n_words; i++) {
        struct wf_str s = wf_layout__word_text(l, line->i_word + i);
        bool last = i + 1 == line->n_words;
        if (i == 0 && joined && l->_held.len > 0) {
            join_held(l, s);
            continue;
        }
        if ((i > 0 && !is_touching(l, line->i_word + i)) ||
            (i == 0 && joined && !(is_spaceless(l->_last_cp) && is_spaceless(first_cp(s))))) {
            wf_compose_space(l->_c);
        }
        if (last && may_go_on(s) && wf_buf_append_str(&l->_held, s) == 0) {
            return;
        }
        wf_buf_reset(&l->_held);
        note_word(l, s);
        put(l, s);
    }
}

/* ---- what a line is ---- */

struct column {
    float left;     /* where its lines usually begin */
    float right;    /* how far the lines of the open block reach */
    size_t n_block; /* how many they are */
    float edge;     /* how far its full lines reach; 0 = not known */
    float pitch;    /* from line to line */
    bool hanging;   /* most lines are indented: the others begin paragraphs */
    float body;     /* height of the body's letters */
};

static int by_value(const void *a, const void *b)
{
    float p = *(const float *)a;
    float q = *(const float *)b;
    return p < q ? -1 : p > q;
}

static float at_part(float *values, size_t n, size_t tenths)
{
    qsort(values, n, sizeof(*values), by_value);
    return values[WF_MIN(n * tenths / 10, n - 1)];
}

/* The height of the body's letters: the largest that a fifth of the document so far has. (Notes and
 * tables may be smaller and longer than the text they belong to.) */
static float body_height(const struct wf_layout *l)
{
    uint64_t n_all = 0;
    for (size_t i = 0; i < WF_LAYOUT_HEIGHTS; i++) {
        n_all += l->_heights[i];
    }
    for (size_t i = WF_LAYOUT_HEIGHTS - 1; i > 0; i--) {
        uint64_t n = l->_heights[i] + l->_heights[i - 1];
        if (n * 5 >= n_all) {
            return (float)i / 2;
        }
    }
    return 0;
}

/* Where at least three lines of text, a third of all, end alike; 0 when there is no such place.
 * `values` has room for n. */
static float full_edge(struct wf_layout_line **lines, size_t n, float *values)
{
    size_t n_text = 0;
    for (size_t i = 0; i < n; i++) {
        if (lines[i]->n_words > 2) {
            values[n_text++] = lines[i]->box.x1;
        }
    }
    if (n_text < 4) {
        return 0;
    }
    qsort(values, n_text, sizeof(*values), by_value);
    size_t k = n_text - 1 - WF_MAX(n_text / 3, (size_t)2);
    for (size_t i = n_text - 1; i > k; i--) {
        size_t end = i - (n_text - 1 - k) < i ? i - (n_text - 1 - k) : 0;
        if (values[i] - values[end] < lines[0]->height / 2) {
            return values[i];
        }
    }
    return 0;
}

static bool measure_column(const struct wf_layout *l, struct wf_layout_line **lines, size_t n,
                           struct column *out)
{
    float *values = wf_alloc_array(n, sizeof(*values));
    if (values == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = lines[i]->box.x0;
    }
    out->left = at_part(values, n, 1);
    out->edge = full_edge(lines, n, values);
    for (size_t i = 0; i + 1 < n; i++) {
        values[i] = lines[i + 1]->box.y0 - lines[i]->box.y0;
    }
    out->pitch = n > 3 ? at_part(values, n - 1, 5) : 1.6F * lines[0]->height;
    size_t n_indented = 0;
    for (size_t i = 0; i < n; i++) {
        n_indented += lines[i]->box.x0 > out->left + 0.8F * lines[i]->height;
    }
    out->hanging = n_indented * 2 > n;
    out->body = body_height(l);
    wf_free(values);
    return true;
}

static bool is_heading_line(const struct wf_layout *l, const struct wf_layout_line *line,
                            const struct column *c)
{
    if (!l->_headings || c->body <= 0 || line->height < HEADING_RATIO * c->body + 0.4F) {
        return false;
    }
    size_t n_letters = 0;
    for (uint32_t i = 0; i < line->n_words; i++) {
        struct wf_str s = wf_layout__word_text(l, line->i_word + i);
        n_letters += is_letter(first_cp(s)) ? s.len : 0;
    }
    return n_letters >= 3;
}

static bool same_size(const struct wf_layout_line *a, const struct wf_layout_line *b)
{
    return a->height < 1.12F * b->height && b->height < 1.12F * a->height;
}

/* Lines of one heading from i on; 0 when it is none. */
static size_t heading_run(const struct wf_layout *l, struct wf_layout_line **lines, size_t n,
                          size_t i, const struct column *c)
{
    size_t end = i;
    while (end < n && is_heading_line(l, lines[end], c) &&
           (end == i || (same_size(lines[i], lines[end]) &&
                         !wf_layout__same_row(&lines[end - 1]->box, &lines[end]->box) &&
                         lines[end]->box.y0 - lines[end - 1]->box.y0 < 2 * lines[i]->height))) {
        end++;
    }
    if (end == i || end - i > HEADING_LINES_MAX) {
        return 0;
    }
    size_t n_words = 0;
    for (size_t k = i; k < end; k++) {
        n_words += lines[k]->n_words;
    }
    uint32_t last =
        last_cp(wf_layout__word_text(l, lines[end - 1]->i_word + lines[end - 1]->n_words - 1));
    return n_words <= HEADING_WORDS_MAX && !is_hyphen(last) && last != ',' ? end - i : 0;
}

static unsigned heading_level(const struct wf_layout_line *line, const struct column *c)
{
    float ratio = line->height / c->body;
    return ratio > 1.75F ? 1 : ratio > 1.35F ? 2 : 3;
}

/* "1308.21" */
static bool is_section_number(struct wf_str s)
{
    size_t n_dots = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (!digit && (s.ptr[i] != '.' || i == 0)) {
            return false;
        }
        n_dots += !digit;
    }
    return n_dots > 0 && s.len <= 10;
}

/* "•", "-", "1.", "(a)", "b)" */
static bool is_bullet(const struct wf_layout *l, const struct wf_layout_line *line)
{
    struct wf_str s = wf_layout__word_text(l, line->i_word);
    uint32_t cp = first_cp(s);
    if (line->n_words > 1 && is_section_number(s)) {
        return true;
    }
    if (line->n_words < 2 || s.len > 6) {
        return false;
    }
    if (s.len <= 3 && (cp == '-' || cp == '*' || cp == 0xb7 || cp == 0x2022 || cp == 0x2013 ||
                       cp == 0x2014 || (cp >= 0x25a0 && cp < 0x2600) || cp == 0x2023)) {
        return true;
    }
    char last = s.ptr[s.len - 1];
    size_t n_body = s.len - 1 - (cp == '(');
    bool digits = (s.ptr[cp == '('] >= '0' && s.ptr[cp == '('] <= '9');
    return (last == '.' || last == ')') && (digits ? n_body <= 3 : last == ')' && n_body == 1);
}

/* Does line b stand clearly apart from line a above it? */
static bool is_new_block(const struct wf_layout_line *a, const struct wf_layout_line *b,
                         const struct column *c)
{
    return !same_size(a, b) || b->box.y0 - a->box.y0 > 1.35F * c->pitch + 0.5F;
}

/* The right end that at least two of the values agree on, within `slack`; the largest if none do.
 * (A line that a damaged file made too long would make all others look short.) Sorts. */
static float common_right(float *values, size_t n, float slack)
{
    qsort(values, n, sizeof(*values), by_value);
    for (size_t i = n; i > 1; i--) {
        if (values[i - 1] - values[i - 2] <= slack) {
            return values[i - 1];
        }
    }
    return values[n - 1];
}

/* How far the lines reach that stand close together from i on: a line that ends before that has
 * ended early. */
static void measure_block(struct wf_layout_line **lines, size_t n, size_t i, struct column *c)
{
    size_t end = i + 1;
    while (end < n && !is_new_block(lines[end - 1], lines[end], c)) {
        end++;
    }
    c->n_block = end - i;
    c->right = lines[i]->box.x1;
    float *values = wf_alloc_array(c->n_block, sizeof(*values));
    if (values != NULL) { /* without memory all lines count as full */
        for (size_t k = i; k < end; k++) {
            values[k - i] = lines[k]->box.x1;
        }
        c->right = c->n_block < 4 ? at_part(values, c->n_block, 10)
                                  : common_right(values, c->n_block, 1.5F * lines[i]->height);
        wf_free(values);
    }
}

enum relation {
    GOES_ON,
    NEW_LINE,
    NEW_PARAGRAPH,
};

static bool begins_indented(const struct wf_layout_line *a, const struct wf_layout_line *b,
                            const struct column *c)
{
    float step = 0.8F * b->height;
    if (c->hanging) {
        return b->box.x0 < c->left + step / 2 && a->box.x0 > c->left + step;
    }
    return b->box.x0 > c->left + step && a->box.x0 < c->left + step / 2;
}

/* The word that was held goes on in this line. */
static bool ends_held(const struct wf_layout *l, const struct wf_layout_line *line)
{
    return l->_held.len > 0 && is_small(first_cp(wf_layout__word_text(l, line->i_word)));
}

/* How line b stands to line a above it. */
static enum relation relate(const struct wf_layout *l, const struct wf_layout_line *a,
                            const struct wf_layout_line *b, const struct column *c)
{
    uint32_t end = last_cp(wf_layout__word_text(l, a->i_word + a->n_words - 1));
    if (same_size(a, b) && ends_held(l, b)) {
        return GOES_ON;
    }
    if (is_new_block(a, b, c)) {
        return NEW_PARAGRAPH;
    }
    if (is_bullet(l, b)) {
        return NEW_LINE;
    }
    if (!is_bullet(l, a) && begins_indented(a, b, c)) {
        return NEW_PARAGRAPH;
    }
    const struct wf_layout_box *first = &l->_words[b->i_word].box;
    float space = c->right - a->box.x1 - 0.6F * b->height;
    if (first->x1 - first->x0 < space && !is_hyphen(end)) {
        return ends_sentence(end) ? NEW_PARAGRAPH : NEW_LINE;
    }
    return GOES_ON;
}

/* Does the region go on with the sentence that the one before left open? */
static bool continues(const struct wf_layout *l, const struct wf_layout_line *line)
{
    uint32_t cp = first_cp(wf_layout__word_text(l, line->i_word));
    bool open = l->_any && l->_last_full && is_small(cp) && !ends_sentence(l->_last_cp);
    return open || ends_held(l, line);
}

/* ---- rows and columns ---- */

/* Pieces side by side, in a column that has no others: a row. */
static void put_row(struct wf_layout *l, struct wf_layout_line **lines, size_t n)
{
    wf_layout__release(l);
    wf_compose_item(l->_c);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            wf_compose_tab(l->_c);
        }
        wf_layout__put_words(l, lines[i]);
    }
    wf_compose_item(l->_c);
}

static void put_heading(struct wf_layout *l, struct wf_layout_line **lines, size_t n,
                        const struct column *c)
{
    wf_layout__release(l);
    wf_compose_heading(l->_c, heading_level(lines[0], c));
    for (size_t i = 0; i < n; i++) {
        put_line(l, lines[i], i > 0);
    }
    wf_layout__release(l);
    wf_compose_heading_end(l->_c);
    wf_compose_paragraph(l->_c);
}

static void put_text_line(struct wf_layout *l, const struct wf_layout_line *line,
                          enum relation relation, const struct column *c)
{
    if (relation != GOES_ON) {
        wf_layout__release(l);
        if (relation == NEW_PARAGRAPH) {
            wf_compose_paragraph(l->_c);
        } else {
            wf_compose_item(l->_c);
        }
    }
    put_line(l, line, relation == GOES_ON);
    l->_last_full = c->n_block > 2 && c->right - line->box.x1 < 4 * line->height;
}

/* A line of few words that was stretched to the width of its column fell into pieces: it reaches
 * from edge to edge, or a hyphen at its end gives it away. Makes the first piece the whole line. */
static bool merge_stretched(const struct wf_layout *l, struct wf_layout_line **pieces, size_t n,
                            const struct column *c)
{
    const struct wf_layout_line *last = pieces[n - 1];
    float h = last->height;
    bool hyphen = may_go_on(wf_layout__word_text(l, last->i_word + last->n_words - 1));
    bool full = n > 2 && c->edge > 0 && last->box.x1 > c->edge - h / 2 &&
                last->box.x1 < c->edge + h / 2 && pieces[0]->box.x0 < c->left + 3 * h;
    for (size_t i = 0; i < n; i++) {
        full = full && pieces[i]->n_words <= 2;
        if (i > 0 && pieces[i]->i_word != pieces[i - 1]->i_word + pieces[i - 1]->n_words) {
            return false;
        }
    }
    if (!hyphen && !full) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        pieces[0]->n_words += pieces[i]->n_words;
        pieces[0]->box.x1 = WF_MAX(pieces[0]->box.x1, pieces[i]->box.x1);
    }
    return true;
}

void wf_layout__flow(struct wf_layout *l, struct wf_layout_line **lines, size_t n_lines)
{
    struct column c;
    if (n_lines == 0) {
        return;
    }
    wf_layout__sort_rows(lines, n_lines);
    if (!measure_column(l, lines, n_lines, &c)) {
        l->_status = WF_E_NOMEM;
        return;
    }
    const struct wf_layout_line *above = NULL; /* the last line, when it was text */
    for (size_t i = 0; i < n_lines;) {
        size_t end = i + 1;
        while (end < n_lines && wf_layout__same_row(&lines[i]->box, &lines[end]->box)) {
            end++;
        }
        size_t n_heading = end - i == 1 ? heading_run(l, lines, n_lines, i, &c) : 0;
        if (n_heading > 0) {
            put_heading(l, lines + i, n_heading, &c);
            end = i + n_heading;
            above = NULL;
        } else if (end - i > 1 && !merge_stretched(l, lines + i, end - i, &c)) {
            put_row(l, lines + i, end - i);
            above = NULL;
        } else {
            if (above == NULL || is_new_block(above, lines[i], &c)) {
                measure_block(lines, n_lines, i, &c);
            }
            enum relation r = above != NULL ? relate(l, above, lines[i], &c) : NEW_PARAGRAPH;
            if (i == 0 && continues(l, lines[i])) {
                r = GOES_ON;
            }
            put_text_line(l, lines[i], r, &c);
            above = lines[i];
        }
        i = end;
    }
}
