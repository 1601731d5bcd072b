/* What the files of the remote engine share. Only op/remote*.c include
 * this, and op/route_case.c for the parts. */
#ifndef WF_OP_REMOTE_INTERNAL_H
#define WF_OP_REMOTE_INTERNAL_H

#include "op/label.h"
#include "op/remote.h"
#include "op/texts.h"
#include "os/alarm.h"
#include "privacy/redact.h"
#include "privacy/release.h"
#include "route/breaker.h"

/* ---- what a person releases (remote_release.c) ---- */

#define WF_REMOTE_TICKET_BYTES 32 /* of its id: hex digits */

/* What was looked at, and may now be released. */
struct wf_remote_ticket {
    char id[WF_REMOTE_TICKET_BYTES + 1];
    char model[WF_ENGINE_NAME_BYTES_MAX + WF_ENGINE_TEXT_BYTES_MAX + 2]; /* ENGINE/MODEL */
    uint8_t what[WF_RELEASE_DIGEST_BYTES];                               /* of the body */
    enum wf_label from, to;
    bool as_is;      /* data above the clearance are not replaced */
    int64_t made_ms; /* wall clock */
};

/* The tickets that were given and not used. Threads: any. */
struct wf_remote_tickets;

/* *out is owned by the caller. Errors: NOMEM. */
int wf_remote__tickets_new(struct wf_remote_tickets **out, struct wf_err *err) WF_MUST_USE;
void wf_remote__tickets_free(struct wf_remote_tickets *t);
/* Takes the ticket: there is none of that id any more. Errors: DENIED (none, or too old). */
int wf_remote__ticket_take(struct wf_remote_tickets *t, const char *id, int64_t now_ms,
                           struct wf_remote_ticket *out, struct wf_err *err) WF_MUST_USE;

/* Whether there is a ticket of that id; its model, copied. Errors: DENIED, LIMIT. */
int wf_remote__ticket_model(struct wf_remote_tickets *t, const char *id, char *out,
                            size_t out_bytes, struct wf_err *err) WF_MUST_USE;

/* wf_remote_look for an engine and its own name of the model. */
int wf_remote__look(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                    const char *model, const struct wf_gen_request *q, json_t **out,
                    struct wf_err *err) WF_MUST_USE;
/* The release that a request's ticket becomes; views into *out, the engine and the request. Errors:
 * DENIED. */
int wf_remote__release(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                       const struct wf_gen_request *q, struct wf_remote_ticket *out,
                       struct wf_release *out_release, struct wf_err *err) WF_MUST_USE;

/* What the policy says of a request that is only looked at. */
struct wf_remote_look {
    struct wf_gate gate;
    bool is_possible; /* a person may release it, down to the engine's clearance */
    char why[WF_ERR_MSG_MAX], reason[WF_ERR_MSG_MAX]; /* why not; why the label */
    json_t *above; /* owned: data above the clearance that no sentence lets be replaced, by type */
};

/* ---- what becomes of a request before it goes (remote_clear.c) ---- */

/* What has become of it. */
struct wf_remote_cleared {
    struct wf_gen_request q;           /* redacted; points into the original and into the below */
    json_t *messages, *tools, *schema; /* owned */
    struct wf_redaction *redaction;    /* owned */
    enum wf_label label;               /* of what goes */
    struct wf_airlock_count counts[WF_AIRLOCK_COUNTS_MAX];
    size_t n_counts, n_redacted;
    bool is_released; /* a person lowered the label, by `release`: of the body with that digest */
    struct wf_release release;
    struct wf_remote_ticket ticket;
};

/* ---- where its texts come from (remote_parts.c) ---- */

/* Which parts a text is of: parts[first, first + n). */
struct wf_remote_text {
    size_t first, n;
};

struct wf_remote_parts {
    struct wf_context_part *parts; /* [n] */
    size_t n, cap;
    struct wf_remote_text *of; /* of each text of the messages */
};

/* The parts of a chat's messages, whose texts were read; borrows from both. *out is freed by
 * wf_remote__parts_deinit, also after an error. Errors: NOMEM. */
int wf_remote__parts(const struct wf_gen_request *q, const struct wf_texts *texts,
                     struct wf_remote_parts *out, struct wf_err *err) WF_MUST_USE;
/* One more, of no message. Errors: NOMEM. */
int wf_remote__parts_add(struct wf_remote_parts *io, const struct wf_context_part *part,
                         struct wf_err *err) WF_MUST_USE;
void wf_remote__parts_deinit(struct wf_remote_parts *p);
/* What a person can do where this part keeps a request here: a sentence with a space in front, or
 * "". Static storage. */
const char *wf_remote__advice(const struct wf_context_part *part);

/* Labels and redacts a chat for an engine. *out is freed by wf_remote__cleared_free, also after an
 * error. Errors: DENIED (the policy keeps it: the sentence says what and by which rule), those of
 * the detectors, NOMEM. */
int wf_remote__clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                     const struct wf_gen_request *q, struct wf_remote_cleared *out,
                     struct wf_err *err) WF_MUST_USE;
void wf_remote__cleared_free(struct wf_remote_cleared *c);
/* The same for looking: what the gate keeps is no error. out->label is what a release would make of
 * it. look->above is the caller's, also after an error. */
int wf_remote__clear_to_look(const struct wf_remote_options *o,
                             const struct wf_engine_entry *engine, const struct wf_gen_request *q,
                             struct wf_remote_cleared *out, struct wf_remote_look *look,
                             struct wf_err *err) WF_MUST_USE;

