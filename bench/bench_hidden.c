/* SPDX-License-Identifier: Apache-2.0 */
/* What hides: numbers of states, cards and secrets, made up, in sentences of thirty languages, each
 * hidden in every way that the detector undoes; how many are still found.
 *
 *   bench_hidden
 *
 * "plain" is the same sentences without a trick: no trick can do better. Where the whole sentence
 * is encoded, what is found is the whole. Must: 0.95 of what is found plainly. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "privacy/detect.h"
#include "support/hide.h"
#include "support/pii_set.h"

#define SENTENCES 3000
#define MUST 0.95

/* Whether something structured is found where the number is. */
static bool found(struct wf_detect_run *run, const struct wf_buf *text, size_t start, size_t end)
{
    struct wf_pii_list list;

    if (wf_detect_scan(run, wf_buf_str(text), (struct wf_pii_list){.n = 0}, &list, NULL) != 0)
        return false;
    for (size_t i = 0; i < list.n; i++)
        if (pii_is_structured(list.items[i].type) && list.items[i].start < end &&
            start < list.items[i].end)
            return true;
    return false;
}

static bool is_lost(struct wf_detect_run *run, const struct pii_sentence *p, const struct hide *t,
                    struct wf_buf *text)
{
    const struct wf_str s = wf_str_from(p->text);
    size_t start, end;

    wf_buf_reset(text);
    if (t->all) {
        t->fn(s, text);
        return !found(run, text, 0, text->len);
    }
    (void)wf_buf_append_str(text, wf_str_sub(s, 0, p->start));
    start = text->len;
    t->fn(wf_str_sub(s, p->start, p->end), text);
    end = text->len;
    (void)wf_buf_append_str(text, wf_str_sub(s, p->end, s.len));
    return !found(run, text, start, end);
}

int main(void)
{
    const struct wf_detect_options o = {.score_least = 0};
    size_t n = 0, n_found[128] = {0};
    struct wf_detector *detector = NULL;
    struct wf_detect_run *run = NULL;
    struct pii_set *set = pii_set_new(PII_SET_PATH, 11);
    struct wf_buf text;
    bool good = true;

    if (set == NULL || wf_detector_open(&o, &detector, NULL) != 0 ||
        wf_detect_run_new(detector, &run, NULL) != 0) {
        (void)fprintf(stderr, "bench_hidden: no memory, or no templates\n");
        return EXIT_FAILURE;
    }
    wf_buf_init(&text, 1u << 20);
    for (size_t i = 0; i < SENTENCES; i++) {
        struct pii_sentence p;
        pii_set_next(set, &p);
        if (p.kind == NULL)
            continue;
        n++;
        for (size_t t = 0; t < hides_n; t++)
            n_found[t] += !is_lost(run, &p, &hides[t], &text);
    }
    printf("numbers found, of %zu (must %.2f of the plain ones)\n", n, MUST);
    for (size_t t = 0; t < hides_n; t++) {
        const double part = (double)n_found[t] / (double)WF_MAX(n_found[0], 1u);
        printf("  %-22s %.3f  of the plain %.3f\n", hides[t].name, (double)n_found[t] / (double)n,
               part);
        good = good && part >= MUST;
    }
    wf_buf_deinit(&text);
    wf_detect_run_free(run);
    wf_detector_free(detector);
    pii_set_free(set);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
