/* SPDX-License-Identifier: Apache-2.0 */
/* The core's life: fork the spawner, lock itself down, open the store, serve, close.
 *
 * The order matters. The spawner is forked first, because afterwards no process can be made. The
 * lock comes before the store is opened and before any thread exists: the database is bytes from
 * outside too, and Landlock holds for threads that are made after it. Only then is anything read.
 */
#include "daemon/core.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "daemon/fetch.h"
#include "daemon/given.h"
#include "daemon/lens_file.h"
#include "daemon/manual.h"
#include "daemon/node_name.h"
#include "daemon/others.h"
#include "daemon/reminding.h"
#include "daemon/serve.h"
#include "engine/local.h"
#include "engine/model_store.h"
#include "find/lens_embedder.h"
#include "find/meaning.h"
#include "http/http.h"
#include "ingest/extract.h"
#include "ingest/intake.h"
#include "mesh/blobs.h"
#include "mesh/fabric.h"
#include "mesh/keeper.h"
#include "mesh/link.h"
#include "mesh/nearby.h"
#include "mesh/remote_nodes.h"
#include "mesh/sealed.h"
#include "mesh/sharing.h"
#include "op/moving.h"
#include "op/op.h"
#include "op/open_label.h"
#include "op/phones.h"
#include "op/remote.h"
#include "op/remote_node.h"
#include "op/router.h"
#include "os/cores.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/power.h"
#include "os/sandbox.h"
#include "os/zone.h"
#include "privacy/detect.h"
#include "privacy/policy.h"
#include "space/device.h"
#include "space/draft.h"
#include "space/record.h"
#include "space/rights.h"
#include "space/thread_share.h"
#include "text/utf8.h"

#define FILES_OPEN (WF_LIMIT_HTTP_CONNECTIONS + 512)
/* Below, auto has small documents fetched alone: a phone's, a small board's. */
#define SMALL_DISK_BYTES (UINT64_C(64) << 30)
#define STORE_WAIT_MS 10000 /* for a command that has the store open when the daemon starts */

struct core {
    const struct wf_core_options *o;
    char spool_dir[WF_LIMIT_PATH_BYTES + 8]; /* the store empties it when it opens */
    struct wf_op_context ops;
    struct wf_engine *local; /* the built-in one, which ops.engine begins or ends with */
    struct wf_serve *serve;
    struct wf_http *http;
    struct wf_reminding *reminding;
    int spawner_pid;
    struct wf_fetch_client *fetch;
    struct wf_op_pull pull;
    struct wf_lens_place lens;
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_thread_share *_Atomic threads;
    struct wf_nearby *_Atomic nearby;
    struct wf_moving *_Atomic moving;
    struct wf_sealed *_Atomic sealed;     /* what is in ops, for threads that are there before it */
    struct wf_blobs *_Atomic blobs;       /* likewise */
    struct wf_sharing *_Atomic sharing;   /* what is in ops, for threads that are there before it */
    struct wf_keeper *keeper;             /* NULL: a core for one command */
    char name[WF_DEVICES_NAME_BYTES + 1]; /* what this node is called until it is renamed */
    struct wf_device device;              /* this one's signing key */
    struct wf_err policy_err;             /* why there is none */
    struct wf_engines *engines;
    struct wf_err engines_err;    /* why there are none */
    struct wf_rights rights;      /* ops.rights points here */
    struct wf_airlock_link *link; /* NULL: a core for one command */
    struct wf_link *nodes;        /* NULL: no other nodes, as in a core of one command */
    struct wf_budget *budget;
    struct wf_inbound *inbound;
    struct wf_power *power;
    char who[64]; /* the person, as the system calls them; empty: it does not say */
};

/* For the signal handler; set before it is installed, wf_http_stop may be called from one. */
static struct wf_http *_Atomic stop_http;

static void on_term(int sig)
{
    struct wf_http *h = atomic_load(&stop_http);

    (void)sig;
    if (h)
        wf_http_stop(h);
}

void wf_core_refuse(int fd, const struct wf_err *why)
{
    int rc = wf_serve__send(fd, wf_serve__error(why), NULL);

    (void)rc; /* when the client is gone too, nobody is left to tell */
}

static void new_link(void *ud, char out[WF_OP_LINK_BYTES])
{
    struct core *c = ud;
    const char *host = c->o->config->host;
    char code[WF_HTTP_CODE_HEX_LEN + 1];
    bool v6 = strchr(host, ':') != NULL;

    wf_http_new_code(c->http, code);
    snprintf(out, WF_OP_LINK_BYTES, "http://%s%s%s:%u/open/%s", v6 ? "[" : "", host, v6 ? "]" : "",
             c->o->http_port, code);
}

