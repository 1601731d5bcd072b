/* SPDX-License-Identifier: Apache-2.0 */
/* Times in sentences of four languages, seen from a Monday: 2026-11-30 10:20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "text/when.h"

static const struct wf_civil now = {2026, 11, 30, 10, 20};

struct row {
    const char *text, *at; /* NULL: no time in it */
    const char *part;      /* where it stands; NULL: anywhere */
};

static void check(const struct row *r)
{
    struct wf_when w = {.n_parts = 0};
    struct wf_str text = wf_str_from(r->text);
    char at[WF_CIVIL_BYTES];
    bool found = wf_when_find(text, &now, &w);

    if (!r->at) {
        if (found)
            fail_msg("%s: found %s", r->text, wf_civil_print(&w.at, at));
        return;
    }
    if (!found)
        fail_msg("%s: nothing found", r->text);
    if (strcmp(wf_civil_print(&w.at, at), r->at) != 0)
        fail_msg("%s: %s, not %s", r->text, at, r->at);
    assert_in_range(w.n_parts, 1, 2);
    if (r->part) {
        struct wf_str part = wf_str_sub(text, w.parts[0].from, w.parts[0].to);
        if (!wf_str_eq(part, wf_str_from(r->part)))
            fail_msg("%s: stands at '%.*s'", r->text, WF_STR_ARG(part));
    }
}

static void check_all(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&rows[i]);
}

static void test_when__finds_times_in_english(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"remind me to call Ana on Friday", "2026-12-04T09:00", "on Friday"},
        {"remind me on Friday at nine to call Ana", "2026-12-04T09:00", "on Friday at nine"},
        {"remind me on Friday to call Ana at 4 pm", "2026-12-04T16:00", "on Friday"},
        {"tomorrow at nine remind me", "2026-12-01T09:00", "tomorrow at nine"},
        {"tomorrow at five", "2026-12-01T17:00", NULL},
        {"tomorrow at 05:00", "2026-12-01T05:00", NULL},
        {"at 5 pm", "2026-11-30T17:00", NULL},
        {"at 5 p.m. sharp", "2026-11-30T17:00", NULL},
        {"at 12 am", "2026-12-01T00:00", NULL},
        {"at nine", "2026-11-30T21:00", NULL},
        {"at 9 in the morning", "2026-12-01T09:00", NULL},
        {"in two hours", "2026-11-30T12:20", "in two hours"},
        {"in half an hour", "2026-11-30T10:50", NULL},
        {"in an hour and a half", "2026-11-30T11:50", NULL},
        {"in ten minutes", "2026-11-30T10:30", NULL},
        {"twenty-five minutes from now", "2026-11-30T10:45", NULL},
        {"in 3 days at noon", "2026-12-03T12:00", NULL},
        {"in two weeks", "2026-12-14T09:00", NULL},
        {"in 3 months", "2027-02-28T09:00", NULL},
        {"next Monday morning", "2026-12-07T09:00", NULL},
        {"Monday at eleven", "2026-11-30T11:00", NULL},
        {"next week", "2026-12-07T09:00", NULL},
        {"next month", "2026-12-01T09:00", NULL},
        {"this afternoon", "2026-11-30T15:00", NULL},
        {"tonight", "2026-11-30T20:00", NULL},
        {"tomorrow evening at 7", "2026-12-01T19:00", NULL},
        {"on 12 March", "2027-03-12T09:00", "on 12 March"},
        {"on March 12th, 2028 at half past six", "2028-03-12T18:30", NULL},
        {"on the first of May", "2027-05-01T09:00", "on the first of May"},
        {"the day after tomorrow", "2026-12-02T09:00", NULL},
        {"at noon", "2026-11-30T12:00", NULL},
        {"at midnight", "2026-12-01T00:00", NULL},
        {"quarter to eight tomorrow", "2026-12-01T07:45", NULL},
        {"tomorrow ten past nine", "2026-12-01T09:10", NULL},
        {"before the weekend", "2026-12-04T09:00", NULL},
        {"at the weekend", "2026-12-05T09:00", NULL},
        {"2027-03-12 14:30", "2027-03-12T14:30", NULL},
        {"on 29 February", "2028-02-29T09:00", NULL},
        {"on 30 November at ten", "2027-11-30T10:00", NULL},
        {"today", "2026-11-30T11:20", NULL},
        {"on Friday the 11th at nine", "2026-12-11T09:00", NULL},
        {"on Tuesday, 12 May", "2027-05-12T09:00", NULL},
        {"on the 21st", "2026-12-21T09:00", "on the 21st"},
        {"March twenty-second", "2027-03-22T09:00", NULL},
        {"Wednesday of next week", "2026-12-09T09:00", NULL},
        {"next week Wednesday", "2026-12-09T09:00", NULL},
        {"tomorrow at five-thirty", "2026-12-01T17:30", NULL},
        {"tomorrow at seven twenty-seven", "2026-12-01T07:27", NULL},
        {"7:56:30 pm", "2026-11-30T19:56", NULL},
    };
    check_all(rows, WF_ARRAY_LEN(rows));
}

