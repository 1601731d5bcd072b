/* Drawing: the text of DrawingML parts, which Word, Excel and PowerPoint share: the shapes of a
 * slide or a sheet, diagrams, and charts with their figures. Thread rule: owner. */
#ifndef WF_INGEST_DRAWING_H
#define WF_INGEST_DRAWING_H

#include "base/buf.h"
#include "base/err.h"
#include "ingest/ooxml.h"

/* Which shapes count. */
enum wf_drawing_kind {
    WF_DRAWING_ALL,    /* a diagram, a chart, a sheet's drawing */
    WF_DRAWING_SLIDE,  /* all but the slide's number and date */
    WF_DRAWING_NOTES,  /* the speaker's text, without the small picture and the page's margins */
    WF_DRAWING_MASTER, /* what is printed on each slide: no placeholders */
};

/* The tapes (emit.h) that receive the text. */
struct wf_drawing_tapes {
    struct wf_buf *title;  /* of a slide; NULL: part of the body */
    struct wf_buf *footer; /* of a slide; NULL: left out */
    struct wf_buf *body;
};

/* Walks the part i_member. Errors: as for wf_xml_walk_member. */
int wf_drawing_walk(struct wf_ooxml *pkg, size_t i_member, enum wf_drawing_kind kind,
                    const struct wf_drawing_tapes *tapes, struct wf_err *err) WF_MUST_USE;
/* All of a part's text onto one tape. */
int wf_drawing_text(struct wf_ooxml *pkg, size_t i_member, struct wf_buf *tape,
                    struct wf_err *err) WF_MUST_USE;
/* All charts and diagrams that these relationships name, onto the tape; a damaged one is passed
 * over. Errors: as above, but not WF_E_FORMAT. */
int wf_drawing_parts(struct wf_ooxml *pkg, const struct wf_ooxml_rels *rels, struct wf_buf *tape,
                     struct wf_err *err) WF_MUST_USE;

#endif