/* Whose releases are recorded. */
static void read_who(struct core *c)
{
    const char *user = getenv("USER");
    struct wf_str name = wf_str_from(user != NULL ? user : "");

    if (name.len < sizeof(c->who) && wf_utf8_valid_prefix(name) == name.len)
        memcpy(c->who, name.ptr, name.len);
}

/* Before the lock: patterns become machine code, the policy is a file of the person's, what the
 * device's power is like stands in sysfs. One that
 * cannot be read is no reason not to run: everything is secret then. */
static int open_privacy(struct core *c, struct wf_err *err)
{
    const struct wf_detect_options detect = {.plain_only = false};
    const char *path = c->o->home->policy;
    const struct wf_policy_options policy = {.name = path, .user_home = getenv("HOME")};

    int rc = access(path, F_OK) != 0 && errno == ENOENT
                 ? wf_policy_built_in(&c->policy, &c->policy_err)
                 : wf_policy_load(path, &policy, &c->policy, &c->policy_err);

    read_who(c);
    if (rc == 0) /* else it is told when there is a log */
        c->ops.policy = c->policy;
    if (c->o->airlock_fd >= 0)
        (void)!wf_engines_load(c->o->home->engines, &c->engines, &c->engines_err); /* likewise */
    rc = wf_detector_open(&detect, &c->detector, err);
    if (rc == 0)
        rc = wf_power_open("/sys", &c->power, err);
    wf_cores_look("/sys");
    c->ops.power = c->power;
    c->ops.carbon_g_kwh = c->o->config->carbon_g_kwh;
    return rc == 0 ? wf_inbound_open(&c->inbound, err) : rc;
}

int wf_core_lock_down(const struct wf_home *home, const char *lens, struct wf_err *err)
{
    const char *const write_dirs[] = {home ? home->data : NULL, NULL};
    const char *read_dirs[8] = {"/dev/urandom"};   /* libwebsockets opens it */
    const char *const *memory = wf_memory_files(); /* how large a model's cache may become */
    const struct wf_sandbox_options so = {
        .kind = WF_SANDBOX_CORE, .write_dirs = write_dirs, .read_dirs = read_dirs};
    size_t n = 1;
    int rc;

    if (home != NULL)
        read_dirs[n++] = home->ledger;
    if (lens[0] != 0)
        read_dirs[n++] = lens;
    for (size_t i = 0; memory[i] != NULL; i++) {
        assert(n + 1 < WF_ARRAY_LEN(read_dirs));
        read_dirs[n++] = memory[i];
    }
    (void)wf_file_open_max(FILES_OPEN); /* with fewer, fewer connections are taken */
    rc = wf_sandbox_enter(&so, err);
    if (rc != 0)
        wf_err_prefix(err, "weft does not run without protection");
    return rc;
}

/* A daemon waits for its turn; a command says BUSY at once, its client tries again. */
static int open_store(struct core *c, struct wf_err *err)
{
    int64_t wait_ms = c->o->conn_fd >= 0 ? 0 : STORE_WAIT_MS;
    int64_t deadline_ns = wf_clock_mono_ns(NULL) + wait_ms * 1000000;
    int rc;

    for (;;) {
        rc = wf_store_open(c->o->home->data, NULL, &c->ops.store, err);
        if (rc != WF_E_BUSY || wf_clock_mono_ns(NULL) >= deadline_ns)
            return rc;
        (void)poll(NULL, 0, 50); /* a pause, nothing to wait on */
    }
}

static int begin_pull(void *ud, const char *id, const json_t *request, int *out_fd,
                      struct wf_err *err)
{
    struct core *c = ud;

    return wf_fetch_begin(c->fetch, id, request, out_fd, err);
}

static void end_pull(void *ud, const char *id, int *io_fd)
{
    struct core *c = ud;

    wf_fetch_end(c->fetch, id, io_fd);
}

static void record_changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    struct core *c = ud;

    wf_op_record_changed(&c->ops, space, collection, key);
    wf_thread_share_changed(atomic_load(&c->threads), collection, key);
    if (wf_str_eq(collection, WF_BLOBS_RECORDS))
        wf_blobs_heard(atomic_load(&c->blobs), space, key);
    wf_sharing_poke(atomic_load(&c->sharing));
}

static int open_drafts(struct core *c, struct wf_err *err)
{
    struct wf_drafts_options o = {
        .store = c->ops.store, .settled = wf_op_draft_settled, .settled_ud = &c->ops};
    int rc;

    _Static_assert(sizeof(o.device) == sizeof(c->device.signer.id), "a device's id");
    memcpy(o.device, c->device.signer.id, sizeof(o.device));
    wf_rights_init(&c->rights);
    c->ops.rights = o.rights = &c->rights;
    rc = wf_rights_read(&c->rights, c->ops.store, err);
    return rc == 0 ? wf_drafts_new(&o, &c->ops.drafts, err) : rc;
}

