/* SPDX-License-Identifier: Apache-2.0 */
/* The extract worker: one process that sees outside bytes, and can do nothing with them but answer.
 *
 * It locks itself down before the first document arrives, so that nothing in a document is ever
 * seen by a process that could reach something. A shared worker recognises each document; what
 * only code of ours reads it parses itself, for anything else it says which row is needed, and
 * the client has a worker of that kind made. A worker for one row parses one document and ends.
 *
 * A failed parse is an answer (an E frame), not a failure of the worker. It never prints; nobody
 * could read it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "ingest/encoding.h"
#include "ingest/extract_internal.h"
#include "ingest/parse.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/thread.h"
#include "text/utf8.h"

/* AddressSanitizer's own bookkeeping takes more address space than the limit leaves. */
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_MEMORY_LIMIT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_MEMORY_LIMIT 0
#endif
#endif
#ifndef HAVE_MEMORY_LIMIT
#define HAVE_MEMORY_LIMIT 1
#endif

struct worker {
    int fd;
    const struct wf_format *row; /* NULL: shared */
    uint64_t memory_bytes_max;
    uint32_t time_s_max;
    uint32_t n_documents;
    bool tainted;
    char head[WF_FORMAT_HEAD_BYTES];
    char tail[WF_FORMAT_TAIL_BYTES];
    char text[WF_FORMAT_HEAD_BYTES];
};

int wf_extract__isolate(int fd, int parent_pid)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
    if (getppid() != parent_pid) {
        return -1; /* the parent died before the line above */
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd <= STDERR_FILENO) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }
    for (int i = 0; null >= 0 && i <= STDERR_FILENO; i++) {
        (void)dup2(null, i); /* worst case: closed below 3 stays as it was */
    }
    if (fd != 3 && dup2(fd, 3) < 0) {
        return -1;
    }
    (void)fcntl(3, F_SETFD, FD_CLOEXEC);
    (void)close_range(4, ~0u, 0); /* kernels before 5.9 lack it; all our own are close-on-exec */
    return 3;
}

static int lock_down(const struct worker *wk, const struct wf_extract_limits *limits,
                     struct wf_err *err)
{
    static const enum wf_sandbox_kind kinds[] = {
        [WF_PARSE_SHARED] = WF_SANDBOX_EXTRACT,
        [WF_PARSE_ALONE] = WF_SANDBOX_EXTRACT,
        [WF_PARSE_EXEC] = WF_SANDBOX_EXTRACT_EXEC,
    };
    const struct wf_format *f = wk->row;
    struct wf_sandbox_options o = {
        .kind = f != NULL ? kinds[f->kind] : WF_SANDBOX_EXTRACT,
        .read_dirs = f != NULL ? f->read_dirs : NULL,
        .exec_dirs = f != NULL ? f->exec_dirs : NULL,
        .memory_bytes_max = HAVE_MEMORY_LIMIT ? limits->memory_bytes_max : 0,
        .cpu_s_max = f != NULL ? limits->time_s_max : 2 * limits->time_s_max,
        .file_bytes_max = WF_LIMIT_ARCHIVE_BYTES,
    };
    return limits->unsandboxed ? 0 : wf_sandbox_enter(&o, err);
}

/* ---- one document ---- */

/* Text in another encoding than UTF-8 and UTF-16 is converted by libraries, which do not belong
 * into a shared worker. */
static bool is_foreign_text(const struct wf_format_hint *h)
{
    size_t n = wf_utf8_valid_prefix(h->text);
    return !h->is_binary && h->text.ptr == h->head.ptr && h->text.len - n > 3;
}

/* Fills the hint and finds the row. Errors: WF_E_IO. */
static int recognise(struct worker *wk, const struct wf_parse_input *in,
                     const struct wf_format **out, bool *out_foreign, struct wf_err *err)
{
    size_t n_head = 0;
    size_t n_tail = 0;
    int rc = wf_parse_read_at(in, 0, wk->head, sizeof(wk->head), &n_head, err);
    struct wf_format_hint h = {
        .name = in->name, .head = wf_str_n(wk->head, n_head), .n_bytes = in->n_bytes};
    h.tail = h.head;
    if (rc == 0 && in->n_bytes > n_head && wf_str_starts(h.head, WF_STR("PK"))) {
        uint64_t at = in->n_bytes - WF_MIN(in->n_bytes, (uint64_t)sizeof(wk->tail));
        rc = wf_parse_read_at(in, at, wk->tail, sizeof(wk->tail), &n_tail, err);
        h.tail = wf_str_n(wk->tail, n_tail);
    }
    if (rc == 0) {
        *out = wf_format_find(&h, wk->text);
        *out_foreign = is_foreign_text(&h);
    }
    return rc;
}

