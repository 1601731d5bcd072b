/* Gate: how often an address may knock. A bucket of tokens each, for as many addresses as matter;
 * an IPv6 address counts by its first half, which one household has to itself. Memory is fixed, and
 * who knocks from many addresses pushes out others' buckets, not the rule. Thread rule: owner. */
#ifndef WF_MESH_GATE_H
#define WF_MESH_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define WF_GATE_SETS 128
#define WF_GATE_WAYS 4

struct wf_gate_bucket {
    uint8_t address[8];
    int64_t at_ns; /* when the tokens were counted; 0: free */
    double tokens;
};

struct wf_gate {
    double burst, per_s;
    uint64_t _seed;
    struct wf_gate_bucket _buckets[WF_GATE_SETS][WF_GATE_WAYS];
};

/* A gate that lets `burst` through at once, and per_s a second from then on. */
void wf_gate_init(struct wf_gate *g, double burst, double per_s);
/* Takes a token of the address; false when it has none. now_ns never goes back. */
bool wf_gate_pass(struct wf_gate *g, const struct sockaddr *a, int64_t now_ns);
/* Whether two addresses count as one. */
bool wf_gate_is_same(const struct sockaddr *a, const struct sockaddr *b);

#endif
