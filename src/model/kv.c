/* SPDX-License-Identifier: Apache-2.0 */
/* Pages have a header that counts their holders, and are made many at once. Layout of one page:
 *
 *   header | for each layer with attention, for each head: keys, values | convolution states
 *
 * Invariants: (1) a sequence holds exactly the pages that its positions need, plus those reserved;
 * (2) the page that position n_tokens lies in is held by this sequence alone once reserved. */
#include "model/kv.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "os/memory.h"

struct page {
    struct page *next_free;
    uint32_t n_holders;
    uint32_t _pad[13]; /* data begins at a cache line */
};

_Static_assert(sizeof(struct page) == 64, "a page's data is aligned behind its header");

/* Pages are made so many at once that large pages of the machine hold them: a text is read from
 * end to end for every token that is written, and address translation would cost as much as the
 * reading. */
#define SLAB_BYTES ((size_t)32 << 20)

struct slab {
    struct slab *next;
    uint64_t _pad[7]; /* its first page begins at a cache line */
};

_Static_assert(sizeof(struct slab) == 64, "a slab's first page is aligned behind its header");

struct wf_kv {
    const struct wf_params *p;
    enum wf_kv_kind kind;
    size_t *layers;                /* [n_layers] where each begins within the data */
    size_t key_bytes, value_bytes; /* of a head in a page */
    size_t conv_offset;
    size_t conv_floats; /* of one sequence's states; 0: no convolutions */
    size_t page_bytes;  /* without the header */
    size_t token_bytes;
    size_t n_pages_max;
    size_t n_pages_held;
    size_t n_pages_made;
    size_t n_seqs;
    struct page *free; /* pages that nobody holds */
    struct slab *slabs;
    size_t n_pages_left; /* of the first slab, never used yet */
    size_t n_pages_slab; /* that it was made of */
};

static void lay_out(struct wf_kv *kv)
{
    const struct wf_params *p = kv->p;
    size_t at = 0, n_conv = 0;

    kv->key_bytes = wf_page_bytes(kv->kind, p->head_dim);
    kv->value_bytes = wf_page_bytes(kv->kind, p->value_dim);
    for (size_t i = 0; i < p->n_layers; i++) {
        kv->layers[i] = at;
        at += p->layers[i].n_kv_heads * (kv->key_bytes + kv->value_bytes);
        n_conv += p->layers[i].n_kv_heads == 0;
    }
    kv->token_bytes = at / WF_KV_PAGE_TOKENS;
    kv->conv_offset = (at + 63) / 64 * 64;
    kv->conv_floats = n_conv > 0 ? n_conv * (p->conv_len - 1) * p->dim : 0;
    kv->page_bytes = (kv->conv_offset + kv->conv_floats * sizeof(float) + 63) / 64 * 64;
}

int wf_kv_new(const struct wf_params *p, enum wf_kv_kind kind, size_t n_tokens_max,
              struct wf_kv **out, struct wf_err *err)
{
    struct wf_kv *kv;

    if (kind == WF_KV_Q8_0 && (p->head_dim % 32 != 0 || p->value_dim % 32 != 0))
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model's heads have %u values, which is not a multiple of 32: its "
                          "cache cannot be kept as q8_0. Choose f16.",
                          p->head_dim);
    kv = wf_alloc_array(1, sizeof(*kv));
    if (kv == NULL || (kv->layers = wf_alloc_array(p->n_layers, sizeof(*kv->layers))) == NULL) {
        wf_free(kv);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a cache.");
    }
    kv->p = p;
    kv->kind = kind;
    lay_out(kv);
    kv->n_pages_max = (n_tokens_max + WF_KV_PAGE_TOKENS - 1) / WF_KV_PAGE_TOKENS;
    *out = kv;
    return 0;
}

void wf_kv_free(struct wf_kv *kv)
{
    if (kv == NULL)
        return;
    assert(kv->n_seqs == 0);
    assert(kv->n_pages_held == 0);
    while (kv->slabs != NULL) {
        struct slab *next = kv->slabs->next;
        wf_free(kv->slabs);
        kv->slabs = next;
    }
    wf_free(kv->layers);
    wf_free(kv);
}

enum wf_kv_kind wf_kv_kind(const struct wf_kv *kv)
{
    return kv->kind;
}

size_t wf_kv_token_bytes(const struct wf_kv *kv)
{
    return kv->token_bytes;
}

