/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP connections: requests one behind the other, and those that come before their turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/played_here.h"
#include "support/spoken.h"

#define HOST "Host: 127.0.0.1:7770\r\nAuthorization: Bearer " SPOKEN_TOKEN "\r\n"
#define GET "GET /healthz HTTP/1.1\r\n" HOST "\r\n"
#define POST                                                                                       \
    "POST /weft/v1/search HTTP/1.1\r\n" HOST "Content-Length: 12\r\n\r\n"                          \
    "{\"q\":\"rent\"}"

static struct wf_buf answer;

static int begin(void **state)
{
    (void)state;
    alarm(30); /* a loop without end is the failure that is looked for */
    wf_buf_init(&answer, (size_t)1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wf_buf_deinit(&answer);
    spoken_stop();
    alarm(0);
    return 0;
}

static bool say(int fd, const char *bytes)
{
    wf_buf_reset(&answer);
    return spoken_say(fd, wf_str_from(bytes), &answer);
}

static int count(const char *what)
{
    int n = 0;
    const char *at = answer.len > 0 ? answer.ptr : "";
    for (; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        n++;
    }
    return n;
}

static void test_http__a_connection_serves_one_request_after_the_other(void **state)
{
    (void)state;
    int fd = spoken_connect();
    for (int i = 0; i < 3; i++) {
        assert_true(say(fd, POST));
        assert_int_equal(count("HTTP/1.1 200 OK"), 1);
        assert_int_equal(count("The rent is 700 euros"), 1);
        assert_true(say(fd, GET));
        assert_int_equal(count("\"status\":\"ok\""), 1);
    }
    spoken_close(fd);
}

static void test_http__a_head_and_a_body_may_come_in_pieces(void **state)
{
    (void)state;
    static const char all[] = POST;
    for (size_t cut = 1; cut < sizeof(all) - 1; cut += 7) {
        int fd = spoken_connect();
        wf_buf_reset(&answer);
        assert_true(spoken_say(fd, wf_str_n(all, cut), &answer));
        assert_int_equal(answer.len, 0);
        assert_true(spoken_say(fd, wf_str_n(all + cut, sizeof(all) - 1 - cut), &answer));
        assert_int_equal(count("The rent is 700 euros"), 1);
        spoken_close(fd);
    }
}

static void test_http__requests_before_their_turn_are_answered_in_order(void **state)
{
    (void)state;
    int fd = spoken_connect();
    assert_true(say(fd, GET GET GET));
    assert_int_equal(count("\"status\":\"ok\""), 3);
    assert_true(say(fd, POST GET));
    assert_int_equal(count("HTTP/1.1 200 OK"), 2);
    assert_int_equal(count("The rent is 700 euros"), 1);
    assert_int_equal(count("\"status\":\"ok\""), 1);
    spoken_close(fd);
}

/* libwebsockets 4.1 would take its head for its body, and then not return. */
static void test_http__a_body_before_its_turn_closes_the_connection(void **state)
{
    static const char *const firsts[] = {GET POST, POST POST,
                                         GET "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"};
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(firsts); i++) {
        int fd = spoken_connect();
        assert_false(say(fd, firsts[i]));
        assert_int_equal(count("HTTP/1.1 200 OK"), 1);
        spoken_close(fd);
        fd = spoken_connect();
        assert_true(say(fd, POST));
        assert_int_equal(count("The rent is 700 euros"), 1);
        spoken_close(fd);
    }
}

