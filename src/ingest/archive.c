/* SPDX-License-Identifier: Apache-2.0 */
/* Archive: ZIP members through libarchive, with bounds.
 *
 * libarchive walks an archive in one direction, so the members are listed in a first walk, and a
 * later walk goes forward to the wanted one; only when it lies behind does the walk begin anew.
 * Parts of a document mostly lie in the order in which they are read, so that is rare.
 *
 * First the seekable reader is tried, which trusts the central directory; when it gives nothing,
 * the streaming reader, which looks at each member's own header and so reads a file that was cut
 * off as far as it goes.
 *
 * Invariants: (1) _i_open is the member whose data libarchive stands in, or SIZE_MAX; (2) the
 * i_next-th header is the one that the walk reads next; (3) unpacked_bytes counts every byte that
 * ever left wf_archive_read, also of a member read twice, so no loop over members escapes it. */
#include "ingest/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"

#define WINDOW_BYTES (32u << 10)
/* Longer names are told apart, but letters' cases are not, and no relation leads to them. */
#define NAME_BYTES_MAX 1024

struct member {
    struct wf_str name;
    size_t i_same; /* the next member whose name differs in case only, or SIZE_MAX */
    bool encrypted;
};

struct wf_archive {
    struct wf_archive_source src;
    uint64_t offset; /* in the source, of the next read */
    bool io_failed;  /* the descriptor, not the archive, is at fault */
    struct archive *la;
    bool streaming; /* the central directory is of no use */
    bool damaged;
    struct wf_arena names;
    struct wf_map by_name; /* name in lower case -> the first member */
    struct member *members;
    size_t n_members, n_members_room;
    size_t i_next;           /* (2) */
    size_t i_open;           /* (1) */
    uint64_t unpacked_bytes; /* (3) */
    char window[WINDOW_BYTES];
};

/* ---- what libarchive calls ---- */

static la_ssize_t on_read(struct archive *la, void *ud, const void **out)
{
    struct wf_archive *a = ud;
    uint64_t left = a->src.n_bytes - WF_MIN(a->offset, a->src.n_bytes);
    size_t n = (size_t)WF_MIN(left, (uint64_t)WINDOW_BYTES);
    if (n == 0) {
        return 0;
    }
    if (a->src.fd < 0) {
        *out = a->src.bytes.ptr + a->offset;
        a->offset += n;
        return (la_ssize_t)n;
    }
    ssize_t got;
    do {
        got = pread(a->src.fd, a->window, n, (off_t)a->offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        a->io_failed = true;
        archive_set_error(la, errno, "the file cannot be read: %s", strerror(errno));
        return -1;
    }
    *out = a->window;
    a->offset += (uint64_t)got;
    return got;
}

static la_int64_t on_seek(struct archive *la, void *ud, la_int64_t offset, int whence)
{
    (void)la;
    struct wf_archive *a = ud;
    la_int64_t base = 0;
    if (whence == SEEK_CUR) {
        base = (la_int64_t)a->offset;
    } else if (whence == SEEK_END) {
        base = (la_int64_t)a->src.n_bytes;
    }
    la_int64_t to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0) {
        return ARCHIVE_FATAL;
    }
    a->offset = WF_MIN((uint64_t)to, a->src.n_bytes);
    return (la_int64_t)a->offset;
}

static la_int64_t on_skip(struct archive *la, void *ud, la_int64_t n)
{
    (void)la;
    struct wf_archive *a = ud;
    uint64_t left = a->src.n_bytes - WF_MIN(a->offset, a->src.n_bytes);
    uint64_t by = n > 0 ? WF_MIN((uint64_t)n, left) : 0;
    a->offset += by;
    return (la_int64_t)by;
}

/* ---- walking ---- */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "not enough memory to open the file");
}

/* The sentence for what libarchive says; it names the format's fault in brackets. */
static int broken(struct wf_archive *a, struct wf_err *err)
{
    if (a->la != NULL && archive_errno(a->la) == ENOMEM) {
        return no_memory(err);
    }
    const char *why = a->la != NULL ? archive_error_string(a->la) : NULL;
    return wf_err_set(err, a->io_failed ? WF_E_IO : WF_E_FORMAT,
                      "the file is damaged or incomplete: its ZIP archive cannot be read%s%s%s",
                      why != NULL ? " (" : "", why != NULL ? why : "", why != NULL ? ")" : "");
}

static void close_walk(struct wf_archive *a)
{
    if (a->la != NULL) {
        (void)archive_read_free(a->la); /* nothing was written: nothing can be lost */
    }
    a->la = NULL;
    a->i_next = 0;
    a->i_open = SIZE_MAX;
}

