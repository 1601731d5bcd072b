/* SPDX-License-Identifier: Apache-2.0 */
/* The extract stream: what the writer says the reader understands, however the bytes are cut; and
 * nothing that a hostile worker could say gets past the reader. */
#include "ingest/stream.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "support/parsed.h"

/* Feeds n bytes in pieces of `step`; what came of it is in p. */
static int feed(struct parsed *p, const char *bytes, size_t n, size_t step)
{
    struct wf_stream_reader r;
    int rc = 0;
    parsed_init(p);
    wf_stream_reader_init(&r);
    for (size_t i = 0; i < n && rc == 0; i += step) {
        rc = wf_stream_feed(&r, bytes + i, WF_MIN(step, n - i), parsed_frame, p, &p->err);
    }
    if (rc == 0 && !r.ended) {
        rc = WF_E_CRASHED;
    }
    wf_stream_reader_deinit(&r);
    return rc;
}

static void write_sample(struct wf_stream_writer *w)
{
    wf_stream_meta(w, "title", WF_STR("A\nB"));
    wf_stream_page(w, 1);
    wf_stream_heading(w, 2);
    wf_stream_text(w, WF_STR("One"));
    wf_stream_heading(w, 0);
    wf_stream_text(w, WF_STR("\n\n"));
    wf_stream_border(w);
    wf_stream_border(w);
    wf_stream_text(w, WF_STR("two "));
    wf_stream_text(w, WF_STR("three\r\n\x01\x7f"));
    wf_stream_page(w, 1);
    wf_stream_page(w, 3);
    wf_stream_warning(w, "page %d is missing", 2);
    wf_stream_text(w, WF_STR("bad \xff\xc3\xa4"));
    wf_stream_heading(w, 9);
    wf_stream_text(w, WF_STR("open"));
}

static void test_stream__what_is_written_is_read(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        struct wf_buf sink;
        struct wf_stream_writer w;
        struct parsed p;
        wf_buf_init(&sink, 1 << 20);
        wf_stream_writer_init_buf(&w, &sink);
        write_sample(&w);
        assert_int_equal(wf_stream_end(&w), 0);
        assert_int_equal(feed(&p, sink.ptr, sink.len, step), 0);
        assert_string_equal(p.marked.ptr,
                            "{P1}{H2}One{H0}\n\n{B}two three\n{P3}bad \xef\xbf\xbd\xc3"
                            "\xa4{H6}open{H0}");
        assert_string_equal(p.meta.ptr, "title=A B\n");
        assert_string_equal(p.warnings.ptr, "page 2 is missing\n");
        parsed_deinit(&p);
        wf_stream_writer_deinit(&w);
        wf_buf_deinit(&sink);
    }
}

static void test_stream__failure_is_the_last_frame(void **state)
{
    (void)state;
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct parsed p;
    wf_buf_init(&sink, 1 << 20);
    wf_stream_writer_init_buf(&w, &sink);
    wf_stream_text(&w, WF_STR("x"));
    assert_int_equal(wf_stream_fail(&w, WF_E_ENCRYPTED, "it is %s", "encrypted"), 0);
    assert_int_equal(feed(&p, sink.ptr, sink.len, 7), WF_E_ENCRYPTED);
    assert_string_equal(p.err.msg, "it is encrypted");
    parsed_deinit(&p);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
}

/* A frame by hand. */
static size_t put(char *out, char type, const void *payload, uint32_t n)
{
    out[0] = type;
    memcpy(out + 1, &n, 4);
    memcpy(out + 5, payload, n);
    return 5u + n;
}

static void test_stream__malformed_frames_are_refused(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *payload;
        uint32_t n;
    } cases[] = {
        {'T', "", 0},
        {'T', "a\xc3", 2},
        {'T', "a\0b", 3},
        {'P', "\0\0\0\0", 4},
        {'P', "\1\0\0", 3},
        {'H', "\0", 1},
        {'H', "\7", 1},
        {'H', "\1\1", 2},
        {'B', "x", 1},
        {'M', "title", 5},
        {'M', "Title\0x", 7},
        {'M', "\0x", 2},
        {'M', "title\0", 6},
        {'M', "title\0\xff", 7},
        {'I', "\0\0\0\0", 4},
        {'W', "\xff", 1},
        {'E', "\0\0\0\0ok", 6},
        {'E', "\xff\xff", 2},
        {'Z', "\1\0\0\0\0\0\0\0", 8},
        {'Z', "\0", 1},
        {'Q', "", 0},
        {'E', "\x00\xff\xff\xffunknown code", 16},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        char bytes[64];
        struct parsed p;
        size_t n = put(bytes, cases[i].type, cases[i].payload, cases[i].n);
        assert_int_equal(feed(&p, bytes, n, 100), WF_E_FORMAT);
        assert_int_equal(p.marked.len, 0);
        parsed_deinit(&p);
    }
}

