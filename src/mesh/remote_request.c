/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as JSON and back (form in remote_request.h). One table has the numbers, so that what is
 * written is what is read; the reader holds whoever sent it for hostile: every count, length and
 * number has its bounds, and nothing but those of the table reaches the sampler. */
#include "mesh/remote_request.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "mesh/remote_request_internal.h"
#include "text/utf8.h"

#define VERSION 1

/* ---- numbers ---- */

enum number_kind {
    NUMBER_FLOAT,
    NUMBER_INT,
    NUMBER_SIZE,
    NUMBER_BOOL,
};

struct number {
    const char *name;
    size_t offset; /* in struct wf_gen_request */
    enum number_kind kind;
    double min, max;
};

#define FIELD(f) offsetof(struct wf_gen_request, f)
#define TOKENS_MAX ((double)WF_LIMIT_MODEL_CONTEXT)

static const struct number of_sampling[] = {
    {"temperature", FIELD(sampling.temperature), NUMBER_FLOAT, 0, 100},
    {"top_k", FIELD(sampling.top_k), NUMBER_INT, 0, WF_LIMIT_MODEL_VOCAB},
    {"top_p", FIELD(sampling.top_p), NUMBER_FLOAT, 0, 1},
    {"min_p", FIELD(sampling.min_p), NUMBER_FLOAT, 0, 1},
    {"typical_p", FIELD(sampling.typical_p), NUMBER_FLOAT, 0, 1},
    {"repeat_penalty", FIELD(sampling.repeat_penalty), NUMBER_FLOAT, 0.01, 10},
    {"frequency_penalty", FIELD(sampling.frequency_penalty), NUMBER_FLOAT, -2, 2},
    {"presence_penalty", FIELD(sampling.presence_penalty), NUMBER_FLOAT, -2, 2},
    {"repeat_last_n", FIELD(sampling.repeat_last_n), NUMBER_INT, -1, TOKENS_MAX},
    {"mirostat", FIELD(sampling.mirostat), NUMBER_INT, 0, 2},
    {"mirostat_tau", FIELD(sampling.mirostat_tau), NUMBER_FLOAT, 0, 100},
    {"mirostat_eta", FIELD(sampling.mirostat_eta), NUMBER_FLOAT, 0, 10},
    {"dry_multiplier", FIELD(sampling.dry_multiplier), NUMBER_FLOAT, 0, 100},
    {"dry_base", FIELD(sampling.dry_base), NUMBER_FLOAT, 1, 100},
    {"dry_allowed_length", FIELD(sampling.dry_allowed_length), NUMBER_INT, 0, TOKENS_MAX},
    {"dry_last_n", FIELD(sampling.dry_last_n), NUMBER_INT, -1, TOKENS_MAX},
    {"xtc_probability", FIELD(sampling.xtc_probability), NUMBER_FLOAT, 0, 1},
    {"xtc_threshold", FIELD(sampling.xtc_threshold), NUMBER_FLOAT, 0, 1},
};

static const struct number of_request[] = {
    {"max", FIELD(n_max), NUMBER_SIZE, 0, TOKENS_MAX},
    {"choices", FIELD(n_choices), NUMBER_SIZE, 0, WF_LIMIT_CHOICES},
    {"top_logprobs", FIELD(n_top_logprobs), NUMBER_SIZE, 0, WF_LIMIT_LOGPROBS},
    {"logprobs", FIELD(wants_logprobs), NUMBER_BOOL, 0, 1},
    {"ignore_eos", FIELD(ignore_eos), NUMBER_BOOL, 0, 1},
    {"grammar_if_able", FIELD(grammar_if_able), NUMBER_BOOL, 0, 1},
    {"continue", FIELD(continue_last), NUMBER_BOOL, 0, 1},
};

static json_t *number_json(const struct number *n, const void *base)
{
    const char *at = (const char *)base + n->offset;

    switch (n->kind) {
    case NUMBER_FLOAT:
        return json_real((double)*(const float *)(const void *)at);
    case NUMBER_INT:
        return json_integer((json_int_t) * (const int64_t *)(const void *)at);
    case NUMBER_SIZE:
        return json_integer((json_int_t)WF_MIN(*(const size_t *)(const void *)at, (size_t)n->max));
    case NUMBER_BOOL:
        break;
    }
    return json_boolean(*(const bool *)at);
}

