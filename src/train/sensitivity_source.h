/* Sensitivity source: texts of which it is known what kinds of private matters they hold, for what
 * learns to tell them: templates that people wrote, and files that are about something as a whole.
 *
 * A source is "PATH FORM LABELS WEIGHT ONE_IN": LABELS by ',', of which one with '?' may or may not
 * be there, or none; WEIGHT in hundredths; of the pieces of long texts one in ONE_IN is taken. FORM
 * is templates, requests, conll, presidio, or json:FIELD[@[!]WORD] (those whose title or source has
 * the word, or not). Threads: owner. */
#ifndef WF_TRAIN_SENSITIVITY_SOURCE_H
#define WF_TRAIN_SENSITIVITY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "train/templates.h"

#define WF_SENSITIVITY_LABELS_MAX 24u

/* What texts may hold, and the words by which rules would find it. */
struct wf_sensitivity_labels {
    const char *names[WF_SENSITIVITY_LABELS_MAX];
    struct wf_str words[WF_SENSITIVITY_LABELS_MAX]; /* parted by '|' */
    size_t n;
    struct wf_arena _arena;
    struct wf_templates *_rules; /* holds the words */
};

/* Reads names by ',', and the lists keywords_NAME of the templates at `keywords` (empty: none).
 * Errors: FORMAT, those of wf_templates_load, NOMEM; deinit also then. */
int wf_sensitivity_labels_init(struct wf_sensitivity_labels *out, const char *names,
                               const char *keywords, struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one. */
void wf_sensitivity_labels_deinit(struct wf_sensitivity_labels *l);

/* Bits of the labels that rules with keywords find. */
uint32_t wf_sensitivity_by_words(const struct wf_sensitivity_labels *l, struct wf_str text);

struct wf_sensitivity_text {
    struct wf_str text;
    uint64_t hash;         /* of it (split.h) */
    uint32_t has, unknown; /* bits of labels */
    double weight;
    uint64_t every; /* of its pieces one in so many */
    bool is_dev;
    uint8_t half;
};

typedef int (*wf_sensitivity_fn)(void *ud, const struct wf_sensitivity_text *t, struct wf_err *err);

struct wf_sensitivity_sources {
    const struct wf_sensitivity_labels *labels;
    const char *list;     /* by ';' */
    const char *data_dir; /* of paths that do not begin with "./" */
    int64_t copies;       /* fillings of a template */
};

/* Calls fn for every text. Errors: FORMAT, those of the readers, and what fn returns. */
int wf_sensitivity_read(const struct wf_sensitivity_sources *s, wf_sensitivity_fn fn, void *ud,
                        struct wf_err *err) WF_MUST_USE;

/* Whether the i-th piece of a text is taken. */
bool wf_sensitivity_takes(const struct wf_sensitivity_text *t, size_t i);

#endif
