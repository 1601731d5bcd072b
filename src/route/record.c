/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a decision, and the log that keeps it. */
#include "route/record.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/file.h"

#define OLD_SUFFIX ".1"

static const char *tier_name(enum wf_tier tier)
{
    static const char *const names[WF_TIER_COUNT] = {"here", "device", "edge", "cloud", "provider"};

    return (unsigned)tier < WF_TIER_COUNT ? names[tier] : "?";
}

/* ---- the header ---- */

/* What a header's value may hold. */
static void append_plain(struct wf_buf *out, struct wf_str s, size_t max)
{
    for (size_t i = 0; i < s.len && i < max; i++) {
        char c = s.ptr[i];
        (void)wf_buf_append_byte(out, c > ' ' && c < 0x7f && c != ';' && c != ',' ? c : '_');
    }
}

/* "gpt; gpt/small", or "local; small:latest", as where an engine was asked for by name. */
static void append_place(const struct wf_candidate *c, struct wf_buf *out)
{
    bool is_here = c->tier == WF_TIER_HERE;

    append_plain(out, is_here ? WF_STR("local") : c->engine, WF_EXPERIENCE_ENGINE_BYTES);
    (void)wf_buf_append_cstr(out, "; "); /* its status is asked at the end */
    if (!is_here) {
        append_plain(out, c->engine, WF_EXPERIENCE_ENGINE_BYTES);
        (void)wf_buf_append_byte(out, '/');
    }
    append_plain(out, c->model, WF_EXPERIENCE_MODEL_BYTES);
}

static void append_id(const struct wf_route_record *r, struct wf_buf *out)
{
    if (wf_route_id_is_valid(r->id))
        (void)wf_buf_appendf(out, "; id=%.*s", WF_STR_ARG(r->id));
}

int wf_route_header(const struct wf_route_record *r, struct wf_buf *out)
{
    const struct wf_decision *d = r->decision;
    size_t i = r->outcome != NULL ? r->ran : wf_decision_chosen(d);

    if (i == WF_ROUTE_NONE) {
        (void)wf_buf_appendf(out, "none; allowed=0/%zu", d->n);
        if (d->n > 0)
            (void)wf_buf_appendf(out, "; why=%s", wf_barrier_name(d->of[0].barrier));
        append_id(r, out);
        return wf_buf_status(out);
    }
    append_place(&r->candidates[i], out);
    (void)wf_buf_appendf(out,
                         "; label=%s; tier=%s; why=%s%s; ttft=%.0f; total=%.0f; allowed=%zu/%zu",
                         wf_label_name(r->candidates[i].label), tier_name(r->candidates[i].tier),
                         wf_balance_name(r->request->balance), d->explores ? "-explored" : "",
                         fmin(d->of[i].estimate.ttft_ms, 1e9),
                         fmin(d->of[i].estimate.total_ms, 1e9), d->n_allowed, d->n);
    append_id(r, out);
    return wf_buf_status(out);
}

/* ---- JSON ---- */

static json_t *name_json(const struct wf_route_record *r, size_t i)
{
    const struct wf_candidate *c = &r->candidates[i];

    return i == WF_ROUTE_NONE
               ? json_null()
               : json_sprintf("%.*s/%.*s", WF_STR_ARG(c->engine), WF_STR_ARG(c->model));
}

static json_t *candidate_json(const struct wf_route_record *r, size_t i)
{
    const struct wf_candidate *c = &r->candidates[i];
    const struct wf_verdict_of *v = &r->decision->of[i];
    const struct wf_estimate *e = &v->estimate;

    return json_pack("{s:o, s:s%, s:s, s:b, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "engine",
                     name_json(r, i), "model", c->model.len > 0 ? c->model.ptr : "", c->model.len,
                     "tier", tier_name(c->tier), "allowed", v->barrier == WF_BARRIER_NONE, "why",
                     wf_barrier_text(v->barrier), "ttft_ms", e->ttft_ms, "total_ms", e->total_ms,
                     "quality", e->quality, "energy_j", e->energy_j, "cost", e->cost, "utility",
                     v->utility);
}

static json_t *actual_json(const struct wf_route_record *r)
{
    const struct wf_outcome *o = r->outcome;

    if (o == NULL)
        return json_null();
    return json_pack("{s:o, s:b, s:f, s:f, s:I, s:f, s:f}", "engine", name_json(r, r->ran),
                     "failed", o->failed, "ttft_ms", o->ttft_ms, "total_ms", o->total_ms, "tokens",
                     (json_int_t)o->n_out, "energy_j", o->energy_j, "cost", r->cost);
}

