/* SPDX-License-Identifier: Apache-2.0 */
/* Emit: a tape is the text itself with marks of one or two bytes between, taken from the control
 * characters, which the text of a document cannot hold (they become spaces when recorded).
 *
 * | byte | mark |
 * |---|---|
 * | 01 | a new line |
 * | 02 | a new item |
 * | 03 | a new paragraph |
 * | 04 | the next cell |
 * | 05 n | a heading of level n begins |
 * | 06 | it ends |
 *
 * Pages are not recorded: what is moved in the text has no page of its own. A tape that is full
 * drops what follows; its buffer's status tells. */
#include "ingest/emit.h"

#include <assert.h>

enum mark {
    MARK_LINE = 1,
    MARK_ITEM,
    MARK_PARAGRAPH,
    MARK_CELL,
    MARK_HEADING,
    MARK_HEADING_END,
};

static bool is_mark(char c)
{
    return c >= MARK_LINE && c <= MARK_HEADING_END;
}

static void put_mark(struct wf_emit *e, enum mark m)
{
    (void)wf_buf_append_byte(e->tape, (char)m); /* its failure sticks */
}

void wf_emit_text(struct wf_emit *e, struct wf_str s)
{
    if (e->c != NULL) {
        wf_compose_flow(e->c, s);
        return;
    }
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20) {
            (void)wf_buf_append(e->tape, s.ptr + from, i - from); /* its failure sticks */
            (void)wf_buf_append_byte(e->tape, ' ');               /* likewise */
            from = i + 1;
        }
    }
    (void)wf_buf_append(e->tape, s.len > 0 ? s.ptr + from : "", s.len - from); /* likewise */
}

void wf_emit_line(struct wf_emit *e)
{
    if (e->c != NULL) {
        wf_compose_line(e->c);
    } else {
        put_mark(e, MARK_LINE);
    }
}

void wf_emit_item(struct wf_emit *e)
{
    if (e->c != NULL) {
        wf_compose_item(e->c);
    } else {
        put_mark(e, MARK_ITEM);
    }
}

void wf_emit_paragraph(struct wf_emit *e)
{
    if (e->c != NULL) {
        wf_compose_paragraph(e->c);
    } else {
        put_mark(e, MARK_PARAGRAPH);
    }
}

void wf_emit_cell(struct wf_emit *e)
{
    if (e->c != NULL) {
        wf_compose_tab(e->c);
    } else {
        put_mark(e, MARK_CELL);
    }
}

void wf_emit_heading(struct wf_emit *e, unsigned level)
{
    if (e->c != NULL) {
        wf_compose_heading(e->c, level);
        return;
    }
    level = WF_MAX(WF_MIN(level, 6u), 1u);
    put_mark(e, MARK_HEADING);
    (void)wf_buf_append_byte(e->tape, (char)level); /* its failure sticks */
}

void wf_emit_heading_end(struct wf_emit *e)
{
    if (e->c != NULL) {
        wf_compose_heading_end(e->c);
    } else {
        put_mark(e, MARK_HEADING_END);
    }
}

void wf_emit_page(struct wf_emit *e, uint32_t page)
{
    if (e->c != NULL) {
        wf_compose_page(e->c, page);
    }
}

/* Replays the mark at tape.ptr[i]; returns its bytes. */
static size_t replay_mark(struct wf_emit *e, struct wf_str tape, size_t i)
{
    switch ((enum mark)tape.ptr[i]) {
    case MARK_LINE:
        wf_emit_line(e);
        break;
    case MARK_ITEM:
        wf_emit_item(e);
        break;
    case MARK_PARAGRAPH:
        wf_emit_paragraph(e);
        break;
    case MARK_CELL:
        wf_emit_cell(e);
        break;
    case MARK_HEADING:
        wf_emit_heading(e, i + 1 < tape.len ? (unsigned)(unsigned char)tape.ptr[i + 1] : 1);
        return 2;
    case MARK_HEADING_END:
        wf_emit_heading_end(e);
        break;
    }
    return 1;
}

void wf_emit_replay(struct wf_emit *e, struct wf_str tape)
{
    for (size_t i = 0; i < tape.len;) {
        if (is_mark(tape.ptr[i])) {
            i += replay_mark(e, tape, i);
            continue;
        }
        size_t from = i;
        while (i < tape.len && !is_mark(tape.ptr[i])) {
            i++;
        }
        assert(i > from);
        wf_emit_text(e, wf_str_sub(tape, from, i));
    }
}

bool wf_emit_has_text(struct wf_str tape)
{
    for (size_t i = 0; i < tape.len; i++) {
        if ((unsigned char)tape.ptr[i] > ' ') {
            return true;
        }
    }
    return false;
}

bool wf_emit_is_margin(struct wf_str tape, bool had_page_number)
{
    size_t n_letters = 0;
    for (size_t i = 0; i < tape.len; i++) {
        unsigned char c = (unsigned char)tape.ptr[i];
        n_letters += c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    }
    return n_letters >= (had_page_number ? 12 : 3); /* "Seite 3 von 10" */
}

void wf_emit_plain(struct wf_str tape, struct wf_buf *out)
{
    for (size_t i = 0; i < tape.len; i++) {
        char c = tape.ptr[i];
        (void)wf_buf_append_byte(out, (unsigned char)c < 0x20 ? ' ' : c); /* its failure sticks */
    }
}
