/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor about other nodes: whether this one can be reached, and for each that is paired why
 * it is not there, which has one of a dozen causes that look the same from outside. What is said
 * comes from the operation nodes.link; here it becomes sentences with something to do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/i18n.h"

#define KNOCK_S 600
#define NAME_CHARS 64
#define KEY_CHARS 8 /* of a key, enough to tell a person's devices apart */
/* Records go by clocks: minutes apart the later word may lose. */
#define SKEW_MS 120000

static const char *text(const json_t *v, const char *name)
{
    const char *s = json_string_value(json_object_get(v, name));

    return s != NULL ? s : "";
}

/* What a reason means, and what to do. */
struct meaning {
    const char *reason, *detail, *advice;
};

static struct meaning meaning_of(const char *reason)
{
    const struct meaning all[] = {
        {"port_closed", _("the machine answers, but no weft listens there"),
         _("Start weft on it (weft up), and look at link_port and weft doctor there.")},
        {"no_answer", _("nothing comes back"),
         _("It is off, in another network, or a firewall drops the connection: allow its "
           "link_port (TCP 7771) on it.")},
        {"no_route", _("the machine or its network cannot be reached"),
         _("Is this device online, and the other one in the same network or reachable from it?")},
        {"no_name", _("its name has no address"),
         _("Check the name, or pair again with an address of digits.")},
        {"not_weft", _("something else than weft answers there"),
         _("Another program has that port: change link_port on one of both.")},
        {"other_key", _("another weft answers there, with another key"),
         _("The address belongs to another device now, or weft was set up anew there: pair "
           "again.")},
        {"not_paired", _("it does not know this device (any more)"),
         _("Pair again: weft pair --show on one of both.")},
        {"version", _("its weft is too old or too new"), _("Bring both to the same version.")},
        {"too_slow", _("it began to answer and stopped"),
         _("A slow or broken network, or a machine that is very busy.")},
        {"too_much", _("it takes no more connections for now"), _("It is tried again.")},
        {"silent", _("it fell silent"), _("It sleeps, or the network is gone; it is tried again.")},
        {"lost", _("the connection was dropped"), _("It is tried again.")},
        {"closed", _("it ended the connection"),
         _("weft has ended there, or is starting again; it is tried again.")},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        if (strcmp(all[i].reason, reason) == 0)
            return all[i];
    }
    return (struct meaning){reason, _("not connected yet"), _("It is tried again.")};
}

/* ---- this node ---- */

/* Which firewall seems to be on; NULL: none that we know. */
static const char *firewall(char advice[160], int port)
{
    char line[256];
    FILE *file = fopen("/etc/ufw/ufw.conf", "r");
    bool is_on = false;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        is_on = is_on || strncmp(line, "ENABLED=yes", 11) == 0;
    if (file != NULL)
        (void)fclose(file); /* it was read only */
    if (is_on) {
        (void)snprintf(advice, 160, _("If others do not get through: sudo ufw allow %d/tcp"), port);
        return "ufw";
    }
    if (access("/run/firewalld", F_OK) != 0)
        return NULL;
    (void)snprintf(advice, 160,
                   _("If others do not get through: sudo firewall-cmd --add-port=%d/tcp"), port);
    return "firewalld";
}

static void say_listener(struct wf_doctor *r, const json_t *status)
{
    const int port = (int)json_integer_value(json_object_get(status, "port"));
    const json_t *first = json_array_get(json_object_get(status, "addresses"), 0);
    const char *problem = text(status, "listening"), *wall;
    char detail[WF_ERR_MSG_MAX + 64], advice[160];

    if (port == 0) {
        (void)snprintf(detail, sizeof(detail), _("others cannot reach this device: %s"), problem);
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Other devices"), detail,
                      _("It still reaches others. Choose another port with link_port in "
                        "weft.conf, or leave it so."));
        return;
    }
    (void)snprintf(detail, sizeof(detail), _("reachable at %s"),
                   first != NULL ? json_string_value(first) : _("no address but this machine's"));
    wf_doctor_say(r, first != NULL ? WF_DOCTOR_WELL : WF_DOCTOR_BAD, _("Other devices"), detail,
                  first != NULL ? NULL : _("This device has no network."));
    wall = firewall(advice, port);
    if (wall != NULL) {
        (void)snprintf(detail, sizeof(detail), _("%s is on"), wall);
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Firewall"), detail, advice);
    }
}

/* ---- the others ---- */

