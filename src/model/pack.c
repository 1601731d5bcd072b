/* SPDX-License-Identifier: Apache-2.0 */
/* One piece of memory for all matrices, which are packed one after the other, each by all threads,
 * in the order in which a pass meets them. */
#include "model/pack.h"

#include "base/alloc.h"
#include "kern/packed.h"
#include "os/gang.h"
#include "os/memory.h"

/* So many bytes of the file are packed before its pages are let go. */
#define REST_BYTES ((size_t)64 << 20)

struct packing {
    const struct wf_kern *kern;
    const struct wf_weights *weights;
    struct wf_gang *gang;
    const struct wf_gguf *gguf;
    const struct wf_matrix *matrix; /* at work */
    const struct wf_dtype *type;    /* that it gets */
    uint8_t *to;
    size_t n_since; /* bytes since pages were let go */
    size_t bytes;
    bool all;
};

static size_t n_groups(const struct wf_matrix *m)
{
    return (m->expert_bytes > 0 ? m->n_experts : 1) * wf_packed_groups(m->n_out);
}

/* What a matrix is packed to; NULL: it stays as it is. */
static const struct wf_dtype *type_of(const struct packing *p, const struct wf_matrix *m)
{
    const struct wf_dtype *t = p->kern->packed(m->format);

    return t != NULL && m->n_in % t->block == 0 ? t : NULL;
}

static void count(void *ud, struct wf_matrix *m)
{
    struct packing *p = ud;

    if (type_of(p, m) == NULL)
        p->all = false;
    else
        p->bytes += n_groups(m) * WF_PACKED_ROWS * m->row_bytes;
}

static void pack_part(void *ud, size_t i, size_t n)
{
    const struct packing *p = ud;
    const struct wf_matrix *m = p->matrix;
    size_t n_each = wf_packed_groups(m->n_out), from, to;

    wf_gang_part(n_groups(m), 1, i, n, &from, &to);
    for (; from < to; from++) {
        size_t row = from % n_each * WF_PACKED_ROWS;
        size_t n_rows = WF_MIN(m->n_out - row, WF_PACKED_ROWS);
        wf_packed_group(p->type, m->data + from / n_each * m->expert_bytes + row * m->row_bytes,
                        n_rows, m->n_in, p->to + from * WF_PACKED_ROWS * m->row_bytes);
    }
}

static void pack(void *ud, struct wf_matrix *m)
{
    struct packing *p = ud;
    size_t bytes = n_groups(m) * WF_PACKED_ROWS * m->row_bytes;

    p->type = type_of(p, m);
    if (p->type == NULL)
        return;
    p->matrix = m;
    wf_gang_run(p->gang, pack_part, p);
    m->format = p->type;
    m->data = p->to;
    if (m->expert_bytes > 0)
        m->expert_bytes = bytes / m->n_experts;
    p->to += bytes;
    p->n_since += bytes;
    if (p->n_since >= REST_BYTES) {
        wf_gguf_rest(p->gguf);
        p->n_since = 0;
    }
}

int wf_weights_pack(struct wf_weights *w, size_t n_layers, const struct wf_gguf *g,
                    const struct wf_kern *kern, size_t n_threads, struct wf_err *err)
{
    struct packing p = {.kern = kern, .gguf = g, .all = true};
    bool is_tied = w->output.data == w->embed.data;
    int rc;

    if (kern->packed == NULL)
        return 0;
    wf_weights_each(w, n_layers, count, &p);
    /* The file's own pages are among what the system calls available. */
    if (p.bytes == 0 || p.bytes + p.bytes / 4 > wf_memory_available())
        return 0;
    w->packed = wf_alloc_lines_raw(p.bytes, 1);
    if (w->packed == NULL) /* the file's are as good, but slower */
        return 0;
    wf_memory_large(w->packed, p.bytes);
    rc = wf_gang_new(n_threads < WF_GANG_MEMBERS_MAX ? n_threads : WF_GANG_MEMBERS_MAX, &p.gang,
                     err);
    if (rc != 0) {
        wf_free(w->packed);
        w->packed = NULL;
        return rc;
    }
    p.to = w->packed;
    wf_weights_each(w, n_layers, pack, &p);
    wf_gguf_rest(g);
    w->is_packed = p.all;
    if (is_tied)
        w->embed = w->output;
    wf_gang_free(p.gang);
    return 0;
}
