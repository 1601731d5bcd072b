/* SPDX-License-Identifier: Apache-2.0 */
/* The model store: names, files that become models, what goes when a name goes, and that neither a
 * failing disk nor a kill loses what was acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "engine/model_store.h"
#include "model/gguf.h"
#include "os/file.h"
#include "support/models.h"

#define KILL_ROUNDS 30

static void import(struct models *m, const char *path, const char *name, struct wf_model_entry *out)
{
    struct wf_err err = WF_ERR_INIT;

    if (wf_model_store_import(m->s, path, name, NULL, NULL, out, &err) != 0)
        fail_msg("%s", err.msg);
}

static void test_model_store__writes_names_in_full(void **state)
{
    static const struct {
        const char *name, *full; /* NULL: it is none */
    } cases[] = {
        {"smollm2", "smollm2:latest"},
        {"smollm2:135m", "smollm2:135m"},
        {"library/smollm2", "smollm2:latest"},
        {"registry.ollama.ai/library/smollm2:x", "smollm2:x"},
        {"user/model", "user/model:latest"},
        {"hf.co/User/Repo-GGUF:Q4_K_M", "hf.co/User/Repo-GGUF:Q4_K_M"},
        {"localhost:5000/a/b:c", "localhost:5000/a/b:c"},
        {"localhost:5000/a", "localhost:5000/a:latest"},
        {"", NULL},
        {"a b", NULL},
        {"../etc/passwd", NULL},
        {"a/../b", NULL},
        {"/a", NULL},
        {"a/", NULL},
        {"a//b", NULL},
        {"a:", NULL},
        {"a:b:c", NULL},
        {"a:.hidden", NULL},
        {".a", NULL},
        {"-a", NULL},
        {"a.json/b", NULL},
        {"a:b.json", NULL},
        {"h:0/a", NULL},
        {"h:65536/a", NULL},
        {"a/h:1/b", NULL},
        {"a\nb", NULL},
    };
    char out[WF_MODEL_NAME_MAX], longest[300];
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        int rc = wf_model_name(cases[i].name, out, &err);
        if (cases[i].full) {
            assert_int_equal(rc, 0);
            assert_string_equal(out, cases[i].full);
        } else {
            assert_int_equal(rc, WF_E_INVAL);
        }
    }
    memset(longest, 'a', sizeof(longest));
    longest[WF_MODEL_NAME_MAX - 1 - 7] = '\0'; /* ":latest" just fits */
    assert_int_equal(wf_model_name(longest, out, NULL), 0);
    assert_int_equal(strlen(out), WF_MODEL_NAME_MAX - 1);
    longest[WF_MODEL_NAME_MAX - 1 - 7] = 'a';
    longest[WF_MODEL_NAME_MAX - 7] = '\0';
    assert_int_equal(wf_model_name(longest, out, NULL), WF_E_INVAL);
}

static void test_model_store__imports_by_a_link_and_finds(void **state)
{
    struct wf_model_entry e, f;
    struct models m;
    struct wf_gguf *g = NULL;
    struct stat st, orig;
    char path[128];

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "some.gguf", path);
    import(&m, path, "tiny", &e);
    assert_string_equal(e.name, "tiny:latest");
    assert_string_equal(e.family, "llama");
    assert_string_equal(e.quantization, "F32");
    assert_string_equal(e.source, path);
    assert_true(e.n_params > 100000 && e.bytes > 4 * e.n_params);
    assert_true(e.n_context > 0 && e.added_ms > 0);
    assert_int_equal(stat(path, &orig), 0);
    assert_int_equal(stat(e.path, &st), 0);
    assert_int_equal(st.st_ino, orig.st_ino);
    assert_int_equal((uint64_t)st.st_size, e.bytes);
    assert_int_equal(wf_gguf_open(e.path, &g, NULL), 0);
    wf_gguf_close(g);
    assert_int_equal(models_n_files(&m, "incoming"), 0);
    const char *names[] = {"tiny", "tiny:latest", "TINY", e.digest, NULL};
    char prefix[16];
    snprintf(prefix, sizeof(prefix), "%.8s", e.digest + 7);
    for (size_t i = 0; names[i]; i++)
        assert_int_equal(wf_model_store_find(m.s, names[i], &f, NULL), 0);
    assert_int_equal(wf_model_store_find(m.s, prefix, &f, NULL), 0);
    assert_memory_equal(&e, &f, sizeof(e));
    assert_true(wf_model_store_has(m.s, e.digest, NULL));
    assert_int_equal(wf_model_store_verify(m.s, "tiny", NULL, NULL, NULL), 0);
    models_remove(&m);
}

