/* SPDX-License-Identifier: Apache-2.0 */
/* Reading experiments. The text is copied once into an arena and sections and entries are views
 * into it; what --set adds lies in the same arena. Every byte is looked at once, so the time is
 * that of the text, and the tables are bounded by the limits in the header. */
#include "train/conf.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "os/file.h"

struct entry {
    const struct wf_conf_section *section;
    struct wf_str key, value;
    size_t line; /* 0: set on the command line */
    bool is_used;
};

struct wf_conf {
    struct wf_arena arena;
    const char *name; /* of the file */
    struct wf_conf_section sections[WF_CONF_SECTIONS_MAX];
    size_t n_sections;
    struct entry entries[WF_CONF_ENTRIES_MAX];
    size_t n_entries;
};

/* "FILE, line 3" or "--set", in front of what err says. Returns its code. */
static int at_line(const struct wf_conf *c, size_t line, struct wf_err *err, int rc)
{
    if (line > 0)
        wf_err_prefix(err, "%s, line %zu", c->name, line);
    else
        wf_err_prefix(err, "--set");
    return rc;
}

static bool is_name(struct wf_str s)
{
    if (s.len == 0 || s.len > WF_CONF_NAME_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char b = s.ptr[i];
        bool is_letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
        if (!is_letter && !(b >= '0' && b <= '9') && b != '_' && b != '-')
            return false;
    }
    return true;
}

static bool is_value(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\t')
            return false;
    }
    return s.len <= WF_CONF_VALUE_BYTES;
}

const struct wf_conf_section *wf_conf_section(const struct wf_conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_sections; i++) {
        if (wf_str_eq(c->sections[i].name, wf_str_from(name)))
            return &c->sections[i];
    }
    return NULL;
}

static struct entry *find_entry(struct wf_conf *c, const struct wf_conf_section *s,
                                struct wf_str key)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        if (c->entries[i].section == s && wf_str_eq(c->entries[i].key, key))
            return &c->entries[i];
    }
    return NULL;
}

