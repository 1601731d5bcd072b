/* SPDX-License-Identifier: Apache-2.0 */
/* What models answer, as it is looked at: the check of a small one's answer, its sums, and the
 * judge of answers that are known. The first line is what is expected. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "route/check.h"
#include "route/judge.h"
#include "route/sums.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str all = wf_str_n((const char *)data, size), expected;
    struct wf_check_answer a = {.kind = WF_KIND_CHAT};
    struct wf_sums sums;

    all.len = wf_utf8_valid_prefix(all); /* the judge's words are of valid texts */
    if (!wf_str_line(&all, &expected))
        return 0;
    a.text = all;
    for (unsigned k = 0; k < WF_KIND_COUNT; k++) {
        double doubt;
        a.kind = (enum wf_kind)k;
        doubt = wf_check_doubt(&a, NULL);
        assert(isfinite(doubt) && doubt >= 0 && doubt <= 1);
    }
    sums = wf_sums_in(all);
    assert(sums.n_wrong <= sums.n && sums.n <= all.len);
    (void)wf_judge_is_right(all, expected);
    return 0;
}
