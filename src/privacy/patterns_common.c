/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns that are the same everywhere. */
#include "privacy/pattern.h"

static const struct wf_pattern rows[] = {
    {.type = "EMAIL_ADDRESS",
     .regex = "[a-z0-9._%+'-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\\.){1,8}[a-z]{2,24}",
     .triggers = "@",
     .back = 64,
     .score = 0.9F,
     .score_context = 0.95F},
};

WF_PATTERN_TABLE(wf_patterns_common, rows);
