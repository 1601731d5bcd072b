/* GGUF: a model file as a directory of metadata and tensors over mapped memory.
 *
 * Reads version 2 and 3, little-endian, one file or split ones (NAME-00001-of-00003.gguf: the first
 * is opened, the others are found beside it). Parses the directory only; weights stay in the file's
 * mapping until they are read. Every count, string, offset and size is checked against the file
 * before it is used; what is wrong is refused with a sentence. Knows nothing of model families.
 *
 * Source: the GGUF specification (ggml project, docs/gguf.md).
 * Threads: open and close by the owner; everything else by any thread while the file is open. */
#ifndef WF_MODEL_GGUF_H
#define WF_MODEL_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

/* As the file format numbers them. */
enum wf_gguf_kind {
    WF_GGUF_U8 = 0,
    WF_GGUF_I8 = 1,
    WF_GGUF_U16 = 2,
    WF_GGUF_I16 = 3,
    WF_GGUF_U32 = 4,
    WF_GGUF_I32 = 5,
    WF_GGUF_F32 = 6,
    WF_GGUF_BOOL = 7,
    WF_GGUF_STRING = 8,
    WF_GGUF_ARRAY = 9,
    WF_GGUF_U64 = 10,
    WF_GGUF_I64 = 11,
    WF_GGUF_F64 = 12,
};

/* One metadata entry, borrowed from the file. Arrays hold scalars or strings, not arrays. */
struct wf_gguf_value {
    struct wf_str key;
    enum wf_gguf_kind kind;      /* WF_GGUF_ARRAY: see item_kind */
    enum wf_gguf_kind item_kind; /* of an array; else as kind */
    size_t n_items;              /* of an array; else 1 */
    const uint8_t *_data;        /* first item, packed */
    size_t _bytes;               /* of all items */
    const uint64_t *_offsets;    /* of a string array: where each item begins in _data */
};

#define WF_GGUF_DIMS_MAX 4

struct wf_gguf_tensor {
    struct wf_str name;
    uint32_t type;                   /* the format's number in the file, see kern/dtype.h */
    uint32_t n_dims;                 /* 1..4 */
    uint64_t dims[WF_GGUF_DIMS_MAX]; /* dims[0] is the length of a row; unused ones are 1 */
    const void *data;                /* aligned as the file says; mapped read-only */
    uint64_t bytes;                  /* of the whole tensor */
};

struct wf_gguf;

/* Maps `path` (and the other parts of a split file) and reads its directory. *out is owned by the
 * caller, until wf_gguf_close. Errors: NOENT, IO, FORMAT (damaged, hostile, not GGUF),
 * UNSUPPORTED (big-endian, version 1, a tensor type that is not known), LIMIT, NOMEM. */
int wf_gguf_open(const char *path, struct wf_gguf **out, struct wf_err *err) WF_MUST_USE;

/* The same over memory that stays the caller's and must outlive the result. Single files only. */
int wf_gguf_open_memory(const void *p, size_t n, struct wf_gguf **out,
                        struct wf_err *err) WF_MUST_USE;

/* Drops what is in memory of the file's pages, once what is read only once has been read. */
void wf_gguf_rest(const struct wf_gguf *g);

/* Unmaps and frees; NULL is a no-op. All borrowed pointers end. */
void wf_gguf_close(struct wf_gguf *g);

/* 2 or 3; the bytes of all parts; the alignment of tensor data. */
uint32_t wf_gguf_version(const struct wf_gguf *g);
uint64_t wf_gguf_bytes(const struct wf_gguf *g);
uint64_t wf_gguf_alignment(const struct wf_gguf *g);

/* Entries and tensors in file order (those of the first part; tensors of all parts). */
size_t wf_gguf_n_values(const struct wf_gguf *g);
const struct wf_gguf_value *wf_gguf_value_at(const struct wf_gguf *g, size_t i);
size_t wf_gguf_n_tensors(const struct wf_gguf *g);
const struct wf_gguf_tensor *wf_gguf_tensor_at(const struct wf_gguf *g, size_t i);

/* By name; NULL when absent. */
const struct wf_gguf_value *wf_gguf_value(const struct wf_gguf *g, const char *key);
const struct wf_gguf_tensor *wf_gguf_tensor(const struct wf_gguf *g, const char *name);

/* Scalars by name, converted between number kinds where the value fits. False, and *out
 * untouched, when the key is absent or of another kind. Strings are borrowed. */
bool wf_gguf_u64(const struct wf_gguf *g, const char *key, uint64_t *out);
bool wf_gguf_f64(const struct wf_gguf *g, const char *key, double *out);
bool wf_gguf_bool(const struct wf_gguf *g, const char *key, bool *out);
bool wf_gguf_string(const struct wf_gguf *g, const char *key, struct wf_str *out);

/* The i-th item (i < n_items) of a scalar or an array; the same conversions and results. */
bool wf_gguf_item_i64(const struct wf_gguf_value *v, size_t i, int64_t *out);
bool wf_gguf_item_f64(const struct wf_gguf_value *v, size_t i, double *out);
bool wf_gguf_item_string(const struct wf_gguf_value *v, size_t i, struct wf_str *out);

/* All items of an array of whole numbers as they stand in the file, little-endian; borrowed from
 * it. Empty for anything else. */
struct wf_str wf_gguf_item_bytes(const struct wf_gguf_value *v);

#endif
