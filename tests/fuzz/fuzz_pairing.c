/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing with one of the two hostile, who knows the code or not: the input is a list of changes
 * of messages on their way (number, place, bytes put there), or whole messages in their place.
 * Nobody crashes; nobody is half paired; who does not get the code right gets nothing. Also the
 * question whether a list was taken, and words of a recovery phrase. */
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/phrase.h"
#include "support/paired.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *rest;
static size_t n_rest;

static uint8_t take(void)
{
    if (n_rest == 0)
        return 0;
    n_rest--;
    return *rest++;
}

/* One change: kind and message's number, place, length, bytes. */
static bool change(void *ud, unsigned i, struct wf_buf *message)
{
    (void)ud;
    while (n_rest > 0 && (rest[0] & 15u) == i) {
        uint8_t kind = take() >> 4, at = take(), n = take();
        if (kind == 0)
            return false;
        if (kind < 4)
            wf_buf_truncate(message, kind == 1 ? 0 : WF_MIN(message->len, (size_t)at));
        for (; n > 0 && n_rest > 0; n--, at++) {
            if (kind < 4 || at >= message->len)
                wf_buf_append_byte(message, (char)take());
            else
                message->ptr[at] = (char)take();
        }
        if (message->len == 0)
            wf_buf_append_byte(message, 0);
    }
    return true;
}

static void check_phrase(const uint8_t *data, size_t size)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES], again[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES];

    if (wf_phrase_read(wf_str_n((const char *)data, size), secret, NULL) != 0)
        return;
    wf_phrase_write(secret, text);
    int rc = wf_phrase_read(wf_str_from(text), again, NULL);
    assert(rc == 0);
    assert(memcmp(secret, again, sizeof(secret)) == 0);
}

static bool is_in(const struct wf_devices *d, const struct paired_side *s)
{
    return d->version != 0 && wf_devices_by_node(d, s->who.entry.node) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct paired_world w;
    struct wf_str all = wf_str_n((const char *)data, size);
    struct wf_buf answer;
    bool knows;

    if (size == 0 || sodium_init() < 0)
        return 0;
    check_phrase(data, size);
    knows = data[0] & 1;
    paired_init(&w, 1);
    wf_buf_init(&answer, 1000);
    (void)!wf_pairing_answer(&w.shower.held, w.joiner.who.entry.transport, all, &answer);
    (void)!wf_pairing_answered(&w.shower.held, all);
    wf_buf_deinit(&answer);
    rest = data + 1;
    n_rest = size - 1;
    if (paired_begin(&w, "123456", knows ? "123456" : "654321", NULL) == 0)
        paired_run(&w, change, NULL);
    if (is_in(&w.shower.held, &w.joiner))
        assert(w.joiner.kept.version != 0 || w.joiner.held.version != 0);
    if (w.joiner.held.version != 0)
        assert(is_in(&w.shower.held, &w.joiner));
    if (!knows)
        assert(w.joiner.held.version + w.joiner.kept.version == 0 && w.n_used == 0);
    paired_end(&w);
    return 0;
}
