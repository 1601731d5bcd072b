/* SPDX-License-Identifier: Apache-2.0 */
/* Ask, in a model's words: the sentences of the best chunks are numbered and given to the model; a
 * statement that holds becomes text, the sentences it cites become citations in the order in which
 * they are first cited. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "skill/ask_internal.h"
#include "skill/grounded.h"
#include "skill/origins.h"
#include "text/sentence.h"

/* Chunks whose sentences the model reads. */
#define CHUNKS_READ 4

struct written {
    const struct wf_ask_look *look;
    const struct wf_ask_sink *sink;
    struct wf_answer *answer;
    struct wf_buf text;
    struct wf_str sentences[WF_GROUNDED_SENTENCES_MAX];
    size_t groups[WF_GROUNDED_SENTENCES_MAX];
    struct wf_ask_sentence places[WF_GROUNDED_SENTENCES_MAX];
    size_t numbers[WF_GROUNDED_SENTENCES_MAX]; /* citation of a sentence, from 1; 0: none yet */
    size_t n_sentences;
};

static void number_sentences(struct written *w)
{
    const struct wf_hits *hits = &w->look->hits;
    size_t bytes = 0, n_chunks = hits->n_items < CHUNKS_READ ? hits->n_items : CHUNKS_READ;

    for (size_t h = 0; h < n_chunks; h++) {
        struct wf_str text = hits->items[h].text;
        struct wf_sentence s;
        size_t i = 0;
        while (w->n_sentences < WF_GROUNDED_SENTENCES_MAX && wf_sentence_next(text, &i, &s)) {
            if (bytes + (s.end - s.start) > WF_GROUNDED_BYTES_MAX)
                return;
            bytes += s.end - s.start;
            w->sentences[w->n_sentences] = wf_str_sub(text, s.start, s.end);
            w->groups[w->n_sentences] = h;
            w->places[w->n_sentences++] =
                (struct wf_ask_sentence){.hit = h, .start = s.start, .end = s.end};
        }
    }
}

static void add_statement(void *ud, struct wf_str text, const size_t *cited, size_t n_cited)
{
    struct written *w = ud;
    struct wf_answer *a = w->answer;
    size_t from = w->text.len;

    if (w->text.len > 0)
        (void)wf_buf_append_byte(&w->text, ' ');
    (void)wf_buf_append_str(&w->text, text);
    (void)wf_buf_append_byte(&w->text, ' ');
    for (size_t i = 0; i < n_cited; i++) {
        size_t *number = &w->numbers[cited[i]];
        if (*number == 0) {
            struct wf_citation *c = &a->citations[a->n_citations++];
            *number = a->n_citations;
            wf_ask__cite(w->look, &w->places[cited[i]], c);
            if (w->sink->citation != NULL)
                w->sink->citation(w->sink->ud, c);
        }
        (void)wf_buf_appendf(&w->text, "[%zu]", *number);
    }
    /* A failure sticks in the buffer and is looked at in the end. */
    if (w->sink->text != NULL && wf_buf_status(&w->text) == 0)
        w->sink->text(w->sink->ud, wf_str_sub(wf_buf_str(&w->text), from, w->text.len));
}

/* Where the passages lie. */
static int find_origins(struct wf_store *s, const struct written *w, struct wf_arena *arena,
                        struct wf_origins *out, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s, &r, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < w->n_sentences; i++)
        if (i == 0 || w->groups[i] != w->groups[i - 1])
            rc = wf_origins_document(r, w->look->hits.items[w->groups[i]].document, w->groups[i],
                                     arena, out, err);
    wf_store_reader_put(s, r);
    return rc;
}

static bool canceled(void *ud)
{
    const struct written *w = ud;

    return w->sink->canceled != NULL && w->sink->canceled(w->sink->ud);
}

static int write_answer(struct written *w, struct wf_engine *engine, const char *model,
                        const struct wf_ask_query *q, const struct wf_origins *origins,
                        struct wf_arena *arena, struct wf_err *err)
{
    const struct wf_grounded_request request = {.engine = engine,
                                                .model = model,
                                                .task = WF_GROUNDED_ANSWER,
                                                .question = q->question,
                                                .earlier = q->earlier,
                                                .n_earlier = q->n_earlier,
                                                .sentences = w->sentences,
                                                .groups = w->groups,
                                                .n_sentences = w->n_sentences,
                                                .origins = origins->items,
                                                .n_origins = origins->n,
                                                .release = q->release,
                                                .statement = add_statement,
                                                .canceled = canceled,
                                                .ud = w};
    struct wf_answer *a = w->answer;
    struct wf_grounded g;
    int rc;

    struct wf_str *read = wf_arena_array(arena, w->n_sentences, sizeof(*read));

    a->citations = wf_arena_array(arena, WF_GROUNDED_SENTENCES_MAX, sizeof(*a->citations));
    if (a->citations == NULL || read == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (answering).");
    memcpy(read, w->sentences, w->n_sentences * sizeof(*read));
    a->read = read;
    a->n_read = w->n_sentences;
    rc = wf_grounded_write(&request, arena, &g, err);
    if (rc != 0)
        return rc;
    a->is_looked = g.is_looked;
    if (g.is_looked)
        return 0;
    a->model = g.model;
    a->model_route = g.route;
    a->model_flags = g.flags;
    a->n_left_out = g.n_left_out;
    if (g.n_statements == 0 && !g.is_none)
        return wf_ask__quote(w->look, q, arena, a, err);
    a->is_written = true;
    a->found = g.n_statements > 0;
    a->confidence = a->found ? (double)g.n_statements / (double)(g.n_statements + g.n_left_out) : 0;
    a->text = wf_arena_dup(arena, wf_buf_str(&w->text));
    return wf_buf_status(&w->text) == 0 && a->text.ptr != NULL
               ? 0
               : wf_err_set(err, WF_E_NOMEM, "Out of memory (answering).");
}

int wf_ask_written(struct wf_store *s, struct wf_engine *engine, const char *model,
                   const struct wf_ask_query *q, const struct wf_ask_sink *sink,
                   struct wf_arena *arena, struct wf_answer *out, struct wf_err *err)
{
    struct wf_ask_look *look = NULL;
    struct wf_origins origins = {.n = 0};
    struct written *w = NULL;
    int rc = wf_ask__check(q, err);

    assert(engine != NULL);
    *out = (struct wf_answer){.found = false};
    if (rc != 0)
        return rc;
    look = wf_alloc_array(1, sizeof(*look));
    w = wf_alloc_array(1, sizeof(*w));
    if (look == NULL || w == NULL) {
        wf_free(look);
        wf_free(w);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (answering).");
    }
    w->look = look;
    w->sink = sink;
    w->answer = out;
    wf_buf_init(&w->text, WF_GROUNDED_BYTES_MAX * 8);
    rc = wf_ask__look(s, q, arena, look, err);
    if (rc == 0) {
        number_sentences(w);
        if (w->n_sentences > 0)
            rc = find_origins(s, w, arena, &origins, err);
        if (rc == 0 && w->n_sentences > 0)
            rc = write_answer(w, engine, model, q, &origins, arena, err);
    }
    wf_buf_deinit(&w->text);
    wf_free(w);
    wf_free(look);
    if (rc != 0)
        *out = (struct wf_answer){.found = false};
    return rc;
}
