/* SPDX-License-Identifier: Apache-2.0 */
/* Answering: how often the highlighted sentence holds the answer, and how often a question that the
 * documents do not answer is refused.
 *
 *   bench_ask [-f] [-n OTHERS] [DIR [SET...]]    DIR: ../shared/data; a SET: en, squad-dev, or with
 * its own number of others, en:0, or few documents at a time, en:small; -f: finds the weights of
 * skill/ask_sentence.c, too, on half of the articles
 *
 * A question is asked three ways: with its passage among the documents; without its whole article
 * (absent); and, where a set has questions made to have no answer, with the passage they are about
 * (unanswerable). AUROC: how well confidence tells the first from each of the others. Figures are
 * of the half of the articles that taught nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "skill/ask.h"
#include "skill/ask_internal.h"
#include "support/library.h"
#include "support/qa.h"

#define OTHERS 4000
#define QUESTIONS_PER_SET 800
#define SENTENCES 80
#define STEPS 500
#define SMALL 3
#define SETS_MAX 64

enum way {
    PRESENT,
    ABSENT,
    UNANSWERABLE,
    WAY_COUNT
};

struct example {
    float s[SENTENCES][WF_ASK_S_COUNT];
    int n_sentences, good; /* good: the first that holds the answer, or -1 */
    double d[WF_ASK_D_COUNT];
    double confidence;
    bool found, is_right, is_passage; /* the highlight holds the answer; is of the passage */
    bool best_passage;                /* the best sentence is, be it an answer or not */
    enum way way;
    int set;
    bool teaches;
};

struct bench {
    struct example *examples;
    size_t n, n_room;
    const char *names[SETS_MAX];
    int n_sets;
    bool fits;
    double ms;
    struct wf_ask_look look;
    struct wf_arena arena;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int status, const struct wf_err *err)
{
    if (status >= 0)
        return;
    fprintf(stderr, "bench_ask: %s\n", err->msg);
    exit(1);
}

/* ---- asking ---- */

static bool holds_answer(struct wf_str text, struct wf_str path, const struct qa_question *q)
{
    char own[32];
    snprintf(own, sizeof own, "/p/%zu", q->passage);
    if (!wf_str_eq(path, wf_str_from(own)))
        return false;
    for (size_t i = 0; i < QA_ANSWERS_MAX && q->answers[i] != NULL; i++) {
        struct wf_str answer = wf_str_from(q->answers[i]);
        if (wf_str_find(text, answer, 0) != SIZE_MAX ||
            (answer.len > text.len && wf_str_find(answer, text, 0) != SIZE_MAX))
            return true;
    }
    return false;
}

/* What a person sees: the answer and its first citation. */
static void ask(struct bench *b, struct library *l, const struct qa_question *q, struct example *e)
{
    struct wf_ask_query query = {.question = wf_str_from(q->text)};
    struct wf_answer answer;
    struct wf_err err = WF_ERR_INIT;
    char path[32];
    snprintf(path, sizeof path, "/p/%zu", q->passage);
    wf_arena_reset(&b->arena);
    double start = now_ms();
    must(wf_ask(l->store, &query, &b->arena, &answer, &err), &err);
    b->ms += now_ms() - start;
    e->found = answer.found;
    e->confidence = answer.confidence;
    if (answer.n_citations == 0)
        return;
    const struct wf_citation *first = &answer.citations[0];
    e->is_right = holds_answer(first->highlight, first->hit.path, q);
    e->is_passage = wf_str_eq(first->hit.path, wf_str_from(path));
}

/* What the weights are fitted to. */
static void look(struct bench *b, struct library *l, const struct qa_question *q, struct example *e)
{
    struct wf_ask_query query = {.question = wf_str_from(q->text)};
    struct wf_err err = WF_ERR_INIT;
    char path[32];
    snprintf(path, sizeof path, "/p/%zu", q->passage);
    must(wf_ask__look(l->store, &query, &b->arena, &b->look, &err), &err);
    e->good = -1;
    for (size_t i = 0; i < b->look.n_sentences && e->n_sentences < SENTENCES; i++) {
        const struct wf_ask_sentence *s = &b->look.sentences[i];
        const struct wf_hit *hit = &b->look.hits.items[s->hit];
        struct wf_str text = wf_str_sub(hit->text, s->start, s->end);
        if (e->good < 0 && holds_answer(text, hit->path, q))
            e->good = e->n_sentences;
        for (int f = 0; f < WF_ASK_S_COUNT; f++)
            e->s[e->n_sentences][f] = (float)s->features[f];
        e->n_sentences++;
    }
    if (b->look.n_sentences == 0)
        return;
    const struct wf_ask_sentence *best = &b->look.sentences[0];
    e->best_passage = wf_str_eq(b->look.hits.items[best->hit].path, wf_str_from(path));
    wf_ask__decide_features(&b->look.question, &b->look.hits, best, e->d);
}

