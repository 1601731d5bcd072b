/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of entities: a linear-chain conditional random field (Lafferty et al. 2001) with the
 * usual features of words (the word and its neighbours, prefixes, suffixes, shapes), trained on the
 * same sentences as lens and measured on the same ones kept aside (train/split.h; WNUT17's dev part
 * wholly). Weights learn by AdaGrad; no gazetteers, no word vectors.
 *
 *   bench_floor_entity [DATA]    DATA: ../shared/data
 *
 * F1 of spans: both borders and the type must be right. Must of lens on WNUT17's dev part (person,
 * place, organisation): above this, and 38. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "train/data_tagged.h"
#include "train/split.h"

#define BUCKETS (1u << 20)
#define TAGS_MAX (2 * WF_ENTITY_COUNT + 1)
#define TOKENS_MAX 400
#define FEATURES_MAX 32
#define EPOCHS 10
#define RATE 0.1f
#define DECAY 1e-6f

struct token {
    uint32_t from, to;
    uint32_t features[FEATURES_MAX];
    uint8_t n, tag;
};

struct sentence {
    struct token *tokens; /* [n] */
    size_t n;
    struct wf_data_span *spans; /* [n_spans] of the types that count */
    size_t n_spans;
    bool is_dev;
    size_t source;
};

struct source {
    const char *path;
    enum wf_data_form form;
    uint32_t known;
    bool is_all_dev, is_all_train;
};

struct crf {
    struct sentence *items;
    size_t n, cap;
    uint8_t tag_of[WF_ENTITY_COUNT];  /* B-; I- is the next one; 0: does not count */
    enum wf_entity type_of[TAGS_MAX]; /* of B- and I- */
    size_t n_tags, i_source;
    const struct source *source;
    float *weights, *squares; /* [BUCKETS][n_tags] */
    float moves[TAGS_MAX][TAGS_MAX], move_squares[TAGS_MAX][TAGS_MAX];
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_floor_entity: %s\n", what);
    exit(1);
}

static void *must(void *p)
{
    if (p == NULL)
        fail("no memory");
    return p;
}

/* ---- sentences ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static size_t cut(struct wf_str s, struct token *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len && n < TOKENS_MAX;) {
        size_t from = i;
        if ((unsigned char)s.ptr[i] <= ' ') {
            i++;
            continue;
        }
        while (i < s.len && is_word(s.ptr[i]))
            i++;
        i += i == from;
        out[n++] = (struct token){.from = (uint32_t)from, .to = (uint32_t)i};
    }
    return n;
}

/* "Xx0." of "McDonald7!", runs once. */
static struct wf_str shape(struct wf_str w, char out[8])
{
    size_t n = 0;

    for (size_t i = 0; i < w.len && n < 8; i++) {
        char c = w.ptr[i];
        c = c >= 'A' && c <= 'Z' ? 'X' : c >= '0' && c <= '9' ? '0' : is_word(c) ? 'x' : c;
        if (n == 0 || out[n - 1] != c)
            out[n++] = c;
    }
    return wf_str_n(out, n);
}

static struct wf_str lower(struct wf_str w, char out[64])
{
    size_t n = w.len < 64 ? w.len : 64;

    for (size_t i = 0; i < n; i++)
        out[i] = (char)(w.ptr[i] >= 'A' && w.ptr[i] <= 'Z' ? w.ptr[i] | 32 : w.ptr[i]);
    return wf_str_n(out, n);
}

static void put(struct token *t, uint64_t kind, struct wf_str s, uint64_t other)
{
    if (t->n < FEATURES_MAX)
        t->features[t->n++] = (uint32_t)(wf_str_hash(s, kind * 977 + other) % BUCKETS);
}

