/* JSON Schema (draft 2020-12): whether a value validates. What a grammar made of a schema promises
 * can so be checked without the grammar. Formats are asserted as far as grammars know them.
 * Threads: any. */
#ifndef WF_MODEL_SCHEMA_H
#define WF_MODEL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/config.h"
#include "base/err.h"

/* Whether `value` validates against `schema` (both borrowed). Errors: as wf_grammar_from_schema,
 * but for what nothing matches. */
int wf_schema_check(const json_t *schema, const json_t *value, bool *out_valid,
                    struct wf_err *err) WF_MUST_USE;

#endif
