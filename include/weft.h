/* weft: the C interface for apps.
 *
 * A handle is a conversation with the core of one home: with the running daemon, or with a core
 * that is started for this handle and ends with it. Nothing is parsed or kept in the calling
 * process; there is no core outside the sandbox. Requests and results are the JSON objects that
 * docs/api.md describes.
 *
 * Thread rule: a handle belongs to one thread at a time; different handles may be used at once.
 * Strings are UTF-8 and NUL-terminated. Functions return 0, or a negative code with `err` filled.
 */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_ERROR_MESSAGE_MAX 256

struct weft;

struct weft_error {
    int code;                             /* negative */
    char message[WEFT_ERROR_MESSAGE_MAX]; /* a sentence ready to show: what happened, what to do */
};

struct weft_options {
    const char *home;    /* folder; required */
    const char *program; /* path of the weft program, to start a core with when no daemon runs;
                            NULL: only a running daemon will do */
};

/* Opens the home (made when missing and `program` is given). *out is freed by weft_close. `err` may
 * be NULL here and below. */
int weft_open(const struct weft_options *options, struct weft **out, struct weft_error *err);

/* Ends the conversation; a core of its own ends with it. NULL is a no-op. */
void weft_close(struct weft *w);

/* Called for what an operation tells before its result; `json` is valid during the call. Another
 * result than 0 stops the operation. */
typedef int (*weft_event_fn)(void *ud, const char *event, const char *json);

/* Runs one operation: "ask", "search", "summarize", "documents.list", "documents.get",
 * "documents.parts", "documents.remove", "threads.list", "threads.get", "threads.rename",
 * "threads.remove", "status", "settings.get", "settings.set".
 * `params` is a JSON object (NULL: {}). *out_json, to be freed by weft_free, is the result.
 *
 *     weft_call(w, "ask", "{\"question\":\"when does the lease end?\"}", NULL, NULL, &json, &err);
 */
int weft_call(struct weft *w, const char *operation, const char *params, weft_event_fn fn, void *ud,
              char **out_json, struct weft_error *err);

/* Takes in files and folders, as `weft add` does. fn (may be NULL) is told of each file: event
 * "file", {"path","status":"added"|"unchanged"|"failed","reason"}. *out_json:
 * {"added":n,"unchanged":n,"failed":[{"path","reason"}]}. */
int weft_add(struct weft *w, const char *const *paths, size_t n_paths, weft_event_fn fn, void *ud,
             char **out_json, struct weft_error *err);

/* Frees what the functions above gave. NULL is a no-op. */
void weft_free(void *p);

/* The version of the library, "0.1.0". Static storage. */
const char *weft_version(void);

#ifdef __cplusplus
}
#endif

#endif
