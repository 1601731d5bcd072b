/* Intent source: the requests that intents are learned from, as the task `intent` and the linear
 * judge (train/linear_set.h) both read them: files of requests, filled templates, and what is none
 * of a set's business: questions and prose.
 *
 * Sources are a list parted by ';', each "PATH FORM WEIGHT USE". PATH is below the data folder, or,
 * with "./" in front, of the working folder. FORM is requests, templates, questions or prose.
 * WEIGHT is in hundredths: how often a text counts. USE is
 *     train    as it is labelled; what train/split.h keeps aside is measured on
 *     tune     all of it is kept aside
 *     outside  out of scope, a part kept aside
 *     extra    out of scope, only to train on
 *     slots    only for its slots
 *     =LABEL   as train, with that label instead of its own, and slots that are not known
 *     map=FILE likewise, with labels by a file that says "LABEL OTHER" a line ("#": a comment):
 * what has that label has the other one here; "-" leaves such texts out; labels that it does not
 * name are out of scope Threads: owner. */
#ifndef WF_TRAIN_INTENT_SOURCE_H
#define WF_TRAIN_INTENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "train/data_requests.h"

struct wf_intent_sources {
    const char *list;
    const char *data_dir;
    const char *outside; /* the label of what is out of scope */
    int64_t copies;      /* fillings of a template */
};

/* One request. */
struct wf_intent_item {
    const struct wf_data_request *request; /* its text, and slots */
    struct wf_str label;                   /* ptr NULL: it has none */
    double weight;
    bool is_dev;      /* kept aside */
    bool knows_slots; /* what is not tagged is no slot */
    uint8_t half;     /* 0 or 1: of what is measured, each chooses for the other; fillings of one
                         template are in the same */
};

/* What is handed out is valid during the call. */
typedef int (*wf_intent_item_fn)(void *ud, const struct wf_intent_item *item, struct wf_err *err);

/* Reads all sources in order. Errors: FORMAT (one is no source), those of the readers, and what the
 * function returns. */
int wf_intent_sources_read(const struct wf_intent_sources *s, wf_intent_item_fn fn, void *ud,
                           struct wf_err *err) WF_MUST_USE;

#endif
