/* OCR: the text of a picture, through Tesseract, with the places of its words.
 *
 * Languages: all that are installed. Runs inside the worker's lock-down; the models are read from
 * the folders of wf_ocr_read_dirs. One thread. Thread rule: owner. */
#ifndef WF_INGEST_OCR_H
#define WF_INGEST_OCR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ingest/layout.h"

extern const char *const wf_ocr_read_dirs[];

struct wf_ocr;

/* Loads the models. Errors: WF_E_NOENT (no models are installed), WF_E_NOMEM. */
int wf_ocr_new(struct wf_ocr **out, struct wf_err *err) WF_MUST_USE;
void wf_ocr_free(struct wf_ocr *o);

/* Grey pixels, row by row. */
struct wf_ocr_image {
    const uint8_t *pixels;
    uint32_t width, height, row_bytes;
    uint32_t dpi; /* 0 = not known */
};

/* Recognises the picture and puts its words into the open page of `l`. Words that are rather noise
 * are left out. *out_confidence: 0..100, of the words kept; 0 when there are none. time_ms bounds
 * it (0 = no bound). Errors: WF_E_TIMEOUT, WF_E_NOMEM. */
int wf_ocr_page(struct wf_ocr *o, const struct wf_ocr_image *image, uint32_t time_ms,
                struct wf_layout *l, unsigned *out_confidence, struct wf_err *err) WF_MUST_USE;

/* Whether what a page gave is text rather than noise: few letters must be surer than many. */
bool wf_ocr_is_text(size_t n_letters, unsigned confidence);

/* By how many degrees (0, 90, 180, 270) the picture must be turned clockwise to be upright; 0 also
 * when that cannot be told, or the model for it is not installed. */
unsigned wf_ocr_turn(struct wf_ocr *o, const struct wf_ocr_image *image);

#endif
