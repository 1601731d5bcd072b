/* SPDX-License-Identifier: Apache-2.0 */
/* present.*: what is shown on a screen, and where it stands. The screen tells what it shows and how
 * many slides there are; a remote, as on a phone, says which one is to be seen. Nothing of it is
 * kept: who comes later asks, who listens is told. The screen may be one of another device of the
 * owner's (mesh/presence.h): a remote here then asks that device. */
#include "mesh/nearby.h"
#include "op/op_internal.h"
#include "op/open_label.h"

/* What is on the screen here, else on another's. */
int wf_op__present_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *now = wf_op__presented(ctx);
    json_t *others = ctx->nearby != NULL ? wf_nearby_screens(ctx->nearby) : json_array();

    (void)call;
    if (now == NULL)
        now = json_incref(json_array_get(others, 0));
    return wf_op__give(
        json_pack("{s:o, s:o}", "present", now != NULL ? now : json_null(), "others", others),
        out_result, err);
}

/* A place of the pointer, from 0 to 1 both ways; not there: none is shown. */
static int read_pointer(const json_t *params, json_t *io, struct wf_err *err)
{
    double x = 0, y = 0;
    int rc = wf_param_ratio(params, "x", &x, err);

    if (rc == 0)
        rc = wf_param_ratio(params, "y", &y, err);
    if (rc == 0 && json_object_get(params, "x") != NULL &&
        json_object_set_new(io, "pointer", json_pack("[f, f]", x, y)) != 0)
        rc = wf_op__no_memory(err);
    return rc;
}

static int read_state(const json_t *params, json_t **out, struct wf_err *err)
{
    json_t *said = json_copy((json_t *)(uintptr_t)params);
    int rc = said == NULL ? wf_op__no_memory(err) : 0;

    if (rc == 0)
        (void)json_object_del(said, "pointer");
    if (rc == 0)
        rc = read_pointer(params, said, err);
    if (rc == 0)
        rc = wf_presence_screen_read(said, out, err);
    json_decref(said);
    return rc;
}

static void publish(struct wf_op_context *ctx, const json_t *state)
{
    wf_op__set_presented(ctx, state);
    if (ctx->hub != NULL)
        wf_hub_publish(ctx->hub, "present", state);
}

/* What the other devices may hear of it. */
static int tell_others(struct wf_op_context *ctx, const json_t *state, struct wf_err *err)
{
    enum wf_label label = WF_LABEL_SECRET;
    json_t *what = NULL;

    if (ctx->nearby == NULL)
        return 0;
    if (state != NULL) {
        what = json_pack("{s:O, s:O}", "view", json_object_get(state, "kind"), "ref",
                         json_object_get(state, "id"));
        if (what == NULL)
            return wf_op__no_memory(err);
        label = wf_op_open_label(ctx, what);
        json_decref(what);
    }
    wf_nearby_show(ctx->nearby, label, state);
    return 0;
}

int wf_op__present_set(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    bool ends = json_is_true(json_object_get(call->params, "end"));
    struct wf_str node = WF_STR("");
    json_t *state = NULL;
    int rc = wf_param_str(call->params, "node", false, &node, err);

    if (rc == 0 && !ends)
        rc = read_state(call->params, &state, err);
    if (rc == 0 && node.len > 0 && (ends || ctx->nearby == NULL))
        rc = wf_err_set(err, WF_E_INVAL, "A screen of another device is only moved.");
    if (rc == 0 && node.len > 0) {
        rc = wf_nearby_move(ctx->nearby, node, state, err);
    } else if (rc == 0) {
        publish(ctx, state);
        rc = tell_others(ctx, state, err);
    }
    if (rc != 0) {
        json_decref(state);
        return rc;
    }
    return wf_op__give(json_pack("{s:o}", "present", state ? state : json_null()), out_result, err);
}

void wf_op_present_moved(struct wf_op_context *ctx, const json_t *state)
{
    publish(ctx, state);
}
