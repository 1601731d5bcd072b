/* SPDX-License-Identifier: Apache-2.0 */
/* What all protocols' requests have in common: where they go, what they can say at all, and the
 * pieces that their bodies are made of. */
#include "route/provider.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "route/engines_internal.h"
#include "route/provider_internal.h"

static const struct wf_provider_ops *ops_of(enum wf_protocol p)
{
    static const struct wf_provider_ops *const all[WF_PROTOCOL_COUNT] = {
        [WF_PROTOCOL_OPENAI] = &wf_provider__openai,
        [WF_PROTOCOL_RESPONSES] = &wf_provider__responses,
        [WF_PROTOCOL_ANTHROPIC] = &wf_provider__anthropic,
        [WF_PROTOCOL_GEMINI] = &wf_provider__gemini,
        [WF_PROTOCOL_OLLAMA] = &wf_provider__ollama,
        [WF_PROTOCOL_AZURE] = &wf_provider__openai,
    };

    return all[p];
}

const struct wf_provider_ops *wf_provider__ops(const struct wf_engine_entry *e)
{
    return ops_of(e->protocol);
}

/* ---- what is asked for, and what can be ---- */

unsigned wf_provider_abilities(const struct wf_engine_entry *e)
{
    return ops_of(e->protocol)->abilities & ~e->lacks;
}

static bool has_images(const json_t *messages)
{
    json_t *m, *part;
    size_t i, k;

    json_array_foreach((json_t *)(uintptr_t)messages, i, m)
    {
        json_array_foreach(json_object_get(m, "content"), k, part)
        {
            if (strcmp(wf_json_text(part, "type"), "image_url") == 0)
                return true;
        }
    }
    return false;
}

static enum wf_effort effort_of(const struct wf_gen_request *q, const char **out_word)
{
    static const struct {
        const char *word;
        enum wf_effort effort;
    } words[] = {{"minimal", WF_EFFORT_LOW},
                 {"low", WF_EFFORT_LOW},
                 {"medium", WF_EFFORT_MEDIUM},
                 {"high", WF_EFFORT_HIGH},
                 {"xhigh", WF_EFFORT_HIGH}};
    const char *word = json_string_value(json_object_get(q->template_vars, "reasoning_effort"));
    const json_t *on = json_object_get(q->template_vars, "enable_thinking");

    *out_word = NULL;
    for (size_t i = 0; word && i < WF_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i].word) == 0) {
            *out_word = words[i].word;
            return words[i].effort;
        }
    }
    if (!on)
        on = json_object_get(q->template_vars, "thinking");
    if (!json_is_boolean(on))
        return WF_EFFORT_UNSAID;
    return json_is_true(on) ? WF_EFFORT_ON : WF_EFFORT_OFF;
}

unsigned wf_provider_needs(const struct wf_gen_request *q)
{
    const char *word;
    unsigned needs = 0;

    if (json_array_size(q->tools.tools) > 0 && q->tools.choice != WF_TOOL_NONE)
        needs |= WF_ABILITY_TOOLS;
    if (has_images(q->messages))
        needs |= WF_ABILITY_IMAGES;
    if (q->schema)
        needs |= WF_ABILITY_SCHEMA;
    if (q->continue_last)
        needs |= WF_ABILITY_CONTINUE;
    if (q->n_choices > 1)
        needs |= WF_ABILITY_CHOICES;
    if (effort_of(q, &word) >= WF_EFFORT_ON)
        needs |= WF_ABILITY_REASONING;
    return needs;
}

/* ---- where it goes ---- */

/* Names of models that stand in a path. */
static bool is_path_part(const char *model)
{
    for (const char *c = model; *c; c++) {
        bool alnum =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!alnum && !strchr("._-/:@", *c))
            return false;
    }
    return *model != 0 && !strstr(model, "..");
}

static bool has_path(const char *url)
{
    return strchr(strstr(url, "://") + 3, '/') != NULL;
}

static int join(struct wf_provider_target *out, const struct wf_engine_entry *e, const char *model,
                bool streamed)
{
    const char *base = e->url, *root = has_path(base) ? "" : "/v1";
    bool is_v1 = wf_str_ends(wf_str_from(base), WF_STR("/v1"));
    size_t n = sizeof(out->url);

    switch (e->protocol) {
    case WF_PROTOCOL_OPENAI:
        return snprintf(out->url, n, "%s%s/chat/completions", base, root);
    case WF_PROTOCOL_RESPONSES:
        return snprintf(out->url, n, "%s%s/responses", base, root);
    case WF_PROTOCOL_ANTHROPIC:
        return snprintf(out->url, n, "%s%s/messages", base, is_v1 ? "" : "/v1");
    case WF_PROTOCOL_OLLAMA:
        return snprintf(out->url, n, "%s/api/chat", base);
    case WF_PROTOCOL_GEMINI:
        return snprintf(out->url, n, "%s%s/%s%s:%s", base, has_path(base) ? "" : "/v1beta",
                        strncmp(model, "models/", 7) == 0 ? "" : "models/", model,
                        streamed ? "streamGenerateContent?alt=sse" : "generateContent");
    case WF_PROTOCOL_AZURE:
        if (e->api_version && strcmp(e->api_version, "v1") != 0)
            return snprintf(out->url, n, "%s/openai/deployments/%s/chat/completions?api-version=%s",
                            base, model, e->api_version);
        return snprintf(out->url, n, "%s%s/chat/completions", base, is_v1 ? "" : "/openai/v1");
    case WF_PROTOCOL_COUNT:
        break;
    }
    return -1;
}

