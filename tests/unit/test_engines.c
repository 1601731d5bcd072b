/* SPDX-License-Identifier: Apache-2.0 */
/* The file of engines: what it may say, what is refused and where, and that changing it leaves the
 * rest alone. Keys: nobody else's. */
#include "route/engines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "os/file.h"
#include "route/keys.h"

#define GPT                                                                                        \
    "[gpt]\nprotocol = openai\nurl = https://api.openai.com/v1\nclearance = internal\n"            \
    "model = gpt-5-mini\nmodel = gpt-5\n"

static char dir[] = "/tmp/weft-test-engines-XXXXXX", path[64], keys[64];

static struct wf_engines *parse(const char *text)
{
    struct wf_engines *e = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_engines_parse(wf_str_from(text), "f", &e, &err) != 0)
        fail_msg("%s", err.msg);
    return e;
}

static void refuses(const char *text, int code, const char *says)
{
    struct wf_engines *e = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_engines_parse(wf_str_from(text), "f", &e, &err), code);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
    assert_non_null(strstr(err.msg, "f, line "));
}

static void test_engines__reads_what_an_engine_is(void **state)
{
    struct wf_engines *e = parse("# mine\n" GPT "price_in = 0.25 # dollars\nprice_out = 2\n"
                                 "day_money = 1.5\nmonth_tokens = 1000000\nlacks = images choices\n"
                                 "context = 400000\n\n[home]\nprotocol=ollama\n"
                                 "url=http://127.0.0.1:11434/\nclearance = private\n"
                                 "model = llama3.2\ntier = edge\nkey = no\n"
                                 "provider = attic\n");

    (void)state;
    assert_int_equal(e->n, 2);
    assert_string_equal(e->items[0].name, "gpt");
    assert_int_equal(e->items[0].protocol, WF_PROTOCOL_OPENAI);
    assert_string_equal(e->items[0].provider, "openai");
    assert_int_equal(e->items[0].tier, WF_TIER_PROVIDER);
    assert_int_equal(e->items[0].clearance, WF_LABEL_INTERNAL);
    assert_int_equal(e->items[0].n_models, 2);
    assert_true(e->items[0].has_key);
    assert_int_equal(e->items[0].price_in_micro, 250000);
    assert_int_equal(e->items[0].price_cached_micro, 250000);
    assert_int_equal(e->items[0].price_out_micro, 2000000);
    assert_int_equal(e->items[0].day.money_micro, 1500000);
    assert_int_equal(e->items[0].month.n_tokens, 1000000);
    assert_int_equal(e->items[0].lacks, WF_ABILITY_IMAGES | WF_ABILITY_CHOICES);
    assert_string_equal(e->items[1].url, "http://127.0.0.1:11434");
    assert_string_equal(e->items[1].provider, "attic");
    assert_int_equal(e->items[1].tier, WF_TIER_EDGE);
    assert_false(e->items[1].has_key);
    wf_engines_free(e);
}

static void test_engines__refuses_what_could_be_a_slip(void **state)
{
    (void)state;
    refuses("protocol = openai\n", WF_E_FORMAT, "below the name");
    refuses(GPT "clearence = public\n", WF_E_FORMAT, "line 7: there is no setting");
    refuses(GPT "clearance = public\n", WF_E_FORMAT, "said twice");
    refuses(GPT GPT, WF_E_FORMAT, "two engines");
    refuses(GPT "tier = here\n", WF_E_RANGE, "the tier is");
    refuses(GPT "tier = sky\n", WF_E_INVAL, "the tier is");
    refuses(GPT "price_in = -1\n", WF_E_RANGE, "price_in");
    refuses(GPT "price_in = 1e3\n", WF_E_RANGE, "price_in");
    refuses(GPT "price_in = 0.0000001\n", WF_E_RANGE, "price_in");
    refuses(GPT "day_tokens = 0\n", WF_E_RANGE, "day_tokens");
    refuses(GPT "lacks = wings\n", WF_E_INVAL, "wings");
    refuses(GPT "key = maybe\n", WF_E_INVAL, "yes or no");
    refuses(GPT "model =\n", WF_E_RANGE, "empty");
    refuses("[x]\nprotocol = openai\nurl = https://a\nclearance = public\n", WF_E_FORMAT,
            "lacks its \"model\"");
    refuses("[X]\nprotocol = openai\nurl = https://a\nclearance = public\nmodel = m\n", WF_E_INVAL,
            "name");
    refuses("[../a]\nprotocol = openai\nurl = https://a\nclearance = public\nmodel = m\n",
            WF_E_INVAL, "name");
    refuses("[x]\nprotocol = openai\nurl = https://a\nclearance = secret\nmodel = m\n", WF_E_RANGE,
            "stays on this device");
}

