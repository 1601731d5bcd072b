/* SPDX-License-Identifier: Apache-2.0 */
/* weft bench crdt TRACE.json.gz: a recorded history of edits (positions in code points) played into
 * a draft by client 1001: all in one transaction, and each in one of its own with its update told;
 * then the draft is encoded and loaded anew, and its image taken up. Each figure is the best of
 * some rounds: what the code takes where nothing else wants the processor. Where several wrote, see
 * bench_crdt_agents.c. */
#include "cli/bench_crdt_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/i18n.h"
#include "crdt/image.h"
#include "crdt/lib0.h"
#include "crdt/types.h"

#define CLIENT WF_BENCH_CRDT_CLIENT
#define TRACE_BYTES_MAX ((size_t)1 << 30)

/* ---- the trace ---- */

static int read_gzip(const char *path, struct wf_buf *out, struct wf_err *err)
{
    gzFile f = gzopen(path, "rb");
    int n = 0, rc = 0;

    if (f == NULL)
        return wf_err_set(err, WF_E_NOENT, _("%s cannot be opened."), path);
    do {
        rc = wf_buf_reserve(out, 1 << 18);
        n = rc == 0 ? gzread(f, out->ptr + out->len, 1 << 18) : 0;
        if (n > 0)
            wf_buf_commit(out, (size_t)n);
    } while (n > 0 && rc == 0);
    (void)gzclose_r(f);
    if (n < 0 || rc != 0)
        return wf_err_set(err, WF_E_FORMAT, _("%s is not gzip, or is too large."), path);
    return 0;
}

/* The text as it grows, in code points of 1 or 2 units: only where a trace has wide ones. */
struct widths {
    uint8_t *at;
    size_t n, cap;
};

static uint32_t units_of(const struct widths *w, size_t from, size_t n)
{
    uint32_t units = 0;

    for (size_t i = from; i < from + n && i < w->n; i++)
        units += w->at[i];
    return units;
}

/* Does an edit to the widths; its position and length become units. */
static int widen(struct widths *w, struct wf_bench_edit *e)
{
    size_t at = e->at, n = e->deleted, points = 0;

    if (at > w->n || n > w->n - at)
        return WF_E_RANGE;
    e->at = units_of(w, 0, at);
    e->deleted = units_of(w, at, n);
    memmove(w->at + at, w->at + at + n, w->n - at - n);
    w->n -= n;
    for (size_t i = 0; i < e->text.len; i++)
        points += ((unsigned char)e->text.ptr[i] & 0xc0) != 0x80;
    if (wf_reserve(&w->at, &w->cap, w->n + points, 1) != 0)
        return WF_E_NOMEM;
    memmove(w->at + at + points, w->at + at, w->n - at);
    w->n += points;
    for (size_t i = 0; i < e->text.len; i++) {
        if (((unsigned char)e->text.ptr[i] & 0xc0) != 0x80)
            w->at[at++] = (unsigned char)e->text.ptr[i] >= 0xf0 ? 2 : 1;
    }
    return 0;
}

static int widen_all(struct wf_bench_crdt *b)
{
    struct wf_bench_edit start = {.text = b->start};
    struct widths w = {0};
    bool wide = false;
    int rc;

    for (size_t i = 0; i < b->n_edits && !wide; i++) {
        for (size_t k = 0; k < b->edits[i].text.len; k++)
            wide |= (unsigned char)b->edits[i].text.ptr[k] >= 0xf0;
    }
    for (size_t k = 0; k < b->start.len; k++)
        wide |= (unsigned char)b->start.ptr[k] >= 0xf0;
    if (!wide)
        return 0;
    rc = widen(&w, &start);
    for (size_t i = 0; i < b->n_edits && rc == 0; i++)
        rc = widen(&w, &b->edits[i]);
    wf_free(w.at);
    return rc;
}

