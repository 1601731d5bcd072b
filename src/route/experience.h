/* Experience: what was learned of engines: how fast each model there reads and writes, what it
 * draws, whether it fails, and how good its answers are, for each kind of request; and how long
 * answers are.
 *
 * Each quantity is a normal belief about how far it is from what one would think beforehand (from
 * measurements, or the model's size): logarithms of times and energies, log odds of what is right
 * or works. An observation moves it as much as it is uncertain (a Kalman filter); with time it
 * fades back. Nothing of a request's text is kept.
 *
 * In a file, one line each, numbers by "%.9g", at most WF_EXPERIENCE_MAX lessons:
 *
 *   weft experience 1
 *   lengths AT MEAN VAR ...                      a pair for each kind
 *   lesson ENGINE MODEL AT MEAN VAR ...          a pair for each quantity, then for each kind
 *
 * Threads: owner; wf_experience_estimate by any while nothing is learned. */
#ifndef WF_ROUTE_EXPERIENCE_H
#define WF_ROUTE_EXPERIENCE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "route/route.h"

/* The least recent goes when there are more. */
#define WF_EXPERIENCE_MAX 128u
#define WF_EXPERIENCE_BYTES_MAX (256u << 10)
/* An engine's and a model's name; of longer ones nothing is learned. */
#define WF_EXPERIENCE_ENGINE_BYTES 64u
#define WF_EXPERIENCE_MODEL_BYTES 256u

struct wf_experience;

/* Without any. *out is owned by the caller. Errors: NOMEM. */
int wf_experience_new(struct wf_experience **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_experience_free(struct wf_experience *x);

/* What a file's text says, in place of what was known; as before on errors. Errors: FORMAT (the
 * sentence names the line), LIMIT (too many lessons), NOMEM. */
int wf_experience_parse(struct wf_experience *x, struct wf_str text,
                        struct wf_err *err) WF_MUST_USE;
/* Appends the file's text. Errors: the buffer's. */
int wf_experience_print(const struct wf_experience *x, struct wf_buf *out);
/* The same with a file, which is replaced whole; one that is missing means nothing is known.
 * Errors: as wf_experience_parse, IO, DENIED, FULL. */
int wf_experience_load(struct wf_experience *x, const char *path, struct wf_err *err) WF_MUST_USE;
int wf_experience_save(const struct wf_experience *x, const char *path,
                       struct wf_err *err) WF_MUST_USE;

/* How many engine-model pairs it knows of. */
size_t wf_experience_n_lessons(const struct wf_experience *x);

/* What the request would be like there. x NULL: nothing was learned. explore: NULL, or draws from
 * the beliefs in place of their middles. Allocates nothing; no NaN, no infinity comes out of finite
 * candidates. */
void wf_experience_estimate(const struct wf_experience *x, const struct wf_route_request *q,
                            const struct wf_candidate *c, int64_t now_ms,
                            const struct wf_rng *explore, struct wf_estimate *out);

/* How a request went. Zeros: not known. */
struct wf_outcome {
    bool failed;              /* it gave no answer; the rest is then not looked at */
    double ttft_ms, total_ms; /* to the first token, to the last */
    uint32_t n_prompt, n_out; /* tokens; of the prompt those that were not cached */
    double energy_j;          /* measured */
    bool is_rated;            /* quality is known, by feedback, a retry, a check */
    float quality;            /* 0 wrong .. 1 right */
};

/* Learns. The request and the candidate are what was decided with. Never fails: a name that is too
 * long is not learned of. */
void wf_experience_learn(struct wf_experience *x, const struct wf_route_request *q,
                         const struct wf_candidate *c, const struct wf_outcome *o, int64_t now_ms);

/* Learns how good an answer was, long after it perhaps, and nothing else: 0 wrong .. 1 right.
 * weight says how sure that is: 1 as one answer that was looked at, above 0. One such word moves
 * the belief by a few hundredths where little is known, and by less where much is. */
void wf_experience_rate(struct wf_experience *x, const struct wf_route_request *q,
                        const struct wf_candidate *c, float quality, float weight, int64_t now_ms);

#endif
