/* What the files of records share; nobody else includes it. */
#ifndef WF_CRDT_RECORD_INTERNAL_H
#define WF_CRDT_RECORD_INTERNAL_H

#include "crdt/record.h"

/* The values are stored: they stay. */
enum wf_record_cell_kind {
    WF_CELL_LABEL = 0,
    WF_CELL_VALUE = 1,
    WF_CELL_COUNT = 2,
    WF_CELL_MEMBER = 3,
    WF_CELL_COUNT_KINDS
};

/* Its place: field, kind, for members the value, for counts and members the device. */
struct wf_record_cell {
    enum wf_record_cell_kind kind;
    uint8_t label;
    struct wf_str field;
    struct wf_str value;      /* JSON: of VALUE (empty: unset), of MEMBER */
    struct wf_stamp at;       /* the last write; MEMBER: hlc 0 when no add stands */
    int64_t total;            /* COUNT */
    uint64_t taken;           /* MEMBER: adds up to this time are taken back; 0: none */
    struct wf_stamp taken_at; /* by which change */
};

/* The order of cells' places; 0: the same place. */
int wf_record__place_cmp(const struct wf_record_cell *a, const struct wf_record_cell *b);

/* The first cell whose place is not before that of `c`. */
size_t wf_record__find(const struct wf_record *r, const struct wf_record_cell *c);

/* Puts `c` in, or joins it with the cell at its place. NOMEM. */
int wf_record__join(struct wf_record *r, const struct wf_record_cell *c,
                    struct wf_err *err) WF_MUST_USE;

/* Drops what later writes have ended. To be called after joins. */
void wf_record__tidy(struct wf_record *r);

/* Whether there is something to see of it. */
bool wf_record__is_seen(const struct wf_record_cell *c);

#endif
