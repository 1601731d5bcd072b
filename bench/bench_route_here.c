/* SPDX-License-Identifier: Apache-2.0 */
/* "Prefer local never costs more than the classification itself": a chat of 2 kB for a small model
 * of this device, by its name and as "auto", one after the other, through the router with a real
 * model and store, detectors, an engine elsewhere that may not be asked, and the decisions' log.
 * The difference is what "auto" costs; beside it what classifying takes alone: labelling all of the
 * request, its kind, how hard it is, the gates, the decision. Medians. N as argument: so many of
 * each (400). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "daemon/home.h"
#include "engine/local.h"
#include "model/hardness.h"
#include "model/synth.h"
#include "op/remote.h"
#include "op/router.h"
#include "op/sites.h"
#include "os/sock.h"

#define PROMPT_BYTES 2000
#define N_EACH 400u
#define N_MOST 20000u
#define TOKENS 4
#define OFF_BY                                                                                     \
    0.3 /* the id, the header; the model and the detectors push each other out of the caches */

static struct world {
    char dir[40];
    struct wf_home home;
    struct wf_model_store *models;
    struct wf_engines *engines;
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_hardness *hardness;
    struct wf_airlock_link *link;
    struct wf_engine *router;
    int listener;
    json_t *messages;
} w;

static void must(int rc, const struct wf_err *err)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "bench_route_here: %s\n", err->msg);
    exit(EXIT_FAILURE);
}

static void add_elsewhere(struct wf_err *err)
{
    const char *const models[] = {"large"};
    const struct wf_engine_entry e = {.name = "gpt",
                                      .protocol = WF_PROTOCOL_OPENAI,
                                      .url = "http://127.0.0.1:9/v1",
                                      .provider = "gpt",
                                      .tier = WF_TIER_PROVIDER,
                                      .clearance = WF_LABEL_INTERNAL,
                                      .models = models,
                                      .n_models = 1};

    must(wf_engines_put(w.home.engines, &e, false, err), err);
    must(wf_engines_load(w.home.engines, &w.engines, err), err);
}

static void add_model(struct wf_err *err)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%s/m.gguf", w.dir);
    must(wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), 1, path, NULL, err), err);
    must(wf_model_store_open(w.home.models, &w.models, err), err);
    must(wf_model_store_import(w.models, path, "tiny", NULL, NULL, NULL, err), err);
}

static void make_messages(void)
{
    static const char words[] = "The garden needs water in the morning and shade at noon, and the "
                                "old wall keeps the warmth of the day for the night. ";
    struct wf_buf b;

    wf_buf_init(&b, 2 * PROMPT_BYTES);
    while (b.len < PROMPT_BYTES)
        (void)wf_buf_append_cstr(&b, words); /* short of memory: no messages, said below */
    w.messages = json_pack("[{s:s, s:s%}]", "role", "user", "content", b.ptr, b.len);
    wf_buf_deinit(&b);
}

static void open_all(void)
{
    const struct wf_model_settings settings = {
        .context = 4096, .threads = 1, .parallel = 1, .batch = 512, .keep_alive_s = -1};
    const struct wf_detect_options all = {.plain_only = false};
    struct wf_remote_options ro = {.local = NULL};
    struct wf_router_options o = {.never_explores = true, .never_hedges = true};
    struct wf_err err = WF_ERR_INIT;

    (void)snprintf(w.dir, sizeof(w.dir), "/tmp/weft-bench-XXXXXX");
    if (mkdtemp(w.dir) == NULL)
        exit(EXIT_FAILURE);
    must(wf_home_init(&w.home, w.dir, &err), &err);
    must(wf_home_create(&w.home, &err), &err);
    add_elsewhere(&err);
    add_model(&err);
    make_messages();
    must(wf_detector_open(&all, &w.detector, &err), &err);
    must(wf_policy_built_in(&w.policy, &err), &err);
    must(wf_hardness_built_in(&w.hardness, &err), &err);
    must(wf_sock_listen_unix(w.home.airlock, &w.listener, &err), &err);
    must(wf_airlock_link_new(w.listener, (long)getpid(), &w.link, &err), &err);
    must(wf_local_engine_new(w.models, &settings, &ro.local, &err), &err);
    ro.engines = o.engines = w.engines;
    ro.models = o.models = w.models;
    ro.detector = o.detector = w.detector;
    ro.policy = o.policy = w.policy;
    ro.link = w.link;
    o.experience = w.home.experience;
    o.routes = w.home.routes;
    must(wf_remote_engine_new(&ro, &o.inner, &err), &err);
    must(wf_router_new(&o, &w.router, &err), &err);
}

