/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: DRY, "don't repeat yourself": a token that would prolong a repeat of what stands before
 * costs more the longer the repeat is.
 *
 * For every position of the text's last token, run[] says how many tokens up to there equal those
 * at the text's end. One more token t needs only the earlier positions of t: run[i] is one more
 * than run[i - 1] was, where the token before t was also the last one. So a token costs as many
 * steps as it was written before, not as many as the text is long. A breaker sets the runs of its
 * own positions to 0: no repeat goes across it. */
#include <assert.h>
#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "model/sampler_internal.h"

static const char *const usual_breakers[] = {"\n", ":", "\"", "*"};

int wf_dry_init(struct wf_dry *d, const struct wf_sampling *s, const struct wf_vocab *vocab,
                size_t n_vocab, struct wf_err *err)
{
    const char *const *breakers = s->breakers == NULL ? usual_breakers : s->breakers;
    size_t n = s->breakers == NULL ? WF_ARRAY_LEN(usual_breakers) : s->n_breakers;

    *d = (struct wf_dry){
        .last_n = s->dry_last_n,
        .allowed = (size_t)s->dry_allowed_length,
        .multiplier = s->dry_multiplier,
        .base = s->dry_base,
        .vocab = vocab,
        .n_vocab = n_vocab,
    };
    d->last = wf_alloc_array(n_vocab, sizeof(*d->last));
    d->best = wf_alloc_array(n_vocab, sizeof(*d->best));
    d->breakers = wf_alloc_array(n, sizeof(*d->breakers));
    if (d->last == NULL || d->best == NULL || d->breakers == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; vocab != NULL && i < n; i++) {
        struct wf_str text = wf_str_from(breakers[i]);
        if (text.len == 0)
            continue;
        if (text.len > WF_DRY_TAIL)
            return wf_err_set(err, WF_E_RANGE, "a DRY sequence breaker has %zu bytes; at most %d",
                              text.len, WF_DRY_TAIL);
        d->breakers[d->n_breakers] = wf_memdup0(text.ptr, text.len);
        if (d->breakers[d->n_breakers++] == NULL)
            return WF_E_NOMEM;
    }
    return 0;
}

void wf_dry_deinit(struct wf_dry *d)
{
    wf_free(d->before);
    wf_free(d->run);
    wf_free(d->touched);
    wf_free(d->last);
    wf_free(d->best);
    for (size_t i = 0; i < d->n_breakers; i++)
        wf_free(d->breakers[i]);
    wf_free(d->breakers);
    *d = (struct wf_dry){0};
}

static int grow(uint32_t **io_p, size_t n)
{
    uint32_t *p = wf_realloc_array(*io_p, n, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    *io_p = p;
    return 0;
}

int wf_dry_reserve(struct wf_dry *d, size_t cap)
{
    int32_t *touched;

    if (cap <= d->cap)
        return 0;
    if (cap >= UINT32_MAX || grow(&d->before, cap) != 0 || grow(&d->run, cap) != 0)
        return WF_E_NOMEM;
    touched = wf_realloc_array(d->touched, cap, sizeof(*touched));
    if (touched == NULL)
        return WF_E_NOMEM;
    d->touched = touched;
    d->cap = cap;
    return 0;
}

/* Whether a breaker ends within the last token; it may have begun in tokens before. */
static bool ends_broken(struct wf_dry *d)
{
    int32_t id = d->text[d->n - 1];
    struct wf_str token;
    bool broken = false;
    size_t rest;

    if (d->vocab == NULL || (size_t)id >= wf_vocab_size(d->vocab) ||
        wf_vocab_kind(d->vocab, id) == WF_TOKEN_CONTROL) {
        d->n_tail = 0;
        return false;
    }
    token = wf_vocab_bytes(d->vocab, id);
    /* Across the border only as much of the token matters as a breaker is long. */
    rest = WF_MIN(token.len, WF_DRY_TAIL);
    memcpy(d->tail + d->n_tail, token.ptr, rest);
    for (size_t i = 0; !broken && i < d->n_breakers; i++) {
        struct wf_str text = wf_str_from(d->breakers[i]);
        size_t from = d->n_tail >= text.len ? d->n_tail - text.len + 1 : 0;
        broken = wf_str_find(wf_str_n(d->tail, d->n_tail + rest), text, from) != SIZE_MAX ||
                 wf_str_find(token, text, 0) != SIZE_MAX;
    }
    if (token.len > rest) {
        memcpy(d->tail, token.ptr + token.len - WF_DRY_TAIL, WF_DRY_TAIL);
        d->n_tail = WF_DRY_TAIL;
        return broken;
    }
    d->n_tail += rest;
    if (d->n_tail > WF_DRY_TAIL) {
        memmove(d->tail, d->tail + d->n_tail - WF_DRY_TAIL, WF_DRY_TAIL);
        d->n_tail = WF_DRY_TAIL;
    }
    return broken;
}

void wf_dry_accept(struct wf_dry *d, const int32_t *text, size_t n)
{
    size_t id = (size_t)text[n - 1];
    bool broken, goes_on;

    assert(n <= d->cap && id < d->n_vocab);
    d->text = text;
    d->n = n;
    broken = ends_broken(d);
    d->before[n - 1] = d->last[id];
    d->run[n - 1] = 0;
    d->last[id] = (uint32_t)n;
    /* From the last position to the first: run[i - 1] must still be what it was. */
    for (size_t p = d->before[n - 1]; p > 0; p = d->before[p - 1]) {
        goes_on = p >= 2 && n >= 2 && text[p - 2] == text[n - 2];
        d->run[p - 1] = broken ? 0 : 1 + (goes_on ? d->run[p - 2] : 0);
    }
}

size_t wf_dry_find(struct wf_dry *d)
{
    size_t n = 0, window = d->last_n < 0 ? d->n : WF_MIN(d->n, (size_t)d->last_n);
    size_t start = d->n - window; /* repeats begin here or later */

    if (d->n < 2)
        return 0;
    for (size_t p = d->before[d->n - 1]; p > start; p = d->before[p - 1]) {
        size_t length = WF_MIN((size_t)d->run[p - 1], p - start);
        int32_t next = d->text[p];
        if (length < WF_MAX(d->allowed, 1))
            continue;
        if (d->best[next] == 0)
            d->touched[n++] = next;
        d->best[next] = WF_MAX(d->best[next], (uint32_t)length);
    }
    return n;
}

float wf_dry_penalty(struct wf_dry *d, size_t i)
{
    size_t length = d->best[d->touched[i]];
    float penalty = d->multiplier;

    d->best[d->touched[i]] = 0;
    if (d->base > 1)
        for (size_t k = d->allowed; k < length && penalty < FLT_MAX / 2; k++)
            penalty *= d->base;
    return WF_MIN(penalty, FLT_MAX / 2);
}
