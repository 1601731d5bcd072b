/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket between nodes: the handshake of RFC 6455's own example, frames, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "mesh/ws.h"

#define CRLF "\r\n"
/* The nonce of the RFC's example (section 1.3): "the sample nonce". */
#define NONCE_TEXT "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT_TEXT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define REST                                                                                       \
    "Host: h" CRLF "Upgrade: WebSocket" CRLF "Connection: keep-alive, Upgrade" CRLF                \
    "Sec-WebSocket-Key: " NONCE_TEXT CRLF

static void test_ws__the_rfcs_example_is_answered_as_there(void **state)
{
    (void)state;
    const struct wf_str in =
        WF_STR("GET /mesh/1 HTTP/1.1" CRLF REST "Sec-WebSocket-Version: 13" CRLF CRLF "rest");
    uint8_t nonce[WF_WS_NONCE_BYTES];
    struct wf_buf out;
    size_t n = 0;

    wf_buf_init(&out, 4096);
    for (size_t i = 0; i < in.len - 4; i++) { /* not whole */
        assert_int_equal(wf_ws_answer(wf_str_sub(in, 0, i), &out, &n), 0);
        assert_true(n == 0 && out.len == 0);
    }
    assert_int_equal(wf_ws_answer(in, &out, &n), 0);
    assert_int_equal(n, in.len - 4);
    assert_true(wf_str_find(wf_buf_str(&out), WF_STR("Sec-WebSocket-Accept: " ACCEPT_TEXT CRLF),
                            0) != SIZE_MAX);
    memcpy(nonce, "the sample nonce", sizeof(nonce));
    assert_int_equal(wf_ws_check_answer(wf_buf_str(&out), nonce, &n), 0);
    assert_int_equal(n, out.len);
    nonce[0] ^= 1;
    assert_int_equal(wf_ws_check_answer(wf_buf_str(&out), nonce, &n), WF_E_FORMAT);
    wf_buf_deinit(&out);
}

static void test_ws__our_own_request_is_answered(void **state)
{
    (void)state;
    const uint8_t nonce[WF_WS_NONCE_BYTES] = {1, 2, 3};
    struct wf_buf request, answer;
    size_t n = 0;

    wf_buf_init(&request, 4096);
    wf_buf_init(&answer, 4096);
    assert_int_equal(wf_ws_put_request(WF_STR("[::1]:7771"), nonce, &request), 0);
    assert_int_equal(wf_ws_answer(wf_buf_str(&request), &answer, &n), 0);
    assert_int_equal(n, request.len);
    assert_int_equal(wf_ws_check_answer(wf_buf_str(&answer), nonce, &n), 0);
    wf_buf_deinit(&request);
    wf_buf_deinit(&answer);
}

static void test_ws__other_requests_are_refused(void **state)
{
    (void)state;
    char big[WF_WS_HEAD_BYTES + 1];
    const struct {
        struct wf_str in;
        int rc;
    } cases[] = {
        {WF_STR("GET /mesh/2 HTTP/1.1" CRLF REST "Sec-WebSocket-Version: 13" CRLF CRLF),
         WF_E_UNSUPPORTED},
        {WF_STR("GET /mesh/1 HTTP/1.1" CRLF REST "Sec-WebSocket-Version: 8" CRLF CRLF),
         WF_E_UNSUPPORTED},
        {WF_STR("GET /mesh/1 HTTP/1.1" CRLF REST CRLF), WF_E_UNSUPPORTED},
        {WF_STR("POST /mesh/1 HTTP/1.1" CRLF REST "Sec-WebSocket-Version: 13" CRLF CRLF),
         WF_E_FORMAT},
        {WF_STR("GET /mesh/1 HTTP/1.1" CRLF "Host: h" CRLF CRLF), WF_E_FORMAT},
        {WF_STR("GET /mesh/1 HTTP/1.1" CRLF REST REST "Sec-WebSocket-Version: 13" CRLF CRLF),
         WF_E_FORMAT}, /* each header twice */
        {WF_STR("GET /mesh/1 HTTP/1.1" CRLF "\0" REST "Sec-WebSocket-Version: 13" CRLF CRLF),
         WF_E_FORMAT},
        {WF_STR(CRLF CRLF), WF_E_FORMAT},
        {{big, sizeof(big)}, WF_E_LIMIT},
    };
    struct wf_buf out;
    size_t n;

    memset(big, 'a', sizeof(big));
    wf_buf_init(&out, 4096);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        wf_buf_reset(&out);
        assert_int_equal(wf_ws_answer(cases[i].in, &out, &n), cases[i].rc);
        assert_true(!wf_str_starts(wf_buf_str(&out), WF_STR("HTTP/1.1 101")));
    }
    wf_buf_deinit(&out);
}

