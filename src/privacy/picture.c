/* SPDX-License-Identifier: Apache-2.0 */
/* Four formats, each a row of pieces with their lengths in front: a piece is kept or left out,
 * never looked into beyond its size. Every length is checked against the file; what is not known
 * by name is left out where the format says that it may be, and is an error elsewhere. What a JPEG
 * says of its turning is kept as a segment of ours that holds nothing else. */
#include "privacy/picture.h"

#include <string.h>
#include <zlib.h>

#include "base/limits.h"
#include "ingest/picture_exif.h"
#include "privacy/picture_internal.h"

int wf_picture__bad(const struct wf_picture_cut *c, const char *what)
{
    return wf_err_set(c->err, WF_E_FORMAT, "The picture (%s) %s.", c->info->media_type, what);
}

int wf_picture__cut_off(const struct wf_picture_cut *c)
{
    return wf_picture__bad(c, "is broken off");
}

bool wf_picture__has(const struct wf_picture_cut *c, size_t n)
{
    return n <= c->in.len - c->at;
}

uint32_t wf_picture__big(const struct wf_picture_cut *c, size_t at, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (uint8_t)c->in.ptr[at + i];
    return v;
}

uint32_t wf_picture__little(const struct wf_picture_cut *c, size_t at, size_t n)
{
    uint32_t v = 0;

    for (size_t i = n; i-- > 0;)
        v = v << 8 | (uint8_t)c->in.ptr[at + i];
    return v;
}

void wf_picture__keep(struct wf_picture_cut *c, size_t n)
{
    if (c->out != NULL)
        (void)wf_buf_append(c->out, c->in.ptr + c->at, n); /* asked at the end */
    c->at += n;
}

void wf_picture__drop(struct wf_picture_cut *c, size_t n)
{
    c->at += n;
    c->info->is_clean = c->info->is_clean && n == 0;
}

/* ---- JPEG ---- */

#define EXIF_BYTES 36 /* of our segment, its mark included */

/* A segment that says which way up, and nothing else. */
static void exif_of(unsigned turn, char out[EXIF_BYTES])
{
    static const char form[EXIF_BYTES] = "\xff\xe1\x00\x22"
                                         "Exif\0\0"
                                         "MM\0\x2a\0\0\0\x08"
                                         "\0\x01"
                                         "\x01\x12\0\x03\0\0\0\x01\0\x01\0\0"
                                         "\0\0\0";

    memcpy(out, form, EXIF_BYTES);
    out[29] = turn == 180 ? 3 : turn == 90 ? 6 : turn == 270 ? 8 : 1;
}

/* The first EXIF segment, of n bytes with its mark: ours instead, or none where it is upright. */
static void take_exif(struct wf_picture_cut *c, size_t n)
{
    const unsigned turn = wf_picture_exif_turn(c->in);
    char ours[EXIF_BYTES];

    exif_of(turn, ours);
    if (turn != 0 && n == EXIF_BYTES && memcmp(c->in.ptr + c->at, ours, n) == 0) {
        wf_picture__keep(c, n);
        return;
    }
    if (turn != 0 && c->out != NULL)
        (void)wf_buf_append(c->out, ours, EXIF_BYTES); /* asked at the end */
    wf_picture__drop(c, n);
}

/* The data of a scan, up to the next mark that is none of its own. */
static void take_scan(struct wf_picture_cut *c)
{
    size_t to = c->at;

    for (; to + 1 < c->in.len; to++) {
        const uint8_t a = (uint8_t)c->in.ptr[to], b = (uint8_t)c->in.ptr[to + 1];
        if (a == 0xff && b != 0 && !(b >= 0xd0 && b <= 0xd7))
            break;
    }
    wf_picture__keep(c, to - c->at);
}

static bool is_jfif(const struct wf_picture_cut *c, size_t n)
{
    return n == 18 && memcmp(c->in.ptr + c->at + 4, "JFIF", 5) == 0 &&
           wf_picture__big(c, c->at + 16, 2) == 0; /* without a small picture of it */
}

static bool is_adobe(const struct wf_picture_cut *c, size_t n)
{
    return n == 16 && memcmp(c->in.ptr + c->at + 4, "Adobe", 5) == 0;
}

/* One segment, of n bytes with its mark. */
static int take_segment(struct wf_picture_cut *c, uint32_t kind, size_t n, bool *io_has_exif)
{
    const bool is_frame = kind >= 0xc0 && kind <= 0xc2;
    const bool is_exif = kind == 0xe1 && n >= 10 && memcmp(c->in.ptr + c->at + 4, "Exif\0", 6) == 0;

    if (is_frame && n >= 9) {
        c->info->height = wf_picture__big(c, c->at + 5, 2);
        c->info->width = wf_picture__big(c, c->at + 7, 2);
    }
    if (is_exif && !*io_has_exif) {
        *io_has_exif = true;
        take_exif(c, n);
    } else if (is_frame || kind == 0xc4 || kind == 0xdb || kind == 0xdd || kind == 0xda ||
               (kind == 0xe0 && is_jfif(c, n)) || (kind == 0xee && is_adobe(c, n))) {
        wf_picture__keep(c, n);
        if (kind == 0xda)
            take_scan(c);
    } else if ((kind >= 0xe0 && kind <= 0xef) || kind == 0xfe) {
        wf_picture__drop(c, n);
    } else {
        return wf_picture__bad(c, "is of a kind that is not passed on");
    }
    return 0;
}

