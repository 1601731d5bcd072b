/* SPDX-License-Identifier: Apache-2.0 */
/* The editor is started without a shell: its command is split at spaces. */
#include "cli/editor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "os/file.h"

#define WORDS_MAX 16

static void exec_words(char *command, char *path)
{
    char *words[WORDS_MAX + 2];
    size_t n = 0;

    for (char *at = command; *at != 0 && n < WORDS_MAX;) {
        while (*at == ' ')
            *at++ = 0;
        if (*at == 0)
            break;
        words[n++] = at;
        while (*at != 0 && *at != ' ')
            at++;
    }
    words[n] = path;
    words[n + 1] = NULL;
    if (n > 0)
        (void)execvp(words[0], words); /* returns only when it failed */
}

/* Runs the editors by turns until one starts; exit code 127: none. */
static int run(struct wf_cli *cli, char *path, struct wf_err *err)
{
    const char *const names[] = {cli->env ? cli->env("VISUAL") : NULL,
                                 cli->env ? cli->env("EDITOR") : NULL, "nano", "vi"};
    int status = 0;
    pid_t pid = fork();

    if (pid < 0)
        return wf_err_errno(err, errno, "%s", _("starting the editor"));
    if (pid == 0) {
        for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
            char *command = wf_strdup(names[i] ? names[i] : "");
            if (command != NULL)
                exec_words(command, path);
        }
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return wf_err_set(
            err, WF_E_NOENT, "%s",
            _("No editor was found: set EDITOR, or give the text on standard input."));
    return wf_err_set(err, WF_E_CANCELED, "%s",
                      _("The editor did not end well: nothing was changed."));
}

int wf_editor_run(struct wf_cli *cli, struct wf_buf *io_text, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES + 32];
    int fd, rc;

    snprintf(path, sizeof(path), "%s/draft-XXXXXX.md", cli->home.dir);
    fd = mkstemps(path, 3); /* 0600 */
    if (fd < 0)
        return wf_err_errno(err, errno, "%s", path);
    rc = write(fd, io_text->ptr, io_text->len) == (ssize_t)io_text->len
             ? 0
             : wf_err_errno(err, errno, "%s", path);
    wf_file_close(&fd);
    if (rc == 0)
        rc = run(cli, path, err);
    if (rc == 0) {
        wf_buf_reset(io_text);
        rc = wf_file_read(path, io_text, err);
    }
    (void)unlink(path); /* nothing more can be done about it */
    return rc;
}
