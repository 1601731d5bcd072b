/* SPDX-License-Identifier: Apache-2.0 */
/* What weft pull makes of names, URLs and servers' answers: what is well-formed is understood, what
 * is not is refused with a reason; and the state of a download that was stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "daemon/fetch_internal.h"

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct wf_fetch_places places = {"registry.ollama.ai", "https://huggingface.co"};

static struct wf_arena arena;

static int set_up(void **state)
{
    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    return 0;
}

/* ---- names and URLs ---- */

static void test_fetch__understands_names(void **state)
{
    static const struct {
        const char *text;
        enum wf_fetch_place place;
        const char *base, *repo, *tag, *name;
    } cases[] = {
        {"smollm2", WF_FETCH_REGISTRY, "https://registry.ollama.ai", "library/smollm2", "latest",
         "smollm2:latest"},
        {"smollm2:135m", WF_FETCH_REGISTRY, "https://registry.ollama.ai", "library/smollm2", "135m",
         "smollm2:135m"},
        {"user/model:x", WF_FETCH_REGISTRY, "https://registry.ollama.ai", "user/model", "x",
         "user/model:x"},
        {"ghcr.io/a/b/c:1", WF_FETCH_REGISTRY, "https://ghcr.io", "a/b/c", "1", "ghcr.io/a/b/c:1"},
        {"example.com:8443/a:1", WF_FETCH_REGISTRY, "https://example.com:8443", "a", "1",
         "example.com:8443/a:1"},
        {"localhost:5000/a/b", WF_FETCH_REGISTRY, "http://localhost:5000", "a/b", "latest",
         "localhost:5000/a/b:latest"},
        {"127.0.0.1:5000/a", WF_FETCH_REGISTRY, "http://127.0.0.1:5000", "a", "latest",
         "127.0.0.1:5000/a:latest"},
        {"hf.co/User/Repo-GGUF", WF_FETCH_HUB, "https://huggingface.co", "User/Repo-GGUF", "",
         "hf.co/User/Repo-GGUF"},
        {"hf.co/User/Repo-GGUF:Q8_0", WF_FETCH_HUB, "https://huggingface.co", "User/Repo-GGUF",
         "Q8_0", "hf.co/User/Repo-GGUF"},
        {"huggingface.co/u/r:latest", WF_FETCH_HUB, "https://huggingface.co", "u/r", "",
         "hf.co/u/r"},
        {"https://huggingface.co/u/r", WF_FETCH_HUB, "https://huggingface.co", "u/r", "",
         "hf.co/u/r"},
        {"https://hf.co/u/r/tree/main", WF_FETCH_HUB, "https://huggingface.co", "u/r", "",
         "hf.co/u/r"},
        {"https://example.com/dir/Some-Model-Q4_K_M.gguf?x=1", WF_FETCH_URL,
         "https://example.com/dir/Some-Model-Q4_K_M.gguf?x=1", "", "", "some-model-q4_k_m:latest"},
        {"http://127.0.0.1:8080/a.gguf", WF_FETCH_URL, "http://127.0.0.1:8080/a.gguf", "", "",
         "a:latest"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_fetch_target t;
        struct wf_err err = WF_ERR_INIT;
        if (wf_fetch_target(cases[i].text, &places, &t, &err) != 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        assert_int_equal(t.place, cases[i].place);
        assert_string_equal(t.base, cases[i].base);
        assert_string_equal(t.repo, cases[i].repo);
        assert_string_equal(t.tag, cases[i].tag);
        assert_string_equal(t.name, cases[i].name);
    }
}

static void test_fetch__understands_files_of_the_hub(void **state)
{
    struct wf_fetch_target t;

    (void)state;
    assert_int_equal(
        wf_fetch_target("https://huggingface.co/u/r/resolve/v1/dir/a%20b.gguf?download=true",
                        &places, &t, NULL),
        0);
    assert_string_equal(t.repo, "u/r");
    assert_string_equal(t.revision, "v1");
    assert_string_equal(t.file, "dir/a%20b.gguf");
}

static void test_fetch__refuses_what_is_no_name(void **state)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "a b",
                                        "../x",
                                        "a//b",
                                        "hf.co/only",
                                        "hf.co/a/b/c",
                                        "hf.co/a/b:",
                                        "https://huggingface.co/u",
                                        "https://huggingface.co/u/r/resolve/main",
                                        "https://huggingface.co/u/r/settings/main/x",
                                        "http://example.com/a.gguf",
                                        "http://127.0.0.1.example.com/a.gguf",
                                        "http://localhost.example.com/a.gguf",
                                        "http://127.evil/a.gguf",
                                        "ftp://localhost/a.gguf",
                                        "file:///etc/passwd",
                                        "https://user:secret@example.com/a.gguf",
                                        "https://example.com@127.0.0.1/a.gguf",
                                        "https://",
                                        "https://example.com/",
                                        "://"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_fetch_target t;
        struct wf_err err = WF_ERR_INIT;
        if (wf_fetch_target(cases[i], &places, &t, &err) != WF_E_INVAL)
            fail_msg("%s is taken", cases[i]);
        assert_true(err.msg[0] != '\0');
    }
}