static int write_numbers(const struct number *rows, size_t n, const void *base, json_t *into)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = json_object_set_new(into, rows[i].name, number_json(&rows[i], base));
    return rc;
}

static bool is_of_kind(const struct number *n, const json_t *v)
{
    if (n->kind == NUMBER_BOOL)
        return json_is_boolean(v);
    return n->kind == NUMBER_FLOAT ? json_is_number(v) : json_is_integer(v);
}

static int read_number(const struct number *n, const json_t *v, void *base, struct wf_err *err)
{
    char *at = (char *)base + n->offset;
    const double x = n->kind == NUMBER_BOOL ? json_is_true(v) : json_number_value(v);

    if (!is_of_kind(n, v))
        return wf_err_set(err, WF_E_FORMAT, "\"%s\" of another node's request is no number.",
                          n->name);
    if (!(x >= n->min && x <= n->max))
        return wf_err_set(err, WF_E_RANGE, "\"%s\" of another node's request is out of range.",
                          n->name);
    switch (n->kind) {
    case NUMBER_FLOAT:
        *(float *)(void *)at = (float)x;
        break;
    case NUMBER_INT:
        *(int64_t *)(void *)at = json_integer_value(v);
        break;
    case NUMBER_SIZE:
        *(size_t *)(void *)at = (size_t)json_integer_value(v);
        break;
    case NUMBER_BOOL:
        *(bool *)at = json_is_true(v);
        break;
    }
    return 0;
}

static int read_numbers(const struct number *rows, size_t n, const json_t *from, void *base,
                        struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const json_t *v = json_object_get(from, rows[i].name);
        if (v != NULL)
            rc = read_number(&rows[i], v, base, err);
    }
    return rc;
}

/* ---- writing ---- */

/* Sets a member that is there; NULL: out of memory. */
static int set(json_t *into, const char *name, json_t *v)
{
    return json_object_set_new(into, name, v);
}

static int set_text(json_t *into, const char *name, const char *text)
{
    return text == NULL ? 0 : set(into, name, json_string(text));
}

/* A value of the request, which is borrowed: it is only read. */
static int set_value(json_t *into, const char *name, const json_t *v)
{
    return v == NULL ? 0 : json_object_set(into, name, (json_t *)(uintptr_t)v);
}

static int set_bytes(json_t *into, const char *name, const char *name64, struct wf_str s)
{
    const size_t room = sodium_base64_ENCODED_LEN(s.len, sodium_base64_VARIANT_ORIGINAL);
    struct wf_buf b;
    int rc;

    if (wf_utf8_valid_prefix(s) == s.len)
        return set(into, name, wf_json_str(s));
    wf_buf_init(&b, SIZE_MAX);
    rc = wf_buf_reserve(&b, room);
    if (rc == 0) {
        (void)sodium_bin2base64(b.ptr, room, (const uint8_t *)s.ptr, s.len,
                                sodium_base64_VARIANT_ORIGINAL);
        rc = set(into, name64, json_string(b.ptr));
    }
    wf_buf_deinit(&b);
    return rc;
}

static int set_ids(json_t *into, const int32_t *ids, size_t n)
{
    json_t *a = json_array();
    int rc = a == NULL ? -1 : 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = json_array_append_new(a, json_integer(ids[i]));
    return set(into, "prompt_ids", rc == 0 ? a : NULL);
}

int wf_remote_request__set_texts(json_t *into, const char *name, const struct wf_str *texts,
                                 size_t n)
{
    json_t *a = json_array();
    int rc = a == NULL ? -1 : 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = json_array_append_new(a, wf_json_str(texts[i]));
    return n == 0 && rc == 0 ? (json_decref(a), 0) : set(into, name, rc == 0 ? a : NULL);
}

