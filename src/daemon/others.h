/* Others: the devices of other people with whom spaces are shared, for sealed sessions with them.
 * Thread rule: any. */
#ifndef WF_DAEMON_OTHERS_H
#define WF_DAEMON_OTHERS_H

#include "mesh/devices.h"

struct wf_fabric;
struct wf_store;

/* For wf_sealed_options.others; none where they cannot be read. */
size_t wf_others_list(struct wf_store *store, struct wf_fabric *fabric,
                      struct wf_devices_entry **out);

#endif
