/* DOCX, what its files share: the document being read, its styles and list numbers, and the walk
 * over a part with paragraphs. Thread rule: owner. */
#ifndef WF_INGEST_DOCX_INTERNAL_H
#define WF_INGEST_DOCX_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "ingest/compose.h"
#include "ingest/emit.h"
#include "ingest/ooxml.h"
#include "ingest/stream.h"

/* Word has nine levels of lists and of outlines. */
#define WF_DOCX_LEVELS 9

/* A paragraph style, with what it inherits once wf_docx__styles has resolved it. */
struct wf_docx_style {
    struct wf_str id;
    struct wf_str based_on;
    int outline;          /* 1..9; 0 = body text; -1 = not said */
    struct wf_str num_id; /* ptr NULL = not said */
    int num_level;        /* 0..8; -1 = not said */
};

struct wf_docx_list; /* an abstract numbering */

struct wf_docx {
    struct wf_ooxml pkg;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_map styles; /* id -> struct wf_docx_style * */
    struct wf_str default_style;
    struct wf_map lists;   /* abstract numbering's id -> struct wf_docx_list * */
    struct wf_map numbers; /* numbering's id -> struct wf_docx_number * */
    struct wf_map asides;  /* what stands elsewhere: "footnote 2", "endnote 1", "comment 0",
                              "part rId7" -> struct wf_str * with its tape */
    bool saw_page_field;   /* the part that was walked last shows the number of the page */
    uint32_t page;         /* 0 = the document does not tell its pages */
};

/* Reads the styles and the numbering of the part i_member. Errors: WF_E_NOMEM, the archive's. */
int wf_docx__styles(struct wf_docx *d, size_t i_member, struct wf_err *err) WF_MUST_USE;
int wf_docx__numbering(struct wf_docx *d, size_t i_member, struct wf_err *err) WF_MUST_USE;

/* The style of that id (empty: the default one), or NULL. */
const struct wf_docx_style *wf_docx__style(const struct wf_docx *d, struct wf_str id);

/* Counts one paragraph of the list `num_id` at `level` and appends its label ("2.1", "•") to
 * `out`; nothing when there is no such list or it has no label. `style` (may be empty) chooses the
 * level when `level` is -1. True when the paragraph is an item of a list. */
bool wf_docx__next_label(struct wf_docx *d, struct wf_str num_id, int level, struct wf_str style,
                         struct wf_buf *out);

/* Walks a part with paragraphs (the body, a header, the footnotes, ...). Into the document's
 * composer when `tape` is NULL, else onto the tape; footnotes, endnotes and comments go into
 * d->asides either way. Errors: as for wf_xml_walk_member. */
int wf_docx__walk(struct wf_docx *d, size_t i_member, struct wf_buf *tape,
                  struct wf_err *err) WF_MUST_USE;

/* The character that a number in a font of signs stands for, or NULL. Static storage. */
const char *wf_docx__sign(struct wf_str font, struct wf_str number);

/* Keeps a tape under "kind id". A full memory drops it. */
void wf_docx__keep_aside(struct wf_docx *d, const char *kind, struct wf_str id, struct wf_str tape);
/* The tape, or the empty view. */
struct wf_str wf_docx__aside(const struct wf_docx *d, const char *kind, struct wf_str id);

#endif
