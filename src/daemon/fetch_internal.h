/* What the fetching process's files share. Only daemon/fetch_*.c include this. */
#ifndef WF_DAEMON_FETCH_INTERNAL_H
#define WF_DAEMON_FETCH_INTERNAL_H

#include <curl/curl.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "daemon/fetch_parse.h"

/* A manifest, a list of files, a token: larger answers are none. */
#define WF_FETCH_ANSWER_MAX ((size_t)8 << 20)
#define WF_FETCH_REDIRECTS_MAX 10

/* One fetching process. */
struct wf_fetch {
    int fd;              /* to the core */
    const char *dir;     /* the folder it may write */
    const char *ca_file; /* or NULL */
    struct wf_arena arena;
    char token_origin[512]; /* who may see the token */
    char *token;            /* in the arena; or NULL */
    CURLM *multi;
};

/* ---- requests (fetch_http.c) ---- */

/* A handle for `url` with everything set that all requests share; NULL (and err set) for a URL that
 * may not be opened, or out of memory. *io_headers (NULL at first) are the caller's to free after
 * the handle. */
CURL *wf_fetch__easy(struct wf_fetch *f, const char *url, struct curl_slist **io_headers,
                     struct wf_err *err) WF_MUST_USE;

/* Whether the core has hung up. */
bool wf_fetch__is_given_up(const struct wf_fetch *f);

struct wf_fetch__answer {
    long status;
    struct wf_buf body;   /* the caller's, initialised */
    char challenge[2048]; /* WWW-Authenticate, or empty */
};

/* Gets a small document, following redirects, with `accept` (or NULL) as its Accept header. Any
 * status is a success. Errors: IO (network), LIMIT (too large), INVAL (a redirect to where it must
 * not lead), CANCELED, NOMEM. */
int wf_fetch__get(struct wf_fetch *f, const char *url, const char *accept,
                  struct wf_fetch__answer *out, struct wf_err *err) WF_MUST_USE;

/* The error of a status that is no success: NOENT, DENIED, or IO. `what` names what was asked for.
 */
int wf_fetch__status_error(long status, const char *what, struct wf_err *err);
/* The error of libcurl's result. */
int wf_fetch__curl_error(CURLcode code, const char *url, struct wf_err *err);

/* ---- finding out (fetch_plan.c) ---- */

struct wf_fetch__found {
    struct wf_fetch_plan plan;
    char name[WF_MODEL_NAME_MAX];
    char source[512];
    json_t *extra; /* object; the caller's */
};

/* Asks the servers what belongs to the target. Errors: those of the parsers and of wf_fetch__get.
 */
int wf_fetch__find(struct wf_fetch *f, const struct wf_fetch_target *t, struct wf_fetch__found *out,
                   struct wf_err *err) WF_MUST_USE;

/* ---- bytes (fetch_transfer.c) ---- */

/* Told of every step; another result than 0 ends the work with CANCELED. */
typedef int (*wf_fetch__progress_fn)(void *ud, uint64_t n_done, uint64_t n_all);

/* Brings a file to dir/name, going on where an earlier try stopped. Checks its length only. Errors:
 * IO, NOENT, DENIED, FULL (also before it begins), FORMAT (the server contradicts itself), CANCELED
 * (what there is stays for the next try), NOMEM. */
int wf_fetch__transfer(struct wf_fetch *f, const struct wf_fetch_file *file, const char *name,
                       wf_fetch__progress_fn progress, void *ud, struct wf_err *err) WF_MUST_USE;

/* ---- how far a file is (fetch_state.c) ---- */

/* A file is cut into pieces; of each, the bytes from its beginning that are there. Kept in
 * dir/NAME.state, written after the bytes themselves are durable. */
#define WF_FETCH_PIECE_BYTES ((uint64_t)16 << 20)
#define WF_FETCH_PIECES_MAX 262144 /* 4 TiB */

struct wf_fetch_state {
    uint64_t bytes;  /* of the file; 0: not known */
    char etag[256];  /* of the file on the server; or empty */
    uint64_t *done;  /* [n_pieces], wf_free */
    size_t n_pieces; /* 0 where bytes is 0 */
};

/* An empty state. Errors: LIMIT, NOMEM. */
int wf_fetch_state_init(struct wf_fetch_state *s, uint64_t bytes, const char *etag,
                        struct wf_err *err) WF_MUST_USE;
/* Safe to call twice, and on a zeroed state. */
void wf_fetch_state_deinit(struct wf_fetch_state *s);
/* Reads a state's text; false when it is none, or not sound. */
bool wf_fetch_state_parse(struct wf_str text, struct wf_fetch_state *out);
/* Its text. Returns wf_buf_status. */
int wf_fetch_state_print(const struct wf_fetch_state *s, struct wf_buf *out);
/* Length of piece i; bytes that are there, all pieces. */
uint64_t wf_fetch_piece_bytes(const struct wf_fetch_state *s, size_t i);
uint64_t wf_fetch_state_done(const struct wf_fetch_state *s);

#endif
