/* Sites: every place where a request may run, out of what is open already: the chat models of a
 * model store, and the engines elsewhere with their models. Thread rule: owner. */
#ifndef WF_OP_SITES_H
#define WF_OP_SITES_H

#include "engine/model_store.h"
#include "mesh/remote_nodes.h"
#include "op/route.h"
#include "os/power.h"
#include "route/engines.h"

/* A model that is not in memory: so many milliseconds a weight, from its file (some 0.6 bytes a
 * weight, 1.5 GB/s). */
#define WF_SITES_LOAD_MS_WEIGHT 4e-7

struct wf_sites {
    struct wf_route_site *items; /* [n] at most WF_ROUTE_CANDIDATES_MAX */
    size_t n;
    size_t _room;
    const struct wf_model_list *_models; /* names of local ones */
    struct wf_nodes_place *_places;      /* of nodes */
};

/* Lists them: the store's default model first, then its others, then the engines'. Either may be
 * NULL: it has none. `engines` is borrowed until *out is deinitialised, which it is to be after
 * errors, too. Errors: those of wf_model_store_each; NOMEM. */
int wf_sites_list(struct wf_model_store *models, const struct wf_engines *engines,
                  struct wf_sites *out, struct wf_err *err) WF_MUST_USE;
/* Puts what the device is like at this moment to its own sites: battery, heat, and the carbon of
 * its current (grams a kilowatt hour; 0: not configured). */
void wf_sites_power(struct wf_sites *s, const struct wf_power_state *now, int64_t carbon_g_kwh);
/* The same of a list of the store's models, which is taken over, also after an error; NULL: none.
 */
int wf_sites_of(const struct wf_model_list *models, const struct wf_engines *engines,
                struct wf_sites *out, struct wf_err *err) WF_MUST_USE;
/* Adds the chat models of the owner's other nodes that are connected, as they are now. NULL: none.
 * Errors: NOMEM. */
int wf_sites_add_nodes(struct wf_sites *s, struct wf_nodes *nodes, struct wf_err *err) WF_MUST_USE;
void wf_sites_deinit(struct wf_sites *s);

#endif
