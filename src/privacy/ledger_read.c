/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a ledger, forwards and backwards, through a window of its log. The log grows while it is
 * read, and may shrink by what was never acknowledged: it is read, not mapped. A reader ends at the
 * last whole entry that it finds behind the last signature. */
#include "privacy/ledger_read.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"

#define WINDOW_BYTES ((size_t)4 * WF_LIMIT_LEDGER_ENTRY_BYTES)

struct wf_ledger_reader {
    int fd;
    uint64_t n_bytes; /* of the log that is read */
    uint64_t at;
    uint64_t window_at;
    size_t window_n;
    uint8_t *window; /* [WINDOW_BYTES] */
    uint8_t first_hash[WF_LEDGER_HASH_BYTES];
    struct wf_ledger_head head;
    struct wf_ledger_read read;
};

static int join(const char *dir, const char *name, struct wf_buf *out, struct wf_err *err)
{
    wf_buf_init(out, WF_LIMIT_PATH_BYTES);
    if (wf_buf_appendf(out, "%s/%s", dir, name) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to read the ledger.");
    return 0;
}

/* ---- the window ---- */

/* Makes n bytes from `at` readable, and what lies around them: behind, or before when going back.
 * NULL: there are fewer, or they cannot be read. */
static const uint8_t *look(struct wf_ledger_reader *r, uint64_t at, size_t n, bool back)
{
    assert(n <= WINDOW_BYTES / 2);
    if (at > r->n_bytes || r->n_bytes - at < n)
        return NULL;
    if (at < r->window_at || at + n > r->window_at + r->window_n) {
        uint64_t from = !back ? at : at + n > WINDOW_BYTES ? at + n - WINDOW_BYTES : 0;
        size_t want = (size_t)WF_MIN((uint64_t)WINDOW_BYTES, r->n_bytes - from);
        r->window_at = from;
        r->window_n = 0;
        while (r->window_n < want) {
            ssize_t k = pread(r->fd, r->window + r->window_n, want - r->window_n,
                              (off_t)(from + r->window_n));
            if (k < 0 && errno == EINTR)
                continue;
            if (k <= 0)
                break;
            r->window_n += (size_t)k;
        }
        if (at + n > from + r->window_n)
            return NULL;
    }
    return r->window + (at - r->window_at);
}

static int entry_at(struct wf_ledger_reader *r, uint64_t at, size_t n, bool back,
                    struct wf_err *err)
{
    const uint8_t *p = n > 0 ? look(r, at, n, back) : NULL;

    if (p == NULL)
        return wf_err_set(err, WF_E_FORMAT, "This is no entry of the ledger");
    return wf_ledger_format_read(p, n, &r->read, err);
}

int wf_ledger__next(struct wf_ledger_reader *r, const struct wf_ledger_read **out,
                    struct wf_err *err)
{
    const uint8_t *first;
    size_t n = 0;
    int rc;

    if (r->at >= r->n_bytes)
        return 0;
    first = look(r, r->at, 8, false);
    if (first != NULL)
        n = wf_ledger_format_bytes(first);
    rc = entry_at(r, r->at, n, false, err);
    if (rc != 0)
        return rc;
    r->at += n;
    *out = &r->read;
    return 1;
}

bool wf_ledger__is_room(struct wf_ledger_reader *r)
{
    size_t n;

    for (uint64_t at = r->at; at < r->n_bytes; at += n) {
        const uint8_t *p;
        n = (size_t)WF_MIN(r->n_bytes - at, (uint64_t)WINDOW_BYTES / 2);
        p = look(r, at, n, false);
        if (p == NULL || !sodium_is_zero(p, n))
            return false;
    }
    return true;
}

bool wf_ledger__is_live(const struct wf_ledger_reader *r)
{
    bool is_live = flock(r->fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

    if (!is_live)
        (void)flock(r->fd, LOCK_UN);
    return is_live;
}

struct wf_ledger_place wf_ledger__place(const struct wf_ledger_reader *r)
{
    return (struct wf_ledger_place){r->at, r->n_bytes, r->first_hash};
}

/* ---- what is public ---- */

static int damaged(int rc, uint64_t at, struct wf_err *err)
{
    return rc >= 0 ? rc
                   : wf_err_set(err, WF_E_CORRUPT,
                                "The ledger is damaged at byte %llu. See: weft ledger verify",
                                (unsigned long long)at);
}

int wf_ledger_reader_next(struct wf_ledger_reader *r, const struct wf_ledger_entry **out,
                          struct wf_err *err)
{
    const struct wf_ledger_read *read = NULL;
    int rc = wf_ledger__next(r, &read, NULL);

    if (rc == 1)
        *out = &r->read.entry;
    return damaged(rc, r->at, err);
}

int wf_ledger_reader_back(struct wf_ledger_reader *r, const struct wf_ledger_entry **out,
                          struct wf_err *err)
{
    const uint8_t *last;
    size_t n = 0;
    int rc;

    if (r->at <= WF_LEDGER_BEGIN_BYTES)
        return 0;
    last = look(r, r->at - 4, 4, true);
    if (last != NULL)
        n = wf_ledger_format_bytes_before(last);
    rc = n > r->at - WF_LEDGER_BEGIN_BYTES ? WF_E_FORMAT : entry_at(r, r->at - n, n, true, NULL);
    if (rc != 0)
        return damaged(rc, r->at, err);
    r->at -= n;
    *out = &r->read.entry;
    return 1;
}

void wf_ledger_reader_to_end(struct wf_ledger_reader *r)
{
    r->at = r->n_bytes;
}

const struct wf_ledger_head *wf_ledger_reader_head(const struct wf_ledger_reader *r)
{
    return &r->head;
}

void wf_ledger_reader_free(struct wf_ledger_reader *r)
{
    if (r == NULL)
        return;
    wf_file_close(&r->fd);
    wf_free(r->window);
    wf_free(r);
}

/* Reads a small file of the folder. */
static int read_small(const char *dir, const char *name, struct wf_buf *out, struct wf_err *err)
{
    struct wf_buf path;
    int rc = join(dir, name, &path, err);

    if (rc == 0)
        rc = wf_file_read(path.ptr, out, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, WF_E_CORRUPT, "The ledger's %s is missing.", name);
    wf_buf_deinit(&path);
    return rc;
}

int wf_ledger__is_there(const char *dir, struct wf_err *err)
{
    static const char *const names[] = {"head", "log"};
    bool is_there = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(names); i++) {
        struct wf_buf path;
        rc = join(dir, names[i], &path, err);
        is_there = is_there || (rc == 0 && (access(path.ptr, F_OK) == 0 || errno != ENOENT));
        wf_buf_deinit(&path);
    }
    if (rc == 0 && !is_there)
        rc = wf_err_set(err, WF_E_NOENT, "There is no ledger yet: nothing has left this machine.");
    return rc;
}

int wf_ledger__read_head(const char *dir, struct wf_ledger_head *out, struct wf_err *err)
{
    uint8_t key[WF_LEDGER_KEY_BYTES];
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LEDGER_HEAD_BYTES + 1);
    rc = read_small(dir, "key.pub", &b, err);
    if (rc == 0 && wf_ledger_format_read_key(wf_buf_str(&b), key) != 0)
        rc = wf_err_set(err, WF_E_CORRUPT, "The ledger's key.pub holds no key.");
    if (rc == 0)
        rc = read_small(dir, "head", &b, err);
    if (rc == 0) {
        rc = wf_ledger_format_read_head((const uint8_t *)b.ptr, b.len, key, out, err);
        if (rc == WF_E_FORMAT || rc == WF_E_DENIED)
            rc = wf_err_set(err, WF_E_CORRUPT, "%s",
                            rc == WF_E_FORMAT ? "The ledger's head is not as weft writes it."
                                              : "The ledger's head is not signed by its key.");
    }
    wf_buf_deinit(&b);
    return rc;
}

