/* Ledger, for readers: lists, sums, exports, and the verifier. They need the folder alone, not the
 * key; they may read while airlock writes. Thread rule: owner. */
#ifndef WF_PRIVACY_LEDGER_READ_H
#define WF_PRIVACY_LEDGER_READ_H

#include <jansson.h>

#include "privacy/ledger_format.h"

struct wf_ledger_reader;

/* Opens the ledger in `dir`, at its first entry. What is being written now is not seen. Errors:
 * NOENT (nothing has left yet: there is none), CORRUPT (its head or beginning is not right),
 * DENIED, IO, NOMEM. */
int wf_ledger_reader_open(const char *dir, struct wf_ledger_reader **out,
                          struct wf_err *err) WF_MUST_USE;
void wf_ledger_reader_free(struct wf_ledger_reader *r);

/* Goes behind the last entry. */
void wf_ledger_reader_to_end(struct wf_ledger_reader *r);

/* The entry behind (before) the place, which moves over it; valid until the next call. 1; 0: there
 * is none; CORRUPT, IO. That entries follow each other is the verifier's business. */
int wf_ledger_reader_next(struct wf_ledger_reader *r, const struct wf_ledger_entry **out,
                          struct wf_err *err) WF_MUST_USE;
int wf_ledger_reader_back(struct wf_ledger_reader *r, const struct wf_ledger_entry **out,
                          struct wf_err *err) WF_MUST_USE;

/* The last signature, as it was when the reader was opened. */
const struct wf_ledger_head *wf_ledger_reader_head(const struct wf_ledger_reader *r);

/* "request", "completion", "refusal", "recovery", "given" or "given_all". Static storage. */
const char *wf_ledger_kind_name(enum wf_ledger_kind kind);

/* The entry as docs/privacy.md describes it; new reference, NULL without memory. */
json_t *wf_ledger_entry_json(const struct wf_ledger_entry *e) WF_MUST_USE;

struct wf_ledger_report {
    uint64_t n_entries; /* that are right */
    uint64_t n_signed;  /* of them, up to the last signature */
    int64_t signed_ms;
    uint64_t n_unfinished;              /* bytes behind the last entry that are none */
    uint8_t hash[WF_LEDGER_HASH_BYTES]; /* of the last entry */
    uint8_t key[WF_LEDGER_KEY_BYTES];
};

/* An entry that a person noted down earlier. */
struct wf_ledger_noted {
    uint64_t seq;
    uint8_t hash[WF_LEDGER_HASH_BYTES];
};

/* Looks at every byte: each entry's form, hash and place in the chain, the signature, the key, and
 * that what is signed is all there; and at a noted entry (may be NULL). *out is written also on
 * failure, as far as it came. Errors: CORRUPT (the sentence says which entry, and what is wrong
 * with it), NOENT, DENIED, IO, NOMEM. */
int wf_ledger_verify(const char *dir, const struct wf_ledger_noted *noted,
                     struct wf_ledger_report *out, struct wf_err *err) WF_MUST_USE;

/* For the verifier: NOENT where there is no ledger; the key and the last signature; the log as it
 * is, from its first entry on, with what lies behind its last one; FORMAT where there is no entry.
 */
int wf_ledger__is_there(const char *dir, struct wf_err *err) WF_MUST_USE;
int wf_ledger__read_head(const char *dir, struct wf_ledger_head *out,
                         struct wf_err *err) WF_MUST_USE;
int wf_ledger__open_log(const char *dir, struct wf_ledger_reader **out,
                        struct wf_err *err) WF_MUST_USE;
int wf_ledger__next(struct wf_ledger_reader *r, const struct wf_ledger_read **out,
                    struct wf_err *err) WF_MUST_USE;
struct wf_ledger_place {
    uint64_t at, n_bytes;      /* of the next entry, of the log */
    const uint8_t *first_hash; /* what the first entry is chained to */
};
/* Whether nothing but room lies from the place to the end; whether a writer has the ledger open. */
bool wf_ledger__is_room(struct wf_ledger_reader *r) WF_MUST_USE;
bool wf_ledger__is_live(const struct wf_ledger_reader *r) WF_MUST_USE;
struct wf_ledger_place wf_ledger__place(const struct wf_ledger_reader *r);

#endif