static void test_model_store__tells_what_there_is(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_model_entry e;
    struct models m;
    char path[128];

    (void)state;
    models_make(&m);
    assert_int_equal(wf_model_store_find(m.s, "gone", &e, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "weft pull"));
    assert_int_equal(wf_model_store_find(m.s, NULL, &e, &err), WF_E_NOENT);
    models_write(&m, "llama", 0, "some.gguf", path);
    import(&m, path, "one", &e);
    import(&m, path, "user/two:q4", &e);
    assert_int_equal(wf_model_store_find(m.s, "gone", &e, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "one:latest, user/two:q4"));
    assert_int_equal(wf_model_store_find(m.s, "no name", &e, &err), WF_E_INVAL);
    /* A model without a chat template is no default. */
    assert_int_equal(wf_model_store_find(m.s, NULL, &e, &err), WF_E_NOENT);
    wf_model_store_set_default(m.s, "user/two:q4");
    assert_int_equal(wf_model_store_find(m.s, NULL, &e, &err), 0);
    assert_string_equal(e.name, "user/two:q4");
    models_remove(&m);
}

struct seen {
    size_t n;
    char names[8][WF_MODEL_NAME_MAX];
};

static int see(void *ud, const struct wf_model_entry *m)
{
    struct seen *s = ud;

    snprintf(s->names[s->n++], WF_MODEL_NAME_MAX, "%s", m->name);
    return s->n == 8 ? 7 : 0;
}

static void test_model_store__keeps_the_same_bytes_once(void **state)
{
    struct models m;
    struct seen seen = {0};
    char path[128], other[128];

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    models_write(&m, "bert", 0, "b.gguf", other);
    import(&m, path, "b/two", NULL);
    import(&m, path, "a", NULL);
    import(&m, other, "localhost:5000/c:d", NULL);
    assert_int_equal(models_n_files(&m, "blobs"), 2);
    assert_int_equal(wf_model_store_each(m.s, see, &seen, NULL), 0);
    assert_int_equal(seen.n, 3);
    assert_string_equal(seen.names[0], "a:latest");
    assert_string_equal(seen.names[1], "b/two:latest");
    assert_string_equal(seen.names[2], "localhost:5000/c:d");
    assert_int_equal(wf_model_store_remove(m.s, "a", NULL), 0);
    assert_int_equal(models_n_files(&m, "blobs"), 2);
    assert_int_equal(wf_model_store_remove(m.s, "b/two", NULL), 0);
    assert_int_equal(models_n_files(&m, "blobs"), 1);
    assert_int_equal(wf_model_store_remove(m.s, "b/two", NULL), WF_E_NOENT);
    /* A name that gets another meaning lets go of the first. */
    import(&m, path, "localhost:5000/c:d", NULL);
    assert_int_equal(models_n_files(&m, "blobs"), 1);
    models_remove(&m);
}

