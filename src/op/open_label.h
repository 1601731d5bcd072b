/* Labels of what is open and of what is said in conversations: by the policy, from what patterns
 * find in the text and where it comes from. Secret where that cannot be told. Thread: any. */
#ifndef WF_OP_OPEN_LABEL_H
#define WF_OP_OPEN_LABEL_H

#include "op/op.h"
#include "privacy/label.h"

/* Of a person's or a model's words. */
enum wf_label wf_op_text_label(struct wf_op_context *ctx, struct wf_str text);
/* The least that what lies in the space "me" has. */
enum wf_label wf_op_own_label(struct wf_op_context *ctx);
/* Of a turn's question or answer; an answer as JSON counts as sensitive as the files that it cites;
 * at least wf_op_own_label. For wf_thread_share_options.label (ud: the context). */
uint8_t wf_op_turn_label(void *ud, struct wf_str text);
/* Of what a page says that it has open (mesh/presence.h): what it is and what it says of it. */
enum wf_label wf_op_open_label(struct wf_op_context *ctx, const json_t *what);
/* Of a chat as it is kept (op_chats.c). */
enum wf_label wf_op_chat_label(struct wf_op_context *ctx, struct wf_str id);

#endif
