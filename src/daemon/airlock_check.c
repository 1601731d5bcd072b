/* SPDX-License-Identifier: Apache-2.0 */
/* What airlock decides by itself: label against clearance, and the detectors' second look.
 *
 * Core has labelled and redacted; nothing of that is believed here. The bytes that would leave are
 * read as a reader of the JSON reads them, and each datum found is asked about: one that the policy
 * wants redacted for this engine, or that is above its clearance by itself, keeps the whole request
 * back. Pictures in it must be clean (privacy/picture.h), and the policy must let pictures go
 * there; the detectors see the rest. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "daemon/airlock_internal.h"
#include "privacy/picture.h"
#include "text/utf8.h"

/* ---- JSON's escapes ---- */

static int hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        char ch = p[i];
        int d = ch >= '0' && ch <= '9'   ? ch - '0'
                : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                         : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* The code point of "uXXXX" (or a pair of them) at json[at]; bytes read into *out_n, 0: it is none.
 */
static uint32_t code_point(struct wf_str json, size_t at, size_t *out_n)
{
    int high = json.len - at >= 5 ? hex4(json.ptr + at + 1) : -1, low;

    *out_n = high < 0 ? 0 : 5;
    if (high < 0xd800 || high > 0xdbff)
        return (uint32_t)high;
    low = json.len - at >= 11 && json.ptr[at + 5] == '\\' && json.ptr[at + 6] == 'u'
              ? hex4(json.ptr + at + 7)
              : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *out_n = 11;
    return 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}

static void append_code_point(struct wf_buf *out, uint32_t cp)
{
    char bytes[4];
    size_t n = 0;

    if (cp < 0x80) {
        bytes[n++] = (char)cp;
    } else if (cp < 0x800) {
        bytes[n++] = (char)(0xc0 | cp >> 6);
        bytes[n++] = (char)(0x80 | (cp & 63));
    } else if (cp < 0x10000) {
        bytes[n++] = (char)(0xe0 | cp >> 12);
        bytes[n++] = (char)(0x80 | (cp >> 6 & 63));
        bytes[n++] = (char)(0x80 | (cp & 63));
    } else {
        bytes[n++] = (char)(0xf0 | cp >> 18);
        bytes[n++] = (char)(0x80 | (cp >> 12 & 63));
        bytes[n++] = (char)(0x80 | (cp >> 6 & 63));
        bytes[n++] = (char)(0x80 | (cp & 63));
    }
    (void)wf_buf_append(out, bytes, n); /* the end tells */
}

int wf_airlock__unescape(struct wf_str json, struct wf_buf *out)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t  ";

    for (size_t at = 0; at < json.len;) {
        size_t end = wf_str_find_byte(json, '\\', at), n = 0;
        end = WF_MIN(end, json.len);
        (void)wf_buf_append(out, json.ptr + at, end - at); /* the end tells, here and below */
        at = end + 1;
        if (at >= json.len)
            break;
        const char *known = strchr(from, json.ptr[at]);
        if (json.ptr[at] == 'u') {
            uint32_t cp = code_point(json, at, &n);
            if (n > 0)
                append_code_point(out, cp);
        } else {
            (void)wf_buf_append_byte(out, known && *known ? to[known - from] : json.ptr[at]);
            n = 1;
        }
        at += WF_MAX(n, (size_t)1);
    }
    return wf_buf_status(out);
}

/* ---- the check ---- */

/* "CREDIT_CARD, IBAN_CODE" of the data that keep it back, each once. */
static void name_types(const struct wf_pii_list *found, const bool *is_bad, char *out, size_t n_out)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < found->n; i++) {
        if (!is_bad[i] || strstr(out, found->items[i].type) != NULL)
            continue;
        int k = snprintf(out + len, n_out - len, "%s%s", len ? ", " : "", found->items[i].type);
        if (k < 0 || len + (size_t)k >= n_out) {
            out[len] = '\0';
            return;
        }
        len += (size_t)k;
    }
}