int wf_provider_target(const struct wf_engine_entry *e, const char *model, bool streamed,
                       struct wf_provider_target *out, struct wf_err *err)
{
    int n;

    *out = (struct wf_provider_target){.key_header = "authorization", .key_prefix = "Bearer "};
    if ((e->protocol == WF_PROTOCOL_GEMINI || e->protocol == WF_PROTOCOL_AZURE) &&
        !is_path_part(model))
        return wf_err_set(err, WF_E_INVAL, "\"%.60s\" is no name of a model at %s.", model,
                          e->name);
    n = join(out, e, model, streamed);
    if (n < 0 || n >= (int)sizeof(out->url))
        return wf_err_set(err, WF_E_LIMIT, "The URL of %s is too long.", e->name);
    out->headers[0] = "content-type: application/json";
    out->headers[1] = !streamed                        ? "accept: application/json"
                      : ops_of(e->protocol)->is_ndjson ? "accept: application/x-ndjson"
                                                       : "accept: text/event-stream";
    if (e->protocol == WF_PROTOCOL_ANTHROPIC) {
        out->headers[2] = "anthropic-version: 2023-06-01";
        out->key_header = "x-api-key";
        out->key_prefix = "";
    } else if (e->protocol == WF_PROTOCOL_GEMINI || e->protocol == WF_PROTOCOL_AZURE) {
        out->key_header = e->protocol == WF_PROTOCOL_AZURE ? "api-key" : "x-goog-api-key";
        out->key_prefix = "";
    }
    return 0;
}

/* ---- the body ---- */

static int check(struct wf_writing *w)
{
    static const struct {
        unsigned bit;
        const char *what;
    } cannot[] = {
        {WF_ABILITY_TOOLS, "call tools"},
        {WF_ABILITY_IMAGES, "see pictures"},
        {WF_ABILITY_SCHEMA, "keep to a JSON Schema"},
        {WF_ABILITY_CONTINUE, "go on with an answer that was begun"},
        {WF_ABILITY_CHOICES, "give several answers at once"},
    };
    unsigned lacking = wf_provider_needs(w->q) & ~wf_provider_abilities(w->e);

    if (!w->q->messages)
        return wf_err_set(w->err, WF_E_UNSUPPORTED,
                          "%s answers chats only, not a text to go on with.", w->e->name);
    if (w->q->grammar && !w->q->grammar_if_able && !wf_writing__is_own(w->e))
        return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot keep to a grammar.", w->e->name);
    for (size_t i = 0; i < WF_ARRAY_LEN(cannot); i++) {
        if (lacking & cannot[i].bit)
            return wf_err_set(w->err, WF_E_UNSUPPORTED, "%s cannot %s.", w->e->name,
                              cannot[i].what);
    }
    if (json_array_size(w->q->messages) == 0)
        return wf_err_set(w->err, WF_E_INVAL, "There is no message to answer.");
    return 0;
}

/* What no protocol here has. */
static void leave_all_the_rest(struct wf_writing *w)
{
    const struct {
        bool is_said;
        const char *name;
    } rest[] = {
        {w->q->wants_logprobs, "logprobs"}, {w->q->sampling.n_biases > 0, "logit_bias"},
        {w->q->n_adapters > 0, "adapters"}, {w->q->chat_template != NULL, "chat_template"},
        {w->q->ignore_eos, "ignore_eos"},   {w->q->suffix.len > 0, "suffix"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rest); i++) {
        if (rest[i].is_said)
            wf_writing__leave(w, rest[i].name);
    }
}

int wf_provider_write(const struct wf_engine_entry *e, const struct wf_gen_request *q,
                      const char *model, bool streamed, struct wf_buf *body,
                      struct wf_buf *left_out, struct wf_err *err)
{
    struct wf_writing w = {.e = e,
                           .q = q,
                           .model = model,
                           .streamed = streamed,
                           .out = {.b = body},
                           .left_out = left_out,
                           .err = err};
    int rc = check(&w);

