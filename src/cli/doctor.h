/* weft doctor: what its files share. Only cmd_doctor.c and doctor_*.c include this. Thread rule:
 * owner. */
#ifndef WF_CLI_DOCTOR_H
#define WF_CLI_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

enum wf_doctor_state {
    WF_DOCTOR_WELL,
    WF_DOCTOR_NOTE,
    WF_DOCTOR_BAD
};

struct wf_doctor {
    struct wf_cli *cli;
    json_t *lines;
    bool bad;
    bool is_daemon_there;
};

/* One line of the report; advice NULL: there is nothing to do. */
void wf_doctor_say(struct wf_doctor *r, enum wf_doctor_state state, const char *what,
                   const char *detail, const char *advice);

/* All that engines elsewhere need: their file and keys, airlock, the ledger and who signs it. */
void wf_doctor_airlock(struct wf_doctor *r);

/* Other nodes: whether this one is reached, and why others are not; and the same of a given answer
 * of nodes.link. */
void wf_doctor_link(struct wf_doctor *r);
void wf_doctor_link_say(struct wf_doctor *r, const json_t *status);
/* The list of the owner's nodes: what is wrong with it, whether its key can be lost. */
void wf_doctor_nodes(struct wf_doctor *r, struct wf_client *c);

#endif
