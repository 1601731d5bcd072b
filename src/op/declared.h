/* Declared: where a client says that a piece of a chat comes from. It can only add to what weft
 * knows itself (engine/engine.h, is_declared): a label rises by it, and never falls.
 *
 * A message, or a part of its content, may have, itself or in its "metadata":
 *   "weft_origin": "file:/home/anna/a.txt" | "mail:anna@example.org" | "web:example.org" |
 *                  "tool:NAME" | "memory", or an array of such; what stands behind ':' may be
 * absent "weft_label":  "public" | "internal" | "private" | "secret": it is that at least Thread
 * rule: owner. */
#ifndef WF_OP_DECLARED_H
#define WF_OP_DECLARED_H

#include <jansson.h>

#include "skill/origins.h"

/* Origins of one piece. */
#define WF_DECLARED_MAX 64u
/* Of an arena for all origins of a chat. */
#define WF_DECLARED_BYTES_MAX ((size_t)8 << 20)

/* Whether a message or a part says anything. */
bool wf_op_declares(const json_t *holder);
/* Adds what a message or a part says, for that piece. Texts are borrowed from it. Errors: INVAL (a
 * word that is not known: guessing would lower), NOMEM. */
int wf_op_declared(const json_t *holder, size_t i_message, size_t i_part, struct wf_arena *arena,
                   struct wf_origins *io, struct wf_err *err) WF_MUST_USE;
/* The same of a message and all parts of its content; `parts_stay`: a part is the piece of its own
 * number, else each speaks of the whole message. */
int wf_op_declared_message(const json_t *message, size_t i_message, bool parts_stay,
                           struct wf_arena *arena, struct wf_origins *io,
                           struct wf_err *err) WF_MUST_USE;

/* Of all messages of a chat as the engine has them: origins [*out_n] in the arena. Errors: as
 * above.
 */
int wf_op_declared_chat(const json_t *messages, struct wf_arena *arena,
                        const struct wf_origin **out, size_t *out_n,
                        struct wf_err *err) WF_MUST_USE;

#endif