    w.effort = effort_of(q, &w.effort_word);
    if (rc == 0 && w.effort >= WF_EFFORT_ON && !(wf_provider_abilities(e) & WF_ABILITY_REASONING)) {
        wf_writing__leave(&w, "reasoning_effort");
        w.effort = WF_EFFORT_UNSAID;
        w.effort_word = NULL;
    }
    if (rc == 0) {
        leave_all_the_rest(&w);
        rc = ops_of(e->protocol)->write(&w);
    }
    if (rc == 0 && wf_out_status(&w.out) != 0)
        rc = wf_err_set(err, wf_out_status(&w.out),
                        wf_out_status(&w.out) == WF_E_LIMIT
                            ? "The request is longer than weft sends."
                            : "Out of memory while writing a request.");
    return rc;
}

/* ---- pieces of bodies ---- */

void wf_writing__leave(struct wf_writing *w, const char *name)
{
    struct wf_str all, one;

    if (!w->left_out)
        return;
    all = wf_buf_str(w->left_out);
    while (all.len > 0 && wf_str_split(&all, ',', &one)) {
        if (wf_str_eq(one, wf_str_from(name)))
            return;
    }
    if (w->left_out->len > 0)
        wf_buf_append_byte(w->left_out, ',');
    wf_buf_append_cstr(w->left_out, name);
}

void wf_writing__real(struct wf_writing *w, const char *key, float x, float fallback)
{
    if (fabsf(x - fallback) > 1e-6F)
        wf_out_real(&w->out, key, (double)x);
}

