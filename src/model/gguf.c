/* SPDX-License-Identifier: Apache-2.0 */
/* The GGUF directory, read once into two tables that point into the mapping.
 *
 * A cursor walks the bytes and refuses to pass the end: every count is first compared with the
 * bytes that are left (an item takes at least one, a string eight), so a hostile count can neither
 * overflow nor make us allocate more than the file's own size. Tensors are checked against the data
 * section of the part they lie in: known type, whole blocks, aligned, inside.
 *
 * Layout (little-endian):  "GGUF" | u32 version | u64 n_tensors | u64 n_values
 *   | n_values x { string key, u32 kind, value } | n_tensors x { string name, u32 n_dims,
 *     u64 dims[n_dims], u32 type, u64 offset } | padding to the alignment | data
 * A string is u64 length and bytes; an array u32 kind, u64 count and items. */
#include "model/gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "kern/dtype.h"
#include "os/mapping.h"

#define NAME_BYTES_MAX 65535
#define ALIGNMENT_DEFAULT 32

struct wf_gguf {
    struct wf_mapping *parts; /* [n_parts]; none when opened over memory */
    size_t n_parts;
    uint64_t bytes;
    uint32_t version;
    uint64_t alignment;
    struct wf_gguf_value *values; /* [n_values] of the first part */
    size_t n_values;
    struct wf_gguf_tensor *tensors; /* [n_tensors] of all parts */
    size_t n_tensors;
    struct wf_map value_by_key;
    struct wf_map tensor_by_name;
};

struct cursor {
    const uint8_t *p;
    size_t n;   /* bytes of the part */
    size_t pos; /* <= n */
    struct wf_err *err;
};

static int ends_early(struct cursor *c)
{
    return wf_err_set(
        c->err, WF_E_FORMAT,
        "The model file ends in the middle of its directory: it is damaged or was not "
        "downloaded to the end.");
}

static int take(struct cursor *c, void *out, size_t n)
{
    if (c->n - c->pos < n)
        return ends_early(c);
    memcpy(out, c->p + c->pos, n);
    c->pos += n;
    return 0;
}

static int take_u32(struct cursor *c, uint32_t *out)
{
    return take(c, out, sizeof(*out));
}

static int take_u64(struct cursor *c, uint64_t *out)
{
    return take(c, out, sizeof(*out));
}

static int take_string(struct cursor *c, struct wf_str *out)
{
    uint64_t n = 0;
    int rc = take_u64(c, &n);

    if (rc != 0)
        return rc;
    if (n > c->n - c->pos)
        return ends_early(c);
    *out = wf_str_n((const char *)c->p + c->pos, (size_t)n);
    c->pos += (size_t)n;
    return 0;
}

static int take_name(struct cursor *c, const char *what, struct wf_str *out)
{
    struct wf_str s;
    int rc = take_string(c, &s);

    if (rc != 0)
        return rc;
    if (s.len == 0 || s.len > NAME_BYTES_MAX || memchr(s.ptr, 0, s.len) != NULL)
        return wf_err_set(c->err, WF_E_FORMAT,
                          "The model file is damaged: a %s has no proper name.", what);
    *out = s;
    return 0;
}

/* Bytes of one scalar of that kind; 0 for what is not a scalar. */
static size_t scalar_bytes(uint32_t kind)
{
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

    return kind < sizeof(bytes) ? bytes[kind] : 0;
}

