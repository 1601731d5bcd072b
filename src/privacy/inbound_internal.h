/* The rules of inbound.c, as inbound_rules.c has them. */
#ifndef WF_PRIVACY_INBOUND_INTERNAL_H
#define WF_PRIVACY_INBOUND_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "privacy/inbound.h"

struct wf_inbound_rule {
    enum wf_inbound_kind kind;
    float score;
    const char *reason;
    const char *regex; /* its group 1, where it has one, is what is flagged */
};
extern const struct wf_inbound_rule wf_inbound_rules[];
extern const size_t wf_inbound_rules_n;

/* "Forget what you were told": in each language a verb, what it is about, and which of those. */
struct wf_inbound_override {
    const char *verbs, *nouns, *which; /* alternatives of an expression */
};
extern const struct wf_inbound_override wf_inbound_overrides[];
extern const size_t wf_inbound_overrides_n;

/* ---- addresses (inbound_links.c) ---- */

/* The words and hosts of what was asked, so that an answer with many addresses costs no more. */
struct wf_inbound_said {
    struct wf_str sent; /* borrowed */
    uint64_t *slots;    /* [n_slots] hashes */
    size_t n_slots;
};

/* Errors: NOMEM (its code alone). *out is freed by wf_inbound__said_deinit. */
int wf_inbound__said_read(struct wf_inbound_said *out, struct wf_str sent) WF_MUST_USE;
void wf_inbound__said_deinit(struct wf_inbound_said *said);

/* Whether an address stood in what was asked, or leads to a host that is named there and holds
 * nothing that nobody can read. */
bool wf_inbound__is_own(struct wf_str url, const struct wf_inbound_said *said);
/* Whether an address that did not stand there has words or numbers of what was asked in it. */
bool wf_inbound__tells(struct wf_str url, const struct wf_inbound_said *said);

#endif
