/* Entities, what all who learn them share: where texts come from, tags of words, and how what was
 * found is counted.
 *
 * Tags are numbers: 0 outside, then for each type that is told one for where an entity begins and
 * one for where it goes on. Threads: any. */
#ifndef WF_TRAIN_ENTITY_H
#define WF_TRAIN_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "train/data_tagged.h"

#define WF_ENTITY_TYPES WF_ENTITY_OTHER /* the last of the list is none of them */
#define WF_ENTITY_TAGS (1 + 2 * WF_ENTITY_TYPES)
/* What the sets of noisy text are measured by. */
#define WF_ENTITY_NOISY                                                                            \
    (WF_ENTITY_BIT(WF_ENTITY_PERSON) | WF_ENTITY_BIT(WF_ENTITY_PLACE) |                            \
     WF_ENTITY_BIT(WF_ENTITY_ORGANISATION))

/* A source of an experiment: "PATH FORM KNOWN WEIGHT USE". */
struct wf_entity_source {
    struct wf_str path; /* borrowed from the line */
    struct wf_data_tagged_options form;
    double weight;
    bool is_dev;   /* kept aside as a whole */
    bool is_noisy; /* of noisy text, which is also measured by itself */
};

/* Reads such a line. Errors: FORMAT. */
int wf_entity_source_parse(struct wf_str line, struct wf_entity_source *out,
                           struct wf_err *err) WF_MUST_USE;

/* The tag of a type's word; -1: the type is not told. The type of a tag; WF_ENTITY_TYPES: none. */
int32_t wf_entity_tag(enum wf_entity type, bool begins);
unsigned wf_entity_type_of(int32_t tag);

/* The tag of bytes [from, to) of a text, and as bits what it may be where that is -1. `unknown`
 * are the bits of what words outside of entities may be. *io_span is the first span that may lie
 * there, *io_last the span of the word before; 0 and SIZE_MAX at the begin. */
int32_t wf_entity_find_tag(const struct wf_data_tagged *t, size_t from, size_t to, uint64_t unknown,
                           size_t *io_span, size_t *io_last, uint64_t *out_allowed);

/* Bits of the tags of types that a set does not tag (WF_ENTITY_BIT of those it does), and of
 * outside. */
uint64_t wf_entity_unknown_tags(uint32_t known);

/* Entities that are there, that were found, and that were found right: type and both ends. */
struct wf_entity_count {
    double there, found, right;
};

/* Counts the entities of `types` in a text of n words. */
void wf_entity_count(const int32_t *gold, const int32_t *got, size_t n, uint32_t types,
                     struct wf_entity_count *io);
/* In %; 0 where there is nothing. */
double wf_entity_f1(const struct wf_entity_count *c);
double wf_entity_precision(const struct wf_entity_count *c);
double wf_entity_recall(const struct wf_entity_count *c);

/* "O", "B-person", "I-person", ...: the name of a tag to out. */
#define WF_ENTITY_TAG_BYTES 24
void wf_entity_tag_name(unsigned tag, char out[WF_ENTITY_TAG_BYTES]);

#endif
