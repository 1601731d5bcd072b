/* Rights: in which spaces this owner's devices may only read, by the column space.role, for those
 * who must answer at once and not know the mesh. Who changes the column has it read anew. Thread
 * rule: any, but for init and deinit (init). */
#ifndef WF_SPACE_RIGHTS_H
#define WF_SPACE_RIGHTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wf_store;

struct wf_rights {
    pthread_rwlock_t _lock; /* guards what follows; rank: last */
    int64_t *_read_only;    /* ascending */
    size_t _n, _cap;
};

/* Everything may be written. */
void wf_rights_init(struct wf_rights *r);
void wf_rights_deinit(struct wf_rights *r);

/* Reads them. Errors: NOMEM, those of reading: then they are as before. */
int wf_rights_read(struct wf_rights *r, struct wf_store *store, struct wf_err *err) WF_MUST_USE;

/* r NULL: everywhere. */
bool wf_rights_may_write(struct wf_rights *r, int64_t space);
/* The same, with a sentence: DENIED. */
int wf_rights_check(struct wf_rights *r, int64_t space, struct wf_err *err) WF_MUST_USE;

#endif
