/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: reading. The text is looked at byte by byte for what begins a thought or a section of
 * calls; the parts of a call are read by the file of its form.
 *
 *   REASONING <-> TEXT -> BETWEEN <-> JSON | NAMED | MARKS | PYTHON          HARMONY alone
 *
 * Invariants: (1) no decision depends on where the input was cut: a state that could be decided
 * otherwise by more input says MORE; (2) what was read since something was last certain is in
 * `raw`, and becomes text when the call turns out to be none; (3) at the end nothing says MORE
 * while input is left. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/dialect_internal.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool wf_reader_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':' || c == '/';
}

/* ---- input ---- */

enum wf_read_step wf_reader_looks_at(const struct wf_dialect_reader *r, const char *mark)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = strlen(mark);

    if (memcmp(rest.ptr, mark, WF_MIN(n, rest.len)) != 0)
        return WF_READ_BAD;
    if (rest.len >= n)
        return WF_READ_ON;
    return r->end ? WF_READ_BAD : WF_READ_MORE;
}

static void note(struct wf_dialect_reader *r, int rc)
{
    if (r->status == 0)
        r->status = rc;
}

void wf_reader_take(struct wf_dialect_reader *r, size_t n)
{
    assert(r->at + n <= r->in.len);
    note(r, wf_buf_append(&r->raw, r->in.ptr + r->at, n));
    r->at += n;
}

bool wf_reader_take_space(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    size_t n = 0;

    while (n < rest.len && is_space(rest.ptr[n]))
        n++;
    wf_reader_take(r, n);
    return n < rest.len;
}

enum wf_read_step wf_reader_take_mark(struct wf_dialect_reader *r, const char *mark)
{
    enum wf_read_step step = wf_reader_looks_at(r, mark);
    if (step == WF_READ_ON)
        wf_reader_take(r, strlen(mark));
    return step;
}

/* ---- output ---- */

static void give(struct wf_dialect_reader *r, const struct wf_part *part)
{
    if (r->status == 0)
        r->status = r->fn(r->ud, part);
}

/* What is not white space goes out, with the white space before it; that behind it waits. */
static void give_with_space(struct wf_dialect_reader *r, enum wf_part_kind kind, struct wf_str s)
{
    size_t n;

    while (r->skips_space && s.len > 0 && is_space(s.ptr[0]))
        s = wf_str_sub(s, 1, s.len);
    n = s.len;
    while (n > 0 && is_space(s.ptr[n - 1]))
        n--;
    if (n > 0) {
        if (r->space.len > 0)
            give(r, &(struct wf_part){.kind = kind, .text = wf_buf_str(&r->space)});
        give(r, &(struct wf_part){.kind = kind, .text = wf_str_n(s.ptr, n)});
        wf_buf_reset(&r->space);
        r->skips_space = false;
        r->at_start = r->at_start && kind == WF_PART_REASONING;
    }
    note(r, wf_buf_append(&r->space, s.ptr + n, s.len - n));
}

void wf_reader_give_text(struct wf_dialect_reader *r, struct wf_str s)
{
    if (s.len > 0)
        give_with_space(r, WF_PART_TEXT, s);
}

void wf_reader_give_reasoning(struct wf_dialect_reader *r, struct wf_str s)
{
    if (s.len > 0)
        give_with_space(r, WF_PART_REASONING, s);
}

bool wf_reader_knows_name(struct wf_dialect_reader *r)
{
    const char *prefix = r->section != NULL ? r->section->name_prefix : NULL;
    struct wf_str name = wf_buf_str(&r->name);

    if (prefix != NULL && wf_str_starts(name, wf_str_from(prefix)))
        wf_buf_consume(&r->name, strlen(prefix));
    for (size_t i = 0; i < json_array_size(r->tools); i++) {
        const json_t *tool = json_array_get(r->tools, i);
        const json_t *f = json_object_get(tool, "function");
        const char *known = json_string_value(json_object_get(f != NULL ? f : tool, "name"));
        if (known == NULL || !wf_str_eq(wf_str_from(known), wf_buf_str(&r->name)))
            continue;
        r->schema = json_object_get(f != NULL ? f : tool, "parameters");
        return true;
    }
    return false;
}

