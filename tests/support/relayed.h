/* Relayed: what benches of relays share: devices in spaces of some each, a relay's owner and list,
 * passes, batches, and what a device answers to those that come. Fails by ending the process.
 * Thread rule: that of whoever uses it. */
#ifndef WF_TESTS_RELAYED_H
#define WF_TESTS_RELAYED_H

#include "mesh/devices.h"
#include "mesh/sync_message.h"
#include "space/device.h"

#define RELAYED_DEVICES 1000u
#define RELAYED_GROUP 4u
#define RELAYED_GROUPS (RELAYED_DEVICES / RELAYED_GROUP)

struct relayed_device {
    struct wf_signer signer;
    struct wf_signer_key key;
    uint8_t seed[32]; /* of its transport key */
    uint8_t transport[32];
    uint64_t number; /* of its last batch */
    uint8_t hash[WF_BATCH_HASH_BYTES];
};

extern struct relayed_device relayed[RELAYED_DEVICES + 1]; /* the last one: the relay's owner's */
extern struct wf_device relayed_relay;

void relayed_fail(const char *what);
/* Makes them all; with keys of TLS where those are needed. */
void relayed_make(bool has_tls);
/* As wf_sharing_options' devices: the owner's device, and the relay without keys. */
void relayed_list(void *ud, struct wf_devices *out);
/* Appends messages: a group's pass; a device's next batch of so many bytes of content; hello of a
 * device, and that it has nothing, which are two, the second from *out_second on. */
void relayed_pass(unsigned group, struct wf_buf *out);
void relayed_batch(unsigned device, size_t n_content, struct wf_buf *out);
void relayed_hello(unsigned device, struct wf_buf *out, size_t *out_second);
/* Appends what a device says to a message of batches; fn hears of each: whose, its number. */
typedef void (*relayed_fn)(unsigned from, uint64_t number);
void relayed_answer(unsigned device, const struct wf_sync_message *m, struct wf_buf *out,
                    relayed_fn fn);

#endif
