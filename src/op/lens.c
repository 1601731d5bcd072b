/* SPDX-License-Identifier: Apache-2.0 */
/* Answers are written as text: a vector's 256 numbers cost more through a JSON library than through
 * the encoder. */
#include "op/lens.h"

#include <math.h>

#include "op/json.h"

int wf_op_lens_ask(const json_t *v, unsigned task, const char *set, struct wf_lens_ask *out,
                   struct wf_err *err)
{
    struct wf_lens_ask ask = {.tasks = task, .set = set};
    bool is_embedding = task == WF_LENS_EMBED;
    int rc;

    if (!json_is_object(v))
        return wf_err_set(err, WF_E_INVAL, "A line must be a JSON object with a \"text\".");
    rc = wf_param_str(v, "question", task == WF_LENS_SPANS, &ask.question, err);
    if (rc == 0)
        rc = wf_param_str(v, "text", false, &ask.text, err);
    if (rc == 0 && !json_is_string(json_object_get(v, "text")) &&
        !(is_embedding && ask.question.len > 0))
        rc = wf_err_set(err, WF_E_INVAL, "The member \"text\" is missing.");
    if (rc == 0)
        *out = ask;
    return rc;
}

/* A value of a unit vector, to seven places. */
static void append_part(struct wf_buf *out, float x)
{
    char text[16];
    size_t n = sizeof(text);
    long v = lrintf(fabsf(x) * 1e7f);

    if (!(v > 0 && v <= 10000000)) {
        (void)wf_buf_append_byte(out, '0');
        return;
    }
    for (int i = 0; i < 8; i++, v /= 10) {
        text[--n] = (char)('0' + v % 10);
        if (i == 6)
            text[--n] = '.';
    }
    if (x < 0)
        text[--n] = '-';
    (void)wf_buf_append(out, text + n, sizeof(text) - n);
}

static void append_string(struct wf_buf *out, struct wf_str s)
{
    json_t *v = wf_json_str(s);

    if (v == NULL)
        (void)wf_buf_append_cstr(out, "null"); /* out of memory: an answer without the name */
    else
        (void)wf_json_append(out, v);
    json_decref(v);
}

static void append_score(struct wf_buf *out, const char *name, float x)
{
    (void)wf_buf_appendf(out, "\"%s\":%.6g", name, isfinite(x) ? (double)x : 0.0);
}

static void append_marks(struct wf_buf *out, const char *name, const struct wf_lens_marks *m,
                         bool has_places, bool has_types)
{
    (void)wf_buf_appendf(out, "\"%s\":[", name);
    for (size_t i = 0; i < m->n; i++) {
        const struct wf_lens_mark *k = &m->items[i];
        (void)wf_buf_append_cstr(out, i > 0 ? ",{" : "{");
        if (has_places)
            (void)wf_buf_appendf(out, "\"start\":%zu,\"end\":%zu,", k->start, k->end);
        if (has_types) {
            (void)wf_buf_append_cstr(out, "\"type\":");
            append_string(out, k->type);
            (void)wf_buf_append_byte(out, ',');
        }
        append_score(out, "score", k->score);
        (void)wf_buf_append_byte(out, '}');
    }
    (void)wf_buf_append_byte(out, ']');
}

static void append_vector(struct wf_buf *out, const struct wf_lens_answer *a)
{
    (void)wf_buf_append_cstr(out, "\"vector\":[");
    for (size_t i = 0; i < WF_LENS_DIMS; i++) {
        if (i > 0)
            (void)wf_buf_append_byte(out, ',');
        append_part(out, a->vector[i]);
    }
    (void)wf_buf_append_byte(out, ']');
}

static void append_span(struct wf_buf *out, const struct wf_lens_ask *ask,
                        const struct wf_lens_answer *a)
{
    (void)wf_buf_append_cstr(out, "\"answer\":");
    append_string(out, wf_str_sub(ask->text, a->span.from, a->span.to));
    (void)wf_buf_appendf(out, ",\"start\":%zu,\"end\":%zu,", a->span.start, a->span.end);
    append_score(out, "score", a->span.score);
    (void)wf_buf_append_byte(out, ',');
    append_score(out, "none", a->none);
    if (a->sentences.n > 0) {
        (void)wf_buf_append_byte(out, ',');
        append_marks(out, "sentences", &a->sentences, true, false);
    }
}

static void append_intent(struct wf_buf *out, const struct wf_lens_answer *a)
{
    (void)wf_buf_append_cstr(out, "\"intent\":");
    append_string(out, a->intent);
    (void)wf_buf_append_byte(out, ',');
    append_score(out, "score", a->intent_score);
    (void)wf_buf_append_byte(out, ',');
    append_marks(out, "slots", &a->slots, true, true);
    (void)wf_buf_appendf(out, ",\"in_scope\":%s", a->in_scope ? "true" : "false");
}

int wf_op_lens_append(struct wf_buf *out, const struct wf_lens_ask *ask,
                      const struct wf_lens_answer *a)
{
    (void)wf_buf_append_byte(out, '{');
    switch (ask->tasks) {
    case WF_LENS_EMBED:
        append_vector(out, a);
        break;
    case WF_LENS_SPANS:
        append_span(out, ask, a);
        break;
    case WF_LENS_ENTITIES:
        append_marks(out, "entities", &a->entities, true, true);
        break;
    case WF_LENS_SALIENCE:
        append_marks(out, "sentences", &a->sentences, true, false);
        break;
    case WF_LENS_INTENT:
        append_intent(out, a);
        break;
    case WF_LENS_LANGUAGE:
        (void)wf_buf_append_cstr(out, "\"language\":");
        append_string(out, a->language);
        (void)wf_buf_append_byte(out, ',');
        append_score(out, "score", a->language_score);
        break;
    default:
        append_marks(out, "labels", &a->sensitivity, false, true);
        break;
    }
    return wf_buf_append_byte(out, '}');
}
