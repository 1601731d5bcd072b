/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters that all faces have in common: OpenAI's, and those that clients of llama.cpp, vLLM
 * and Ollama send beside them. Names of one thing differ; each has its row. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "http/face.h"
#include "op/json.h"

#define BREAKERS_MAX 64
#define ADAPTERS_MAX 16

/* ---- values that are more than one number ---- */

static int add_stop(struct wf_face_call *c, struct wf_str *stops, size_t *n, const char *name,
                    const json_t *v, struct wf_err *err)
{
    if (!json_is_string(v) || json_string_length(v) == 0)
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be a text that is not empty, or an array of those.", name);
    stops[(*n)++] = wf_str_n(json_string_value(v), json_string_length(v));
    return 0;
}

int wf_face_read_stop(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct wf_gen_request *q = into;
    struct wf_str *stops = wf_arena_array(&c->arena, WF_LIMIT_STOPS, sizeof(*stops));
    size_t n = 0, i;
    json_t *item;
    int rc = 0;

    if (!stops)
        return wf_face_no_memory(err);
    if (json_array_size(v) > WF_LIMIT_STOPS)
        return wf_face_bad(c, name, "invalid_value", err, "\"%s\" may have at most %d texts.", name,
                           WF_LIMIT_STOPS);
    if (!json_is_array(v))
        rc = add_stop(c, stops, &n, name, v, err);
    json_array_foreach(v, i, item)
    {
        rc = add_stop(c, stops, &n, name, item, err);
        if (rc != 0)
            break;
    }
    if (rc != 0)
        return rc;
    q->stops = stops;
    q->n_stops = n;
    return 0;
}

int wf_face_read_schema(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    struct wf_gen_request *q = into;
    struct wf_err why = WF_ERR_INIT;
    json_t *parsed = NULL;

    if (json_is_object(v) || json_is_boolean(v)) {
        q->schema = v;
        return 0;
    }
    if (json_is_string(v) &&
        wf_json_parse(wf_str_n(json_string_value(v), json_string_length(v)), &parsed, &why) == 0 &&
        json_is_object(parsed)) {
        q->schema = wf_face_keep(c, parsed);
        return q->schema ? 0 : wf_face_no_memory(err);
    }
    json_decref(parsed);
    return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be a JSON Schema: an object.",
                       name);
}

static int read_seed(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                     struct wf_err *err)
{
    struct wf_gen_request *q = into;

    if (!json_is_integer(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be a whole number.", name);
    if (json_integer_value(v) != -1) /* llama.cpp's word for any */
        q->sampling.seed = (uint64_t)json_integer_value(v);
    return 0;
}

/* Who asks, as an application tells its own users apart: they get equal shares of a model. */
static int read_user(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                     struct wf_err *err)
{
    struct wf_gen_request *q = into;

    if (!json_is_string(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be a text.", name);
    q->client = wf_str_hash(wf_str_n(json_string_value(v), json_string_length(v)), q->client);
    return 0;
}

/* OpenAI's: "flex" can wait; nobody comes before the others. */
static int read_tier(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                     struct wf_err *err)
{
    static const char *const tiers[] = {"flex", "auto", "default", "priority", "scale"};
    struct wf_gen_request *q = into;

    for (size_t i = 0; i < WF_ARRAY_LEN(tiers) && json_is_string(v); i++) {
        if (strcmp(json_string_value(v), tiers[i]) == 0) {
            q->priority = i == 0 ? 1 : 0;
            return 0;
        }
    }
    return wf_face_bad(c, name, "invalid_value", err,
                       "\"%s\" must be auto, default, flex, priority or scale.", name);
}

/* -1 and 0 are both said for "off". */
static int read_top_k(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct wf_gen_request *q = into;
    json_int_t k = json_integer_value(v);

    if (!json_is_integer(v) || k < -1 || k > WF_LIMIT_MODEL_VOCAB)
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be a whole number from -1 to %u.", name,
                           WF_LIMIT_MODEL_VOCAB);
    q->sampling.top_k = k > 0 ? k : 0;
    return 0;
}

static int bad_bias(struct wf_face_call *c, const char *name, struct wf_err *err)
{
    return wf_face_bad(c, name, "invalid_value", err,
                       "\"%s\" must map ids of tokens to numbers from -100 to 100; at most %d.",
                       name, WF_LIMIT_BIASES);
}

/* -100 bans, as OpenAI says; false is llama.cpp's word for it. */
static bool bias_of(const json_t *v, float *out)
{
    double x = json_number_value(v);

    if (json_is_false(v)) {
        *out = -INFINITY;
        return true;
    }
    if (!json_is_number(v) || !(x >= -100 && x <= 100))
        return false;
    *out = x <= -100 ? -INFINITY : (float)x;
    return true;
}

static bool token_of(int64_t id, int32_t *out)
{
    if (id < 0 || id >= WF_LIMIT_MODEL_VOCAB)
        return false;
    *out = (int32_t)id;
    return true;
}

static int read_biases(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                       struct wf_err *err)
{
    struct wf_gen_request *q = into;
    size_t n_max = json_is_array(v) ? json_array_size(v) : json_object_size(v), n = 0, i;
    struct wf_logit_bias *biases;
    const char *key;
    json_t *item;

    if ((!json_is_object(v) && !json_is_array(v)) || n_max > WF_LIMIT_BIASES)
        return bad_bias(c, name, err);
    biases = wf_arena_array(&c->arena, n_max, sizeof(*biases));
    if (!biases)
        return wf_face_no_memory(err);
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        int64_t id = -1;
        if (!wf_str_to_i64(wf_str_from(key), &id) || !token_of(id, &biases[n].id) ||
            !bias_of(item, &biases[n++].bias))
            return bad_bias(c, name, err);
    }
    json_array_foreach(v, i, item)
    {
        const json_t *id = json_array_get(item, 0);
        if (json_array_size(item) != 2 || !json_is_integer(id) ||
            !token_of(json_integer_value(id), &biases[n].id) ||
            !bias_of(json_array_get(item, 1), &biases[n++].bias))
            return bad_bias(c, name, err);
    }
    q->sampling.biases = biases;
    q->sampling.n_biases = n;
    return 0;
}

static int read_breakers(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct wf_gen_request *q = into;
    size_t n = json_array_size(v), i;
    const char **texts = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*texts));
    json_t *item;

    if (!texts)
        return wf_face_no_memory(err);
    if (!json_is_array(v) || n > BREAKERS_MAX)
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be an array of at most %d texts.", name, BREAKERS_MAX);
    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item))
            return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an array of texts.",
                               name);
        texts[i] = json_string_value(item);
    }
    q->sampling.breakers = texts;
    q->sampling.n_breakers = n;
    return 0;
}