static void take_features(struct token *tokens, size_t n, struct wf_str text)
{
    char low[64], form[8], before[64];

    for (size_t i = 0; i < n; i++) {
        struct token *t = &tokens[i];
        struct wf_str l = lower(wf_str_sub(text, t->from, t->to), low), b = {0};
        put(t, 1, WF_STR("bias"), 0);
        put(t, 2, wf_str_sub(text, t->from, t->to), 0);
        put(t, 3, l, 0);
        put(t, 4, shape(wf_str_sub(text, t->from, t->to), form), 0);
        for (size_t k = 1; k <= 4 && k <= l.len; k++) {
            put(t, 10 + k, wf_str_sub(l, 0, k), 0);
            put(t, 20 + k, wf_str_sub(l, l.len - k, l.len), 0);
        }
        for (size_t k = 1; k <= 2; k++) {
            struct wf_str w =
                i >= k ? wf_str_sub(text, tokens[i - k].from, tokens[i - k].to) : WF_STR("<s>");
            b = lower(w, before);
            put(t, 30 + k, b, 0);
            put(t, 34 + k, shape(w, form), 0);
            if (k == 1)
                put(t, 50, l, wf_str_hash(b, 1));
            w = i + k < n ? wf_str_sub(text, tokens[i + k].from, tokens[i + k].to) : WF_STR("</s>");
            b = lower(w, before);
            put(t, 40 + k, b, 0);
            put(t, 44 + k, shape(w, form), 0);
            if (k == 1)
                put(t, 51, l, wf_str_hash(b, 1));
        }
    }
}

static int take(void *ud, const struct wf_data_tagged *x, struct wf_err *err)
{
    static struct token tokens[TOKENS_MAX];
    struct crf *c = ud;
    struct sentence *s;

    (void)err;
    if (c->n == c->cap) {
        c->cap = c->cap > 0 ? 2 * c->cap : 1024;
        c->items = must(wf_realloc_array(c->items, c->cap, sizeof(*c->items)));
    }
    s = &c->items[c->n++];
    memset(s, 0, sizeof(*s));
    s->is_dev = c->source->is_all_dev || (!c->source->is_all_train && wf_split_is_dev(x->key));
    s->source = c->i_source;
    s->n = cut(x->text, tokens);
    take_features(tokens, s->n, x->text);
    s->spans = must(wf_alloc_array(x->n_spans + 1, sizeof(*s->spans)));
    for (size_t i = 0; i < x->n_spans; i++) {
        uint8_t tag = c->tag_of[x->spans[i].type];
        if (tag == 0)
            continue;
        s->spans[s->n_spans++] = x->spans[i];
        for (size_t k = 0; k < s->n; k++) {
            bool begins = k == 0 || tokens[k - 1].to <= x->spans[i].from;
            if (tokens[k].to > x->spans[i].from && tokens[k].from < x->spans[i].to)
                tokens[k].tag = begins ? tag : (uint8_t)(tag + 1);
        }
    }
    s->tokens = must(wf_alloc_array(s->n + 1, sizeof(*s->tokens)));
    memcpy(s->tokens, tokens, s->n * sizeof(*tokens));
    return 0;
}

/* ---- the field ---- */

static double scores[TOKENS_MAX][TAGS_MAX], alpha[TOKENS_MAX][TAGS_MAX], beta[TOKENS_MAX][TAGS_MAX];

static void score(const struct crf *c, const struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < c->n_tags; k++)
            scores[i][k] = 0;
        for (size_t f = 0; f < s->tokens[i].n; f++) {
            const float *w = c->weights + (size_t)s->tokens[i].features[f] * c->n_tags;
            for (size_t k = 0; k < c->n_tags; k++)
                scores[i][k] += w[k];
        }
    }
}

static double sum_of_exps(const double *x, size_t n)
{
    double most = x[0], sum = 0;

    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

static double run_sums(const struct crf *c, size_t n)
{
    double x[TAGS_MAX];

    memcpy(alpha[0], scores[0], sizeof(alpha[0]));
    memset(beta[n - 1], 0, sizeof(beta[0]));
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < c->n_tags; k++) {
            for (size_t j = 0; j < c->n_tags; j++)
                x[j] = alpha[i - 1][j] + (double)c->moves[j][k];
            alpha[i][k] = sum_of_exps(x, c->n_tags) + scores[i][k];
        }
    }
    for (size_t i = n - 1; i-- > 0;) {
        for (size_t k = 0; k < c->n_tags; k++) {
            for (size_t j = 0; j < c->n_tags; j++)
                x[j] = beta[i + 1][j] + (double)c->moves[k][j] + scores[i + 1][j];
            beta[i][k] = sum_of_exps(x, c->n_tags);
        }
    }
    return sum_of_exps(alpha[n - 1], c->n_tags);
}

