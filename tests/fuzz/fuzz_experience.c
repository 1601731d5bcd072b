/* SPDX-License-Identifier: Apache-2.0 */
/* The file of what was learned of engines: whatever is read is written the same way again, and
 * gives finite estimates. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "route/experience.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct wf_experience *x, struct wf_buf *out)
{
    wf_buf_init(out, WF_EXPERIENCE_BYTES_MAX);
    int rc = wf_experience_print(x, out);
    assert(rc == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wf_route_request q = {.n_prompt = 10};
    const struct wf_candidate c = {.engine = WF_STR("a"), .model = WF_STR("b"), .battery = -1};
    struct wf_experience *x = NULL, *y = NULL;
    struct wf_estimate e;
    struct wf_buf one, two;

    if (wf_experience_new(&x, NULL) != 0 || wf_experience_new(&y, NULL) != 0)
        return 0;
    if (wf_experience_parse(x, wf_str_n((const char *)data, size), NULL) == 0) {
        print(x, &one);
        int rc = wf_experience_parse(y, wf_buf_str(&one), NULL);
        assert(rc == 0);
        print(y, &two);
        assert(wf_str_eq(wf_buf_str(&one), wf_buf_str(&two)));
        wf_experience_estimate(x, &q, &c, 1, NULL, &e);
        assert(isfinite(e.total_ms) && isfinite(e.energy_j) && e.quality >= 0 && e.quality <= 1);
        wf_buf_deinit(&one);
        wf_buf_deinit(&two);
    }
    wf_experience_free(x);
    wf_experience_free(y);
    return 0;
}
