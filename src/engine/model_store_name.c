/* SPDX-License-Identifier: Apache-2.0 */
/* Names of models: how they are written, which there are, and the file of each.
 *
 * The part of a name before the tag is a path of folders below names/; a component may not end in
 * ".json", so that a folder and a tag's file never want the same name. A name's file is small and
 * holds everything that listing shows, so no model file is opened for it. */
#include "engine/model_store_internal.h"

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
#include "os/file.h"

/* One name's file: mostly a licence and a template. */
#define RECORD_BYTES_MAX ((size_t)8 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory. Close other programs and try again.");
}

/* ---- how a name is written ---- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One component, or a tag: letters, digits, "._-", a letter or digit first. */
static bool is_component(struct wf_str s)
{
    if (s.len == 0 || !is_alnum(s.ptr[0]) || wf_str_ends(s, WF_STR(".json")))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && !strchr("._-", s.ptr[i]))
            return false;
    }
    return true;
}

/* A host may have a port. */
static bool is_host(struct wf_str s)
{
    size_t colon = wf_str_find_byte(s, ':', 0);
    uint64_t port;

    if (colon == SIZE_MAX)
        return is_component(s);
    return is_component(wf_str_sub(s, 0, colon)) &&
           wf_str_to_u64(wf_str_sub(s, colon + 1, s.len), &port) && port > 0 && port < 65536;
}

static bool are_components(struct wf_str s)
{
    struct wf_str rest = s, part;
    size_t n = 0;

    while (wf_str_split(&rest, '/', &part)) {
        bool is_first_of_many = n++ == 0 && part.len < s.len;
        if (is_first_of_many ? !is_host(part) : !is_component(part))
            return false;
    }
    return n > 0;
}

int wf_model_name(const char *name, char out[WF_MODEL_NAME_MAX], struct wf_err *err)
{
    static const struct wf_str understood[] = {
        {"registry.ollama.ai/", 19}, {"library/", 8}, {NULL, 0}};
    struct wf_str s = wf_str_from(name), tag = WF_STR("latest");
    const char *slash, *colon;

    for (const struct wf_str *u = understood; u->ptr; u++) {
        if (wf_str_starts(s, *u))
            s = wf_str_sub(s, u->len, s.len);
    }
    slash = s.len ? strrchr(s.ptr, '/') : NULL;
    colon = s.len ? strrchr(s.ptr, ':') : NULL;
    if (colon && (!slash || colon > slash)) {
        tag = wf_str_from(colon + 1);
        s.len = (size_t)(colon - s.ptr);
    }
    if (!are_components(s) || !is_component(tag))
        return wf_err_set(err, WF_E_INVAL,
                          "\"%.100s\" is no name of a model. A name is like smollm2:135m or "
                          "user/model:tag.",
                          name);
    if (s.len + 1 + tag.len >= WF_MODEL_NAME_MAX)
        return wf_err_set(err, WF_E_INVAL, "The name of a model may have %d characters.",
                          WF_MODEL_NAME_MAX - 1);
    snprintf(out, WF_MODEL_NAME_MAX, "%.*s:%.*s", WF_STR_ARG(s), WF_STR_ARG(tag));
    return 0;
}

void wf_model_name_of_file(const char *path, char out[WF_MODEL_NAME_MAX])
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t n = strlen(file), k = 0;

    if (wf_model_parts_of(path) > 1)
        n -= strlen("-00001-of-00002.gguf");
    else if (n > 5 && strcmp(file + n - 5, ".gguf") == 0)
        n -= 5;
    for (size_t i = 0; i < n && k + 1 < WF_MODEL_NAME_MAX; i++) {
        char c = file[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("._-", c);
        out[k++] = fits ? c : '-';
    }
    out[k] = '\0';
}

/* ---- the names that there are ---- */

struct walk {
    const struct wf_model_store *s;
    struct wf_buf *out;
    size_t n;
    struct wf_model__sight *sight; /* NULL: nobody wants to know */
    struct wf_err *err;
};

static int note_seen(struct walk *w, const char *path, const struct stat *st)
{
    struct wf_model__sight *x = w->sight;
    char *own;

    if (x == NULL)
        return 0;
    own = wf_strdup(path);
    if (own == NULL || wf_reserve(&x->items, &x->cap, x->n + 1, sizeof(*x->items)) != 0) {
        wf_free(own);
        return WF_E_NOMEM;
    }
    x->items[x->n++] = (struct wf_model__seen){.path = own,
                                               .changed = st->st_mtim,
                                               .inode = (uint64_t)st->st_ino,
                                               .bytes = (uint64_t)st->st_size};
    return 0;
}

/* Components of a name; one more than a registry's longest in use. */
#define DEPTH_MAX 8

static int walk_names(struct walk *w, const char *below, unsigned depth);

