/* Two devices for tests of pairing: keys, certificates, an owner, and seams over memory. */
#ifndef WF_TESTS_PAIRED_H
#define WF_TESTS_PAIRED_H

#include "mesh/pairing.h"

/* One side. Not to be moved. */
struct paired_side {
    struct wf_signer device;
    struct wf_signer_key device_key;
    struct wf_pairing_who who;
    struct wf_devices held, kept; /* version 0: none */
    struct paired_world *world;
};

struct paired_world {
    struct paired_side shower, joiner;
    struct wf_signer owner;
    struct wf_signer_key owner_key;
    int n_tries, n_used;
    bool is_scanned;
    int refuse_try;  /* what count_try says */
    int refuse_file; /* what commit, keep and take say */
    struct wf_rng_seeded rng;
    struct wf_pairing *s, *j;
    struct wf_err s_err, j_err;
};

/* Keys out of the seed; the shower holds a list of itself, the joiner none. */
void paired_init(struct paired_world *w, uint64_t seed);
/* Makes both machines with these secrets; each sees the other's transport key. 0 or an error. */
int paired_begin(struct paired_world *w, const char *shown, const char *typed,
                 const char *fingerprint);
void paired_end(struct paired_world *w);

/* What a test does with the i-th message on its way; false: it is lost. */
typedef bool paired_change(void *ud, unsigned i, struct wf_buf *message);
/* Hands messages to and fro until none comes. change may be NULL. How many there were. */
unsigned paired_run(struct paired_world *w, paired_change *change, void *ud);

#endif
