/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor about the list of a person's devices: whether it can be read and has not forked,
 * whether a pairing is unfinished, and whether the owner's key is on paper. */
#include <stdio.h>

#include "cli/doctor.h"
#include "cli/i18n.h"
#include "op/json.h"

/* Whether this node keeps what others wrote, and has room for more. */
static void look_at_relay(struct wf_doctor *r, struct wf_client *c)
{
    struct wf_client_call call = {.op = "sync.status", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    json_t *status = NULL;

    if (wf_client_run(c, &call, &status, &err) != 0)
        return; /* the list said it already */
    if (json_is_true(json_object_get(json_object_get(status, "relay"), "full")))
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Relay"),
                      _("it is full: it takes no more until devices have fetched some"),
                      _("Which devices have long not been seen? weft nodes"));
    json_decref(status);
}

void wf_doctor_nodes(struct wf_doctor *r, struct wf_client *c)
{
    struct wf_client_call call = {.op = "nodes.list", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    json_t *list = NULL;
    char detail[160];

    if (wf_client_run(c, &call, &list, &err) != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Paired devices"), err.msg, NULL);
        return;
    }
    if (json_is_string(json_object_get(list, "fork")))
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Paired devices"), wf_json_text(list, "fork"),
                      _("It mends itself where the owner's key is. Has somebody copied it?"));
    if (json_is_string(json_object_get(list, "unfinished"))) {
        (void)snprintf(detail, sizeof(detail), _("a pairing with %.64s is not finished"),
                       wf_json_text(list, "unfinished"));
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Paired devices"), detail,
                      _("It ends by itself when the two see each other; or pair them again."));
    }
    if (json_is_true(json_object_get(list, "paper")))
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Owner's key"), _("it is on this device alone"),
                      _("Print its words, once: weft nodes paper > page.html"));
    json_decref(list);
    look_at_relay(r, c);
}
