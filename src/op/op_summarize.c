/* SPDX-License-Identifier: Apache-2.0 */
/* summarize: of a document that was taken in, of text in the call, or of a file whose descriptor
 * came with it (read by an extract worker; nothing is kept). All three feed the same summarizer. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/lens_sentences.h"
#include "ingest/extract.h"
#include "op/looked.h"
#include "op/op_internal.h"
#include "skill/grounded.h"
#include "skill/origins.h"
#include "skill/summarize.h"
#include "text/utf8.h"

#define PIECE_BYTES (64u << 10)

static json_t *summary_json(const struct wf_summary *s, struct wf_str document)
{
    json_t *array = json_array();

    for (size_t i = 0; i < s->n_sentences; i++) {
        const struct wf_summary_sentence *x = &s->sentences[i];
        json_array_append_new(
            array, json_pack("{s:o, s:I, s:I, s:o, s:f}", "text", wf_json_str(x->text), "start",
                             (json_int_t)x->start_cp, "end", (json_int_t)x->end_cp, "page",
                             x->page ? json_integer(x->page) : json_null(), "score", x->score));
    }
    return json_pack("{s:o, s:o, s:s}", "sentences", array, "document",
                     wf_json_str_or_null(document), "mode", "extractive");
}

/* ---- in a model's words ---- */

/* A model reads so many sentences for each statement that is wanted. */
#define READ_PER_STATEMENT 3
#define READ_MIN 12
#define STATEMENTS_DEFAULT 5

struct writer {
    bool writes;
    const char *model;
    size_t n_statements;
    struct wf_origins origins; /* of the text; none: it is the person's own words */
    struct wf_op_release release;
    bool is_released, is_looked;
};

/* The sentences become what the model reads. */
static void choose_more(struct writer *w, struct wf_summary_options *io)
{
    size_t n;

    w->n_statements = io->n_sentences > 0 ? io->n_sentences : STATEMENTS_DEFAULT;
    n = w->n_statements * READ_PER_STATEMENT;
    n = n > READ_MIN ? n : READ_MIN;
    io->n_sentences = n < WF_GROUNDED_SENTENCES_MAX ? n : WF_GROUNDED_SENTENCES_MAX;
    io->ratio = 0;
}

struct told {
    struct wf_buf text;
    const struct wf_op_sink *sink;
};

static void tell_statement(void *ud, struct wf_str text, const size_t *cited, size_t n_cited)
{
    struct told *t = ud;
    size_t from = t->text.len;
    json_t *data;

    (void)wf_buf_appendf(&t->text, "%s%.*s ", from > 0 ? " " : "", WF_STR_ARG(text));
    for (size_t i = 0; i < n_cited; i++)
        (void)wf_buf_appendf(&t->text, "[%zu]", cited[i] + 1);
    data = json_pack("{s:o}", "text",
                     wf_json_str(wf_str_sub(wf_buf_str(&t->text), from, t->text.len)));
    if (data != NULL && t->sink->event != NULL)
        t->sink->event(t->sink->ud, "text", data);
    json_decref(data);
}

static bool told_canceled(void *ud)
{
    const struct told *t = ud;

    return t->sink->canceled != NULL && t->sink->canceled(t->sink->ud);
}

/* Nothing held: the best sentences, as many as were wanted. */
static void keep_best(json_t *sentences, size_t n)
{
    while (json_array_size(sentences) > n) {
        size_t worst = 0, i;
        double least = 0;
        json_t *s;
        json_array_foreach(sentences, i, s)
        {
            double score = json_number_value(json_object_get(s, "score"));
            if (i == 0 || score <= least) {
                least = score;
                worst = i;
            }
        }
        (void)json_array_remove(sentences, worst); /* it is there */
    }
}

/* What was written, where, and what is flagged in it and in what was read. */
static int add_written(struct wf_op_context *ctx, const struct wf_grounded_request *q,
                       const struct wf_grounded *g, struct wf_str summary, json_t *v,
                       struct wf_err *err)
{
    const struct wf_looked l = {.question = q->question,
                                .read = q->sentences,
                                .n_read = q->n_sentences,
                                .answer = g->n_statements > 0 ? summary : WF_STR("")};

    json_object_set_new(v, "model", json_string(g->model));
    json_object_set_new(v, "left_out", json_integer((json_int_t)g->n_left_out));
    if (g->route != NULL)
        json_object_set_new(v, "sent", json_string(g->route));
    return wf_op_look(ctx, &l, v, err);
}

