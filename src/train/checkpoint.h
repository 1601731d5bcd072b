/* Checkpoint: a training in one file, from which it goes on with the same bits.
 *
 * Named tensors with the optimiser's moments, how far the tasks are, the experiment's text, and
 * what the tasks want in the model file. Little-endian; everything behind the header is found by
 * the sizes in it, one part behind the other:
 *
 *     offset size
 *          0    8  "WEFTCKPT"
 *          8    4  version, 1
 *         12    4  number of tensors
 *         16    8  bytes of the file
 *         24    8  steps done
 *         32    8  tokens seen
 *         40    8  updates of the optimiser
 *         48    8  steps skipped
 *         56    8  nanoseconds trained
 *         64    8  seed
 *         72    4  number of tasks
 *         76    4  bytes of the experiment's text
 *         80    4  bytes of the entries (train/meta.h)
 *         84    4  1: with moments; 0: values only
 *         88   40  zeros
 *        128       the experiment's text, the entries
 *                  tasks, each: name [48], epoch u64, i u64
 *                  tensors, each: name [64], rows u32, cols u32
 *                  zeros to a multiple of 64
 *                  of each tensor in that order: values [rows cols] f32, then (with moments) first
 *                  and second [rows cols] f32, each padded with zeros to a multiple of 64
 *   end - 32   32  BLAKE2b-256 of everything before it
 *
 * A file is written under another name, made durable, and takes the place of the last one, which is
 * kept as NAME.previous. Threads: owner. */
#ifndef WF_TRAIN_CHECKPOINT_H
#define WF_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define WF_CHECKPOINT_TENSORS_MAX 65536u
#define WF_CHECKPOINT_TASKS_MAX 64u

struct wf_checkpoint_tensor {
    char name[64]; /* NUL-terminated */
    uint32_t rows, cols;
    const float *values, *first, *second; /* [rows * cols]; moments NULL where there are none */
};

struct wf_checkpoint_task {
    char name[48]; /* NUL-terminated */
    uint64_t epoch, i;
};

struct wf_checkpoint {
    uint64_t n_steps, n_tokens, n_updates, n_skipped, trained_ns, seed;
    struct wf_str conf; /* the experiment's text */
    struct wf_str meta;
    const struct wf_checkpoint_task *tasks;
    const struct wf_checkpoint_tensor *tensors;
    size_t n_tasks, n_tensors;
    bool has_moments;
};

/* Writes it to `path`; what was there becomes PATH.previous. On failure what was there still is,
 * under its name or as PATH.previous. Errors: those of os/file.h, LIMIT. */
int wf_checkpoint_write(const struct wf_checkpoint *c, const char *path,
                        struct wf_err *err) WF_MUST_USE;

struct wf_checkpoint_file;

/* Maps a file and checks all of it. *out is owned by the caller until wf_checkpoint_close; what it
 * says is borrowed from it. Errors: NOENT, IO, FORMAT (no checkpoint), CORRUPT (short or damaged),
 * NOMEM. */
int wf_checkpoint_open(const char *path, struct wf_checkpoint_file **out,
                       struct wf_err *err) WF_MUST_USE;
/* The same of bytes in memory (aligned for floats), which must outlive it; `name` is for messages.
 */
int wf_checkpoint_open_memory(const char *name, struct wf_str bytes,
                              struct wf_checkpoint_file **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_checkpoint_close(struct wf_checkpoint_file *f);

/* What it says. Its tensor of that name, its task of that name; NULL when absent. */
const struct wf_checkpoint *wf_checkpoint_of(const struct wf_checkpoint_file *f);
const struct wf_checkpoint_tensor *wf_checkpoint_tensor(const struct wf_checkpoint_file *f,
                                                        const char *name);
const struct wf_checkpoint_task *wf_checkpoint_task(const struct wf_checkpoint_file *f,
                                                    const char *name);

#endif
