/* SPDX-License-Identifier: Apache-2.0 */
/* ODF: any parts of a package (see support/packed.h), or bytes as the flat form, give text or a
 * reason, and a stream that the core's reader accepts. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "support/packed.h"
#include "support/parsed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str all = wf_str_n((const char *)data, size);
    struct zipped z;
    struct parsed p;
    if (wf_str_starts(all, WF_STR("@@ "))) {
        packed_build(&z, all);
        parsed_run_as(&p, "odt", "fuzz.odt", z.bytes.ptr, z.bytes.len);
        zipped_free(&z);
    } else {
        parsed_run_as(&p, "odt", "fuzz.fodt", data, size);
    }
    assert(p.stream_rc == 0);
    parsed_deinit(&p);
    return 0;
}
