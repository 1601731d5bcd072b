/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations, and what all of them share. An operation checks its parameters before it
 * does anything; an unknown parameter is an error, since a misspelt filter must not widen a search.
 */
#include "op/op.h"

#include <assert.h>
#include <string.h>

#include "op/op_internal.h"

#define PARAMS_MAX 12

static const struct row {
    const char *name;
    wf_op_fn run;
    bool needs_store;
    const char *params[PARAMS_MAX + 1];
} rows[] = {
    {"ask",
     wf_op__ask,
     true,
     {"question", "thread", "space", "type", "path", "since", "until", "document", "mode", "model",
      "release"}},
    {"chat",
     wf_op__chat,
     false,
     {"model", "messages", "tools", "tool_choice", "schema", "options", "release"}},
    {"release",
     wf_op__release,
     false,
     {"model", "messages", "tools", "tool_choice", "schema", "options", "release"}},
    {"search",
     wf_op__search,
     true,
     {"q", "k", "space", "type", "path", "since", "until", "document"}},
    {"summarize",
     wf_op__summarize,
     false,
     {"document", "text", "name", "sentences", "ratio", "about", "mode", "model", "path",
      "release"}},
    {"understand", wf_op__understand, false, {"text"}},
    {"documents.list", wf_op__documents_list, true, {"limit", "after", "q", "space", "type"}},
    {"documents.get", wf_op__documents_get, true, {"id"}},
    {"documents.parts", wf_op__documents_parts, true, {"id", "at", "limit"}},
    {"documents.remove", wf_op__documents_remove, true, {"documents"}},
    {"documents.pin", wf_op__documents_pin, true, {"id"}},
    {"documents.unpin", wf_op__documents_unpin, true, {"id"}},
    {"documents.fetch", wf_op__documents_fetch, true, {"id"}},
    {"threads.list", wf_op__threads_list, true, {"limit", "after"}},
    {"threads.get", wf_op__threads_get, true, {"id"}},
    {"threads.rename", wf_op__threads_rename, true, {"id", "title"}},
    {"threads.remove", wf_op__threads_remove, true, {"id"}},
    {"chats.list", wf_op__chats_list, true, {NULL}},
    {"chats.get", wf_op__chats_get, true, {"id"}},
    {"chats.put", wf_op__chats_put, true, {"id", "title", "model", "messages"}},
    {"chats.remove", wf_op__chats_remove, true, {"id"}},
    {"generations.take", wf_op__generations_take, true, {"id", "node"}},
    {"generations.follow", wf_op__generations_follow, true, {"id"}},
    {"presence.list", wf_op__presence_list, true, {NULL}},
    {"presence.set",
     wf_op__presence_set,
     true,
     {"id", "view", "ref", "title", "text", "at", "generation", "active"}},
    {"presence.end", wf_op__presence_end, true, {"id"}},
    {"handoff", wf_op__handoff, true, {"node", "page"}},
    {"handoff.take", wf_op__handoff_take, true, {NULL}},
    {"reminders.list", wf_op__reminders_list, true, {NULL}},
    {"reminders.add", wf_op__reminders_add, true, {"text", "at", "id"}},
    {"reminders.remove", wf_op__reminders_remove, true, {"id"}},
    {"nodes.list", wf_op__nodes_list, true, {NULL}},
    {"nodes.init", wf_op__nodes_init, true, {NULL}},
    {"nodes.rename", wf_op__nodes_rename, true, {"name", "to"}},
    {"nodes.clear", wf_op__nodes_clear, true, {"name", "label"}},
    {"nodes.relay", wf_op__nodes_relay, true, {"name", "off"}},
    {"nodes.revoke", wf_op__nodes_revoke, true, {"name"}},
    {"nodes.leave", wf_op__nodes_leave, true, {NULL}},
    {"sync.status", wf_op__sync_status, true, {NULL}},
    {"pair.show", wf_op__pair_show, true, {"wait"}},
    {"pair.hide", wf_op__pair_hide, true, {NULL}},
    {"pair.state", wf_op__pair_state, true, {NULL}},
    {"present.get", wf_op__present_get, false, {NULL}},
    {"present.set",
     wf_op__present_set,
     false,
     {"kind", "id", "at", "n", "since", "x", "y", "end", "node"}},
    {"phones.list", wf_op__phones_list, false, {NULL}},
    {"phones.invite", wf_op__phones_invite, false, {NULL}},
    {"phones.uninvite", wf_op__phones_uninvite, false, {NULL}},
    {"phones.revoke", wf_op__phones_revoke, false, {"name"}},
    {"pair.join", wf_op__pair_join, true, {"target", "relay"}},
    {"members.list", wf_op__members_list, true, {"space"}},
    {"members.invite", wf_op__members_invite, true, {"space", "role", "level", "wait"}},
    {"members.join", wf_op__members_join, true, {"target"}},
    {"members.role", wf_op__members_role, true, {"space", "member", "role"}},
    {"members.remove", wf_op__members_remove, true, {"space", "member"}},
    {"members.leave", wf_op__members_leave, true, {"space"}},
    {"spaces.list", wf_op__spaces_list, true, {NULL}},
    {"spaces.create", wf_op__spaces_create, true, {"name", "label"}},
    {"drafts.list", wf_op__drafts_list, true, {"space", "limit", "after"}},
    {"drafts.create", wf_op__drafts_create, true, {"space", "name", "text", "id"}},
    {"drafts.get", wf_op__drafts_get, true, {"id", "draft", "version"}},
    {"drafts.edit", wf_op__drafts_edit, true, {"id", "draft", "text", "base"}},
    {"drafts.history", wf_op__drafts_history, true, {"id", "draft"}},
    {"drafts.restore", wf_op__drafts_restore, true, {"id", "draft", "version"}},
    {"drafts.change", wf_op__drafts_change, true, {"id", "draft", "name", "label"}},
    {"drafts.remove", wf_op__drafts_remove, true, {"id", "draft"}},
    {"records.list", wf_op__records_list, true, {"space", "collection", "limit", "after"}},
    {"records.get", wf_op__records_get, true, {"id", "history"}},
    {"records.put", wf_op__records_put, true, {"id", "fields", "label"}},
    {"records.edit",
     wf_op__records_edit,
     true,
     {"id", "set", "unset", "count", "add", "take", "label", "made", "there"}},
    {"records.remove", wf_op__records_remove, true, {"id"}},
    {"records.write", wf_op__records_write, true, {"space", "records"}},
    {"models.list", wf_op__models_list, true, {NULL}},
    {"models.show", wf_op__models_show, true, {"name"}},
    {"models.remove", wf_op__models_remove, true, {"name"}},
    {"models.copy", wf_op__models_copy, true, {"from", "to"}},
    {"models.import", wf_op__models_import, true, {"files", "name", "source"}},
    {"models.pull", wf_op__models_pull, true, {"name", "as", "token", "digest"}},
    {"models.verify", wf_op__models_verify, true, {"name"}},
    {"ledger", wf_op__ledger, false, {"limit", "before"}},
    {"nodes.link", wf_op__nodes_link, false, {NULL}},
    {"nodes.address", wf_op__nodes_address, true, {"name", "address"}},
    {"policy", wf_op__policy, false, {NULL}},
    {"route",
     wf_op__route,
     false,
     {"request", "balance", "consent", "offline", "here", "deadline_ms"}},
    {"why", wf_op__why, false, {"id"}},
    {"feedback", wf_op__feedback, false, {"id", "rating"}},
    {"evaluate", wf_op__evaluate, false, {"engine", "question", "answers", "max_tokens"}},
    {"status", wf_op__status, true, {NULL}},
    {"vectors.make", wf_op__vectors_make, true, {"seconds"}},
    {"settings.get", wf_op__settings_get, true, {NULL}},
    {"settings.set", wf_op__settings_set, true, {"language", "theme"}},
    {"watch.report", wf_op__watch_report, true, {"watched"}},
    {"link", wf_op__link, true, {NULL}},
};

