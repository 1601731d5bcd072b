/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message of mDNS; and as the file of remembered addresses, with the keys that it
 * names paired or not. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/discover.h"
#include "mesh/mdns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remembered(struct wf_str in)
{
    static const uint8_t keys[2][WF_LINK_KEY_BYTES] = {{1}, {0x01, 0x23}};
    struct wf_discover *d = wf_discover_new(NULL);
    struct wf_discover_dial dial;
    bool is_changed;
    struct wf_buf b;

    if (d == NULL)
        return;
    wf_buf_init(&b, WF_DISCOVER_FILE_BYTES);
    if (wf_discover_allow(d, keys, 2) == 0) {
        wf_discover_load(d, in, 0);
        assert(wf_discover_save(d, &b, &is_changed) == 0);
        while (wf_discover_next(d, 1000, &dial))
            wf_discover_down(d, dial.key, 1000);
    }
    wf_buf_deinit(&b);
    wf_discover_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wf_str in = wf_str_n((const char *)data, size);
    struct wf_mdns_news news;

    if (wf_mdns_read(in, &news) == 0)
        assert(news.n <= WF_MDNS_INSTANCES);
    remembered(in);
    return 0;
}
