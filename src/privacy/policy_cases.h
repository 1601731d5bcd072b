/* Cases: a table of what a policy is to say, and what it says. A case is a sentence in the words of
 * policies (docs/policy.md): "a file ~/Patients/x.pdf with names is secret". Thread rule: any. */
#ifndef WF_PRIVACY_POLICY_CASES_H
#define WF_PRIVACY_POLICY_CASES_H

#include "privacy/policy.h"

struct wf_policy_case {
    struct wf_str text; /* the sentence; borrowed for the call */
    size_t line;
    bool passed;
    const char *got; /* what the policy says instead: "private, as ..."; "" where it passed */
};

struct wf_policy_cases_options {
    const char *name; /* of the file, for complaints */
    /* Finds the data in what a case says literally (saying "..."); NULL: such cases are an error.
     * *out is borrowed until the next call. */
    int (*scan)(void *ud, struct wf_str text, const struct wf_pii **out, size_t *out_n,
                struct wf_err *err);
    void (*tell)(void *ud, const struct wf_policy_case *one); /* each case in order */
    void *ud;
};

/* Runs all cases of a text. *out_n and *out_failed count them. Errors: FORMAT (a case that cannot
 * be read: place and nearest word), LIMIT, NOMEM; those of scan. */
int wf_policy_cases(const struct wf_policy *p, struct wf_str text,
                    const struct wf_policy_cases_options *o, size_t *out_n, size_t *out_failed,
                    struct wf_err *err) WF_MUST_USE;

#endif