static void add_passage(struct library *l, const struct qa_set *set, size_t i)
{
    char path[32];
    snprintf(path, sizeof path, "/p/%zu", i);
    library_add(l, &(struct library_document){.path = path, .text = set->passages[i].text}, NULL);
}

static void ask_one(struct bench *b, struct library *l, const struct qa_set *set,
                    const struct qa_question *q, bool is_there)
{
    if (b->n == b->n_room) {
        b->n_room = 2 * b->n_room + 1024;
        b->examples = wf_realloc_array(b->examples, b->n_room, sizeof *b->examples);
        if (b->examples == NULL)
            exit(1);
    }
    struct example *e = &b->examples[b->n++];
    *e = (struct example){.set = b->n_sets - 1,
                          .teaches = set->passages[q->passage].article % 2 == 0,
                          .way = !is_there       ? ABSENT
                                 : q->impossible ? UNANSWERABLE
                                                 : PRESENT};
    ask(b, l, q, e);
    if (b->fits)
        look(b, l, q, e);
}

/* Half of the articles are left out of the documents. */
static void run_half(struct bench *b, const struct qa_set *set, unsigned left_out)
{
    struct library l;
    size_t every = set->n_questions / QUESTIONS_PER_SET + 1;
    library_open(&l);
    for (size_t i = 0; i < set->n_passages; i++) {
        const struct qa_passage *p = &set->passages[i];
        if (p->article == 0 || p->article % 2 != left_out)
            add_passage(&l, set, i);
    }
    library_commit(&l);
    for (size_t i = 0; i < set->n_questions; i += every) {
        const struct qa_question *q = &set->questions[i];
        ask_one(b, &l, set, q, set->passages[q->passage].article % 2 != left_out);
    }
    library_close(&l);
}

/* A person with few documents: one to three articles at a time, asked about and, with the questions
 * of the articles behind them, about something else. */
static void run_small(struct bench *b, const struct qa_set *set)
{
    struct library l;
    size_t n, every = set->n_questions / QUESTIONS_PER_SET + 1;
    for (size_t first = 0; first < set->n_own; first += n) {
        unsigned from = set->passages[first].article, to = from;
        for (n = 0; first + n < set->n_own; n++) {
            if (n >= SMALL && set->passages[first + n].article != to)
                break;
            to = set->passages[first + n].article;
        }
        library_open(&l);
        for (size_t i = first; i < first + n; i++)
            add_passage(&l, set, i);
        library_commit(&l);
        for (size_t i = 0; i < set->n_questions; i += every) {
            const struct qa_question *q = &set->questions[i];
            unsigned article = set->passages[q->passage].article;
            if (article >= from && article <= 2 * to - from + 1)
                ask_one(b, &l, set, q, article <= to);
        }
        library_close(&l);
    }
}

static void run(struct bench *b, const char *dir, const char *name, const struct qa_pool *pool,
                size_t n_others)
{
    struct qa_set set;
    char path[512];
    char base[32];
    size_t n_base = strcspn(name, ":");
    bool is_xquad = n_base == 2;
    if (name[n_base] == ':')
        n_others = strtoul(name + n_base + 1, NULL, 10);
    bool is_small = strcmp(name + n_base, ":small") == 0;
    snprintf(base, sizeof base, "%.*s", (int)n_base, name);
    snprintf(path, sizeof path, "%s/qa-retrieval/%s/train.jsonl.xz", dir, base);
    bool ok = is_xquad                      ? qa_load_xquad(&set, dir, base)
              : strcmp(base, "clapnq") == 0 ? qa_load_clapnq(&set, dir)
                                            : qa_load_lines(&set, path);
    if (ok && b->n_sets < SETS_MAX) {
        qa_add_others(&set, pool, is_xquad ? base : "en", n_others);
        b->names[b->n_sets++] = name;
        if (is_small) {
            run_small(b, &set);
        } else {
            run_half(b, &set, 0);
            run_half(b, &set, 1);
        }
    }
    qa_free(&set);
}

/* ---- figures ---- */

struct figures {
    size_t n[WAY_COUNT], n_found[WAY_COUNT], n_right, n_passage;
};

static bool is_counted(const struct example *e, int set)
{
    return (set < 0 || e->set == set) && !e->teaches;
}

