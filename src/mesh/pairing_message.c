/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of pairing in bytes; fingerprints; and the question whether a list was taken. */
#include <sodium.h>
#include <string.h>

#include "mesh/pairing_internal.h"

/* ---- who ---- */

void wf_pairing__write_who(const struct wf_pairing_who *w, struct wf_buf *out)
{
    const struct wf_devices_entry *e = &w->entry;
    size_t len = strnlen(e->name, WF_DEVICES_NAME_BYTES);

    wf_buf_append(out, e->node, sizeof(e->node)); /* the caller looks at the status */
    wf_buf_append(out, e->device, sizeof(e->device));
    wf_buf_append(out, e->transport, sizeof(e->transport));
    wf_buf_append_byte(out, (char)e->tier);
    wf_buf_append_byte(out, (char)e->roles);
    wf_buf_append_byte(out, (char)len);
    wf_buf_append(out, e->name, len);
    wf_buf_append(out, w->device_cert, sizeof(w->device_cert));
    wf_buf_append(out, w->transport_cert, sizeof(w->transport_cert));
}

static bool cut(struct wf_str *io, void *out, size_t n)
{
    if (io->len < n)
        return false;
    memcpy(out, io->ptr, n);
    *io = wf_str_sub(*io, n, io->len);
    return true;
}

static bool read_fields(struct wf_str *io, struct wf_pairing_who *w)
{
    struct wf_devices_entry *e = &w->entry;
    uint8_t small[3];
    bool is_well = cut(io, e->node, sizeof(e->node)) && cut(io, e->device, sizeof(e->device)) &&
                   cut(io, e->transport, sizeof(e->transport)) && cut(io, small, sizeof(small));

    if (!is_well || small[0] >= WF_NODE_TIER_COUNT || (small[1] & ~WF_ROLES_ALL) != 0 ||
        small[2] > WF_DEVICES_NAME_BYTES || !cut(io, e->name, small[2]))
        return false;
    e->tier = (enum wf_node_tier)small[0];
    e->roles = small[1];
    return wf_devices_is_name(wf_str_n(e->name, small[2])) &&
           cut(io, w->device_cert, sizeof(w->device_cert)) &&
           cut(io, w->transport_cert, sizeof(w->transport_cert));
}

int wf_pairing__read_who(struct wf_str *io, struct wf_pairing_who *out, struct wf_err *err)
{
    struct wf_pairing_who w;

    memset(&w, 0, sizeof(w));
    if (!read_fields(io, &w))
        return wf_err_set(err, WF_E_FORMAT, "The other device says nothing sensible of itself.");
    if (!wf_node_is_certified(WF_NODE_DEVICE, w.device_cert, w.entry.node, w.entry.device) ||
        !wf_node_is_certified(WF_NODE_TRANSPORT, w.transport_cert, w.entry.node, w.entry.transport))
        return wf_err_set(err, WF_E_DENIED, "The other device's keys are not its node's.");
    *out = w;
    return 0;
}

/* ---- the end ---- */

void wf_pairing__write_end(enum wf_pairing_end why, uint32_t number, struct wf_buf *out)
{
    wf_buf_append_byte(out, WF_PAIRING_END);
    wf_buf_append_byte(out, (char)why);
    wf_buf_append_u32le(out, number);
}

enum wf_pairing_end wf_pairing__end_of(int code, bool is_proved, bool is_guest)
{
    switch (code) {
    case WF_E_DENIED:
        return is_proved ? WF_PAIRING_END_FAILED : WF_PAIRING_END_CODE;
    case WF_E_BUSY:
        return is_proved ? WF_PAIRING_END_FAILED : WF_PAIRING_END_WAIT;
    case WF_E_NOENT:
        return is_proved ? WF_PAIRING_END_FAILED : WF_PAIRING_END_NO_CODE;
    case WF_E_EXIST:
        return is_guest ? WF_PAIRING_END_MEMBER : WF_PAIRING_END_OTHER_OWNER;
    case WF_E_UNSUPPORTED:
        return WF_PAIRING_END_VERSION;
    case WF_E_LIMIT:
        return WF_PAIRING_END_FULL;
    case WF_E_INVAL:
        return WF_PAIRING_END_KEYS;
    default:
        return WF_PAIRING_END_FAILED;
    }
}

