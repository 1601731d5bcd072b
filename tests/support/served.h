/* Served: a tiny model with a vocabulary of 512 tokens, and what it writes when it is asked alone,
 * token by token, without the scheduler. */
#ifndef WF_TESTS_SERVED_H
#define WF_TESTS_SERVED_H

#include "engine/scheduler.h"

#define SERVED_EOS 2

struct served {
    struct wf_buf bytes, vocab_bytes;
    struct wf_gguf *vocab_file;
    struct wf_vocab *vocab;
    struct wf_model *model;
};

/* Opens the tiny model of that name (support/tiny_model.h). */
void served_open(struct served *s, const char *name);
void served_close(struct served *s);

/* A prompt of n tokens that differs by `seed` from its `common`-th token on. */
void served_prompt(int32_t *ids, size_t n, size_t common, int32_t seed);

/* The likeliest n_max tokens behind a prompt, until the end token; returns how many. */
size_t served_alone(const struct served *s, const int32_t *prompt, size_t n_prompt, size_t n_max,
                    int32_t *out);

#endif
