/* SPDX-License-Identifier: Apache-2.0 */
/* Corpus: lists of sources, texts out of JSON, columns and paragraphs, packed files, files of
 * tokens, and what is kept aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "support/byte_vocab.h"
#include "train/corpus_shards.h"
#include "train/lines.h"
#include "train/split.h"

/* ---- lists ---- */

static struct wf_corpus *parse(const char *list)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_corpus *c = NULL;

    if (wf_corpus_parse("list", wf_str_from(list), &c, &err) != 0)
        fail_msg("%s", err.msg);
    return c;
}

static void test_corpus__reads_a_list(void **state)
{
    struct wf_corpus *c = parse("# sources\ndata=/d/e\n\n"
                                "one lang=eng read=json:text vocab=1.5 epoch=0 dev=200 key=id \\\n"
                                "   a.jsonl b.xz   # more\n"
                                "two read=tsvh:1,2 lang=@3 /abs.tsv\n"
                                "three x\n");
    const struct wf_corpus_source *s;

    (void)state;
    assert_int_equal(wf_corpus_n_sources(c), 3);
    s = wf_corpus_source(c, 0);
    assert_true(wf_str_eq(s->name, wf_str_from("one")));
    assert_true(wf_str_eq(s->language, wf_str_from("eng")));
    assert_true(wf_str_eq(s->fields, wf_str_from("text")));
    assert_true(wf_str_eq(s->key, wf_str_from("id")));
    assert_int_equal(s->reader, WF_CORPUS_JSON);
    assert_int_equal(s->vocab_hundredths, 150);
    assert_int_equal(s->epoch_hundredths, 0);
    assert_int_equal(s->dev_one_in, 200);
    assert_int_equal(s->n_files, 2);
    assert_string_equal(s->files[0], "/d/e/a.jsonl");
    assert_string_equal(s->files[1], "/d/e/b.xz");
    s = wf_corpus_source(c, 1);
    assert_true(s->has_header);
    assert_string_equal(s->files[0], "/abs.tsv");
    s = wf_corpus_source(c, 2);
    assert_int_equal(s->reader, WF_CORPUS_PLAIN);
    assert_int_equal(s->vocab_hundredths, 100);
    assert_int_equal(s->dev_one_in, 0);
    wf_corpus_free(c);
}

static void test_corpus__mistakes_in_a_list_have_a_line(void **state)
{
    static const struct {
        const char *list, *says;
    } cases[] = {
        {"", "list: "},
        {"# nothing\n", "list: "},
        {"\n\nA x\n", "list:3: "},
        {"a\n", "list:1: "},
        {"a x\nb y\na z\n", "list:3: "},
        {"a \\\n x\nb read=pdf y\n", "list:3: "},
        {"a read=json x\n", "list:1: "},
        {"a read=plain:b x\n", "list:1: "},
        {"a vocab=-1 x\n", "list:1: "},
        {"a vocab=1001 x\n", "list:1: "},
        {"a epoch=often x\n", "list:1: "},
        {"a dev=1.5 x\n", "list:1: "},
        {"a dev=4294967296 x\n", "list:1: "},
        {"a colour=red x\n", "list:1: "},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_corpus *c = NULL;
        assert_int_equal(wf_corpus_parse("list", wf_str_from(cases[i].list), &c, &err),
                         WF_E_FORMAT);
        if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: %s", cases[i].list, err.msg);
    }
}

static void test_corpus__a_list_has_limits(void **state)
{
    struct wf_corpus *c = NULL;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    for (unsigned over = 0; over < 2; over++) {
        wf_buf_reset(&b);
        for (unsigned i = 0; i < WF_LIMIT_CORPUS_SOURCES + over; i++)
            (void)wf_buf_appendf(&b, "s%u x\n", i);
        assert_int_equal(wf_corpus_parse("list", wf_buf_str(&b), &c, NULL), over ? WF_E_LIMIT : 0);
        if (!over)
            wf_corpus_free(c);
        wf_buf_reset(&b);
        (void)wf_buf_append_cstr(&b, "a");
        for (unsigned i = 0; i < WF_LIMIT_CORPUS_FILES + over; i++)
            (void)wf_buf_append_cstr(&b, " x");
        assert_int_equal(wf_corpus_parse("list", wf_buf_str(&b), &c, NULL), over ? WF_E_LIMIT : 0);
        if (!over)
            wf_corpus_free(c);
    }
    wf_buf_deinit(&b);
}

/* ---- texts ---- */

