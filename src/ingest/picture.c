/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: photographs, scans and screenshots, whose text Tesseract reads.
 *
 * Leptonica decodes (PNG, JPEG, TIFF with many pages, WebP, BMP, GIF, PNM), inside the locked-down
 * worker, after the size that the header claims was checked. What follows is what helps
 * recognition: grey, on white, upright (the camera's mark, or Tesseract's own look at the letters
 * when the first reading gives little), and neither much too small nor much too large.
 *
 * A picture in which nothing can be read is refused with that reason, rather than taken in with the
 * noise that recognition makes of leaves and bricks. */
#include <assert.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "base/limits.h"
#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/ocr.h"
#include "ingest/parse.h"
#include "ingest/picture_exif.h"

/* Letters of a scan at 300 points an inch are well recognised; a picture of fewer points than a
 * screenful is enlarged, one of more than a large scan is reduced. */
#define SMALL_PIXELS 400000.0
#define MEDIUM_PIXELS 1200000.0
#define LARGE_PIXELS 16000000.0
#define PAGES_MAX 10000u

struct picture {
    const struct wf_parse_input *in;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_layout layout;
    struct wf_ocr *ocr;
    struct wf_str bytes;
    unsigned turn; /* clockwise, as the camera's mark says */
    uint32_t n_pages, n_unreadable;
};

/* ---- decoding ---- */

static int too_large(l_int32 width, l_int32 height, struct wf_err *err)
{
    return wf_err_set(err, WF_E_LIMIT,
                      "the picture is too large to read (%d x %d points): make it smaller and add "
                      "that",
                      width, height);
}

/* Checks what the header claims. *out_reduction: by how much a JPEG is to be reduced in decoding.
 */
static int check_header(const struct picture *p, l_int32 *out_reduction, struct wf_err *err)
{
    l_int32 format = 0;
    l_int32 width = 0;
    l_int32 height = 0;
    const l_uint8 *data = (const l_uint8 *)p->bytes.ptr;
    if (pixReadHeaderMem(data, p->bytes.len, &format, &width, &height, NULL, NULL, NULL) != 0 ||
        width <= 0 || height <= 0) {
        return wf_err_set(err, WF_E_FORMAT,
                          "the picture is damaged or incomplete: its size cannot "
                          "be read");
    }
    double n = (double)width * (double)height;
    *out_reduction = 1;
    while (format == IFF_JFIF_JPEG && *out_reduction < 8 &&
           n / (*out_reduction * *out_reduction) > 2 * LARGE_PIXELS) {
        *out_reduction *= 2;
    }
    return n / (*out_reduction * *out_reduction) > WF_LIMIT_PICTURE_PIXELS
               ? too_large(width, height, err)
               : 0;
}

/* A JPEG is decoded as grey at once: a third of the memory. */
static PIX *decode_single(const struct picture *p, l_int32 reduction)
{
    const l_uint8 *data = (const l_uint8 *)p->bytes.ptr;
    if (wf_str_starts(p->bytes, WF_STR("\xff\xd8"))) {
        PIX *pix = pixReadMemJpeg(data, p->bytes.len, 0, reduction, NULL, L_JPEG_READ_LUMINANCE);
        if (pix != NULL) {
            return pix;
        }
        return pixReadMemJpeg(data, p->bytes.len, 0, reduction, NULL, 0);
    }
    return pixReadMem(data, p->bytes.len);
}

/* Replaces *io by its successor; on failure *io is NULL. */
static void replace(PIX **io, PIX *next)
{
    if (*io != next) {
        pixDestroy(io);
    }
    *io = next;
}

static PIX *turn_clockwise(PIX *pix, unsigned degrees)
{
    switch (degrees) {
    case 90:
        return pixRotate90(pix, 1);
    case 180:
        return pixRotate180(NULL, pix);
    case 270:
        return pixRotate90(pix, -1);
    default:
        return pixClone(pix);
    }
}

/* Grey on white, upright, of a size that suits. NULL when memory ran out. */
static PIX *prepare(PIX *pix, unsigned turn)
{
    if (pixGetSpp(pix) == 4) {
        replace(&pix, pixRemoveAlpha(pix));
    }
    if (pix != NULL) {
        replace(&pix, pixConvertTo8(pix, 0));
    }
    if (pix != NULL && turn > 0) {
        replace(&pix, turn_clockwise(pix, turn));
    }
    if (pix == NULL) {
        return NULL;
    }
    double n = (double)pixGetWidth(pix) * (double)pixGetHeight(pix);
    float scale = n < SMALL_PIXELS ? 3.0F : n < MEDIUM_PIXELS ? 2.0F : 1.0F;
    if (n > LARGE_PIXELS) {
        scale = 0.5F;
    }
    if (scale != 1.0F) {
        replace(&pix, pixScale(pix, scale, scale));
    }
    return pix;
}

