/* SPDX-License-Identifier: Apache-2.0 */
/* The file is kept whole; templates and lists are views of it. Filling goes from left to right and
 * draws for every choice. */
#include "train/templates.h"

#include <string.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/shuffle.h"

#define TEXT_BYTES_MAX (16u << 10) /* of one filling */

struct template
{
    struct wf_str source, labels, language;
};

struct fillings {
    struct wf_str name, language, items;
};

struct wf_templates {
    struct wf_buf bytes, text;
    struct template *items; /* [n] */
    struct fillings *lists; /* [n_lists] */
    size_t n, cap, n_lists, cap_lists;
    const char *name;
    size_t line;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the templates.");
}

static int wrong(const struct wf_templates *t, const char *what, struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "%s:%zu: %s.", t->name, t->line, what);
}

size_t wf_templates_n(const struct wf_templates *t)
{
    return t->n;
}

struct wf_str wf_templates_source(const struct wf_templates *t, size_t i)
{
    return t->items[i].source;
}

struct wf_str wf_templates_labels(const struct wf_templates *t, size_t i)
{
    return t->items[i].labels;
}

struct wf_str wf_templates_language(const struct wf_templates *t, size_t i)
{
    return t->items[i].language;
}

/* ---- reading ---- */

/* The list of a name for a language, else the one without; NULL: none. */
static const struct fillings *find_list(const struct wf_templates *t, struct wf_str name,
                                        struct wf_str language)
{
    const struct fillings *any = NULL;

    for (size_t i = 0; i < t->n_lists; i++) {
        const struct fillings *l = &t->lists[i];
        if (!wf_str_eq(l->name, name))
            continue;
        if (wf_str_eq(l->language, language))
            return l;
        any = l->language.len == 0 ? l : any;
    }
    return any;
}

struct wf_str wf_templates_list(const struct wf_templates *t, struct wf_str name,
                                struct wf_str language)
{
    const struct fillings *l = find_list(t, name, language);

    return l != NULL ? l->items : WF_STR("");
}

/* What stands between the mark at p and its end; false: it has none. */
static bool inside(struct wf_str s, size_t at, char end, struct wf_str *out)
{
    const char *p = memchr(s.ptr + at + 1, end, s.len - at - 1);

    if (p == NULL)
        return false;
    *out = wf_str_sub(s, at + 1, (size_t)(p - s.ptr));
    return true;
}

/* "{topic:thing}": the slot's name (empty: none) and the list's. */
static void read_hole(struct wf_str hole, struct wf_str *out_slot, struct wf_str *out_list)
{
    const char *colon = memchr(hole.ptr, ':', hole.len);

    *out_slot = *out_list = hole;
    if (colon != NULL) {
        *out_slot = wf_str_sub(hole, 0, (size_t)(colon - hole.ptr));
        *out_list = wf_str_sub(hole, out_slot->len + 1, hole.len);
    } else if (hole.len > 0 && hole.ptr[0] == '_') {
        *out_list = wf_str_sub(hole, 1, hole.len);
        out_slot->len = 0;
    }
}

/* Every mark has its end, and every hole its list. */
static int check(const struct wf_templates *t, const struct template *p, struct wf_err *err)
{
    struct wf_str s = p->source, part, slot, list;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '(' && !inside(s, i, ')', &part))
            return wrong(t, "a ( without its )", err);
        if (s.ptr[i] != '{')
            continue;
        if (!inside(s, i, '}', &part))
            return wrong(t, "a { without its }", err);
        read_hole(part, &slot, &list);
        if (find_list(t, list, p->language) == NULL)
            return wrong(t, "a hole that no list fills", err);
    }
    return 0;
}

static int add_list(struct wf_templates *t, struct wf_str line, struct wf_err *err)
{
    struct fillings l = {.language = WF_STR("")};
    struct wf_str name;
    const char *slash;

    if (t->n_lists == t->cap_lists) {
        size_t cap = t->cap_lists > 0 ? 2 * t->cap_lists : 64;
        struct fillings *p = wf_realloc_array(t->lists, cap, sizeof(*p));
        if (p == NULL)
            return no_memory(err);
        t->lists = p;
        t->cap_lists = cap;
    }
    line = wf_str_sub(line, 1, line.len);
    if (!wf_str_split(&line, ':', &name) || line.ptr == NULL)
        return wrong(t, "a list without ':'", err);
    slash = memchr(name.ptr, '/', name.len);
    l.name = slash != NULL ? wf_str_sub(name, 0, (size_t)(slash - name.ptr)) : name;
    if (slash != NULL)
        l.language = wf_str_sub(name, l.name.len + 1, name.len);
    l.items = wf_str_trim(line);
    t->lists[t->n_lists++] = l;
    return l.items.len > 0 ? 0 : wrong(t, "an empty list", err);
}

static int add_template(struct wf_templates *t, const struct template *p, struct wf_err *err)
{
    if (p->labels.ptr == NULL)
        return wrong(t, "a template without a label above it", err);
    if (t->n == t->cap) {
        size_t cap = t->cap > 0 ? 2 * t->cap : 256;
        struct template *items = wf_realloc_array(t->items, cap, sizeof(*items));
        if (items == NULL)
            return no_memory(err);
        t->items = items;
        t->cap = cap;
    }
    t->items[t->n++] = *p;
    return 0;
}

static int read_line(struct wf_templates *t, struct wf_str line, struct template *io,
                     struct wf_err *err)
{
    if (line.len == 0 || line.ptr[0] == '#')
        return 0;
    if (line.ptr[0] == '@')
        return add_list(t, line, err);
    if (line.ptr[0] == '[') {
        if (!inside(line, 0, ']', &io->labels) || io->labels.len == 0)
            return wrong(t, "a label without its ]", err);
        io->language = WF_STR("en");
        return 0;
    }
    if (line.ptr[0] == '/') {
        io->language = wf_str_sub(line, 1, line.len);
        return 0;
    }
    io->source = line;
    return add_template(t, io, err);
}

