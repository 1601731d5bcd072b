/* Kill: a child takes documents in and out and is killed at a random moment; then the home is
 * looked at. Shared by the test (few rounds) and the bench (many). */
#ifndef WF_TESTS_SUPPORT_KILL9_H
#define WF_TESTS_SUPPORT_KILL9_H

#include <stdint.h>

struct kill9_result {
    unsigned n_rounds;
    unsigned n_acked;    /* documents acknowledged, all rounds */
    unsigned n_removed;  /* removals acknowledged */
    unsigned n_pending;  /* requests that were under way when the child was killed */
    unsigned n_swept;    /* rounds after which something half done had to be swept */
    unsigned n_mistakes; /* anything missing, half there, or damaged; told on stdout */
    double check_s;      /* time of opening and looking, all rounds */
};

/* Runs `n_rounds` on one home. Returns 0, or 77 when the home cannot be made. */
int kill9_run(unsigned n_rounds, uint64_t seed, struct kill9_result *out);

#endif