static void test_fetch__follows_redirects_with_care(void **state)
{
    (void)state;
    assert_int_equal(wf_fetch_check_redirect("https://a.com/x", "https://b.com/y", NULL), 0);
    assert_int_equal(wf_fetch_check_redirect("http://localhost:1/x", "http://127.0.0.1/y", NULL),
                     0);
    assert_int_equal(wf_fetch_check_redirect("http://localhost/x", "https://b.com/y", NULL), 0);
    assert_int_equal(wf_fetch_check_redirect("https://a.com/x", "http://localhost/y", NULL),
                     WF_E_INVAL);
    assert_int_equal(wf_fetch_check_redirect("http://localhost/x", "http://b.com/y", NULL),
                     WF_E_INVAL);
    assert_true(wf_str_eq(wf_fetch_origin("https://a.com:8/x?y"), WF_STR("https://a.com:8")));
    assert_true(wf_str_eq(wf_fetch_origin("https://a.com"), WF_STR("https://a.com")));
    assert_true(wf_str_eq(wf_fetch_origin("nothing"), WF_STR("")));
}

/* ---- manifests ---- */

#define LAYER(type, digest, size)                                                                  \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define OLLAMA "application/vnd.ollama.image."

static int manifest(const char *layers, struct wf_fetch_manifest *out, struct wf_err *err)
{
    char text[4096];

    snprintf(text, sizeof(text), "{\"schemaVersion\":2,\"layers\":[%s]}", layers);
    return wf_fetch_manifest(wf_str_from(text), &arena, out, err);
}

static void test_fetch__reads_manifests(void **state)
{
    struct wf_fetch_manifest m;
    /* clang-format off */
    struct wf_str text = WF_STR(
        "{\"schemaVersion\":2,\"config\":" LAYER("x", DIGEST_B, "10") ",\"layers\":["
        LAYER(OLLAMA "model", DIGEST_A, "5000000000") ","
        LAYER(OLLAMA "template", DIGEST_B, "77") ","
        LAYER(OLLAMA "license", DIGEST_B, "1") ","
        LAYER(OLLAMA "projector", DIGEST_B, "2") ","
        LAYER("text/odd", DIGEST_B, "3") "]}");
    /* clang-format on */

    (void)state;
    assert_int_equal(wf_fetch_manifest(text, &arena, &m, NULL), 0);
    assert_int_equal(m.plan.n_files, 1);
    assert_string_equal(m.plan.files[0].digest, DIGEST_A);
    assert_int_equal(m.plan.files[0].bytes, 5000000000);
    assert_int_equal(m.n_texts, 3);
    assert_string_equal(m.texts[0].key, "template");
    assert_string_equal(m.texts[1].key, "license");
    assert_string_equal(m.texts[2].key, "config");
    assert_true(m.plan.has_projector);
    /* Docker's, and a file that a general tool has pushed. */
    assert_int_equal(manifest(LAYER("application/vnd.docker.ai.gguf.v3", DIGEST_A, "1"), &m, NULL),
                     0);
    assert_int_equal(manifest("{\"mediaType\":\"x\",\"digest\":\"" DIGEST_A "\",\"size\":1,"
                              "\"annotations\":{\"org.opencontainers.image.title\":\"a.gguf\"}}",
                              &m, NULL),
                     0);
    assert_int_equal(m.plan.n_files, 1);
}

