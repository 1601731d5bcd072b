/* SPDX-License-Identifier: Apache-2.0 */
/* An engine elsewhere that is none: a recorder behind a real airlock. */
#include "support/elsewhere.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/airlock.h"
#include "os/file.h"
#include "os/sock.h"

static void need(int rc, const struct wf_err *err)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "elsewhere: %s\n", err->msg);
    abort();
}

/* ---- no model is here ---- */

static void free_local(struct wf_engine *e)
{
    (void)e;
}

static const struct wf_engine_ops local_ops = {.free = free_local};
static struct wf_engine local = {&local_ops};

static void open_engine(struct elsewhere *e)
{
    const struct wf_remote_options o = {.local = &local,
                                        .engines = e->engines,
                                        .link = e->link,
                                        .detector = e->detector,
                                        .policy = e->policy,
                                        .inbound = e->inbound};
    struct wf_err err = WF_ERR_INIT;

    wf_engine_free(e->engine);
    need(wf_remote_engine_new(&o, &e->engine, &err), &err);
}

static void start_airlock(struct elsewhere *e)
{
    struct wf_err err = WF_ERR_INIT;
    int fd = -1;

    need(wf_sock_connect_unix(e->home.airlock, &fd, &err), &err);
    e->airlock = fork();
    if (e->airlock == 0) {
        const struct wf_airlock_options o = {.home = &e->home, .log = e->log, .fd = fd};
        _exit(wf_airlock_run(&o));
    }
    wf_file_close(&fd);
}

static void put_engine(struct elsewhere *e)
{
    const char *const models[] = {"small"};
    struct wf_err err = WF_ERR_INIT;
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", recorder_port(e->recorder));
    const struct wf_engine_entry entry = {.name = "stub",
                                          .protocol = WF_PROTOCOL_OPENAI,
                                          .url = url,
                                          .provider = "stub",
                                          .tier = WF_TIER_PROVIDER,
                                          .clearance = WF_LABEL_INTERNAL,
                                          .models = models,
                                          .n_models = 1};
    need(wf_engines_put(e->home.engines, &entry, false, &err), &err);
    need(wf_engines_load(e->home.engines, &e->engines, &err), &err);
}

static void read_policy(struct elsewhere *e, const char *text)
{
    const struct wf_policy_options o = {.name = "policy"};
    struct wf_err err = WF_ERR_INIT;

    need(text == NULL ? wf_policy_built_in(&e->policy, &err)
                      : wf_policy_parse(wf_str_from(text), &o, &e->policy, &err),
         &err);
}

void elsewhere_open(struct elsewhere *e, const struct elsewhere_options *o)
{
    const struct recorder_options ro = {.keeps = true, .says = o->says};
    const struct wf_detect_options detect = {.score_least = o->is_blind ? 2.0F : 0};
    struct wf_err err = WF_ERR_INIT;

    *e = (struct elsewhere){.listener = -1, .dir = "/tmp/weft-test-XXXXXX"};
    if (mkdtemp(e->dir) == NULL)
        abort();
    need(wf_home_init(&e->home, e->dir, &err), &err);
    need(wf_home_create(&e->home, &err), &err);
    e->log = wf_log_new(-1, WF_LOG_INFO);
    e->recorder = recorder_start(&ro);
    put_engine(e);
    need(wf_detector_open(&detect, &e->detector, &err), &err);
    read_policy(e, o->policy);
    if (o->is_filed)
        need(wf_file_replace(e->home.policy, o->policy, strlen(o->policy), 0600, &err), &err);
    need(wf_sock_listen_unix(e->home.airlock, &e->listener, &err), &err);
    need(wf_airlock_link_new(e->listener, (long)getpid(), &e->link, &err), &err);
    need(wf_inbound_open(&e->inbound, &err), &err);
    open_engine(e);
    start_airlock(e);
}

void elsewhere_policy(struct elsewhere *e, const char *policy)
{
    struct wf_policy *before = e->policy;

    read_policy(e, policy);
    open_engine(e);
    wf_policy_free(before);
}

void elsewhere_close(struct elsewhere *e)
{
    char command[128];

    wf_engine_free(e->engine);
    wf_inbound_free(e->inbound);
    wf_airlock_link_free(e->link);
    (void)kill(e->airlock, SIGTERM); /* it may have ended with its connection */
    (void)waitpid(e->airlock, NULL, 0);
    recorder_stop(e->recorder);
    wf_policy_free(e->policy);
    wf_detector_free(e->detector);
    wf_engines_free(e->engines);
    wf_file_close(&e->listener);
    wf_log_free(e->log);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", e->dir);
    if (system(command) != 0)
        abort();
}
