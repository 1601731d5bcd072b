/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: poppler's pdftotext gives the words of each page and their places; layout.h makes text of
 * them. A page without words, or with hardly any, is read as a picture.
 *
 * poppler is executed and not linked: it is a large reader of hostile files, and its licence is the
 * GPL. pdftotext waits on its pipe while a page in between is read as a picture, so that pages come
 * out in order and no page is held. */
#include <assert.h>
#include <signal.h>
#include <string.h>

#include "ingest/format.h"
#include "ingest/helper.h"
#include "ingest/pdf_internal.h"

/* A page with fewer letters may be a scan with a stamp or a page number laid over it. */
#define FEW_LETTERS 16u

struct pdf {
    const struct wf_parse_input *in;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_layout layout;
    struct wf_pdf_text text;
    struct wf_pdf_ocr ocr;
    uint32_t n_pages;
    bool any_full; /* a page had too many words */
};

static int end_page(void *ud, const struct wf_pdf_page *page, struct wf_err *err)
{
    struct pdf *p = ud;
    bool scanned = false;
    p->n_pages = page->number;
    wf_compose_page(&p->c, page->number);
    if (p->layout.n_letters < FEW_LETTERS) {
        int rc = wf_pdf__ocr_page(&p->ocr, page, &p->layout, &scanned, err);
        if (rc != 0) {
            return rc;
        }
        scanned = scanned && p->ocr.layout.n_letters > 4 * p->layout.n_letters;
    }
    p->any_full = p->any_full || p->layout._full;
    if (scanned) {
        wf_layout_finish(&p->layout);
        wf_compose_paragraph(&p->c);
    }
    struct wf_layout *l = scanned ? &p->ocr.layout : &p->layout;
    if (wf_layout_write(l) != 0) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the PDF file");
    }
    if (scanned) {
        wf_layout_finish(l);
        wf_compose_paragraph(&p->c);
    }
    return wf_stream_status(p->w);
}

static int read_text(struct pdf *p, struct wf_helper *h, struct wf_err *err)
{
    char piece[64u << 10];
    size_t n = 1;
    int rc = 0;
    while (rc == 0 && n > 0) {
        rc = wf_helper_read(h, piece, sizeof(piece), &n, err);
        if (rc == 0) {
            rc = wf_pdf__text_feed(&p->text, wf_str_n(piece, n), err);
        }
    }
    if (rc == 0) {
        wf_layout_finish(&p->layout);
    }
    return rc;
}

/* ---- what went wrong, in plain words ---- */

/* What poppler says about the whole file, and what that means. */
static const struct {
    const char *said;
    int code;
    const char *sentence;
} reasons[] = {
    {"Incorrect password", WF_E_ENCRYPTED,
     "the PDF file is protected by a password: save a copy without one and add that"},
    {"Unsupported version/revision of Standard security handler", WF_E_ENCRYPTED,
     "the PDF file is encrypted in a way that cannot be read: save a copy without and add that"},
    {"Couldn't find the '", WF_E_ENCRYPTED,
     "the PDF file is encrypted by a method of its own (DRM), which cannot be read"},
    {"Copying of text from this document is not allowed", WF_E_DENIED,
     "the PDF file forbids taking out its text"},
    {"Out of memory", WF_E_LIMIT, "reading the PDF file needs more memory than allowed"},
    {"Document stream is empty", WF_E_FORMAT, "the PDF file is empty"},
    {"Couldn't find trailer dictionary", WF_E_FORMAT,
     "the PDF file is damaged or incomplete: the list of its parts is missing"},
    {"Couldn't read xref table", WF_E_FORMAT,
     "the PDF file is damaged or incomplete: the list of its parts cannot be read"},
    {"Couldn't read page catalog", WF_E_FORMAT,
     "the PDF file is damaged or incomplete: the list of its pages cannot be read"},
    {"May not be a PDF file", WF_E_FORMAT,
     "the file is called PDF but is none, or its beginning is missing"},
};

/* The first thing poppler complained about, on one line without its prefix. */
static struct wf_str first_message(struct wf_str messages)
{
    struct wf_str line = wf_str_n("", 0);
    (void)wf_str_line(&messages, &line); /* none: empty */
    size_t colon = wf_str_find(line, WF_STR(": "), 0);
    return wf_str_trim(wf_str_sub(line, colon == SIZE_MAX ? 0 : colon + 2, 120));
}

