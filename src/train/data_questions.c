/* SPDX-License-Identifier: Apache-2.0 */
/* Questions out of the three forms of reading comprehension. An answer's place is checked: where
 * the passage does not have its text there, the text's first place is taken, and without one the
 * answer is left out. */
#include "train/data_questions.h"

#include "base/alloc.h"
#include "text/utf8.h"
#include "train/data_internal.h"

struct read {
    struct wf_lines *l;
    wf_data_question_fn fn;
    void *ud;
    struct wf_err *err;
};

static bool has_text_at(struct wf_str passage, size_t at, struct wf_str text)
{
    return at <= passage.len && wf_str_starts(wf_str_sub(passage, at, passage.len), text);
}

static void add_answer(struct wf_data_question *q, struct wf_str text, int64_t start)
{
    struct wf_str trimmed = wf_str_trim(text);
    size_t at = start >= 0 ? wf_utf8_offset(q->passage, (size_t)start) : SIZE_MAX;

    if (trimmed.len == 0 || q->n_answers == WF_DATA_ANSWERS_MAX)
        return;
    if (!has_text_at(q->passage, at, text))
        at = wf_str_find(q->passage, trimmed, 0);
    else
        at += (size_t)(trimmed.ptr - text.ptr);
    if (at >= q->passage.len)
        return;
    for (size_t i = 0; i < q->n_answers; i++) {
        if (q->answers[i].from == at && q->answers[i].to == at + trimmed.len)
            return; /* two annotators agree */
    }
    q->answers[q->n_answers++] =
        (struct wf_data_span){.from = at, .to = at + trimmed.len, .type = WF_ENTITY_OTHER};
}

/* A list of {"text", "start"} or of [text, start]. */
static void add_answers(struct wf_data_question *q, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        if (json_is_array(a))
            add_answer(q, wf_data__text(json_array_get(a, 0)),
                       wf_data__number(json_array_get(a, 1)));
        else
            add_answer(q, wf_data__string(a, "text"), wf_data__number(json_object_get(a, "start")));
    }
}

static int give(const struct read *r, struct wf_data_question *q, bool is_answerable)
{
    if (q->passage.len == 0 || q->question.len == 0 || (is_answerable && q->n_answers == 0))
        return 0;
    if (q->key.len == 0)
        q->key = q->title.len > 0 ? q->title : q->passage;
    return r->fn(r->ud, q, r->err);
}

/* {"context", "question", "answers", "impossible"} */
static int flat(const struct read *r, const json_t *v)
{
    struct wf_data_question q = {.id = wf_data__string(v, "id"),
                                 .title = wf_data__string(v, "title"),
                                 .language = wf_data__string(v, "lang"),
                                 .passage = wf_data__string(v, "context"),
                                 .question = wf_str_trim(wf_data__string(v, "question"))};
    bool is_answerable = !json_is_true(json_object_get(v, "impossible"));

    if (is_answerable)
        add_answers(&q, json_object_get(v, "answers"));
    return give(r, &q, is_answerable);
}

/* {"context", "qas": [{"question", "answers"}]} */
static int nested(const struct read *r, const json_t *v, const json_t *qas)
{
    int rc = 0;

    for (size_t i = 0; i < json_array_size(qas) && rc == 0; i++) {
        const json_t *one = json_array_get(qas, i);
        struct wf_data_question q = {.id = wf_data__string(one, "id"),
                                     .title = wf_data__string(v, "title"),
                                     .language = wf_data__string(v, "lang"),
                                     .passage = wf_data__string(v, "context"),
                                     .question = wf_str_trim(wf_data__string(one, "question"))};
        add_answers(&q, json_object_get(one, "answers"));
        rc = give(r, &q, true);
    }
    return rc;
}

/* {"input", "passages": [{"title", "text"}], "output": [{"selected_sentences"}]} */
static int with_sentences(const struct read *r, const json_t *v, const json_t *passages)
{
    const json_t *passage = json_array_get(passages, 0), *output = json_object_get(v, "output");
    struct wf_data_question q = {.id = wf_data__string(v, "id"),
                                 .title = wf_data__string(passage, "title"),
                                 .language = wf_str_from("en"),
                                 .passage = wf_data__string(passage, "text"),
                                 .question = wf_str_trim(wf_data__string(v, "input")),
                                 .is_sentences = true};
    bool is_answerable = false;

    q.key = q.question;
    for (size_t i = 0; i < json_array_size(output); i++) {
        const json_t *one = json_array_get(output, i);
        const json_t *sentences = json_object_get(one, "selected_sentences");
        is_answerable = is_answerable || wf_data__string(one, "answer").len > 0;
        for (size_t k = 0; k < json_array_size(sentences); k++)
            add_answer(&q, wf_data__text(json_array_get(sentences, k)), -1);
    }
    return give(r, &q, is_answerable);
}

static int one_line(void *ud, const json_t *v)
{
    const struct read *r = ud;
    const json_t *qas = json_object_get(v, "qas"), *passages = json_object_get(v, "passages");

    if (json_is_array(qas))
        return nested(r, v, qas);
    if (json_is_array(passages))
        return with_sentences(r, v, passages);
    if (!json_is_string(json_object_get(v, "context")))
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "no context, qas or passages");
    return flat(r, v);
}

int wf_data_questions_read_lines(struct wf_lines *l, wf_data_question_fn fn, void *ud,
                                 struct wf_err *err)
{
    struct read r = {l, fn, ud, err};

    return wf_data__json(l, one_line, &r, err);
}

int wf_data_questions_read(const char *path, wf_data_question_fn fn, void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_questions_read_lines(l, fn, ud, err);
    wf_lines_close(l);
    return rc;
}
