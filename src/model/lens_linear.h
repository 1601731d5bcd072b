/* Lens linear: a linear judge of requests, fitted on its own beside the encoder: a table of what
 * words, pairs of words and groups of letters (model/lens_grams.h) say for and against each label
 * of a set of intents. On little data it is as good as a small encoder, and errs elsewhere; lens
 * adds what both say.
 *
 * In the file, for a set of intents (of sensitivity: lens.sensitivity.linear, labels are then
 * several at once): lens.intent.SET.linear.grams and .weights (32-bit whole
 * numbers that hold bytes, little-endian, the rest of the last one 0), .n_grams and .n_entries
 * (u32), and the tensors .levels [16] and .biases [n_labels] (f32).
 *
 *   grams    for each gram, ascending: the difference to the one before, seven bits a byte, the
 *            lowest first, bit 7 set where more follow. Then its labels, ascending, each as such a
 *            number: twice the difference to the label before (to -1, less one), and 1 on the last
 *   weights  four bits for each of these labels, the lower half of a byte first: which of `levels`
 *            the gram adds to the label's score
 *
 * A label's score is its bias, and the sum of its weights over the text's words and pairs divided
 * by the square root of how many the text has, and the same of letters.
 *
 * Fitted and written by train/linear_set.h. Threads: open and close by the owner; the rest any. */
#ifndef WF_MODEL_LENS_LINEAR_H
#define WF_MODEL_LENS_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

#define WF_LENS_LINEAR_LEVELS 16
/* Labels of a set. */
#define WF_LENS_LINEAR_LABELS_MAX 256u

struct wf_lens_linear;

/* A table as it lies in a file; all of it borrowed. */
struct wf_lens_linear_parts {
    struct wf_str grams, weights;
    const float *levels; /* [WF_LENS_LINEAR_LEVELS] */
    const float *biases; /* [n_labels] */
    size_t n_labels;
    uint32_t n_grams, n_entries;
};

/* Unpacks a table. *out is owned by the caller, until wf_lens_linear_close. Errors: FORMAT (it is
 * none), LIMIT, NOMEM. */
int wf_lens_linear_read(const struct wf_lens_linear_parts *p, struct wf_lens_linear **out,
                        struct wf_err *err) WF_MUST_USE;
/* That of n_labels labels of "intent.SET" or "sensitivity"; *out NULL: the file has none. Errors:
 * as above. */
int wf_lens_linear_open(const struct wf_gguf *g, const char *of, size_t n_labels,
                        struct wf_lens_linear **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_lens_linear_close(struct wf_lens_linear *l);

/* The score of each label of a text (valid UTF-8) to out [n_labels]. */
void wf_lens_linear_score(const struct wf_lens_linear *l, struct wf_str text, float *out);

#endif
