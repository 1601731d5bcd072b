/* SPDX-License-Identifier: Apache-2.0 */
/* Implements relayed.h. */
#include "support/relayed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "mesh/pass.h"

struct relayed_device relayed[RELAYED_DEVICES + 1];
struct wf_device relayed_relay;

static struct wf_signer owner;
static struct wf_signer_key owner_key;
static uint8_t streams[RELAYED_GROUPS][WF_STREAM_ID_BYTES];

void relayed_fail(const char *what)
{
    (void)fprintf(stderr, "relayed: %s\n", what);
    exit(EXIT_FAILURE);
}

static void seed_of(unsigned n, uint8_t kind, uint8_t out[32])
{
    memset(out, 0, 32);
    out[0] = kind;
    memcpy(out + 1, &n, sizeof(n));
}

void relayed_make(bool has_tls)
{
    uint8_t seed[32], secret[64];

    if (sodium_init() < 0)
        relayed_fail("no random numbers");
    for (unsigned i = 0; i <= RELAYED_DEVICES; i++) {
        struct relayed_device *d = &relayed[i];
        seed_of(i, 1, seed);
        wf_signer_from_seed(seed, &d->key, &d->signer);
        seed_of(i, 2, d->seed);
        if (!has_tls)
            memcpy(d->transport, d->seed, sizeof(d->transport));
        else if (crypto_sign_seed_keypair(d->transport, secret, d->seed) != 0)
            relayed_fail("no key");
    }
    for (unsigned g = 0; g < RELAYED_GROUPS; g++)
        memcpy(streams[g], &g, sizeof(g));
    seed_of(0, 3, seed);
    wf_signer_from_seed(seed, &owner_key, &owner);
    seed_of(0, 4, seed);
    wf_signer_from_seed(seed, &relayed_relay._key, &relayed_relay.signer);
}

void relayed_list(void *ud, struct wf_devices *out)
{
    const struct relayed_device *own = &relayed[RELAYED_DEVICES];
    struct wf_devices_entry e = {.clearance = WF_LABEL_PRIVATE, .added_ms = 1};
    int rc;

    (void)ud;
    memset(out, 0, sizeof(*out));
    memset(e.node, 1, sizeof(e.node));
    wf_devices_begin(out, owner.id, e.node, 1);
    memcpy(e.device, own->signer.id, sizeof(e.device));
    memcpy(e.transport, own->transport, sizeof(e.transport));
    (void)snprintf(e.name, sizeof(e.name), "laptop");
    rc = wf_devices_add(out, &e, NULL);
    memset(e.node, 2, sizeof(e.node));
    memcpy(e.device, relayed_relay.signer.id, sizeof(e.device));
    memset(e.transport, 8, sizeof(e.transport));
    e.roles = WF_ROLE_RELAY | WF_ROLE_CIPHER;
    (void)snprintf(e.name, sizeof(e.name), "relay");
    if (rc != 0 || wf_devices_add(out, &e, NULL) != 0 || wf_devices_sign(out, &owner, NULL) != 0)
        relayed_fail("no list of devices");
}

void relayed_pass(unsigned group, struct wf_buf *out)
{
    struct wf_sync_message m = {.kind = WF_SYNC_PASS};
    struct wf_pass_holder holders[RELAYED_GROUP];
    struct wf_buf pass;

    for (unsigned i = 0; i < RELAYED_GROUP; i++) {
        const struct relayed_device *d = &relayed[group * RELAYED_GROUP + i];
        holders[i] = (struct wf_pass_holder){.flags = WF_PASS_WRITES};
        memcpy(holders[i].transport, d->transport, sizeof(holders[i].transport));
        memcpy(holders[i].device, d->signer.id, sizeof(holders[i].device));
    }
    wf_buf_init(&pass, WF_PASS_BYTES_MAX);
    if (wf_pass_write(streams[group], 1, holders, RELAYED_GROUP, &relayed[RELAYED_DEVICES].signer,
                      &pass, NULL) != 0)
        relayed_fail("no pass");
    m.bytes = wf_buf_str(&pass);
    if (wf_sync_message_write(&m, out) != 0)
        relayed_fail("no memory");
    wf_buf_deinit(&pass);
}

void relayed_batch(unsigned device, size_t n_content, struct wf_buf *out)
{
    static const char content[4096];
    const struct wf_sync_message m = {.kind = WF_SYNC_BATCHES, .bytes = WF_STR("")};
    struct relayed_device *d = &relayed[device];
    struct wf_batch_place at = {.number = d->number + 1};
    struct wf_space_key key = {.key = {5}};
    struct wf_buf b;

    wf_space_key_name(&key);
    memcpy(at.stream, streams[device / RELAYED_GROUP], sizeof(at.stream));
    memcpy(at.prev, d->hash, sizeof(at.prev));
    wf_buf_init(&b, 1 << 20);
    if (n_content > sizeof(content) ||
        wf_batch_write(&at, &key, &d->signer, NULL, wf_str_n(content, n_content), &b, d->hash,
                       NULL) != 0)
        relayed_fail("no batch");
    d->number++;
    (void)wf_sync_message_write(&m, out);
    if (wf_sync_batch_write(wf_buf_str(&b), out) != 0)
        relayed_fail("no memory");
    wf_buf_deinit(&b);
}

void relayed_hello(unsigned device, struct wf_buf *out, size_t *out_second)
{
    struct wf_sync_message hello = {.kind = WF_SYNC_HELLO, .version = WF_SYNC_VERSION};
    const struct wf_sync_message none = {.kind = WF_SYNC_HEADS, .bytes = WF_STR("")};

    memcpy(hello.device, relayed[device].signer.id, sizeof(hello.device));
    (void)wf_sync_message_write(&hello, out);
    *out_second = out->len;
    if (wf_sync_message_write(&none, out) != 0)
        relayed_fail("no memory");
}

static unsigned device_by_id(const uint8_t id[WF_SIGNER_ID_BYTES], unsigned group)
{
    for (unsigned i = group * RELAYED_GROUP; i < (group + 1) * RELAYED_GROUP; i++) {
        if (memcmp(relayed[i].signer.id, id, WF_SIGNER_ID_BYTES) == 0)
            return i;
    }
    relayed_fail("a batch of somebody else");
    return 0;
}

void relayed_answer(unsigned device, const struct wf_sync_message *m, struct wf_buf *out,
                    relayed_fn fn)
{
    const struct wf_sync_message heads = {.kind = WF_SYNC_HEADS, .bytes = WF_STR("")};
    struct wf_str bytes;
    size_t at = 0;

    (void)wf_sync_message_write(&heads, out);
    while (wf_sync_batches_next(m, &at, &bytes)) {
        struct wf_sync_head h = {.last = 0};
        struct wf_batch b;
        if (wf_batch_read(bytes, &b, NULL) != 0)
            relayed_fail("no batch came");
        memcpy(h.log.stream, b.stream, sizeof(h.log.stream));
        memcpy(h.log.device, b.device, sizeof(h.log.device));
        memcpy(h.hash, b.hash, sizeof(h.hash));
        h.last = b.number;
        if (wf_sync_head_write(&h, out) != 0)
            relayed_fail("no memory");
        fn(device_by_id(b.device, device / RELAYED_GROUP), b.number);
    }
}
