/* SPDX-License-Identifier: Apache-2.0 */
/* OCR: Tesseract's C API.
 *
 * Of its own layout analysis only the lines are used: the order of reading, paragraphs and hyphens
 * are layout.h's, as for pages that have text. What it is not sure of is left out, since a wrong
 * word is found for the wrong question: a word below WORD_CONFIDENCE_MIN, and signs without a
 * letter or digit below SIGN_CONFIDENCE_MIN.
 *
 * It must not make threads here (the sandbox forbids them): OpenMP is told that no region of the
 * program runs in parallel, through the function that its runtime exports. */
#include "ingest/ocr.h"

#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tesseract/capi.h>

#include "base/alloc.h"
#include "base/buf.h"

#define WORD_CONFIDENCE_MIN 35.0F
#define SIGN_CONFIDENCE_MIN 70.0F
/* How sure the model of orientations must be of its answer. */
#define TURN_SURE_MIN 1.5F
/* Each language costs time for every word that is not recognised well at once. */
#define LANGUAGES_MAX 6
#define LANGUAGES_LISTED_MAX 256

const char *const wf_ocr_read_dirs[] = {"/usr/share/tesseract-ocr", "/usr/share/tessdata",
                                        "/usr/local/share/tessdata", NULL};

static const char *const model_dirs[] = {"/usr/share/tesseract-ocr/5/tessdata",
                                         "/usr/share/tesseract-ocr/4.00/tessdata",
                                         "/usr/share/tessdata", "/usr/local/share/tessdata"};

struct wf_ocr {
    TessBaseAPI *api;
    const char *folder;
};

/* ---- languages ---- */

/* "eng" of "eng.traineddata"; empty when it is no model of a language. */
static struct wf_str language_of(const char *file)
{
    struct wf_str s = wf_str_from(file);
    if (!wf_str_ends(s, WF_STR(".traineddata"))) {
        return wf_str_n("", 0);
    }
    s = wf_str_sub(s, 0, s.len - strlen(".traineddata"));
    bool other = wf_str_eq(s, WF_STR("osd")) || wf_str_eq(s, WF_STR("equ")) || s.len > 24;
    return other ? wf_str_n("", 0) : s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "eng+deu+...": English first, whose letters all others share, then by name. False when the folder
 * has no models. */
static bool list_languages(const char *folder, struct wf_buf *out)
{
    static char names[LANGUAGES_LISTED_MAX][28]; /* large; a worker reads one folder at a time */
    size_t n = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return false;
    }
    bool english = false;
    for (struct dirent *d; (d = readdir(dir)) != NULL && n < LANGUAGES_LISTED_MAX;) {
        struct wf_str s = language_of(d->d_name);
        if (wf_str_eq(s, WF_STR("eng"))) {
            english = true;
        } else if (s.len > 0) {
            memcpy(names[n], s.ptr, s.len);
            names[n++][s.len] = '\0';
        }
    }
    (void)closedir(dir); /* only read */
    qsort(names, n, sizeof(names[0]), by_name);
    if (english) {
        (void)wf_buf_append_cstr(out, "eng"); /* its failure sticks */
    }
    for (size_t i = 0; i < n && i + english < LANGUAGES_MAX; i++) {
        (void)wf_buf_appendf(out, "%s%s", out->len > 0 ? "+" : "", names[i]); /* likewise */
    }
    return out->len > 0;
}

static void forbid_threads(void)
{
    void *f = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
    if (f != NULL) {
        void (*set)(int) = NULL;
        memcpy(&set, &f, sizeof(set)); /* POSIX's way from an object's pointer to a function's */
        set(0);
    }
}

/* ---- the engine ---- */

static TessBaseAPI *open_api(const char *folder, const char *languages, TessOcrEngineMode mode)
{
    TessBaseAPI *api = TessBaseAPICreate();
    if (api != NULL && TessBaseAPIInit2(api, folder, languages, mode) != 0) {
        TessBaseAPIDelete(api);
        api = NULL;
    }
    return api;
}

int wf_ocr_new(struct wf_ocr **out, struct wf_err *err)
{
    struct wf_buf languages;
    struct wf_ocr *o = wf_alloc_array(1, sizeof(*o));
    if (o == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read pictures");
    }
    forbid_threads();
    wf_buf_init(&languages, 1024);
    for (size_t i = 0; i < WF_ARRAY_LEN(model_dirs) && o->api == NULL; i++) {
        wf_buf_reset(&languages);
        if (list_languages(model_dirs[i], &languages)) {
            o->folder = model_dirs[i];
            o->api = open_api(o->folder, languages.ptr, OEM_LSTM_ONLY);
        }
    }
    wf_buf_deinit(&languages);
    if (o->api == NULL) {
        wf_free(o);
        return wf_err_set(err, WF_E_NOENT,
                          "reading pictures needs tesseract's models: install tesseract-ocr-eng "
                          "and those of your languages");
    }
    TessBaseAPISetPageSegMode(o->api, PSM_AUTO);
    *out = o;
    return 0;
}

