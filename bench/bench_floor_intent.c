/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of intents: linear n-grams, that is logistic regression (liblinear) over words, pairs
 * of words and runs of 3 to 5 letters, on the sentences that lens is measured on.
 *
 *   bench_floor_intent [DATA]    DATA: ../shared/data
 *
 * CLINC150: its own validation part, out-of-scope requests among it, refused below one threshold of
 * the best label's probability, the lowest that refuses 72% of them; the threshold is chosen on one
 * half of the part and counted on the other, both ways. BANKING77 and HWU64: what train/split.h
 * keeps aside. Skipped without liblinear-train. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "text/word.h"
#include "train/data_requests.h"
#include "train/split.h"

#define FEATURES (1u << 18)
#define MUST_REFUSED 72.0 /* out-of-scope recall that lens must have, %; the threshold gives it */
#define LETTERS_MIN 3
#define LETTERS_MAX 5
#define TEXT_FEATURES_MAX 4096
#define LABELS_MAX 512

struct item {
    uint32_t *features; /* [n] ascending, with repetitions */
    size_t n;
    uint32_t label; /* from 1; 0: out of scope */
    bool is_dev, is_first_half;
};

struct set {
    struct item *items;
    size_t n, cap;
    struct wf_map labels;
    bool is_all_dev, splits;
    uint32_t *documents; /* [FEATURES] of the training part that have the feature */
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_floor_intent: %s\n", what);
    exit(1);
}

/* ---- features ---- */

static uint32_t feature(uint64_t kind, const char *p, size_t n, uint64_t before)
{
    return (uint32_t)(wf_str_hash(wf_str_n(p, n), kind ^ before * 31) % FEATURES);
}

static int ascending(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void take_features(struct item *it, struct wf_str text)
{
    uint32_t out[TEXT_FEATURES_MAX];
    char low[1024];
    size_t n = 0, len = 0;
    struct wf_words words;
    struct wf_word word;
    uint64_t before = 0;

    low[len++] = ' ';
    for (size_t i = 0; i < text.len && len < sizeof(low) - 2; i++)
        low[len++] =
            (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] | 32 : text.ptr[i]);
    low[len++] = ' ';
    wf_words_init(&words, text);
    while (wf_words_next(&words, &word) && n < 1000) {
        uint64_t hash = wf_str_hash(wf_str_n(word.text, word.len), 7);
        out[n++] = feature(1, (const char *)&hash, sizeof(hash), 0);
        out[n++] = feature(2, (const char *)&hash, sizeof(hash), before);
        before = hash;
    }
    for (size_t letters = LETTERS_MIN; letters <= LETTERS_MAX; letters++) {
        for (size_t i = 0; i + letters <= len && n < TEXT_FEATURES_MAX; i++)
            out[n++] = feature(letters, low + i, letters, 0);
    }
    qsort(out, n, sizeof(*out), ascending);
    it->features = wf_alloc_array(n + 1, sizeof(*out));
    if (it->features == NULL)
        fail("no memory");
    memcpy(it->features, out, n * sizeof(*out));
    it->n = n;
}

static int take(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    struct set *s = ud;
    struct item *it;
    bool is_new = false;

    (void)err;
    if (q->n_intents == 0)
        return 0;
    if (s->n == s->cap) {
        s->cap = s->cap > 0 ? 2 * s->cap : 1024;
        s->items = wf_realloc_array(s->items, s->cap, sizeof(*s->items));
        if (s->items == NULL)
            fail("no memory");
    }
    it = &s->items[s->n++];
    memset(it, 0, sizeof(*it));
    it->is_dev = s->is_all_dev || (s->splits && wf_split_is_dev(q->text));
    it->is_first_half = wf_split_hash(q->text) / 10 % 2 == 0;
    if (!wf_str_eq(q->intents[0], WF_STR("oos"))) {
        union wf_map_value *v = wf_map_put(&s->labels, q->intents[0], &is_new);
        if (v == NULL)
            fail("too many labels");
        if (is_new)
            v->u64 = s->labels.n_items;
        it->label = (uint32_t)v->u64;
    }
    take_features(it, q->text);
    return 0;
}

