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

static const char *const tier_names[WF_TIER_COUNT] = {"here", "device", "edge", "cloud",
                                                      "provider"};

static const char *tier_name(enum wf_tier tier)
{
    return (unsigned)tier < WF_TIER_COUNT ? tier_names[tier] : "?";
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

    return json_pack("{s:o, s:s%, s:s, s:b, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:o*}", "engine",
                     name_json(r, i), "model", c->model.len > 0 ? c->model.ptr : "", c->model.len,
                     "tier", tier_name(c->tier), "allowed", v->barrier == WF_BARRIER_NONE, "why",
                     wf_barrier_text(v->barrier), "ttft_ms", e->ttft_ms, "total_ms", e->total_ms,
                     "quality", e->quality, "energy_j", e->energy_j, "cost", e->cost, "utility",
                     v->utility, "params",
                     c->n_params > 0 ? json_integer((json_int_t)c->n_params) : NULL);
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
    return json_pack("{s:s%, s:I, s:s, s:s, s:s, s:I, s:[f, f], s:o, s:o, s:b, s:o}", "id",
                     r->id.len > 0 ? r->id.ptr : "", r->id.len, "at_ms", (json_int_t)r->at_ms,
                     "label", wf_label_name(label), "kind", wf_kind_name(r->request->kind),
                     "balance", wf_balance_name(r->request->balance), "prompt_tokens",
                     (json_int_t)r->request->n_prompt, "hard", (double)r->request->hard_small,
                     (double)r->request->hard_large, "candidates", list, "chosen",
                     name_json(r, wf_decision_chosen(d)), "explored", d->explores, "actual",
                     actual_json(r));
}

/* ---- and back ---- */

static struct wf_str text_of(const json_t *v, const char *key)
{
    const json_t *text = json_object_get(v, key);

    return json_is_string(text) ? wf_str_n(json_string_value(text), json_string_length(text))
                                : WF_STR("");
}

static bool read_tier(struct wf_str name, enum wf_tier *out)
{
    for (unsigned i = 0; i < WF_TIER_COUNT; i++) {
        if (wf_str_eq(name, wf_str_from(tier_names[i]))) {
            *out = (enum wf_tier)i;
            return true;
        }
    }
    return false;
}

/* ENGINE/MODEL of a candidate. */
static bool read_candidate(const json_t *v, struct wf_candidate *out)
{
    const struct wf_str name = text_of(v, "engine"), model = text_of(v, "model");
    const json_int_t params = json_integer_value(json_object_get(v, "params"));

    if (model.len == 0 || name.len < model.len + 2 || !wf_str_ends(name, model) ||
        name.ptr[name.len - model.len - 1] != '/' || params < 0 ||
        !read_tier(text_of(v, "tier"), &out->tier))
        return false;
    out->engine = wf_str_sub(name, 0, name.len - model.len - 1);
    out->model = model;
    out->n_params = (uint64_t)params;
    return true;
}

static bool read_odds(const json_t *v, float *out)
{
    const double odds = json_number_value(v);

    *out = (float)fmin(fmax(odds, -20), 20);
    return json_is_number(v);
}

int wf_route_record_answered(const json_t *record, struct wf_route_request *out_q,
                             struct wf_candidate *out_c, struct wf_err *err)
{
    const json_t *actual = json_object_get(record, "actual"), *c, *found = NULL;
    const json_t *hard = json_object_get(record, "hard");
    const json_int_t n_prompt = json_integer_value(json_object_get(record, "prompt_tokens"));
    struct wf_route_request q = {.n_prompt = 0};
    struct wf_candidate own = {.money_left = -1, .energy_left_j = -1, .battery = -1};
    size_t i;

