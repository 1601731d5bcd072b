/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by tables: each key of an object finds its row, or is named in an error, with the row
 * that it was perhaps meant to be. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http/face.h"

#define NAME_BYTES 40 /* longer names are not guessed at */

/* How many letters must change to make one name the other (Levenshtein 1966). */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[NAME_BYTES + 1];

    if (n > NAME_BYTES || m > NAME_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t before = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t other = before + (a[i - 1] != b[j - 1]);
            before = row[j];
            row[j] = WF_MIN(other, WF_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

static const struct wf_face_param *find(const struct wf_face_table *tables, size_t n_tables,
                                        const char *name, void **out_into)
{
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n_rows; i++) {
            if (strcmp(tables[t].rows[i].name, name) != 0)
                continue;
            *out_into = tables[t].into;
            return &tables[t].rows[i];
        }
    }
    return NULL;
}

static int unknown(struct wf_face_call *c, const struct wf_face_table *tables, size_t n_tables,
                   const char *full, const char *name, struct wf_err *err)
{
    const char *near = NULL;
    size_t best = 3; /* two letters off may be a slip */

    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t].n_rows; i++) {
            size_t d = distance(name, tables[t].rows[i].name);
            if (d < best && d < strlen(name)) {
                best = d;
                near = tables[t].rows[i].name;
            }
        }
    }
    if (near)
        return wf_face_bad(c, full, "unknown_parameter", err,
                           "\"%.80s\" is not a known parameter here. Did you mean \"%s\"?", full,
                           near);
    return wf_face_bad(c, full, "unknown_parameter", err,
                       "\"%.80s\" is not a known parameter here.", full);
}

static int bad_number(struct wf_face_call *c, const char *full, const struct wf_face_param *p,
                      struct wf_err *err)
{
    const char *kind = p->type == WF_FACE_FLOAT ? "number" : "whole number";

    if (isfinite(p->max))
        return wf_face_bad(c, full, "invalid_value", err, "\"%.80s\" must be a %s from %g to %g.",
                           full, kind, p->min, p->max);
    return wf_face_bad(c, full, "invalid_value", err, "\"%.80s\" must be a %s of at least %g.",
                       full, kind, p->min);
}

static int number(struct wf_face_call *c, const char *full, const struct wf_face_param *p,
                  const json_t *v, void *field, struct wf_err *err)
{
    double x = json_number_value(v);

    if (!json_is_number(v) || (p->type != WF_FACE_FLOAT && json_is_real(v) && x != floor(x)))
        return bad_number(c, full, p, err);
    if (!(x >= p->min && x <= p->max))
        return bad_number(c, full, p, err);
    if (p->type == WF_FACE_FLOAT)
        *(float *)field = (float)x;
    else if (!(fabs(x) < 9e18))
        return bad_number(c, full, p, err);
    else if (p->type == WF_FACE_INT)
        *(int64_t *)field = json_is_integer(v) ? json_integer_value(v) : (int64_t)x;
    else
        *(size_t *)field = (size_t)x;
    return 0;
}

static int wrong_type(struct wf_face_call *c, const char *full, const char *what,
                      struct wf_err *err)
{
    return wf_face_bad(c, full, "invalid_type", err, "\"%.80s\" must be %s.", full, what);
}

static int take(struct wf_face_call *c, const char *full, const struct wf_face_param *p,
                const json_t *v, void *into, struct wf_err *err)
{
    void *field = (char *)into + p->offset;

    switch (p->type) {
    case WF_FACE_FLOAT:
    case WF_FACE_INT:
    case WF_FACE_SIZE:
        return number(c, full, p, v, field, err);
    case WF_FACE_BOOL:
        if (!json_is_boolean(v))
            return wrong_type(c, full, "true or false", err);
        *(bool *)field = json_is_true(v);
        return 0;
    case WF_FACE_TEXT:
        if (!json_is_string(v))
            return wrong_type(c, full, "a text", err);
        *(const char **)field = json_string_value(v);
        return 0;
    case WF_FACE_OBJECT:
        if (!json_is_object(v))
            return wrong_type(c, full, "an object", err);
        *(const json_t **)field = v;
        return 0;
    case WF_FACE_ARRAY:
        if (!json_is_array(v))
            return wrong_type(c, full, "an array", err);
        *(const json_t **)field = v;
        return 0;
    case WF_FACE_READ:
        return p->read(c, into, full, v, err);
    case WF_FACE_IGNORED:
        wf_face_ignore(c, full);
        return 0;
    case WF_FACE_REFUSED:
        return wf_face_bad(c, full, "unsupported_parameter", err, "\"%.80s\" is not supported: %s",
                           full, p->why);
    }
    return 0;
}

int wf_face_read(struct wf_face_call *c, const json_t *object, const char *where,
                 const struct wf_face_table *tables, size_t n_tables, struct wf_err *err)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)object, name, v)
    {
        char full[120];
        void *into = NULL;
        const struct wf_face_param *p = find(tables, n_tables, name, &into);
        int rc = 0;
        snprintf(full, sizeof(full), "%s%.80s", where, name);
        if (!p)
            rc = unknown(c, tables, n_tables, full, name, err);
        else if (!json_is_null(v))
            rc = take(c, full, p, v, into, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}