static void test_fetch__refuses_other_manifests(void **state)
{
    static const struct {
        const char *layers;
        int rc;
    } cases[] = {
        {"", WF_E_UNSUPPORTED},
        {LAYER("text/odd", DIGEST_A, "1"), WF_E_UNSUPPORTED},
        {LAYER(OLLAMA "adapter", DIGEST_A, "1"), WF_E_UNSUPPORTED},
        {LAYER(OLLAMA "model", "sha256:ABC", "1"), WF_E_FORMAT},
        {LAYER(OLLAMA "model", "md5:aaaa", "1"), WF_E_FORMAT},
        {LAYER(OLLAMA "model", DIGEST_A "a", "1"), WF_E_FORMAT},
        {LAYER(OLLAMA "model", "sha256:../../../../../../../../../../../../../../../../../../../a",
               "1"),
         WF_E_FORMAT},
        {LAYER(OLLAMA "model", DIGEST_A, "-1"), WF_E_FORMAT},
        {LAYER(OLLAMA "model", DIGEST_A, "\"1\""), WF_E_FORMAT},
        {LAYER(OLLAMA "model", DIGEST_A, "1.5"), WF_E_FORMAT},
        {LAYER(OLLAMA "model", DIGEST_A, "1") "," LAYER(OLLAMA "license", DIGEST_A, "1048577"),
         WF_E_LIMIT},
        {"7", WF_E_UNSUPPORTED},
        {"\"\\u0000\"", WF_E_FORMAT},
    };
    struct wf_fetch_manifest m;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        if (manifest(cases[i].layers, &m, &err) != cases[i].rc)
            fail_msg("%s", cases[i].layers);
    }
    assert_int_equal(wf_fetch_manifest(WF_STR("{\"manifests\":[]}"), &arena, &m, NULL),
                     WF_E_UNSUPPORTED);
    assert_int_equal(wf_fetch_manifest(WF_STR("[]"), &arena, &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_fetch_manifest(WF_STR(""), &arena, &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_fetch_manifest(WF_STR("<html>"), &arena, &m, NULL), WF_E_FORMAT);
}

static void test_fetch__limits_texts(void **state)
{
    char layers[8192];
    struct wf_fetch_manifest m;
    size_t len = 0;

    (void)state;
    for (int i = 0; i < WF_FETCH_TEXTS_MAX; i++)
        len += (size_t)snprintf(layers + len, sizeof(layers) - len, "%s,",
                                LAYER(OLLAMA "license", DIGEST_B, "1048576"));
    snprintf(layers + len, sizeof(layers) - len, "%s", LAYER(OLLAMA "model", DIGEST_A, "1"));
    char text[9000];
    snprintf(text, sizeof(text), "{\"layers\":[%s]}", layers);
    assert_int_equal(wf_fetch_manifest(wf_str_from(text), &arena, &m, NULL), 0);
    assert_int_equal(m.n_texts, WF_FETCH_TEXTS_MAX);
    snprintf(text, sizeof(text), "{\"layers\":[%s,%s]}", layers,
             LAYER(OLLAMA "license", DIGEST_B, "1"));
    assert_int_equal(wf_fetch_manifest(wf_str_from(text), &arena, &m, NULL), WF_E_LIMIT);
}

static void test_fetch__hears_of_families(void **state)
{
    char family[64];

    (void)state;
    wf_fetch_config_family(WF_STR("{\"model_family\":\"llama\"}"), family);
    assert_string_equal(family, "llama");
    wf_fetch_config_family(WF_STR("{\"model_family\":\"<b>\"}"), family);
    assert_string_equal(family, "");
    wf_fetch_config_family(WF_STR("not json"), family);
    assert_string_equal(family, "");
    wf_fetch_hub_family(WF_STR("{\"gguf\":{\"architecture\":\"qwen2\"}}"), family);
    assert_string_equal(family, "qwen2");
    wf_fetch_hub_family(WF_STR("{\"gguf\":7}"), family);
    assert_string_equal(family, "");
}

/* ---- the hub ---- */

#define ENTRY(path, size)                                                                          \
    "{\"type\":\"file\",\"path\":\"" path "\",\"size\":" size ",\"lfs\":{\"oid\":\"" HEX_A "\"}}"

static int tree(const char *files, const char *tag, const char *file, struct wf_fetch_plan *out,
                struct wf_err *err)
{
    struct wf_fetch_target t = {
        .place = WF_FETCH_HUB, .base = "https://h", .repo = "u/r", .revision = "main"};
    char text[8192];

    snprintf(t.tag, sizeof(t.tag), "%s", tag);
    snprintf(t.file, sizeof(t.file), "%s", file);
    snprintf(text, sizeof(text), "[%s]", files);
    return wf_fetch_tree(wf_str_from(text), &t, &arena, out, err);
}

/* clang-format off */
static const char *const repository =
    ENTRY("README.md", "10") ","
    ENTRY("M-Q8_0.gguf", "80") ","
    ENTRY("M-Q4_K_M.gguf", "40") ","
    ENTRY("M-IQ4_XS.gguf", "30") ","
    ENTRY("mmproj-M-Q4_K_M.gguf", "5") ","
    ENTRY("M.imatrix.gguf", "6") ","
    ENTRY("F16/M-F16-00001-of-00002.gguf", "100") ","
    ENTRY("F16/M-F16-00002-of-00002.gguf", "60") ","
    ENTRY("b c/M-Q2_K.GGUF", "20") ","
    ENTRY("X-Q6_K-00001-of-00002.gguf", "1");
/* clang-format on */

static void test_fetch__chooses_by_quantization(void **state)
{
    static const struct {
        const char *tag, *file, *url, *chosen;
    } cases[] = {
        {"", "", "https://h/u/r/resolve/main/M-Q4_K_M.gguf", "Q4_K_M"},
        {"Q8_0", "", "https://h/u/r/resolve/main/M-Q8_0.gguf", "Q8_0"},
        {"q8_0", "", "https://h/u/r/resolve/main/M-Q8_0.gguf", "q8_0"},
        {"IQ4_XS", "", "https://h/u/r/resolve/main/M-IQ4_XS.gguf", "IQ4_XS"},
        {"F16", "", "https://h/u/r/resolve/main/F16/M-F16-00001-of-00002.gguf", "F16"},
        {"Q2_K", "", "https://h/u/r/resolve/main/b%20c/M-Q2_K.GGUF", "Q2_K"},
        {"", "M-Q8_0.gguf", "https://h/u/r/resolve/main/M-Q8_0.gguf", "Q8_0"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_fetch_plan p;
        struct wf_err err = WF_ERR_INIT;
        if (tree(repository, cases[i].tag, cases[i].file, &p, &err) != 0)
            fail_msg("%s: %s", cases[i].tag, err.msg);
        assert_string_equal(p.files[0].url, cases[i].url);
        assert_string_equal(p.files[0].digest, DIGEST_A);
        assert_string_equal(p.tag, cases[i].chosen);
    }
}

static void test_fetch__finds_all_parts(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_fetch_plan p;

    (void)state;
    assert_int_equal(tree(repository, "F16", "", &p, NULL), 0);
    assert_int_equal(p.n_files, 2);
    assert_int_equal(p.files[1].bytes, 60);
    assert_string_equal(p.files[1].url, "https://h/u/r/resolve/main/F16/M-F16-00002-of-00002.gguf");
    assert_int_equal(tree(repository, "Q6_K", "", &p, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "X-Q6_K-00002-of-00002.gguf"));
}

static void test_fetch__says_what_a_repository_has(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_fetch_plan p;

    (void)state;
    assert_int_equal(tree(repository, "Q5_K_M", "", &p, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "Q4_K_M"));
    assert_non_null(strstr(err.msg, "Q8_0"));
    /* "Q4_K" is not "Q4_K_M", "Q4_XS" not "IQ4_XS". */
    assert_int_equal(tree(repository, "Q4_K", "", &p, &err), WF_E_NOENT);
    assert_int_equal(tree(repository, "Q4_XS", "", &p, &err), WF_E_NOENT);
    assert_int_equal(tree(repository, "", "M-Q9.gguf", &p, &err), WF_E_NOENT);
    assert_int_equal(tree(ENTRY("README.md", "1"), "", "", &p, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "no GGUF"));
    assert_int_equal(tree("7,{},{\"type\":\"file\"},[]", "", "", &p, &err), WF_E_NOENT);
    assert_int_equal(tree(ENTRY("only.gguf", "1"), "", "", &p, NULL), 0);
    assert_string_equal(p.tag, "");
    assert_int_equal(
        wf_fetch_tree(WF_STR("{}"), &(struct wf_fetch_target){.repo = "u/r"}, &arena, &p, &err),
        WF_E_FORMAT);
}

/* ---- HTTP ---- */

static void test_fetch__reads_challenges(void **state)
{
    struct wf_fetch_challenge c;

    (void)state;
    assert_true(wf_fetch_challenge(
        WF_STR(
            "Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"a:b:pull,push\""),
        &c));
    assert_string_equal(c.realm, "https://auth.example/token");
    assert_string_equal(c.service, "reg");
    assert_string_equal(c.scope, "a:b:pull,push");
    assert_true(wf_fetch_challenge(WF_STR("bearer service=x, realm=https://a"), &c));
    assert_string_equal(c.service, "x");
    assert_string_equal(c.scope, "");
    assert_false(wf_fetch_challenge(WF_STR("Basic realm=\"x\""), &c));
    assert_false(wf_fetch_challenge(WF_STR("Bearer service=\"x\""), &c));
    assert_false(wf_fetch_challenge(WF_STR("Bearer realm=\"open"), &c));
    assert_false(wf_fetch_challenge(WF_STR("Bearer realm=\"a b\""), &c));
    assert_false(wf_fetch_challenge(WF_STR(""), &c));
}

static void test_fetch__reads_tokens(void **state)
{
    char token[8192];

    (void)state;
    assert_true(wf_fetch_token(WF_STR("{\"token\":\"abc\"}"), token));
    assert_string_equal(token, "abc");
    assert_true(wf_fetch_token(WF_STR("{\"access_token\":\"x.y-z\"}"), token));
    assert_false(wf_fetch_token(WF_STR("{\"token\":\"a\\r\\nHost: evil\"}"), token));
    assert_false(wf_fetch_token(WF_STR("{}"), token));
    assert_false(wf_fetch_token(WF_STR("nothing"), token));
}

static void test_fetch__reads_ranges(void **state)
{
    static const char *const bad[] = {"bytes 5-4/10",
                                      "bytes 0-10/10",
                                      "bytes */10",
                                      "0-1/2",
                                      "bytes -1/2",
                                      "bytes 0-1",
                                      "bytes a-b/c",
                                      "bytes 0-/5",
                                      "items 0-1/2",
                                      "",
                                      "bytes 0-18446744073709551615/*",
                                      "bytes 1-2/3/4",
                                      "bytes 0-1/+2"};
    struct wf_fetch_range r;

    (void)state;
    assert_true(wf_fetch_content_range(WF_STR(" bytes 5-9/10\r\n"), &r));
    assert_true(r.from == 5 && r.to == 9 && r.all == 10);
    assert_true(wf_fetch_content_range(WF_STR("bytes 0-0/*"), &r));
    assert_true(r.from == 0 && r.to == 0 && r.all == 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_false(wf_fetch_content_range(wf_str_from(bad[i]), &r));
}

/* ---- the state ---- */

static void test_fetch__keeps_how_far_it_is(void **state)
{
    struct wf_fetch_state s, back;
    struct wf_buf b;

    (void)state;
    assert_int_equal(wf_fetch_state_init(&s, 3 * WF_FETCH_PIECE_BYTES + 5, "\"v1\"", NULL), 0);
    assert_int_equal(s.n_pieces, 4);
    assert_int_equal(wf_fetch_piece_bytes(&s, 3), 5);
    s.done[0] = WF_FETCH_PIECE_BYTES;
    s.done[2] = 7;
    assert_int_equal(wf_fetch_state_done(&s), WF_FETCH_PIECE_BYTES + 7);
    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_fetch_state_print(&s, &b), 0);
    assert_true(wf_fetch_state_parse(wf_buf_str(&b), &back));
    assert_int_equal(back.bytes, s.bytes);
    assert_string_equal(back.etag, "\"v1\"");
    assert_memory_equal(back.done, s.done, 4 * sizeof(*s.done));
    wf_fetch_state_deinit(&back);
    for (size_t n = 0; n < b.len; n++)
        assert_false(wf_fetch_state_parse(wf_str_n(b.ptr, n), &back));
    wf_fetch_state_deinit(&s);
    wf_buf_deinit(&b);
}

static void test_fetch__believes_no_impossible_state(void **state)
{
#define STATE(bytes, piece, done)                                                                  \
    "{\"version\":1,\"bytes\":" bytes ",\"piece\":" piece ",\"etag\":\"\",\"done\":[" done "]}"
    static const char *const bad[] = {
        STATE("10", "16777216", "11"),    STATE("10", "16777216", "-1"),
        STATE("10", "16777216", ""),      STATE("10", "16777216", "1,1"),
        STATE("10", "4096", "1"),         STATE("0", "16777216", ""),
        STATE("-5", "16777216", "1"),     STATE("9223372036854775807", "16777216", "1"),
        STATE("10", "16777216", "\"1\""),
    };
    struct wf_fetch_state s;

    (void)state;
    assert_true(wf_fetch_state_parse(WF_STR(STATE("10", "16777216", "10")), &s));
    wf_fetch_state_deinit(&s);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad) - 1; i++)
        assert_false(wf_fetch_state_parse(wf_str_from(bad[i]), &s));
    /* What is no number counts as nothing. */
    assert_true(wf_fetch_state_parse(wf_str_from(bad[WF_ARRAY_LEN(bad) - 1]), &s));
    assert_int_equal(s.done[0], 0);
    wf_fetch_state_deinit(&s);
    assert_int_equal(wf_fetch_state_init(&s, WF_FETCH_PIECE_BYTES * WF_FETCH_PIECES_MAX, "", NULL),
                     0);
    wf_fetch_state_deinit(&s);
    assert_int_equal(
        wf_fetch_state_init(&s, WF_FETCH_PIECE_BYTES * WF_FETCH_PIECES_MAX + 1, "", NULL),
        WF_E_LIMIT);
}

