/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of task data: requests, questions, rows and pairs, summaries: each form on a small
 * sample, mistakes in it, and the real sets by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/data_questions.h"
#include "train/data_requests.h"
#include "train/data_rows.h"
#include "train/data_summaries.h"

#define DATA "../shared/data/"

/* Each of these describes an item in one line. */

static int on_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    for (size_t i = 0; i < q->n_intents; i++)
        (void)wf_buf_appendf(b, "%.*s ", WF_STR_ARG(q->intents[i]));
    (void)wf_buf_appendf(b, "[%.*s]", WF_STR_ARG(q->text));
    for (size_t i = 0; i < q->n_slots; i++)
        (void)wf_buf_appendf(b, " %.*s=%.*s", WF_STR_ARG(q->slots[i].name),
                             WF_STR_ARG(wf_str_sub(q->text, q->slots[i].from, q->slots[i].to)));
    return wf_buf_append_byte(b, '\n');
}

static int on_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    (void)wf_buf_appendf(b, "%.*s|%.*s|%.*s|%.*s", WF_STR_ARG(q->key), WF_STR_ARG(q->language),
                         WF_STR_ARG(q->passage), WF_STR_ARG(q->question));
    for (size_t i = 0; i < q->n_answers; i++)
        (void)wf_buf_appendf(
            b, " %zu=%.*s", q->answers[i].from,
            WF_STR_ARG(wf_str_sub(q->passage, q->answers[i].from, q->answers[i].to)));
    return wf_buf_append_cstr(b, q->is_sentences ? " s\n" : "\n");
}

static int on_row(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    for (size_t i = 0; i < row->n; i++)
        (void)wf_buf_appendf(b, "[%.*s]", WF_STR_ARG(row->columns[i]));
    return wf_buf_append_byte(b, '\n');
}

static int on_pair(void *ud, const struct wf_data_pair *p, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    return wf_buf_appendf(b, "%.*s|%.*s|%.*s %d %.1f\n", WF_STR_ARG(p->language), WF_STR_ARG(p->a),
                          WF_STR_ARG(p->b), (int)p->relation, p->score);
}

static int on_summary(void *ud, const struct wf_data_summary *s, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    (void)wf_buf_appendf(b, "%.*s|%.*s|%.*s|%.*s", WF_STR_ARG(s->key), WF_STR_ARG(s->query),
                         WF_STR_ARG(s->document), WF_STR_ARG(s->extract));
    for (size_t i = 0; i < s->n_references; i++)
        (void)wf_buf_appendf(b, " <%.*s>", WF_STR_ARG(s->references[i]));
    for (size_t i = 0; i < s->n_parts; i++)
        (void)wf_buf_appendf(b, " (%.*s)",
                             WF_STR_ARG(wf_str_sub(s->document, s->parts[i].from, s->parts[i].to)));
    return wf_buf_append_byte(b, '\n');
}

enum kind {
    REQUESTS,
    QUESTIONS,
    ROWS,
    PAIRS,
    SUMMARIES
};

static int read_kind(enum kind kind, struct wf_lines *l, struct wf_buf *out, struct wf_err *err)
{
    switch (kind) {
    case REQUESTS:
        return wf_data_requests_read_lines(l, on_request, out, err);
    case QUESTIONS:
        return wf_data_questions_read_lines(l, on_question, out, err);
    case ROWS:
        return wf_data_rows_read_lines(l, false, 2, on_row, out, err);
    case PAIRS:
        return wf_data_pairs_read_lines(l, on_pair, out, err);
    case SUMMARIES:
        break;
    }
    return wf_data_summaries_read_lines(l, on_summary, out, err);
}

static int read_bytes(enum kind kind, const char *bytes, struct wf_buf *out, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open_bytes("x", wf_str_from(bytes), &l, err);

    if (rc == 0)
        rc = read_kind(kind, l, out, err);
    wf_lines_close(l);
    return rc;
}

