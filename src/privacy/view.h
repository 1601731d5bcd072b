/* View: the parts of a text where something hides, as a reader or a program would see them, with
 * the way back.
 *
 * Things hide in few ways: characters that nobody sees, letters and digits that look like others,
 * single characters with spaces between, or an encoding (base64, hexadecimal, escapes of URL, JSON,
 * HTML, mail). A view undoes them all where they occur, with some of the text around, and is
 * empty where nothing hides; each of its bytes knows the bytes it came from. What was encoded twice
 * is seen in a view of the view. Threads: owner. */
#ifndef WF_PRIVACY_VIEW_H
#define WF_PRIVACY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* In which way a byte was hidden. */
enum wf_hiding {
    WF_HIDING_NONE,
    WF_HIDING_INVISIBLE, /* an unseen character stood before it */
    WF_HIDING_LIKENESS,  /* another character that looks like it */
    WF_HIDING_SPACED,    /* spaces between single characters */
    WF_HIDING_BASE64,
    WF_HIDING_HEX,
    WF_HIDING_URL,  /* %41 */
    WF_HIDING_JSON, /* \\u0041, \\n */
    WF_HIDING_HTML, /* &#65; */
    WF_HIDING_MAIL, /* =41 */
    WF_HIDING_COUNT
};

/* "base64"; NULL for NONE. Static storage. */
const char *wf_hiding_name(enum wf_hiding h);

struct wf_view {
    struct wf_buf text;    /* valid UTF-8 */
    uint32_t *start, *end; /* [text.len]: of each byte, the bytes of the original it came from */
    uint8_t *how;          /* [text.len]: enum wf_hiding */
    size_t cap;
};

/* Nothing is allocated. */
void wf_view_init(struct wf_view *v);
void wf_view_deinit(struct wf_view *v);

/* The view of a text, valid UTF-8 of at most WF_LIMIT_DETECT_BYTES; its bytes are those of `below`
 * where that is the text (below == NULL: of the text itself). Errors: NOMEM. */
int wf_view_make(struct wf_view *v, struct wf_str text, const struct wf_view *below) WF_MUST_USE;

/* ---- for view.c and its tests ---- */

/* A place where something hides. */
struct wf_hidden {
    size_t at, len; /* bytes of the text */
    enum wf_hiding how;
};

/* What the finder knows of the text so far. */
struct wf_hidden_finder {
    struct wf_str text;
    size_t i;           /* next byte to look at */
    size_t run;         /* where the run of letters, digits and "+/-_" before i begins */
    size_t word_end;    /* of the last word of another script that was looked at */
    bool word_is_mixed; /* it has Latin letters or digits beside */
    size_t spaced_end;  /* spaces before it stand between single characters */
};

/* The next one; false behind the last. They do not overlap. */
bool wf_hidden_next(struct wf_hidden_finder *f, struct wf_hidden *out);

/* Appends what a hidden part is, as UTF-8. Returns wf_buf_status. */
int wf_hidden_undo(struct wf_str text, const struct wf_hidden *h, struct wf_buf *out);

#endif