void wf_ocr_free(struct wf_ocr *o)
{
    if (o != NULL) {
        TessBaseAPIEnd(o->api);
        TessBaseAPIDelete(o->api);
        wf_free(o);
    }
}

/* ---- a page ---- */

static bool has_letter_or_digit(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
            return true;
        }
    }
    return false;
}

struct tally {
    double confidence; /* weighted by letters */
    size_t n_letters;
};

static void take_word(TessResultIterator *r, struct wf_layout *l, struct tally *t)
{
    int x0 = 0;
    int y0 = 0;
    int x1 = 0;
    int y1 = 0;
    const TessPageIterator *p = TessResultIteratorGetPageIteratorConst(r);
    char *text = TessResultIteratorGetUTF8Text(r, RIL_WORD);
    float confidence = TessResultIteratorConfidence(r, RIL_WORD);
    struct wf_str s = wf_str_trim(wf_str_from(text));
    float least = has_letter_or_digit(s) ? WORD_CONFIDENCE_MIN : SIGN_CONFIDENCE_MIN;
    if (s.len > 0 && confidence >= least &&
        TessPageIteratorBoundingBox(p, RIL_WORD, &x0, &y0, &x1, &y1)) {
        struct wf_layout_box box = {(float)x0, (float)y0, (float)x1, (float)y1};
        int line_y0 = 0;
        int line_y1 = 0;
        if (TessPageIteratorBoundingBox(p, RIL_TEXTLINE, &x0, &line_y0, &x1, &line_y1)) {
            box.y0 = (float)line_y0; /* a word's own box is as high as its letters are */
            box.y1 = (float)line_y1;
        }
        wf_layout_word(l, box, s);
        t->confidence += (double)confidence * (double)s.len;
        t->n_letters += s.len;
    }
    TessDeleteText(text);
}

static void take_words(TessBaseAPI *api, struct wf_layout *l, struct tally *t)
{
    TessResultIterator *r = TessBaseAPIGetIterator(api);
    if (r == NULL) {
        return;
    }
    const TessPageIterator *p = TessResultIteratorGetPageIteratorConst(r);
    do {
        if (TessPageIteratorIsAtBeginningOf(p, RIL_TEXTLINE)) {
            wf_layout_line(l);
        }
        take_word(r, l, t);
    } while (TessResultIteratorNext(r, RIL_WORD));
    TessResultIteratorDelete(r);
}

int wf_ocr_page(struct wf_ocr *o, const struct wf_ocr_image *image, uint32_t time_ms,
                struct wf_layout *l, unsigned *out_confidence, struct wf_err *err)
{
    assert(image->width > 0 && image->height > 0);
    assert(image->row_bytes >= image->width);
    struct tally t = {0};
    ETEXT_DESC *monitor = TessMonitorCreate();
    if (monitor == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read pictures");
    }
    if (time_ms > 0) {
        TessMonitorSetDeadlineMSecs(monitor, (int)WF_MIN(time_ms, 3600000u));
    }
    TessBaseAPISetImage(o->api, image->pixels, (int)image->width, (int)image->height, 1,
                        (int)image->row_bytes);
    TessBaseAPISetSourceResolution(o->api, image->dpi > 0 ? (int)image->dpi : 300);
    int rc = TessBaseAPIRecognize(o->api, monitor);
    TessMonitorDelete(monitor);
    if (rc == 0) {
        take_words(o->api, l, &t);
    }
    TessBaseAPIClear(o->api);
    *out_confidence = t.n_letters > 0 ? (unsigned)(t.confidence / (double)t.n_letters) : 0;
    return rc == 0 ? 0 : wf_err_set(err, WF_E_TIMEOUT, "the picture takes too long to read");
}

bool wf_ocr_is_text(size_t n_letters, unsigned confidence)
{
    unsigned least = n_letters >= 40 ? 45 : n_letters >= 12 ? 60 : 75;
    return n_letters >= 3 && confidence >= least;
}

unsigned wf_ocr_turn(struct wf_ocr *o, const struct wf_ocr_image *image)
{
    int degrees = 0;
    float sure = 0;
    float script_sure = 0;
    const char *script = NULL;
    TessBaseAPI *api = open_api(o->folder, "osd", OEM_DEFAULT);
    if (api == NULL) {
        return 0;
    }
    TessBaseAPISetPageSegMode(api, PSM_OSD_ONLY);
    TessBaseAPISetImage(api, image->pixels, (int)image->width, (int)image->height, 1,
                        (int)image->row_bytes);
    TessBaseAPISetSourceResolution(api, image->dpi > 0 ? (int)image->dpi : 300);
    if (!TessBaseAPIDetectOrientationScript(api, &degrees, &sure, &script, &script_sure) ||
        sure < TURN_SURE_MIN) {
        degrees = 0;
    }
    TessBaseAPIEnd(api);
    TessBaseAPIDelete(api);
    return degrees > 0 && degrees < 360 ? 360 - (unsigned)degrees : 0;
}
