/* SPDX-License-Identifier: Apache-2.0 */
/* The line that is typed: libedit with a history, several lines, and pasting.
 *
 * Pasted text comes between marks (bracketed paste), so that its line ends are text and do not send
 * it half. Ctrl-C is a key while a line is typed: it gives the line up. */
#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "cli/run.h"
#include "os/file.h"

#define HISTORY_MAX 1000
#define PASTE_CHARS_MAX (1 << 20)
#define PASTE_END L"\033[201~"
#define TRIPLE "\"\"\""

struct wf_run_line {
    EditLine *edit;
    History *history;
    const char *path; /* of the history; owned */
    bool goes_on;     /* the prompt is that of a further line */
    bool canceled;
};

static char *prompt(EditLine *e)
{
    /* A sequence that ends a prompt would not be sent, so the space comes behind it. */
    static char first[] = "\1\033[1;36m\1>\1\033[0m\1 ", further[] = "\1\033[2m\1.\1\033[0m\1 ";
    struct wf_run_line *l = NULL;

    el_get(e, EL_CLIENTDATA, &l);
    return l && l->goes_on ? further : first;
}

static unsigned char on_cancel(EditLine *e, int key)
{
    struct wf_run_line *l = NULL;

    (void)key;
    el_get(e, EL_CLIENTDATA, &l);
    l->canceled = true;
    el_push(e, "\n"); /* ends the line, wherever the cursor is */
    return CC_NORM;
}

