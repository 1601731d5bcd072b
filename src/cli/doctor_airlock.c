/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor about what leaves: the engines elsewhere and their keys, the process that speaks to
 * them, and the ledger, which it must be able to write before anything leaves. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/i18n.h"
#include "os/file.h"
#include "privacy/ledger_read.h"
#include "privacy/node.h"
#include "privacy/policy.h"
#include "route/engines.h"
#include "route/keys.h"

/* A longer one is not gone through: weft ledger verify takes its time. */
#define VERIFY_BYTES_MAX ((off_t)256 << 20)

static const char *nothing_leaves(void)
{
    return _("Nothing leaves until it is mended.");
}

/* ---- keys ---- */

static void check_mode(struct wf_doctor *r, const char *path)
{
    char advice[WF_LIMIT_PATH_BYTES + 64];
    struct stat st;

    if (stat(path, &st) != 0 || (st.st_mode & 077) == 0)
        return;
    snprintf(advice, sizeof(advice), _("Close it: chmod 600 %s"), path);
    wf_doctor_say(r, WF_DOCTOR_BAD, _("Keys"), _("others on this machine may read one"), advice);
}

/* The secret keys of this node, of the ledger, and of the engines. */
static void check_modes(struct wf_doctor *r)
{
    const struct wf_home *h = &r->cli->home;
    char path[WF_LIMIT_PATH_BYTES + 300];
    DIR *d = opendir(h->keys);
    struct dirent *e;

    check_mode(r, h->ledger_key);
    snprintf(path, sizeof(path), "%s/key", h->node);
    check_mode(r, path);
    while (d != NULL && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", h->keys, e->d_name);
        if (e->d_name[0] != '.')
            check_mode(r, path);
    }
    if (d != NULL)
        closedir(d);
}

/* How many engines lack the key that they are said to have. */
static size_t check_keys(struct wf_doctor *r, const struct wf_engines *engines)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf key;
    size_t n_bad = 0;

    wf_buf_init(&key, WF_KEY_BYTES_MAX);
    for (size_t i = 0; i < engines->n; i++) {
        const struct wf_engine_entry *e = &engines->items[i];
        if (e->has_key && wf_key_get(r->cli->home.keys, e->name, &key, &err) != 0) {
            n_bad++;
            wf_doctor_say(r, WF_DOCTOR_BAD, _("Engine elsewhere"), err.msg,
                          _("weft engines key NAME takes a key."));
        }
        wf_key_forget(&key);
    }
    wf_buf_deinit(&key);
    return n_bad;
}

/* ---- the process ---- */

/* Whether airlock finds the policy as it needs it. */
static int try_policy(const struct wf_home *h, struct wf_err *err)
{
    const struct wf_policy_options po = {.name = h->policy, .user_home = getenv("HOME")};
    struct wf_policy *policy = NULL;
    int rc = wf_policy_load(h->policy, &po, &policy, err);

    wf_policy_free(policy);
    return rc == WF_E_NOENT ? 0 : rc; /* the built-in one is meant */
}

/* It holds the ledger's lock for as long as it runs. */
static bool is_running(const struct wf_home *h)
{
    char log[WF_LIMIT_PATH_BYTES + 8];
    int fd = -1, rc;

    snprintf(log, sizeof(log), "%s/log", h->ledger);
    if (access(log, F_OK) != 0)
        return false;
    rc = wf_file_lock(log, &fd, NULL);
    wf_file_close(&fd);
    return rc == WF_E_BUSY;
}

static void check_process(struct wf_doctor *r, size_t n_engines)
{
    struct wf_err err = WF_ERR_INIT;
    char detail[96];

    if (try_policy(&r->cli->home, &err) != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Airlock"), err.msg, nothing_leaves());
        return;
    }
    if (!r->is_daemon_there) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Airlock"), _("not running, since weft is not"), NULL);
        return;
    }
    (void)snprintf(detail, sizeof(detail), _("running, for %zu engines elsewhere"), n_engines);
    if (is_running(&r->cli->home))
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Airlock"), detail, NULL);
    else
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Airlock"), _("not running, or without its ledger"),
                      _("Nothing leaves. The messages of weft up say why; it is started anew every "
                        "second."));
}

/* ---- the ledger ---- */

static void say_certified(struct wf_doctor *r, const uint8_t key[WF_NODE_KEY_BYTES])
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_node_cert cert;
    int rc = wf_node_check_ledger(r->cli->home.node, key, &cert, &err);

    if (rc == 0)
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Ledger's key"), _("certified by this node's key"),
                      NULL);
    else
        wf_doctor_say(r, rc == WF_E_NOENT ? WF_DOCTOR_NOTE : WF_DOCTOR_BAD, _("Ledger's key"),
                      err.msg, rc == WF_E_NOENT ? _("The running weft does that once.") : NULL);
}

static void check_ledger(struct wf_doctor *r)
{
    const struct wf_home *h = &r->cli->home;
    char log[WF_LIMIT_PATH_BYTES + 8], detail[96], n[32];
    struct wf_ledger_report report = {.n_entries = 0};
    struct wf_err err = WF_ERR_INIT;
    struct stat st;
    int rc;

    snprintf(log, sizeof(log), "%s/log", h->ledger);
    if (stat(log, &st) != 0) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Ledger"), _("empty: nothing has left yet"), NULL);
        return;
    }
    if (access(h->ledger, W_OK | X_OK) != 0 || access(log, W_OK) != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Ledger"), _("it cannot be written"), nothing_leaves());
        return;
    }
    if (st.st_size > VERIFY_BYTES_MAX) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Ledger"), _("too long to be looked through here"),
                      _("weft ledger verify looks at every byte."));
        return;
    }
    rc = wf_ledger_verify(h->ledger, NULL, &report, &err);
    if (rc != 0 && !(rc == WF_E_CORRUPT && report.n_unfinished > 0 && r->is_daemon_there)) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Ledger"), err.msg, nothing_leaves());
        return;
    }
    (void)snprintf(detail, sizeof(detail), _("%s entries, unchanged"),
                   wf_cli_count(n, report.n_entries));
    wf_doctor_say(r, WF_DOCTOR_WELL, _("Ledger"), detail, NULL);
    say_certified(r, report.key);
}

void wf_doctor_airlock(struct wf_doctor *r)
{
    struct wf_engines *engines = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_engines_load(r->cli->home.engines, &engines, &err) != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Engines elsewhere"), err.msg, nothing_leaves());
        return;
    }
    check_modes(r);
    if (engines->n == 0)
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Airlock"),
                      _("not used: there are no engines elsewhere"), NULL);
    else if (check_keys(r, engines) == 0)
        check_process(r, engines->n);
    if (engines->n > 0)
        check_ledger(r);
    wf_engines_free(engines);
}
