/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of texts, as JSON. */
#include "op/label.h"

#include <math.h>

#include "base/alloc.h"
#include "op/json.h"
#include "privacy/names.h"
#include "text/utf8.h"

struct wf_labeler {
    struct wf_labeler_options o;
    struct wf_detect_run *run;
    struct wf_pii *all; /* [cap] spans and topics, for the policy */
    size_t cap;
};

int wf_labeler_new(const struct wf_labeler_options *o, struct wf_labeler **out, struct wf_err *err)
{
    struct wf_labeler *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a label.");
    l->o = *o;
    rc = wf_detect_run_new(o->detector, &l->run, err);
    if (rc != 0)
        wf_labeler_free(l);
    else
        *out = l;
    return rc;
}

void wf_labeler_free(struct wf_labeler *l)
{
    if (l == NULL)
        return;
    wf_detect_run_free(l->run);
    wf_free(l->all);
    wf_free(l);
}

/* "Luhn checksum; \"card\" near; base64". */
static json_t *reason_json(const struct wf_pii *p)
{
    struct wf_buf b;
    json_t *v;

    wf_buf_init(&b, 1024);
    (void)wf_buf_append_cstr(&b, p->reason); /* asked below */
    if (p->word.len > 0)
        (void)wf_buf_appendf(&b, "; \"%.*s\" near", WF_STR_ARG(p->word));
    if (p->hidden != NULL)
        (void)wf_buf_appendf(&b, "; hidden: %s", p->hidden);
    v = wf_buf_status(&b) == 0 ? wf_json_str(wf_buf_str(&b)) : NULL;
    wf_buf_deinit(&b);
    return v;
}

static double rounded(float score)
{
    return round((double)score * 1000) / 1000;
}

static json_t *spans_json(struct wf_str text, struct wf_pii_list list)
{
    json_t *spans = json_array();
    size_t at = 0, cp = 0;

    for (size_t i = 0; spans != NULL && i < list.n; i++) {
        const struct wf_pii *p = &list.items[i];
        const struct wf_str part = wf_str_sub(text, p->start, p->end);
        json_t *v = json_object();
        cp += wf_utf8_count(wf_str_sub(text, at, p->start));
        at = p->start;
        json_object_set_new(v, "start", json_integer((json_int_t)cp));
        json_object_set_new(v, "end", json_integer((json_int_t)(cp + wf_utf8_count(part))));
        json_object_set_new(v, "type", json_string(p->type));
        json_object_set_new(v, "score", json_real(rounded(p->score)));
        json_object_set_new(v, "text", wf_json_str(part));
        json_object_set_new(v, "reason", reason_json(p));
        if (v == NULL || json_object_size(v) != 6 || json_array_append_new(spans, v) != 0) {
            json_decref(spans);
            spans = NULL;
        }
    }
    return spans;
}

static json_t *topics_json(const struct wf_pii *items, size_t n)
{
    json_t *topics = json_array();

    for (size_t i = 0; topics != NULL && i < n; i++) {
        json_t *v =
            json_pack("{s:s, s:f}", "type", items[i].type, "score", rounded(items[i].score));
        if (v == NULL || json_array_append_new(topics, v) != 0) {
            json_decref(topics);
            topics = NULL;
        }
    }
    return topics;
}

/* What stands in places and what the whole is about, in one array. */
static int gather(struct wf_labeler *l, struct wf_pii_list list, const struct wf_names *names)
{
    const size_t n = list.n + names->n_topics;

    if (n > l->cap) {
        struct wf_pii *grown = wf_realloc_array(l->all, n * 2, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        l->all = grown;
        l->cap = n * 2;
    }
    for (size_t i = 0; i < list.n; i++)
        l->all[i] = list.items[i];
    for (size_t i = 0; i < names->n_topics; i++)
        l->all[list.n + i] = names->topics[i];
    return 0;
}

/* What is known and the names, in one array. */
static int put_together(struct wf_pii_list more, const struct wf_names *names,
                        struct wf_pii **out_items, struct wf_err *err)
{
    struct wf_pii *all = wf_alloc_array(more.n + names->n + 1, sizeof(*all));

    if (all == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a label.");
    for (size_t i = 0; i < more.n; i++)
        all[i] = more.items[i];
    for (size_t i = 0; i < names->n; i++)
        all[more.n + i] = names->items[i];
    *out_items = all;
    return 0;
}

int wf_labeler_scan(struct wf_labeler *l, struct wf_str text, struct wf_pii_list *out,
                    struct wf_err *err)
{
    return wf_detect_scan(l->run, text, (struct wf_pii_list){.n = 0}, out, err);
}

int wf_labeler_find(struct wf_labeler *l, struct wf_str text, struct wf_labeled *out,
                    struct wf_err *err)
{
    return wf_labeler_find_more(l, text, (struct wf_pii_list){.n = 0}, out, err);
}

int wf_labeler_find_more(struct wf_labeler *l, struct wf_str text, struct wf_pii_list more,
                         struct wf_labeled *out, struct wf_err *err)
{
    struct wf_names names = {.n = 0};
    struct wf_pii_list list = {.n = 0}, known;
    struct wf_pii *items = NULL;
    int rc = l->o.lens == NULL ? 0 : wf_names_find(l->o.lens, text, &names, err);

    if (rc == 0)
        rc = put_together(more, &names, &items, err);
    known = (struct wf_pii_list){items, more.n + names.n};
    if (rc == 0)
        rc = wf_detect_scan(l->run, text, known, &list, err);
    wf_free(items);
    if (rc == 0 && gather(l, list, &names) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for a label.");
    if (rc == 0)
        *out = (struct wf_labeled){.all = l->all, .n = list.n, .n_topics = names.n_topics};
    wf_names_deinit(&names);
    return rc;
}

int wf_labeler_run(struct wf_labeler *l, struct wf_str text, json_t **out, struct wf_err *err)
{
    struct wf_context_part part = {.source = WF_SOURCE_PROMPT};
    struct wf_labeled found;
    struct wf_verdict verdict;
    int rc = wf_labeler_find(l, text, &found, err);

    if (rc != 0)
        return rc;
    part.found = found.all;
    part.n_found = found.n + found.n_topics;
    wf_policy_label(l->o.policy, &part, 1, &verdict);
    *out = json_pack("{s:s, s:o, s:o}", "label", wf_label_name(verdict.label), "spans",
                     spans_json(text, (struct wf_pii_list){found.all, found.n}), "topics",
                     topics_json(found.n_topics > 0 ? found.all + found.n : NULL, found.n_topics));
    return *out != NULL ? 0 : wf_err_set(err, WF_E_NOMEM, "Not enough memory for a label.");
}