static int open_records(struct core *c, struct wf_err *err)
{
    const struct wf_records_options o = {.store = c->ops.store,
                                         .signer = &c->device.signer,
                                         .tells = true,
                                         .rights = &c->rights,
                                         .changed = record_changed,
                                         .ud = c};

    return wf_records_new(&o, &c->ops.records, err);
}

static int open_models(struct core *c, struct wf_err *err)
{
    const struct wf_config *conf = c->o->config;
    struct wf_err own = WF_ERR_INIT;
    int rc = wf_model_store_open(c->o->home->models, &c->ops.models, err);

    c->pull = (struct wf_op_pull){.begin = begin_pull,
                                  .end = end_pull,
                                  .ud = c,
                                  .registry = conf->registry,
                                  .hub = conf->huggingface,
                                  .token = conf->huggingface_token};
    c->ops.pull = &c->pull;
    if (rc == 0 && wf_model_store_sweep(c->ops.models, &own) != 0)
        wf_log_line(c->ops.log, WF_LOG_WARN, "core", "models: %s", own.msg);
    if (rc == 0)
        rc = wf_local_engine_new(c->ops.models, &conf->models, &c->local, err);
    if (rc == 0)
        wf_local_engine_power(c->local, c->power);
    if (rc == 0)
        c->ops.engine = c->local;
    return rc;
}

/* Puts the engines elsewhere, where there are some, before the local one. */
static int open_remote(struct core *c, struct wf_err *err)
{
    struct wf_remote_options o = {.local = c->ops.engine,
                                  .engines = c->engines,
                                  .models = c->ops.models,
                                  .detector = c->detector,
                                  .policy = c->policy,
                                  .inbound = c->inbound,
                                  .who = wf_str_from(c->who),
                                  .link = c->link,
                                  .lens = c->lens.is_off ? NULL : c->ops.lens};
    struct wf_err own = WF_ERR_INIT;
    int rc;

    if (c->engines == NULL || c->engines->n == 0)
        return 0;
    if (wf_budget_open(c->o->home->spent, NULL, &c->budget, &own) != 0)
        wf_log_line(c->ops.log, WF_LOG_WARN, "core", "no engine that has a budget is asked: %s",
                    own.msg);
    o.budget = c->budget;
    c->ops.engine = NULL; /* taken over */
    rc = wf_remote_engine_new(&o, &c->ops.engine, err);
    if (rc == 0)
        c->ops.engines = c->engines;
    return rc;
}

static void list_devices(void *ud, struct wf_devices *out)
{
    struct core *c = ud;

    wf_fabric_devices(c->ops.fabric, out);
}

static size_t list_others(void *ud, struct wf_devices_entry **out)
{
    const struct core *c = ud;

    return wf_others_list(c->ops.store, c->ops.fabric, out);
}

static void nearby_changed(void *ud, const char *what)
{
    struct core *c = ud;

    wf_hub_publish(c->ops.hub, what, NULL);
}

static void nearby_moved(void *ud, const json_t *state)
{
    wf_op_present_moved(&((struct core *)ud)->ops, state);
}

static void nearby_other(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    struct core *c = ud;
    struct wf_moving *moving = atomic_load(&c->moving);

    if (moving != NULL)
        wf_moving_message(moving, peer, kind, body);
}

/* What is open on the owner's other devices. */
static int open_nearby(struct core *c, struct wf_err *err)
{
    const struct wf_nearby_options o = {.sealed = c->ops.sealed,
                                        .log = c->ops.log,
                                        .devices = list_devices,
                                        .changed = nearby_changed,
                                        .moved = nearby_moved,
                                        .other = nearby_other,
                                        .ud = c};

    return wf_nearby_new(&o, &c->ops.nearby, err);
}

/* The way to other nodes. The process is asked for once something is paired, or to be. */
static int open_link(struct core *c, struct wf_err *err)
{
    const struct wf_link_options o = {.listen_fd = c->o->link_fd,
                                      .supervisor = (long)getppid(),
                                      .wanted = c->o->home->link_wanted,
                                      .addresses = c->o->home->link_addresses,
                                      .log = c->ops.log};
    int rc = c->o->http_fd >= 0 && c->o->link_fd >= 0 ? wf_link_new(&o, &c->nodes, err) : 0;
    const struct wf_sealed_options so = {.link = c->nodes,
                                         .device = &c->device.signer,
                                         .devices = list_devices,
                                         .others = list_others,
                                         .ud = c,
                                         .log = c->ops.log};

    c->ops.link = c->nodes;
    if (rc == 0 && c->nodes != NULL)
        rc = wf_sealed_new(&so, &c->ops.sealed, err);
    return rc == 0 && c->nodes != NULL ? open_nearby(c, err) : rc;
}

