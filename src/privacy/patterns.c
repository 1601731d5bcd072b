/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of patterns, in one list. */
#include "privacy/pattern.h"

const struct wf_pattern_table *const wf_pattern_tables[] = {
    &wf_patterns_common,     &wf_patterns_person,       &wf_patterns_names,
    &wf_patterns_street,     &wf_patterns_secrets,      &wf_patterns_ids_vat,
    &wf_patterns_ids_west,   &wf_patterns_ids_north,    &wf_patterns_ids_east,
    &wf_patterns_ids_cis,    &wf_patterns_ids_americas, &wf_patterns_ids_asia,
    &wf_patterns_ids_africa, &wf_patterns_ids_general,
};
const size_t wf_pattern_tables_n = WF_ARRAY_LEN(wf_pattern_tables);