/* An id that no other call has, as this family's are. */
static void make_id(const struct wf_dialect_reader *r, char out[40])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t n = r->d->has_short_ids ? 0 : 5, end = r->d->has_short_ids ? 9 : n + 24;

    memcpy(out, "call_", 5);
    for (; n < end; n++)
        out[n] = letters[wf_rng_below(NULL, sizeof(letters) - 1)];
    out[n] = 0;
}

void wf_reader_give_call(struct wf_dialect_reader *r)
{
    struct wf_part part = {
        .kind = WF_PART_CALL,
        .i_call = r->n_calls,
        .name = wf_buf_str(&r->name),
    };

    if (r->id.len > 0 && r->id.len < sizeof(part.id))
        memcpy(part.id, r->id.ptr, r->id.len);
    else
        make_id(r, part.id);
    give(r, &part);
    r->n_calls++;
    r->n_section++;
    r->is_begun = true;
    r->at_start = false;
    wf_buf_reset(&r->raw);
    wf_buf_reset(&r->space);
}

void wf_reader_give_arguments(struct wf_dialect_reader *r)
{
    note(r, wf_buf_status(&r->out));
    if (r->out.len == 0)
        return;
    give(r, &(struct wf_part){
                .kind = WF_PART_ARGUMENTS,
                .text = wf_buf_str(&r->out),
                .i_call = r->n_calls - 1,
            });
    wf_buf_reset(&r->raw);
    wf_buf_reset(&r->out);
}

int wf_json_escape(struct wf_buf *out, struct wf_str s)
{
    static const char names[] = "\"\"\\\\\nn\tt\rr\bb\ff";

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        const char *name = NULL;
        for (size_t k = 0; k + 1 < sizeof(names); k += 2)
            if (names[k] == c)
                name = &names[k + 1];
        if (name != NULL) {
            (void)wf_buf_append_byte(out, '\\');
            (void)wf_buf_append_byte(out, *name);
        } else if ((unsigned char)c < 0x20) {
            (void)wf_buf_appendf(out, "\\u%04x", (unsigned)c);
        } else {
            (void)wf_buf_append_byte(out, c);
        }
    }
    return wf_buf_status(out);
}

enum wf_read_step wf_reader_json_value(struct wf_dialect_reader *r, struct wf_buf *out)
{
    struct wf_str rest = wf_reader_rest(r);
    enum wf_json_step step = WF_JSON_MORE;
    size_t n = 0;

    while (n < rest.len && step == WF_JSON_MORE) {
        bool in_string = wf_json_scan_in_string(&r->scan);
        step = wf_json_scan_step(&r->scan, rest.ptr[n]);
        if (step != WF_JSON_MORE && step != WF_JSON_LAST)
            break;
        if (in_string && (unsigned char)rest.ptr[n] < 0x20)
            (void)wf_json_escape(out, wf_str_sub(rest, n, n + 1));
        else
            (void)wf_buf_append_byte(out, rest.ptr[n]);
        n++;
    }
    wf_reader_take(r, n);
    note(r, wf_buf_status(out));
    if (step == WF_JSON_BAD)
        return WF_READ_BAD;
    return step == WF_JSON_MORE ? WF_READ_MORE : WF_READ_DONE;
}

void wf_reader_begin_call(struct wf_dialect_reader *r, enum wf_reader_state state)
{
    wf_buf_reset(&r->field);
    wf_buf_reset(&r->name);
    wf_buf_reset(&r->id);
    wf_buf_reset(&r->arguments);
    wf_buf_reset(&r->out);
    r->state = state;
    r->step = 0;
    r->schema = NULL;
    r->depth = 0;
    r->has_arguments = r->is_begun = r->is_text = false;
}

/* ---- text and thoughts ---- */

