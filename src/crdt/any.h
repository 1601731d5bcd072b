/* Any: values as lib0 writes them: what JSON has, and undefined, bytes and big integers.
 *
 *   127 undefined · 126 null · 125 signed number, |x| < 2^31 · 124 float32, big-endian
 *   123 float64 · 122 int64 (BigInt) · 121 false · 120 true · 119 text
 *   118 object: count, then key text and value each · 117 array: count, values · 116 bytes
 *
 * Values are kept as their bytes, in the one form that lib0 itself would write ("canonical"): the
 * shortest number, keys in JavaScript's order (array indices first, ascending), no key twice.
 * Equal values are then equal bytes. Nesting is limited to WF_LIMIT_NESTING. Thread rule: any. */
#ifndef WF_CRDT_ANY_H
#define WF_CRDT_ANY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "crdt/lib0.h"

enum wf_any_tag {
    WF_ANY_BYTES = 116,
    WF_ANY_ARRAY = 117,
    WF_ANY_OBJECT = 118,
    WF_ANY_TEXT = 119,
    WF_ANY_TRUE = 120,
    WF_ANY_FALSE = 121,
    WF_ANY_BIGINT = 122,
    WF_ANY_FLOAT64 = 123,
    WF_ANY_FLOAT32 = 124,
    WF_ANY_INT = 125,
    WF_ANY_NULL = 126,
    WF_ANY_UNDEFINED = 127,
};

/* Reads one value and appends it to `out` in canonical form. 0, WF_E_FORMAT (also too deep),
 * WF_E_NOMEM, WF_E_LIMIT (of `out`). */
int wf_any_read(struct wf_lib0_in *in, struct wf_buf *out) WF_MUST_USE;

/* Steps over one value where it is canonical beyond doubt, without memory of its own: a value may
 * be canonical and too long-winded for it (false; where the reader stands then is open). */
bool wf_any_plain(struct wf_lib0_in *in) WF_MUST_USE;

/* Steps over one canonical value; its bytes. */
struct wf_str wf_any_skip(struct wf_lib0_in *in);

/* Appends a number, or a text (valid UTF-8), as lib0 would. */
void wf_any_put_number(struct wf_buf *out, double x);
void wf_any_put_text(struct wf_buf *out, struct wf_str text);

/* A JSON text as one canonical value, appended. "undefined" is read as that where `undefined` is
 * set (ContentJSON has it). Errors: as wf_any_read. */
int wf_any_from_json(struct wf_str json, bool undefined, struct wf_buf *out) WF_MUST_USE;

/* A canonical value as JSON.stringify writes it, appended; undefined is "undefined" at the top, and
 * null or left out below. Bytes become an object of numbers, big integers numbers. Its failure
 * sticks in `out`. */
void wf_any_to_json(struct wf_str any, struct wf_buf *out);

/* A double as JavaScript shows it ("1e+21", "0.1"), into 32 bytes; returns its length. */
size_t wf_any_number_text(double x, char out[32]);

#endif