static int gather(void *ud, const struct wf_corpus_text *t, struct wf_err *err)
{
    struct wf_buf *b = ud;

    (void)err;
    return wf_buf_appendf(b, "%.*s[%.*s]%s", WF_STR_ARG(t->language), WF_STR_ARG(t->text),
                          t->is_dev ? "!" : "");
}

/* The texts of `bytes` under a source's options, as "lang[text]lang[text]". */
static void expect(const char *options, const char *bytes, const char *want)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf list, got;
    struct wf_corpus *c;

    wf_buf_init(&list, 4096);
    wf_buf_init(&got, 1u << 16);
    (void)wf_buf_appendf(&list, "a %s x", options);
    c = parse(list.ptr);
    if (wf_corpus_read_bytes(wf_corpus_source(c, 0), "x", wf_str_from(bytes), gather, &got, &err) !=
        0)
        fail_msg("%s: %s", options, err.msg);
    assert_string_equal(got.ptr, want);
    wf_corpus_free(c);
    wf_buf_deinit(&list);
    wf_buf_deinit(&got);
}

static void test_corpus__texts_out_of_json(void **state)
{
    const char *line = "{\"l\":\"deu\",\"a\":\"one\",\"b\":[\"x\",\"y\"],\"c\":[{\"d\":\"p\"},"
                       "{\"d\":\"q\",\"e\":1}],\"n\":7,\"o\":{\"d\":\"in\"}}\n";

    (void)state;
    expect("read=json:a", line, "[one]");
    expect("read=json:a,b lang=@l", line, "deu[one]deu[x]deu[y]");
    expect("read=json:c.d,o.d", line, "[p][q][in]");
    expect("read=json:*b", line, "[x\ny]");
    expect("read=json:a+*c.d", line, "[one\np\nq]");
    expect("read=json:n,missing,a.b,c.e", line, "");
    expect("read=json:a", "{\"a\":\" x \"}\n\n{\"a\":\"\"}\r\n{\"a\":\"y\"}", "[x][y]");
    /* a text that differs in white space only was there */
    expect("read=json:a", "{\"a\":\"x y\"}\n{\"a\":\"x  y\"}\n{\"a\":\"z\"}", "[x y][z]");
}

static void test_corpus__texts_out_of_columns(void **state)
{
    (void)state;
    expect("read=tsv:2", "a\tb\tc\nd\te\n", "[b][e]");
    expect("read=tsv:3,1 lang=@2", "a\tb\tc\n", "b[c]b[a]");
    expect("read=tsvh:1", "\xef\xbb\xbfname\tb\nx\ty\r\n", "[x]");
}

static void test_corpus__texts_out_of_paragraphs(void **state)
{
    (void)state;
    expect("lang=eng", "one\ntwo\n\n\nthree\r\n \nfour", "eng[one\ntwo]eng[three]eng[four]");
}

static void test_corpus__texts_out_of_tagged_data(void **state)
{
    (void)state;
    expect("read=conll lang=eng", "It\tO\n's\tO\nhe\tB-PER\n\nSo\tO\n!\tO\n",
           "eng[It's he]eng[So!]");
    expect("read=iob2", "# text = a b\n1\ta\tO\n2\tb\tO\n", "[a b]");
    expect("read=conllu", "# text = ab\n1\ta\tx\n2\tb\tx\n", "[ab]");
    expect("read=presidio",
           "{\"text\":\"x\",\"template_id\":3}\n{\"text\":\"y\",\"template_id\":3}", "[x][y]");
    expect("read=address", "<AddressString><A>1</A> <B>Rd</B></AddressString>", "[1 Rd]");
}

