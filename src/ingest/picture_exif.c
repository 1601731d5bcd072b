/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF orientation: a JPEG is a row of segments (FF, kind, length of two bytes); the one of kind E1
 * that begins with "Exif" holds a small TIFF, whose first directory has the orientation as tag
 * 0x0112. Every offset in it is checked against the segment. */
#include "ingest/picture_exif.h"

#include <stdbool.h>
#include <stdint.h>

#define TAG_ORIENTATION 0x0112u
#define KIND_EXIF 0xe1u
#define KIND_SCAN 0xdau /* the picture's data begin: no more segments that matter */

static uint32_t byte_at(struct wf_str s, size_t i)
{
    return i < s.len ? (unsigned char)s.ptr[i] : 0;
}

static uint32_t u16_at(struct wf_str s, size_t i, bool big)
{
    return big ? byte_at(s, i) << 8 | byte_at(s, i + 1) : byte_at(s, i + 1) << 8 | byte_at(s, i);
}

static uint32_t u32_at(struct wf_str s, size_t i, bool big)
{
    return big ? u16_at(s, i, big) << 16 | u16_at(s, i + 2, big)
               : u16_at(s, i + 2, big) << 16 | u16_at(s, i, big);
}

static unsigned turn_of(uint32_t orientation)
{
    switch (orientation) {
    case 3:
    case 4:
        return 180;
    case 5:
    case 6:
        return 90;
    case 7:
    case 8:
        return 270;
    default:
        return 0;
    }
}

static unsigned turn_in_tiff(struct wf_str t)
{
    bool big = byte_at(t, 0) == 'M';
    size_t at = u32_at(t, 4, big);
    if (t.len < 8 || at > t.len) {
        return 0;
    }
    uint32_t n = u16_at(t, at, big);
    for (uint32_t i = 0; i < n && at + 2 + (size_t)12 * (i + 1) <= t.len; i++) {
        size_t entry = at + 2 + (size_t)12 * i;
        if (u16_at(t, entry, big) == TAG_ORIENTATION) {
            return turn_of(u16_at(t, entry + 8, big));
        }
    }
    return 0;
}

unsigned wf_picture_exif_turn(struct wf_str bytes)
{
    if (!wf_str_starts(bytes, WF_STR("\xff\xd8"))) {
        return 0;
    }
    for (size_t at = 2; at + 4 <= bytes.len && byte_at(bytes, at) == 0xff;) {
        uint32_t kind = byte_at(bytes, at + 1);
        uint32_t n = u16_at(bytes, at + 2, true);
        struct wf_str segment = wf_str_sub(bytes, at + 4, at + 2 + n);
        if (kind == KIND_SCAN || n < 2) {
            break;
        }
        if (kind == KIND_EXIF && wf_str_starts(segment, wf_str_n("Exif\0\0", 6))) {
            return turn_in_tiff(wf_str_sub(segment, 6, segment.len));
        }
        at += 2 + (size_t)n;
    }
    return 0;
}