static void expect(enum kind kind, const char *bytes, const char *want)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf got;

    wf_buf_init(&got, 1u << 16);
    if (read_bytes(kind, bytes, &got, &err) != 0)
        fail_msg("%s", err.msg);
    assert_string_equal(got.ptr, want);
    wf_buf_deinit(&got);
}

static void test_data__requests(void **state)
{
    (void)state;
    expect(REQUESTS, "greet\tHello there \n\nbye\tTschüß\r\n",
           "greet [Hello there]\nbye [Tschüß]\n");
    expect(
        REQUESTS,
        "{\"intent\":\"play\",\"text\":\" Spiel Böhm an. \",\"slots\":[[\"artist\",7,11]]}\n"
        "{\"intents\":[\"a\",\"b\"],\"text\":\"at 9\",\"slots\":{\"time\":{\"text\":\"9\",\"span\":"
        "[3,4]}}}\n{\"text\":\"x\",\"slots\":[]}",
        "play [Spiel Böhm an.] artist=Böhm\na b [at 9] time=9\n[x]\n");
}

static void test_data__questions(void **state)
{
    (void)state;
    expect(
        QUESTIONS,
        "{\"lang\":\"de\",\"title\":\"T\",\"context\":\"Über Rom und Rom\",\"question\":\"Wo? \","
        "\"answers\":[{\"text\":\"Rom\",\"start\":13},{\"text\":\"Rom\",\"start\":13},"
        "{\"text\":\"Rom\",\"start\":2}],\"impossible\":false}\n"
        "{\"context\":\"c d\",\"question\":\"q\",\"answers\":[],\"impossible\":true}\n"
        "{\"context\":\"c d\",\"question\":\"q\",\"answers\":[{\"text\":\"zz\",\"start\":0}]}\n",
        "T|de|Über Rom und Rom|Wo? 14=Rom 6=Rom\nc d||c d|q\n");
    expect(QUESTIONS,
           "{\"title\":\"T\",\"context\":\"a "
           "b\",\"qas\":[{\"id\":\"1\",\"question\":\"q\",\"answers\":"
           "[[\"b\",2]]},{\"question\":\"r\",\"answers\":[[\" b\",1]]}]}",
           "T||a b|q 2=b\nT||a b|r 2=b\n");
    expect(QUESTIONS,
           "{\"input\":\"q\",\"passages\":[{\"title\":\"T\",\"text\":\"One. Two. \"}],\"output\":[{"
           "\"answer\":\"x\",\"selected_sentences\":[\"Two.\",\"One.\"]}]}\n"
           "{\"input\":\"r\",\"passages\":[{\"text\":\"One.\"}],\"output\":[{\"answer\":\"\"}]}\n",
           "q|en|One. Two. |q 5=Two. 0=One. s\nr|en|One.|r s\n");
}

static void test_data__rows_and_pairs(void **state)
{
    (void)state;
    expect(ROWS, "a\t b \tc\n\nd\te\n", "[a][b][c]\n[d][e]\n");
    expect(PAIRS,
           "{\"lang\":\"ja\",\"a\":\"x\",\"b\":\"y\",\"score\":2.5}\n"
           "{\"lang\":\"en\",\"a\":\" x\",\"b\":\"y\",\"label\":\"contradiction\"}",
           "ja|x|y 0 2.5\nen|x|y 3 0.0\n");
}

