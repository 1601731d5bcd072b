/* Sampler, inside: its state, and what its files give each other. */
#ifndef WF_MODEL_SAMPLER_INTERNAL_H
#define WF_MODEL_SAMPLER_INTERNAL_H

#include "base/rng.h"
#include "model/sampler.h"

/* A token that may still be drawn. */
struct wf_cand {
    float x;   /* its logit; finite */
    float w;   /* its share, not normalised */
    float key; /* what a cut goes by */
    int32_t id;
};

struct wf_cands {
    struct wf_cand *ptr; /* room for the whole vocabulary */
    size_t n;
    float max;   /* the largest logit of the tokens that may come */
    double mass; /* of the shares of these tokens, also of ones that are known to fall away */
};

/* ---- sampler_math.c: the same bits on every machine, which a C library does not promise ---- */

double wf_sampler_log(double x);
double wf_sampler_exp(double x);
/* exp(x) to about 1e-7, for x <= 0; 0 below -87 and for NaN. */
float wf_sampler_share(float x);
/* Index of the largest value (the first of equal ones), n > 0; NaN is never larger. */
size_t wf_sampler_argmax(const float *x, size_t n);
/* Sum of wf_sampler_share((x[i] - max) * scale). */
double wf_sampler_mass(const float *x, size_t n, float max, float scale);
/* The first index from `from` on with x[i] >= floor (not NaN); n when there is none. */
size_t wf_sampler_find(const float *x, size_t n, size_t from, float floor);

/* Sets every share to exp((x - max) * scale), and the mass to their sum. */
void wf_cands_weigh(struct wf_cands *c, float scale);

/* ---- sampler_cut.c: choosing among candidates ---- */

/* Keeps the fewest candidates with the largest keys (of equal ones those that stand first) whose
 * shares come to `mass`, at least one; or the n of the largest keys. The order stays. */
void wf_cands_keep_mass(struct wf_cands *c, double mass);
void wf_cands_keep_n(struct wf_cands *c, size_t n);
/* All tokens with logits >= floor; the k of the largest logits, of `room` places used. */
void wf_cands_gather(struct wf_cands *c, const float *logits, size_t n, float floor);
void wf_cands_gather_top(struct wf_cands *c, const float *logits, size_t n, size_t k);
/* Orders by logit, largest first. */
void wf_cands_sort(struct wf_cands *c);

/* ---- sampler_dry.c ---- */

/* The longest breaker, bytes. */
#define WF_DRY_TAIL 64

/* Where the text repeats itself. Position i: a token of the text. run[i] is how many tokens that
 * end at i equal those at the text's end; it holds for positions of the last token only. */
struct wf_dry {
    int64_t last_n;
    size_t allowed;
    float multiplier, base;
    const int32_t *text; /* borrowed from the sampler, which grows it */
    size_t n;
    uint32_t *before, *run; /* [cap]: 1 + the position before of the same token; 0: none */
    size_t cap;
    uint32_t *last;   /* [n_vocab]: 1 + the last position of a token */
    uint32_t *best;   /* [n_vocab]: longest repeat that a token would prolong; 0 between picks */
    int32_t *touched; /* [cap] tokens with best */
    size_t n_vocab;
    const struct wf_vocab *vocab; /* for the tokens' bytes; NULL: no breakers */
    char **breakers;
    size_t n_breakers;
    char tail[2 * WF_DRY_TAIL]; /* the text's last bytes, where a breaker may have begun */
    size_t n_tail;
};

/* Errors: RANGE (a breaker is too long; err is filled), NOMEM (it is not). What was made so far is
 * for wf_dry_deinit. */
int wf_dry_init(struct wf_dry *d, const struct wf_sampling *s, const struct wf_vocab *vocab,
                size_t n_vocab, struct wf_err *err) WF_MUST_USE;
void wf_dry_deinit(struct wf_dry *d);
/* Makes room for a text of cap tokens. */
int wf_dry_reserve(struct wf_dry *d, size_t cap) WF_MUST_USE;
/* The text [n] has one more token; room is there. */
void wf_dry_accept(struct wf_dry *d, const int32_t *text, size_t n);
/* Fills touched with the tokens that would prolong a repeat; returns how many. */
size_t wf_dry_find(struct wf_dry *d);
/* What is to be taken from the i-th of them; clears its mark. */
float wf_dry_penalty(struct wf_dry *d, size_t i);

/* ---- the sampler ---- */

/* A logit as it was before a step changed it. */
struct wf_logit_change {
    int32_t id;
    float old;
};

/* Where a token stands in `seen` and how often it is in the window. */
struct wf_seen {
    uint32_t count;
    uint32_t at;
};

struct wf_sampler {
    struct wf_sampling set; /* breakers are not kept */
    struct wf_logit_bias *biases;
    double *block_mass; /* shares of blocks of tokens: scratch */
    size_t n_vocab;
    struct wf_rng_seeded rng;
    struct wf_cands cands;
    bool has_penalties, has_dry;
    int32_t *text; /* what was accepted, when penalties or DRY look back on it */
    size_t n_text, cap_text;
    struct wf_seen *seen_of; /* [n_vocab], for penalties */
    int32_t *seen;           /* the different tokens of the window, in any order */
    size_t n_seen, cap_seen;
    struct wf_logit_change *changes; /* of this pick */
    size_t n_changes, cap_changes;
    struct wf_dry dry;
    double mu; /* mirostat: the surprise that is allowed now, bits */
};

/* One of the candidates by their shares; their mass is the sum of them. */
const struct wf_cand *wf_sampler_draw(struct wf_sampler *s);
/* sampler_mirostat.c; the candidates are gathered already where a mask leaves few. */
int32_t wf_sampler_mirostat1(struct wf_sampler *s, const float *logits, bool is_gathered);
int32_t wf_sampler_mirostat2(struct wf_sampler *s, const float *logits, bool is_gathered);

#endif
