/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's answers, and core's way to it. Both sides hold the other for hostile: lengths are
 * exact, and core takes no sentence of a keeper that is not printable. */
#include "mesh/keeper.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/identity.h"
#include "os/file.h"
#include "os/sock.h"
#include "privacy/node.h"

#define WAIT_MS 10000 /* files are synced in between */

enum request {
    REQUEST_IDENTITY = 1,
    REQUEST_OWNER = 2,
    REQUEST_SIGN = 3
};

#define IDENTITY_BYTES (WF_DEVICES_KEY_BYTES + 2 * WF_NODE_CERT_BYTES)
#define OWNER_BYTES (WF_DEVICES_KEY_BYTES + 1)

/* ---- answers ---- */

static int identity(const struct wf_keeper_folders *at, struct wf_str body, int64_t now_ms,
                    struct wf_buf *out, struct wf_err *err)
{
    const uint8_t *keys = (const uint8_t *)body.ptr;
    uint8_t bytes[IDENTITY_BYTES];
    int rc;

    if (body.len != 2 * (size_t)WF_DEVICES_KEY_BYTES)
        return wf_err_set(err, WF_E_INVAL, "No such request.");
    rc = wf_node_certify(at->node, WF_NODE_DEVICE, keys, now_ms, bytes + WF_DEVICES_KEY_BYTES, err);
    if (rc == 0)
        rc = wf_node_certify(at->node, WF_NODE_TRANSPORT, keys + WF_DEVICES_KEY_BYTES, now_ms,
                             bytes + WF_DEVICES_KEY_BYTES + WF_NODE_CERT_BYTES, err);
    if (rc == 0)
        rc = wf_node_public(at->node, bytes, err);
    return rc == 0 ? wf_buf_append(out, bytes, sizeof(bytes)) : rc;
}

static int owner(const struct wf_keeper_folders *at, struct wf_str body, struct wf_buf *out,
                 struct wf_err *err)
{
    uint8_t bytes[OWNER_BYTES] = {0};
    struct wf_err own = WF_ERR_INIT;
    struct wf_identity k;
    int rc;

    if (body.len != 1 || (unsigned char)body.ptr[0] > 1)
        return wf_err_set(err, WF_E_INVAL, "No such request.");
    rc = wf_identity_open(at->owner, &k, &own);
    if (rc == WF_E_NOENT && body.ptr[0] == 1) {
        rc = wf_identity_make(at->owner, err);
        if (rc == 0)
            rc = wf_identity_open(at->owner, &k, err);
        if (rc != 0)
            return rc;
    }
    if (rc == 0) {
        memcpy(bytes, k.signer.id, sizeof(k.signer.id));
        bytes[WF_DEVICES_KEY_BYTES] = wf_identity_paper_waits(at->owner);
        wf_identity_forget(&k);
    } else if (rc != WF_E_NOENT) {
        return wf_err_set(err, rc, "%s", own.msg);
    }
    return wf_buf_append(out, bytes, sizeof(bytes));
}

static int sign(const struct wf_keeper_folders *at, struct wf_str body, struct wf_buf *out,
                struct wf_err *err)
{
    struct wf_devices d;
    struct wf_identity k;
    int rc = wf_devices_read_unsigned(body, &d, NULL);

    if (rc != 0)
        return wf_err_set(err, WF_E_INVAL, "That is no list of devices.");
    rc = wf_identity_open(at->owner, &k, err);
    if (rc != 0)
        return rc;
    if (memcmp(d.owner, k.signer.id, sizeof(d.owner)) != 0)
        rc = wf_err_set(err, WF_E_DENIED, "The list of devices is another owner's.");
    else
        rc = wf_devices_sign(&d, &k.signer, err);
    wf_identity_forget(&k);
    return rc == 0 ? wf_buf_append(out, d.signature, sizeof(d.signature)) : rc;
}

int wf_keeper_answer(const struct wf_keeper_folders *at, struct wf_str request, int64_t now_ms,
                     struct wf_buf *out)
{
    struct wf_str body = wf_str_sub(request, 1, request.len);
    struct wf_err err = WF_ERR_INIT;
    size_t start = out->len;
    int rc;

    wf_buf_append_byte(out, 0); /* the status is looked at below */
    switch (request.len > 0 ? (unsigned char)request.ptr[0] : 0) {
    case REQUEST_IDENTITY:
        rc = identity(at, body, now_ms, out, &err);
        break;
    case REQUEST_OWNER:
        rc = owner(at, body, out, &err);
        break;
    case REQUEST_SIGN:
        rc = sign(at, body, out, &err);
        break;
    default:
        rc = wf_err_set(&err, WF_E_INVAL, "No such request.");
    }
    if (rc != 0) {
        wf_buf_truncate(out, start);
        wf_buf_append_byte(out, 1);
        wf_buf_append_byte(out, (char)-rc);
        wf_buf_append_cstr(out, err.msg);
    }
    return wf_buf_status(out);
}

void wf_keeper_serve(const struct wf_keeper_folders *at, int fd)
{
    struct wf_buf in, out;
    bool is_end = false;
    int rc = 0;

    wf_buf_init(&in, WF_KEEPER_BYTES_MAX);
    wf_buf_init(&out, WF_KEEPER_BYTES_MAX);
    /* All of it at once: memory that is short later fails an answer, not the keeper. */
    rc = wf_buf_reserve(&in, WF_KEEPER_BYTES_MAX);
    if (rc == 0)
        rc = wf_buf_reserve(&out, WF_KEEPER_BYTES_MAX);
    while (rc == 0) {
        rc = wf_sock_recv_frame(fd, &in, NULL, &is_end, 0, NULL);
        if (rc != 0 || is_end)
            break;
        wf_buf_reset(&out);
        rc = wf_keeper_answer(at, wf_buf_str(&in), wf_clock_wall_ms(NULL), &out);
        if (rc == 0)
            rc = wf_sock_send_frame(fd, out.ptr, out.len, -1, WAIT_MS, NULL);
    }
    wf_buf_deinit(&in);
    wf_buf_deinit(&out);
}

