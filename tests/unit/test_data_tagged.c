/* SPDX-License-Identifier: Apache-2.0 */
/* Tagged texts: each form on a small sample, mistakes in it, and the real sets by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/data_tagged.h"

#define DATA "../shared/data/"

/* "text {person:Ana} {place:Rome}\n" for each text, and what the reading returned. */
static int describe(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct wf_buf *b = ud;
    size_t last = 0;

    (void)err;
    (void)wf_buf_append_str(b, t->text);
    for (size_t i = 0; i < t->n_spans; i++) {
        const struct wf_data_span *s = &t->spans[i];
        assert_true(s->from >= last && s->from < s->to && s->to <= t->text.len);
        last = s->to;
        (void)wf_buf_appendf(b, " {%s:%.*s}", wf_entity_name(s->type),
                             WF_STR_ARG(wf_str_sub(t->text, s->from, s->to)));
    }
    return wf_buf_append_byte(b, '\n');
}

static int read_bytes(const struct wf_data_tagged_options *o, const char *bytes, struct wf_buf *out,
                      struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open_bytes("x", wf_str_from(bytes), &l, err);

    if (rc == 0)
        rc = wf_data_tagged_read_lines(l, o, describe, out, err);
    wf_lines_close(l);
    return rc;
}

static void expect(struct wf_data_tagged_options o, const char *bytes, const char *want)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf got;

    wf_buf_init(&got, 1u << 16);
    if (read_bytes(&o, bytes, &got, &err) != 0)
        fail_msg("%s", err.msg);
    assert_string_equal(got.ptr, want);
    wf_buf_deinit(&got);
}

static const struct wf_data_tagged_options conll = {.form = WF_DATA_CONLL};
static const struct wf_data_tagged_options natural = {.form = WF_DATA_CONLL, .is_natural = true};
static const struct wf_data_tagged_options iob2 = {.form = WF_DATA_IOB2};

static void test_data_tagged__both_schemes(void **state)
{
    (void)state;
    expect(conll,
           "Ana\tB-person\nLu\tI-person\nin\tO\nRome\tB-location\n\n\nBo\tB-person\nJo\tB-person",
           "Ana Lu in Rome {person:Ana Lu} {place:Rome}\nBo Jo {person:Bo} {person:Jo}\n");
    expect(conll, "-DOCSTART- -X- O O\n\nOld NNP - I-ORG\nBank NNP - I-ORG\nRome NNP - I-LOC\n\n",
           "Old Bank Rome {organisation:Old Bank} {place:Rome}\n");
    /* a token of nothing is none (found by fuzzing) */
    expect(conll, "\tI-person\nin\tO\n", "in\n");
    expect(conll, "X\tI-MISC\nY\tB-creative-work\nZ\tB-product\n#UN\tB-group\r\n",
           "X Y Z #UN {other:X} {work:Y} {product:Z} {group:#UN}\n");
}

static void test_data_tagged__joins_as_people_write(void **state)
{
    (void)state;
    expect(natural,
           "It\tO\n's\tO\n\"\tO\nAna\tB-person\n\"\tO\n,\tO\nn't\tO\nit\tO\n(\tO\nRome\tB-"
           "location\n)\tO\n?\tO\n",
           "It's \"Ana\",n't it (Rome)? {person:Ana} {place:Rome}\n");
}

static void test_data_tagged__finds_tokens_in_the_text(void **state)
{
    (void)state;
    expect(iob2,
           "# newdoc id = 1\n# text = \u201eAna\u201c ging nach "
           "Rom.\n1\t\u201e\tO\n2\tAna\tB-PER\n3\t\u201c\tO\n"
           "4\tging\tO\n5\tnach\tO\n6\tRom\tB-LOC\n7\t.\tO\n",
           "\u201eAna\u201c ging nach Rom. {person:Ana} {place:Rom}\n");
    /* a range is no token; its parts may stand in the text */
    expect(iob2, "# text = I can't\n1\tI\tO\n2-3\tcan't\t_\n2\tca\tO\n3\tn't\tO\n3.1\tx\t_\n",
           "I can't\n");
    /* a text that has not all tokens is not used */
    expect(iob2, "# text = vom Rom\n1\tvon\tO\n2\tdem\tO\n3\tRom\tB-LOC\n",
           "von dem Rom {place:Rom}\n");
    expect((struct wf_data_tagged_options){.form = WF_DATA_CONLLU},
           "# text = Hi.\n1\tHi\thi\tINTJ\n2\t.\t.\tPUNCT\n", "Hi.\n");
}

