/* Devices: the list of an owner's nodes, signed with the owner's key. Whoever holds the list knows
 * whose keys to take, what each may see, and who is out.
 *
 * Each version names those before it by hash, so that of two lists it is known whether one came
 * out of the other. Where neither did (two devices that both hold the owner's key signed at once,
 * or somebody copied it), that is a fork: it is told, and mended by a version that names both and
 * in which whoever is revoked in one is revoked. The epoch rises with every revocation: the keys of
 * spaces are those of an epoch.
 *
 * A list has one form in bytes. Numbers are little endian; no byte is left over.
 *     0   8  "WFDEVS1\n"
 *     8   8  version, from 1
 *    16   8  time of signing, milliseconds since 1970
 *    24   4  epoch
 *    28  32  the owner's public key
 *    60  32  the node at which it was signed
 *    92   1  ancestors, at most 32; then each: 8 version, 32 hash; ascending
 *         1  entries, at most 128; then each, ascending by node key, which occurs once:
 *            32 node key, 32 device key, 32 transport key, 8 added (ms), 8 revoked (ms; 0: no),
 *            1 tier, 1 clearance, 1 roles, 1 length of the name, the name
 *        64  the owner's signature of all before it, purpose "devices"
 * The hash of a list is BLAKE2b-256 of its bytes without the signature.
 *
 * The struct is plain data without pointers; nothing is allocated. Thread rule: owner. */
#ifndef WF_MESH_DEVICES_H
#define WF_MESH_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "privacy/label.h"

#define WF_DEVICES_KEY_BYTES 32
#define WF_DEVICES_HASH_BYTES 32
/* A person's, a family's, a clinic's; an organisation's are the business of a later list. With it a
 * list fits twice into what a stranger may be sent in pairing. */
#define WF_DEVICES_MAX 128
/* How many versions somebody may be behind and still be sure that nothing forked. */
#define WF_DEVICES_ANCESTORS_MAX 32
#define WF_DEVICES_NAME_BYTES 64
/* The longest list: 94 + 32 * 40 + 128 * (116 + 64) + 64. */
#define WF_DEVICES_BYTES_MAX 24478

/* The values are signed: they stay. */
enum wf_node_tier {
    WF_NODE_TIER_DEVICE = 0, /* in a hand or on a desk */
    WF_NODE_TIER_EDGE = 1,   /* always on, nearby */
    WF_NODE_TIER_CLOUD = 2,  /* rented */
    WF_NODE_TIER_COUNT
};

/* Bits of roles. */
#define WF_ROLE_RELAY (1u << 0)   /* keeps ciphertext for those who sleep */
#define WF_ROLE_COMPUTE (1u << 1) /* runs models for the others */
#define WF_ROLE_CIPHER (1u << 2)  /* gets no keys: what it keeps it cannot read (with RELAY) */
#define WF_ROLES_ALL (WF_ROLE_RELAY | WF_ROLE_COMPUTE | WF_ROLE_CIPHER)

struct wf_devices_entry {
    uint8_t node[WF_DEVICES_KEY_BYTES];
    uint8_t device[WF_DEVICES_KEY_BYTES];
    uint8_t transport[WF_DEVICES_KEY_BYTES];
    int64_t added_ms;
    int64_t revoked_ms; /* 0: it is in */
    enum wf_node_tier tier;
    enum wf_label clearance; /* below secret, which stays where it was made */
    uint8_t roles;
    char name[WF_DEVICES_NAME_BYTES + 1]; /* NUL-terminated UTF-8; of those that are in, unique */
};

struct wf_devices_version {
    uint64_t version;
    uint8_t hash[WF_DEVICES_HASH_BYTES];
};

struct wf_devices {
    uint64_t version; /* 0: no list yet */
    int64_t time_ms;
    uint32_t epoch;
    uint8_t owner[WF_DEVICES_KEY_BYTES];
    uint8_t signed_at[WF_DEVICES_KEY_BYTES]; /* a node */
    size_t n_ancestors;
    struct wf_devices_version ancestors[WF_DEVICES_ANCESTORS_MAX];
    size_t n_entries;
    struct wf_devices_entry entries[WF_DEVICES_MAX];
    uint8_t signature[WF_SIGNATURE_BYTES];
};

/* "device", "edge", "cloud". Static storage; "cloud" for a value out of range. */
const char *wf_node_tier_name(enum wf_node_tier t);
/* false: there is none of that name. */
bool wf_node_tier_parse(struct wf_str name, enum wf_node_tier *out) WF_MUST_USE;
/* What a node of a tier may see unless somebody says otherwise: private where the owner holds it in
 * the hand or has it at home, internal where others have the machine. */
enum wf_label wf_node_tier_clearance(enum wf_node_tier t);

/* Whether a name may be that of a node: 1 to 64 bytes of UTF-8 without control characters, line
 * breaks, '/', or space at its ends. */
bool wf_devices_is_name(struct wf_str name) WF_MUST_USE;

/* ---- bytes ---- */