/* Chance that a present one has more confidence than one asked the other way. */
static double auroc(const struct bench *b, int set, enum way other)
{
    double wins = 0, n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!is_counted(&b->examples[i], set) || b->examples[i].way != PRESENT)
            continue;
        for (size_t k = 0; k < b->n; k++) {
            const struct example *e = &b->examples[k];
            if (!is_counted(e, set) || e->way != other)
                continue;
            double d = b->examples[i].confidence - e->confidence;
            wins += d > 0 ? 1 : d < 0 ? 0 : 0.5;
            n++;
        }
    }
    return n > 0 ? wins / n : NAN;
}

static double percent(size_t n, size_t of)
{
    return of > 0 ? 100.0 * (double)n / (double)of : NAN;
}

static void print_row(const struct bench *b, int set, const char *name, bool with_auroc)
{
    struct figures f = {.n_right = 0};
    for (size_t i = 0; i < b->n; i++) {
        const struct example *e = &b->examples[i];
        if (!is_counted(e, set))
            continue;
        f.n[e->way]++;
        f.n_found[e->way] += e->found;
        if (e->way != PRESENT)
            continue;
        f.n_right += e->is_right;
        f.n_passage += e->is_passage;
    }
    printf("%-10s %5zu  %5.1f %5.1f %5.1f   %5.1f %5.1f", name, f.n[PRESENT],
           percent(f.n_found[PRESENT], f.n[PRESENT]), percent(f.n_passage, f.n[PRESENT]),
           percent(f.n_right, f.n[PRESENT]), percent(f.n_found[ABSENT], f.n[ABSENT]),
           percent(f.n_found[UNANSWERABLE], f.n[UNANSWERABLE]));
    if (with_auroc)
        printf("   %.3f %.3f", auroc(b, set, ABSENT), auroc(b, set, UNANSWERABLE));
    printf("\n");
}

static void print_figures(const struct bench *b)
{
    printf("%% of questions with    found of it  holds    answered of     AUROC of\n"
           "their passage               passage answer  absent unansw    both\n");
    for (int s = 0; s < b->n_sets; s++)
        print_row(b, s, b->names[s], true);
    print_row(b, -1, "all", true);
    printf("%.2f ms of the processor a question\n", b->ms / (double)WF_MAX(b->n, 1u));
}

/* ---- finding the weights ---- */

struct adam {
    double w[16], g[16], m[16], v[16], scale[16];
    int n;
};

static void adam_step(struct adam *a, int step)
{
    for (int k = 0; k < a->n; k++) {
        double g = a->g[k] + 1e-4 * a->w[k];
        a->m[k] = 0.9 * a->m[k] + 0.1 * g;
        a->v[k] = 0.99 * a->v[k] + 0.01 * g * g;
        a->w[k] -= 0.05 * (a->m[k] / (1 - pow(0.9, step))) /
                   (sqrt(a->v[k] / (1 - pow(0.99, step))) + 1e-8);
        a->g[k] = 0;
    }
}

static double dot(const struct adam *a, const float *x)
{
    double sum = 0;
    for (int k = 0; k < a->n; k++)
        sum += a->w[k] * (double)x[k];
    return sum;
}

/* Adds one example's gradient. */
static void learn_sentence(struct adam *a, const struct example *e, double *p, double most)
{
    double sum = 0;
    for (int c = 0; c < e->n_sentences; c++)
        sum += p[c] = exp(p[c] - most);
    for (int c = 0; c < e->n_sentences; c++) {
        for (int k = 0; k < a->n; k++)
            a->g[k] += (p[c] / sum - (c == e->good)) * (double)e->s[c][k];
    }
}

static void fit_sentences(const struct bench *b)
{
    struct adam a = {.n = WF_ASK_S_COUNT};
    size_t right[2] = {0}, all[2] = {0};
    for (int step = 1; step <= STEPS; step++) {
        memset(right, 0, sizeof right);
        memset(all, 0, sizeof all);
        for (size_t i = 0; i < b->n; i++) {
            const struct example *e = &b->examples[i];
            double p[SENTENCES] = {0}, most = -1e300;
            if (e->way != PRESENT || e->good < 0)
                continue;
            for (int c = 0; c < e->n_sentences; c++)
                most = fmax(most, p[c] = dot(&a, e->s[c]));
            all[e->teaches]++;
            right[e->teaches] += p[e->good] >= most;
            if (e->teaches)
                learn_sentence(&a, e, p, most);
        }
        for (int k = 0; k < a.n; k++)
            a.g[k] /= (double)all[1];
        adam_step(&a, step);
    }
    printf("sentences: right %.4f taught, %.4f not taught\n", (double)right[1] / (double)all[1],
           (double)right[0] / (double)all[0]);
    for (int k = 0; k < a.n; k++)
        printf("  sentence feature %d: %.3f\n", k, a.w[k]);
}

