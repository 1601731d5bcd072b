/* SPDX-License-Identifier: Apache-2.0 */
/* Passes: reading, writing, looking. */
#include "mesh/pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAGIC "WFPASS1\n"
#define PURPOSE WF_STR("pass 1")
#define AT_STREAM 8
#define AT_VERSION 24
#define AT_DEVICE 32
#define AT_N 64
#define AT_HOLDERS 66

_Static_assert(sizeof(struct wf_pass_holder) == WF_PASS_HOLDER_BYTES, "as it is written");

static int no_pass(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "Another node sent what is no pass for a stream.");
}

int wf_pass_read(struct wf_str bytes, struct wf_pass *out, struct wf_err *err)
{
    const uint8_t *b = (const uint8_t *)bytes.ptr;
    size_t n;

    if (bytes.len < AT_HOLDERS + WF_SIGNATURE_BYTES || memcmp(b, MAGIC, sizeof(MAGIC) - 1) != 0)
        return no_pass(err);
    n = (size_t)b[AT_N] | (size_t)b[AT_N + 1] << 8;
    if (n > WF_PASS_HOLDERS_MAX ||
        bytes.len != AT_HOLDERS + n * WF_PASS_HOLDER_BYTES + WF_SIGNATURE_BYTES)
        return no_pass(err);
    *out = (struct wf_pass){.n_holders = n, ._holders = b + AT_HOLDERS, .bytes = bytes};
    memcpy(out->stream, b + AT_STREAM, sizeof(out->stream));
    memcpy(out->device, b + AT_DEVICE, sizeof(out->device));
    for (size_t i = 0; i < 8; i++)
        out->version |= (uint64_t)b[AT_VERSION + i] << (8 * i);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *h = out->_holders + i * WF_PASS_HOLDER_BYTES;
        if ((h[2 * WF_PASS_KEY_BYTES] & ~WF_PASS_WRITES) != 0 ||
            (i > 0 && memcmp(h - WF_PASS_HOLDER_BYTES, h, WF_PASS_KEY_BYTES) >= 0))
            return no_pass(err);
    }
    return 0;
}

bool wf_pass_is_signed(const struct wf_pass *p)
{
    const size_t n = p->bytes.len - WF_SIGNATURE_BYTES;

    return wf_signer_is_signed(p->device, PURPOSE, wf_str_n(p->bytes.ptr, n),
                               (const uint8_t *)p->bytes.ptr + n);
}

/* Of two with one version it does not matter which, as long as it is the same everywhere. */
bool wf_pass_prefers_second(const struct wf_pass *a, const struct wf_pass *b)
{
    const size_t n = WF_MIN(a->bytes.len, b->bytes.len);
    int order;

    if (a->version != b->version)
        return b->version > a->version;
    order = memcmp(a->bytes.ptr, b->bytes.ptr, n);
    return order != 0 ? order < 0 : b->bytes.len > a->bytes.len;
}

/* ---- looking ---- */

void wf_pass_holder(const struct wf_pass *p, size_t i, struct wf_pass_holder *out)
{
    memcpy(out, p->_holders + i * WF_PASS_HOLDER_BYTES, sizeof(*out));
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, WF_PASS_KEY_BYTES);
}

bool wf_pass_by_transport(const struct wf_pass *p, const uint8_t transport[WF_PASS_KEY_BYTES],
                          struct wf_pass_holder *out)
{
    const uint8_t *h = bsearch(transport, p->_holders, p->n_holders, WF_PASS_HOLDER_BYTES, compare);

    if (h != NULL && out != NULL)
        memcpy(out, h, sizeof(*out));
    return h != NULL;
}

bool wf_pass_by_device(const struct wf_pass *p, const uint8_t device[WF_PASS_KEY_BYTES],
                       struct wf_pass_holder *out)
{
    for (size_t i = 0; i < p->n_holders; i++) {
        const uint8_t *h = p->_holders + i * WF_PASS_HOLDER_BYTES;
        if (memcmp(h + WF_PASS_KEY_BYTES, device, WF_PASS_KEY_BYTES) != 0)
            continue;
        if (out != NULL)
            memcpy(out, h, sizeof(*out));
        return true;
    }
    return false;
}

/* ---- writing ---- */

int wf_pass_write(const uint8_t stream[WF_STREAM_ID_BYTES], uint64_t version,
                  struct wf_pass_holder *holders, size_t n, const struct wf_signer *device,
                  struct wf_buf *out, struct wf_err *err)
{
    const size_t start = out->len;
    uint8_t signature[WF_SIGNATURE_BYTES], number[8];
    size_t n_kept = 0;
    int rc;

    if (n > 0)
        qsort(holders, n, sizeof(*holders), compare);
    for (size_t i = 0; i < n; i++) {
        if (n_kept == 0 || compare(&holders[n_kept - 1], &holders[i]) != 0)
            holders[n_kept++] = holders[i];
    }
    if (n_kept > WF_PASS_HOLDERS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "More than %d devices may have one stream.",
                          WF_PASS_HOLDERS_MAX);
    for (size_t i = 0; i < 8; i++)
        number[i] = (uint8_t)(version >> (8 * i));
    (void)wf_buf_append(out, MAGIC, sizeof(MAGIC) - 1); /* the status is looked at below */
    (void)wf_buf_append(out, stream, WF_STREAM_ID_BYTES);
    (void)wf_buf_append(out, number, sizeof(number));
    (void)wf_buf_append(out, device->id, sizeof(device->id));
    (void)wf_buf_append_byte(out, (char)n_kept);
    (void)wf_buf_append_byte(out, (char)(n_kept >> 8));
    if (n_kept > 0)
        (void)wf_buf_append(out, holders, n_kept * sizeof(*holders));
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Not enough memory for a pass.");
    rc = device->sign(device->ud, PURPOSE, wf_str_n(out->ptr + start, out->len - start), signature,
                      err);
    if (rc == 0 && wf_buf_append(out, signature, sizeof(signature)) != 0)
        rc = wf_err_set(err, wf_buf_status(out), "Not enough memory for a pass.");
    return rc;
}
