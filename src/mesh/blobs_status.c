/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of documents among devices: how far fetching is, what is not here, where a document
 * has its original. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/blobs_internal.h"
#include "space/record.h"

static json_t *fetching(const struct wf_blobs *b)
{
    json_t *list = json_array();

    for (struct wf_list *it = b->fetches.next; it != &b->fetches && list != NULL; it = it->next) {
        const struct wf_fetch *f = WF_CONTAINER(it, struct wf_fetch, node);
        const struct wf_blobs_peer *p = f->peer == 0 ? NULL : wf_blobs__peer(b, f->peer);
        json_t *v =
            json_pack("{s:s, s:I, s:I, s:I, s:s?}", "name", f->name == NULL ? "" : f->name, "bytes",
                      (json_int_t)f->n_bytes, "done", (json_int_t)f->n_here, "moved",
                      (json_int_t)f->n_moved, "node", p == NULL ? NULL : p->entry.name);
        (void)json_array_append_new(list, v); /* NULL: one less */
    }
    return list;
}

json_t *wf_blobs_status(struct wf_blobs *b)
{
    static const char *const keeps[] = {"all", "small", "pinned"};
    static const enum wf_papers which[] = {WF_PAPERS_WANTED, WF_PAPERS_ELSEWHERE, WF_PAPERS_AWAY,
                                           WF_PAPERS_DUE};
    uint64_t n[4] = {0}, bytes[4] = {0};
    struct wf_reader *r = NULL;
    json_t *v;

    if (wf_store_reader_get(b->o.store, &r, NULL) == 0) {
        for (size_t i = 0; i < WF_ARRAY_LEN(which); i++)
            (void)!wf_papers_count(r, which[i], &n[i], &bytes[i], NULL); /* then it says 0 */
        wf_store_reader_put(b->o.store, r);
    }
    pthread_mutex_lock(&b->work);
    v = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "keep", keeps[b->o.keep],
                  "wanted", (json_int_t)n[0], "wanted_bytes", (json_int_t)bytes[0], "elsewhere",
                  (json_int_t)n[1], "away", (json_int_t)n[2], "unsaid", (json_int_t)n[3],
                  "moved_bytes", (json_int_t)b->n_moved, "given_bytes", (json_int_t)b->n_given,
                  "fetching", fetching(b));
    pthread_mutex_unlock(&b->work);
    return v;
}

/* ---- where ---- */

static const char *const states[] = {
    [WF_PAPER_ELSEWHERE] = "elsewhere",
    [WF_PAPER_HERE] = "here",
    [WF_PAPER_TEXT] = "text",
    [WF_PAPER_GONE] = "gone",
};

/* The name of the device of a field "at.HEX16"; NULL: it is none, or none of those that are in. */
static const char *device_name(const struct wf_devices *d, const char *field)
{
    char hex[2 * WF_DEVICES_KEY_BYTES + 1];

    if (strncmp(field, "at.", 3) != 0)
        return NULL;
    for (size_t i = 0; i < d->n_entries; i++) {
        (void)sodium_bin2hex(hex, sizeof(hex), d->entries[i].device, WF_DEVICES_KEY_BYTES);
        if (d->entries[i].revoked_ms == 0 && strncmp(hex, field + 3, 16) == 0)
            return d->entries[i].name;
    }
    return NULL;
}

/* Names of the nodes that say they have it. */
static json_t *on(const struct wf_devices *d, struct wf_reader *r, const struct wf_paper *p,
                  struct wf_arena *arena)
{
    json_t *list = json_array(), *record = NULL, *v;
    char key[2 * WF_HASH_BYTES + 1];
    struct wf_record_row row;
    const char *field;

    (void)sodium_bin2hex(key, sizeof(key), p->hash, sizeof(p->hash));
    if (wf_records_get(r, p->space, WF_BLOBS_RECORDS, wf_str_from(key), arena, &row, NULL) != 0 ||
        wf_record_row_json(&row, &record, NULL) != 0)
        return list; /* nobody says so */
    json_object_foreach(record, field, v)
    {
        const char *name = device_name(d, field);
        if (name != NULL && json_is_true(v))
            (void)json_array_append_new(list, json_string(name)); /* one less */
    }
    json_decref(record);
    return list;
}