static void test_corpus__wrong_lines_are_told(void **state)
{
    static const struct {
        const char *options, *bytes, *says;
    } cases[] = {
        {"read=json:a", "{\"a\":\"x\"}\n{\"a\":", "x:2: "},
        {"read=json:a", "[1]", "x:1: "},
        {"read=tsv:2", "a\tb\n\na\n", "x:3: "},
        {"read=tsv:1 lang=@2", "a\n", "x:1: "},
        {"read=tsv:1 key=4", "a\tb\n", "x:1: "},
        {"read=tsv:0", "a\n", "x:1: "},
        {"read=tsv:b", "a\n", "x:1: "},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf list, got;
        struct wf_corpus *c;
        wf_buf_init(&list, 4096);
        wf_buf_init(&got, 4096);
        (void)wf_buf_appendf(&list, "a %s x", cases[i].options);
        c = parse(list.ptr);
        assert_int_equal(wf_corpus_read_bytes(wf_corpus_source(c, 0), "x",
                                              wf_str_from(cases[i].bytes), gather, &got, &err),
                         WF_E_FORMAT);
        if (strncmp(err.msg, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: %s", cases[i].bytes, err.msg);
        wf_corpus_free(c);
        wf_buf_deinit(&list);
        wf_buf_deinit(&got);
    }
}

/* ---- what is kept aside ---- */

static void test_corpus__split_is_for_ever(void **state)
{
    size_t n = 0;
    char text[32];

    (void)state;
    /* FNV-1a of "" and "a", finished: these must never change, or what was measured was trained on
     */
    assert_true(wf_split_hash(wf_str_from("")) == UINT64_C(0xefd01f60ba992926));
    assert_true(wf_split_hash(wf_str_from("a")) == UINT64_C(0x82a2a958a9bece5b));
    assert_true(wf_split_hash(wf_str_from("a b\tc_\n")) == wf_split_hash(wf_str_from(" abc")));
    assert_true(wf_split_hash(wf_str_from("ab")) != wf_split_hash(wf_str_from("ba")));
    for (int i = 0; i < 10000; i++) {
        struct wf_str s;
        (void)snprintf(text, sizeof(text), "text %d", i);
        s = wf_str_from(text);
        n += wf_split_is_dev(s);
        assert_false(wf_split_is_dev_of(s, 0));
        assert_true(wf_split_is_dev_of(s, 1));
        if (wf_split_is_dev_of(s, 20))
            assert_true(wf_split_is_dev(s));
    }
    assert_in_range(n, 900, 1100);
}

static void test_corpus__key_decides_what_is_kept_aside(void **state)
{
    char line[128], want[128];
    int n_dev = 0;

    (void)state;
    for (int i = 0; i < 50; i++) {
        char key[16];
        bool is_dev;
        (void)snprintf(key, sizeof(key), "k%d", i);
        is_dev = wf_split_is_dev_of(wf_str_from(key), 5);
        n_dev += is_dev;
        (void)snprintf(line, sizeof(line), "{\"id\":\"%s\",\"a\":\"x\",\"b\":\"y\"}", key);
        (void)snprintf(want, sizeof(want), is_dev ? "[x]![y]!" : "[x][y]");
        expect("read=json:a,b dev=5 key=id", line, want);
        (void)snprintf(line, sizeof(line), "x\t%s\ty", key);
        expect("read=tsv:1,3 dev=5 key=2", line, want);
    }
    assert_in_range(n_dev, 2, 25);
}

/* ---- packed files ---- */

static char path[128];

static void write_packed(int filter, const char *bytes, size_t n)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();

    (void)snprintf(path, sizeof(path), "/tmp/weft-test-corpus-%ld", (long)getpid());
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_filetype(e, AE_IFREG);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, bytes, n), n);
    archive_entry_free(e);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
}

/* Lines of all lengths, so that blocks end anywhere in them. */
static void fill_lines(struct wf_buf *b, size_t n_lines)
{
    for (size_t i = 0; i < n_lines; i++) {
        (void)wf_buf_appendf(b, "%zu ", i);
        (void)wf_buf_append_fill(b, (char)('a' + i % 26), i * i % 3001);
        (void)wf_buf_append_cstr(b, i % 3 == 0 ? "\r\n" : "\n");
    }
}

static void test_corpus__lines_out_of_packed_files(void **state)
{
    static const int filters[] = {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_GZIP};
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 22);
    fill_lines(&b, 1000);
    for (size_t f = 0; f < WF_ARRAY_LEN(filters); f++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lines *l = NULL;
        struct wf_str rest = wf_buf_str(&b), want, got;
        bool is_end = false;
        uint64_t n = 0;
        write_packed(filters[f], b.ptr, b.len);
        if (wf_lines_open(path, &l, &err) != 0)
            fail_msg("%s", err.msg);
        while (wf_str_line(&rest, &want)) {
            assert_int_equal(wf_lines_next(l, &got, &is_end, NULL), 0);
            assert_false(is_end);
            assert_true(wf_str_eq(got, want));
            assert_int_equal(wf_lines_number(l), ++n);
        }
        assert_int_equal(wf_lines_next(l, &got, &is_end, NULL), 0);
        assert_true(is_end);
        wf_lines_close(l);
    }
    assert_int_equal(wf_file_remove(path, NULL), 0);
    wf_buf_deinit(&b);
}