/* A failure without a sentence, or one that only says "no memory", gets its sentence here. */
static void explain(struct worker *wk, int rc, struct wf_err *err)
{
    if (rc == WF_E_NOMEM) {
        (void)wf_err_set(err, WF_E_LIMIT, "reading it needs more than %u MB of memory",
                         (unsigned)(wk->memory_bytes_max >> 20));
    } else if (err->msg[0] == '\0' && rc == WF_E_LIMIT) {
        (void)wf_err_set(err, WF_E_LIMIT, "the document holds more than %u MB of text",
                         (unsigned)(WF_LIMIT_TEXT_BYTES >> 20));
    } else if (err->msg[0] == '\0') {
        (void)wf_err_set(err, rc, "the document cannot be read (%s)", wf_err_text(rc));
    }
}

/* Parses into the socket. Returns WF_E_IO when the client hung up. */
static int answer(struct worker *wk, const struct wf_parse_input *in)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_stream_writer w;
    wf_stream_writer_init(&w, wk->fd);
    int rc = wf_stream_meta(&w, "type", wf_str_from(in->format->media_type));
    if (rc == 0) {
        rc = in->format->parse(in, &w, &err);
    }
    if (rc == 0) {
        rc = wf_stream_status(&w);
    }
    if (rc == 0) {
        rc = wf_stream_end(&w);
    } else {
        explain(wk, rc, &err);
        rc = wf_stream_fail(&w, err.code, "%s", err.msg);
    }
    wf_stream_writer_deinit(&w);
    return rc;
}

static int refuse(struct worker *wk, const struct wf_err *err)
{
    struct wf_stream_writer w;
    wf_stream_writer_init(&w, wk->fd);
    int rc = wf_stream_fail(&w, err->code, "%s", err->msg);
    wf_stream_writer_deinit(&w);
    return rc;
}

static int hand_on(struct worker *wk, const struct wf_format *f)
{
    size_t index = wf_format_index(f);
    assert(index < 256);
    char p[2] = {WF_EXTRACT_NEEDS, (char)(unsigned char)index};
    return write(wk->fd, p, sizeof(p)) == (ssize_t)sizeof(p) ? 0 : WF_E_IO;
}

static int check_document(int doc_fd, struct wf_parse_input *in, struct wf_err *err)
{
    struct stat st;
    if (doc_fd < 0 || fstat(doc_fd, &st) != 0) {
        return wf_err_set(err, WF_E_IO, "the file cannot be read");
    }
    if (!S_ISREG(st.st_mode)) {
        return wf_err_set(err, WF_E_UNSUPPORTED, "it is no regular file");
    }
    if ((uint64_t)st.st_size > WF_LIMIT_FILE_BYTES) {
        return wf_err_set(err, WF_E_LIMIT, "the file is larger than %u MB",
                          (unsigned)(WF_LIMIT_FILE_BYTES >> 20));
    }
    in->n_bytes = (uint64_t)st.st_size;
    return 0;
}

static int serve_one(struct worker *wk, int doc_fd, struct wf_str name)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_parse_input in = {.fd = doc_fd, .name = name, .tainted = &wk->tainted};
    bool foreign = false;
    int rc = check_document(doc_fd, &in, &err);
    in.format = wk->row;
    if (rc == 0 && wk->row == NULL) {
        rc = recognise(wk, &in, &in.format, &foreign, &err);
    }
    if (rc != 0) {
        return refuse(wk, &err);
    }
    if (wk->row == NULL && (in.format->kind != WF_PARSE_SHARED || foreign)) {
        return hand_on(wk, in.format);
    }
    return answer(wk, &in);
}

/* ---- the loop ---- */

/* A shared worker ends before its processor time could run out in the middle of a document that
 * needs no more than its due. */
static bool is_worn(const struct worker *wk)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* cannot fail for one's own clock */
    return wk->tainted || wk->n_documents >= WF_EXTRACT_WORKER_DOCUMENTS ||
           (uint64_t)ts.tv_sec >= wk->time_s_max;
}

static void serve(struct worker *wk)
{
    char message[WF_EXTRACT_NAME_BYTES + 1];
    for (bool more = true; more;) {
        int doc_fd = -1;
        size_t n = 0;
        if (wf_extract__recv(wk->fd, message, sizeof(message), &n, false, &doc_fd) != 0 || n == 0) {
            break;
        }
        int rc = serve_one(wk, doc_fd, wf_str_n(message + 1, n - 1));
        wf_file_close(&doc_fd);
        wk->n_documents++;
        more = rc == 0 && wk->row == NULL && !is_worn(wk);
    }
}

void wf_extract__worker(int fd, const struct wf_format *row, const struct wf_extract_limits *limits)
{
    static struct worker wk; /* large; one a process */
    struct wf_err err = WF_ERR_INIT;
    wk.fd = fd;
    wk.row = row;
    wk.memory_bytes_max = limits->memory_bytes_max;
    wk.time_s_max = limits->time_s_max;
    (void)prctl(PR_SET_NAME, row != NULL ? row->id : "shared"); /* for people who look at ps */
    wf_thread_yield_to_others();
    if (lock_down(&wk, limits, &err) != 0) {
        (void)refuse(&wk, &err); /* the client learns the reason, or is gone */
        _exit(1);
    }
    serve(&wk);
    _exit(0);
}
