/* SPDX-License-Identifier: Apache-2.0 */
/* Line breaks that end a sentence, though no mark stands there.
 *
 * The idea: text comes wrapped (a line break is a space), unwrapped (a line is a paragraph), and as
 * lists, tables, headings and transcripts (a line is a statement). A break ends a sentence where
 * the next line begins like an item or a speaker's turn, where this line is a heading, a row of a
 * table or longer than anyone wraps, and where the next line's first word would have fit on this
 * one with ease, so that the break was meant. It never does before lower case or behind a comma.
 * Lines are looked at up to LINE_MAX bytes. */
#include <assert.h>
#include <string.h>

#include "base/config.h"
#include "text/sentence_internal.h"
#include "text/utf8.h"

#define LINE_MAX 240   /* bytes: no wrapped line is longer */
#define LINE_SHORT 25  /* bytes: lines below are lists, verses, addresses */
#define SPEAKER_MAX 40 /* bytes of a name before the colon of a turn */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_space_at(struct wf_str s, size_t i)
{
    return i >= s.len || s.ptr[i] == ' ' || s.ptr[i] == '\t';
}

/* "- ", "* ", "• ", "# ", "| ", "> ", "[", "<": what begins an item, a heading, a row, a turn, a
 * tag. */
static bool is_bullet(struct wf_str s, size_t i)
{
    size_t next = i;
    switch (wf_utf8_next(s, &next)) {
    case '#':
        return is_space_at(s, next) || s.ptr[next] == '#';
    case '[': /* not the number of a note */
        return next < s.len && !is_digit(s.ptr[next]);
    case '<':
        return next < s.len && (s.ptr[next] == '/' || is_letter(s.ptr[next]));
    case '|':
    case 0x2022: /* bullets, squares, triangles, check marks */
    case 0x2023:
    case 0x2043:
    case 0x25AA:
    case 0x25AB:
    case 0x25B6:
    case 0x25CB:
    case 0x25CF:
    case 0x25E6:
    case 0x2713:
    case 0x2714:
    case 0x27A2:
    case 0xF0B7: /* Word's bullet in the private area */
        return true;
    case '-':
    case '*':
    case '+':
    case '>':
    case 0x2013:
    case 0x2014:
    case 0x00B7:
        return is_space_at(s, next);
    default:
        return false;
    }
}

/* "1.", "1)", "(1)", "a)", "(iv)", "2.3 " and a space. */
static bool is_numbered(struct wf_str s, size_t i)
{
    bool has_paren = s.ptr[i] == '(';
    size_t from = has_paren ? ++i : i;
    while (i < s.len && i - from < 8 && (is_digit(s.ptr[i]) || (i > from && s.ptr[i] == '.')))
        i++;
    bool is_number = i > from;
    if (!is_number)
        while (i < s.len && i - from < 4 && is_letter(s.ptr[i]) &&
               (i == from || strchr("ivxIVX", s.ptr[i])))
            i++;
    if (i == from)
        return false;
    bool has_point = is_number && s.ptr[i - 1] == '.';
    bool closed = i < s.len && (s.ptr[i] == ')' || (s.ptr[i] == '.' && !has_paren));
    return (has_point || closed) && is_space_at(s, i + closed);
}

/* "Project Manager: ", "A: ": words with capitals and a colon. */
static bool is_turn(struct wf_str s, size_t i)
{
    bool is_first = true;
    for (size_t from = i; i < s.len && i - from < SPEAKER_MAX;) {
        uint32_t cp = wf_utf8_next(s, &i);
        if (cp == ':')
            return !is_first && (is_space_at(s, i) || s.ptr[i] == '\n');
        if (is_first && wf_text__next_of(cp) != WF_NEXT_UPPER &&
            wf_text__next_of(cp) != WF_NEXT_DIGIT)
            return false;
        if (cp == '\n' || cp == ',' || cp == ';' || cp == '!' || cp == '?')
            return false;
        is_first = cp == ' ';
    }
    return false;
}

/* The line that holds byte i, at most LINE_MAX bytes to either side. */
static struct wf_str line_at(struct wf_str s, size_t i)
{
    size_t from = i, to = i;
    while (from > 0 && i - from < LINE_MAX && s.ptr[from - 1] != '\n')
        from--;
    while (to < s.len && to - i < LINE_MAX && s.ptr[to] != '\n')
        to++;
    return wf_str_sub(s, from, to);
}

static size_t first_word_bytes(struct wf_str s, size_t i)
{
    size_t from = i;
    while (i < s.len && i - from < WF_SENTENCE_LOOK_MAX && (unsigned char)s.ptr[i] > ' ')
        i++;
    return i - from;
}

/* True when the break was meant: there was room for the next line's first word. Real widths vary
 * by a quarter in proportional print. */
static bool was_room(struct wf_str s, struct wf_str line, size_t next)
{
    size_t width = line_at(s, next).len;
    size_t begin = (size_t)(line.ptr - s.ptr);
    if (begin > 0) {
        size_t before = line_at(s, begin - 1).len;
        width = WF_MAX(width, before);
    }
    return line.len + 1 + first_word_bytes(s, next) <= width - width / 4;
}

/* A heading, a row of a table, a tag: ends with its line whatever follows. */
static bool is_row(struct wf_str line)
{
    if (line.len == 0)
        return false;
    return line.ptr[0] == '#' || line.ptr[0] == '|' || memchr(line.ptr, '\t', line.len) ||
           (line.ptr[0] == '<' && line.ptr[line.len - 1] == '>');
}

bool wf_text__is_end_at_line(struct wf_str s, size_t start, size_t i, size_t next)
{
    assert(start < i && i < next);
    if (next >= s.len || is_bullet(s, next) || is_numbered(s, next) || is_turn(s, next))
        return true;
    struct wf_str line = line_at(s, i);
    if (is_row(line))
        return true;
    enum wf_next n = wf_text__next_of(wf_text__peek(s, next));
    if (n == WF_NEXT_LOWER || n == WF_NEXT_COMMA)
        return false;
    size_t end = wf_text__trim_end(s, start, i);
    if (end > start && strchr(",-(/&", s.ptr[end - 1]))
        return false;
    return line.len >= LINE_MAX || line.len < LINE_SHORT || was_room(s, line, next);
}
