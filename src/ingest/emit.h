/* Emit: composing at once, or onto a tape to be composed later.
 *
 * Text boxes, notes and comments stand inside a paragraph in the file but behind it in the text;
 * slide titles stand behind what they head. Parsers write through this, so that the same code
 * serves both. Thread rule: owner. */
#ifndef WF_INGEST_EMIT_H
#define WF_INGEST_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "ingest/compose.h"

struct wf_emit {
    struct wf_compose *c; /* NULL: everything goes onto the tape */
    struct wf_buf *tape;
};

/* As in compose.h. */
void wf_emit_text(struct wf_emit *e, struct wf_str s);
void wf_emit_line(struct wf_emit *e);
void wf_emit_item(struct wf_emit *e);
void wf_emit_paragraph(struct wf_emit *e);
void wf_emit_cell(struct wf_emit *e);
void wf_emit_heading(struct wf_emit *e, unsigned level);
void wf_emit_heading_end(struct wf_emit *e);
void wf_emit_page(struct wf_emit *e, uint32_t page);

/* Emits what was recorded (the content of a tape, or a part between two of its lengths). */
void wf_emit_replay(struct wf_emit *e, struct wf_str tape);
/* True when the tape holds a character other than white space. */
bool wf_emit_has_text(struct wf_str tape);
/* Is the text of a header or footer worth taking in? Not when it holds hardly a letter, or little
 * more than the number of the page (whose field was left out). */
bool wf_emit_is_margin(struct wf_str tape, bool had_page_number);
/* The tape's text alone, breaks as spaces, appended to `out`: for comparing, and for metadata. */
void wf_emit_plain(struct wf_str tape, struct wf_buf *out);

#endif
