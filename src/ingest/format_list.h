/* The rows of all formats: X(name) stands for `wf_format_name`. The order decides between rows
 * that are equally sure. One line a format, so that additions do not collide. */
#ifndef WF_INGEST_FORMAT_LIST_H
#define WF_INGEST_FORMAT_LIST_H

/* clang-format off */
#define WF_FORMAT_LIST(X) \
    X(txt) \
    X(html) \
    X(md) \
    X(csv) \
    X(json) \
    X(vtt) \
    X(srt) \
    X(eml) \
    X(mbox) \
    X(ics) \
    X(rtf) \
    X(xml) \
    X(code) \
    /* archives, PDF, pictures */ \
    X(docx) \
    X(pptx) \
    X(xlsx) \
    X(odt) \
    X(ods) \
    X(odp) \
    X(odg) \
    X(epub) \
    X(pdf) \
    X(png) \
    X(jpeg) \
    X(gif) \
    X(tiff) \
    X(webp) \
    X(bmp) \
    X(pnm) \
    /* refused by name */ \
    X(heif) \
    X(ole2) \
    X(binary)
/* clang-format on */

#endif