/* Long ago, so that every later change shows. */
static void settle(const struct models *m)
{
    const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    char path[128];

    for (const char *const *at = (const char *const[]){"", "/a", "/a/latest.json", NULL}; *at;
         at++) {
        snprintf(path, sizeof(path), "%s/names%s", m->store, *at);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
}

static void test_model_store__a_list_is_kept_until_something_changes(void **state)
{
    const struct wf_model_list *a = NULL, *b = NULL;
    struct models m;
    char path[128], text[16384], *at;
    FILE *f;

    (void)state;
    models_make(&m);
    models_write(&m, "qwen3", 0, "a.gguf", path);
    import(&m, path, "a", NULL);
    assert_int_equal(wf_model_store_list(m.s, &a, NULL), 0);
    assert_int_equal(wf_model_store_list(m.s, &b, NULL), 0);
    assert_ptr_not_equal(a, b); /* it has just been written */
    wf_model_list_unref(a);
    wf_model_list_unref(b);
    settle(&m);
    assert_int_equal(wf_model_store_list(m.s, &a, NULL), 0);
    assert_int_equal(wf_model_store_list(m.s, &b, NULL), 0);
    assert_ptr_equal(a, b);
    wf_model_list_unref(b);
    assert_string_equal(wf_model_list_find(a, "A")->name, "a:latest");
    assert_null(wf_model_list_find(a, "auto"));
    assert_null(wf_model_list_find(a, "no name"));
    wf_model_store_set_default(m.s, "gone");
    assert_int_equal(wf_model_store_list(m.s, &b, NULL), 0);
    assert_null(wf_model_list_find(b, NULL));
    wf_model_list_unref(b);
    /* A new name, and a file that a person has edited. */
    assert_int_equal(wf_model_store_copy(m.s, "a", "b", NULL), 0);
    assert_int_equal(wf_model_store_list(m.s, &b, NULL), 0);
    assert_int_equal(wf_model_list_n(b), 2);
    assert_int_equal(wf_model_list_n(a), 1); /* as it was */
    wf_model_list_unref(a);
    wf_model_list_unref(b);
    settle(&m);
    assert_int_equal(wf_model_store_list(m.s, &a, NULL), 0);
    snprintf(path, sizeof(path), "%s/names/a/latest.json", m.store);
    f = fopen(path, "r+");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    at = strstr(text, "qwen3");
    assert_non_null(at);
    assert_int_equal(fseek(f, at - text, SEEK_SET), 0);
    assert_int_equal(fputs("qwen2", f), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(wf_model_store_list(m.s, &b, NULL), 0);
    assert_string_equal(wf_model_list_find(b, "a")->family, "qwen2");
    wf_model_list_unref(a);
    wf_model_list_unref(b);
    models_remove(&m);
}

static void test_model_store__copies_names(void **state)
{
    struct wf_model_entry e;
    struct models m;
    char path[128];

    (void)state;
    models_make(&m);
    models_write(&m, "qwen3", 0, "a.gguf", path);
    import(&m, path, "a", NULL);
    assert_int_equal(wf_model_store_copy(m.s, "a", "b:c", NULL), 0);
    assert_int_equal(wf_model_store_copy(m.s, "gone", "d", NULL), WF_E_NOENT);
    assert_int_equal(wf_model_store_copy(m.s, "a", "no name", NULL), WF_E_INVAL);
    assert_int_equal(wf_model_store_remove(m.s, "a", NULL), 0);
    assert_int_equal(wf_model_store_find(m.s, "b:c", &e, NULL), 0);
    assert_string_equal(e.family, "qwen3");
    models_remove(&m);
}

static void test_model_store__joins_split_files(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_model_entry e;
    struct wf_gguf *g = NULL;
    struct models m;
    struct stat st;
    char path[128], second[WF_LIMIT_PATH_BYTES];

    (void)state;
    models_make(&m);
    models_write_split(&m, path);
    assert_int_equal(wf_model_parts_of(path), 2);
    assert_int_equal(wf_model_part_path(path, 1, second, NULL), 0);
    import(&m, path, "split", &e);
    assert_int_equal(models_n_files(&m, "blobs"), 2);
    assert_int_equal(models_n_files(&m, "splits"), 2);
    assert_int_equal(stat(e.path, &st), 0);
    assert_true(st.st_nlink == 3 && e.bytes > (uint64_t)st.st_size);
    assert_int_equal(wf_gguf_open(e.path, &g, NULL), 0);
    assert_non_null(wf_gguf_tensor(g, "more"));
    wf_gguf_close(g);
    assert_int_equal(wf_model_store_verify(m.s, "split", NULL, NULL, NULL), 0);
    /* Without its second part it is none, and leaves nothing. */
    assert_int_equal(unlink(second), 0);
    assert_int_equal(wf_model_store_import(m.s, path, "half", NULL, NULL, NULL, &err), WF_E_NOENT);
    assert_int_equal(wf_model_store_remove(m.s, "split", NULL), 0);
    assert_int_equal(models_n_files(&m, "blobs") + models_n_files(&m, "splits"), 0);
    assert_int_equal(models_n_files(&m, "incoming"), 0);
    models_remove(&m);
}

static void test_model_store__refuses_what_is_no_model(void **state)
{
    static const struct wf_model_part outside = {.file = "../names/a"};
    struct wf_model_commit c = {.name = "bad", .parts = &outside, .n_parts = 1};
    struct wf_err err = WF_ERR_INIT;
    struct models m;
    char path[128];

    (void)state;
    models_make(&m);
    snprintf(path, sizeof(path), "%s/text.gguf", m.dir);
    assert_int_equal(wf_file_replace(path, "hello", 5, 0600, NULL), 0);
    assert_int_equal(wf_model_store_import(m.s, path, "bad", NULL, NULL, NULL, &err), WF_E_FORMAT);
    assert_int_equal(wf_model_store_import(m.s, m.dir, "bad", NULL, NULL, NULL, &err), WF_E_INVAL);
    assert_int_equal(wf_model_store_import(m.s, "/nowhere", "bad", NULL, NULL, NULL, &err),
                     WF_E_NOENT);
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, &err), WF_E_INVAL);
    assert_int_equal(models_n_files(&m, "names") + models_n_files(&m, "blobs"), 0);
    assert_int_equal(models_n_files(&m, "incoming"), 0);
    models_remove(&m);
}

