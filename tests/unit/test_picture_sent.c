/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that leave: what more there is in a file is left out, what is seen stays the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <allheaders.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "ingest/picture_exif.h"
#include "privacy/picture.h"

#define SECRET "N 48.137 E 11.575, Anna's phone"

static const int formats[] = {IFF_PNG, IFF_JFIF_JPEG, IFF_GIF, IFF_WEBP};

/* A picture of some colours, as a library writes it. */
static void make(int format, struct wf_buf *out)
{
    PIX *pix = pixCreate(40, 30, format == IFF_GIF ? 8 : 32), *own = pix;
    l_uint8 *data = NULL;
    size_t n = 0;

    assert_non_null(pix);
    for (l_int32 y = 0; y < 30; y++)
        for (l_int32 x = 0; x < 40; x++)
            (void)pixSetPixel(pix, x, y,
                              format == IFF_GIF
                                  ? (l_uint32)(x * 6) & 0xff
                                  : (l_uint32)(x * 6) << 24 | (l_uint32)(y * 8) << 16 | 0x4000);
    assert_int_equal(pixWriteMem(&data, &n, own, format), 0);
    wf_buf_init(out, (size_t)1 << 24);
    assert_int_equal(wf_buf_append(out, data, n), 0);
    lept_free(data);
    pixDestroy(&pix);
}

static void insert(struct wf_buf *b, size_t at, const char *p, size_t n)
{
    struct wf_buf with;

    wf_buf_init(&with, (size_t)1 << 24);
    (void)wf_buf_append(&with, b->ptr, at);
    (void)wf_buf_append(&with, p, n);
    assert_int_equal(wf_buf_append(&with, b->ptr + at, b->len - at), 0);
    wf_buf_deinit(b);
    *b = with;
}

/* A segment of a JPEG, kind and content. */
static void add_segment(struct wf_buf *b, uint8_t kind, const char *p, size_t n)
{
    char all[512] = {(char)0xff, (char)kind, (char)((n + 2) >> 8), (char)(n + 2)};

    memcpy(all + 4, p, n);
    insert(b, 2, all, n + 4);
}

/* A chunk of a PNG behind its head. */
static void add_chunk(struct wf_buf *b, const char *name, const char *p, size_t n)
{
    char all[512] = {0, 0, (char)(n >> 8), (char)n};
    uint32_t sum;

    memcpy(all + 4, name, 4);
    memcpy(all + 8, p, n);
    sum = (uint32_t)crc32(0, (const Bytef *)all + 4, (uInt)n + 4);
    for (size_t i = 0; i < 4; i++)
        all[8 + n + i] = (char)(sum >> (24 - 8 * i));
    insert(b, 33, all, n + 12);
}

static void set_riff_size(struct wf_buf *b)
{
    for (size_t i = 0; i < 4; i++)
        b->ptr[4 + i] = (char)((b->len - 8) >> 8 * i);
}