static int read_edits(struct wf_bench_crdt *b, const json_t *trace, struct wf_err *err)
{
    const json_t *txn, *patch;
    size_t i, k;
    int rc = 0;

    b->start = wf_str_from(wf_json_text(trace, "startContent"));
    b->n_txns = json_array_size(json_object_get(trace, "txns"));
    json_array_foreach(json_object_get(trace, "txns"), i, txn)
    {
        const json_t *patches = json_object_get(txn, "patches");
        json_array_foreach(patches, k, patch)
        {
            const json_t *text = json_array_get(patch, 2);
            rc = wf_reserve(&b->edits, &b->cap_edits, b->n_edits + 1, sizeof(*b->edits));
            if (rc != 0)
                return wf_err_set(err, rc, "%s", _("Not enough memory for the trace."));
            b->edits[b->n_edits++] = (struct wf_bench_edit){
                .at = (uint32_t)json_integer_value(json_array_get(patch, 0)),
                .deleted = (uint32_t)json_integer_value(json_array_get(patch, 1)),
                .text = wf_str_n(json_string_value(text), json_string_length(text)),
                .txn = (uint32_t)i,
                .ends = k + 1 == json_array_size(patches)};
        }
    }
    if (b->n_edits == 0 || b->n_txns > UINT32_MAX)
        return wf_err_set(err, WF_E_FORMAT, "%s", _("This is no trace of edits."));
    if (json_object_get(trace, "numAgents") != NULL)
        return wf_bench_crdt_read_agents(b, trace, err);
    if (widen_all(b) != 0)
        return wf_err_set(err, WF_E_FORMAT, "%s", _("This is no trace of edits."));
    return 0;
}

/* ---- measuring ---- */

struct counted {
    uint64_t bytes;
};

static void count_update(void *ud, struct wf_str update, bool remote)
{
    (void)remote;
    ((struct counted *)ud)->bytes += update.len;
}

static int play_edits(const struct wf_bench_crdt *b, struct wf_crdt *d, uint64_t text, bool one_txn)
{
    bool open = one_txn;
    int rc = one_txn ? wf_crdt_begin(d) : 0;

    for (size_t i = 0; i < b->n_edits && rc == 0; i++) {
        const struct wf_bench_edit *e = &b->edits[i];
        if (!open)
            rc = wf_crdt_begin(d);
        open = true;
        if (rc == 0 && e->deleted > 0)
            rc = wf_crdt_text_delete(d, text, e->at, e->deleted);
        if (rc == 0 && e->text.len > 0)
            rc = wf_crdt_text_insert(d, text, e->at, e->text, NULL);
        if (rc == 0 && !one_txn && e->ends) {
            rc = wf_crdt_commit(d);
            open = false;
        }
    }
    return open && rc == 0 ? wf_crdt_commit(d) : rc;
}

static void keep_best(double *io_best_ms, int64_t start)
{
    double ms = (double)(wf_clock_mono_ns(NULL) - start) * 1e-6;

    if (*io_best_ms == 0 || ms < *io_best_ms)
        *io_best_ms = ms;
}

/* Plays the trace into a new draft, which the caller frees. */
static int play(const struct wf_bench_crdt *b, bool one_txn, struct counted *c,
                struct wf_crdt **out, double *io_best_ms)
{
    struct wf_crdt_options o = {
        .client = CLIENT, .on_update = one_txn ? NULL : count_update, .ud = c};
    uint64_t text = 0;
    int64_t start;
    int rc = wf_crdt_new(&o, out);

    if (rc == 0)
        rc = wf_crdt_root(*out, WF_STR("text"), WF_CRDT_TEXT, &text);
    if (rc == 0 && b->start.len > 0)
        rc = wf_crdt_text_insert(*out, text, 0, b->start, NULL);
    c->bytes = 0;
    start = wf_clock_mono_ns(NULL);
    for (int64_t i = 0; i < b->times && rc == 0; i++)
        rc = play_edits(b, *out, text, one_txn);
    keep_best(io_best_ms, start);
    return rc;
}

