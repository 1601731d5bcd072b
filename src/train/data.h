/* Data: what the readers of task data share: the types of entities, and spans.
 *
 * A reader goes through one file (packed or not) and calls a function for each item; what it hands
 * out is valid during the call. Readers know a file's form; which items are kept aside is the
 * task's: wf_split_is_dev (split.h) of the item's key, which is what belongs together (a document,
 * a template, else the text). Offsets are bytes. Errors of all readers: NOENT, IO, FORMAT (names
 * file and line), LIMIT, NOMEM, and what the function returns. Threads: owner. */
#ifndef WF_TRAIN_DATA_H
#define WF_TRAIN_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The types of entities that all sets are mapped to. */
enum wf_entity {
    WF_ENTITY_PERSON,
    WF_ENTITY_ORGANISATION,
    WF_ENTITY_PLACE,
    WF_ENTITY_DATE,
    WF_ENTITY_AMOUNT,
    WF_ENTITY_ADDRESS,
    WF_ENTITY_HEALTH,
    WF_ENTITY_EMAIL,
    WF_ENTITY_PHONE,
    WF_ENTITY_ID,
    WF_ENTITY_PRODUCT,
    WF_ENTITY_WORK,
    WF_ENTITY_GROUP,
    WF_ENTITY_OTHER, /* an entity of none of these types, or of one that cannot be told */
    WF_ENTITY_COUNT,
};

#define WF_ENTITY_BIT(type) (1u << (type))

/* "person", as `weft lens entities` says it; static. */
const char *wf_entity_name(enum wf_entity e);

struct wf_data_span {
    size_t from, to; /* bytes, half-open */
    enum wf_entity type;
};

#endif