/* EXIF with a place, of a picture that is to be turned. */
static void exif(char out[80], uint8_t orientation)
{
    memset(out, 0, 80);
    memcpy(out, "Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 24);
    out[25] = (char)orientation;
    memcpy(out + 32, SECRET, sizeof(SECRET) - 1);
}

static void add_secrets(int format, struct wf_buf *b)
{
    static const char gif[] = "\x21\xfe\x1f" SECRET;
    char app[80], webp[128] = "EXIF\x20\0\0\0" SECRET "\0XMP \x20\0\0\0" SECRET;

    switch (format) {
    case IFF_JFIF_JPEG:
        exif(app, 1);
        add_segment(b, 0xe1, app, sizeof(app));
        add_segment(b, 0xfe, SECRET, sizeof(SECRET));
        add_segment(b, 0xe1, "http://ns.adobe.com/xap/1.0/\0" SECRET, 29 + sizeof(SECRET));
        add_segment(b, 0xed, "Photoshop 3.0\0" SECRET, 14 + sizeof(SECRET));
        add_segment(b, 0xe2, "ICC_PROFILE\0" SECRET, 12 + sizeof(SECRET));
        break;
    case IFF_PNG:
        add_chunk(b, "tEXt", "Comment\0" SECRET, 8 + sizeof(SECRET));
        add_chunk(b, "eXIf", SECRET, sizeof(SECRET));
        add_chunk(b, "gAMA", SECRET, sizeof(SECRET)); /* of a wrong size */
        add_chunk(b, "prVt", SECRET, sizeof(SECRET));
        break;
    case IFF_GIF:
        assert_int_equal(sizeof(SECRET) - 1, 0x1f);
        insert(b, b->len - 1, gif, sizeof(gif));
        break;
    default:
        assert_int_equal(wf_buf_append(b, webp, 2 * (8 + 32)), 0);
        set_riff_size(b);
        break;
    }
    if (format == IFF_WEBP)
        return; /* more behind the end: below */
    assert_int_equal(wf_buf_append(b, SECRET, sizeof(SECRET)), 0);
}

static bool holds(struct wf_str s, struct wf_str what)
{
    for (size_t i = 0; i + what.len <= s.len; i++)
        if (memcmp(s.ptr + i, what.ptr, what.len) == 0)
            return true;
    return false;
}

static void expect_same_pixels(struct wf_str a, struct wf_str b)
{
    PIX *x = pixReadMem((const l_uint8 *)a.ptr, a.len),
        *y = pixReadMem((const l_uint8 *)b.ptr, b.len);
    l_int32 is_same = 0;

    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(pixEqual(x, y, &is_same), 0);
    assert_true(is_same);
    pixDestroy(&x);
    pixDestroy(&y);
}

static void test_picture_sent__what_is_more_than_seen_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(formats); i++) {
        struct wf_buf file, plain, out, again;
        struct wf_picture info;
        struct wf_err err = WF_ERR_INIT;
        make(formats[i], &file);
        make(formats[i], &plain);
        add_secrets(formats[i], &file);
        assert_true(holds(wf_buf_str(&file), WF_STR(SECRET)));
        wf_buf_init(&out, (size_t)1 << 24);
        wf_buf_init(&again, (size_t)1 << 24);
        if (wf_picture_read(wf_buf_str(&file), &out, &info, &err) != 0)
            fail_msg("%zu: %s", i, err.msg);
        assert_false(info.is_clean);
        assert_int_equal(info.width, 40);
        assert_int_equal(info.height, 30);
        assert_false(holds(wf_buf_str(&out), WF_STR("Anna")));
        expect_same_pixels(wf_buf_str(&plain), wf_buf_str(&out));
        /* What was cleaned is clean, and stays as it is. */
        assert_int_equal(wf_picture_read(wf_buf_str(&out), &again, &info, &err), 0);
        assert_true(info.is_clean);
        assert_true(wf_str_eq(wf_buf_str(&out), wf_buf_str(&again)));
        /* With one byte behind its end it is not. */
        assert_int_equal(wf_buf_append_byte(&again, 0), 0);
        assert_int_equal(wf_picture_read(wf_buf_str(&again), NULL, &info, &err), 0);
        assert_false(info.is_clean);
        wf_buf_deinit(&file);
        wf_buf_deinit(&plain);
        wf_buf_deinit(&out);
        wf_buf_deinit(&again);
    }
}