static int set_biases(json_t *into, const struct wf_sampling *s)
{
    json_t *a = json_array();
    int rc = a == NULL ? -1 : 0;

    for (size_t i = 0; i < s->n_biases && rc == 0; i++)
        rc = json_array_append_new(a, json_pack("[i, o]", s->biases[i].id,
                                                isfinite(s->biases[i].bias)
                                                    ? json_real((double)s->biases[i].bias)
                                                    : json_null()));
    return set(into, "biases", rc == 0 ? a : NULL);
}

static int set_breakers(json_t *into, const struct wf_sampling *s)
{
    json_t *a = s->breakers == NULL ? NULL : json_array();
    int rc = 0;

    if (s->breakers == NULL)
        return 0;
    for (size_t i = 0; i < s->n_breakers && rc == 0 && a != NULL; i++)
        rc = json_array_append_new(a, json_string(s->breakers[i]));
    return set(into, "breakers", rc == 0 ? a : NULL);
}

static int set_sampling(json_t *into, const struct wf_gen_request *q)
{
    json_t *s = json_object();
    int rc = s == NULL ? -1 : 0;

    if (rc == 0)
        rc = write_numbers(of_sampling, WF_ARRAY_LEN(of_sampling), q, s);
    if (rc == 0)
        rc = set(s, "seed", json_integer((json_int_t)q->sampling.seed));
    if (rc == 0 && q->sampling.n_biases > 0)
        rc = set_biases(s, &q->sampling);
    if (rc == 0)
        rc = set_breakers(s, &q->sampling);
    if (rc == 0)
        rc = json_object_set(into, "sampling", s);
    json_decref(s);
    return rc;
}

static int set_tools(json_t *into, const struct wf_tool_rules *t)
{
    json_t *v;
    int rc;

    if (t->tools == NULL)
        return 0;
    v = json_pack("{s:i, s:b}", "choice", (int)t->choice, "parallel", t->parallel);
    rc = v == NULL ? -1 : set_value(v, "list", t->tools);
    if (rc == 0)
        rc = set_text(v, "name", t->name);
    if (rc == 0)
        rc = json_object_set(into, "tools", v);
    json_decref(v);
    return rc;
}

static int set_input(json_t *v, const struct wf_gen_request *q)
{
    int rc;

    if (q->messages != NULL)
        return set_value(v, "messages", q->messages);
    if (q->prompt_ids != NULL)
        rc = set_ids(v, q->prompt_ids, q->n_prompt_ids);
    else
        rc = set_bytes(v, "prompt", "prompt64", q->prompt);
    if (rc == 0 && q->suffix.len > 0)
        rc = set_bytes(v, "suffix", "suffix64", q->suffix);
    return rc;
}

json_t *wf_remote_request__head(const char *id, const char *model, enum wf_label label,
                                bool truncate)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:b}", "v", VERSION, "label", wf_label_name(label), "id",
                     id != NULL ? id : "", "model", model, "truncate", truncate);
}

static json_t *to_json(const struct wf_gen_request *q, const char *model, enum wf_label label)
{
    json_t *v =
        wf_remote_request__head(q->request_id, model, label, q->overflow == WF_OVERFLOW_TRUNCATE);
    int rc = v == NULL ? -1 : set_input(v, q);

    if (rc == 0)
        rc = set_tools(v, &q->tools);
    if (rc == 0)
        rc = set_sampling(v, q);
    if (rc == 0)
        rc = write_numbers(of_request, WF_ARRAY_LEN(of_request), q, v);
    if (rc == 0)
        rc = wf_remote_request__set_texts(v, "stops", q->stops, q->n_stops);
    if (rc == 0)
        rc = set_value(v, "vars", q->template_vars);
    if (rc == 0)
        rc = set_value(v, "schema", q->schema);
    if (rc == 0)
        rc = set_text(v, "grammar", q->grammar);
    if (rc == 0)
        rc = set_text(v, "template", q->chat_template);
    if (rc == 0)
        return v;
    json_decref(v);
    return NULL;
}

