/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of patterns, in one list. */
#include "privacy/pattern.h"

const struct wf_pattern_table *const wf_pattern_tables[] = {
    &wf_patterns_common,
    &wf_patterns_person,
    &wf_patterns_street,
    &wf_patterns_secrets,
};
const size_t wf_pattern_tables_n = WF_ARRAY_LEN(wf_pattern_tables);
