/* SPDX-License-Identifier: Apache-2.0 */
/* Implements home.h. Deliberately not the intake: store tests stand on their own floor. */
#include "support/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "os/file.h"
#include "store/blob.h"
#include "store/vector.h"
#include "text/utf8.h"

void home_make(struct home *h)
{
    memset(h, 0, sizeof(*h));
    const char *base = getenv("TMPDIR");
    snprintf(h->dir, sizeof(h->dir), "%.40s/weft-home-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(h->dir));
    home_open(h);
}

int home_try_open(struct home *h, struct wf_err *err)
{
    assert_null(h->store);
    return wf_store_open(h->dir, &h->options, &h->store, err);
}

void home_open(struct home *h)
{
    struct wf_err err = WF_ERR_INIT;
    if (home_try_open(h, &err) != 0)
        fail_msg("cannot open: %s", err.msg);
}

void home_close(struct home *h)
{
    wf_store_close(h->store);
    h->store = NULL;
}

void home_remove(struct home *h)
{
    char command[128];
    home_close(h);
    snprintf(command, sizeof(command), "rm -rf '%s'", h->dir);
    assert_int_equal(system(command), 0);
}

/* ---- adding ---- */

static int copy_blob(struct home *h, struct wf_str text, struct wf_blob *out, struct wf_err *err)
{
    char path[] = "/tmp/weft-text-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    int r = wf_blob_copy(h->store, fd, out, NULL, NULL, err);
    close(fd);
    return r;
}

static int add_chunks(struct home *h, struct wf_incoming *in, const char *title, struct wf_str text,
                      struct wf_err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < text.len;) {
        size_t n = WF_MIN(text.len - i, (size_t)1000);
        while (n < text.len - i && text.ptr[i + n - 1] != ' ')
            n++;
        struct wf_str part = wf_str_n(text.ptr + i, n);
        const struct wf_chunk_row c = {.text = part,
                                       .heading = WF_STR("Heading"),
                                       .start_cp = in->n_cp,
                                       .n_cp = (uint32_t)wf_utf8_count(part),
                                       .page = 1};
        r = wf_incoming_chunk(h->store, in, wf_str_from(title), &c, err);
        i += n;
    }
    return r;
}

static int add_in_turn(struct home *h, const char *path, const char *title, struct wf_str text,
                       const struct wf_blob *b, int64_t *out_id, struct wf_err *err)
{
    struct wf_incoming in;
    char uid[WF_UID_BYTES + 1];
    wf_incoming_begin(h->store, &in);
    int r = add_chunks(h, &in, title, text, err);
    const struct wf_document_new d = {.hash = b->hash,
                                      .title = wf_str_from(title),
                                      .type = WF_STR("text/plain"),
                                      .bytes = b->bytes,
                                      .n_pages = 1};
    const struct wf_source_stat stat = {.size = b->bytes, .mtime_ns = 1, .ino = 1, .dev = 1};
    if (r == 0)
        r = wf_incoming_finish(h->store, &in, &d, uid, err);
    if (r == 0)
        r = wf_source_set(h->store, wf_str_from(path), in.id, &stat, err);
    if (r == 0 && out_id)
        *out_id = in.id;
    return r;
}

int home_add(struct home *h, const char *path, const char *title, struct wf_str text,
             int64_t *out_id, struct wf_err *err)
{
    struct wf_blob b;
    struct wf_blob *blobs[] = {&b};
    int r = copy_blob(h, text, &b, err);
    if (r != 0)
        return r;
    r = wf_store_write_begin(h->store, err);
    if (r != 0) {
        wf_blob_drop(h->store, &b);
        return r;
    }
    r = add_in_turn(h, path, title, text, &b, out_id, err);
    if (r != 0) {
        wf_store_write_rollback(h->store);
        wf_blob_drop(h->store, &b);
        return r;
    }
    return wf_blob_commit(h->store, blobs, 1, err);
}

/* ---- looking ---- */

static int gather(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    (void)chunk;
    if (wf_buf_append_str(ud, c->text) != 0)
        return wf_err_set(err, WF_E_NOMEM, "out of memory");
    return 0;
}

char *home_text(struct home *h, const char *path, size_t *out_len)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_document d;
    struct wf_buf text;
    wf_arena_init(&arena, 0, 1u << 20);
    wf_buf_init(&text, 1u << 30);
    char *out = NULL;
    if (wf_store_reader_get(h->store, &r, NULL) == 0) {
        if (wf_document_at_path(r, wf_str_from(path), &arena, &d, NULL) == 0 &&
            wf_document_chunks(r, &d, 0, UINT64_MAX, gather, &text, NULL) == 0)
            out = wf_buf_detach(&text, out_len);
        wf_store_reader_put(h->store, r);
    }
    wf_buf_deinit(&text);
    wf_arena_deinit(&arena);
    return out;
}

