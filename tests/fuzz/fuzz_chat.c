/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of the operation chat: whatever JSON they are, they are refused with a sentence or
 * become a request. */
#include <stdint.h>
#include <stdlib.h>

#include "op/json.h"
#include "op/op.h"
#include "support/scripted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct wf_op_sink sink = {.ud = NULL};
    json_t *params = NULL, *result = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct scripted engine;
    struct wf_op_context ctx;
    int rc;
    if (wf_json_parse(wf_str_n((const char *)data, n), &params, &err) != 0)
        return 0;
    scripted_init(&engine);
    ctx = (struct wf_op_context){.engine = &engine.base};
    rc = wf_op_run(&ctx, "chat", &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1},
                   &result, &err);
    if ((rc == 0) != (result != NULL) || (rc != 0 && err.msg[0] == 0))
        abort();
    json_decref(result);
    json_decref(params);
    scripted_deinit(&engine);
    return 0;
}
