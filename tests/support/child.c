/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes for tests. The child ends by _exit: what the test runner or a sanitizer does at
 * exit (files, leak reports) belongs to the parent and is mostly forbidden in a sandbox. */
#include "support/child.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void child_check(int ok, const char *text, const char *file, int line)
{
    if (ok)
        return;
    char message[300];
    int n = snprintf(message, sizeof(message), "%s:%d: in the child: %s\n", file, line, text);
    ssize_t done =
        n > 0 ? write(STDERR_FILENO, message, WF_MIN((size_t)n, sizeof(message) - 1)) : 0;
    (void)done; /* nobody is left to tell */
    _exit(1);
}

int child_run(const struct wf_sandbox_options *o, void (*fn)(void *ud), void *ud)
{
    pid_t pid = fork();
    if (pid < 0)
        return 1;
    if (pid == 0) {
        struct wf_err err = WF_ERR_INIT;
        int r = o ? wf_sandbox_enter(o, &err) : 0;
        if (r == WF_E_UNSUPPORTED)
            _exit(CHILD_UNSUPPORTED);
        child_check(r == 0, err.msg, __FILE__, __LINE__);
        fn(ud);
        _exit(0);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
