/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: where a passage answers a question, which of its sentences do, and whether any does.
 *
 * Three heads: where the answer begins and ends, over the passage's tokens and <s>, which stands
 * for "nowhere" (Devlin et al. 2019); which sentence holds it, by the mean of its tokens; and of
 * <s> alone, whether there is none. Tokens come with marks of what question and passage share
 * (model/lens_match.h), whose rows learn, too. Texts come from span_texts.c, figures from
 * span_measure.c. */
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens_match.h"
#include "train/data_made.h"
#include "train/loss.h"
#include "train/span_measure.h"
#include "train/span_texts.h"
#include "train/task_list.h"

#define SOURCE_FIELDS 5u
#define CLOZE_EACH 3 /* questions of a document */
#define MATCH_HEAD "lens.span.match"

struct settings {
    char sources[WF_CONF_VALUE_BYTES], terms[1024], reviews[1024];
    double elsewhere, twisted, sentence_share, none_share, rerank;
};

struct span {
    struct wf_task_place place;
    struct settings s;
    struct wf_span_texts *texts;
    struct wf_task_position position;
    struct wf_items_batch batch;
    struct wf_loss_room *room;
    uint16_t *marks; /* [n_tokens_max + 1] of the batch, as are all of these */
    uint32_t *rows, *row_starts, *from, *to, *starts, *firsts;
    int32_t *row_targets, *targets; /* [2 * n], [n] */
    float *nones, *probs, *sentence_probs, *none_probs;
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = sizeof(((struct settings *)0)->sources),
     .help = "files by ';': PATH LANGUAGE WEIGHT USE FORM, see docs/lens.md"},
    {.name = "terms",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(terms),
     .text_bytes = sizeof(((struct settings *)0)->terms),
     .fallback = "text/openstax-terms.jsonl.xz",
     .help = "glossaries of the form definitions"},
    {.name = "reviews",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(reviews),
     .text_bytes = sizeof(((struct settings *)0)->reviews),
     .fallback = "text/openstax-questions.jsonl.xz",
     .help = "questions of the form reviews"},
    {.name = "elsewhere",
     .kind = WF_CONF_REAL,
     .offset = FIELD(elsewhere),
     .fallback = "0.3",
     .min = 0,
     .max = 1,
     .help = "how often a question comes with another passage of its article, too"},
    {.name = "twisted",
     .kind = WF_CONF_REAL,
     .offset = FIELD(twisted),
     .fallback = "0.3",
     .min = 0,
     .max = 1,
     .help = "how often an English question comes once more, changed so that nothing answers it"},
    {.name = "sentence",
     .kind = WF_CONF_REAL,
     .offset = FIELD(sentence_share),
     .fallback = "1",
     .min = 0,
     .max = 100,
     .help = "what the loss of sentences counts beside that of spans"},
    {.name = "none",
     .kind = WF_CONF_REAL,
     .offset = FIELD(none_share),
     .fallback = "0.5",
     .min = 0,
     .max = 100,
     .help = "what the loss of 'no answer' counts beside that of spans"},
    {.name = "rerank",
     .kind = WF_CONF_REAL,
     .offset = FIELD(rerank),
     .fallback = "0",
     .min = 0,
     .max = 99,
     .help = "what the file says a sentence's share counts in ask; 0: nothing"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"sentence", "%"},     {"f1", "%"},      {"refusal", "%"}, {"refusal_elsewhere", "%"},
    {"sentence_all", "%"}, {"by_head", "%"}, {"overlap", "%"}, {"overlap_by_rarity", "%"},
    {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the questions to train on.");
}

/* ---- opening ---- */

static void span_close(void *task)
{
    struct span *s = task;

    if (s == NULL)
        return;
    void *all[] = {s->marks,      s->rows,   s->row_starts,    s->from,        s->to,
                   s->starts,     s->firsts, s->targets,       s->row_targets, s->nones,
                   s->none_probs, s->probs,  s->sentence_probs};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_span_texts_free(s->texts);
    wf_loss_room_free(s->room);
    wf_free(s);
}

