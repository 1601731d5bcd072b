/* Tagged texts: sentences with their entities, out of the forms in which such data comes.
 *
 * What a set does not tag is not "no entity": `known` says which types it does, so that a task can
 * leave the others out of its loss. Types are mapped to those of data.h. See data.h for what all
 * readers share. */
#ifndef WF_TRAIN_DATA_TAGGED_H
#define WF_TRAIN_DATA_TAGGED_H

#include <stdbool.h>

#include "train/data.h"
#include "train/lines.h"

enum wf_data_form {
    WF_DATA_CONLL,    /* a token a line, first column; tag in the last (B- I- O, or I- O); columns
                         parted by tabs, or by spaces; an empty line ends a sentence */
    WF_DATA_IOB2,     /* id, token, tag; "# text = " before a sentence */
    WF_DATA_CONLLU,   /* Universal Dependencies: no entities */
    WF_DATA_PRESIDIO, /* JSON lines: text, spans [{type, start, end}] in code points */
    WF_DATA_RECOGNIZERS, /* JSON lines: suite, input, results [{text, start, end, type}], inclusive,
                            in UTF-16 units */
    WF_DATA_ADDRESS,     /* XML of usaddress: an element a token; its name says which part it is */
};

struct wf_data_tagged_options {
    enum wf_data_form form;
    uint32_t known;  /* WF_ENTITY_BIT of what the set tags; 0: the form's own (presidio,
                        recognizers, address) */
    bool is_natural; /* tokens without a text are joined as they are written ("It's here."), not by
                        spaces ("It 's here .") */
};

/* What the sets of ../shared/data/pii-ner tag. */
#define WF_DATA_KNOWN_WNUT                                                                         \
    (WF_ENTITY_BIT(WF_ENTITY_PERSON) | WF_ENTITY_BIT(WF_ENTITY_PLACE) |                            \
     WF_ENTITY_BIT(WF_ENTITY_ORGANISATION) | WF_ENTITY_BIT(WF_ENTITY_GROUP) |                      \
     WF_ENTITY_BIT(WF_ENTITY_WORK) | WF_ENTITY_BIT(WF_ENTITY_PRODUCT))
#define WF_DATA_KNOWN_NEWS                                                                         \
    (WF_ENTITY_BIT(WF_ENTITY_PERSON) | WF_ENTITY_BIT(WF_ENTITY_PLACE) |                            \
     WF_ENTITY_BIT(WF_ENTITY_ORGANISATION))

struct wf_data_tagged {
    struct wf_str text;
    const struct wf_data_span *spans; /* [n_spans] by begin, not overlapping */
    size_t n_spans;
    uint32_t known;
    struct wf_str key; /* for wf_split_is_dev: the text, or its template */
};

typedef int (*wf_data_tagged_fn)(void *ud, const struct wf_data_tagged *t, struct wf_err *err);

/* Reads a file. Errors: as data.h says. */
int wf_data_tagged_read(const char *path, const struct wf_data_tagged_options *o,
                        wf_data_tagged_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;
/* The same of lines that were opened; they stay the caller's. */
int wf_data_tagged_read_lines(struct wf_lines *l, const struct wf_data_tagged_options *o,
                              wf_data_tagged_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

#endif
