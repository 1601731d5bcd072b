/* SPDX-License-Identifier: Apache-2.0 */
/* Train or dev by a hash of the text alone; see the header for why. */
#include "train/split.h"

static bool is_left_out(unsigned char c)
{
    return c == ' ' || c == '_' || (c >= '\t' && c <= '\r');
}

uint64_t wf_split_hash(struct wf_str text)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!is_left_out(c))
            h = (h ^ c) * UINT64_C(1099511628211);
    }
    /* FNV's low bits alone depend on the last bytes' low bits: murmur3's finish */
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

bool wf_split_is_dev_of(struct wf_str text, uint32_t one_in)
{
    return one_in > 0 && wf_split_hash(text) % one_in == 0;
}

bool wf_split_is_dev(struct wf_str text)
{
    return wf_split_is_dev_of(text, WF_SPLIT_ONE_IN);
}
