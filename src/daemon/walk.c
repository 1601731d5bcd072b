/* SPDX-License-Identifier: Apache-2.0 */
/* Walks folders as the person who asked, outside the core, which sees descriptors only.
 *
 * The whole list is made before anything is sent, so that progress can say how much is left.
 * Folders are read with a stack of names, not of open descriptors: depth costs memory, never
 * descriptors. Nothing is opened here but folders. */
#include "daemon/walk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "text/utf8.h"

#define ARENA_BYTES_MAX ((size_t)2 << 30)

void wf_walk_init(struct wf_walk *w, const char *skip)
{
    memset(w, 0, sizeof(*w));
    wf_arena_init(&w->_arena, 0, ARENA_BYTES_MAX);
    w->skip = skip;
}

void wf_walk_deinit(struct wf_walk *w)
{
    wf_arena_deinit(&w->_arena);
    wf_free(w->files);
    wf_free(w->failures);
    w->files = NULL;
    w->failures = NULL;
    w->n_files = w->n_failures = w->_files_cap = w->_failures_cap = 0;
}

/* Appends the parts of `path` to the normal form in out[0..len); "/" is the empty form. */
static bool append_parts(char *out, size_t *io_len, const char *path)
{
    struct wf_str rest = wf_str_from(path), part;

    while (wf_str_split(&rest, '/', &part)) {
        if (part.len == 0 || wf_str_eq(part, WF_STR(".")))
            continue;
        if (wf_str_eq(part, WF_STR(".."))) {
            while (*io_len > 0 && out[--*io_len] != '/')
                ;
            continue;
        }
        if (*io_len + 1 + part.len >= WF_LIMIT_PATH_BYTES)
            return false;
        out[(*io_len)++] = '/';
        memcpy(out + *io_len, part.ptr, part.len);
        *io_len += part.len;
    }
    return true;
}

char *wf_walk_absolute(struct wf_arena *a, const char *path)
{
    char out[WF_LIMIT_PATH_BYTES], cwd[WF_LIMIT_PATH_BYTES];
    size_t len = 0;

    if (path[0] != '/' && (!getcwd(cwd, sizeof(cwd)) || !append_parts(out, &len, cwd)))
        return NULL;
    if (!append_parts(out, &len, path))
        return NULL;
    if (len == 0)
        out[len++] = '/';
    return wf_arena_cstr(a, wf_str_n(out, len));
}

static bool is_utf8(const char *path)
{
    struct wf_str s = wf_str_from(path);

    return wf_utf8_valid_prefix(s) == s.len;
}

/* `path` with what is no UTF-8 replaced, to be shown; NULL out of memory. */
static const char *showable(struct wf_walk *w, const char *path)
{
    struct wf_buf b;
    const char *copy = path;

    if (is_utf8(path))
        return path;
    wf_buf_init(&b, 3 * WF_LIMIT_PATH_BYTES);
    copy = wf_utf8_append_repaired(&b, wf_str_from(path)) == 0
               ? wf_arena_cstr(&w->_arena, wf_buf_str(&b))
               : NULL;
    wf_buf_deinit(&b);
    return copy;
}

static int fail(struct wf_walk *w, const char *path, const char *reason, struct wf_err *err)
{
    path = showable(w, path);
    if (!path)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (w->n_failures == w->_failures_cap) {
        size_t cap = w->_failures_cap ? 2 * w->_failures_cap : 16;
        struct wf_walk_failure *p = wf_realloc_array(w->failures, cap, sizeof(*p));
        if (!p)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        w->failures = p;
        w->_failures_cap = cap;
    }
    w->failures[w->n_failures++] = (struct wf_walk_failure){path, reason};
    return 0;
}

/* Paths travel as JSON and are kept as text, neither of which holds other bytes. */
static const char not_utf8[] = "Its name is not UTF-8 text. Rename it, then add it again.";

