/* SPDX-License-Identifier: Apache-2.0 */
/* What weft run shows of a model's text on a terminal: words whole, thoughts dimmed, and nothing
 * that could steer it. */
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include <locale.h>

#include "cli/run.h"

static struct wf_run_print p;
static int terminal = -1, own_stdout = -1;
static char seen[8192];

/* From here on standard output is a terminal 20 cells wide. */
static int begin(void **state)
{
    struct winsize ws = {.ws_row = 10, .ws_col = 20};
    struct termios t;
    int slave = -1;
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8") || openpty(&terminal, &slave, NULL, NULL, &ws) != 0)
        return -1;
    tcgetattr(slave, &t);
    t.c_oflag &= ~(tcflag_t)OPOST; /* line ends as they are written */
    tcsetattr(slave, TCSANOW, &t);
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    fflush(stdout);
    own_stdout = dup(STDOUT_FILENO);
    dup2(slave, STDOUT_FILENO);
    close(slave);
    wf_run_print_init(&p, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wf_run_print_deinit(&p);
    return 0;
}

static void say(const char *text, bool is_thought)
{
    wf_run_print_text(&p, wf_str_from(text), is_thought);
}

/* Ends the text, gives standard output back, and compares what the terminal got. */
static void assert_seen(const char *want)
{
    size_t n = 0;
    ssize_t got;
    wf_run_print_end(&p);
    while ((got = read(terminal, seen + n, sizeof(seen) - 1 - n)) > 0)
        n += (size_t)got;
    seen[n] = 0;
    dup2(own_stdout, STDOUT_FILENO);
    close(own_stdout);
    close(terminal);
    assert_string_equal(seen, want);
}

static void test_run_print__words_are_not_cut_at_the_edge(void **state)
{
    (void)state;
    say("one two three fo", false);
    say("ur five six", false);
    say(" seven\n  eight", false);
    assert_seen("one two three four\nfive six seven\n  eight\n");
}

static void test_run_print__a_word_wider_than_the_terminal_is_printed_whole(void **state)
{
    (void)state;
    say("a 1234567890123456789012345", false);
    assert_seen("a\n1234567890123456789012345\n");
}

static void test_run_print__wide_letters_break_anywhere(void **state)
{
    (void)state;
    say("漢字漢字漢字漢字漢字漢字", false);
    assert_seen("漢字漢字漢字漢字漢字\n漢字\n");
}

static void test_run_print__nothing_steers_the_terminal(void **state)
{
    (void)state;
    say("a\033[31mb\a\r\x7f\xc2\x9b", false);
    assert_seen("a\xef\xbf\xbd[31mb\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n");
}

static void test_run_print__thoughts_are_dimmed_and_stand_apart(void **state)
{
    (void)state;
    say("\n hm", true);
    say(" yes", true);
    say("\n\nSo", false);
    assert_seen("\033[2mhm yes\n\n\033[0mSo\n");
}

static void test_run_print__waiting_is_gone_with_the_first_word(void **state)
{
    (void)state;
    wf_run_print_wait(&p);
    say("x", false);
    assert_seen("\033[2m…\033[0m\r\033[Kx\n");
}

static void test_run_print__long_words_are_not_held_back_for_ever(void **state)
{
    (void)state;
    char want[3002];
    for (int i = 0; i < 3000; i++)
        say("x", false);
    memset(want, 'x', 3000);
    want[3000] = '\n';
    want[3001] = 0;
    /* It fills its lines to the edge, where the terminal breaks them. */
    assert_seen(want);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_run_print__words_are_not_cut_at_the_edge),
        T(test_run_print__a_word_wider_than_the_terminal_is_printed_whole),
        T(test_run_print__wide_letters_break_anywhere),
        T(test_run_print__nothing_steers_the_terminal),
        T(test_run_print__thoughts_are_dimmed_and_stand_apart),
        T(test_run_print__waiting_is_gone_with_the_first_word),
        T(test_run_print__long_words_are_not_held_back_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