static int read_form(struct span *s, struct wf_str form, const char *path, const char *beside,
                     struct wf_err *err)
{
    s->texts->is_made = true;
    if (wf_str_eq(form, WF_STR("cloze")))
        return wf_data_cloze_read(path, CLOZE_EACH, wf_span_texts_add, s->texts, err);
    if (wf_str_eq(form, WF_STR("definitions")))
        return wf_data_definitions_read(path, beside, wf_span_texts_add, s->texts, err);
    if (wf_str_eq(form, WF_STR("reviews")))
        return wf_data_reviews_read(path, beside, wf_span_texts_add, s->texts, err);
    s->texts->is_made = false;
    return wf_data_questions_read(path, wf_span_texts_add, s->texts, err);
}

static bool is_form(struct wf_str s)
{
    return s.len == 0 || wf_str_eq(s, WF_STR("questions")) || wf_str_eq(s, WF_STR("cloze")) ||
           wf_str_eq(s, WF_STR("definitions")) || wf_str_eq(s, WF_STR("reviews"));
}

/* "PATH LANGUAGE WEIGHT USE FORM": a path; en or another language; hundredths; train or dev;
 * questions (or nothing), cloze, definitions or reviews. */
static int read_source(struct span *s, struct wf_str line, struct wf_err *err)
{
    struct wf_str words[SOURCE_FIELDS + 1] = {{0}}, rest = line;
    struct wf_buf path, beside;
    uint64_t hundredths = 0;
    size_t n = 0;
    int rc;

    while (n <= SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n < SOURCE_FIELDS - 1 || n > SOURCE_FIELDS || !is_form(words[4]) ||
        !wf_str_to_u64(words[2], &hundredths) || hundredths > 10000 ||
        !(wf_str_eq(words[3], WF_STR("train")) || wf_str_eq(words[3], WF_STR("dev"))))
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATH LANGUAGE WEIGHT USE FORM.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    s->texts->weight = (double)hundredths / 100;
    s->texts->elsewhere = s->s.elsewhere;
    s->texts->twisted = s->s.twisted;
    s->texts->is_english = wf_str_eq(words[1], WF_STR("en"));
    s->texts->is_dev = wf_str_eq(words[3], WF_STR("dev"));
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    wf_buf_init(&beside, WF_LIMIT_PATH_BYTES);
    (void)wf_buf_appendf(&path, "%s/%.*s", s->place.data_dir, WF_STR_ARG(words[0]));
    (void)wf_buf_appendf(&beside, "%s/%s", s->place.data_dir,
                         wf_str_eq(words[4], WF_STR("reviews")) ? s->s.reviews : s->s.terms);
    rc = wf_buf_status(&path) != 0 || wf_buf_status(&beside) != 0
             ? no_memory(err)
             : read_form(s, words[4], path.ptr, beside.ptr, err);
    wf_buf_deinit(&path);
    wf_buf_deinit(&beside);
    return rc;
}

static int open_sources(struct span *s, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(s->s.sources), part;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(s, part, err);
    }
    if (rc == 0 && wf_items_n(s->texts->items, false) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The sources hold no question to train on.");
    return rc;
}

static int make_room(struct span *s)
{
    size_t n = s->place.n_tokens_max + 1;

    s->marks = wf_alloc_array(n, sizeof(*s->marks));
    s->rows = wf_alloc_array(n, sizeof(*s->rows));
    s->row_starts = wf_alloc_array(n, sizeof(*s->row_starts));
    s->from = wf_alloc_array(n, sizeof(*s->from));
    s->to = wf_alloc_array(n, sizeof(*s->to));
    s->starts = wf_alloc_array(n, sizeof(*s->starts));
    s->firsts = wf_alloc_array(n, sizeof(*s->firsts));
    s->targets = wf_alloc_array(n, sizeof(*s->targets));
    s->row_targets = wf_alloc_array(2 * n, sizeof(*s->row_targets));
    s->nones = wf_alloc_array(n, sizeof(*s->nones));
    s->none_probs = wf_alloc_array(n, sizeof(*s->none_probs));
    s->probs = wf_alloc_array(2 * n, sizeof(*s->probs));
    s->sentence_probs = wf_alloc_array(n, sizeof(*s->sentence_probs));
    return s->marks != NULL && s->rows != NULL && s->row_starts != NULL && s->from != NULL &&
                   s->to != NULL && s->starts != NULL && s->firsts != NULL && s->targets != NULL &&
                   s->row_targets != NULL && s->nones != NULL && s->none_probs != NULL &&
                   s->probs != NULL && s->sentence_probs != NULL
               ? 0
               : WF_E_NOMEM;
}

