/* SPDX-License-Identifier: Apache-2.0 */
/* understand: what a sentence in plain words asks for. The lens says it, skill/wish makes a command
 * of it; nothing is run. */
#include <math.h>

#include "engine/lens.h"
#include "op/op_internal.h"
#include "os/zone.h"
#include "skill/wish.h"

static const char *state_name(enum wf_wish_state state)
{
    switch (state) {
    case WF_WISH_UNKNOWN:
        break;
    case WF_WISH_RUN:
        return "run";
    case WF_WISH_LACKING:
        return "lacking";
    case WF_WISH_NOT_YET:
        return "not_yet";
    }
    return "not_understood";
}

static const char *names_name(enum wf_wish_names names)
{
    switch (names) {
    case WF_WISH_WORDS:
        break;
    case WF_WISH_FILE:
        return "file";
    case WF_WISH_DOCUMENT:
        return "document";
    }
    return "words";
}

static double score(float x)
{
    return isfinite(x) ? round((double)x * 1e4) / 1e4 : 0;
}

static json_t *slots_json(struct wf_str text, const struct wf_lens_answer *a)
{
    json_t *array = json_array();

    for (size_t i = 0; i < a->slots.n; i++) {
        const struct wf_lens_mark *m = &a->slots.items[i];
        json_array_append_new(array,
                              json_pack("{s:o, s:o, s:I, s:I, s:f}", "type", wf_json_str(m->type),
                                        "text", wf_json_str(wf_str_sub(text, m->from, m->to)),
                                        "start", (json_int_t)m->start, "end", (json_int_t)m->end,
                                        "score", score(m->score)));
    }
    return array;
}

static json_t *command_json(const struct wf_wish *w)
{
    json_t *array = json_array();

    for (size_t i = 0; i < w->n_args; i++)
        json_array_append_new(array, wf_json_str(w->args[i]));
    if (w->state == WF_WISH_RUN)
        return array;
    json_decref(array);
    return json_null();
}

static json_t *when_json(const struct wf_wish *w)
{
    char local[WF_CIVIL_BYTES];

    if (!w->has_when)
        return json_null();
    return json_pack("{s:s, s:I, s:b, s:b}", "local", wf_civil_print(&w->when.at, local), "at",
                     (json_int_t)wf_zone_ms(&w->when.at), "has_time", w->when.has_time, "repeats",
                     w->when.repeats);
}

static json_t *wish_json(struct wf_str text, const struct wf_lens_answer *a,
                         const struct wf_wish *w)
{
    return json_pack("{s:o, s:f, s:o, s:b, s:o, s:s, s:s, s:b, s:o}", "intent",
                     wf_json_str(w->intent), "score", score(w->score), "slots", slots_json(text, a),
                     "in_scope", a->in_scope, "command", command_json(w), "state",
                     state_name(w->state), "names", names_name(w->names), "changes", w->changes,
                     "when", when_json(w));
}

int wf_op__understand(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .set = "weft"};
    struct wf_lens_answer a;
    struct wf_civil now;
    struct wf_wish w;
    int rc = wf_param_str(call->params, "text", true, &ask.text, err);

    if (rc == 0 && ctx->is_plain_off)
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "Sentences in plain words are switched off (plain_words = off).");
    if (rc == 0 && ctx->lens == NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "There is no lens to understand sentences with.");
    ask.text = wf_str_trim(ask.text);
    if (rc == 0 && ask.text.len > WF_WISH_BYTES_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "This is too long for a command in plain words.");
    if (rc == 0)
        rc = wf_lens_pool_run(ctx->lens, &ask, 1, &a, err);
    if (rc != 0)
        return rc;
    wf_zone_civil(wf_clock_wall_ms(ctx->clock), &now);
    wf_wish_make(ask.text, &a, &now, &w);
    rc = wf_op__give(wish_json(ask.text, &a, &w), out_result, err);
    wf_lens_answer_deinit(&a);
    return rc;
}
