/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: what is found lies within them, in order, without overlaps, and between characters
 * where the text has some; views are valid text, and their places lie in the text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "privacy/detect.h"
#include "privacy/view.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wf_detector *detector;
static struct wf_detect_run *run;

static void open_once(void)
{
    const struct wf_detect_options o = {.score_least = 0.05F};

    if (run != NULL)
        return;
    int rc = wf_detector_open(&o, &detector, NULL);
    assert(rc == 0);
    rc = wf_detect_run_new(detector, &run, NULL);
    assert(rc == 0);
}

static void check_found(struct wf_str text)
{
    struct wf_pii_list list;
    size_t at = 0;
    const int rc = wf_detect_scan(run, text, (struct wf_pii_list){NULL, 0}, &list, NULL);

    assert(rc == 0);
    for (size_t i = 0; i < list.n; i++) {
        const struct wf_pii *p = &list.items[i];
        assert(p->start >= at && p->start < p->end && p->end <= text.len);
        assert(p->type != NULL && p->reason != NULL && p->score > 0 && p->score <= 1);
        at = p->end;
    }
}

static void check_views(struct wf_str text)
{
    struct wf_view first, second;

    wf_view_init(&first);
    wf_view_init(&second);
    int rc = wf_view_make(&first, text, NULL);
    assert(rc == 0);
    rc = wf_view_make(&second, wf_buf_str(&first.text), &first);
    assert(rc == 0);
    for (int k = 0; k < 2; k++) {
        const struct wf_view *v = k == 0 ? &first : &second;
        assert(wf_utf8_valid_prefix(wf_buf_str(&v->text)) == v->text.len);
        for (size_t i = 0; i < v->text.len; i++)
            assert(v->start[i] < v->end[i] && v->end[i] <= text.len && v->how[i] < WF_HIDING_COUNT);
    }
    wf_view_deinit(&first);
    wf_view_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* a copy of the exact size, so that reading behind the end is seen */
    char *exact = malloc(size + (size == 0));

    assert(exact);
    if (size > 0)
        memcpy(exact, data, size);
    open_once();
    check_found((struct wf_str){exact, size});
    if (wf_utf8_valid_prefix((struct wf_str){exact, size}) == size)
        check_views((struct wf_str){exact, size});
    free(exact);
    return 0;
}