static void offers_changed(void *ud)
{
    struct core *c = ud;

    wf_hub_publish(c->ops.hub, "nodes", NULL);
}

/* Puts the owner's other nodes before the local engine, which they may ask. */
static int open_nodes(struct core *c, struct wf_err *err)
{
    const struct wf_nodes_options no = {.sealed = c->ops.sealed,
                                        .engine = c->ops.engine,
                                        .models = c->ops.models,
                                        .power = c->power,
                                        .offers = (enum wf_nodes_offers)c->o->config->node_offers,
                                        .n_slots = (uint32_t)c->o->config->models.parallel,
                                        .carbon_g_kwh = c->o->config->carbon_g_kwh,
                                        .log = c->ops.log,
                                        .changed = offers_changed,
                                        .ud = c};
    struct wf_remote_node_options o = {.local = c->ops.engine,
                                       .models = c->ops.models,
                                       .detector = c->detector,
                                       .policy = c->policy,
                                       .lens = c->lens.is_off ? NULL : c->ops.lens};
    int rc = c->ops.sealed == NULL ? 0 : wf_nodes_new(&no, &c->ops.nodes, err);

    if (rc == 0 && c->ops.nodes != NULL)
        rc = wf_node_breakers_new(NULL, &c->ops.breakers, err);
    if (rc != 0 || c->ops.nodes == NULL)
        return rc;
    o.nodes = c->ops.nodes;
    o.breakers = c->ops.breakers;
    c->ops.engine = NULL; /* taken over */
    return wf_remote_node_engine_new(&o, &c->ops.engine, err);
}

/* Puts the choice among all of them, for who asks "auto", before the rest. */
static int open_router(struct core *c, struct wf_err *err)
{
    const struct wf_config *conf = c->o->config;
    const struct wf_router_options o = {
        .inner = c->ops.engine,
        .engines = c->ops.engines,
        .nodes = c->ops.nodes,
        .breakers = c->ops.breakers,
        .models = c->ops.models,
        .detector = c->detector,
        .policy = c->policy,
        .lens = c->lens.is_off ? NULL : c->ops.lens,
        .power = c->power,
        .carbon_g_kwh = conf->carbon_g_kwh,
        .n_slots = (uint32_t)conf->models.parallel,
        .balance = (enum wf_balance)conf->route_balance,
        .has_consent = conf->route_consent == 1,
        .never_hedges = conf->route_hedge == 0,
        .experience = c->o->home->experience,
        .routes = c->o->home->routes,
        .log = c->ops.log,
    };
    int rc;

    c->ops.engine = NULL; /* taken over */
    rc = wf_router_new(&o, &c->ops.engine, err);
    c->ops.router = rc == 0 ? c->ops.engine : NULL;
    return rc;
}

/* All that is not on this machine, and the choice among it. */
static int open_elsewhere(struct core *c, struct wf_err *err)
{
    int rc = open_link(c, err);

    if (rc == 0)
        rc = open_nodes(c, err);
    if (rc == 0 && c->o->airlock_fd >= 0)
        rc = wf_airlock_link_new(c->o->airlock_fd, (long)getppid(), &c->link, err);
    if (rc == 0)
        rc = open_remote(c, err);
    return rc == 0 ? open_router(c, err) : rc;
}

static int spawn_fetch(struct core *c, int *out_fd, struct wf_err *err)
{
    const char *ca_file = c->o->config->ca_file;
    char incoming[WF_LIMIT_PATH_BYTES + 16];
    const struct wf_fetch_options fo = {.incoming = incoming,
                                        .ca_file = ca_file[0] ? ca_file : NULL};

    snprintf(incoming, sizeof(incoming), "%s/incoming", c->o->home->models);
    return wf_fetch_spawn(&fo, out_fd, err);
}

/* What embedding in the background waits for: requests, operations, files on their way. */
static bool is_busy(void *ud)
{
    struct core *c = ud;

    return wf_http_load(c->http) > 0 || wf_op_running(&c->ops) > 0 ||
           wf_intake_stats(c->ops.intake).n_waiting > 0;
}

static int open_meaning(struct core *c, struct wf_err *err)
{
    const struct wf_config *config = c->o->config;
    const struct wf_meaning_options mo = {.store = c->ops.store,
                                          .embedder = config->search_vectors == 1
                                                          ? wf_lens_embedder(c->ops.lens)
                                                          : wf_lens_embedder_fitted(c->ops.lens),
                                          .n_judged = (size_t)config->search_rerank,
                                          /* for one command: it says itself when (vectors.make) */
                                          .is_busy = c->o->conn_fd < 0 ? is_busy : NULL,
                                          .busy_ud = c};

    return config->search_vectors ? wf_meaning_new(&mo, &c->ops.meaning, err) : 0;
}

