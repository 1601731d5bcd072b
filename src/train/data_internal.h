/* What the readers of task data share: lines of JSON, growing lists. Thread rule: owner. */
#ifndef WF_TRAIN_DATA_INTERNAL_H
#define WF_TRAIN_DATA_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "train/data.h"
#include "train/lines.h"

/* Spans of one text, reused from text to text. */
struct wf_data__spans {
    struct wf_data_span *ptr; /* wf_free */
    size_t n, cap;
};

/* Appends; NOMEM. */
int wf_data__add_span(struct wf_data__spans *s, struct wf_data_span span) WF_MUST_USE;
/* By begin; of spans that overlap the longer one stays. */
void wf_data__sort_spans(struct wf_data__spans *s);

/* Calls fn for the object of each line that is not empty. Errors: those of the lines, FORMAT (no
 * object), and what fn returns. */
typedef int (*wf_data__json_fn)(void *ud, const json_t *v);
int wf_data__json(struct wf_lines *l, wf_data__json_fn fn, void *ud,
                  struct wf_err *err) WF_MUST_USE;

/* A string of an object, empty when it has none of that name; the string of a value. */
struct wf_str wf_data__string(const json_t *v, const char *key);
struct wf_str wf_data__text(const json_t *v);
/* A whole number, or one written as a string ("19"); -1: none. */
int64_t wf_data__number(const json_t *v);

/* A span of code points [from, to) of a text in bytes; false when it is none of it. */
bool wf_data__span(struct wf_str text, int64_t from, int64_t to, struct wf_data_span *out);

/* Not enough memory at the line where l is. */
int wf_data__no_memory(const struct wf_lines *l, struct wf_err *err);

#endif