int wf_ledger__open_log(const char *dir, struct wf_ledger_reader **out, struct wf_err *err)
{
    struct wf_ledger_reader *r = wf_alloc_array(1, sizeof(*r));
    const uint8_t *begin;
    struct wf_buf path;
    struct stat st;
    int rc = join(dir, "log", &path, err);

    (void)!sodium_init(); /* chooses the fastest hash; without it a slower one is as right */
    if (rc == 0 && (r == NULL || (r->window = wf_alloc(WINDOW_BYTES)) == NULL))
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to read the ledger.");
    if (r != NULL)
        r->fd = -1;
    if (rc == 0) {
        r->fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (r->fd < 0)
            rc = wf_err_errno(err, errno, "cannot open %s", path.ptr);
        else if (fstat(r->fd, &st) != 0)
            rc = wf_err_errno(err, errno, "cannot look at %s", path.ptr);
    }
    if (rc == 0) {
        r->n_bytes = (uint64_t)st.st_size;
        r->at = WF_LEDGER_BEGIN_BYTES;
        begin = look(r, 0, WF_LEDGER_BEGIN_BYTES, false);
        if (begin == NULL || wf_ledger_format_read_begin(begin, r->first_hash) != 0)
            rc = wf_err_set(err, WF_E_CORRUPT, "The log does not begin as a ledger does.");
    }
    wf_buf_deinit(&path);
    if (rc != 0)
        wf_ledger_reader_free(r);
    else
        *out = r;
    return rc;
}

