/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: any bytes are refused with a sentence, or all that they promise can be read. The sum
 * at the end is made right first, where there is room for one, so that what it guards is reached.
 */
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/checkpoint.h"
#include "train/meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double touch(const struct wf_checkpoint *c)
{
    double sum = 0;

    for (size_t i = 0; i < c->n_tensors; i++) {
        const struct wf_checkpoint_tensor *t = &c->tensors[i];
        uint64_t n = (uint64_t)t->rows * t->cols;
        if (n == 0)
            continue;
        sum += (double)t->values[0] + (double)t->values[n - 1];
        if (c->has_moments)
            sum += (double)t->first[n - 1] + (double)t->second[n - 1];
        assert(strlen(t->name) < sizeof(t->name));
    }
    for (size_t i = 0; i < c->conf.len; i++)
        sum += c->conf.ptr[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile double sink;
    struct wf_checkpoint_file *f = NULL;
    struct wf_err err = WF_ERR_INIT;
    unsigned char *bytes = wf_alloc(size); /* of this size and no more: a sanitizer sees the end */

    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    if (size > 160) {
        for (size_t i = 0; i < 8; i++)
            bytes[16 + i] = (unsigned char)((uint64_t)size >> 8 * i);
        (void)crypto_generichash(bytes + size - 32, 32, bytes, size - 32, NULL, 0);
    }
    if (wf_checkpoint_open_memory("fuzz", wf_str_n((const char *)bytes, size), &f, &err) != 0) {
        assert(err.msg[0] != 0);
    } else {
        sink = touch(wf_checkpoint_of(f));
        (void)!wf_meta_export(wf_checkpoint_of(f)->meta, NULL, &err);
        wf_checkpoint_close(f);
    }
    wf_free(bytes);
    return 0;
}
