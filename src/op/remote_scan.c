/* SPDX-License-Identifier: Apache-2.0 */
/* What came back of a request, looked at as a whole once it has ended: flags by kind and number,
 * for the ledger and for whoever asked. The answer is not changed, and has been told by then. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "op/picture.h"
#include "op/remote_internal.h"

#define NESTING_MAX WF_LIMIT_NESTING

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* All texts of a value; what is nested too deeply was refused on the way there. */
static void append_texts(const json_t *v, struct wf_buf *out, unsigned depth)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(v)) {
        (void)wf_buf_append(out, json_string_value(v),
                            json_string_length(v)); /* asked at the end */
        (void)wf_buf_append_byte(out, '\n');
    }
    if (depth >= NESTING_MAX)
        return;
    json_array_foreach(v, i, item) append_texts(item, out, depth + 1);
    if (!json_is_object(v) || wf_op_picture_url(v) != NULL)
        return;
    json_object_foreach((json_t *)(uintptr_t)v, key, item) append_texts(item, out, depth + 1);
}

/* The data that were redacted, out of the map; *out is for wf_free and borrows from it. */
static int data_of(const json_t *map, struct wf_str **out, size_t *out_n, struct wf_err *err)
{
    const char *key;
    json_t *v;

    *out_n = 0;
    *out = wf_alloc_array(json_object_size(map) + 1, sizeof(**out));
    if (*out == NULL)
        return no_memory(err);
    json_object_foreach((json_t *)(uintptr_t)map, key, v) if (json_is_string(v))(*out)[(*out_n)++] =
        wf_str_n(json_string_value(v), json_string_length(v));
    return 0;
}

static int scan(const struct wf_inbound *in, const struct wf_inbound_ask *ask,
                uint32_t out[WF_INBOUND_COUNT], struct wf_err *err)
{
    struct wf_inbound_run *run = NULL;
    const struct wf_inbound_flag *flags = NULL;
    size_t n = 0;
    int rc = wf_inbound_run_new(in, &run, err);

    if (rc == 0)
        rc = wf_inbound_scan(run, ask, &flags, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        out[flags[i].kind]++;
    wf_inbound_run_free(run);
    return rc;
}

/* Counts the flags of an answer, as it was told, by kind. */
static int scan_answer(const struct wf_remote_options *o, const json_t *messages,
                       const struct wf_redaction *redaction, struct wf_str answer,
                       uint32_t out[WF_INBOUND_COUNT], struct wf_err *err)
{
    const struct wf_labeler_options lo = {.detector = o->detector, .policy = o->policy};
    struct wf_inbound_ask ask = {.answer = answer};
    struct wf_labeler *labeler = NULL;
    struct wf_str *data = NULL;
    json_t *map = wf_redaction_json(redaction);
    struct wf_buf sent;
    int rc = map == NULL ? no_memory(err) : 0;

    memset(out, 0, WF_INBOUND_COUNT * sizeof(*out));
    wf_buf_init(&sent, WF_LIMIT_DETECT_BYTES);
    append_texts(messages, &sent, 0);
    if (rc == 0 && wf_buf_status(&sent) != 0)
        rc = wf_err_set(err, wf_buf_status(&sent), "What was sent is too long to compare with.");
    if (rc == 0)
        rc = data_of(map, &data, &ask.n_data, err);
    if (rc == 0)
        rc = wf_labeler_new(&lo, &labeler, err);
    if (rc == 0)
        rc = wf_labeler_scan(labeler, answer, &ask.found, err);
    ask.sent = wf_buf_str(&sent);
    ask.data = data;
    if (rc == 0)
        rc = scan(o->inbound, &ask, out, err);
    wf_labeler_free(labeler);
    wf_buf_deinit(&sent);
    wf_free(data);
    json_decref(map);
    return rc;
}

/* ---- what was heard of an answer ---- */

void wf_remote__hear(struct wf_remote_heard *h, const struct wf_gen_event *e)
{
    if (h->asked == NULL || !wf_remote__is_text(e->kind))
        return;
    if (h->answer.len > 0 && e->kind != h->kind)
        (void)wf_buf_append_byte(&h->answer, '\n'); /* the buffer's status is asked at the end */
    h->kind = e->kind;
    (void)wf_buf_append_str(&h->answer, e->text);
}

void wf_remote__look_at(struct wf_remote_heard *h, const struct wf_remote_options *o,
                        const struct wf_redaction *redaction)
{
    size_t at = 0;

    if (h->asked == NULL || h->answer.len == 0)
        return;
    h->is_unscanned =
        wf_buf_status(&h->answer) != 0 ||
        scan_answer(o, h->asked, redaction, wf_buf_str(&h->answer), h->flags, NULL) != 0;
    for (int i = 0; i < WF_INBOUND_COUNT; i++) {
        if (h->flags[i] == 0 || at >= sizeof(h->text))
            continue;
        at += (size_t)snprintf(h->text + at, sizeof(h->text) - at, "%s%s:%u", at > 0 ? " " : "",
                               wf_inbound_name((enum wf_inbound_kind)i), h->flags[i]);
    }
    if (h->is_unscanned)
        (void)snprintf(h->text, sizeof(h->text), "unscanned:1");
    h->asked = NULL; /* once */
}

void wf_remote__count_flags(const struct wf_remote_heard *h, struct wf_airlock_frame *out)
{
    for (int i = 0; i < WF_INBOUND_COUNT; i++)
        if (h->flags[i] > 0)
            out->counts[out->n_counts++] = (struct wf_airlock_count){
                .type = wf_str_from(wf_inbound_name((enum wf_inbound_kind)i)), .n = h->flags[i]};
    if (h->is_unscanned)
        out->counts[out->n_counts++] =
            (struct wf_airlock_count){.type = WF_STR("unscanned"), .n = 1};
}
