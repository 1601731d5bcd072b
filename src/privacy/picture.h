/* Picture: what of a picture's file leaves with it. A camera's file holds more than what is seen:
 * where it was taken, when, by whom, an older version in small. Of JPEG, PNG, GIF and WebP files
 * only what is needed to see the picture is kept (tables, pixels, which way up it is); a file in
 * which nothing is to be left out is clean, and only clean ones leave.
 *
 * What is drawn, or hidden within the pixels, is not looked at: that is what labels by source are
 * for. Thread rule: any. */
#ifndef WF_PRIVACY_PICTURE_H
#define WF_PRIVACY_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct wf_picture {
    const char *media_type; /* "image/png"; static storage */
    uint32_t width, height;
    bool is_clean; /* nothing is left out */
};

/* Whether bytes begin as one of the four kinds do. */
bool wf_picture_begins(struct wf_str bytes);

/* Looks through a file. out, where it is not NULL: the clean file is appended, and after an error
 * it means nothing. Errors: FORMAT (none of the four, broken off, of a kind that is rare), LIMIT
 * (WF_LIMIT_PICTURE_SENT_BYTES, WF_LIMIT_PICTURE_PIXELS), those of the buffer. */
int wf_picture_read(struct wf_str bytes, struct wf_buf *out, struct wf_picture *info,
                    struct wf_err *err) WF_MUST_USE;

/* ---- as requests have them ---- */

/* Appends the bytes of base64 (with its padding, without white space). Errors: FORMAT, those of the
 * buffer. */
int wf_picture_decode(struct wf_str base64, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
/* Errors: those of the buffer. */
int wf_picture_encode(struct wf_str bytes, struct wf_buf *out);

/* The base64 of "data:image/png;base64,AAAA", and its media type; false: it is no such address. */
bool wf_picture_of_url(struct wf_str url, struct wf_str *out_type, struct wf_str *out_base64);
/* Whether an address is the data of a clean picture, under its own media type. */
bool wf_picture_url_is_clean(struct wf_str url);

/* Appends JSON without its pictures: texts of base64, alone or in an address of data, that are a
 * picture's file; says how many there were. Errors: DENIED (one is not clean, or broken), NOMEM,
 * the buffer's. */
int wf_picture_cut_out(struct wf_str json, struct wf_buf *out, size_t *out_n,
                       struct wf_err *err) WF_MUST_USE;

#endif