void wf_writing__leave_sampling(struct wf_writing *w, unsigned knows)
{
    const struct wf_sampling *s = &w->q->sampling, d = wf_sampling_default();
    const struct {
        unsigned bit;
        bool is_said;
        const char *name;
    } all[] = {
        {WF_KNOWS_TOP_K, s->top_k != d.top_k, "top_k"},
        {WF_KNOWS_PENALTIES, fabsf(s->frequency_penalty) > 0, "frequency_penalty"},
        {WF_KNOWS_PENALTIES, fabsf(s->presence_penalty) > 0, "presence_penalty"},
        {WF_KNOWS_MIN_P, fabsf(s->min_p - d.min_p) > 1e-6F, "min_p"},
        {WF_KNOWS_MORE, fabsf(s->typical_p - d.typical_p) > 1e-6F, "typical_p"},
        {WF_KNOWS_MORE, fabsf(s->repeat_penalty - d.repeat_penalty) > 1e-6F, "repeat_penalty"},
        {WF_KNOWS_MORE, s->mirostat != 0, "mirostat"},
        {0, s->dry_multiplier > 0, "dry_multiplier"},
        {0, s->xtc_probability > 0, "xtc_probability"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        if (all[i].is_said && !(knows & all[i].bit))
            wf_writing__leave(w, all[i].name);
    }
}

void wf_writing__stops(struct wf_writing *w, const char *key)
{
    if (w->q->n_stops == 0)
        return;
    wf_out_open(&w->out, key, '[');
    for (size_t i = 0; i < w->q->n_stops; i++)
        wf_out_text(&w->out, NULL, w->q->stops[i]);
    wf_out_close(&w->out, ']');
}

bool wf_writing__has_text(const json_t *content)
{
    json_t *part;
    size_t i;

    if (json_string_length(content) > 0)
        return true;
    json_array_foreach((json_t *)(uintptr_t)content, i, part)
    {
        if (wf_json_text(part, "text")[0])
            return true;
    }
    return false;
}

void wf_writing__text(struct wf_writing *w, const char *key, const json_t *content)
{
    const char *between = "";
    json_t *part;
    size_t i;

    wf_out_text_begin(&w->out, key);
    wf_out_text_part(&w->out, wf_reading__str(content));
    json_array_foreach((json_t *)(uintptr_t)content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (!json_is_string(text))
            continue;
        wf_out_text_part(&w->out, wf_str_from(between));
        wf_out_text_part(&w->out, wf_reading__str(text));
        between = "\n";
    }
    wf_out_text_end(&w->out);
}

/* "data:image/png;base64,AAAA". */
static bool split_data_url(struct wf_str url, struct wf_content_part *out)
{
    size_t comma = wf_str_find_byte(url, ',', 0);
    struct wf_str head;

    if (comma == SIZE_MAX)
        return false;
    head = wf_str_sub(url, 5, comma);
    if (!wf_str_ends(head, WF_STR(";base64")))
        return false;
    out->media_type = wf_str_sub(head, 0, head.len - 7);
    out->base64 = wf_str_sub(url, comma + 1, url.len);
    return wf_str_starts(out->media_type, WF_STR("image/")) && out->base64.len > 0;
}

bool wf_writing__part(struct wf_writing *w, const json_t *part, struct wf_content_part *out)
{
    const char *type = wf_json_text(part, "type");
    const json_t *image = json_object_get(part, "image_url");
    struct wf_str url;

    *out = (struct wf_content_part){.is_image = false};
    if (strcmp(type, "text") == 0 || strcmp(type, "refusal") == 0) {
        out->text = wf_reading__str(json_object_get(part, type));
        return true;
    }
    if (strcmp(type, "image_url") != 0) {
        (void)wf_err_set(w->err, WF_E_UNSUPPORTED,
                         "%s can be sent texts and pictures, not \"%.40s\".", w->e->name, type);
        return false;
    }
    url = wf_reading__str(json_is_object(image) ? json_object_get(image, "url") : image);
    out->is_image = true;
    if (wf_str_starts(url, WF_STR("data:"))) {
        if (split_data_url(url, out))
            return true;
    } else if (wf_str_starts(url, WF_STR("https://"))) {
        out->url = url;
        return true;
    }
    (void)wf_writing__bad(w, "a picture is a data: URL in base64, or https");
    return false;
}

int wf_writing__arguments(struct wf_writing *w, const char *key, const json_t *call)
{
    const json_t *arguments = json_object_get(json_object_get(call, "function"), "arguments");
    struct wf_str text = wf_reading__str(arguments);
    json_t *v = NULL;
    int rc = 0;

    if (json_is_object(arguments)) {
        wf_out_value(&w->out, key, arguments);
        return 0;
    }
    if (text.len > 0)
        rc = wf_json_parse(text, &v, w->err);
    if (rc == WF_E_NOMEM)
        return rc;
    if (json_is_object(v)) {
        wf_out_value(&w->out, key, v);
    } else { /* cut short once, and no object since */
        wf_out_open(&w->out, key, '{');
        if (text.len > 0)
            wf_out_text(&w->out, "arguments", text);
        wf_out_close(&w->out, '}');
    }
    json_decref(v);
    return 0;
}

const char *wf_writing__called(const struct wf_writing *w, size_t i_message)
{
    const json_t *m = json_array_get(w->q->messages, i_message);
    const char *id = wf_json_text(m, "tool_call_id"), *name = wf_json_text(m, "name");
    json_t *call;
    size_t k;

    for (size_t i = i_message; !name[0] && i > 0; i--) {
        json_array_foreach(json_object_get(json_array_get(w->q->messages, i - 1), "tool_calls"), k,
                           call)
        {
            if (strcmp(wf_json_text(call, "id"), id) == 0)
                name = wf_json_text(json_object_get(call, "function"), "name");
        }
    }
    return name;
}

int wf_writing__bad(struct wf_writing *w, const char *what)
{
    return wf_err_set(w->err, WF_E_INVAL, "A message cannot be sent to %s: %s.", w->e->name, what);
}

bool wf_writing__is_own(const struct wf_engine_entry *e)
{
    struct wf_engine_url url;

    if (e->tier != WF_TIER_PROVIDER || e->insecure_lan)
        return true;
    return wf_engine__url(wf_str_from(e->url), &url, NULL) == 0 && url.is_loopback;
}

bool wf_writing__is_openai(const struct wf_engine_entry *e)
{
    struct wf_engine_url url;

    if (e->protocol == WF_PROTOCOL_AZURE)
        return true;
    return wf_engine__url(wf_str_from(e->url), &url, NULL) == 0 &&
           (wf_str_eq(url.host, WF_STR("api.openai.com")) ||
            wf_str_ends(url.host, WF_STR(".api.openai.com")));
}

static bool requires_all(const json_t *schema)
{
    const json_t *required = json_object_get(schema, "required");
    json_t *member, *name;
    const char *key;
    size_t i;

    json_object_foreach(json_object_get(schema, "properties"), key, member)
    {
        bool is_in = false;
        json_array_foreach((json_t *)(uintptr_t)required, i, name)
        {
            is_in = is_in || (json_is_string(name) && strcmp(json_string_value(name), key) == 0);
        }
        if (!is_in)
            return false;
    }
    return true;
}

/* Every object lists all its members as required and takes no others. */
bool wf_writing__is_strict(const json_t *schema)
{
    json_t *member;
    const char *key;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)schema, i, member)
    {
        if (!wf_writing__is_strict(member))
            return false;
    }
    if (strcmp(wf_json_text(schema, "type"), "object") == 0 &&
        (!json_is_false(json_object_get(schema, "additionalProperties")) || !requires_all(schema)))
        return false;
    json_object_foreach((json_t *)(uintptr_t)schema, key, member)
    {
        if (!wf_writing__is_strict(member))
            return false;
    }
    return true;
}

bool wf_writing__is_any_object(const json_t *schema)
{
    return json_object_size(schema) == 1 && strcmp(wf_json_text(schema, "type"), "object") == 0;
}