/* Adds "summary" to v where what the model writes holds. */
static int write_summary(struct wf_op_context *ctx, struct writer *w, const struct wf_summary *s,
                         const struct wf_op_call *call, struct wf_str about, struct wf_arena *arena,
                         json_t *v, struct wf_err *err)
{
    struct told told = {.sink = call->sink};
    struct wf_str sentences[WF_GROUNDED_SENTENCES_MAX];
    size_t groups[WF_GROUNDED_SENTENCES_MAX], n = 0, bytes = 0;
    struct wf_grounded_request q = {.engine = ctx->engine,
                                    .model = w->model,
                                    .task = WF_GROUNDED_SUMMARIZE,
                                    .question = about,
                                    .sentences = sentences,
                                    .groups = groups,
                                    .origins = w->origins.items,
                                    .n_origins = w->origins.n,
                                    .n_statements = w->n_statements,
                                    .release = w->is_released ? &w->release.r : NULL,
                                    .statement = tell_statement,
                                    .canceled = told_canceled,
                                    .ud = &told};
    struct wf_grounded g;
    int rc;

    for (; n < s->n_sentences && n < WF_GROUNDED_SENTENCES_MAX; n++) {
        bytes += s->sentences[n].text.len;
        if (bytes > WF_GROUNDED_BYTES_MAX)
            break;
        sentences[n] = s->sentences[n].text;
        groups[n] = 0;
    }
    q.n_sentences = n;
    if (n == 0)
        return 0;
    wf_buf_init(&told.text, WF_GROUNDED_BYTES_MAX * 8);
    rc = wf_grounded_write(&q, arena, &g, err);
    w->is_looked = rc == 0 && g.is_looked;
    if (w->is_looked) {
        wf_buf_deinit(&told.text);
        return 0;
    }
    if (rc == 0 && g.n_statements > 0) {
        json_object_set_new(v, "summary", wf_json_str(wf_buf_str(&told.text)));
        json_object_set_new(v, "mode", json_string("generative"));
    } else if (rc == 0) {
        keep_best(json_object_get(v, "sentences"), w->n_statements);
    }
    if (rc == 0)
        rc = add_written(ctx, &q, &g, wf_buf_str(&told.text), v, err);
    wf_buf_deinit(&told.text);
    return rc;
}

/* ---- reading ---- */

struct feed {
    struct wf_summarizer *summarizer;
    const struct wf_op_sink *sink;
    uint32_t page;
    struct wf_arena *arena;
};

static bool canceled(const struct feed *f)
{
    return f->sink->canceled && f->sink->canceled(f->sink->ud);
}

static int feed_frame(void *ud, const struct wf_stream_frame *frame, struct wf_err *err)
{
    struct feed *f = ud;

    switch (frame->type) {
    case WF_STREAM_TEXT:
        if (canceled(f))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        return wf_summarizer_feed(f->summarizer, frame->text, f->page, err);
    case WF_STREAM_PAGE:
        f->page = frame->number;
        return 0;
    case WF_STREAM_HEADING:
        wf_summarizer_heading(f->summarizer, frame->number);
        return 0;
    case WF_STREAM_BORDER:
        return wf_summarizer_border(f->summarizer, err);
    case WF_STREAM_META:
    case WF_STREAM_PROGRESS:
    case WF_STREAM_WARNING:
    case WF_STREAM_ERROR:
    case WF_STREAM_END:
        return 0;
    }
    return 0;
}

static int feed_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct feed *f = ud;

    (void)chunk;
    if (canceled(f))
        return wf_err_set(err, WF_E_CANCELED, "Canceled.");
    return wf_summarizer_feed(f->summarizer, c->text, c->page, err);
}

static int feed_document(struct wf_op_context *ctx, const struct wf_op_call *call, struct feed *f,
                         struct wf_str id, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_document d = {.id = 0};
    int rc;

    if (!ctx->store)
        return wf_err_set(err, WF_E_INVAL, "A document can only be summarized with a home.");
    rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_op__document(call, r, id, f->arena, &d, err);
    if (rc == 0)
        rc = wf_document_chunks(r, &d, 0, UINT64_MAX, feed_chunk, f, err);
    if (r)
        wf_store_reader_put(ctx->store, r);
    return rc;
}

/* Feeds the bytes of `fd` as they are, in pieces cut at code points, when all of them are UTF-8
 * text; *out_is_text is false, and nothing was fed, when they are not. `f` NULL only looks. */
static int feed_bytes(struct feed *f, int fd, bool *out_is_text, struct wf_err *err)
{
    char buf[PIECE_BYTES];
    size_t kept = 0;
    off_t at = 0;
    ssize_t n;

    *out_is_text = false;
    while ((n = pread(fd, buf + kept, sizeof(buf) - kept, at)) > 0) {
        struct wf_str piece = wf_str_n(buf, kept + (size_t)n);
        size_t valid = wf_utf8_valid_prefix(piece);
        int rc = 0;
        if (piece.len - valid >= 4 || wf_str_find_byte(piece, 0, 0) != SIZE_MAX)
            return 0;
        if (f)
            rc = canceled(f) ? wf_err_set(err, WF_E_CANCELED, "Canceled.")
                             : wf_summarizer_feed(f->summarizer, wf_str_n(buf, valid), 0, err);
        if (rc != 0)
            return rc;
        kept = piece.len - valid;
        memmove(buf, buf + valid, kept);
        at += n;
    }
    if (n < 0)
        return wf_err_errno(err, errno, "The text could not be read");
    *out_is_text = kept == 0;
    return 0;
}

/* Text on standard input is taken byte for byte; anything else goes to a worker. */
static int feed_fd(struct wf_op_context *ctx, struct feed *f, struct wf_str name, int fd,
                   struct wf_err *err)
{
    bool is_text = false;
    char *copy;
    int rc = 0;