static int walk_one(struct walk *w, const char *below, const char *file, unsigned depth)
{
    char path[WF_LIMIT_PATH_BYTES], name[WF_MODEL_NAME_MAX], full[WF_MODEL_NAME_MAX];
    size_t n = strlen(file);
    struct stat st;
    int len, rc;

    if (file[0] == '.')
        return 0;
    len = snprintf(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "", file);
    if (len < 0 || (size_t)len >= sizeof(name) ||
        wf_model__path(w->s, "names", name, path, NULL) != 0 || stat(path, &st) != 0)
        return 0; /* nothing of ours, or gone in this moment */
    rc = note_seen(w, path, &st);
    if (rc != 0)
        return rc;
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk_names(w, name, depth + 1) : 0;
    if (n <= 5 || strcmp(file + n - 5, ".json") != 0 || !below[0])
        return 0;
    len = snprintf(name, sizeof(name), "%s:%.*s", below, (int)(n - 5), file);
    if (len < 0 || (size_t)len >= sizeof(name) || wf_model_name(name, full, NULL) != 0 ||
        strcmp(name, full) != 0)
        return 0;
    w->n++;
    return wf_buf_append(w->out, name, strlen(name) + 1);
}

static int walk_names(struct walk *w, const char *below, unsigned depth)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct dirent *e;
    DIR *d;
    int rc = wf_model__path(w->s, "names", below, path, w->err);

    if (rc != 0)
        return rc;
    d = opendir(path);
    if (!d)
        return errno == ENOENT ? 0 : wf_err_errno(w->err, errno, "cannot read %s", path);
    while (rc == 0 && (e = readdir(d)) != NULL)
        rc = walk_one(w, below, e->d_name, depth);
    closedir(d);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* Sorts n texts that lie one behind the other. */
static int sort_names(struct wf_buf *b, size_t n)
{
    char *copy = wf_memdup0(b->ptr, b->len);
    const char **names = wf_alloc_array(n + 1, sizeof(*names));
    const char *at = copy;

    if (copy && names) {
        for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
            names[i] = at;
        qsort(names, n, sizeof(*names), by_name);
        wf_buf_truncate(b, 0);
        for (size_t i = 0; i < n; i++)
            (void)wf_buf_append(b, names[i], strlen(names[i]) + 1); /* as long as before */
    }
    wf_free(names);
    wf_free(copy);
    return copy && names ? wf_buf_status(b) : WF_E_NOMEM;
}

int wf_model__names(struct wf_model_store *s, struct wf_buf *out, size_t *out_n, struct wf_err *err)
{
    return wf_model__names_seen(s, out, out_n, NULL, err);
}

int wf_model__names_seen(struct wf_model_store *s, struct wf_buf *out, size_t *out_n,
                         struct wf_model__sight *io, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    struct walk w = {.s = s, .out = out, .sight = io, .err = &own};
    char path[WF_LIMIT_PATH_BYTES];
    struct stat st;
    int rc = wf_model__path(s, "names", "", path, &own);

    wf_buf_reset(out);
    if (rc == 0 && stat(path, &st) == 0)
        rc = note_seen(&w, path, &st);
    if (rc == 0)
        rc = walk_names(&w, "", 0);
    if (rc == 0)
        rc = sort_names(out, w.n);
    if (rc == 0)
        *out_n = w.n;
    else if (own.code != 0)
        return wf_err_set(err, rc, "%s", own.msg);
    else
        return no_memory(err);
    return 0;
}

/* ---- a name's file ---- */

int wf_model__read(struct wf_model_store *s, const char *name, json_t **out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    json_t *v = NULL;
    struct wf_buf b;
    int rc = wf_model__name_path(s, name, path, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&b, RECORD_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0) {
        v = json_loadb(b.ptr, b.len, JSON_REJECT_DUPLICATES, NULL);
        if (!wf_model__record_is_sound(v)) {
            json_decref(v);
            rc = wf_err_set(err, WF_E_CORRUPT,
                            "What the name %.100s means cannot be read. Pull or import it again.",
                            name);
        }
    }
    wf_buf_deinit(&b);
    if (rc == 0)
        *out = v;
    return rc;
}

/* Makes the folders of `path` durable, from its own up to names/. */
static int sync_folders(const struct wf_model_store *s, const char *path, struct wf_err *err)
{
    char dir[WF_LIMIT_PATH_BYTES];
    size_t n_top = strlen(s->dir) + strlen("/names");
    size_t n = strlen(path);
    int rc = 0;

    memcpy(dir, path, n + 1);
    while (rc == 0 && n > n_top) {
        while (n > n_top && dir[n] != '/')
            n--;
        dir[n] = '\0';
        rc = wf_file_sync_dir(dir, err);
    }
    return rc;
}

static int append_piece(const char *p, size_t n, void *ud)
{
    struct wf_buf *out = ud;

    return wf_buf_append(out, p, n) == 0 ? 0 : -1;
}

int wf_model__write(struct wf_model_store *s, const char *name, const json_t *record,
                    struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES], dir[WF_LIMIT_PATH_BYTES];
    struct wf_buf text;
    int rc = wf_model__name_path(s, name, path, err);

    wf_buf_init(&text, RECORD_BYTES_MAX);
    if (rc == 0 && json_dump_callback(record, append_piece, &text, JSON_INDENT(1)) != 0)
        rc = wf_buf_status(&text) == WF_E_LIMIT
                 ? wf_err_set(err, WF_E_LIMIT, "What is said of the model is too long.")
                 : no_memory(err);
    if (rc == 0) {
        size_t n = (size_t)(strrchr(path, '/') - path);
        memcpy(dir, path, n);
        dir[n] = '\0';
        rc = wf_file_mkdirs(dir, err);
    }
    if (rc == 0)
        rc = wf_file_replace(path, text.ptr, text.len, 0600, err);
    if (rc == 0)
        rc = sync_folders(s, path, err);
    wf_buf_deinit(&text);
    return rc;
}
