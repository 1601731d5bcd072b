/* SPDX-License-Identifier: Apache-2.0 */
/* A model's text on a terminal, as it comes.
 *
 * A word is held back until it is whole, so that it can go to the next line; that is all that is
 * held back. Control characters become U+FFFD: what a model writes is foreign, and a terminal obeys
 * escape sequences. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/run.h"
#include "text/utf8.h"

#define WORD_BYTES_MAX 1024
#define TAB_CELLS 4
#define REPLACEMENT 0xfffdu

static size_t terminal_width(void)
{
    struct winsize ws;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
        return ws.ws_col;
    return 80;
}

void wf_run_print_init(struct wf_run_print *p, bool wraps)
{
    *p = (struct wf_run_print){
        .is_terminal = isatty(STDOUT_FILENO), .keeps_lines = !wraps, .width = terminal_width()};
    wf_buf_init(&p->word, WORD_BYTES_MAX);
}

void wf_run_print_deinit(struct wf_run_print *p)
{
    wf_buf_deinit(&p->word);
}

void wf_run_print_wait(struct wf_run_print *p)
{
    if (!p->is_terminal)
        return;
    fputs("\033[2m…\033[0m", stdout);
    fflush(stdout);
    p->is_waiting = true;
}

static void stop_waiting(struct wf_run_print *p)
{
    if (p->is_waiting)
        fputs("\r\033[K", stdout);
    p->is_waiting = false;
}

/* The word that was held back, on this line or the next. */
static void put_word(struct wf_run_print *p)
{
    if (p->word.len == 0)
        return;
    if (!p->keeps_lines && !p->is_cut && p->column > 0 &&
        p->column + p->n_gap + p->n_cells > p->width) {
        putchar('\n');
        p->column = p->n_gap = 0;
    }
    printf("%*s%s", (int)p->n_gap, "", p->word.ptr);
    p->column += p->n_gap + p->n_cells;
    if (p->is_cut)
        p->column = (p->column - 1) % p->width + 1; /* the terminal went on below by itself */
    p->n_gap = p->n_cells = 0;
    wf_buf_reset(&p->word);
}

/* The word that was held back ends here. */
static void end_word(struct wf_run_print *p)
{
    put_word(p);
    p->is_cut = false;
}

static void put_line_end(struct wf_run_print *p)
{
    end_word(p);
    putchar('\n');
    p->column = p->n_gap = 0;
}

/* How many cells a character takes; negative: it must not be printed. */
static int cells_of(uint32_t cp)
{
    int n;

    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return -1;
    n = wcwidth((wchar_t)cp);
    return n >= 0 ? n : 1;
}

static void put_point(struct wf_run_print *p, uint32_t cp)
{
    char bytes[4];
    int cells = cells_of(cp);

    if (cells < 0) {
        cp = REPLACEMENT;
        cells = 1;
    }
    if (cells == 2) {
        end_word(p); /* scripts that are written without spaces break anywhere */
    } else if (p->n_cells + (size_t)cells > p->width || p->word.len > WORD_BYTES_MAX - 8) {
        put_word(p); /* an address, say: whoever copies it wants no line end in it */
        p->is_cut = true;
    }
    wf_buf_append(&p->word, bytes, wf_utf8_put(bytes, cp)); /* it fits */
    p->n_cells += (size_t)cells;
}

static void put_terminal(struct wf_run_print *p, struct wf_str text)
{
    size_t i = 0;

    while (i < text.len) {
        uint32_t cp = wf_utf8_next(text, &i);
        bool is_space = cp == ' ' || cp == '\t';
        if (!p->has_begun && (is_space || cp == '\n'))
            continue; /* models like to begin with empty lines */
        p->has_begun = true;
        if (cp == '\n') {
            put_line_end(p);
        } else if (is_space) {
            end_word(p);
            p->n_gap += cp == '\t' ? TAB_CELLS : 1;
        } else if (cp != '\r') {
            put_point(p, cp);
        }
    }
}

/* Between thoughts and the answer: an empty line, and other letters. */
static void turn(struct wf_run_print *p, bool is_thought)
{
    if (p->is_dim == is_thought)
        return;
    end_word(p);
    if (p->has_begun)
        fputs(p->column > 0 ? "\n\n" : "\n", stdout);
    fputs(is_thought ? "\033[2m" : "\033[0m", stdout);
    p->is_dim = is_thought;
    p->has_begun = false;
    p->column = p->n_gap = 0;
}

void wf_run_print_text(struct wf_run_print *p, struct wf_str text, bool is_thought)
{
    if (text.len == 0 || (is_thought && !p->is_terminal))
        return;
    if (p->is_terminal) {
        stop_waiting(p);
        turn(p, is_thought);
        put_terminal(p, text);
    } else {
        fwrite(text.ptr, 1, text.len, stdout);
    }
    fflush(stdout);
}

void wf_run_print_end(struct wf_run_print *p)
{
    stop_waiting(p);
    if (p->is_terminal) {
        end_word(p);
        if (p->is_dim)
            fputs("\033[0m", stdout);
        if (p->column > 0)
            putchar('\n');
    }
    fflush(stdout);
    p->is_dim = p->has_begun = false;
    p->column = p->n_gap = 0;
}
