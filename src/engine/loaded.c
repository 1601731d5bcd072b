/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a model: parts in order, and a context that fits into memory.
 *
 * The weights are mapped and shared with the system's file cache; what a model takes of its own are
 * the cache of its texts and the buffers. The cache may have half of what the machine can spare
 * (beside the weights), or what the settings say. */
#include "engine/loaded.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "engine/drafter.h"
#include "os/memory.h"

/* Below this a context is of no use; it is given whatever memory says. */
#define CONTEXT_MIN 512
#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define PARALLEL_SPARE_PAGES 2

/* For models whose file brings no chat template: ChatML. */
static const char plain_template[] =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

struct adapter {
    struct wf_list node;
    char digest[72];
    struct wf_adapter *adapter;
};

/* ---- the context ---- */

/* Bytes for the cache of this model's texts. */
static uint64_t cache_budget(const struct wf_loaded *l, const struct wf_model_settings *s)
{
    uint64_t there = wf_memory_available(), weights = wf_model_weight_bytes(l->model);

    if (s->memory_mib > 0)
        return (uint64_t)s->memory_mib << 20;
    if (there == 0) /* cannot be told: what any machine has */
        return UINT64_C(1) << 30;
    return (there > 2 * weights ? there - weights : there / 2) / 2;
}

static int token_bytes(const struct wf_loaded *l, enum wf_kv_kind kind, size_t *out,
                       struct wf_err *err)
{
    struct wf_kv *kv = NULL;
    int rc = wf_kv_new(wf_model_params(l->model), kind, WF_KV_PAGE_TOKENS, &kv, err);

    if (rc != 0)
        return rc;
    *out = wf_kv_token_bytes(kv);
    wf_kv_free(kv);
    return 0;
}

/* q8_0 needs heads of whole blocks; other models keep halves. */
static enum wf_kv_kind cache_kind(const struct wf_loaded *l, const struct wf_model_settings *s)
{
    const struct wf_params *p = wf_model_params(l->model);
    enum wf_kv_kind kind = (enum wf_kv_kind)s->cache;

    if (kind == WF_KV_Q8_0 && (p->head_dim % 32 != 0 || p->value_dim % 32 != 0))
        return WF_KV_F16;
    return kind;
}

static int choose_context(struct wf_loaded *l, const struct wf_model_settings *s, size_t n_asked,
                          struct wf_runner_options *io, struct wf_err *err)
{
    size_t trained = wf_model_params(l->model)->n_context, bytes = 0, fits, most;
    size_t n = n_asked > 0 ? n_asked : (size_t)s->context;
    size_t spare = ((size_t)s->parallel + PARALLEL_SPARE_PAGES) * WF_KV_PAGE_TOKENS;
    int rc = 0;

    n = n == 0 || n > trained ? trained : n;
    io->n_context = n;
    if (l->is_encoder)
        return 0;
    rc = token_bytes(l, io->kv, &bytes, err);
    if (rc != 0)
        return rc;
    fits = bytes > 0 ? (size_t)(cache_budget(l, s) / bytes) : n;
    if (fits < n && (n_asked > 0 || s->context > 0) && n > CONTEXT_MIN)
        return wf_err_set(err, WF_E_LIMIT,
                          "A context of %zu tokens takes %zu MB; memory suffices for %zu tokens. "
                          "Ask for less, or set model_cache to q8_0.",
                          n, n * bytes >> 20, fits);
    if (fits < n)
        n = fits > CONTEXT_MIN ? fits : CONTEXT_MIN < n ? CONTEXT_MIN : n;
    io->n_context = n;
    most = n * (size_t)s->parallel;
    io->n_cache_tokens = (fits > n ? (fits < most ? fits : most) : n) + spare;
    return 0;
}

/* ---- parts ---- */