/* A mark in a text. */
struct found {
    size_t at; /* where it begins; the text's length when there is none */
    enum wf_read_step step;
    bool is_thought;
    const struct wf_dialect_section *section;
};

static enum wf_read_step compare(struct wf_str s, const char *mark, bool end)
{
    size_t n = strlen(mark);

    if (memcmp(s.ptr, mark, WF_MIN(n, s.len)) != 0)
        return WF_READ_BAD;
    return s.len >= n ? WF_READ_ON : end ? WF_READ_BAD : WF_READ_MORE;
}

/* What begins at the first byte of s. The longest mark counts; while a longer one may come, MORE.
 */
static enum wf_read_step mark_here(const struct wf_dialect_reader *r, struct wf_str s,
                                   bool is_first, struct found *f)
{
    const struct wf_dialect *d = r->d;
    size_t longest = 0;
    bool may_come = false;
    enum wf_read_step step;

    if (is_first && d->think_open != NULL) {
        step = compare(s, d->think_open, r->end);
        may_come = step == WF_READ_MORE;
        f->is_thought = step == WF_READ_ON;
        longest = f->is_thought ? strlen(d->think_open) : 0;
    }
    for (size_t i = 0; i < WF_DIALECT_SECTIONS && json_array_size(r->tools) > 0; i++) {
        const struct wf_dialect_section *section = &d->sections[i];
        if (section->begin == NULL)
            break;
        if (section->begin[0] == 0) {
            if (is_first && longest == 0 && (s.ptr[0] == '{' || s.ptr[0] == '['))
                f->section = section;
            continue;
        }
        step = compare(s, section->begin, r->end);
        may_come = may_come || step == WF_READ_MORE;
        if (step == WF_READ_ON && strlen(section->begin) > longest) {
            longest = strlen(section->begin);
            f->section = section;
            f->is_thought = false;
        }
    }
    if (may_come)
        return WF_READ_MORE;
    return f->is_thought || f->section != NULL ? WF_READ_ON : WF_READ_BAD;
}

static struct found find_mark(const struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    bool is_first = r->at_start;
    struct found f = {.at = 0, .step = WF_READ_BAD};

    for (; f.at < rest.len; f.at++) {
        f.is_thought = false;
        f.section = NULL;
        f.step = mark_here(r, wf_str_sub(rest, f.at, rest.len), is_first, &f);
        if (f.step != WF_READ_BAD)
            break;
        is_first = is_first && is_space(rest.ptr[f.at]);
    }
    return f;
}

static enum wf_read_step read_text(struct wf_dialect_reader *r)
{
    struct found f = find_mark(r);
    struct wf_str before = wf_str_sub(wf_reader_rest(r), 0, f.at);

    r->at += f.at;
    wf_reader_give_text(r, before);
    if (f.step != WF_READ_ON)
        return WF_READ_MORE;
    if (f.is_thought) {
        r->at += strlen(r->d->think_open);
        wf_buf_reset(&r->space);
        r->skips_space = true;
        r->state = WF_READER_REASONING;
        return WF_READ_ON;
    }
    r->section = f.section;
    r->state = WF_READER_BETWEEN;
    r->n_section = 0;
    r->in_list = r->in_call_frame = false;
    wf_buf_reset(&r->raw);
    if (!f.section->begin_is_open)
        wf_reader_take(r, strlen(f.section->begin));
    return WF_READ_ON;
}

static enum wf_read_step read_reasoning(struct wf_dialect_reader *r)
{
    struct wf_str rest = wf_reader_rest(r);
    enum wf_read_step step = WF_READ_BAD;
    size_t n = 0;

    for (; n < rest.len && step == WF_READ_BAD; n += step == WF_READ_BAD)
        step = compare(wf_str_sub(rest, n, rest.len), r->d->think_close, r->end);
    r->at += n;
    wf_reader_give_reasoning(r, wf_str_sub(rest, 0, n));
    if (step != WF_READ_ON)
        return WF_READ_MORE;
    r->at += strlen(r->d->think_close);
    wf_buf_reset(&r->space);
    r->skips_space = true;
    r->state = WF_READER_TEXT;
    return WF_READ_ON;
}

