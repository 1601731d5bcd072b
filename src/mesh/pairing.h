/* Pairing: how a device joins an owner's others, as two state machines: bytes in, bytes out.
 *
 * The one that shows a code is the owner's device (the shower); the one at which it is typed or
 * scanned joins. Both speak over a connection in which each has proved a transport key; CPace over
 * the code, bound to both of these keys, shows that the two are the person's own and nobody is
 * between them. What follows is sealed under its key.
 *
 *   joiner                                              shower
 *    READY -- hello: version, which secret, nonce -------> READY
 *          <-- hello: version, nonce ---------------------
 *    ASKED -- share ------------------------------------->        counts a try, durably
 *          <-- share ------------------------------------- SHARED
 *   PROVED -- tag --------------------------------------->        the code is used up
 *          <-- tag --------------------------------------- KNOWN
 *    KNOWN -- who: keys, certificates, name, own list ===>        signs the next list
 *          <== list, who ================================= OFFERED
 *  KEEPING -- kept =======================================>        durable at the joiner: commits
 *          <== done ====================================== DONE
 *     DONE                        (= sealed)
 *
 * Whatever is not the next message, has a byte too many, or is not authentic ends the machine
 * (FAILED); the other side is told a reason out of a fixed list, never a sentence: what a stranger
 * sends is not shown to people. The joiner keeps the
 * list before the shower takes it for its own, and holds to it when it hears so; where that word
 * was lost, it asks again (wf_pairing_ask, wf_pairing_answer): both hold it or neither does.
 *
 * In the same way an invitation brings devices of two owners together (is_guest on both sides):
 * each shows the other its owner's list as it is, nothing is added to either; what joins them, the
 * charter of a space, is the seams' business. A code of one kind is of no use for the other.
 *
 * A message is its kind (a byte) and what the kind has. Clock, randomness, the owner's signature,
 * tries and files are reached through wf_pairing_seams. Thread rule: owner. */
#ifndef WF_MESH_PAIRING_H
#define WF_MESH_PAIRING_H

#include "base/rng.h"
#include "mesh/devices.h"
#include "mesh/phrase.h"
#include "privacy/node.h"

/* The longest message: a list, what says who somebody is, and the seal. */
#define WF_PAIRING_MESSAGE_BYTES (WF_DEVICES_BYTES_MAX + 1024)
/* How long a pairing may take once it has begun: it is a second's work. */
#define WF_PAIRING_S 30
/* What is typed, or stands in the picture that is scanned. */
#define WF_PAIRING_SECRET_MAX 64

/* What a device says of itself. */
struct wf_pairing_who {
    struct wf_devices_entry entry;           /* added_ms and clearance are the shower's to say */
    uint8_t device_cert[WF_NODE_CERT_BYTES]; /* by the node's key (privacy/node.h) */
    uint8_t transport_cert[WF_NODE_CERT_BYTES];
};

/* What the machines reach. Each returns 0 or fails the pairing with its error. */
struct wf_pairing_seams {
    const struct wf_rng *rng; /* NULL: the system's */
    /* Shower: somebody is about to try the code. Durable when it returns. BUSY: too soon,
     * *out_wait_s says how long; NOENT: there is no code. */
    int (*count_try)(void *ud, unsigned *out_wait_s, struct wf_err *err);
    /* Shower: the code was right: it is of no use any more. */
    void (*used)(void *ud);
    /* Shower: the next list, with `joiner` in it, signed. `theirs`: the joiner's own list of the
     * same owner, or NULL. Nothing is stored yet. */
    int (*offer)(void *ud, const struct wf_devices_entry *joiner, const struct wf_devices *theirs,
                 struct wf_devices *out, struct wf_err *err);
    /* Shower: the joiner has it: hold to it. Durable when it returns. */
    int (*commit)(void *ud, const struct wf_devices *list, struct wf_err *err);
    /* Joiner: keeps an offered list, without holding to it. Durable when it returns. */
    int (*keep)(void *ud, const struct wf_devices *list, struct wf_err *err);
    /* Joiner: holds to the list that was kept. Durable when it returns. */
    int (*take)(void *ud, const struct wf_devices *list, struct wf_err *err);
    void *ud;
};

