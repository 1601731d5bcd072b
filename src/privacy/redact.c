/* SPDX-License-Identifier: Apache-2.0 */
/* The way out: a text with its spans redacted.
 *
 * Forms that look like a placeholder in the text itself: an unused number is passed over from then
 * on; one in use makes the form an item of its own (kind TEXT). Both are decided within the pieces
 * between the spans, as these stand in the redacted text. Where a fake is among what was put in,
 * the way back is tried, and placeholders take the fakes' place if it does not give the text. */
#include "privacy/redact.h"

#include <sodium.h>
#include <string.h>

#include "privacy/redact_internal.h"

static bool has(const void *ud, struct wf_mark m)
{
    return wf_redact__find(ud, m) != NULL;
}

static int put_mark(struct wf_redaction *r, unsigned kind, struct wf_str datum, struct wf_buf *out)
{
    char text[WF_MARK_BYTES_MAX];
    size_t index;
    int rc = wf_redact__item(r, kind, datum, &index);

    return rc == 0 ? wf_buf_append(out, text, wf_mark__print(r->items[index].mark, text)) : rc;
}

/* ---- fakes ---- */

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* Whether the fake stands anywhere in the text or the map, upper or lower case. */
static bool is_real(const struct wf_redaction *r, struct wf_str fake, struct wf_str text)
{
    const struct wf_redacted *item;
    size_t bytes;

    for (size_t i = 0; i + fake.len <= text.len; i++) {
        if (wf_str_eq_nocase(wf_str_sub(text, i, i + fake.len), fake))
            return true;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (wf_str_eq_nocase(wf_str_n(r->items[i].datum, r->items[i].datum_bytes), fake))
            return true;
    }
    return wf_redact__match_fake(r, fake, true, true, &item, &bytes) == WF_MARK_FOUND;
}

/* An engine may go on with the last name alone: that comes back as the last name. */
static int keep_last_name(struct wf_redaction *r, struct wf_str datum, struct wf_str fake,
                          struct wf_str text)
{
    struct wf_str real = wf_redact__end_name(datum, true), made = wf_redact__end_name(fake, true);

    if (real.len == datum.len || made.len == fake.len || real.len == 0 || made.len == 0 ||
        wf_redact__fake_of(r, WF_DATUM_PERSON, real) != NULL || is_real(r, made, text))
        return 0;
    return wf_redact__keep_fake(r, WF_DATUM_PERSON, real, made);
}

/* Puts a made-up datum; false where none could be made: a placeholder is then put by the caller. */
static bool put_fake(struct wf_redaction *r, struct wf_str text, const struct wf_redact_span *span,
                     unsigned kind, struct wf_buf *out, int *out_rc)
{
    struct wf_str datum = wf_str_sub(text, span->start, span->end);
    const struct wf_redacted *old = wf_redact__fake_of(r, kind, datum);
    struct wf_buf fake;
    uint64_t seed = 0;
    bool is_made = false;

    *out_rc = 0;
    for (size_t i = 0; i < datum.len; i++) {
        if ((unsigned char)datum.ptr[i] < 0x20)
            return false; /* a fake is a member's name in JSON */
    }
    if ((span->start > 0 && is_word_byte(text.ptr[span->start - 1])) ||
        (span->end < text.len && is_word_byte(text.ptr[span->end])) || datum.len > 256)
        return false; /* it would not be seen as a word when it comes back */
    if (old != NULL) {
        *out_rc = wf_buf_append(out, old->fake, old->fake_bytes);
        return true;
    }
    wf_buf_init(&fake, 1024);
    *out_rc = wf_redact__seed(r, kind, datum, &seed);
    for (uint64_t i = 0; i < 50 && !is_made && *out_rc == 0; i++) {
        wf_buf_reset(&fake);
        *out_rc = wf_redact_fake(datum, span->type, seed + i, &fake);
        if (fake.len == 0)
            break; /* none of this form can be made */
        is_made = *out_rc == 0 && !is_real(r, wf_buf_str(&fake), text);
    }
    if (is_made) {
        *out_rc = wf_redact__keep_fake(r, kind, datum, wf_buf_str(&fake));
        if (*out_rc == 0 && kind == WF_DATUM_PERSON)
            *out_rc = keep_last_name(r, datum, wf_buf_str(&fake), text);
        if (*out_rc == 0)
            *out_rc = wf_buf_append_str(out, wf_buf_str(&fake));
    }
    wf_buf_deinit(&fake);
    return is_made;
}

