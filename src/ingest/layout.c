/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: collects the words of a page and has it cut and written.
 *
 * A line is split where a gap in it is too wide for a space between words: so the cells of a row
 * and the columns of a page become pieces of their own, whatever the reader of the page took for a
 * line. Text that runs upwards or downwards (labels at the edge) is set aside and comes last.
 *
 * Ligatures are resolved, since people search for "office" and not for the sign that joins its
 * f, f and i. */
#include "ingest/layout.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/layout_internal.h"
#include "text/utf8.h"

/* A gap of this many letter heights is no space between words. */
#define GAP_HEIGHTS 1.6F

int wf_layout_init(struct wf_layout *l, struct wf_compose *c, bool headings)
{
    memset(l, 0, sizeof(*l));
    l->_c = c;
    l->_headings = headings;
    wf_buf_init(&l->_text, WF_LAYOUT_TEXT_MAX);
    wf_buf_init(&l->_held, 4096);
    l->_vocabulary = wf_alloc_array(WF_LAYOUT_VOCABULARY, sizeof(*l->_vocabulary));
    return l->_vocabulary != NULL ? 0 : WF_E_NOMEM;
}

void wf_layout_deinit(struct wf_layout *l)
{
    wf_buf_deinit(&l->_text);
    wf_buf_deinit(&l->_held);
    wf_free(l->_words);
    wf_free(l->_lines);
    wf_free(l->_vocabulary);
    memset(l, 0, sizeof(*l));
}

void wf_layout_page(struct wf_layout *l)
{
    wf_buf_reset(&l->_text);
    l->_n_words = 0;
    l->_n_lines = 0;
    l->_line_open = false;
    l->_full = false;
    l->n_letters = 0;
}

/* ---- words ---- */

static const struct {
    char utf8[4];
    char letters[4];
} ligatures[] = {
    {"\xef\xac\x80", "ff"},  {"\xef\xac\x81", "fi"},  {"\xef\xac\x82", "fl"},
    {"\xef\xac\x83", "ffi"}, {"\xef\xac\x84", "ffl"}, {"\xef\xac\x85", "st"},
    {"\xef\xac\x86", "st"},
};

static const char *ligature_at(struct wf_str s, size_t i)
{
    if (s.len - i < 3 || s.ptr[i] != '\xef' || s.ptr[i + 1] != '\xac') {
        return NULL;
    }
    for (size_t k = 0; k < WF_ARRAY_LEN(ligatures); k++) {
        if (memcmp(s.ptr + i, ligatures[k].utf8, 3) == 0) {
            return ligatures[k].letters;
        }
    }
    return NULL;
}

/* The word into the page's text: no white space or control character inside. */
static int keep_text(struct wf_layout *l, struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char *letters = ligature_at(s, i);
        if (letters != NULL) {
            (void)wf_buf_append_cstr(&l->_text, letters); /* its failure sticks */
            i += 2;
        } else if ((unsigned char)s.ptr[i] > ' ') {
            (void)wf_buf_append_byte(&l->_text, s.ptr[i]); /* likewise */
        }
    }
    return wf_buf_status(&l->_text);
}

static void *grown(void *p, size_t n, size_t *io_room, size_t item_bytes)
{
    if (n < *io_room) {
        return p;
    }
    size_t room = *io_room * 2 + 256;
    void *q = wf_realloc_array(p, room, item_bytes);
    if (q != NULL) {
        *io_room = room;
    }
    return q;
}

static bool add_line(struct wf_layout *l)
{
    struct wf_layout_line *p = grown(l->_lines, l->_n_lines, &l->_n_lines_room, sizeof(*p));
    if (p == NULL) {
        l->_status = WF_E_NOMEM;
        return false;
    }
    l->_lines = p;
    l->_lines[l->_n_lines++] = (struct wf_layout_line){.i_word = (uint32_t)l->_n_words};
    l->_line_open = true;
    return true;
}

void wf_layout_line(struct wf_layout *l)
{
    l->_line_open = false;
}

static bool is_sane(const struct wf_layout_box *b)
{
    return isfinite(b->x0) && isfinite(b->y0) && isfinite(b->x1) && isfinite(b->y1) &&
           b->x1 >= b->x0 && b->y1 >= b->y0 && fabsf(b->x0) < 1e6F && fabsf(b->y0) < 1e6F &&
           b->x1 < 1e6F && b->y1 < 1e6F;
}

/* Is the gap to the line's last word too wide? Words may go from right to left. */
static bool is_apart(const struct wf_layout *l, const struct wf_layout_box *box)
{
    const struct wf_layout_line *line = &l->_lines[l->_n_lines - 1];
    if (line->n_words == 0) {
        return false;
    }
    const struct wf_layout_box *last = &l->_words[l->_n_words - 1].box;
    float x_gap = WF_MAX(box->x0 - last->x1, last->x0 - box->x1);
    float y_gap = WF_MAX(box->y0 - last->y1, last->y0 - box->y1);
    float height = WF_MIN(box->y1 - box->y0, last->y1 - last->y0);
    float width = WF_MIN(box->x1 - box->x0, last->x1 - last->x0);
    /* Words above each other are those of a line that lies on its side. */
    return y_gap > 0 ? y_gap > GAP_HEIGHTS * WF_MAX(width, 1.0F)
                     : x_gap > GAP_HEIGHTS * WF_MAX(height, 1.0F);
}