/* ---- the way back (remote_back.c) ---- */

struct wf_remote_choice {
    struct wf_restore *open; /* NULL: none */
    enum wf_gen_event_kind kind;
    size_t i_call;
};

struct wf_remote_back {
    struct wf_remote_choice *choices; /* [n_choices] */
    size_t n_choices;
    struct wf_gen_event stash; /* waits until what was held back is out */
    bool has_stash;
    struct wf_buf text, name; /* of the event that is out */
};

/* To be deinitialised also after an error. Errors: NOMEM. */
int wf_remote__back_init(struct wf_remote_back *b, size_t n_choices,
                         struct wf_err *err) WF_MUST_USE;
void wf_remote__back_deinit(struct wf_remote_back *b);
/* The reader's event (of a choice below n_choices) as the caller sees it: 1 with *io changed,
 * borrowed until the next call, 0 when it is nothing yet. Errors: NOMEM. */
int wf_remote__restore(struct wf_remote_back *b, const struct wf_redaction *redaction,
                       struct wf_gen_event *io, struct wf_err *err) WF_MUST_USE;
/* Whether an event is a piece of text. */
bool wf_remote__is_text(enum wf_gen_event_kind kind);

/* ---- what came back (remote_scan.c) ---- */

/* An answer while it is told, and what is flagged in it. */
struct wf_remote_heard {
    const json_t *asked;  /* the messages before redaction; NULL: it is not looked at (any more) */
    struct wf_buf answer; /* all that was told, with what was redacted put back */
    enum wf_gen_event_kind kind;
    uint32_t flags[WF_INBOUND_COUNT];
    bool is_unscanned; /* it could not be looked at: as if flagged */
    char text[160];    /* "leak:1 link:2" */
};

/* Keeps what is told, for looking at it as a whole. */
void wf_remote__hear(struct wf_remote_heard *h, const struct wf_gen_event *e);
/* Looks at it, once. */
void wf_remote__look_at(struct wf_remote_heard *h, const struct wf_remote_options *o,
                        const struct wf_redaction *redaction);
/* Appends the flags as a report has them. */
void wf_remote__count_flags(const struct wf_remote_heard *h, struct wf_airlock_frame *out);

/* ---- how often, and for how much (remote_pace.c) ---- */

/* The breakers of all engines, and the budget. Threads: any. */
struct wf_remote_pace;

/* *out is owned by the caller. Errors: NOMEM. */
int wf_remote__pace_new(const struct wf_remote_options *o, struct wf_remote_pace **out,
                        struct wf_err *err) WF_MUST_USE;
void wf_remote__pace_free(struct wf_remote_pace *p);

/* What one request has reserved, and what it may become. */
struct wf_remote_stake {
    const struct wf_engine_entry *engine;
    uint32_t n_prompt, n_most; /* tokens: of the prompt, about; of the answer, at most */
    struct wf_spending most;
    bool is_reserved, is_entered;
};

/* Reserves what the request with that body may cost. Errors: LIMIT (the budget), NOMEM, DENIED
 * (what was spent cannot be read). */
int wf_remote__reserve(struct wf_remote_pace *p, const struct wf_engine_entry *e,
                       const struct wf_gen_request *q, struct wf_str body,
                       struct wf_remote_stake *out, struct wf_err *err) WF_MUST_USE;
/* Asks the engine's breaker. Errors: BUSY (left alone for now; the sentence says how long). */
int wf_remote__enter(struct wf_remote_pace *p, struct wf_remote_stake *s,
                     struct wf_err *err) WF_MUST_USE;
/* Tells it how the try went; NULL: well. A no-op where none is under way. */
void wf_remote__left(struct wf_remote_pace *p, struct wf_remote_stake *s,
                     const struct wf_provider_problem *problem,
                     const struct wf_provider_rates *rates);
/* Milliseconds until try number i_try; -1: no more. */
int64_t wf_remote__wait_ms(struct wf_remote_pace *p, const struct wf_remote_stake *s,
                           uint32_t i_try, const struct wf_provider_problem *problem);
/* Books what was used in place of what was reserved; the cost in millionths. */
int64_t wf_remote__settle(struct wf_remote_pace *p, struct wf_remote_stake *s,
                          const struct wf_gen_usage *used);
/* What breaker and budget would say of a request. */
void wf_remote__look_out(struct wf_remote_pace *p, const struct wf_engine_entry *e,
                         struct wf_remote_outlook *out);

/* ---- the engine (remote.c) and its generations (remote_gen.c) ---- */

struct wf_remote {
    struct wf_engine base;
    struct wf_remote_options o;
    struct wf_remote_pace *pace;
    struct wf_alarms *alarms; /* wake who pauses between tries */
};

/* Begins a generation of an engine's model, by its own name there. Errors: as
 * wf_engine_generate. */
int wf_remote__generate(struct wf_remote *r, const struct wf_engine_entry *e, const char *own_model,
                        const struct wf_gen_request *q, struct wf_gen **out,
                        struct wf_err *err) WF_MUST_USE;
/* Those of the engine's table. */
int wf_remote__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err) WF_MUST_USE;
int wf_remote__try(struct wf_gen *base, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err) WF_MUST_USE;
const struct wf_gen_usage *wf_remote__usage(const struct wf_gen *base);
void wf_remote__gen_free(struct wf_gen *base);

#endif
