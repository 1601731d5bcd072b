/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of the intake: a request's copy, what its document says of itself, and parcels.
 *
 * A parcel is a row of chunks in one buffer, on their way from a lane to the writer:
 *   offset 0  u64 start_cp | 8 u32 n_cp | 12 u32 page | 16 u32 heading bytes | 20 u32 text bytes
 *   24        heading, text
 * in the machine's byte order: it never leaves the process. */
#include "ingest/intake_internal.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "text/utf8.h"

/* What is shown of a title; longer ones are paragraphs in disguise. */
#define TITLE_BYTES 300
#define META_BYTES 4096
#define WARNING_BYTES 8192
_Static_assert(TITLE_BYTES <= WF_TITLE_BYTES_MAX, "the store takes our titles");

/* ---- requests ---- */

/* The part behind the last slash. */
static struct wf_str last_part(struct wf_str path)
{
    size_t i = path.len;
    while (i > 0 && path.ptr[i - 1] != '/') {
        i--;
    }
    return wf_str_sub(path, i, path.len);
}

/* Copies `s` to *io_p (NUL-terminated) and makes it point there. */
static void own(struct wf_str *s, char **io_p)
{
    char *p = *io_p;
    memcpy(p, s->len > 0 ? s->ptr : "", s->len);
    p[s->len] = '\0';
    s->ptr = p;
    *io_p = p + s->len + 1;
}

static void init_bufs(struct wf_intake_job *job)
{
    struct wf_buf *metas[] = {&job->meta.type, &job->meta.author, &job->meta.language,
                              &job->meta.written};
    for (size_t i = 0; i < WF_ARRAY_LEN(metas); i++) {
        wf_buf_init(metas[i], META_BYTES);
    }
    wf_buf_init(&job->meta.title, META_BYTES);
    wf_buf_init(&job->meta.warning, WARNING_BYTES);
    size_t parcel_max = WF_INTAKE_PARCEL_BYTES + 2 * WF_LIMIT_CHUNK_BYTES;
    wf_buf_init(&job->parcel, parcel_max);
    wf_buf_init(&job->handed, parcel_max);
}

struct wf_intake_job *wf_intake__job_new(const struct wf_intake_request *req)
{
    struct wf_intake_job *job = wf_alloc_array(1, sizeof *job);
    if (job == NULL) {
        return NULL;
    }
    wf_list_init(&job->node);
    init_bufs(job);
    atomic_init(&job->aborted, false);
    job->req = *req;
    if (req->hash != NULL) {
        memcpy(job->hash, req->hash, sizeof job->hash);
        job->req.hash = job->hash;
    }
    struct wf_intake_request *r = &job->req;
    if (r->name.len == 0) {
        r->name = last_part(r->path);
    }
    if (r->space.len == 0) {
        r->space = WF_STR("me");
    }
    size_t n = r->path.len + r->name.len + r->space.len + r->title.len + r->label.len + r->uid.len +
               r->file.len + 7;
    job->strings = wf_alloc(n);
    if (job->strings == NULL) {
        wf_free(job);
        return NULL;
    }
    char *p = job->strings;
    own(&r->path, &p);
    own(&r->name, &p);
    own(&r->space, &p);
    own(&r->title, &p);
    own(&r->label, &p);
    own(&r->uid, &p);
    own(&r->file, &p);
    assert(p == job->strings + n);
    return job;
}

size_t wf_intake__job_bytes(const struct wf_intake_job *job)
{
    return job->handed.len + (job->blob.content != NULL ? (size_t)job->blob.bytes : 0);
}

void wf_intake__job_free(struct wf_intake_job *job)
{
    assert(job->blob.content == NULL); /* staged or dropped */
    struct wf_buf *bufs[] = {&job->meta.title,    &job->meta.type,    &job->meta.author,
                             &job->meta.language, &job->meta.written, &job->meta.warning,
                             &job->parcel,        &job->handed};
    for (size_t i = 0; i < WF_ARRAY_LEN(bufs); i++) {
        wf_buf_deinit(bufs[i]);
    }
    wf_free(job->strings);
    wf_free(job);
}

