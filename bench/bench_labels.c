/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that everybody may read: how many are labelled above internal, by patterns and with
 * lens.
 *
 *   bench_labels [DATA [LENS]]    ../shared/data, models/lens.gguf
 *
 * Public sets: exams (MMLU), word problems (GSM8K), questions about articles in twelve languages
 * (XQuAD, SQuAD), what people tell assistants (HWU64, SNIPS); every so many-th of each. Many name
 * persons, who are private; the must holds where nothing of a person was found: those labelled for
 * another reason than a name, of all without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "op/label.h"
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
    }
    wf_labeler_free(b.patterns);
    wf_labeler_free(b.both);
    wf_lens_pool_free(lens);
    wf_policy_free(policy);
    wf_detector_free(detector);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
