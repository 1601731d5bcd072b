/* Node name: what this node is called until somebody renames it. Thread rule: any. */
#ifndef WF_DAEMON_NODE_NAME_H
#define WF_DAEMON_NODE_NAME_H

#include "mesh/devices.h"

/* As the setting says, else as the machine is called, without its domain; empty where that cannot
 * be told. */
void wf_node_name(const char *set, char out[WF_DEVICES_NAME_BYTES + 1]);

#endif