/* Begins a walk at the first member. */
static int open_walk(struct wf_archive *a, struct wf_err *err)
{
    close_walk(a);
    a->offset = 0;
    a->la = archive_read_new();
    if (a->la == NULL) {
        return no_memory(err);
    }
    int rc = a->streaming ? archive_read_support_format_zip_streamable(a->la)
                          : archive_read_support_format_zip_seekable(a->la);
    if (rc == ARCHIVE_OK) {
        rc = archive_read_set_read_callback(a->la, on_read);
    }
    if (rc == ARCHIVE_OK) {
        rc = archive_read_set_skip_callback(a->la, on_skip);
    }
    if (rc == ARCHIVE_OK) {
        rc = archive_read_set_seek_callback(a->la, on_seek);
    }
    if (rc == ARCHIVE_OK) {
        rc = archive_read_set_callback_data(a->la, a);
    }
    if (rc == ARCHIVE_OK) {
        rc = archive_read_open1(a->la);
    }
    return rc == ARCHIVE_OK ? 0 : broken(a, err);
}

/* 1: *out is the next header; 0: the end; negative: as broken() says. */
static int next_header(struct wf_archive *a, struct archive_entry **out, struct wf_err *err)
{
    int rc = archive_read_next_header(a->la, out);
    if (rc == ARCHIVE_EOF) {
        return 0;
    }
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
        return broken(a, err);
    }
    a->i_next++;
    return 1;
}

/* The name as we keep it: some writers use "\" or begin with "/" or "./". */
static struct wf_str keep_name(struct wf_archive *a, struct archive_entry *entry)
{
    const char *raw = archive_entry_pathname_utf8(entry);
    if (raw == NULL) {
        raw = archive_entry_pathname(entry);
    }
    struct wf_str s = wf_str_from(raw != NULL ? raw : "");
    while (wf_str_starts(s, WF_STR("/")) || wf_str_starts(s, WF_STR("./"))) {
        s = wf_str_sub(s, 1, s.len);
    }
    char *copy = wf_arena_cstr(&a->names, s);
    for (size_t i = 0; copy != NULL && i < s.len; i++) {
        if (copy[i] == '\\') {
            copy[i] = '/';
        }
    }
    return wf_str_n(copy, copy != NULL ? s.len : 0);
}