/* The shell's, which the terminal does not send while keys are read one by one. */
static unsigned char on_suspend(EditLine *e, int key)
{
    (void)key;
    el_set(e, EL_PREP_TERM, 0);
    fputs("\033[?2004l", stdout);
    fflush(stdout);
    (void)raise(SIGTSTP);
    fputs("\033[?2004h", stdout);
    fflush(stdout);
    el_set(e, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

/* Reads what is pasted up to its end mark; control characters other than line ends are left out. */
static unsigned char on_paste(EditLine *e, int key)
{
    const size_t n_end = wcslen(PASTE_END);
    wchar_t *text = wf_alloc_array(PASTE_CHARS_MAX + 1, sizeof(wchar_t)), c;
    size_t n = 0, n_matched = 0;

    (void)key;
    if (!text)
        return CC_ERROR;
    while (n_matched < n_end && el_wgetc(e, &c) == 1) {
        n_matched = c == PASTE_END[n_matched] ? n_matched + 1 : c == PASTE_END[0] ? 1 : 0;
        if (c == L'\r')
            c = L'\n';
        if (n_matched == 0 && n < PASTE_CHARS_MAX && (c >= 0x20 || c == L'\n' || c == L'\t'))
            text[n++] = c == L'\t' ? L' ' : c;
    }
    text[n] = 0;
    if (n > 0)
        (void)el_winsertstr(e, text); /* too long for its memory: nothing is pasted */
    wf_free(text);
    return CC_REFRESH;
}

/* Tab behind the beginning of a /command writes its rest. */
static unsigned char on_tab(EditLine *e, int key)
{
    const LineInfo *line = el_line(e);
    size_t n = (size_t)(line->cursor - line->buffer);
    const char *found = NULL, *name;

    (void)key;
    if (n == 0 || line->buffer[0] != '/' || line->cursor != line->lastchar)
        return CC_ERROR;
    for (size_t i = 0; (name = wf_run_command_at(i)) != NULL; i++) {
        if (strncmp(name, line->buffer, n) != 0)
            continue;
        if (found)
            return CC_ERROR;
        found = name;
    }
    if (!found || el_insertstr(e, found + n) != 0 || el_insertstr(e, " ") != 0)
        return CC_ERROR;
    return CC_REFRESH;
}

static void bind_keys(EditLine *e)
{
    el_set(e, EL_EDITOR, "emacs");
    el_set(e, EL_ADDFN, "weft-cancel", "give the line up", on_cancel);
    el_set(e, EL_ADDFN, "weft-suspend", "stop weft, until the shell goes on with it", on_suspend);
    el_set(e, EL_ADDFN, "weft-paste", "take pasted text in", on_paste);
    el_set(e, EL_ADDFN, "weft-tab", "complete a command", on_tab);
    el_source(e, NULL); /* the person's own ~/.editrc */
    el_set(e, EL_SETTY, "-d", "-isig", NULL);
    el_set(e, EL_BIND, "^Z", "weft-suspend", NULL);
    el_set(e, EL_BIND, "^C", "weft-cancel", NULL);
    el_set(e, EL_BIND, "\033[200~", "weft-paste", NULL);
    el_set(e, EL_BIND, "\t", "weft-tab", NULL);
    el_set(e, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(e, EL_BIND, "\033[1;5C", "em-next-word", NULL);
    el_set(e, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
    el_set(e, EL_BIND, "\033[H", "ed-move-to-beg", NULL);
    el_set(e, EL_BIND, "\033[F", "ed-move-to-end", NULL);
    el_set(e, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
}

int wf_run_line_new(const char *history_path, struct wf_run_line **out, struct wf_err *err)
{
    struct wf_run_line *l = wf_alloc_array(1, sizeof(*l));
    HistEvent ev;

    if (!l)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Out of memory."));
    l->path = wf_strdup(history_path);
    l->edit = el_init("weft", stdin, stdout, stderr);
    l->history = history_init();
    if (!l->path || !l->edit || !l->history) {
        wf_run_line_free(l);
        return wf_err_set(err, WF_E_IO, "%s", _("This terminal cannot be typed on."));
    }
    history(l->history, &ev, H_SETSIZE, HISTORY_MAX);
    history(l->history, &ev, H_SETUNIQUE, 1);
    history(l->history, &ev, H_LOAD, l->path); /* there is none the first time */
    el_set(l->edit, EL_CLIENTDATA, l);
    el_set(l->edit, EL_PROMPT_ESC, prompt, '\1');
    el_set(l->edit, EL_HIST, history, l->history);
    el_set(l->edit, EL_SIGNAL, 1);
    bind_keys(l->edit);
    *out = l;
    return 0;
}

void wf_run_line_free(struct wf_run_line *l)
{
    if (!l)
        return;
    if (l->edit)
        el_end(l->edit);
    if (l->history)
        history_end(l->history);
    wf_free((char *)(uintptr_t)l->path);
    wf_free(l);
}

/* The file is made for its owner alone before a word goes into it. */
static void remember(struct wf_run_line *l, const char *text)
{
    HistEvent ev;
    int fd = -1;

    if (history(l->history, &ev, H_ENTER, text) < 0)
        return;
    if (wf_file_create(l->path, &fd, NULL) != 0)
        (void)chmod(l->path, 0600); /* it is there; where it is not, the next line says so */
    wf_file_close(&fd);
    history(l->history, &ev, H_SAVE, l->path); /* without it the history ends with the program */
}

/* One line as it was typed or pasted, without its end. */
static enum wf_run_key read_line(struct wf_run_line *l, struct wf_str *out)
{
    int n = 0;
    const char *line;

    l->canceled = false;
    fputs("\033[?2004h", stdout);
    fflush(stdout);
    /* Of itself libedit shows the prompt first: a key between the two would be the system's, which
     * turns Ctrl-D into another byte and Ctrl-C into a signal. */
    el_set(l->edit, EL_PREP_TERM, 1);
    do {
        errno = 0;
        line = el_gets(l->edit, &n);
    } while (!line && errno == EINTR);
    fputs("\033[?2004l", stdout);
    fflush(stdout);
    if (l->canceled)
        return WF_RUN_CANCEL;
    if (!line || n <= 0)
        return WF_RUN_LEAVE;
    *out = wf_str_n(line, (size_t)n);
    if (wf_str_ends(*out, WF_STR("\n")))
        out->len--;
    return WF_RUN_TEXT;
}

/* Takes a line into the message; returns whether it goes on behind it. */
static bool add_line(struct wf_buf *out, struct wf_str line, bool *io_quoted)
{
    const struct wf_str triple = WF_STR(TRIPLE);
    bool ends = false, continues = false;

    if (!*io_quoted && out->len == 0 && wf_str_starts(line, triple)) {
        *io_quoted = true;
        line = wf_str_sub(line, triple.len, line.len);
    }
    if (*io_quoted && wf_str_ends(line, triple)) {
        ends = true;
        line.len -= triple.len;
    } else if (!*io_quoted && wf_str_ends(line, WF_STR("\\"))) {
        continues = true;
        line.len--;
    }
    wf_buf_append_str(out, line);
    if ((*io_quoted && !ends) || continues)
        wf_buf_append_byte(out, '\n');
    return continues || (*io_quoted && !ends);
}

enum wf_run_key wf_run_line_read(struct wf_run_line *l, struct wf_buf *out)
{
    bool quoted = false;
    struct wf_str line;
    enum wf_run_key key;

    wf_buf_reset(out);
    l->goes_on = false;
    do {
        key = read_line(l, &line);
        if (key != WF_RUN_TEXT)
            break;
        l->goes_on = add_line(out, line, &quoted);
    } while (l->goes_on && wf_buf_status(out) == 0);
    if (key == WF_RUN_LEAVE && l->goes_on) /* Ctrl-D ends a message of several lines */
        key = WF_RUN_TEXT;
    if (key == WF_RUN_TEXT && wf_str_trim(wf_buf_str(out)).len > 0)
        remember(l, out->ptr);
    return key;
}
