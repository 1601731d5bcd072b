/* SPDX-License-Identifier: Apache-2.0 */
/* weft engines add, list, rm, key: who else may be asked, and what each may see.
 *
 * What the options say is written as a section of the file of engines and read by its parser, so
 * that a command and a person's own line mean the same and are refused in the same words. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "os/file.h"
#include "route/engines.h"
#include "route/keys.h"

/* Options that are settings of the file, in the table's order. */
static const char *const settings[][2] = {
    {"protocol", "protocol"},         {"url", "url"},
    {"clearance", "clearance"},       {"tier", "tier"},
    {"provider", "provider"},         {"lacks", "lacks"},
    {"context", "context"},           {"output-max", "output_max"},
    {"api-version", "api_version"},   {"price-in", "price_in"},
    {"price-out", "price_out"},       {"price-cached", "price_cached"},
    {"day-money", "day_money"},       {"day-tokens", "day_tokens"},
    {"day-energy", "day_energy"},     {"month-money", "month_money"},
    {"month-tokens", "month_tokens"}, {"month-energy", "month_energy"},
};
#define N_SETTINGS WF_ARRAY_LEN(settings)

struct asked {
    const char *values[N_SETTINGS];
    const char *model, *key_file;
    bool insecure_lan, no_key, replace;
};