static void step(float *w, float *square, double gradient)
{
    float g = (float)gradient + DECAY * *w;

    *square += g * g;
    *w -= RATE * g / sqrtf(*square + 1e-8f);
}

static void learn(struct crf *c, const struct sentence *s)
{
    double all;

    score(c, s);
    all = run_sums(c, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const struct token *t = &s->tokens[i];
        for (size_t k = 0; k < c->n_tags; k++) {
            double g = exp(alpha[i][k] + beta[i][k] - all) - (k == t->tag);
            if (fabs(g) < 1e-4)
                continue;
            for (size_t f = 0; f < t->n; f++) {
                size_t at = (size_t)t->features[f] * c->n_tags + k;
                step(&c->weights[at], &c->squares[at], g);
            }
        }
    }
    for (size_t j = 0; j < c->n_tags; j++) {
        for (size_t k = 0; k < c->n_tags; k++) {
            double g = 0;
            for (size_t i = 1; i < s->n; i++)
                g += exp(alpha[i - 1][j] + (double)c->moves[j][k] + scores[i][k] + beta[i][k] -
                         all) -
                     (s->tokens[i - 1].tag == j && s->tokens[i].tag == k);
            step(&c->moves[j][k], &c->move_squares[j][k], g);
        }
    }
}

static void find_best(const struct crf *c, const struct sentence *s, uint8_t *out)
{
    static uint8_t from[TOKENS_MAX][TAGS_MAX];
    size_t best = 0;

    score(c, s);
    for (size_t i = 1; i < s->n; i++) {
        for (size_t k = 0; k < c->n_tags; k++) {
            size_t b = 0;
            for (size_t j = 1; j < c->n_tags; j++) {
                if (scores[i - 1][j] + (double)c->moves[j][k] >
                    scores[i - 1][b] + (double)c->moves[b][k])
                    b = j;
            }
            from[i][k] = (uint8_t)b;
            scores[i][k] += scores[i - 1][b] + (double)c->moves[b][k];
        }
    }
    for (size_t k = 1; k < c->n_tags; k++)
        best = scores[s->n - 1][k] > scores[s->n - 1][best] ? k : best;
    for (size_t i = s->n; i-- > 0; best = from[i][best])
        out[i] = (uint8_t)best;
}

/* ---- counting ---- */

struct counted {
    size_t n_found, n_there, n_right;
};

static double f1(const struct counted *x)
{
    return x->n_right > 0 ? 200.0 * (double)x->n_right / (double)(x->n_found + x->n_there) : 0;
}

static void count(const struct crf *c, const struct sentence *s, struct counted *types)
{
    uint8_t tags[TOKENS_MAX];

    for (size_t i = 0; i < s->n_spans; i++)
        types[s->spans[i].type].n_there++;
    if (s->n == 0)
        return;
    find_best(c, s, tags);
    for (size_t i = 0; i < s->n; i++) {
        size_t end = i + 1;
        enum wf_entity type;
        if (tags[i] == 0)
            continue;
        type = c->type_of[tags[i]];
        while (end < s->n && tags[end] == c->tag_of[type] + 1)
            end++;
        types[type].n_found++;
        for (size_t k = 0; k < s->n_spans; k++)
            types[type].n_right += s->spans[k].type == type &&
                                   s->spans[k].from == s->tokens[i].from &&
                                   s->spans[k].to == s->tokens[end - 1].to;
        i = end - 1;
    }
}

static void report(const struct crf *c, const char *name, size_t i_source, bool any)
{
    struct counted types[WF_ENTITY_COUNT] = {{0}}, all = {0};
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct sentence *s = &c->items[i];
        if (s->is_dev && (any || s->source == i_source)) {
            count(c, s, types);
            n++;
        }
    }
    for (size_t t = 0; t < WF_ENTITY_COUNT; t++) {
        all.n_found += types[t].n_found;
        all.n_there += types[t].n_there;
        all.n_right += types[t].n_right;
    }
    if (n == 0)
        return;
    printf("  %-28s %5zu sentences, %5zu entities, F1 %5.1f ", name, n, all.n_there, f1(&all));
    for (size_t t = 0; t < WF_ENTITY_COUNT; t++) {
        if (types[t].n_there > 0)
            printf(" %s %.1f", wf_entity_name((enum wf_entity)t), f1(&types[t]));
    }
    printf("\n");
}