size_t wf_kv_tokens_free(const struct wf_kv *kv)
{
    return (kv->n_pages_max - kv->n_pages_held) * WF_KV_PAGE_TOKENS;
}

uint64_t wf_kv_bytes(const struct wf_kv *kv)
{
    return (uint64_t)kv->n_pages_made * (sizeof(struct page) + kv->page_bytes);
}

size_t wf_kv_keys(const struct wf_kv *kv, size_t layer, size_t head)
{
    return kv->layers[layer] + head * (kv->key_bytes + kv->value_bytes);
}

size_t wf_kv_values(const struct wf_kv *kv, size_t layer, size_t head)
{
    return wf_kv_keys(kv, layer, head) + kv->key_bytes;
}

static struct page *header_of(uint8_t *data)
{
    return (struct page *)(void *)(data - sizeof(struct page));
}

/* A page that was never used; NULL when there is no memory. */
static struct page *make_page(struct wf_kv *kv)
{
    size_t bytes = sizeof(struct page) + kv->page_bytes, most = kv->n_pages_max - kv->n_pages_made;
    struct slab *slab;

    if (kv->n_pages_left == 0) {
        size_t n = SLAB_BYTES / bytes > 0 ? SLAB_BYTES / bytes : 1;
        n = n < most ? n : most;
        slab = wf_alloc_lines_raw(1, sizeof(*slab) + n * bytes);
        if (slab == NULL)
            return NULL;
        wf_memory_large(slab, sizeof(*slab) + n * bytes);
        slab->next = kv->slabs;
        kv->slabs = slab;
        kv->n_pages_slab = kv->n_pages_left = n;
    }
    kv->n_pages_made++;
    return (struct page *)(void *)((uint8_t *)(kv->slabs + 1) +
                                   (kv->n_pages_slab - kv->n_pages_left--) * bytes);
}