static void fabric_changed(void *ud, const char *what)
{
    struct core *c = ud;

    wf_hub_publish(c->ops.hub, what, NULL);
    if (strcmp(what, "nodes") == 0) {
        wf_sealed_devices_changed(atomic_load(&c->sealed));
        wf_sharing_devices_changed(atomic_load(&c->sharing));
        wf_nearby_devices_changed(atomic_load(&c->nearby));
        wf_thread_share_poke(atomic_load(&c->threads));
        wf_blobs_devices_changed(atomic_load(&c->blobs));
    }
}

static void drafts_durable(void *ud)
{
    wf_sharing_poke(ud);
}

static void people_pins(void *ud, const uint8_t (*keys)[WF_DEVICES_KEY_BYTES], size_t n)
{
    struct core *c = ud;
    struct wf_err err = WF_ERR_INIT;

    wf_fabric_people(c->ops.fabric, keys, n);
    wf_sealed_devices_changed(atomic_load(&c->sealed));
    wf_blobs_devices_changed(atomic_load(&c->blobs));
    if (wf_given_want(c->o->home->shared, n > 0, &err) != 0)
        wf_log_line(c->ops.log, WF_LOG_ERROR, "core", "nothing goes to other people: %s", err.msg);
}

static int people_given(void *ud, struct wf_given *what, size_t n, struct wf_err *err)
{
    const struct core *c = ud;

    return wf_given_write(c->link, what, n, err);
}

static void sharing_changed(void *ud)
{
    struct core *c = ud;

    wf_hub_publish(c->ops.hub, "sync", NULL);
    wf_hub_publish(c->ops.hub, "drafts", NULL); /* some may be new */
}

/* What other devices are to have, too. */
static int open_sharing(struct core *c, struct wf_err *err)
{
    const struct wf_sharing_options o = {.store = c->ops.store,
                                         .drafts = c->ops.drafts,
                                         .records = c->ops.records,
                                         .link = c->nodes,
                                         .device = &c->device,
                                         .keeps = c->o->config->node_tier != 0,
                                         .log = c->ops.log,
                                         .devices = list_devices,
                                         .label = wf_op_draft_label,
                                         .label_ud = &c->ops,
                                         .rights = &c->rights,
                                         .pins = people_pins,
                                         .given = people_given,
                                         .changed = sharing_changed,
                                         .ud = c};
    int rc = c->nodes == NULL ? 0 : wf_sharing_new(&o, &c->ops.sharing, err);

    atomic_store(&c->sharing, c->ops.sharing);
    if (c->ops.sharing != NULL)
        wf_drafts_on_durable(c->ops.drafts, drafts_durable, c->ops.sharing);
    return rc;
}

static void threads_written(void *ud)
{
    struct core *c = WF_CONTAINER(ud, struct core, ops);

    wf_sharing_poke(atomic_load(&c->sharing));
}

static void threads_came(void *ud)
{
    struct core *c = WF_CONTAINER(ud, struct core, ops);

    wf_hub_publish(c->ops.hub, "threads", NULL);
}

static enum wf_label text_label(void *ud, struct wf_str text)
{
    struct core *c = ud;

    return wf_op_text_label(&c->ops, text);
}

static int send_nearby(void *ud, uint64_t peer, unsigned kind, struct wf_str body,
                       struct wf_err *err)
{
    struct core *c = ud;

    return wf_nearby_send(c->ops.nearby, peer, kind, body, err);
}

static bool clearance_of(void *ud, uint64_t peer, enum wf_label *out)
{
    struct core *c = ud;
    struct wf_devices_entry entry;

    if (wf_sealed_entry(c->ops.sealed, peer, &entry, NULL) != 0)
        return false;
    *out = entry.clearance;
    return true;
}

/* Answers that are being written, on the owner's other devices. */
static int open_moving(struct core *c, struct wf_err *err)
{
    const struct wf_moving_options o = {.engine = c->ops.engine,
                                        .local = c->local,
                                        .models = c->ops.models,
                                        .log = c->ops.log,
                                        .send = send_nearby,
                                        .clearance = clearance_of,
                                        .label = text_label,
                                        .ud = c};
    int rc = c->ops.nearby == NULL ? 0 : wf_moving_new(&o, &c->ops.moving, err);

    atomic_store(&c->moving, c->ops.moving);
    return rc;
}

