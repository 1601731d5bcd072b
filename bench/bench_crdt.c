/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: 100,000 sets of 1,000 keys of a map, each with its update told; two copies of 1,000
 * characters that get 10,000 random edits each and then each other's; and one random edit of a text
 * of 70,000 items. The best of some rounds. Then 10 million sets of 1,000 keys, what they leave in
 * memory, and in a copy that loads them. bench_crdt_yjs plays recorded histories beside Yjs.
 *
 * Must: sets 15 ms, merging both ways 5 ms, a random edit 400 ns, 10 million sets 250 MB. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "crdt/types.h"

#define MUST_SETS_MS 15.0
#define MUST_MERGE_MS 5.0
#define MUST_EDIT_NS 400.0
#define MUST_MB 250.0
#define ROUNDS 7

static uint64_t told_bytes;

static void told(void *ud, struct wf_str update, bool remote)
{
    (void)ud;
    (void)remote;
    told_bytes += update.len;
}

static void must(int rc)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_crdt: failed with %d\n", rc);
    exit(EXIT_FAILURE);
}

static double ms_since(int64_t start)
{
    return (double)(wf_clock_mono_ns(NULL) - start) * 1e-6;
}

static struct wf_crdt *new_draft(uint64_t client, enum wf_crdt_kind kind, uint64_t *out_type)
{
    struct wf_crdt_options o = {.client = client, .on_update = told};
    struct wf_crdt *d = NULL;

    must(wf_crdt_new(&o, &d));
    must(wf_crdt_root(d, WF_STR("r"), kind, out_type));
    return d;
}

static void set_keys(struct wf_crdt *d, uint64_t map, int n)
{
    static char keys[1000][8];
    struct wf_crdt_put put = {.kind = WF_CRDT_PUT_VALUES, .n = 1};
    char value[3] = {0x7d, 0, 0};

    for (int i = 0; i < 1000; i++)
        (void)snprintf(keys[i], sizeof(keys[i]), "key%d", i);
    for (int i = 0; i < n; i++) {
        value[1] = (char)(i % 64);
        put.bytes = wf_str_n(value, 2);
        must(wf_crdt_map_set(d, map, wf_str_from(keys[i % 1000]), &put, NULL));
    }
}

static double map_sets(void)
{
    uint64_t map;
    struct wf_crdt *d = new_draft(1001, WF_CRDT_MAP, &map);
    int64_t start;
    double ms;

    told_bytes = 0;
    start = wf_clock_mono_ns(NULL);
    set_keys(d, map, 100000);
    ms = ms_since(start);
    wf_crdt_free(d);
    return ms;
}

static void edit(struct wf_crdt *d, uint64_t text, const struct wf_rng *rng, unsigned inserts)
{
    uint32_t len = wf_crdt_length(d, text), at = (uint32_t)wf_rng_below(rng, len + 1u);

    if (wf_rng_below(rng, 100) < inserts || at == len)
        must(wf_crdt_text_insert(d, text, at, WF_STR("x"), NULL));
    else
        must(wf_crdt_text_delete(d, text, at, 1));
}

static void exchange(struct wf_crdt *from, struct wf_crdt *to, struct wf_buf *diff)
{
    struct wf_buf vector;

    wf_buf_init(&vector, SIZE_MAX);
    wf_buf_init(diff, SIZE_MAX);
    must(wf_crdt_state_vector(to, &vector));
    must(wf_crdt_encode(from, wf_buf_str(&vector), WF_CRDT_V1, diff));
    wf_buf_deinit(&vector);
}

