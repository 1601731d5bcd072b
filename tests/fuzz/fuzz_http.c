/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: any bytes of a client, through libwebsockets, guard, routes, uploads and operations, on a
 * real store; every request is answered or its connection closed.
 *
 * The first byte steers: in how many pieces the bytes arrive, and whether a right head is put in
 * front (then the first line names method and path only), so that most inputs pass the guard. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/played_here.h"
#include "support/spoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (64u << 10)

static size_t compose(const uint8_t *data, size_t size, char out[static INPUT_BYTES_MAX])
{
    struct wf_str rest = wf_str_n((const char *)data, size), line = {0};
    size_t n = 0;
    if (size > 0 && (data[0] & 1) != 0) {
        rest = wf_str_sub(rest, 1, size);
        (void)wf_str_line(&rest, &line);
        n = (size_t)snprintf(out, INPUT_BYTES_MAX,
                             "%.*s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n",
                             (int)WF_MIN(line.len, (size_t)2048), line.len > 0 ? line.ptr : "",
                             SPOKEN_PORT, SPOKEN_TOKEN);
    } else {
        rest = wf_str_sub(rest, 1, size);
    }
    rest = wf_str_sub(rest, 0, INPUT_BYTES_MAX - n);
    memcpy(out + n, rest.len > 0 ? rest.ptr : "", rest.len);
    return n + rest.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[INPUT_BYTES_MAX];
    struct wf_str all = wf_str_n(bytes, compose(data, size, bytes));
    size_t n_pieces = size > 0 ? data[0] / 64 + 1u : 1;
    int fd = spoken_connect();
    bool open = true;
    for (size_t i = 0; open && i < n_pieces; i++) {
        size_t from = all.len * i / n_pieces;
        open = spoken_say(fd, wf_str_sub(all, from, all.len * (i + 1) / n_pieces), NULL);
    }
    spoken_close(fd);
    return 0;
}