/* Conversations on the owner's other devices. */
/* Whether the owner has no other device that is in. */
static bool is_alone(void *ud)
{
    const struct wf_op_context *ops = ud;
    struct wf_devices *d = wf_alloc(sizeof(*d));
    size_t n = 0;

    if (d == NULL)
        return true; /* with the next word */
    wf_fabric_devices(ops->fabric, d);
    for (size_t i = 0; d->version != 0 && i < d->n_entries; i++)
        n += d->entries[i].revoked_ms == 0;
    wf_free(d);
    return n < 2;
}

static int open_threads(struct core *c, struct wf_err *err)
{
    const struct wf_thread_share_options o = {.store = c->ops.store,
                                              .records = c->ops.records,
                                              .log = c->ops.log,
                                              .label = wf_op_turn_label,
                                              .is_alone = is_alone,
                                              .written = threads_written,
                                              .came = threads_came,
                                              .ud = &c->ops};
    int rc = c->nodes == NULL ? 0 : wf_thread_share_new(&o, &c->ops.threads, err);

    atomic_store(&c->threads, c->ops.threads);
    return rc;
}

static void document_taken(void *ud, const struct wf_intake_result *r)
{
    struct core *c = ud;

    wf_op_publish_intake(&c->ops, r);
}

static void documents_changed(void *ud)
{
    struct core *c = ud;

    wf_op_publish_documents(&c->ops);
}

/* Which documents of others are fetched; a small disk does not hold all that a large one does. */
static enum wf_blobs_keep keep_which(const struct core *c)
{
    struct statvfs disk;

    if (c->o->config->documents <= WF_BLOBS_KEEP_PINNED)
        return (enum wf_blobs_keep)c->o->config->documents;
    return statvfs(c->o->home->data, &disk) == 0 &&
                   (uint64_t)disk.f_blocks * disk.f_frsize < SMALL_DISK_BYTES
               ? WF_BLOBS_KEEP_SMALL
               : WF_BLOBS_KEEP_ALL;
}

static bool document_may_be_read(void *ud, const uint8_t *device, const uint8_t *space,
                                 enum wf_label label)
{
    return wf_sharing_may_read(atomic_load(&((struct core *)ud)->sharing), device, space, label);
}

static int document_given(void *ud, const struct wf_sharing_document *d, struct wf_err *err)
{
    return wf_sharing_give_document(atomic_load(&((struct core *)ud)->sharing), d, err);
}

/* Documents on all devices. Sealed hears of no connection before the fabric is there. */
static int open_blobs(struct core *c, struct wf_err *err)
{
    const struct wf_config *conf = c->o->config;
    struct wf_blobs_options o = {.store = c->ops.store,
                                 .records = c->ops.records,
                                 .intake = c->ops.intake,
                                 .models = c->ops.models,
                                 .sealed = c->ops.sealed,
                                 .device = c->device.signer.id,
                                 .dir = c->o->home->parts,
                                 .keep = keep_which(c),
                                 .small_bytes = (uint64_t)conf->documents_small_mb << 20,
                                 .log = c->ops.log,
                                 .label = wf_op_document_label,
                                 .label_ud = &c->ops,
                                 .rights = c->ops.rights,
                                 .may_read = document_may_be_read,
                                 .given = document_given,
                                 .devices = list_devices,
                                 .taken = document_taken,
                                 .changed = documents_changed,
                                 .ud = c};
    int rc;

    if (c->ops.sealed == NULL)
        return 0;
    o.bytes_max = o.keep == WF_BLOBS_KEEP_ALL ? 0 : (uint64_t)conf->documents_mb << 20;
    rc = wf_blobs_new(&o, &c->ops.blobs, err);
    atomic_store(&c->blobs, c->ops.blobs);
    return rc;
}

static int open_fabric(struct core *c, struct wf_err *err)
{
    const struct wf_fabric_options o = {.dir = c->o->home->mesh,
                                        .link = c->nodes,
                                        .keeper = c->keeper,
                                        .device = &c->device.signer,
                                        .store = c->ops.store,
                                        .name = c->name,
                                        .tier = (enum wf_node_tier)c->o->config->node_tier,
                                        .log = c->ops.log,
                                        .changed = fabric_changed,
                                        .ud = c};

    int rc = wf_fabric_new(&o, &c->ops.fabric, err);

    if (rc == 0) {
        atomic_store(&c->sealed, c->ops.sealed);
        atomic_store(&c->nearby, c->ops.nearby);
        wf_nearby_devices_changed(c->ops.nearby);
        wf_sealed_devices_changed(c->ops.sealed);
        wf_blobs_devices_changed(c->ops.blobs);
    }
    return rc;
}

static void phones_changed(void *ud)
{
    struct core *c = ud;

    wf_hub_publish(c->ops.hub, "phones", NULL);
}

