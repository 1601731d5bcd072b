/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of strangers: any bytes are scanned, with an effort that is bounded; every flag lies
 * within them; the same answer gets the same flags. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "privacy/inbound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_inbound *in;
    static struct wf_inbound_run *run;
    const struct wf_str redacted[] = {WF_STR("Anna Schmidt")};
    const struct wf_pii found = {.end = size < 9 ? size : 9, .type = "JWT", .score = 0.9F};
    struct wf_inbound_ask ask = {.answer = wf_str_n((const char *)data, size),
                                 .found = {&found, size > 0},
                                 .data = redacted,
                                 .n_data = 1};
    const struct wf_inbound_flag *flags;
    size_t n = 0, again = 0;

    if (in == NULL && (wf_inbound_open(&in, NULL) != 0 || wf_inbound_run_new(in, &run, NULL) != 0))
        abort();
    if (wf_inbound_scan(run, &ask, &flags, &n, NULL) != 0)
        return 0;
    assert(size == 0 || n > 0);
    for (size_t i = 0; i < n; i++) {
        assert(flags[i].start < flags[i].end && flags[i].end <= size);
        assert(flags[i].kind < WF_INBOUND_COUNT && flags[i].reason[0] != '\0');
        assert(flags[i].score > 0 && flags[i].score <= 1);
        assert(i == 0 || flags[i - 1].start <= flags[i].start);
    }
    assert(wf_inbound_scan(run, &ask, &flags, &again, NULL) == 0 && again == n);
    /* and beside what was asked: its first half, so that addresses stand there, too */
    ask.sent = wf_str_sub(ask.answer, 0, size / 2);
    if (wf_inbound_scan(run, &ask, &flags, &n, NULL) != 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        assert(flags[i].start < flags[i].end && flags[i].end <= size);
    return 0;
}
