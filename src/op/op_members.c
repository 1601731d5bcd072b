/* SPDX-License-Identifier: Apache-2.0 */
/* members.*: who is in a space; somebody else is invited, or joins; what a member may. The work is
 * mesh/fabric's. */
#include "mesh/fabric.h"
#include "op/op_internal.h"
#include "store/spaces.h"

/* The space that the parameters name. */
static int find_space(struct wf_op_context *ctx, const struct wf_op_call *call, int64_t *out,
                      struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_space space;
    struct wf_str name;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "space", true, &name, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, WF_OP_ARENA_BYTES_MAX);
    rc = wf_space_by_name(r, name, &arena, &space, err);
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    if (rc == 0)
        *out = space.id;
    return rc;
}

static int give(struct wf_op_context *ctx, int64_t space, json_t **out_result, struct wf_err *err)
{
    json_t *v = NULL;
    int rc = wf_fabric_members(ctx->fabric, space, &v, err);

    return rc == 0 ? wf_op__give(v, out_result, err) : rc;
}

int wf_op__members_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    int64_t space = 0;
    int rc = find_space(ctx, call, &space, err);

    return rc == 0 ? give(ctx, space, out_result, err) : rc;
}

static int read_role(const struct wf_op_call *call, bool is_needed, enum wf_role *io,
                     struct wf_err *err)
{
    struct wf_str role;
    int rc = wf_param_str(call->params, "role", is_needed, &role, err);

    if (rc == 0 && role.len > 0 && !wf_role_parse(role, io))
        rc = wf_err_set(err, WF_E_INVAL, "A role is read, write or admin.");
    return rc;
}

int wf_op__members_invite(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    struct wf_fabric_invite invite = {.role = WF_ROLE_WRITE, .clearance = WF_LABEL_PRIVATE};
    struct wf_str level;
    json_t *code = NULL;
    int rc = find_space(ctx, call, &invite.space, err);

    if (rc == 0)
        rc = read_role(call, false, &invite.role, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "level", false, &level, err);
    if (rc == 0 && level.len > 0 &&
        (!wf_label_parse(level, &invite.clearance) || invite.clearance >= WF_LABEL_SECRET))
        rc = wf_err_set(err, WF_E_INVAL, "\"level\" must be public, internal or private.");
    if (rc == 0)
        rc = wf_op__pair_wait_ok(call, err);
    if (rc == 0)
        rc = wf_fabric_invite(ctx->fabric, &invite, &code, err);
    return rc == 0 ? wf_op__pair_code(ctx, call, code, out_result, err) : rc;
}

static bool canceled(void *ud)
{
    const struct wf_op_sink *sink = ud;

    return sink->canceled != NULL && sink->canceled(sink->ud);
}

int wf_op__members_join(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    struct wf_op_sink sink = *call->sink;
    struct wf_str target;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "target", true, &target, err);
    return rc == 0 ? wf_fabric_visit(ctx->fabric, target, canceled, &sink, out_result, err) : rc;
}

static int set_role(struct wf_op_context *ctx, const struct wf_op_call *call, enum wf_role role,
                    json_t **out_result, struct wf_err *err)
{
    struct wf_str member;
    int64_t space = 0;
    int rc = find_space(ctx, call, &space, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "member", true, &member, err);
    if (rc == 0)
        rc = wf_fabric_set_role(ctx->fabric, space, member, role, err);
    return rc == 0 ? give(ctx, space, out_result, err) : rc;
}

int wf_op__members_role(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    enum wf_role role = WF_ROLE_OUT;
    int rc = read_role(call, true, &role, err);

    return rc == 0 ? set_role(ctx, call, role, out_result, err) : rc;
}

int wf_op__members_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    return set_role(ctx, call, WF_ROLE_OUT, out_result, err);
}

int wf_op__members_leave(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    int64_t space = 0;
    int rc = find_space(ctx, call, &space, err);

    if (rc == 0)
        rc = wf_fabric_leave_space(ctx->fabric, space, err);
    return rc == 0 ? give(ctx, space, out_result, err) : rc;
}