static int by_byte_and_length(const void *a, const void *b)
{
    const struct wf_str *x = a, *y = b;

    if (x->ptr[0] != y->ptr[0])
        return (unsigned char)x->ptr[0] < (unsigned char)y->ptr[0] ? -1 : 1;
    return x->len > y->len ? -1 : x->len < y->len;
}

static int list_control(struct wf_loaded *l, struct wf_err *err)
{
    size_t n_vocab = wf_vocab_size(l->vocab), n = 0;

    for (size_t i = 0; i < n_vocab; i++)
        n += wf_vocab_kind(l->vocab, (int32_t)i) == WF_TOKEN_CONTROL;
    l->control = wf_arena_array(&l->arena, n + 1, sizeof(*l->control));
    if (l->control == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a model.");
    for (size_t i = 0; i < n_vocab; i++) {
        struct wf_str name = wf_vocab_name(l->vocab, (int32_t)i);
        if (wf_vocab_kind(l->vocab, (int32_t)i) == WF_TOKEN_CONTROL && name.len > 1)
            l->control[l->n_control++] = name;
    }
    qsort(l->control, l->n_control, sizeof(*l->control), by_byte_and_length);
    return 0;
}

static int open_text(struct wf_loaded *l, struct wf_err *err)
{
    const struct wf_gguf *g = wf_model_gguf(l->model);
    int rc = wf_vocab_open(g, &l->vocab, err);

    if (rc == WF_E_NOENT) /* a model without a tokenizer can be measured, not asked */
        return 0;
    if (rc == 0)
        rc = list_control(l, err);
    if (rc != 0 || l->is_encoder)
        return rc;
    if (!wf_gguf_string(g, "tokenizer.chat_template", &l->template_source))
        l->template_source = WF_STR("");
    l->dialect = wf_dialect_of(l->template_source);
    if (l->template_source.len == 0)
        l->template_source = wf_str_from(plain_template);
    rc = wf_template_compile(l->template_source, &l->template, err);
    if (rc == 0)
        rc = wf_chat_style_of(l->template, l->template_source, &l->style, err);
    if (rc != 0)
        wf_err_prefix(err, "the model's chat template");
    return rc;
}

static int check_draft(const struct wf_loaded *l, const struct wf_model *m,
                       const struct wf_model_entry *entry, struct wf_err *err)
{
    struct wf_vocab *vocab = NULL;
    int rc = wf_vocab_open(wf_model_gguf(m), &vocab, err);

    if (rc == 0 && !wf_drafter_suits(m, vocab, l->vocab))
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "%s cannot guess for %s: it has another vocabulary, or does not write text "
                        "that can be taken back.",
                        entry->name, l->entry.name);
    wf_vocab_close(vocab);
    return rc;
}

/* A model that guesses is not needed: where it cannot be had, there is none. */
static void open_draft(struct wf_loaded *l, const struct wf_model_entry *entry,
                       const struct wf_model_settings *settings)
{
    struct wf_model *m = NULL;
    int rc;

    if (entry == NULL || l->vocab == NULL || l->is_encoder)
        return;
    rc = wf_model_open(entry->path, &m, &l->no_draft);
    if (rc == 0)
        rc = check_draft(l, m, entry, &l->no_draft);
    if (rc == 0)
        rc = wf_model_pack(m, (size_t)settings->threads, &l->no_draft);
    if (rc == 0)
        l->draft = m;
    else
        wf_model_close(m);
}