static int judge(struct wf_airlock_check *c, const struct wf_target *target, int clearance,
                 const struct wf_pii_list *found, struct wf_err *err)
{
    const struct wf_context_part part = {
        .source = WF_SOURCE_PROMPT, .found = found->items, .n_found = found->n};
    uint8_t *ops = wf_alloc_array(found->n + 1, 2), *labels;
    bool *is_bad = wf_alloc_array(found->n + 1, sizeof(*is_bad));
    size_t n_bad = 0;
    char types[120];
    int rc = 0;

    if (ops == NULL || is_bad == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        goto out;
    }
    labels = ops + found->n;
    wf_policy_operators(c->policy, &part, 1, 0, target, ops, labels);
    for (size_t i = 0; i < found->n; i++) {
        is_bad[i] =
            ops[i] > WF_OPERATOR_KEEP || (ops[i] == WF_OPERATOR_NONE && (int)labels[i] > clearance);
        n_bad += is_bad[i] ? 1 : 0;
    }
    if (n_bad > 0) {
        name_types(found, is_bad, types, sizeof(types));
        rc = wf_err_set(err, WF_E_DENIED,
                        "Kept back from %.40s: the second look found what it may not see (%s).",
                        target->name.ptr, types);
    }
out:
    wf_free(is_bad);
    wf_free(ops);
    return rc;
}

int wf_airlock__read(struct wf_airlock_check *c, struct wf_str body, size_t *out_n_pictures,
                     struct wf_err *err)
{
    struct wf_buf texts;
    int rc;

    wf_buf_init(&texts, body.len + 1);
    wf_buf_reset(&c->plain);
    rc = wf_picture_cut_out(body, &texts, out_n_pictures, err);
    if (rc != 0)
        wf_err_prefix(err, "Kept back");
    else if (wf_airlock__unescape(wf_buf_str(&texts), &c->plain) != 0)
        rc = wf_err_set(err, wf_buf_status(&c->plain), "Kept back: too long to be looked at.");
    wf_buf_deinit(&texts);
    return rc;
}

/* Whether the policy lets pictures go there. */
static int judge_pictures(const struct wf_airlock_check *c, const struct wf_target *target,
                          struct wf_err *err)
{
    const struct wf_context_part picture = {.source = WF_SOURCE_PICTURE};
    struct wf_gate gate;

    wf_policy_gate(c->policy, &picture, 1, target, &gate);
    return gate.is_open ? 0
                        : wf_err_set(err, WF_E_DENIED,
                                     "Kept back from %.40s: a picture is %s by the policy.",
                                     target->name.ptr, wf_label_name(gate.label));
}

int wf_airlock__check(struct wf_airlock_check *c, const struct wf_engine_entry *engine,
                      enum wf_label label, struct wf_str body, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(engine);
    const struct wf_context_part part = {.source = WF_SOURCE_PROMPT};
    struct wf_pii_list found = {.n = 0};
    size_t n_pictures = 0;
    struct wf_gate gate;
    int rc;

    if (c->policy == NULL || c->run == NULL)
        return wf_err_set(err, WF_E_DENIED, "Kept back: there is no policy, or no detector.");
    wf_policy_gate(c->policy, &part, 1, &target, &gate);
    if (label >= WF_LABEL_SECRET || (int)label > gate.clearance)
        return wf_err_set(err, WF_E_DENIED, "Kept back from %.40s: it is %s, and %.40s may see %s.",
                          engine->name, wf_label_name(label), engine->name,
                          gate.clearance < 0 ? "nothing"
                                             : wf_label_name((enum wf_label)gate.clearance));
    rc = wf_airlock__read(c, body, &n_pictures, err);
    if (rc == 0 && n_pictures > 0)
        rc = judge_pictures(c, &target, err);
    if (rc != 0)
        return rc;
    rc = wf_detect_scan(c->run, wf_buf_str(&c->plain), (struct wf_pii_list){.n = 0}, &found, err);
    if (rc != 0)
        wf_err_prefix(err, "Kept back, the second look failed");
    if (rc == 0 && found.n > 0)
        rc = judge(c, &target, gate.clearance, &found, err);
    return rc;
}
