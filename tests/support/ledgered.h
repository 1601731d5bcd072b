/* Ledgered: a ledger in a folder of a test's own, and entries made of a number: the same number
 * gives the same entry, so that what was read can be compared. */
#ifndef WF_TESTS_SUPPORT_LEDGERED_H
#define WF_TESTS_SUPPORT_LEDGERED_H

#include <stdbool.h>
#include <stdint.h>

#include "privacy/ledger_read.h"

struct ledgered {
    char dir[256]; /* of the test */
    char ledger[280], key[280], log[300], head[300], pub[300];
};

/* Makes the folder, below `parent` or in memory (0, or -1 when it cannot); removes it and all in
 * it.
 */
int ledgered_make_in(struct ledgered *l, const char *parent);
int ledgered_make(struct ledgered *l);
void ledgered_remove(struct ledgered *l);

/* Opens it for appending; sign_ms as in the options. */
int ledgered_open(struct ledgered *l, uint32_t sign_ms, struct wf_ledger **out, struct wf_err *err);

#define LEDGERED_COUNTS 12
struct ledgered_entry {
    struct wf_ledger_entry e; /* views into the rest; must not move */
    struct wf_ledger_count counts[LEDGERED_COUNTS];
    char texts[7][64], types[LEDGERED_COUNTS][16];
};
void ledgered_entry(struct ledgered_entry *m, uint64_t number);

/* Whether everything but what the ledger writes is the same; counts in any order. */
bool ledgered_same(const struct wf_ledger_entry *a, const struct wf_ledger_entry *b);

#endif