static void test_model_store__compares_digests(void **state)
{
    char digest[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    char file[WF_MODEL_FILE_MAX], path[128];
    struct wf_model_part part = {.file = file, .digest = digest};
    struct wf_model_commit c = {.name = "a", .parts = &part, .n_parts = 1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_model_entry e;
    struct models m;

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    assert_int_equal(wf_model_store_place(m.s, path, NULL, NULL, file, NULL), 0);
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, &err), WF_E_CORRUPT);
    assert_int_equal(models_n_files(&m, "incoming"), 0);
    import(&m, path, "b", &e);
    /* A blob that is there needs no file. */
    part = (struct wf_model_part){.digest = e.digest};
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, &err), 0);
    part.digest = digest;
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, &err), WF_E_NOENT);
    part.digest = "sha256:xyz";
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, &err), WF_E_INVAL);
    /* What changes on the disk is seen. */
    int fd = open(e.path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, "X", 1, 5000) == 1);
    close(fd);
    assert_int_equal(wf_model_store_verify(m.s, "a", NULL, NULL, &err), WF_E_CORRUPT);
    models_remove(&m);
}

static int stop_at_once(void *ud, uint64_t n_done, uint64_t n_all)
{
    (void)ud;
    (void)n_done;
    (void)n_all;
    return 1;
}

static void test_model_store__can_be_stopped(void **state)
{
    struct models m;
    char path[128];

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    assert_int_equal(wf_model_store_import(m.s, path, "a", stop_at_once, NULL, NULL, NULL),
                     WF_E_CANCELED);
    assert_int_equal(models_n_files(&m, "names") + models_n_files(&m, "blobs"), 0);
    models_remove(&m);
}