/* `name` in lower case, for the table of names; empty when it is too long for that. */
static struct wf_str fold_name(struct wf_str name, char room[static NAME_BYTES_MAX])
{
    if (name.len > NAME_BYTES_MAX) {
        return wf_str_n(room, 0);
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        room[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return wf_str_n(room, name.len);
}

static int index_member(struct wf_archive *a, size_t i, struct wf_err *err)
{
    char room[NAME_BYTES_MAX];
    bool is_new = false;
    union wf_map_value *v = wf_map_put(&a->by_name, fold_name(a->members[i].name, room), &is_new);
    if (v == NULL) {
        return no_memory(err);
    }
    if (is_new) {
        v->u64 = i;
    } else { /* behind the first, which so stays the one that is found */
        a->members[i].i_same = a->members[v->u64].i_same;
        a->members[v->u64].i_same = i;
    }
    return 0;
}

static int add_member(struct wf_archive *a, struct archive_entry *entry, struct wf_err *err)
{
    if (a->n_members >= WF_LIMIT_ARCHIVE_MEMBERS) {
        return wf_err_set(err, WF_E_LIMIT, "the file holds more than %d parts",
                          WF_LIMIT_ARCHIVE_MEMBERS);
    }
    if (a->n_members == a->n_members_room) {
        size_t room = a->n_members_room * 2 + 32;
        struct member *grown = wf_realloc_array(a->members, room, sizeof(*grown));
        if (grown == NULL) {
            return no_memory(err);
        }
        a->members = grown;
        a->n_members_room = room;
    }
    struct wf_str name = keep_name(a, entry);
    if (name.ptr == NULL) {
        return no_memory(err);
    }
    a->members[a->n_members++] = (struct member){
        .name = name, .i_same = SIZE_MAX, .encrypted = archive_entry_is_encrypted(entry)};
    return index_member(a, a->n_members - 1, err);
}

/* Lists all members with the reader chosen by `streaming`. What was listed before a failure
 * stays. */
static int list_members(struct wf_archive *a, struct wf_err *err)
{
    a->n_members = 0;
    wf_arena_reset(&a->names);
    wf_map_reset(&a->by_name);
    int rc = open_walk(a, err);
    while (rc == 0) {
        struct archive_entry *entry = NULL;
        rc = next_header(a, &entry, err);
        if (rc <= 0) {
            break;
        }
        rc = add_member(a, entry, err);
    }
    return rc;
}

int wf_archive_open(const struct wf_archive_source *src, struct wf_archive **out,
                    struct wf_err *err)
{
    assert(src->fd >= 0 || src->bytes.len == src->n_bytes);
    struct wf_archive *a = wf_alloc_array(1, sizeof(*a));
    if (a == NULL) {
        return no_memory(err);
    }
    a->src = *src;
    a->i_open = SIZE_MAX;
    /* A name is at most 64 KiB in the format; this many bytes are 200 for each member. */
    wf_map_init(&a->by_name, WF_LIMIT_ARCHIVE_MEMBERS);
    wf_arena_init(&a->names, 0, (size_t)200 * WF_LIMIT_ARCHIVE_MEMBERS);
    struct wf_err first = WF_ERR_INIT;
    int rc = list_members(a, &first);
    if ((rc == WF_E_FORMAT || (rc == 0 && a->n_members == 0)) && src->n_bytes > 0) {
        a->streaming = true;
        a->damaged = true;
        int rc2 = list_members(a, &first);
        /* As many members as are whole: the parser of the format knows whether they do. */
        rc = rc2 == WF_E_FORMAT && a->n_members > 0 ? 0 : rc2;
    }
    if (rc == 0 && a->n_members == 0) {
        rc = wf_err_set(&first, WF_E_FORMAT,
                        "the file is damaged or incomplete: it is no ZIP archive");
    }
    if (rc != 0) {
        wf_archive_free(a);
        return wf_err_set(err, rc, "%s", first.msg);
    }
    *out = a;
    return 0;
}

int wf_archive_open_input(const struct wf_parse_input *in, struct wf_archive **out,
                          struct wf_err *err)
{
    const struct wf_archive_source src = {
        .fd = in->fd, .n_bytes = in->n_bytes, .bytes = {in->bytes, (size_t)in->n_bytes}};
    return wf_archive_open(&src, out, err);
}

void wf_archive_free(struct wf_archive *a)
{
    if (a == NULL) {
        return;
    }
    close_walk(a);
    wf_arena_deinit(&a->names);
    wf_map_deinit(&a->by_name);
    wf_free(a->members);
    wf_free(a);
}

size_t wf_archive_count(const struct wf_archive *a)
{
    return a->n_members;
}

struct wf_str wf_archive_name(const struct wf_archive *a, size_t i)
{
    assert(i < a->n_members);
    return a->members[i].name;
}

size_t wf_archive_find(const struct wf_archive *a, struct wf_str name)
{
    if (wf_str_starts(name, WF_STR("/"))) {
        name = wf_str_sub(name, 1, name.len);
    }
    char room[NAME_BYTES_MAX];
    union wf_map_value *v = wf_map_get(&a->by_name, fold_name(name, room));
    size_t first = v != NULL ? (size_t)v->u64 : SIZE_MAX;
    for (size_t i = first; i != SIZE_MAX; i = a->members[i].i_same) {
        if (wf_str_eq(a->members[i].name, name)) {
            return i;
        }
    }
    return name.len > 0 && name.len <= NAME_BYTES_MAX ? first : SIZE_MAX;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

struct path {
    char bytes[NAME_BYTES_MAX];
    size_t len;
    bool full;
};

static void path_add(struct path *p, struct wf_str s)
{
    if (s.len > sizeof(p->bytes) - p->len) {
        p->full = true;
        return;
    }
    memcpy(p->bytes + p->len, s.len > 0 ? s.ptr : "", s.len);
    p->len += s.len;
}

/* "a/b/" -> "a/" */
static void path_up(struct path *p)
{
    p->len -= p->len > 0;
    while (p->len > 0 && p->bytes[p->len - 1] != '/') {
        p->len--;
    }
}

/* "a%20b" -> "a b" */
static void path_decode(struct path *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->len; i++) {
        char c = p->bytes[i];
        int high = c == '%' && i + 2 < p->len ? hex_digit(p->bytes[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(p->bytes[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        p->bytes[n++] = c;
    }
    p->len = n;
}

/* "a/b.xml" + "../c.xml" -> "c.xml" */
static void resolve(struct path *out, struct wf_str base, struct wf_str target)
{
    if (!wf_str_starts(target, WF_STR("/"))) {
        path_add(out, base);
        path_up(out);
    }
    struct wf_str step;
    while (wf_str_split(&target, '/', &step)) {
        if (wf_str_eq(step, WF_STR(".."))) {
            path_up(out);
        } else if (step.len > 0 && !wf_str_eq(step, WF_STR("."))) {
            path_add(out, step);
            path_add(out, WF_STR("/"));
        }
    }
    out->len -= out->len > 0;
}

size_t wf_archive_find_from(const struct wf_archive *a, struct wf_str base, struct wf_str target)
{
    struct path path = {.len = 0};
    target = wf_str_sub(target, 0, wf_str_find_byte(target, '#', 0));
    resolve(&path, base, target);
    if (path.full || path.len == 0) {
        return SIZE_MAX;
    }
    size_t i = wf_archive_find(a, wf_str_n(path.bytes, path.len));
    if (i == SIZE_MAX) {
        path.len = WF_MIN(wf_str_find_byte(wf_str_n(path.bytes, path.len), '?', 0), path.len);
        path_decode(&path);
        i = wf_archive_find(a, wf_str_n(path.bytes, path.len));
    }
    return i;
}

bool wf_archive_damaged(const struct wf_archive *a)
{
    return a->damaged;
}

bool wf_archive_encrypted(const struct wf_archive *a, size_t i)
{
    assert(i < a->n_members);
    return a->members[i].encrypted;
}

int wf_archive_begin(struct wf_archive *a, size_t i, struct wf_err *err)
{
    assert(i < a->n_members);
    if (a->members[i].encrypted) {
        return wf_archive_need_password(err);
    }
    if (a->la == NULL || a->i_next > i) {
        int rc = open_walk(a, err);
        if (rc != 0) {
            return rc;
        }
    }
    a->i_open = SIZE_MAX;
    while (a->i_next <= i) {
        struct archive_entry *entry = NULL;
        int rc = next_header(a, &entry, err);
        if (rc <= 0) {
            return rc < 0 ? rc : broken(a, err);
        }
    }
    assert(a->i_next == i + 1);
    a->i_open = i;
    return 0;
}

/* A gigabyte in all; and above 32 MiB at most 250 times the file: deflate can do 1032, documents
 * of real programs stay below 100. */
static bool is_bomb(const struct wf_archive *a)
{
    return a->unpacked_bytes > WF_LIMIT_ARCHIVE_BYTES ||
           (a->unpacked_bytes > (UINT64_C(32) << 20) &&
            a->unpacked_bytes / WF_LIMIT_ARCHIVE_RATIO > a->src.n_bytes);
}

int wf_archive_read(struct wf_archive *a, void *p, size_t n, size_t *out_n, struct wf_err *err)
{
    assert(a->i_open != SIZE_MAX);
    assert(n > 0);
    la_ssize_t got;
    do {
        got = archive_read_data(a->la, p, n);
    } while (got == ARCHIVE_RETRY);
    if (got == ARCHIVE_WARN) { /* a wrong checksum behind the last byte */
        got = 0;
        a->damaged = true;
    }
    if (got < 0) {
        a->damaged = true;
        return broken(a, err);
    }
    a->unpacked_bytes += (uint64_t)got;
    if (is_bomb(a)) {
        return wf_err_set(err, WF_E_LIMIT,
                          "the file of %llu kB unpacks to more than %llu MB: it is not read, since "
                          "such files are made to fill a computer's memory",
                          (unsigned long long)(a->src.n_bytes >> 10),
                          (unsigned long long)(a->unpacked_bytes >> 20));
    }
    *out_n = (size_t)got;
    return 0;
}

int wf_archive_read_all(struct wf_archive *a, size_t i, struct wf_buf *out, struct wf_err *err)
{
    char piece[16u << 10];
    int rc = wf_archive_begin(a, i, err);
    while (rc == 0) {
        size_t n = 0;
        rc = wf_archive_read(a, piece, sizeof(piece), &n, err);
        if (rc != 0 || n == 0) {
            break;
        }
        rc = wf_buf_append(out, piece, n);
        if (rc != 0) {
            return rc == WF_E_LIMIT ? wf_err_set(err, rc, "a part of the file is too large")
                                    : no_memory(err);
        }
    }
    return rc;
}

int wf_archive_need_password(struct wf_err *err)
{
    return wf_err_set(err, WF_E_ENCRYPTED,
                      "the file is protected by a password: save a copy without one and add that");
}

void wf_archive_warm(void)
{
    /* An end-of-central-directory record of an empty archive. */
    static const char empty[22] = "PK\5\6";
    struct wf_archive_source src = {.fd = -1, .n_bytes = sizeof(empty)};
    src.bytes = wf_str_n(empty, sizeof(empty));
    struct wf_archive *a = NULL;
    if (wf_archive_open(&src, &a, NULL) == 0) {
        wf_archive_free(a);
    }
}