int wf_remote_request__append(json_t *v, struct wf_buf *out, struct wf_err *err)
{
    const size_t before = out->len;
    int rc;

    if (v == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (a request for another node).");
    rc = wf_json_append(out, v);
    json_decref(v);
    if (rc != 0)
        return wf_err_set(err, rc, "Out of memory (a request for another node).");
    if (out->len - before > WF_REMOTE_REQUEST_BYTES) {
        wf_buf_truncate(out, before);
        return wf_err_set(err, WF_E_LIMIT, "A request for another node has at most %u MiB.",
                          (unsigned)(WF_REMOTE_REQUEST_BYTES >> 20));
    }
    return 0;
}

int wf_remote_request_write(const struct wf_gen_request *q, const char *model, enum wf_label label,
                            struct wf_buf *out, struct wf_err *err)
{
    if (q->n_adapters > 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "Another node has not this one's adapters.");
    return wf_remote_request__append(to_json(q, model, label), out, err);
}

/* ---- reading ---- */

int wf_remote_request__bad(struct wf_err *err, const char *name)
{
    return wf_err_set(err, WF_E_FORMAT, "\"%s\" of another node's request is not as it must be.",
                      name);
}

int wf_remote_request__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (a request of another node).");
}

/* A text that may be missing. */
static int read_text(const json_t *from, const char *name, const char **out, struct wf_err *err)
{
    const json_t *v = json_object_get(from, name);

    if (v == NULL)
        return 0;
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
        return wf_remote_request__bad(err, name);
    *out = json_string_value(v);
    return 0;
}

static int read_bytes(struct wf_remote_request *r, const char *name, const char *name64,
                      struct wf_str *out, struct wf_err *err)
{
    const json_t *v = json_object_get(r->_json, name), *coded = json_object_get(r->_json, name64);
    const size_t n = json_string_length(coded);
    char *room;

    if (v != NULL) {
        if (!json_is_string(v))
            return wf_remote_request__bad(err, name);
        *out = wf_str_n(json_string_value(v), json_string_length(v));
        return 0;
    }
    if (coded == NULL)
        return 0;
    if (!json_is_string(coded))
        return wf_remote_request__bad(err, name64);
    room = wf_arena_alloc(&r->_arena, n + 1);
    if (room == NULL)
        return wf_remote_request__no_memory(err);
    if (sodium_base642bin((uint8_t *)room, n, json_string_value(coded), n, NULL, &out->len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return wf_remote_request__bad(err, name64);
    out->ptr = room;
    return 0;
}

static bool token_of(const json_t *v, int32_t *out)
{
    const json_int_t id = json_integer_value(v);

    if (!json_is_integer(v) || id < 0 || id >= WF_LIMIT_MODEL_VOCAB)
        return false;
    *out = (int32_t)id;
    return true;
}

static int read_ids(struct wf_remote_request *r, const json_t *v, struct wf_err *err)
{
    const size_t n = json_array_size(v);
    int32_t *ids;

    if (!json_is_array(v) || n == 0)
        return wf_remote_request__bad(err, "prompt_ids");
    if (n > WF_REMOTE_PROMPT_IDS)
        return wf_err_set(err, WF_E_LIMIT, "A request of another node has over %u tokens.",
                          WF_REMOTE_PROMPT_IDS);
    ids = wf_arena_array(&r->_arena, n, sizeof(*ids));
    if (ids == NULL)
        return wf_remote_request__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (!token_of(json_array_get(v, i), &ids[i]))
            return wf_remote_request__bad(err, "prompt_ids");
    }
    r->q.prompt_ids = ids;
    r->q.n_prompt_ids = n;
    return 0;
}

static int read_input(struct wf_remote_request *r, struct wf_err *err)
{
    const json_t *messages = json_object_get(r->_json, "messages");
    const json_t *ids = json_object_get(r->_json, "prompt_ids");
    int rc = read_bytes(r, "prompt", "prompt64", &r->q.prompt, err);

    if (rc == 0)
        rc = read_bytes(r, "suffix", "suffix64", &r->q.suffix, err);
    if (rc == 0 && ids != NULL)
        rc = read_ids(r, ids, err);
    if (rc == 0 && (messages != NULL) + (ids != NULL) + (r->q.prompt.ptr != NULL) != 1)
        rc = wf_err_set(err, WF_E_FORMAT,
                        "A request of another node has either messages, or a prompt.");
    if (rc == 0 && messages != NULL && !json_is_array(messages))
        rc = wf_remote_request__bad(err, "messages");
    r->q.messages = messages;
    return rc;
}

static int read_tools(struct wf_remote_request *r, const json_t *v, struct wf_err *err)
{
    const json_t *list = json_object_get(v, "list"), *choice = json_object_get(v, "choice");
    const json_int_t k = json_integer_value(choice);

    if (v == NULL)
        return 0;
    if (!json_is_array(list) || !json_is_integer(choice) || k < WF_TOOL_AUTO || k > WF_TOOL_NAMED)
        return wf_remote_request__bad(err, "tools");
    r->q.tools = (struct wf_tool_rules){.tools = list,
                                        .choice = (enum wf_tool_choice)k,
                                        .parallel = json_is_true(json_object_get(v, "parallel"))};
    if (read_text(v, "name", &r->q.tools.name, err) != 0 ||
        (k == WF_TOOL_NAMED && r->q.tools.name == NULL))
        return wf_remote_request__bad(err, "tools");
    return 0;
}

static int read_stops(struct wf_remote_request *r, const json_t *v, struct wf_err *err)
{
    const size_t n = json_array_size(v);
    struct wf_str *stops;

    if (v == NULL)
        return 0;
    if (!json_is_array(v) || n > WF_LIMIT_STOPS)
        return wf_remote_request__bad(err, "stops");
    stops = wf_arena_array(&r->_arena, n + 1, sizeof(*stops));
    if (stops == NULL)
        return wf_remote_request__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(v, i);
        stops[i] = wf_str_n(json_string_value(s), json_string_length(s));
        if (stops[i].len == 0 || stops[i].len > WF_LIMIT_STOP_BYTES)
            return wf_remote_request__bad(err, "stops");
    }
    r->q.stops = stops;
    r->q.n_stops = n;
    return 0;
}

