/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with spans as JSON lines: Presidio's synthetic sentences, and the test specifications of
 * Recognizers-Text, each of whose suites tags one kind of thing. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "text/utf8.h"
#include "train/data_tagged_internal.h"

/* ---- Presidio ---- */

static const struct {
    const char *name;
    enum wf_entity type;
} presidio_types[] = {
    {"PERSON", WF_ENTITY_PERSON},
    {"STREET_ADDRESS", WF_ENTITY_ADDRESS},
    {"ZIP_CODE", WF_ENTITY_ADDRESS},
    {"GPE", WF_ENTITY_PLACE},
    {"ORGANIZATION", WF_ENTITY_ORGANISATION},
    {"DATE_TIME", WF_ENTITY_DATE},
    {"CREDIT_CARD", WF_ENTITY_ID},
    {"IBAN_CODE", WF_ENTITY_ID},
    {"IP_ADDRESS", WF_ENTITY_ID},
    {"US_SSN", WF_ENTITY_ID},
    {"US_DRIVER_LICENSE", WF_ENTITY_ID},
    {"PHONE_NUMBER", WF_ENTITY_PHONE},
    {"EMAIL_ADDRESS", WF_ENTITY_EMAIL},
};

#define KNOWN_PRESIDIO                                                                             \
    (WF_DATA_KNOWN_NEWS | WF_ENTITY_BIT(WF_ENTITY_DATE) | WF_ENTITY_BIT(WF_ENTITY_ADDRESS) |       \
     WF_ENTITY_BIT(WF_ENTITY_EMAIL) | WF_ENTITY_BIT(WF_ENTITY_PHONE) |                             \
     WF_ENTITY_BIT(WF_ENTITY_ID))

static enum wf_entity presidio_type(struct wf_str name)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(presidio_types); i++) {
        if (wf_str_eq(name, wf_str_from(presidio_types[i].name)))
            return presidio_types[i].type;
    }
    return WF_ENTITY_OTHER; /* titles, ages, nations, domains */
}

static int presidio_line(void *ud, const json_t *v)
{
    struct wf_data__tagged *r = ud;
    struct wf_str text = wf_data__string(v, "text");
    const json_t *spans = json_object_get(v, "spans"),
                 *template = json_object_get(v, "template_id");
    char key[64] = "";
    int rc = 0;

    r->spans.n = 0;
    for (size_t i = 0; i < json_array_size(spans) && rc == 0; i++) {
        const json_t *s = json_array_get(spans, i);
        struct wf_data_span span = {.type = presidio_type(wf_data__string(s, "type"))};
        if (!wf_data__span(text, wf_data__number(json_object_get(s, "start")),
                           wf_data__number(json_object_get(s, "end")), &span))
            return wf_lines_fail(r->l, WF_E_FORMAT, r->err, "a span that is not in its text");
        rc = wf_data__add_span(&r->spans, span);
    }
    if (rc != 0)
        return wf_data__no_memory(r->l, r->err);
    if (json_is_integer(template)) /* sentences of one template are nearly the same */
        (void)snprintf(key, sizeof(key), "presidio template %lld",
                       (long long)json_integer_value(template));
    return wf_data__give_tagged(r, text, r->o->known != 0 ? r->o->known : KNOWN_PRESIDIO,
                                wf_str_from(key));
}

int wf_data__read_presidio(struct wf_data__tagged *r)
{
    return wf_data__json(r->l, presidio_line, r, r->err);
}

/* ---- Recognizers-Text ---- */

/* By how the suite's name begins; longer names first. */
static const struct {
    const char *begin;
    enum wf_entity type;
} suites[] = {
    {"DateTime", WF_ENTITY_DATE},     {"Currency", WF_ENTITY_AMOUNT},
    {"Dimension", WF_ENTITY_AMOUNT},  {"Temperature", WF_ENTITY_AMOUNT},
    {"Percent", WF_ENTITY_AMOUNT},    {"Age", WF_ENTITY_AMOUNT},
    {"PhoneNumber", WF_ENTITY_PHONE}, {"Email", WF_ENTITY_EMAIL},
    {"IpAddress", WF_ENTITY_ID},      {"GUID", WF_ENTITY_ID},
};

static enum wf_entity suite_type(struct wf_str suite)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(suites); i++) {
        if (wf_str_starts(suite, wf_str_from(suites[i].begin)))
            return suites[i].type;
    }
    return WF_ENTITY_OTHER; /* bare numbers, choices, addresses of pages, marks */
}

/* The byte at a place that is counted in UTF-16 units. */
static size_t offset_of_utf16(struct wf_str text, int64_t units)
{
    size_t i = 0;

    while (units > 0 && i < text.len)
        units -= wf_utf8_next(text, &i) > 0xffff ? 2 : 1;
    return i;
}

/* Where the result's text stands when the file does not say: the first place, whatever the case of
 * ASCII letters. */
static bool find_result(struct wf_str text, struct wf_str wanted, struct wf_data_span *out)
{
    for (size_t i = 0; wanted.len > 0 && i + wanted.len <= text.len; i++) {
        if (wf_str_eq_nocase(wf_str_sub(text, i, i + wanted.len), wanted)) {
            out->from = i;
            out->to = i + wanted.len;
            return true;
        }
    }
    return false;
}

static bool place_result(struct wf_str text, const json_t *result, struct wf_data_span *out)
{
    int64_t start = wf_data__number(json_object_get(result, "start"));
    int64_t end = wf_data__number(json_object_get(result, "end"));

    if (start < 0 || end < start)
        return find_result(text, wf_data__string(result, "text"), out);
    out->from = offset_of_utf16(text, start);
    out->to = offset_of_utf16(text, end + 1);
    return out->to > out->from;
}

static int recognizers_line(void *ud, const json_t *v)
{
    struct wf_data__tagged *r = ud;
    struct wf_str text = wf_data__string(v, "input");
    enum wf_entity type = suite_type(wf_data__string(v, "suite"));
    const json_t *results = json_object_get(v, "results");
    uint32_t known = r->o->known;
    int rc = 0;

    if (known == 0 && type != WF_ENTITY_OTHER)
        known = WF_ENTITY_BIT(type);
    r->spans.n = 0;
    for (size_t i = 0; i < json_array_size(results) && rc == 0; i++) {
        struct wf_data_span span = {.type = type};
        if (place_result(text, json_array_get(results, i), &span))
            rc = wf_data__add_span(&r->spans, span);
    }
    if (rc != 0)
        return wf_data__no_memory(r->l, r->err);
    return wf_data__give_tagged(r, text, known, wf_str_n(NULL, 0));
}

int wf_data__read_recognizers(struct wf_data__tagged *r)
{
    return wf_data__json(r->l, recognizers_line, r, r->err);
}
