/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the file of engines: a section's lines are put in or cut out of its text, all other
 * lines, the person's comments among them, stay as they are. What comes out is read again before it
 * replaces the file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/file.h"
#include "route/engines_internal.h"

/* ---- an entry as text ---- */

static void print_money(struct wf_buf *out, int64_t micro)
{
    int64_t part = micro % 1000000, places = 6;

    while (places > 0 && part % 10 == 0) {
        part /= 10;
        places--;
    }
    wf_buf_appendf(out, "%" PRId64, micro / 1000000);
    if (places > 0)
        wf_buf_appendf(out, ".%0*" PRId64, (int)places, part);
}

static void print_lacks(struct wf_buf *out, unsigned lacks)
{
    const char *between = "";

    for (size_t i = 0; i < WF_ARRAY_LEN(wf_engine__abilities); i++) {
        if (lacks & 1u << i) {
            wf_buf_appendf(out, "%s%s", between, wf_engine__abilities[i]);
            between = " ";
        }
    }
}

/* Whether the setting says more than its absence would. */
static bool is_said(const struct wf_engine_entry *e, const struct wf_engine_setting *s)
{
    const void *field = (const char *)e + s->offset;

    switch (s->kind) {
    case WF_SETTING_PROTOCOL:
    case WF_SETTING_LABEL:
    case WF_SETTING_TIER:
    case WF_SETTING_MODEL:
        return true;
    case WF_SETTING_TEXT:
        return *(const char *const *)field != NULL;
    case WF_SETTING_LACKS:
        return e->lacks != 0;
    case WF_SETTING_FLAG:
        return *(const bool *)field != (s->offset == offsetof(struct wf_engine_entry, has_key));
    case WF_SETTING_COUNT:
        return *(const int64_t *)field != 0;
    case WF_SETTING_MONEY:
        if (s->offset == offsetof(struct wf_engine_entry, price_cached_micro))
            return e->price_cached_micro != e->price_in_micro;
        return *(const int64_t *)field != 0;
    }
    return false;
}

static void print_value(const struct wf_engine_entry *e, const struct wf_engine_setting *s,
                        struct wf_buf *out)
{
    const void *field = (const char *)e + s->offset;

    switch (s->kind) {
    case WF_SETTING_PROTOCOL:
        wf_buf_append_cstr(out, wf_protocol_name(e->protocol));
        break;
    case WF_SETTING_LABEL:
        wf_buf_append_cstr(out, wf_label_name(e->clearance));
        break;
    case WF_SETTING_TIER:
        wf_buf_append_cstr(out, wf_engine_tier_name(e->tier));
        break;
    case WF_SETTING_TEXT:
        wf_buf_append_cstr(out, *(const char *const *)field);
        break;
    case WF_SETTING_LACKS:
        print_lacks(out, e->lacks);
        break;
    case WF_SETTING_FLAG:
        wf_buf_append_cstr(out, *(const bool *)field ? "yes" : "no");
        break;
    case WF_SETTING_COUNT:
        wf_buf_appendf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case WF_SETTING_MONEY:
        print_money(out, *(const int64_t *)field);
        break;
    case WF_SETTING_MODEL:
        break;
    }
}

int wf_engine_print(const struct wf_engine_entry *e, struct wf_buf *out)
{
    wf_buf_appendf(out, "[%s]\n", e->name);
    for (size_t i = 0; i < wf_engine__n_settings; i++) {
        const struct wf_engine_setting *s = &wf_engine__settings[i];
        for (size_t k = 0; s->kind == WF_SETTING_MODEL && k < e->n_models; k++)
            wf_buf_appendf(out, "%s = %s\n", s->name, e->models[k]);
        if (s->kind == WF_SETTING_MODEL || !is_said(e, s))
            continue;
        wf_buf_appendf(out, "%s = ", s->name);
        print_value(e, s, out);
        wf_buf_append_byte(out, '\n');
    }
    return wf_buf_status(out);
}

/* ---- a section within the file ---- */

/* The bytes from the head of [name] to behind its last setting. False: there is none. */
static bool section_of(struct wf_str text, struct wf_str name, size_t *out_start, size_t *out_end)
{
    struct wf_str rest = text, line;
    bool within = false, found = false;

    while (wf_str_line(&rest, &line)) {
        struct wf_str s = wf_str_trim(line);
        size_t end = rest.ptr ? (size_t)(rest.ptr - text.ptr) : text.len;
        if (s.len > 0 && s.ptr[0] == '[') {
            size_t close = wf_str_find_byte(s, ']', 0);
            within = wf_str_eq(wf_str_trim(wf_str_sub(s, 1, close)), name);
            if (within)
                *out_start = (size_t)(line.ptr - text.ptr);
            found = found || within;
        }
        if (within && s.len > 0 && s.ptr[0] != '#')
            *out_end = end;
    }
    return found;
}

