/* SPDX-License-Identifier: Apache-2.0 */
/* The way back. What the engine writes runs through a short buffer: at each place that can begin a
 * placeholder it is read as far as it goes; where more is needed to tell, the rest waits, never
 * more than WF_RESTORE_HELD_MAX bytes. What is put in is not looked at again. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "privacy/redact_internal.h"

struct wf_restore {
    const struct wf_redaction *r;
    struct wf_restore_options o;
    struct wf_buf held;
    bool in_word; /* the byte before is a letter, digit or '_' */
};

int wf_restore_new(const struct wf_redaction *r, const struct wf_restore_options *o,
                   struct wf_restore **out, struct wf_err *err)
{
    struct wf_restore *s = wf_alloc_array(1, sizeof(*s));

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to restore.");
    s->r = r;
    if (o != NULL)
        s->o = *o;
    wf_buf_init(&s->held, SIZE_MAX);
    *out = s;
    return 0;
}

void wf_restore_free(struct wf_restore *s)
{
    if (s == NULL)
        return;
    wf_buf_deinit(&s->held);
    wf_free(s);
}

static bool has(const void *ud, struct wf_mark m)
{
    return wf_redact__find(ud, m) != NULL;
}

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* A datum as it is, or as it stands within a JSON string. */
static void put(const struct wf_restore *s, struct wf_str datum, struct wf_buf *out)
{
    if (!s->o.in_json) {
        (void)wf_buf_append_str(out, datum);
        return;
    }
    for (size_t i = 0; i < datum.len; i++) {
        unsigned char c = (unsigned char)datum.ptr[i];
        if (c == '"' || c == '\\')
            (void)wf_buf_appendf(out, "\\%c", c);
        else if (c < 0x20)
            (void)wf_buf_appendf(out, "\\u%04x", c);
        else
            (void)wf_buf_append_byte(out, (char)c);
    }
}

/* Puts what a mark stands for; false: it is none of this map. */
static bool put_mark(struct wf_restore *s, const struct wf_mark_found *f, struct wf_buf *out)
{
    uint8_t plain[WF_REDACT_CIPHER_BYTES_MAX];
    const struct wf_redacted *item;
    size_t n;

    if (f->cipher.len == 0) {
        item = wf_redact__find(s->r, f->mark);
        if (item == NULL)
            return false;
        put(s, wf_str_n(item->datum, item->datum_bytes), out);
    } else {
        if (!wf_redact__decrypt(s->r, f->cipher, plain, &n))
            return false;
        put(s, wf_str_n((const char *)plain, n), out);
        sodium_memzero(plain, n);
    }
    (void)wf_buf_append_str(out, f->suffix);
    return true;
}

/* How many bytes at the start of rest are certain to begin nothing. */
static size_t plain_bytes(const struct wf_restore *s, struct wf_str rest, bool in_word)
{
    size_t i = 0;

    while (i < rest.len && (in_word || s->r->n_fakes == 0) &&
           !wf_mark__may_begin(wf_str_n(rest.ptr + i, rest.len - i), !in_word))
        in_word = is_word_byte(rest.ptr[i++]);
    return i;
}

/* Handles what begins at byte i. Returns the bytes taken; 0: more is needed. */
static size_t step(struct wf_restore *s, size_t i, bool at_end, struct wf_buf *out)
{
    struct wf_str rest = wf_str_sub(wf_buf_str(&s->held), i, s->held.len);
    bool waits = !at_end && rest.len < WF_RESTORE_HELD_MAX;
    struct wf_mark_found found;
    const struct wf_redacted *fake;
    enum wf_mark_is is = WF_MARK_NONE;
    size_t bytes;

    if (wf_mark__may_begin(rest, !s->in_word))
        is = wf_mark__match(rest, !s->in_word, !waits, has, s->r, &found);
    if (is == WF_MARK_MORE)
        return 0;
    if (is == WF_MARK_FOUND && put_mark(s, &found, out)) {
        s->in_word = found.suffix.len > 0;
        return found.bytes;
    }
    is = wf_redact__match_fake(s->r, rest, !s->in_word, !waits, &fake, &bytes);
    if (is == WF_MARK_MORE)
        return 0;
    if (is == WF_MARK_FOUND) {
        put(s, wf_str_n(fake->datum, fake->datum_bytes), out);
        s->in_word = true;
        return bytes;
    }
    bytes = 1 + plain_bytes(s, wf_str_sub(rest, 1, rest.len), is_word_byte(rest.ptr[0]));
    (void)wf_buf_append(out, rest.ptr, bytes);
    s->in_word = is_word_byte(rest.ptr[bytes - 1]);
    return bytes;
}

static int run(struct wf_restore *s, bool at_end, struct wf_buf *out)
{
    size_t i = 0;

    while (i < s->held.len) {
        size_t n = step(s, i, at_end, out);
        if (n == 0)
            break;
        i += n;
    }
    wf_buf_consume(&s->held, i);
    return wf_buf_status(out);
}

int wf_restore_feed(struct wf_restore *s, struct wf_str piece, struct wf_buf *out)
{
    int rc = wf_buf_append_str(&s->held, piece);

    return rc == 0 ? run(s, false, out) : rc;
}

int wf_restore_end(struct wf_restore *s, struct wf_buf *out)
{
    return run(s, true, out);
}

int wf_restore_text(const struct wf_redaction *r, struct wf_str text, struct wf_buf *out,
                    struct wf_err *err)
{
    struct wf_restore *s = NULL;
    int rc = wf_restore_new(r, NULL, &s, err);

    if (rc != 0)
        return rc;
    rc = wf_buf_append_str(&s->held, text);
    if (rc == 0)
        rc = wf_restore_end(s, out);
    wf_restore_free(s);
    return rc == 0 ? 0 : wf_err_set(err, rc, "Not enough memory to restore.");
}
