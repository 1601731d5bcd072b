/* SPDX-License-Identifier: Apache-2.0 */
/* The places of a home where a request may run: opens what op/sites lists. */
#include "cli/sites.h"

#include <unistd.h>

#include "engine/model_store.h"

int wf_home_sites_read(const struct wf_home *home, int64_t carbon_g_kwh, struct wf_home_sites *out,
                       struct wf_err *err)
{
    struct wf_power *power = NULL;
    struct wf_power_state now;
    int rc = 0;

    if (access(home->models, F_OK) == 0)
        rc = wf_model_store_open(home->models, &out->_models, err);
    if (rc == 0)
        rc = wf_engines_load(home->engines, &out->_engines, err);
    if (rc == 0)
        rc = wf_sites_list(out->_models, out->_engines, &out->all, err);
    if (rc == 0)
        rc = wf_power_open("/sys", &power, err);
    if (rc == 0) {
        wf_power_read(power, &now);
        wf_sites_power(&out->all, &now, carbon_g_kwh);
    }
    wf_power_close(power);
    return rc;
}

void wf_home_sites_deinit(struct wf_home_sites *s)
{
    wf_sites_deinit(&s->all);
    wf_model_store_close(s->_models);
    s->_models = NULL;
    wf_engines_free(s->_engines);
    s->_engines = NULL;
}
