/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: one table. Most rows name an operation, whose parameters are the query, the {id} and
 * the JSON body together; the others have a handler of their own. */
#include <string.h>

#include "base/log.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "op/json.h"

static const struct wf_route routes[] = {
    {.method = WF_HTTP_GET,
     .pattern = "healthz",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_healthz,
     .in_event_thread = true},
    {.method = WF_HTTP_GET,
     .pattern = "ca.crt",
     .lan = WF_LAN_DOOR,
     .run = wf_handle_lan_ca,
     .in_event_thread = true},
    {.method = WF_HTTP_GET,
     .pattern = "weft.mobileconfig",
     .lan = WF_LAN_DOOR,
     .run = wf_handle_lan_profile,
     .in_event_thread = true},
    {.method = WF_HTTP_GET,
     .pattern = "lan/about",
     .lan = WF_LAN_DOOR,
     .run = wf_handle_lan_about,
     .in_event_thread = true},
    {.method = WF_HTTP_POST,
     .pattern = "lan/join",
     .lan = WF_LAN_DOOR,
     .body = WF_BODY_JSON,
     .run = wf_handle_lan_join},
    {.method = WF_HTTP_GET, .pattern = "weft/v1/me", .lan = WF_LAN_PHONE, .run = wf_handle_me},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/me/leave",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .run = wf_handle_leave},
    {.method = WF_HTTP_GET, .pattern = "weft/v1/phones", .op = "phones.list", .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/phones",
     .body = WF_BODY_JSON,
     .op = "phones.invite",
     .status = 201},
    {.method = WF_HTTP_DELETE, .pattern = "weft/v1/phones", .op = "phones.uninvite", .status = 204},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/phones/revoke",
     .body = WF_BODY_JSON,
     .op = "phones.revoke",
     .status = 200},
    {.method = WF_HTTP_GET, .pattern = "metrics", .run = wf_handle_metrics},
    {.method = WF_HTTP_GET, .pattern = "open/{id}", .run = wf_handle_open, .in_event_thread = true},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/events",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_events,
     .in_event_thread = true},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/documents",
     .lan = WF_LAN_PHONE,
     .op = "documents.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/documents",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_UPLOAD,
     .run = wf_handle_upload},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/documents/{id}",
     .lan = WF_LAN_PHONE,
     .op = "documents.get",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/documents/{id}",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_document_remove},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/documents/{id}/text",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_document_text},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/documents/{id}/parts",
     .lan = WF_LAN_PHONE,
     .op = "documents.parts",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/documents/{id}/original",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_document_original},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/search",
     .lan = WF_LAN_PHONE,
     .op = "search",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/search",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "search",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/ask",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .run = wf_handle_ask},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/summarize",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "summarize",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/understand",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "understand",
     .status = 200},
    {.method = WF_HTTP_PUT,
     .pattern = "weft/v1/documents/{id}/pin",
     .op = "documents.pin",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/documents/{id}/pin",
     .op = "documents.unpin",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/documents/{id}/fetch",
     .op = "documents.fetch",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/reminders",
     .lan = WF_LAN_PHONE,
     .op = "reminders.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/reminders",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "reminders.add",
     .status = 201},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/reminders/{id}",
     .lan = WF_LAN_PHONE,
     .op = "reminders.remove",
     .status = 204},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/threads",
     .lan = WF_LAN_PHONE,
     .op = "threads.list",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/threads/{id}",
     .lan = WF_LAN_PHONE,
     .op = "threads.get",
     .status = 200},
    {.method = WF_HTTP_PATCH,
     .pattern = "weft/v1/threads/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "threads.rename",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/threads/{id}",
     .lan = WF_LAN_PHONE,
     .op = "threads.remove",
     .status = 204},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/chats",
     .lan = WF_LAN_PHONE,
     .op = "chats.list",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/chats/{id}",
     .lan = WF_LAN_PHONE,
     .op = "chats.get",
     .status = 200},
    {.method = WF_HTTP_PUT,
     .pattern = "weft/v1/chats/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "chats.put",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/chats/{id}",
     .lan = WF_LAN_PHONE,
     .op = "chats.remove",
     .status = 204},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/generations/{id}",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_generation,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/generations/{id}/take",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "generations.take",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/presence",
     .lan = WF_LAN_PHONE,
     .op = "presence.list",
     .status = 200},
    {.method = WF_HTTP_PUT,
     .pattern = "weft/v1/presence/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "presence.set",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/presence/{id}",
     .lan = WF_LAN_PHONE,
     .op = "presence.end",
     .status = 204},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/handoff",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "handoff",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/handoff/take",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "handoff.take",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/spaces",
     .lan = WF_LAN_PHONE,
     .op = "spaces.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/spaces",
     .body = WF_BODY_JSON,
     .op = "spaces.create",
     .status = 201},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/drafts",
     .lan = WF_LAN_PHONE,
     .op = "drafts.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/drafts",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "drafts.create",
     .status = 201},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/drafts/{id}",
     .lan = WF_LAN_PHONE,
     .op = "drafts.get",
     .status = 200},
    {.method = WF_HTTP_PUT,
     .pattern = "weft/v1/drafts/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "drafts.edit",
     .status = 200},
    {.method = WF_HTTP_PATCH,
     .pattern = "weft/v1/drafts/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "drafts.change",
     .status = 200},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/drafts/{id}",
     .lan = WF_LAN_PHONE,
     .op = "drafts.remove",
     .status = 204},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/drafts/{id}/history",
     .lan = WF_LAN_PHONE,
     .op = "drafts.history",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/drafts/{id}/restore",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "drafts.restore",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/records",
     .lan = WF_LAN_PHONE,
     .op = "records.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/records",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "records.write",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/records/{id}",
     .lan = WF_LAN_PHONE,
     .op = "records.get",
     .status = 200,
     .id_is_rest = true},
    {.method = WF_HTTP_PUT,
     .pattern = "weft/v1/records/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "records.put",
     .status = 200,
     .id_is_rest = true},
    {.method = WF_HTTP_PATCH,
     .pattern = "weft/v1/records/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "records.edit",
     .status = 200,
     .id_is_rest = true},
    {.method = WF_HTTP_DELETE,
     .pattern = "weft/v1/records/{id}",
     .lan = WF_LAN_PHONE,
     .op = "records.remove",
     .status = 204,
     .id_is_rest = true},
    {.method = WF_HTTP_GET,
     .pattern = "sync/{id}",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_sync,
     .in_event_thread = true,
     .id_is_rest = true},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/nodes",
     .lan = WF_LAN_PHONE,
     .op = "nodes.list",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/nodes/rename",
     .body = WF_BODY_JSON,
     .op = "nodes.rename",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/nodes/clear",
     .body = WF_BODY_JSON,
     .op = "nodes.clear",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/nodes/relay",
     .body = WF_BODY_JSON,
     .op = "nodes.relay",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/nodes/revoke",
     .body = WF_BODY_JSON,
     .op = "nodes.revoke",
     .status = 200},
    {.method = WF_HTTP_GET, .pattern = "weft/v1/pair", .op = "pair.state", .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/pair",
     .body = WF_BODY_JSON,
     .op = "pair.show",
     .status = 200},
    {.method = WF_HTTP_DELETE, .pattern = "weft/v1/pair", .op = "pair.hide", .status = 204},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/pair/join",
     .body = WF_BODY_JSON,
     .op = "pair.join",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/models",
     .lan = WF_LAN_PHONE,
     .op = "models.list",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/ledger",
     .lan = WF_LAN_PHONE,
     .op = "ledger",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/policy",
     .lan = WF_LAN_PHONE,
     .op = "policy",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/route",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "route",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/release",
     .body = WF_BODY_JSON,
     .run = wf_handle_release,
     .generates = true},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/why/{id}",
     .lan = WF_LAN_PHONE,
     .op = "why",
     .status = 200},
    {.method = WF_HTTP_POST,
     .pattern = "weft/v1/feedback/{id}",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .op = "feedback",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/status",
     .lan = WF_LAN_PHONE,
     .op = "status",
     .status = 200},
    {.method = WF_HTTP_GET,
     .pattern = "weft/v1/settings",
     .lan = WF_LAN_PHONE,
     .op = "settings.get",
     .status = 200},
    {.method = WF_HTTP_PATCH,
     .pattern = "weft/v1/settings",
     .body = WF_BODY_JSON,
     .op = "settings.set",
     .status = 200},

    /* OpenAI's API, and rerank */
    {.method = WF_HTTP_GET,
     .pattern = "v1/models",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_openai_models},
    {.method = WF_HTTP_GET,
     .pattern = "v1/models/{id}",
     .lan = WF_LAN_PHONE,
     .run = wf_handle_openai_model,
     .id_is_rest = true},
    {.method = WF_HTTP_POST,
     .pattern = "v1/chat/completions",
     .lan = WF_LAN_PHONE,
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_chat,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "v1/completions",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_completions,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "v1/embeddings",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_embeddings,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "v1/responses",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_responses,
     .generates = true},
    {.method = WF_HTTP_GET, .pattern = "v1/responses/{id}", .run = wf_handle_openai_response_get},
    {.method = WF_HTTP_DELETE,
     .pattern = "v1/responses/{id}",
     .run = wf_handle_openai_response_delete},
    {.method = WF_HTTP_POST,
     .pattern = "v1/rerank",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_rerank,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "v2/rerank",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_rerank,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "rerank",
     .body = WF_BODY_JSON,
     .run = wf_handle_openai_rerank,
     .generates = true},

    /* Anthropic's API */
    {.method = WF_HTTP_POST,
     .pattern = "v1/messages",
     .body = WF_BODY_JSON,
     .run = wf_handle_anthropic_messages,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "v1/messages/count_tokens",
     .body = WF_BODY_JSON,
     .run = wf_handle_anthropic_count,
     .generates = true},

    /* Ollama's API */
    {.method = WF_HTTP_POST,
     .pattern = "api/chat",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_chat,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "api/generate",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_generate,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "api/embed",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_embed,
     .generates = true},
    {.method = WF_HTTP_POST,
     .pattern = "api/embeddings",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_embeddings,
     .generates = true},
    {.method = WF_HTTP_GET, .pattern = "api/tags", .run = wf_handle_ollama_tags},
    {.method = WF_HTTP_GET, .pattern = "api/ps", .run = wf_handle_ollama_ps},
    {.method = WF_HTTP_GET, .pattern = "api/version", .run = wf_handle_ollama_version},
    {.method = WF_HTTP_POST,
     .pattern = "api/show",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_show},
    {.method = WF_HTTP_DELETE,
     .pattern = "api/delete",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_delete},
    {.method = WF_HTTP_POST,
     .pattern = "api/copy",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_copy},
    {.method = WF_HTTP_POST,
     .pattern = "api/create",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_create},
    {.method = WF_HTTP_POST,
     .pattern = "api/push",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_create},
    {.method = WF_HTTP_POST,
     .pattern = "api/pull",
     .body = WF_BODY_JSON,
     .run = wf_handle_ollama_pull,
     .generates = true},
    {.method = WF_HTTP_GET, .pattern = "api/blobs/{id}", .run = wf_handle_ollama_blob},

    /* Presidio's REST */
    {.method = WF_HTTP_POST,
     .pattern = "analyze",
     .body = WF_BODY_JSON,
     .run = wf_handle_presidio_analyze},
    {.method = WF_HTTP_POST,
     .pattern = "anonymize",
     .body = WF_BODY_JSON,
     .run = wf_handle_presidio_anonymize},
    {.method = WF_HTTP_POST,
     .pattern = "deanonymize",
     .body = WF_BODY_JSON,
     .run = wf_handle_presidio_deanonymize},
    {.method = WF_HTTP_GET, .pattern = "supportedentities", .run = wf_handle_presidio_entities},
    {.method = WF_HTTP_GET, .pattern = "recognizers", .run = wf_handle_presidio_recognizers},
    {.method = WF_HTTP_GET, .pattern = "anonymizers", .run = wf_handle_presidio_anonymizers},
    {.method = WF_HTTP_GET, .pattern = "deanonymizers", .run = wf_handle_presidio_deanonymizers},
    {.method = WF_HTTP_GET, .pattern = "health", .run = wf_handle_presidio_health},
};