/* Where the providers themselves are. */
static const char *usual_url(struct wf_str protocol)
{
    static const char *const urls[][2] = {
        {"openai", "https://api.openai.com/v1"},
        {"responses", "https://api.openai.com/v1"},
        {"anthropic", "https://api.anthropic.com/v1"},
        {"gemini", "https://generativelanguage.googleapis.com/v1beta"},
        {"ollama", "http://127.0.0.1:11434"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(urls); i++) {
        if (wf_str_eq(protocol, wf_str_from(urls[i][0])))
            return urls[i][1];
    }
    return NULL;
}

static void add_line(struct wf_buf *b, const char *name, struct wf_str value)
{
    wf_buf_append_cstr(b, name);
    wf_buf_append_cstr(b, " = ");
    wf_buf_append_str(b, value);
    wf_buf_append_byte(b, '\n');
}

/* The section that the options mean. A line break would be another setting. */
static int section(const struct asked *a, const char *name, bool has_key, struct wf_buf *out,
                   struct wf_err *err)
{
    struct wf_str models = wf_str_from(a->model), model;

    wf_buf_appendf(out, "[%s]\n", name);
    for (size_t i = 0; i < N_SETTINGS; i++) {
        struct wf_str value = wf_str_from(a->values[i]);
        if (a->values[i] && wf_str_find_byte(value, '\n', 0) != SIZE_MAX)
            return wf_err_set(err, WF_E_INVAL, _("--%s must be one line."), settings[i][0]);
        if (a->values[i])
            add_line(out, settings[i][1], value);
    }
    while (models.len > 0 && wf_str_split(&models, ',', &model))
        add_line(out, "model", model);
    if (a->insecure_lan)
        add_line(out, "insecure_lan", WF_STR("yes"));
    if (!has_key)
        add_line(out, "key", WF_STR("no"));
    if (wf_str_find_byte(wf_str_from(a->model), '\n', 0) != SIZE_MAX ||
        strpbrk(name, "[]#\n") != NULL)
        return wf_err_set(err, WF_E_INVAL, _("This is no name of an engine or a model."));
    return wf_buf_status(out) == 0
               ? 0
               : wf_err_set(err, wf_buf_status(out), "%s", _("The options are too long."));
}

static int read_key(const char *path, struct wf_buf *key, struct wf_err *err)
{
    int rc = strcmp(path, "-") == 0 ? wf_file_read_stream(STDIN_FILENO, key, err)
                                    : wf_file_read(path, key, err);

    if (rc == 0)
        rc = wf_key_check(wf_str_trim(wf_buf_str(key)), err);
    if (rc != 0)
        wf_err_prefix(err, _("the key in %s"), path);
    return rc;
}

static json_t *micro(int64_t n)
{
    return json_real((double)n / 1e6);
}

static json_t *limits_json(const struct wf_budget_limits *l)
{
    json_t *v = json_object();

    if (l->money_micro > 0)
        json_object_set_new(v, "money", micro(l->money_micro));
    if (l->n_tokens > 0)
        json_object_set_new(v, "tokens", json_integer(l->n_tokens));
    if (l->energy_j > 0)
        json_object_set_new(v, "energy_j", json_integer(l->energy_j));
    return v;
}

/* What the key's file says of itself, without reading it. */
static const char *key_state(const struct wf_cli *cli, const struct wf_engine_entry *e)
{
    char path[WF_LIMIT_PATH_BYTES];

    if (!e->has_key)
        return "none";
    if (snprintf(path, sizeof(path), "%s/%s", cli->home.keys, e->name) >= (int)sizeof(path))
        return "missing";
    return access(path, F_OK) == 0 ? "there" : "missing";
}

static json_t *entry_json(const struct wf_cli *cli, const struct wf_engine_entry *e)
{
    json_t *v = json_object(), *models = json_array();

    for (size_t i = 0; i < e->n_models; i++)
        json_array_append_new(models, json_string(e->models[i]));
    json_object_set_new(v, "name", json_string(e->name));
    json_object_set_new(v, "protocol", json_string(wf_protocol_name(e->protocol)));
    json_object_set_new(v, "url", json_string(e->url));
    json_object_set_new(v, "provider", json_string(e->provider));
    json_object_set_new(v, "tier", json_string(wf_engine_tier_name(e->tier)));
    json_object_set_new(v, "clearance", json_string(wf_label_name(e->clearance)));
    json_object_set_new(v, "models", models);
    json_object_set_new(v, "key", json_string(key_state(cli, e)));
    json_object_set_new(v, "insecure_lan", json_boolean(e->insecure_lan));
    json_object_set_new(v, "context", e->n_context ? json_integer(e->n_context) : json_null());
    json_object_set_new(v, "price_in", micro(e->price_in_micro));
    json_object_set_new(v, "price_out", micro(e->price_out_micro));
    json_object_set_new(v, "price_cached", micro(e->price_cached_micro));
    json_object_set_new(v, "day", limits_json(&e->day));
    json_object_set_new(v, "month", limits_json(&e->month));
    return v;
}

static int add(struct wf_cli *cli, struct asked *a, const char *name, struct wf_err *err)
{
    const struct wf_engine_entry *e = NULL;
    struct wf_engines *made = NULL;
    struct wf_buf text, key;
    int rc = 0;

    wf_buf_init(&text, WF_ENGINES_BYTES_MAX);
    wf_buf_init(&key, WF_KEY_BYTES_MAX + 64);
    if (!a->values[1] && a->values[0])
        a->values[1] = usual_url(wf_str_from(a->values[0]));
    rc = section(a, name, a->key_file != NULL, &text, err);
    if (rc == 0)
        rc = wf_engines_parse(wf_buf_str(&text), _("options"), &made, err);
    if (rc == 0)
        e = &made->items[0];
    if (rc == 0 && !a->key_file && !a->no_key &&
        wf_str_starts(wf_str_from(e->url), WF_STR("https")))
        rc = wf_err_set(err, WF_E_INVAL,
                        _("%s needs a key: --key-file FILE (- reads it from standard input), or "
                          "--no-key."),
                        name);
    if (rc == 0 && a->key_file)
        rc = read_key(a->key_file, &key, err);
    if (rc == 0)
        rc = wf_home_create(&cli->home, err);
    /* The key first: an engine whose key is missing would be asked without one. */
    if (rc == 0 && !a->replace) {
        struct wf_engines *there = NULL;
        rc = wf_engines_load(cli->home.engines, &there, err);
        if (rc == 0 && wf_engines_find(there, wf_str_from(name)))
            rc = wf_err_set(err, WF_E_EXIST,
                            _("There is an engine \"%s\" already: --replace changes it."), name);
        wf_engines_free(there);
    }
    if (rc == 0 && a->key_file)
        rc = wf_key_put(cli->home.keys, name, wf_buf_str(&key), err);
    if (rc == 0)
        rc = wf_engines_put(cli->home.engines, e, a->replace, err);
    if (rc == 0 && cli->json) {
        json_t *v = entry_json(cli, e);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        printf(_("Added %s (%s). It may see what is %s at most.\n"), name, e->url,
               wf_label_name(e->clearance));
    }
    wf_key_forget(&key);
    wf_buf_deinit(&key);
    wf_buf_deinit(&text);
    wf_engines_free(made);
    return rc;
}

static int set_key(struct wf_cli *cli, const struct asked *a, const char *name, struct wf_err *err)
{
    struct wf_engines *there = NULL;
    struct wf_buf key;
    int rc = wf_engines_load(cli->home.engines, &there, err);

    wf_buf_init(&key, WF_KEY_BYTES_MAX + 64);
    if (rc == 0 && !wf_engines_find(there, wf_str_from(name)))
        rc = wf_err_set(err, WF_E_NOENT, _("There is no engine \"%s\"."), name);
    if (rc == 0)
        rc = read_key(a->key_file, &key, err);
    if (rc == 0)
        rc = wf_key_put(cli->home.keys, name, wf_buf_str(&key), err);
    if (rc == 0 && cli->json) {
        json_t *v = json_pack("{s:s, s:b}", "name", name, "changed", 1);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        printf(_("The key of %s is changed.\n"), name);
    }
    wf_key_forget(&key);
    wf_buf_deinit(&key);
    wf_engines_free(there);
    return rc;
}

/* The person's own nodes and what they offer, where a daemon runs that knows them: a new reference;
 * NULL: none does. */
static json_t *list_nodes(struct wf_cli *cli)
{
    const struct wf_client_options o = {.program = NULL};
    const struct wf_client_call call = {.op = "nodes.list", .fd = -1};
    struct wf_client *c = NULL;
    json_t *v = NULL;

    if (wf_client_open(&cli->home, &o, &c, NULL) == 0 && wf_client_run(c, &call, &v, NULL) != 0)
        v = NULL;
    wf_client_close(c);
    return v;
}

/* An engine each, as a request calls it. */
static json_t *nodes_json(const json_t *nodes)
{
    json_t *all = json_array(), *node;
    size_t i;

    json_array_foreach(json_object_get(nodes, "nodes"), i, node)
    {
        json_t *engine = json_object_get(node, "engine");
        if (json_is_true(json_object_get(engine, "offers")))
            json_array_append_new(all, json_pack("{s:O, s:O, s:O, s:O, s:O*}", "name",
                                                 json_object_get(node, "name"), "tier",
                                                 json_object_get(node, "tier"), "clearance",
                                                 json_object_get(node, "clearance"), "models",
                                                 json_object_get(engine, "models"), "left_alone_ms",
                                                 json_object_get(engine, "left_alone_ms")));
    }
    return all;
}

static void print_own(const json_t *nodes)
{
    json_t *node, *m;
    size_t i, k;

    json_array_foreach(nodes, i, node)
    {
        const json_t *left = json_object_get(node, "left_alone_ms");
        const long long left_s = (json_integer_value(left) + 999) / 1000;
        printf("%s%s%s  %s\n", wf_cli_bold(), wf_json_text(node, "name"), wf_cli_plain(),
               _("your own node"));
        printf(_("    sees what is %s at most; models:"), wf_json_text(node, "clearance"));
        json_array_foreach(json_object_get(node, "models"), k, m)
            printf(" %s", wf_json_text(m, "name"));
        printf("\n");
        if (left_s > 0)
            printf(_("    failed again and again: nothing is sent to it for another %lld s\n"),
                   left_s);
    }
}

static int list(struct wf_cli *cli, struct wf_err *err)
{
    struct wf_engines *there = NULL;
    int rc = wf_engines_load(cli->home.engines, &there, err);
    json_t *own, *nodes;

    if (rc != 0)
        return rc;
    nodes = list_nodes(cli);
    own = nodes_json(nodes);
    json_decref(nodes);
    if (cli->json) {
        json_t *v = json_object(), *all = json_array();
        for (size_t i = 0; i < there->n; i++)
            json_array_append_new(all, entry_json(cli, &there->items[i]));
        json_object_set_new(v, "engines", all);
        json_object_set(v, "nodes", own);
        wf_cli_print_json(v);
        json_decref(v);
    }
    for (size_t i = 0; !cli->json && i < there->n; i++) {
        const struct wf_engine_entry *e = &there->items[i];
        printf("%s%s%s  %s  %s\n", wf_cli_bold(), e->name, wf_cli_plain(),
               wf_protocol_name(e->protocol), e->url);
        printf(_("    sees what is %s at most; key: %s; models:"), wf_label_name(e->clearance),
               key_state(cli, e));
        for (size_t k = 0; k < e->n_models; k++)
            printf(" %s", e->models[k]);
        printf("\n");
    }
    if (!cli->json)
        print_own(own);
    if (!cli->json && there->n == 0 && json_array_size(own) == 0)
        printf("%s\n", _("There are no engines elsewhere: all is answered by this machine."));
    json_decref(own);
    wf_engines_free(there);
    return 0;
}

static int take_out(struct wf_cli *cli, const char *name, struct wf_err *err)
{
    int rc = wf_engines_remove(cli->home.engines, wf_str_from(name), err);

    /* The key last: an engine must never be asked without the key that it needs. */
    if (rc == 0)
        rc = wf_key_remove(cli->home.keys, name, err);
    if (rc == 0 && cli->json) {
        json_t *v = json_pack("{s:s, s:b}", "name", name, "removed", 1);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        printf(_("Removed %s and its key.\n"), name);
    }
    return rc;
}

static int run(struct wf_cli *cli, struct asked *a, const char *usage)
{
    const char *what = cli->n_args > 0 ? cli->args[0] : "";
    const char *name = cli->n_args > 1 ? cli->args[1] : "";
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (strcmp(what, "list") == 0 && cli->n_args == 1)
        rc = list(cli, &err);
    else if (cli->n_args != 2)
        return wf_cli_usage(usage);
    else if (strcmp(what, "add") == 0)
        rc = add(cli, a, name, &err);
    else if (strcmp(what, "key") == 0 && a->key_file)
        rc = set_key(cli, a, name, &err);
    else if (strcmp(what, "rm") == 0)
        rc = take_out(cli, name, &err);
    else
        return wf_cli_usage(usage);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}

int wf_cmd_engines(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft engines add NAME --protocol P --clearance L --model M[,M...] [--url U]\n"
        "                            [--key-file FILE | --no-key] [options]\n"
        "       weft engines list\n"
        "       weft engines rm NAME\n"
        "       weft engines key NAME --key-file FILE   another key\n\n"
        "Keeps the list of engines elsewhere: how each is reached, and what it may see at most.\n"
        "  --protocol P       openai (and what speaks like it), responses, anthropic, gemini,\n"
        "                     ollama or azure\n"
        "  --clearance L      public, internal or private; what is secret stays here\n"
        "  --model M[,M...]   its models, the first one unless told otherwise\n"
        "  --url U            its base address, in place of the provider's own: https, or http\n"
        "                     on this machine; --insecure-lan: on another one of yours, too\n"
        "  --key-file FILE    its key; - reads it from standard input. --no-key: it needs none\n"
        "  --tier T           provider (the default), or cloud or edge: a machine of yours\n"
        "  --provider NAME    what the policy calls it\n"
        "  --lacks \"WORDS\"    what it cannot do: tools images schema reasoning continue choices\n"
        "  --context N, --output-max N        tokens that it takes and writes at most\n"
        "  --price-in, -out, -cached X        of a million tokens, in money\n"
        "  --day-money, -tokens, -energy X    what may be spent in a day; --month-... in a month\n"
        "  --api-version V    of azure\n"
        "  --replace          changes one that is there");
    struct asked a = {.model = NULL};
    struct wf_option options[N_SETTINGS + 6] = {{0}};
    const struct wf_option own[] = {
        {.name = "model", .kind = WF_OPTION_TEXT, .out = &a.model},
        {.name = "key-file", .kind = WF_OPTION_TEXT, .out = &a.key_file},
        {.name = "insecure-lan", .kind = WF_OPTION_FLAG, .out = &a.insecure_lan},
        {.name = "no-key", .kind = WF_OPTION_FLAG, .out = &a.no_key},
        {.name = "replace", .kind = WF_OPTION_FLAG, .out = &a.replace},
    };
    int code = WF_EXIT_DONE;

    for (size_t i = 0; i < N_SETTINGS; i++)
        options[i] =
            (struct wf_option){.name = settings[i][0], .kind = WF_OPTION_TEXT, .out = &a.values[i]};
    memcpy(options + N_SETTINGS, own, sizeof(own));
    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    return run(cli, &a, usage);
}
