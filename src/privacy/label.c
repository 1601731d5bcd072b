/* SPDX-License-Identifier: Apache-2.0 */
/* Labels by name and by height. Every doubt ends at secret. */
#include "privacy/label.h"

static const char *const names[WF_LABEL_COUNT] = {"public", "internal", "private", "secret"};

const char *wf_label_name(enum wf_label label)
{
    return names[(unsigned)label < WF_LABEL_COUNT ? label : WF_LABEL_SECRET];
}

bool wf_label_parse(struct wf_str name, enum wf_label *out)
{
    for (unsigned i = 0; i < WF_LABEL_COUNT; i++) {
        if (wf_str_eq_nocase(name, wf_str_from(names[i]))) {
            *out = (enum wf_label)i;
            return true;
        }
    }
    *out = WF_LABEL_SECRET;
    return false;
}

enum wf_label wf_label_max(enum wf_label a, enum wf_label b)
{
    if ((unsigned)a >= WF_LABEL_COUNT || (unsigned)b >= WF_LABEL_COUNT)
        return WF_LABEL_SECRET;
    return a > b ? a : b;
}
