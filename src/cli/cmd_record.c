/* SPDX-License-Identifier: Apache-2.0 */
/* weft record: small things with fields that devices keep together: read, written, counted, their
 * sets, their history. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "os/zone.h"

#define PAGE 1000

struct record_options {
    const char *label;
    int64_t limit; /* of the list; 0: all */
};

/* ---- calls ---- */

/* Runs an operation over `c`, which is opened where it is NULL and stays open. Takes `params`. */
static int run(struct wf_cli *cli, struct wf_client **io_c, const struct wf_client_options *o,
               const char *op, json_t *params, json_t **out_result)
{
    struct wf_client_call one = {.op = op, .params = params, .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;

    if (params == NULL)
        rc = wf_err_set(&err, WF_E_INVAL, "%s", _("The name is not UTF-8."));
    else if (*io_c == NULL)
        rc = wf_client_open(&cli->home, o, io_c, &err);
    if (rc == 0)
        rc = wf_client_run(*io_c, &one, out_result, &err);
    json_decref(params);
    return rc == 0 ? 0 : wf_cli_fail(cli, &err);
}

/* One operation; a core that is started for one that writes can look at what is written. */
static int call(struct wf_cli *cli, const char *op, json_t *params, bool writes,
                json_t **out_result)
{
    const struct wf_client_options o = {
        .program = cli->program, .make_home = writes, .has_labels = writes};
    struct wf_client *c = NULL;
    int code = run(cli, &c, &o, op, params, out_result);

    wf_client_close(c);
    return code;
}

/* {"id": "SPACE/COLLECTION/KEY"}. */
static json_t *named(const char *space, const char *record)
{
    struct wf_buf b;
    json_t *v;

    wf_buf_init(&b, 8192);
    wf_buf_appendf(&b, "%s/%s", space, record);
    v = wf_buf_status(&b) == 0 ? json_pack("{s:s}", "id", b.ptr) : NULL;
    wf_buf_deinit(&b);
    return v;
}

/* ---- printing ---- */

static void print_text(const char *s)
{
    char *text = wf_strdup(s);

    if (text != NULL) {
        wf_str_make_printable(text, strlen(text));
        printf("%s", text);
    }
    wf_free(text);
}

/* A text as it is, other values as JSON. */
static void print_value(const json_t *v)
{
    char *s;

    if (json_is_string(v)) {
        print_text(json_string_value(v));
        return;
    }
    s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    printf("%s", s != NULL ? s : "");
    wf_free(s);
}

static const char *local(const json_t *o, const char *key, char out[WF_CIVIL_BYTES])
{
    struct wf_civil c;

    wf_zone_civil(json_integer_value(json_object_get(o, key)), &c);
    wf_civil_print(&c, out);
    out[10] = ' ';
    return out;
}

static void print_head(const json_t *r)
{
    char at[WF_CIVIL_BYTES];

    if (json_is_integer(json_object_get(r, "changed")))
        printf("%s  %-8s  ", local(r, "changed", at), wf_json_text(r, "label"));
    printf("%s", wf_cli_bold());
    print_text(wf_json_text(r, "collection"));
    printf("/");
    print_text(wf_json_text(r, "key"));
    printf("%s\n", wf_cli_plain());
}

static void print_fields(const json_t *r)
{
    const char *field;
    json_t *v;

    json_object_foreach(json_object_get(r, "fields"), field, v)
    {
        printf("  ");
        print_text(field);
        printf(" = ");
        print_value(v);
        printf("\n");
    }
}

static void print_event(const json_t *e)
{
    char at[WF_CIVIL_BYTES];
    json_t *op;
    size_t i;

    json_array_foreach(json_object_get(e, "ops"), i, op)
    {
        const json_t *v = json_object_get(op, "value");
        v = v != NULL ? v : json_object_get(op, "total");
        printf("%s  %s%.8s%s  %-6s  ", local(e, "at", at), wf_cli_dim(), wf_json_text(e, "device"),
               wf_cli_plain(), wf_json_text(op, "op"));
        print_text(wf_json_text(op, "field"));
        if (v != NULL) {
            printf(" = ");
            print_value(v);
        }
        printf("\n");
    }
}

/* ---- verbs that read ---- */

static int get(struct wf_cli *cli, const char *space, const char *record)
{
    json_t *result = NULL;
    int code = call(cli, "records.get", named(space, record), false, &result);

    if (code == 0 && cli->json) {
        wf_cli_print_json(result);
    } else if (code == 0) {
        print_head(result);
        print_fields(result);
    }
    json_decref(result);
    return code;
}

static int history(struct wf_cli *cli, const char *space, const char *record)
{
    json_t *params = named(space, record), *result = NULL, *e;
    size_t i;
    int code;

    if (params != NULL)
        json_object_set_new(params, "history", json_integer(1000));
    code = call(cli, "records.get", params, false, &result);
    if (code == 0 && cli->json) {
        wf_cli_print_json(result);
    } else if (code == 0) {
        json_array_foreach(json_object_get(result, "history"), i, e) print_event(e);
    }
    json_decref(result);
    return code;
}

/* One page into `all`; `after` becomes where the next one begins, NULL at the end. */
static int list_page(struct wf_cli *cli, struct wf_client **io_c, json_t *params, json_t *all,
                     json_t **io_after)
{
    const struct wf_client_options o = {.program = cli->program};
    json_t *result = NULL;
    int code;

    if (params != NULL && *io_after != NULL)
        json_object_set(params, "after", *io_after);
    code = run(cli, io_c, &o, "records.list", params, &result);
    json_array_extend(all, json_object_get(result, "records"));
    json_decref(*io_after);
    *io_after = NULL;
    if (json_is_string(json_object_get(result, "next")))
        *io_after = json_incref(json_object_get(result, "next"));
    json_decref(result);
    return code;
}

static int list(struct wf_cli *cli, const char *space, const char *collection, int64_t limit)
{
    json_t *all = json_array(), *after = NULL, *v, *r;
    struct wf_client *c = NULL;
    size_t i;
    int code;

    do {
        int64_t left = limit > 0 ? limit - (int64_t)json_array_size(all) : PAGE;
        json_t *params = json_pack("{s:s, s:I}", "space", space, "limit",
                                   (json_int_t)(left < PAGE ? left : PAGE));
        if (params != NULL && collection != NULL)
            json_object_set_new(params, "collection", json_string(collection));
        code = list_page(cli, &c, params, all, &after);
    } while (code == 0 && after != NULL && (limit == 0 || (int64_t)json_array_size(all) < limit));
    wf_client_close(c);
    if (code == 0 && cli->json) {
        v = json_pack("{s:O, s:O?}", "records", all, "next", after);
        if (v != NULL && after == NULL)
            json_object_set_new(v, "next", json_null());
        wf_cli_print_json(v);
        json_decref(v);
    } else if (code == 0 && json_array_size(all) == 0) {
        printf("%s\n", _("There are no records here."));
    } else if (code == 0) {
        json_array_foreach(all, i, r) print_head(r);
    }
    json_decref(after);
    json_decref(all);
    return code;
}

/* ---- verbs that write ---- */

/* VALUE as JSON where it is some, else as a text. */
static json_t *read_value(const char *s)
{
    json_t *v = wf_json_load(wf_str_from(s), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    return v != NULL ? v : json_string(s);
}

/* FIELD=VALUE into an object by fields, as the verb wants it. */
static int read_field(struct wf_cli *cli, const char *arg, bool is_set, json_t *out)
{
    const char *sign = strchr(arg, '=');
    struct wf_err err = WF_ERR_INIT;
    json_t *v = sign != NULL && sign > arg ? read_value(sign + 1) : NULL, *array;

    if (v == NULL) {
        (void)wf_err_set(&err, WF_E_INVAL, _("\"%.100s\" is not FIELD=VALUE."), arg);
        return wf_cli_fail(cli, &err);
    }
    if (!is_set) {
        json_object_setn_new(out, arg, (size_t)(sign - arg), v);
        return 0;
    }
    array = json_object_getn(out, arg, (size_t)(sign - arg));
    if (array == NULL) {
        array = json_array();
        json_object_setn_new(out, arg, (size_t)(sign - arg), array);
    }
    json_array_append_new(array, v);
    return 0;
}

/* The parameter of records.edit that a verb's arguments are. */
static const char *parameter_of(const char *verb)
{
    static const char *const verbs[] = {"set", "unset", "count", "add", "take"};

    for (size_t i = 0; i < WF_ARRAY_LEN(verbs); i++)
        if (strcmp(verb, verbs[i]) == 0)
            return verbs[i];
    return NULL;
}

static int edit(struct wf_cli *cli, const char *verb, const struct record_options *o)
{
    bool unsets = strcmp(verb, "unset") == 0;
    bool is_set = strcmp(verb, "add") == 0 || strcmp(verb, "take") == 0;
    json_t *params = named(cli->args[1], cli->args[2]), *result = NULL;
    json_t *what = unsets ? json_array() : json_object();
    int code = 0;

    for (size_t i = 3; code == 0 && i < cli->n_args; i++) {
        if (unsets)
            json_array_append_new(what, json_string(cli->args[i]));
        else
            code = read_field(cli, cli->args[i], is_set, what);
    }
    if (params != NULL && cli->n_args > 3)
        json_object_set(params, verb, what);
    if (params != NULL && o->label != NULL)
        json_object_set_new(params, "label", json_string(o->label));
    json_decref(what);
    if (code != 0) {
        json_decref(params);
        return code;
    }
    code = call(cli, "records.edit", params, true, &result);
    if (code == 0 && cli->json) {
        wf_cli_print_json(result);
    } else if (code == 0) {
        print_head(result);
        print_fields(result);
    }
    json_decref(result);
    return code;
}

static int remove_one(struct wf_cli *cli, const char *space, const char *record)
{
    json_t *result = NULL, *v;
    int code = call(cli, "records.remove", named(space, record), false, &result);

    if (code == 0 && cli->json) {
        v = json_pack("{s:s}", "removed", record);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (code == 0) {
        printf("%s\n", _("Removed."));
    }
    json_decref(result);
    return code;
}

int wf_cmd_record(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft record list SPACE [COLLECTION] [--limit N]\n"
        "       weft record get|history|rm SPACE COLLECTION/KEY\n"
        "       weft record set SPACE COLLECTION/KEY FIELD=VALUE... [--label LABEL]\n"
        "       weft record unset SPACE COLLECTION/KEY FIELD...\n"
        "       weft record count SPACE COLLECTION/KEY FIELD=N...\n"
        "       weft record add|take SPACE COLLECTION/KEY FIELD=VALUE...\n\n"
        "Records are small things with fields, the same on all devices of their space. VALUE is\n"
        "JSON, or else a text. Of a field that several set, the last one counts; count adds N to\n"
        "what all have counted; add and take change a set. rm deletes for good, on every device.");
    struct record_options o = {.label = NULL};
    const struct wf_option options[] = {
        {.name = "label", .kind = WF_OPTION_TEXT, .out = &o.label},
        {.name = "limit", .kind = WF_OPTION_NUMBER, .out = &o.limit, .min = 1, .max = INT64_MAX},
        {.name = NULL},
    };
    const char *verb;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    verb = cli->n_args > 0 ? cli->args[0] : "";
    if (strcmp(verb, "list") == 0 && cli->n_args >= 2 && cli->n_args <= 3 && !o.label)
        return list(cli, cli->args[1], cli->n_args == 3 ? cli->args[2] : NULL, o.limit);
    if (cli->n_args >= 3 && parameter_of(verb) != NULL && o.limit == 0 &&
        (cli->n_args > 3 || o.label != NULL))
        return edit(cli, parameter_of(verb), &o);
    if (cli->n_args != 3 || o.label || o.limit)
        return wf_cli_usage(usage);
    if (strcmp(verb, "get") == 0)
        return get(cli, cli->args[1], cli->args[2]);
    if (strcmp(verb, "history") == 0)
        return history(cli, cli->args[1], cli->args[2]);
    if (strcmp(verb, "rm") == 0)
        return remove_one(cli, cli->args[1], cli->args[2]);
    return wf_cli_usage(usage);
}
