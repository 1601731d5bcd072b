/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation: messages, options, the model; and its file.
 *
 * A file is one JSON object {"weft":"chat","version":1,"model","system","options","messages"}. It
 * may come from elsewhere, so that it is looked at before anything of it is taken over. */
#include <stdio.h>
#include <string.h>

#include "cli/i18n.h"
#include "cli/run.h"
#include "op/json.h"
#include "op/op.h"
#include "os/file.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "%s", _("Out of memory."));
}

/* ---- messages ---- */

bool wf_run_say(struct wf_run *r, struct wf_str text)
{
    return json_array_append_new(r->messages, json_pack("{s:s, s:o}", "role", "user", "content",
                                                        wf_json_str(text))) == 0;
}

static bool is_last(const struct wf_run *r, const char *role)
{
    size_t n = json_array_size(r->messages);

    return n > 0 && strcmp(wf_json_text(json_array_get(r->messages, n - 1), "role"), role) == 0;
}

bool wf_run_undo(struct wf_run *r, bool and_question)
{
    bool found = false;

    while (json_array_size(r->messages) > 0 && !is_last(r, "user")) {
        json_array_remove(r->messages, json_array_size(r->messages) - 1);
        found = true;
    }
    if (and_question && is_last(r, "user"))
        return json_array_remove(r->messages, json_array_size(r->messages) - 1) == 0;
    return found || is_last(r, "user");
}

/* ---- the model ---- */

const char *wf_run_model(const struct wf_run *r)
{
    return wf_json_text(r->model, "name");
}

bool wf_run_is_elsewhere(const struct wf_run *r)
{
    return wf_json_text(r->model, "engine")[0] != '\0';
}

int wf_run_connect(struct wf_run *r)
{
    const struct wf_client_options o = {
        .program = r->cli->program, .make_home = true, .is_apart = r->is_interactive};
    struct wf_err err = WF_ERR_INIT;

    if (r->client || wf_client_open(&r->cli->home, &o, &r->client, &err) == 0)
        return 0;
    return wf_cli_fail(r->cli, &err);
}

int wf_run_use(struct wf_run *r, const char *name, struct wf_err *err)
{
    json_t *params = json_pack("{s:s*}", "name", name), *result = NULL;
    struct wf_client_call call = {.op = "models.show", .params = params, .fd = -1};
    int rc = params ? wf_client_run(r->client, &call, &result, err) : no_memory(err);

    json_decref(params);
    if (rc != 0)
        return rc;
    json_decref(r->model);
    r->model = result;
    return 0;
}

/* ---- options ---- */

/* A number, on or off, or a text. */
static json_t *value_of(const char *text)
{
    struct wf_str s = wf_str_from(text);
    int64_t i;
    double x;

    if (wf_str_to_i64(s, &i))
        return json_integer(i);
    if (wf_str_to_f64(s, &x))
        return json_real(x);
    if (strcmp(text, "on") == 0 || strcmp(text, "true") == 0)
        return json_true();
    if (strcmp(text, "off") == 0 || strcmp(text, "false") == 0)
        return json_false();
    return wf_json_str(s);
}

int wf_run_set(struct wf_run *r, const char *name, const char *value, struct wf_err *err)
{
    json_t *one;
    int rc;

    if (strcmp(value, "default") == 0) {
        (void)json_object_del(r->options, name); /* it may not be there */
        return 0;
    }
    one = json_pack("{s:o}", name, value_of(value));
    rc = one ? wf_op_chat_check(one, err) : no_memory(err);
    if (rc == 0 && json_object_update(r->options, one) != 0)
        rc = no_memory(err);
    json_decref(one);
    return rc;
}

/* ---- files ---- */

/* Where a conversation of that name lies; makes the folder of the home's own. */
static int path_of(const struct wf_run *r, const char *name, bool makes, char *out, size_t n,
                   struct wf_err *err)
{
    char dir[WF_LIMIT_PATH_BYTES + 8];
    int len, rc = 0;

    if (strchr(name, '/')) {
        len = snprintf(out, n, "%s", name);
    } else {
        snprintf(dir, sizeof(dir), "%s/chats", r->cli->home.dir);
        if (makes)
            rc = wf_file_mkdirs(dir, err);
        len = snprintf(out, n, "%s/%s.json", dir, name);
    }
    if (rc == 0 && (len < 0 || (size_t)len >= n))
        rc = wf_err_set(err, WF_E_LIMIT, "%s", _("That name is too long."));
    return rc;
}

int wf_run_save(struct wf_run *r, const char *name, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_buf text;
    json_t *v;
    int rc = path_of(r, name, true, path, sizeof(path), err);

    if (rc != 0)
        return rc;
    v = json_pack("{s:s, s:i, s:s, s:O*, s:O, s:O}", "weft", "chat", "version", 1, "model",
                  wf_run_model(r), "system", r->system, "options", r->options, "messages",
                  r->messages);
    wf_buf_init(&text, FILE_BYTES_MAX);
    rc = v ? wf_json_append(&text, v) : WF_E_NOMEM;
    wf_buf_append_byte(&text, '\n');
    if (rc == 0)
        rc = wf_buf_status(&text);
    if (rc != 0)
        rc = no_memory(err);
    else
        rc = wf_file_replace(path, text.ptr, text.len, 0600, err);
    wf_buf_deinit(&text);
    json_decref(v);
    return rc;
}

/* Whether each message is one that the core would take: it says what is wrong itself, later. */
static bool is_conversation(const json_t *v)
{
    const json_t *messages = json_object_get(v, "messages"), *system = json_object_get(v, "system"),
                 *m;
    size_t i;

    if (strcmp(wf_json_text(v, "weft"), "chat") != 0 || !json_is_array(messages) ||
        (system && !json_is_string(system)))
        return false;
    json_array_foreach(messages, i, m)
    {
        if (!json_is_object(m) || !wf_json_text(m, "role")[0])
            return false;
    }
    return true;
}

static int take_over(struct wf_run *r, const json_t *v, struct wf_err *err)
{
    const char *model = wf_json_text(v, "model");
    json_t *options = json_object_get(v, "options");
    struct wf_err own = WF_ERR_INIT;
    int rc = options ? wf_op_chat_check(options, err) : 0;

    if (rc != 0)
        return rc;
    json_decref(r->system);
    r->system = json_incref(json_object_get(v, "system"));
    json_decref(r->messages);
    r->messages = json_deep_copy(json_object_get(v, "messages"));
    json_decref(r->options);
    r->options = options ? json_deep_copy(options) : json_object();
    json_decref(r->usage);
    r->usage = NULL;
    if (!r->messages || !r->options)
        return no_memory(err);
    if (model[0] && strcmp(model, wf_run_model(r)) != 0 && wf_run_use(r, model, &own) != 0)
        fprintf(stderr, _("%s It goes on with %s.\n"), own.msg, wf_run_model(r));
    return 0;
}

int wf_run_load(struct wf_run *r, const char *name, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_buf text;
    json_t *v = NULL;
    int rc = path_of(r, name, false, path, sizeof(path), err);

    if (rc != 0)
        return rc;
    wf_buf_init(&text, FILE_BYTES_MAX);
    rc = wf_file_read(path, &text, err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&text), &v, err);
    if (rc == 0 && !is_conversation(v))
        rc = wf_err_set(err, WF_E_FORMAT, _("%s holds no conversation of weft."), path);
    if (rc == 0)
        rc = take_over(r, v, err);
    json_decref(v);
    wf_buf_deinit(&text);
    return rc;
}
