/* What the parts of the experience share. Only experience_*.c include this. Threads: owner. */
#ifndef WF_ROUTE_EXPERIENCE_INTERNAL_H
#define WF_ROUTE_EXPERIENCE_INTERNAL_H

#include "route/experience.h"

/* Normal; of how far a quantity is from what is thought beforehand. */
struct wf_belief {
    float mean, var;
};

enum wf_quantity {
    WF_QUANTITY_BEGIN,  /* log ms until it begins to read */
    WF_QUANTITY_READ,   /* log ms a token of the prompt */
    WF_QUANTITY_WRITE,  /* log ms a token of the answer */
    WF_QUANTITY_ENERGY, /* log J */
    WF_QUANTITY_WORKS,  /* log odds */
    WF_QUANTITY_RIGHT,  /* log odds of a right answer, whatever the kind */
    WF_QUANTITY_COUNT,
};
#define WF_BELIEFS ((size_t)WF_QUANTITY_COUNT + WF_KIND_COUNT)

struct wf_lesson {
    char engine[WF_EXPERIENCE_ENGINE_BYTES + 1], model[WF_EXPERIENCE_MODEL_BYTES + 1];
    uint64_t hash;                        /* of both names */
    int64_t at_ms;                        /* of the last change */
    struct wf_belief beliefs[WF_BELIEFS]; /* quantities, then log odds by kind beyond RIGHT */
};

struct wf_experience {
    struct wf_lesson lessons[WF_EXPERIENCE_MAX];
    size_t n;
    int64_t lengths_ms; /* of the last change */
    struct wf_belief lengths[WF_KIND_COUNT];
};

/* The hash of two names. And where a pair is, or the one of that name; NULL: there is none. */
uint64_t wf_experience__hash(struct wf_str engine, struct wf_str model);
const struct wf_lesson *wf_experience__find(const struct wf_experience *x, struct wf_str engine,
                                            struct wf_str model);

/* Without experience: what each belief begins with and fades to. `measured`: there is a measurement
 * of the quantity, from which it is told how far it is off. */
struct wf_belief wf_experience__prior(size_t i, bool measured);
struct wf_belief wf_experience__length_prior(void);

#endif
