/* What the files of picture share. Only privacy/picture*.c include this. */
#ifndef WF_PRIVACY_PICTURE_INTERNAL_H
#define WF_PRIVACY_PICTURE_INTERNAL_H

#include "privacy/picture.h"

/* A file on its way: [0, at) was kept or left out. */
struct wf_picture_cut {
    struct wf_str in;
    size_t at;          /* never beyond in.len */
    struct wf_buf *out; /* or NULL */
    struct wf_picture *info;
    struct wf_err *err;
};

/* WF_E_FORMAT with a sentence. */
int wf_picture__bad(const struct wf_picture_cut *c, const char *what);
int wf_picture__cut_off(const struct wf_picture_cut *c);
/* Whether there are n more bytes. */
bool wf_picture__has(const struct wf_picture_cut *c, size_t n);
/* The number of n (1..4) bytes at a place that is there, the highest, or lowest, first. */
uint32_t wf_picture__big(const struct wf_picture_cut *c, size_t at, size_t n);
uint32_t wf_picture__little(const struct wf_picture_cut *c, size_t at, size_t n);
/* The next n bytes, which are there: into the clean file, or left out. */
void wf_picture__keep(struct wf_picture_cut *c, size_t n);
void wf_picture__drop(struct wf_picture_cut *c, size_t n);

/* ---- picture_more.c ---- */

int wf_picture__read_gif(struct wf_picture_cut *c);
int wf_picture__read_webp(struct wf_picture_cut *c);

#endif