    if (!json_is_object(actual) || json_is_true(json_object_get(actual, "failed")))
        return wf_err_set(err, WF_E_NOENT, "This request was not answered.");
    json_array_foreach(json_object_get(record, "candidates"), i, c)
    {
        if (found == NULL && wf_str_eq(text_of(c, "engine"), text_of(actual, "engine")))
            found = c;
    }
    if (found == NULL || !read_candidate(found, &own) ||
        !wf_kind_parse(text_of(record, "kind"), &q.kind) ||
        !read_odds(json_array_get(hard, 0), &q.hard_small) ||
        !read_odds(json_array_get(hard, 1), &q.hard_large))
        return wf_err_set(err, WF_E_FORMAT, "What is kept of this request says too little.");
    q.n_prompt = n_prompt > 0 && n_prompt < UINT32_MAX ? (uint32_t)n_prompt : 0;
    *out_q = q;
    *out_c = own;
    return 0;
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

/* Appends an object, which is taken over; NULL: there was no memory for it. */
static int append_object(const char *path, json_t *v, struct wf_err *err)
{
    struct wf_buf line;
    int rc = 0;

    wf_buf_init(&line, WF_ROUTE_LOG_BYTES);
    if (v == NULL || json_dump_callback(v, dump, &line, JSON_COMPACT) != 0 ||
        wf_buf_append_byte(&line, '\n') != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to keep a decision.");
    if (rc == 0)
        rc = append_line(path, wf_buf_str(&line), err);
    json_decref(v);
    wf_buf_deinit(&line);
    return rc;
}

static int bad_id(struct wf_err *err)
{
    return wf_err_set(err, WF_E_INVAL, "This is no id of a request.");
}

int wf_route_log_append(const char *path, const struct wf_route_record *r, struct wf_err *err)
{
    return wf_route_id_is_valid(r->id) ? append_object(path, wf_route_record_json(r), err)
                                       : bad_id(err);
}

int wf_route_log_rate(const char *path, struct wf_str id, bool is_good, int64_t at_ms,
                      struct wf_err *err)
{
    if (!wf_route_id_is_valid(id))
        return bad_id(err);
    return append_object(path,
                         json_pack("{s:s%, s:b, s:I}", "rated", id.ptr, id.len, "good",
                                   (int)is_good, "at_ms", (json_int_t)at_ms),
                         err);
}

/* The last line of the file that is whole and has the id under that key. */
static int find_in(const char *path, const char *key, struct wf_str id, json_t **out,
                   struct wf_err *err)
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
        if (json_is_string(json_object_get(v, key)) &&
            (id.len == 0 || wf_str_eq(id, text_of(v, key)))) {
            json_decref(*out);
            *out = json_incref(v);
        }
        json_decref(v);
    }
    wf_buf_deinit(&all);
    return rc == 0 && *out == NULL ? wf_err_set(err, WF_E_NOENT, "No decision of that id is kept.")
                                   : rc;
}

/* Likewise, in the file before, too. */
static int find(const char *path, const char *key, struct wf_str id, json_t **out,
                struct wf_err *err)
{
    char old[WF_LIMIT_PATH_BYTES];
    json_t *found = NULL;
    int rc;

    if (id.len > 0 && !wf_route_id_is_valid(id))
        return bad_id(err);
    rc = find_in(path, key, id, &found, err);
    if (rc == WF_E_NOENT && (size_t)snprintf(old, sizeof(old), "%s" OLD_SUFFIX, path) < sizeof(old))
        rc = find_in(old, key, id, &found, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "No decision of that id is kept.");
    if (rc == 0)
        *out = found;
    return rc;
}

int wf_route_log_find(const char *path, struct wf_str id, json_t **out, struct wf_err *err)
{
    return find(path, "id", id, out, err);
}

int wf_route_log_rated(const char *path, struct wf_str id, bool *out_good, struct wf_err *err)
{
    json_t *v = NULL;
    int rc = id.len > 0 ? find(path, "rated", id, &v, err) : bad_id(err);

    if (rc == 0)
        *out_good = json_is_true(json_object_get(v, "good"));
    json_decref(v);
    return rc;
}