static void test_picture_sent__which_way_up_stays(void **state)
{
    static const struct {
        uint8_t orientation;
        unsigned turn;
    } cases[] = {{1, 0}, {3, 180}, {6, 90}, {8, 270}, {77, 0}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_buf file, out;
        struct wf_picture info;
        char app[80];
        make(IFF_JFIF_JPEG, &file);
        exif(app, cases[i].orientation);
        add_segment(&file, 0xe1, app, sizeof(app));
        wf_buf_init(&out, (size_t)1 << 24);
        assert_int_equal(wf_picture_read(wf_buf_str(&file), &out, &info, NULL), 0);
        assert_false(info.is_clean);
        assert_int_equal(wf_picture_exif_turn(wf_buf_str(&out)), cases[i].turn);
        assert_false(holds(wf_buf_str(&out), WF_STR("Anna")));
        assert_int_equal(wf_picture_read(wf_buf_str(&out), NULL, &info, NULL), 0);
        assert_true(info.is_clean);
        wf_buf_deinit(&file);
        wf_buf_deinit(&out);
    }
}

/* A head of WebP that says there was more: its flags say so no longer. */
static void test_picture_sent__the_head_of_webp_is_mended(void **state)
{
    static const char head[] = "VP8X\x0a\0\0\0\x2c\0\0\0\x27\0\0\x1d\0\0"; /* ICC, EXIF, XMP */
    struct wf_buf file, plain, out;
    struct wf_picture info;

    (void)state;
    make(IFF_WEBP, &file);
    make(IFF_WEBP, &plain);
    insert(&file, 12, head, sizeof(head) - 1);
    set_riff_size(&file);
    wf_buf_init(&out, (size_t)1 << 24);
    assert_int_equal(wf_picture_read(wf_buf_str(&file), &out, &info, NULL), 0);
    assert_false(info.is_clean);
    assert_int_equal(out.ptr[20], 0);
    assert_int_equal(info.width, 40);
    assert_int_equal(info.height, 30);
    expect_same_pixels(wf_buf_str(&plain), wf_buf_str(&out));
    wf_buf_deinit(&file);
    wf_buf_deinit(&plain);
    wf_buf_deinit(&out);
}

static void test_picture_sent__what_is_broken_off_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(formats); i++) {
        struct wf_buf file;
        struct wf_picture info;
        make(formats[i], &file);
        add_secrets(formats[i], &file);
        const size_t end = formats[i] == IFF_WEBP ? file.len : file.len - sizeof(SECRET);
        for (size_t n = 0; n < end; n++) {
            char *copy = malloc(n + 1); /* for the sanitizer: nothing behind it is read */
            assert_non_null(copy);
            memcpy(copy, file.ptr, n);
            assert_int_not_equal(wf_picture_read(wf_str_n(copy, n), NULL, &info, NULL), 0);
            free(copy);
        }
        wf_buf_deinit(&file);
    }
}

static int read_made(struct wf_buf *b)
{
    struct wf_picture info;
    int rc = wf_picture_read(wf_buf_str(b), NULL, &info, NULL);

    wf_buf_deinit(b);
    return rc;
}

static void test_picture_sent__rare_and_large_ones_are_refused(void **state)
{
    struct wf_picture info;
    struct wf_buf b;
    size_t at = 2;

    (void)state;
    assert_int_equal(wf_picture_read(WF_STR("BM and so on"), NULL, &info, NULL), WF_E_FORMAT);
    assert_int_equal(wf_picture_read(WF_STR("<svg onload=alert(1)>"), NULL, &info, NULL),
                     WF_E_FORMAT);
    make(IFF_PNG, &b);
    b.ptr[40] ^= 1; /* what a checksum is of */
    assert_int_equal(read_made(&b), WF_E_FORMAT);
    make(IFF_PNG, &b);
    add_chunk(&b, "NEWX", "x", 1); /* needed to see it, whatever it is */
    assert_int_equal(read_made(&b), WF_E_FORMAT);
    make(IFF_PNG, &b);
    memcpy(b.ptr + 16, "\0\1\0\0\0\1\0\0", 8); /* 65536 by 65536 */
    uint32_t sum = (uint32_t)crc32(0, (const Bytef *)b.ptr + 12, 17);
    for (size_t i = 0; i < 4; i++)
        b.ptr[29 + i] = (char)(sum >> (24 - 8 * i));
    assert_int_equal(read_made(&b), WF_E_LIMIT);
    make(IFF_JFIF_JPEG, &b);
    while ((uint8_t)b.ptr[at + 1] != 0xc0) /* the frame: made one of arithmetic coding */
        at += 2 + ((size_t)(uint8_t)b.ptr[at + 2] << 8) + (uint8_t)b.ptr[at + 3];
    b.ptr[at + 1] = (char)0xc9;
    assert_int_equal(read_made(&b), WF_E_FORMAT);
    /* At the limit, and one byte above: a PNG with a text that fills it up. */
    for (size_t more = 0; more < 2; more++) {
        make(IFF_PNG, &b);
        assert_int_equal(wf_buf_append_fill(&b, 'x', WF_LIMIT_PICTURE_SENT_BYTES - b.len + more),
                         0);
        assert_int_equal(read_made(&b), more == 0 ? 0 : WF_E_LIMIT);
    }
}