int wf_ledger_reader_open(const char *dir, struct wf_ledger_reader **out, struct wf_err *err)
{
    const struct wf_ledger_read *read = NULL;
    struct wf_ledger_reader *r = NULL;
    struct wf_ledger_head head;
    int rc = wf_ledger__is_there(dir, err);

    /* The head first: the log is then at least as long. */
    if (rc == 0)
        rc = wf_ledger__read_head(dir, &head, err);
    if (rc == 0)
        rc = wf_ledger__open_log(dir, &r, err);
    if (rc != 0)
        return rc;
    r->head = head;
    if (head.n_bytes > r->n_bytes || head.n_bytes < WF_LEDGER_BEGIN_BYTES) {
        wf_ledger_reader_free(r);
        return wf_err_set(err, WF_E_CORRUPT,
                          "The ledger is shorter than what was signed. See: weft ledger verify");
    }
    r->at = head.n_bytes;
    do
        rc = wf_ledger__next(r, &read, NULL);
    while (rc == 1);
    r->n_bytes = r->at;
    r->at = WF_LEDGER_BEGIN_BYTES;
    *out = r;
    return 0;
}

/* ---- JSON ---- */

const char *wf_ledger_kind_name(enum wf_ledger_kind kind)
{
    switch (kind) {
    case WF_LEDGER_REQUEST:
        return "request";
    case WF_LEDGER_COMPLETION:
        return "completion";
    case WF_LEDGER_REFUSAL:
        return "refusal";
    case WF_LEDGER_GIVEN:
        return "given";
    case WF_LEDGER_GIVEN_ALL:
        return "given_all";
    case WF_LEDGER_RECOVERY:
    case WF_LEDGER_KIND_END:
        break;
    }
    return "recovery";
}

static json_t *text(struct wf_str s)
{
    return s.len == 0 ? json_string("") : json_stringn(s.ptr, s.len);
}

static json_t *counts_json(const struct wf_ledger_entry *e)
{
    json_t *v = json_object();

    for (size_t i = 0; i < e->n_counts; i++) {
        const struct wf_ledger_count *c = &e->counts[i];
        if (json_object_setn_new(v, c->type.ptr, c->type.len, json_integer(c->n)) != 0) {
            json_decref(v);
            return NULL;
        }
    }
    return v;
}

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)WF_MIN(n, (uint64_t)INT64_MAX));
}

