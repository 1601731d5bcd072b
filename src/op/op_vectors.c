/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.make: waits until the documents have their vectors, or some seconds have passed. For a
 * core that lives for one command only; the daemon's makes them without being asked. */
#include "base/clock.h"
#include "find/meaning.h"
#include "op/op_internal.h"

#define TELL_MS 200

json_t *wf_op__vectors_json(struct wf_op_context *ctx)
{
    struct wf_meaning_status s;

    if (!ctx->meaning)
        return json_pack("{s:s, s:i}", "state", "off", "chunks", 0);
    wf_meaning_status(ctx->meaning, &s);
    return json_pack("{s:s, s:I, s:I, s:s*, s:s*}", "state", wf_meaning_state_name(s.state),
                     "chunks", (json_int_t)s.n_embedded, "bytes", (json_int_t)s.n_memory, "lens",
                     s.lens[0] ? s.lens : NULL, "why", s.why[0] ? s.why : NULL);
}

static bool is_over(const struct wf_op_call *call, int64_t end_ns)
{
    const struct wf_op_sink *sink = call->sink;

    return wf_clock_mono_ns(NULL) >= end_ns || (sink->canceled && sink->canceled(sink->ud));
}

int wf_op__vectors_make(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range range = {1, 86400, 10};
    int64_t seconds = 0, end_ns;
    int rc = wf_param_int(call->params, "seconds", range, &seconds, err);

    if (rc == 0 && ctx->meaning)
        rc = wf_meaning_start(ctx->meaning, err);
    if (rc != 0)
        return rc;
    end_ns = wf_clock_mono_ns(NULL) + seconds * 1000000000;
    while (ctx->meaning && !wf_meaning_wait(ctx->meaning, TELL_MS) && !is_over(call, end_ns)) {
        json_t *v = wf_op__vectors_json(ctx);
        if (v && call->sink->event)
            call->sink->event(call->sink->ud, "vectors", v);
        json_decref(v);
    }
    return wf_op__give(wf_op__vectors_json(ctx), out_result, err);
}