/* Reads and checks everything, the signature too. *out is undefined after a failure. Errors: FORMAT
 * (it is no list, or not in its one form), DENIED (not signed by the owner that it names). */
int wf_devices_read(struct wf_str bytes, struct wf_devices *out, struct wf_err *err) WF_MUST_USE;
/* Appends. Errors: those of the buffer. */
int wf_devices_write(const struct wf_devices *d, struct wf_buf *out) WF_MUST_USE;
/* The bytes that are signed, appended: what stands before the signature. */
int wf_devices_write_unsigned(const struct wf_devices *d, struct wf_buf *out) WF_MUST_USE;
/* Reads what wf_devices_write_unsigned wrote; the signature is zeros. Errors: FORMAT. */
int wf_devices_read_unsigned(struct wf_str bytes, struct wf_devices *out,
                             struct wf_err *err) WF_MUST_USE;
/* What versions are named by. */
void wf_devices_hash(const struct wf_devices *d, uint8_t out[WF_DEVICES_HASH_BYTES]);

/* ---- changes: begin, change, sign ---- */

/* Makes the next version of the list in place (the first of that owner, of an empty struct), to be
 * changed and signed at `node`. */
void wf_devices_begin(struct wf_devices *d, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                      const uint8_t node[WF_DEVICES_KEY_BYTES], int64_t now_ms);
/* Adds an entry, or sets that of the same node anew. Where another node that is in has its name, it
 * gets a number behind it. Errors: LIMIT (128 are in), INVAL (the name is none, the clearance is
 * secret, or one of its keys is another node's). */
int wf_devices_add(struct wf_devices *d, const struct wf_devices_entry *e,
                   struct wf_err *err) WF_MUST_USE;
/* Errors: NOENT (no such node is in), INVAL (no name), EXIST (another has it). */
int wf_devices_rename(struct wf_devices *d, struct wf_str name, struct wf_str to,
                      struct wf_err *err) WF_MUST_USE;
/* What a node may see from now on; the epoch rises where that is less. Errors: NOENT, INVAL (secret
 * stays where it was made). */
int wf_devices_clear(struct wf_devices *d, struct wf_str name, enum wf_label clearance,
                     struct wf_err *err) WF_MUST_USE;
/* Whether a node keeps ciphertext alone, or does what `roles` says. The epoch rises where it had
 * keys before. Errors: NOENT. */
int wf_devices_relay(struct wf_devices *d, struct wf_str name, bool is_on, uint8_t roles,
                     struct wf_err *err) WF_MUST_USE;
/* Takes a node out: the epoch rises. Errors: NOENT. */
int wf_devices_revoke(struct wf_devices *d, struct wf_str name, int64_t now_ms,
                      struct wf_err *err) WF_MUST_USE;
/* The owner's signature; `owner` must be the key that the list names (INVAL), and what its sign
 * says. */
int wf_devices_sign(struct wf_devices *d, const struct wf_signer *owner,
                    struct wf_err *err) WF_MUST_USE;

/* ---- looking ---- */

/* NULL: there is none. Whether it is in is for the caller to look at (revoked_ms), but that a name
 * is looked for among those that are in, in any case (ASCII). The pointers are into the list. */
const struct wf_devices_entry *wf_devices_by_node(const struct wf_devices *d,
                                                  const uint8_t node[WF_DEVICES_KEY_BYTES]);
const struct wf_devices_entry *
wf_devices_by_transport(const struct wf_devices *d, const uint8_t transport[WF_DEVICES_KEY_BYTES]);
const struct wf_devices_entry *wf_devices_by_name(const struct wf_devices *d, struct wf_str name);

/* ---- two lists of one owner ---- */

enum wf_devices_order {
    WF_DEVICES_SAME,
    WF_DEVICES_NEWER, /* the first came out of the second, or is much newer */
    WF_DEVICES_OLDER,
    WF_DEVICES_FORKED, /* neither came out of the other */
    WF_DEVICES_STRANGE /* of different owners */
};

/* How the first list stands to the second; both are signed or one of them is empty. A list that is
 * so many versions behind that the other does not name its version any more counts as older. */
enum wf_devices_order wf_devices_compare(const struct wf_devices *a, const struct wf_devices *b);

/* Which of two is to be held to, the same on every device: the newer; of a fork the higher version,
 * then the higher hash. true: the second. Both are of one owner. */
bool wf_devices_prefers_second(const struct wf_devices *a, const struct wf_devices *b);

/* A fork in one sentence: which versions, signed where. err gets it, with the code CORRUPT, which
 * is returned. */
int wf_devices_name_fork(const struct wf_devices *a, const struct wf_devices *b,
                         struct wf_err *err);

/* Mends a fork: *io becomes the version behind both, unsigned: all entries of both, revoked where
 * one says so, otherwise as in the preferred one, whose place it has; its time is the later one.
 * It is the same list wherever it is made: two that mend at once do not part again. Errors: LIMIT
 * (more than 128 nodes), INVAL (keys of two nodes are one). */
int wf_devices_mend(struct wf_devices *io, const struct wf_devices *other,
                    struct wf_err *err) WF_MUST_USE;

#endif