static void test_when__finds_times_in_german(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"erinnere mich am Freitag daran, Ana anzurufen", "2026-12-04T09:00", "am Freitag"},
        {"erinnere mich morgen um neun daran", "2026-12-01T09:00", "morgen um neun"},
        {"um 17 Uhr", "2026-11-30T17:00", "um 17 Uhr"},
        {"um 5 Uhr", "2026-12-01T05:00", NULL},
        {"um 17:30 Uhr", "2026-11-30T17:30", NULL},
        {"morgen um 14 Uhr 15", "2026-12-01T14:15", NULL},
        {"um halb neun morgens", "2026-12-01T08:30", NULL},
        {"übermorgen um Viertel nach zehn", "2026-12-02T10:15", NULL},
        {"nächsten Montag", "2026-12-07T09:00", NULL},
        {"heute Abend", "2026-11-30T18:00", NULL},
        {"heute Morgen", "2026-11-30T09:00", NULL},
        {"morgen früh", "2026-12-01T09:00", NULL},
        {"in zwei Stunden", "2026-11-30T12:20", NULL},
        {"in einer halben Stunde", "2026-11-30T10:50", NULL},
        {"in fünfundzwanzig Minuten", "2026-11-30T10:45", NULL},
        {"am 12. März", "2027-03-12T09:00", "am 12. März"},
        {"am 12.3.2027 um 8", "2027-03-12T08:00", NULL},
        {"am 3.12.", "2026-12-03T09:00", NULL},
        {"am ersten Mai", "2027-05-01T09:00", NULL},
        {"vor dem Wochenende", "2026-12-04T09:00", NULL},
        {"um 12 Uhr nachts", "2026-12-01T00:00", NULL},
        {"nächste Woche", "2026-12-07T09:00", NULL},
        {"um 9 am Freitag", "2026-12-04T09:00", NULL},
        {"am Freitagmorgen", NULL, NULL},
    };
    check_all(rows, WF_ARRAY_LEN(rows));
}

static void test_when__finds_times_in_french(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"rappelle-moi vendredi d'appeler Ana", "2026-12-04T09:00", "vendredi"},
        {"demain à neuf heures", "2026-12-01T09:00", "demain à neuf heures"},
        {"à 17 h", "2026-11-30T17:00", "à 17 h"},
        {"à 17h30", "2026-11-30T17:30", NULL},
        {"demain à huit heures et demie", "2026-12-01T08:30", NULL},
        {"demain à dix heures moins le quart", "2026-12-01T09:45", NULL},
        {"lundi prochain", "2026-12-07T09:00", NULL},
        {"ce soir", "2026-11-30T18:00", NULL},
        {"cet après-midi", "2026-11-30T15:00", NULL},
        {"à neuf heures du soir", "2026-11-30T21:00", NULL},
        {"dans deux heures", "2026-11-30T12:20", NULL},
        {"dans une demi-heure", "2026-11-30T10:50", NULL},
        {"le 12 mars", "2027-03-12T09:00", "le 12 mars"},
        {"le 1er mai", "2027-05-01T09:00", NULL},
        {"après-demain à midi", "2026-12-02T12:00", NULL},
        {"la semaine prochaine", "2026-12-07T09:00", NULL},
        {"avant le week-end", "2026-12-04T09:00", NULL},
        {"demain matin", "2026-12-01T09:00", NULL},
    };
    check_all(rows, WF_ARRAY_LEN(rows));
}

