/* Meta: entries that tasks want in the model file: labels of heads, numbers, names.
 *
 * Kept as bytes, so that a checkpoint can hold them and an export needs no task's data. Entries lie
 * one behind the other, little-endian: kind u32 (enum wf_meta_kind), n_items u32, key_bytes u32,
 * key; then the items: u32, f32 and bool four bytes each, strings u32 length and bytes. Reading
 * checks every length. Threads: owner. */
#ifndef WF_TRAIN_META_H
#define WF_TRAIN_META_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/gguf_write.h"

#define WF_META_BYTES_MAX (4u << 20) /* some hundred labels take a few kilobytes */

enum wf_meta_kind {
    WF_META_U32,
    WF_META_F32,
    WF_META_STRING,
    WF_META_STRINGS,
    WF_META_BOOL, /* as u32, 0 or 1 */
    WF_META_COUNT,
};

struct wf_meta {
    struct wf_buf bytes; /* a failure sticks in it */
};

/* Empty; deinit is safe to call twice. */
void wf_meta_init(struct wf_meta *m);
void wf_meta_deinit(struct wf_meta *m);

/* Append an entry. What fails sticks in m->bytes. */
void wf_meta_put_u32(struct wf_meta *m, const char *key, uint32_t v);
void wf_meta_put_f32(struct wf_meta *m, const char *key, float v);
void wf_meta_put_bool(struct wf_meta *m, const char *key, bool v);
void wf_meta_put_string(struct wf_meta *m, const char *key, struct wf_str v);
void wf_meta_put_strings(struct wf_meta *m, const char *key, const char *const *v, uint32_t n);

/* Puts the entries of `bytes` into a model file that is being written; w NULL: only checks them.
 * Errors: FORMAT (damaged). */
int wf_meta_export(struct wf_str bytes, struct wf_gguf_writer *w, struct wf_err *err) WF_MUST_USE;

#endif
