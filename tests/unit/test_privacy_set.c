/* SPDX-License-Identifier: Apache-2.0 */
/* The own set: sentences in thirty languages with numbers of all kinds and with numbers of
 * nobody's; recall and precision of the detector, whole, by type and by language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "privacy/detect.h"
#include "support/pii_set.h"

#define SENTENCES 12000
#define LANG_FOUND 95 /* of a hundred, in each language */

static void test_set__the_same_seed_gives_the_same(void **state)
{
    struct pii_set *a = pii_set_new(PII_SET_PATH, 3), *b = pii_set_new(PII_SET_PATH, 3);
    struct pii_sentence x, y;
    unsigned with = 0;

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    for (unsigned i = 0; i < 300; i++) {
        pii_set_next(a, &x);
        pii_set_next(b, &y);
        assert_string_equal(x.text, y.text);
        assert_null(strchr(x.text, '{'));
        assert_true((x.kind != NULL) == (x.end > x.start));
        with += x.kind != NULL;
    }
    assert_int_equal(with, 200);
    pii_set_free(a);
    pii_set_free(b);
}

static void test_set__is_found_and_named(void **state)
{
    static struct pii_measured m;
    struct pii_set *s = pii_set_new(PII_SET_PATH, 4);
    struct wf_detector *d = NULL;
    struct wf_detect_run *run = NULL;
    unsigned weak = 0, bad = 0;

    (void)state;
    assert_non_null(s);
    assert_int_equal(wf_detector_open(&(struct wf_detect_options){0}, &d, NULL), 0);
    assert_int_equal(wf_detect_run_new(d, &run, NULL), 0);
    assert_true(pii_measure(s, run, SENTENCES, &m));
    print_message("%u numbers: found %.4f, named %.4f, precision %.4f\n", m.all.all,
                  (double)m.all.found / m.all.all, pii_recall(&m.all), pii_precision(&m.all));
    for (size_t i = 0; i < m.n_langs; i++) {
        const struct pii_count *l = &m.langs[i];
        if (l->found * 100 < l->all * LANG_FOUND || pii_precision(l) < 0.90) {
            print_message("%s: found %u of %u, precision %.3f\n", l->name, l->found, l->all,
                          pii_precision(l));
            bad++;
        }
    }
    for (size_t i = 0; i < m.n_types; i++)
        weak += pii_recall(&m.types[i]) < 0.9 || pii_precision(&m.types[i]) < 0.9;
    print_message("%u of %zu types have recall or precision below 0.9\n", weak, m.n_types);
    assert_int_equal(bad, 0);
    assert_true(m.n_langs >= 30 && m.n_types >= 400);
    assert_true(m.all.found >= m.all.all * 0.985);
    assert_true(pii_recall(&m.all) >= 0.975);
    assert_true(pii_precision(&m.all) >= 0.98);
    assert_true(weak * 12 <= m.n_types);
    wf_detect_run_free(run);
    wf_detector_free(d);
    pii_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set__the_same_seed_gives_the_same),
        cmocka_unit_test(test_set__is_found_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