/* ---- sections ---- */

static enum wf_read_step leave_section(struct wf_dialect_reader *r)
{
    wf_buf_reset(&r->raw);
    r->state = WF_READER_TEXT;
    r->skips_space = true;
    return WF_READ_ON;
}

/* Takes one of the marks that stand between calls: ON, MORE, or BAD when there is none; DONE when
 * it ended the section. */
static enum wf_read_step take_frame(struct wf_dialect_reader *r)
{
    const struct wf_dialect_section *s = r->section;
    enum wf_read_step step = WF_READ_BAD, other;

    if (s->end != NULL) {
        step = wf_reader_take_mark(r, s->end);
        if (step == WF_READ_ON)
            return r->n_section > 0 ? WF_READ_DONE : WF_READ_BAD;
    }
    if (s->call_begin != NULL) {
        other = wf_reader_take_mark(r, r->in_call_frame ? s->call_end : s->call_begin);
        if (other == WF_READ_ON)
            r->in_call_frame = !r->in_call_frame;
        step = other != WF_READ_BAD ? other : step;
    }
    if (step == WF_READ_BAD && r->n_section > 0 && s->begin[0] != 0 && !s->begin_is_open &&
        s->end == NULL)
        step = wf_reader_take_mark(r, s->begin);
    return step;
}

/* Begins the call that stands here, if one does. */
static enum wf_read_step begin_any(struct wf_dialect_reader *r, char c)
{
    const struct wf_dialect_section *s = r->section;
    enum wf_read_step step = WF_READ_BAD;

    if ((s->forms & WF_CALL_MARKS) != 0 && s->marks->open[0] != 0) {
        step = wf_reader_looks_at(r, s->marks->open);
        if (step == WF_READ_ON)
            wf_reader_begin_call(r, WF_READER_MARKS);
        if (step != WF_READ_BAD)
            return step;
    }
    if (c == '{' && (s->forms & WF_CALL_JSON) != 0)
        wf_reader_begin_call(r, WF_READER_JSON);
    else if (!wf_reader_is_name(c))
        return WF_READ_BAD;
    else if ((s->forms & WF_CALL_PYTHON) != 0)
        wf_reader_begin_call(r, WF_READER_PYTHON);
    else if ((s->forms & WF_CALL_NAMED) != 0)
        wf_reader_begin_call(r, WF_READER_NAMED);
    else if ((s->forms & WF_CALL_MARKS) != 0 && s->marks->open[0] == 0)
        wf_reader_begin_call(r, WF_READER_MARKS);
    else
        return WF_READ_BAD;
    return WF_READ_ON;
}

static enum wf_read_step read_between(struct wf_dialect_reader *r)
{
    const unsigned lists = WF_CALL_JSON | WF_CALL_PYTHON;
    enum wf_read_step step;
    char c;

    if (!wf_reader_take_space(r))
        return WF_READ_MORE;
    step = take_frame(r);
    if (step == WF_READ_DONE)
        return leave_section(r);
    if (step != WF_READ_BAD)
        return step;
    if (!wf_reader_take_space(r)) /* the frame's end may have been the last */
        return WF_READ_MORE;
    c = wf_reader_rest(r).ptr[0];
    if ((c == ',' || c == ';') && r->n_section > 0) {
        wf_reader_take(r, 1);
        return WF_READ_ON;
    }
    if ((c == '[' && !r->in_list && (r->section->forms & lists) != 0) || (c == ']' && r->in_list)) {
        wf_reader_take(r, 1);
        r->in_list = c == '[';
        return WF_READ_ON;
    }
    step = begin_any(r, c);
    return step == WF_READ_BAD && r->n_section > 0 ? leave_section(r) : step;
}

void wf_reader_give_up(struct wf_dialect_reader *r)
{
    wf_reader_give_text(r, wf_buf_str(&r->raw));
    wf_buf_reset(&r->raw);
}

