/* Texts of a JSON value, a chat above all, and what detectors find in them: the texts, the names of
 * members, numbers; a text that is JSON itself, an object or array (tools' arguments), is read,
 * too.
 *
 * A picture's part of a chat (op/picture.h) has no texts: it is passed over.
 *
 * Each is looked at alone, without its escapes, and all of them together, as what is in one may be
 * told by another: a member's name says what its value is, a key is cut in two parts, the second
 * half of a card's number stands in the next message. What is found over several texts is told of
 * each of them by its place there. Thread rule: owner. */
#ifndef WF_OP_TEXTS_H
#define WF_OP_TEXTS_H

#include <jansson.h>

#include "op/label.h"

struct wf_texts;

struct wf_text {
    struct wf_str text; /* a number's as JSON has it */
    size_t top;         /* index in the value, where that is an array (of messages); else 0 */
    size_t part;        /* index in that one's "content", where it is in an array; else SIZE_MAX */
    const struct wf_pii *found; /* [n_found + n_topics] by place, then what it is about */
    size_t n_found, n_topics;
};

/* Reads and looks through all of a value. *out is owned by the caller and borrows from the value.
 * Errors: those of wf_labeler_find, LIMIT (nested deeper than WF_LIMIT_NESTING), NOMEM. */
int wf_texts_read(struct wf_labeler *l, const json_t *v, struct wf_texts **out,
                  struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_texts_free(struct wf_texts *t);

/* In the order of a walk: the name of a member, then its value. Borrowed from t. */
size_t wf_texts_n(const struct wf_texts *t);
struct wf_text wf_texts_at(const struct wf_texts *t, size_t i);

/* All that is found in texts [from, to). Borrowed from t. */
struct wf_pii_list wf_texts_between(const struct wf_texts *t, size_t from, size_t to);
/* All that is found under an index of the value, or, SIZE_MAX, anywhere; places are of its texts.
 */
struct wf_pii_list wf_texts_found(const struct wf_texts *t, size_t top);

/* The value of a text that is an object or array, a new reference; NULL: it is none. */
json_t *wf_texts_inner(struct wf_str text);
/* Whether a number is long enough to be somebody's. */
bool wf_texts_counts(const json_t *number);
/* Whether an array is the bytes of a text, each a number (a buffer of JavaScript's): it is one
 * text, as JSON has it. */
bool wf_texts_is_bytes(const json_t *array);

#endif
