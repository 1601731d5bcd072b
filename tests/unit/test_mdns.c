/* SPDX-License-Identifier: Apache-2.0 */
/* mDNS: messages as the RFCs have them, messages that are none, and two transports that find each
 * other's port over datagrams. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "mesh/mdns.h"
#include "support/linked.h"

static const uint8_t instance[WF_MDNS_INSTANCE_BYTES] = {0x01, 0x23, 0x45, 0x67,
                                                         0x89, 0xab, 0xcd, 0xef};

static void test_mdns__a_question_is_one_byte_by_byte(void **state)
{
    (void)state;
    static const char expected[] = "\0\0\0\0\0\1\0\0\0\0\0\0\5_weft\4_tcp\5local\0\0\x0c\0\1";
    struct wf_mdns_news news;
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    assert_int_equal(wf_mdns_put_query(&b), 0);
    assert_int_equal(b.len, sizeof(expected) - 1);
    assert_memory_equal(b.ptr, expected, b.len);
    assert_int_equal(wf_mdns_read(wf_buf_str(&b), &news), 0);
    assert_true(news.is_asked && news.n == 0);
    wf_buf_deinit(&b);
}

static void test_mdns__an_answer_is_read_and_nothing_that_is_cut(void **state)
{
    (void)state;
    struct wf_mdns_news news;
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    assert_int_equal(wf_mdns_put_answer(instance, 7771,
                                        WF_STR("10.0.0.1:7771\n[2001:db8::1]:7771\nname:1\n"), &b),
                     0);
    assert_int_equal(b.ptr[7], 4); /* PTR, SRV, A, AAAA; the name has no address */
    assert_int_equal(wf_mdns_read(wf_buf_str(&b), &news), 0);
    assert_false(news.is_asked);
    assert_int_equal(news.n, 1);
    assert_int_equal(news.instances[0].port, 7771);
    assert_memory_equal(news.instances[0].instance, instance, sizeof(instance));
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(wf_mdns_read(wf_str_n(b.ptr, n), &news), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

/* An answer as others write it: capital letters, and names that point to others. */
#define HEAD "\0\0\x84\0\0\0\0\1\0\0\0\0"
#define SRV_TAIL "\0\x21\x80\1\0\0\0\x78\0\x08\0\0\0\0\x1e\x5b\1h\0"

static void test_mdns__compressed_names_are_followed_backwards_alone(void **state)
{
    (void)state;
    const struct wf_str good = WF_STR(
        "\0\0\x84\0\0\1\0\1\0\0\0\0"
        "\5_WEFT\4_tcp\5local\0\0\x0c\0\1" /* a question from byte 12 on, and its name again */
        "\x10"
        "0123456789ABCDEF"
        "\xc0\x0c" SRV_TAIL);
    const struct wf_str loops[] = {
        WF_STR(HEAD "\xc0\x0c" SRV_TAIL), /* to itself */
        WF_STR(HEAD "\xc0\x20" SRV_TAIL), /* forwards */
        WF_STR(HEAD "\xc0"),
        WF_STR(HEAD "\x40"
                    "aaaa" SRV_TAIL), /* a label of no known kind */
        WF_STR(HEAD "\x3f"
                    "short"),
    };
    struct wf_mdns_news news;

    assert_int_equal(wf_mdns_read(good, &news), 0);
    assert_int_equal(news.n, 1);
    assert_int_equal(news.instances[0].port, 7771);
    assert_memory_equal(news.instances[0].instance, instance, sizeof(instance));
    for (size_t i = 0; i < WF_ARRAY_LEN(loops); i++)
        assert_int_equal(wf_mdns_read(loops[i], &news), WF_E_FORMAT);
}

static void test_mdns__an_instance_is_another_one_each_day_and_key(void **state)
{
    (void)state;
    uint8_t key[WF_LINK_KEY_BYTES], a[8], b[8], c[8], again[8];

    linked_key(1, key);
    wf_mdns_instance(key, 20000, a);
    wf_mdns_instance(key, 20000, again);
    wf_mdns_instance(key, 20001, b);
    linked_key(2, key);
    wf_mdns_instance(key, 20000, c);
    assert_memory_equal(a, again, 8);
    assert_memory_not_equal(a, b, 8);
    assert_memory_not_equal(a, c, 8);
}

static void test_mdns__no_memory_is_told(void **state)
{
    (void)state;
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_mdns_put_query(&b), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    wf_buf_deinit(&b);
    wf_buf_init(&b, 4096);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_mdns_put_answer(instance, 1, WF_STR("10.0.0.1:1\n"), &b), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    wf_buf_deinit(&b);
}

/* Datagram sockets of two that hear each other over loopback. */
static void make_pair(struct wf_mdns m[2])
{
    struct sockaddr_in a[2];
    socklen_t len = sizeof(a[0]);

    for (int i = 0; i < 2; i++) {
        a[i] = (struct sockaddr_in){.sin_family = AF_INET};
        a[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        m[i].hear_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        m[i].say_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(m[i].hear_fd, (struct sockaddr *)&a[i], sizeof(a[i])), 0);
        assert_int_equal(getsockname(m[i].hear_fd, (struct sockaddr *)&a[i], &len), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(connect(m[i].say_fd, (struct sockaddr *)&a[1 - i], sizeof(a[0])), 0);
}

static void test_mdns__paired_nodes_find_each_other_and_others_do_not(void **state)
{
    (void)state;
    struct linked asks, answers;
    struct wf_mdns m[2];
    struct wf_link_frame f;
    uint8_t stranger[WF_LINK_KEY_BYTES];

    make_pair(m);
    const struct wf_transport_options one = {.mdns = &m[0]}, two = {.mdns = &m[1]};
    linked_start(&asks, 1, false, &one);
    linked_start(&answers, 2, true, &two);
    linked_key(9, stranger);
    /* Who is paired with others hears the answer and makes nothing of it. */
    linked_allow(&asks, (const uint8_t(*)[WF_LINK_KEY_BYTES])stranger, 1);
    linked_allow(&answers, (const uint8_t(*)[WF_LINK_KEY_BYTES])asks.key, 1);
    assert_false(linked_next(&asks, WF_LINK_FRAME_FOUND, &f, 1500));
    linked_allow(&asks, (const uint8_t(*)[WF_LINK_KEY_BYTES])answers.key, 1);
    f = linked_expect(&asks, WF_LINK_FRAME_FOUND);
    assert_memory_equal(f.key, answers.key, WF_LINK_KEY_BYTES);
    assert_true(wf_str_eq(f.text, wf_str_from(answers.address)));
    linked_stop(&asks);
    linked_stop(&answers);
    wf_mdns_close(&m[0]);
    wf_mdns_close(&m[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mdns__a_question_is_one_byte_by_byte),
        cmocka_unit_test(test_mdns__an_answer_is_read_and_nothing_that_is_cut),
        cmocka_unit_test(test_mdns__compressed_names_are_followed_backwards_alone),
        cmocka_unit_test(test_mdns__an_instance_is_another_one_each_day_and_key),
        cmocka_unit_test(test_mdns__no_memory_is_told),
        cmocka_unit_test(test_mdns__paired_nodes_find_each_other_and_others_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
