/* Frames between core and airlock, over one local stream (os/sock.h puts the length in front).
 *
 *   core -> airlock   REQUEST  what is to leave, redacted, with its label; asks for it all
 *                     CANCEL   nobody waits for that any more
 *                     CREDIT   so many bytes were used: so many more may come
 *                     REPORT   what core made of an answer: tokens, cost, flags, for the ledger
 *                     GIVEN    what goes to another person's device, for the ledger; or, with the
 *                              number of such an entry, what it came to. An END answers
 *   airlock -> core   HEAD     the HTTP status and headers, as text lines "name: value\n"
 *                     DATA     bytes of the body as they came
 *                     END      the answer is whole; the ledger's entry
 *                     FAILED   an error of weft's; nothing (more) left, or nothing more comes
 *
 * A payload is the kind (a byte), the request's id (8 bytes) and what the kind has, numbers little
 * endian, texts with their length in front. No byte may be left over. Both sides hold the other for
 * hostile. Thread rule: any. */
#ifndef WF_ROUTE_AIRLOCK_FRAME_H
#define WF_ROUTE_AIRLOCK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "privacy/label.h"
#include "privacy/ledger.h"
#include "privacy/release.h"

/* Bytes of one answer that may wait in core; of one DATA frame; of all headers of an answer. */
#define WF_AIRLOCK_WINDOW_BYTES (256u << 10)
#define WF_AIRLOCK_DATA_BYTES (32u << 10)
#define WF_AIRLOCK_HEAD_BYTES (16u << 10)
/* What a request has beside its body. */
#define WF_AIRLOCK_TEXT_BYTES 1000u
#define WF_AIRLOCK_COUNTS_MAX 64u
/* Kinds of flags of an answer, and the bytes of a kind's name. */
#define WF_AIRLOCK_FLAGS_MAX 16u
#define WF_AIRLOCK_FLAG_BYTES 40u
#define WF_AIRLOCK_BODY_BYTES (WF_LIMIT_FRAME_BYTES - (128u << 10))

/* The values are sent: they stay. */
enum wf_airlock_kind {
    WF_AIRLOCK_REQUEST = 1,
    WF_AIRLOCK_CANCEL = 2,
    WF_AIRLOCK_CREDIT = 3,
    WF_AIRLOCK_REPORT = 4,
    WF_AIRLOCK_GIVEN = 5,
    WF_AIRLOCK_HEAD = 16,
    WF_AIRLOCK_DATA = 17,
    WF_AIRLOCK_END = 18,
    WF_AIRLOCK_FAILED = 19,
};

/* So many of one kind of data were redacted, or so many places of an answer flagged. */
struct wf_airlock_count {
    struct wf_str type;
    uint32_t n;
};

/* All views are borrowed: of a frame that was read, from its payload. */
struct wf_airlock_frame {
    enum wf_airlock_kind kind;
    uint64_t id; /* of the request, core's choice */
    /* REQUEST */
    enum wf_label label; /* of the body as it is; GIVEN, too */
    bool streamed;
    struct wf_str engine, model; /* model: the provider's own name; GIVEN: the space, the item */
    struct wf_str request_id;    /* as x-weft-route and the logs have it; GIVEN: the device */
    struct wf_str reason;        /* why it goes there */
    struct wf_airlock_count counts[WF_AIRLOCK_COUNTS_MAX]; /* REPORT: at most FLAGS_MAX, of flags;
                                                              GIVEN: one, the kind of item */
    size_t n_counts;
    bool is_released; /* a person had lowered the label, by `release`, whose engine and `to`
                         are those above */
    struct wf_release release; /* what: of the body alone (wf_release_digest) */
    /* REPORT; 0: not known */
    uint64_t tokens_in, tokens_out, cost_micro;
    /* REQUEST: the body; HEAD: the headers; DATA: bytes; FAILED: the sentence */
    struct wf_str text;
    uint32_t number; /* CREDIT: bytes; HEAD: the status */
    uint64_t seq;    /* END: of the ledger's entry; GIVEN: that it sums up, 0: none, it begins */
    int code;        /* FAILED: WF_E_* */
    /* GIVEN */
    struct wf_str to; /* whose device */
    uint64_t bytes;
    uint8_t sealed[WF_LEDGER_HASH_BYTES]; /* as the ledger has it */
};

/* Appends the payload. Errors: LIMIT (a text is too long), the buffer's. */
int wf_airlock_frame_write(const struct wf_airlock_frame *f, struct wf_buf *out);
/* Reads a payload. Errors: FORMAT: whoever sent it is not to be listened to any more. */
int wf_airlock_frame_read(struct wf_str payload, struct wf_airlock_frame *out,
                          struct wf_err *err) WF_MUST_USE;

#endif