static int take_string_array(struct cursor *c, struct wf_gguf_value *v)
{
    uint64_t *offsets = wf_alloc_array(v->n_items + 1, sizeof(*offsets));
    size_t start = c->pos;
    struct wf_str s;
    int rc = 0;

    if (offsets == NULL)
        return wf_err_set(c->err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    for (size_t i = 0; i < v->n_items && rc == 0; i++) {
        offsets[i] = c->pos - start;
        rc = take_string(c, &s);
    }
    offsets[v->n_items] = c->pos - start;
    v->_offsets = offsets;
    return rc;
}

static int take_array(struct cursor *c, struct wf_gguf_value *v)
{
    uint32_t kind = 0;
    uint64_t n = 0;
    int rc = take_u32(c, &kind);

    if (rc == 0)
        rc = take_u64(c, &n);
    if (rc != 0)
        return rc;
    if (kind != WF_GGUF_STRING && scalar_bytes(kind) == 0)
        return wf_err_set(c->err, WF_E_FORMAT,
                          "The model file is damaged: %.*s is an array of kind %u.",
                          WF_STR_ARG(wf_str_sub(v->key, 0, 80)), kind);
    size_t item = kind == WF_GGUF_STRING ? 8 : scalar_bytes(kind);
    if (n > (c->n - c->pos) / item)
        return ends_early(c);
    v->item_kind = (enum wf_gguf_kind)kind;
    v->n_items = (size_t)n;
    v->_data = c->p + c->pos;
    if (kind == WF_GGUF_STRING)
        rc = take_string_array(c, v);
    else
        c->pos += (size_t)n * item;
    v->_bytes = (size_t)(c->p + c->pos - v->_data);
    return rc;
}

static int take_value(struct cursor *c, struct wf_gguf_value *v)
{
    struct wf_str s;
    uint32_t kind = 0;
    int rc = take_name(c, "setting", &v->key);

    if (rc == 0)
        rc = take_u32(c, &kind);
    if (rc != 0)
        return rc;
    v->kind = v->item_kind = (enum wf_gguf_kind)kind;
    v->n_items = 1;
    if (kind == WF_GGUF_ARRAY)
        return take_array(c, v);
    v->_data = c->p + c->pos;
    if (kind == WF_GGUF_STRING) {
        rc = take_string(c, &s);
    } else if (scalar_bytes(kind) == 0) {
        return wf_err_set(c->err, WF_E_FORMAT, "The model file is damaged: %.*s is of kind %u.",
                          WF_STR_ARG(wf_str_sub(v->key, 0, 80)), kind);
    } else if (scalar_bytes(kind) > c->n - c->pos) {
        return ends_early(c);
    } else {
        c->pos += scalar_bytes(kind);
    }
    v->_bytes = (size_t)(c->p + c->pos - v->_data);
    return rc;
}

/* Number of values and bytes of a tensor, from its dims and type. */
static int tensor_size(struct wf_gguf_tensor *t, struct wf_err *err)
{
    const struct wf_dtype *f = wf_dtype_by_id(t->type);
    uint64_t n = 1;

    if (f == NULL)
        return wf_err_set(
            err, WF_E_UNSUPPORTED,
            "The tensor %.*s is of type %u, which weft does not know. Types that run: "
            "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL "
            "IQ4_XS MXFP4.",
            WF_STR_ARG(wf_str_sub(t->name, 0, 60)), t->type);
    for (uint32_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] == 0 || t->dims[i] > WF_LIMIT_TENSOR_VALUES / n)
            return wf_err_set(err, WF_E_FORMAT, "The tensor %.*s has no possible shape.",
                              WF_STR_ARG(wf_str_sub(t->name, 0, 60)));
        n *= t->dims[i];
    }
    if (t->dims[0] % f->block != 0)
        return wf_err_set(err, WF_E_FORMAT,
                          "The tensor %.*s has rows that are not whole blocks of %s.",
                          WF_STR_ARG(wf_str_sub(t->name, 0, 60)), f->name);
    t->bytes = wf_dtype_bytes(f, n);
    return 0;
}

/* `offset` is kept in t->data's place by the caller until the data section's start is known. */
static int take_tensor(struct cursor *c, struct wf_gguf_tensor *t, uint64_t *out_offset)
{
    int rc = take_name(c, "tensor", &t->name);

    if (rc == 0)
        rc = take_u32(c, &t->n_dims);
    if (rc != 0)
        return rc;
    if (t->n_dims < 1 || t->n_dims > WF_GGUF_DIMS_MAX)
        return wf_err_set(c->err, WF_E_FORMAT, "The tensor %.*s has %u dimensions.",
                          WF_STR_ARG(wf_str_sub(t->name, 0, 60)), t->n_dims);
    for (uint32_t i = 0; i < WF_GGUF_DIMS_MAX; i++)
        t->dims[i] = 1;
    for (uint32_t i = 0; i < t->n_dims && rc == 0; i++)
        rc = take_u64(c, &t->dims[i]);
    if (rc == 0)
        rc = take_u32(c, &t->type);
    if (rc == 0)
        rc = take_u64(c, out_offset);
    return rc == 0 ? tensor_size(t, c->err) : rc;
}

