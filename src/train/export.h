/* Export: a checkpoint as a model file, float32: the network, the tasks' heads, what tasks say
 * about them, and the vocabulary. Threads: any. */
#ifndef WF_TRAIN_EXPORT_H
#define WF_TRAIN_EXPORT_H

#include "base/err.h"

/* Writes the checkpoint at `from` to `to`. vocab is a GGUF file with the vocabulary; NULL: the one
 * that the experiment names, relative to the working folder. Errors: those of checkpoints, of GGUF
 * files read and written, FORMAT (an experiment without [model]). */
int wf_train_export(const char *from, const char *to, const char *vocab,
                    struct wf_err *err) WF_MUST_USE;

#endif