/* ---- liblinear ---- */

static void count_documents(struct set *s)
{
    s->documents = wf_alloc_array(FEATURES, sizeof(*s->documents));
    if (s->documents == NULL)
        fail("no memory");
    for (size_t i = 0; i < s->n; i++) {
        const struct item *it = &s->items[i];
        for (size_t k = 0; k < it->n && !it->is_dev; k++)
            s->documents[it->features[k]] += k == 0 || it->features[k] != it->features[k - 1];
    }
}

/* Rows of one part, features weighted by how rare they are, each row of length 1. Requests out of
 * scope are not trained on. */
static void write_rows(const struct set *s, const char *path, bool dev)
{
    FILE *f = fopen(path, "w");
    size_t n_train = 0;

    if (f == NULL)
        fail(path);
    for (size_t i = 0; i < s->n; i++)
        n_train += !s->items[i].is_dev;
    for (size_t i = 0; i < s->n; i++) {
        const struct item *it = &s->items[i];
        double sum = 0;
        if (it->is_dev != dev || (!dev && it->label == 0))
            continue;
        for (int pass = 0; pass < 2; pass++) {
            if (pass == 1)
                fprintf(f, "%u", it->label);
            for (size_t k = 0, run = 1; k < it->n; k++, run++) {
                uint32_t df = s->documents[it->features[k]];
                double w;
                if (k + 1 < it->n && it->features[k + 1] == it->features[k])
                    continue;
                w = df > 1 ? (1 + log((double)run)) * log((double)(n_train + 1) / df) : 0;
                run = 0;
                if (pass == 0)
                    sum += w * w;
                else if (w > 0)
                    fprintf(f, " %u:%.5g", it->features[k] + 1, w / sqrt(sum));
            }
        }
        fputc('\n', f);
    }
    if (fclose(f) != 0)
        fail(path);
}

