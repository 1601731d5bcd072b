/* What the files of pairing share: the messages' forms. Only pairing*.c include this. */
#ifndef WF_MESH_PAIRING_INTERNAL_H
#define WF_MESH_PAIRING_INTERNAL_H

#include "mesh/pairing.h"

#define WF_PAIRING_VERSION 1
#define WF_PAIRING_NONCE_BYTES 16
#define WF_PAIRING_SEAL_BYTES 16 /* what a seal adds */

/* The values are sent: they stay. */
enum wf_pairing_kind {
    WF_PAIRING_HELLO = 1,  /* u8 version, u8 1: scanned, 2: a guest (the shower: 0), 16 nonce */
    WF_PAIRING_SHARE = 2,  /* 32 */
    WF_PAIRING_TAG = 3,    /* 64 */
    WF_PAIRING_SEALED = 4, /* one of those below */
    WF_PAIRING_ASK = 5,    /* 32 hash of a list */
    WF_PAIRING_ANSWER = 6, /* u8 is it taken, 32 hash */
    WF_PAIRING_END = 9,    /* u8 reason, u32 number */
    /* within a seal */
    WF_PAIRING_WHO = 16,  /* who, 64 signature of the transcript by the device, a list or nothing */
    WF_PAIRING_LIST = 17, /* 32 node key of the shower, 64 signature as above, the list */
    WF_PAIRING_KEPT = 18, /* nothing */
    WF_PAIRING_DONE_ = 19 /* nothing */
};

enum wf_pairing_end {
    WF_PAIRING_END_FAILED = 0,      /* something else */
    WF_PAIRING_END_CODE = 1,        /* the code was another */
    WF_PAIRING_END_WAIT = 2,        /* so many seconds */
    WF_PAIRING_END_NO_CODE = 3,     /* none is shown */
    WF_PAIRING_END_OTHER_OWNER = 4, /* the joiner has one already */
    WF_PAIRING_END_VERSION = 5,
    WF_PAIRING_END_FULL = 6,   /* too many nodes */
    WF_PAIRING_END_KEYS = 7,   /* keys of another node that is in */
    WF_PAIRING_END_MEMBER = 8, /* an invitation: he is in, or it is the same owner */
    WF_PAIRING_END_COUNT
};

/* WHO: node 32, device 32, transport 32, tier, roles, length of the name, name, two certificates.
 * Appends; the status is the buffer's. */
void wf_pairing__write_who(const struct wf_pairing_who *w, struct wf_buf *out);
/* Reads it off the front of *io and checks names, ranges and certificates. Errors: FORMAT, DENIED
 * (a certificate is not the node's). */
int wf_pairing__read_who(struct wf_str *io, struct wf_pairing_who *out,
                         struct wf_err *err) WF_MUST_USE;

void wf_pairing__write_end(enum wf_pairing_end why, uint32_t number, struct wf_buf *out);
/* What an END says, as an error of the joiner's. Always fails: FORMAT where it is none. */
int wf_pairing__read_end(struct wf_str body, struct wf_err *err);
/* The reason that goes with an error of this side, before or behind the proof of the code. */
enum wf_pairing_end wf_pairing__end_of(int code, bool is_proved, bool is_guest);

#endif
