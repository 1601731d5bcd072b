/* SPDX-License-Identifier: Apache-2.0 */
/* Charters: what can be read is written as the same bytes; two of them, one after the other in the
 * input, stand to each other in one way; what a fork comes to is the same from both ends and can be
 * read again. The signature is not looked at, so that what is behind it is reached. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/charter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct wf_charter *c, struct wf_str bytes)
{
    static struct wf_charter back;
    struct wf_buf b;

    wf_buf_init(&b, WF_CHARTER_BYTES_MAX);
    if (wf_charter_write(c, &b) == 0 && bytes.len > 0)
        assert(wf_str_eq(wf_buf_str(&b), bytes));
    if (wf_buf_status(&b) == 0 && wf_charter_read_form(wf_buf_str(&b), &back, NULL) != 0)
        abort();
    wf_buf_deinit(&b);
}

static void check_changes(const struct wf_charter *from)
{
    static struct wf_charter c;

    c = *from;
    wf_charter_begin(&c);
    assert(wf_charter_compare(&c, from) == WF_DEVICES_NEWER);
    for (size_t i = 0; i < from->n_members; i++) {
        struct wf_charter_member m = from->members[i];
        m.role = WF_ROLE_READ;
        (void)!wf_charter_set(&c, &m, NULL);
        m.owner[0] ^= 1;
        (void)!wf_charter_set(&c, &m, NULL);
    }
    if (c.epoch < UINT16_MAX)
        check_written(&c, WF_STR(""));
    (void)wf_charter_may_follow(from, &c);
}

static void check_two(const struct wf_charter *x, const struct wf_charter *y)
{
    static struct wf_charter one, two;
    enum wf_devices_order order = wf_charter_compare(x, y), back = wf_charter_compare(y, x);

    assert(order != WF_DEVICES_NEWER || back == WF_DEVICES_OLDER);
    assert(order != WF_DEVICES_FORKED || back == WF_DEVICES_FORKED);
    (void)wf_charter_may_follow(x, y);
    if (order != WF_DEVICES_FORKED)
        return;
    one = *x, two = *y;
    if (wf_charter_mend(&one, y, NULL) != 0 || wf_charter_mend(&two, x, NULL) != 0)
        return; /* too many members */
    assert(wf_charter_compare(&one, &two) == WF_DEVICES_SAME);
    assert(wf_charter_compare(&one, x) == WF_DEVICES_NEWER);
    assert(wf_charter_compare(&one, y) == WF_DEVICES_NEWER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_charter x, y;
    size_t n = size < 2 ? 0 : (size_t)data[0] | (size_t)data[1] << 8;
    struct wf_str all =
        wf_str_n((const char *)data + WF_MIN(size, (size_t)2), size - WF_MIN(size, (size_t)2));
    struct wf_str one = wf_str_sub(all, 0, WF_MIN(n, all.len));
    struct wf_str two = wf_str_sub(all, WF_MIN(n, all.len), all.len);

    if (wf_charter_read_form(one, &x, NULL) != 0)
        return 0;
    check_written(&x, one);
    check_changes(&x);
    if (wf_charter_read_form(two, &y, NULL) == 0)
        check_two(&x, &y);
    return 0;
}
