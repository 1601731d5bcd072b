/* Sites: every place of a home where a request may run: the models of the model store, and the
 * engines elsewhere with their models. Thread rule: owner. */
#ifndef WF_CLI_SITES_H
#define WF_CLI_SITES_H

#include "daemon/home.h"
#include "engine/model_store.h"
#include "op/route.h"
#include "route/engines.h"

struct wf_sites {
    struct wf_route_site *items; /* [n] at most WF_ROUTE_CANDIDATES_MAX */
    size_t n;
    struct wf_engines *_engines;
    char (*_models)[WF_MODEL_NAME_MAX]; /* [WF_ROUTE_CANDIDATES_MAX] names of local ones */
};

/* Reads them; a home that is not there has none. *out (zeroed before) is to be deinitialised, also
 * after errors. Errors: those of wf_model_store_open, wf_engines_load; NOMEM. */
int wf_sites_read(const struct wf_home *home, struct wf_sites *out, struct wf_err *err) WF_MUST_USE;
void wf_sites_deinit(struct wf_sites *s);

#endif
