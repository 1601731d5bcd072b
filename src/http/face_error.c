/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in each API's own form: its status, its names of kinds, its object. Clients choose their
 * error class by the status and show the sentence. */
#include <string.h>

#include "http/face.h"

#define STATUS_OVERLOADED 529 /* Anthropic's own */

enum wf_face wf_face_of(struct wf_str path, bool anthropic)
{
    static const struct {
        const char *path;
        enum wf_face face;
    } places[] = {
        {"/v1/messages", WF_FACE_ANTHROPIC},
        {"/v1", WF_FACE_OPENAI},
        {"/v2", WF_FACE_OPENAI},
        {"/rerank", WF_FACE_OPENAI},
        {"/api", WF_FACE_OLLAMA},
        {"/analyze", WF_FACE_PRESIDIO},
        {"/anonymize", WF_FACE_PRESIDIO},
        {"/deanonymize", WF_FACE_PRESIDIO},
        {"/supportedentities", WF_FACE_PRESIDIO},
        {"/recognizers", WF_FACE_PRESIDIO},
        {"/anonymizers", WF_FACE_PRESIDIO},
        {"/deanonymizers", WF_FACE_PRESIDIO},
        {"/health", WF_FACE_PRESIDIO},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(places); i++) {
        struct wf_str place = wf_str_from(places[i].path);
        if (!wf_str_starts(path, place) || (path.len > place.len && path.ptr[place.len] != '/'))
            continue;
        if (anthropic && places[i].face == WF_FACE_OPENAI)
            return WF_FACE_ANTHROPIC;
        return places[i].face;
    }
    return WF_FACE_WEFT;
}

int wf_face_status(enum wf_face face, int code)
{
    switch (code) {
    case WF_E_INVAL:
        return face == WF_FACE_PRESIDIO ? 422 : 400;
    case WF_E_RANGE:
    case WF_E_UNSUPPORTED:
    case WF_E_LIMIT:
        return 400;
    case WF_E_DENIED: /* by the policy, or by a provider */
        return 403;
    case WF_E_NOENT:
        return 404;
    case WF_E_EXIST:
        return 409;
    case WF_E_BUSY:
        return face == WF_FACE_ANTHROPIC ? STATUS_OVERLOADED : 503;
    case WF_E_CANCELED:
    case WF_E_CRASHED:
        return 503;
    case WF_E_TIMEOUT:
        return 504;
    case WF_E_FULL:
        return 507;
    default:
        return 500;
    }
}

static json_t *text_or_null(const char *s)
{
    return s && s[0] ? json_string(s) : json_null();
}

static json_t *openai(const struct wf_face_problem *p)
{
    const char *type = "invalid_request_error", *reason = p->reason;

    if (p->status == 429)
        type = "rate_limit_error";
    else if (p->status >= 500)
        type = "server_error";
    if (!reason || !reason[0]) {
        if (p->status == 401)
            reason = "invalid_api_key";
        else if (p->status == 503)
            reason = "overloaded";
    }
    return json_pack("{s:{s:s, s:s, s:o, s:o}}", "error", "message", p->detail, "type", type,
                     "param", text_or_null(p->param), "code", text_or_null(reason));
}

static json_t *anthropic(const struct wf_face_problem *p)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {400, "invalid_request_error"}, {401, "authentication_error"},
        {403, "permission_error"},      {404, "not_found_error"},
        {413, "request_too_large"},     {429, "rate_limit_error"},
        {503, "overloaded_error"},      {STATUS_OVERLOADED, "overloaded_error"},
        {504, "timeout_error"},
    };
    const char *type = p->status < 500 ? "invalid_request_error" : "api_error";

    for (size_t i = 0; i < WF_ARRAY_LEN(types); i++) {
        if (types[i].status == p->status)
            type = types[i].type;
    }
    return json_pack("{s:s, s:{s:s, s:s}, s:o}", "type", "error", "error", "type", type, "message",
                     p->detail, "request_id", text_or_null(p->request_id));
}

json_t *wf_face_error(enum wf_face face, const struct wf_face_problem *p)
{
    switch (face) {
    case WF_FACE_OPENAI:
        return openai(p);
    case WF_FACE_ANTHROPIC:
        return anthropic(p);
    case WF_FACE_OLLAMA:
    case WF_FACE_PRESIDIO:
        return json_pack("{s:s}", "error", p->detail);
    case WF_FACE_WEFT:
        break;
    }
    return json_pack("{s:s, s:s}", "detail", p->detail, "code", p->code);
}
