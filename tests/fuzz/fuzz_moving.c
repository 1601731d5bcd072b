/* SPDX-License-Identifier: Apache-2.0 */
/* What another device says of an answer that is taken over from it: whatever it says ends in an
 * answer or in a sentence. The first byte of a message is its kind. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "op/moving.h"
#include "support/scripted.h"

#define PEER 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sent(void *ud, uint64_t peer, unsigned kind, struct wf_str body, struct wf_err *err)
{
    (void)ud;
    (void)err;
    assert(peer == PEER && kind >= WF_MOVING_TAKE && kind <= WF_MOVING_PAGES && body.len > 0);
    return 0;
}

static bool clearance(void *ud, uint64_t peer, enum wf_label *out)
{
    (void)ud;
    *out = WF_LABEL_PRIVATE;
    return peer == PEER;
}

static enum wf_label label(void *ud, struct wf_str text)
{
    (void)ud;
    (void)text;
    return WF_LABEL_PRIVATE;
}

/* Messages, each with two bytes of length in front. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_moving_options o = {.label = label, .send = sent, .clearance = clearance};
    enum wf_gen_finish finish = WF_FINISH_STOP;
    struct wf_moving *m = NULL;
    struct scripted s;
    struct wf_buf out;
    char model[256];
    size_t at = 0;

    scripted_init(&s);
    s.fail = WF_E_NOENT;
    o.engine = &s.base;
    if (wf_moving_new(&o, &m, NULL) == 0) {
        (void)!wf_moving_take(m, WF_STR("a"), PEER, NULL);
        while (size >= 3) {
            size_t n = (size_t)data[0] | (size_t)data[1] << 8;
            n = n < size - 3 ? n : size - 3;
            wf_moving_message(m, PEER, data[2], wf_str_n((const char *)data + 3, n));
            data += 3 + n;
            size -= 3 + n;
        }
        wf_buf_init(&out, 1 << 24);
        (void)!wf_moving_read(m, WF_STR("a"), &at, 0, &out, model, &finish, NULL);
        wf_buf_deinit(&out);
        wf_moving_stop(m);
        wf_moving_free(m);
    }
    scripted_deinit(&s);
    return 0;
}
