/* What airlock's files share. Only daemon/airlock*.c include this. */
#ifndef WF_DAEMON_AIRLOCK_INTERNAL_H
#define WF_DAEMON_AIRLOCK_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"
#include "daemon/airlock.h"
#include "privacy/detect.h"
#include "privacy/ledger.h"
#include "privacy/policy.h"
#include "route/airlock_frame.h"
#include "route/engines.h"

/* ---- what decides (airlock_check.c) ---- */

struct wf_airlock_check {
    const struct wf_policy *policy; /* NULL: nothing leaves */
    struct wf_detect_run *run;      /* NULL: nothing leaves */
    struct wf_buf plain;            /* the body without JSON's escapes, and without pictures */
};

/* The texts of a body without JSON's escapes, into c->plain, and how many pictures it has: those
 * are clean, and no texts. Errors: DENIED (one is not clean), LIMIT, NOMEM. */
int wf_airlock__read(struct wf_airlock_check *c, struct wf_str body, size_t *out_n_pictures,
                     struct wf_err *err) WF_MUST_USE;
/* Whether a body may go to the engine. Errors: DENIED (label, or what it holds: says the types,
 * never the data), LIMIT, NOMEM: it does not go. */
int wf_airlock__check(struct wf_airlock_check *c, const struct wf_engine_entry *engine,
                      enum wf_label label, struct wf_str body, struct wf_err *err) WF_MUST_USE;

/* ---- what a person has released (airlock_release.c) ---- */

/* Releases that count within the same ten minutes. */
#define WF_AIRLOCK_USED_MAX 512

/* The releases that were used, as long as they would still count. */
struct wf_airlock_used {
    struct {
        uint8_t id[WF_RELEASE_DIGEST_BYTES];
        int64_t when_ms;
    } items[WF_AIRLOCK_USED_MAX];
    size_t n;
    int64_t blind_until_ms; /* till then it is not known what was used before */
};

/* Fills it from the ledger in that folder, as it is now. */
void wf_airlock__used_read(struct wf_airlock_used *u, const char *ledger, int64_t now_ms);

/* wf_airlock__check for a request that is_released, and uses its release up. Errors: DENIED, INVAL
 * (no such release), BUSY, LIMIT, NOMEM: it does not go. */
int wf_airlock__check_released(struct wf_airlock_check *c, struct wf_airlock_used *used,
                               const struct wf_engine_entry *engine,
                               const struct wf_airlock_frame *f, int64_t now_ms,
                               struct wf_err *err) WF_MUST_USE;

/* Appends a JSON text with its strings' escapes undone, so that detectors see what a reader of the
 * JSON sees. Errors: the buffer's. */
int wf_airlock__unescape(struct wf_str json, struct wf_buf *out);

/* ---- one request (airlock_call.c) ---- */

struct wf_airlock;

/* So many lists of calls, by id. */
#define WF_AIRLOCK_BUCKETS 512

/* A handle that is set up for one address of an engine, with its headers: one request after the
 * other has it, none at the same time. */
struct wf_airlock_handle {
    struct wf_list node; /* while it is idle */
    const struct wf_engine_entry *engine;
    char *url; /* owned */
    CURL *easy;
    struct curl_slist *headers;
};

/* A request from when it passed the check until it has ended. */
struct wf_airlock_out {
    struct wf_list node, logged_node;
    struct wf_airlock *a;
    uint64_t id;
    const struct wf_engine_entry *engine;
    char request_id[WF_AIRLOCK_TEXT_BYTES + 1];
    char model[WF_AIRLOCK_TEXT_BYTES + 1];
    bool streamed;
    enum wf_label label;
    struct wf_buf body;
    bool is_logged;   /* the ledger's entry is durable */
    bool is_canceled; /* core gave it up */
    bool is_given;    /* nothing is sent: an entry alone, of what goes to another person's device */
    uint64_t seq;     /* the ledger's entry */
    struct wf_err log_err;
    struct wf_airlock_handle *handle; /* NULL: not sent yet, or through */
    struct wf_buf head;               /* header lines */
    bool has_head;                    /* told to core */
    bool is_paused;
    int64_t window; /* bytes that core still takes */
    uint64_t n_received;
    uint32_t status;
    /* The answer is through: the ledger's entry waits for what core reports of it. */
    bool is_ended, has_report;
    int64_t ended_ns;
    uint64_t tokens_in, tokens_out, cost_micro;
    struct wf_ledger_count flags[WF_AIRLOCK_FLAGS_MAX];
    size_t n_flags;
    char flag_names[WF_AIRLOCK_FLAGS_MAX][WF_AIRLOCK_FLAG_BYTES];
};

