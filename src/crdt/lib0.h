/* lib0: the primitives that Yjs's formats are made of: numbers of 7 bits a byte, text and bytes
 * with their length before them.
 *
 *   unsigned   little-endian groups of 7 bits, high bit = more follow; below 2^53
 *   signed     first byte: more 0x80, negative 0x40, 6 bits; then groups of 7; -0 (0x40) exists
 *   bytes      unsigned length, then as many bytes; text is UTF-8 in that form
 *
 * Reading never passes the end: the first mistake sets `bad`, and from then on everything reads as
 * zero or empty, so that a run of reads is checked once. Thread rule: owner. */
#ifndef WF_CRDT_LIB0_H
#define WF_CRDT_LIB0_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* The largest number that JavaScript holds exactly: 2^53 - 1. */
#define WF_LIB0_MAX UINT64_C(9007199254740991)
/* Bytes that one number takes at most. */
#define WF_LIB0_NUMBER_BYTES 10

struct wf_lib0_in {
    const uint8_t *p;   /* next byte */
    const uint8_t *end; /* behind the last one */
    bool bad;           /* something was malformed; sticks */
};

/* A reader of n bytes, which are borrowed. */
static inline struct wf_lib0_in wf_lib0_in(const void *p, size_t n)
{
    const uint8_t *at = p;

    return (struct wf_lib0_in){.p = at, .end = at == NULL ? at : at + n, .bad = false};
}

/* Marks the reader as bad, at its end. Returns 0. */
uint64_t wf_lib0_fail(struct wf_lib0_in *in);

/* A number of more than one byte, for wf_lib0_uint. */
uint64_t wf_lib0_uint_long(struct wf_lib0_in *in);

/* The next unsigned number; one byte. */
static inline uint64_t wf_lib0_uint(struct wf_lib0_in *in)
{
    if (in->p < in->end && *in->p < 0x80)
        return *in->p++;
    return wf_lib0_uint_long(in);
}
static inline uint8_t wf_lib0_byte(struct wf_lib0_in *in)
{
    if (in->p < in->end)
        return *in->p++;
    return (uint8_t)wf_lib0_fail(in);
}

/* The next signed number; *out_negative also tells -0 from 0. The magnitude is below 2^53. */
int64_t wf_lib0_int(struct wf_lib0_in *in, bool *out_negative);

/* The next bytes with their length before them; a view of what is read. */
struct wf_str wf_lib0_bytes(struct wf_lib0_in *in);

/* Writes a number at p (room for WF_LIB0_NUMBER_BYTES) and returns what follows it. */
static inline uint8_t *wf_lib0_put_uint(uint8_t *p, uint64_t v)
{
    while (v > 0x7f) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}
uint8_t *wf_lib0_put_int(uint8_t *p, int64_t v, bool negative_zero);

/* The same, appended to a buffer, whose failure sticks. */
void wf_lib0_append_uint(struct wf_buf *b, uint64_t v);
void wf_lib0_append_int(struct wf_buf *b, int64_t v, bool negative_zero);
void wf_lib0_append_bytes(struct wf_buf *b, struct wf_str s);

/* UTF-16 units of n bytes of UTF-8, or SIZE_MAX where they are not valid. */
size_t wf_lib0_units(const uint8_t *p, size_t n);

/* Bytes that the first `units` UTF-16 units of valid UTF-8 take. *out_half is set where the cut
 * lies within a pair: the bytes then end before its code point. */
size_t wf_lib0_cut(const uint8_t *p, size_t n, size_t units, bool *out_half);

#endif
