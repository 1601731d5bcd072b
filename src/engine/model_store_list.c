/* SPDX-License-Identifier: Apache-2.0 */
/* All models at one moment, read once and kept while the names' files are as they were.
 *
 * Before a list is given out again every file and folder below names/ is looked at: its time, size
 * and inode. Within a tick of the clock that files' times are taken from, a second change shows
 * none of that: so a list that is younger than its newest file by less than SETTLED_MS is read
 * anew. What could not be read for want of memory or the like is no list to keep, either. */
#include <assert.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/model_store_internal.h"

#define NAMES_BYTES_MAX ((size_t)16 << 20)
#define DIGEST_PREFIX_MIN 8 /* hex digits */
#define SETTLED_MS 100      /* clocks of files tick every 1 to 10 ms */

struct wf_model_list {
    struct wf_model_entry *items; /* [n] those that can be read, by name */
    size_t n;
    struct wf_buf names; /* all, as wf_model__names has them */
    size_t n_names;
    struct wf_model__sight sight;
    bool is_settled;
    char default_name[WF_MODEL_NAME_MAX];
    struct wf_model_store *store;
    size_t n_refs; /* guarded by the store's lock */
};

/* ---- reading ---- */

static void list_free(struct wf_model_list *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->sight.n; i++)
        wf_free(l->sight.items[i].path);
    wf_free(l->sight.items);
    wf_buf_deinit(&l->names);
    wf_free(l->items);
    wf_free(l);
}

/* Whether every later change will be seen. */
static bool is_settled(const struct wf_model_list *l, int64_t now_ms)
{
    for (size_t i = 0; i < l->sight.n; i++) {
        const struct timespec *t = &l->sight.items[i].changed;
        if ((int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000 + SETTLED_MS >= now_ms)
            return false;
    }
    return l->sight.n > 0;
}

static int read_entries(struct wf_model_store *s, struct wf_model_list *l, struct wf_err *err)
{
    const char *at = l->names.ptr;

    l->items = wf_alloc_array(l->n_names + 1, sizeof(*l->items));
    if (l->items == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list models.");
    for (size_t i = 0; i < l->n_names; i++, at += strlen(at) + 1) {
        json_t *record = NULL;
        int rc = wf_model__read(s, at, &record, NULL);
        if (rc == 0 && wf_model__entry(s, at, record, &l->items[l->n], NULL) == 0)
            l->n++;
        else if (rc != WF_E_NOENT && rc != WF_E_CORRUPT) /* gone meanwhile, or not readable */
            l->is_settled = false;
        json_decref(record);
        if (rc == WF_E_NOMEM)
            return wf_err_set(err, rc, "Not enough memory to list models.");
    }
    return 0;
}

static int list_new(struct wf_model_store *s, struct wf_model_list **out, struct wf_err *err)
{
    const int64_t now_ms = wf_clock_wall_ms(NULL);
    struct wf_model_list *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to list models.");
    l->store = s;
    l->n_refs = 1;
    memcpy(l->default_name, s->default_name, sizeof(l->default_name));
    wf_buf_init(&l->names, NAMES_BYTES_MAX);
    rc = wf_model__names_seen(s, &l->names, &l->n_names, &l->sight, err);
    if (rc == 0) {
        l->is_settled = is_settled(l, now_ms);
        rc = read_entries(s, l, err);
    }
    if (rc == 0)
        *out = l;
    else
        list_free(l);
    return rc;
}

/* ---- keeping ---- */

static bool is_as_it_was(const struct wf_model_list *l)
{
    for (size_t i = 0; l->is_settled && i < l->sight.n; i++) {
        const struct wf_model__seen *x = &l->sight.items[i];
        struct stat st;
        if (stat(x->path, &st) != 0 || st.st_mtim.tv_sec != x->changed.tv_sec ||
            st.st_mtim.tv_nsec != x->changed.tv_nsec || (uint64_t)st.st_ino != x->inode ||
            (uint64_t)st.st_size != x->bytes)
            return false;
    }
    return l->is_settled;
}

/* The lock is held. */
static void let_go(struct wf_model_list *l)
{
    assert(l->n_refs > 0);
    if (--l->n_refs == 0)
        list_free(l);
}

void wf_model__list_drop(struct wf_model_store *s)
{
    if (s->list != NULL)
        let_go(s->list);
    s->list = NULL;
}

int wf_model__list(struct wf_model_store *s, const struct wf_model_list **out, struct wf_err *err)
{
    int rc = 0;

    if (s->list == NULL || !is_as_it_was(s->list)) {
        wf_model__list_drop(s);
        rc = list_new(s, &s->list, err);
    }
    if (rc == 0)
        *out = s->list;
    return rc;
}

int wf_model_store_list(struct wf_model_store *s, const struct wf_model_list **out,
                        struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = wf_model__list(s, out, err);
    if (rc == 0)
        s->list->n_refs++;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void wf_model_list_unref(const struct wf_model_list *l)
{
    struct wf_model_store *s;

    if (l == NULL)
        return;
    s = l->store;
    pthread_mutex_lock(&s->lock);
    let_go((struct wf_model_list *)(uintptr_t)l);
    pthread_mutex_unlock(&s->lock);
}

/* ---- looking ---- */

const struct wf_buf *wf_model__list_names(const struct wf_model_list *l, size_t *out_n)
{
    *out_n = l->n_names;
    return &l->names;
}

size_t wf_model_list_n(const struct wf_model_list *l)
{
    return l->n;
}

const struct wf_model_entry *wf_model_list_at(const struct wf_model_list *l, size_t i)
{
    assert(i < l->n);
    return &l->items[i];
}

static bool has_digest(const struct wf_model_entry *e, const char *wanted)
{
    if (strncmp(wanted, "sha256:", 7) == 0)
        wanted += 7;
    return strlen(wanted) >= DIGEST_PREFIX_MIN &&
           strncmp(WF_MODEL_HEX(e->digest), wanted, strlen(wanted)) == 0;
}

/* The latest model for chats. */
static const struct wf_model_entry *latest(const struct wf_model_list *l)
{
    const struct wf_model_entry *found = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const struct wf_model_entry *e = &l->items[i];
        if (e->kind == WF_MODEL_CHAT && (found == NULL || e->added_ms > found->added_ms))
            found = e;
    }
    return found;
}

const struct wf_model_entry *wf_model_list_find(const struct wf_model_list *l, const char *name)
{
    const char *wanted = name != NULL && name[0] != '\0' ? name : l->default_name;
    const struct wf_model_entry *alike = NULL, *same = NULL;
    char full[WF_MODEL_NAME_MAX];
    bool has_full;

    if (wanted[0] == '\0')
        return latest(l);
    has_full = wf_model_name(wanted, full, NULL) == 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct wf_model_entry *e = &l->items[i];
        if (has_full && strcmp(e->name, full) == 0)
            return e;
        if (has_full && alike == NULL && strcasecmp(e->name, full) == 0)
            alike = e;
        if (same == NULL && has_digest(e, wanted))
            same = e;
    }
    return alike != NULL ? alike : same;
}

int wf_model_store_each(struct wf_model_store *s, wf_model_entry_fn fn, void *ud,
                        struct wf_err *err)
{
    const struct wf_model_list *l = NULL;
    int rc = wf_model_store_list(s, &l, err);

    for (size_t i = 0; rc == 0 && i < l->n; i++)
        rc = fn(ud, &l->items[i]);
    wf_model_list_unref(l);
    return rc;
}