static void test_data__summaries(void **state)
{
    (void)state;
    expect(
        SUMMARIES,
        "{\"id\":\"m\",\"meeting_transcripts\":[{\"speaker\":\"A\",\"content\":\"hi\"},{"
        "\"speaker\":"
        "\"B\",\"content\":\"so\"},{\"speaker\":\"A\",\"content\":\"ok\"}],\"general_query_list\":["
        "{"
        "\"query\":\"Summarize\",\"answer\":\"all\"}],\"specific_query_list\":[{\"query\":\"Why?\","
        "\"answer\":\"so\",\"relevant_text_span\":[[\"1\",\"2\"],[\"0\",\"0\"],[\"2\",\"3\"]]}]}",
        "m||A: hi\nB: so\nA: ok\n| <all>\nm|Why?|A: hi\nB: so\nA: ok\n| <so> (B: so\nA: ok) (A: "
        "hi)\n");
    expect(SUMMARIES,
           "{\"id\":\"e\",\"transcript\":\"t\",\"extract\":\"x\",\"abstract\":\"a\"}\n"
           "{\"document\":\"d\",\"questions\":[{\"question_text\":\"q\",\"responses\":[{"
           "\"response_text\":\"r\"},{\"response_text\":\"s\"}]}]}\n"
           "{\"id\":\"0\",\"dialogue\":\"g\",\"summary\":\"s\"}\n"
           "{\"encounter_id\":\"D1\",\"dialogue\":\"g\",\"note\":\"n\"}\n",
           "e||t|x <a>\nd|q|d| <r> <s>\ng||g| <s>\nD1||g| <n>\n");
}

