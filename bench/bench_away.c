/* SPDX-License-Identifier: Apache-2.0 */
/* A device that was away for a month: two devices in one process, each with its database on the
 * disk. While one is away the other writes 500 edits of drafts (50 of them, by turns) and 200
 * changes of records a day, each in a batch of its own, for 30 days; then they meet. How long until
 * both have the same: with all batches there, and, where a snapshot was made meanwhile, by it. And
 * a round of what one edit costs among 10,000 drafts.
 *
 * Must: seconds (under 10).
 *
 *   bench_away [DAYS] */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/sharers.h"

#define EDITS 500u
#define CHANGES 200u
#define DRAFTS 50u
#define MANY 10000u
#define MUST_S 10.0

static struct sharers s;

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

/* One more sentence for one of the drafts; or one record. */
static void write_one(struct sharer *d, unsigned k)
{
    char name[32], text[20000];
    unsigned n = 0;

    if (k % (EDITS + CHANGES) >= EDITS) {
        (void)snprintf(name, sizeof(name), "thing %u", k % 300);
        sharer_set(d, name, k);
        return;
    }
    (void)snprintf(name, sizeof(name), "draft %u", k % DRAFTS);
    for (unsigned i = 0; i <= k / DRAFTS % 300; i++) {
        int more = snprintf(text + n, sizeof(text) - n,
                            "Sentence %u of this draft, and a few words. ", i + k / DRAFTS / 300);
        n += more > 0 ? (unsigned)more : 0;
    }
    sharer_edit(d, name, wf_str_n(text, n));
}

static void say(const char *what, double took)
{
    printf("%s: %.2f s, %lld batches on the shelf, %.1f MB\n", what, took,
           (long long)sharer_ask(&s.at[0], "SELECT count(*) FROM batch"),
           (double)sharer_ask(&s.at[0], "SELECT sum(length(bytes)) FROM batch") * 1e-6);
}

static double meet(void)
{
    int64_t start_ns;

    sharer_up(&s.at[1]);
    start_ns = wf_clock_mono_ns(NULL);
    sharers_link(&s, 0, 1);
    if (!sharers_settle(&s, 100000))
        printf("they do not come to have the same\n");
    return seconds_since(start_ns);
}

/* What a round after one edit takes, among many drafts. */
static double one_edit(void)
{
    char name[32];
    int64_t start_ns;

    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "many %u", i);
        sharer_edit(&s.at[0], name, WF_STR("a draft among many"));
        if (i % 500 == 499)
            sharers_step(&s, 100);
    }
    (void)sharers_settle(&s, 1000);
    start_ns = wf_clock_mono_ns(NULL);
    for (unsigned i = 0; i < 20; i++) {
        sharer_edit(&s.at[0], "many 5", i % 2 ? WF_STR("one") : WF_STR("other"));
        sharers_step(&s, 100);
    }
    return seconds_since(start_ns) / 20;
}

int main(int argc, char **argv)
{
    unsigned days = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 30;
    unsigned n = days * (EDITS + CHANGES);
    double took;

    setvbuf(stdout, NULL, _IOLBF, 0);
    sharers_make(&s, 2, false);
    sharer_up(&s.at[0]);
    (void)meet();
    sharer_down(&s.at[1]);
    for (unsigned k = 0; k < n; k++) {
        write_one(&s.at[0], k);
        sharers_step(&s, 60000);
    }
    took = meet();
    say("away for the days, each change a batch", took);
    printf("must: seconds (under %.0f): %s\n", MUST_S, took < MUST_S ? "met" : "MISSED");
    printf("a round after one edit, among %u drafts: %.2f ms\n", MANY, one_edit() * 1000);
    sharers_remove(&s);
    return took < MUST_S ? 0 : 1;
}
