/* People: charters of spaces and the lists of devices of those whom they name, as the store keeps
 * them. What changes is one transaction each; struct wf_people is what was there at one moment.
 *
 * Of a space all charters are kept that nothing newer makes worthless, since two that know nothing
 * of each other are resolved anew by everybody (mesh/charter.h). The column space.role says what
 * this owner's devices may in a space, for who must not wait for the mesh (space/rights.h).
 * Functions "in turn" want the caller's write transaction. Thread rule: any. */
#ifndef WF_MESH_PEOPLE_H
#define WF_MESH_PEOPLE_H

#include "mesh/charter.h"
#include "store/store.h"

struct wf_person {
    uint8_t owner[WF_DEVICES_KEY_BYTES];
    struct wf_devices *list;
    int64_t expected_ms; /* until then its devices may bring a space that is new here; 0: not */
};

struct wf_people_space {
    int64_t id;
    struct wf_charter charter; /* forks resolved */
    bool is_forked;            /* then nobody has signed it yet */
    struct wf_charter *kept;   /* those that it comes out of */
    size_t n_kept;
};

struct wf_people {
    struct wf_person *persons;
    size_t n_persons, cap_persons;
    struct wf_people_space *spaces; /* that have a charter */
    size_t n_spaces, cap_spaces;
};

/* All of it. *out is to be freed, also after a failure. Errors: CORRUPT, NOMEM, those of reading.
 */
int wf_people_read(struct wf_reader *r, struct wf_people *out, struct wf_err *err) WF_MUST_USE;
/* An empty one is well, too. */
void wf_people_free(struct wf_people *p);

/* NULL: none. */
const struct wf_person *wf_people_person(const struct wf_people *p,
                                         const uint8_t owner[WF_DEVICES_KEY_BYTES]);
const struct wf_people_space *wf_people_space(const struct wf_people *p, int64_t space);
/* Whose device that is, and its entry, revoked or not; NULL: nobody's. Found by device key, or by
 * the transport key. */
const struct wf_devices_entry *wf_people_device(const struct wf_people *p,
                                                const uint8_t device[WF_SIGNER_ID_BYTES],
                                                const struct wf_person **out_whose);
const struct wf_devices_entry *wf_people_transport(const struct wf_people *p,
                                                   const uint8_t key[WF_DEVICES_KEY_BYTES],
                                                   const struct wf_person **out_whose);

/* Whether two owners are both in a space. */
bool wf_people_share(const struct wf_people *p, const uint8_t a[WF_DEVICES_KEY_BYTES],
                     const uint8_t b[WF_DEVICES_KEY_BYTES]);
/* The devices that are in of all others with whom `owner` shares a space. *out is the caller's
 * (wf_free). Errors: NOMEM. */
int wf_people_others(const struct wf_people *p, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                     struct wf_devices_entry **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* Of which epoch a space's keys are: that of its charter, and behind it those of its members' lists
 * (a device that somebody revokes knows none that come after), so that it is the same for all who
 * know the same. `own`: this owner's list. Spaces without a charter: that of the list. */
uint32_t wf_people_epoch(const struct wf_people *p, const struct wf_devices *own, int64_t space);

/* Whose device this one is. */
struct wf_people_self {
    uint8_t owner[WF_DEVICES_KEY_BYTES];
    struct wf_str name;             /* of the person, for a charter that he founds */
    const struct wf_signer *device; /* borrowed */
};

/* ---- in turn ---- */

/* Keeps somebody's list of devices where it is newer than the one that is here. *out_news (may be
 * NULL): it is. Errors: those of writing. */
int wf_people_take_list(struct wf_store *s, const struct wf_devices *list, int64_t expected_ms,
                        bool *out_news, struct wf_err *err) WF_MUST_USE;
/* Keeps a charter of a space. is_first_well: the space is new here, and one may be taken without
 * another before it. Whether the device that signed is its owner's, and in, is for the caller to
 * have seen. *out_news (may be NULL): it says something new. Errors: DENIED (who signed may not say
 * that), CORRUPT, NOMEM, those of writing. */
int wf_people_take_charter(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                           const struct wf_charter *c, bool is_first_well, bool *out_news,
                           struct wf_err *err) WF_MUST_USE;

/* What a space's charters come to; version 0: it has none. Errors: CORRUPT, NOMEM, those of
 * reading.
 */
int wf_people_charter_in_turn(struct wf_store *s, int64_t space, struct wf_charter *out,
                              struct wf_err *err) WF_MUST_USE;
/* wf_people_epoch, of what is here in the turn. Errors: CORRUPT, NOMEM, those of reading. */
int wf_people_epoch_in_turn(struct wf_store *s, const struct wf_devices *own, int64_t space,
                            uint32_t *out, struct wf_err *err) WF_MUST_USE;

/* ---- with a turn of their own; durable when they return 0 ---- */

struct wf_people_edit {
    int64_t space;
    struct wf_charter_member member; /* name, role and clearance that he is to have */
    bool is_new;                     /* he must not be in; his name gets a number where taken */
    const struct wf_devices *list;   /* of his devices, kept with it; NULL: it is known */
};
/* Says anew what somebody may in a space; founds the charter where there is none. The result in
 * *out (may be NULL). Errors: DENIED (this owner is no admin; "me" is nobody else's), EXIST (he is
 * a member already), NOENT (no such space), those of wf_charter_set, of signing and writing. */
int wf_people_edit(struct wf_store *s, const struct wf_people_self *self,
                   const struct wf_people_edit *edit, struct wf_charter *out,
                   struct wf_err *err) WF_MUST_USE;
/* This owner goes from a space. The devices of the others may come for it until expected_ms.
 * Errors: NOENT (there is no charter, or he is not in), as above. */
int wf_people_leave(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                    int64_t expected_ms, struct wf_err *err) WF_MUST_USE;
/* Signs what a fork was resolved to, where this owner is an admin by it. Errors: as above. */
int wf_people_mend(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                   struct wf_err *err) WF_MUST_USE;
/* Somebody's devices may bring a space. Errors: those of writing. */
int wf_people_expect(struct wf_store *s, const struct wf_devices *list, int64_t expected_ms,
                     struct wf_err *err) WF_MUST_USE;
/* Whether this owner may take `owner` (NULL: anybody) into a space. Errors: as wf_people_edit. */
int wf_people_may_invite(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                         const uint8_t *owner, struct wf_err *err) WF_MUST_USE;

#endif