static int open_phones(struct core *c, struct wf_err *err)
{
    const struct wf_phones_options o = {
        .path = c->o->home->phones, .changed = phones_changed, .ud = c};

    return wf_phones_open(&o, &c->ops.phones, err);
}

/* What a core with a home has beside its store. */
static int open_home(struct core *c, struct wf_err *err)
{
    int rc = open_store(c, err);

    if (rc == 0)
        rc = open_drafts(c, err);
    if (rc == 0)
        rc = open_records(c, err);
    if (rc == 0)
        rc = open_models(c, err);
    if (rc == 0)
        rc = open_elsewhere(c, err);
    if (rc == 0)
        rc = wf_intake_new(c->ops.store, c->ops.extract, &c->ops.intake, err);
    if (rc == 0)
        rc = open_blobs(c, err);
    if (rc == 0)
        rc = open_fabric(c, err);
    if (rc == 0)
        rc = open_sharing(c, err);
    if (rc == 0)
        rc = open_phones(c, err);
    if (rc == 0)
        rc = open_threads(c, err);
    if (rc == 0)
        rc = open_moving(c, err);
    if (rc == 0)
        rc = open_meaning(c, err);
    if (rc == 0)
        wf_model_store_set_default(c->ops.models, c->o->config->models.model);
    return rc;
}

static int start(struct core *c, struct wf_err *err)
{
    const struct wf_core_options *o = c->o;
    const struct wf_extract_limits limits = {
        .memory_bytes_max = (uint64_t)o->config->extract_memory_mib << 20,
        .time_s_max = (uint32_t)o->config->extract_time_s,
    };
    int spawner_fd = -1, fetch_fd = -1;
    wf_lens_file_find(o->program, o->config->lens, &c->lens);
    const struct wf_lens_pool_options lens = wf_lens_file_options(&c->lens);
    int rc = wf_extract_spawn(&limits, &spawner_fd, &c->spawner_pid, err);

    wf_zone_init(); /* before the lock: it reads a file of the system */
    wf_node_name(c->o->config->node_name, c->name);
    c->ops.is_plain_off = !o->config->plain_words;
    if (rc == 0 && o->home)
        rc = spawn_fetch(c, &fetch_fd, err);
    if (rc == 0 && o->home && (o->http_fd >= 0 || o->has_labels))
        rc = open_privacy(c, err);
    if (rc == 0 && o->home)
        rc = wf_device_open(o->home->device, &c->device, err);
    c->ops.detector = c->detector;
    c->ops.inbound = c->inbound;
    if (rc == 0)
        rc = wf_core_lock_down(o->home, c->lens.path, err);
    if (rc != 0) {
        wf_file_close(&fetch_fd);
        wf_file_close(&spawner_fd);
        return rc;
    }
    rc = wf_extract_client_new(spawner_fd, &limits, &c->ops.extract, err);
    if (rc == 0 && o->home)
        rc = wf_fetch_client_new(fetch_fd, &c->fetch, err);
    else
        wf_file_close(&fetch_fd);
    if (rc == 0)
        c->ops.log = wf_log_new(STDERR_FILENO, (enum wf_log_level)o->config->log_level);
    if (rc == 0 && (!(c->ops.hub = wf_hub_new()) || !(c->ops.state = wf_op_state_new())))
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0 && c->policy_err.code != 0)
        wf_log_line(c->ops.log, WF_LOG_WARN, "core", "everything is secret: %s", c->policy_err.msg);
    if (rc == 0 && c->engines_err.code != 0)
        wf_log_line(c->ops.log, WF_LOG_WARN, "core", "no engines elsewhere: %s",
                    c->engines_err.msg);
    c->ops.summarizes_by_words = o->config->summarize_lens == 0;
    if (rc == 0)
        rc = wf_lens_pool_new(&lens, &c->ops.lens, err);
    if (rc == 0 && o->keeper_fd >= 0)
        rc = wf_keeper_new(o->keeper_fd, &c->keeper, err);
    if (rc == 0 && o->home) {
        c->ops.home = o->home->dir;
        c->ops.ledger = o->home->ledger;
        c->ops.routes = o->home->routes;
        rc = open_home(c, err);
    }
    return rc;
}

