/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a chat: how the next token is chosen, how long the answer may become, how the
 * model is loaded. One table; a name that is not in it is an error, as it is for other parameters.
 */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "op/op_chat.h"
#include "op/op_internal.h"

enum kind {
    REAL,  /* float */
    WHOLE, /* int64_t */
    SIZE,  /* size_t */
};

#define FIELD(f) offsetof(struct wf_gen_request, f)
#define TOKENS_MAX ((double)WF_LIMIT_MODEL_CONTEXT)

static const struct row {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct wf_gen_request */
    double min, max;
} rows[] = {
    {"temperature", REAL, FIELD(sampling.temperature), 0, 2},
    {"top_k", WHOLE, FIELD(sampling.top_k), 0, WF_LIMIT_MODEL_VOCAB},
    {"top_p", REAL, FIELD(sampling.top_p), 0, 1},
    {"min_p", REAL, FIELD(sampling.min_p), 0, 1},
    {"typical_p", REAL, FIELD(sampling.typical_p), 0, 1},
    {"repeat_penalty", REAL, FIELD(sampling.repeat_penalty), 0.01, 10},
    {"frequency_penalty", REAL, FIELD(sampling.frequency_penalty), -2, 2},
    {"presence_penalty", REAL, FIELD(sampling.presence_penalty), -2, 2},
    {"repeat_last_n", WHOLE, FIELD(sampling.repeat_last_n), -1, TOKENS_MAX},
    {"mirostat", WHOLE, FIELD(sampling.mirostat), 0, 2},
    {"mirostat_tau", REAL, FIELD(sampling.mirostat_tau), 0, 100},
    {"mirostat_eta", REAL, FIELD(sampling.mirostat_eta), 0, 10},
    {"dry_multiplier", REAL, FIELD(sampling.dry_multiplier), 0, 100},
    {"dry_base", REAL, FIELD(sampling.dry_base), 1, 100},
    {"dry_allowed_length", WHOLE, FIELD(sampling.dry_allowed_length), 0, TOKENS_MAX},
    {"dry_last_n", WHOLE, FIELD(sampling.dry_last_n), -1, TOKENS_MAX},
    {"xtc_probability", REAL, FIELD(sampling.xtc_probability), 0, 1},
    {"xtc_threshold", REAL, FIELD(sampling.xtc_threshold), 0, 1},
    {"max_tokens", SIZE, FIELD(n_max), 0, TOKENS_MAX},
    {"context", SIZE, FIELD(load.n_context), 0, TOKENS_MAX},
};

static int set_number(struct wf_gen_request *q, const struct row *row, const json_t *v,
                      struct wf_err *err)
{
    void *field = (char *)q + row->offset;
    double x = json_number_value(v);

    if (!json_is_number(v) || !(x >= row->min && x <= row->max) ||
        (row->kind != REAL && x != floor(x)))
        return wf_err_set(err, WF_E_INVAL, "\"%s\" must be a %s from %g to %g.", row->name,
                          row->kind == REAL ? "number" : "whole number", row->min, row->max);
    switch (row->kind) {
    case REAL:
        *(float *)field = (float)x;
        return 0;
    case WHOLE:
        *(int64_t *)field = (int64_t)x;
        return 0;
    case SIZE:
        *(size_t *)field = (size_t)x;
        return 0;
    }
    return 0;
}

static int set_seed(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wf_err_set(err, WF_E_INVAL, "\"seed\" must be a whole number of at least 0.");
    c->q.sampling.seed = (uint64_t)json_integer_value(v);
    return 0;
}

static int set_keep_alive(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    json_int_t s = json_integer_value(v);

    if (!json_is_integer(v) || s < -1 || s > INT32_MAX)
        return wf_err_set(err, WF_E_INVAL,
                          "\"keep_alive\" must be seconds; -1: always, 0: not at all.");
    c->q.load.keep_alive_s = s == 0 ? WF_KEEP_ALIVE_NONE : s;
    return 0;
}

static int add_stop(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    size_t n = json_string_length(v);

    if (!json_is_string(v) || n == 0 || n > WF_LIMIT_STOP_BYTES || c->q.n_stops == WF_LIMIT_STOPS)
        return wf_err_set(err, WF_E_INVAL,
                          "\"stop\" must be a text that is not empty, or a list of at most %d.",
                          WF_LIMIT_STOPS);
    c->stops[c->q.n_stops++] = wf_str_n(json_string_value(v), n);
    return 0;
}

static int set_stops(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    const json_t *stop;
    size_t i;
    int rc = 0;

    c->q.stops = c->stops;
    if (!json_is_array(v))
        return add_stop(c, v, err);
    json_array_foreach(v, i, stop)
    {
        rc = add_stop(c, stop, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int set_overflow(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    const char *s = json_is_string(v) ? json_string_value(v) : "";

    if (strcmp(s, "truncate") == 0)
        c->q.overflow = WF_OVERFLOW_TRUNCATE;
    else if (strcmp(s, "refuse") == 0)
        c->q.overflow = WF_OVERFLOW_REFUSE;
    else
        return wf_err_set(err, WF_E_INVAL, "\"overflow\" must be \"refuse\" or \"truncate\".");
    return 0;
}

/* Three names for one thing: which one a template knows is its own business. */
static int set_think(struct wf_op_chat *c, const json_t *v, struct wf_err *err)
{
    if (!json_is_boolean(v))
        return wf_err_set(err, WF_E_INVAL, "\"think\" must be true or false.");
    c->template_vars =
        json_pack("{s:b, s:b}", "enable_thinking", json_is_true(v), "thinking", json_is_true(v));
    c->q.template_vars = c->template_vars;
    return c->template_vars ? 0 : wf_op__no_memory(err);
}

static const struct {
    const char *name;
    int (*set)(struct wf_op_chat *c, const json_t *v, struct wf_err *err);
} others[] = {
    {"seed", set_seed},         {"keep_alive", set_keep_alive}, {"stop", set_stops},
    {"overflow", set_overflow}, {"think", set_think},
};

static int set(struct wf_op_chat *c, const char *name, const json_t *v, struct wf_err *err)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return set_number(&c->q, &rows[i], v, err);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        if (strcmp(others[i].name, name) == 0)
            return others[i].set(c, v, err);
    }
    return wf_err_set(err, WF_E_INVAL, "\"%.80s\" is not a known option here.", name);
}

const char *wf_op_chat_option(size_t i)
{
    if (i < WF_ARRAY_LEN(rows))
        return rows[i].name;
    i -= WF_ARRAY_LEN(rows);
    return i < WF_ARRAY_LEN(others) ? others[i].name : NULL;
}

int wf_op__chat_options(struct wf_op_chat *c, const json_t *options, struct wf_err *err)
{
    const char *name;
    json_t *v;

    if (!options || json_is_null(options))
        return 0;
    if (!json_is_object(options))
        return wf_err_set(err, WF_E_INVAL, "\"options\" must be an object.");
    json_object_foreach((json_t *)(uintptr_t)options, name, v)
    {
        int rc = json_is_null(v) ? 0 : set(c, name, v, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int wf_op_chat_check(const json_t *options, struct wf_err *err)
{
    struct wf_op_chat c = {.template_vars = NULL};
    int rc = wf_op__chat_options(&c, options, err);

    json_decref(c.template_vars);
    return rc;
}
