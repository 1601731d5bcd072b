/* The places of a home where a request may run (op/sites.h). Thread rule: owner. */
#ifndef WF_CLI_SITES_H
#define WF_CLI_SITES_H

#include "daemon/home.h"
#include "op/sites.h"

struct wf_home_sites {
    struct wf_sites all;
    struct wf_engines *_engines; /* what `all` borrows from */
    struct wf_model_store *_models;
};

/* Reads them; a home that is not there has none. *out (zeroed before) is to be deinitialised, also
 * after errors. Errors: those of wf_model_store_open, wf_engines_load, wf_sites_list,
 * wf_power_open. */
int wf_home_sites_read(const struct wf_home *home, int64_t carbon_g_kwh, struct wf_home_sites *out,
                       struct wf_err *err) WF_MUST_USE;
void wf_home_sites_deinit(struct wf_home_sites *s);

#endif
