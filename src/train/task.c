/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tasks. A new one is a file task_NAME.c, a line here and one in task_list.h. */
#include "train/task.h"

#include "train/task_list.h"

static const struct wf_task_kind *const kinds[] = {
    &wf_task_embed,    &wf_task_entity,      &wf_task_intent, &wf_task_mlm,
    &wf_task_salience, &wf_task_sensitivity, &wf_task_span,
};

const struct wf_task_kind *wf_task_at(size_t i)
{
    return i < WF_ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

const struct wf_task_kind *wf_task_by_name(struct wf_str name)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (wf_str_eq(name, wf_str_from(kinds[i]->name)))
            return kinds[i];
    }
    return NULL;
}
