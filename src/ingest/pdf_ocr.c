/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: pages that are pictures (scans) are drawn by pdftoppm and read by Tesseract, one by one.
 *
 * All such pages together have OCR_SHARE of the worker's time; those that come later are named in a
 * warning. A page that is one colour is not worth the reading. Sentences of failures are kept until
 * the end: a document with some text does not fail for want of the rest. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "ingest/helper.h"
#include "ingest/pdf_internal.h"

#include <math.h>
#include <stdio.h>

/* Of the worker's seconds; the rest is for the pages that have text. */
#define OCR_SHARE 0.75
/* A page is drawn with this resolution, which Tesseract's models are made for, unless it would
 * become larger than PIXELS_MAX. */
#define DPI 300.0
#define DPI_MIN 40.0
#define PIXELS_MAX 18e6
/* A page is first drawn small, to see whether there is anything to read on it. */
#define SMALL_DPI 50.0
/* What differs so much from the paper's grey is ink, and three small letters have so many points of
 * it in a small drawing. */
#define CONTRAST_MIN 40u
#define INK_MIN 24u
#define LATE_BYTES_MAX 160

static uint64_t now_ms(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int wf_pdf__ocr_init(struct wf_pdf_ocr *o, const struct wf_parse_input *in,
                     struct wf_stream_writer *w, struct wf_compose *c, struct wf_err *err)
{
    *o = (struct wf_pdf_ocr){.in = in, .w = w};
    o->_end_ms = now_ms() + (uint64_t)(OCR_SHARE * 1000 * WF_LIMIT_EXTRACT_S);
    wf_buf_init(&o->late, LATE_BYTES_MAX);
    return wf_layout_init(&o->layout, c, false) == 0
               ? 0
               : wf_err_set(err, WF_E_NOMEM, "not enough memory to read the PDF file");
}

void wf_pdf__ocr_deinit(struct wf_pdf_ocr *o)
{
    wf_ocr_free(o->_ocr);
    wf_buf_deinit(&o->late);
    wf_layout_deinit(&o->layout);
}

/* ---- how many pages ---- */

static uint32_t ask_pages(struct wf_pdf_ocr *o)
{
    static const char *const args[] = {"fd://0", NULL};
    struct wf_helper h;
    char answer[16u << 10];
    size_t n = 0;
    size_t n_more = 1;
    int64_t n_pages = 0;
    if (wf_helper_start(&h, "pdfinfo", args, o->in->fd, NULL) == 0) {
        while (n_more > 0 && n < sizeof(answer) &&
               wf_helper_read(&h, answer + n, sizeof(answer) - n, &n_more, NULL) == 0) {
            n += n_more;
        }
        (void)wf_helper_end(&h); /* without an answer there is no progress to show */
    }
    wf_helper_deinit(&h);
    struct wf_str rest = wf_str_n(answer, n);
    struct wf_str line;
    while (wf_str_line(&rest, &line)) {
        if (wf_str_starts(line, WF_STR("Pages:"))) {
            (void)wf_str_to_i64(wf_str_trim(wf_str_sub(line, 6, line.len)),
                                &n_pages); /* likewise */
        }
    }
    return (uint32_t)WF_MIN(WF_MAX(n_pages, (int64_t)1), (int64_t)UINT32_MAX);
}

/* ---- drawing ---- */

struct picture {
    uint8_t *pixels;
    uint32_t width, height;
};

size_t wf_pdf__pgm_head(struct wf_str s, uint32_t *out_width, uint32_t *out_height)
{
    uint32_t values[3] = {0};
    size_t i = 2;
    if (s.len < 2 || !wf_str_starts(s, WF_STR("P5"))) {
        return s.len < 2 ? 0 : SIZE_MAX;
    }
    for (size_t k = 0; k < 3; k++) {
        while (i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\n')) {
            i++;
        }
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9' && values[k] < 1000000) {
            values[k] = values[k] * 10 + (uint32_t)(s.ptr[i++] - '0');
        }
    }
    if (i >= s.len) {
        return s.len > 64 ? SIZE_MAX : 0;
    }
    bool fits = values[0] > 0 && values[1] > 0 && values[2] == 255 &&
                (double)values[0] * values[1] <= 2 * PIXELS_MAX;
    *out_width = values[0];
    *out_height = values[1];
    return fits ? i + 1 : SIZE_MAX;
}