static int place_tensors(struct wf_gguf *g, struct cursor *c, size_t first, const uint64_t *offsets)
{
    uint64_t a = g->alignment, start = (c->pos + a - 1) / a * a, room;

    room = start <= c->n ? c->n - start : 0;
    for (size_t i = first; i < g->n_tensors; i++) {
        struct wf_gguf_tensor *t = &g->tensors[i];
        uint64_t offset = offsets[i - first];
        bool is_new;
        if (offset % a != 0 || offset > room || t->bytes > room - offset)
            return wf_err_set(
                c->err, WF_E_FORMAT,
                "The weights of %.*s lie outside of the model file: it is damaged or was "
                "not downloaded to the end.",
                WF_STR_ARG(wf_str_sub(t->name, 0, 60)));
        t->data = c->p + start + offset;
        union wf_map_value *v = wf_map_put(&g->tensor_by_name, t->name, &is_new);
        if (v == NULL)
            return wf_err_set(c->err, WF_E_NOMEM, "Not enough memory for the model's directory.");
        if (!is_new)
            return wf_err_set(c->err, WF_E_FORMAT, "The model file is damaged: it has %.*s twice.",
                              WF_STR_ARG(wf_str_sub(t->name, 0, 60)));
        v->u64 = i;
    }
    return 0;
}

static int take_header(struct cursor *c, uint32_t *version, uint64_t *n_tensors, uint64_t *n_values)
{
    char magic[4];
    int rc;

    if (c->n < 24 || memcmp(c->p, "GGUF", 4) != 0)
        return wf_err_set(c->err, WF_E_FORMAT, "It is not a GGUF model file.");
    rc = take(c, magic, sizeof(magic));
    if (rc == 0)
        rc = take_u32(c, version);
    if (rc != 0)
        return rc;
    if ((*version & 0xffff) == 0)
        return wf_err_set(c->err, WF_E_UNSUPPORTED,
                          "It is a big-endian GGUF file; weft reads little-endian ones.");
    if (*version != 2 && *version != 3)
        return wf_err_set(c->err, WF_E_UNSUPPORTED,
                          "It is GGUF version %u; weft reads versions 2 and 3.", *version);
    rc = take_u64(c, n_tensors);
    if (rc == 0)
        rc = take_u64(c, n_values);
    if (rc != 0)
        return rc;
    /* A value takes 13 bytes at least, a tensor 33. */
    if (*n_values > (c->n - c->pos) / 13 || *n_tensors > (c->n - c->pos) / 33)
        return ends_early(c);
    if (*n_values > WF_LIMIT_GGUF_VALUES || *n_tensors > WF_LIMIT_GGUF_TENSORS)
        return wf_err_set(c->err, WF_E_LIMIT,
                          "The model file has more entries than any model has.");
    return 0;
}

/* The values of a part: kept from the first, of the others only `split.no` is looked at. */
static int take_values(struct wf_gguf *g, struct cursor *c, uint64_t n, bool is_first)
{
    int rc = 0;

    if (is_first) {
        g->values = wf_alloc_array((size_t)n + 1, sizeof(*g->values));
        if (g->values == NULL)
            return wf_err_set(c->err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    }
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct wf_gguf_value v = {0};
        bool is_new;
        rc = take_value(c, &v);
        if (!is_first || rc != 0) {
            wf_free((void *)(uintptr_t)v._offsets);
            continue;
        }
        g->values[g->n_values++] = v;
        union wf_map_value *slot = wf_map_put(&g->value_by_key, v.key, &is_new);
        if (slot == NULL)
            return wf_err_set(c->err, WF_E_NOMEM, "Not enough memory for the model's directory.");
        if (!is_new)
            return wf_err_set(c->err, WF_E_FORMAT, "The model file is damaged: it has %.*s twice.",
                              WF_STR_ARG(wf_str_sub(v.key, 0, 80)));
        slot->u64 = g->n_values - 1;
    }
    return rc;
}