/* ---- the way out ---- */

struct work {
    struct wf_redaction *r;
    struct wf_str text;
    struct wf_buf *out;
    struct wf_buf back; /* what restoring must give, where a fake is in it */
    bool no_fakes;
    bool has_fake;
};

/* From where on a placeholder may stand: each has a digit (of any script), no further behind its
 * beginning than WF_MARK_BYTES_MAX. *io_digit: the next such byte at or behind i, as far as known.
 */
static size_t next_form(struct wf_str s, size_t i, size_t *io_digit)
{
    size_t at = WF_MAX(*io_digit, i);

    while (at < s.len && (unsigned char)s.ptr[at] < 0x80 && (unsigned)(s.ptr[at] - '0') > 9)
        at++;
    *io_digit = at;
    if (at == s.len)
        return at;
    return at - i > WF_MARK_BYTES_MAX ? at - WF_MARK_BYTES_MAX : i;
}

/* Walks the forms of placeholders and fakes within a piece between spans. With is_put false: passes
 * over unused numbers; else appends the piece, forms in use as placeholders. */
static int walk_piece(struct work *w, size_t from, size_t to, bool is_put)
{
    struct wf_str s = wf_str_sub(w->text, from, to);
    struct wf_mark_found found;
    const struct wf_redacted *fake;
    size_t run = 0, i = 0, digit = 0, bytes;
    int rc = 0;

    while (rc == 0) {
        if (w->r->n_fakes == 0)
            i = next_form(s, i, &digit);
        if (i >= s.len)
            break;
        struct wf_str rest = wf_str_sub(s, i, s.len);
        /* Behind a form that becomes a placeholder a word begins, as it does behind a span. */
        bool at_border = i == run || !is_word_byte(s.ptr[i - 1]), is_used = false;
        bytes = 0;
        if (wf_mark__may_begin(rest, at_border) &&
            wf_mark__match(rest, at_border, true, has, w->r, &found) == WF_MARK_FOUND &&
            found.cipher.len == 0) {
            is_used = wf_redact__state(w->r, found.mark) == WF_MARK_USED;
            bytes = found.bytes;
            if (!is_put && !is_used)
                rc = wf_redact__pass_over(w->r, found.mark);
        } else if (w->r->n_fakes > 0 && wf_redact__match_fake(w->r, rest, at_border, true, &fake,
                                                              &bytes) == WF_MARK_FOUND) {
            is_used = true;
        }
        if (is_used && is_put && rc == 0) {
            (void)wf_buf_append_str(w->out, wf_str_sub(s, run, i));
            rc = put_mark(w->r, WF_MARK_TEXT, wf_str_sub(s, i, i + bytes), w->out);
        }
        i += is_used ? bytes : 1;
        run = is_used ? i : run;
    }
    if (is_put && rc == 0) {
        (void)wf_buf_append_str(w->out, wf_str_sub(s, run, s.len));
        (void)wf_buf_append_str(&w->back, s);
    }
    return rc == 0 ? wf_buf_status(w->out) : rc;
}

static bool is_redacted(const struct wf_redact_span *s)
{
    return s->op > WF_OPERATOR_KEEP && s->end > s->start;
}