/* A request as core sent it, in the list of all; NULL: no memory. */
struct wf_airlock_out *wf_airlock__new(struct wf_airlock *a, const struct wf_airlock_frame *f,
                                       const struct wf_engine_entry *engine) WF_MUST_USE;
/* Connects and sends. Errors: NOENT (no key), INVAL, LIMIT, NOMEM: nothing was sent. */
int wf_airlock__start(struct wf_airlock_out *c, struct wf_err *err) WF_MUST_USE;
/* Core takes n bytes more. */
void wf_airlock__credit(struct wf_airlock_out *c, uint32_t n);
/* What libcurl's end means: tells core and the ledger, and frees. */
void wf_airlock__finish(struct wf_airlock_out *c, CURLcode code);
/* What core reports of an answer. */
void wf_airlock__report(struct wf_airlock_out *c, const struct wf_airlock_frame *f);
/* Writes the ledger's entry of one that has ended, and frees. */
void wf_airlock__close(struct wf_airlock_out *c);
/* The same where it failed before, or was given up. */
void wf_airlock__fail(struct wf_airlock_out *c, const struct wf_err *err);
/* Frees it, whatever it does. NULL is a no-op. */
void wf_airlock__drop(struct wf_airlock_out *c);
/* Frees the handles that wait for a next request. */
void wf_airlock__forget_handles(struct wf_airlock *a);

/* ---- the process (airlock.c) ---- */

struct wf_airlock {
    const struct wf_airlock_options *o;
    struct wf_engines *engines;
    struct wf_buf *keys; /* [engines->n], empty: none */
    struct wf_policy *policy;
    struct wf_detector *detector;
    struct wf_airlock_check check;
    struct wf_airlock_used used;
    struct wf_err broken;     /* why nothing leaves; code 0: nothing is wrong */
    struct wf_ledger *ledger; /* NULL: could not be opened */
    struct wf_err ledger_err; /* why */
    int64_t ledger_tried_ns;
    int64_t swept_ns;   /* when ended calls were last looked through */
    bool is_ledger_bad; /* it failed: opened anew once it holds nothing */
    size_t n_unlogged;  /* requests that the ledger holds */
    CURLM *multi;
    int epoll_fd, wake_fd;
    int64_t timer_ns;                         /* when libcurl wants to be called; INT64_MAX: not */
    bool watches_out;                         /* core takes nothing at the moment */
    struct wf_list calls[WF_AIRLOCK_BUCKETS]; /* struct wf_airlock_out, by id */
    size_t n_calls;
    struct wf_list idle; /* struct wf_airlock_handle, the last used first */
    size_t n_idle;
    struct wf_buf in, out; /* bytes from core, to core */
    size_t out_at;         /* bytes of `out` that are through */
    bool is_over;
    pthread_mutex_t lock;  /* guards `logged` */
    struct wf_list logged; /* what the ledger has finished, by logged_node */
};

/* Puts a frame into the queue to core. */
void wf_airlock__tell(struct wf_airlock *a, const struct wf_airlock_frame *f);
/* ... that a request has failed. */
void wf_airlock__tell_failed(struct wf_airlock *a, uint64_t id, const struct wf_err *err);
/* Writes to the ledger without waiting. */
void wf_airlock__note(struct wf_airlock *a, const struct wf_ledger_entry *e);

#endif