static void test_ws__frames_of_all_sizes_come_through(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 125, 126, 127, 65, WF_WS_MESSAGE_BYTES};
    const uint8_t mask[4] = {0xde, 0xad, 0, 0xbe};
    char *bytes = wf_alloc_array(WF_WS_MESSAGE_BYTES + 1, 1);
    struct wf_ws_frame f;
    struct wf_buf b;
    size_t n;

    assert_non_null(bytes);
    for (size_t i = 0; i < WF_WS_MESSAGE_BYTES; i++)
        bytes[i] = (char)(i * 7 + (i >> 8));
    wf_buf_init(&b, 2 * WF_WS_MESSAGE_BYTES);
    for (size_t k = 0; k < 2 * WF_ARRAY_LEN(sizes); k++) {
        const size_t size = sizes[k / 2], cut = size / 3;
        const bool masked = k % 2 == 1;
        wf_buf_reset(&b);
        assert_int_equal(wf_ws_put(WF_WS_BINARY, masked ? mask : NULL, wf_str_n(bytes, cut),
                                   wf_str_n(bytes + cut, size - cut), &b),
                         0);
        for (size_t i = 0; i < b.len; i += i < 16 ? 1 : 97) { /* not whole */
            assert_int_equal(wf_ws_next(wf_str_n(b.ptr, i), masked, &f, &n), 0);
            assert_int_equal(n, 0);
        }
        assert_int_equal(wf_ws_next(wf_buf_str(&b), masked, &f, &n), 0);
        assert_true(n == b.len && f.op == WF_WS_BINARY && f.len == size);
        wf_ws_unmask(&f, b.ptr);
        assert_memory_equal(b.ptr + f.at, bytes, size);
        /* Clients mask, servers do not: the other way round is nothing of ours. */
        assert_int_equal(wf_ws_next(wf_buf_str(&b), !masked, &f, &n), WF_E_FORMAT);
    }
    wf_buf_reset(&b);
    assert_int_equal(
        wf_ws_put(WF_WS_BINARY, NULL, WF_STR(""), wf_str_n(bytes, WF_WS_MESSAGE_BYTES + 1), &b),
        WF_E_LIMIT);
    assert_int_equal(wf_ws_put(WF_WS_PING, NULL, WF_STR(""), wf_str_n(bytes, 126), &b), WF_E_LIMIT);
    wf_buf_deinit(&b);
    wf_free(bytes);
}

static void test_ws__frames_that_are_none_of_ours_are_refused(void **state)
{
    (void)state;
    const struct {
        struct wf_str in;
        int rc;
    } cases[] = {
        {WF_STR("\x02\x01x"), WF_E_FORMAT},               /* a part of a message */
        {WF_STR("\x81\x01x"), WF_E_FORMAT},               /* a text */
        {WF_STR("\xc2\x01x"), WF_E_FORMAT},               /* an extension's bit */
        {WF_STR("\x83\x01x"), WF_E_FORMAT},               /* no such kind */
        {WF_STR("\x82\x7f\0\0\0\0\0\0\xff"), WF_E_LIMIT}, /* 64 bits of length */
        {WF_STR("\x89\x7e\0\x80"), WF_E_LIMIT},           /* a long ping */
        {WF_STR("\x82\x7e\0\x7d"), WF_E_FORMAT},          /* longer than needed */
        {WF_STR("\x82\x7e\xff\xff"), WF_E_LIMIT},         /* over the limit, before it came */
    };
    struct wf_ws_frame f;
    size_t n;

    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++)
        assert_int_equal(wf_ws_next(cases[i].in, false, &f, &n), cases[i].rc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ws__the_rfcs_example_is_answered_as_there),
        cmocka_unit_test(test_ws__our_own_request_is_answered),
        cmocka_unit_test(test_ws__other_requests_are_refused),
        cmocka_unit_test(test_ws__frames_of_all_sizes_come_through),
        cmocka_unit_test(test_ws__frames_that_are_none_of_ours_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
