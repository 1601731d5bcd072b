/* SPDX-License-Identifier: Apache-2.0 */
/* Out of the charters that the store keeps: they outlive sharing, whose thread may have ended. */
#include "daemon/others.h"

#include "base/alloc.h"
#include "mesh/fabric.h"
#include "mesh/people.h"

size_t wf_others_list(struct wf_store *store, struct wf_fabric *fabric,
                      struct wf_devices_entry **out)
{
    struct wf_devices *own = wf_alloc_array(1, sizeof(*own)); /* too large for a stack */
    struct wf_people people = {.n_persons = 0};
    struct wf_reader *r = NULL;
    size_t n = 0;
    int rc = own == NULL ? WF_E_NOMEM : wf_store_reader_get(store, &r, NULL);

    if (rc == 0) {
        wf_fabric_devices(fabric, own);
        rc = wf_people_read(r, &people, NULL);
        wf_store_reader_put(store, r);
        if (rc == 0)
            rc = wf_people_others(&people, own->owner, out, &n, NULL);
        wf_people_free(&people);
    }
    wf_free(own);
    return rc == 0 ? n : 0;
}
