/* GGUF writer: a model file, metadata first, then tensors in the order in which they were declared.
 *
 * The directory is kept in memory, weights go straight to the file, so a model of any size takes no
 * memory. The file is written under a temporary name beside its own and renamed when it is whole.
 * Use: new, put_* and tensor in any order, begin, write, finish, free. Version 3, little-endian.
 *
 * Source: the GGUF specification (ggml project, docs/gguf.md).
 * Threads: owner. */
#ifndef WF_MODEL_GGUF_WRITE_H
#define WF_MODEL_GGUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "kern/dtype.h"
#include "model/gguf.h"

struct wf_gguf_writer;

/* A writer for `path`; nothing is written yet. *out is owned by the caller. Errors: NOMEM. */
int wf_gguf_writer_new(const char *path, struct wf_gguf_writer **out,
                       struct wf_err *err) WF_MUST_USE;
/* Removes what was written unless it was finished. NULL is a no-op. */
void wf_gguf_writer_free(struct wf_gguf_writer *w);

/* Metadata entries. A failure (memory) sticks and comes out of wf_gguf_writer_begin. */
void wf_gguf_put_u32(struct wf_gguf_writer *w, const char *key, uint32_t v);
void wf_gguf_put_f32(struct wf_gguf_writer *w, const char *key, float v);
void wf_gguf_put_bool(struct wf_gguf_writer *w, const char *key, bool v);
void wf_gguf_put_string(struct wf_gguf_writer *w, const char *key, struct wf_str v);
/* The same entry as in another file. */
void wf_gguf_put_copy(struct wf_gguf_writer *w, const struct wf_gguf_value *v);
/* An array of bytes. */
void wf_gguf_put_u8s(struct wf_gguf_writer *w, const char *key, struct wf_str bytes);
/* An array of n items, strings or 32-bit whole numbers; exactly n items must follow. */
void wf_gguf_put_strings(struct wf_gguf_writer *w, const char *key, uint64_t n);
void wf_gguf_put_i32s(struct wf_gguf_writer *w, const char *key, uint64_t n);
void wf_gguf_item_put_string(struct wf_gguf_writer *w, struct wf_str v);
void wf_gguf_item_put_i32(struct wf_gguf_writer *w, int32_t v);

/* Declares a tensor of n_dims (1..4) dimensions, dims[0] whole blocks of the type. */
void wf_gguf_put_tensor(struct wf_gguf_writer *w, struct wf_str name, const struct wf_dtype *type,
                        uint32_t n_dims, const uint64_t *dims);

/* All that another file has, entries and tensors, but for those whose names begin with one of
 * `without` (NULL-terminated); the alignment is this file's own. After wf_gguf_writer_begin,
 * wf_gguf_write_others writes what those tensors hold, so they must have been declared first.
 * Errors: of wf_gguf_writer_write. */
void wf_gguf_put_others(struct wf_gguf_writer *w, const struct wf_gguf *from,
                        const char *const *without);
int wf_gguf_write_others(struct wf_gguf_writer *w, const struct wf_gguf *from,
                         const char *const *without, struct wf_err *err) WF_MUST_USE;

/* Bytes of all declared tensors, padding included. */
uint64_t wf_gguf_writer_tensor_bytes(const struct wf_gguf_writer *w);

/* Makes the temporary file and writes the directory. Errors: NOMEM, NOENT, DENIED, FULL, IO, LIMIT
 * (the path is too long). */
int wf_gguf_writer_begin(struct wf_gguf_writer *w, struct wf_err *err) WF_MUST_USE;

/* The next n bytes of the tensors, which follow each other; a call may not reach over a tensor's
 * end. Padding is written by itself. Errors: FULL, IO. */
int wf_gguf_writer_write(struct wf_gguf_writer *w, const void *p, size_t n,
                         struct wf_err *err) WF_MUST_USE;

/* All tensors must be written whole. Makes the file durable and gives it its name, replacing what
 * was there. Errors: as wf_gguf_writer_write. */
int wf_gguf_writer_finish(struct wf_gguf_writer *w, struct wf_err *err) WF_MUST_USE;

#endif
