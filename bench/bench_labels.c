/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that everybody may read: how many are labelled above internal, by patterns and with
 * lens.
 *
 *   bench_labels [DATA [LENS]]    ../shared/data, models/lens.gguf
 *
 * Public sets: exams (MMLU), word problems (GSM8K), questions about articles in twelve languages
 * (XQuAD, SQuAD), what people tell assistants (HWU64, SNIPS); every so many-th of each. Many name
 * persons, who are private; the must holds where nothing of a person was found: those labelled for
 * another reason than a name, of all without one.
 *
 * Then what an answer from elsewhere costs to look at, by its length and its addresses: named by
 * the asker, by nobody, or with something in them that may be the asker's. Shown beside the
 * detectors' look at the same text, without a must: it happens once, behind an answer's end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "op/label.h"
#include "privacy/inbound.h"
#include "support/jsonl.h"

#define MUST 0.02

struct bench {
    struct wf_labeler *patterns, *both;
    size_t step, i, most;
    size_t n, n_patterns, n_both, n_named;
    const char *set; /* of the pairs, or NULL */
};

static bool is_above(const struct wf_policy *policy, struct wf_labeler *l, const char *text,
                     bool *out_person)
{
    struct wf_context_part part = {.source = WF_SOURCE_PROMPT};
    struct wf_labeled found;
    struct wf_verdict v;

    *out_person = false;
    if (wf_labeler_find(l, wf_str_from(text), &found, NULL) != 0)
        return true;
    part.found = found.all;
    part.n_found = found.n + found.n_topics;
    for (size_t i = 0; i < found.n; i++)
        *out_person = *out_person || strcmp(found.all[i].type, "PERSON") == 0;
    wf_policy_label(policy, &part, 1, &v);
    return v.label > WF_LABEL_INTERNAL;
}

static struct wf_policy *policy;

static bool take(struct bench *b, const char *text)
{
    bool person, person_by_patterns;

    if (text == NULL || b->i++ % b->step != 0)
        return b->n < b->most;
    const bool patterns = is_above(policy, b->patterns, text, &person_by_patterns);
    const bool both = is_above(policy, b->both, text, &person);
    b->n++;
    b->n_named += person;
    b->n_patterns += patterns;
    b->n_both += both && !person;
    return b->n < b->most;
}

static bool take_line(void *ud, json_t *v)
{
    struct bench *b = ud;
    const char *set = json_string_value(json_object_get(v, "set"));
    const char *names[] = {"prompt", "text", "question"};
    const json_t *qa;
    size_t i;
    bool more = true;

    if (b->set != NULL && (set == NULL || strcmp(set, b->set) != 0))
        return true;
    for (i = 0; i < WF_ARRAY_LEN(names); i++)
        if (json_object_get(v, names[i]) != NULL)
            more = more && take(b, json_string_value(json_object_get(v, names[i])));
    json_array_foreach(json_object_get(v, "qas"), i, qa) more =
        more && take(b, json_string_value(json_object_get(qa, "question")));
    return more;
}

