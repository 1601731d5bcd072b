/* Attach: a document of the library as a piece of a chat: its text between marks, and where it
 * lies, for the policy. Thread rule: any. */
#ifndef WF_OP_ATTACH_H
#define WF_OP_ATTACH_H

#include "op/op.h"
#include "skill/fence.h"
#include "skill/origins.h"

/* Text of one document that is attached; a longer one is refused. */
#define WF_ATTACH_BYTES_MAX (1u << 20)

/* Appends the document's title and text, within the fence, and adds its origins for piece i_part
 * (texts are in the arena); *out_flags as wf_op_look_at_text has it. Errors: NOENT, LIMIT,
 * UNSUPPORTED (there is no library), those of the store, NOMEM. */
int wf_op_attach(const struct wf_op_context *ctx, struct wf_str uid, const struct wf_fence *fence,
                 size_t i_part, struct wf_arena *arena, struct wf_buf *out,
                 struct wf_origins *io_origins, size_t *out_flags, struct wf_err *err) WF_MUST_USE;

#endif