static void test_when__finds_times_in_spanish(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"recuérdame el viernes llamar a Ana", "2026-12-04T09:00", "el viernes"},
        {"mañana a las nueve", "2026-12-01T09:00", "mañana a las nueve"},
        {"a las cinco", "2026-11-30T17:00", NULL},
        {"mañana a las ocho y media", "2026-12-01T08:30", NULL},
        {"a las nueve de la noche", "2026-11-30T21:00", NULL},
        {"mañana por la mañana", "2026-12-01T09:00", NULL},
        {"el próximo lunes", "2026-12-07T09:00", NULL},
        {"esta noche", "2026-11-30T20:00", NULL},
        {"esta tarde", "2026-11-30T15:00", NULL},
        {"en dos horas", "2026-11-30T12:20", NULL},
        {"dentro de media hora", "2026-11-30T10:50", NULL},
        {"el 12 de marzo", "2027-03-12T09:00", "el 12 de marzo"},
        {"el 12 de marzo de 2028", "2028-03-12T09:00", NULL},
        {"pasado mañana a mediodía", "2026-12-02T12:00", NULL},
        {"el martes 9 de mayo", "2027-05-09T09:00", NULL},
        {"la semana que viene", "2026-12-07T09:00", NULL},
        {"antes del fin de semana", "2026-12-04T09:00", NULL},
    };
    check_all(rows, WF_ARRAY_LEN(rows));
}

static void test_when__finds_no_time_where_none_is(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", NULL, NULL},
        {"call Ana about the lease", NULL, NULL},
        {"summarize report.pdf", NULL, NULL},
        {"invoice-0312.pdf, page 7", NULL, NULL},
        {"may I march on", NULL, NULL},
        {"the meter number is 88123", NULL, NULL},
        {"11/12/2026", NULL, NULL},
        {"the second half", NULL, NULL},
        {"31 February", NULL, NULL},
        {"Rechnungen vom März", NULL, NULL},
        /* gone by, or counted from another time: better not understood */
        {"what happened last Friday", NULL, NULL},
        {"letzten Montag", NULL, NULL},
        {"lundi dernier", NULL, NULL},
        {"three weeks from tomorrow", NULL, NULL},
        {"two days after Monday", NULL, NULL},
    };
    check_all(rows, WF_ARRAY_LEN(rows));
}

static void test_when__says_what_repeats_and_whether_a_time_was_said(void **state)
{
    (void)state;
    static const char *const repeat[] = {"every Tuesday", "jeden Dienstag", "chaque mardi",
                                         "cada martes"};
    struct wf_when w;
    char at[WF_CIVIL_BYTES];

    for (size_t i = 0; i < WF_ARRAY_LEN(repeat); i++) {
        assert_true(wf_when_find(wf_str_from(repeat[i]), &now, &w));
        assert_true(w.repeats);
        assert_false(w.has_time);
        assert_string_equal(wf_civil_print(&w.at, at), "2026-12-01T09:00");
    }
    assert_true(wf_when_find(WF_STR("on Tuesday at ten"), &now, &w));
    assert_false(w.repeats);
    assert_true(w.has_time);
    assert_true(wf_when_find(WF_STR("on Friday to call Ana at nine"), &now, &w));
    assert_int_equal(w.n_parts, 2);
}

/* No place in memory but the text's is read, whatever is in it (seen by the sanitizer). */
static void test_when__reads_any_text(void **state)
{
    (void)state;
    static const char *const parts[] = {"in ", "12",  ".",   ":", "h", "next ",  "à ",      "halb ",
                                        "-",   "at ", "de ", "é", "'", "march ", "quarter "};
    char text[600];
    uint32_t x = 1;
    struct wf_when w;

    for (int round = 0; round < 3000; round++) {
        size_t n = 0;
        for (int k = 0; k < 40; k++) {
            const char *p = parts[(x = x * 1103515245u + 12345u) >> 16 & 0xffff
                                      ? (x >> 16) % WF_ARRAY_LEN(parts)
                                      : 0];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        if (wf_when_find(wf_str_n(text, n), &now, &w)) {
            assert_true(wf_civil_is_valid(&w.at));
            assert_true(w.parts[0].from < w.parts[0].to && w.parts[0].to <= n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when__finds_times_in_english),
        cmocka_unit_test(test_when__finds_times_in_german),
        cmocka_unit_test(test_when__finds_times_in_french),
        cmocka_unit_test(test_when__finds_times_in_spanish),
        cmocka_unit_test(test_when__finds_no_time_where_none_is),
        cmocka_unit_test(test_when__says_what_repeats_and_whether_a_time_was_said),
        cmocka_unit_test(test_when__reads_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