static double concurrent(void)
{
    struct wf_rng_seeded rng;
    uint64_t ta, tb;
    struct wf_crdt *a = new_draft(1001, WF_CRDT_TEXT, &ta), *b = new_draft(1002, WF_CRDT_TEXT, &tb);
    struct wf_buf x, y;
    int64_t start;
    double ms;

    wf_rng_seeded_init(&rng, 5);
    for (int i = 0; i < 1000; i++)
        must(wf_crdt_text_insert(a, ta, (uint32_t)i, WF_STR("b"), NULL));
    exchange(a, b, &x);
    must(wf_crdt_apply(b, wf_buf_str(&x), WF_CRDT_V1, NULL));
    wf_buf_deinit(&x);
    for (int i = 0; i < 10000; i++) {
        edit(a, ta, &rng.rng, 70);
        edit(b, tb, &rng.rng, 70);
    }
    exchange(a, b, &x);
    exchange(b, a, &y);
    start = wf_clock_mono_ns(NULL);
    must(wf_crdt_apply(b, wf_buf_str(&x), WF_CRDT_V1, NULL));
    must(wf_crdt_apply(a, wf_buf_str(&y), WF_CRDT_V1, NULL));
    ms = ms_since(start);
    wf_buf_deinit(&x);
    wf_buf_deinit(&y);
    wf_crdt_free(a);
    wf_crdt_free(b);
    return ms;
}

static double random_edit(void)
{
    struct wf_rng_seeded rng;
    uint64_t text;
    struct wf_crdt *d = new_draft(1001, WF_CRDT_TEXT, &text);
    int64_t start;
    double ms;

    wf_rng_seeded_init(&rng, 6);
    while (wf_crdt_stats(d).n_items < 70000) {
        for (int i = 0; i < 1000; i++)
            edit(d, text, &rng.rng, 90);
    }
    start = wf_clock_mono_ns(NULL);
    for (int i = 0; i < 20000; i++)
        edit(d, text, &rng.rng, 50);
    ms = ms_since(start);
    wf_crdt_free(d);
    return ms * 1e6 / 20000;
}

static bool judge(const char *what, double (*measure)(void), double most, const char *unit)
{
    double best = measure(), x;

    for (int i = 1; i < ROUNDS; i++) {
        x = measure();
        best = x < best ? x : best;
    }
    (void)printf("%-44s %9.2f %s (must %.0f)\n", what, best, unit, most);
    return best <= most;
}

static bool print_memory(const char *what, const struct wf_crdt *d, double ms)
{
    double mb = (double)wf_crdt_stats(d).resident_bytes * 1e-6;

    (void)printf("%-44s %9.2f MB (must %.0f), %.0f ms\n", what, mb, MUST_MB, ms);
    return mb <= MUST_MB;
}

static bool many_sets(void)
{
    uint64_t map;
    struct wf_crdt *d = new_draft(1001, WF_CRDT_MAP, &map), *other = NULL;
    int64_t start = wf_clock_mono_ns(NULL);
    struct wf_buf state;
    bool ok;

    set_keys(d, map, 10000000);
    ok = print_memory("10 million sets of 1,000 keys", d, ms_since(start));
    wf_buf_init(&state, SIZE_MAX);
    start = wf_clock_mono_ns(NULL);
    must(wf_crdt_encode(d, WF_STR(""), WF_CRDT_V1, &state));
    (void)printf("%-44s %9.2f MB, %.0f ms\n", "  encoded", (double)state.len * 1e-6,
                 ms_since(start));
    start = wf_clock_mono_ns(NULL);
    must(wf_crdt_new(NULL, &other));
    must(wf_crdt_apply(other, wf_buf_str(&state), WF_CRDT_V1, NULL));
    ok = print_memory("  loaded", other, ms_since(start)) && ok;
    wf_buf_deinit(&state);
    wf_crdt_free(d);
    wf_crdt_free(other);
    return ok;
}

int main(void)
{
    bool ok = judge("100,000 sets of 1,000 keys, update each", map_sets, MUST_SETS_MS, "ms");

    (void)printf("%-44s %9llu\n", "  bytes of updates", (unsigned long long)told_bytes);
    ok = judge("2 x 10,000 edits merged both ways", concurrent, MUST_MERGE_MS, "ms") && ok;
    ok = judge("a random edit at 70,000 items", random_edit, MUST_EDIT_NS, "ns") && ok;
    ok = many_sets() && ok;
    return ok ? 0 : 1;
}
