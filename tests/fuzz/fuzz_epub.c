/* SPDX-License-Identifier: Apache-2.0 */
/* Books: any parts of a package (see support/packed.h) give text or a reason, and a stream that
 * the core's reader accepts. What the archive itself may be is fuzz_archive's. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "support/packed.h"
#include "support/parsed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zipped z;
    struct parsed p;
    packed_build(&z, wf_str_n((const char *)data, size));
    parsed_run_as(&p, "epub", "fuzz.epub", z.bytes.ptr, z.bytes.len);
    assert(p.stream_rc == 0);
    parsed_deinit(&p);
    zipped_free(&z);
    return 0;
}