static void url(const char *url, int code)
{
    char text[512];
    struct wf_engines *e = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc;

    snprintf(text, sizeof(text),
             "[x]\nprotocol = openai\nclearance = public\nmodel = m\nurl = %s\n", url);
    rc = wf_engines_parse(wf_str_from(text), "f", &e, &err);
    if (rc != code)
        fail_msg("%s: %d %s", url, rc, err.msg);
    wf_engines_free(e);
}

static void test_engines__a_url_is_https_or_this_machine(void **state)
{
    static const char *const good[] = {"https://a",
                                       "https://api.example.com:8443/v1/x",
                                       "https://[2001:db8::1]:443",
                                       "http://localhost:8080/v1",
                                       "http://127.0.0.1",
                                       "http://127.255.3.4:1",
                                       "http://[::1]:11434"};
    static const char *const open[] = {
        "http://a",     "http://192.168.1.2:8080",      "http://localhost.example.com",
        "http://127.1", "http://127.0.0.1.example.com", "http://127.0.0.256",
        "http://[::2]"};
    static const char *const bad[] = {"ftp://a",
                                      "https://",
                                      "https://u@a",
                                      "https://u:p@a",
                                      "https://a?x=1",
                                      "https://a/../b",
                                      "https://a//b",
                                      "https://a:0",
                                      "https://a:99999",
                                      "https://a:b",
                                      "https://[::1",
                                      "https://a\x01",
                                      "https://b\xc3\xbc.example",
                                      "HTTPS://a",
                                      "https://a b"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++)
        url(good[i], 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(open); i++)
        url(open[i], WF_E_DENIED);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        url(bad[i], WF_E_INVAL);
    wf_engines_free(parse("[x]\nprotocol = openai\nclearance = public\nmodel = m\n"
                          "url = http://192.168.1.2:8080\ninsecure_lan = yes\n"));
}

static void test_engines__what_is_printed_reads_the_same(void **state)
{
    struct wf_engines *e = parse(GPT "price_in = 0.25\nprice_out = 10\nprice_cached = 0.000001\n"
                                     "day_money = 1.5\nmonth_energy = 9\nlacks = schema\n"
                                     "api_version = 2024-10-21\nkey = no\noutput_max = 5\n"),
                      *again;
    struct wf_buf b, twice;

    (void)state;
    wf_buf_init(&b, 4096);
    wf_buf_init(&twice, 4096);
    assert_int_equal(wf_engine_print(&e->items[0], &b), 0);
    again = parse(b.ptr);
    assert_int_equal(wf_engine_print(&again->items[0], &twice), 0);
    assert_string_equal(b.ptr, twice.ptr);
    assert_int_equal(again->items[0].price_cached_micro, 1);
    assert_int_equal(again->items[0].price_out_micro, 10000000);
    assert_int_equal(again->items[0].month.energy_j, 9);
    assert_int_equal(again->items[0].lacks, WF_ABILITY_SCHEMA);
    assert_false(again->items[0].has_key);
    wf_engines_free(e);
    wf_engines_free(again);
    wf_buf_deinit(&b);
    wf_buf_deinit(&twice);
}

