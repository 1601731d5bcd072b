/* The readers behind data_tagged.h, one for each family of forms. Errors as there. */
#ifndef WF_TRAIN_DATA_TAGGED_INTERNAL_H
#define WF_TRAIN_DATA_TAGGED_INTERNAL_H

#include "train/data_internal.h"
#include "train/data_tagged.h"

/* One reading. */
struct wf_data__tagged {
    struct wf_lines *l;
    const struct wf_data_tagged_options *o;
    wf_data_tagged_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_data__spans spans; /* of the text */
    struct wf_buf text;
};

/* Columns: CONLL, IOB2, CONLLU. */
int wf_data__read_columns(struct wf_data__tagged *r) WF_MUST_USE;
/* PRESIDIO, RECOGNIZERS. */
int wf_data__read_presidio(struct wf_data__tagged *r) WF_MUST_USE;
int wf_data__read_recognizers(struct wf_data__tagged *r) WF_MUST_USE;
/* ADDRESS. */
int wf_data__read_addresses(struct wf_data__tagged *r) WF_MUST_USE;

/* Sorts the spans and hands the text out; key empty: the text. */
int wf_data__give_tagged(struct wf_data__tagged *r, struct wf_str text, uint32_t known,
                         struct wf_str key) WF_MUST_USE;

#endif