static int read_biases(struct wf_remote_request *r, const json_t *v, struct wf_err *err)
{
    const size_t n = json_array_size(v);
    struct wf_logit_bias *biases;

    if (v == NULL)
        return 0;
    if (!json_is_array(v) || n > WF_LIMIT_BIASES)
        return wf_remote_request__bad(err, "biases");
    biases = wf_arena_array(&r->_arena, n + 1, sizeof(*biases));
    if (biases == NULL)
        return wf_remote_request__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(v, i), *x = json_array_get(pair, 1);
        const double bias = json_is_null(x) ? -(double)INFINITY : json_number_value(x);
        if (json_array_size(pair) != 2 || !token_of(json_array_get(pair, 0), &biases[i].id) ||
            (!json_is_null(x) && (!json_is_number(x) || !(bias >= -100 && bias <= 100))))
            return wf_remote_request__bad(err, "biases");
        biases[i].bias = (float)bias;
    }
    r->q.sampling.biases = biases;
    r->q.sampling.n_biases = n;
    return 0;
}

static int read_breakers(struct wf_remote_request *r, const json_t *v, struct wf_err *err)
{
    const size_t n = json_array_size(v);
    const char **texts;

    if (v == NULL)
        return 0;
    if (!json_is_array(v) || n > WF_REMOTE_BREAKERS)
        return wf_remote_request__bad(err, "breakers");
    texts = wf_arena_array(&r->_arena, n + 1, sizeof(*texts));
    if (texts == NULL)
        return wf_remote_request__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        texts[i] = json_string_value(json_array_get(v, i));
        if (texts[i] == NULL)
            return wf_remote_request__bad(err, "breakers");
    }
    r->q.sampling.breakers = texts;
    r->q.sampling.n_breakers = n;
    return 0;
}

static int read_sampling(struct wf_remote_request *r, struct wf_err *err)
{
    const json_t *s = json_object_get(r->_json, "sampling"), *seed = json_object_get(s, "seed");
    int rc = s != NULL && !json_is_object(s) ? wf_remote_request__bad(err, "sampling") : 0;

    if (rc == 0)
        rc = read_numbers(of_sampling, WF_ARRAY_LEN(of_sampling), s, &r->q, err);
    if (rc == 0 && seed != NULL && !json_is_integer(seed))
        rc = wf_remote_request__bad(err, "seed");
    if (rc == 0 && seed != NULL)
        r->q.sampling.seed = (uint64_t)json_integer_value(seed);
    if (rc == 0)
        rc = read_biases(r, json_object_get(s, "biases"), err);
    return rc == 0 ? read_breakers(r, json_object_get(s, "breakers"), err) : rc;
}

