/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: a request and the messages that come back, as rtnetlink(7) has them. What comes is read
 * by lengths that are checked, though it is the kernel that writes them. */
#include "mesh/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "os/file.h"

struct request {
    struct nlmsghdr head;
    struct ifaddrmsg body;
};

int wf_netlink_open(int *out_fd, struct wf_err *err)
{
    const struct sockaddr_nl a = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        int why = errno;
        wf_file_close(&fd);
        return wf_err_errno(err, why, "The kernel does not tell of the network");
    }
    *out_fd = fd;
    return 0;
}

bool wf_netlink_ask(int fd, uint32_t sequence)
{
    const struct request r = {
        .head = {.nlmsg_len = sizeof(r),
                 .nlmsg_type = RTM_GETADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = sequence},
        .body = {.ifa_family = AF_UNSPEC},
    };

    return send(fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r);
}

static size_t aligned(size_t n)
{
    return (n + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

/* The address among an interface address's attributes; the local one where there are two ends. */
static bool find_address(struct wf_str s, size_t n_bytes, uint8_t out[16])
{
    struct rtattr a;
    bool found = false;

    while (s.len >= sizeof(a)) {
        memcpy(&a, s.ptr, sizeof(a));
        if (a.rta_len < sizeof(a) || a.rta_len > s.len)
            return found;
        if ((a.rta_type == IFA_LOCAL || (a.rta_type == IFA_ADDRESS && !found)) &&
            a.rta_len - sizeof(a) == n_bytes) {
            memcpy(out, s.ptr + sizeof(a), n_bytes);
            found = true;
        }
        s = wf_str_sub(s, aligned(a.rta_len), s.len);
    }
    return found;
}

static void take_address(struct wf_str s, struct wf_netlink_news *io)
{
    struct wf_netlink_address a = {.family = AF_UNSPEC};
    struct ifaddrmsg m;

    if (s.len < sizeof(m) || io->n >= WF_NETLINK_ADDRESSES)
        return;
    memcpy(&m, s.ptr, sizeof(m));
    if ((m.ifa_family != AF_INET && m.ifa_family != AF_INET6) ||
        (m.ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)) != 0)
        return;
    a.family = m.ifa_family;
    a.zone = m.ifa_index;
    a.is_global = m.ifa_scope < RT_SCOPE_LINK;
    if (find_address(wf_str_sub(s, aligned(sizeof(m)), s.len), a.family == AF_INET ? 4 : 16,
                     a.bytes))
        io->addresses[io->n++] = a;
}

bool wf_netlink_read(struct wf_str bytes, uint32_t sequence, struct wf_netlink_news *io)
{
    struct nlmsghdr h;

    while (bytes.len >= sizeof(h)) {
        memcpy(&h, bytes.ptr, sizeof(h));
        if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > bytes.len)
            return false;
        const bool is_asked = sequence != 0 && h.nlmsg_seq == sequence;
        if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR)
            io->is_end = io->is_end || is_asked;
        else if (h.nlmsg_type == RTM_NEWADDR && is_asked)
            take_address(wf_str_sub(bytes, aligned(sizeof(h)), h.nlmsg_len), io);
        else if (h.nlmsg_type == RTM_NEWADDR || h.nlmsg_type == RTM_DELADDR)
            io->is_change = io->is_change || !is_asked;
        bytes = wf_str_sub(bytes, aligned(h.nlmsg_len), bytes.len);
    }
    return bytes.len == 0;
}
