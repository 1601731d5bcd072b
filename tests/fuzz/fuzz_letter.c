/* SPDX-License-Identifier: Apache-2.0 */
/* Letters with spaces and their keys: whatever a device that may write one says in it is taken
 * whole or not at all. The first byte says who writes: an own device, or that of another person who
 * is expected with a space; the rest is the letter's inside, which the target signs and seals. What
 * one leaves is there for the next; now and then all begins anew. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/people.h"
#include "mesh/sharing_grant.h"
#include "mesh/sharing_internal.h"
#include "support/sharers.h"

#define TAKEN_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sharers world;
static struct wf_signer writers[2]; /* an own device, another person's */
static uint8_t transports[2][WF_DEVICES_KEY_BYTES];
static unsigned n_taken;

static void must(int rc)
{
    if (rc != 0)
        abort();
}

/* Another person, who has said that a space will come. */
static void befriend(void)
{
    static struct wf_signer_key device_key, owner_key;
    static const uint8_t device_seed[32] = {99}, owner_seed[32] = {98};
    static struct wf_devices list;
    struct wf_devices_entry e = {.added_ms = 1, .clearance = WF_LABEL_PRIVATE, .name = "friend"};
    struct wf_signer owner;

    memset(&list, 0, sizeof(list));
    wf_signer_from_seed(device_seed, &device_key, &writers[1]);
    wf_signer_from_seed(owner_seed, &owner_key, &owner);
    e.node[0] = e.transport[0] = transports[1][0] = 200;
    memcpy(e.device, writers[1].id, sizeof(e.device));
    wf_devices_begin(&list, owner.id, e.node, 1);
    must(wf_devices_add(&list, &e, NULL));
    must(wf_devices_sign(&list, &owner, NULL));
    must(wf_people_expect(world.at[0].home.store, &list, INT64_MAX, NULL));
}

static void end(void)
{
    sharers_remove(&world);
}

static void begin(void)
{
    if (world.n != 0)
        end();
    else
        must(atexit(end)); /* its folders */
    sharers_make(&world, 2, false);
    sharer_up(&world.at[0]);
    writers[0] = world.at[1].device.signer;
    memcpy(transports[0], world.devices.entries[1].transport, sizeof(transports[0]));
    befriend();
    must(wf_sharing__read_people(world.at[0].sharing, NULL));
    n_taken = 0;
}

/* Nothing that was begun is left open, and keys belong to spaces. */
static void check(void)
{
    struct sharer *d = &world.at[0];

    if (sharer_ask(d, "SELECT count(*) FROM space_key WHERE space NOT IN (SELECT id FROM space)") !=
            0 ||
        sharer_ask(d, "SELECT count(*) FROM space WHERE id=1") != 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *to = world.at[0].device.signer.id;
    struct wf_sharing_peer p = {.id = 2};
    uint8_t signature[WF_SIGNATURE_BYTES];
    struct wf_signer *from;
    struct wf_buf b, sealed;

    if (size < 1)
        return 0;
    if (world.n == 0 || n_taken >= TAKEN_MAX)
        begin();
    from = &writers[data[0] & 1];
    memcpy(p.key, transports[data[0] & 1], sizeof(p.key));
    wf_buf_init(&b, SIZE_MAX);
    wf_buf_init(&sealed, SIZE_MAX);
    must(wf_buf_append(&b, WF_SHARING_GRANT_MAGIC, sizeof(WF_SHARING_GRANT_MAGIC) - 1));
    must(wf_buf_append(&b, to, WF_SIGNER_ID_BYTES));
    must(wf_buf_append(&b, from->id, WF_SIGNER_ID_BYTES));
    must(wf_buf_append(&b, data + 1, size - 1));
    must(from->sign(from->ud, WF_SHARING_GRANT_PURPOSE, wf_buf_str(&b), signature, NULL));
    must(wf_buf_append(&b, signature, sizeof(signature)));
    must(wf_device_seal(to, wf_buf_str(&b), &sealed, NULL));
    if (wf_sharing__take_letter(world.at[0].sharing, &p, wf_buf_str(&sealed), NULL) == 0) {
        n_taken++;
        check();
    }
    wf_buf_deinit(&b);
    wf_buf_deinit(&sealed);
    return 0;
}
