/* Edit: what a person does with drafts and records of a node. Thread rule: owner. */
#ifndef WF_TESTS_SIM_EDIT_H
#define WF_TESTS_SIM_EDIT_H

#include "base/arena.h"
#include "sim/sim.h"
#include "store/spaces.h"

/* Types into a draft, or makes one; renames, removes, compacts one. */
void edit_text(struct sim_node *n);
void edit_other(struct sim_node *n);
/* Writes records: one that stays for ever ("log"), or anything. */
void edit_record(struct sim_node *n);
/* Any space of the node; id 0: it cannot be read. */
void edit_space_of(struct sim_node *n, struct wf_arena *arena, struct wf_space *out);

/* A draft's state vector, and a client's clock in one. */
int edit_vector(struct wf_draft *d, struct wf_buf *out);
uint32_t edit_clock(struct wf_str vector, uint64_t client);

#endif