/* Reads the picture that pdftoppm writes. out->pixels stays NULL when it wrote none. */
static int read_picture(struct wf_helper *h, struct picture *out, struct wf_err *err)
{
    char head[128];
    size_t n = 0;
    size_t n_more = 1;
    size_t n_head = 0;
    int rc = 0;
    while (rc == 0 && n_head == 0 && n_more > 0 && n < sizeof(head)) {
        rc = wf_helper_read(h, head + n, sizeof(head) - n, &n_more, err);
        n += n_more;
        n_head = wf_pdf__pgm_head(wf_str_n(head, n), &out->width, &out->height);
    }
    if (rc != 0 || n_head == 0 || n_head == SIZE_MAX) {
        return rc;
    }
    size_t size = (size_t)out->width * out->height;
    uint8_t *pixels = wf_alloc(size);
    if (pixels == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to draw a page");
    }
    size_t at = WF_MIN(n - n_head, size);
    memcpy(pixels, head + n_head, at);
    while (rc == 0 && at < size && n_more > 0) {
        rc = wf_helper_read(h, pixels + at, size - at, &n_more, err);
        at += n_more;
    }
    if (rc != 0 || at < size) {
        wf_free(pixels);
        return rc;
    }
    out->pixels = pixels;
    return 0;
}

static int draw(struct wf_pdf_ocr *o, const struct wf_pdf_page *page, double dpi,
                struct picture *out, struct wf_err *err)
{
    char number[16];
    char resolution[16];
    (void)snprintf(number, sizeof(number), "%u", page->number);     /* fits */
    (void)snprintf(resolution, sizeof(resolution), "%d", (int)dpi); /* likewise */
    const char *args[] = {"-gray", "-r",   resolution, "-f",     number,
                          "-l",    number, "-cropbox", "fd://0", NULL};
    struct wf_helper h;
    int rc = wf_helper_start(&h, "pdftoppm", args, o->in->fd, err);
    if (rc == 0) {
        rc = read_picture(&h, out, err);
        (void)wf_helper_end(&h); /* whether there is a picture tells how it went */
    }
    wf_helper_deinit(&h);
    return rc;
}