static const char opening[] =
    "# Engines elsewhere: who may be asked, and what each may see.\n"
    "# weft engines add, list, rm; docs/engines.md says what stands here.\n";

/* The text with the section [start, end) replaced by e (NULL: by nothing). */
static int edit(struct wf_str text, size_t start, size_t end, const struct wf_engine_entry *e,
                struct wf_buf *out)
{
    struct wf_str after = wf_str_sub(text, end, text.len);

    wf_buf_append_str(out, wf_str_sub(text, 0, start));
    if (e && start == text.len) { /* a new one */
        if (text.len == 0)
            wf_buf_append_cstr(out, opening);
        else if (text.ptr[text.len - 1] != '\n')
            wf_buf_append_byte(out, '\n');
        wf_buf_append_byte(out, '\n');
    }
    if (e)
        (void)wf_engine_print(e, out);
    else if (after.len > 0 && after.ptr[0] == '\n')
        after = wf_str_sub(after, 1, after.len);
    wf_buf_append_str(out, after);
    return wf_buf_status(out);
}

/* Reads, edits, reads what came out, and replaces the file. `e` NULL: takes `name` out. */
static int change(const char *path, struct wf_str name, const struct wf_engine_entry *e,
                  bool replaces, struct wf_err *err)
{
    struct wf_engines *before = NULL, *after = NULL;
    struct wf_buf old, new;
    size_t start, end;
    int rc = 0;

    wf_buf_init(&old, WF_ENGINES_BYTES_MAX);
    wf_buf_init(&new, WF_ENGINES_BYTES_MAX);
    if (access(path, F_OK) == 0)
        rc = wf_file_read(path, &old, err);
    if (rc == 0)
        rc = wf_engines_parse(wf_buf_str(&old), path, &before, err);
    start = end = old.len;
    if (rc == 0 && section_of(wf_buf_str(&old), name, &start, &end)) {
        if (e && !replaces)
            rc = wf_err_set(err, WF_E_EXIST, "There is an engine \"%s\" already.", e->name);
    } else if (rc == 0 && !e) {
        rc = wf_err_set(err, WF_E_NOENT, "There is no engine \"%.*s\".",
                        WF_STR_ARG(wf_str_sub(name, 0, WF_ENGINE_NAME_BYTES_MAX)));
    }
    if (rc == 0 && edit(wf_buf_str(&old), start, end, e, &new) != 0)
        rc = wf_err_set(err, wf_buf_status(&new), "There are too many engines for one file.");
    if (rc == 0)
        rc = wf_engines_parse(wf_buf_str(&new), path, &after, err);
    if (rc == 0)
        rc = wf_file_replace(path, new.ptr, new.len, 0600, err);
    wf_engines_free(before);
    wf_engines_free(after);
    wf_buf_deinit(&old);
    wf_buf_deinit(&new);
    return rc;
}

static int change_locked(const char *path, struct wf_str name, const struct wf_engine_entry *e,
                         bool replaces, struct wf_err *err)
{
    char lock[WF_LIMIT_PATH_BYTES];
    int fd = -1, rc = 0;

    if (snprintf(lock, sizeof(lock), "%s.lock", path) >= (int)sizeof(lock))
        return wf_err_set(err, WF_E_LIMIT, "The path is too long: %s", path);
    rc = wf_file_lock(lock, &fd, err);
    if (rc == WF_E_BUSY)
        return wf_err_set(err, rc, "The engines are being changed by another command just now.");
    if (rc == 0)
        rc = change(path, name, e, replaces, err);
    wf_file_close(&fd);
    return rc;
}

int wf_engines_put(const char *path, const struct wf_engine_entry *e, bool replaces,
                   struct wf_err *err)
{
    int rc = wf_engine_check(e, err);

    return rc == 0 ? change_locked(path, wf_str_from(e->name), e, replaces, err) : rc;
}

int wf_engines_remove(const char *path, struct wf_str name, struct wf_err *err)
{
    return change_locked(path, name, NULL, false, err);
}