static int encode_and_load(struct wf_bench_crdt *b, struct wf_crdt *d, enum wf_crdt_format format,
                           struct wf_bench_coding *io)
{
    int64_t start = wf_clock_mono_ns(NULL);
    uint64_t live;
    struct wf_crdt *loaded = NULL;
    int rc;

    wf_buf_reset(&b->state);
    rc = wf_crdt_encode(d, WF_STR(""), format, &b->state);
    keep_best(&io->encode_ms, start);
    io->n_bytes = b->state.len;
    live = wf_alloc_stats().bytes_live;
    start = wf_clock_mono_ns(NULL);
    if (rc == 0)
        rc = wf_crdt_new(NULL, &loaded);
    if (rc == 0)
        rc = wf_crdt_apply(loaded, wf_buf_str(&b->state), format, NULL);
    keep_best(&io->cold_load_ms, start);
    live = wf_alloc_stats().bytes_live - live;
    if (live > b->resident_bytes)
        b->resident_bytes = live;
    wf_crdt_free(loaded);
    return rc;
}

/* An image of the draft, opened, and its text read. */
static int open_image(struct wf_bench_crdt *b, struct wf_crdt *d)
{
    int64_t start = wf_clock_mono_ns(NULL);
    struct wf_crdt *opened = NULL;
    struct wf_buf image, text;
    uint64_t type;
    int rc;

    wf_buf_init(&image, SIZE_MAX);
    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt_image_write(d, &image);
    keep_best(&b->image.encode_ms, start);
    b->image.n_bytes = image.len;
    start = wf_clock_mono_ns(NULL);
    if (rc == 0)
        rc = wf_crdt_image_open(wf_buf_str(&image), NULL, &opened);
    if (rc == 0)
        rc = wf_crdt_root(opened, WF_STR("text"), WF_CRDT_TEXT, &type);
    if (rc == 0)
        rc = wf_crdt_text_get(opened, type, &text);
    keep_best(&b->image.cold_load_ms, start);
    wf_crdt_free(opened);
    wf_buf_deinit(&image);
    wf_buf_deinit(&text);
    return rc;
}

static void sha256(struct wf_str s, char out[65])
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    (void)crypto_hash_sha256(hash, (const unsigned char *)s.ptr, s.len);
    (void)sodium_bin2hex(out, 65, hash, sizeof(hash));
}

static int take_text(struct wf_bench_crdt *b, struct wf_crdt *d)
{
    struct wf_buf text;
    uint64_t type;
    int rc = wf_crdt_root(d, WF_STR("text"), WF_CRDT_TEXT, &type);

    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    if (rc == 0)
        rc = wf_crdt_text_get(d, type, &text);
    sha256(wf_buf_str(&text), b->text_sha256);
    sha256(wf_buf_str(&b->state), b->state_sha256);
    wf_buf_deinit(&text);
    return rc;
}

static int one_round(struct wf_bench_crdt *b)
{
    struct counted c = {0};
    struct wf_crdt *d = NULL;
    uint64_t live;
    int rc;

    if (b->n_agents > 0) {
        rc = wf_bench_crdt_play_agents(b, &c.bytes, &d);
        live = rc == 0 ? wf_alloc_stats().bytes_live - wf_crdt_stats(d).resident_bytes : 0;
    } else {
        rc = play(b, true, &c, &d, &b->one_txn_ms);
        wf_crdt_free(d);
        d = NULL;
        live = wf_alloc_stats().bytes_live;
        if (rc == 0)
            rc = play(b, false, &c, &d, &b->per_edit_ms);
    }
    b->update_bytes = c.bytes;
    live = wf_alloc_stats().bytes_live - live;
    if (live > b->resident_bytes)
        b->resident_bytes = live;
    if (rc == 0)
        rc = encode_and_load(b, d, WF_CRDT_V2, &b->v2);
    if (rc == 0)
        rc = encode_and_load(b, d, WF_CRDT_V1, &b->v1);
    if (rc == 0)
        rc = open_image(b, d);
    if (rc == 0)
        rc = take_text(b, d);
    wf_crdt_free(d);
    return rc;
}

