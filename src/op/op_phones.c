/* SPDX-License-Identifier: Apache-2.0 */
/* phones.*: which phones may come, a code for one more, taking one out. None of it is a phone's own
 * to do: http/route.c has these rows for the machine itself alone. */
#include <stdio.h>
#include <string.h>

#include "op/op_internal.h"
#include "op/phones.h"
#include "op/qr.h"

static int has_phones(const struct wf_op_context *ctx, struct wf_err *err)
{
    return ctx->phones != NULL ? 0 : wf_err_set(err, WF_E_INVAL, "That needs a home.");
}

int wf_op__phones_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *lan, *list;
    int rc = has_phones(ctx, err);

    (void)call;
    if (rc != 0)
        return rc;
    lan = wf_phones_lan(ctx->phones);
    list = wf_phones_list(ctx->phones);
    return wf_op__give(json_pack("{s:o, s:o}", "phones", list, "lan", lan ? lan : json_null()),
                       out_result, err);
}

/* "https://box.local:7772" of one host. */
static json_t *address_of(const char *scheme, const char *host, json_int_t port, const char *rest)
{
    bool six = strchr(host, ':') != NULL;

    return json_sprintf("%s://%s%s%s:%d%s", scheme, six ? "[" : "", host, six ? "]" : "", (int)port,
                        rest);
}

/* What is shown: where to begin (no secret in it), and the link that lets in. Its code stands
 * behind the #: a scanner that looks ahead fetches the page, and the code is not used up. */
static json_t *invitation(struct wf_op_context *ctx, const json_t *lan, struct wf_err *err)
{
    const json_t *hosts = json_object_get(lan, "hosts");
    json_int_t port = json_integer_value(json_object_get(lan, "port"));
    json_t *guide, *link, *guide_qr = NULL, *link_qr = NULL, *addresses = json_array();
    const char *host = json_string_value(json_array_get(hosts, 0));
    char code[WF_PHONES_CODE_BYTES], rest[WF_PHONES_CODE_BYTES + 16];
    int64_t until_ms = 0;

    wf_phones_invite(ctx->phones, code, &until_ms);
    snprintf(rest, sizeof(rest), "/phone.html#%s", code);
    for (size_t i = 0; i < json_array_size(hosts); i++)
        json_array_append_new(
            addresses, address_of("https", json_string_value(json_array_get(hosts, i)), port, ""));
    guide = address_of("http", host, port, "");
    link = address_of("https", host, port, rest);
    if (guide && link && wf_qr_rows(json_string_value(guide), &guide_qr, err) == 0 &&
        wf_qr_rows(json_string_value(link), &link_qr, err) == 0)
        return json_pack("{s:o, s:o, s:s, s:I, s:O, s:o, s:o, s:o}", "guide", guide, "link", link,
                         "code", code, "until", (json_int_t)until_ms, "fingerprint",
                         json_object_get(lan, "fingerprint"), "addresses", addresses, "guide_qr",
                         guide_qr, "link_qr", link_qr);
    json_decref(guide_qr);
    json_decref(link);
    json_decref(guide);
    json_decref(addresses);
    return NULL;
}

int wf_op__phones_invite(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    json_t *lan, *v = NULL;
    int rc = has_phones(ctx, err);

    (void)call;
    if (rc != 0)
        return rc;
    lan = wf_phones_lan(ctx->phones);
    if (lan == NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "Phones cannot connect yet. Start weft with: weft up --lan");
    else if (json_object_get(lan, "problem") != NULL)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "Phones cannot connect: %s",
                        wf_json_text(lan, "problem"));
    else
        v = invitation(ctx, lan, err);
    json_decref(lan);
    return rc == 0 ? wf_op__give(v, out_result, err) : rc;
}

int wf_op__phones_uninvite(struct wf_op_context *ctx, const struct wf_op_call *call,
                           json_t **out_result, struct wf_err *err)
{
    int rc = has_phones(ctx, err);

    (void)call;
    if (rc == 0)
        wf_phones_uninvite(ctx->phones);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

int wf_op__phones_revoke(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct wf_str name;
    int rc = has_phones(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "name", true, &name, err);
    if (rc == 0)
        rc = wf_phones_revoke(ctx->phones, name, err);
    return rc == 0 ? wf_op__phones_list(ctx, call, out_result, err) : rc;
}
