/* Check: how doubtful an answer is, by itself: what a cascade asks of a small model's answer before
 * it is given out. No model is asked. Pure. Threads: any. */
#ifndef WF_ROUTE_CHECK_H
#define WF_ROUTE_CHECK_H

#include "engine/engine.h"
#include "route/route.h"

struct wf_check_answer {
    enum wf_kind kind; /* of the request */
    bool is_bounded;   /* the request says how long it may be at most */
    struct wf_str text;
    enum wf_gen_finish finish;
    double logprob;    /* the mean of its tokens' */
    size_t n_logprobs; /* of so many; 0: not known */
};

/* From here on another is asked. */
#define WF_CHECK_DOUBTFUL 0.5

/* 0 nothing speaks against it .. 1 it is none. *out_why (may be NULL): the weightiest reason, a
 * word
 * ("empty", "cut", "repeats", "unsure", "no choice", "no number", "wrong sum", "unlikely"), or "".
 * Static. */
double wf_check_doubt(const struct wf_check_answer *a, const char **out_why);

#endif
