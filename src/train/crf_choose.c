/* SPDX-License-Identifier: Apache-2.0 */
/* How much the encoder and the field each count: both judge the texts that are kept aside, and two
 * numbers are chosen by what comes of them together. So that it shows whether two numbers chosen
 * there say too much of themselves, each half is also measured by those of the other half. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/transformer.h"
#include "train/crf.h"

#define TAGS WF_ENTITY_TAGS
#define BATCH_TOKENS 4096u
#define GROUP 64u /* texts whose jobs are open at once */
#define ALL 2u    /* both halves */

/* What both say of all words kept aside. */
struct judged {
    const struct wf_crf_side *s;
    const struct wf_crf *c;
    float *encoder, *words;           /* [s->n, TAGS]; encoder NULL: there is none */
    float encoder_moves[TAGS * TAGS]; /* zeros where there are none */
    float *scores;                    /* [n_max, TAGS] */
    int32_t *gold, *got;              /* [n_max] */
};

/* Windows that the encoder takes together. */
struct batch {
    const struct wf_lens *lens;
    struct wf_runner *runner;
    int32_t *ids;     /* [BATCH_TOKENS] */
    uint32_t *starts; /* [BATCH_TOKENS + 1] */
    struct {
        struct wf_lens_job *job;
        size_t window;
    } * of; /* [BATCH_TOKENS] */
    size_t n;
};

struct counts {
    struct wf_entity_count all, noisy, file;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to measure what was learnt.");
}

/* ---- the encoder ---- */

static int run_batch(struct batch *b, struct wf_err *err)
{
    size_t dim = wf_model_params(wf_lens_model(b->lens))->dim;
    const float *hidden = NULL;
    int rc = b->n > 0 ? wf_runner_encode(b->runner, b->ids, b->starts, b->n, &hidden, err) : 0;

    for (size_t i = 0; i < b->n && rc == 0; i++)
        wf_lens_job_take(b->of[i].job, b->of[i].window, hidden + (size_t)b->starts[i] * dim);
    b->n = 0;
    return rc;
}

static int add_windows(struct batch *b, struct wf_lens_job *j, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < wf_lens_job_n_windows(j) && rc == 0; i++) {
        size_t n = wf_lens_job_window_tokens(j, i);
        if (b->n > 0 && b->starts[b->n] + n > BATCH_TOKENS)
            rc = run_batch(b, err);
        if (rc != 0)
            break;
        (void)wf_lens_job_window(j, i, b->ids + b->starts[b->n]);
        b->of[b->n].job = j;
        b->of[b->n].window = i;
        b->starts[b->n + 1] = b->starts[b->n] + (uint32_t)n;
        b->n++;
    }
    return rc;
}

static int keep_scores(struct judged *g, const struct wf_crf_text *t, struct wf_lens_job *j,
                       struct wf_err *err)
{
    struct wf_lens_tag_scores s;
    int rc = wf_lens_job_tag_scores(j, &s, err);

    if (rc != 0)
        return rc;
    if (s.n != t->n || s.n_tags != TAGS || s.encoder == NULL)
        return wf_err_set(err, WF_E_FORMAT, "The lens file has other tags of entities.");
    memcpy(g->encoder + t->first * TAGS, s.encoder, t->n * TAGS * sizeof(*s.encoder));
    for (size_t k = 0; k < (size_t)TAGS * TAGS && s.encoder_moves != NULL; k++)
        g->encoder_moves[k] = isfinite(s.encoder_moves[k]) ? s.encoder_moves[k] : 0.0f;
    return 0;
}

/* Texts [from, to). */
static int judge_group(struct judged *g, struct batch *b, size_t from, size_t to,
                       struct wf_err *err)
{
    struct wf_lens_job *jobs[GROUP] = {NULL};
    int rc = 0;

