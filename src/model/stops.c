/* SPDX-License-Identifier: Apache-2.0 */
/* Stops: an automaton a text (Knuth, Morris, Pratt 1977).
 *
 * Each stop text has how many of its bytes the writing ends with. The largest of these numbers is
 * what must be held back; all before is certain. An unfinished code point is held back too: what is
 * given out is then always whole code points, also where a stop text cuts one (it then takes the
 * whole of it). */
#include "model/stops.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "text/utf8.h"

struct wf_stop_text {
    char *text;
    size_t len;
    uint32_t *border; /* [len + 1]: length of the longest border of the first i bytes */
    size_t state;     /* bytes of text that the writing ends with */
};

static int init_text(struct wf_stop_text *t, struct wf_str text)
{
    size_t k = 0;

    t->text = wf_memdup0(text.ptr, text.len);
    t->border = wf_alloc_array(text.len + 1, sizeof(*t->border));
    t->len = text.len;
    if (t->text == NULL || t->border == NULL)
        return WF_E_NOMEM;
    for (size_t i = 1; i < text.len; i++) {
        while (k > 0 && t->text[i] != t->text[k])
            k = t->border[k];
        k += t->text[i] == t->text[k];
        t->border[i + 1] = (uint32_t)k;
    }
    return 0;
}

int wf_stops_init(struct wf_stops *s, const struct wf_str *texts, size_t n)
{
    *s = (struct wf_stops){._matched = WF_STOPS_NONE};
    wf_buf_init(&s->_held, WF_LIMIT_ENCODE_BYTES);
    if (n > WF_LIMIT_STOPS)
        return WF_E_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (texts[i].len > WF_LIMIT_STOP_BYTES)
            return WF_E_LIMIT;
    s->_texts = wf_alloc_array(n, sizeof(*s->_texts));
    if (s->_texts == NULL)
        return WF_E_NOMEM;
    for (; s->_n < n; s->_n++) {
        if (init_text(&s->_texts[s->_n], texts[s->_n]) != 0) {
            s->_n++; /* frees the half */
            wf_stops_deinit(s);
            return WF_E_NOMEM;
        }
    }
    return 0;
}

void wf_stops_deinit(struct wf_stops *s)
{
    for (size_t i = 0; i < s->_n; i++) {
        wf_free(s->_texts[i].text);
        wf_free(s->_texts[i].border);
    }
    wf_free(s->_texts);
    wf_buf_deinit(&s->_held);
    s->_texts = NULL;
    s->_n = 0;
}

/* One byte on; true when the text is whole. */
static bool step(struct wf_stop_text *t, char byte)
{
    if (t->len == 0)
        return false;
    if (t->state == t->len)
        t->state = t->border[t->state];
    while (t->state > 0 && t->text[t->state] != byte)
        t->state = t->border[t->state];
    t->state += t->text[t->state] == byte;
    return t->state == t->len;
}

/* Steps all; the index of the longest that is whole now. *out_most: what one of them has so far. */
static size_t step_all(struct wf_stops *s, char byte, size_t *out_most)
{
    size_t met = WF_STOPS_NONE, most = 0;

    for (size_t i = 0; i < s->_n; i++) {
        struct wf_stop_text *t = &s->_texts[i];
        if (step(t, byte) && (met == WF_STOPS_NONE || t->len > s->_texts[met].len))
            met = i;
        most = WF_MAX(most, t->state);
    }
    *out_most = most;
    return met;
}

/* Bytes at the end that may be the beginning of a code point. */
static size_t unfinished(struct wf_str s)
{
    for (size_t n = 1; n <= 3 && n <= s.len; n++) {
        unsigned char c = (unsigned char)s.ptr[s.len - n];
        if (c >= 0xC2)
            return c <= 0xF4 && n < (c < 0xE0 ? 2u : c < 0xF0 ? 3u : 4u) ? n : 0;
        if ((c & 0xC0) != 0x80)
            return 0;
    }
    return 0;
}

/* Gives out all but the last `keep` bytes. */
static int give(struct wf_stops *s, size_t keep, struct wf_buf *out)
{
    size_t n = s->_held.len - WF_MIN(keep, s->_held.len);
    int rc;

    n -= unfinished(wf_str_n(s->_held.ptr, n));
    rc = wf_utf8_append_repaired(out, wf_str_n(s->_held.ptr, n));
    wf_buf_consume(&s->_held, n);
    return rc;
}

int wf_stops_feed(struct wf_stops *s, struct wf_str written, struct wf_buf *out,
                  size_t *out_matched)
{
    size_t most = 0;
    int rc = 0;

    *out_matched = s->_matched;
    if (s->_matched != WF_STOPS_NONE)
        return 0;
    for (size_t i = 0; i < s->_n; i++)
        most = WF_MAX(most, s->_texts[i].state);
    for (size_t i = 0; rc == 0 && i < written.len; i++) {
        rc = wf_buf_append_byte(&s->_held, written.ptr[i]);
        *out_matched = s->_matched = step_all(s, written.ptr[i], &most);
        if (s->_matched != WF_STOPS_NONE) {
            if (rc == 0)
                rc = give(s, s->_texts[s->_matched].len, out);
            wf_buf_reset(&s->_held);
            return rc;
        }
    }
    return rc != 0 ? rc : give(s, most, out);
}

int wf_stops_flush(struct wf_stops *s, struct wf_buf *out)
{
    int rc = wf_utf8_append_repaired(out, wf_buf_str(&s->_held));
    wf_buf_reset(&s->_held);
    return rc;
}

size_t wf_stops_held(const struct wf_stops *s)
{
    return s->_held.len;
}
