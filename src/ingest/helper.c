/* SPDX-License-Identifier: Apache-2.0 */
/* Helper: fork, pipes, exec, and the two streams of a program read in step.
 *
 * Standard error is read whenever it has something, so that a program that complains a lot about a
 * broken file does not stand still; only the first MESSAGES_BYTES of it are kept.
 *
 * The program can be killed by no signal from here (the sandbox forbids signals to others): it ends
 * when the worker ends (PR_SET_PDEATHSIG), at its limits, or on writing to a closed pipe. */
#include "ingest/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "os/sandbox.h"

#define MESSAGES_BYTES 8192

/* Fonts, their configuration, and the tables for Asian encodings; the loader's cache. */
const char *const wf_helper_read_dirs[] = {"/etc/fonts",
                                           "/usr/share/fonts",
                                           "/usr/local/share/fonts",
                                           "/usr/share/poppler",
                                           "/usr/share/fontconfig",
                                           "/var/cache/fontconfig",
                                           "/usr/share/xml/fontconfig",
                                           "/usr/share/ghostscript",
                                           "/etc/ld.so.cache",
                                           "/usr/share/tesseract-ocr",
                                           "/usr/share/tessdata",
                                           "/usr/local/share/tessdata",
                                           NULL};

const char *const wf_helper_exec_dirs[] = {"/usr/bin/pdftotext",
                                           "/usr/bin/pdftoppm",
                                           "/usr/bin/pdfinfo",
                                           "/usr/local/bin/pdftotext",
                                           "/usr/local/bin/pdftoppm",
                                           "/usr/local/bin/pdfinfo",
                                           "/usr/lib",
                                           "/usr/lib64",
                                           "/lib",
                                           "/lib64",
                                           "/usr/local/lib",
                                           NULL};

/* The full name of a program, or false when it is not installed. */
static bool find_program(const char *program, char *path, size_t room)
{
    static const char *const folders[] = {"/usr/bin", "/usr/local/bin"};
    for (size_t i = 0; i < WF_ARRAY_LEN(folders); i++) {
        (void)snprintf(path, room, "%s/%s", folders[i], program); /* both are ours and short */
        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* In the child, after the fork: never returns. */
WF_NORETURN static void become(const char *path, char *const *argv, int doc_fd, int out, int err)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    static char home[] = "HOME=/";
    static char *const environment[] = {locale, home, NULL};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
    (void)signal(SIGPIPE, SIG_DFL);         /* likewise: it is how the program is told to stop */
    if (dup2(doc_fd, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(err, STDERR_FILENO) < 0) {
        _exit(127);
    }
    (void)close_range(3, ~0u, 0); /* all of ours are close-on-exec, too */
    (void)lseek(STDIN_FILENO, 0, SEEK_SET);
    _exit(wf_sandbox_exec(path, argv, environment, NULL) == 0 ? 0 : 127); /* it failed */
}

static int open_pipes(int out[2], int err_pipe[2], struct wf_err *err)
{
    if (pipe2(out, O_CLOEXEC) != 0) {
        return wf_err_errno(err, errno, "cannot make a pipe");
    }
    if (pipe2(err_pipe, O_CLOEXEC) != 0) {
        int e = errno;
        wf_file_close(&out[0]);
        wf_file_close(&out[1]);
        return wf_err_errno(err, e, "cannot make a pipe");
    }
    return 0;
}

int wf_helper_start(struct wf_helper *h, const char *program, const char *const *args, int doc_fd,
                    struct wf_err *err)
{
    char path[64];
    char *argv[WF_HELPER_ARGS_MAX + 2];
    int out[2];
    int err_pipe[2];
    *h = (struct wf_helper){._pid = -1, ._out = -1, ._err = -1};
    wf_buf_init(&h->messages, MESSAGES_BYTES);
    if (!find_program(program, path, sizeof(path))) {
        return wf_err_set(err, WF_E_NOENT,
                          "%s is missing, which reads PDF files: install poppler-utils", program);
    }
    size_t n = 0;
    argv[n++] = path;
    for (; args[n - 1] != NULL; n++) {
        assert(n <= WF_HELPER_ARGS_MAX);
        argv[n] = (char *)(uintptr_t)args[n - 1]; /* execve does not change them */
    }
    argv[n] = NULL;
    int rc = open_pipes(out, err_pipe, err);
    if (rc != 0) {
        return rc;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(path, argv, doc_fd, out[1], err_pipe[1]);
    }
    int e = errno;
    wf_file_close(&out[1]);
    wf_file_close(&err_pipe[1]);
    if (pid < 0) {
        wf_file_close(&out[0]);
        wf_file_close(&err_pipe[0]);
        return wf_err_errno(err, e, "cannot start %s", program);
    }
    h->_pid = pid;
    h->_out = out[0];
    h->_err = err_pipe[0];
    return 0;
}

/* Reads once from standard error; closes it at its end. */
static void read_messages(struct wf_helper *h)
{
    char piece[1024];
    ssize_t n = read(h->_err, piece, sizeof(piece));
    if (n > 0) {
        size_t room = MESSAGES_BYTES - h->messages.len;
        (void)wf_buf_append(&h->messages, piece, WF_MIN((size_t)n, room)); /* no memory: less */
    } else if (n == 0 || errno != EINTR) {
        wf_file_close(&h->_err);
    }
}

int wf_helper_read(struct wf_helper *h, void *p, size_t n, size_t *out_n, struct wf_err *err)
{
    *out_n = 0;
    while (h->_out >= 0) {
        struct pollfd fds[2] = {{.fd = h->_out, .events = POLLIN},
                                {.fd = h->_err, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0) { /* a negative descriptor is passed over */
            if (errno == EINTR) {
                continue;
            }
            return wf_err_errno(err, errno, "cannot wait for a program");
        }
        if (fds[1].revents != 0) {
            read_messages(h);
        }
        if (fds[0].revents == 0) {
            continue;
        }
        ssize_t got = read(h->_out, p, n);
        if (got > 0) {
            *out_n = (size_t)got;
            return 0;
        }
        if (got == 0) {
            wf_file_close(&h->_out);
        } else if (errno != EINTR) {
            return wf_err_errno(err, errno, "cannot read what a program says");
        }
    }
    return 0;
}

int wf_helper_end(struct wf_helper *h)
{
    int status = 0;
    assert(h->_pid > 0);
    bool at_end = h->_out < 0;
    wf_file_close(&h->_out);
    while (at_end && h->_err >= 0) {
        read_messages(h);
    }
    wf_file_close(&h->_err);
    while (waitpid(h->_pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    h->_pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void wf_helper_deinit(struct wf_helper *h)
{
    if (h->_pid > 0) {
        (void)wf_helper_end(h); /* its status interests nobody any more */
    }
    wf_buf_deinit(&h->messages);
}