static void test_data__mistakes_have_a_line(void **state)
{
    static const struct {
        enum kind kind;
        const char *bytes;
        int code;
        const char *says;
    } cases[] = {
        {REQUESTS, "a\tb\nc\n", WF_E_FORMAT, "x:2: "},
        {REQUESTS, "{\"text\":\"ab\",\"slots\":[[\"s\",1,3]]}", WF_E_FORMAT, "x:1: "},
        {REQUESTS, "{\"text\":\"ab\",\"slots\":[[\"s\",1,1]]}", WF_E_FORMAT, "x:1: "},
        {REQUESTS, "{\"text\":\"ab\",\"slots\":[[\"s\"]]}", WF_E_FORMAT, "x:1: "},
        {REQUESTS, "{\"text\":\"ab  \",\"slots\":[[\"s\",2,3]]}", WF_E_FORMAT, "x:1: "},
        {REQUESTS, "{\"text\":", WF_E_FORMAT, "x:1: "},
        {QUESTIONS, "{\"question\":\"q\"}", WF_E_FORMAT, "x:1: "},
        {QUESTIONS, "[]", WF_E_FORMAT, "x:1: "},
        {ROWS, "a\tb\n\nc\n", WF_E_FORMAT, "x:3: "},
        {ROWS, "1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17", WF_E_LIMIT, "x:1: "},
        {PAIRS, "{\"a\":\"x\",\"label\":\"neutral\"}", WF_E_FORMAT, "x:1: "},
        {PAIRS, "{\"a\":\"x\",\"b\":\"y\",\"label\":\"so\"}", WF_E_FORMAT, "x:1: "},
        {SUMMARIES, "{\"id\":\"1\"}", WF_E_FORMAT, "x:1: "},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf got;
        wf_buf_init(&got, 1u << 16);
        if (read_bytes(cases[i].kind, cases[i].bytes, &got, &err) != cases[i].code ||
            strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("case %zu: %s", i, err.msg);
        wf_buf_deinit(&got);
    }
}

static void test_data__a_request_has_limits(void **state)
{
    struct wf_buf b, got;

    (void)state;
    wf_buf_init(&b, 1u << 16);
    wf_buf_init(&got, 1u << 20);
    for (int over = 0; over < 2; over++) {
        wf_buf_reset(&b);
        (void)wf_buf_append_cstr(&b, "{\"text\":\"x\",\"slots\":[");
        for (int i = 0; i < WF_DATA_SLOTS_MAX + over; i++)
            (void)wf_buf_append_cstr(&b, i > 0 ? ",[\"s\",0,1]" : "[\"s\",0,1]");
        (void)wf_buf_append_cstr(&b, "]}");
        assert_int_equal(read_bytes(REQUESTS, b.ptr, &got, NULL), over ? WF_E_LIMIT : 0);
        wf_buf_reset(&b);
        (void)wf_buf_append_cstr(&b, "{\"text\":\"x\",\"intents\":[");
        for (int i = 0; i < WF_DATA_INTENTS_MAX + over; i++)
            (void)wf_buf_append_cstr(&b, i > 0 ? ",\"i\"" : "\"i\"");
        (void)wf_buf_append_cstr(&b, "]}");
        assert_int_equal(read_bytes(REQUESTS, b.ptr, &got, NULL), over ? WF_E_LIMIT : 0);
    }
    wf_buf_deinit(&b);
    wf_buf_deinit(&got);
}

/* ---- the real sets ---- */

static int count_request(void *ud, const struct wf_data_request *q, struct wf_err *err)
{
    (void)err;
    for (size_t i = 0; i < q->n_slots; i++)
        assert_true(q->slots[i].to <= q->text.len);
    ++*(size_t *)ud;
    return 0;
}

static int count_question(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    (void)err;
    for (size_t i = 0; i < q->n_answers; i++)
        assert_true(q->answers[i].to <= q->passage.len);
    ++*(size_t *)ud;
    return 0;
}

static int count_row(void *ud, const struct wf_data_row *row, struct wf_err *err)
{
    (void)err;
    (void)row;
    ++*(size_t *)ud;
    return 0;
}

static int count_pair(void *ud, const struct wf_data_pair *p, struct wf_err *err)
{
    (void)err;
    (void)p;
    ++*(size_t *)ud;
    return 0;
}

static int count_summary(void *ud, const struct wf_data_summary *s, struct wf_err *err)
{
    (void)err;
    (void)s;
    ++*(size_t *)ud;
    return 0;
}

static int count_file(enum kind kind, const char *path, size_t *n, struct wf_err *err)
{
    switch (kind) {
    case REQUESTS:
        return wf_data_requests_read(path, count_request, n, err);
    case QUESTIONS:
        return wf_data_questions_read(path, count_question, n, err);
    case ROWS:
        return wf_data_rows_read(path, strstr(path, "parallel/ntrex") != NULL, 2, count_row, n,
                                 err);
    case PAIRS:
        return wf_data_pairs_read(path, count_pair, n, err);
    case SUMMARIES:
        break;
    }
    return wf_data_summaries_read(path, count_summary, n, err);
}

static void test_data__reads_the_real_sets(void **state)
{
    static const struct {
        enum kind kind;
        const char *path;
        size_t n; /* as the READMEs say */
    } sets[] = {
        {REQUESTS, "nlu-intents/clinc150/train.tsv", 15100},
        {REQUESTS, "nlu-intents/clinc150/val.tsv", 3100},
        {REQUESTS, "nlu-intents/banking77/train.tsv", 10003},
        {REQUESTS, "nlu-intents/nlupp/banking.folds0-13.jsonl", 1450},
        {REQUESTS, "nlu-intents/nlupp/hotels.folds0-13.jsonl", 709},
        {REQUESTS, "nlu-intents/restaurant8k/train_0.jsonl", 8198},
        {REQUESTS, "nlu-intents/snips/train.jsonl.xz", 13784},
        {REQUESTS, "nlu-intents/hwu64/fold1.train.jsonl", 9960},
        {REQUESTS, "meetings/email-intent/train.tsv", 3657},
        {QUESTIONS, "qa-retrieval/squad-dev/train.jsonl.xz", 11245},
        {QUESTIONS, "qa-retrieval/cmrc2018/train.jsonl.xz", 3211}, /* of 3,213 */
        {QUESTIONS, "qa-retrieval/jsquad/train.jsonl.xz", 7001},
        {QUESTIONS, "qa-retrieval/arcd/train.jsonl.xz", 1137},
        {QUESTIONS, "qa-retrieval/covid-qa/train.jsonl.xz", 856},
        {QUESTIONS, "qa-retrieval/xquad/de.part70.jsonl", 797},
        {QUESTIONS, "qa-retrieval/xquad/th.part70.jsonl.xz", 797},
        {QUESTIONS, "qa-retrieval/clapnq/dev_answerable.part70.jsonl", 209}, /* of 210 */
        {QUESTIONS, "qa-retrieval/clapnq/dev_unanswerable.part70.jsonl", 210},
        {ROWS, "langid/ntrex_sentences.tsv.xz", 12800},
        {ROWS, "parallel/tatoeba/en-fr.part70.tsv.xz", 116766},
        {ROWS, "parallel/ntrex/part70.tsv", 1445},
        {PAIRS, "pairs/jsts.train.jsonl.xz", 11932},
        {PAIRS, "pairs/jnli.train.jsonl.xz", 3793},
        {PAIRS, "pairs/klue-sts.train.jsonl.xz", 403},
        {PAIRS, "pairs/klue-nli.train.jsonl.xz", 2364},
        {PAIRS, "pairs/med.train.jsonl.xz", 4171},
        {PAIRS, "pairs/wiki-split.train.jsonl.xz", 12035},
        {SUMMARIES, "meetings/qmsum/train.jsonl.xz", 1257},
        {SUMMARIES, "meetings/qmsum/val.jsonl.xz", 272},
        {SUMMARIES, "meetings/ami-summaries/shared.jsonl.xz", 122},
        {SUMMARIES, "meetings/mts-dialog/train.jsonl.xz", 1201},
        {SUMMARIES, "meetings/aci-bench/train.jsonl.xz", 67},
        {SUMMARIES, "summarisation/squality/train.jsonl.xz", 250},
    };
    struct wf_buf path;
    bool differs = false;

    (void)state;
    wf_buf_init(&path, 4096);
    if (wf_file_read(DATA "README.md", &path, NULL) != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(sets); i++) {
        struct wf_err err = WF_ERR_INIT;
        size_t n = 0;
        wf_buf_reset(&path);
        (void)wf_buf_appendf(&path, DATA "%s", sets[i].path);
        if (count_file(sets[i].kind, path.ptr, &n, &err) != 0)
            fail_msg("%s", err.msg);
        if (n != sets[i].n)
            print_error("%s: %zu, not %zu\n", sets[i].path, n, sets[i].n);
        differs = differs || n != sets[i].n;
    }
    assert_false(differs);
    wf_buf_deinit(&path);
}

static void test_data__survives_failures_of_memory(void **state)
{
    static const struct {
        enum kind kind;
        const char *bytes;
    } cases[] = {
        {REQUESTS, "{\"intent\":\"a\",\"text\":\"b\"}\na\tb\n"},
        {QUESTIONS, "{\"context\":\"a\",\"question\":\"b\",\"impossible\":true}"},
        {ROWS, "a\tb\n"},
        {PAIRS, "{\"a\":\"x\",\"b\":\"y\",\"score\":1}"},
        {SUMMARIES,
         "{\"id\":\"m\",\"meeting_transcripts\":[{\"speaker\":\"A\",\"content\":\"hi\"}],"
         "\"general_query_list\":[{\"answer\":\"all\"}]}"},
    };
    struct wf_buf got;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            int rc;
            wf_buf_init(&got, 1u << 16);
            wf_alloc_fail_at(n);
            rc = read_bytes(cases[i].kind, cases[i].bytes, &got, NULL);
            failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
            wf_buf_deinit(&got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data__requests),
        cmocka_unit_test(test_data__questions),
        cmocka_unit_test(test_data__rows_and_pairs),
        cmocka_unit_test(test_data__summaries),
        cmocka_unit_test(test_data__mistakes_have_a_line),
        cmocka_unit_test(test_data__a_request_has_limits),
        cmocka_unit_test(test_data__reads_the_real_sets),
        cmocka_unit_test(test_data__survives_failures_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