static void test_fetch__survives_failing_allocations(void **state)
{
    uint64_t live = wf_alloc_stats().n_live;
    int rc = -1;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_fetch_manifest m;
        struct wf_fetch_plan p;
        struct wf_fetch_state s = {.n_pieces = 0};
        wf_arena_deinit(&arena);
        wf_alloc_fail_at(n);
        rc = manifest(LAYER(OLLAMA "model", DIGEST_A, "1"), &m, NULL);
        wf_arena_deinit(&arena);
        if (rc == 0)
            rc = tree(repository, "", "", &p, NULL);
        if (rc == 0)
            rc = wf_fetch_state_init(&s, 100, "", NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_fetch_state_deinit(&s);
        wf_arena_deinit(&arena);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch__understands_names),
        cmocka_unit_test(test_fetch__understands_files_of_the_hub),
        cmocka_unit_test(test_fetch__refuses_what_is_no_name),
        cmocka_unit_test(test_fetch__follows_redirects_with_care),
        cmocka_unit_test_setup_teardown(test_fetch__reads_manifests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fetch__refuses_other_manifests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fetch__limits_texts, set_up, tear_down),
        cmocka_unit_test(test_fetch__hears_of_families),
        cmocka_unit_test_setup_teardown(test_fetch__chooses_by_quantization, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fetch__finds_all_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fetch__says_what_a_repository_has, set_up, tear_down),
        cmocka_unit_test(test_fetch__reads_challenges),
        cmocka_unit_test(test_fetch__reads_tokens),
        cmocka_unit_test(test_fetch__reads_ranges),
        cmocka_unit_test(test_fetch__keeps_how_far_it_is),
        cmocka_unit_test(test_fetch__believes_no_impossible_state),
        cmocka_unit_test_setup_teardown(test_fetch__survives_failing_allocations, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
