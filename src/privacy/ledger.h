/* Ledger: what left this machine, for a provider or another person's device. Append-only, each
 * entry chained to the one before by its hash, the head signed; docs/privacy.md says what that
 * proves. It holds counts and names, never a text.
 *
 *   FOLDER/log      the entries (privacy/ledger_format.h)
 *   FOLDER/head     the last signature: how many entries there are, and the hash of the last
 *   FOLDER/key.pub  the public key, 64 hex digits
 *   KEY             the secret key, 0600, outside of what readers of the folder may open
 *
 * One process writes (airlock); it is done when the entry is durable, and then only may what it
 * tells of leave. Thread rule: any. */
#ifndef WF_PRIVACY_LEDGER_H
#define WF_PRIVACY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "privacy/label.h"
#include "privacy/release.h"

#define WF_LEDGER_HASH_BYTES 32

/* The values are stored: they stay. */
enum wf_ledger_kind {
    WF_LEDGER_REQUEST = 1,    /* leaves now */
    WF_LEDGER_COMPLETION = 2, /* what came back of a request, or that nothing did */
    WF_LEDGER_REFUSAL = 3,    /* was kept back */
    WF_LEDGER_RECOVERY = 4,   /* the machine stopped amid writing; so many bytes were cut off that
                                 nobody had been told of. The ledger writes these itself */
    WF_LEDGER_GIVEN = 5,      /* goes now to another person's device, and what else of it does in
                                 the minutes that follow */
    WF_LEDGER_GIVEN_ALL = 6,  /* what that came to */
    WF_LEDGER_KIND_END
};

/* So many of one kind: of a request what was redacted, of a completion what was flagged, of what
 * was given one alone, what it is and how many changes of it. */
struct wf_ledger_count {
    struct wf_str type; /* e.g. IBAN_CODE */
    uint32_t n;
};

/* All views are borrowed. What does not fit a kind is 0 or empty. Texts are UTF-8 of at most
 * WF_LIMIT_LEDGER_TEXT_BYTES. */
struct wf_ledger_entry {
    /* written by the ledger */
    uint64_t seq; /* from 1, without gaps */
    int64_t time_ms;
    uint8_t prev[WF_LEDGER_HASH_BYTES], hash[WF_LEDGER_HASH_BYTES];
    /* written by the caller */
    enum wf_ledger_kind kind;
    uint64_t request_seq; /* of a completion: the entry of its request; of GIVEN_ALL: of GIVEN */
    struct wf_str request_id;  /* as x-weft-route and the logs have it; given: the device's id */
    struct wf_str engine;      /* its name among the engines; given: the space's */
    struct wf_str to;          /* to whom: host, node or device */
    struct wf_str model;       /* given: what the draft, collection or document is called */
    struct wf_str reason;      /* why it went there, or why it did not */
    enum wf_label label;       /* of what left */
    bool is_released;          /* a person had lowered the label */
    struct wf_release release; /* then: its engine is `engine`, its `to` is `label` */
    const struct wf_ledger_count *counts; /* each type once, any order */
    size_t n_counts;
    uint64_t bytes;                 /* sent; of a completion: received; of a recovery: cut off */
    uint64_t tokens_in, tokens_out; /* 0: not known */
    uint64_t cost_micro;            /* millionths of the currency that prices are given in */
    uint32_t status;                /* of a completion: the HTTP status; 0: no answer came */
    uint8_t sealed[WF_LEDGER_HASH_BYTES]; /* given: hash of the batch that it went in; of several,
                                             the hash of that of those before and the last one's */
};

struct wf_ledger_options {
    const char *dir;              /* made when missing, 0700 */
    const char *key_path;         /* made on first use, with its folder */
    const struct wf_clock *clock; /* NULL = the system's; for the entries' times */
    uint32_t sign_ms;             /* an entry is signed this long after it; 0 = 500 */
};

struct wf_ledger;

/* Opens the ledger for appending and makes it, with its key, on first use. What a crash left half
 * written behind the last durable entry is cut off, and an entry says so. Starts one thread.
 * Errors: BUSY (another process writes), CORRUPT (it was changed: nothing is cut, nothing goes on),
 * FORMAT (no key), DENIED, FULL, IO, LIMIT, NOMEM. */
int wf_ledger_open(const struct wf_ledger_options *o, struct wf_ledger **out,
                   struct wf_err *err) WF_MUST_USE;

/* Called once, by the ledger's thread: err is NULL and the entry durable, or it was not written.
 * Is to return at once. */
typedef void (*wf_ledger_done_fn)(void *ud, uint64_t seq, const struct wf_err *err);

/* Hands an entry over (copied) and returns; `done` tells how it ended. Entries that wait are made
 * durable together. Errors, `done` is then not called: INVAL (a text that is too long or no UTF-8,
 * a type twice, a release that is not of this entry), BUSY (too many wait), NOMEM. */
int wf_ledger_post(struct wf_ledger *l, const struct wf_ledger_entry *e, wf_ledger_done_fn done,
                   void *ud, struct wf_err *err) WF_MUST_USE;

/* Hands over an entry that nobody waits for, behind those before it: it is written with the next
 * one that somebody waits for, or after WF_LEDGER_NOTE_MS. A failure to write it is seen by the
 * next that is posted. Errors: those of wf_ledger_post. */
#define WF_LEDGER_NOTE_MS 20
int wf_ledger_note(struct wf_ledger *l, const struct wf_ledger_entry *e,
                   struct wf_err *err) WF_MUST_USE;

/* The same as wf_ledger_post, and waits. *out_seq (may be NULL) is its number. Errors: those of
 * wf_ledger_post; FULL, IO: nothing was written and nothing may leave. After a failed write it may
 * be tried again; after a failed sync every call fails until the ledger is opened anew, since what
 * the disk holds is not known. When the head cannot be signed nothing is appended either. */
int wf_ledger_append(struct wf_ledger *l, const struct wf_ledger_entry *e, uint64_t *out_seq,
                     struct wf_err *err) WF_MUST_USE;

/* Finishes what waits, signs, frees. NULL is a no-op. Nobody may append any more. */
void wf_ledger_close(struct wf_ledger *l);

#endif
