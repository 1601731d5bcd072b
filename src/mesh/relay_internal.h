/* Inside a relay: its files share this. Only relay*.c includes it. Thread rule: owner. */
#ifndef WF_MESH_RELAY_INTERNAL_H
#define WF_MESH_RELAY_INTERNAL_H

#include "base/map.h"
#include "mesh/relay.h"

/* What one node said of one log. */
struct wf_relay_said {
    uint32_t node;
    uint32_t visit; /* of the node, in which it said so last */
    uint64_t last;
    bool is_dirty; /* not durable yet */
};

struct wf_relay_log {
    struct wf_sync_log name;
    uint64_t last;   /* that is on the shelf */
    uint64_t first;  /* that was not trimmed here */
    uint64_t marked; /* `last` of the newest day that was marked */
    struct wf_relay_said *said;
    size_t n_said, cap_said;
};

struct wf_relay_node {
    uint8_t transport[WF_PASS_KEY_BYTES];
    uint32_t visit;
    bool keeps;
};

struct wf_relay_stream {
    struct wf_pass pass; /* its bytes are owned */
    uint32_t n_logs;
};

struct wf_relay {
    struct wf_relay_options o;
    struct wf_shelf under; /* the store's */
    bool is_cipher, is_full, is_dirty;
    uint64_t n_bytes; /* of batches */
    int64_t tend_ms, trim_ms, day;
    int64_t bare_day; /* streams without a pass are kept for two days from then on; 0: not set */
    struct wf_relay_stream *streams;
    size_t n_streams, cap_streams;
    struct wf_map by_stream;
    struct wf_relay_log *logs;
    size_t n_logs, cap_logs;
    struct wf_map by_log;
    struct wf_relay_node *nodes;
    size_t n_nodes, cap_nodes;
    struct wf_map by_node;
};

int wf_relay__no_memory(struct wf_err *err);
/* The log, made where there is none; NULL: no memory. */
struct wf_relay_log *wf_relay__log(struct wf_relay *r, const struct wf_sync_log *name);
/* Reads what keeping nodes said. */
int wf_relay__read_words(struct wf_relay *r, struct wf_err *err);
/* Writes it. */
int wf_relay__write_words(struct wf_relay *r, struct wf_err *err);
/* Up to which number all whom the stream's pass names have said that they have the log. */
uint64_t wf_relay__all_have(const struct wf_relay *r, const struct wf_relay_log *l);

#endif
