/* SPDX-License-Identifier: Apache-2.0 */
/* Which models are in memory.
 *
 * A model is: being loaded (others who want it wait), in use (n_users above 0), or idle until it
 * expires. The reaper closes what has expired; loading one closes idle ones first when memory is
 * short. Models are opened and closed outside the lock, since both take time. */
#include "engine/local.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "engine/local_internal.h"
#include "os/memory.h"
#include "os/thread.h"

#define NS_PER_S INT64_C(1000000000)

/* ---- the list; the lock is held ---- */

static struct wf_loaded *find(struct wf_local *e, const char *digest)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &e->loaded)
    {
        struct wf_loaded *l = WF_CONTAINER(it, struct wf_loaded, node);
        if (strcmp(l->entry.digest, digest) == 0)
            return l;
    }
    return NULL;
}

/* The idle model that has expired at `now` (or, with any_idle, expires first); unlinked. */
static struct wf_loaded *take_idle(struct wf_local *e, int64_t now_ns, bool any_idle)
{
    struct wf_list *it, *tmp;
    struct wf_loaded *first = NULL;

    WF_LIST_EACH(it, tmp, &e->loaded)
    {
        struct wf_loaded *l = WF_CONTAINER(it, struct wf_loaded, node);
        if (l->n_users > 0 || l->is_loading || (!any_idle && l->expires_ns > now_ns))
            continue;
        if (first == NULL || l->expires_ns < first->expires_ns)
            first = l;
    }
    if (first != NULL)
        wf_list_remove(&first->node);
    return first;
}

static int64_t next_expiry(struct wf_local *e)
{
    struct wf_list *it, *tmp;
    int64_t first = INT64_MAX;

    WF_LIST_EACH(it, tmp, &e->loaded)
    {
        const struct wf_loaded *l = WF_CONTAINER(it, struct wf_loaded, node);
        if (l->n_users == 0 && !l->is_loading && l->expires_ns < first)
            first = l->expires_ns;
    }
    return first;
}

/* ---- the reaper ---- */