static void test_picture_sent__base64_goes_both_ways(void **state)
{
    static const char *const wrong[] = {"",     "A",        "AB",   "ABC",  "AB=C",
                                        "A===", "AB==AB==", "AB*=", "QUJ=", "QR=="};
    char bytes[300];
    struct wf_str type, base64;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    for (size_t n = 1; n < sizeof(bytes); n++) {
        struct wf_buf text, back;
        wf_buf_init(&text, 1000);
        wf_buf_init(&back, 1000);
        assert_int_equal(wf_picture_encode(wf_str_n(bytes, n), &text), 0);
        assert_int_equal(wf_picture_decode(wf_buf_str(&text), &back, NULL), 0);
        assert_true(wf_str_eq(wf_buf_str(&back), wf_str_n(bytes, n)));
        wf_buf_deinit(&text);
        wf_buf_deinit(&back);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        struct wf_buf back;
        wf_buf_init(&back, 1000);
        assert_int_equal(wf_picture_decode(wf_str_from(wrong[i]), &back, NULL), WF_E_FORMAT);
        wf_buf_deinit(&back);
    }
    assert_true(wf_picture_of_url(WF_STR("data:image/png;base64,AAAA"), &type, &base64));
    assert_true(wf_str_eq(type, WF_STR("image/png")));
    assert_true(wf_str_eq(base64, WF_STR("AAAA")));
    assert_false(wf_picture_of_url(WF_STR("data:image/png,AAAA"), &type, &base64));
    assert_false(wf_picture_of_url(WF_STR("https://a.example/x.png"), &type, &base64));
    assert_false(wf_picture_of_url(WF_STR("data:text/plain;base64,AAAA"), &type, &base64));
}

/* The base64 of a picture: a clean one, or one with more in it. */
static void text_of(int format, bool is_clean, struct wf_buf *out)
{
    struct wf_buf file, clean;
    struct wf_picture info;

    make(format, &file);
    add_secrets(format, &file);
    wf_buf_init(&clean, (size_t)1 << 24);
    wf_buf_init(out, (size_t)1 << 24);
    assert_int_equal(wf_picture_read(wf_buf_str(&file), &clean, &info, NULL), 0);
    assert_int_equal(wf_picture_encode(wf_buf_str(is_clean ? &clean : &file), out), 0);
    wf_buf_deinit(&file);
    wf_buf_deinit(&clean);
}

