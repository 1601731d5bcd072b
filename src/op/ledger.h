/* Ledger as JSON, for the HTTP interface and the command: docs/api.md. */
#ifndef WF_OP_LEDGER_H
#define WF_OP_LEDGER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wf_op_ledger_page {
    size_t limit;    /* entries */
    uint64_t before; /* only entries before this number; 0: from the newest */
    int64_t now_ms;  /* the week ends here */
};

/* A page of the ledger in `dir`, and the week's sums; empty where nothing has left yet. *out is a
 * new reference. Errors: CORRUPT, DENIED, IO, NOMEM. Thread: any. */
int wf_op_ledger_json(const char *dir, const struct wf_op_ledger_page *o, json_t **out,
                      struct wf_err *err) WF_MUST_USE;

#endif