static void *reap(void *ud)
{
    struct wf_local *e = ud;
    struct wf_loaded *l;
    struct timespec until;
    int64_t at, left_ns;

    pthread_mutex_lock(&e->lock);
    while (!e->is_stopping) {
        l = take_idle(e, wf_clock_mono_ns(NULL), false);
        if (l != NULL) {
            pthread_mutex_unlock(&e->lock);
            wf_loaded_close(l);
            pthread_mutex_lock(&e->lock);
            continue;
        }
        at = next_expiry(e);
        if (at == INT64_MAX) {
            pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        left_ns = at - wf_clock_mono_ns(NULL);
        left_ns = left_ns < 0 ? 0 : left_ns;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)(left_ns / NS_PER_S) + 1;
        (void)pthread_cond_timedwait(&e->changed, &e->lock, &until); /* looks again either way */
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- acquire and release ---- */

static int64_t keep_alive_of(const struct wf_local *e, const struct wf_load *load)
{
    if (load == NULL || load->keep_alive_s == 0)
        return e->settings.keep_alive_s;
    return load->keep_alive_s == WF_KEEP_ALIVE_NONE ? 0 : load->keep_alive_s;
}

/* Closes idle models until one of n bytes fits beside the rest. The lock is held. */
static void make_room(struct wf_local *e, uint64_t n)
{
    struct wf_loaded *l;

    while (wf_memory_available() < n + n / 4 && (l = take_idle(e, 0, true)) != NULL) {
        pthread_mutex_unlock(&e->lock);
        wf_loaded_close(l);
        pthread_mutex_lock(&e->lock);
    }
}

/* The model that guesses for another, if the settings name one that is here. */
static bool find_draft(struct wf_local *e, const struct wf_model_entry *of,
                       struct wf_model_entry *out, struct wf_err *err)
{
    return *e->settings.draft != 0 &&
           wf_model_store_find(e->store, e->settings.draft, out, err) == 0 &&
           strcmp(out->digest, of->digest) != 0 && out->bytes < of->bytes;
}

/* Loads a model; a place in the list keeps others waiting meanwhile. The lock is held. */
static int load_model(struct wf_local *e, const struct wf_model_entry *entry, size_t n_context,
                      struct wf_loaded **out, struct wf_err *err)
{
    struct wf_loaded *place = wf_alloc_array(1, sizeof(*place)), *l = NULL;
    struct wf_model_entry draft;
    struct wf_err no_draft = WF_ERR_INIT;
    bool has_draft;
    int rc;

    if (place == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a model.");
    place->entry = *entry;
    place->is_loading = true;
    wf_list_push(&e->loaded, &place->node);
    pthread_mutex_unlock(&e->lock); /* the store has a lock of its own */
    has_draft = find_draft(e, entry, &draft, &no_draft);
    pthread_mutex_lock(&e->lock);
    make_room(e, entry->bytes + (has_draft ? draft.bytes : 0));
    pthread_mutex_unlock(&e->lock);
    rc = wf_loaded_open(entry, has_draft ? &draft : NULL, &e->settings, e->power, n_context, &l,
                        err);
    if (rc == 0 && no_draft.msg[0] != 0)
        l->no_draft = no_draft;
    pthread_mutex_lock(&e->lock);
    wf_list_remove(&place->node);
    wf_free(place);
    if (rc == 0) {
        l->expires_ns = INT64_MAX;
        wf_list_push(&e->loaded, &l->node);
        *out = l;
    }
    pthread_cond_broadcast(&e->changed);
    return rc;
}

/* Whether a loaded model serves a request as it is. */
static bool suits(const struct wf_loaded *l, size_t n_context)
{
    return n_context == 0 || n_context == l->n_context_wanted || n_context == l->n_context ||
           (n_context > l->n_context && l->n_context_wanted >= n_context);
}

int wf_local__acquire(struct wf_local *e, const char *name, const struct wf_load *load,
                      struct wf_local_use *out, struct wf_err *err)
{
    size_t n_context = load != NULL ? load->n_context : 0;
    int64_t start = wf_clock_mono_ns(NULL), load_ns = 0;
    struct wf_model_entry entry;
    struct wf_loaded *l = NULL;
    int rc;

    if (name == NULL || *name == 0)
        name = e->settings.model;
    rc = wf_model_store_find(e->store, name, &entry, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&e->lock);
    while (rc == 0) {
        l = find(e, entry.digest);
        if (l == NULL) {
            rc = load_model(e, &entry, n_context, &l, err);
            load_ns = wf_clock_mono_ns(NULL) - start;
            break;
        }
        if (!l->is_loading && (suits(l, n_context) || l->n_users > 0))
            break; /* in use with another context: that one has to do */
        if (l->is_loading) {
            pthread_cond_wait(&e->changed, &e->lock);
            continue;
        }
        wf_list_remove(&l->node);
        pthread_mutex_unlock(&e->lock);
        wf_loaded_close(l);
        pthread_mutex_lock(&e->lock);
    }
    if (rc == 0) {
        l->n_users++;
        l->keep_alive_s = keep_alive_of(e, load);
        out->loaded = l;
        out->load_ns = load_ns;
        memcpy(out->name, entry.name, sizeof(out->name));
    }
    pthread_mutex_unlock(&e->lock);
    return rc;
}

void wf_local__release(struct wf_local *e, struct wf_loaded *l)
{
    pthread_mutex_lock(&e->lock);
    assert(l->n_users > 0);
    if (--l->n_users == 0) {
        l->expires_ns =
            l->keep_alive_s < 0 ? INT64_MAX : wf_clock_mono_ns(NULL) + l->keep_alive_s * NS_PER_S;
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- grammars ---- */

/* The place of a key, or the one to give up for it. The lock is held. */
static struct wf_local_grammar *grammar_place(struct wf_local *e, const char *key)
{
    struct wf_local_grammar *oldest = &e->grammars[0];

    for (size_t i = 0; i < WF_LOCAL_GRAMMARS; i++) {
        struct wf_local_grammar *g = &e->grammars[i];
        if (g->key != NULL && strcmp(g->key, key) == 0)
            return g;
        if (g->key == NULL || g->used < oldest->used)
            oldest = g;
    }
    return oldest;
}

static int append_dump(const char *p, size_t n, void *ud)
{
    return wf_buf_append(ud, p, n) == 0 ? 0 : -1;
}

/* What a grammar is made of, as text. NULL out of memory. */
static char *key_of(const json_t *schema, const char *gbnf)
{
    struct wf_buf b;
    char *key = NULL;

    if (gbnf != NULL)
        return wf_strdup(gbnf);
    wf_buf_init(&b, WF_LIMIT_ENCODE_BYTES);
    if (json_dump_callback(schema, append_dump, &b, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
        key = wf_buf_detach(&b, NULL);
    wf_buf_deinit(&b);
    return key;
}

int wf_local__grammar(struct wf_local *e, const json_t *schema, const char *gbnf,
                      struct wf_grammar **out, struct wf_err *err)
{
    char *key = key_of(schema, gbnf);
    struct wf_grammar *made = NULL;
    struct wf_local_grammar *g;
    int rc = 0;

    if (key == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a grammar.");
    pthread_mutex_lock(&e->lock);
    g = grammar_place(e, key);
    if (g->key != NULL && strcmp(g->key, key) == 0)
        made = wf_grammar_ref(g->grammar);
    pthread_mutex_unlock(&e->lock);
    if (made == NULL)
        rc = gbnf != NULL ? wf_grammar_from_gbnf(wf_str_from(gbnf), &made, err)
                          : wf_grammar_from_schema(schema, &made, err);
    if (rc != 0) {
        wf_free(key);
        return rc;
    }
    pthread_mutex_lock(&e->lock);
    g = grammar_place(e, key);
    wf_free(g->key);
    wf_grammar_unref(g->grammar);
    g->key = key;
    g->grammar = wf_grammar_ref(made);
    g->used = ++e->n_uses;
    pthread_mutex_unlock(&e->lock);
    *out = made;
    return 0;
}

/* ---- rows of the table ---- */

static struct wf_local *local_of(struct wf_engine *e)
{
    return WF_CONTAINER(e, struct wf_local, base);
}

static json_t *loaded_json(const struct wf_local *e, struct wf_loaded *l)
{
    int64_t left_ms = (l->expires_ns - wf_clock_mono_ns(NULL)) / 1000000;
    bool stays = l->n_users == 0 && l->expires_ns == INT64_MAX;
    int64_t expires_ms =
        wf_clock_wall_ms(NULL) + (l->n_users > 0 ? l->keep_alive_s * 1000 : left_ms);

    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:s?, s:s?}", "model", l->entry.name,
                     "digest", l->entry.digest, "bytes", (json_int_t)wf_loaded_bytes(l),
                     "weight_bytes", (json_int_t)wf_model_weight_bytes(l->model), "n_context",
                     (json_int_t)l->n_context, "expires_ms",
                     stays || l->keep_alive_s < 0 ? json_null() : json_integer(expires_ms),
                     "n_active", (json_int_t)wf_sched_n_active(l->sched), "draft",
                     l->draft != NULL ? e->settings.draft : NULL, "no_draft",
                     l->no_draft.msg[0] != 0 ? l->no_draft.msg : NULL);
}

static json_t *list_loaded(struct wf_engine *engine)
{
    struct wf_local *e = local_of(engine);
    struct wf_list *it, *tmp;
    json_t *all = json_array();

    pthread_mutex_lock(&e->lock);
    WF_LIST_EACH(it, tmp, &e->loaded)
    {
        struct wf_loaded *l = WF_CONTAINER(it, struct wf_loaded, node);
        if (!l->is_loading && json_array_append_new(all, loaded_json(e, l)) != 0) {
            json_decref(all);
            all = NULL;
            break;
        }
    }
    pthread_mutex_unlock(&e->lock);
    return all;
}

static int load(struct wf_engine *engine, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    struct wf_local *e = local_of(engine);
    struct wf_local_use use;
    int rc = wf_local__acquire(e, model, how, &use, err);

    if (rc == 0)
        wf_local__release(e, use.loaded);
    return rc;
}

static int unload(struct wf_engine *engine, const char *model, struct wf_err *err)
{
    struct wf_local *e = local_of(engine);
    struct wf_model_entry entry;
    struct wf_loaded *l;
    int rc = wf_model_store_find(e->store, model, &entry, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&e->lock);
    l = find(e, entry.digest);
    if (l != NULL && !l->is_loading) {
        l->keep_alive_s = 0;
        l->expires_ns = 0;
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
    return 0;
}

static void free_engine(struct wf_engine *engine)
{
    struct wf_local *e = local_of(engine);
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&e->lock);
    e->is_stopping = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    (void)pthread_join(e->reaper, NULL); /* it is joinable and not this one */
    WF_LIST_EACH(it, tmp, &e->loaded)
    {
        struct wf_loaded *l = WF_CONTAINER(it, struct wf_loaded, node);
        assert(l->n_users == 0);
        wf_list_remove(it);
        wf_loaded_close(l);
    }
    for (size_t i = 0; i < WF_LOCAL_GRAMMARS; i++) {
        wf_free(e->grammars[i].key);
        wf_grammar_unref(e->grammars[i].grammar);
    }
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
    wf_free(e);
}

static const struct wf_engine_ops ops = {
    .generate = wf_local__generate,
    .next = wf_local__next,
    .usage = wf_local__usage,
    .gen_free = wf_local__gen_free,
    .count = wf_local__count,
    .embed = wf_local__embed,
    .rerank = wf_local__rerank,
    .loaded = list_loaded,
    .load = load,
    .unload = unload,
    .free = free_engine,
};

int wf_local_engine_new(struct wf_model_store *store, const struct wf_model_settings *settings,
                        struct wf_engine **out, struct wf_err *err)
{
    struct wf_local *e = wf_alloc_array(1, sizeof(*e));

    if (e == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the engine.");
    e->base.ops = &ops;
    e->store = store;
    e->settings = *settings;
    wf_list_init(&e->loaded);
    pthread_mutex_init(&e->lock, NULL);
    wf_cond_init(&e->changed);
    if (pthread_create(&e->reaper, NULL, reap, e) != 0) {
        pthread_mutex_destroy(&e->lock);
        pthread_cond_destroy(&e->changed);
        wf_free(e);
        return wf_err_set(err, WF_E_BUSY, "The system has no room for another thread.");
    }
    *out = &e->base;
    return 0;
}

void wf_local_engine_power(struct wf_engine *local, const struct wf_power *power)
{
    struct wf_local *e = WF_CONTAINER(local, struct wf_local, base);

    e->power = power;
}
