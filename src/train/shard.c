/* SPDX-License-Identifier: Apache-2.0 */
/* Reading shards: a mapped file whose every number is checked once, so that reading needs no checks
 * afterwards. */
#include "train/shard.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "os/mapping.h"
#include "train/shard_internal.h"

struct wf_shard {
    struct wf_mapping map;
    struct wf_shard_head head;
    const unsigned char *ids;
    const unsigned char *ends;
    uint32_t id_bytes;
};

static uint64_t u64_at(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static uint32_t u32_at(const unsigned char *p)
{
    return (uint32_t)(u64_at(p) & UINT32_MAX);
}

static uint64_t hash_bytes(uint64_t h, struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return (h ^ 0xff) * UINT64_C(1099511628211); /* 0xff is in no name: names do not run together */
}

uint64_t wf_shard_vocab_hash(const struct wf_vocab *v)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < wf_vocab_size(v); i++) {
        char kind = (char)wf_vocab_kind(v, (int32_t)i);
        h = hash_bytes(h, wf_vocab_name(v, (int32_t)i));
        h = hash_bytes(h, wf_str_n(&kind, 1));
    }
    return h;
}

static int damaged(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "The file of tokens is damaged: %s.", what);
}

static uint32_t id_at(const struct wf_shard *s, uint64_t i)
{
    const unsigned char *p = s->ids + i * s->id_bytes;

    return s->id_bytes == 2 ? (uint32_t)p[0] | (uint32_t)p[1] << 8 : u32_at(p);
}

static uint64_t end_of(const struct wf_shard *s, uint64_t i)
{
    return u64_at(s->ends + 8 * i);
}

static int check_content(const struct wf_shard *s, struct wf_err *err)
{
    uint64_t last = 0;
    uint32_t max = 0;

    for (uint64_t i = 0; i < s->head.n_texts; i++) {
        uint64_t end = end_of(s, i);
        if (end < last || end > s->head.n_tokens)
            return damaged(err, "a text ends where it cannot");
        last = end;
    }
    if (last != s->head.n_tokens)
        return damaged(err, "its last text ends too early");
    for (uint64_t i = 0; i < s->head.n_tokens; i++) {
        uint32_t id = id_at(s, i);
        max = id > max ? id : max;
    }
    if (s->head.n_tokens > 0 && max >= s->head.n_vocab)
        return damaged(err, "a token is not in its vocabulary");
    return 0;
}

static int check(struct wf_shard *s, const unsigned char *p, size_t n, struct wf_err *err)
{
    struct wf_shard_head *h = &s->head;
    uint64_t ids_bytes;

    if (n < WF_SHARD__HEAD_BYTES || memcmp(p, WF_SHARD__MAGIC, 8) != 0)
        return damaged(err, "it does not begin like one");
    s->id_bytes = u32_at(p + 8);
    *h = (struct wf_shard_head){u32_at(p + 12), u64_at(p + 16), u64_at(p + 24),
                                u64_at(p + 32), u64_at(p + 40), u64_at(p + 48)};
    if (s->id_bytes != 2 && s->id_bytes != 4)
        return damaged(err, "its ids have a size that is not known");
    /* both counts are bounded by the file before they are multiplied */
    if (h->n_tokens > n / s->id_bytes || h->n_texts > n / 8)
        return damaged(err, "it is cut off");
    ids_bytes = (h->n_tokens * s->id_bytes + 7) / 8 * 8;
    if (n - WF_SHARD__HEAD_BYTES < ids_bytes ||
        n - WF_SHARD__HEAD_BYTES - ids_bytes != 8 * h->n_texts)
        return damaged(err, "its size is not what it says");
    s->ids = p + WF_SHARD__HEAD_BYTES;
    s->ends = s->ids + ids_bytes;
    return check_content(s, err);
}

int wf_shard_open_bytes(struct wf_str bytes, struct wf_shard **out, struct wf_err *err)
{
    struct wf_shard *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to open a file of tokens.");
    rc = check(s, (const unsigned char *)bytes.ptr, bytes.len, err);
    if (rc != 0) {
        wf_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

int wf_shard_open(const char *path, struct wf_shard **out, struct wf_err *err)
{
    struct wf_mapping map = {0};
    int rc = wf_mapping_open(path, &map, err);

    if (rc == 0) {
        rc = wf_shard_open_bytes(wf_str_n((const char *)map.ptr, map.bytes), out, err);
        if (rc != 0)
            wf_err_prefix(err, "%s", path);
    }
    if (rc == 0)
        (*out)->map = map;
    else
        wf_mapping_close(&map);
    return rc;
}

void wf_shard_close(struct wf_shard *s)
{
    if (s == NULL)
        return;
    wf_mapping_close(&s->map);
    wf_free(s);
}

const struct wf_shard_head *wf_shard_head(const struct wf_shard *s)
{
    return &s->head;
}

static uint64_t begin_of(const struct wf_shard *s, uint64_t i)
{
    return i > 0 ? end_of(s, i - 1) : 0;
}

size_t wf_shard_text_len(const struct wf_shard *s, uint64_t i)
{
    assert(i < s->head.n_texts);
    return (size_t)(end_of(s, i) - begin_of(s, i));
}

void wf_shard_read(const struct wf_shard *s, uint64_t i, size_t from, size_t n, int32_t *out)
{
    uint64_t at = begin_of(s, i) + from;

    assert(i < s->head.n_texts);
    assert(from + n <= wf_shard_text_len(s, i));
    for (size_t k = 0; k < n; k++)
        out[k] = (int32_t)id_at(s, at + k);
}