    if (wf_str_eq(name, WF_STR("-")))
        rc = feed_bytes(NULL, fd, &is_text, err);
    if (rc == 0 && is_text)
        return feed_bytes(f, fd, &is_text, err);
    if (rc != 0)
        return rc;
    copy = wf_arena_cstr(f->arena, name);
    return copy ? wf_extract_run(ctx->extract, fd, copy, feed_frame, f, err)
                : wf_op__no_memory(err);
}

struct input {
    struct wf_str document, text, name, path;
    int fd;
};

/* Where the text is from. What a person types, or pipes, is theirs. */
static int find_origins(struct wf_op_context *ctx, const struct input *in, struct wf_arena *arena,
                        struct wf_origins *out, struct wf_err *err)
{
    const struct wf_origin file = {.kind = WF_ORIGIN_FILE, .name = in->path, .title = in->name};
    struct wf_reader *r = NULL;
    int rc;

    if (in->fd >= 0)
        return wf_str_eq(in->name, WF_STR("-")) ? 0 : wf_origins_add(&file, arena, out, err);
    if (in->document.len == 0)
        return 0;
    rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_origins_document(r, in->document, 0, arena, out, err);
    if (r != NULL)
        wf_store_reader_put(ctx->store, r);
    return rc;
}

static int read_params(const struct wf_op_call *call, struct input *in,
                       struct wf_summary_options *o, struct wf_err *err)
{
    const struct wf_param_range counts = {0, 10000, 0};
    int64_t n = 0;
    int rc = wf_param_str(call->params, "document", false, &in->document, err);

    in->fd = call->fd;
    if (rc == 0)
        rc = wf_param_str(call->params, "text", false, &in->text, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "name", false, &in->name, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "path", false, &in->path, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "about", false, &o->about, err);
    if (rc == 0)
        rc = wf_param_int(call->params, "sentences", counts, &n, err);
    if (rc == 0)
        rc = wf_param_ratio(call->params, "ratio", &o->ratio, err);
    o->n_sentences = (size_t)n;
    if (rc == 0 && (in->document.len > 0) + (in->text.len > 0) + (in->fd >= 0) != 1)
        rc = wf_err_set(err, WF_E_INVAL, "Give either \"document\" or \"text\" to summarize.");
    return rc;
}

static int logits(void *ud, const struct wf_str *sentences, size_t n, float *out,
                  struct wf_err *err)
{
    return wf_lens_sentences(ud, sentences, n, out, err);
}

/* Without a lens, or one that has learned nothing of summaries, all goes on by words' counts. */
static void ask_lens(const struct wf_op_context *ctx, struct wf_summary_options *io)
{
    const struct wf_lens *lens;
    struct wf_err no = WF_ERR_INIT;

    if (ctx->lens == NULL || ctx->summarizes_by_words ||
        wf_lens_pool_lens(ctx->lens, &lens, &no) != 0)
        return;
    io->judge = wf_lens_judge(lens);
    if (io->judge != NULL && wf_lens_scores_sentences(lens)) {
        io->logits = logits;
        io->logits_ud = ctx->lens;
    }
}

int wf_op__summarize(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    struct wf_summary_options o = {.n_sentences = 0};
    struct feed f = {.sink = call->sink};
    struct writer w = {.writes = false};
    struct wf_summary summary;
    struct wf_arena arena;
    struct input in;
    json_t *v = NULL;
    int rc = read_params(call, &in, &o, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    f.arena = &arena;
    rc = wf_op__read_release(ctx, call->params, &w.release, &w.is_released, err);
    if (rc == 0)
        rc = wf_op__writer(ctx, call->params, &arena, &w.writes, &w.model, err);
    if (rc == 0 && w.writes)
        choose_more(&w, &o);
    ask_lens(ctx, &o);
    if (rc == 0)
        rc = wf_summarizer_new(&o, &f.summarizer, err);
    if (rc == 0 && in.fd >= 0) {
        rc = feed_fd(ctx, &f, in.name, in.fd, err);
    } else if (rc == 0 && in.text.len > 0) {
        rc = wf_summarizer_feed(f.summarizer, in.text, 0, err);
    } else if (rc == 0) {
        rc = feed_document(ctx, call, &f, in.document, err);
    }
    if (rc == 0)
        rc = wf_summarizer_finish(f.summarizer, &arena, &summary, err);
    if (rc == 0 && (v = summary_json(&summary, in.document)) == NULL)
        rc = wf_op__no_memory(err);
    if (rc == 0 && w.writes)
        rc = find_origins(ctx, &in, &arena, &w.origins, err);
    if (rc == 0 && w.writes)
        rc = write_summary(ctx, &w, &summary, call, o.about, &arena, v, err);
    if (rc == 0 && w.is_released && w.release.r.id == NULL) {
        json_decref(v);
        v = NULL;
        rc = wf_op__give_looked(&w.release, &v, err);
    }
    if (rc == 0)
        *out_result = v;
    else
        json_decref(v);
    json_decref(w.release.looked);
    wf_summarizer_free(f.summarizer);
    wf_arena_deinit(&arena);
    return rc;
}