static const struct {
    const char *name, *path, *set;
    size_t step, most;
} sets[] = {
    {"exams", "routing/pairs.jsonl.xz", "mmlu", 19, 500},
    {"word problems", "routing/pairs.jsonl.xz", "gsm8k", 5, 150},
    {"assistants", "nlu-intents/hwu64/fold1.train.jsonl", NULL, 19, 500},
    {"commands", "nlu-intents/snips/train.jsonl.xz", NULL, 41, 300},
    {"articles", "qa-retrieval/squad-dev/train.jsonl.xz", NULL, 23, 300},
    {"English", "qa-retrieval/xquad/en.part70.jsonl", NULL, 13, 60},
    {"German", "qa-retrieval/xquad/de.part70.jsonl", NULL, 13, 60},
    {"Spanish", "qa-retrieval/xquad/es.part70.jsonl", NULL, 13, 60},
    {"Greek", "qa-retrieval/xquad/el.part70.jsonl.xz", NULL, 13, 60},
    {"Romanian", "qa-retrieval/xquad/ro.part70.jsonl.xz", NULL, 13, 60},
    {"Russian", "qa-retrieval/xquad/ru.part70.jsonl.xz", NULL, 13, 60},
    {"Turkish", "qa-retrieval/xquad/tr.part70.jsonl.xz", NULL, 13, 60},
    {"Vietnamese", "qa-retrieval/xquad/vi.part70.jsonl.xz", NULL, 13, 60},
    {"Thai", "qa-retrieval/xquad/th.part70.jsonl.xz", NULL, 13, 60},
    {"Chinese", "qa-retrieval/xquad/zh.part70.jsonl.xz", NULL, 13, 60},
    {"Arabic", "qa-retrieval/xquad/ar.part70.jsonl.xz", NULL, 13, 60},
    {"Hindi", "qa-retrieval/xquad/hi.part70.jsonl.xz", NULL, 13, 60},
};

static void print(const char *name, const struct bench *b)
{
    printf("  %-14s %5zu  patterns %5.3f  with lens, without a name %5.3f of %zu  named %zu\n",
           name, b->n, (double)b->n_patterns / (double)WF_MAX(b->n, 1u),
           (double)b->n_both / (double)WF_MAX(b->n - b->n_named, 1u), b->n - b->n_named,
           b->n_named);
}

static bool measure(struct bench *b, const char *data)
{
    struct bench all = *b;

    printf("questions of everybody that are labelled private (must %.2f of those without a name)\n",
           MUST);
    for (size_t i = 0; i < WF_ARRAY_LEN(sets); i++) {
        struct bench one = *b;
        char path[4096];
        one.set = sets[i].set;
        one.step = sets[i].step;
        one.most = sets[i].most;
        (void)snprintf(path, sizeof(path), "%s/%s", data, sets[i].path);
        (void)jsonl_each(path, take_line, &one); /* a set that is not there is empty */
        print(sets[i].name, &one);
        all.n += one.n;
        all.n_patterns += one.n_patterns;
        all.n_both += one.n_both;
        all.n_named += one.n_named;
    }
    print("all", &all);
    return all.n > 0 && (double)all.n_both <= MUST * (double)(all.n - all.n_named);
}

/* ---- answers ---- */

#define ANSWERS 41

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void put_words(struct wf_buf *out, size_t until, uint64_t *io_draw)
{
    static const char *const words[] = {"the",   "harbour",  "was",   "built", "by",    "engineers",
                                        "who",   "measured", "tides", "and",   "winds", "for",
                                        "years", "before",   "a",     "light", "stood"};

    while (out->len < until) {
        *io_draw = *io_draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        (void)wf_buf_appendf(out, "%s%s", words[*io_draw >> 40 & 15],
                             (*io_draw >> 50 & 15) == 0 ? ". " : " ");
    }
}

/* An answer with so many addresses: of each four one that the asker named, one of nobody's, one
 * with a word of the asker's, one with something encoded. */
static void make_answer(size_t bytes, size_t n_links, struct wf_buf *answer, struct wf_buf *sent)
{
    static const char *const forms[] = {"[here](https://example.org/kelvik/",
                                        "https://docs.example.net/a/page-",
                                        "![](https://img.example.com/t.png?q=harbour+tides&n=",
                                        "https://c.example.com/?d=aGFyYm91ciB3YXMgYnVpbHQ"};
    uint64_t draw = bytes + n_links;

    put_words(sent, 1800, &draw);
    (void)wf_buf_append_cstr(sent, "see https://example.org/kelvik/");
    for (size_t i = 0; i < n_links; i++) {
        put_words(answer, bytes * (i + 1) / (n_links + 1), &draw);
        (void)wf_buf_appendf(answer, "%s%zu) ", forms[i % WF_ARRAY_LEN(forms)], i);
    }
    put_words(answer, bytes, &draw);
}

