/* Sampler: the next token out of a model's logits, by one caller's settings.
 *
 * One sampler belongs to one text that is written: it holds its random state and looks back on its
 * tokens. Steps, in this order: bias, mask, penalties, DRY, top-k, typical, top-p, min-p, XTC,
 * temperature, then a draw (or mirostat, which replaces all from top-k on). The same seed, settings
 * and logits give the same tokens on every machine.
 *
 * Sources: top-p: Holtzman et al. 2019; typical: Meister et al. 2022; mirostat: Basu et al. 2021;
 * penalties: Keskar et al. 2019 and OpenAI's API; min-p: Nguyen et al. 2024; DRY and XTC as their
 * author describes them (text-generation-webui pulls 5677 and 6335). Threads: owner. */
#ifndef WF_MODEL_SAMPLER_H
#define WF_MODEL_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "model/vocab.h"

struct wf_logit_bias {
    int32_t id;
    float bias; /* added to the logit; -infinity forbids */
};

/* What a caller may set. Begin with wf_sampling_default(). */
struct wf_sampling {
    float temperature;           /* 0: always the likeliest */
    int64_t top_k;               /* 0: off */
    float top_p;                 /* 1: off */
    float min_p;                 /* 0: off */
    float typical_p;             /* 1: off */
    float repeat_penalty;        /* 1: off; divides logits of tokens seen */
    float frequency_penalty;     /* 0: off; subtracted for every time seen */
    float presence_penalty;      /* 0: off; subtracted once seen */
    int64_t repeat_last_n;       /* tokens looked back on by penalties; 0: none, -1: all */
    int64_t mirostat;            /* 0: off, 1, 2 */
    float mirostat_tau;          /* target surprise, bits */
    float mirostat_eta;          /* learning rate */
    float dry_multiplier;        /* 0: off */
    float dry_base;              /* at least 1 */
    int64_t dry_allowed_length;  /* repeats up to this long cost nothing */
    int64_t dry_last_n;          /* tokens looked back on; 0: none, -1: all */
    const char *const *breakers; /* texts that a repeat does not go across; NULL: the usual four */
    size_t n_breakers;
    float xtc_probability; /* 0: off */
    float xtc_threshold;   /* above 0.5: off */
    const struct wf_logit_bias *biases;
    size_t n_biases;
    uint64_t seed;
};

/* Temperature 0.8, top_k 40, top_p 0.95, min_p 0.05, repeat_last_n 64, mirostat tau 5 and eta 0.1,
 * dry_base 1.75, dry_allowed_length 2, dry_last_n -1, xtc_threshold 0.1; everything else off; seed
 * 0. Thread: any. */
struct wf_sampling wf_sampling_default(void);

struct wf_sampler;

/* Makes a sampler for texts over n_vocab tokens. `s` and what it points to are copied; `vocab` (may
 * be NULL: DRY then knows no breakers) must outlive it. *out is owned by the caller, until
 * wf_sampler_free. Errors: RANGE (a value out of its bounds; the sentence names it), NOMEM. */
int wf_sampler_new(const struct wf_sampling *s, const struct wf_vocab *vocab, size_t n_vocab,
                   struct wf_sampler **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_sampler_free(struct wf_sampler *s);

/* Notes that the text goes on with this token: of the prompt, and every one picked. Errors: NOMEM.
 */
int wf_sampler_accept(struct wf_sampler *s, int32_t id) WF_MUST_USE;

/* All that a sampler has beside settings and the tokens that it accepted: with it another one goes
 * on as this one would have. */
struct wf_sampler_state {
    uint64_t random[4];
    double mu; /* mirostat */
};
void wf_sampler_save(const struct wf_sampler *s, struct wf_sampler_state *out);
/* Errors: RANGE (no state of a sampler). */
int wf_sampler_load(struct wf_sampler *s, const struct wf_sampler_state *state,
                    struct wf_err *err) WF_MUST_USE;

struct wf_logprob {
    int32_t id;
    float logprob; /* natural logarithm, of the model's own distribution before any step */
};

/* Picks the next token. logits [n_vocab] f32 is overwritten. `allowed` is a bit for every token
 * (bit id % 32 of word id / 32) or NULL: all may come; at least one bit must be set. out_top
 * [1 + n_top], when not NULL, gets the picked token and then the n_top likeliest, best first.
 * Allocates nothing. */
int32_t wf_sampler_pick(struct wf_sampler *s, float *logits, const uint32_t *allowed, size_t n_top,
                        struct wf_logprob *out_top);

#endif
