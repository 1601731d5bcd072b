/* What the files of the remote engine share. Only op/remote*.c include this. */
#ifndef WF_OP_REMOTE_INTERNAL_H
#define WF_OP_REMOTE_INTERNAL_H

#include "op/label.h"
#include "op/remote.h"
#include "privacy/redact.h"
#include "route/breaker.h"

/* What becomes of a request before it goes. */
struct wf_remote_cleared {
    struct wf_gen_request q;           /* redacted; points into the original and into the below */
    json_t *messages, *tools, *schema; /* owned */
    struct wf_redaction *redaction;    /* owned */
    enum wf_label label;               /* of what goes */
    struct wf_airlock_count counts[WF_AIRLOCK_COUNTS_MAX];
    size_t n_counts, n_redacted;
};

/* Labels and redacts a chat for an engine. *out is freed by wf_remote__cleared_free, also after an
 * error. Errors: DENIED (the policy keeps it: the sentence says what and by which rule), those of
 * the detectors, NOMEM. */
int wf_remote__clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                     const struct wf_gen_request *q, struct wf_remote_cleared *out,
                     struct wf_err *err) WF_MUST_USE;
void wf_remote__cleared_free(struct wf_remote_cleared *c);

/* ---- what came back (remote_scan.c) ---- */

/* Counts the flags of an answer, as it was told (with what was redacted put back), by kind.
 * Errors: those of wf_inbound_scan, NOMEM: it is then to be treated as flagged. */
int wf_remote__scan(const struct wf_remote_options *o, const json_t *messages,
                    const struct wf_redaction *redaction, struct wf_str answer,
                    uint32_t out[WF_INBOUND_COUNT], struct wf_err *err) WF_MUST_USE;

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
/* What the breaker would say of a request, for the router. */
enum wf_breaker_state wf_remote__state(struct wf_remote_pace *p, const struct wf_engine_entry *e);

#endif