int wf_pairing__read_end(struct wf_str body, struct wf_err *err)
{
    uint8_t why, n[4];

    if (!cut(&body, &why, 1) || !cut(&body, n, 4) || body.len != 0 || why >= WF_PAIRING_END_COUNT)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of pairing.");
    switch ((enum wf_pairing_end)why) {
    case WF_PAIRING_END_CODE:
        return wf_err_set(err, WF_E_DENIED,
                          "That is not the code that is shown there. Look at it again; another "
                          "try is possible in a minute.");
    case WF_PAIRING_END_WAIT:
        return wf_err_set(err, WF_E_BUSY,
                          "There may be one try a minute, so that nobody can guess the code. Wait "
                          "%u seconds.",
                          WF_MIN((unsigned)n[0] | (unsigned)n[1] << 8, 3600u));
    case WF_PAIRING_END_NO_CODE:
        return wf_err_set(err, WF_E_NOENT,
                          "No code is shown there now: it was used, or is too old. Run weft pair "
                          "--show there again.");
    case WF_PAIRING_END_OTHER_OWNER:
        return wf_err_set(err, WF_E_EXIST,
                          "This device belongs to another owner than that one already. To have it "
                          "join, remove it from the other's first: weft nodes leave.");
    case WF_PAIRING_END_VERSION:
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The two have versions of weft that cannot be paired. Update the older.");
    case WF_PAIRING_END_FULL:
        return wf_err_set(err, WF_E_LIMIT, "There are too many nodes already.");
    case WF_PAIRING_END_KEYS:
        return wf_err_set(err, WF_E_INVAL,
                          "This device uses keys of another node. Was its folder copied? Give it "
                          "a new home.");
    case WF_PAIRING_END_MEMBER:
        return wf_err_set(err, WF_E_EXIST,
                          "You are a member of that space already, or both devices are yours: then "
                          "pair them (weft pair).");
    case WF_PAIRING_END_FAILED:
    case WF_PAIRING_END_COUNT:
        break;
    }
    return wf_err_set(err, WF_E_CANCELED, "The other side ended the pairing. It says why there.");
}

/* ---- fingerprints ---- */

void wf_fingerprint(const uint8_t node[WF_DEVICES_KEY_BYTES], char out[WF_FINGERPRINT_TEXT_BYTES])
{
    static const char word[] = "weft fingerprint", signs[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t hash[16];
    size_t k = 0;

    _Static_assert(sizeof(signs) == 33, "five bits a sign");
    (void)crypto_generichash(hash, sizeof(hash), node, WF_DEVICES_KEY_BYTES, (const uint8_t *)word,
                             sizeof(word) - 1); /* cannot fail */
    for (unsigned i = 0; i < 16; i++) {
        unsigned bit = i * 5;
        unsigned two = (unsigned)hash[bit / 8] << 8 | hash[bit / 8 + 1];
        if (i > 0 && i % 4 == 0)
            out[k++] = '-';
        out[k++] = signs[two >> (11 - bit % 8) & 31u];
    }
    out[k] = 0;
}

/* ---- whether a list was taken ---- */

void wf_pairing_ask(const struct wf_devices *kept, struct wf_buf *out)
{
    uint8_t hash[WF_DEVICES_HASH_BYTES];

    wf_devices_hash(kept, hash);
    wf_buf_append_byte(out, WF_PAIRING_ASK);
    wf_buf_append(out, hash, sizeof(hash));
}

bool wf_pairing_answer(const struct wf_devices *list, const uint8_t peer[WF_DEVICES_KEY_BYTES],
                       struct wf_str message, struct wf_buf *out)
{
    const struct wf_devices_entry *e = wf_devices_by_transport(list, peer);
    uint8_t hash[WF_DEVICES_HASH_BYTES];
    bool is_taken;

    if (message.len != 1 + sizeof(hash) || message.ptr[0] != WF_PAIRING_ASK)
        return false;
    wf_devices_hash(list, hash);
    is_taken = memcmp(hash, message.ptr + 1, sizeof(hash)) == 0;
    for (size_t i = 0; i < list->n_ancestors; i++)
        is_taken |= memcmp(list->ancestors[i].hash, message.ptr + 1, sizeof(hash)) == 0;
    wf_buf_append_byte(out, WF_PAIRING_ANSWER);
    wf_buf_append_byte(out, list->version != 0 && is_taken && e != NULL && e->revoked_ms == 0);
    wf_buf_append(out, message.ptr + 1, sizeof(hash));
    return true;
}

int wf_pairing_answered(const struct wf_devices *kept, struct wf_str message)
{
    uint8_t hash[WF_DEVICES_HASH_BYTES];

    wf_devices_hash(kept, hash);
    if (message.len != 2 + sizeof(hash) || message.ptr[0] != WF_PAIRING_ANSWER ||
        (unsigned char)message.ptr[1] > 1 || memcmp(message.ptr + 2, hash, sizeof(hash)) != 0)
        return 0;
    return message.ptr[1] == 1 ? 1 : -1;
}
