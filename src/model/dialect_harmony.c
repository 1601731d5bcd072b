/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: harmony, the format of gpt-oss: messages with a header each,
 *
 *   <|start|>assistant to=functions.NAME<|channel|>commentary
 * <|constrain|>json<|message|>{...}<|call|>
 *
 * The channel analysis is reasoning; final and commentary without a recipient are the answer. The
 * prompt has written the first <|start|>assistant. */
#include <string.h>

#include "model/dialect_internal.h"

enum {
    BEGIN, /* a header, or text without one */
    HEADER,
    BODY,
    CALL, /* arguments must begin */
    ARGUMENTS,
};

#define HEADER_MAX 512
#define MESSAGE "<|message|>"

static const char *const ends[] = {"<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>"};
static const char *const begins[] = {"<|channel|>", "<|start|>", "<|constrain|>",
                                     MESSAGE,       " to=",      "to="};

static enum wf_read_step go(struct wf_dialect_reader *r, int step)
{
    r->step = step;
    return WF_READ_ON;
}

/* One of the marks at the beginning of the input: ON (and which), MORE, BAD. */
static enum wf_read_step one_of(const struct wf_dialect_reader *r, const char *const *marks,
                                size_t n, size_t *out_which)
{
    bool may_come = false;

    for (size_t i = 0; i < n; i++) {
        enum wf_read_step step = wf_reader_looks_at(r, marks[i]);
        *out_which = i;
        if (step == WF_READ_ON)
            return step;
        may_come = may_come || step == WF_READ_MORE;
    }
    return may_come ? WF_READ_MORE : WF_READ_BAD;
}

static enum wf_read_step begin(struct wf_dialect_reader *r)
{
    size_t which;
    enum wf_read_step step = one_of(r, begins, WF_ARRAY_LEN(begins), &which);

    if (wf_reader_rest(r).len == 0 || step == WF_READ_MORE)
        return WF_READ_MORE;
    wf_buf_reset(&r->raw);
    wf_buf_reset(&r->field);
    r->is_text = false;
    return go(r, step == WF_READ_ON ? HEADER : BODY);
}

/* The word behind a mark in a header. */
static struct wf_str word_after(struct wf_str header, const char *mark)
{
    size_t at = wf_str_find(header, wf_str_from(mark), 0), n = 0;
    struct wf_str s;

    if (at == SIZE_MAX)
        return WF_STR("");
    s = wf_str_sub(header, at + strlen(mark), header.len);
    while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '<' && s.ptr[n] != '\n')
        n++;
    return wf_str_sub(s, 0, n);
}

/* The header is whole: what is the message? */
static enum wf_read_step end_header(struct wf_dialect_reader *r)
{
    struct wf_str header = wf_buf_str(&r->field);
    struct wf_str to = word_after(header, "to="), channel = word_after(header, "<|channel|>");

    if (to.len > 0) {
        wf_reader_begin_call(r, WF_READER_HARMONY);
        (void)wf_buf_append_str(&r->name, word_after(wf_buf_str(&r->raw), "to="));
        if (wf_reader_knows_name(r))
            return go(r, CALL);
        wf_reader_give_up(r); /* for nobody we know: header and all */
        return go(r, BODY);
    }
    r->is_text = wf_str_eq(channel, WF_STR("analysis")); /* thoughts */
    r->skips_space = r->is_text;
    wf_buf_reset(&r->space);
    wf_buf_reset(&r->raw);
    return go(r, BODY);
}

static enum wf_read_step read_header(struct wf_dialect_reader *r)
{
    enum wf_read_step step;

    while ((step = wf_reader_take_mark(r, MESSAGE)) == WF_READ_BAD) {
        struct wf_str rest = wf_reader_rest(r);
        if (rest.len == 0)
            return WF_READ_MORE;
        if (r->field.len >= HEADER_MAX)
            return WF_READ_BAD;
        (void)wf_buf_append_byte(&r->field, rest.ptr[0]);
        wf_reader_take(r, 1);
    }
    return step == WF_READ_ON ? end_header(r) : step;
}

static enum wf_read_step read_body(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r), s;
    struct wf_dialect_reader here = *r; /* to look from any place */
    enum wf_read_step step = WF_READ_BAD;
    size_t n = 0, which = 0;

    for (; n < rest.len; n++) {
        if (rest.ptr[n] != '<')
            continue;
        here.at = r->at + n;
        step = one_of(&here, ends, WF_ARRAY_LEN(ends), &which);
        if (step != WF_READ_BAD)
            break;
    }
    s = wf_str_n(rest.ptr, n);
    r->at += n;
    if (r->is_text)
        wf_reader_give_reasoning(r, s);
    else
        wf_reader_give_text(r, s);
    if (step != WF_READ_ON)
        return WF_READ_MORE;
    if (r->is_text)
        wf_buf_reset(&r->space);
    r->is_text = false;
    r->skips_space = true;
    if (which < 3)
        r->at += strlen(ends[which]);
    return go(r, BEGIN);
}

static enum wf_read_step begin_arguments(struct wf_dialect_reader *r)
{
    size_t which;
    enum wf_read_step step;

    if (!wf_reader_take_space(r))
        return WF_READ_MORE;
    step = one_of(r, ends, 3, &which);
    if (step == WF_READ_MORE || (step == WF_READ_BAD && wf_reader_rest(r).ptr[0] != '{'))
        return step;
    wf_reader_give_call(r);
    if (step == WF_READ_ON) {
        (void)wf_buf_append_cstr(&r->out, "{}");
        wf_reader_give_arguments(r);
        r->is_text = false;
        return go(r, BODY);
    }
    wf_json_scan_init(&r->scan);
    return go(r, ARGUMENTS);
}

enum wf_read_step wf_reader_harmony(struct wf_dialect_reader *r)
{
    enum wf_read_step step;

    switch (r->step) {
    case BEGIN:
        if (r->is_text) /* the prompt ended within a thought */
            return go(r, BODY);
        step = begin(r);
        break;
    case HEADER:
        step = read_header(r);
        break;
    case BODY:
        step = read_body(r);
        break;
    case CALL:
        step = begin_arguments(r);
        break;
    default:
        step = wf_reader_json_value(r, &r->out);
        wf_reader_give_arguments(r);
        if (step == WF_READ_DONE) {
            r->skips_space = true;
            r->is_text = false;
            return go(r, BODY);
        }
        break;
    }
    if (step == WF_READ_BAD || (step == WF_READ_MORE && r->end && r->raw.len > 0)) {
        wf_reader_give_up(r);
        r->is_text = false;
        return go(r, BODY);
    }
    return step;
}
