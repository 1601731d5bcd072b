/* SPDX-License-Identifier: Apache-2.0 */
/* The model store's reading side: where things lie, and finding a model.
 *
 * Whatever is not a full name that exists, a name in another case or a digest, is looked for in the
 * list of all (model_store_list.c): there are tens of them, not thousands. */
#include "engine/model_store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"

#define NAMES_SHOWN 5

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory. Close other programs and try again.");
}

/* ---- opening ---- */

static int make_folders(const struct wf_model_store *s, struct wf_err *err)
{
    static const char *const folders[] = {"blobs", "names", "splits", "incoming"};
    char path[WF_LIMIT_PATH_BYTES];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(folders); i++) {
        rc = wf_model__path(s, folders[i], "", path, err);
        if (rc == 0)
            rc = wf_file_mkdirs(path, err);
    }
    return rc;
}

int wf_model_store_open(const char *dir, struct wf_model_store **out, struct wf_err *err)
{
    struct wf_model_store *s = wf_alloc_array(1, sizeof(*s));
    size_t n = strlen(dir);
    int rc;

    if (!s)
        return no_memory(err);
    /* Room for "splits/HEX/model-00001-of-00001.gguf" and the like. */
    if (n == 0 || n > WF_LIMIT_PATH_BYTES - 2 * WF_MODEL_NAME_MAX) {
        wf_free(s);
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    }
    memcpy(s->dir, dir, n);
    pthread_mutex_init(&s->lock, NULL);
    rc = wf_model__path(s, "incoming", "", s->incoming, err);
    if (rc == 0)
        rc = make_folders(s, err);
    if (rc != 0) {
        wf_model_store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void wf_model_store_close(struct wf_model_store *s)
{
    if (!s)
        return;
    wf_model__list_drop(s);
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}

const char *wf_model_store_incoming(const struct wf_model_store *s)
{
    return s->incoming;
}

void wf_model_store_set_default(struct wf_model_store *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->default_name, sizeof(s->default_name), "%s", name ? name : "");
    wf_model__list_drop(s); /* which knows the default */
    pthread_mutex_unlock(&s->lock);
}

/* ---- paths ---- */

int wf_model__path(const struct wf_model_store *s, const char *what, const char *name,
                   char out[WF_LIMIT_PATH_BYTES], struct wf_err *err)
{
    int n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s%s%s", s->dir, what, name[0] ? "/" : "", name);

    if (n < 0 || n >= WF_LIMIT_PATH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    return 0;
}

bool wf_model__is_digest(const char *digest)
{
    if (!digest || strncmp(digest, "sha256:", 7) != 0)
        return false;
    return strlen(digest) == WF_MODEL_DIGEST_LEN &&
           strspn(WF_MODEL_HEX(digest), "0123456789abcdef") == 64;
}

int wf_model__blob_path(const struct wf_model_store *s, const char *digest,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err)
{
    char file[WF_MODEL_DIGEST_LEN + 1];

    assert(wf_model__is_digest(digest));
    snprintf(file, sizeof(file), "sha256-%s", WF_MODEL_HEX(digest));
    return wf_model__path(s, "blobs", file, out, err);
}

int wf_model__name_path(const struct wf_model_store *s, const char *name,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err)
{
    const char *colon = strrchr(name, ':');
    char file[WF_MODEL_NAME_MAX + 8];

    assert(colon != NULL); /* a full name has a tag */
    snprintf(file, sizeof(file), "%.*s/%s.json", (int)(colon - name), name, colon + 1);
    return wf_model__path(s, "names", file, out, err);
}

int wf_model__open_path(const struct wf_model_store *s, const char *digest, size_t n_parts,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err)
{
    char file[WF_MODEL_DIGEST_LEN + 64];

    if (n_parts == 1)
        return wf_model__blob_path(s, digest, out, err);
    snprintf(file, sizeof(file), "%s/model-00001-of-%05zu.gguf", WF_MODEL_HEX(digest), n_parts);
    return wf_model__path(s, "splits", file, out, err);
}

/* ---- finding ---- */

/* Says that there is no such model, and what there is. */
static int not_there(const char *name, const struct wf_buf *names, size_t n, struct wf_err *err)
{
    char some[160] = "";
    const char *at = names->ptr;
    size_t len = 0;

    for (size_t i = 0; i < n && i < NAMES_SHOWN; i++, at += strlen(at) + 1) {
        int k = snprintf(some + len, sizeof(some) - len, "%s%s", i ? ", " : "", at);
        if (k < 0 || len + (size_t)k >= sizeof(some) - 4)
            break;
        len += (size_t)k;
    }
    some[len] = '\0';
    if (n == 0)
        return wf_err_set(err, WF_E_NOENT, "There is no model yet. Get one: weft pull smollm2");
    if (!name)
        return wf_err_set(err, WF_E_NOENT,
                          "There is no model for chats. Get one: weft pull smollm2");
    return wf_err_set(err, WF_E_NOENT, "There is no model \"%.60s\". There is: %s%s", name, some,
                      n > NAMES_SHOWN ? ", ..." : "");
}

/* Nothing fits: a name in another case whose file cannot be read says that, else it is not there.
 */
static int find_none(struct wf_model_store *s, const char *wanted, const char *full,
                     const struct wf_model_list *l, json_t **out_record, struct wf_err *err)
{
    size_t n;
    const struct wf_buf *names = wf_model__list_names(l, &n);
    const char *at = names->ptr;

    for (size_t i = 0; full != NULL && i < n; i++, at += strlen(at) + 1) {
        if (strcasecmp(at, full) == 0)
            return wf_model__read(s, at, out_record, err);
    }
    return not_there(wanted, names, n, err);
}

int wf_model__resolve(struct wf_model_store *s, const char *name, char out_name[WF_MODEL_NAME_MAX],
                      json_t **out_record, struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX];
    const char *wanted = name && name[0] ? name : NULL;
    const struct wf_model_list *l = NULL;
    const struct wf_model_entry *e;
    bool has_full = false;
    int rc;

    if (!wanted && s->default_name[0])
        wanted = s->default_name;
    if (wanted) {
        rc = wf_model_name(wanted, full, err);
        has_full = rc == 0;
        if (rc != 0 && strncmp(wanted, "sha256:", 7) != 0)
            return rc;
    }
    if (has_full && wf_model__read(s, full, out_record, NULL) == 0) {
        memcpy(out_name, full, sizeof(full));
        return 0;
    }
    rc = wf_model__list(s, &l, err);
    if (rc != 0)
        return rc;
    e = wf_model_list_find(l, wanted);
    if (e == NULL)
        return find_none(s, wanted, has_full ? full : NULL, l, out_record, err);
    rc = wf_model__read(s, e->name, out_record, err);
    if (rc == 0)
        memcpy(out_name, e->name, sizeof(e->name));
    return rc;
}

int wf_model_store_find(struct wf_model_store *s, const char *name, struct wf_model_entry *out,
                        struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX];
    const struct wf_model_list *l = NULL;
    const struct wf_model_entry *e;
    json_t *record = NULL;
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = wf_model__list(s, &l, err);
    e = rc == 0 ? wf_model_list_find(l, name) : NULL;
    if (e != NULL)
        *out = *e;
    else if (rc == 0) /* says why there is none */
        rc = wf_model__resolve(s, name, full, &record, err);
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && e == NULL)
        rc = wf_model__entry(s, full, record, out, err);
    json_decref(record);
    return rc;
}

