/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's name as the system has it is cut where it is too long. */
#include "daemon/node_name.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void wf_node_name(const char *set, char out[WF_DEVICES_NAME_BYTES + 1])
{
    size_t n;

    out[WF_DEVICES_NAME_BYTES] = '\0';
    if (set[0] != '\0') {
        (void)snprintf(out, WF_DEVICES_NAME_BYTES + 1, "%s", set);
        return;
    }
    if (gethostname(out, WF_DEVICES_NAME_BYTES) != 0)
        out[0] = '\0';
    n = strcspn(out, ".");
    if (n > 0)
        out[n] = '\0';
}
