/* View: a text as a reader, or a program, would see it, with the way back.
 *
 * What hides in a text does so in few ways: characters that nobody sees, letters that look like
 * others, digits with spaces between, or an encoding (base64, hexadecimal, URL, JSON, HTML, mail).
 * Each is undone into a view; a byte of a view knows where it came from. A decoded part is as one:
 * what is found in it is the whole of it. Views are made of views, to a limit.
 * Threads: owner. */
#ifndef WF_PRIVACY_VIEW_H
#define WF_PRIVACY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct wf_view {
    struct wf_buf text;    /* valid UTF-8 */
    uint32_t *start, *end; /* [text.len]: of each byte, the bytes of the original it came from */
    size_t cap;
    const char *how; /* "base64"; constant */
    unsigned depth;  /* 1: made of the text itself */
};

#define WF_VIEWS_MAX 64
#define WF_VIEWS_DEPTH 3

struct wf_views {
    struct wf_view items[WF_VIEWS_MAX];
    size_t n;
};

/* Nothing is allocated. */
void wf_views_init(struct wf_views *v);
void wf_views_deinit(struct wf_views *v);

/* All views of a text (valid UTF-8), none where nothing hides; those from before go. Errors: NOMEM.
 */
int wf_views_make(struct wf_views *v, struct wf_str text) WF_MUST_USE;

#endif