static void print_result(const struct wf_cli *cli, const struct wf_bench_crdt *b)
{
    json_t *v;

    if (!cli->json) {
        printf(_("%zu edits: in one transaction %.2f ms, each in its own %.2f ms (%llu bytes of "
                 "updates)\n"),
               b->n_edits, b->one_txn_ms, b->per_edit_ms, (unsigned long long)b->update_bytes);
        printf(_("%zu bytes, encoded in %.2f ms, loaded in %.2f ms; %llu bytes in memory\n"),
               b->v1.n_bytes, b->v1.encode_ms, b->v1.cold_load_ms,
               (unsigned long long)b->resident_bytes);
        printf(_("format 2: %zu bytes, encoded in %.2f ms, loaded in %.2f ms\n"), b->v2.n_bytes,
               b->v2.encode_ms, b->v2.cold_load_ms);
        printf(_("image: %zu bytes, written in %.2f ms, opened and read in %.3f ms\n"),
               b->image.n_bytes, b->image.encode_ms, b->image.cold_load_ms);
        return;
    }
    v = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}",
        "one_txn_ms", b->one_txn_ms, "per_edit_ms", b->per_edit_ms, "encode_ms", b->v1.encode_ms,
        "cold_load_ms", b->v1.cold_load_ms, "encode_v2_ms", b->v2.encode_ms, "cold_load_v2_ms",
        b->v2.cold_load_ms, "image_write_ms", b->image.encode_ms, "image_open_ms",
        b->image.cold_load_ms, "image_bytes", (json_int_t)b->image.n_bytes, "resident_bytes",
        (json_int_t)b->resident_bytes, "edits", (json_int_t)b->n_txns, "patches",
        (json_int_t)b->n_edits, "update_bytes", (json_int_t)b->update_bytes, "state_bytes",
        (json_int_t)b->v1.n_bytes, "state_v2_bytes", (json_int_t)b->v2.n_bytes, "state_sha256",
        b->state_sha256, "text_sha256", b->text_sha256);
    wf_cli_print_json(v);
    json_decref(v);
}

int wf_bench_crdt(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft bench crdt TRACE.json.gz [-r 5] [-x 1]\n\n"
        "Plays a recorded history of edits into a draft: all in one transaction, and each in one\n"
        "of its own; then encodes and loads the draft. The best of -r rounds; -x plays it that\n"
        "often. What several people wrote goes into a copy for each, and then, in place of the\n"
        "one transaction, all updates into a new one.");
    struct wf_bench_crdt b = {.times = 1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    json_t *trace = NULL;
    int64_t rounds = 5;
    const struct wf_option options[] = {
        {.name = "repeat",
         .letter = 'r',
         .kind = WF_OPTION_NUMBER,
         .out = &rounds,
         .min = 1,
         .max = 100},
        {.name = "times",
         .letter = 'x',
         .kind = WF_OPTION_NUMBER,
         .out = &b.times,
         .min = 1,
         .max = 1000},
        {0},
    };
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    wf_buf_init(&text, TRACE_BYTES_MAX);
    wf_buf_init(&b.state, WF_LIMIT_CRDT_BYTES);
    rc = read_gzip(cli->args[1], &text, &err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&text), &trace, &err);
    wf_buf_deinit(&text);
    if (rc == 0)
        rc = read_edits(&b, trace, &err);
    for (int64_t i = 0; i < rounds && rc == 0; i++) {
        rc = one_round(&b);
        if (rc != 0)
            wf_err_set(&err, rc, "%s", _("The trace cannot be played."));
    }
    if (rc == 0)
        print_result(cli, &b);
    json_decref(trace);
    wf_bench_crdt_free_agents(&b);
    wf_free(b.edits);
    wf_buf_deinit(&b.state);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
