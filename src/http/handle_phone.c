/* SPDX-License-Identifier: Apache-2.0 */
/* A phone is let in by a code, asks who it is, and leaves by itself. Its token is in a cookie that
 * scripts cannot read, of the kind that is sent over TLS to this very host alone. */
#include <stdio.h>

#include "http/http_internal.h"
#include "http/lan.h"
#include "op/json.h"
#include "op/phones.h"

#define COOKIE_LIFE_S (400L * 24 * 3600) /* the most that browsers grant */

static void set_cookie(struct wf_request *r, const char *token, long life_s)
{
    char cookie[256];

    snprintf(cookie, sizeof(cookie),
             "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%ld",
             wf_lan_cookie(r->http->lan), token, life_s);
    wf_answer_header(r, "set-cookie:", cookie);
    explicit_bzero(cookie, sizeof(cookie));
}

void wf_handle_lan_join(struct wf_request *r)
{
    struct wf_phones_joined joined = {.id = 0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_str code, name;
    json_t *body = NULL;
    int rc = wf_json_parse(wf_buf_str(&r->body), &body, &err);

    if (rc == 0)
        rc = wf_param_str(body, "code", true, &code, &err);
    if (rc == 0)
        rc = wf_param_str(body, "name", false, &name, &err);
    if (rc == 0)
        rc = wf_phones_join(r->http->o.ops->phones, code, name, &joined, &err);
    if (rc == 0) {
        wf_answer_header(r, "cache-control:", "no-store");
        set_cookie(r, joined.token, COOKIE_LIFE_S);
        wf_answer_json(r, 201,
                       json_pack("{s:I, s:s}", "id", (json_int_t)joined.id, "name", joined.name));
    } else {
        int status = rc == WF_E_DENIED ? 403 : rc == WF_E_BUSY ? 429 : rc == WF_E_NOMEM ? 500 : 400;
        wf_answer_problem(r, status, wf_err_name(rc), err.msg, NULL);
    }
    explicit_bzero(&joined, sizeof(joined));
    json_decref(body);
}

/* {"phone": {...} or null}: what the app shows depends on it. */
void wf_handle_me(struct wf_request *r)
{
    json_t *phone = r->phone ? wf_phones_one(r->http->o.ops->phones, r->phone) : NULL;

    wf_answer_header(r, "cache-control:", "no-store");
    wf_answer_json(r, 200, json_pack("{s:o}", "phone", phone ? phone : json_null()));
}

void wf_handle_leave(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;

    if (!r->phone) {
        wf_answer_problem(r, 400, "INVAL", "This browser is no phone that was let in.", NULL);
        return;
    }
    wf_answer_header(r, "clear-site-data:", "\"cache\", \"storage\"");
    set_cookie(r, "", 0);
    if (wf_phones_leave(r->http->o.ops->phones, r->phone, &err) != 0)
        wf_answer_error(r, &err);
    else
        wf_answer_empty(r, 204);
}