json_t *wf_route_record_json(const struct wf_route_record *r)
{
    const struct wf_decision *d = r->decision;
    enum wf_label label = WF_LABEL_PUBLIC;
    json_t *list = json_array();

    for (size_t i = 0; i < d->n && list != NULL; i++) {
        label = wf_label_max(label, r->candidates[i].label);
        if (json_array_append_new(list, candidate_json(r, i)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return json_pack(
        "{s:s%, s:I, s:s, s:s, s:s, s:I, s:o, s:o, s:b, s:o}", "id", r->id.len > 0 ? r->id.ptr : "",
        r->id.len, "at_ms", (json_int_t)r->at_ms, "label", wf_label_name(label), "kind",
        wf_kind_name(r->request->kind), "balance", wf_balance_name(r->request->balance),
        "prompt_tokens", (json_int_t)r->request->n_prompt, "candidates", list, "chosen",
        name_json(r, wf_decision_chosen(d)), "explored", d->explores, "actual", actual_json(r));
}

bool wf_route_id_is_valid(struct wf_str id)
{
    if (id.len == 0 || id.len > WF_ROUTE_ID_BYTES)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* ---- the log ---- */

static int append_line(const char *path, struct wf_str line, struct wf_err *err)
{
    char old[WF_LIMIT_PATH_BYTES];
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc = 0;

    if (fd < 0)
        return wf_err_errno(err, errno, "%s", path);
    if (fstat(fd, &st) == 0 && st.st_size + (off_t)line.len > (off_t)WF_ROUTE_LOG_BYTES &&
        st.st_size > 0) {
        (void)close(fd);
        if ((size_t)snprintf(old, sizeof(old), "%s" OLD_SUFFIX, path) >= sizeof(old))
            return wf_err_set(err, WF_E_LIMIT, "The path of the log is too long.");
        rc = wf_file_rename(path, old, err);
        fd =
            rc == 0 ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
        if (rc == 0 && fd < 0)
            return wf_err_errno(err, errno, "%s", path);
    }
    if (rc == 0)
        rc = wf_file_write_all(fd, line.ptr, line.len, err);
    if (fd >= 0)
        (void)close(fd); /* what is told afterwards may be lost in a crash */
    return rc;
}

static int dump(const char *p, size_t n, void *ud)
{
    return wf_buf_append(ud, p, n);
}

int wf_route_log_append(const char *path, const struct wf_route_record *r, struct wf_err *err)
{
    json_t *v = NULL;
    struct wf_buf line;
    int rc = 0;

    if (!wf_route_id_is_valid(r->id))
        return wf_err_set(err, WF_E_INVAL, "This is no id of a request.");
    wf_buf_init(&line, WF_ROUTE_LOG_BYTES);
    v = wf_route_record_json(r);
    if (v == NULL || json_dump_callback(v, dump, &line, JSON_COMPACT) != 0 ||
        wf_buf_append_byte(&line, '\n') != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to keep a decision.");
    if (rc == 0)
        rc = append_line(path, wf_buf_str(&line), err);
    json_decref(v);
    wf_buf_deinit(&line);
    return rc;
}

/* The last line of the file that is whole and has the id. */
static int find_in(const char *path, struct wf_str id, json_t **out, struct wf_err *err)
{
    struct wf_str rest, line;
    struct wf_buf all;
    int rc;

    wf_buf_init(&all, 2 * WF_ROUTE_LOG_BYTES);
    rc = wf_file_read(path, &all, err);
    rest = wf_buf_str(&all);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        json_t *v;
        if (id.len > 0 && wf_str_find(line, id, 0) == SIZE_MAX)
            continue;
        v = json_loadb(line.len > 0 ? line.ptr : "", line.len, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(v) &&
            (id.len == 0 ||
             wf_str_eq(id, wf_str_from(json_string_value(json_object_get(v, "id")))))) {
            json_decref(*out);
            *out = json_incref(v);
        }
        json_decref(v);
    }
    wf_buf_deinit(&all);
    return rc == 0 && *out == NULL ? wf_err_set(err, WF_E_NOENT, "No decision of that id is kept.")
                                   : rc;
}

int wf_route_log_find(const char *path, struct wf_str id, json_t **out, struct wf_err *err)
{
    char old[WF_LIMIT_PATH_BYTES];
    json_t *found = NULL;
    int rc;

    if (id.len > 0 && !wf_route_id_is_valid(id))
        return wf_err_set(err, WF_E_INVAL, "This is no id of a request.");
    rc = find_in(path, id, &found, err);
    if (rc == WF_E_NOENT && (size_t)snprintf(old, sizeof(old), "%s" OLD_SUFFIX, path) < sizeof(old))
        rc = find_in(old, id, &found, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "No decision of that id is kept.");
    if (rc == 0)
        *out = found;
    return rc;
}
