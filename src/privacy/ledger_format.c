/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's bytes. One entry has one form: what can be read is what would be written, so that a
 * change of any byte is a change of the entry, and its hash tells. A reader believes no length
 * before it has looked whether the bytes are there. */
#include "privacy/ledger_format.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "text/utf8.h"

#define NOT_RELEASED 255
#define HASHED_HEAD_BYTES 96

static const char begin_magic[WF_LEDGER_BEGIN_MAGIC_BYTES] = "weft ledger 1\n"; /* and zeros */
static const char entry_magic[4] = {'W', 'F', 'E', '1'};
static const char head_magic[8] = {'W', 'F', 'L', 'H', 'E', 'A', 'D', '1'};

enum {
    AT_BYTES = 4,
    AT_SEQ = 8,
    AT_DURABLE = 16,
    AT_PREV = 24,
    AT_TIME = 56,
    AT_KIND = 64,
    AT_LABEL = 65,
    AT_RELEASED = 66,
    AT_ZERO = 67,
    AT_STATUS = 68,
    AT_REQUEST = 72,
    AT_SIZE = 80,
    AT_TOKENS_IN = 88,
    AT_TOKENS_OUT = 96,
    AT_COST = 104,
};
_Static_assert(AT_COST + 8 == WF_LEDGER_FIXED_BYTES, "the table in the header");
_Static_assert(crypto_generichash_BYTES == WF_LEDGER_HASH_BYTES, "BLAKE2b-256");
_Static_assert(crypto_sign_BYTES + HASHED_HEAD_BYTES == WF_LEDGER_HEAD_BYTES, "Ed25519");

