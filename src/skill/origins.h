/* Origins of what a model is given: where a document lies, for the policy (engine/engine.h). Thread
 * rule: owner. */
#ifndef WF_SKILL_ORIGINS_H
#define WF_SKILL_ORIGINS_H

#include "base/arena.h"
#include "engine/engine.h"
#include "store/document.h"

/* Paths of one document that are told; one with more is as if none were known. */
#define WF_ORIGINS_PATHS_MAX 64

struct wf_origins {
    struct wf_origin *items; /* [n] in the arena */
    size_t n, cap;
};

/* Adds where document `uid` lies, for piece i_part: every one of its paths, its space, its label;
 * of mail also the sender. One without a path counts as a file whose place is not known. Texts are
 * in the arena. Errors: those of the store, NOMEM. */
int wf_origins_document(struct wf_reader *r, struct wf_str uid, size_t i_part,
                        struct wf_arena *arena, struct wf_origins *io,
                        struct wf_err *err) WF_MUST_USE;
/* Adds one. Errors: NOMEM. */
int wf_origins_add(const struct wf_origin *o, struct wf_arena *arena, struct wf_origins *io,
                   struct wf_err *err) WF_MUST_USE;

#endif