static int explain(int status, struct wf_str messages, struct wf_err *err)
{
    if (status == 127) {
        return wf_err_set(err, WF_E_NOENT,
                          "pdftotext, which reads PDF files, cannot be run: install poppler-utils");
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(reasons); i++) {
        if (wf_str_find(messages, wf_str_from(reasons[i].said), 0) != SIZE_MAX) {
            return wf_err_set(err, reasons[i].code, "%s", reasons[i].sentence);
        }
    }
    if (status == 128 + SIGXCPU || status == 128 + SIGKILL) {
        return wf_err_set(err, WF_E_TIMEOUT, "the PDF file takes too long to read");
    }
    if (status > 128) {
        return wf_err_set(err, WF_E_CRASHED,
                          "pdftotext, which reads PDF files, crashed on it (signal %d)",
                          status - 128);
    }
    struct wf_str said = first_message(messages);
    return wf_err_set(err, WF_E_FORMAT, "the PDF file is damaged and cannot be opened%s%.*s%s",
                      said.len > 0 ? " (" : "", WF_STR_ARG(said), said.len > 0 ? ")" : "");
}

static int no_text(struct pdf *p, struct wf_err *err)
{
    if (p->ocr.missing.code != 0) {
        return wf_err_set(err, p->ocr.missing.code, "its pages are pictures: %s",
                          p->ocr.missing.msg);
    }
    if (p->ocr.n_late > 0) {
        return wf_err_set(err, WF_E_TIMEOUT, "its pages are pictures, which take too long to read");
    }
    if (p->ocr.n_unreadable > 0) {
        return wf_err_set(err, WF_E_FORMAT,
                          "no text can be read on its pages: they hold pictures or "
                          "unusual fonts only");
    }
    return p->n_pages == 0 ? wf_err_set(err, WF_E_FORMAT, "the PDF file has no pages")
                           : wf_parse_no_text(err);
}

static int judge(struct pdf *p, int status, struct wf_str messages, struct wf_err *err)
{
    bool any = wf_compose_any(&p->c);
    if (status != 0 && !any) {
        return explain(status, messages, err);
    }
    if (!any) {
        return no_text(p, err);
    }
    wf_pdf__ocr_finish(&p->ocr);
    if (status != 0) {
        (void)wf_stream_warning(p->w, "the PDF file is damaged: reading ended at page %u",
                                p->n_pages);
    }
    if (p->any_full) {
        (void)wf_stream_warning(p->w, "a page holds more than %u words: the rest is left out",
                                WF_LAYOUT_WORDS_MAX);
    }
    return wf_stream_status(p->w);
}

/* ---- the row ---- */

static int read_document(struct pdf *p, struct wf_err *err)
{
    static const char *const args[] = {"-bbox-layout", "fd://0", "-", NULL};
    struct wf_helper h;
    int status = 0;
    int rc = wf_helper_start(&h, "pdftotext", args, p->in->fd, err);
    if (rc == 0) {
        rc = read_text(p, &h, err);
        status = wf_helper_end(&h);
    }
    if (rc == 0) {
        rc = judge(p, status, wf_buf_str(&h.messages), err);
    }
    wf_helper_deinit(&h);
    return rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct pdf p = {.in = in, .w = w};
    wf_compose_init(&p.c, w);
    int rc = wf_pdf__ocr_init(&p.ocr, in, w, &p.c, err);
    if (rc == 0 && wf_layout_init(&p.layout, &p.c, true) != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "not enough memory to read the PDF file");
    }
    p.text = (struct wf_pdf_text){.layout = &p.layout, .w = w, .end_page = end_page, .ud = &p};
    wf_pdf__text_init(&p.text);
    if (rc == 0) {
        rc = read_document(&p, err);
    }
    wf_pdf__text_deinit(&p.text);
    wf_pdf__ocr_deinit(&p.ocr);
    wf_layout_deinit(&p.layout);
    return rc;
}

/* Some programs put a few bytes in front: readers look for the mark within the first kilobyte. */
static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    if (wf_str_starts(h->head, WF_STR("%PDF-"))) {
        return WF_SCORE_MAGIC;
    }
    return wf_str_find(wf_str_sub(h->head, 0, 1024), WF_STR("%PDF-"), 0) != SIZE_MAX ? WF_SCORE_BOTH
                                                                                     : WF_SCORE_NO;
}

const struct wf_format wf_format_pdf = {
    .id = "pdf",
    .title = "PDF file",
    .media_type = "application/pdf",
    .extensions = "pdf",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_EXEC,
    .read_dirs = wf_helper_read_dirs,
    .exec_dirs = wf_helper_exec_dirs,
};