static void finish(struct core *c)
{
    struct wf_err own = WF_ERR_INIT;

    if (c->ops.meaning)
        wf_meaning_stop(c->ops.meaning); /* it asks the others whether they work */
    wf_serve_stop(c->serve);
    wf_http_free(c->http);
    wf_phones_close(c->ops.phones);
    wf_reminding_stop(c->reminding); /* behind those whose requests wake it */
    if (c->ops.drafts != NULL)
        wf_drafts_on_durable(c->ops.drafts, NULL, NULL);
    c->ops.blobs = NULL;
    wf_blobs_free(atomic_exchange(&c->blobs, NULL)); /* before the intake, which it waits for */
    wf_moving_stop(c->ops.moving);
    wf_thread_share_free(atomic_exchange(&c->threads, NULL));
    wf_sharing_free(atomic_exchange(&c->sharing, NULL));
    wf_nodes_stop(c->ops.nodes);
    atomic_store(&c->nearby, NULL);
    wf_nearby_free(c->ops.nearby); /* it asks the fabric */
    wf_moving_free(c->ops.moving);
    atomic_store(&c->sealed, NULL);
    wf_sealed_stop(c->ops.sealed); /* it asks the fabric */
    wf_fabric_free(c->ops.fabric);
    wf_keeper_free(c->keeper);
    wf_drafts_free(c->ops.drafts);
    wf_records_free(c->ops.records);
    if (c->ops.rights != NULL)
        wf_rights_deinit(&c->rights);
    wf_device_forget(&c->device);
    wf_intake_free(c->ops.intake);
    wf_meaning_free(c->ops.meaning);
    wf_extract_client_free(c->ops.extract); /* the spawner ends with its socket */
    wf_fetch_client_free(c->fetch);         /* the spawner ends with its socket */
    wf_engine_free(c->ops.engine);
    wf_nodes_free(c->ops.nodes);
    wf_node_breakers_free(c->ops.breakers);
    wf_airlock_link_free(c->link);
    wf_sealed_free(c->ops.sealed);
    wf_link_free(c->nodes);
    if (wf_budget_close(c->budget, &own) != 0)
        wf_log_line(c->ops.log, WF_LOG_WARN, "core", "what was spent is not saved: %s", own.msg);
    wf_engines_free(c->engines);
    wf_lens_pool_free(c->ops.lens);
    wf_inbound_free(c->inbound);
    wf_power_close(c->power);
    wf_detector_free(c->detector);
    wf_policy_free(c->policy);
    wf_model_store_close(c->ops.models);
    wf_store_close(c->ops.store);
    wf_hub_free(c->ops.hub);
    wf_op_state_free(c->ops.state);
    wf_log_free(c->ops.log);
}

static int serve_listeners(struct core *c, struct wf_err *err)
{
    const struct wf_core_options *o = c->o;
    const struct wf_http_options ho = {
        .ops = &c->ops,
        .listen_fd = o->http_fd,
        .host = o->config->host,
        .port = o->http_port,
        .token = o->token,
        .origins = o->config->origins,
        .first_code = o->first_code,
        .lan_fd = o->lan_fd,
        .spool_dir = c->spool_dir,
        .log = c->ops.log,
    };
    struct sigaction sa = {.sa_handler = on_term};
    int rc;

    snprintf(c->spool_dir, sizeof(c->spool_dir), "%s/tmp", o->home->data);
    rc = wf_http_new(&ho, &c->http, err);

    if (rc != 0)
        return rc;
    c->ops.new_link = new_link;
    c->ops.new_link_ud = c;
    sigemptyset(&sa.sa_mask);
    atomic_store(&stop_http, c->http);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    rc = wf_reminding_start(&c->ops, &c->reminding, err); /* before any request is answered */
    if (rc == 0)
        rc = wf_serve_start(&c->ops, o->unix_fd, &c->serve, err);
    if (rc == 0 && c->ops.meaning)
        rc = wf_meaning_start(c->ops.meaning, err);
    if (rc == 0) {
        ssize_t n = write(o->ready_fd, "r", 1);
        (void)n; /* a supervisor that is gone takes us with it */
        wf_manual_offer(&c->ops, c->spool_dir);
        rc = wf_http_run(c->http, err);
    }
    (void)signal(SIGTERM, SIG_IGN); /* stopping already; cannot fail with a valid signal */
    atomic_store(&stop_http, NULL);
    return rc;
}

int wf_core_run(const struct wf_core_options *o, struct wf_err *err)
{
    struct core c = {.o = o};
    struct wf_err own = WF_ERR_INIT;
    int rc;

    (void)signal(SIGPIPE, SIG_IGN); /* a client that hangs up is an error of write, not a death */
    rc = start(&c, &own);
    if (rc == 0 && o->conn_fd >= 0)
        wf_serve_conn(&c.ops, o->conn_fd);
    else if (rc == 0)
        rc = serve_listeners(&c, &own);
    else if (o->conn_fd >= 0)
        wf_core_refuse(o->conn_fd, &own);
    finish(&c);
    if (rc != 0)
        return wf_err_set(err, own.code, "%s", own.msg);
    return 0;
}