void wf_intake__job_fail(struct wf_intake_job *job, const struct wf_err *err)
{
    if (job->failure.code == 0) {
        assert(err->code < 0);
        job->failure = *err;
    }
}

/* ---- titles ---- */

/* Appends `s` as one line: valid UTF-8, white space and control characters as single spaces. */
static void put_line(struct wf_buf *out, struct wf_str s)
{
    struct wf_buf whole;
    wf_buf_init(&whole, META_BYTES);
    (void)wf_utf8_append_repaired(&whole, wf_str_sub(s, 0, META_BYTES / 4));
    for (size_t i = 0; i < whole.len;) {
        size_t from = i;
        uint32_t cp = wf_utf8_next(wf_buf_str(&whole), &i);
        bool space = cp <= ' ' || cp == 0x7F || cp == 0xA0;
        if (out->len + (i - from) > TITLE_BYTES) {
            break;
        }
        if (!space) {
            (void)wf_buf_append(out, whole.ptr + from, i - from);
        } else if (out->len > 0 && out->ptr[out->len - 1] != ' ') {
            (void)wf_buf_append_byte(out, ' ');
        }
    }
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
        wf_buf_truncate(out, out->len - 1);
    }
    wf_buf_deinit(&whole);
}

int wf_intake__job_title(struct wf_intake_job *job, struct wf_str heading, struct wf_err *err)
{
    struct wf_buf own_title = job->meta.title;
    const struct wf_str choices[] = {job->req.title, wf_buf_str(&own_title), heading, job->req.name,
                                     WF_STR("untitled")};
    struct wf_buf title;
    wf_buf_init(&title, META_BYTES);
    for (size_t i = 0; title.len == 0 && i < WF_ARRAY_LEN(choices); i++) {
        put_line(&title, choices[i]);
    }
    wf_buf_deinit(&own_title);
    job->meta.title = title;
    if (title.len == 0 || wf_buf_status(&title) != 0) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (choosing a title)");
    }
    return 0;
}

/* ---- parcels ---- */

struct record {
    uint64_t start_cp;
    uint32_t n_cp;
    uint32_t page;
    uint32_t heading_bytes;
    uint32_t text_bytes;
};

int wf_intake__put_chunk(struct wf_buf *parcel, const struct wf_chunk *c, struct wf_err *err)
{
    struct record r = {
        .start_cp = c->start_cp,
        .n_cp = c->n_cp,
        .page = c->page,
        .heading_bytes = (uint32_t)c->heading.len,
        .text_bytes = (uint32_t)c->text.len,
    };
    (void)wf_buf_append(parcel, &r, sizeof r);
    (void)wf_buf_append_str(parcel, c->heading);
    if (wf_buf_append_str(parcel, c->text) != 0) {
        return wf_err_set(err, WF_E_NOMEM, "out of memory (reading a document)");
    }
    return 0;
}

bool wf_intake__get_chunk(struct wf_str parcel, size_t *io_i, struct wf_chunk_row *out)
{
    struct record r;
    if (*io_i == parcel.len) {
        return false;
    }
    assert(parcel.len - *io_i >= sizeof r);
    memcpy(&r, parcel.ptr + *io_i, sizeof r);
    const char *heading = parcel.ptr + *io_i + sizeof r;
    *io_i += sizeof r + r.heading_bytes + r.text_bytes;
    assert(*io_i <= parcel.len);
    *out = (struct wf_chunk_row){
        .text = wf_str_n(heading + r.heading_bytes, r.text_bytes),
        .heading = wf_str_n(heading, r.heading_bytes),
        .start_cp = r.start_cp,
        .n_cp = r.n_cp,
        .page = r.page,
    };
    return true;
}
