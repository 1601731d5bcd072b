/* What the files of the intake share; nobody else includes it. */
#ifndef WF_INGEST_INTAKE_INTERNAL_H
#define WF_INGEST_INTAKE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "ingest/chunk.h"
#include "ingest/intake.h"
#include "store/blob.h"

#define WF_INTAKE_LANES_MAX 16
/* Requests that wait: each holds a descriptor. */
#define WF_INTAKE_QUEUE_MAX 64
/* Chunks that a lane gathers before it hands them to the writer; a document below is handed over
 * whole, when it is known to be good. */
#define WF_INTAKE_PARCEL_BYTES ((size_t)1 << 20)
/* Chunks and small files' contents that wait for the writer. */
#define WF_INTAKE_READY_BYTES ((size_t)8 << 20)
/* From so much on a lane wakes the writer at each document; below, only when it has nothing else to
 * do. On one processor, a wake-up for each small document takes the lane off it each time. */
#define WF_INTAKE_WAKE_BYTES ((size_t)256 << 10)
/* A commit comes at the latest after so much text, so many documents, or so long: the text bounds
 * the memory of the index's hash and the log, the documents what is kept of them, the time how long
 * a caller waits. */
#define WF_INTAKE_GROUP_TEXT ((uint64_t)16 << 20)
#define WF_INTAKE_GROUP_JOBS 2048
#define WF_INTAKE_GROUP_MS 3000
/* Nothing arrived for so long: commit. */
#define WF_INTAKE_IDLE_MS 40

/* What a document says of itself, bounded. */
struct wf_intake_meta {
    struct wf_buf title, type, author, language, written, warning;
};

/* One request on its way. It belongs to its lane until handed over for the last time, then to the
 * writer; `handed` to `aborted` are shared while a large document is written and are guarded by the
 * intake's mutex. */
struct wf_intake_job {
    struct wf_list node; /* in queue, ready or group */
    struct wf_intake_request req;
    char *strings; /* what req's views point into */
    uint8_t hash[WF_HASH_BYTES];
    struct wf_blob blob;
    bool known;  /* its content is a document already */
    bool forced; /* that was wrong: extract it whatever a look says */
    enum wf_intake_outcome outcome;
    struct wf_err failure; /* code 0: none so far */
    struct wf_intake_meta meta;
    uint32_t n_pages;
    uint64_t n_text_bytes;
    struct wf_buf parcel; /* the lane's: chunks gathered (see wf_intake__put_chunk) */

    struct wf_buf handed; /* the writer's next chunks */
    bool is_handed;       /* handed is full */
    bool is_ready;        /* in the ready list, or with the writer */
    bool ended;           /* the lane is done with it */
    atomic_bool aborted;  /* the writer wants no more of it */

    struct wf_incoming incoming; /* the writer's */
    bool begun;
    char uid[WF_UID_BYTES + 1];
};

struct wf_intake {
    struct wf_store *store;
    struct wf_extract_client *extract;
    atomic_bool canceled;

    /* The mutex (rank 4; never held while taking a turn of writing) guards what follows. */
    pthread_mutex_t mutex;
    pthread_cond_t cond_room;  /* callers: the queue has room */
    pthread_cond_t cond_queue; /* lanes: the queue has requests */
    pthread_cond_t cond_taken; /* lanes: the writer took something */
    pthread_cond_t cond_ready; /* the writer: something is ready, or it shall commit */
    pthread_cond_t cond_done;  /* flush: something is done */
    struct wf_list queue;
    struct wf_list ready;
    size_t n_queued;
    size_t ready_bytes;
    uint32_t n_lanes; /* running */
    uint32_t n_busy;  /* of them, with a request */
    uint32_t n_flush; /* threads in wf_intake_flush */
    bool stop;
    struct wf_intake_stats stats;

    /* The mutex (rank 5) is held during a callback: one at a time. */
    pthread_mutex_t callback_mutex;

    pthread_t lanes[WF_INTAKE_LANES_MAX];
    pthread_t writer;
    bool has_writer;

    /* The writer's own: the documents of the open transaction. */
    struct wf_list group;
    size_t n_group;
    uint64_t group_text;
    int64_t group_since_ms;
    bool in_turn; /* a transaction is open */
    bool commit_soon;
};

/* intake_job.c: the life of a job. */
struct wf_intake_job *wf_intake__job_new(const struct wf_intake_request *req);
void wf_intake__job_free(struct wf_intake_job *job);
/* What it holds while it waits for the writer. */
size_t wf_intake__job_bytes(const struct wf_intake_job *job);
/* The first failure counts. */
void wf_intake__job_fail(struct wf_intake_job *job, const struct wf_err *err);
/* Settles the title: asked for, the document's own, its first heading, its name. */
int wf_intake__job_title(struct wf_intake_job *job, struct wf_str heading, struct wf_err *err);
/* Chunks in a parcel. get: false at the end; *io_i begins at 0. Views point into the parcel. */
int wf_intake__put_chunk(struct wf_buf *parcel, const struct wf_chunk *c, struct wf_err *err);
bool wf_intake__get_chunk(struct wf_str parcel, size_t *io_i, struct wf_chunk_row *out);

/* intake_lane.c: a lane's thread, and telling the caller what became of a request, which frees it.
 */
void *wf_intake__lane(void *ud);
void wf_intake__deliver(struct wf_intake *in, struct wf_intake_job *job);

/* intake_write.c: the writer's thread. */
void *wf_intake__writer(void *ud);

#endif
