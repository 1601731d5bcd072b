/* Requests: what people ask for in one sentence, with the intent and its slots.
 *
 * Two forms: "intent TAB text", and JSON lines with intent (or intents), text and slots in code
 * points ([[name, from, to]], or {name: {span: [from, to]}}). See data.h for what all readers
 * share. */
#ifndef WF_TRAIN_DATA_REQUESTS_H
#define WF_TRAIN_DATA_REQUESTS_H

#include "train/data.h"
#include "train/lines.h"

/* What one sentence can have. */
#define WF_DATA_INTENTS_MAX 32
#define WF_DATA_SLOTS_MAX 64

struct wf_data_slot {
    struct wf_str name;
    size_t from, to; /* bytes of the text */
};

struct wf_data_request {
    struct wf_str text; /* without white space at both ends; also the key of the split */
    struct wf_str intents[WF_DATA_INTENTS_MAX]; /* [n_intents]; none in sets of slots only */
    size_t n_intents;
    struct wf_data_slot slots[WF_DATA_SLOTS_MAX]; /* [n_slots] */
    size_t n_slots;
};

typedef int (*wf_data_request_fn)(void *ud, const struct wf_data_request *q, struct wf_err *err);

/* Reads a file; a line that begins with "{" is JSON. Errors: as data.h says. */
int wf_data_requests_read(const char *path, wf_data_request_fn fn, void *ud,
                          struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_requests_read_lines(struct wf_lines *l, wf_data_request_fn fn, void *ud,
                                struct wf_err *err) WF_MUST_USE;

#endif
