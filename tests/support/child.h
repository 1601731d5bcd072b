/* Child: runs a function in a forked process, for tests of what cannot be undone.
 *
 * In the child a failed CHILD_CHECK names its line on stderr and ends the child with exit code 1.
 * Thread rule: owner. */
#ifndef WF_TESTS_CHILD_H
#define WF_TESTS_CHILD_H

#include "os/sandbox.h"

#define CHILD_CHECK(condition) child_check((condition) != 0, #condition, __FILE__, __LINE__)

/* What child_run returns when the child has no sandbox because the system has none. */
#define CHILD_UNSUPPORTED 77

/* Ends the child with exit code 1 unless `ok`. */
void child_check(int ok, const char *text, const char *file, int line);

/* Forks; the child enters the sandbox (o NULL: none), calls fn(ud) and exits with 0. Returns its
 * exit code, or minus the signal that ended it. */
int child_run(const struct wf_sandbox_options *o, void (*fn)(void *ud), void *ud);

#endif