void wf_layout_word(struct wf_layout *l, struct wf_layout_box box, struct wf_str text)
{
    if (l->_n_words >= WF_LAYOUT_WORDS_MAX || !is_sane(&box)) {
        l->_full = l->_full || l->_n_words >= WF_LAYOUT_WORDS_MAX;
        return;
    }
    size_t at = l->_text.len;
    struct wf_layout_word *p = grown(l->_words, l->_n_words, &l->_n_words_room, sizeof(*p));
    if (p == NULL || keep_text(l, text) == WF_E_NOMEM) {
        l->_status = WF_E_NOMEM;
        return;
    }
    l->_words = p;
    if (l->_text.len == at) {
        return;
    }
    if ((!l->_line_open || is_apart(l, &box)) && !add_line(l)) {
        return;
    }
    l->_words[l->_n_words++] = (struct wf_layout_word){
        .box = box, .text_at = (uint32_t)at, .text_len = (uint32_t)(l->_text.len - at)};
    l->_lines[l->_n_lines - 1].n_words++;
    l->n_letters += l->_words[l->_n_words - 1].text_len;
}

struct wf_str wf_layout__word_text(const struct wf_layout *l, uint32_t i_word)
{
    assert(i_word < l->_n_words);
    const struct wf_layout_word *w = &l->_words[i_word];
    return wf_str_sub(wf_buf_str(&l->_text), w->text_at, (size_t)w->text_at + w->text_len);
}

/* ---- lines ---- */

static void measure(const struct wf_layout *l, struct wf_layout_line *line)
{
    float sum = 0;
    const struct wf_layout_word *w = &l->_words[line->i_word];
    line->box = w->box;
    for (uint32_t i = 0; i < line->n_words; i++) {
        line->box.x0 = WF_MIN(line->box.x0, w[i].box.x0);
        line->box.y0 = WF_MIN(line->box.y0, w[i].box.y0);
        line->box.x1 = WF_MAX(line->box.x1, w[i].box.x1);
        line->box.y1 = WF_MAX(line->box.y1, w[i].box.y1);
        sum += w[i].box.y1 - w[i].box.y0;
    }
    line->height = WF_MAX(sum / (float)line->n_words, 0.1F);
}

enum direction {
    UPRIGHT,
    UPWARDS,   /* turned to the left: read from the bottom to the top */
    DOWNWARDS, /* turned to the right */
};

/* Letters of a word that lies on its side are stacked. */
static enum direction direction_of(const struct wf_layout *l, const struct wf_layout_line *line)
{
    const struct wf_layout_word *first = &l->_words[line->i_word];
    const struct wf_layout_word *last = first + line->n_words - 1;
    for (const struct wf_layout_word *w = first; w <= last; w++) {
        if (w->text_len >= 4) {
            bool upright = w->box.y1 - w->box.y0 < 1.5F * (w->box.x1 - w->box.x0);
            bool up = first == last || last->box.y0 < first->box.y0;
            return upright ? UPRIGHT : up ? UPWARDS : DOWNWARDS;
        }
    }
    return UPRIGHT;
}

static struct wf_layout_box turned(struct wf_layout_box b, enum direction d)
{
    return d == UPWARDS ? (struct wf_layout_box){-b.y1, b.x0, -b.y0, b.x1}
                        : (struct wf_layout_box){b.y0, -b.x1, b.y1, -b.x0};
}

/* Turns the line, so that it is read from left to right. */
static void turn(struct wf_layout *l, struct wf_layout_line *line, enum direction d)
{
    for (uint32_t i = 0; i < line->n_words; i++) {
        struct wf_layout_word *w = &l->_words[line->i_word + i];
        w->box = turned(w->box, d);
    }
    measure(l, line);
}

static void count_height(struct wf_layout *l, const struct wf_layout_line *line)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < line->n_words; i++) {
        struct wf_str s = wf_layout__word_text(l, line->i_word + i);
        for (size_t k = 0; k < s.len; k++) { /* dots that lead to a figure are no text */
            n += (unsigned char)s.ptr[k] >= '0';
        }
    }
    size_t k = (size_t)WF_MIN(line->height * 2 + 0.5F, (float)(WF_LAYOUT_HEIGHTS - 1));
    l->_heights[k] += n;
}

/* Writes the lines of one direction; room for all lines is in `lines`. */
static void write_direction(struct wf_layout *l, enum direction d, const uint8_t *directions,
                            struct wf_layout_line **lines)
{
    size_t n = 0;
    for (size_t i = 0; i < l->_n_lines; i++) {
        if (directions[i] != d) {
            continue;
        }
        if (d != UPRIGHT) {
            turn(l, &l->_lines[i], d);
        }
        count_height(l, &l->_lines[i]);
        lines[n++] = &l->_lines[i];
    }
    wf_layout__cut(l, lines, n);
}

int wf_layout_write(struct wf_layout *l)
{
    uint8_t *directions = wf_alloc(l->_n_lines + 1);
    struct wf_layout_line **lines =
        wf_alloc_array(l->_n_lines + 1, sizeof(struct wf_layout_line *));
    if (lines != NULL && directions != NULL && l->_status == 0) {
        for (size_t i = 0; i < l->_n_lines; i++) {
            measure(l, &l->_lines[i]);
            directions[i] = (uint8_t)direction_of(l, &l->_lines[i]);
        }
        write_direction(l, UPRIGHT, directions, lines);
        write_direction(l, UPWARDS, directions, lines);
        write_direction(l, DOWNWARDS, directions, lines);
    } else {
        l->_status = WF_E_NOMEM;
    }
    wf_free(directions);
    wf_free(lines);
    return l->_status;
}

void wf_layout_finish(struct wf_layout *l)
{
    wf_layout__release(l);
}