static bool matches(const struct wf_route *route, struct wf_str path, struct wf_str *out_id)
{
    struct wf_str want, have, patterns = wf_str_from(route->pattern);
    struct wf_str id = wf_str_n(NULL, 0);

    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    path = wf_str_sub(path, 1, path.len);
    while (wf_str_split(&patterns, '/', &want)) {
        if (route->id_is_rest && !patterns.ptr && path.len > 0) {
            *out_id = path;
            return true;
        }
        if (!wf_str_split(&path, '/', &have))
            return false;
        if (wf_str_eq(want, WF_STR("{id}"))) {
            if (have.len == 0)
                return false;
            id = have;
        } else if (!wf_str_eq(want, have)) {
            return false;
        }
    }
    if (wf_str_split(&path, '/', &have))
        return false;
    *out_id = id;
    return true;
}

const struct wf_route *wf_route_at(size_t i)
{
    return i < WF_ARRAY_LEN(routes) ? &routes[i] : NULL;
}

const struct wf_route *wf_route_find(struct wf_request *r, bool *out_allowed)
{
    enum wf_http_method method = r->method == WF_HTTP_HEAD ? WF_HTTP_GET : r->method;

    *out_allowed = false;
    for (size_t i = 0; i < WF_ARRAY_LEN(routes); i++) {
        if (!matches(&routes[i], wf_buf_str(&r->path), &r->id))
            continue;
        if (routes[i].method == method)
            return &routes[i];
        *out_allowed = true;
    }
    return NULL;
}

