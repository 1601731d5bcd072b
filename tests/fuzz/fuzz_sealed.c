/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody on the way does to a session of two cores. The input says, message by message,
 * whether the true one goes on or another one in its place: nothing but what the other side said,
 * in its order, ever comes out. */
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/sealed_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct wf_sealed_session s;
    struct wf_signer signer;
    struct wf_signer_key key;
    struct wf_buf out; /* the next message of it, at most one */
    uint8_t n_said, n_heard;
};

static void begin(struct side sides[2])
{
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        wf_signer_from_seed(seed, &sides[i].key, &sides[i].signer);
        wf_buf_init(&sides[i].out, SIZE_MAX);
    }
    for (uint8_t i = 0; i < 2; i++) {
        struct wf_sealed_who who = {.device = &sides[i].signer};
        memcpy(who.other_device, sides[1 - i].signer.id, sizeof(who.other_device));
        who.transport[0] = who.other_transport[0] = 1;
        assert(wf_sealed_session_begin(&sides[i].s, &who, NULL, 1, &sides[i].out, NULL) == 0);
    }
}

/* Gives a message to a side; what it answers waits in its `out`. */
static void give(struct side *to, unsigned channel, struct wf_str bytes)
{
    struct wf_sealed_taken taken;
    struct wf_buf plain, reply;

    if (to->s.state == WF_SEALED_ENDED)
        return;
    wf_buf_init(&plain, SIZE_MAX);
    wf_buf_init(&reply, SIZE_MAX);
    if (wf_sealed_session_take(&to->s, channel, bytes, 1, &taken, &plain, &reply, NULL) != 0)
        assert(to->s.state == WF_SEALED_ENDED && !taken.has_message);
    if (taken.has_message) {
        assert(plain.len == 1 && (uint8_t)plain.ptr[0] == to->n_heard);
        to->n_heard++;
    }
    if (reply.len > 0) {
        wf_buf_deinit(&to->out);
        to->out = reply;
    } else {
        wf_buf_deinit(&reply);
    }
    wf_buf_deinit(&plain);
}

static struct wf_str cut(const uint8_t **io, size_t *io_n, size_t n)
{
    struct wf_str s;

    n = n < *io_n ? n : *io_n;
    s = wf_str_n((const char *)*io, n);
    *io += n;
    *io_n -= n;
    return s;
}

/* The true message, with bytes of the input laid over it. */
static void change(struct wf_buf *b, struct wf_str by)
{
    for (size_t i = 0; i < by.len && i < b->len; i++)
        b->ptr[i] = (char)(b->ptr[i] ^ by.ptr[i]);
}

static void step(struct side sides[2], uint8_t what, struct wf_str bytes)
{
    struct side *from = &sides[what & 1], *to = &sides[1 - (what & 1)];
    struct wf_buf message = from->out;

    wf_buf_init(&from->out, SIZE_MAX);
    if (message.len == 0 && from->s.state == WF_SEALED_OPEN) {
        const char n = (char)from->n_said++;
        assert(wf_sealed_session_seal(&from->s, WF_LINK_REQUESTS, wf_str_n(&n, 1), &message,
                                      NULL) == 0);
        wf_sealed_session_sent(&from->s, WF_LINK_REQUESTS);
    }
    if ((what & 6) == 2)
        change(&message, bytes);
    if ((what & 6) == 4)
        give(to, WF_LINK_REQUESTS + (what >> 3) % WF_SEALED_CHANNELS, bytes);
    else if (message.len > 0)
        give(to, WF_LINK_REQUESTS, wf_buf_str(&message));
    wf_buf_deinit(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct side sides[2];
    const uint8_t *at = data;
    size_t n = size;

    if (sodium_init() < 0)
        return 0;
    memset(sides, 0, sizeof(sides));
    begin(sides);
    while (n >= 2) {
        const uint8_t what = at[0], len = at[1];
        at += 2;
        n -= 2;
        step(sides, what, cut(&at, &n, (what & 6) == 0 ? 0 : len));
    }
    for (unsigned i = 0; i < 2; i++) {
        wf_sealed_session_end(&sides[i].s);
        wf_buf_deinit(&sides[i].out);
    }
    return 0;
}
