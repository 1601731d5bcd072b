/* A simulated household of engines for the router: seeded, so that a run is replayed by its seed.
 *
 * The world knows what the router does not: how fast engines are, what they draw, how often they
 * are right, when they fail, slow down, lose their network, battery or budget. Every decision is
 * checked against the constraints, which are written here once more, by themselves; and compared
 * with the one that knew the truth. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_ROUTE_SIM_H
#define WF_TESTS_SUPPORT_ROUTE_SIM_H

#include <stdint.h>

struct route_sim_result {
    uint64_t n_decisions, n_empty; /* empty: nothing was allowed */
    uint64_t n_broken;             /* constraints that were broken: must be 0 */
    char broken[160];              /* the first one */
    double ours, oracle, random;   /* sums of true expected utility */
    double blind;                  /* the same router, that learns nothing */
    uint64_t digest;               /* over all decisions: the same for the same seed */
};

/* n decisions in one world. *out is added to, apart from the digest. Aborts out of memory. */
void route_sim_run(uint64_t seed, uint64_t n, struct route_sim_result *out);

/* Of all that could have been gained, what was not: oracle to ours. */
double route_sim_regret(const struct route_sim_result *r);

#endif
