/* Linear judge: what the encoder's head and the linear one say of the requests that are kept aside,
 * how much each is to count, from where on a request is in scope, and how good that is.
 *
 * The two numbers by which what they say is multiplied are the likeliest ones (a convex problem).
 * Where the label of what is out of scope wins more often than was asked for, it is made weaker;
 * the threshold is the lowest that turns enough of it away. For figures each half
 * of the requests chooses all of that for the other, so that nothing is measured on what it was
 * chosen on; what is written into a file is chosen on both. Threads: owner. */
#ifndef WF_TRAIN_LINEAR_JUDGE_H
#define WF_TRAIN_LINEAR_JUDGE_H

#include <stddef.h>

#include "base/err.h"
#include "model/lens.h"
#include "train/linear_set.h"

/* Whom to ask. */
enum wf_linear_judges {
    WF_LINEAR_ENCODER = 1,
    WF_LINEAR_TABLE = 2,
    WF_LINEAR_BOTH = 3,
};

struct wf_linear_opinions;

struct wf_linear_scales {
    double encoder, linear;
    double outside; /* what is taken off the score of the label that means out of scope */
    double threshold;
};

/* In %, of what is kept aside. */
struct wf_linear_figures {
    double accuracy;       /* right, of those in scope; to be turned away is wrong */
    double outside_recall; /* turned away, of those out of scope; NAN: there are none */
    double closed;         /* as accuracy, if nothing could be out of scope */
    size_t n;
};

/* What both say of a set's requests that are kept aside. `lens` has the set `name` (NULL, or
 * without it: only the linear judge is asked). *out is owned by the caller, until
 * wf_linear_opinions_free. Errors: those of wf_runner_new and wf_lens_job_new; NOMEM. */
int wf_linear_opinions_new(const struct wf_linear_set *s, const struct wf_lens *lens,
                           const char *name, struct wf_linear_opinions **out,
                           struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_linear_opinions_free(struct wf_linear_opinions *o);
/* Asks the linear judge anew, as it is now. */
void wf_linear_opinions_again(struct wf_linear_opinions *o, const struct wf_linear_set *s);
bool wf_linear_opinions_has_encoder(const struct wf_linear_opinions *o);

/* The scales and the threshold to write down: `recall` of what is out of scope must be turned away.
 */
struct wf_linear_scales wf_linear_choose(const struct wf_linear_opinions *o,
                                         enum wf_linear_judges who, double recall);
/* How good it is, each half measured with what the other chose. */
struct wf_linear_figures wf_linear_measure(const struct wf_linear_opinions *o,
                                           enum wf_linear_judges who, double recall);

#endif
