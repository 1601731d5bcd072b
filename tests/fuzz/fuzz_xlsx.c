/* SPDX-License-Identifier: Apache-2.0 */
/* XLSX: any bytes, taken as the whole file, give text or a reason, and a stream that the core's
 * reader accepts. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "support/parsed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parsed p;
    parsed_run_as(&p, "xlsx", "fuzz.xlsx", data, size);
    assert(p.stream_rc == 0);
    parsed_deinit(&p);
    return 0;
}
