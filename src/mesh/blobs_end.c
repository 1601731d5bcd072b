/* SPDX-License-Identifier: Apache-2.0 */
/* What has come whole: a document that is new here goes to the intake, as a file of this device
 * would; of one whose text is here already the original is put to the others. What is on its way
 * stays until that is durable. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ingest/intake.h"
#include "mesh/blobs_internal.h"
#include "os/file.h"
#include "space/record.h"
#include "store/blob.h"

/* One that the intake has. */
struct taking {
    struct wf_blobs *b;
    int64_t space;
    uint8_t hash[WF_HASH_BYTES];
};

/* From a thread of the intake's. */
static void on_done(void *ud, const struct wf_intake_result *r)
{
    struct taking *t = ud;
    struct wf_blobs *b = t->b;

    if (b->o.taken != NULL)
        b->o.taken(b->o.ud, r);
    wf_blobs__push_taken(b, t->space, t->hash, r->outcome == WF_INTAKE_FAILED ? r->code : 0,
                         r->reason);
    wf_free(t);
    pthread_mutex_lock(&b->lock);
    b->n_taking--;
    pthread_cond_signal(&b->fewer);
    pthread_mutex_unlock(&b->lock);
}

static void count_taking(struct wf_blobs *b, bool is_more)
{
    pthread_mutex_lock(&b->lock);
    b->n_taking += is_more ? 1 : (size_t)-1;
    pthread_mutex_unlock(&b->lock);
}

static int space_name(struct wf_blobs *b, int64_t space, struct wf_arena *arena, struct wf_str *out,
                      struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_records_space(r, space, arena, out, err);
    wf_store_reader_put(b->o.store, r);
    return rc;
}

static int to_intake(struct wf_blobs *b, struct wf_fetch *f, const struct wf_paper *p, int fd,
                     struct wf_err *err)
{
    struct wf_intake_request req = {.fd = fd,
                                    .name = p->name,
                                    .title = WF_STR(""),
                                    .label = wf_str_from(wf_label_name((enum wf_label)p->label)),
                                    .uid = p->uid,
                                    .file = wf_str_from(f->path == NULL ? "" : f->path),
                                    .hash = f->hash,
                                    .stat = {.size = f->n_bytes},
                                    .cancel = &b->is_canceled,
                                    .done = on_done};
    struct taking *t = wf_alloc_array(1, sizeof(*t));
    struct wf_arena arena;
    int rc;

    if (t == NULL)
        return wf_blobs__no_memory(err);
    *t = (struct taking){.b = b, .space = f->space};
    memcpy(t->hash, f->hash, sizeof(t->hash));
    req.ud = t;
    wf_arena_init(&arena, 1024, (size_t)1 << 16);
    rc = space_name(b, f->space, &arena, &req.space, err);
    count_taking(b, true);
    if (rc == 0)
        rc = wf_intake_add(b->o.intake, &req, err);
    wf_arena_deinit(&arena);
    if (rc != 0) {
        count_taking(b, false);
        wf_free(t);
    }
    return rc;
}

/* The original alone: its text is here. */
static int place(struct wf_blobs *b, const struct wf_fetch *f, int fd, struct wf_err *err)
{
    struct wf_blob blob = {.bytes = 0};
    struct wf_blob *blobs[] = {&blob};
    int rc = wf_blob_adopt(b->o.store, f->path, fd, &blob, NULL, NULL, err);

    if (rc != 0)
        return rc;
    if (memcmp(blob.hash, f->hash, sizeof(f->hash)) != 0)
        rc = wf_err_set(err, WF_E_CORRUPT, "It is not the file that was asked for.");
    if (rc == 0)
        rc = wf_store_write_begin(b->o.store, err);
    if (rc != 0) {
        wf_blob_drop(b->o.store, &blob);
        return rc;
    }
    return wf_blob_commit(b->o.store, blobs, 1, err);
}

int wf_blobs__take_in(struct wf_blobs *b, struct wf_fetch *f, struct wf_err *err)
{
    struct wf_arena arena;
    struct wf_paper p;
    int fd = -1, rc;

    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    rc = wf_blobs__get(b, f->space, f->hash, &arena, &p, err);
    if (rc == 0 && f->path != NULL) {
        fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            rc = wf_err_set(err, WF_E_IO, "What came from another device cannot be read.");
    } else if (rc == 0) {
        rc = wf_blob_open(b->o.store, f->hash, &fd, err); /* of another space's document */
    }
    if (rc == 0 && f->is_known) {
        rc = place(b, f, fd, err);
        if (rc == 0)
            wf_blobs__push_taken(b, f->space, f->hash, 0, WF_STR(""));
    } else if (rc == 0) {
        rc = to_intake(b, f, &p, fd, err);
        fd = rc == 0 ? -1 : fd;
    }
    wf_file_close(&fd);
    wf_arena_deinit(&arena);
    if (rc == 0)
        f->state = WF_FETCH_TAKING;
    return rc;
}
