/* Told: what an answer's events are as JSON, wherever they are told (op_chat.c as they are written,
 * op_generations.c from the tape). Only op_*.c include this. Thread rule: any. */
#ifndef WF_OP_TOLD_H
#define WF_OP_TOLD_H

#include <jansson.h>

#include "engine/engine.h"

/* An event's data, and its name in *out_name. NULL of WF_GEN_END, which is told otherwise, and
 * without memory. */
json_t *wf_op__told(const struct wf_gen_event *e, const char **out_name);

#endif