int wf_op_run(struct wf_op_context *ctx, const char *name, const struct wf_op_call *call,
              json_t **out_result, struct wf_err *err)
{
    int rc;

    assert(call->params != NULL);
    assert(call->sink != NULL);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].needs_store && !ctx->store)
            return wf_err_set(err, WF_E_INVAL, "\"%s\" needs a home.", name);
        if (!json_is_object(call->params))
            return wf_err_set(err, WF_E_INVAL, "The parameters must be a JSON object.");
        rc = wf_param_known(call->params, rows[i].params, err);
        if (rc != 0)
            return rc;
        wf_op__enter(ctx);
        rc = rows[i].run(ctx, call, out_result, err);
        wf_op__leave(ctx);
        return rc;
    }
    return wf_err_set(err, WF_E_NOENT, "There is no operation \"%.80s\".", name);
}

int wf_op__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory. Close other programs and try again.");
}

int wf_op__give(json_t *v, json_t **out_result, struct wf_err *err)
{
    if (!v)
        return wf_op__no_memory(err);
    *out_result = v;
    return 0;
}

bool wf_op__hides(const struct wf_op_call *call, struct wf_str label)
{
    enum wf_label known;

    (void)!wf_label_parse(label, &known); /* secret where it is none */
    return call->hides_secret && known == WF_LABEL_SECRET;
}

