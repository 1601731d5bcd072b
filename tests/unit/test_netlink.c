/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of the network: asked for real, read when it is cut, and what a transport
 * makes of a change. */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mesh/netlink.h"
#include "support/linked.h"

static void test_netlink__the_kernel_tells_of_the_loopback(void **state)
{
    (void)state;
    struct wf_netlink_news news = {.n = 0};
    char bytes[32768];
    bool has_lo = false;
    int fd = -1;

    if (wf_netlink_open(&fd, NULL) != 0)
        skip(); /* below an emulator */
    assert_true(wf_netlink_ask(fd, 7));
    for (int i = 0; !news.is_end && i < 100; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 1000);
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n > 0)
            assert_true(wf_netlink_read(wf_str_n(bytes, (size_t)n), 7, &news));
    }
    assert_true(news.is_end);
    for (size_t i = 0; i < news.n; i++) {
        const struct wf_netlink_address *a = &news.addresses[i];
        if (a->family == AF_INET && a->bytes[0] == 127) {
            has_lo = true;
            assert_false(a->is_global);
        }
    }
    assert_true(has_lo);
    close(fd);
}

/* Appends one message about an address of IPv4; sequence 0: a change. */
static void put_address(struct wf_buf *b, unsigned type, uint32_t sequence, const char *address)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg body;
        struct rtattr attribute;
        uint8_t bytes[4];
    } m = {.head = {.nlmsg_len = sizeof(m), .nlmsg_type = (uint16_t)type, .nlmsg_seq = sequence},
           .body = {.ifa_family = AF_INET, .ifa_index = 2, .ifa_scope = RT_SCOPE_UNIVERSE},
           .attribute = {.rta_len = 8, .rta_type = IFA_LOCAL}};

    assert_int_equal(inet_pton(AF_INET, address, m.bytes), 1);
    assert_int_equal(wf_buf_append(b, &m, sizeof(m)), 0);
}

static void put_end(struct wf_buf *b, uint32_t sequence)
{
    const struct nlmsghdr m = {
        .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE, .nlmsg_seq = sequence};

    assert_int_equal(wf_buf_append(b, &m, sizeof(m)), 0);
}

static void test_netlink__messages_that_are_cut_are_read_up_to_there(void **state)
{
    (void)state;
    struct wf_netlink_news news;
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    put_address(&b, RTM_NEWADDR, 5, "10.0.0.1");
    put_address(&b, RTM_NEWADDR, 5, "10.0.0.2");
    put_end(&b, 5);
    for (size_t n = 0; n < b.len; n++) {
        news = (struct wf_netlink_news){.n = 0};
        (void)wf_netlink_read(wf_str_n(b.ptr, n), 5, &news);
        assert_true(news.n <= 2 && !news.is_end && !news.is_change);
    }
    news = (struct wf_netlink_news){.n = 0};
    assert_true(wf_netlink_read(wf_buf_str(&b), 5, &news));
    assert_true(news.n == 2 && news.is_end && !news.is_change);
    assert_int_equal(news.addresses[1].bytes[3], 2);
    /* What was not asked for is a change, and no list. */
    news = (struct wf_netlink_news){.n = 0};
    assert_true(wf_netlink_read(wf_buf_str(&b), 6, &news));
    assert_true(news.n == 0 && !news.is_end && news.is_change);
    for (unsigned i = 0; i < 2 * WF_NETLINK_ADDRESSES; i++)
        assert_true(wf_netlink_read(wf_buf_str(&b), 5, &news));
    assert_int_equal(news.n, WF_NETLINK_ADDRESSES); /* and no more */
    wf_buf_deinit(&b);
}

/* Answers the transport's next question with an address. */
static void answer(int fd, const char *address)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct nlmsghdr head;
    char bytes[256];
    struct wf_buf b;

    assert_int_equal(poll(&p, 1, 20000), 1);
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    assert_true(n >= (ssize_t)sizeof(head));
    memcpy(&head, bytes, sizeof(head));
    assert_int_equal(head.nlmsg_type, RTM_GETADDR);
    wf_buf_init(&b, 4096);
    put_address(&b, RTM_NEWADDR, head.nlmsg_seq, address);
    put_end(&b, head.nlmsg_seq);
    assert_int_equal(send(fd, b.ptr, b.len, 0), b.len);
    wf_buf_deinit(&b);
}

static void test_netlink__another_network_is_told_and_connections_asked(void **state)
{
    (void)state;
    struct wf_transport_options o = {.port = 0};
    struct linked l, other;
    struct wf_link_frame f;
    uint64_t at_l, at_other;
    char expected[64];
    struct wf_buf b;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    o.netlink_fd = pair[0];
    linked_start(&l, 201, true, &o);
    answer(pair[1], "192.168.1.20");
    f = linked_expect(&l, WF_LINK_FRAME_ADDRESSES);
    snprintf(expected, sizeof(expected), "192.168.1.20:%u\n", l.port);
    assert_true(wf_str_eq(f.text, wf_str_from(expected)));
    linked_start(&other, 2, false, NULL);
    linked_pair(&other, &l, &at_other, &at_l);
    f = linked_expect(&other, WF_LINK_FRAME_FOUND); /* it says where it listens */
    assert_true(wf_str_starts(f.text, WF_STR("192.168.1.20:")));
    /* The laptop comes into another network. */
    wf_buf_init(&b, 4096);
    put_address(&b, RTM_DELADDR, 0, "192.168.1.20");
    assert_int_equal(send(pair[1], b.ptr, b.len, 0), b.len);
    wf_buf_deinit(&b);
    answer(pair[1], "10.8.0.3");
    f = linked_expect(&l, WF_LINK_FRAME_ADDRESSES);
    assert_true(wf_str_starts(f.text, WF_STR("10.8.0.3:")));
    f = linked_expect(&l, WF_LINK_FRAME_CHANGED);
    assert_false(f.is_on);
    f = linked_expect(&other, WF_LINK_FRAME_FOUND);
    assert_true(wf_str_starts(f.text, WF_STR("10.8.0.3:")));
    /* The connection was asked whether it is there, and is: nothing ends. */
    assert_false(linked_next(&l, WF_LINK_FRAME_DOWN, &f, 300));
    linked_stop(&l);
    linked_stop(&other);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_netlink__the_kernel_tells_of_the_loopback),
        cmocka_unit_test(test_netlink__messages_that_are_cut_are_read_up_to_there),
        cmocka_unit_test(test_netlink__another_network_is_told_and_connections_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