static void test_model_store__keeps_what_the_registry_said(void **state)
{
    json_t *extra = json_pack("{s:s, s:s, s:[s], s:s}", "template", "{{ .Prompt }}", "license",
                              "MIT", "params", "x", "other", "not kept");
    char file[WF_MODEL_FILE_MAX], path[128];
    struct wf_model_part part = {.file = file};
    struct wf_model_commit c = {.name = "a", .parts = &part, .n_parts = 1, .extra = extra};
    struct models m;

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    assert_int_equal(wf_model_store_place(m.s, path, NULL, NULL, file, NULL), 0);
    assert_int_equal(wf_model_store_commit(m.s, &c, NULL, NULL), 0);
    json_decref(extra);
    extra = wf_model_store_extra(m.s, "a");
    assert_int_equal(json_object_size(extra), 3);
    assert_string_equal(json_string_value(json_object_get(extra, "license")), "MIT");
    json_decref(extra);
    import(&m, path, "b", NULL);
    assert_null(wf_model_store_extra(m.s, "b"));
    assert_null(wf_model_store_extra(m.s, "gone"));
    models_remove(&m);
}

/* ---- faults ---- */

/* Everything in one go; the first error. */
static int work(struct models *m, const char *path, const char *split)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_model_store_import(m->s, path, "new", NULL, NULL, NULL, &err);

    if (rc == 0)
        rc = wf_model_store_import(m->s, split, "u/split", NULL, NULL, NULL, &err);
    if (rc == 0)
        rc = wf_model_store_copy(m->s, "new", "copy", &err);
    if (rc == 0)
        rc = wf_model_store_remove(m->s, "new", &err);
    if (rc != 0)
        assert_true(err.code == rc && err.msg[0]);
    return rc;
}

static void test_model_store__survives_every_failure(void **state)
{
    char path[128], split[128], old[128];
    struct wf_model_entry e;
    struct models m;

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    models_write(&m, "qwen2", 0, "old.gguf", old);
    models_write_split(&m, split);
    import(&m, old, "old", NULL);
    for (int layer = 0; layer < 2; layer++) {
        int rc = -1;
        for (uint64_t n = 1; rc != 0; n++) {
            uint64_t live = wf_alloc_stats().n_live;
            if (layer == 0)
                wf_alloc_fail_at(n);
            else
                wf_file_fail_at(n);
            rc = work(&m, path, split);
            wf_alloc_fail_at(0);
            wf_file_fail_at(0);
            assert_true(rc == 0 || rc == (layer == 0 ? WF_E_NOMEM : WF_E_FULL));
            assert_int_equal(wf_alloc_stats().n_live, live);
            assert_int_equal(wf_model_store_sweep(m.s, NULL), 0);
            assert_int_equal(wf_model_store_verify(m.s, "old", NULL, NULL, NULL), 0);
            /* What has a name is whole. */
            if (wf_model_store_find(m.s, "u/split", &e, NULL) == 0)
                assert_int_equal(wf_model_store_verify(m.s, "u/split", NULL, NULL, NULL), 0);
            (void)!wf_model_store_remove(m.s, "new", NULL);
            (void)!wf_model_store_remove(m.s, "u/split", NULL);
            (void)!wf_model_store_remove(m.s, "copy", NULL);
            assert_int_equal(models_n_files(&m, "blobs"), 1);
            assert_int_equal(models_n_files(&m, "incoming"), 0);
        }
    }
    models_remove(&m);
}

/* A damaged name's file takes nothing with it. */
static void test_model_store__removes_nothing_blindly(void **state)
{
    char path[128], name[128];
    struct models m;

    (void)state;
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", path);
    import(&m, path, "a", NULL);
    snprintf(name, sizeof(name), "%s/names/a/latest.json", m.store);
    assert_int_equal(wf_file_replace(name, "{", 1, 0600, NULL), 0);
    assert_int_equal(wf_model_store_sweep(m.s, NULL), WF_E_CORRUPT);
    assert_int_equal(models_n_files(&m, "blobs"), 1);
    assert_int_equal(wf_model_store_remove(m.s, "a", NULL), 0);
    assert_int_equal(models_n_files(&m, "blobs"), 0);
    models_remove(&m);
}

/* ---- kill -9 ---- */

/* Imports, copies and removes until it is killed, and says what was acknowledged: '+' or '-' and
 * the number of a name, before ('?') and after. */
