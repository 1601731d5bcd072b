/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of devices: what can be read is written as the same bytes; two of them, one after the
 * other in the input, stand to each other in one way; a mended one can be read again. The
 * signature is not looked at, so that what is behind it is reached. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/devices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct wf_devices *d, struct wf_str bytes)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    if (wf_devices_write_unsigned(d, &b) == 0 && bytes.len > 0)
        assert(wf_str_eq(wf_buf_str(&b), bytes));
    wf_buf_deinit(&b);
}

static void check_changes(const struct wf_devices *from)
{
    static struct wf_devices d, back;
    struct wf_buf b;

    d = *from;
    wf_devices_begin(&d, from->owner, from->owner, 1);
    assert(wf_devices_compare(&d, from) == WF_DEVICES_NEWER);
    for (size_t i = 0; i < from->n_entries; i++) {
        (void)!wf_devices_add(&d, &from->entries[i], NULL);
        (void)!wf_devices_rename(&d, wf_str_from(from->entries[i].name), WF_STR("new"), NULL);
        (void)!wf_devices_revoke(&d, wf_str_from(from->entries[i].name), 2, NULL);
    }
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    if (wf_devices_write_unsigned(&d, &b) != 0 ||
        wf_devices_read_unsigned(wf_buf_str(&b), &back, NULL) != 0)
        abort();
    wf_buf_deinit(&b);
}

static void check_two(const struct wf_devices *x, const struct wf_devices *y)
{
    static struct wf_devices one, two;
    enum wf_devices_order order = wf_devices_compare(x, y), back = wf_devices_compare(y, x);

    assert(order != WF_DEVICES_NEWER || back == WF_DEVICES_OLDER);
    assert(order != WF_DEVICES_FORKED || back == WF_DEVICES_FORKED);
    if (order != WF_DEVICES_FORKED)
        return;
    assert(wf_devices_prefers_second(x, y) != wf_devices_prefers_second(y, x));
    one = *x, two = *y;
    if (wf_devices_mend(&one, y, NULL) != 0 || wf_devices_mend(&two, x, NULL) != 0)
        return; /* keys of two nodes are one, or there are too many */
    assert(wf_devices_compare(&one, &two) == WF_DEVICES_SAME);
    assert(wf_devices_compare(&one, x) == WF_DEVICES_NEWER);
    assert(wf_devices_compare(&one, y) == WF_DEVICES_NEWER);
    check_changes(&one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_devices x, y;
    struct wf_str first, second;
    size_t n;

    if (size < 2)
        return 0;
    n = (size_t)data[0] | (size_t)data[1] << 8;
    n = n < size - 2 ? n : size - 2;
    first = wf_str_n((const char *)data + 2, n);
    second = wf_str_n((const char *)data + 2 + n, size - 2 - n);
    (void)!wf_devices_read(first, &x, NULL);
    if (wf_devices_read_unsigned(first, &x, NULL) != 0)
        return 0;
    check_written(&x, first);
    if (x.version > (uint64_t)1 << 61)
        return 0; /* no owner signs as often; there is no version behind the last */
    check_changes(&x);
    if (wf_devices_read_unsigned(second, &y, NULL) == 0 && y.version <= (uint64_t)1 << 61)
        check_two(&x, &y);
    return 0;
}
