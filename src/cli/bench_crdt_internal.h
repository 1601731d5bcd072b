/* What the two halves of weft bench crdt share: the trace as it was read, and the figures. Thread
 * rule: owner. */
#ifndef WF_CLI_BENCH_CRDT_INTERNAL_H
#define WF_CLI_BENCH_CRDT_INTERNAL_H

#include <jansson.h>

#include "cli/bench_crdt.h"
#include "crdt/crdt.h"

#define WF_BENCH_CRDT_CLIENT 1001u

struct wf_bench_edit {
    uint32_t at, deleted; /* UTF-16 units */
    uint32_t txn;
    bool ends;          /* the last of its transaction */
    struct wf_str text; /* borrowed from the JSON */
};

/* Of one format. */
struct wf_bench_coding {
    size_t n_bytes;
    double encode_ms, cold_load_ms; /* 0: not measured yet */
};

struct wf_bench_agents; /* who wrote what, knowing what */

struct wf_bench_crdt {
    struct wf_bench_edit *edits;
    size_t n_edits, cap_edits, n_txns;
    struct wf_str start;
    int64_t times;   /* that it is played, one after the other, in front of what is there */
    size_t n_agents; /* 0: one wrote all of it */
    struct wf_bench_agents *agents;
    double one_txn_ms, per_edit_ms; /* 0: not measured yet */
    struct wf_bench_coding v1, v2;
    struct wf_bench_coding image; /* "loaded": opened and its text read */
    uint64_t update_bytes, resident_bytes;
    struct wf_buf state;
    char state_sha256[65], text_sha256[65];
};

/* Reads who wrote each transaction and what they knew then; positions become units by playing the
 * trace once. Errors: FORMAT (also where somebody's own edits are not one line), NOMEM. */
int wf_bench_crdt_read_agents(struct wf_bench_crdt *b, const json_t *trace,
                              struct wf_err *err) WF_MUST_USE;

/* Plays it: a copy an agent, with the client ids from WF_BENCH_CRDT_CLIENT on, each given what its
 * next edit builds on and nothing else (per_edit_ms: all of it); then every update into a new copy,
 * *out (one_txn_ms). The caller frees *out, also after a failure. */
int wf_bench_crdt_play_agents(struct wf_bench_crdt *b, uint64_t *out_update_bytes,
                              struct wf_crdt **out) WF_MUST_USE;

void wf_bench_crdt_free_agents(struct wf_bench_crdt *b);

#endif
