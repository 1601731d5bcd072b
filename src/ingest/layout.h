/* Layout: words with their places on a page, turned into text in the order a person reads it.
 *
 * Whoever reads a page (poppler's pdftotext, Tesseract) gives words in lines; here the page is cut
 * into columns, rows of tables and paragraphs. Lines of a paragraph become one line, words that
 * were hyphenated at its end become whole, larger letters become headings, rows of a table have
 * their cells separated by tabs. A sentence that goes on in the next column or on the next page
 * stays one.
 *
 * Bounded: a page has at most WF_LAYOUT_WORDS_MAX words; what is above is dropped, and told.
 * Thread rule: owner. */
#ifndef WF_INGEST_LAYOUT_H
#define WF_INGEST_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "ingest/compose.h"

#define WF_LAYOUT_WORDS_MAX 200000u
#define WF_LAYOUT_TEXT_MAX (16u << 20)
/* Heights of letters are counted in these steps (points), to find that of the body text. */
#define WF_LAYOUT_HEIGHTS 256u
#define WF_LAYOUT_VOCABULARY (1u << 16)

/* A place on the page: points (or any one unit) from its left upper corner. */
struct wf_layout_box {
    float x0, y0, x1, y1;
};

struct wf_layout_word {
    struct wf_layout_box box;
    uint32_t text_at, text_len; /* in the page's text */
};

/* Words side by side, with no wide gap between them. */
struct wf_layout_line {
    struct wf_layout_box box;
    uint32_t i_word, n_words;
    float height; /* of its letters: the median of its words */
};

struct wf_layout {
    struct wf_compose *_c;
    bool _headings; /* letters' heights can be trusted to tell headings */
    struct wf_buf _text;
    struct wf_layout_word *_words;
    size_t _n_words, _n_words_room;
    struct wf_layout_line *_lines;
    size_t _n_lines, _n_lines_room;
    bool _line_open;
    bool _full;         /* words were dropped on this page */
    int _status;        /* WF_E_NOMEM sticks */
    uint32_t n_letters; /* of this page so far */
    /* what lives on from page to page */
    uint64_t _heights[WF_LAYOUT_HEIGHTS]; /* letters of each height */
    uint32_t *_vocabulary;                /* hashes of words seen, for hyphens */
    struct wf_buf _held;                  /* a word that ended a line with a hyphen */
    uint32_t _last_cp;                    /* last character written */
    bool _last_full;                      /* the last line reached its column's edge */
    bool _any;
};

/* Text goes to `c` (borrowed). Errors: WF_E_NOMEM (then deinit is harmless). */
int wf_layout_init(struct wf_layout *l, struct wf_compose *c, bool headings) WF_MUST_USE;
void wf_layout_deinit(struct wf_layout *l);

/* Begins an empty page. */
void wf_layout_page(struct wf_layout *l);
/* Ends a line and begins the next one. */
void wf_layout_line(struct wf_layout *l);
/* A word of the open line. */
void wf_layout_word(struct wf_layout *l, struct wf_layout_box box, struct wf_str text);
/* Writes the page's text. Returns 0 or WF_E_NOMEM. */
int wf_layout_write(struct wf_layout *l) WF_MUST_USE;
/* Writes what was held for a page that does not come. */
void wf_layout_finish(struct wf_layout *l);

#endif
