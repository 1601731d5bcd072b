/* Charter: who is in a space: owners of devices (mesh/devices.h), what each may, and up to which
 * level. A space without a charter is its owner's alone.
 *
 * A charter is signed by a device of a member that may say so (an admin), or, when all that it says
 * is that its own owner has left, of any member. Each version names those before it by hash. Two
 * that know nothing of each other (two admins at once) are a fork, which everybody resolves the
 * same way: whoever is out in one is out, the lower role and level counts, and somebody who is in
 * one alone is in when the one who took him in is still an admin. Who made the space (the founder)
 * is put out by nobody but himself. No version has a time: two that say the same are the same,
 * whoever signed them.
 *
 * The epoch rises whenever somebody goes or may less: the keys of the space are those of an epoch.
 * Relays never see a charter: it travels in letters (mesh/sharing_grant.c).
 *
 * It has one form in bytes; numbers are little endian, no byte is left over.
 *     0   8  "WFCHRT1\n"
 *     8   8  version, from 1
 *    16  16  uid of the space
 *    32   4  epoch, from 1
 *    36   1  label of the space
 *    37   2  length of its name; the name
 *         1  ancestors, at most 32; then each: 8 version, 32 hash; ascending
 *         1  members, 1 to 32; then each, ascending by owner, who occurs once:
 *            32 owner, 1 role, 1 level, 1 flags (1: the founder, 2: may have written before),
 *            1 length of the name, the name
 *        32  owner whose device signed; 32 the device; 64 its signature of all before it, purpose
 *            "charter 1"
 * The hash of a charter is BLAKE2b-256 of its bytes without the last 128.
 *
 * The struct is plain data without pointers; nothing is allocated. Thread rule: owner. */
#ifndef WF_MESH_CHARTER_H
#define WF_MESH_CHARTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "mesh/batch.h"
#include "mesh/devices.h"

#define WF_CHARTER_ANCESTORS_MAX 32
/* Of a space, those that went counted: a family's or a team's. Their lists travel in one letter. */
#define WF_CHARTER_MEMBERS_MAX 32
/* 64 characters of at most four bytes (space/space.h). */
#define WF_CHARTER_NAME_BYTES 256
/* The longest: 39 + 256 + 1 + 32 * 40 + 1 + 32 * (36 + 64) + 128. */
#define WF_CHARTER_BYTES_MAX 4905

/* The values are signed: they stay. Each may all that those before it may. */
enum wf_role {
    WF_ROLE_OUT = 0, /* was a member once */
    WF_ROLE_READ = 1,
    WF_ROLE_WRITE = 2,
    WF_ROLE_ADMIN = 3,
    WF_ROLE_COUNT
};

/* "out", "read", "write", "admin". Static storage; "out" for a value out of range. */
const char *wf_role_name(enum wf_role role);
/* false: there is none of that name ("out" is none that can be given). */
bool wf_role_parse(struct wf_str name, enum wf_role *out) WF_MUST_USE;

struct wf_charter_member {
    uint8_t owner[WF_DEVICES_KEY_BYTES];
    enum wf_role role;
    enum wf_label clearance; /* below secret */
    bool is_founder;
    bool has_written;                     /* it might write once: what it wrote then counts */
    char name[WF_DEVICES_NAME_BYTES + 1]; /* as a node's: wf_devices_is_name */
};

struct wf_charter {
    uint64_t version; /* 0: none */
    uint8_t uid[WF_SPACE_UID_BYTES];
    uint32_t epoch;
    enum wf_label label;
    char name[WF_CHARTER_NAME_BYTES + 1];
    size_t n_ancestors;
    struct wf_devices_version ancestors[WF_CHARTER_ANCESTORS_MAX];
    size_t n_members;
    struct wf_charter_member members[WF_CHARTER_MEMBERS_MAX];
    uint8_t owner[WF_DEVICES_KEY_BYTES]; /* of the device that signed */
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint8_t signature[WF_SIGNATURE_BYTES]; /* zeros: not signed */
};

/* ---- bytes ---- */

/* Reads and checks form and signature; whether the device is the owner's, and the owner may, is for
 * the caller to see (wf_charter_may_follow). *out is undefined after a failure. Errors: FORMAT,
 * DENIED (not signed by the device that it names). */
int wf_charter_read(struct wf_str bytes, struct wf_charter *out, struct wf_err *err) WF_MUST_USE;
/* The form alone. Errors: FORMAT. */
int wf_charter_read_form(struct wf_str bytes, struct wf_charter *out,
                         struct wf_err *err) WF_MUST_USE;
/* Appends. Errors: those of the buffer. */
int wf_charter_write(const struct wf_charter *c, struct wf_buf *out) WF_MUST_USE;
void wf_charter_hash(const struct wf_charter *c, uint8_t out[WF_DEVICES_HASH_BYTES]);

/* ---- changes: begin, change, sign ---- */

struct wf_charter_first {
    uint8_t uid[WF_SPACE_UID_BYTES];
    struct wf_str name;
    enum wf_label label;
    uint8_t owner[WF_DEVICES_KEY_BYTES];
    struct wf_str owner_name;
};
/* The first version, of a space that is the owner's alone so far. Errors: INVAL (a name). */
int wf_charter_found(const struct wf_charter_first *first, struct wf_charter *out,
                     struct wf_err *err) WF_MUST_USE;
/* Makes it the next version of itself, to be changed and signed. */
void wf_charter_begin(struct wf_charter *c);
/* Takes somebody in, or says anew what he may: name, role and clearance of `m` count, for its
 * owner. Errors: LIMIT (32 are or were members), INVAL (the name; secret is for nobody else; no
 * admin would be left; the founder), EXIST (another member has the name). */
int wf_charter_set(struct wf_charter *c, const struct wf_charter_member *m,
                   struct wf_err *err) WF_MUST_USE;
/* Signs with a device of `owner`. Errors: those of the signer, NOMEM. */
int wf_charter_sign(struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                    const struct wf_signer *device, struct wf_err *err) WF_MUST_USE;

/* ---- looking ---- */

/* NULL: never was one. One that went has the role OUT. The pointers are into the charter. */
const struct wf_charter_member *wf_charter_member(const struct wf_charter *c,
                                                  const uint8_t owner[WF_DEVICES_KEY_BYTES]);
/* Of those that are in, in any case (ASCII). NULL: there is none. */
const struct wf_charter_member *wf_charter_by_name(const struct wf_charter *c, struct wf_str name);

/* Whether whoever signed `next`, which came out of `before`, might say that: it is an admin in
 * `before`, or leaves and says nothing else; and the founder stays as he is unless he says so. */
bool wf_charter_may_follow(const struct wf_charter *before, const struct wf_charter *next);

/* ---- two charters of one space ---- */

/* As wf_devices_compare; STRANGE: of two spaces. */
enum wf_devices_order wf_charter_compare(const struct wf_charter *a, const struct wf_charter *b);

/* Resolves a fork: *io becomes the version behind both, unsigned; the same wherever it is made.
 * Errors: LIMIT (more than 32 members). */
int wf_charter_mend(struct wf_charter *io, const struct wf_charter *other,
                    struct wf_err *err) WF_MUST_USE;

#endif
