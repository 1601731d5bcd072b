/* SPDX-License-Identifier: Apache-2.0 */
/* What a name's file says of its model, and reading that out of the GGUF.
 *
 * The file is ours, but a disk may lie and a person may edit: a record is checked as a whole before
 * anything is taken from it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/model_store_internal.h"
#include "kern/dtype.h"
#include "model/params.h"

#define RECORD_VERSION 1

static const char *const kinds[] = {
    [WF_MODEL_CHAT] = "chat",     [WF_MODEL_TEXT] = "text",       [WF_MODEL_EMBED] = "embed",
    [WF_MODEL_RERANK] = "rerank", [WF_MODEL_ADAPTER] = "adapter",
};

const char *wf_model_kind_name(enum wf_model_kind kind)
{
    return kinds[kind];
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static uint64_t count(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));

    return n > 0 ? (uint64_t)n : 0;
}

/* The kind's number, or -1. */
static int kind_of(const json_t *record)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (strcmp(text(record, "kind"), kinds[i]) == 0)
            return (int)i;
    }
    return -1;
}

bool wf_model__record_is_sound(const json_t *record)
{
    const json_t *parts = json_object_get(record, "parts");
    size_t n = json_array_size(parts);

    if (json_integer_value(json_object_get(record, "version")) != RECORD_VERSION ||
        kind_of(record) < 0 || n == 0 || n > WF_LIMIT_GGUF_PARTS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!wf_model__is_digest(text(json_array_get(parts, i), "digest")))
            return false;
    }
    return true;
}

int wf_model__entry(const struct wf_model_store *s, const char *name, const json_t *record,
                    struct wf_model_entry *out, struct wf_err *err)
{
    const json_t *parts = json_object_get(record, "parts");
    const char *digest = text(json_array_get(parts, 0), "digest");
    struct wf_model_entry e = {
        .kind = (enum wf_model_kind)kind_of(record),
        .n_params = count(record, "n_params"),
        .n_context = count(record, "n_context"),
        .added_ms = (int64_t)count(record, "added_ms"),
    };
    int rc = wf_model__open_path(s, digest, json_array_size(parts), e.path, err);

    assert(wf_model__record_is_sound(record));
    if (rc != 0)
        return rc;
    snprintf(e.name, sizeof(e.name), "%s", name);
    snprintf(e.digest, sizeof(e.digest), "%s", digest);
    snprintf(e.family, sizeof(e.family), "%s", text(record, "family"));
    snprintf(e.quantization, sizeof(e.quantization), "%s", text(record, "quantization"));
    snprintf(e.source, sizeof(e.source), "%s", text(record, "source"));
    wf_str_make_printable(e.family, strlen(e.family)); /* of an adapter any text of its file */
    wf_str_make_printable(e.source, strlen(e.source)); /* cut, perhaps within a character */
    for (size_t i = 0; i < json_array_size(parts); i++)
        e.bytes += count(json_array_get(parts, i), "bytes");
    *out = e;
    return 0;
}

/* ---- out of a GGUF ---- */

/* general.file_type, as those who write GGUF files number it. */
static const char *file_type_name(uint64_t n)
{
    static const char *const names[] = {
        [0] = "F32",     [1] = "F16",     [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",    [9] = "Q5_1",    [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L", [14] = "Q4_K_S", [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",   [21] = "Q2_K_S", [25] = "IQ4_NL", [30] = "IQ4_XS", [32] = "BF16",
        [38] = "MXFP4",
    };

    return n < WF_ARRAY_LEN(names) ? names[n] : NULL;
}

/* The type that most bytes of the tensors are of. */
static const char *commonest_type(const struct wf_gguf *g)
{
    const struct wf_dtype *best = NULL;
    uint64_t most = 0;

    for (size_t i = 0; wf_dtype_at(i) != NULL; i++) {
        const struct wf_dtype *d = wf_dtype_at(i);
        uint64_t bytes = 0;
        for (size_t k = 0; k < wf_gguf_n_tensors(g); k++) {
            const struct wf_gguf_tensor *t = wf_gguf_tensor_at(g, k);
            bytes += t->type == d->id ? t->bytes : 0;
        }
        if (bytes > most) {
            most = bytes;
            best = d;
        }
    }
    return best ? best->name : "";
}

static uint64_t count_params(const struct wf_gguf *g)
{
    uint64_t n = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++) {
        const uint64_t *d = wf_gguf_tensor_at(g, i)->dims;
        n += d[0] * d[1] * d[2] * d[3]; /* within 2^56, see limits.h */
    }
    return n;
}

static enum wf_model_kind kind_by(const struct wf_gguf *g, const struct wf_params *p)
{
    if (p->pooling == WF_POOLING_RANK || p->n_classes > 0)
        return WF_MODEL_RERANK;
    if (!p->is_causal || p->pooling != WF_POOLING_NONE)
        return WF_MODEL_EMBED;
    return wf_gguf_value(g, "tokenizer.chat_template") ? WF_MODEL_CHAT : WF_MODEL_TEXT;
}

static int set_facts(const struct wf_gguf *g, enum wf_model_kind kind, uint64_t n_context,
                     json_t *record, struct wf_err *err)
{
    struct wf_str family = {NULL, 0};
    const char *quantization = NULL;
    uint64_t file_type;

    (void)wf_gguf_string(g, "general.architecture", &family); /* checked by the parameters */
    if (wf_gguf_u64(g, "general.file_type", &file_type))
        quantization = file_type_name(file_type);
    if (!quantization)
        quantization = commonest_type(g);
    if (json_object_set_new(record, "kind", json_string(kinds[kind])) != 0 ||
        json_object_set_new(record, "family",
                            json_stringn(family.len ? family.ptr : "", family.len)) != 0 ||
        json_object_set_new(record, "quantization", json_string(quantization)) != 0 ||
        json_object_set_new(record, "n_params", json_integer((json_int_t)count_params(g))) != 0 ||
        json_object_set_new(record, "n_context", json_integer((json_int_t)n_context)) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return 0;
}

int wf_model__read_facts(const char *path, json_t *record, struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    struct wf_params p = {.n_context = 0};
    struct wf_str type;
    int rc = wf_gguf_open(path, &g, err);

    if (rc == 0 && wf_gguf_string(g, "general.type", &type) && wf_str_eq(type, WF_STR("adapter"))) {
        rc = set_facts(g, WF_MODEL_ADAPTER, 0, record, err);
    } else if (rc == 0) {
        rc = wf_params_read(g, &p, err);
        if (rc == 0)
            rc = set_facts(g, kind_by(g, &p), p.n_context, record, err);
    }
    wf_params_deinit(&p);
    wf_gguf_close(g);
    return rc;
}