/* Query, {id} and body as one object; a new reference, or NULL with err set. */
static json_t *params_of(struct wf_request *r, struct wf_err *err)
{
    json_t *params = json_copy(r->query), *body = NULL;

    if (params && r->route->body == WF_BODY_JSON && r->body.len > 0) {
        if (wf_json_parse(wf_buf_str(&r->body), &body, err) != 0) {
            json_decref(params);
            return NULL;
        }
        if (!json_is_object(body)) {
            (void)wf_err_set(err, WF_E_INVAL, "The body must be a JSON object.");
            json_decref(body);
            json_decref(params);
            return NULL;
        }
        json_object_update(params, body);
        json_decref(body);
    }
    if (params && r->id.len > 0)
        json_object_set_new(params, "id", wf_json_str(r->id));
    if (!params)
        (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return params;
}

static bool canceled(void *ud)
{
    return wf_request_closed(ud);
}

int wf_route_op(struct wf_request *r, const char *op,
                void (*event)(void *ud, const char *name, json_t *data), json_t **out_result,
                struct wf_err *err)
{
    const struct wf_op_sink sink = {.event = event, .canceled = canceled, .ud = r};
    json_t *params = params_of(r, err);
    int rc = err->code;

    if (params)
        rc = wf_op_run(r->http->o.ops, op,
                       &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1}, out_result,
                       err);
    /* A body that is not JSON is a malformed request, not an unreadable document. */
    if (rc == WF_E_FORMAT && !params)
        rc = err->code = WF_E_INVAL;
    json_decref(params);
    return rc;
}

void wf_route_run(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;

    if (r->route->run) {
        r->route->run(r);
        return;
    }
    if (wf_route_op(r, r->route->op, NULL, &result, &err) != 0) {
        wf_answer_error(r, &err);
    } else if (r->route->status == 204) {
        json_decref(result);
        wf_answer_empty(r, 204);
    } else {
        wf_answer_json(r, r->route->status, result);
    }
}