/* The medians of looking at an answer, and of the detectors' look before. */
static bool time_answer(struct wf_labeler *l, struct wf_inbound_run *run, size_t bytes,
                        size_t n_links, double *out_us, double *out_detect_us, size_t *out_flags)
{
    double us[ANSWERS], detect[ANSWERS];
    const struct wf_inbound_flag *flags;
    struct wf_buf answer, sent;
    bool good = true;

    wf_buf_init(&answer, (size_t)1 << 24);
    wf_buf_init(&sent, (size_t)1 << 24);
    make_answer(bytes, n_links, &answer, &sent);
    for (size_t i = 0; good && i < ANSWERS; i++) {
        struct wf_inbound_ask ask = {.answer = wf_buf_str(&answer), .sent = wf_buf_str(&sent)};
        const double start = now_us();
        good = wf_labeler_scan(l, ask.answer, &ask.found, NULL) == 0;
        detect[i] = now_us() - start;
        good = good && wf_inbound_scan(run, &ask, &flags, out_flags, NULL) == 0;
        us[i] = now_us() - start - detect[i];
    }
    qsort(us, ANSWERS, sizeof(us[0]), by_number);
    qsort(detect, ANSWERS, sizeof(detect[0]), by_number);
    *out_us = us[ANSWERS / 2];
    *out_detect_us = detect[ANSWERS / 2];
    wf_buf_deinit(&answer);
    wf_buf_deinit(&sent);
    return good;
}

static bool answers(struct wf_labeler *l)
{
    static const size_t bytes[] = {2000, 20000, 200000}, links[] = {0, 4, 32, 256};
    struct wf_inbound_run *run = NULL;
    struct wf_inbound *in = NULL;
    bool good = wf_inbound_open(&in, NULL) == 0 && wf_inbound_run_new(in, &run, NULL) == 0;

    printf("\nan answer from elsewhere, looked at: median us (the detectors before it)\n");
    for (size_t b = 0; good && b < WF_ARRAY_LEN(bytes); b++) {
        double none = 0;
        for (size_t k = 0; good && k < WF_ARRAY_LEN(links); k++) {
            double us, detect_us;
            size_t n_flags = 0;
            if (links[k] * 100 > bytes[b])
                continue;
            good = time_answer(l, run, bytes[b], links[k], &us, &detect_us, &n_flags);
            none = k == 0 ? us : none;
            printf("  %6zu bytes, %3zu addresses  %8.0f  (%.0f)  flagged %zu%s", bytes[b], links[k],
                   us, detect_us, n_flags, k > 0 ? "" : "\n");
            if (k > 0)
                printf(", an address %.1f us\n", (us - none) / (double)links[k]);
        }
    }
    wf_inbound_run_free(run);
    wf_inbound_free(in);
    return good;
}

int main(int argc, char **argv)
{
    const struct wf_lens_pool_options pool = {.path = argc > 2 ? argv[2] : "models/lens.gguf"};
    const struct wf_detect_options o = {.plain_only = false};
    struct wf_labeler_options lo = {.lens = NULL};
    struct wf_detector *detector = NULL;
    struct wf_lens_pool *lens = NULL;
    struct bench b = {.step = 1};
    bool good = false;

    if (wf_detector_open(&o, &detector, NULL) == 0 && wf_policy_built_in(&policy, NULL) == 0 &&
        wf_lens_pool_new(&pool, &lens, NULL) == 0) {
        lo.detector = detector;
        lo.policy = policy;
        good = wf_labeler_new(&lo, &b.patterns, NULL) == 0;
        lo.lens = lens;
        good = good && wf_labeler_new(&lo, &b.both, NULL) == 0 &&
               measure(&b, argc > 1 ? argv[1] : "../shared/data");
        good = b.patterns != NULL && answers(b.patterns) && good;
    }
    wf_labeler_free(b.patterns);
    wf_labeler_free(b.both);
    wf_lens_pool_free(lens);
    wf_policy_free(policy);
    wf_detector_free(detector);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
