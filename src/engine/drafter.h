/* Drafter: a small model that guesses what the texts of a larger one go on with (Leviathan et al.,
 * Fast Inference from Transformers via Speculative Decoding, 2023).
 *
 * It must have the same vocabulary. It guesses what it finds likeliest, and the larger model's
 * sampler picks as if there had been no guess, so that a text is the same to the letter
 * (scheduler_guess.c). Of a text it reads the end only, so that a long prompt costs little. What
 * it takes is entered in an account, and so is what its right guesses spare: where it spares less
 * than it takes, it guesses no more than a small part of the time allows. Threads: owner. */
#ifndef WF_ENGINE_DRAFTER_H
#define WF_ENGINE_DRAFTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "model/transformer.h"
#include "model/vocab.h"

/* Guesses of one text at once. */
#define WF_DRAFTER_MAX 7

struct wf_drafter;

/* What it has read of a text. Begins as zeros. */
struct wf_drafter_text {
    struct wf_seq seq;
    bool has_seq;
    size_t first;  /* the token of the text that seq begins with */
    size_t n_same; /* tokens of seq that are the text's own; then come guesses */
    int32_t guessed[WF_DRAFTER_MAX];
    double right;     /* so many of the guesses are right, of 1; 0: none was made */
    double value_ns;  /* what a right guess spares */
    double beside_ns; /* what the guesses cost the larger model */
};

/* Whether a model can guess for models with that vocabulary: it writes, can go back to any place,
 * and its tokens are the same. */
bool wf_drafter_suits(const struct wf_model *m, const struct wf_vocab *own,
                      const struct wf_vocab *other);

/* A draft by model m for n_texts texts at once, timed by the clock (NULL: the system's); both must
 * outlive it. Errors: as wf_runner_new, NOMEM. */
int wf_drafter_new(const struct wf_model *m, const struct wf_clock *clock, size_t n_threads,
                   size_t n_texts, struct wf_drafter **out, struct wf_err *err) WF_MUST_USE;
/* All texts must be forgotten. NULL is a no-op. */
void wf_drafter_free(struct wf_drafter *d);
/* Bytes of its buffers and of the cache that it may have. */
uint64_t wf_drafter_bytes(const struct wf_drafter *d);

/* Whether the account allows guesses; what one takes (0: not known); how many of a new text's are
 * expected to be right, of 1. */
bool wf_drafter_may(const struct wf_drafter *d);
double wf_drafter_guess_ns(const struct wf_drafter *d);
double wf_drafter_right(const struct wf_drafter *d);

/* Guesses n (1..WF_DRAFTER_MAX) tokens behind a text of n_ids (at least 1): their number. 0: it has
 * only read a piece so far, or failed, which does no harm. */
size_t wf_drafter_guess(struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids,
                        size_t n_ids, size_t n, int32_t *out);
/* So many of a text's guesses were right. */
void wf_drafter_was(struct wf_drafter *d, struct wf_drafter_text *t, size_t n_guessed,
                    size_t n_right);
/* The larger model was at work for so long. */
void wf_drafter_worked(struct wf_drafter *d, int64_t ns);
/* Gives back what a text has here. */
void wf_drafter_forget(struct wf_drafter_text *t);

#endif
