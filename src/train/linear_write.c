/* SPDX-License-Identifier: Apache-2.0 */
/* Tables into a lens file: see model/lens_linear.h for their form. */
#include "train/linear_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kern/dtype.h"
#include "model/gguf_write.h"
#include "train/linear_internal.h"

#define NAME_BYTES 96
#define ENTRIES 6 /* that are replaced, of a set */

static void name_it(char out[NAME_BYTES], const char *set, const char *what)
{
    (void)snprintf(out, NAME_BYTES, "lens.intent.%.32s.%s", set, what);
}

static bool has_head(const struct wf_gguf *g, const char *set)
{
    char name[NAME_BYTES];

    name_it(name, set, "weight");
    return wf_gguf_tensor(g, name) != NULL;
}

/* What of the other file is not taken. */
struct without {
    char names[WF_LINEAR_SETS_MAX * ENTRIES][NAME_BYTES];
    const char *list[WF_LINEAR_SETS_MAX * ENTRIES + 1];
    size_t n;
};

static void leave_out(struct without *w, const char *set, bool has_head_too)
{
    static const char *const whats[ENTRIES] = {"linear.",   "ngram.",  "encoder.",
                                               "threshold", "outside", "labels"};

    for (size_t i = 0; i < (has_head_too ? ENTRIES - 1u : ENTRIES); i++) {
        name_it(w->names[w->n], set, whats[i]);
        w->list[w->n] = w->names[w->n];
        w->n++;
    }
}

static void name_part(char out[NAME_BYTES], const char *of, const char *what)
{
    (void)snprintf(out, NAME_BYTES, "lens.%.48s.linear.%s", of, what);
}

static void put_bytes(struct wf_gguf_writer *w, const char *key, struct wf_str b)
{
    assert(b.len % 4 == 0);
    wf_gguf_put_i32s(w, key, b.len / 4);
    for (size_t i = 0; i < b.len; i += 4) {
        const unsigned char *p = (const unsigned char *)b.ptr + i;
        uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        wf_gguf_item_put_i32(w, (int32_t)v);
    }
}

static void put_vector(struct wf_gguf_writer *w, const char *of, const char *what, size_t n)
{
    char name[NAME_BYTES];
    uint64_t dims[1] = {n};

    name_part(name, of, what);
    wf_gguf_put_tensor(w, wf_str_from(name), wf_dtype_by_id(WF_DTYPE_F32), 1, dims);
}

void wf_linear_put_table(struct wf_gguf_writer *w, const char *of,
                         const struct wf_lens_linear_parts *p)
{
    char key[NAME_BYTES];

    name_part(key, of, "n_grams");
    wf_gguf_put_u32(w, key, p->n_grams);
    name_part(key, of, "n_entries");
    wf_gguf_put_u32(w, key, p->n_entries);
    name_part(key, of, "grams");
    put_bytes(w, key, p->grams);
    name_part(key, of, "weights");
    put_bytes(w, key, p->weights);
    put_vector(w, of, "levels", WF_LENS_LINEAR_LEVELS);
    put_vector(w, of, "biases", p->n_labels);
}

int wf_linear_write_table(struct wf_gguf_writer *w, const struct wf_lens_linear_parts *p,
                          struct wf_err *err)
{
    int rc = wf_gguf_writer_write(w, p->levels, WF_LENS_LINEAR_LEVELS * sizeof(float), err);

    return rc == 0 ? wf_gguf_writer_write(w, p->biases, p->n_labels * sizeof(float), err) : rc;
}

static void put_labels(struct wf_gguf_writer *w, const struct wf_linear_judged *j)
{
    char key[NAME_BYTES];

    name_it(key, j->name, "labels");
    wf_gguf_put_strings(w, key, wf_linear_set_n_labels(j->set));
    for (size_t i = 0; i < wf_linear_set_n_labels(j->set); i++)
        wf_gguf_item_put_string(w, wf_str_from(wf_linear_set_label(j->set, i)));
}

static void put_set(struct wf_gguf_writer *w, const struct wf_linear_judged *j)
{
    int32_t outside = wf_linear_set_outside(j->set);
    char key[NAME_BYTES];

    (void)snprintf(key, sizeof(key), "intent.%.32s", j->name);
    wf_linear_put_table(w, key, wf_linear_set_parts(j->set));
    name_it(key, j->name, "linear.scale");
    wf_gguf_put_f32(w, key, (float)j->scales.linear);
    name_it(key, j->name, "encoder.scale");
    wf_gguf_put_f32(w, key, (float)j->scales.encoder);
    name_it(key, j->name, "threshold");
    wf_gguf_put_f32(w, key, (float)j->scales.threshold);
    if (outside >= 0) {
        name_it(key, j->name, "outside");
        wf_gguf_put_string(w, key, wf_str_from(wf_linear_set_label(j->set, (size_t)outside)));
    }
}

int wf_linear_write(const struct wf_gguf *into, const struct wf_linear_judged *sets, size_t n,
                    const char *path, struct wf_err *err)
{
    struct without without = {.n = 0};
    struct wf_gguf_writer *w = NULL;
    int rc = wf_gguf_writer_new(path, &w, err);

    assert(n <= WF_LINEAR_SETS_MAX);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        leave_out(&without, sets[i].name, has_head(into, sets[i].name));
    wf_gguf_put_others(w, into, without.list);
    for (size_t i = 0; i < n; i++) {
        put_set(w, &sets[i]);
        if (!has_head(into, sets[i].name))
            put_labels(w, &sets[i]);
    }
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_write_others(w, into, without.list, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_linear_write_table(w, wf_linear_set_parts(sets[i].set), err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}