static int read_alignment(struct wf_gguf *g, struct wf_err *err)
{
    g->alignment = ALIGNMENT_DEFAULT;
    (void)wf_gguf_u64(g, "general.alignment", &g->alignment); /* absent: the default */
    if (g->alignment < 8 || g->alignment > (1u << 20) || (g->alignment & (g->alignment - 1)) != 0)
        return wf_err_set(err, WF_E_FORMAT,
                          "The model file is damaged: it asks for an alignment of %" PRIu64 ".",
                          g->alignment);
    return 0;
}

/* Reads one part's directory; tensors go behind those already there. */
static int read_part(struct wf_gguf *g, const uint8_t *p, size_t n, bool is_first,
                     struct wf_err *err)
{
    struct cursor c = {p, n, 0, err};
    struct wf_gguf_tensor *tensors;
    uint64_t n_tensors = 0, n_values = 0, *offsets = NULL;
    uint32_t version = 0;
    size_t first = g->n_tensors;
    int rc = take_header(&c, &version, &n_tensors, &n_values);

    if (rc == 0)
        rc = take_values(g, &c, n_values, is_first);
    if (rc == 0 && is_first) {
        g->version = version;
        rc = read_alignment(g, err);
    }
    if (rc != 0)
        return rc;
    if (first + n_tensors > WF_LIMIT_GGUF_TENSORS)
        return wf_err_set(err, WF_E_LIMIT, "The model file has more tensors than any model has.");
    tensors = wf_realloc_array(g->tensors, first + (size_t)n_tensors + 1, sizeof(*tensors));
    if (tensors != NULL)
        g->tensors = tensors;
    offsets = wf_alloc_array((size_t)n_tensors + 1, sizeof(*offsets));
    if (tensors == NULL || offsets == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    for (size_t i = 0; i < n_tensors && rc == 0; i++) {
        memset(&tensors[first + i], 0, sizeof(*tensors));
        rc = take_tensor(&c, &tensors[first + i], &offsets[i]);
        if (rc == 0)
            g->n_tensors++;
    }
    if (rc == 0)
        rc = place_tensors(g, &c, first, offsets);
    g->bytes += n;
    wf_free(offsets);
    return rc;
}

static struct wf_gguf *new_gguf(void)
{
    struct wf_gguf *g = wf_alloc_array(1, sizeof(*g));

    if (g != NULL) {
        wf_map_init(&g->value_by_key, WF_LIMIT_GGUF_VALUES);
        wf_map_init(&g->tensor_by_name, WF_LIMIT_GGUF_TENSORS);
    }
    return g;
}

void wf_gguf_rest(const struct wf_gguf *g)
{
    for (size_t i = 0; i < g->n_parts; i++)
        wf_mapping_rest(&g->parts[i]);
}

void wf_gguf_close(struct wf_gguf *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n_values; i++)
        wf_free((void *)(uintptr_t)g->values[i]._offsets);
    for (size_t i = 0; i < g->n_parts; i++)
        wf_mapping_close(&g->parts[i]);
    wf_map_deinit(&g->value_by_key);
    wf_map_deinit(&g->tensor_by_name);
    wf_free(g->parts);
    wf_free(g->values);
    wf_free(g->tensors);
    wf_free(g);
}

int wf_gguf_open_memory(const void *p, size_t n, struct wf_gguf **out, struct wf_err *err)
{
    struct wf_gguf *g = new_gguf();
    uint64_t n_parts = 1;
    int rc;

    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    rc = read_part(g, p, n, true, err);
    if (rc == 0 && wf_gguf_u64(g, "split.count", &n_parts) && n_parts > 1)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "It is one part of a model in %" PRIu64 " files.",
                        n_parts);
    if (rc != 0) {
        wf_gguf_close(g);
        return rc;
    }
    *out = g;
    return 0;
}