/* ---- reading ---- */

/* A view of the points as recognition wants them: leptonica keeps rows as big-endian words. */
static struct wf_ocr_image image_of(PIX *pix)
{
    return (struct wf_ocr_image){.pixels = (const uint8_t *)pixGetData(pix),
                                 .width = (uint32_t)pixGetWidth(pix),
                                 .height = (uint32_t)pixGetHeight(pix),
                                 .row_bytes = (uint32_t)pixGetWpl(pix) * 4};
}

static int recognise(struct picture *p, PIX *pix, unsigned *out_confidence, struct wf_err *err)
{
    (void)pixEndianByteSwap(pix); /* fails for no picture only */
    struct wf_ocr_image image = image_of(pix);
    wf_layout_page(&p->layout);
    int rc = wf_ocr_page(p->ocr, &image, 0, &p->layout, out_confidence, err);
    (void)pixEndianByteSwap(pix); /* back, for whoever turns it */
    return rc;
}

/* If the letters lie on their side or head, reads again with the picture turned. */
static int read_turned(struct picture *p, PIX *pix, unsigned *io_confidence, struct wf_err *err)
{
    (void)pixEndianByteSwap(pix); /* fails for no picture only */
    struct wf_ocr_image image = image_of(pix);
    unsigned turn = wf_ocr_turn(p->ocr, &image);
    (void)pixEndianByteSwap(pix); /* likewise */
    if (turn == 0) {
        return 0;
    }
    PIX *turned = turn_clockwise(pix, turn);
    if (turned == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the picture");
    }
    int rc = recognise(p, turned, io_confidence, err);
    pixDestroy(&turned);
    return rc;
}

/* Reads one picture (taken over) and writes its text. */
static int read_page(struct picture *p, PIX *pix, struct wf_err *err)
{
    unsigned confidence = 0;
    p->n_pages++;
    pix = prepare(pix, p->turn);
    if (pix == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the picture");
    }
    int rc = recognise(p, pix, &confidence, err);
    if (rc == 0 && confidence < 70) {
        rc = read_turned(p, pix, &confidence, err);
    }
    pixDestroy(&pix);
    if (rc != 0) {
        return rc;
    }
    if (!wf_ocr_is_text(p->layout.n_letters, confidence)) {
        p->n_unreadable++;
        return 0;
    }
    rc = wf_layout_write(&p->layout);
    wf_layout_finish(&p->layout);
    wf_compose_paragraph(&p->c);
    return rc == 0 ? wf_stream_status(p->w)
                   : wf_err_set(err, WF_E_NOMEM, "not enough memory to read the picture");
}

static int damaged(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "the picture is damaged or incomplete");
}

static int read_tiff(struct picture *p, struct wf_err *err)
{
    size_t offset = 0;
    const l_uint8 *data = (const l_uint8 *)p->bytes.ptr;
    int rc = 0;
    do {
        PIX *pix = pixReadMemFromMultipageTiff(data, p->bytes.len, &offset);
        if (pix == NULL) {
            return p->n_pages > 0 ? rc : damaged(err);
        }
        wf_compose_page(&p->c, p->n_pages + 1);
        (void)wf_stream_progress(p->w, p->n_pages + 1, p->n_pages + 1 + (offset != 0)); /* sticks */
        rc = read_page(p, pix, err);
    } while (rc == 0 && offset != 0 && p->n_pages < PAGES_MAX);
    return rc;
}

static int read_single(struct picture *p, l_int32 reduction, struct wf_err *err)
{
    PIX *pix = decode_single(p, reduction);
    return pix != NULL ? read_page(p, pix, err) : damaged(err);
}

static int read_picture(struct picture *p, struct wf_err *err)
{
    l_int32 reduction = 1;
    bool tiff = wf_str_starts(p->bytes, WF_STR("II")) || wf_str_starts(p->bytes, WF_STR("MM"));
    int rc = check_header(p, &reduction, err);
    if (rc == 0) {
        rc = wf_ocr_new(&p->ocr, err);
    }
    if (rc == 0) {
        p->turn = wf_picture_exif_turn(p->bytes);
        rc = tiff ? read_tiff(p, err) : read_single(p, reduction, err);
    }
    if (rc != 0) {
        return rc;
    }
    if (!wf_compose_any(&p->c)) {
        return wf_err_set(err, WF_E_FORMAT, "no readable text was found in the picture");
    }
    if (p->n_unreadable > 0) {
        (void)wf_stream_warning(p->w, "%u of %u pages hold no readable text", p->n_unreadable,
                                p->n_pages);
    }
    return wf_stream_status(p->w);
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct picture p = {.in = in, .w = w};
    (void)setMsgSeverity(L_SEVERITY_NONE); /* the earlier level is of no use */
    wf_compose_init(&p.c, w);
    int rc = wf_parse_map(in, &p.bytes, err);
    if (rc == 0 && wf_layout_init(&p.layout, &p.c, false) != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "not enough memory to read the picture");
    }
    if (rc == 0) {
        rc = read_picture(&p, err);
    }
    wf_ocr_free(p.ocr);
    wf_layout_deinit(&p.layout);
    wf_parse_unmap(in, p.bytes);
    return rc;
}

