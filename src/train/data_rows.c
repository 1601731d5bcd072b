/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of columns, and pairs of sentences. */
#include "train/data_rows.h"

#include "train/data_internal.h"

static int read_row(struct wf_lines *l, struct wf_str line, size_t n_min, struct wf_data_row *out,
                    struct wf_err *err)
{
    struct wf_str part;

    out->n = 0;
    while (wf_str_split(&line, '\t', &part)) {
        if (out->n == WF_DATA_COLUMNS_MAX)
            return wf_lines_fail(l, WF_E_LIMIT, err, "more than %d columns", WF_DATA_COLUMNS_MAX);
        out->columns[out->n++] = wf_str_trim(part);
    }
    if (out->n < n_min)
        return wf_lines_fail(l, WF_E_FORMAT, err, "fewer than %zu columns", n_min);
    return 0;
}

int wf_data_rows_read_lines(struct wf_lines *l, bool has_header, size_t n_min, wf_data_row_fn fn,
                            void *ud, struct wf_err *err)
{
    struct wf_data_row row;
    struct wf_str line;
    bool is_end = false;
    int rc = wf_lines_next(l, &line, &is_end, err);

    while (rc == 0 && !is_end) {
        bool is_header = has_header && wf_lines_number(l) == 1;
        if (wf_str_trim(line).len > 0 && !is_header) {
            rc = read_row(l, line, n_min, &row, err);
            if (rc == 0)
                rc = fn(ud, &row, err);
        }
        if (rc == 0)
            rc = wf_lines_next(l, &line, &is_end, err);
    }
    return rc;
}

int wf_data_rows_read(const char *path, bool has_header, size_t n_min, wf_data_row_fn fn, void *ud,
                      struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_rows_read_lines(l, has_header, n_min, fn, ud, err);
    wf_lines_close(l);
    return rc;
}

/* ---- pairs ---- */

struct read {
    struct wf_lines *l;
    wf_data_pair_fn fn;
    void *ud;
    struct wf_err *err;
};

static bool read_label(struct wf_str label, enum wf_data_relation *out)
{
    static const struct {
        const char *name;
        enum wf_data_relation relation;
    } labels[] = {{"entailment", WF_DATA_ENTAILED},
                  {"neutral", WF_DATA_NEUTRAL},
                  {"contradiction", WF_DATA_CONTRADICTED},
                  {"paraphrase", WF_DATA_PARAPHRASED}};

    for (size_t i = 0; i < WF_ARRAY_LEN(labels); i++) {
        if (wf_str_eq(label, wf_str_from(labels[i].name))) {
            *out = labels[i].relation;
            return true;
        }
    }
    return false;
}

static int one_pair(void *ud, const json_t *v)
{
    const struct read *r = ud;
    const json_t *score = json_object_get(v, "score");
    struct wf_data_pair p = {.language = wf_data__string(v, "lang"),
                             .a = wf_str_trim(wf_data__string(v, "a")),
                             .b = wf_str_trim(wf_data__string(v, "b"))};

    if (p.a.len == 0 || p.b.len == 0)
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "a pair without two sentences");
    if (json_is_number(score))
        p.score = json_number_value(score);
    else if (!read_label(wf_data__string(v, "label"), &p.relation))
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "a pair without a label or score");
    return r->fn(r->ud, &p, r->err);
}

int wf_data_pairs_read_lines(struct wf_lines *l, wf_data_pair_fn fn, void *ud, struct wf_err *err)
{
    struct read r = {l, fn, ud, err};

    return wf_data__json(l, one_pair, &r, err);
}

int wf_data_pairs_read(const char *path, wf_data_pair_fn fn, void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_pairs_read_lines(l, fn, ud, err);
    wf_lines_close(l);
    return rc;
}
