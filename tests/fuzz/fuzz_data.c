/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of task data: the first byte chooses the reader. Whatever comes out lies within its text;
 * what is refused has a reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "train/data_made.h"
#include "train/data_questions.h"
#include "train/data_requests.h"
#include "train/data_rows.h"
#include "train/data_summaries.h"
#include "train/data_tagged.h"
#include "train/data_twist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_spans(const struct wf_data_span *s, size_t n, struct wf_str text)
{
    for (size_t i = 0; i < n; i++) {
        assert(s[i].from < s[i].to && s[i].to <= text.len);
        assert((unsigned)s[i].type < WF_ENTITY_COUNT);
    }
}

static int on_tagged(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(t->text.len > 0 && t->key.len > 0);
    check_spans(t->spans, t->n_spans, t->text);
    for (size_t i = 1; i < t->n_spans; i++)
        assert(t->spans[i].from >= t->spans[i - 1].to);
    return 0;
}

static int on_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    (void)ud;
    (void)err;
    for (size_t i = 0; i < q->n_slots; i++)
        assert(q->slots[i].from < q->slots[i].to && q->slots[i].to <= q->text.len);
    return 0;
}

/* A twisted question is another one, or is none. */
static void check_twist(const struct wf_data_question *q)
{
    struct wf_str answer = WF_STR("");
    uint64_t draw = q->question.len;
    struct wf_buf b;

    if (q->n_answers > 0)
        answer = wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to);
    wf_buf_init(&b, 1u << 20);
    if (wf_data_twist(q->question, answer, &q->passage, 1, &draw, &b))
        assert(!wf_str_eq(wf_buf_str(&b), q->question));
    wf_buf_deinit(&b);
}

static int on_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(q->key.len > 0);
    check_spans(q->answers, q->n_answers, q->passage);
    check_twist(q);
    return 0;
}

static int on_row(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(row->n >= 2 && row->n <= WF_DATA_COLUMNS_MAX);
    return 0;
}

static int on_pair(void *ud, const struct wf_data_pair *p, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(p->a.len > 0 && p->b.len > 0);
    return 0;
}

static int on_summary(void *ud, const struct wf_data_summary *s, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(s->key.len > 0 && s->n_references > 0);
    check_spans(s->parts, s->n_parts, s->document);
    return 0;
}

/* Terms and texts out of the same lines. */
static int read_defined(struct wf_str bytes, struct wf_lines *l, struct wf_err *err)
{
    struct wf_lines *terms = NULL;
    int rc = wf_lines_open_bytes("y", bytes, &terms, err);

    if (rc == 0)
        rc = wf_data_definitions_read_lines(l, terms, on_question, NULL, err);
    wf_lines_close(terms);
    return rc;
}

/* The same of review questions. */
static int read_reviewed(struct wf_str bytes, struct wf_lines *l, struct wf_err *err)
{
    struct wf_lines *questions = NULL;
    int rc = wf_lines_open_bytes("y", bytes, &questions, err);

    if (rc == 0)
        rc = wf_data_reviews_read_lines(l, questions, on_question, NULL, err);
    wf_lines_close(questions);
    return rc;
}

static int read_one(unsigned which, struct wf_str bytes, struct wf_lines *l, struct wf_err *err)
{
    struct wf_data_tagged_options o = {.is_natural = which % 2 == 1};

    switch (which % 16) {
    case 0:
        return wf_data_requests_read_lines(l, on_request, NULL, err);
    case 1:
        return wf_data_questions_read_lines(l, on_question, NULL, err);
    case 2:
        return wf_data_rows_read_lines(l, which >= 128, 2, on_row, NULL, err);
    case 3:
        return wf_data_pairs_read_lines(l, on_pair, NULL, err);
    case 4:
        return wf_data_summaries_read_lines(l, on_summary, NULL, err);
    case 13:
        return read_reviewed(bytes, l, err);
    case 14:
        return wf_data_cloze_read_lines(l, 3, on_question, NULL, err);
    case 15:
        return read_defined(bytes, l, err);
    default:
        o.form = (enum wf_data_form)((which % 16 - 5) % 6);
        return wf_data_tagged_read_lines(l, &o, on_tagged, NULL, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_lines *l = NULL;
    struct wf_str bytes;
    int rc;

    if (size == 0)
        return 0;
    bytes = wf_str_n((const char *)data + 1, size - 1);
    rc = wf_lines_open_bytes("x", bytes, &l, NULL);
    assert(rc == 0);
    rc = read_one(data[0], bytes, l, &err);
    assert((rc != 0) == (err.msg[0] != 0));
    wf_lines_close(l);
    return 0;
}
