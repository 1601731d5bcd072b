/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers: the input is a log behind its beginning. Where it holds the frame of an entry, that gets
 * its place in the chain and its hash, as if the writer had made it, so that the parts behind the
 * hash are reached. What can be read is written again as the same bytes; forwards and backwards are
 * the same entries; the verifier is content exactly where all of it could be read. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privacy/ledger_read.h"
#include "support/ledgered.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX ((size_t)1 << 20)

static struct ledgered at;
static uint8_t begin[WF_LEDGER_BEGIN_BYTES];

static void save(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        exit(1);
}

static void clear(void)
{
    ledgered_remove(&at);
}

/* A ledger of no entries, signed. */
static void make(void)
{
    struct wf_ledger *l = NULL;
    FILE *f;

    if (ledgered_make(&at) != 0 || ledgered_open(&at, 0, &l, NULL) != 0)
        exit(1);
    wf_ledger_close(l);
    f = fopen(at.log, "rb");
    if (f == NULL || fread(begin, 1, sizeof(begin), f) != sizeof(begin))
        exit(1);
    (void)fclose(f);
    (void)atexit(clear);
}

/* Gives the entries of the log their places; returns how many can be read, *out_all: nothing else
 * is there. */
static uint64_t seal(uint8_t *log, size_t n, bool *out_all)
{
    static struct wf_ledger_read r;
    uint8_t hash[WF_LEDGER_HASH_BYTES];
    uint64_t seq = 0;
    size_t p = WF_LEDGER_BEGIN_BYTES;
    struct wf_buf again;

    if (wf_ledger_format_read_begin(log, hash) != 0)
        exit(1);
    wf_buf_init(&again, WF_LIMIT_LEDGER_ENTRY_BYTES);
    while (n - p >= 8) {
        size_t k = wf_ledger_format_bytes(log + p);
        if (k == 0 || k > n - p)
            break;
        memcpy(log + p + k - 4, log + p + 4, 4);
        wf_ledger_format_seal(log + p, k, seq + 1, p, hash);
        if (wf_ledger_format_read(log + p, k, &r, NULL) != 0)
            break;
        wf_buf_reset(&again);
        if (wf_ledger_format_write(&r.entry, &again, NULL) != 0)
            abort(); /* what was read can be written */
        memcpy(hash, r.entry.prev, sizeof(hash));
        wf_ledger_format_seal((uint8_t *)again.ptr, again.len, seq + 1, p, hash);
        assert(again.len == k && memcmp(again.ptr, log + p, k) == 0);
        json_decref(wf_ledger_entry_json(&r.entry));
        seq++;
        p += k;
    }
    wf_buf_deinit(&again);
    *out_all = p == n;
    return seq;
}

static void read_all(uint64_t want)
{
    const struct wf_ledger_entry *e;
    struct wf_ledger_reader *r = NULL;
    uint64_t n = 0;

    if (wf_ledger_reader_open(at.ledger, &r, NULL) != 0)
        abort();
    while (wf_ledger_reader_next(r, &e, NULL) == 1)
        assert(e->seq == ++n);
    assert(n == want);
    wf_ledger_reader_to_end(r);
    while (wf_ledger_reader_back(r, &e, NULL) == 1)
        assert(e->seq == n--);
    assert(n == 0);
    wf_ledger_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t log[WF_LEDGER_BEGIN_BYTES + BYTES_MAX];
    uint8_t key[WF_LEDGER_KEY_BYTES] = {0};
    struct wf_ledger_report report;
    struct wf_ledger_head head;
    bool all = false;
    uint64_t n;

    if (at.dir[0] == 0)
        make();
    if (size > BYTES_MAX)
        return 0;
    (void)!wf_ledger_format_read_head(data, size, key, &head, NULL);
    (void)!wf_ledger_format_read_key(wf_str_n((const char *)data, size), key);
    memcpy(log, begin, sizeof(begin));
    if (size > 0)
        memcpy(log + sizeof(begin), data, size);
    n = seal(log, sizeof(begin) + size, &all);
    save(at.log, log, sizeof(begin) + size);
    read_all(n);
    int rc = wf_ledger_verify(at.ledger, NULL, &report, NULL);
    assert(report.n_entries == n);
    assert((rc == 0) == all);
    return 0;
}