static void file_is(const char *text)
{
    struct wf_buf b;

    wf_buf_init(&b, 65536);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    assert_string_equal(b.ptr, text);
    wf_buf_deinit(&b);
}

static void test_engines__changing_one_leaves_the_others(void **state)
{
    static const char before[] = "# top\n" GPT "# within\nprice_in = 1\n\n# of b\n[b]\n"
                                 "protocol = gemini\nurl = https://b\nclearance = public\n"
                                 "model = m\n";
    struct wf_engines *e = parse(before);
    struct wf_engine_entry b = e->items[1];

    (void)state;
    assert_int_equal(wf_file_replace(path, before, strlen(before), 0600, NULL), 0);
    assert_int_equal(wf_engines_put(path, &b, false, NULL), WF_E_EXIST);
    b.url = "https://c";
    assert_int_equal(wf_engines_put(path, &b, true, NULL), 0);
    file_is("# top\n" GPT "# within\nprice_in = 1\n\n# of b\n[b]\nprotocol = gemini\n"
            "url = https://c\nclearance = public\nmodel = m\ntier = provider\nprovider = b\n");
    assert_int_equal(wf_engines_remove(path, WF_STR("gpt"), NULL), 0);
    file_is("# top\n# of b\n[b]\nprotocol = gemini\n"
            "url = https://c\nclearance = public\nmodel = m\ntier = provider\nprovider = b\n");
    assert_int_equal(wf_engines_remove(path, WF_STR("gpt"), NULL), WF_E_NOENT);
    assert_int_equal(wf_engines_put(path, &e->items[0], false, NULL), 0);
    b.url = "http://open.example.com";
    assert_int_equal(wf_engines_put(path, &b, true, NULL), WF_E_DENIED);
    wf_engines_free(e);
    assert_int_equal(wf_engines_load(path, &e, NULL), 0);
    assert_int_equal(e->n, 2);
    assert_string_equal(e->items[1].name, "gpt");
    assert_int_equal(e->items[1].price_in_micro, 1000000);
    wf_engines_free(e);
}

static void test_engines__a_broken_file_is_not_changed(void **state)
{
    struct wf_engines *e = parse(GPT);

    (void)state;
    assert_int_equal(wf_file_replace(path, "[a]\nurl", 7, 0600, NULL), 0);
    assert_int_equal(wf_engines_put(path, &e->items[0], false, NULL), WF_E_FORMAT);
    file_is("[a]\nurl");
    wf_engines_free(e);
}

static void test_engines__a_full_disk_leaves_the_old_file(void **state)
{
    struct wf_engines *e = parse(GPT);

    (void)state;
    assert_int_equal(wf_file_replace(path, "# old\n", 6, 0600, NULL), 0);
    for (uint64_t n = 1; n <= 3; n++) {
        wf_file_fail_at(n);
        assert_int_equal(wf_engines_put(path, &e->items[0], false, NULL), WF_E_FULL);
        wf_file_fail_at(0);
        file_is("# old\n");
    }
    wf_engines_free(e);
}

static void test_engines__models_find_their_engine(void **state)
{
    struct wf_engines *e = parse(GPT "[b]\nprotocol = gemini\nurl = https://b\n"
                                     "clearance = public\nmodel = org/m\n");
    const char *model = NULL;

    (void)state;
    assert_ptr_equal(wf_engines_resolve(e, WF_STR("gpt"), &model), &e->items[0]);
    assert_string_equal(model, "gpt-5-mini");
    assert_ptr_equal(wf_engines_resolve(e, WF_STR("gpt/gpt-5"), &model), &e->items[0]);
    assert_string_equal(model, "gpt-5");
    assert_ptr_equal(wf_engines_resolve(e, WF_STR("org/m"), &model), &e->items[1]);
    assert_ptr_equal(wf_engines_resolve(e, WF_STR("b/org/m"), &model), &e->items[1]);
    assert_string_equal(model, "org/m");
    assert_null(wf_engines_resolve(e, WF_STR("gpt/other"), &model));
    assert_null(wf_engines_resolve(e, WF_STR(""), &model));
    wf_engines_free(e);
}

