/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of a pairing over memory: what a test may put into its way is in paired.h. */
#include "support/paired.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

/* A certificate in the form of privacy/node.h, by a key that is not in a file. */
static void certify(const struct wf_node_key *node, const char *magic, const char *purpose,
                    const uint8_t key[32], uint8_t out[WF_NODE_CERT_BYTES])
{
    memset(out, 0, WF_NODE_CERT_BYTES);
    memcpy(out, magic, 8);
    memcpy(out + 16, key, 32);
    memcpy(out + 48, node->pub, 32);
    wf_node_sign(node, wf_str_from(purpose), wf_str_n((const char *)out, 80), out + 80);
}

static void make_side(struct paired_world *w, struct paired_side *s, const char *name)
{
    struct wf_devices_entry *e = &s->who.entry;
    struct wf_node_key node;
    uint8_t seed[32];

    w->rng.rng.fill(w->rng.rng.ud, seed, sizeof(seed));
    (void)crypto_sign_seed_keypair(node.pub, node._secret, seed);
    w->rng.rng.fill(w->rng.rng.ud, seed, sizeof(seed));
    wf_signer_from_seed(seed, &s->device_key, &s->device);
    memcpy(e->node, node.pub, 32);
    memcpy(e->device, s->device.id, 32);
    w->rng.rng.fill(w->rng.rng.ud, e->transport, 32);
    snprintf(e->name, sizeof(e->name), "%s", name);
    certify(&node, "WFDCERT1", "device", e->device, s->who.device_cert);
    certify(&node, "WFTCERT1", "transport", e->transport, s->who.transport_cert);
    s->world = w;
}

void paired_init(struct paired_world *w, uint64_t seed)
{
    struct wf_devices *d = &w->shower.held;
    uint8_t owner[32];
    struct wf_devices_entry e;

    memset(w, 0, sizeof(*w));
    wf_rng_seeded_init(&w->rng, seed);
    w->rng.rng.fill(w->rng.rng.ud, owner, sizeof(owner));
    wf_signer_from_seed(owner, &w->owner_key, &w->owner);
    make_side(w, &w->shower, "laptop");
    make_side(w, &w->joiner, "phone");
    wf_devices_begin(d, w->owner.id, w->shower.who.entry.node, NOW);
    e = w->shower.who.entry;
    e.clearance = WF_LABEL_PRIVATE;
    if (wf_devices_add(d, &e, NULL) != 0 || wf_devices_sign(d, &w->owner, NULL) != 0)
        abort();
}

/* ---- seams ---- */

static int count_try(void *ud, unsigned *out_wait_s, struct wf_err *err)
{
    struct paired_world *w = ((struct paired_side *)ud)->world;

    w->n_tries++;
    *out_wait_s = 42;
    return w->refuse_try == 0 ? 0 : wf_err_set(err, w->refuse_try, "Not now.");
}

static void used(void *ud)
{
    ((struct paired_side *)ud)->world->n_used++;
}

static int offer(void *ud, const struct wf_devices_entry *joiner, const struct wf_devices *theirs,
                 struct wf_devices *out, struct wf_err *err)
{
    struct paired_side *s = ud;
    struct wf_devices_entry e = *joiner;
    int rc = 0;

    e.added_ms = NOW;
    e.clearance = wf_node_tier_clearance(e.tier);
    *out = s->held;
    if (theirs != NULL && wf_devices_compare(out, theirs) == WF_DEVICES_OLDER)
        *out = *theirs;
    if (theirs != NULL && wf_devices_compare(out, theirs) == WF_DEVICES_FORKED)
        rc = wf_devices_mend(out, theirs, err);
    if (rc == 0)
        wf_devices_begin(out, s->held.owner, s->who.entry.node, NOW);
    if (rc == 0)
        rc = wf_devices_add(out, &e, err);
    return rc == 0 ? wf_devices_sign(out, &s->world->owner, err) : rc;
}

static int hold(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    struct paired_side *s = ud;

    if (s->world->refuse_file != 0)
        return wf_err_set(err, s->world->refuse_file, "The disk is full.");
    s->held = *list;
    s->kept.version = 0;
    return 0;
}

static int keep(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    struct paired_side *s = ud;

    if (s->world->refuse_file != 0)
        return wf_err_set(err, s->world->refuse_file, "The disk is full.");
    s->kept = *list;
    return 0;
}

/* ---- both machines ---- */

static int make(struct paired_world *w, struct paired_side *s, struct paired_side *other,
                const char *secret, const char *fingerprint, struct wf_pairing **out)
{
    struct wf_pairing_options o = {
        .is_joiner = s == &w->joiner,
        .typed = wf_str_from(w->is_scanned ? "" : secret),
        .scanned = wf_str_from(w->is_scanned ? secret : ""),
        .who = &s->who,
        .device = &s->device,
        .list = s->held.version != 0 ? &s->held : NULL,
        .fingerprint = fingerprint,
        .seams = {.rng = &w->rng.rng,
                  .count_try = count_try,
                  .used = used,
                  .offer = offer,
                  .commit = hold,
                  .keep = keep,
                  .take = hold,
                  .ud = s},
    };

    memcpy(o.peer, other->who.entry.transport, sizeof(o.peer));
    return wf_pairing_new(&o, out, NULL);
}

int paired_begin(struct paired_world *w, const char *shown, const char *typed,
                 const char *fingerprint)
{
    int rc = make(w, &w->shower, &w->joiner, shown, NULL, &w->s);

    w->s_err = w->j_err = (struct wf_err)WF_ERR_INIT;
    return rc == 0 ? make(w, &w->joiner, &w->shower, typed, fingerprint, &w->j) : rc;
}

void paired_end(struct paired_world *w)
{
    wf_pairing_free(w->s);
    wf_pairing_free(w->j);
    w->s = w->j = NULL;
}

unsigned paired_run(struct paired_world *w, paired_change *change, void *ud)
{
    struct wf_buf a, b, *message = &a, *answer = &b, *tmp;
    bool to_shower = true;
    unsigned i = 0;

    wf_buf_init(&a, WF_PAIRING_MESSAGE_BYTES + 64);
    wf_buf_init(&b, WF_PAIRING_MESSAGE_BYTES + 64);
    if (wf_pairing_start(w->j, message, &w->j_err) != 0)
        wf_buf_reset(message);
    while (message->len > 0) {
        if (change != NULL && !change(ud, i, message))
            break;
        i++;
        (void)!wf_pairing_step(to_shower ? w->s : w->j, wf_buf_str(message), answer,
                               to_shower ? &w->s_err : &w->j_err); /* the errs tell */
        tmp = message, message = answer, answer = tmp;
        to_shower = !to_shower;
    }
    wf_buf_deinit(&a);
    wf_buf_deinit(&b);
    return i;
}