static void put(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void hash_of(const uint8_t *p, size_t n, uint8_t out[WF_LEDGER_HASH_BYTES])
{
    (void)crypto_generichash(out, WF_LEDGER_HASH_BYTES, p, n, NULL, 0); /* cannot fail */
}

/* ---- the beginning ---- */

void wf_ledger_format_begin(const uint8_t id[16], uint8_t out[WF_LEDGER_BEGIN_BYTES])
{
    memcpy(out, begin_magic, sizeof(begin_magic));
    memcpy(out + sizeof(begin_magic), id, 16);
}

int wf_ledger_format_read_begin(const uint8_t begin[WF_LEDGER_BEGIN_BYTES],
                                uint8_t out_hash[WF_LEDGER_HASH_BYTES])
{
    if (memcmp(begin, begin_magic, sizeof(begin_magic)) != 0)
        return WF_E_INVAL;
    hash_of(begin, WF_LEDGER_BEGIN_BYTES, out_hash);
    return 0;
}

/* ---- writing an entry ---- */

static int check_text(struct wf_str s, const char *what, size_t max, struct wf_err *err)
{
    if (s.len > max)
        return wf_err_set(err, WF_E_INVAL, "The ledger's %s is longer than %zu bytes.", what, max);
    if (wf_utf8_valid_prefix(s) != s.len)
        return wf_err_set(err, WF_E_INVAL, "The ledger's %s is no UTF-8.", what);
    return 0;
}

static bool is_given(enum wf_ledger_kind kind)
{
    return kind == WF_LEDGER_GIVEN || kind == WF_LEDGER_GIVEN_ALL;
}

static int check(const struct wf_ledger_entry *e, struct wf_err *err)
{
    const struct {
        struct wf_str text;
        const char *what;
    } texts[] = {
        {e->request_id, "request id"},
        {e->engine, "engine"},
        {e->to, "recipient"},
        {e->model, "model"},
        {e->reason, "reason"},
        {e->is_released ? e->release.who : (struct wf_str){NULL, 0}, "releasing person"},
        {e->is_released ? e->release.reason : (struct wf_str){NULL, 0}, "reason of a release"},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(texts); i++)
        rc = check_text(texts[i].text, texts[i].what, WF_LIMIT_LEDGER_TEXT_BYTES, err);
    if (rc != 0)
        return rc;
    if (e->kind < WF_LEDGER_REQUEST || e->kind >= WF_LEDGER_KIND_END ||
        (unsigned)e->label >= WF_LABEL_COUNT)
        return wf_err_set(err, WF_E_INVAL, "The ledger has no such kind or label.");
    if (e->is_released &&
        ((unsigned)e->release.from >= WF_LABEL_COUNT || e->release.from <= e->label ||
         e->release.to != e->label || !wf_str_eq(e->release.engine, e->engine)))
        return wf_err_set(err, WF_E_INVAL, "The release is not of this entry.");
    if (e->n_counts > WF_LIMIT_LEDGER_COUNTS)
        return wf_err_set(err, WF_E_INVAL, "More than %d types in one entry of the ledger.",
                          WF_LIMIT_LEDGER_COUNTS);
    return 0;
}

/* Failures stick in the buffer. */
static void append_u16(struct wf_buf *b, size_t v)
{
    uint8_t p[2];

    put(p, v, sizeof(p));
    (void)wf_buf_append(b, p, sizeof(p));
}

static void append_text(struct wf_buf *b, struct wf_str s)
{
    append_u16(b, s.len);
    (void)wf_buf_append_str(b, s);
}

/* By type: inserting, since there are a few. */
static int append_counts(const struct wf_ledger_entry *e, struct wf_buf *b, struct wf_err *err)
{
    uint16_t order[WF_LIMIT_LEDGER_COUNTS];

    for (size_t i = 0; i < e->n_counts; i++) {
        const struct wf_ledger_count *c = &e->counts[i];
        size_t at = i;
        int rc = check_text(c->type, "type", WF_LIMIT_LEDGER_TYPE_BYTES, err);
        if (rc != 0)
            return rc;
        for (; at > 0 && wf_str_cmp(e->counts[order[at - 1]].type, c->type) > 0; at--)
            order[at] = order[at - 1];
        order[at] = (uint16_t)i;
        if (c->n == 0 || c->type.len == 0 ||
            (at > 0 && wf_str_eq(e->counts[order[at - 1]].type, c->type)))
            return wf_err_set(err, WF_E_INVAL, "A type stands twice or counts nothing.");
    }
    append_u16(b, e->n_counts);
    for (size_t i = 0; i < e->n_counts; i++) {
        append_text(b, e->counts[order[i]].type);
        (void)wf_buf_append_u32le(b, e->counts[order[i]].n);
    }
    return 0;
}

int wf_ledger_format_write(const struct wf_ledger_entry *e, struct wf_buf *out, struct wf_err *err)
{
    uint8_t fixed[WF_LEDGER_FIXED_BYTES] = {0};
    size_t start = out->len, n;
    int rc = check(e, err);

    if (rc != 0)
        return rc;
    memcpy(fixed, entry_magic, sizeof(entry_magic));
    put(fixed + AT_TIME, (uint64_t)e->time_ms, 8);
    fixed[AT_KIND] = (uint8_t)e->kind;
    fixed[AT_LABEL] = (uint8_t)e->label;
    fixed[AT_RELEASED] = e->is_released ? (uint8_t)e->release.from : NOT_RELEASED;
    put(fixed + AT_STATUS, e->status, 4);
    put(fixed + AT_REQUEST, e->request_seq, 8);
    put(fixed + AT_SIZE, e->bytes, 8);
    put(fixed + AT_TOKENS_IN, e->tokens_in, 8);
    put(fixed + AT_TOKENS_OUT, e->tokens_out, 8);
    put(fixed + AT_COST, e->cost_micro, 8);
    (void)wf_buf_append(out, fixed, sizeof(fixed));
    append_text(out, e->request_id);
    append_text(out, e->engine);
    append_text(out, e->to);
    append_text(out, e->model);
    append_text(out, e->reason);
    if (e->is_released) {
        append_text(out, e->release.who);
        append_text(out, e->release.reason);
        (void)wf_buf_append_u64le(out, (uint64_t)e->release.when_ms);
        (void)wf_buf_append(out, e->release.what, WF_RELEASE_DIGEST_BYTES);
    }
    if (is_given(e->kind))
        (void)wf_buf_append(out, e->sealed, sizeof(e->sealed));
    rc = append_counts(e, out, err);
    if (rc != 0)
        return rc;
    (void)wf_buf_append_fill(out, 0, WF_LEDGER_TRAILER_BYTES);
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Not enough memory for an entry of the ledger.");
    n = out->len - start;
    assert(n <= WF_LIMIT_LEDGER_ENTRY_BYTES);
    put((uint8_t *)out->ptr + start + AT_BYTES, n, 4);
    put((uint8_t *)out->ptr + out->len - 4, n, 4);
    return 0;
}

void wf_ledger_format_seal(uint8_t *bytes, size_t n, uint64_t seq, uint64_t durable_bytes,
                           uint8_t io_hash[WF_LEDGER_HASH_BYTES])
{
    assert(n >= WF_LEDGER_FIXED_BYTES + WF_LEDGER_TRAILER_BYTES);
    put(bytes + AT_SEQ, seq, 8);
    put(bytes + AT_DURABLE, durable_bytes, 8);
    memcpy(bytes + AT_PREV, io_hash, WF_LEDGER_HASH_BYTES);
    hash_of(bytes, n - WF_LEDGER_TRAILER_BYTES, io_hash);
    memcpy(bytes + n - WF_LEDGER_TRAILER_BYTES, io_hash, WF_LEDGER_HASH_BYTES);
}

/* ---- reading an entry ---- */

static size_t bytes_within(uint64_t n)
{
    return n >= WF_LEDGER_FIXED_BYTES + WF_LEDGER_TRAILER_BYTES && n <= WF_LIMIT_LEDGER_ENTRY_BYTES
               ? (size_t)n
               : 0;
}

size_t wf_ledger_format_bytes(const uint8_t first[8])
{
    if (memcmp(first, entry_magic, sizeof(entry_magic)) != 0)
        return 0;
    return bytes_within(get(first + AT_BYTES, 4));
}

size_t wf_ledger_format_bytes_before(const uint8_t last[4])
{
    return bytes_within(get(last, 4));
}

/* What is left of an entry's texts; a failure sticks. */
struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
    const uint8_t *p = c->at;

    if (c->failed || (size_t)(c->end - c->at) < n) {
        c->failed = true;
        return NULL;
    }
    c->at += n;
    return p;
}