static int read_jpeg(struct wf_picture_cut *c)
{
    bool has_exif = false;
    int rc = 0;

    wf_picture__keep(c, 2);
    while (rc == 0) {
        uint32_t kind, n;
        while (wf_picture__has(c, 2) && wf_picture__big(c, c->at, 2) == 0xffff)
            wf_picture__drop(c, 1); /* fills up */
        if (!wf_picture__has(c, 2))
            return wf_picture__cut_off(c);
        kind = wf_picture__big(c, c->at, 2);
        if (kind == 0xffd9) {
            wf_picture__keep(c, 2);
            return 0;
        }
        if (kind < 0xffc0 || (kind >= 0xffd0 && kind <= 0xffd8))
            return wf_picture__bad(c, "has no segment where one belongs");
        n = wf_picture__has(c, 4) ? wf_picture__big(c, c->at + 2, 2) : 0;
        if (n < 2 || !wf_picture__has(c, 2 + (size_t)n))
            return wf_picture__cut_off(c);
        rc = take_segment(c, kind & 0xff, 2 + (size_t)n, &has_exif);
    }
    return rc;
}

/* ---- PNG ---- */

/* Chunks that are kept, with the bytes they may have. */
static const struct {
    char name[5];
    uint32_t least, most;
} png_chunks[] = {
    {"IHDR", 13, 13}, {"PLTE", 3, 768}, {"IDAT", 0, UINT32_MAX}, {"IEND", 0, 0}, {"tRNS", 1, 256},
    {"gAMA", 4, 4},   {"cHRM", 32, 32}, {"sRGB", 1, 1},          {"sBIT", 1, 4},
};

static bool is_kept_chunk(const char *name, uint32_t n)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(png_chunks); i++)
        if (memcmp(name, png_chunks[i].name, 4) == 0)
            return n >= png_chunks[i].least && n <= png_chunks[i].most;
    return false;
}

static int read_png(struct wf_picture_cut *c)
{
    wf_picture__keep(c, 8);
    for (bool is_first = true;; is_first = false) {
        const char *name;
        uint32_t n;
        if (!wf_picture__has(c, 12))
            return wf_picture__cut_off(c);
        name = c->in.ptr + c->at + 4;
        n = wf_picture__big(c, c->at, 4);
        if (n > INT32_MAX || !wf_picture__has(c, (size_t)n + 12))
            return wf_picture__cut_off(c);
        if (is_first != (memcmp(name, "IHDR", 4) == 0))
            return wf_picture__bad(c, "has its head in the wrong place");
        if (is_first && n == 13) {
            c->info->width = wf_picture__big(c, c->at + 8, 4);
            c->info->height = wf_picture__big(c, c->at + 12, 4);
        }
        if (crc32(0, (const Bytef *)name, n + 4) != wf_picture__big(c, c->at + 8 + n, 4))
            return wf_picture__bad(c, "has a checksum that does not fit");
        const bool is_end = memcmp(name, "IEND", 4) == 0, is_kept = is_kept_chunk(name, n);
        if (!is_kept && (name[0] & 0x20) == 0)
            return wf_picture__bad(c, "has a part that is not known");
        if (is_kept)
            wf_picture__keep(c, (size_t)n + 12);
        else
            wf_picture__drop(c, (size_t)n + 12);
        if (is_end)
            return 0;
    }
}

/* ---- all ---- */

static const struct {
    const char *media_type, *begin;
    size_t n_begin, at; /* bytes of the begin; where what tells it apart stands */
    int (*read)(struct wf_picture_cut *c);
} kinds[] = {
    {"image/jpeg", "\xff\xd8\xff", 3, 0, read_jpeg},
    {"image/png", "\x89PNG\r\n\x1a\n", 8, 0, read_png},
    {"image/gif", "GIF87a", 6, 0, wf_picture__read_gif},
    {"image/gif", "GIF89a", 6, 0, wf_picture__read_gif},
    {"image/webp", "WEBP", 4, 8, wf_picture__read_webp},
};

static size_t kind_of(struct wf_str bytes)
{
    size_t i = 0;

    for (; i < WF_ARRAY_LEN(kinds); i++)
        if (bytes.len >= kinds[i].at + kinds[i].n_begin &&
            memcmp(bytes.ptr + kinds[i].at, kinds[i].begin, kinds[i].n_begin) == 0 &&
            (kinds[i].at == 0 || memcmp(bytes.ptr, "RIFF", 4) == 0))
            break;
    return i;
}

bool wf_picture_begins(struct wf_str bytes)
{
    return kind_of(bytes) < WF_ARRAY_LEN(kinds);
}

int wf_picture_read(struct wf_str bytes, struct wf_buf *out, struct wf_picture *info,
                    struct wf_err *err)
{
    const size_t kind = kind_of(bytes);
    struct wf_picture_cut c = {.in = bytes, .out = out, .info = info, .err = err};
    int rc;

    *info = (struct wf_picture){.media_type = "", .is_clean = true};
    if (kind == WF_ARRAY_LEN(kinds))
        return wf_err_set(err, WF_E_FORMAT, "A picture is a JPEG, PNG, GIF or WebP file.");
    if (bytes.len > WF_LIMIT_PICTURE_SENT_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A picture may have %u MiB at most.",
                          WF_LIMIT_PICTURE_SENT_BYTES >> 20);
    info->media_type = kinds[kind].media_type;
    rc = kinds[kind].read(&c);
    if (rc != 0)
        return rc;
    info->is_clean = info->is_clean && c.at == bytes.len; /* nothing behind the end */
    if (info->width == 0 || info->height == 0)
        return wf_picture__bad(&c, "has no size");
    if ((uint64_t)info->width * info->height > WF_LIMIT_PICTURE_PIXELS)
        return wf_err_set(err, WF_E_LIMIT, "A picture may have %u million points at most.",
                          WF_LIMIT_PICTURE_PIXELS / 1000000);
    return out != NULL && wf_buf_status(out) != 0
               ? wf_err_set(err, wf_buf_status(out), "Not enough memory for a picture.")
               : 0;
}
