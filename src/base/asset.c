/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks a built-in file; they are kept as browsers take them, and few others want them plain. */
#include "base/asset.h"

#include <assert.h>
#include <stdint.h>
#include <zlib.h>

#include "base/err.h"

int wf_asset_unpack(const struct wf_asset *a, struct wf_buf *out)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)a->bytes, .avail_in = (uInt)a->n_bytes};
    bool whole;
    int rc;

    if (!a->is_gzip)
        return wf_buf_append(out, a->bytes, a->n_bytes);
    rc = wf_buf_reserve(out, a->n_raw);
    if (rc != 0)
        return rc;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return WF_E_NOMEM;
    z.next_out = (unsigned char *)out->ptr + out->len;
    z.avail_out = (uInt)a->n_raw;
    whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == a->n_raw;
    inflateEnd(&z);
    assert(z.total_out <= a->n_raw);
    if (!whole)
        return WF_E_CORRUPT;
    wf_buf_commit(out, a->n_raw);
    return 0;
}