/* The commonest grey level: the paper. */
static unsigned paper_level(const struct picture *p)
{
    size_t counts[16] = {0};
    size_t n = (size_t)p->width * p->height;
    for (size_t i = 0; i < n; i++) {
        counts[p->pixels[i] >> 4]++;
    }
    size_t best = 0;
    for (size_t i = 1; i < WF_ARRAY_LEN(counts); i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return (unsigned)best * 16 + 8;
}

static bool is_ink(const struct picture *p, size_t i, unsigned paper)
{
    unsigned v = p->pixels[i];
    return (v > paper ? v - paper : paper - v) >= CONTRAST_MIN;
}

/* Removes the words that the page has as text from its small picture. */
static void wipe_words(struct picture *p, const struct wf_layout *words, double scale,
                       unsigned paper)
{
    for (size_t k = 0; k < words->_n_words; k++) {
        const struct wf_layout_box *b = &words->_words[k].box;
        double x0 = WF_MAX(b->x0 * scale - 2, 0.0);
        double y0 = WF_MAX(b->y0 * scale - 2, 0.0);
        double x1 = WF_MIN(b->x1 * scale + 3, (double)p->width);
        double y1 = WF_MIN(b->y1 * scale + 3, (double)p->height);
        for (size_t y = (size_t)y0; (double)y < y1; y++) {
            for (size_t x = (size_t)x0; (double)x < x1; x++) {
                p->pixels[y * p->width + x] = (uint8_t)paper;
            }
        }
    }
}

/* Could there be writing in the picture? A few letters are at least so many points of ink, and some
 * part of the page stays free of it. */
static bool has_ink(const struct picture *p, unsigned paper)
{
    size_t n = (size_t)p->width * p->height;
    size_t n_ink = 0;
    for (size_t i = 0; i < n; i++) {
        n_ink += is_ink(p, i, paper);
    }
    return n_ink >= INK_MIN;
}

/* ---- pages ---- */

static void end_late_run(struct wf_pdf_ocr *o)
{
    const char *comma = o->late.len > 0 ? ", " : "";
    if (o->_late_from == 0) {
        return;
    }
    if (o->_late_to > o->_late_from) { /* too many runs: the list is cut */
        (void)wf_buf_appendf(&o->late, "%s%u-%u", comma, o->_late_from, o->_late_to);
    } else {
        (void)wf_buf_appendf(&o->late, "%s%u", comma, o->_late_from); /* likewise */
    }
    o->_late_from = 0;
}

static void note_late(struct wf_pdf_ocr *o, uint32_t page)
{
    o->n_late++;
    if (o->_late_from == 0 || page != o->_late_to + 1) {
        end_late_run(o);
        o->_late_from = page;
    }
    o->_late_to = page;
}

static int read_page(struct wf_pdf_ocr *o, const struct picture *p, double dpi, bool *out_any,
                     struct wf_err *err)
{
    struct wf_ocr_image image = {.pixels = p->pixels,
                                 .width = p->width,
                                 .height = p->height,
                                 .row_bytes = p->width,
                                 .dpi = (uint32_t)dpi};
    unsigned confidence = 0;
    uint64_t now = now_ms();
    uint32_t left_ms = now < o->_end_ms ? (uint32_t)(o->_end_ms - now) : 1;
    wf_layout_page(&o->layout);
    int rc = wf_ocr_page(o->_ocr, &image, left_ms, &o->layout, &confidence, err);
    *out_any = rc == 0 && wf_ocr_is_text(o->layout.n_letters, confidence);
    return rc;
}

/* 0 when reading can begin; else the reason is in o->missing. */
static int prepare(struct wf_pdf_ocr *o)
{
    if (o->missing.code == 0 && o->_ocr == NULL && wf_ocr_new(&o->_ocr, &o->missing) != 0) {
        assert(o->missing.code != 0);
        return o->missing.code;
    }
    if (o->missing.code == 0 && o->_n_pages == 0) {
        o->_n_pages = ask_pages(o);
    }
    return o->missing.code;
}

/* Draws the page small and looks whether it holds ink beside the words it has as text. */
static int look(struct wf_pdf_ocr *o, const struct wf_pdf_page *page, const struct wf_layout *words,
                bool *out_ink, struct wf_err *err)
{
    struct picture p = {0};
    int rc = draw(o, page, SMALL_DPI, &p, err);
    *out_ink = false;
    if (rc == 0 && p.pixels != NULL) {
        unsigned paper = paper_level(&p);
        wipe_words(&p, words, SMALL_DPI / 72.0, paper);
        *out_ink = has_ink(&p, paper);
    }
    wf_free(p.pixels);
    return rc;
}

static int draw_and_read(struct wf_pdf_ocr *o, const struct wf_pdf_page *page, bool *out_any,
                         struct wf_err *err)
{
    struct picture p = {0};
    double inches = (double)page->width * (double)page->height / (72.0 * 72.0);
    double dpi = WF_MAX(WF_MIN(DPI, sqrt(PIXELS_MAX / WF_MAX(inches, 0.01))), DPI_MIN);
    (void)wf_stream_progress(o->w, page->number, WF_MAX(o->_n_pages, page->number)); /* sticks */
    int rc = draw(o, page, dpi, &p, err);
    if (rc == 0 && p.pixels != NULL) {
        rc = read_page(o, &p, dpi, out_any, err);
    }
    wf_free(p.pixels);
    return rc;
}

int wf_pdf__ocr_page(struct wf_pdf_ocr *o, const struct wf_pdf_page *page,
                     const struct wf_layout *words, bool *out_any, struct wf_err *err)
{
    struct wf_err why = WF_ERR_INIT;
    bool ink = false;
    *out_any = false;
    if (now_ms() >= o->_end_ms) {
        note_late(o, page->number);
        return wf_stream_status(o->w);
    }
    int rc = look(o, page, words, &ink, &why);
    if (rc == 0 && ink && prepare(o) != 0) {
        note_late(o, page->number);
        return wf_stream_status(o->w);
    }
    if (rc == 0 && ink) {
        rc = draw_and_read(o, page, out_any, &why);
    }
    if (rc == WF_E_NOMEM) {
        return wf_err_set(err, rc, "%s", why.msg);
    }
    if (rc != 0) {
        o->missing = rc == WF_E_TIMEOUT ? o->missing : why;
        note_late(o, page->number);
    } else if (*out_any) {
        o->n_read++;
    } else {
        o->n_unreadable += ink;
    }
    return wf_stream_status(o->w);
}

void wf_pdf__ocr_finish(struct wf_pdf_ocr *o)
{
    end_late_run(o);
    if (o->n_late == 0) {
        return;
    }
    const char *pages = o->n_late == 1 ? "page" : "pages";
    const char *are = o->n_late == 1 ? "is a picture" : "are pictures";
    bool cut = wf_buf_status(&o->late) != 0;
    if (o->missing.code != 0) {
        (void)wf_stream_warning(o->w, "%s %s%s %s that could not be read: %s", pages, o->late.ptr,
                                cut ? ", ..." : "", are, o->missing.msg);
    } else {
        (void)wf_stream_warning(o->w,
                                "%s %s%s %s, and the time for reading pictures was over before",
                                pages, o->late.ptr, cut ? ", ..." : "", are);
    }
}
