/* What the writer's two files share: how the ledger is opened, and how it goes on. Only ledger.c
 * and ledger_open.c include this. Thread rule: owner, until the ledger's thread runs; then that
 * one. */
#ifndef WF_PRIVACY_LEDGER_INTERNAL_H
#define WF_PRIVACY_LEDGER_INTERNAL_H

#include "privacy/ledger_format.h"

/* Where the durable log ends, and who signs it. */
struct wf_ledger_end {
    char *dir, *log, *head, *head_new; /* owned paths */
    int fd;                            /* the log, locked, standing at n_bytes; -1: none */
    uint64_t n_entries, n_bytes;
    uint64_t n_room;   /* bytes of the file: behind n_bytes, zeros */
    uint64_t n_opened; /* n_bytes when it was opened */
    uint64_t n_signed; /* entries */
    uint8_t hash[WF_LEDGER_HASH_BYTES];
    uint8_t secret[64];
    uint64_t n_cut; /* bytes that a crash had left half written */
};

/* Makes or reads everything, checks the end against the last signature, cuts off what is torn. The
 * caller calls close, also after a failure. Errors: those of wf_ledger_open. */
int wf_ledger__end_open(struct wf_ledger_end *end, const char *dir, const char *key_path,
                        int64_t now_ms, struct wf_err *err) WF_MUST_USE;
void wf_ledger__end_close(struct wf_ledger_end *end);

/* Signs the end and makes that durable; a crash leaves the old signature or the new one. */
int wf_ledger__end_sign(struct wf_ledger_end *end, int64_t now_ms, struct wf_err *err) WF_MUST_USE;

/* Lays out room for n more bytes, and ahead: as much again as was written since the ledger was
 * opened, up to WF_LIMIT_LEDGER_ROOM_BYTES; overwriting zeros costs a sync about half of what
 * growing the file does. Where there is no space to lay out, the file grows as it is written. */
void wf_ledger__end_make_room(struct wf_ledger_end *end, size_t n);

/* Takes back what was written behind n_bytes, and the room. */
int wf_ledger__end_cut(struct wf_ledger_end *end, struct wf_err *err) WF_MUST_USE;

#endif