int wf_loaded_open(const struct wf_model_entry *entry, const struct wf_model_entry *draft,
                   const struct wf_model_settings *settings, const struct wf_power *power,
                   size_t n_context, struct wf_loaded **out, struct wf_err *err)
{
    struct wf_loaded *l = wf_alloc_array(1, sizeof(*l));
    struct wf_sched_options o = {.n_parallel = (size_t)settings->parallel};
    int rc;

    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a model.");
    l->entry = *entry;
    wf_arena_init(&l->arena, 0, ARENA_BYTES_MAX);
    wf_list_init(&l->adapters);
    wf_list_init(&l->node);
    pthread_mutex_init(&l->lock, NULL);
    rc = wf_model_open(entry->path, &l->model, err);
    if (rc == 0) {
        l->is_encoder = wf_family_sees_all(wf_model_params(l->model)->family);
        rc = open_text(l, err);
    }
    if (rc == 0) {
        o.model = l->model;
        o.vocab = l->vocab;
        o.runner = (struct wf_runner_options){.n_threads = (size_t)settings->threads,
                                              .n_batch = (size_t)settings->batch,
                                              .kv = cache_kind(l, settings),
                                              .act = (enum wf_act)settings->activations,
                                              .power = power};
        if (l->is_encoder)
            o.runner.n_batch = 0;
        rc = choose_context(l, settings, n_context, &o.runner, err);
    }
    if (rc == 0)
        rc = wf_model_pack(l->model, (size_t)settings->threads, err);
    if (rc == 0)
        open_draft(l, draft, settings);
    o.draft = l->draft;
    if (rc == 0)
        rc = wf_sched_new(&o, &l->sched, err);
    if (rc != 0) {
        wf_err_prefix(err, "%s", entry->name);
        wf_loaded_close(l);
        return rc;
    }
    l->n_context = wf_sched_n_context(l->sched);
    l->n_context_wanted = n_context;
    *out = l;
    return 0;
}

void wf_loaded_close(struct wf_loaded *l)
{
    struct wf_list *it, *tmp;

    if (l == NULL)
        return;
    wf_sched_free(l->sched);
    WF_LIST_EACH(it, tmp, &l->adapters)
    {
        struct adapter *a = WF_CONTAINER(it, struct adapter, node);
        wf_adapter_close(a->adapter);
        wf_free(a);
    }
    wf_token_trie_free(l->trie);
    wf_template_free(l->template);
    wf_vocab_close(l->vocab);
    wf_model_close(l->draft);
    wf_model_close(l->model);
    wf_arena_deinit(&l->arena);
    pthread_mutex_destroy(&l->lock);
    wf_free(l);
}

/* ---- what comes when first needed ---- */

int wf_loaded_trie(struct wf_loaded *l, const struct wf_token_trie **out, struct wf_err *err)
{
    int rc = 0;

    if (l->vocab == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The model has no vocabulary.");
    pthread_mutex_lock(&l->lock);
    if (l->trie == NULL)
        rc = wf_token_trie_new(l->vocab, &l->trie, err);
    *out = l->trie;
    pthread_mutex_unlock(&l->lock);
    return rc;
}

static struct adapter *find_adapter(struct wf_loaded *l, const char *digest)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &l->adapters)
    {
        struct adapter *a = WF_CONTAINER(it, struct adapter, node);
        if (strcmp(a->digest, digest) == 0)
            return a;
    }
    return NULL;
}

int wf_loaded_adapter(struct wf_loaded *l, const struct wf_model_entry *entry,
                      const struct wf_adapter **out, struct wf_err *err)
{
    struct adapter *a;
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    a = find_adapter(l, entry->digest);
    if (a == NULL && (a = wf_alloc_array(1, sizeof(*a))) == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for an adapter.");
    } else if (a->adapter == NULL) {
        memcpy(a->digest, entry->digest, sizeof(a->digest));
        rc = wf_adapter_open(l->model, entry->path, &a->adapter, err);
        if (rc == 0) {
            wf_list_push(&l->adapters, &a->node);
        } else {
            wf_free(a);
            a = NULL;
        }
    }
    if (rc == 0)
        *out = a->adapter;
    pthread_mutex_unlock(&l->lock);
    return rc;
}

uint64_t wf_loaded_bytes(struct wf_loaded *l)
{
    uint64_t draft = l->draft != NULL ? wf_model_weight_bytes(l->draft) : 0;

    return wf_model_weight_bytes(l->model) + draft + wf_sched_bytes(l->sched);
}
