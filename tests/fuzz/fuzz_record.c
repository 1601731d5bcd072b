/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of records, with their length each, then perhaps a state: what is a change can be applied
 * in any order, and what comes of it can be written, read and shown; a pruned change is a change,
 * the same one. Bytes that are a state by chance are read whole or refused. */
#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "crdt/lib0.h"
#include "crdt/record.h"

#define CHANGES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wf_change changes[CHANGES_MAX];
static size_t n_changes;

static bool is_odd(void *ud, const struct wf_change_item *item)
{
    (void)ud;
    return (item->hash[0] & 1) != 0;
}

static void prune(const struct wf_change *c)
{
    struct wf_change less;
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    if (wf_change_prune(c, is_odd, NULL, &b) != 0 ||
        wf_change_read(wf_buf_str(&b), &less, NULL) != 0)
        __builtin_trap();
    assert(memcmp(less.id, c->id, sizeof(c->id)) == 0);
    wf_buf_deinit(&b);
}

/* All items of change i into one record, as if they were of one. */
static void apply(struct wf_record *r, size_t i)
{
    struct wf_stamp at = {.hlc = changes[i].hlc};
    struct wf_change_item item;
    size_t k = 0;

    memcpy(at.device, changes[i].device, sizeof(at.device));
    while (wf_change_next(&changes[i], &k, &item))
        if (!item.is_pruned && wf_record_apply(r, &item, &at, NULL) != 0)
            __builtin_trap();
}

static void write(const struct wf_record *r, struct wf_buf *out)
{
    wf_buf_init(out, SIZE_MAX);
    if (wf_record_write(r, false, out) != 0)
        __builtin_trap();
}

static void read_state(struct wf_str state)
{
    struct wf_record r;
    struct wf_buf b;

    wf_record_init(&r);
    if (wf_record_read(&r, state, NULL) == 0) {
        write(&r, &b);
        wf_buf_deinit(&b);
        (void)wf_record_bytes(&r);
    }
    wf_record_deinit(&r);
}

static bool is_stable(void *ud, const struct wf_stamp *at)
{
    (void)ud;
    return (at->hlc & 1) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_lib0_in in = wf_lib0_in(data, size);
    struct wf_record one, two;
    struct wf_buf a, b;

    if (sodium_init() < 0)
        return 0;
    n_changes = 0;
    while (in.p < in.end && n_changes < CHANGES_MAX) {
        struct wf_str bytes = wf_lib0_bytes(&in);
        read_state(bytes);
        if (wf_change_read(bytes, &changes[n_changes], NULL) == 0)
            prune(&changes[n_changes++]);
    }
    wf_record_init(&one);
    wf_record_init(&two);
    for (size_t i = 0; i < n_changes; i++) {
        apply(&one, i);
        apply(&two, n_changes - 1 - i);
        apply(&two, n_changes - 1);
    }
    write(&one, &a);
    write(&two, &b);
    assert(wf_str_eq(wf_buf_str(&a), wf_buf_str(&b)));
    (void)wf_record_settle(&one, is_stable, NULL);
    json_t *v = wf_record_json(&one);
    assert(v != NULL);
    json_decref(v);
    wf_buf_deinit(&a);
    wf_buf_deinit(&b);
    wf_record_deinit(&one);
    wf_record_deinit(&two);
    return 0;
}
