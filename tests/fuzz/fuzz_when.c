/* SPDX-License-Identifier: Apache-2.0 */
/* Times in any text: what is found is a day and minute that there are, and stands in the text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "text/utf8.h"
#include "text/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wf_civil now = {2028, 2, 28, 23, 30};
    struct wf_str text = wf_str_n((const char *)data, size);
    struct wf_when w;

    text.len = wf_utf8_valid_prefix(text);
    if (!wf_when_find(text, &now, &w))
        return 0;
    assert(wf_civil_is_valid(&w.at));
    assert(w.n_parts == 1 || w.n_parts == 2);
    for (size_t i = 0; i < w.n_parts; i++) {
        assert(w.parts[i].from < w.parts[i].to);
        assert(w.parts[i].to <= text.len);
        assert(i == 0 || w.parts[0].to <= w.parts[1].from);
    }
    return 0;
}