static int span_open(const struct wf_task_place *p, const void *settings, void **out,
                     struct wf_err *err)
{
    struct span *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return no_memory(err);
    s->place = *p;
    memcpy(&s->s, settings, sizeof(s->s));
    rc = make_room(s) != 0 ? no_memory(err) : wf_span_texts_new(p, &s->texts, err);
    if (rc == 0)
        rc = open_sources(s, err);
    if (rc == 0)
        *out = s;
    else
        span_close(s);
    return rc;
}

/* ---- training ---- */

static size_t span_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    uint32_t dim = ((const struct span *)task)->place.params->dim;

    out[0] = (struct wf_net_head){"lens.span.weight", 2, dim, 0.02f, true};
    out[1] = (struct wf_net_head){"lens.sentence.weight", 1, dim, 0.02f, true};
    out[2] = (struct wf_net_head){"lens.none.weight", 1, dim, 0.02f, true};
    out[3] = (struct wf_net_head){"lens.none.bias", 1, 1, 0, false};
    out[4] = (struct wf_net_head){MATCH_HEAD, WF_LENS_MATCH_BITS, dim, 0.02f, false};
    return 5;
}

static uint64_t span_epoch_tokens(const void *task)
{
    return wf_items_epoch_tokens(((const struct span *)task)->texts->items);
}

static struct wf_task_position *span_position(void *task)
{
    return &((struct span *)task)->position;
}

/* Marks of the batch, all of one side. */
static void put_marks(struct span *s, bool is_dev)
{
    const struct wf_span_side *side = &s->texts->sides[is_dev];

    for (size_t i = 0; i < s->batch.n_items; i++) {
        const struct wf_span_text *x = &side->texts[s->batch.items[i]];
        memcpy(s->marks + s->batch.net.starts[i], side->marks + x->marks,
               x->n_tokens * sizeof(*s->marks));
    }
    s->batch.net.marks = s->marks;
    s->batch.net.marks_head = MATCH_HEAD;
}

static int span_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct span *s = task;
    int rc = wf_items_next(s->texts->items, &s->position, 0, &s->batch, err);

    (void)seed;
    if (rc == 0)
        put_marks(s, false);
    *out = s->batch.net;
    return rc;
}

/* The batch as what the losses take: places of answers, sentences, and whether there is none. */
struct asked {
    struct wf_loss_pick spans, sentences;
    struct wf_loss_binary none;
};

static void gather(struct span *s, bool is_dev, struct asked *out)
{
    const struct wf_span_side *side = &s->texts->sides[is_dev];
    size_t n_rows = 0, n_sentences = 0, n = s->batch.n_items;

    for (size_t i = 0; i < n; i++) {
        const struct wf_span_text *x = &side->texts[s->batch.items[i]];
        uint32_t at = s->batch.net.starts[i];
        s->row_starts[i] = (uint32_t)n_rows;
        s->starts[i] = (uint32_t)n_sentences;
        s->firsts[i] = s->rows[n_rows++] = at;
        for (uint32_t k = x->first; k < x->n_tokens; k++)
            s->rows[n_rows++] = at + k;
        s->row_targets[2 * i] = x->start > 0 ? x->start - (int32_t)x->first + 1 : x->start;
        s->row_targets[2 * i + 1] = x->end > 0 ? x->end - (int32_t)x->first + 1 : x->end;
        for (uint32_t k = 0; k < x->n_sentences; k++, n_sentences++) {
            s->from[n_sentences] = at + side->sentences[x->sentences + k].from;
            s->to[n_sentences] = at + side->sentences[x->sentences + k].to;
        }
        s->targets[i] = x->n_sentences > 1 ? x->sentence : -1;
        s->nones[i] = x->kind == WF_SPAN_ANSWERED ? 0.0f : 1.0f;
    }
    s->row_starts[n] = (uint32_t)n_rows;
    s->starts[n] = (uint32_t)n_sentences;
    out->spans = (struct wf_loss_pick){.rows = {.from = s->rows, .n = n_rows},
                                       .starts = s->row_starts,
                                       .n_groups = n,
                                       .targets = s->row_targets};
    out->sentences = (struct wf_loss_pick){.rows = {.from = s->from, .to = s->to, .n = n_sentences},
                                           .starts = s->starts,
                                           .n_groups = n,
                                           .targets = s->targets};
    out->none = (struct wf_loss_binary){.rows = {.from = s->firsts, .n = n}, .targets = s->nones};
}