static void child(const struct models *m, int fd, const char paths[3][128], uint64_t seed)
{
    struct wf_rng_seeded rng;
    struct wf_model_store *s = NULL;

    wf_rng_seeded_init(&rng, seed);
    if (wf_model_store_open(m->store, &s, NULL) != 0 || wf_model_store_sweep(s, NULL) != 0)
        _exit(1);
    for (;;) {
        unsigned i = (unsigned)wf_rng_below(&rng.rng, 6);
        bool add = wf_rng_below(&rng.rng, 3) > 0;
        char name[16], word[2] = {'?', (char)('0' + i)};
        snprintf(name, sizeof(name), "n%u", i);
        if (write(fd, word, 2) != 2)
            _exit(1);
        int rc = add ? wf_model_store_import(s, paths[i % 3], name, NULL, NULL, NULL, NULL)
                     : wf_model_store_remove(s, name, NULL);
        if (rc != 0 && (add || rc != WF_E_NOENT))
            _exit(1);
        word[0] = add ? '+' : '-';
        if (write(fd, word, 2) != 2)
            _exit(1);
    }
}

static void test_model_store__survives_kills(void **state)
{
    char paths[3][128], there[6] = "------", word[2];
    struct wf_rng_seeded rng;
    struct models m;
    unsigned n_acked = 0;

    (void)state;
    wf_rng_seeded_init(&rng, 1);
    models_make(&m);
    models_write(&m, "llama", 0, "a.gguf", paths[0]);
    models_write(&m, "qwen2", 0, "b.gguf", paths[1]);
    models_write_split(&m, paths[2]);
    for (int round = 0; round < KILL_ROUNDS; round++) {
        int fds[2], status = 0;
        unsigned n_words = (unsigned)wf_rng_below(&rng.rng, 40), n = 0;
        char pending = 0;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0)
            child(&m, fds[1], (const char(*)[128])paths, wf_rng_u64(&rng.rng));
        close(fds[1]);
        while (read(fds[0], word, 2) == 2) {
            pending = word[0] == '?' ? word[1] : 0;
            if (word[0] != '?')
                there[word[1] - '0'] = word[0];
            n_acked += word[0] != '?';
            if (n++ == n_words) {
                usleep((unsigned)wf_rng_below(&rng.rng, 5000));
                kill(pid, SIGKILL);
            }
        }
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(wf_model_store_sweep(m.s, NULL), 0);
        for (unsigned i = 0; i < 6; i++) {
            char name[16];
            snprintf(name, sizeof(name), "n%u", i);
            int rc = wf_model_store_verify(m.s, name, NULL, NULL, NULL);
            assert_true(rc == 0 || rc == WF_E_NOENT);
            if (pending != (char)('0' + i))
                assert_int_equal(rc, there[i] == '+' ? 0 : WF_E_NOENT);
            there[i] = rc == 0 ? '+' : '-';
        }
        assert_int_equal(models_n_files(&m, "incoming"), 0);
    }
    assert_true(n_acked > KILL_ROUNDS);
    models_remove(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_store__writes_names_in_full),
        cmocka_unit_test(test_model_store__imports_by_a_link_and_finds),
        cmocka_unit_test(test_model_store__tells_what_there_is),
        cmocka_unit_test(test_model_store__keeps_the_same_bytes_once),
        cmocka_unit_test(test_model_store__a_list_is_kept_until_something_changes),
        cmocka_unit_test(test_model_store__copies_names),
        cmocka_unit_test(test_model_store__joins_split_files),
        cmocka_unit_test(test_model_store__refuses_what_is_no_model),
        cmocka_unit_test(test_model_store__compares_digests),
        cmocka_unit_test(test_model_store__can_be_stopped),
        cmocka_unit_test(test_model_store__keeps_what_the_registry_said),
        cmocka_unit_test(test_model_store__survives_every_failure),
        cmocka_unit_test(test_model_store__removes_nothing_blindly),
        cmocka_unit_test(test_model_store__survives_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