struct asking {
    struct wf_devices *devices; /* 24 KB */
    struct wf_reader *r;
    struct wf_arena arena;
};

static int asking_begin(struct wf_blobs *b, struct asking *a, struct wf_err *err)
{
    a->devices = wf_alloc_array(1, sizeof(*a->devices));
    a->r = NULL;
    wf_arena_init(&a->arena, 0, (size_t)16 << 20);
    if (a->devices == NULL)
        return wf_blobs__no_memory(err);
    if (b->o.devices != NULL)
        b->o.devices(b->o.ud, a->devices);
    return wf_store_reader_get(b->o.store, &a->r, err);
}

static void asking_end(struct wf_blobs *b, struct asking *a)
{
    if (a->r != NULL)
        wf_store_reader_put(b->o.store, a->r);
    wf_arena_deinit(&a->arena);
    wf_free(a->devices);
}

int wf_blobs_describe(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                      json_t *io_document, struct wf_err *err)
{
    struct asking a;
    struct wf_paper p;
    int rc = asking_begin(b, &a, err);

    if (rc == 0)
        rc = wf_paper_get(a.r, space, hash, &a.arena, &p, NULL);
    if (rc == 0 && (json_object_set_new(io_document, "state", json_string(states[p.state])) != 0 ||
                    json_object_set_new(io_document, "pinned", json_boolean(p.is_pinned)) != 0 ||
                    json_object_set_new(io_document, "on", on(a.devices, a.r, &p, &a.arena)) != 0))
        rc = wf_blobs__no_memory(err);
    asking_end(b, &a);
    return rc == WF_E_NOENT ? 0 : rc; /* of that nobody knows yet */
}

static json_t *paper_json(struct asking *a, const struct wf_paper *p)
{
    char hex[2 * WF_HASH_BYTES + 1];
    struct wf_str space = WF_STR("");

    (void)sodium_bin2hex(hex, sizeof(hex), p->hash, sizeof(p->hash));
    (void)!wf_records_space(a->r, p->space, &a->arena, &space, NULL); /* then it is empty */
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:s, s:b, s:b, s:o, s:o}", "id",
                     wf_json_str(p->uid), "name", wf_json_str(p->name), "title",
                     wf_json_str(p->title), "type", wf_json_str(p->type), "space",
                     wf_json_str(space), "bytes", (json_int_t)p->bytes, "label",
                     wf_label_name((enum wf_label)p->label), "state", states[p->state], "pinned",
                     p->is_pinned, "wanted", p->wanted != WF_PAPER_NOT_WANTED, "problem",
                     wf_json_str_or_null(p->problem), "on", on(a->devices, a->r, p, &a->arena));
}

/* ASCII case is ignored. */
static bool has_words(struct wf_str text, struct wf_str words)
{
    for (size_t i = 0; i + words.len <= text.len; i++) {
        if (wf_str_eq_nocase(wf_str_sub(text, i, i + words.len), words))
            return true;
    }
    return false;
}

/* Whether it is of that space and has those words. */
static bool is_like(struct asking *a, const struct wf_paper *p, struct wf_str space,
                    struct wf_str words)
{
    struct wf_str name = WF_STR("");

    if (space.len > 0 &&
        (wf_records_space(a->r, p->space, &a->arena, &name, NULL) != 0 || !wf_str_eq(name, space)))
        return false;
    return has_words(p->name, words) || has_words(p->title, words);
}

int wf_blobs_elsewhere(struct wf_blobs *b, struct wf_str space, struct wf_str words, size_t n_max,
                       json_t **out, struct wf_err *err)
{
    struct wf_paper *papers = NULL;
    json_t *list = json_array();
    struct asking a;
    size_t n = 0;
    int rc = asking_begin(b, &a, err);

    if (rc == 0)
        rc = wf_papers_list(a.r, WF_PAPERS_ELSEWHERE, NULL, n_max, &a.arena, &papers, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (is_like(&a, &papers[i], space, words) &&
            json_array_append_new(list, paper_json(&a, &papers[i])) != 0)
            rc = wf_blobs__no_memory(err);
    }
    asking_end(b, &a);
    if (rc != 0)
        json_decref(list);
    else
        *out = list;
    return rc;
}