int wf_op__document(const struct wf_op_call *call, struct wf_reader *r, struct wf_str id,
                    struct wf_arena *arena, struct wf_document *out, struct wf_err *err)
{
    int rc = wf_document_get(r, id, arena, out, err);

    if (rc == 0 && wf_op__hides(call, out->label))
        return wf_err_set(err, WF_E_NOENT, "There is no such document.");
    return rc;
}

int wf_op__filter(const struct wf_op_call *call, struct wf_find_filter *out, struct wf_err *err)
{
    const json_t *params = call->params;
    const struct wf_param_range times = {INT64_MIN, INT64_MAX, 0};
    struct wf_find_filter f = {.hides_secret = call->hides_secret};
    int rc = wf_param_str(params, "space", false, &f.space, err);

    if (rc == 0)
        rc = wf_param_str(params, "type", false, &f.type, err);
    if (rc == 0)
        rc = wf_param_str(params, "path", false, &f.path_prefix, err);
    if (rc == 0)
        rc = wf_param_str(params, "document", false, &f.document, err);
    if (rc == 0)
        rc = wf_param_int(params, "since", times, &f.since_ms, err);
    if (rc == 0)
        rc = wf_param_int(params, "until", times, &f.until_ms, err);
    if (rc == 0)
        *out = f;
    return rc;
}

static json_t *page_json(uint32_t page)
{
    return page ? json_integer((json_int_t)page) : json_null();
}

json_t *wf_op__hit_json(const struct wf_hit *h)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:f}", "document",
                     wf_json_str(h->document), "title", wf_json_str(h->title), "path",
                     wf_json_str(h->path), "page", page_json(h->page), "heading",
                     wf_json_str(h->heading), "start", (json_int_t)h->start_cp, "end",
                     (json_int_t)h->end_cp, "text", wf_json_str(h->text), "score", h->score);
}

json_t *wf_op_document_json(struct wf_reader *r, const struct wf_document *d,
                            struct wf_arena *arena, struct wf_err *err)
{
    json_t *paths = json_array(), *warnings = json_array();
    struct wf_str *items = NULL;
    size_t n = 0;

    if (wf_document_paths(r, d->id, arena, &items, &n, err) != 0) {
        json_decref(paths);
        json_decref(warnings);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        json_array_append_new(paths, wf_json_str(items[i]));
    if (d->warning.len > 0)
        json_array_append_new(warnings, wf_json_str(d->warning));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:o}", "id",
        wf_json_str(d->uid), "title", wf_json_str(d->title), "type", wf_json_str(d->type), "space",
        wf_json_str(d->space), "author", wf_json_str_or_null(d->author), "language",
        wf_json_str_or_null(d->language), "paths", paths, "bytes", (json_int_t)d->bytes,
        "characters", (json_int_t)d->n_cp, "pages", page_json(d->n_pages), "added",
        (json_int_t)d->added_ms, "modified", (json_int_t)d->modified_ms, "warnings", warnings);
}