static void test_data_tagged__spans_in_code_points(void **state)
{
    struct wf_data_tagged_options o = {.form = WF_DATA_PRESIDIO};

    (void)state;
    expect(o,
           "{\"text\":\"\u00dcber \u00c9va, "
           "Rom\",\"spans\":[{\"type\":\"GPE\",\"start\":10,\"end\":13},"
           "{\"type\":\"PERSON\",\"start\":5,\"end\":8},{\"type\":\"AGE\",\"start\":0,\"end\":1}]}",
           "\u00dcber \u00c9va, Rom {other:\u00dc} {person:\u00c9va} {place:Rom}\n");
    /* of two that overlap the longer one stays */
    expect(o,
           "{\"text\":\"1 Main St, "
           "Rome\",\"spans\":[{\"type\":\"STREET_ADDRESS\",\"start\":0,\"end\":15},"
           "{\"type\":\"GPE\",\"start\":11,\"end\":15}]}",
           "1 Main St, Rome {address:1 Main St, Rome}\n");
}

static void test_data_tagged__spans_in_utf16(void **state)
{
    struct wf_data_tagged_options o = {.form = WF_DATA_RECOGNIZERS};

    (void)state;
    expect(
        o,
        "{\"suite\":\"DateTimeModel\",\"input\":\"\U0001f600 am 3. "
        "Mai\",\"results\":[{\"text\":\"3. "
        "mai\",\"start\":6,\"end\":11,\"type\":\"datetimeV2.date\"}]}\n"
        "{\"suite\":\"EmailModel\",\"input\":\"To A@B.io!\",\"results\":[{\"text\":\"a@b.io\"}]}\n"
        "{\"suite\":\"NumberModel\",\"input\":\"7\",\"results\":[{\"start\":0,\"end\":0}]}\n"
        "{\"suite\":\"AgeModel\",\"input\":\"none\",\"results\":[]}\n",
        "\U0001f600 am 3. Mai {date:3. Mai}\nTo A@B.io! {email:A@B.io}\n7 {other:7}\nnone\n");
}

static void test_data_tagged__addresses(void **state)
{
    struct wf_data_tagged_options o = {.form = WF_DATA_ADDRESS};

    (void)state;
    expect(o,
           "<AddressCollection>\n  <AddressString><Recipient>J &amp; Co</Recipient> "
           "<AddressNumber>1</AddressNumber>\n   <StreetName>Caf&#233; \n</StreetName>   "
           "<PlaceName>Rome,</PlaceName> <NotAddress>x</NotAddress>\n</AddressString>\n"
           "<AddressString><ZipCode>1</ZipCode></AddressString></AddressCollection>\n",
           "J & Co 1 Caf\u00e9 Rome, x {address:1 Caf\u00e9 Rome,}\n1 {address:1}\n");
}

