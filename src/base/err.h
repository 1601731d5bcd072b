/* Errors: one list of codes, and a struct that carries a sentence for the person.
 *
 * A fallible function returns 0 or a negative WF_E_* code, and takes `struct wf_err *err` as its
 * last argument: it may be NULL, is untouched on success, and on failure holds the code and a
 * sentence ready to show: what happened and what to do. Library code never prints or exits.
 * Thread rule: any. */
#ifndef WF_BASE_ERR_H
#define WF_BASE_ERR_H

#include <stdint.h>

#include "base/config.h"

/* name, value, short text */
#define WF_ERR_MAP(X)                                                                              \
    X(INVAL, -1, "invalid argument")                                                               \
    X(NOMEM, -2, "out of memory")                                                                  \
    X(IO, -3, "input/output error")                                                                \
    X(NOENT, -4, "not found")                                                                      \
    X(EXIST, -5, "exists already")                                                                 \
    X(RANGE, -6, "out of range")                                                                   \
    X(FORMAT, -7, "malformed data")                                                                \
    X(LIMIT, -8, "over a limit")                                                                   \
    X(TIMEOUT, -9, "timed out")                                                                    \
    X(CANCELED, -10, "canceled")                                                                   \
    X(DENIED, -11, "permission denied")                                                            \
    X(BUSY, -12, "busy")                                                                           \
    X(UNSUPPORTED, -13, "not supported")                                                           \
    X(CORRUPT, -14, "stored data is damaged")                                                      \
    X(ENCRYPTED, -15, "encrypted")                                                                 \
    X(CRASHED, -16, "a helper process died")                                                       \
    X(FULL, -17, "no space left")

enum wf_err_code {
    WF_OK = 0,
#define WF_ERR_ENUM(name, value, text) WF_E_##name = (value),
    WF_ERR_MAP(WF_ERR_ENUM)
#undef WF_ERR_ENUM
};

#define WF_ERR_MSG_MAX 256

struct wf_err {
    int code;                 /* 0 or WF_E_* */
    char msg[WF_ERR_MSG_MAX]; /* NUL-terminated, UTF-8, ready to show */
    int64_t retry_ms;         /* of BUSY: worth trying again then; 0: nobody knows */
};

#define WF_ERR_INIT                                                                                \
    {                                                                                              \
        0, {0}, 0                                                                                  \
    }

/* Fills `err` (may be NULL) and returns `code`, so that callers can `return wf_err_set(...)`.
 * A message longer than the field is cut at a code point border; control characters and bytes that
 * are no UTF-8 are replaced. `code` must be negative; err->msg may be an argument. */
int wf_err_set(struct wf_err *err, int code, const char *fmt, ...) WF_PRINTF(3, 4);

/* Like wf_err_set with the code and text taken from errno value `errnum`
 * ("what: No space left on device"). Returns the code. */
int wf_err_errno(struct wf_err *err, int errnum, const char *fmt, ...) WF_PRINTF(3, 4);

/* The WF_E_* code that an errno value stands for; WF_E_IO for those without a closer one. */
int wf_err_from_errno(int errnum);

/* Puts "prefix: " before the message that `err` holds. Does nothing when err is NULL. */
void wf_err_prefix(struct wf_err *err, const char *fmt, ...) WF_PRINTF(2, 3);

/* "WF_E_NOMEM" and "out of memory"; "WF_OK" and "success" for 0; "WF_E_?" and "unknown
 * error" for a code not in the list. Static storage. */
const char *wf_err_name(int code);
const char *wf_err_text(int code);

#endif
