/* SPDX-License-Identifier: Apache-2.0 */
/* The file of engines is read as strictly as a policy: every setting is a row of one table, stands
 * once, and is checked on its own; then the section as a whole (wf_engine_check), the same check
 * that an entry made by a command has to pass. */
#include "route/engines.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "os/file.h"
#include "route/engines_internal.h"

#define FIELD(f) offsetof(struct wf_engine_entry, f)

const struct wf_engine_setting wf_engine__settings[] = {
    {"protocol", WF_SETTING_PROTOCOL, FIELD(protocol), true},
    {"url", WF_SETTING_TEXT, FIELD(url), true},
    {"clearance", WF_SETTING_LABEL, FIELD(clearance), true},
    {"model", WF_SETTING_MODEL, 0, true},
    {"tier", WF_SETTING_TIER, FIELD(tier), false},
    {"provider", WF_SETTING_TEXT, FIELD(provider), false},
    {"key", WF_SETTING_FLAG, FIELD(has_key), false},
    {"insecure_lan", WF_SETTING_FLAG, FIELD(insecure_lan), false},
    {"lacks", WF_SETTING_LACKS, FIELD(lacks), false},
    {"context", WF_SETTING_COUNT, FIELD(n_context), false},
    {"output_max", WF_SETTING_COUNT, FIELD(n_output_max), false},
    {"api_version", WF_SETTING_TEXT, FIELD(api_version), false},
    {"price_in", WF_SETTING_MONEY, FIELD(price_in_micro), false},
    {"price_out", WF_SETTING_MONEY, FIELD(price_out_micro), false},
    {"price_cached", WF_SETTING_MONEY, FIELD(price_cached_micro), false},
    {"day_money", WF_SETTING_MONEY, FIELD(day.money_micro), false},
    {"day_tokens", WF_SETTING_COUNT, FIELD(day.n_tokens), false},
    {"day_energy", WF_SETTING_COUNT, FIELD(day.energy_j), false},
    {"month_money", WF_SETTING_MONEY, FIELD(month.money_micro), false},
    {"month_tokens", WF_SETTING_COUNT, FIELD(month.n_tokens), false},
    {"month_energy", WF_SETTING_COUNT, FIELD(month.energy_j), false},
};
const size_t wf_engine__n_settings = WF_ARRAY_LEN(wf_engine__settings);
_Static_assert(WF_ARRAY_LEN(wf_engine__settings) <= 32, "what was said is one word of bits");

#define ARENA_BYTES_MAX (4u << 20)

/* ---- words ---- */

static const char *const protocols[WF_PROTOCOL_COUNT] = {"openai", "responses", "anthropic",
                                                         "gemini", "ollama",    "azure"};
static const char *const tiers[WF_TIER_COUNT] = {"here", "device", "edge", "cloud", "provider"};
const char *const wf_engine__abilities[6] = {"tools",     "images",   "schema",
                                             "reasoning", "continue", "choices"};