static void train(struct crf *c)
{
    size_t *order = must(wf_alloc_array(c->n + 1, sizeof(*order)));
    uint64_t draw = 1;

    c->weights = must(wf_alloc_array((size_t)BUCKETS * c->n_tags, sizeof(float)));
    c->squares = must(wf_alloc_array((size_t)BUCKETS * c->n_tags, sizeof(float)));
    for (size_t i = 0; i < c->n; i++)
        order[i] = i;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = c->n; i-- > 1;) {
            size_t k, swap = order[i];
            draw = draw * UINT64_C(6364136223846793005) + 1442695040888963407u;
            k = (size_t)((draw >> 33) % (i + 1));
            order[i] = order[k];
            order[k] = swap;
        }
        for (size_t i = 0; i < c->n; i++) {
            const struct sentence *s = &c->items[order[i]];
            if (!s->is_dev && s->n > 0)
                learn(c, s);
        }
    }
    wf_free(order);
}

static void run(const char *data, const char *title, const struct source *sources, size_t n,
                uint32_t types)
{
    struct crf c = {.n_tags = 1};
    struct wf_err err = WF_ERR_INIT;
    char path[4096];

    for (int t = 0; t < WF_ENTITY_COUNT; t++) {
        if ((types >> t & 1) == 0)
            continue;
        c.tag_of[t] = (uint8_t)c.n_tags;
        c.type_of[c.n_tags] = c.type_of[c.n_tags + 1] = (enum wf_entity)t;
        c.n_tags += 2;
    }
    for (size_t i = 0; i < n; i++) {
        struct wf_data_tagged_options o = {
            .form = sources[i].form, .known = sources[i].known, .is_natural = true};
        c.source = &sources[i];
        c.i_source = i;
        (void)snprintf(path, sizeof(path), "%s/pii-ner/%s", data, sources[i].path);
        if (wf_data_tagged_read(path, &o, take, &c, &err) != 0)
            fail(err.msg);
    }
    train(&c);
    printf("%s\n", title);
    for (size_t i = 0; i < n; i++)
        report(&c, sources[i].path, i, false);
    if (n > 1)
        report(&c, "all that is kept aside", 0, true);
    for (size_t i = 0; i < c.n; i++) {
        wf_free(c.items[i].tokens);
        wf_free(c.items[i].spans);
    }
    wf_free(c.items);
    wf_free(c.weights);
    wf_free(c.squares);
}

int main(int argc, char **argv)
{
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    static const struct source names[] = {
        {"wnut17/dev.conll", WF_DATA_CONLL, WF_DATA_KNOWN_WNUT, true, false},
        {"wnut17/train.conll", WF_DATA_CONLL, WF_DATA_KNOWN_WNUT, false, true},
        {"btc/a.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"btc/b.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"btc/e.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"btc/f.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"btc/g.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"wikigold/part70.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"sec-filings/FIN5.train.conll", WF_DATA_CONLL, WF_DATA_KNOWN_NEWS, false, false},
        {"uner/en_ewt.dev.iob2", WF_DATA_IOB2, WF_DATA_KNOWN_NEWS, false, false},
    };
    static const struct source personal[] = {
        {"presidio-research/synth_v2.part70.jsonl", WF_DATA_PRESIDIO, 0, false, false},
    };

    if (access(data, R_OK) != 0)
        return 77;
    run(data, "CRF, English: person, organisation, place", names, WF_ARRAY_LEN(names),
        WF_DATA_KNOWN_NEWS);
    run(data, "CRF, personal data in made sentences: all types, templates kept aside", personal,
        WF_ARRAY_LEN(personal), (1u << WF_ENTITY_OTHER) - 1);
    return 0;
}
