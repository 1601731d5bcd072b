/* Shape: the sizes of a network that is made here, as a section [model] of an experiment, as the
 * parameters that net.h takes, and as the metadata of a model file: in one place, so that what was
 * trained is what is read later. Threads: any. */
#ifndef WF_TRAIN_SHAPE_H
#define WF_TRAIN_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gguf_write.h"
#include "model/params.h"
#include "train/conf.h"

struct wf_shape {
    char family[32]; /* general.architecture */
    char name[64];   /* general.name */
    int64_t layers, width, heads, kv_heads, ff, context;
    double rope_base, norm_eps;
    bool is_causal;
};

/* The keys of [model]. */
const struct wf_conf_option *wf_shape_options(void);

/* The parameters for a vocabulary of n_vocab tokens. *out is owned by the caller, until
 * wf_params_deinit. Errors: UNSUPPORTED (family), RANGE (sizes that do not go together), NOMEM. */
int wf_shape_params(const struct wf_shape *s, size_t n_vocab, struct wf_params *out,
                    struct wf_err *err) WF_MUST_USE;

/* Puts them into a model file. What fails sticks in the writer. */
void wf_shape_put(const struct wf_shape *s, struct wf_gguf_writer *w);

#endif
