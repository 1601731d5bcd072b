/* SPDX-License-Identifier: Apache-2.0 */
/* What the router learns of engines' answers: a person's word about one (feedback), a question
 * whose answer is known (evaluate). */
#include <string.h>

#include "base/alloc.h"
#include "op/op_internal.h"
#include "op/router.h"

/* Right answers of one question; tokens of an answer where nobody says how many. */
#define ANSWERS_MAX 64
#define TOKENS_MAX 1024
#define TOKENS_MOST 100000

static int no_router(struct wf_err *err)
{
    return wf_err_set(err, WF_E_UNSUPPORTED, "Nothing is learned of engines without a home.");
}

int wf_op__feedback(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                    struct wf_err *err)
{
    struct wf_str id = WF_STR(""), rating = WF_STR("");
    int rc = wf_param_str(call->params, "id", true, &id, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "rating", true, &rating, err);
    if (rc == 0 && !wf_str_eq(rating, WF_STR("good")) && !wf_str_eq(rating, WF_STR("bad")))
        rc = wf_err_set(err, WF_E_INVAL, "\"rating\" is good or bad.");
    if (rc == 0 && ctx->router == NULL)
        rc = no_router(err);
    return rc == 0
               ? wf_router_rate(ctx->router, id, wf_str_eq(rating, WF_STR("good")), out_result, err)
               : rc;
}

/* A text, or a list of them. */
static int read_answers(const json_t *v, struct wf_str out[ANSWERS_MAX], size_t *out_n,
                        struct wf_err *err)
{
    const json_t *one = v;
    const size_t n = json_is_array(v) ? json_array_size(v) : 1;

    if (n == 0 || n > ANSWERS_MAX)
        return wf_err_set(err, WF_E_INVAL, "\"answers\" are 1 to %d texts.", ANSWERS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (json_is_array(v))
            one = json_array_get(v, i);
        if (!json_is_string(one))
            return wf_err_set(err, WF_E_INVAL, "\"answers\" must be a text or a list of texts.");
        out[i] = wf_str_n(json_string_value(one), json_string_length(one));
    }
    *out_n = n;
    return 0;
}

int wf_op__evaluate(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                    struct wf_err *err)
{
    struct wf_str engine = WF_STR(""), answers[ANSWERS_MAX];
    struct wf_router_trial t = {
        .answers = answers, .canceled = call->sink->canceled, .ud = call->sink->ud};
    int64_t n_max = TOKENS_MAX;
    int rc = wf_param_str(call->params, "engine", true, &engine, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "question", true, &t.question, err);
    if (rc == 0)
        rc = read_answers(json_object_get(call->params, "answers"), answers, &t.n_answers, err);
    if (rc == 0)
        rc = wf_param_int(call->params, "max_tokens",
                          (struct wf_param_range){1, TOKENS_MOST, TOKENS_MAX}, &n_max, err);
    if (rc == 0 && ctx->router == NULL)
        rc = no_router(err);
    if (rc != 0)
        return rc;
    t.engine = engine.ptr; /* of a JSON string: it ends in a NUL */
    t.n_max = (size_t)n_max;
    return wf_router_try(ctx->router, &t, out_result, err);
}
