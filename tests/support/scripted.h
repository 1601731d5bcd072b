/* Scripted: an engine whose answers are written beforehand, for tests of what stands above it. It
 * checks that what it is given lives as long as engine.h promises. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_SCRIPTED_H
#define WF_TESTS_SUPPORT_SCRIPTED_H

#include <jansson.h>
#include <stddef.h>

#include "engine/engine.h"

struct scripted {
    struct wf_engine base;             /* first: hand out &s.base */
    const struct wf_gen_event *events; /* NULL: made to fit the request */
    size_t n_events;
    struct wf_gen_usage usage;
    int64_t retry_ms; /* what `fail` says of when to come again, for generate */
    int fail;         /* WF_E_*: generate, count, embed and rerank give it; 0: they work */
    int fail_next;    /* wf_gen_next gives it after the events */
    /* What was asked last: all fields that are set, as JSON. */
    json_t *asked;
    size_t n_live; /* generations that are not freed */
    size_t n_made; /* generations ever */
};

/* Usage: 7 tokens of prompt, 4 of them cached, 5 written, 2 of them thoughts; model "tiny:latest".
 */
void scripted_init(struct scripted *s);
/* All generations must be freed. */
void scripted_deinit(struct scripted *s);

#endif
