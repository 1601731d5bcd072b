/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: the body is the file itself (?name=), or multipart/form-data with any number of files,
 * which libwebsockets' parser takes apart. Files go to nameless files of the data folder as they
 * arrive, so that memory stays small whatever their size, and a crash leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "http/http_internal.h"
#include "os/file.h"
#include "text/utf8.h"

#define FILES_MAX 1000
#define FIELD_BYTES_MAX 4096
#define NAME_BYTES_MAX 1024

struct wf_upload_parser {
    struct wf_request *r;
    struct lws_spa *spa;    /* NULL: the body is the file */
    struct wf_upload *file; /* the one being received */
    size_t n_files;
    struct wf_err err; /* of the callback */
};

/* The last part of a name, without control characters, as UTF-8: a label, never opened. */
static char *clean_name(const char *name)
{
    const char *slash = strrchr(name, '/'), *back;
    char out[NAME_BYTES_MAX], *copy;
    struct wf_buf b;
    size_t n = 0;

    if (slash)
        name = slash + 1;
    back = strrchr(name, '\\');
    if (back)
        name = back + 1;
    for (; *name && n + 1 < sizeof(out); name++) {
        if ((unsigned char)*name >= 0x20 && *name != 0x7f)
            out[n++] = *name;
    }
    if (n == 0)
        return wf_strdup("upload");
    wf_buf_init(&b, 3 * sizeof(out));
    (void)wf_utf8_append_repaired(&b, wf_str_n(out, n)); /* its failure sticks */
    copy = wf_buf_status(&b) == 0 ? wf_buf_detach(&b, NULL) : NULL;
    wf_buf_deinit(&b);
    return copy;
}

static int open_file(struct wf_upload_parser *p, const char *name, struct wf_err *err)
{
    const char *dir = p->r->http->o.spool_dir;
    struct wf_upload *u;

    if (p->n_files >= FILES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "At most %d files can be sent at once.", FILES_MAX);
    u = wf_alloc_array(1, sizeof(*u));
    if (!u)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    u->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (u->fd < 0) {
        wf_free(u);
        return wf_err_errno(err, errno, "The upload cannot be kept");
    }
    u->name = clean_name(name);
    wf_list_push(&p->r->uploads, &u->node);
    p->file = u;
    p->n_files++;
    return u->name ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

static int write_file(struct wf_upload_parser *p, const void *bytes, size_t n, struct wf_err *err)
{
    p->r->uploads_bytes += n;
    p->file->bytes += n;
    if (p->r->uploads_bytes > WF_LIMIT_FILE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The upload is larger than 2 GiB.");
    return wf_file_write_all(p->file->fd, bytes, n, err);
}

static int on_part(void *data, const char *name, const char *filename, char *buf, int len,
                   enum lws_spa_fileupload_states state)
{
    struct wf_upload_parser *p = data;
    int rc = 0;

    (void)name;
    if (p->err.code != 0)
        return -1;
    switch (state) {
    case LWS_UFS_OPEN:
        rc = open_file(p, filename && *filename ? filename : "upload", &p->err);
        break;
    case LWS_UFS_CONTENT:
    case LWS_UFS_FINAL_CONTENT:
        if (len > 0)
            rc = p->file ? write_file(p, buf, (size_t)len, &p->err)
                         : wf_err_set(&p->err, WF_E_INVAL, "The form is malformed.");
        break;
    case LWS_UFS_CLOSE:
        p->file = NULL;
        break;
    }
    return rc == 0 ? 0 : -1;
}

struct wf_upload_parser *wf_upload_begin(struct lws *wsi, struct wf_request *r, const char *type,
                                         struct wf_err *err)
{
    static const char *const fields[] = {"space"};
    struct wf_upload_parser *p = wf_alloc_array(1, sizeof(*p));
    const char *name = json_string_value(json_object_get(r->query, "name"));
    int rc = 0;

    if (!p) {
        (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        return NULL;
    }
    p->r = r;
    if (strncasecmp(type, "multipart/form-data", 19) == 0) {
        p->spa = lws_spa_create(wsi, fields, 1, FIELD_BYTES_MAX, on_part, p);
        if (!p->spa)
            rc = wf_err_set(err, WF_E_INVAL, "The form's Content-Type names no boundary.");
    } else if (!name || !*name) {
        rc = wf_err_set(err, WF_E_INVAL,
                        "Say what the file is called: POST /weft/v1/documents?name=lease.pdf");
    } else {
        rc = open_file(p, name, err);
    }
    if (rc != 0) {
        wf_upload_free(p);
        return NULL;
    }
    return p;
}

static int spa_failed(struct wf_upload_parser *p, struct wf_err *err)
{
    if (p->err.code != 0)
        return wf_err_set(err, p->err.code, "%s", p->err.msg);
    return wf_err_set(err, WF_E_INVAL, "The form is malformed.");
}

int wf_upload_feed(struct wf_upload_parser *p, const void *bytes, size_t n, struct wf_err *err)
{
    if (!p->spa)
        return write_file(p, bytes, n, err);
    if (lws_spa_process(p->spa, bytes, (int)n) != 0 || p->err.code != 0)
        return spa_failed(p, err);
    return 0;
}

int wf_upload_end(struct wf_upload_parser *p, struct wf_err *err)
{
    const char *space;

    if (!p->spa)
        return 0;
    if (lws_spa_finalize(p->spa) != 0 || p->err.code != 0)
        return spa_failed(p, err);
    space = lws_spa_get_string(p->spa, 0);
    if (space && *space && !json_object_get(p->r->query, "space") &&
        json_object_set_new(p->r->query, "space", json_string(space)) != 0)
        return wf_err_set(err, WF_E_INVAL, "\"space\" is not UTF-8 text.");
    if (p->n_files == 0)
        return wf_err_set(err, WF_E_INVAL, "The form holds no file.");
    return 0;
}

void wf_upload_free(struct wf_upload_parser *p)
{
    if (!p)
        return;
    if (p->spa)
        lws_spa_destroy(p->spa);
    wf_free(p);
}