/* ---- the loop ---- */

static enum wf_read_step read_call(struct wf_dialect_reader *r)
{
    enum wf_read_step step;

    switch (r->state) {
    case WF_READER_JSON:
        step = wf_reader_json(r);
        break;
    case WF_READER_NAMED:
        step = wf_reader_named(r);
        break;
    case WF_READER_MARKS:
        step = wf_reader_marks(r);
        break;
    default:
        step = wf_reader_python(r);
        break;
    }
    if (r->is_begun)
        wf_reader_give_arguments(r);
    if (step == WF_READ_DONE) {
        r->state = WF_READER_BETWEEN;
        wf_buf_reset(&r->raw);
        return WF_READ_ON;
    }
    return step;
}

static enum wf_read_step step(struct wf_dialect_reader *r)
{
    enum wf_read_step step;

    switch (r->state) {
    case WF_READER_HARMONY:
        return wf_reader_harmony(r);
    case WF_READER_TEXT:
        return read_text(r);
    case WF_READER_REASONING:
        return read_reasoning(r);
    case WF_READER_BETWEEN:
        step = read_between(r);
        break;
    default:
        step = read_call(r);
        break;
    }
    if (step == WF_READ_BAD || (step == WF_READ_MORE && r->end)) {
        bool is_over = r->state == WF_READER_BETWEEN && r->n_section > 0 && step == WF_READ_MORE;
        if (is_over)
            return leave_section(r);
        wf_reader_give_up(r);
        r->state = WF_READER_TEXT;
        return WF_READ_ON;
    }
    return step;
}

int wf_dialect_reader_new(const struct wf_dialect *d, const json_t *tools, bool thinks,
                          struct wf_dialect_reader **out, struct wf_err *err)
{
    struct wf_dialect_reader *r = wf_alloc_array(1, sizeof(*r));
    struct wf_buf *bufs[8];

    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read an answer");
    *r = (struct wf_dialect_reader){.d = d, .tools = tools, .at_start = true};
    thinks = thinks && (d->think_close != NULL || d->is_harmony);
    r->skips_space = thinks;
    r->state = d->is_harmony ? WF_READER_HARMONY : thinks ? WF_READER_REASONING : WF_READER_TEXT;
    r->section = d->is_harmony ? &d->sections[0] : NULL;
    r->is_text = thinks;
    memcpy(bufs,
           (struct wf_buf *[]){&r->in, &r->raw, &r->space, &r->field, &r->name, &r->id,
                               &r->arguments, &r->out},
           sizeof(bufs));
    for (size_t i = 0; i < WF_ARRAY_LEN(bufs); i++)
        wf_buf_init(bufs[i], WF_LIMIT_ENCODE_BYTES);
    *out = r;
    return 0;
}

void wf_dialect_reader_free(struct wf_dialect_reader *r)
{
    if (r == NULL)
        return;
    wf_buf_deinit(&r->in);
    wf_buf_deinit(&r->raw);
    wf_buf_deinit(&r->space);
    wf_buf_deinit(&r->field);
    wf_buf_deinit(&r->name);
    wf_buf_deinit(&r->id);
    wf_buf_deinit(&r->arguments);
    wf_buf_deinit(&r->out);
    wf_free(r);
}

int wf_dialect_read(struct wf_dialect_reader *r, struct wf_str piece, bool end, wf_part_fn fn,
                    void *ud)
{
    if (r->status != 0)
        return r->status;
    note(r, wf_buf_append_str(&r->in, piece));
    r->fn = fn;
    r->ud = ud;
    r->end = end;
    while (r->status == 0 && step(r) != WF_READ_MORE)
        ;
    wf_buf_consume(&r->in, r->at);
    r->at = 0;
    if (end && r->status == 0 && r->state == WF_READER_TEXT && r->space.len > 0)
        give(r, &(struct wf_part){.kind = WF_PART_TEXT, .text = wf_buf_str(&r->space)});
    return r->status;
}
