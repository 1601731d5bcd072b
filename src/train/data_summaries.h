/* Summaries: a long text (a meeting, a dialogue, a story), what was asked about it, and what people
 * wrote as its summary.
 *
 * Forms, told apart by their fields, JSON lines all: QMSum (turns of a meeting, queries with the
 * turns that matter), AMI (transcript, the extract that people marked, abstract), SQuALITY (story,
 * questions, four answers each), MTS-Dialog and ACI-Bench (dialogue with a doctor, the note). See
 * data.h for what all readers share. */
#ifndef WF_TRAIN_DATA_SUMMARIES_H
#define WF_TRAIN_DATA_SUMMARIES_H

#include "train/data.h"
#include "train/lines.h"

/* Summaries of one text and question; parts of it that matter. */
#define WF_DATA_REFERENCES_MAX 8
#define WF_DATA_PARTS_MAX 256

struct wf_data_summary {
    struct wf_str key;      /* of the split: the meeting's id; without one the document */
    struct wf_str query;    /* what was asked; empty: all of it in short */
    struct wf_str document; /* QMSum: "speaker: words", a line a turn */
    struct wf_str extract;  /* AMI: the marked sentences, not word for word; else empty */
    struct wf_str references[WF_DATA_REFERENCES_MAX];
    size_t n_references;
    struct wf_data_span parts[WF_DATA_PARTS_MAX]; /* of the document that matter for the query,
                                                     where the set says (QMSum); type is not used */
    size_t n_parts;
};

typedef int (*wf_data_summary_fn)(void *ud, const struct wf_data_summary *s, struct wf_err *err);

/* Reads a file. Errors: as data.h says. */
int wf_data_summaries_read(const char *path, wf_data_summary_fn fn, void *ud,
                           struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_summaries_read_lines(struct wf_lines *l, wf_data_summary_fn fn, void *ud,
                                 struct wf_err *err) WF_MUST_USE;

#endif