static void test_corpus__damaged_files_are_told(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_lines *l = NULL;
    struct wf_buf b, packed;
    struct wf_str line;
    bool is_end = false;
    int rc;

    (void)state;
    wf_buf_init(&b, 1u << 22);
    wf_buf_init(&packed, 1u << 22);
    fill_lines(&b, 300);
    write_packed(ARCHIVE_FILTER_XZ, b.ptr, b.len);
    assert_int_equal(wf_file_read(path, &packed, NULL), 0);
    assert_int_equal(wf_file_replace(path, packed.ptr, packed.len / 2, 0600, NULL), 0);
    rc = wf_lines_open(path, &l, &err);
    while (rc == 0 && !is_end)
        rc = wf_lines_next(l, &line, &is_end, &err);
    wf_lines_close(l);
    assert_int_equal(rc, WF_E_FORMAT);
    assert_true(strncmp(err.msg, path, strlen(path)) == 0);
    assert_int_equal(wf_file_remove(path, NULL), 0);
    l = NULL;
    assert_int_equal(wf_lines_open(path, &l, &err), WF_E_NOENT);
    assert_int_equal(wf_lines_open("/tmp", &l, &err) < 0, 1);
    wf_buf_deinit(&packed);
    wf_buf_deinit(&b);
}

static void test_corpus__an_empty_file_has_no_lines(void **state)
{
    struct wf_lines *l = NULL;
    struct wf_str line;
    bool is_end = false;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/weft-test-corpus-%ld", (long)getpid());
    assert_int_equal(wf_file_replace(path, "", 0, 0600, NULL), 0);
    assert_int_equal(wf_lines_open(path, &l, NULL), 0);
    assert_int_equal(wf_lines_next(l, &line, &is_end, NULL), 0);
    assert_true(is_end);
    wf_lines_close(l);
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

/* ---- shards ---- */

static char dir[64];

/* Two sources in files below dir, and their list. */
static struct wf_corpus *make_sources(void)
{
    struct wf_buf b;
    struct wf_corpus *c;

    (void)snprintf(dir, sizeof(dir), "/tmp/weft-test-corpus-d-%ld", (long)getpid());
    assert_int_equal(wf_file_mkdirs(dir, NULL), 0);
    wf_buf_init(&b, 1u << 20);
    for (int i = 0; i < 300; i++)
        (void)wf_buf_appendf(&b, "sentence number %d\tSatz Nummer %d\n", i, i);
    (void)snprintf(path, sizeof(path), "%s/a.tsv", dir);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    (void)wf_buf_appendf(&b,
                         "data=%s\nfirst read=tsv:1 lang=eng dev=10 a.tsv\n"
                         "second read=tsv:2 lang=deu epoch=0.5 a.tsv\n"
                         "none read=tsv:2 epoch=0 missing.tsv\n",
                         dir);
    c = parse(b.ptr);
    wf_buf_deinit(&b);
    return c;
}

static void remove_sources(const struct wf_corpus *c)
{
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    for (size_t i = 0; i < 2; i++) {
        for (int dev = 0; dev < 2; dev++) {
            assert_int_equal(wf_corpus_shard_path(wf_corpus_source(c, i), dir, dev, &b, NULL), 0);
            assert_int_equal(wf_file_remove(b.ptr, NULL), 0);
        }
    }
    assert_int_equal(wf_file_remove(path, NULL), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing else was left */
    wf_buf_deinit(&b);
}

static void on_text(void *ud, const struct wf_corpus_counted *t)
{
    size_t *n = ud;

    assert_true(t->n_bytes > 0 && t->n_tokens > 0);
    *n += 1;
}

/* Every text of source 0 comes back from one of its two files, in order. */
static void check_shards(const struct wf_corpus *c, const struct wf_vocab *v)
{
    struct wf_shard *s[2] = {NULL, NULL};
    uint64_t at[2] = {0, 0};
    struct wf_buf b;

    wf_buf_init(&b, 4096);
    for (int dev = 0; dev < 2; dev++) {
        assert_int_equal(wf_corpus_shard_path(wf_corpus_source(c, 0), dir, dev, &b, NULL), 0);
        assert_int_equal(wf_shard_open(b.ptr, &s[dev], NULL), 0);
        assert_true(wf_shard_head(s[dev])->vocab_hash == wf_shard_vocab_hash(v));
    }
    assert_int_equal(wf_shard_head(s[0])->n_texts + wf_shard_head(s[1])->n_texts, 300);
    assert_in_range(wf_shard_head(s[1])->n_texts, 10, 60);
    for (int i = 0; i < 300; i++) {
        char want[64];
        int32_t ids[64];
        (void)snprintf(want, sizeof(want), "sentence number %d", i);
        int dev = wf_split_is_dev(wf_str_from(want));
        size_t n = wf_shard_text_len(s[dev], at[dev]);
        assert_in_range(n, 1, 64);
        wf_shard_read(s[dev], at[dev]++, 0, n, ids);
        wf_buf_reset(&b);
        assert_int_equal(wf_vocab_decode(v, ids, n, true, &b, NULL), 0);
        assert_string_equal(b.ptr, want);
    }
    wf_shard_close(s[0]);
    wf_shard_close(s[1]);
    wf_buf_deinit(&b);
}

static void test_corpus__becomes_files_of_tokens(void **state)
{
    static const char *const words[] = {"sentence", "number", "Satz", NULL};
    struct wf_corpus *c = make_sources();
    struct byte_vocab v;
    size_t n = 0;
    struct wf_corpus_prepare_options o = {.n_threads = 3, .on_text = on_text, .ud = &n};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    byte_vocab_init(&v, words);
    if (wf_corpus_prepare(c, v.vocab, dir, &o, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(n, 600);
    check_shards(c, v.vocab);
    assert_int_equal(wf_corpus_prepare(c, v.vocab, dir, &o, NULL), 0);
    assert_int_equal(n, 600); /* they were up to date */
    o.again = true;
    assert_int_equal(wf_corpus_prepare(c, v.vocab, dir, &o, NULL), 0);
    assert_int_equal(n, 1200);
    byte_vocab_deinit(&v);
    byte_vocab_init(&v, words + 1); /* another vocabulary: all are made anew */
    o.again = false;
    assert_int_equal(wf_corpus_prepare(c, v.vocab, dir, &o, NULL), 0);
    assert_int_equal(n, 1800);
    check_shards(c, v.vocab);
    byte_vocab_deinit(&v);
    remove_sources(c);
    wf_corpus_free(c);
}

static bool no(void *ud, size_t i_source)
{
    (void)ud;
    return i_source == 0;
}

static void test_corpus__preparing_can_be_stopped(void **state)
{
    static const char *const words[] = {NULL};
    struct wf_corpus *c = make_sources();
    struct wf_corpus_prepare_options o = {.n_threads = 1, .tell = no};
    struct byte_vocab v;

    (void)state;
    byte_vocab_init(&v, words);
    assert_int_equal(wf_corpus_prepare(c, v.vocab, dir, &o, NULL), WF_E_CANCELED);
    byte_vocab_deinit(&v);
    remove_sources(c);
    wf_corpus_free(c);
}

static void test_corpus__survives_failures_of_memory(void **state)
{
    static const char *const words[] = {NULL};
    struct wf_corpus *c = make_sources();
    struct wf_corpus_prepare_options o = {.n_threads = 1, .again = true};
    struct byte_vocab v;
    bool failed = true;

    (void)state;
    byte_vocab_init(&v, words);
    for (uint64_t n = 1; failed; n += n < 100 ? 1 : 37) {
        struct wf_corpus *d = NULL;
        int rc;
        wf_alloc_fail_at(n);
        rc = wf_corpus_parse("list", wf_str_from("a read=json:b x\nc y z"), &d, NULL);
        if (rc == 0)
            rc = wf_corpus_prepare(c, v.vocab, dir, &o, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_corpus_free(d);
        if (rc != (failed ? WF_E_NOMEM : 0))
            fail_msg("allocation %llu: %d", (unsigned long long)n, rc);
    }
    byte_vocab_deinit(&v);
    remove_sources(c);
    wf_corpus_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus__reads_a_list),
        cmocka_unit_test(test_corpus__mistakes_in_a_list_have_a_line),
        cmocka_unit_test(test_corpus__a_list_has_limits),
        cmocka_unit_test(test_corpus__texts_out_of_json),
        cmocka_unit_test(test_corpus__texts_out_of_columns),
        cmocka_unit_test(test_corpus__texts_out_of_paragraphs),
        cmocka_unit_test(test_corpus__texts_out_of_tagged_data),
        cmocka_unit_test(test_corpus__wrong_lines_are_told),
        cmocka_unit_test(test_corpus__split_is_for_ever),
        cmocka_unit_test(test_corpus__key_decides_what_is_kept_aside),
        cmocka_unit_test(test_corpus__lines_out_of_packed_files),
        cmocka_unit_test(test_corpus__damaged_files_are_told),
        cmocka_unit_test(test_corpus__an_empty_file_has_no_lines),
        cmocka_unit_test(test_corpus__becomes_files_of_tokens),
        cmocka_unit_test(test_corpus__preparing_can_be_stopped),
        cmocka_unit_test(test_corpus__survives_failures_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