static int64_t select_number(struct home *h, const char *sql, const char *text)
{
    struct wf_reader *r = NULL;
    assert_int_equal(wf_store_reader_get(h->store, &r, NULL), 0);
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(wf_reader_db(r), sql, -1, &st, NULL), SQLITE_OK);
    if (text)
        sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    wf_store_reader_put(h->store, r);
    return n;
}

int64_t home_count(struct home *h, const char *what)
{
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
    return select_number(h, sql, NULL);
}

int64_t home_matches(struct home *h, const char *query)
{
    return select_number(h, "SELECT count(*) FROM chunk_fts WHERE chunk_fts MATCH ?", query);
}

/* ---- files ---- */

static bool file_holds(const char *path, const char *word)
{
    struct wf_buf b;
    wf_buf_init(&b, (size_t)4 << 30);
    bool found = false;
    size_t n = strlen(word);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    for (size_t i = 0; !found && i + n <= b.len; i++)
        found = (b.ptr[i] | 32) == (word[0] | 32) && strncasecmp(b.ptr + i, word, n) == 0;
    wf_buf_deinit(&b);
    return found;
}

/* Files below `dir`; with a word, those that hold it. */
static unsigned walk(const char *dir, const char *word, bool tell)
{
    DIR *d = opendir(dir);
    unsigned n = 0;
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            n += walk(path, word, tell);
        } else if (!word || file_holds(path, word)) {
            n++;
            if (tell)
                print_message("found \"%s\" in %s\n", word ? word : "", path);
        }
    }
    closedir(d);
    return n;
}

int home_add_vectors(struct home *h, int64_t document, const char *lens, const char *word,
                     struct wf_err *err)
{
    char data[WF_VECTOR_PIECE * WF_VECTOR_ROW_BYTES(32)];
    size_t n_word = strlen(word);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = word[i % n_word];
    for (;;) {
        struct wf_reader *r = NULL;
        struct wf_vector_missing missing;
        bool end = false;
        int64_t at = document - 1;
        int status = wf_store_reader_get(h->store, &r, err);
        if (status != 0)
            return status;
        status = wf_vector_missing(r, wf_str_from(lens), &at, &missing, &end, err);
        wf_store_reader_put(h->store, r);
        if (status != 0 || missing.document != document)
            return status;
        struct wf_vector_piece p = {.document = document,
                                    .first_chunk = missing.first_chunk,
                                    .n_chunks = (uint32_t)WF_MIN(missing.n_chunks, WF_VECTOR_PIECE),
                                    .dim = 32,
                                    .lens = wf_str_from(lens)};
        p.data = wf_str_n(data, p.n_chunks * WF_VECTOR_ROW_BYTES(32));
        status = wf_store_write_begin(h->store, err);
        if (status != 0)
            return status;
        status = wf_vector_put(h->store, &p, err);
        if (status == 0)
            status = wf_store_write_commit(h->store, err);
        else
            wf_store_write_rollback(h->store);
        if (status != 0)
            return status;
    }
}

unsigned home_grep(const struct home *h, const char *word, bool tell)
{
    return walk(h->dir, word, tell);
}

size_t home_n_files(const struct home *h, const char *folder)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", h->dir, folder);
    return walk(path, NULL, false);
}

/* ---- text ---- */

char *home_words(uint64_t seed, size_t n_bytes, size_t *out_len)
{
    static const char *const parts[] = {"ka", "lo", "mi",  "ter", "sun", "vor", "el",  "bra",
                                        "ü",  "no", "shi", "gen", "pal", "do",  "ris", "tu"};
    struct wf_rng_seeded rng;
    struct wf_buf b;
    wf_rng_seeded_init(&rng, seed);
    wf_buf_init(&b, n_bytes + 64);
    while (b.len < n_bytes) {
        for (uint64_t k = 1 + wf_rng_below(&rng.rng, 4); k > 0; k--)
            (void)wf_buf_append_cstr(&b, parts[wf_rng_below(&rng.rng, WF_ARRAY_LEN(parts))]);
        (void)wf_buf_append_cstr(&b, wf_rng_below(&rng.rng, 12) ? " " : ". ");
    }
    char *p = wf_buf_detach(&b, out_len);
    assert_non_null(p);
    return p;
}

size_t home_n_blobs(struct home *h)
{
    /* No pack is left that no row names. */
    assert_int_equal(home_n_files(h, "packs"), home_count(h, "(SELECT DISTINCT pack FROM packed)"));
    return home_n_files(h, "blobs") + (size_t)home_count(h, "packed");
}