    for (size_t i = from; i < to && rc == 0; i++) {
        const struct wf_crf_text *t = &g->s->texts[i];
        struct wf_str bytes = wf_buf_str(&g->s->bytes);
        const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES,
                                        .text = wf_str_sub(bytes, t->at, t->at + t->len)};
        rc = wf_lens_job_new(b->lens, &ask, &jobs[i - from], err);
        if (rc == 0)
            rc = add_windows(b, jobs[i - from], err);
    }
    if (rc == 0)
        rc = run_batch(b, err);
    for (size_t i = from; i < to && rc == 0; i++)
        rc = keep_scores(g, &g->s->texts[i], jobs[i - from], err);
    for (size_t i = 0; i < GROUP; i++)
        wf_lens_job_free(jobs[i]);
    return rc;
}

static int judge_by_encoder(struct judged *g, const struct wf_lens *lens, size_t n_threads,
                            struct wf_err *err)
{
    const struct wf_runner_options o = {
        .n_threads = n_threads, .n_context = wf_lens_window(lens), .n_batch = BATCH_TOKENS};
    struct batch b = {.lens = lens};
    int rc;

    g->encoder = wf_alloc_array(g->s->n + 1, TAGS * sizeof(*g->encoder));
    b.ids = wf_alloc_array(BATCH_TOKENS, sizeof(*b.ids));
    b.starts = wf_alloc_array(BATCH_TOKENS + 1, sizeof(*b.starts));
    b.of = wf_alloc_array(BATCH_TOKENS, sizeof(*b.of));
    rc = g->encoder == NULL || b.ids == NULL || b.starts == NULL || b.of == NULL
             ? no_memory(err)
             : wf_runner_new(wf_lens_model(lens), &o, &b.runner, err);
    for (size_t i = 0; i < g->s->n_texts && rc == 0; i += GROUP)
        rc = judge_group(g, &b, i, WF_MIN(i + GROUP, g->s->n_texts), err);
    wf_runner_free(b.runner);
    wf_free(b.ids);
    wf_free(b.starts);
    wf_free(b.of);
    return rc;
}

/* ---- measuring ---- */

static int count_text(struct judged *g, const struct wf_crf_text *t, const float *moves,
                      const struct wf_crf_numbers *x, struct counts *io)
{
    float share = (float)x->share;
    size_t n = t->n * TAGS, at = t->first * TAGS;
    int rc;

    for (size_t k = 0; k < n; k++) {
        g->scores[k] = share > 0 ? share * g->words[at + k] : 0.0f;
        if (share < 1)
            g->scores[k] += (1.0f - share) * g->encoder[at + k];
        g->scores[k] -= k % TAGS == 0 ? (float)x->outside : 0.0f;
    }
    rc = wf_crf_decode(g->scores, t->n, moves, g->got);
    if (rc != 0)
        return rc;
    for (size_t k = 0; k < t->n; k++)
        g->gold[k] = g->s->tags[t->first + k];
    wf_entity_count(g->gold, g->got, t->n, t->known, &io->all);
    if (t->is_noisy)
        wf_entity_count(g->gold, g->got, t->n, WF_ENTITY_NOISY, &io->noisy);
    if (t->is_noisy && t->is_dev_file)
        wf_entity_count(g->gold, g->got, t->n, WF_ENTITY_NOISY, &io->file);
    return 0;
}

/* Counts one half, or ALL, into *io. */
static int count(struct judged *g, const struct wf_crf_numbers *x, unsigned half, struct counts *io)
{
    float moves[TAGS * TAGS];
    int rc = 0;

    for (size_t k = 0; k < (size_t)TAGS * TAGS; k++)
        moves[k] =
            (float)x->share * g->c->transitions[k] + (1.0f - (float)x->share) * g->encoder_moves[k];
    for (size_t i = 0; i < g->s->n_texts && rc == 0; i++) {
        if (half == ALL || i % 2 == half)
            rc = count_text(g, &g->s->texts[i], moves, x, io);
    }
    return rc;
}

static struct wf_crf_figures figures_of(const struct counts *c)
{
    return (struct wf_crf_figures){
        .f1 = wf_entity_f1(&c->all),
        .precision = wf_entity_precision(&c->all),
        .recall = wf_entity_recall(&c->all),
        .noisy_f1 = wf_entity_f1(&c->noisy),
        .dev_file_f1 = wf_entity_f1(&c->file),
    };
}