struct wf_pairing_options {
    bool is_joiner;
    bool is_guest; /* the two belong to different owners; `list` is there on both sides, `offer`
                      gives the shower's own */
    /* What is typed (six digits), and what is scanned; a joiner has one of them, the other is
     * empty. Copied. */
    struct wf_str typed, scanned;
    const struct wf_pairing_who *who;
    const struct wf_signer *device; /* whose id is who->entry.device; borrowed */
    /* The list that is held to; NULL: none yet (a joiner). Copied. */
    const struct wf_devices *list;
    uint8_t peer[WF_DEVICES_KEY_BYTES]; /* the transport key that the other has proved */
    const char *fingerprint; /* joiner: that of the node that shows the code; NULL: any */
    struct wf_pairing_seams seams;
};

#define WF_FINGERPRINT_BYTES 8
/* "k3f9-…": four groups of four of 32 signs, and a NUL. */
#define WF_FINGERPRINT_TEXT_BYTES 20

/* A node key's fingerprint, for people: 16 signs of a hash, in groups of four. */
void wf_fingerprint(const uint8_t node[WF_DEVICES_KEY_BYTES], char out[WF_FINGERPRINT_TEXT_BYTES]);

enum wf_pairing_state {
    WF_PAIRING_READY,
    WF_PAIRING_ASKED,
    WF_PAIRING_SHARED,
    WF_PAIRING_PROVED,
    WF_PAIRING_KNOWN,
    WF_PAIRING_OFFERED,
    WF_PAIRING_KEEPING,
    WF_PAIRING_DONE,
    WF_PAIRING_FAILED
};

struct wf_pairing;

/* Errors: NOMEM, INVAL (an empty or too long secret). *out is to be freed. */
int wf_pairing_new(const struct wf_pairing_options *o, struct wf_pairing **out,
                   struct wf_err *err) WF_MUST_USE;
/* Wipes the secrets. NULL is a no-op. */
void wf_pairing_free(struct wf_pairing *p);

/* The joiner's first message, into the empty `out`. Errors: those of the buffer. */
int wf_pairing_start(struct wf_pairing *p, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* Takes one message. What is to be sent, if anything, is in `out` (reset first), also after a
 * failure: it then tells the other side. Errors: FORMAT (not the next message, or not in its form),
 * DENIED (the code was not the same, or somebody is between: the two cannot be told apart), EXIST
 * (the joiner belongs to another owner; of an invitation: is a member, or of the same owner), BUSY
 * (a try too soon), NOENT (no code is shown there), UNSUPPORTED (of another version), CANCELED (the
 * other side ended it otherwise), those of the seams. After one the machine is FAILED and takes
 * nothing any more. */
int wf_pairing_step(struct wf_pairing *p, struct wf_str message, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;

/* Where it stands. */
enum wf_pairing_state wf_pairing_state(const struct wf_pairing *p);
/* What the other is, from KNOWN (shower) and KEEPING (joiner) on; NULL before. */
const struct wf_devices_entry *wf_pairing_other(const struct wf_pairing *p);
/* The three words that both sides show; false before the other has proved the code. */
bool wf_pairing_compared(const struct wf_pairing *p, char out[WF_PHRASE_COMPARED_TEXT_BYTES]);

/* ---- when the last word was lost ---- */

/* The joiner's question whether the list with that hash was taken. */
void wf_pairing_ask(const struct wf_devices *kept, struct wf_buf *out);
/* The shower's answer to such a question of a node with that transport key, which is in the list.
 * false: the message is none. */
bool wf_pairing_answer(const struct wf_devices *list, const uint8_t peer[WF_DEVICES_KEY_BYTES],
                       struct wf_str message, struct wf_buf *out) WF_MUST_USE;
/* What an answer says of the kept list: 1: take it, -1: forget it, 0: the message is none. */
int wf_pairing_answered(const struct wf_devices *kept, struct wf_str message) WF_MUST_USE;

#endif
