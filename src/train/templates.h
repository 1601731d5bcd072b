/* Templates: sentences with holes, written by hand, and the texts that come of them.
 *
 * A text file, a line each:
 *     # a comment
 *     @when: today | on Friday       what fills {when}; @when/de: the same in German
 *     [remind] or [money, secret]    labels of the templates below
 *     /de                            their language from here on (of a label; "en" at its begin)
 *     (please |)remind me to {task} {when}
 * "(a|b|)" is one of these; they may have holes. {when} is a hole and the name of its slot;
 * {topic:thing} is filled from
 * @thing and its slot is topic; {_thing} is filled from @thing and is no slot. A hole takes its
 * language's list, or the one without a language. Threads: owner. */
#ifndef WF_TRAIN_TEMPLATES_H
#define WF_TRAIN_TEMPLATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "train/data_requests.h"

/* Bounds of a file that people write. */
#define WF_TEMPLATES_BYTES_MAX (1u << 20)
#define WF_TEMPLATES_LABELS_MAX 16u

struct wf_templates;

/* Reads a file. Every hole must have a list. *out is owned by the caller. Errors: those of
 * wf_file_read, FORMAT (names the line), LIMIT, NOMEM. */
int wf_templates_load(const char *path, struct wf_templates **out, struct wf_err *err) WF_MUST_USE;
/* The same of text, copied; `name` is for messages. */
int wf_templates_parse(struct wf_str text, const char *name, struct wf_templates **out,
                       struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_templates_free(struct wf_templates *t);

/* How many there are; the i-th as it is written (the key of the split: what is measured on must be
 * other sentences, not other fillings), its labels by ',' and its language. Borrowed. */
size_t wf_templates_n(const struct wf_templates *t);
struct wf_str wf_templates_source(const struct wf_templates *t, size_t i);
struct wf_str wf_templates_labels(const struct wf_templates *t, size_t i);
struct wf_str wf_templates_language(const struct wf_templates *t, size_t i);

/* The items of a list, parted by '|', of a language or of none; empty: there is no such list. */
struct wf_str wf_templates_list(const struct wf_templates *t, struct wf_str name,
                                struct wf_str language);

/* One filling of the i-th, chosen by the seed. out->text and the slots' names are the templates'
 * until the next call; its intents are the labels. Errors: LIMIT (more slots than a request has),
 * NOMEM. */
int wf_templates_make(struct wf_templates *t, size_t i, uint64_t seed, struct wf_data_request *out,
                      struct wf_err *err) WF_MUST_USE;

#endif
