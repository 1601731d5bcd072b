/* SPDX-License-Identifier: Apache-2.0 */
/* Which words are slips of the finger, and which begin sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/plain.h"

static void test_plain__counts_slips(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned d;
    } rows[] = {
        {"search", "search", 0}, {"serach", "search", 1},
        {"seach", "search", 1},  {"searchh", "search", 1},
        {"dearch", "search", 1}, {"remind", "remove", 3},
        {"", "up", 2},           {"kitten", "sitting", 3},
        {"ab", "ba", 1},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        assert_int_equal(wf_plain_distance(rows[i].a, rows[i].b), rows[i].d);
        assert_int_equal(wf_plain_distance(rows[i].b, rows[i].a), rows[i].d);
    }
    assert_int_equal(wf_plain_distance("a word of many letters, more than any command", "up"),
                     WF_PLAIN_DISTANCE_MAX + 1);
}

static void test_plain__tells_slips_from_first_words(void **state)
{
    (void)state;
    static const struct {
        const char *word, *command;
        bool is_slip;
    } slips[] = {
        {"serach", "search", true}, {"sumarize", "summarize", true},
        {"doktor", "doctor", true}, {"modles", "models", true},
        {"lnk", "link", true},      {"aks", "ask", true},
        {"adf", "add", false},      {"as", "ask", false},
        {"ruin", "run", false},
    };
    static const char *const words[] = {"remind", "what",  "translate", "and",  "show", "find",
                                        "is",     "tell",  "plan",      "pair", "mark", "look",
                                        "fasse",  "suche", "rappelle",  "busca"};
    static const char *const commands[] = {"up",        "add",   "ask",  "search",
                                           "summarize", "run",   "link", "lens",
                                           "remove",    "watch", "pull", "train"};

    for (size_t i = 0; i < WF_ARRAY_LEN(slips); i++)
        assert_int_equal(wf_plain_is_near(slips[i].word, slips[i].command), slips[i].is_slip);
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        for (size_t k = 0; k < WF_ARRAY_LEN(commands); k++) {
            if (wf_plain_is_near(words[i], commands[k]))
                fail_msg("%s is taken for %s", words[i], commands[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain__counts_slips),
        cmocka_unit_test(test_plain__tells_slips_from_first_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
