/* String view: a pointer and a length, never assumed NUL-terminated, never owned.
 *
 * The type for all bytes from outside. A view is valid as long as what it points into.
 * Thread rule: any. */
#ifndef WF_BASE_STR_H
#define WF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

struct wf_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;      /* bytes */
};

/* From a string literal, at compile time. */
#define WF_STR(lit) ((struct wf_str){"" lit, sizeof(lit) - 1})
/* For printf: printf("%.*s", WF_STR_ARG(s)). */
#define WF_STR_ARG(s) (int)(s).len, ((s).len ? (s).ptr : "")

/* A view of a NUL-terminated string (NULL gives the empty view), or of n bytes. */
struct wf_str wf_str_from(const char *s);
struct wf_str wf_str_n(const char *ptr, size_t len);

/* The part [start, end) in bytes; both are clamped to the length. */
struct wf_str wf_str_sub(struct wf_str s, size_t start, size_t end);

/* Byte-wise equality, ASCII case-insensitive equality, and memcmp order (shorter first on a tie).
 */
bool wf_str_eq(struct wf_str a, struct wf_str b);
bool wf_str_eq_nocase(struct wf_str a, struct wf_str b);
int wf_str_cmp(struct wf_str a, struct wf_str b);

/* Whether s begins (ends) with these bytes; every view does with the empty one. */
bool wf_str_starts(struct wf_str s, struct wf_str prefix);
bool wf_str_ends(struct wf_str s, struct wf_str suffix);

/* Byte offset of the first occurrence at or after `from`, or SIZE_MAX. An empty needle is found
 * at `from` (when that is within s). */
size_t wf_str_find(struct wf_str s, struct wf_str needle, size_t from);
size_t wf_str_find_byte(struct wf_str s, char byte, size_t from);

/* Without ASCII white space at both ends. */
struct wf_str wf_str_trim(struct wf_str s);

/* Cuts the next part before `sep` off the front of *rest into *out_part and moves *rest behind the
 * separator. Returns false when *rest was exhausted before (ptr NULL marks that). A string without
 * separators gives itself once; "a,,b" gives "a", "", "b". */
bool wf_str_split(struct wf_str *rest, char sep, struct wf_str *out_part);

/* The next line without its "\n" or "\r\n"; the same contract as wf_str_split, but a final newline
 * does not give one more empty line. */
bool wf_str_line(struct wf_str *rest, struct wf_str *out_line);

/* Whole view as a decimal number, independent of the locale: digits, "-" in front for the signed
 * ones, and for f64 also "." and an exponent; at most 400 bytes. False on anything else (no "+",
 * white space, hex, inf, nan), on overflow and on the empty view. *out is written only on
 * success. */
bool wf_str_to_i64(struct wf_str s, int64_t *out);
bool wf_str_to_u64(struct wf_str s, uint64_t *out);
bool wf_str_to_f64(struct wf_str s, double *out);

/* Makes n bytes fit to show, in place: control characters become spaces, bytes that are not part of
 * valid UTF-8 become '?'. The length stays. */
void wf_str_make_printable(char *s, size_t n);

/* 64-bit hash of the bytes under `seed` (for tables, not for security). */
uint64_t wf_str_hash(struct wf_str s, uint64_t seed);

#endif