static int read_rest(struct wf_remote_request *r, struct wf_err *err)
{
    const json_t *vars = json_object_get(r->_json, "vars");
    const json_t *schema = json_object_get(r->_json, "schema");
    int rc = read_text(r->_json, "grammar", &r->q.grammar, err);

    if (rc == 0)
        rc = read_text(r->_json, "template", &r->q.chat_template, err);
    if (rc == 0 && vars != NULL && !json_is_object(vars))
        rc = wf_remote_request__bad(err, "vars");
    if (rc == 0 && schema != NULL && !json_is_object(schema) && !json_is_boolean(schema))
        rc = wf_remote_request__bad(err, "schema");
    r->q.template_vars = vars;
    r->q.schema = schema;
    if (json_is_true(json_object_get(r->_json, "truncate")))
        r->q.overflow = WF_OVERFLOW_TRUNCATE;
    return rc;
}

static int read_head(struct wf_remote_request *r, struct wf_err *err)
{
    const json_t *v = json_object_get(r->_json, "v");
    int rc = 0;

    if (!json_is_integer(v) || json_integer_value(v) < 1)
        return wf_remote_request__bad(err, "v");
    if (json_integer_value(v) > VERSION)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The other node has a newer weft: this one does not know its requests.");
    if (!wf_label_parse(wf_str_from(wf_json_text(r->_json, "label")), &r->label))
        return wf_remote_request__bad(err, "label");
    r->id = "";
    rc = read_text(r->_json, "id", &r->id, err);
    return rc == 0 ? read_text(r->_json, "model", &r->q.model, err) : rc;
}

/* Values by their commas and openings, outside of texts: before memory is taken for them. */
static bool has_too_many(struct wf_str s)
{
    bool in_text = false;
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text)
            n += c == ',' || c == '[' || c == '{';
    }
    return n > WF_REMOTE_REQUEST_VALUES;
}

/* What a generation is asked for. */
static int read_generation(struct wf_remote_request *r, struct wf_err *err)
{
    int rc = read_input(r, err);

    if (rc == 0)
        rc = read_tools(r, json_object_get(r->_json, "tools"), err);
    if (rc == 0)
        rc = read_sampling(r, err);
    if (rc == 0)
        rc = read_numbers(of_request, WF_ARRAY_LEN(of_request), r->_json, &r->q, err);
    if (rc == 0)
        rc = read_stops(r, json_object_get(r->_json, "stops"), err);
    return rc == 0 ? read_rest(r, err) : rc;
}

int wf_remote_request_read(struct wf_str bytes, struct wf_remote_request *out, struct wf_err *err)
{
    struct wf_err why = WF_ERR_INIT;
    int rc;

    *out = (struct wf_remote_request){.q = {.sampling = wf_sampling_default()},
                                      .label = WF_LABEL_SECRET};
    wf_arena_init(&out->_arena, 0, WF_REMOTE_REQUEST_BYTES);
    if (bytes.len > WF_REMOTE_REQUEST_BYTES || has_too_many(bytes))
        return wf_err_set(err, WF_E_LIMIT, "A request of another node is too large.");
    rc = wf_json_parse(bytes, &out->_json, &why);
    if (rc == WF_E_NOMEM)
        return wf_remote_request__no_memory(err);
    if (rc != 0 || !json_is_object(out->_json))
        return wf_err_set(err, WF_E_FORMAT, "That is no request of another node.");
    rc = read_head(out, err);
    if (rc == 0)
        rc = wf_remote_request__read_texts(out, err);
    if (rc == 0 && out->what == WF_REMOTE_GENERATE)
        rc = read_generation(out, err);
    out->q.request_id = out->id;
    return rc;
}

void wf_remote_request_deinit(struct wf_remote_request *r)
{
    json_decref(r->_json);
    r->_json = NULL;
    wf_arena_deinit(&r->_arena);
}
