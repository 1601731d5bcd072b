/* Prompt: a request's messages or text as the tokens that a model reads.
 *
 * What users and tools say cannot speak in the model's control tokens: their names in such texts
 * are read as plain text. Threads: any. */
#ifndef WF_ENGINE_PROMPT_H
#define WF_ENGINE_PROMPT_H

#include <stdbool.h>

#include "engine/engine.h"
#include "engine/loaded.h"
#include "model/vocab.h"

struct wf_prompt {
    struct wf_ids ids;  /* owned: wf_free(ids.ptr) */
    size_t n_truncated; /* tokens left out, by overflow: truncate */
    bool thinks;        /* the model is to go on within a thought */
};

/* Makes the prompt of a request. Errors: INVAL (messages that the template refuses, no text),
 * UNSUPPORTED (no vocabulary, no filling in the middle), LIMIT (does not fit, and is not to be
 * truncated), RANGE, NOMEM. */
int wf_prompt_make(struct wf_loaded *l, const struct wf_gen_request *q, struct wf_prompt *out,
                   struct wf_err *err) WF_MUST_USE;

#endif
