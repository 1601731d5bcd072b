/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries out of the forms of meetings, dialogues and stories. */
#include "train/data_summaries.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "train/data_internal.h"

struct read {
    struct wf_lines *l;
    wf_data_summary_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_buf text;          /* of a meeting */
    struct wf_data__spans turns; /* of it, in bytes */
};

static void add_reference(struct wf_data_summary *s, struct wf_str text)
{
    text = wf_str_trim(text);
    if (text.len > 0 && s->n_references < WF_DATA_REFERENCES_MAX)
        s->references[s->n_references++] = text;
}

static int give(const struct read *r, struct wf_data_summary *s)
{
    if (s->document.len == 0 || s->n_references == 0)
        return 0;
    if (s->key.len == 0)
        s->key = s->document;
    return r->fn(r->ud, s, r->err);
}

/* ---- QMSum ---- */

static int join_turns(struct read *r, const json_t *turns)
{
    wf_buf_reset(&r->text);
    r->turns.n = 0;
    for (size_t i = 0; i < json_array_size(turns); i++) {
        const json_t *t = json_array_get(turns, i);
        struct wf_data_span span = {.from = r->text.len};
        (void)wf_buf_append_str(&r->text, wf_data__string(t, "speaker"));
        (void)wf_buf_append_cstr(&r->text, ": ");
        if (wf_buf_append_str(&r->text, wf_data__string(t, "content")) != 0)
            return wf_data__no_memory(r->l, r->err);
        span.to = r->text.len;
        (void)wf_buf_append_byte(&r->text, '\n');
        if (wf_data__add_span(&r->turns, span) != 0)
            return wf_data__no_memory(r->l, r->err);
    }
    return wf_buf_status(&r->text) == 0 ? 0 : wf_data__no_memory(r->l, r->err);
}

/* [["19", "89"]]: turns from and to, inclusive. Those that are not there are left out. */
static void add_parts(const struct read *r, const json_t *list, struct wf_data_summary *s)
{
    for (size_t i = 0; i < json_array_size(list) && s->n_parts < WF_DATA_PARTS_MAX; i++) {
        const json_t *pair = json_array_get(list, i);
        int64_t from = wf_data__number(json_array_get(pair, 0));
        int64_t to = wf_data__number(json_array_get(pair, 1));
        if (from < 0 || to < from || (uint64_t)to >= r->turns.n)
            continue;
        s->parts[s->n_parts++] = (struct wf_data_span){
            .from = r->turns.ptr[from].from, .to = r->turns.ptr[to].to, .type = WF_ENTITY_OTHER};
    }
}

static int meeting(struct read *r, const json_t *v, const json_t *turns)
{
    static const char *const lists[] = {"general_query_list", "specific_query_list"};
    int rc = join_turns(r, turns);

    for (size_t k = 0; k < 2 && rc == 0; k++) {
        const json_t *list = json_object_get(v, lists[k]);
        for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
            const json_t *q = json_array_get(list, i);
            struct wf_data_summary s = {.key = wf_data__string(v, "id"),
                                        .document = wf_buf_str(&r->text)};
            if (k == 1)
                s.query = wf_str_trim(wf_data__string(q, "query"));
            add_reference(&s, wf_data__string(q, "answer"));
            add_parts(r, json_object_get(q, "relevant_text_span"), &s);
            rc = give(r, &s);
        }
    }
    return rc;
}

/* ---- the others ---- */

static int story(const struct read *r, const json_t *v, const json_t *questions)
{
    int rc = 0;

    for (size_t i = 0; i < json_array_size(questions) && rc == 0; i++) {
        const json_t *q = json_array_get(questions, i);
        const json_t *answers = json_object_get(q, "responses");
        struct wf_data_summary s = {.document = wf_data__string(v, "document"),
                                    .query = wf_str_trim(wf_data__string(q, "question_text"))};
        for (size_t k = 0; k < json_array_size(answers); k++)
            add_reference(&s, wf_data__string(json_array_get(answers, k), "response_text"));
        rc = give(r, &s);
    }
    return rc;
}

static int one_line(void *ud, const json_t *v)
{
    struct read *r = ud;
    const json_t *turns = json_object_get(v, "meeting_transcripts");
    const json_t *questions = json_object_get(v, "questions");
    struct wf_data_summary s = {.key = wf_data__string(v, "encounter_id"),
                                .document = wf_data__string(v, "dialogue")};

    if (json_is_array(turns))
        return meeting(r, v, turns);
    if (json_is_array(questions))
        return story(r, v, questions);
    if (s.document.len > 0) {
        add_reference(&s, wf_data__string(v, "summary"));
        add_reference(&s, wf_data__string(v, "note"));
        return give(r, &s);
    }
    s.key = wf_data__string(v, "id");
    s.document = wf_data__string(v, "transcript");
    s.extract = wf_data__string(v, "extract");
    if (s.document.len == 0)
        return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "no meeting, dialogue or story");
    add_reference(&s, wf_data__string(v, "abstract"));
    return give(r, &s);
}

int wf_data_summaries_read_lines(struct wf_lines *l, wf_data_summary_fn fn, void *ud,
                                 struct wf_err *err)
{
    struct read r = {.l = l, .fn = fn, .ud = ud, .err = err};
    int rc;

    wf_buf_init(&r.text, WF_LIMIT_CORPUS_LINE_BYTES);
    rc = wf_data__json(l, one_line, &r, err);
    wf_buf_deinit(&r.text);
    wf_free(r.turns.ptr);
    return rc;
}

int wf_data_summaries_read(const char *path, wf_data_summary_fn fn, void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_summaries_read_lines(l, fn, ud, err);
    wf_lines_close(l);
    return rc;
}