static uint64_t take_number(struct cursor *c, size_t n)
{
    const uint8_t *p = take(c, n);

    return p != NULL ? get(p, n) : 0;
}

static struct wf_str take_text(struct cursor *c, size_t max)
{
    size_t n = (size_t)take_number(c, 2);
    struct wf_str s = wf_str_n((const char *)take(c, n), n);

    if (s.ptr == NULL || n > max || wf_utf8_valid_prefix(s) != n) {
        c->failed = true;
        return (struct wf_str){NULL, 0};
    }
    return s;
}

static void take_release(struct cursor *c, struct wf_ledger_entry *e, uint8_t from)
{
    const uint8_t *what;

    e->release.who = take_text(c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->release.reason = take_text(c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->release.when_ms = (int64_t)take_number(c, 8);
    what = take(c, WF_RELEASE_DIGEST_BYTES);
    if (what != NULL)
        memcpy(e->release.what, what, WF_RELEASE_DIGEST_BYTES);
    e->release.engine = e->engine;
    e->release.from = (enum wf_label)from;
    e->release.to = e->label;
    if (from >= WF_LABEL_COUNT || e->release.from <= e->label)
        c->failed = true;
    e->is_released = true;
}

static void take_sealed(struct cursor *c, struct wf_ledger_entry *e)
{
    const uint8_t *hash = take(c, sizeof(e->sealed));

    if (hash != NULL)
        memcpy(e->sealed, hash, sizeof(e->sealed));
}

static void take_counts(struct cursor *c, struct wf_ledger_read *r)
{
    size_t n = (size_t)take_number(c, 2);

    if (n > WF_LIMIT_LEDGER_COUNTS)
        c->failed = true;
    for (size_t i = 0; i < n && !c->failed; i++) {
        struct wf_ledger_count *k = &r->_counts[i];
        k->type = take_text(c, WF_LIMIT_LEDGER_TYPE_BYTES);
        k->n = (uint32_t)take_number(c, 4);
        if (k->n == 0 || k->type.len == 0 || (i > 0 && wf_str_cmp(k[-1].type, k->type) >= 0))
            c->failed = true;
    }
    r->entry.counts = r->_counts;
    r->entry.n_counts = n;
}

static void read_fixed(const uint8_t *p, size_t n, struct wf_ledger_read *out)
{
    struct wf_ledger_entry *e = &out->entry;

    *e = (struct wf_ledger_entry){
        .seq = get(p + AT_SEQ, 8),
        .time_ms = (int64_t)get(p + AT_TIME, 8),
        .kind = (enum wf_ledger_kind)p[AT_KIND],
        .label = (enum wf_label)p[AT_LABEL],
        .status = (uint32_t)get(p + AT_STATUS, 4),
        .request_seq = get(p + AT_REQUEST, 8),
        .bytes = get(p + AT_SIZE, 8),
        .tokens_in = get(p + AT_TOKENS_IN, 8),
        .tokens_out = get(p + AT_TOKENS_OUT, 8),
        .cost_micro = get(p + AT_COST, 8),
    };
    memcpy(e->prev, p + AT_PREV, WF_LEDGER_HASH_BYTES);
    memcpy(e->hash, p + n - WF_LEDGER_TRAILER_BYTES, WF_LEDGER_HASH_BYTES);
    out->durable_bytes = get(p + AT_DURABLE, 8);
}

int wf_ledger_format_read(const uint8_t *bytes, size_t n, struct wf_ledger_read *out,
                          struct wf_err *err)
{
    struct wf_ledger_entry *e = &out->entry;
    uint8_t hash[WF_LEDGER_HASH_BYTES];
    struct cursor c;

    if (n < WF_LEDGER_FIXED_BYTES + WF_LEDGER_TRAILER_BYTES || wf_ledger_format_bytes(bytes) != n ||
        wf_ledger_format_bytes_before(bytes + n - 4) != n)
        return wf_err_set(err, WF_E_FORMAT, "This is no entry of the ledger");
    hash_of(bytes, n - WF_LEDGER_TRAILER_BYTES, hash);
    if (memcmp(hash, bytes + n - WF_LEDGER_TRAILER_BYTES, sizeof(hash)) != 0)
        return wf_err_set(err, WF_E_FORMAT, "An entry of the ledger was changed");
    read_fixed(bytes, n, out);
    c = (struct cursor){bytes + WF_LEDGER_FIXED_BYTES, bytes + n - WF_LEDGER_TRAILER_BYTES, false};
    e->request_id = take_text(&c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->engine = take_text(&c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->to = take_text(&c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->model = take_text(&c, WF_LIMIT_LEDGER_TEXT_BYTES);
    e->reason = take_text(&c, WF_LIMIT_LEDGER_TEXT_BYTES);
    if (bytes[AT_RELEASED] != NOT_RELEASED)
        take_release(&c, e, bytes[AT_RELEASED]);
    if (is_given(e->kind))
        take_sealed(&c, e);
    take_counts(&c, out);
    if (c.failed || c.at != c.end || bytes[AT_ZERO] != 0 || bytes[AT_LABEL] >= WF_LABEL_COUNT ||
        bytes[AT_KIND] < WF_LEDGER_REQUEST || bytes[AT_KIND] >= WF_LEDGER_KIND_END)
        return wf_err_set(err, WF_E_FORMAT, "An entry of the ledger is not as weft writes it");
    return 0;
}

/* ---- the head, and keys ---- */

void wf_ledger_format_sign(const struct wf_ledger_head *h, const uint8_t secret[64],
                           uint8_t out[WF_LEDGER_HEAD_BYTES])
{
    memcpy(out, head_magic, sizeof(head_magic));
    put(out + 8, (uint64_t)h->time_ms, 8);
    put(out + 16, h->n_entries, 8);
    put(out + 24, h->n_bytes, 8);
    memcpy(out + 32, h->hash, WF_LEDGER_HASH_BYTES);
    (void)crypto_sign_ed25519_sk_to_pk(out + 64, secret); /* cannot fail */
    (void)crypto_sign_detached(out + HASHED_HEAD_BYTES, NULL, out, HASHED_HEAD_BYTES, secret);
}

int wf_ledger_format_read_head(const uint8_t *bytes, size_t n,
                               const uint8_t key[WF_LEDGER_KEY_BYTES], struct wf_ledger_head *out,
                               struct wf_err *err)
{
    struct wf_ledger_head h;

    if (n != WF_LEDGER_HEAD_BYTES || memcmp(bytes, head_magic, sizeof(head_magic)) != 0)
        return wf_err_set(err, WF_E_FORMAT, "The ledger's head is not as weft writes it");
    if (memcmp(bytes + 64, key, WF_LEDGER_KEY_BYTES) != 0 ||
        crypto_sign_verify_detached(bytes + HASHED_HEAD_BYTES, bytes, HASHED_HEAD_BYTES, key) != 0)
        return wf_err_set(err, WF_E_DENIED, "The ledger's head is not signed by its key");
    h.time_ms = (int64_t)get(bytes + 8, 8);
    h.n_entries = get(bytes + 16, 8);
    h.n_bytes = get(bytes + 24, 8);
    memcpy(h.hash, bytes + 32, WF_LEDGER_HASH_BYTES);
    memcpy(h.key, bytes + 64, WF_LEDGER_KEY_BYTES);
    *out = h;
    return 0;
}

int wf_ledger_format_read_key(struct wf_str file, uint8_t out[WF_LEDGER_KEY_BYTES])
{
    if (file.len != WF_LEDGER_KEY_FILE_BYTES || file.ptr[file.len - 1] != '\n')
        return WF_E_FORMAT;
    for (size_t i = 0; i + 1 < file.len; i++) {
        char c = file.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return WF_E_FORMAT;
    }
    if (sodium_hex2bin(out, WF_LEDGER_KEY_BYTES, file.ptr, file.len - 1, NULL, NULL, NULL) != 0)
        return WF_E_FORMAT;
    return 0;
}

void wf_ledger_format_write_key(const uint8_t key[WF_LEDGER_KEY_BYTES],
                                char out[WF_LEDGER_KEY_FILE_BYTES + 1])
{
    (void)sodium_bin2hex(out, WF_LEDGER_KEY_FILE_BYTES, key, WF_LEDGER_KEY_BYTES);
    out[WF_LEDGER_KEY_FILE_BYTES - 1] = '\n';
    out[WF_LEDGER_KEY_FILE_BYTES] = '\0';
}