/* ---- core's side ---- */

struct wf_keeper {
    pthread_mutex_t lock; /* all below: one request at a time */
    int fd;               /* -1: it is gone */
    struct wf_buf answer; /* has all its memory from the start, as the keeper's own */
};

int wf_keeper_new(int fd, struct wf_keeper **out, struct wf_err *err)
{
    struct wf_keeper *k = wf_alloc_array(1, sizeof(*k));

    if (k == NULL) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    (void)pthread_mutex_init(&k->lock, NULL); /* cannot fail with default attributes */
    k->fd = fd;
    wf_buf_init(&k->answer, WF_KEEPER_BYTES_MAX);
    if (wf_buf_reserve(&k->answer, WF_KEEPER_BYTES_MAX) != 0) {
        wf_keeper_free(k);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    *out = k;
    return 0;
}

void wf_keeper_free(struct wf_keeper *k)
{
    if (k == NULL)
        return;
    wf_file_close(&k->fd);
    wf_buf_deinit(&k->answer);
    (void)pthread_mutex_destroy(&k->lock);
    wf_free(k);
}

/* An answer that says no. */
static int refused(struct wf_buf *answer, struct wf_err *err)
{
    if (answer->len < 2 || answer->ptr[0] != 1 || answer->ptr[1] < 1 || -answer->ptr[1] < WF_E_FULL)
        return wf_err_set(err, WF_E_CRASHED, "The keeper of the keys does not answer sensibly.");
    wf_str_make_printable(answer->ptr + 2, answer->len - 2);
    return wf_err_set(err, -(int)(unsigned char)answer->ptr[1], "%.*s", (int)(answer->len - 2),
                      answer->ptr + 2);
}

/* Sends the request and takes an answer of n bytes. */
static int ask(struct wf_keeper *k, struct wf_str request, uint8_t *out, size_t n,
               struct wf_err *err)
{
    bool is_end = false;
    int rc;

    pthread_mutex_lock(&k->lock);
    rc = k->fd < 0 ? WF_E_IO
                   : wf_sock_send_frame(k->fd, request.ptr, request.len, -1, WAIT_MS, NULL);
    if (rc == 0)
        rc = wf_sock_recv_frame(k->fd, &k->answer, NULL, &is_end, WAIT_MS, NULL);
    if (rc != 0 || is_end)
        wf_file_close(&k->fd); /* an answer that comes late would be taken for the next */
    if (rc != 0 || is_end)
        rc = wf_err_set(err, WF_E_CRASHED,
                        "The process that keeps the keys is gone. Start weft anew.");
    else if (k->answer.len != n + 1 || k->answer.ptr[0] != 0)
        rc = refused(&k->answer, err);
    else
        memcpy(out, k->answer.ptr + 1, n);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

int wf_keeper_identity(struct wf_keeper *k, struct wf_pairing_who *io, struct wf_err *err)
{
    uint8_t request[1 + 2 * WF_DEVICES_KEY_BYTES], bytes[IDENTITY_BYTES];
    int rc;

    request[0] = REQUEST_IDENTITY;
    memcpy(request + 1, io->entry.device, WF_DEVICES_KEY_BYTES);
    memcpy(request + 1 + WF_DEVICES_KEY_BYTES, io->entry.transport, WF_DEVICES_KEY_BYTES);
    rc = ask(k, wf_str_n((const char *)request, sizeof(request)), bytes, sizeof(bytes), err);
    if (rc != 0)
        return rc;
    memcpy(io->entry.node, bytes, WF_DEVICES_KEY_BYTES);
    memcpy(io->device_cert, bytes + WF_DEVICES_KEY_BYTES, WF_NODE_CERT_BYTES);
    memcpy(io->transport_cert, bytes + WF_DEVICES_KEY_BYTES + WF_NODE_CERT_BYTES,
           WF_NODE_CERT_BYTES);
    return 0;
}

int wf_keeper_owner(struct wf_keeper *k, bool make, struct wf_keeper_owner *out, struct wf_err *err)
{
    const char request[2] = {REQUEST_OWNER, make};
    uint8_t bytes[OWNER_BYTES] = {0};
    int rc = ask(k, wf_str_n(request, sizeof(request)), bytes, sizeof(bytes), err);

    if (rc != 0)
        return rc;
    memcpy(out->id, bytes, sizeof(out->id));
    out->is_there = !sodium_is_zero(bytes, WF_DEVICES_KEY_BYTES);
    out->paper_waits = bytes[WF_DEVICES_KEY_BYTES] == 1;
    return 0;
}

int wf_keeper_sign(struct wf_keeper *k, struct wf_devices *io, struct wf_err *err)
{
    struct wf_buf request;
    int rc;

    wf_buf_init(&request, WF_KEEPER_BYTES_MAX);
    wf_buf_append_byte(&request, REQUEST_SIGN);
    rc = wf_devices_write_unsigned(io, &request);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory.");
    else
        rc = ask(k, wf_buf_str(&request), io->signature, sizeof(io->signature), err);
    wf_buf_deinit(&request);
    return rc;
}
