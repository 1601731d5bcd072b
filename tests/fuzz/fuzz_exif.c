/* SPDX-License-Identifier: Apache-2.0 */
/* Which way up a picture is: any bytes give a quarter turn. And the head of a drawn page: what is
 * accepted has room and lies within the bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/pdf_internal.h"
#include "ingest/picture_exif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str all = wf_str_n((const char *)data, size);
    uint32_t width = 0;
    uint32_t height = 0;
    unsigned turn = wf_picture_exif_turn(all);
    assert(turn < 360 && turn % 90 == 0);
    size_t n = wf_pdf__pgm_head(all, &width, &height);
    assert(n == SIZE_MAX || n <= size);
    assert(n == SIZE_MAX || n == 0 || (width > 0 && height > 0 && width < 1u << 24));
    return 0;
}
