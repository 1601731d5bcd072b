/* SPDX-License-Identifier: Apache-2.0 */
/* A pass for a relay: what can be read is in its one form, and every holder is found. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(void *ud, struct wf_str purpose, struct wf_str bytes,
                uint8_t out[WF_SIGNATURE_BYTES], struct wf_err *err)
{
    (void)purpose;
    (void)bytes;
    (void)err;
    memcpy(out, ud, WF_SIGNATURE_BYTES);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_pass_holder holders[WF_PASS_HOLDERS_MAX];
    struct wf_signer signer = {.sign = sign};
    uint8_t signature[WF_SIGNATURE_BYTES];
    struct wf_pass_holder found;
    struct wf_pass p;
    struct wf_buf b;

    if (wf_pass_read(wf_str_n((const char *)data, size), &p, NULL) != 0)
        return 0;
    for (size_t i = 0; i < p.n_holders; i++) {
        wf_pass_holder(&p, i, &holders[i]);
        assert(wf_pass_by_transport(&p, holders[i].transport, &found));
        assert(memcmp(&found, &holders[i], sizeof(found)) == 0);
        assert(wf_pass_by_device(&p, holders[i].device, NULL));
    }
    (void)!wf_pass_is_signed(&p);
    assert(!wf_pass_prefers_second(&p, &p));
    memcpy(signature, data + size - sizeof(signature), sizeof(signature));
    memcpy(signer.id, p.device, sizeof(signer.id));
    signer.ud = signature;
    wf_buf_init(&b, WF_PASS_BYTES_MAX);
    assert(wf_pass_write(p.stream, p.version, holders, p.n_holders, &signer, &b, NULL) == 0);
    assert(wf_str_eq(wf_buf_str(&b), p.bytes));
    wf_buf_deinit(&b);
    return 0;
}