static int read_adapters(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct wf_gen_request *q = into;
    size_t n = json_array_size(v), i;
    struct wf_adapter_choice *list = wf_arena_array(&c->arena, WF_MAX(n, (size_t)1), sizeof(*list));
    json_t *item;

    if (!list)
        return wf_face_no_memory(err);
    if (!json_is_array(v) || n > ADAPTERS_MAX)
        return wf_face_bad(c, name, "invalid_type", err,
                           "\"%s\" must be an array of at most %d adapters.", name, ADAPTERS_MAX);
    json_array_foreach(v, i, item)
    {
        static const struct wf_face_param rows[] = {
            {"name", WF_FACE_TEXT, offsetof(struct wf_adapter_choice, name), 0, 0, NULL, NULL},
            {"scale", WF_FACE_FLOAT, offsetof(struct wf_adapter_choice, scale), -100, 100, NULL,
             NULL},
        };
        struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), &list[i]};
        char where[48];
        int rc;
        list[i].scale = 1;
        snprintf(where, sizeof(where), "%.24s[%zu].", name, i);
        rc = json_is_object(item) ? wf_face_read(c, item, where, &table, 1, err) : WF_E_INVAL;
        if (rc != 0 && c->param[0])
            return rc;
        if (rc != 0 || !list[i].name)
            return wf_face_bad(c, name, "invalid_value", err,
                               "\"%s\" must be an array of {\"name\", \"scale\"}.", name);
    }
    q->adapters = list;
    q->n_adapters = n;
    return 0;
}

int wf_face_overflow(struct wf_face_call *c, const char *name, const json_t *v,
                     enum wf_overflow *out, struct wf_err *err)
{
    const char *s = json_string_value(v);

    if (s && strcmp(s, "truncate") == 0)
        *out = WF_OVERFLOW_TRUNCATE;
    else if (s && strcmp(s, "refuse") == 0)
        *out = WF_OVERFLOW_REFUSE;
    else
        return wf_face_bad(c, name, "invalid_value", err,
                           "\"%s\" must be \"truncate\" or \"refuse\".", name);
    return 0;
}

static int read_overflow(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                         struct wf_err *err)
{
    struct wf_gen_request *q = into;

    return wf_face_overflow(c, name, v, &q->overflow, err);
}

/* "fence": the marks around documents that are attached; taken where they are (openai_message.c).
 */
static int read_fence(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err)
{
    struct wf_fence fence;

    (void)into;
    return json_is_string(v) && wf_fence_again(wf_str_from(json_string_value(v)), &fence)
               ? 0
               : wf_face_bad(c, name, "invalid_value", err,
                             "\"%s\" must be as POST /weft/v1/release gives it.", name);
}

/* weft_release: {"id", "reason", "fence"}, a person's release of this very request; {"as_is"} for
 * looking. */