/* The path of part i (from 0) of n: "...-00001-of-00003.gguf" with another number. */
static int part_path(const char *first, size_t i, size_t n, struct wf_buf *out, struct wf_err *err)
{
    char tail[40];
    size_t len = strlen(first), tail_len;

    (void)snprintf(tail, sizeof(tail), "-%05zu-of-%05zu.gguf", (size_t)1, n);
    tail_len = strlen(tail);
    if (len < tail_len || strcmp(first + len - tail_len, tail) != 0)
        return wf_err_set(err, WF_E_FORMAT,
                          "It is the first of %zu files of one model and must be named like "
                          "NAME-00001-of-%05zu.gguf, so that the others are found beside it.",
                          n, n);
    wf_buf_reset(out);
    (void)wf_buf_append(out, first, len - tail_len);
    if (wf_buf_appendf(out, "-%05zu-of-%05zu.gguf", i + 1, n) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a file name.");
    return 0;
}

static int open_part(struct wf_gguf *g, const char *path, struct wf_err *err)
{
    struct wf_mapping *m = &g->parts[g->n_parts];
    int rc = wf_mapping_open(path, m, err);

    if (rc != 0)
        return rc;
    g->n_parts++;
    rc = read_part(g, m->ptr, m->bytes, g->n_parts == 1, err);
    if (rc != 0)
        wf_err_prefix(err, "%s", path);
    return rc;
}

static int open_others(struct wf_gguf *g, const char *path, size_t n, struct wf_err *err)
{
    struct wf_mapping *parts = wf_realloc_array(g->parts, n, sizeof(*parts));
    uint64_t no = 0, n_tensors = 0;
    struct wf_buf name;
    int rc = 0;

    if (parts == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    g->parts = parts;
    if (wf_gguf_u64(g, "split.no", &no) && no != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "%s is part %" PRIu64 " of a model in %zu files: open the first one.",
                          path, no + 1, n);
    wf_buf_init(&name, 1 << 16);
    for (size_t i = 1; i < n && rc == 0; i++) {
        rc = part_path(path, i, n, &name, err);
        if (rc == 0)
            rc = open_part(g, name.ptr, err);
    }
    wf_buf_deinit(&name);
    if (rc == 0 && wf_gguf_u64(g, "split.tensors.count", &n_tensors) && n_tensors != g->n_tensors)
        rc = wf_err_set(err, WF_E_FORMAT,
                        "%s and the files beside it hold %zu of %" PRIu64 " tensors.", path,
                        g->n_tensors, n_tensors);
    return rc;
}

int wf_gguf_open(const char *path, struct wf_gguf **out, struct wf_err *err)
{
    struct wf_gguf *g = new_gguf();
    uint64_t n = 1;
    int rc;

    if (g == NULL || (g->parts = wf_alloc_array(1, sizeof(*g->parts))) == NULL) {
        wf_gguf_close(g);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's directory.");
    }
    rc = open_part(g, path, err);
    if (rc == 0 && wf_gguf_u64(g, "split.count", &n) && n > 1) {
        if (n > WF_LIMIT_GGUF_PARTS)
            rc = wf_err_set(err, WF_E_LIMIT, "%s says that it is one of %" PRIu64 " files.", path,
                            n);
        else
            rc = open_others(g, path, (size_t)n, err);
    }
    if (rc != 0) {
        wf_gguf_close(g);
        return rc;
    }
    *out = g;
    return 0;
}

uint32_t wf_gguf_version(const struct wf_gguf *g)
{
    return g->version;
}

uint64_t wf_gguf_bytes(const struct wf_gguf *g)
{
    return g->bytes;
}

uint64_t wf_gguf_alignment(const struct wf_gguf *g)
{
    return g->alignment;
}

size_t wf_gguf_n_values(const struct wf_gguf *g)
{
    return g->n_values;
}

const struct wf_gguf_value *wf_gguf_value_at(const struct wf_gguf *g, size_t i)
{
    return &g->values[i];
}

size_t wf_gguf_n_tensors(const struct wf_gguf *g)
{
    return g->n_tensors;
}

const struct wf_gguf_tensor *wf_gguf_tensor_at(const struct wf_gguf *g, size_t i)
{
    return &g->tensors[i];
}

const struct wf_gguf_value *wf_gguf_value(const struct wf_gguf *g, const char *key)
{
    const union wf_map_value *v = wf_map_get(&g->value_by_key, wf_str_from(key));

    return v != NULL ? &g->values[v->u64] : NULL;
}

const struct wf_gguf_tensor *wf_gguf_tensor(const struct wf_gguf *g, const char *name)
{
    const union wf_map_value *v = wf_map_get(&g->tensor_by_name, wf_str_from(name));

    return v != NULL ? &g->tensors[v->u64] : NULL;
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

bool wf_gguf_item_i64(const struct wf_gguf_value *v, size_t i, int64_t *out)
{
    size_t n = scalar_bytes(v->item_kind);

    if (n == 0 || i >= v->n_items)
        return false;
    uint64_t u = load_le(v->_data + i * n, n);
    switch (v->item_kind) {
    case WF_GGUF_U8:
    case WF_GGUF_U16:
    case WF_GGUF_U32:
    case WF_GGUF_U64:
        if (u > INT64_MAX)
            return false;
        *out = (int64_t)u;
        return true;
    case WF_GGUF_I8:
        *out = (int64_t)(u & 0xff) - ((u & 0x80) != 0 ? 256 : 0);
        return true;
    case WF_GGUF_I16:
        *out = (int16_t)u;
        return true;
    case WF_GGUF_I32:
        *out = (int32_t)u;
        return true;
    case WF_GGUF_I64:
        *out = (int64_t)u;
        return true;
    case WF_GGUF_F32:
    case WF_GGUF_F64:
    case WF_GGUF_BOOL:
    case WF_GGUF_STRING:
    case WF_GGUF_ARRAY:
        break;
    }
    return false;
}

bool wf_gguf_item_f64(const struct wf_gguf_value *v, size_t i, double *out)
{
    int64_t n;
    float f;

    if (i < v->n_items && v->item_kind == WF_GGUF_F32) {
        memcpy(&f, v->_data + i * sizeof(f), sizeof(f));
        *out = (double)f;
        return true;
    }
    if (i < v->n_items && v->item_kind == WF_GGUF_F64) {
        memcpy(out, v->_data + i * sizeof(*out), sizeof(*out));
        return true;
    }
    if (!wf_gguf_item_i64(v, i, &n))
        return false;
    *out = (double)n;
    return true;
}

bool wf_gguf_item_string(const struct wf_gguf_value *v, size_t i, struct wf_str *out)
{
    uint64_t at;

    if (v->item_kind != WF_GGUF_STRING || i >= v->n_items)
        return false;
    at = v->_offsets != NULL ? v->_offsets[i] : 0;
    *out = wf_str_n((const char *)v->_data + at + 8, (size_t)load_le(v->_data + at, 8));
    return true;
}

struct wf_str wf_gguf_item_bytes(const struct wf_gguf_value *v)
{
    bool is_number = v->kind == WF_GGUF_ARRAY && scalar_bytes(v->item_kind) > 0;

    return wf_str_n((const char *)v->_data, is_number ? v->_bytes : 0);
}

/* The scalar of that key, or NULL. */
static const struct wf_gguf_value *scalar(const struct wf_gguf *g, const char *key)
{
    const struct wf_gguf_value *v = wf_gguf_value(g, key);

    return v != NULL && v->kind != WF_GGUF_ARRAY ? v : NULL;
}

bool wf_gguf_u64(const struct wf_gguf *g, const char *key, uint64_t *out)
{
    const struct wf_gguf_value *v = scalar(g, key);
    int64_t n;

    if (v == NULL || !wf_gguf_item_i64(v, 0, &n) || n < 0)
        return false;
    *out = (uint64_t)n;
    return true;
}

bool wf_gguf_f64(const struct wf_gguf *g, const char *key, double *out)
{
    const struct wf_gguf_value *v = scalar(g, key);
    double d;

    if (v == NULL || !wf_gguf_item_f64(v, 0, &d) || !isfinite(d))
        return false;
    *out = d;
    return true;
}

bool wf_gguf_bool(const struct wf_gguf *g, const char *key, bool *out)
{
    const struct wf_gguf_value *v = scalar(g, key);

    if (v == NULL || v->kind != WF_GGUF_BOOL)
        return false;
    *out = v->_data[0] != 0;
    return true;
}

bool wf_gguf_string(const struct wf_gguf *g, const char *key, struct wf_str *out)
{
    const struct wf_gguf_value *v = scalar(g, key);

    return v != NULL && wf_gguf_item_string(v, 0, out);
}
