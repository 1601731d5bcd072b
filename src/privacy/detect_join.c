/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs together becomes one: before overlaps are resolved, what two detectors found of the
 * same name or address; after, the parts of an address that follow each other over its lines. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <stdlib.h>
#include <string.h>

#include "privacy/detect_internal.h"

/* Bytes of separators between two parts of an address. */
#define GAP_MOST 12

static bool is(const struct wf_pii *p, const char *type)
{
    return strcmp(p->type, type) == 0;
}

/* Without a fixed form: where its borders lie is a matter of opinion. */
static bool is_loose(const struct wf_pii *p)
{
    return is(p, "STREET_ADDRESS") || is(p, "PERSON") || is(p, "LOCATION") || is(p, "ORGANIZATION");
}

static int by_type_and_place(const void *a, const void *b)
{
    const struct wf_detect_found *x = a, *y = b;
    const int types = strcmp(x->pii.type, y->pii.type);

    if (types != 0)
        return types;
    if (x->pii.start != y->pii.start)
        return x->pii.start < y->pii.start ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

void wf_detect__unite(struct wf_detect_run *r)
{
    size_t n = 0;

    if (r->n < 2)
        return;
    qsort(r->found, r->n, sizeof(*r->found), by_type_and_place);
    for (size_t i = 0; i < r->n; i++) {
        struct wf_detect_found *last = n > 0 ? &r->found[n - 1] : NULL, *f = &r->found[i];
        if (last != NULL && is_loose(&f->pii) && strcmp(last->pii.type, f->pii.type) == 0 &&
            f->pii.start < last->pii.end) {
            last->pii.end = WF_MAX(last->pii.end, f->pii.end);
            last->pii.score = WF_MAX(last->pii.score, f->pii.score);
            last->rank = WF_MAX(last->rank, f->rank);
        } else {
            r->found[n++] = *f;
        }
    }
    r->n = n;
}

static bool is_place(const struct wf_pii *p)
{
    return is(p, "STREET_ADDRESS") || is(p, "LOCATION") || is(p, "ZIP_CODE");
}

/* A place on the line before an address is whose it is.
 * Only what stands between the lines and parts of an address, in letters quoted by ">", too. */
static bool is_gap(struct wf_str s)
{
    if (s.len > GAP_MOST)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (strchr(" ,\n\r\t>?-", s.ptr[i]) == NULL)
            return false;
    return true;
}

size_t wf_detect__join(struct wf_str text, struct wf_pii *list, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct wf_pii *last = kept > 0 ? &list[kept - 1] : NULL;
        if (last != NULL && is_place(last) && is_place(&list[i]) &&
            is_gap(wf_str_sub(text, last->end, list[i].start)) &&
            (is(last, "STREET_ADDRESS") ||
             (is(&list[i], "STREET_ADDRESS") &&
              wf_str_find_byte(wf_str_sub(text, last->end, list[i].start), '\n', 0) == SIZE_MAX))) {
            last->end = list[i].end;
            last->score = WF_MAX(last->score, list[i].score);
            if (!is(last, "STREET_ADDRESS")) {
                last->type = list[i].type;
                last->reason = list[i].reason;
            }
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}