/* What is looked for: good everywhere, and on noisy text. */
static int worth(struct judged *g, const struct wf_crf_numbers *x, unsigned half, double *out)
{
    struct counts c = {0};
    int rc = count(g, x, half, &c);

    *out = wf_entity_f1(&c.all) + wf_entity_f1(&c.noisy);
    return rc;
}

/* Tries values of one of the two numbers. */
static int try_all(struct judged *g, unsigned half, struct wf_crf_numbers *io, double *number,
                   const double *values, size_t n, double *io_best)
{
    double keep = *number;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        double w;
        *number = values[i];
        rc = worth(g, io, half, &w);
        if (rc == 0 && w > *io_best) {
            *io_best = w;
            keep = values[i];
        }
    }
    *number = keep;
    return rc;
}

/* From the field alone on, so that what is chosen is never worse than it is; then one number after
 * the other. */
static int choose(struct judged *g, unsigned half, struct wf_crf_numbers *out)
{
    static const double shares[] = {0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97};
    static const double outsides[] = {-0.3, 0.2, 0.4, 0.6, 0.8, 1, 1.3};
    double best;
    int rc;

    *out = (struct wf_crf_numbers){.share = 1, .outside = 0};
    rc = worth(g, out, half, &best);
    if (rc == 0 && g->encoder != NULL)
        rc = try_all(g, half, out, &out->share, shares, WF_ARRAY_LEN(shares), &best);
    if (rc == 0)
        rc = try_all(g, half, out, &out->outside, outsides, WF_ARRAY_LEN(outsides), &best);
    if (rc == 0 && g->encoder != NULL) {
        const double near[] = {fmax(out->share - 0.1, 0), fmax(out->share - 0.05, 0),
                               fmin(out->share + 0.05, 1)};
        rc = try_all(g, half, out, &out->share, near, WF_ARRAY_LEN(near), &best);
    }
    return rc;
}

static int measure_all(struct judged *g, struct wf_crf_choice *out)
{
    const struct wf_crf_numbers words = {.share = 1}, encoder = {.share = 0};
    struct counts c[4];
    int rc = choose(g, ALL, &out->numbers);

    memset(c, 0, sizeof(c));

    if (rc == 0)
        rc = count(g, &out->numbers, ALL, &c[0]);
    if (rc == 0)
        rc = count(g, &words, ALL, &c[1]);
    if (rc == 0 && g->encoder != NULL)
        rc = count(g, &encoder, ALL, &c[2]);
    for (unsigned half = 0; half < 2 && rc == 0; half++) {
        struct wf_crf_numbers other;
        rc = choose(g, 1 - half, &other);
        if (rc == 0)
            rc = count(g, &other, half, &c[3]);
    }
    out->has_encoder = g->encoder != NULL;
    out->both = figures_of(&c[0]);
    out->words = figures_of(&c[1]);
    out->encoder = figures_of(&c[2]);
    out->crossed = figures_of(&c[3]);
    return rc;
}

int wf_crf_choose(const struct wf_crf *c, const struct wf_lens *lens, size_t n_threads,
                  const struct wf_crf_side *s, struct wf_crf_choice *out, struct wf_err *err)
{
    struct judged g = {.s = s, .c = c};
    size_t n = 1;
    int rc = 0;

    for (size_t i = 0; i < s->n_texts; i++)
        n = WF_MAX(n, s->texts[i].n);
    g.words = wf_alloc_array(s->n + 1, TAGS * sizeof(*g.words));
    g.scores = wf_alloc_array(n, TAGS * sizeof(*g.scores));
    g.gold = wf_alloc_array(n, sizeof(*g.gold));
    g.got = wf_alloc_array(n, sizeof(*g.got));
    if (g.words == NULL || g.scores == NULL || g.gold == NULL || g.got == NULL)
        rc = no_memory(err);
    if (rc == 0)
        wf_crf_score(c, s->features, s->n, g.words);
    if (rc == 0 && lens != NULL)
        rc = judge_by_encoder(&g, lens, n_threads, err);
    if (rc == 0 && measure_all(&g, out) != 0)
        rc = no_memory(err);
    void *all[] = {g.encoder, g.words, g.scores, g.gold, g.got};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    return rc;
}