static void test_engines__costs_are_rounded_up(void **state)
{
    struct wf_engine_entry e = {
        .price_in_micro = 250000, .price_cached_micro = 25000, .price_out_micro = 2000000};

    (void)state;
    assert_int_equal(wf_engine_cost_micro(&e, 1000000, 0, 1000000), 2250000);
    assert_int_equal(wf_engine_cost_micro(&e, 1, 0, 0), 1);
    assert_int_equal(wf_engine_cost_micro(&e, 0, 0, 0), 0);
    assert_int_equal(wf_engine_cost_micro(&e, 1000000, 1000000, 0), 25000);
    assert_int_equal(wf_engine_cost_micro(&e, UINT64_MAX, 0, 0), INT64_MAX);
}

static void test_engines__nth_allocation_fails(void **state)
{
    struct wf_engines *e = NULL;
    uint64_t n = 1;
    int rc;

    (void)state;
    for (;; n++) {
        wf_alloc_fail_at(n);
        rc = wf_engines_parse(WF_STR(GPT), "f", &e, NULL);
        wf_alloc_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    assert_true(n > 2);
    wf_engines_free(e);
}

static void test_engines__a_key_is_read_only_by_its_owner(void **state)
{
    char file[96];
    struct wf_buf b;
    struct stat st;

    (void)state;
    wf_buf_init(&b, WF_KEY_BYTES_MAX);
    assert_int_equal(wf_key_get(keys, "gpt", &b, NULL), WF_E_NOENT);
    assert_int_equal(wf_key_put(keys, "gpt", WF_STR(" sk-a1\n"), NULL), 0);
    assert_int_equal(wf_key_get(keys, "gpt", &b, NULL), 0);
    assert_string_equal(b.ptr, "sk-a1");
    snprintf(file, sizeof(file), "%s/gpt", keys);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(keys, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(wf_key_get(keys, "gpt", &b, NULL), WF_E_DENIED);
    assert_int_equal(b.len, 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(symlink("/etc/hostname", file), 0);
    assert_int_not_equal(wf_key_get(keys, "gpt", &b, NULL), 0);
    assert_int_equal(wf_key_remove(keys, "gpt", NULL), 0);
    assert_int_equal(wf_key_put(keys, "gpt", WF_STR("a b"), NULL), WF_E_INVAL);
    assert_int_equal(wf_key_put(keys, "gpt", WF_STR("a\r\nx: y"), NULL), WF_E_INVAL);
    assert_int_equal(wf_key_put(keys, "../gpt", WF_STR("a"), NULL), WF_E_INVAL);
    assert_int_equal(wf_key_put(keys, "..", WF_STR("a"), NULL), WF_E_INVAL);
    wf_buf_deinit(&b);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/weft.engines", dir);
    snprintf(keys, sizeof(keys), "%s/keys", dir);
    return 0;
}

static int teardown(void **state)
{
    char lock[80];

    (void)state;
    snprintf(lock, sizeof(lock), "%s.lock", path);
    unlink(lock);
    unlink(path);
    rmdir(keys);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engines__reads_what_an_engine_is),
        cmocka_unit_test(test_engines__refuses_what_could_be_a_slip),
        cmocka_unit_test(test_engines__a_url_is_https_or_this_machine),
        cmocka_unit_test(test_engines__what_is_printed_reads_the_same),
        cmocka_unit_test(test_engines__changing_one_leaves_the_others),
        cmocka_unit_test(test_engines__a_broken_file_is_not_changed),
        cmocka_unit_test(test_engines__a_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_engines__models_find_their_engine),
        cmocka_unit_test(test_engines__costs_are_rounded_up),
        cmocka_unit_test(test_engines__nth_allocation_fails),
        cmocka_unit_test(test_engines__a_key_is_read_only_by_its_owner),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
