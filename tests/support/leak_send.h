/* What would be sent of a chat request: labelled, asked about at the policy's gate for a provider,
 * redacted, as bytes; with nothing behind it that could send. Thread rule: owner. */
#ifndef WF_TESTS_LEAK_SEND_H
#define WF_TESTS_LEAK_SEND_H

#include "privacy/policy.h"
#include "support/leak_make.h"

struct leak_sender;

/* By a policy (text, borrowed for the call; NULL: the built-in one), with patterns alone. NULL:
 * said on stderr. */
struct leak_sender *leak_sender_new(const char *policy);
void leak_sender_free(struct leak_sender *s);

/* The bytes, borrowed until the next call; NULL: refused. */
const struct wf_buf *leak_send(struct leak_sender *s, const json_t *request);

#endif