static int read_all(struct wf_templates *t, struct wf_err *err)
{
    struct wf_str rest = wf_buf_str(&t->bytes), line;
    struct template now = {.language = WF_STR("en")};
    int rc = 0;

    for (t->line = 1; rc == 0 && wf_str_split(&rest, '\n', &line); t->line++)
        rc = read_line(t, wf_str_trim(line), &now, err);
    t->line = 0;
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct wf_str all = wf_buf_str(&t->bytes);
        t->line = 1;
        for (const char *p = all.ptr; p < t->items[i].source.ptr; p++)
            t->line += *p == '\n';
        rc = check(t, &t->items[i], err);
    }
    if (rc == 0 && t->n == 0)
        rc = wrong(t, "no templates", err);
    return rc;
}

static struct wf_templates *make(const char *name)
{
    struct wf_templates *t = wf_alloc_array(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->name = name;
    wf_buf_init(&t->bytes, WF_TEMPLATES_BYTES_MAX);
    wf_buf_init(&t->text, TEXT_BYTES_MAX);
    return t;
}

static int finish(struct wf_templates *t, int rc, struct wf_templates **out, struct wf_err *err)
{
    if (rc == 0)
        rc = read_all(t, err);
    t->name = ""; /* it was borrowed */
    if (rc == 0)
        *out = t;
    else
        wf_templates_free(t);
    return rc;
}

int wf_templates_load(const char *path, struct wf_templates **out, struct wf_err *err)
{
    struct wf_templates *t = make(path);

    return t == NULL ? no_memory(err) : finish(t, wf_file_read(path, &t->bytes, err), out, err);
}

int wf_templates_parse(struct wf_str text, const char *name, struct wf_templates **out,
                       struct wf_err *err)
{
    struct wf_templates *t = make(name);
    int rc;

    if (t == NULL)
        return no_memory(err);
    rc = wf_buf_append(&t->bytes, text.ptr, text.len);
    if (rc != 0)
        rc = wf_err_set(err, rc, "The templates are too long, or there is no memory for them.");
    return finish(t, rc, out, err);
}

void wf_templates_free(struct wf_templates *t)
{
    if (t == NULL)
        return;
    wf_buf_deinit(&t->bytes);
    wf_buf_deinit(&t->text);
    wf_free(t->items);
    wf_free(t->lists);
    wf_free(t);
}

/* ---- filling ---- */

/* One of what is parted by '|'. */
static struct wf_str pick(struct wf_str items, uint64_t *draw)
{
    struct wf_str part = items;
    uint64_t n = 1, i;

    for (size_t k = 0; k < items.len; k++)
        n += items.ptr[k] == '|';
    i = wf_draw_below(draw, n);
    do
        (void)wf_str_split(&items, '|', &part);
    while (i-- > 0);
    return part;
}

static int fill_hole(struct wf_templates *t, const struct template *p, struct wf_str hole,
                     uint64_t *draw, struct wf_data_request *out, struct wf_err *err)
{
    struct wf_str slot, name;
    const struct fillings *l;
    size_t from = t->text.len;

    read_hole(hole, &slot, &name);
    l = find_list(t, name, p->language);
    if (l != NULL) { /* check saw to it */
        struct wf_str value = wf_str_trim(pick(l->items, draw));
        (void)wf_buf_append(&t->text, value.ptr, value.len);
    }
    if (slot.len == 0 || t->text.len == from)
        return 0;
    if (out->n_slots == WF_DATA_SLOTS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A template with more than %d slots.",
                          WF_DATA_SLOTS_MAX);
    out->slots[out->n_slots++] = (struct wf_data_slot){slot, from, t->text.len};
    return 0;
}

static void put_labels(struct wf_str labels, struct wf_data_request *out)
{
    struct wf_str one;

    while (out->n_intents < WF_TEMPLATES_LABELS_MAX && wf_str_split(&labels, ',', &one)) {
        one = wf_str_trim(one);
        if (one.len > 0)
            out->intents[out->n_intents++] = one;
    }
}

/* Text with holes, and with alternatives where `at_top`. */
static int fill(struct wf_templates *t, const struct template *p, struct wf_str s, bool at_top,
                uint64_t *draw, struct wf_data_request *out, struct wf_err *err)
{
    struct wf_str part;
    int rc = 0;

    for (size_t k = 0; k < s.len && rc == 0; k++) {
        if (at_top && s.ptr[k] == '(' && inside(s, k, ')', &part)) {
            rc = fill(t, p, pick(part, draw), false, draw, out, err);
            k += part.len + 1;
        } else if (s.ptr[k] == '{' && inside(s, k, '}', &part)) {
            rc = fill_hole(t, p, part, draw, out, err);
            k += part.len + 1;
        } else {
            (void)wf_buf_append_byte(&t->text, s.ptr[k]);
        }
    }
    return rc;
}

int wf_templates_make(struct wf_templates *t, size_t i, uint64_t seed, struct wf_data_request *out,
                      struct wf_err *err)
{
    const struct template *p = &t->items[i];
    uint64_t draw = wf_seed_mix(seed, i);
    int rc;

    *out = (struct wf_data_request){.n_intents = 0};
    put_labels(p->labels, out);
    wf_buf_reset(&t->text);
    rc = fill(t, p, p->source, true, &draw, out, err);
    out->text = wf_buf_str(&t->text);
    if (rc == 0 && wf_buf_status(&t->text) != 0)
        rc = wf_err_set(err, wf_buf_status(&t->text), "A filled template is too long.");
    return rc;
}