static void test_data_tagged__mistakes_have_a_line(void **state)
{
    static const struct {
        enum wf_data_form form;
        const char *bytes, *says;
    } cases[] = {
        {WF_DATA_CONLL, "a\tO\nb\tB-cheese\n", "x:2: "},
        {WF_DATA_CONLL, "a\tO\nb\n", "x:2: "},
        {WF_DATA_CONLL, "a\tX\n", "x:1: "},
        {WF_DATA_IOB2, "1\ta\n", "x:1: "},
        {WF_DATA_IOB2, "1\ta\tB-\n", "x:1: "},
        {WF_DATA_PRESIDIO, "\n{\"text\":\"abc\",\"spans\":[{\"start\":1,\"end\":4}]}", "x:2: "},
        {WF_DATA_PRESIDIO, "{\"text\":\"\u00c9\",\"spans\":[{\"start\":1,\"end\":2}]}", "x:1: "},
        {WF_DATA_PRESIDIO, "{\"text\":\"a\",\"spans\":[{\"start\":0}]}", "x:1: "},
        {WF_DATA_RECOGNIZERS, "nothing", "x:1: "},
        {WF_DATA_ADDRESS, "<AddressString><A>b</A>", "x:1: "},
        {WF_DATA_ADDRESS, "<AddressString><A>b</C></AddressString>", "x:1: "},
        {WF_DATA_ADDRESS, "<AddressString><>b</></AddressString>", "x:1: "},
        {WF_DATA_ADDRESS, "<AddressString><A</AddressString>", "x:1: "},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_data_tagged_options o = {.form = cases[i].form};
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf got;
        wf_buf_init(&got, 1u << 16);
        if (read_bytes(&o, cases[i].bytes, &got, &err) != WF_E_FORMAT ||
            strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("case %zu: %s", i, err.msg);
        wf_buf_deinit(&got);
    }
}

static int check_known(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    uint32_t *known = ud;

    (void)err;
    *known = t->known;
    assert_true(t->key.len > 0);
    return 0;
}

static void test_data_tagged__says_what_is_known(void **state)
{
    static const struct {
        struct wf_data_tagged_options o;
        const char *bytes;
        uint32_t known;
    } cases[] = {
        {{.form = WF_DATA_CONLL, .known = WF_DATA_KNOWN_WNUT}, "a\tO\n", WF_DATA_KNOWN_WNUT},
        {{.form = WF_DATA_RECOGNIZERS},
         "{\"suite\":\"CurrencyModel\",\"input\":\"a\"}",
         WF_ENTITY_BIT(WF_ENTITY_AMOUNT)},
        {{.form = WF_DATA_RECOGNIZERS}, "{\"suite\":\"NumberModel\",\"input\":\"a\"}", 0},
        {{.form = WF_DATA_ADDRESS},
         "<AddressString>a</AddressString>",
         WF_ENTITY_BIT(WF_ENTITY_ADDRESS)},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_lines *l = NULL;
        uint32_t known = UINT32_MAX;
        assert_int_equal(wf_lines_open_bytes("x", wf_str_from(cases[i].bytes), &l, NULL), 0);
        assert_int_equal(wf_data_tagged_read_lines(l, &cases[i].o, check_known, &known, NULL), 0);
        assert_int_equal(known, cases[i].known);
        wf_lines_close(l);
    }
}

/* ---- the real sets ---- */

struct counted {
    size_t n, n_spans;
    uint32_t types;
};

static int count(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct counted *c = ud;

    (void)err;
    c->n++;
    c->n_spans += t->n_spans;
    for (size_t i = 0; i < t->n_spans; i++) {
        assert_true(t->spans[i].to <= t->text.len);
        c->types |= WF_ENTITY_BIT(t->spans[i].type);
    }
    return 0;
}

static void test_data_tagged__reads_the_real_sets(void **state)
{
    static const struct {
        const char *path;
        enum wf_data_form form;
        size_t n, n_spans; /* n_spans 0: not counted by others */
    } sets[] = {
        {"wnut17/train.conll", WF_DATA_CONLL, 3394, 1975},
        {"wnut17/dev.conll", WF_DATA_CONLL, 1009, 836},
        {"btc/a.conll", WF_DATA_CONLL, 0, 0},
        {"btc/b.conll", WF_DATA_CONLL, 0, 0},
        {"btc/e.conll", WF_DATA_CONLL, 0, 0},
        {"btc/f.conll", WF_DATA_CONLL, 0, 0},
        {"btc/g.conll", WF_DATA_CONLL, 0, 0}, /* 7,338 in all */
        {"wikigold/part70.conll", WF_DATA_CONLL, 1141, 0},
        {"sec-filings/FIN5.train.conll", WF_DATA_CONLL, 1164, 0},
        {"uner/de_pud.part70.iob2", WF_DATA_IOB2, 700, 297 + 276 + 136},
        {"uner/en_ewt.dev.iob2", WF_DATA_IOB2, 2001, 399 + 343 + 224},
        {"uner/pt_bosque.train.iob2.xz", WF_DATA_IOB2, 7018, 0},
        {"uner/pt_bosque.dev.iob2", WF_DATA_IOB2, 1172, 570 + 417 + 414},
        {"uner/sv_talbanken.train.iob2.xz", WF_DATA_IOB2, 4303, 0},
        {"uner/sv_talbanken.dev.iob2", WF_DATA_IOB2, 504, 13 + 5 + 5},
        {"ud-english-ewt/train.conllu.xz", WF_DATA_CONLLU, 12544, 0},
        {"ud-english-ewt/dev.conllu.xz", WF_DATA_CONLLU, 2001, 0},
        {"presidio-research/synth_v2.part70.jsonl", WF_DATA_PRESIDIO, 1040, 0},
        {"usaddress/labeled.xml", WF_DATA_ADDRESS, 1513, 0},
        {"usaddress/us50_train_tagged.xml", WF_DATA_ADDRESS, 50, 0},
        {"usaddress/synthetic_osm_data.xml.xz", WF_DATA_ADDRESS, 16490, 0},
    };
    struct wf_buf path;
    size_t n_twitter = 0;

    (void)state;
    wf_buf_init(&path, 4096);
    if (wf_file_read(DATA "README.md", &path, NULL) != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(sets); i++) {
        struct wf_data_tagged_options o = {.form = sets[i].form};
        struct wf_err err = WF_ERR_INIT;
        struct counted c = {0};
        wf_buf_reset(&path);
        (void)wf_buf_appendf(&path, DATA "pii-ner/%s", sets[i].path);
        if (wf_data_tagged_read(path.ptr, &o, count, &c, &err) != 0)
            fail_msg("%s", err.msg);
        n_twitter += strncmp(sets[i].path, "btc/", 4) == 0 ? c.n : 0;
        if ((sets[i].n > 0 && c.n != sets[i].n) ||
            (sets[i].n_spans > 0 && c.n_spans != sets[i].n_spans))
            fail_msg("%s: %zu texts, %zu spans", sets[i].path, c.n, c.n_spans);
        assert_true(sets[i].form == WF_DATA_CONLLU || c.n_spans > 0);
    }
    assert_int_equal(n_twitter, 7338);
    wf_buf_deinit(&path);
}

static int take(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    (void)ud;
    (void)t;
    (void)err;
    return 0;
}

static void test_data_tagged__survives_failures_of_memory(void **state)
{
    static const struct {
        enum wf_data_form form;
        const char *bytes;
    } cases[] = {
        {WF_DATA_CONLL, "Ana\tB-person\nLu\tI-person\n\nRome\tB-location\n"},
        {WF_DATA_IOB2, "# text = Ana\n1\tAna\tB-PER\n"},
        {WF_DATA_PRESIDIO,
         "{\"text\":\"Ana\",\"spans\":[{\"type\":\"PERSON\",\"start\":0,\"end\":3}]}"},
        {WF_DATA_ADDRESS, "<AddressString><A>b</A></AddressString>"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        bool failed = true;
        uint64_t n = 0;
        while (failed) {
            struct wf_data_tagged_options o = {.form = cases[i].form};
            struct wf_lines *l = NULL;
            int rc;
            wf_alloc_fail_at(++n);
            rc = wf_lines_open_bytes("x", wf_str_from(cases[i].bytes), &l, NULL);
            if (rc == 0)
                rc = wf_data_tagged_read_lines(l, &o, take, NULL, NULL);
            failed = wf_alloc_failed();
            wf_alloc_fail_at(0);
            wf_lines_close(l);
            assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        }
        assert_true(n > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_tagged__both_schemes),
        cmocka_unit_test(test_data_tagged__joins_as_people_write),
        cmocka_unit_test(test_data_tagged__finds_tokens_in_the_text),
        cmocka_unit_test(test_data_tagged__spans_in_code_points),
        cmocka_unit_test(test_data_tagged__spans_in_utf16),
        cmocka_unit_test(test_data_tagged__addresses),
        cmocka_unit_test(test_data_tagged__mistakes_have_a_line),
        cmocka_unit_test(test_data_tagged__says_what_is_known),
        cmocka_unit_test(test_data_tagged__reads_the_real_sets),
        cmocka_unit_test(test_data_tagged__survives_failures_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
