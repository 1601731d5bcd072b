/* SPDX-License-Identifier: Apache-2.0 */
/* Presidio's /anonymize and /deanonymize: any JSON is refused with a sentence, or gives a text in
 * which every item stands where it says. And recognizers that a request brings to /analyze: what
 * they find lies within the text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "op/presidio_internal.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wf_str str_of(const json_t *v)
{
    return wf_str_n(json_string_value(v), json_string_length(v));
}

static void check(const json_t *answer)
{
    struct wf_str text = str_of(json_object_get(answer, "text"));
    const json_t *item;
    size_t i, last = SIZE_MAX;

    json_array_foreach(json_object_get(answer, "items"), i, item)
    {
        json_int_t start = json_integer_value(json_object_get(item, "start"));
        json_int_t end = json_integer_value(json_object_get(item, "end"));
        assert(start >= 0 && start <= end && (size_t)end <= last);
        assert(wf_str_eq(wf_str_sub(text, wf_utf8_offset(text, (size_t)start),
                                    wf_utf8_offset(text, (size_t)end)),
                         str_of(json_object_get(item, "text"))));
        last = (size_t)start;
    }
}

static void recognize(const json_t *body)
{
    struct wf_presidio_findings found = {.n = 0};
    struct wf_str text = str_of(json_object_get(body, "text"));
    struct wf_err err = WF_ERR_INIT;

    if (wf_presidio__own(json_object_get(body, "ad_hoc_recognizers"), text, &found, &err) != 0)
        assert(err.msg[0] != 0);
    for (size_t i = 0; i < found.n; i++)
        assert(found.items[i].start < found.items[i].end && found.items[i].end <= text.len);
    wf_free(found.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL), *answer;
    struct wf_err err = WF_ERR_INIT;

    if (!json_is_object(body)) {
        json_decref(body);
        return 0;
    }
    for (int back = 0; back < 2; back++) {
        answer = NULL;
        if ((back ? wf_presidio_deanonymize : wf_presidio_anonymize)(body, &answer, &err) == 0)
            check(answer);
        else
            assert(err.msg[0] != 0 && answer == NULL);
        json_decref(answer);
    }
    recognize(body);
    json_decref(body);
    return 0;
}