static void close_all(void)
{
    char command[64];

    wf_engine_free(w.router);
    wf_airlock_link_free(w.link);
    wf_hardness_close(w.hardness);
    wf_policy_free(w.policy);
    wf_detector_free(w.detector);
    wf_engines_free(w.engines);
    wf_model_store_close(w.models);
    json_decref(w.messages);
    (void)close(w.listener); /* nobody listens any more */
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    if (system(command) != 0)
        (void)fprintf(stderr, "bench_route_here: %s stays\n", w.dir);
}

/* ---- what is timed, in microseconds ---- */

static double ask(const char *model)
{
    const struct wf_gen_request q = {
        .model = model, .messages = w.messages, .n_max = TOKENS, .sampling = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    int64_t start_ns = wf_clock_mono_ns(NULL);
    int rc = wf_engine_generate(w.router, &q, &g, &err);

    while (rc == 0 && (rc = wf_gen_next(g, &e, &err)) == 1)
        rc = 0;
    must(rc, &err);
    wf_gen_free(g);
    return (double)(wf_clock_mono_ns(NULL) - start_ns) / 1e3;
}

static double classify(void)
{
    const struct wf_labeler_options lo = {.detector = w.detector, .policy = w.policy};
    const struct wf_gen_request q = {.messages = w.messages, .n_max = TOKENS};
    struct wf_route_plan plan = {.policy = w.policy, .hardness = w.hardness};
    struct wf_route_case *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_sites sites;
    int64_t start_ns;

    start_ns = wf_clock_mono_ns(NULL);
    must(wf_sites_list(w.models, w.engines, &sites, &err), &err);
    plan.sites = sites.items;
    plan.n = sites.n;
    must(wf_labeler_new(&lo, &plan.labeler, &err), &err);
    must(wf_route_look(&plan, &q, &c, &err), &err);
    wf_route_choose(&plan, NULL, c);
    wf_route_case_free(c);
    wf_labeler_free(plan.labeler);
    wf_sites_deinit(&sites);
    return (double)(wf_clock_mono_ns(NULL) - start_ns) / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static double named[N_MOST], routed[N_MOST], alone[N_MOST], more[N_MOST];
    size_t n = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : N_EACH;
    n = n > 0 && n <= N_MOST ? n : N_EACH;
    open_all();
    for (size_t i = 0; i < 5; i++) { /* warm */
        (void)ask("tiny");
        (void)ask("auto");
    }
    for (size_t i = 0; i < n; i++) {
        named[i] = ask("tiny");
        routed[i] = ask("auto");
        alone[i] = classify();
        more[i] = routed[i] - named[i];
    }
    qsort(named, n, sizeof(*named), by_value);
    qsort(routed, n, sizeof(*routed), by_value);
    qsort(alone, n, sizeof(*alone), by_value);
    qsort(more, n, sizeof(*more), by_value);
    printf(
        "a chat of 2 kB for a small model here: by its name %.0f us, as \"auto\" %.0f us: %.0f us "
        "more (must: what classifying takes, %.0f us, and what measuring it is off by)\n",
        named[n / 2], routed[n / 2], more[n / 2], alone[n / 2]);
    close_all();
    return more[n / 2] <= alone[n / 2] * (1 + OFF_BY) ? EXIT_SUCCESS : EXIT_FAILURE;
}
