/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify without libsystemd: the whole protocol is one datagram of lines NAME=VALUE; an address
 * that begins with '@' is in the abstract namespace. */
#include "daemon/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/file.h"

void wf_notify(const char *address, const char *state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t n = address ? strlen(address) : 0;
    int fd;

    if (n < 2 || n >= sizeof(sa.sun_path) || (address[0] != '/' && address[0] != '@'))
        return;
    memcpy(sa.sun_path, address, n);
    if (address[0] == '@')
        sa.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* Nobody to tell when it fails: the manager will time out and say so. */
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    wf_file_close(&fd);
}