static int read_release(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err)
{
    static const struct wf_face_param rows[] = {
        {"id", WF_FACE_TEXT, offsetof(struct wf_gen_request, release_id), 0, 0, NULL, NULL},
        {"reason", WF_FACE_TEXT, offsetof(struct wf_gen_request, release_reason), 0, 0, NULL, NULL},
        {"as_is", WF_FACE_BOOL, offsetof(struct wf_gen_request, release_as_is), 0, 0, NULL, NULL},
        {"fence", WF_FACE_READ, 0, 0, 0, read_fence, NULL},
    };
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), into};
    const struct wf_gen_request *q = into;
    int rc;

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    rc = wf_face_read(c, v, "weft_release.", &table, 1, err);
    if (rc == 0 && (q->release_id == NULL) != (q->release_reason == NULL))
        rc = wf_face_bad(c, name, "invalid_value", err,
                         "\"%s\" must have an \"id\", as POST /weft/v1/release gives it, and "
                         "a \"reason\".",
                         name);
    return rc;
}

int wf_face_template_var(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                         json_t *v, struct wf_err *err)
{
    json_t *vars = (json_t *)(uintptr_t)q->template_vars; /* made here, below */

    if (!vars) {
        vars = wf_face_keep(c, json_object());
        q->template_vars = vars;
    }
    if (!vars) {
        json_decref(v);
        return wf_face_no_memory(err);
    }
    return json_object_set_new(vars, name, v) == 0 ? 0 : wf_face_no_memory(err);
}

static int read_template_vars(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                              struct wf_err *err)
{
    const char *key;
    json_t *item;

    if (!json_is_object(v))
        return wf_face_bad(c, name, "invalid_type", err, "\"%s\" must be an object.", name);
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        int rc = wf_face_template_var(c, into, key, json_incref(item), err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- the table ---- */

#define FIELD(f) offsetof(struct wf_gen_request, f)
#define NUMBER(name, field, min, max)                                                              \
    {                                                                                              \
        name, WF_FACE_FLOAT, FIELD(sampling.field), min, max, NULL, NULL                           \
    }
#define COUNT(name, field, min, max)                                                               \
    {                                                                                              \
        name, WF_FACE_INT, FIELD(sampling.field), min, max, NULL, NULL                             \
    }
#define READ(name, fn)                                                                             \
    {                                                                                              \
        name, WF_FACE_READ, 0, 0, 0, fn, NULL                                                      \
    }
#define TEXT(name, field)                                                                          \
    {                                                                                              \
        name, WF_FACE_TEXT, FIELD(field), 0, 0, NULL, NULL                                         \
    }

#define TOKENS_MAX ((double)WF_LIMIT_MODEL_CONTEXT)

const struct wf_face_param wf_face_sampling_rows[] = {
    NUMBER("temperature", temperature, 0, 2),
    NUMBER("top_p", top_p, 0, 1),
    NUMBER("min_p", min_p, 0, 1),
    NUMBER("typical_p", typical_p, 0, 1),
    NUMBER("repeat_penalty", repeat_penalty, 0.01, 10),
    NUMBER("repetition_penalty", repeat_penalty, 0.01, 10),
    NUMBER("frequency_penalty", frequency_penalty, -2, 2),
    NUMBER("presence_penalty", presence_penalty, -2, 2),
    COUNT("repeat_last_n", repeat_last_n, -1, TOKENS_MAX),
    COUNT("mirostat", mirostat, 0, 2),
    NUMBER("mirostat_tau", mirostat_tau, 0, 100),
    NUMBER("mirostat_eta", mirostat_eta, 0, 10),
    NUMBER("dry_multiplier", dry_multiplier, 0, 100),
    NUMBER("dry_base", dry_base, 1, 100),
    COUNT("dry_allowed_length", dry_allowed_length, 0, TOKENS_MAX),
    COUNT("dry_penalty_last_n", dry_last_n, -1, TOKENS_MAX),
    COUNT("dry_last_n", dry_last_n, -1, TOKENS_MAX),
    NUMBER("xtc_probability", xtc_probability, 0, 1),
    NUMBER("xtc_threshold", xtc_threshold, 0, 1),
    READ("dry_sequence_breakers", read_breakers),
    READ("top_k", read_top_k),
    READ("seed", read_seed),
    READ("user", read_user),
    READ("safety_identifier", read_user),
    READ("service_tier", read_tier),
    READ("logit_bias", read_biases),
    READ("stop", wf_face_read_stop),
    READ("lora", read_adapters),
    READ("overflow", read_overflow),
    READ("weft_release", read_release),
    READ("chat_template_kwargs", read_template_vars),
    READ("guided_json", wf_face_read_schema),
    READ("json_schema", wf_face_read_schema),
    TEXT("grammar", grammar),
    TEXT("guided_grammar", grammar),
    TEXT("model", model),
    TEXT("weft_generation", name),
    {"ignore_eos", WF_FACE_BOOL, FIELD(ignore_eos), 0, 0, NULL, NULL},
};
const size_t wf_face_sampling_n_rows = WF_ARRAY_LEN(wf_face_sampling_rows);
