/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments' files: any text is refused with a sentence, or read, filled, and written so that it
 * reads the same again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "train/conf.h"
#include "train/settings.h"
#include "train/shape.h"
#include "train/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct wf_conf *c)
{
    struct wf_train_settings train;
    struct wf_train_task_settings each;
    struct wf_shape shape;
    struct wf_params p;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < wf_conf_n_sections(c); i++) {
        const struct wf_conf_section *s = wf_conf_section_at(c, i);
        if (wf_conf_fill(c, s, wf_train_options(), &train, &err) != 0)
            assert(err.msg[0] != 0);
        if (wf_conf_fill(c, s, wf_train_task_options(), &each, NULL) == 0)
            assert(each.weight > 0);
        if (wf_conf_fill(c, s, wf_shape_options(), &shape, NULL) == 0 &&
            wf_shape_params(&shape, 300, &p, NULL) == 0)
            wf_params_deinit(&p);
    }
    (void)!wf_conf_check(c, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str text = wf_str_n((const char *)data, size);
    struct wf_err err = WF_ERR_INIT;
    struct wf_conf *c = NULL, *again = NULL;
    struct wf_buf a, b;

    if (wf_conf_parse(text, "fuzz.conf", &c, &err) != 0) {
        assert(err.msg[0] != 0);
        return 0;
    }
    (void)!wf_conf_set(c, wf_str_sub(text, 0, 100), NULL);
    fill(c);
    wf_buf_init(&a, SIZE_MAX);
    wf_buf_init(&b, SIZE_MAX);
    if (wf_conf_write(c, &a) != 0 || wf_conf_parse(wf_buf_str(&a), "again", &again, NULL) != 0 ||
        wf_conf_write(again, &b) != 0 || !wf_str_eq(wf_buf_str(&a), wf_buf_str(&b)))
        abort();
    wf_buf_deinit(&a);
    wf_buf_deinit(&b);
    wf_conf_free(again);
    wf_conf_free(c);
    return 0;
}
