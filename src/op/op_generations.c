/* SPDX-License-Identifier: Apache-2.0 */
/* generations.*: an answer that is being written, here or on another device of the owner's: taken
 * over by its name, and followed from its beginning. */
#include "mesh/nearby.h"
#include "mesh/remote_message.h"
#include "op/moving.h"
#include "op/op_internal.h"
#include "op/told.h"

#define LOOK_MS 200

static int has_moving(const struct wf_op_context *ctx, struct wf_err *err)
{
    return ctx->moving != NULL
               ? 0
               : wf_err_set(err, WF_E_INVAL, "That needs a running weft: start it with weft up.");
}

int wf_op__generations_take(struct wf_op_context *ctx, const struct wf_op_call *call,
                            json_t **out_result, struct wf_err *err)
{
    struct wf_str id, node;
    uint64_t peer = 0;
    int rc = has_moving(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "id", true, &id, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "node", true, &node, err);
    if (rc == 0)
        rc = wf_nearby_peer(ctx->nearby, node, &peer, err);
    if (rc == 0)
        rc = wf_moving_take(ctx->moving, id, peer, err);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

/* ---- following ---- */

struct following {
    const struct wf_op_sink *sink;
    struct wf_buf bytes;
    size_t at; /* of what was told */
    const char *finish;
};

static void tell(struct following *f, const struct wf_gen_event *e)
{
    const char *name = "";
    json_t *data = wf_op__told(e, &name);

    if (e->kind == WF_GEN_END)
        f->finish = wf_gen_finish_name(e->finish);
    else if (data != NULL && f->sink->event != NULL)
        f->sink->event(f->sink->ud, name, data);
    json_decref(data);
}

/* Whole events of what is there. */
static int tell_all(struct following *f, struct wf_err *err)
{
    struct wf_gen_event e;
    struct wf_arena arena;
    int rc;

    wf_arena_init(&arena, 1024, WF_MOVING_TAPE_BYTES);
    while ((rc = wf_remote_event_next(wf_buf_str(&f->bytes), &f->at, &arena, &e, err)) == 1)
        tell(f, &e);
    wf_arena_deinit(&arena);
    return rc;
}

int wf_op__generations_follow(struct wf_op_context *ctx, const struct wf_op_call *call,
                              json_t **out_result, struct wf_err *err)
{
    struct following f = {.sink = call->sink};
    enum wf_gen_finish finish = WF_FINISH_STOP;
    char model[256] = "";
    struct wf_str id;
    size_t at = 0;
    int rc = has_moving(ctx, err);

    wf_buf_init(&f.bytes, WF_MOVING_TAPE_BYTES);
    if (rc == 0)
        rc = wf_param_str(call->params, "id", true, &id, err);
    while (rc == 0 || rc == WF_E_TIMEOUT) {
        if (call->sink->canceled != NULL && call->sink->canceled(call->sink->ud)) {
            rc = wf_err_set(err, WF_E_CANCELED, "Canceled.");
            break;
        }
        rc = wf_moving_read(ctx->moving, id, &at, LOOK_MS, &f.bytes, model, &finish, err);
        if (rc == 0)
            break;
        if (rc == 1)
            rc = tell_all(&f, err);
    }
    wf_buf_deinit(&f.bytes);
    if (rc != 0)
        return rc;
    if (f.finish == NULL || finish == WF_FINISH_MOVED)
        f.finish = wf_gen_finish_name(finish);
    return wf_op__give(json_pack("{s:s, s:s}", "finish", f.finish, "model", model), out_result,
                       err);
}