static void test_picture_sent__clean_ones_are_cut_out_of_json(void **state)
{
    static const char *const bodies[] = {
        ("{\"content\":[{\"type\":\"text\",\"text\":\"say \\\"A\\\"\"},{\"image_url\":{\"url\":"
         "\"data:image/png;base64,%s\"}}]}"),
        "{\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"%s\"}}",
        "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"%s\"},\"text\":\"x\\\\\"}",
        "{\"images\":[\"%s\"]}",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies) * WF_ARRAY_LEN(formats) * 2; i++) {
        const char *body = bodies[i / 2 % WF_ARRAY_LEN(bodies)], *at = strstr(body, "%s");
        const bool is_clean = i % 2 == 0;
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf base64, json, want, out;
        size_t n = 9;
        text_of(formats[i / 2 / WF_ARRAY_LEN(bodies)], is_clean, &base64);
        wf_buf_init(&json, (size_t)1 << 24);
        wf_buf_init(&want, (size_t)1 << 24);
        wf_buf_init(&out, (size_t)1 << 24);
        (void)wf_buf_append(&json, body, (size_t)(at - body));
        (void)wf_buf_append_str(&want, wf_buf_str(&json));
        (void)wf_buf_append_str(&json, wf_buf_str(&base64));
        (void)wf_buf_append_cstr(&json, at + 2);
        assert_int_equal(wf_buf_append_cstr(&want, at + 2), 0);
        assert_int_equal(wf_picture_cut_out(wf_buf_str(&json), &out, &n, &err),
                         is_clean ? 0 : WF_E_DENIED);
        if (is_clean) {
            assert_int_equal(n, 1);
            assert_string_equal(out.ptr, want.ptr);
        }
        wf_buf_deinit(&base64);
        wf_buf_deinit(&json);
        wf_buf_deinit(&want);
        wf_buf_deinit(&out);
    }
}

static void test_picture_sent__other_texts_stay_in_json(void **state)
{
    static const char *const bodies[] = {
        "",
        "\"",
        "{}",
        "\"\\\"",
        "{\"a\":\"aVZCT1J3MEtHZ29BQUFBTlNVaEVVZ0FBQUFFQUFBQUI=\"}",
        "{\"a\":\"iVBORw0KGgo=\"}", /* too short to be one */
        "{\"a\":\"a picture: iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ\"}",
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies); i++) {
        struct wf_buf out;
        size_t n = 9;
        wf_buf_init(&out, 1000);
        assert_int_equal(wf_picture_cut_out(wf_str_from(bodies[i]), &out, &n, NULL), 0);
        assert_int_equal(n, 0);
        assert_true(wf_str_eq(wf_buf_str(&out), wf_str_from(bodies[i])));
        wf_buf_deinit(&out);
    }
}

static void test_picture_sent__survives_failing_allocations(void **state)
{
    struct wf_buf base64, json;

    (void)state;
    text_of(IFF_PNG, true, &base64);
    wf_buf_init(&json, (size_t)1 << 24);
    assert_int_equal(wf_buf_appendf(&json, "[\"data:image/png;base64,%s\"]", base64.ptr), 0);
    const uint64_t live = wf_alloc_stats().n_live;
    int rc = -1;
    for (uint64_t k = 1; rc != 0; k++) {
        struct wf_buf out;
        size_t n;
        wf_buf_init(&out, (size_t)1 << 24);
        wf_alloc_fail_at(k);
        rc = wf_picture_cut_out(wf_buf_str(&json), &out, &n, NULL);
        wf_alloc_fail_at(0);
        if (rc != 0)
            assert_int_equal(rc, WF_E_NOMEM);
        wf_buf_deinit(&out);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_buf_deinit(&base64);
    wf_buf_deinit(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_sent__what_is_more_than_seen_is_left_out),
        cmocka_unit_test(test_picture_sent__which_way_up_stays),
        cmocka_unit_test(test_picture_sent__the_head_of_webp_is_mended),
        cmocka_unit_test(test_picture_sent__what_is_broken_off_is_none),
        cmocka_unit_test(test_picture_sent__rare_and_large_ones_are_refused),
        cmocka_unit_test(test_picture_sent__base64_goes_both_ways),
        cmocka_unit_test(test_picture_sent__clean_ones_are_cut_out_of_json),
        cmocka_unit_test(test_picture_sent__other_texts_stay_in_json),
        cmocka_unit_test(test_picture_sent__survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