static void test_stream__order_is_checked(void **state)
{
    (void)state;
    static const char zero[8];
    char b[128];
    struct parsed p;
    size_t n = put(b, 'P', "\2\0\0\0", 4);
    n += put(b + n, 'P', "\2\0\0\0", 4); /* not above the last */
    assert_int_equal(feed(&p, b, n, 100), WF_E_FORMAT);
    parsed_deinit(&p);
    n = put(b, 'H', "\1", 1);
    n += put(b + n, 'H', "\2", 1); /* inside a heading */
    assert_int_equal(feed(&p, b, n, 100), WF_E_FORMAT);
    parsed_deinit(&p);
    n = put(b, 'H', "\1", 1);
    n += put(b + n, 'Z', zero, 8); /* the end inside a heading */
    assert_int_equal(feed(&p, b, n, 100), WF_E_FORMAT);
    parsed_deinit(&p);
    n = put(b, 'Z', zero, 8);
    n += put(b + n, 'B', "", 0); /* behind the end */
    assert_int_equal(feed(&p, b, n, 100), WF_E_FORMAT);
    parsed_deinit(&p);
    n = put(b, 'B', "", 0); /* no end */
    assert_int_equal(feed(&p, b, n, 100), WF_E_CRASHED);
    parsed_deinit(&p);
}

static void test_stream__a_frame_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    size_t n = WF_LIMIT_STREAM_FRAME;
    char *bytes = wf_alloc(n + 64);
    struct parsed p;
    uint32_t len = (uint32_t)n;
    uint64_t all = n;
    assert_non_null(bytes);
    memset(bytes, 'a', n + 64);
    bytes[0] = 'T';
    memcpy(bytes + 1, &len, 4);
    size_t end = 5 + n;
    end += put(bytes + end, 'Z', &all, 8);
    assert_int_equal(feed(&p, bytes, end, 65536), 0);
    assert_int_equal(p.text.len, n);
    parsed_deinit(&p);
    len++;
    memcpy(bytes + 1, &len, 4);
    assert_int_equal(feed(&p, bytes, end, 65536), WF_E_FORMAT);
    parsed_deinit(&p);
    wf_free(bytes);
}

static void test_stream__long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    size_t n = 3 * (size_t)WF_LIMIT_STREAM_FRAME;
    char *text = wf_alloc(n);
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct parsed p;
    assert_non_null(text);
    for (size_t i = 0; i + 3 <= n; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    wf_buf_init(&sink, 2 * n);
    wf_stream_writer_init_buf(&w, &sink);
    assert_int_equal(wf_stream_text(&w, wf_str_n(text, n)), 0);
    assert_int_equal(wf_stream_end(&w), 0);
    assert_int_equal(feed(&p, sink.ptr, sink.len, 100000), 0);
    assert_int_equal(p.text.len, n);
    assert_memory_equal(p.text.ptr, text, n);
    parsed_deinit(&p);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
    wf_free(text);
}

static void test_stream__warnings_are_bounded(void **state)
{
    (void)state;
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct parsed p;
    wf_buf_init(&sink, 1 << 20);
    wf_stream_writer_init_buf(&w, &sink);
    for (int i = 0; i < 2 * WF_LIMIT_STREAM_WARNINGS; i++) {
        wf_stream_warning(&w, "w");
    }
    assert_int_equal(wf_stream_end(&w), 0);
    assert_int_equal(feed(&p, sink.ptr, sink.len, 1000), 0);
    assert_int_equal(p.warnings.len, 2 * WF_LIMIT_STREAM_WARNINGS);
    parsed_deinit(&p);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
}

static void test_stream__a_reader_that_hung_up_stops_the_writer(void **state)
{
    (void)state;
    int fds[2];
    struct wf_stream_writer w;
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    wf_stream_writer_init(&w, fds[1]);
    assert_int_equal(wf_stream_text(&w, WF_STR("x")), 0);
    assert_int_equal(wf_stream_flush(&w), WF_E_IO);
    assert_int_equal(wf_stream_text(&w, WF_STR("x")), WF_E_IO);
    assert_int_equal(wf_stream_fail(&w, WF_E_FORMAT, "x"), WF_E_IO);
    wf_stream_writer_deinit(&w);
    close(fds[1]);
}

static void test_stream__failing_memory_sticks(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 30; k++) {
        struct wf_buf sink;
        struct wf_stream_writer w;
        struct parsed p;
        wf_buf_init(&sink, 1 << 20);
        wf_stream_writer_init_buf(&w, &sink);
        wf_alloc_fail_at(k);
        write_sample(&w);
        int rc = wf_stream_end(&w);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        wf_stream_writer_deinit(&w);
        if (!failed) {
            wf_alloc_fail_at(k);
            rc = feed(&p, sink.ptr, sink.len, 3);
            failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            assert_true(rc == 0 || (failed && rc == WF_E_NOMEM));
            parsed_deinit(&p);
        }
        wf_buf_deinit(&sink);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__what_is_written_is_read),
        cmocka_unit_test(test_stream__failure_is_the_last_frame),
        cmocka_unit_test(test_stream__malformed_frames_are_refused),
        cmocka_unit_test(test_stream__order_is_checked),
        cmocka_unit_test(test_stream__a_frame_may_be_as_long_as_the_limit),
        cmocka_unit_test(test_stream__long_texts_are_cut_between_characters),
        cmocka_unit_test(test_stream__warnings_are_bounded),
        cmocka_unit_test(test_stream__a_reader_that_hung_up_stops_the_writer),
        cmocka_unit_test(test_stream__failing_memory_sticks),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