static const char *errno_reason(int e)
{
    switch (e) {
    case ENOENT:
        return "There is no such file or folder.";
    case EACCES:
    case EPERM:
        return "You may not read it (permission denied).";
    case ELOOP:
        return "Its symbolic links run in a circle.";
    case ENAMETOOLONG:
        return "Its path is too long.";
    default:
        return "It cannot be read (input/output error).";
    }
}

static int add_file(struct wf_walk *w, const char *path, const struct stat *st, struct wf_err *err)
{
    struct wf_walk_file *f;

    if (w->n_files == w->_files_cap) {
        size_t cap = w->_files_cap ? 2 * w->_files_cap : 256;
        f = wf_realloc_array(w->files, cap, sizeof(*f));
        if (!f)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory: too many files at once.");
        w->files = f;
        w->_files_cap = cap;
    }
    f = &w->files[w->n_files++];
    f->path = path;
    f->bytes = (uint64_t)st->st_size;
    f->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    f->ino = st->st_ino;
    f->dev = st->st_dev;
    w->bytes += f->bytes;
    return 0;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* One name found in a folder: files are kept, folders go on the stack. */
static int visit(struct wf_walk *w, char *path, struct wf_str **io_stack, size_t *io_n,
                 struct wf_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return fail(w, path, errno_reason(errno), err);
    if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && !is_utf8(path))
        return fail(w, path, not_utf8, err);
    if (S_ISREG(st.st_mode))
        return add_file(w, path, &st, err);
    if (S_ISDIR(st.st_mode) && !(w->skip && strcmp(path, w->skip) == 0)) {
        struct wf_str *p = wf_realloc_array(*io_stack, *io_n + 1, sizeof(*p));
        if (!p)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory: too many folders.");
        *io_stack = p;
        p[(*io_n)++] = wf_str_from(path);
    }
    return 0;
}

static int read_folder(struct wf_walk *w, const char *dir, struct wf_str **io_stack, size_t *io_n,
                       struct wf_err *err)
{
    struct dirent **names = NULL;
    int rc = 0, n = scandir(dir, &names, visible, alphasort);

    if (n < 0)
        return fail(w, dir, errno_reason(errno), err);
    /* Backwards for the stack's sake: folders are then taken up in the order of their names. */
    for (int i = n - 1; i >= 0; i--) {
        char *path = NULL;
        if (rc == 0) {
            path = wf_arena_printf(&w->_arena, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir,
                                   names[i]->d_name);
            rc = path ? visit(w, path, io_stack, io_n, err)
                      : wf_err_set(err, WF_E_NOMEM, "Out of memory: too many files at once.");
        }
        (free)(names[i]); /* scandir's own memory, not ours */
    }
    (free)(names);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct wf_walk_file *x = a, *y = b;

    return strcmp(x->path, y->path);
}

int wf_walk_add(struct wf_walk *w, const char *path, struct wf_err *err)
{
    size_t n_stack = 0, n_before = w->n_files;
    struct wf_str *stack = NULL;
    struct stat st;
    char *absolute;
    int rc = 0;

    absolute = wf_walk_absolute(&w->_arena, path);
    if (!absolute)
        return fail(w, path, "Its path is too long.", err);
    if (stat(absolute, &st) != 0)
        return fail(w, absolute, errno_reason(errno), err);
    if (!is_utf8(absolute))
        return fail(w, absolute, not_utf8, err);
    if (S_ISREG(st.st_mode))
        return add_file(w, absolute, &st, err);
    if (!S_ISDIR(st.st_mode))
        return fail(w, absolute, "It is neither a file nor a folder.", err);
    rc = read_folder(w, absolute, &stack, &n_stack, err);
    while (rc == 0 && n_stack > 0)
        rc = read_folder(w, stack[--n_stack].ptr, &stack, &n_stack, err);
    wf_free(stack);
    if (w->n_files > n_before)
        qsort(w->files + n_before, w->n_files - n_before, sizeof(*w->files), by_path);
    return rc;
}
