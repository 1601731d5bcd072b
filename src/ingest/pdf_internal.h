/* PDF, what its files share: what pdftotext says, line by line, and pages that are pictures.
 * Thread rule: owner. */
#ifndef WF_INGEST_PDF_INTERNAL_H
#define WF_INGEST_PDF_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/compose.h"
#include "ingest/layout.h"
#include "ingest/ocr.h"
#include "ingest/parse.h"
#include "ingest/stream.h"

/* ---- what pdftotext -bbox-layout says ---- */

struct wf_pdf_page {
    uint32_t number; /* from 1 */
    float width, height;
};

struct wf_pdf_text {
    struct wf_layout *layout;   /* receives the words */
    struct wf_stream_writer *w; /* receives the metadata */
    /* Called at the end of each page, whose words lie in `layout`. */
    int (*end_page)(void *ud, const struct wf_pdf_page *page, struct wf_err *err);
    void *ud;
    struct wf_pdf_page _page;
    struct wf_buf _line;  /* one that is not whole yet */
    struct wf_buf _plain; /* a word or value without escapes */
};

void wf_pdf__text_init(struct wf_pdf_text *t);
void wf_pdf__text_deinit(struct wf_pdf_text *t);
/* Feeds what came from pdftotext, in any pieces. Errors: those of end_page. */
int wf_pdf__text_feed(struct wf_pdf_text *t, struct wf_str bytes, struct wf_err *err) WF_MUST_USE;

/* ---- pages that are pictures ---- */

struct wf_pdf_ocr {
    const struct wf_parse_input *in;
    struct wf_stream_writer *w;
    struct wf_layout layout;               /* of the page that was read last */
    struct wf_ocr *_ocr;                   /* made when first needed */
    uint64_t _end_ms;                      /* of the time for all pages */
    uint32_t _n_pages;                     /* of the document; 0 = not asked yet */
    uint32_t n_read, n_unreadable, n_late; /* pages: with text, with ink only, not tried */
    struct wf_buf late;                    /* "3, 5-9": pages that were not tried */
    uint32_t _late_from, _late_to;
    struct wf_err missing; /* why no page can be read; code 0 = they can */
};

int wf_pdf__ocr_init(struct wf_pdf_ocr *o, const struct wf_parse_input *in,
                     struct wf_stream_writer *w, struct wf_compose *c,
                     struct wf_err *err) WF_MUST_USE;
void wf_pdf__ocr_deinit(struct wf_pdf_ocr *o);
/* Draws the page and, if there is more on it than the words it has as text, reads it into o->layout
 * (not yet written). *out_any is false when that gives no text; the counters say why. Failures of
 * the programs cost the page only. Errors: those of the stream, WF_E_NOMEM. */
int wf_pdf__ocr_page(struct wf_pdf_ocr *o, const struct wf_pdf_page *page,
                     const struct wf_layout *words, bool *out_any, struct wf_err *err) WF_MUST_USE;
/* The head of a grey picture, "P5\n1654 2339\n255\n": returns its bytes, 0 when it is not whole,
 * SIZE_MAX when it is none or the picture is too large. Pixels: width * height bytes behind it. */
size_t wf_pdf__pgm_head(struct wf_str s, uint32_t *out_width, uint32_t *out_height);
/* Writes the warning about pages that were not read. */
void wf_pdf__ocr_finish(struct wf_pdf_ocr *o);

#endif