/* A page that was closed left the event loop turning without a pause until the next beat. */
static void test_http__an_event_stream_ends_with_its_client(void **state)
{
    (void)state;
    int fd = spoken_connect();
    assert_true(say(fd, "GET /weft/v1/events HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(count("event: hello"), 1);
    spoken_close(fd);
    fd = spoken_connect();
    assert_false(say(fd, "GET /weft/v1/events HTTP/1.1\r\n" HOST "\r\n" GET) && say(fd, GET));
    spoken_close(fd);
}

static void test_http__speaks_no_other_protocol(void **state)
{
    (void)state;
    int fd = spoken_connect();
    assert_true(say(fd, "GET /healthz HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\n"
                        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"));
    assert_int_equal(count("HTTP/1.1 200 OK"), 1);
    assert_int_equal(count("\"status\":\"ok\""), 1);
    assert_true(say(fd, "POST /weft/v1/search HTTP/1.1\r\n" HOST "Connection: Upgrade\r\n"
                        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
                        "Content-Length: 12\r\n\r\n{\"q\":\"rent\"}"));
    assert_int_equal(count("The rent is 700 euros"), 1);
    assert_true(say(fd, "GET /healthz HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket"
                        "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"));
    assert_int_equal(count("\"status\":\"ok\""), 1);
    assert_false(say(fd, "GET /healthz HTTP/1.1\r\n" HOST "Upgrade: other\r\n\r\n"));
    assert_int_equal(count("\"status\":\"ok\""), 0);
    spoken_close(fd);
    fd = spoken_connect();
    assert_false(say(fd, "CONNECT example.com:80 HTTP/1.1\r\n" HOST "\r\n"));
    spoken_close(fd);
}

static void test_http__an_uploads_name_becomes_utf8(void **state)
{
    (void)state;
    int fd = spoken_connect();
    assert_true(say(fd,
                    "POST /weft/v1/documents HTTP/1.1\r\n" HOST
                    "Content-Type: multipart/form-data; boundary=b\r\n"
                    "Content-Length: 83\r\n\r\n"
                    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"/x/a\xff.txt\""
                    "\r\n\r\nabc\r\n--b--\r\n"));
    assert_int_equal(count("\"name\":\"a\xef\xbf\xbd.txt\",\"status\":\"unchanged\""), 1);
    spoken_close(fd);
}

/* Whose API is spoken is known before anything else is. */
static void test_http__errors_come_in_the_form_of_the_face(void **state)
{
    static const struct {
        const char *head, *want[3];
    } cases[] = {
        {"GET /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1:7770\r\n\r\n",
         {"401 Unauthorized", "\"type\":\"invalid_request_error\"",
          "\"code\":\"invalid_api_key\"}}"}},
        {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:7770\r\nx-api-key: no\r\n\r\n",
         {"401 Unauthorized", "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\"",
          "\"request_id\":\"req_"}},
        {"GET /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1:7770\r\nAnthropic-Version: 2023-06-01\r\n"
         "x-api-key: " SPOKEN_TOKEN "\r\n\r\n",
         {"404 Not Found", "{\"type\":\"not_found_error\",\"message\":\"There is no such address.",
          "\"request_id\":\"req_"}},
        {"GET /api/nothing HTTP/1.1\r\nHost: 127.0.0.1:7770\r\napi-key: " SPOKEN_TOKEN "\r\n\r\n",
         {"404 Not Found", "\r\n\r\n{\"error\":\"There is no such address.", "\"}"}},
        {"GET /t/" SPOKEN_TOKEN "/v1/nothing HTTP/1.1\r\nHost: 127.0.0.1:7770\r\n\r\n",
         {"404 Not Found", "{\"error\":{\"message\":\"There is no such address.",
          "\"param\":null"}},
        {"GET /v1/nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n",
         {"403 Forbidden", "{\"error\":{\"message\":\"This Host is not", "\"code\":null}}"}},
        {"GET /weft/v1/nothing HTTP/1.1\r\n" HOST "\r\n",
         {"404 Not Found", "application/problem+json", "\"code\":\"NOENT\""}},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        int fd = spoken_connect();
        (void)say(fd, cases[i].head);
        for (size_t k = 0; k < WF_ARRAY_LEN(cases[i].want); k++) {
            if (count(cases[i].want[k]) != 1)
                fail_msg("%s: no %s in %s", cases[i].head, cases[i].want[k], answer.ptr);
        }
        spoken_close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_http__a_connection_serves_one_request_after_the_other,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_http__a_head_and_a_body_may_come_in_pieces, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_http__requests_before_their_turn_are_answered_in_order,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_http__a_body_before_its_turn_closes_the_connection,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_http__speaks_no_other_protocol, begin, end),
        cmocka_unit_test_setup_teardown(test_http__errors_come_in_the_form_of_the_face, begin, end),
        cmocka_unit_test_setup_teardown(test_http__an_uploads_name_becomes_utf8, begin, end),
        cmocka_unit_test_setup_teardown(test_http__an_event_stream_ends_with_its_client, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
