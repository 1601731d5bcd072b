/* A chat on its way from parameters to the engine. Only op_chat*.c include this. */
#ifndef WF_OP_OP_CHAT_H
#define WF_OP_OP_CHAT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/limits.h"
#include "engine/engine.h"

struct wf_op_chat {
    struct wf_gen_request q; /* points into the parameters and to what is below */
    struct wf_str stops[WF_LIMIT_STOPS];
    json_t *template_vars; /* owned */
    struct wf_arena arena; /* of origins */
};

/* Fills c->q from an object of options; NULL and null: none. Thread: owner. Errors: INVAL (the
 * sentence names the option), NOMEM. */
int wf_op__chat_options(struct wf_op_chat *c, const json_t *options,
                        struct wf_err *err) WF_MUST_USE;

#endif
