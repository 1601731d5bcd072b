/* SPDX-License-Identifier: Apache-2.0 */
/* GIF and WebP: see picture.c. Of a GIF's extensions the times of its pictures and how often they
 * are shown are kept; of a WebP's chunks those with pixels, and its head without what says that
 * there was more. */
#include <string.h>

#include "base/limits.h"
#include "privacy/picture_internal.h"

/* ---- GIF ---- */

/* Bytes of a table of colours by its flags. */
static size_t colours(uint32_t flags)
{
    return (flags & 0x80) != 0 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Where the row of blocks from `at` on ends, behind its empty one; 0: it is broken off. */
static size_t blocks_end(const struct wf_picture_cut *c, size_t at)
{
    while (at < c->in.len) {
        size_t n = (uint8_t)c->in.ptr[at++];
        if (n == 0)
            return at;
        if (n > c->in.len - at)
            return 0;
        at += n;
    }
    return 0;
}

static int take_extension(struct wf_picture_cut *c)
{
    static const char loops[] = "\x21\xff\x0bNETSCAPE2.0\x03\x01";
    size_t end = wf_picture__has(c, 3) ? blocks_end(c, c->at + 2) : 0, n;
    bool is_kept;

    if (end == 0)
        return wf_picture__cut_off(c);
    n = end - c->at;
    is_kept =
        (n == 8 && (uint8_t)c->in.ptr[c->at + 1] == 0xf9 && c->in.ptr[c->at + 2] == 4) ||
        (n == sizeof(loops) - 1 + 3 && memcmp(c->in.ptr + c->at, loops, sizeof(loops) - 1) == 0);
    if (is_kept)
        wf_picture__keep(c, n);
    else
        wf_picture__drop(c, n);
    return 0;
}

static int take_image(struct wf_picture_cut *c)
{
    size_t head = 10, end;

    if (!wf_picture__has(c, head))
        return wf_picture__cut_off(c);
    head += colours(wf_picture__big(c, c->at + 9, 1)) + 1; /* and the size of its codes */
    end = wf_picture__has(c, head) ? blocks_end(c, c->at + head) : 0;
    if (end == 0)
        return wf_picture__cut_off(c);
    wf_picture__keep(c, end - c->at);
    return 0;
}

int wf_picture__read_gif(struct wf_picture_cut *c)
{
    size_t head;
    int rc = 0;

    if (!wf_picture__has(c, 13))
        return wf_picture__cut_off(c);
    c->info->width = wf_picture__little(c, 6, 2);
    c->info->height = wf_picture__little(c, 8, 2);
    head = 13 + colours(wf_picture__big(c, 10, 1));
    if (!wf_picture__has(c, head))
        return wf_picture__cut_off(c);
    wf_picture__keep(c, head);
    while (rc == 0) {
        if (!wf_picture__has(c, 1))
            return wf_picture__cut_off(c);
        switch (wf_picture__big(c, c->at, 1)) {
        case 0x3b:
            wf_picture__keep(c, 1);
            return 0;
        case 0x21:
            rc = take_extension(c);
            break;
        case 0x2c:
            rc = take_image(c);
            break;
        default:
            rc = wf_picture__bad(c, "has a part that is not known");
        }
    }
    return rc;
}

/* ---- WebP ---- */

#define FLAG_ALPHA 0x10u
#define FLAG_ANIMATION 0x02u

static bool is_chunk(const struct wf_picture_cut *c, size_t at, const char *name)
{
    return memcmp(c->in.ptr + at, name, 4) == 0;
}

/* Bytes of the chunk at a place before `end`, with head and filling; 0: it is broken off. */
static size_t chunk_bytes(const struct wf_picture_cut *c, size_t at, size_t end)
{
    size_t n;

    if (end - at < 8)
        return 0;
    n = wf_picture__little(c, at + 4, 4);
    n += n & 1;
    return n <= end - at - 8 ? n + 8 : 0;
}

/* The size that a chunk of pixels, or the head of all, says. */
static void take_size(struct wf_picture_cut *c, size_t n)
{
    const size_t at = c->at + 8;

    if (is_chunk(c, c->at, "VP8X") && n == 18) {
        c->info->width = wf_picture__little(c, at + 4, 3) + 1;
        c->info->height = wf_picture__little(c, at + 7, 3) + 1;
    } else if (c->info->width == 0 && is_chunk(c, c->at, "VP8L") && n >= 13) {
        c->info->width = (wf_picture__little(c, at + 1, 2) & 0x3fff) + 1;
        c->info->height = (wf_picture__little(c, at + 2, 3) >> 6 & 0x3fff) + 1;
    } else if (c->info->width == 0 && is_chunk(c, c->at, "VP8 ") && n >= 18) {
        c->info->width = wf_picture__little(c, at + 6, 2) & 0x3fff;
        c->info->height = wf_picture__little(c, at + 8, 2) & 0x3fff;
    }
}

/* A picture of an animation holds chunks of pixels alone. */
static bool is_frame(const struct wf_picture_cut *c, size_t n)
{
    const size_t end = c->at + n;

    if (n < 24)
        return false;
    for (size_t at = c->at + 24, k; at < end; at += k) {
        k = chunk_bytes(c, at, end);
        if (k == 0 ||
            !(is_chunk(c, at, "VP8 ") || is_chunk(c, at, "VP8L") || is_chunk(c, at, "ALPH")))
            return false;
    }
    return true;
}

/* The head of all, its flags without those of what is left out. */
static void take_head(struct wf_picture_cut *c, size_t n)
{
    const uint32_t flags = wf_picture__little(c, c->at + 8, 4);
    const uint32_t kept = flags & (FLAG_ALPHA | FLAG_ANIMATION);
    const char four[4] = {(char)kept, 0, 0, 0};

    if (flags == kept) {
        wf_picture__keep(c, n);
        return;
    }
    wf_picture__keep(c, 8);
    if (c->out != NULL)
        (void)wf_buf_append(c->out, four, sizeof(four)); /* asked at the end */
    wf_picture__drop(c, 4);
    wf_picture__keep(c, n - 12);
}

/* The next chunk, of n bytes. */
static int take_chunk(struct wf_picture_cut *c, size_t n)
{
    const size_t fills = wf_picture__little(c, c->at + 4, 4) & 1;
    const bool is_animated = is_chunk(c, c->at, "ANMF");

    take_size(c, n);
    if (is_animated && !is_frame(c, n))
        return wf_picture__bad(c, "has a part that is not known");
    if (is_chunk(c, c->at, "VP8X") && n == 18) {
        take_head(c, n);
    } else if (is_chunk(c, c->at, "VP8 ") || is_chunk(c, c->at, "VP8L") ||
               is_chunk(c, c->at, "ALPH") || is_animated ||
               (is_chunk(c, c->at, "ANIM") && n == 14)) {
        if (fills != 0 && c->in.ptr[c->at + n - 1] != 0)
            return wf_picture__bad(c, "is filled up with something");
        wf_picture__keep(c, n);
    } else {
        wf_picture__drop(c, n);
    }
    return 0;
}

int wf_picture__read_webp(struct wf_picture_cut *c)
{
    const size_t begin = c->out != NULL ? c->out->len : 0;
    size_t end;
    int rc = 0;

    if (!wf_picture__has(c, 12))
        return wf_picture__cut_off(c);
    end = (size_t)wf_picture__little(c, 4, 4) + 8;
    if (end < 12 || end > c->in.len)
        return wf_picture__cut_off(c);
    wf_picture__keep(c, 12);
    while (rc == 0 && c->at < end) {
        size_t n = chunk_bytes(c, c->at, end);
        rc = n == 0 ? wf_picture__cut_off(c) : take_chunk(c, n);
    }
    if (rc == 0 && c->out != NULL && wf_buf_status(c->out) == 0) {
        const size_t n = c->out->len - begin - 8;
        for (size_t i = 0; i < 4; i++)
            c->out->ptr[begin + 4 + i] = (char)(n >> 8 * i);
    }
    return rc;
}
