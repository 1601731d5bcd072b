/* The tasks, one line each; see task.h. */
#ifndef WF_TRAIN_TASK_LIST_H
#define WF_TRAIN_TASK_LIST_H

#include "train/task.h"

extern const struct wf_task_kind wf_task_embed;
extern const struct wf_task_kind wf_task_entity;
extern const struct wf_task_kind wf_task_intent;
extern const struct wf_task_kind wf_task_mlm;
extern const struct wf_task_kind wf_task_salience;
extern const struct wf_task_kind wf_task_sensitivity;
extern const struct wf_task_kind wf_task_span;

#endif