/* The words between the brackets: one, two or three. */
static int add_section(struct wf_conf *c, struct wf_str head, size_t line, struct wf_err *err)
{
    struct wf_str words[3], rest = head, word;
    struct wf_conf_section *s;
    size_t n = 0;

    while (wf_str_split(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (n == WF_ARRAY_LEN(words) || !is_name(word))
            return wf_err_set(err, WF_E_FORMAT, "a section is written [KIND] or [KIND NAME].");
        words[n++] = word;
    }
    if (n == 0)
        return wf_err_set(err, WF_E_FORMAT, "the section has no name.");
    for (size_t i = 0; i < c->n_sections; i++) {
        if (wf_str_eq(c->sections[i].name, words[n - 1]))
            return wf_err_set(err, WF_E_FORMAT, "there is a section of the name \"%.*s\" already.",
                              WF_STR_ARG(words[n - 1]));
    }
    if (c->n_sections == WF_CONF_SECTIONS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "there are more than %u sections.",
                          WF_CONF_SECTIONS_MAX);
    s = &c->sections[c->n_sections++];
    s->kind = words[0];
    s->of = n > 1 ? words[1] : wf_str_n("", 0);
    s->name = words[n - 1];
    s->line = line;
    return 0;
}

static int add_entry(struct wf_conf *c, const struct wf_conf_section *s, struct wf_str text,
                     size_t line, struct wf_err *err)
{
    size_t equals = wf_str_find_byte(text, '=', 0);
    struct wf_str key = wf_str_trim(wf_str_sub(text, 0, equals == SIZE_MAX ? 0 : equals));
    struct wf_str value;

    if (equals == SIZE_MAX || !is_name(key))
        return wf_err_set(err, WF_E_FORMAT, "a setting is written: key = value");
    value = wf_str_trim(wf_str_sub(text, equals + 1, text.len));
    if (!is_value(value))
        return wf_err_set(err, WF_E_FORMAT, "the value of \"%.*s\" is too long or not text.",
                          WF_STR_ARG(key));
    if (s == NULL)
        return wf_err_set(err, WF_E_FORMAT, "\"%.*s\" stands before the first section.",
                          WF_STR_ARG(key));
    if (find_entry(c, s, key) != NULL)
        return wf_err_set(err, WF_E_FORMAT, "\"%.*s\" is set a second time in this section.",
                          WF_STR_ARG(key));
    if (c->n_entries == WF_CONF_ENTRIES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "there are more than %u settings.", WF_CONF_ENTRIES_MAX);
    c->entries[c->n_entries++] =
        (struct entry){.section = s, .key = key, .value = value, .line = line};
    return 0;
}

static int read_line(struct wf_conf *c, struct wf_str line, size_t n_line, struct wf_err *err)
{
    size_t comment = wf_str_find_byte(line, '#', 0);

    line = wf_str_trim(comment == SIZE_MAX ? line : wf_str_sub(line, 0, comment));
    if (line.len == 0)
        return 0;
    if (line.ptr[0] != '[')
        return add_entry(c, c->n_sections > 0 ? &c->sections[c->n_sections - 1] : NULL, line,
                         n_line, err);
    if (line.ptr[line.len - 1] != ']')
        return wf_err_set(err, WF_E_FORMAT, "the section's \"]\" is missing.");
    return add_section(c, wf_str_sub(line, 1, line.len - 1), n_line, err);
}

int wf_conf_parse(struct wf_str text, const char *name, struct wf_conf **out, struct wf_err *err)
{
    struct wf_conf *c;
    struct wf_str rest, line;
    size_t n_line = 0;
    int rc = 0;

    if (text.len > WF_CONF_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "%s is larger than the %u bytes allowed.", name,
                          WF_CONF_BYTES_MAX);
    c = wf_alloc_array(1, sizeof(*c));
    if (c == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", name);
    wf_arena_init(&c->arena, 0, 2 * WF_CONF_BYTES_MAX);
    c->name = wf_arena_cstr(&c->arena, wf_str_from(name));
    rest = wf_arena_dup(&c->arena, text);
    if (c->name == NULL || rest.ptr == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", name);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        rc = read_line(c, line, ++n_line, err);
        if (rc != 0)
            (void)at_line(c, n_line, err, rc);
    }
    if (rc == 0)
        *out = c;
    else
        wf_conf_free(c);
    return rc;
}

int wf_conf_load(const char *path, struct wf_conf **out, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_CONF_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = wf_conf_parse(wf_buf_str(&b), path, out, err);
    wf_buf_deinit(&b);
    return rc;
}

void wf_conf_free(struct wf_conf *c)
{
    if (c == NULL)
        return;
    wf_arena_deinit(&c->arena);
    wf_free(c);
}

int wf_conf_set(struct wf_conf *c, struct wf_str assignment, struct wf_err *err)
{
    size_t dot = wf_str_find_byte(assignment, '.', 0);
    const struct wf_conf_section *s = NULL;
    struct wf_str text, section;
    struct entry *old;

    section = wf_str_trim(wf_str_sub(assignment, 0, dot == SIZE_MAX ? 0 : dot));
    for (size_t i = 0; i < c->n_sections; i++) {
        if (wf_str_eq(c->sections[i].name, section))
            s = &c->sections[i];
    }
    if (dot == SIZE_MAX || wf_str_find_byte(assignment, '=', 0) == SIZE_MAX)
        return wf_err_set(err, WF_E_FORMAT, "--set takes SECTION.KEY=VALUE.");
    if (s == NULL)
        return wf_err_set(err, WF_E_NOENT, "--set: %s has no section \"%.*s\".", c->name,
                          WF_STR_ARG(wf_str_sub(section, 0, WF_CONF_NAME_BYTES)));
    text = wf_arena_dup(&c->arena, wf_str_sub(assignment, dot + 1, assignment.len));
    if (text.ptr == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for --set.");
    old = find_entry(c, s, wf_str_trim(wf_str_sub(text, 0, wf_str_find_byte(text, '=', 0))));
    if (old != NULL)
        old->key.len = 0; /* gone: no name is empty */
    int rc = add_entry(c, s, text, 0, err);
    return rc == 0 ? 0 : at_line(c, 0, err, rc);
}

size_t wf_conf_n_sections(const struct wf_conf *c)
{
    return c->n_sections;
}

const struct wf_conf_section *wf_conf_section_at(const struct wf_conf *c, size_t i)
{
    assert(i < c->n_sections);
    return &c->sections[i];
}

static int fill_choice(const struct wf_conf_option *o, struct wf_str value, void *field,
                       struct wf_err *err)
{
    struct wf_buf all;
    int rc;

    for (size_t i = 0; o->choices[i] != NULL; i++) {
        int64_t chosen = (int64_t)i;
        if (!wf_str_eq(value, wf_str_from(o->choices[i])))
            continue;
        memcpy(field, &chosen, sizeof(chosen));
        return 0;
    }
    wf_buf_init(&all, WF_ERR_MSG_MAX);
    for (size_t i = 0; o->choices[i] != NULL; i++)
        (void)wf_buf_appendf(&all, "%s%s", i > 0 ? ", " : "", o->choices[i]); /* cut at the end */
    rc = wf_err_set(err, WF_E_RANGE, "%s is one of %s, not \"%.*s\".", o->name, all.ptr,
                    WF_STR_ARG(wf_str_sub(value, 0, 40)));
    wf_buf_deinit(&all);
    return rc;
}

static int fill_number(const struct wf_conf_option *o, struct wf_str value, void *field,
                       struct wf_err *err)
{
    double x = 0;
    int64_t n = 0;

    if (o->kind == WF_CONF_NUMBER) {
        if (!wf_str_to_i64(value, &n) || (double)n < o->min || (double)n > o->max)
            return wf_err_set(err, WF_E_RANGE,
                              "%s is a whole number from %.0f to %.0f, not \"%.*s\".", o->name,
                              o->min, o->max, WF_STR_ARG(wf_str_sub(value, 0, 40)));
        memcpy(field, &n, sizeof(n));
        return 0;
    }
    if (!wf_str_to_f64(value, &x) || !isfinite(x) || x < o->min || x > o->max)
        return wf_err_set(err, WF_E_RANGE, "%s is a number from %g to %g, not \"%.*s\".", o->name,
                          o->min, o->max, WF_STR_ARG(wf_str_sub(value, 0, 40)));
    memcpy(field, &x, sizeof(x));
    return 0;
}

static int fill_one(const struct wf_conf_option *o, struct wf_str value, char *field,
                    struct wf_err *err)
{
    bool is_on = wf_str_eq(value, WF_STR("yes"));

    switch (o->kind) {
    case WF_CONF_TEXT:
        if (value.len >= o->text_bytes)
            return wf_err_set(err, WF_E_RANGE, "%s is longer than %zu bytes.", o->name,
                              o->text_bytes - 1);
        memset(field, 0, o->text_bytes);
        if (value.len > 0)
            memcpy(field, value.ptr, value.len);
        return 0;
    case WF_CONF_NUMBER:
    case WF_CONF_REAL:
        return fill_number(o, value, field, err);
    case WF_CONF_FLAG:
        if (!is_on && !wf_str_eq(value, WF_STR("no")))
            return wf_err_set(err, WF_E_RANGE, "%s is yes or no, not \"%.*s\".", o->name,
                              WF_STR_ARG(wf_str_sub(value, 0, 40)));
        memcpy(field, &is_on, sizeof(is_on));
        return 0;
    case WF_CONF_CHOICE:
        return fill_choice(o, value, field, err);
    }
    return WF_E_INVAL;
}

int wf_conf_fill(struct wf_conf *c, const struct wf_conf_section *s,
                 const struct wf_conf_option *options, void *out, struct wf_err *err)
{
    for (const struct wf_conf_option *o = options; o->name != NULL; o++) {
        struct entry *e = s != NULL ? find_entry(c, s, wf_str_from(o->name)) : NULL;
        struct wf_str value = e != NULL ? e->value : wf_str_from(o->fallback);
        int rc;

        if (e == NULL && o->fallback == NULL) {
            rc = wf_err_set(err, WF_E_FORMAT, "the section lacks \"%s\" (%s).", o->name, o->help);
            return at_line(c, s != NULL ? s->line : 1, err, rc);
        }
        rc = fill_one(o, value, (char *)out + o->offset, err);
        if (rc != 0)
            return at_line(c, e != NULL ? e->line : 1, err, rc);
        if (e != NULL)
            e->is_used = true;
    }
    return 0;
}

int wf_conf_check_section(const struct wf_conf *c, const struct wf_conf_section *s,
                          struct wf_err *err)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct entry *e = &c->entries[i];
        if (e->section != s || e->is_used || e->key.len == 0)
            continue;
        int rc = wf_err_set(err, WF_E_FORMAT, "there is no setting \"%.*s\" in [%.*s].",
                            WF_STR_ARG(e->key), WF_STR_ARG(e->section->name));
        return at_line(c, e->line, err, rc);
    }
    return 0;
}

int wf_conf_check(const struct wf_conf *c, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < c->n_sections && rc == 0; i++)
        rc = wf_conf_check_section(c, &c->sections[i], err);
    return rc;
}

int wf_conf_write(const struct wf_conf *c, struct wf_buf *out)
{
    for (size_t i = 0; i < c->n_sections; i++) {
        const struct wf_conf_section *s = &c->sections[i];
        (void)wf_buf_appendf(out, "%s[%.*s", i > 0 ? "\n" : "", WF_STR_ARG(s->kind));
        if (s->of.len > 0)
            (void)wf_buf_appendf(out, " %.*s", WF_STR_ARG(s->of));
        if (s->of.len > 0 && !wf_str_eq(s->of, s->name))
            (void)wf_buf_appendf(out, " %.*s", WF_STR_ARG(s->name));
        (void)wf_buf_append_cstr(out, "]\n");
        for (size_t k = 0; k < c->n_entries; k++) {
            const struct entry *e = &c->entries[k];
            if (e->section == s && e->key.len > 0)
                (void)wf_buf_appendf(out, "%.*s = %.*s\n", WF_STR_ARG(e->key),
                                     WF_STR_ARG(e->value));
        }
    }
    return wf_buf_status(out);
}