static int put_span(struct work *w, const struct wf_redact_span *span)
{
    struct wf_str datum = wf_str_sub(w->text, span->start, span->end);
    enum wf_datum kind = wf_datum_of(wf_str_from(span->type));
    size_t start = w->out->len;
    struct wf_buf meaning;
    int rc = 0;

    if (wf_mark__word(kind) == NULL)
        kind = WF_DATUM_UNKNOWN;
    switch (span->op) {
    case WF_OPERATOR_MASK:
    case WF_OPERATOR_HASH:
        wf_buf_init(&meaning, 2 * (size_t)WF_REDACT_DATUM_BYTES_MAX);
        if (span->op == WF_OPERATOR_MASK)
            rc = wf_redact_mask(datum, span->type, w->out);
        else if ((rc = wf_redact__meaning(kind, datum, &meaning)) == 0)
            rc = wf_redact__hash(w->r, kind, wf_buf_str(&meaning), w->out);
        wf_buf_deinit(&meaning);
        (void)wf_buf_append(&w->back, w->out->ptr + start, w->out->len - start);
        return rc;
    case WF_OPERATOR_ENCRYPT:
        if (datum.len <= WF_REDACT_CIPHER_BYTES_MAX)
            rc = wf_redact__encrypt(w->r, kind, datum, w->out);
        else
            rc = put_mark(w->r, kind, datum, w->out);
        break;
    case WF_OPERATOR_FAKE:
        if (!w->no_fakes && put_fake(w->r, w->text, span, kind, w->out, &rc))
            w->has_fake = true;
        else if (rc == 0)
            rc = put_mark(w->r, kind, datum, w->out);
        break;
    case WF_OPERATOR_REPLACE:
    case WF_OPERATOR_NONE:
    case WF_OPERATOR_KEEP:
    case WF_OPERATOR_COUNT:
        rc = put_mark(w->r, kind, datum, w->out);
        break;
    }
    (void)wf_buf_append_str(&w->back, datum);
    return rc;
}

/* One pass over pieces and spans. */
static int pass(struct work *w, const struct wf_redact_span *spans, size_t n, bool is_put)
{
    size_t from = 0;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!is_redacted(&spans[i]))
            continue;
        rc = walk_piece(w, from, spans[i].start, is_put);
        from = spans[i].end;
        if (rc == 0 && is_put)
            rc = put_span(w, &spans[i]);
    }
    return rc == 0 ? walk_piece(w, from, w->text.len, is_put) : rc;
}

/* Whether the way back gives what it must. */
static bool comes_back(const struct work *w, size_t start)
{
    struct wf_buf again;
    bool same;

    wf_buf_init(&again, SIZE_MAX);
    same = wf_restore_text(w->r, wf_str_n(w->out->ptr + start, w->out->len - start), &again,
                           NULL) == 0 &&
           wf_str_eq(wf_buf_str(&again), wf_buf_str(&w->back));
    wf_buf_deinit(&again);
    return same;
}

int wf_redact(struct wf_redaction *r, struct wf_str text, const struct wf_redact_span *spans,
              size_t n_spans, struct wf_buf *out, struct wf_err *err)
{
    struct work w = {.r = r, .text = text, .out = out};
    size_t start = out->len, end = 0;
    int rc;

    for (size_t i = 0; i < n_spans; i++) {
        if (spans[i].start < end || spans[i].end < spans[i].start || spans[i].end > text.len)
            return wf_err_set(err, WF_E_INVAL, "The pieces to redact overlap or lie outside.");
        end = spans[i].end;
    }
    wf_buf_init(&w.back, SIZE_MAX);
    rc = pass(&w, spans, n_spans, false);
    if (rc == 0)
        rc = pass(&w, spans, n_spans, true);
    if (rc == 0 && w.has_fake && !comes_back(&w, start)) {
        /* Words of the text and of the fakes run into each other: placeholders do not. */
        wf_buf_truncate(out, start);
        wf_buf_reset(&w.back);
        w.no_fakes = true;
        rc = pass(&w, spans, n_spans, true);
    }
    if (rc == 0)
        rc = wf_buf_status(&w.back);
    if (w.back.len > 0)
        sodium_memzero(w.back.ptr, w.back.len);
    wf_buf_deinit(&w.back);
    if (rc == 0)
        return 0;
    wf_buf_truncate(out, start);
    return wf_err_set(err, rc,
                      rc == WF_E_LIMIT ? "There is too much in this text to redact it."
                                       : "Not enough memory to redact.");
}