json_t *wf_model_store_extra(struct wf_model_store *s, const char *name)
{
    static const char *const keys[] = {"template", "system", "params", "license"};
    char full[WF_MODEL_NAME_MAX];
    json_t *record = NULL, *extra = json_object();
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = wf_model__resolve(s, name, full, &record, NULL);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; rc == 0 && extra && i < WF_ARRAY_LEN(keys); i++) {
        json_t *v = json_object_get(record, keys[i]);
        if (v && json_object_set(extra, keys[i], v) != 0)
            rc = WF_E_NOMEM;
    }
    json_decref(record);
    if (rc == 0 && json_object_size(extra) > 0)
        return extra;
    json_decref(extra);
    return NULL;
}

bool wf_model_store_has(struct wf_model_store *s, const char *digest, uint64_t *out_bytes)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct stat st;

    if (!wf_model__is_digest(digest) || wf_model__blob_path(s, digest, path, NULL) != 0 ||
        stat(path, &st) != 0)
        return false;
    if (out_bytes)
        *out_bytes = (uint64_t)st.st_size;
    return true;
}

int wf_model_store_open_blob(struct wf_model_store *s, const char *digest, int *out_fd,
                             struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int fd, rc;

    if (!wf_model__is_digest(digest))
        return wf_err_set(err, WF_E_NOENT, "That is no digest.");
    rc = wf_model__blob_path(s, digest, path, err);
    if (rc != 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return wf_err_errno(err, errno, "The model's file cannot be opened");
    *out_fd = fd;
    return 0;
}

int wf_model_store_record(struct wf_model_store *s, const char *name, json_t **out,
                          struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX], found[WF_MODEL_NAME_MAX];
    int rc = wf_model_name(name, full, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = wf_model__resolve(s, full, found, out, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}
