/* Provided: a provider's response read to its end, as one line that tests compare. Thread rule:
 * owner. */
#ifndef WF_TESTS_SUPPORT_PROVIDED_H
#define WF_TESTS_SUPPORT_PROVIDED_H

#include "base/buf.h"
#include "route/provider.h"

struct provided {
    struct wf_buf line; /* "R:hm|T:Hi|C0 call_1 weather|A0:{}|E tool_calls", ended by "!code" */
    struct wf_err err;
    struct wf_provider_problem problem;
    struct wf_provider_rates rates;
    struct wf_gen_usage usage;
    char model[256];
};

/* Appends one event to such a line; pieces of one text or of one call's arguments are joined. */
void provided_note(struct wf_buf *line, const struct wf_gen_event *e);

/* Reads `body` in pieces of `piece` bytes (the first of `first`; 0: like the others) behind the
 * headers (lines "name: value", or NULL). out is freed by provided_free in any case; returns what
 * the reading ended with. */
int provided_read(const struct wf_engine_entry *e, const struct wf_gen_request *q, bool streamed,
                  int status, const char *headers, struct wf_str body, size_t first, size_t piece,
                  struct provided *out);
void provided_free(struct provided *p);

/* An engine of that protocol, at its usual address (https://api.example.com for others'). */
struct wf_engine_entry provided_entry(enum wf_protocol p);

#endif
