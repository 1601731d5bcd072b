/* Recorder: a provider on loopback that keeps every byte it is sent, for tests of what leaves, and
 * answers at once, for benches of how fast. It speaks OpenAI's chat completions, streamed or not
 * (as the body asks), and says back what it was told last, in small pieces. */
#ifndef WF_TESTS_SUPPORT_RECORDER_H
#define WF_TESTS_SUPPORT_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct recorder;

struct recorder_options {
    bool keeps;       /* the bytes that come; else they are counted only */
    const char *says; /* the answer; NULL: the last message's content, as it stands in the JSON */
    int status;       /* 0: 200 */
    bool hangs;       /* after the first piece of an answer nothing comes any more */
};

/* Starts a thread that serves; ends it and frees. Aborts on error. */
struct recorder *recorder_start(const struct recorder_options *o);
void recorder_stop(struct recorder *r);

uint16_t recorder_port(const struct recorder *r);
/* From the next request on: status (0: 200, below 0: nothing is answered at all); and, where
 * dies_at is not SIZE_MAX, the connection is closed once so many bytes of the answer's text were
 * told. */
void recorder_set(struct recorder *r, int status, size_t dies_at);
/* Connections, requests and bytes so far. */
size_t recorder_n_connections(struct recorder *r);
size_t recorder_n_requests(struct recorder *r);
size_t recorder_n_bytes(struct recorder *r);

/* Whether the bytes that came hold `text` anywhere, upper or lower case, or without regard to what
 * stands between its letters and digits (`loosely`). */
bool recorder_holds(struct recorder *r, struct wf_str text, bool loosely);
/* A copy of all that came, for wf_free. */
char *recorder_bytes(struct recorder *r, size_t *out_len);

#endif