static void say_up(struct wf_doctor *r, const char *name, const json_t *peer)
{
    const int64_t skew_ms = json_integer_value(json_object_get(peer, "skew_ms"));
    char detail[256];

    if (llabs(skew_ms) > SKEW_MS) {
        (void)snprintf(detail, sizeof(detail), _("connected, but its clock is off by %lld minutes"),
                       llabs(skew_ms) / 60000);
        wf_doctor_say(r, WF_DOCTOR_BAD, name, detail,
                      _("Set the clocks of both: what was changed last wins by the clock."));
        return;
    }
    (void)snprintf(detail, sizeof(detail), _("connected at %.100s, weft %.32s"),
                   text(peer, "address"), text(peer, "version"));
    wf_doctor_say(r, WF_DOCTOR_WELL, name, detail, NULL);
}

static void say_peer(struct wf_doctor *r, const json_t *peer)
{
    const size_t n_known = json_array_size(json_object_get(peer, "tried"));
    const struct meaning m = meaning_of(text(peer, "reason"));
    char name[128], detail[512];

    if (text(peer, "name")[0] != 0)
        (void)snprintf(name, sizeof(name), _("Device %.*s"), NAME_CHARS, text(peer, "name"));
    else
        (void)snprintf(name, sizeof(name), _("Device %.*s"), KEY_CHARS, text(peer, "key"));
    if (strcmp(text(peer, "state"), "up") == 0) {
        say_up(r, name, peer);
    } else if (n_known == 0) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, name, _("not connected, and no address of it is known"),
                      _("It is found when it is in the same network, or connects to this one; "
                        "else say where it is: weft nodes address NAME HOST:PORT."));
    } else {
        (void)snprintf(detail, sizeof(detail), "%s: %s", text(peer, "address"), m.detail);
        wf_doctor_say(r, WF_DOCTOR_NOTE, name, text(peer, "address")[0] != 0 ? detail : m.detail,
                      m.advice);
    }
}

/* Somebody came and was turned away: often the other half of the same riddle. */
static void say_knock(struct wf_doctor *r, const json_t *knock)
{
    const bool is_stranger = strcmp(text(knock, "reason"), "not_paired") == 0;
    char detail[256];

    if (json_integer_value(json_object_get(knock, "ago_s")) > KNOCK_S)
        return;
    (void)snprintf(detail, sizeof(detail), _("%.100s came with the key %.*s and was turned away"),
                   text(knock, "address"), KEY_CHARS, text(knock, "key"));
    wf_doctor_say(r, WF_DOCTOR_NOTE, _("Turned away"), detail,
                  is_stranger ? _("It is not paired here. If it is yours: weft pair --show.")
                              : NULL);
}

void wf_doctor_link_say(struct wf_doctor *r, const json_t *status)
{
    const json_t *peers = json_object_get(status, "peers"), *knocks, *v;
    const char *state = text(status, "state");
    size_t i;

    if (strcmp(state, "off") == 0) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Other devices"),
                      _("none is paired: nothing listens for them"), NULL);
        return;
    }
    if (strcmp(state, "on") != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Other devices"),
                      _("the process that speaks to them does not run (yet)"),
                      _("The messages of weft up say why; it is started anew every second."));
        return;
    }
    say_listener(r, status);
    json_array_foreach(peers, i, v) say_peer(r, v);
    knocks = json_object_get(status, "knocks");
    json_array_foreach(knocks, i, v) say_knock(r, v);
}

void wf_doctor_link(struct wf_doctor *r)
{
    struct wf_client_options o = {.program = NULL};
    struct wf_client_call call = {.op = "nodes.link", .fd = -1};
    char path[WF_LIMIT_PATH_BYTES + 8], advice[WF_LIMIT_PATH_BYTES + 64];
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *status = NULL;
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/key", r->cli->home.link);
    (void)snprintf(advice, sizeof(advice), _("Close it: chmod 600 %s"), path);
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Keys"), _("others on this machine may read one"),
                      advice);
    if (!r->is_daemon_there)
        return; /* nothing is known, and nobody is reached */
    if (wf_client_open(&r->cli->home, &o, &c, &err) == 0 &&
        wf_client_run(c, &call, &status, &err) == 0) {
        wf_doctor_nodes(r, c);
        wf_doctor_link_say(r, status);
    } else
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Other devices"), err.msg, NULL);
    json_decref(status);
    wf_client_close(c);
}