/* False when there is no such program. */
static bool run(const char *const *args)
{
    int status = 0, null;
    pid_t pid = fork();

    if (pid == 0) {
        null = open("/dev/null", O_WRONLY);
        (void)dup2(null, 1);
        (void)execvp(args[0], (char *const *)(uintptr_t)args);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        fail(args[0]);
    if (WEXITSTATUS(status) == 127)
        return false;
    if (WEXITSTATUS(status) != 0)
        fail(args[0]);
    return true;
}

struct guess {
    uint32_t label;
    double probability;
};

/* liblinear-predict -b 1 writes "labels L L ..." and then "L p p p ..." a row. */
static void read_guesses(const char *path, struct guess *out, size_t n)
{
    FILE *f = fopen(path, "r");
    size_t cap = 0, i = 0;
    char *line = NULL;

    if (f == NULL || getline(&line, &cap, f) < 0)
        fail(path);
    for (; i < n && getline(&line, &cap, f) > 0; i++) {
        char *p = line;
        out[i].label = (uint32_t)strtoul(p, &p, 10);
        out[i].probability = 0;
        for (char *end = p;; p = end) {
            double v = strtod(p, &end);
            if (end == p)
                break;
            out[i].probability = v > out[i].probability ? v : out[i].probability;
        }
    }
    if (i != n)
        fail("fewer guesses than rows");
    free(line);
    (void)fclose(f);
}

/* ---- counting ---- */

struct scores {
    size_t n, right, n_outside, refused;
};

static void count(const struct set *s, const struct guess *g, double threshold, int half,
                  struct scores *out)
{
    for (size_t i = 0, k = 0; i < s->n; i++) {
        const struct item *it = &s->items[i];
        if (!it->is_dev)
            continue;
        const struct guess *x = &g[k++];
        if (half >= 0 && it->is_first_half != (half == 0))
            continue;
        if (it->label == 0) {
            out->n_outside++;
            out->refused += x->probability < threshold;
        } else {
            out->n++;
            out->right += x->label == it->label && x->probability >= threshold;
        }
    }
}

static double share(size_t part, size_t n)
{
    return n > 0 ? 100.0 * (double)part / (double)n : 0;
}

/* The lowest threshold that refuses enough of one half's requests out of scope. */
static double choose(const struct set *s, const struct guess *g, int half)
{
    for (int t = 0; t < 1000; t++) {
        struct scores x = {0};
        count(s, g, t / 1000.0, half, &x);
        if (share(x.refused, x.n_outside) >= MUST_REFUSED)
            return t / 1000.0;
    }
    return 1;
}

static void report(const char *name, const struct set *s, const struct guess *g)
{
    struct scores all = {0}, cut = {0};

    count(s, g, 0, -1, &all);
    printf("%-10s accuracy %5.2f%% of %zu", name, share(all.right, all.n), all.n);
    if (all.n_outside > 0) {
        for (int half = 0; half < 2; half++)
            count(s, g, choose(s, g, 1 - half), half, &cut);
        printf("; at one threshold %5.2f%%, out-of-scope recall %5.1f%% of %zu",
               share(cut.right, cut.n), share(cut.refused, cut.n_outside), cut.n_outside);
    }
    printf("\n");
}

static int measure(const char *name, struct set *s, const char *folder)
{
    char rows[128], test[128], model[128], out[128];
    struct guess *g;
    size_t n_dev = 0;

    for (size_t i = 0; i < s->n; i++)
        n_dev += s->items[i].is_dev;
    (void)snprintf(rows, sizeof(rows), "%s/rows", folder);
    (void)snprintf(test, sizeof(test), "%s/test", folder);
    (void)snprintf(model, sizeof(model), "%s/model", folder);
    (void)snprintf(out, sizeof(out), "%s/out", folder);
    count_documents(s);
    write_rows(s, rows, false);
    write_rows(s, test, true);
    const char *train[] = {"liblinear-train", "-s", "7", "-c", "10", "-q", rows, model, NULL};
    const char *predict[] = {"liblinear-predict", "-b", "1", test, model, out, NULL};
    if (!run(train) || !run(predict))
        return 77;
    g = wf_alloc_array(n_dev + 1, sizeof(*g));
    if (g == NULL)
        fail("no memory");
    read_guesses(out, g, n_dev);
    report(name, s, g);
    wf_free(g);
    const char *const files[] = {rows, test, model, out};
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++)
        (void)unlink(files[i]);
    return 0;
}

static void read_part(struct set *s, const char *data, const char *file)
{
    struct wf_err err = WF_ERR_INIT;
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/nlu-intents/%s", data, file);
    if (wf_data_requests_read(path, take, s, &err) != 0)
        fail(err.msg);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *train, *dev; /* dev NULL: train/split.h */
    } sets[] = {
        {"CLINC150", "clinc150/train.tsv", "clinc150/val.tsv"},
        {"BANKING77", "banking77/train.tsv", NULL},
        {"HWU64", "hwu64/fold1.train.jsonl", NULL},
    };
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    char folder[] = "/tmp/weft-floor-intent-XXXXXX";
    int rc = 0;

    if (access(data, R_OK) != 0)
        return 77;
    if (mkdtemp(folder) == NULL)
        fail(folder);
    printf("linear n-grams (liblinear), the floor of intents\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(sets) && rc == 0; i++) {
        struct set s = {.splits = sets[i].dev == NULL};
        wf_map_init(&s.labels, LABELS_MAX);
        read_part(&s, data, sets[i].train);
        s.is_all_dev = true;
        if (sets[i].dev != NULL)
            read_part(&s, data, sets[i].dev);
        rc = measure(sets[i].name, &s, folder);
        for (size_t k = 0; k < s.n; k++)
            wf_free(s.items[k].features);
        wf_free(s.items);
        wf_free(s.documents);
        wf_map_deinit(&s.labels);
    }
    (void)rmdir(folder);
    return rc;
}