/* "Ben's phone" of "Ben / phone"; of one that is called as its person is, the name. */
static void append_whose(struct wf_buf *b, struct wf_str to)
{
    size_t at = to.len;

    while (at >= 3 && memcmp(to.ptr + at - 3, " / ", 3) != 0)
        at--;
    if (at < 3) {
        (void)wf_buf_append_str(b, to); /* the caller looks, here and below */
        return;
    }
    if (!wf_str_eq(wf_str_sub(to, 0, at - 3), wf_str_sub(to, at, to.len)))
        (void)wf_buf_appendf(b, "%.*s's ", WF_STR_ARG(wf_str_sub(to, 0, at - 3)));
    (void)wf_buf_append_str(b, wf_str_sub(to, at, to.len));
}

/* "12 changes to the draft plans/list went to Ben's phone" */
static json_t *words_json(const struct wf_ledger_entry *e, const struct wf_ledger_count *c)
{
    struct wf_buf b;
    json_t *v = NULL;

    wf_buf_init(&b, WF_LIMIT_LEDGER_ENTRY_BYTES);
    (void)wf_buf_appendf(&b, c->n == 1 ? "%u change" : "%u changes", c->n); /* the end tells */
    (void)wf_buf_appendf(&b, " to the %.*s %.*s", WF_STR_ARG(c->type), WF_STR_ARG(e->engine));
    if (e->model.len > 0)
        (void)wf_buf_appendf(&b, "/%.*s", WF_STR_ARG(e->model));
    (void)wf_buf_append_str(&b, WF_STR(" went to "));
    append_whose(&b, e->to);
    if (wf_buf_status(&b) == 0)
        v = text(wf_buf_str(&b));
    wf_buf_deinit(&b);
    return v;
}

static json_t *given_json(const struct wf_ledger_entry *e, const char *prev, const char *hash)
{
    const struct wf_ledger_count nothing = {WF_STR("item"), 0};
    const struct wf_ledger_count *c = e->n_counts > 0 ? e->counts : &nothing;
    char sealed[2 * WF_LEDGER_HASH_BYTES + 1];

    (void)sodium_bin2hex(sealed, sizeof(sealed), e->sealed, sizeof(e->sealed));
    return json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, "
                     "s:s, s:s}",
                     "seq", number(e->seq), "time", json_integer(e->time_ms), "kind",
                     wf_ledger_kind_name(e->kind), "label", wf_label_name(e->label), "to",
                     text(e->to), "device", text(e->request_id), "space", text(e->engine), "what",
                     text(c->type), "name", text(e->model), "changes", json_integer(c->n), "bytes",
                     number(e->bytes), "reason", text(e->reason), "words", words_json(e, c),
                     "request_entry", e->request_seq != 0 ? number(e->request_seq) : json_null(),
                     "sealed", sealed, "prev", prev, "hash", hash);
}

json_t *wf_ledger_entry_json(const struct wf_ledger_entry *e)
{
    char prev[2 * WF_LEDGER_HASH_BYTES + 1], hash[2 * WF_LEDGER_HASH_BYTES + 1];

    (void)sodium_bin2hex(prev, sizeof(prev), e->prev, sizeof(e->prev));
    (void)sodium_bin2hex(hash, sizeof(hash), e->hash, sizeof(e->hash));
    if (e->kind == WF_LEDGER_GIVEN || e->kind == WF_LEDGER_GIVEN_ALL)
        return given_json(e, prev, hash);
    return json_pack(
        "{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:s, s:s}",
        "seq", number(e->seq), "time", json_integer(e->time_ms), "kind",
        wf_ledger_kind_name(e->kind), "label", wf_label_name(e->label), "engine", text(e->engine),
        "to", text(e->to), "model", text(e->model), "reason", text(e->reason), "request",
        text(e->request_id), "request_entry",
        e->request_seq != 0 ? number(e->request_seq) : json_null(), "release",
        e->is_released ? wf_release_json(&e->release) : json_null(),
        e->kind == WF_LEDGER_COMPLETION ? "flags" : "redactions", counts_json(e), "bytes",
        number(e->bytes), "tokens_in", number(e->tokens_in), "tokens_out", number(e->tokens_out),
        "cost_micro", number(e->cost_micro), "status", number(e->status), "prev", prev, "hash",
        hash);
}
