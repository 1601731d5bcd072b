/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as WebSocket's handshake and frames of another node; as an address; as what the kernel
 * tells of the network. The first byte chooses which. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/address.h"
#include "mesh/netlink.h"
#include "mesh/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames(struct wf_str in, bool is_masked)
{
    struct wf_ws_frame f;
    struct wf_buf b;
    size_t n = 0;

    wf_buf_init(&b, 4u << 20);
    (void)wf_buf_append_str(&b, in); /* no memory: nothing to see */
    for (size_t at = 0; at < b.len; at += n) {
        if (wf_ws_next(wf_str_sub(wf_buf_str(&b), at, b.len), is_masked, &f, &n) != 0 || n == 0)
            break;
        assert(f.at + f.len == n && n <= b.len - at && f.len <= WF_WS_MESSAGE_BYTES);
        wf_ws_unmask(&f, b.ptr + at);
    }
    wf_buf_deinit(&b);
}

static void handshake(struct wf_str in)
{
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {7};
    struct wf_buf b;
    size_t n = 0;

    wf_buf_init(&b, 4096);
    if (wf_ws_answer(in, &b, &n) == 0)
        assert(n <= in.len && (n > 0) == (b.len > 0));
    if (wf_ws_check_answer(in, nonce, &n) == 0)
        assert(n <= in.len);
    wf_buf_deinit(&b);
}

static void address(struct wf_str in)
{
    char text[WF_LINK_ADDRESS_BYTES + 1];
    struct sockaddr_storage s;
    struct wf_address a, again;

    if (wf_address_read(in, &a) != 0)
        return;
    (void)wf_address_numeric(&a, &s);
    wf_address_write(&a, text);
    assert(wf_address_read(wf_str_from(text), &again) == 0);
    assert(strcmp(a.host, again.host) == 0 && a.port == again.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_netlink_news news = {.n = 0};
    struct wf_str in;

    if (size == 0)
        return 0;
    in = wf_str_n((const char *)data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
    case 1:
        frames(in, data[0] % 5 == 1);
        break;
    case 2:
        handshake(in);
        break;
    case 3:
        address(in);
        break;
    default:
        (void)wf_netlink_read(in, 1, &news);
        assert(news.n <= WF_NETLINK_ADDRESSES);
    }
    return 0;
}