static int take_page(struct wf_kv *kv, uint8_t **out, struct wf_err *err)
{
    struct page *page = kv->free;

    if (kv->n_pages_held >= kv->n_pages_max)
        return wf_err_set(err, WF_E_FULL, "The cache is full: it has room for %zu tokens.",
                          kv->n_pages_max * WF_KV_PAGE_TOKENS);
    if (page != NULL)
        kv->free = page->next_free;
    else
        page = make_page(kv);
    if (page == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the cache of a text.");
    page->n_holders = 1;
    kv->n_pages_held++;
    *out = (uint8_t *)(page + 1);
    return 0;
}

static void drop_page(struct wf_kv *kv, uint8_t *data)
{
    struct page *page = header_of(data);

    assert(page->n_holders > 0);
    if (--page->n_holders > 0)
        return;
    page->next_free = kv->free;
    kv->free = page;
    kv->n_pages_held--;
}

int wf_seq_init(struct wf_seq *s, struct wf_kv *kv, struct wf_err *err)
{
    *s = (struct wf_seq){.kv = kv};
    if (kv->conv_floats > 0) {
        s->conv = wf_alloc_array(kv->conv_floats, sizeof(float));
        if (s->conv == NULL) {
            s->kv = NULL;
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the state of a text.");
        }
    }
    kv->n_seqs++;
    return 0;
}

void wf_seq_deinit(struct wf_seq *s)
{
    if (s->kv == NULL)
        return;
    for (size_t i = 0; i < s->n_pages; i++)
        drop_page(s->kv, s->pages[i]);
    s->kv->n_seqs--;
    wf_free(s->pages);
    wf_free(s->conv);
    *s = (struct wf_seq){0};
}

/* Room for n pages in the list. */
static int grow_list(struct wf_seq *s, size_t n, struct wf_err *err)
{
    size_t cap = s->n_pages_cap > 0 ? s->n_pages_cap : 8;
    uint8_t **pages;

    while (cap < n)
        cap *= 2;
    if (cap == s->n_pages_cap)
        return 0;
    pages = wf_realloc_array(s->pages, cap, sizeof(*pages));
    if (pages == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the cache of a text.");
    s->pages = pages;
    s->n_pages_cap = cap;
    return 0;
}

/* Makes page i the sequence's own. */
static int own_page(struct wf_seq *s, size_t i, struct wf_err *err)
{
    uint8_t *copy;
    int rc;

    if (header_of(s->pages[i])->n_holders == 1)
        return 0;
    rc = take_page(s->kv, &copy, err);
    if (rc != 0)
        return rc;
    memcpy(copy, s->pages[i], s->kv->page_bytes);
    drop_page(s->kv, s->pages[i]);
    s->pages[i] = copy;
    return 0;
}

int wf_seq_reserve(struct wf_seq *s, size_t n, struct wf_err *err)
{
    size_t first = s->n_tokens / WF_KV_PAGE_TOKENS, n_before = s->n_pages;
    size_t n_pages = (s->n_tokens + n + WF_KV_PAGE_TOKENS - 1) / WF_KV_PAGE_TOKENS;
    int rc = grow_list(s, n_pages, err);

    if (rc == 0 && first < s->n_pages && n > 0)
        rc = own_page(s, first, err);
    while (rc == 0 && s->n_pages < n_pages) {
        rc = take_page(s->kv, &s->pages[s->n_pages], err);
        s->n_pages += rc == 0;
    }
    while (rc != 0 && s->n_pages > n_before)
        drop_page(s->kv, s->pages[--s->n_pages]);
    return rc;
}

float *wf_seq_conv(struct wf_seq *s, size_t i_conv)
{
    const struct wf_params *p = s->kv->p;

    assert(s->conv != NULL);
    return s->conv + i_conv * (p->conv_len - 1) * p->dim;
}

void wf_seq_keep_state(struct wf_seq *s, size_t i_page, size_t i_conv)
{
    const struct wf_params *p = s->kv->p;
    size_t n = (p->conv_len - 1) * p->dim;

    memcpy(s->pages[i_page] + s->kv->conv_offset + i_conv * n * sizeof(float), s->conv + i_conv * n,
           n * sizeof(float));
}

/* The states behind the first n positions (whole pages), into the sequence. */
static void restore_state(struct wf_seq *s, size_t n)
{
    size_t bytes = s->kv->conv_floats * sizeof(float);

    assert(n % WF_KV_PAGE_TOKENS == 0);
    if (n == 0)
        memset(s->conv, 0, bytes);
    else
        memcpy(s->conv, s->pages[n / WF_KV_PAGE_TOKENS - 1] + s->kv->conv_offset, bytes);
}

size_t wf_seq_truncate(struct wf_seq *s, size_t n)
{
    size_t n_pages;

    if (n >= s->n_tokens)
        n = s->n_tokens;
    else if (s->conv != NULL)
        n -= n % WF_KV_PAGE_TOKENS;
    n_pages = (n + WF_KV_PAGE_TOKENS - 1) / WF_KV_PAGE_TOKENS;
    if (s->conv != NULL && n < s->n_tokens)
        restore_state(s, n);
    while (s->n_pages > n_pages)
        drop_page(s->kv, s->pages[--s->n_pages]);
    s->n_tokens = n;
    return n;
}

int wf_seq_share(struct wf_seq *to, const struct wf_seq *from, size_t n, struct wf_err *err)
{
    size_t n_pages;
    int rc;

    assert(to->kv == from->kv);
    assert(to->n_tokens == 0);
    (void)wf_seq_truncate(to, 0); /* gives back what was reserved */
    n = n < from->n_tokens ? n : from->n_tokens;
    if (to->conv != NULL)
        n -= n % WF_KV_PAGE_TOKENS;
    n_pages = (n + WF_KV_PAGE_TOKENS - 1) / WF_KV_PAGE_TOKENS;
    rc = grow_list(to, n_pages, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n_pages; i++) {
        header_of(from->pages[i])->n_holders++;
        to->pages[to->n_pages++] = from->pages[i];
    }
    to->n_tokens = n;
    if (to->conv != NULL)
        restore_state(to, n);
    return 0;
}

size_t wf_kv_page_bytes(const struct wf_kv *kv)
{
    return kv->conv_offset + kv->conv_floats * sizeof(float);
}

const uint8_t *wf_seq_page(const struct wf_seq *s, size_t i)
{
    assert(i < s->n_tokens / WF_KV_PAGE_TOKENS);
    return s->pages[i];
}

int wf_seq_append(struct wf_seq *s, const uint8_t *page, struct wf_err *err)
{
    int rc;

    assert(s->n_tokens % WF_KV_PAGE_TOKENS == 0);
    rc = wf_seq_reserve(s, WF_KV_PAGE_TOKENS, err);
    if (rc != 0)
        return rc;
    memcpy(s->pages[s->n_tokens / WF_KV_PAGE_TOKENS], page, wf_kv_page_bytes(s->kv));
    s->n_tokens += WF_KV_PAGE_TOKENS;
    if (s->conv != NULL)
        restore_state(s, s->n_tokens);
    return 0;
}
