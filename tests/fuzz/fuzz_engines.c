/* SPDX-License-Identifier: Apache-2.0 */
/* The file of engines: any text is refused with a sentence that names its line, or is engines that
 * could each stand in the file, and that print and read as the same again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "route/engines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(const struct wf_engines *e, struct wf_buf *out)
{
    for (size_t i = 0; i < e->n; i++)
        assert(wf_engine_print(&e->items[i], out) == 0);
}

static void check(const struct wf_engine_entry *e)
{
    assert(wf_engine_check(e, NULL) == 0);
    assert(e->clearance < WF_LABEL_SECRET && e->tier > WF_TIER_DEVICE);
    assert(e->n_models > 0 && e->provider != NULL);
    assert(strncmp(e->url, "https://", 8) == 0 || strncmp(e->url, "http://", 7) == 0);
    assert(wf_engine_cost_micro(e, UINT64_MAX, 5, 5) >= 0);
    assert(wf_engine_target(e).name.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str text = wf_str_n((const char *)data, size);
    struct wf_engines *e = NULL, *again = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf once, twice;
    int rc = wf_engines_parse(text, "fuzz", &e, &err);

    if (rc != 0) {
        assert(err.msg[0] != 0 && (rc == WF_E_LIMIT || strstr(err.msg, "fuzz, line ")));
        return 0;
    }
    wf_buf_init(&once, SIZE_MAX);
    wf_buf_init(&twice, SIZE_MAX);
    for (size_t i = 0; i < e->n; i++) {
        check(&e->items[i]);
        assert(wf_engines_find(e, wf_str_from(e->items[i].name)) == &e->items[i]);
    }
    print_all(e, &once);
    rc = wf_engines_parse(wf_buf_str(&once), "again", &again, &err);
    assert(rc == 0 || rc == WF_E_LIMIT);
    if (rc == 0) {
        print_all(again, &twice);
        assert(wf_str_eq(wf_buf_str(&once), wf_buf_str(&twice)));
    }
    wf_buf_deinit(&once);
    wf_buf_deinit(&twice);
    wf_engines_free(e);
    wf_engines_free(again);
    return 0;
}