static bool word_of(const char *const *words, size_t n, struct wf_str word, size_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (wf_str_eq(word, wf_str_from(words[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

const char *wf_protocol_name(enum wf_protocol p)
{
    return (unsigned)p < WF_PROTOCOL_COUNT ? protocols[p] : "?";
}

bool wf_protocol_parse(struct wf_str name, enum wf_protocol *out)
{
    size_t i;

    if (!word_of(protocols, WF_PROTOCOL_COUNT, name, &i))
        return false;
    *out = (enum wf_protocol)i;
    return true;
}

const char *wf_engine_tier_name(enum wf_tier t)
{
    return (unsigned)t < WF_TIER_COUNT ? tiers[t] : "?";
}

/* "12.5" as 12500000; false on a sign, an exponent, a seventh place. */
static bool money_of(struct wf_str s, int64_t *out)
{
    size_t dot = wf_str_find_byte(s, '.', 0);
    struct wf_str whole = dot == SIZE_MAX ? s : wf_str_sub(s, 0, dot);
    struct wf_str part = dot == SIZE_MAX ? WF_STR("0") : wf_str_sub(s, dot + 1, s.len);
    uint64_t n = 0, k = 0;

    if (part.len > 6 || !wf_str_to_u64(whole, &n) || !wf_str_to_u64(part, &k) ||
        n > (uint64_t)WF_ENGINE_MONEY_MAX / 1000000)
        return false;
    for (size_t i = part.len; i < 6; i++)
        k *= 10;
    *out = (int64_t)(n * 1000000 + k);
    return true;
}

/* ---- one section ---- */

struct reader {
    struct wf_engines *e;
    struct wf_engine_entry *entry; /* of the open section; NULL before the first */
    const char **models;           /* [WF_ENGINE_MODELS_MAX] of it */
    uint32_t said;                 /* rows of the table */
    size_t n_line, head_line;
    struct wf_err *err;
};

static int no_memory(struct reader *r)
{
    return wf_err_set(r->err, WF_E_NOMEM, "Out of memory while reading the engines.");
}

static int set_text(struct reader *r, const char **field, struct wf_str value)
{
    *field = wf_arena_cstr(&r->e->_arena, value);
    return *field ? 0 : no_memory(r);
}

static int set_model(struct reader *r, struct wf_str value)
{
    struct wf_engine_entry *e = r->entry;

    if (e->n_models == WF_ENGINE_MODELS_MAX)
        return wf_err_set(r->err, WF_E_LIMIT, "an engine may have at most %u models",
                          WF_ENGINE_MODELS_MAX);
    return set_text(r, &r->models[e->n_models++], value);
}

static int set_lacks(struct reader *r, unsigned *field, struct wf_str value)
{
    struct wf_str word;
    size_t i;

    while (wf_str_split(&value, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (!word_of(wf_engine__abilities, WF_ARRAY_LEN(wf_engine__abilities), word, &i))
            return wf_err_set(r->err, WF_E_INVAL,
                              "\"lacks\" knows tools, images, schema, reasoning, continue and "
                              "choices, not \"%.*s\"",
                              WF_STR_ARG(wf_str_sub(word, 0, 40)));
        *field |= 1u << i;
    }
    return 0;
}

/* A value that is one of some words, as an enum. */
static int set_word(struct reader *r, const struct wf_engine_setting *s, void *field,
                    struct wf_str value)
{
    size_t i = 0;

    switch (s->kind) {
    case WF_SETTING_PROTOCOL:
        if (wf_protocol_parse(value, field))
            return 0;
        return wf_err_set(r->err, WF_E_INVAL,
                          "the protocol is openai, responses, anthropic, gemini, ollama or azure, "
                          "not \"%.*s\"",
                          WF_STR_ARG(wf_str_sub(value, 0, 40)));
    case WF_SETTING_LABEL:
        if (wf_label_parse(value, field))
            return 0;
        return wf_err_set(r->err, WF_E_INVAL,
                          "the clearance is public, internal or private, not \"%.*s\"",
                          WF_STR_ARG(wf_str_sub(value, 0, 40)));
    default:
        if (!word_of(tiers, WF_TIER_COUNT, value, &i))
            return wf_err_set(r->err, WF_E_INVAL,
                              "the tier is provider, cloud or edge, not \"%.*s\"",
                              WF_STR_ARG(wf_str_sub(value, 0, 40)));
        *(enum wf_tier *)field = (enum wf_tier)i;
        return 0;
    }
}

static int set_number(struct reader *r, const struct wf_engine_setting *s, int64_t *field,
                      struct wf_str value)
{
    if (s->kind == WF_SETTING_MONEY) {
        if (money_of(value, field))
            return 0;
        return wf_err_set(r->err, WF_E_RANGE,
                          "\"%s\" is a number like 0.25, at most six decimal places, not \"%.*s\"",
                          s->name, WF_STR_ARG(wf_str_sub(value, 0, 40)));
    }
    if (wf_str_to_i64(value, field) && *field >= 1 && *field <= WF_ENGINE_COUNT_MAX)
        return 0;
    return wf_err_set(r->err, WF_E_RANGE, "\"%s\" is a whole number from 1, not \"%.*s\"", s->name,
                      WF_STR_ARG(wf_str_sub(value, 0, 40)));
}

static int set_value(struct reader *r, const struct wf_engine_setting *s, struct wf_str value)
{
    void *field = (char *)r->entry + s->offset;

    switch (s->kind) {
    case WF_SETTING_TEXT:
        return set_text(r, field, value);
    case WF_SETTING_MODEL:
        return set_model(r, value);
    case WF_SETTING_LACKS:
        return set_lacks(r, field, value);
    case WF_SETTING_FLAG:
        if (!wf_str_eq(value, WF_STR("yes")) && !wf_str_eq(value, WF_STR("no")))
            return wf_err_set(r->err, WF_E_INVAL, "\"%s\" is yes or no", s->name);
        *(bool *)field = wf_str_eq(value, WF_STR("yes"));
        return 0;
    case WF_SETTING_COUNT:
    case WF_SETTING_MONEY:
        return set_number(r, s, field, value);
    case WF_SETTING_PROTOCOL:
    case WF_SETTING_LABEL:
    case WF_SETTING_TIER:
        return set_word(r, s, field, value);
    }
    return 0;
}

static int set_line(struct reader *r, struct wf_str line)
{
    size_t equals = wf_str_find_byte(line, '=', 0);
    struct wf_str name = wf_str_trim(wf_str_sub(line, 0, equals)), value;

    if (equals == SIZE_MAX)
        return wf_err_set(r->err, WF_E_FORMAT, "a setting is written: name = value");
    value = wf_str_trim(wf_str_sub(line, equals + 1, line.len));
    if (!r->entry)
        return wf_err_set(r->err, WF_E_FORMAT,
                          "settings stand below the name of an engine: [NAME]");
    if (value.len == 0 || value.len > WF_ENGINE_TEXT_BYTES_MAX)
        return wf_err_set(r->err, WF_E_RANGE, "the value is empty or too long");
    for (size_t i = 0; i < wf_engine__n_settings; i++) {
        const struct wf_engine_setting *s = &wf_engine__settings[i];
        if (!wf_str_eq(name, wf_str_from(s->name)))
            continue;
        if ((r->said & 1u << i) && s->kind != WF_SETTING_MODEL)
            return wf_err_set(r->err, WF_E_FORMAT, "\"%s\" is said twice", s->name);
        r->said |= 1u << i;
        return set_value(r, s, value);
    }
    return wf_err_set(r->err, WF_E_FORMAT, "there is no setting \"%.*s\"",
                      WF_STR_ARG(wf_str_sub(name, 0, 40)));
}

/* ---- all sections ---- */

/* What the section did not say. */
static int complete(struct reader *r)
{
    struct wf_engine_entry *e = r->entry;
    struct wf_engine_url url;
    struct wf_str text = wf_str_from(e->url);
    int rc;

    while (wf_str_ends(text, WF_STR("/")) && text.len > sizeof("https://"))
        text.len--;
    rc = set_text(r, &e->url, text);
    if (rc == 0)
        rc = wf_engine__url(wf_str_from(e->url), &url, r->err);
    if (rc == 0 && !e->provider)
        rc = set_text(r, &e->provider, wf_engine__provider(url.host));
    for (size_t i = 0; i < wf_engine__n_settings; i++) {
        if (strcmp(wf_engine__settings[i].name, "price_cached") == 0 && !(r->said & 1u << i))
            e->price_cached_micro = e->price_in_micro;
    }
    return rc;
}

static int close_section(struct reader *r)
{
    struct wf_engine_entry *e = r->entry;
    int rc = 0;

    if (!e)
        return 0;
    for (size_t i = 0; rc == 0 && i < wf_engine__n_settings; i++) {
        if (wf_engine__settings[i].must && !(r->said & 1u << i))
            rc =
                wf_err_set(r->err, WF_E_FORMAT, "it lacks its \"%s\"", wf_engine__settings[i].name);
    }
    e->models = r->models;
    if (rc == 0)
        rc = complete(r);
    if (rc == 0)
        rc = wf_engine_check(e, r->err);
    if (rc != 0) {
        wf_err_prefix(r->err, "engine [%s]", e->name);
        r->n_line = r->head_line;
    }
    r->entry = NULL;
    return rc;
}

static int open_section(struct reader *r, struct wf_str line)
{
    struct wf_engine_entry *e;
    struct wf_str name;
    int rc = close_section(r);

    if (rc != 0)
        return rc;
    if (line.ptr[line.len - 1] != ']')
        return wf_err_set(r->err, WF_E_FORMAT, "an engine begins with its name: [NAME]");
    name = wf_str_trim(wf_str_sub(line, 1, line.len - 1));
    if (name.len > WF_ENGINE_NAME_BYTES_MAX)
        return wf_err_set(r->err, WF_E_FORMAT, "the engine's name is too long");
    if (wf_engines_find(r->e, name))
        return wf_err_set(r->err, WF_E_FORMAT, "there are two engines [%.*s]", WF_STR_ARG(name));
    if (r->e->n == WF_ENGINES_MAX)
        return wf_err_set(r->err, WF_E_LIMIT, "there may be at most %u engines", WF_ENGINES_MAX);
    e = &r->e->items[r->e->n];
    *e = (struct wf_engine_entry){.tier = WF_TIER_PROVIDER, .has_key = true};
    r->models = wf_arena_array(&r->e->_arena, WF_ENGINE_MODELS_MAX, sizeof(*r->models));
    if (!r->models || set_text(r, &e->name, name) != 0)
        return no_memory(r);
    r->e->n++;
    r->entry = e;
    r->said = 0;
    r->head_line = r->n_line;
    return 0;
}

/* A '#' at the beginning or behind a blank begins a comment. */
static struct wf_str without_comment(struct wf_str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return wf_str_sub(line, 0, i);
    }
    return line;
}

static int read_all(struct reader *r, struct wf_str text, const char *name)
{
    struct wf_str line;
    int rc = 0;

    while (rc == 0 && wf_str_line(&text, &line)) {
        r->n_line++;
        line = wf_str_trim(without_comment(line));
        if (line.len > 0)
            rc = line.ptr[0] == '[' ? open_section(r, line) : set_line(r, line);
    }
    if (rc == 0)
        rc = close_section(r);
    if (rc != 0 && rc != WF_E_NOMEM)
        wf_err_prefix(r->err, "%s, line %zu", name, r->n_line);
    return rc;
}

int wf_engines_parse(struct wf_str text, const char *name, struct wf_engines **out,
                     struct wf_err *err)
{
    struct wf_engines *e = wf_alloc_array(1, sizeof(*e));
    struct reader r = {.e = e, .err = err};
    int rc;

    if (!e)
        return no_memory(&r);
    wf_arena_init(&e->_arena, 0, ARENA_BYTES_MAX);
    e->items = wf_arena_array(&e->_arena, WF_ENGINES_MAX, sizeof(*e->items));
    if (!e->items)
        rc = no_memory(&r);
    else if (text.len > WF_ENGINES_BYTES_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "%s has more than %u bytes.", name, WF_ENGINES_BYTES_MAX);
    else
        rc = read_all(&r, text, name);
    if (rc == 0)
        *out = e;
    else
        wf_engines_free(e);
    return rc;
}

int wf_engines_load(const char *path, struct wf_engines **out, struct wf_err *err)
{
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, WF_ENGINES_BYTES_MAX);
    if (access(path, F_OK) == 0)
        rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = wf_engines_parse(wf_buf_str(&b), path, out, err);
    wf_buf_deinit(&b);
    return rc;
}

void wf_engines_free(struct wf_engines *e)
{
    if (!e)
        return;
    wf_arena_deinit(&e->_arena);
    wf_free(e);
}

/* ---- lookups ---- */

const struct wf_engine_entry *wf_engines_find(const struct wf_engines *e, struct wf_str name)
{
    for (size_t i = 0; i < e->n; i++) {
        if (wf_str_eq(name, wf_str_from(e->items[i].name)))
            return &e->items[i];
    }
    return NULL;
}

static const char *offered(const struct wf_engine_entry *e, struct wf_str model)
{
    for (size_t i = 0; i < e->n_models; i++) {
        if (wf_str_eq(model, wf_str_from(e->models[i])))
            return e->models[i];
    }
    return NULL;
}

const struct wf_engine_entry *wf_engines_resolve(const struct wf_engines *e, struct wf_str model,
                                                 const char **out_model)
{
    const struct wf_engine_entry *entry = wf_engines_find(e, model);
    size_t slash = wf_str_find_byte(model, '/', 0);
    const char *of = NULL;

    if (entry) {
        *out_model = entry->models[0];
        return entry;
    }
    if (slash != SIZE_MAX)
        entry = wf_engines_find(e, wf_str_sub(model, 0, slash));
    if (entry)
        of = offered(entry, wf_str_sub(model, slash + 1, model.len));
    for (size_t i = 0; !of && i < e->n; i++) {
        entry = &e->items[i];
        of = offered(entry, model);
    }
    if (!of)
        return NULL;
    *out_model = of;
    return entry;
}

struct wf_target wf_engine_target(const struct wf_engine_entry *e)
{
    return (struct wf_target){.tier = e->tier,
                              .name = wf_str_from(e->name),
                              .provider = wf_str_from(e->provider),
                              .clearance = e->clearance};
}

int64_t wf_engine_cost_micro(const struct wf_engine_entry *e, uint64_t n_in, uint64_t n_cached,
                             uint64_t n_out)
{
    const struct {
        uint64_t n;
        int64_t price;
    } parts[] = {{n_in - WF_MIN(n_cached, n_in), e->price_in_micro},
                 {WF_MIN(n_cached, n_in), e->price_cached_micro},
                 {n_out, e->price_out_micro}};
    uint64_t sum = 0, one; /* price of a token in millionths of a millionth */

    for (size_t i = 0; i < WF_ARRAY_LEN(parts); i++) {
        if (__builtin_mul_overflow(parts[i].n, (uint64_t)parts[i].price, &one) ||
            __builtin_add_overflow(sum, one, &sum))
            return INT64_MAX;
    }
    return (int64_t)(sum / 1000000 + (sum % 1000000 != 0));
}