static int run_losses(struct span *s, struct wf_net *net, const struct wf_loss_of *of,
                      struct asked *a, double *out_loss, struct wf_err *err)
{
    struct wf_loss_result spans = {0}, sentences = {0}, none = {0};
    struct wf_loss_of part = *of;
    int rc = s->room == NULL ? wf_loss_room_new(net, &s->room, err) : 0;

    a->spans.head.weight = wf_net_find(net, "lens.span.weight");
    a->sentences.head.weight = wf_net_find(net, "lens.sentence.weight");
    a->none.head.weight = wf_net_find(net, "lens.none.weight");
    a->none.head.bias = wf_net_find(net, "lens.none.bias");
    if (rc == 0)
        rc = wf_loss_pick(s->room, of, &a->spans, &spans, err);
    part.scale = of->scale * (float)s->s.sentence_share;
    if (rc == 0 && a->sentences.rows.n > 0)
        rc = wf_loss_pick(s->room, &part, &a->sentences, &sentences, err);
    part.scale = of->scale * (float)s->s.none_share;
    if (rc == 0)
        rc = wf_loss_binary(s->room, &part, &a->none, &none, err);
    *out_loss = spans.loss + s->s.sentence_share * sentences.loss + s->s.none_share * none.loss;
    return rc;
}

static int span_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                     float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};
    struct asked a;

    gather(task, false, &a);
    return run_losses(task, net, &of, &a, out_loss, err);
}

/* ---- measuring ---- */

static int judge(struct span *s, struct wf_net *net, struct wf_span_measure *m, struct wf_err *err)
{
    const float *hidden = NULL;
    struct asked a;
    double loss;
    int rc;

    put_marks(s, true);
    rc = wf_net_forward(net, &s->batch.net, false, &hidden, err);
    if (rc != 0)
        return rc;
    gather(s, true, &a);
    a.spans.out_probs = s->probs;
    a.sentences.out_probs = s->sentence_probs;
    a.none.out_probs = s->none_probs;
    rc = run_losses(s, net, &(struct wf_loss_of){.hidden = hidden}, &a, &loss, err);
    for (size_t i = 0; i < s->batch.n_items && rc == 0; i++) {
        const struct wf_span_verdict v = {.spans = s->probs + 2 * (size_t)s->row_starts[i],
                                          .sentences = s->sentence_probs + s->starts[i],
                                          .none = s->none_probs[i]};
        rc = wf_span_measure_add(m, s->texts, s->batch.items[i],
                                 s->batch.net.ids + s->batch.net.starts[i], &v);
        if (rc != 0)
            rc = no_memory(err);
    }
    return rc;
}

static int span_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct span *s = task;
    struct wf_span_measure m = {0};
    size_t i = 0;
    int rc = 0;

    for (;;) {
        wf_items_in_order(s->texts->items, true, &i, 0, &s->batch);
        if (s->batch.n_items == 0 || rc != 0)
            break;
        rc = judge(s, net, &m, err);
    }
    s->batch = (struct wf_items_batch){.n_items = 0}; /* its arrays held what was measured */
    wf_span_measure_finish(&m, out);
    wf_span_measure_deinit(&m);
    return rc;
}

static void span_describe(const void *task, struct wf_meta *out)
{
    const struct span *s = task;

    wf_meta_put_u32(out, MATCH_HEAD ".edition", WF_LENS_MATCH_EDITION);
    wf_meta_put_f32(out, "lens.span.rerank", (float)s->s.rerank);
}

const struct wf_task_kind wf_task_span = {
    .name = "span",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .figures = figures,
    .open = span_open,
    .close = span_close,
    .heads = span_heads,
    .epoch_tokens = span_epoch_tokens,
    .position = span_position,
    .next = span_next,
    .loss = span_loss,
    .evaluate = span_evaluate,
    .describe = span_describe,
};
