/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of requests and providers: the quick reader makes of any bytes what jansson makes of them,
 * and the writer writes it as jansson does. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t flags[] = {0, JSON_ALLOW_NUL, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
                                   JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES};
    const size_t f = size > 0 ? flags[data[0] & 3] : 0;
    const char *text = size > 1 ? (const char *)data + 1 : "";
    const size_t n = size > 1 ? size - 1 : 0;
    json_error_t own = {.line = 0}, theirs = {.line = 0};
    json_t *a = wf_json_load(wf_str_n(text, n), f, &own), *b = json_loadb(text, n, f, &theirs);

    assert((a != NULL) == (b != NULL));
    if (a != NULL) {
        char *dumped = json_dumps(b, JSON_COMPACT | JSON_ENCODE_ANY);
        struct wf_buf written;
        assert(json_equal(a, b));
        wf_buf_init(&written, SIZE_MAX);
        assert(wf_json_append(&written, a) == 0 && strcmp(written.ptr, dumped) == 0);
        wf_buf_deinit(&written);
        free(dumped);
    } else {
        assert(own.position == theirs.position && strcmp(own.text, theirs.text) == 0);
    }
    json_decref(a);
    json_decref(b);
    return 0;
}
