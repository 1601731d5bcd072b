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
    WF_HIDING_BASE32,
    WF_HIDING_CODES, /* 52 49 49, 0x34,0x31, 00110100 */
    WF_HIDING_MORSE,
    WF_HIDING_BASE58,
    WF_HIDING_BASE85,
    WF_HIDING_BRAILLE,
    WF_HIDING_TURNED, /* backwards, within marks that turn it */
    WF_HIDING_JOINED, /* strings put together, tags within */
    /* What may also be there by chance: it counts only beside a word, or as what tells itself. */
    WF_HIDING_GUESSED,
    WF_HIDING_PARTED = WF_HIDING_GUESSED, /* lines' ends, cells, signs between groups of digits */
    WF_HIDING_SPELLED,                    /* four one one */
    WF_HIDING_REVERSED,
    WF_HIDING_ROTATED, /* ROT13 */
    WF_HIDING_LETTERS, /* letters for digits */
    WF_HIDING_COUNT
};

/* "base64"; NULL for NONE. Static storage. */
const char *wf_hiding_name(enum wf_hiding h);

/* What is as often what it seems: undone in views of their own, bits. */
enum wf_loose {
    WF_LOOSE_NAMES = 1,   /* _ for spaces, short runs of base64 */
    WF_LOOSE_PARTS = 2,   /* groups of digits that are put together */
    WF_LOOSE_JOINED = 8,  /* strings put together, tags within words */
    WF_LOOSE_LIKE = 4,    /* letters of other scripts that look like Latin ones */
    WF_LOOSE_TOKENS = 16, /* long words with signs within: base 85 */
};

#define WF_VIEW_BLOCK ((size_t)256)

struct wf_view {
    struct wf_buf text;    /* valid UTF-8 */
    uint32_t *start, *end; /* [text.len]: of each byte, the bytes of the original it came from */
    uint8_t *how;          /* [text.len]: enum wf_hiding */
    size_t cap;
    unsigned has_loose; /* enum wf_loose: there is more, which only wf_view_make_loose undoes */
    uint8_t *blocks;    /* [n_blocks], of WF_VIEW_BLOCK bytes of the text: where there is */
    size_t n_blocks, cap_blocks;
};

/* Nothing is allocated. */
void wf_view_init(struct wf_view *v);
void wf_view_deinit(struct wf_view *v);

/* The view of a text, valid UTF-8 of at most WF_LIMIT_DETECT_BYTES; its bytes are those of `below`
 * where that is the text (below == NULL: of the text itself). Errors: NOMEM. */
int wf_view_make(struct wf_view *v, struct wf_str text, const struct wf_view *below) WF_MUST_USE;
/* The same, near where wf_view_make of the same text saw that there is something that only may hide
 * (enum wf_loose), which is undone, too. */
int wf_view_make_loose(struct wf_view *v, struct wf_str text, const struct wf_view *below,
                       unsigned loose) WF_MUST_USE;

/* Appends bytes that stand for [at, at + len) of the text below (NULL: of the text itself), each
 * for one of them where there are as many. Errors: NOMEM. */
int wf_view_add(struct wf_view *v, struct wf_str bytes, size_t at, size_t len, enum wf_hiding how,
                const struct wf_view *below) WF_MUST_USE;

/* ---- for view.c and its tests ---- */

/* A place where something hides. */
struct wf_hidden {
    size_t at, len; /* bytes of the text */
    enum wf_hiding how;
};

/* What the finder knows of the text so far. */
struct wf_hidden_finder {
    struct wf_str text;
    size_t i;                   /* next byte to look at */
    size_t run;                 /* where the run of letters, digits and "+/-_" before i begins */
    size_t word_end;            /* of the last word of another script that was looked at */
    bool word_is_mixed;         /* it has Latin letters or digits beside */
    size_t mixed_end;           /* of the last word that was so */
    size_t floor;               /* where the last hidden part ended */
    size_t apart_at, apart_end; /* single characters: the next gap, the start of the last */
    struct wf_str apart_by;     /* and what stands between them */
    size_t joint_end;           /* of the last token with '_' that was looked at */
    bool joint_is_space;
    unsigned loose, has_loose; /* enum wf_loose: tells such, too; there were such */
    uint8_t *blocks;           /* where there were such, by blocks of the text; or NULL */
    unsigned n_packed;         /* runs that begin as packed ones */
    size_t grouped_end;        /* of the last row of groups that was looked at */
    unsigned n_grouped;        /* how often it was */
};

/* The next one; false behind the last. They do not overlap. */
bool wf_hidden_next(struct wf_hidden_finder *f, struct wf_hidden *out);

/* Appends what a hidden part is, as UTF-8. Returns wf_buf_status. */
int wf_hidden_undo(struct wf_str text, const struct wf_hidden *h, struct wf_buf *out);

#endif
