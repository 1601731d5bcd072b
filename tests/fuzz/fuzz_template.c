/* SPDX-License-Identifier: Apache-2.0 */
/* Chat templates of strangers: any bytes either compile or are refused, and what compiles renders
 * or says why not, within its limits. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *variables;
    struct wf_template *t = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    int rc;

    if (variables == NULL)
        variables = json_loads(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"hi <b> é\"},{\"role\":\"assistant\","
            "\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
            "{\"x\":1.5,\"y\":[true,\"q\"]}}}]}],\"bos_token\":\"<s>\",\"n\":3,"
            "\"add_generation_prompt\":true}",
            0, NULL);
    rc = wf_template_compile(wf_str_n((const char *)data, size), &t, &err);
    assert(rc == 0 || err.msg[0] != 0);
    if (rc != 0)
        return 0;
    wf_buf_init(&out, 1u << 20);
    rc = wf_template_render(t, variables, 0, &out, &err);
    assert(rc == 0 || err.msg[0] != 0);
    wf_buf_deinit(&out);
    wf_template_free(t);
    return 0;
}
