/* One file's transfer, between fetch_transfer.c (what is to be done) and fetch_slot.c (one
 * connection). Only those include this. */
#ifndef WF_DAEMON_FETCH_TRANSFER_H
#define WF_DAEMON_FETCH_TRANSFER_H

#include "daemon/fetch_internal.h"

/* Connections at once, for files that have several pieces. */
#define WF_FETCH_SLOTS 4

struct wf_transfer;

/* One connection: bytes [at, end) of the file. */
struct wf_slot {
    struct wf_transfer *t;
    CURL *easy; /* NULL: not busy */
    struct curl_slist *headers;
    char *url; /* where it is now, after redirects */
    int n_redirects;
    bool is_whole; /* no range was asked for */
    size_t i_piece;
    uint64_t at, end;            /* end UINT64_MAX: until the server closes */
    bool is_checked;             /* the answer is the one that was asked for */
    struct wf_fetch_range range; /* of the answer; to 0: none was told */
    bool has_range;
};

struct wf_transfer {
    struct wf_fetch *f;
    const struct wf_fetch_file *file;
    int fd; /* of the partial file */
    struct wf_fetch_state state;
    bool *is_busy; /* [n_pieces] a slot works on it */
    struct wf_slot slots[WF_FETCH_SLOTS];
    bool no_ranges;      /* the server sends whole files only */
    bool is_finished;    /* a whole file of unknown length came to its end */
    uint64_t n_received; /* bytes of this run */
    unsigned n_failures; /* since the last byte */
    int rc;              /* what ended it */
    struct wf_err err;
};

/* Begins to get [at, end) from `url`. False (rc and err of t are set) when it cannot. */
bool wf_slot__start(struct wf_slot *s, const char *url) WF_MUST_USE;
/* Ends it, whatever it does. */
void wf_slot__stop(struct wf_slot *s);

enum wf_slot_end {
    WF_SLOT_DONE,    /* all its bytes are there */
    WF_SLOT_GOES_ON, /* it was led on, and began again there */
    WF_SLOT_FAILED,  /* worth another try */
    WF_SLOT_FATAL,   /* rc and err of t are set */
    WF_SLOT_NO_RANGES,
};
/* What libcurl's end of its transfer means; the slot is stopped unless it goes on. Of FAILED the
 * reason is in t->err, without rc. */
enum wf_slot_end wf_slot__finish(struct wf_slot *s, CURLcode code);

/* Length, validator and whether ranges work, as the server tells them. The caller's state is not
 * touched. Errors: as wf_fetch__transfer. */
struct wf_fetch__probe {
    uint64_t bytes; /* 0: it does not say */
    char etag[256]; /* a strong ETag, else Last-Modified, else empty */
    bool has_ranges;
};
int wf_fetch__probe(struct wf_fetch *f, const char *url, struct wf_fetch__probe *out,
                    struct wf_err *err) WF_MUST_USE;

#endif
