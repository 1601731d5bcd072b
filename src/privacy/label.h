/* Label: how sensitive content is. public < internal < private < secret; what is made of several
 * parts bears the highest of theirs. `secret` never leaves the device it was made on. Whatever has
 * no label that can be read counts as secret. Thread rule: any. */
#ifndef WF_PRIVACY_LABEL_H
#define WF_PRIVACY_LABEL_H

#include <stdbool.h>

#include "base/config.h"
#include "base/str.h"

/* The values are stored and sent: they stay. */
enum wf_label {
    WF_LABEL_PUBLIC = 0,   /* anybody may know it */
    WF_LABEL_INTERNAL = 1, /* of no harm, but not for everybody */
    WF_LABEL_PRIVATE = 2,  /* the owner's own: stays on the owner's machines */
    WF_LABEL_SECRET = 3,   /* stays on this device */
    WF_LABEL_COUNT
};

/* "public", ...; "secret" for a value out of range. Static storage. */
const char *wf_label_name(enum wf_label label);

/* The label of that name, upper or lower case. false (and *out is secret, so that forgetting to
 * look is safe): there is none. */
bool wf_label_parse(struct wf_str name, enum wf_label *out) WF_MUST_USE;

/* The higher of two; secret where one is out of range. */
enum wf_label wf_label_max(enum wf_label a, enum wf_label b);

#endif