/* ---- rows ---- */

#define PICTURE_ROW(name, name_title, type, names, sign, sign_bytes, how)                          \
    const struct wf_format wf_format_##name = {                                                    \
        .id = #name,                                                                               \
        .title = (name_title),                                                                     \
        .media_type = (type),                                                                      \
        .extensions = (names),                                                                     \
        .magic = (sign),                                                                           \
        .magic_bytes = (sign_bytes),                                                               \
        .score = (how),                                                                            \
        .parse = parse,                                                                            \
        .kind = WF_PARSE_ALONE,                                                                    \
        .read_dirs = wf_ocr_read_dirs,                                                             \
    }

static int score_tiff(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    bool little = wf_str_starts(h->head, WF_STR("II\x2a\0"));
    bool big = wf_str_starts(h->head, WF_STR("MM\0\x2a"));
    return little || big ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

static int score_webp(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    bool is = wf_str_starts(h->head, WF_STR("RIFF")) &&
              wf_str_starts(wf_str_sub(h->head, 8, 12), WF_STR("WEBP"));
    return is ? WF_SCORE_CERTAIN : WF_SCORE_NO;
}

/* "BM", then the file's size and two zeros: two letters alone could begin a text. */
static int score_bmp(const struct wf_format *f, const struct wf_format_hint *h)
{
    (void)f;
    bool is = wf_str_starts(h->head, WF_STR("BM")) && h->head.len > 26 &&
              wf_str_eq(wf_str_sub(h->head, 6, 10), wf_str_n("\0\0\0\0", 4));
    return is ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

/* "P1" to "P6" and white space, and a number. */
static int score_pnm(const struct wf_format *f, const struct wf_format_hint *h)
{
    const char *p = h->head.ptr;
    bool is = h->head.len > 8 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6' &&
              (p[2] == '\n' || p[2] == ' ' || p[2] == '\r') &&
              (p[3] == '#' || (p[3] >= '0' && p[3] <= '9'));
    return is && (wf_format_has_extension(f, h) || h->is_binary) ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

PICTURE_ROW(png, "PNG picture", "image/png", "png", "\x89PNG\r\n\x1a\n", 8, NULL);
PICTURE_ROW(jpeg, "JPEG picture", "image/jpeg", "jpg jpeg jpe jfif", "\xff\xd8\xff", 3, NULL);
PICTURE_ROW(gif, "GIF picture", "image/gif", "gif", "GIF8", 4, NULL);
PICTURE_ROW(tiff, "TIFF picture", "image/tiff", "tif tiff", NULL, 0, score_tiff);
PICTURE_ROW(webp, "WebP picture", "image/webp", "webp", NULL, 0, score_webp);
PICTURE_ROW(bmp, "BMP picture", "image/bmp", "bmp dib", NULL, 0, score_bmp);
PICTURE_ROW(pnm, "PNM picture", "image/x-portable-anymap", "pnm pbm pgm ppm", NULL, 0, score_pnm);

/* Telephones' own format: no library for it here. */
static int parse_heif(const struct wf_parse_input *in, struct wf_stream_writer *w,
                      struct wf_err *err)
{
    (void)in;
    (void)w;
    return wf_err_set(err, WF_E_UNSUPPORTED,
                      "a HEIC or AVIF picture is not read: save it as JPEG and add that");
}

static int score_heif(const struct wf_format *f, const struct wf_format_hint *h)
{
    static const char *const brands[] = {"heic", "heix", "hevc", "heim", "heis",
                                         "mif1", "msf1", "avif", "avis"};
    (void)f;
    if (!wf_str_starts(wf_str_sub(h->head, 4, 8), WF_STR("ftyp"))) {
        return WF_SCORE_NO;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(brands); i++) {
        if (wf_str_eq(wf_str_sub(h->head, 8, 12), wf_str_from(brands[i]))) {
            return WF_SCORE_CERTAIN;
        }
    }
    return WF_SCORE_NO;
}

const struct wf_format wf_format_heif = {
    .id = "heif",
    .title = "HEIC picture",
    .media_type = "image/heic",
    .extensions = "heic heif avif",
    .score = score_heif,
    .parse = parse_heif,
    .kind = WF_PARSE_SHARED,
    .refuses = true,
};