/* Mean and spread of the decision's features, for steps of one size. */
static void find_scales(const struct bench *b, struct adam *a, double *mean)
{
    for (int k = 0; k < a->n; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < b->n; i++) {
            sum += b->examples[i].d[k];
            squares += b->examples[i].d[k] * b->examples[i].d[k];
        }
        mean[k] = sum / (double)b->n;
        a->scale[k] = sqrt(fmax(squares / (double)b->n - mean[k] * mean[k], 1e-6));
    }
    mean[WF_ASK_D_ONE] = 0;
    a->scale[WF_ASK_D_ONE] = 1;
}

static double decide(const struct adam *a, const double *mean, const struct example *e)
{
    double sum = 0;
    for (int k = 0; k < a->n; k++)
        sum += a->w[k] * (e->d[k] - mean[k]) / a->scale[k];
    return 1 / (1 + exp(-sum));
}

/* Weight of an example: each way asked counts as a whole, its sets alike. A question with its
 * passage counts when the best sentence is of it. */
static double example_weight(const struct bench *b, const struct example *e)
{
    static double n[SETS_MAX][WAY_COUNT];
    static bool is_ready;
    static const double shares[WAY_COUNT] = {1, 0.75, 0.25};
    for (size_t i = 0; !is_ready && i < b->n; i++) {
        const struct example *x = &b->examples[i];
        n[x->set][x->way] += x->teaches && x->n_sentences > 0;
    }
    is_ready = true;
    if (!e->teaches || e->n_sentences == 0 || (e->way == PRESENT && !e->best_passage))
        return 0;
    return shares[e->way] / n[e->set][e->way];
}

/* More evidence is never less of an answer. */
static void bound(struct adam *a)
{
    static const int growing[] = {WF_ASK_D_PAIRS, WF_ASK_D_EVIDENCE, WF_ASK_D_MARGIN,
                                  WF_ASK_D_SCORE, WF_ASK_D_MATCHED};
    for (size_t i = 0; i < WF_ARRAY_LEN(growing); i++)
        a->w[growing[i]] = fmax(a->w[growing[i]], 0);
    a->w[WF_ASK_D_LACK] = fmin(a->w[WF_ASK_D_LACK], 0);
}

static void fit_decision(const struct bench *b)
{
    struct adam a = {.n = WF_ASK_D_COUNT};
    double mean[WF_ASK_D_COUNT], one = 0, loss = 0, total = 1;
    find_scales(b, &a, mean);
    for (int step = 1; step <= STEPS; step++) {
        loss = total = 0;
        for (size_t i = 0; i < b->n; i++) {
            const struct example *e = &b->examples[i];
            double w = example_weight(b, e), y = e->way == PRESENT;
            if (w <= 0)
                continue;
            double p = decide(&a, mean, e);
            loss -= w * log(fmax(y > 0 ? p : 1 - p, 1e-12));
            total += w;
            for (int k = 0; k < a.n; k++)
                a.g[k] += w * (p - y) * (e->d[k] - mean[k]) / a.scale[k];
        }
        for (int k = 0; k < a.n; k++)
            a.g[k] /= total;
        adam_step(&a, step);
        bound(&a);
    }
    printf("decision: loss %.4f\n", loss / total);
    for (int k = 0; k < a.n; k++)
        one += k == WF_ASK_D_ONE ? a.w[k] : -a.w[k] * mean[k] / a.scale[k];
    for (int k = 0; k < a.n; k++)
        printf("  decision feature %d: %.3f  (spread %.3f)\n", k,
               k == WF_ASK_D_ONE ? one : a.w[k] / a.scale[k], a.w[k]);
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"en", "es", "de", "ro", "ru", "zh",        "ar",
                                        "hi", "tr", "vi", "el", "th", "squad-dev", "clapnq"};
    static struct bench b;
    struct qa_pool pool;
    const char *dir = "../shared/data";
    size_t n_others = OTHERS;
    int option;
    while ((option = getopt(argc, argv, "fn:")) != -1) {
        b.fits |= option == 'f';
        if (option == 'n')
            n_others = strtoul(optarg, NULL, 10);
    }
    if (optind < argc)
        dir = argv[optind++];
    if (!qa_pool_load(&pool, dir)) {
        printf("no data in %s\n", dir);
        return 77;
    }
    wf_arena_init(&b.arena, 0, 256 << 20);
    for (int i = optind; i < argc; i++)
        run(&b, dir, argv[i], &pool, n_others);
    for (size_t i = 0; optind == argc && i < WF_ARRAY_LEN(usual); i++)
        run(&b, dir, usual[i], &pool, n_others);
    print_figures(&b);
    if (b.fits) {
        fit_sentences(&b);
        fit_decision(&b);
    }
    qa_pool_free(&pool);
    wf_arena_deinit(&b.arena);
    wf_free(b.examples);
    return 0;
}
