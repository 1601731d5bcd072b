/* SPDX-License-Identifier: Apache-2.0 */
/* A model that guesses for another: what it guesses is what it would write itself, whatever became
 * of its guesses before; it costs little where it is wrong; what is written is the same with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/config.h"
#include "engine/drafter.h"
#include "support/served.h"
#include "support/tiny_model.h"
#include "support/tiny_vocab.h"

#define CONTEXT 256
#define N_MAX 64
#define WAIT_MS 60000

static struct wf_drafter *draft_of(const struct served *s)
{
    struct wf_drafter *d = NULL;

    assert_int_equal(wf_drafter_new(s->model, NULL, 1, 2, &d, NULL), 0);
    return d;
}

/* Guesses, however many turns reading takes. */
static size_t guess(struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids,
                    size_t n_ids, size_t n, int32_t *out)
{
    size_t got = 0;

    for (size_t i = 0; i < 64 && got == 0; i++)
        got = wf_drafter_guess(d, t, ids, n_ids, n, out);
    return got;
}

static void test_drafter__guesses_are_what_it_would_write(void **state)
{
    int32_t ids[40 + 2 * N_MAX], alone[N_MAX], out[WF_DRAFTER_MAX];
    struct wf_drafter_text t = {0};
    struct served s;
    size_t n_ids = 40, i = 0, n;

    (void)state;
    served_open(&s, "llama");
    struct wf_drafter *d = draft_of(&s);
    served_prompt(ids, 40, 0, 1);
    n = served_alone(&s, ids, 40, 40, alone);
    assert_true(n > 10);
    while (i + WF_DRAFTER_MAX < n) { /* some of the guesses are taken, 0, 1, 2 ... */
        size_t taken = i % (WF_DRAFTER_MAX - 1);
        assert_int_equal(guess(d, &t, ids, n_ids, WF_DRAFTER_MAX, out), WF_DRAFTER_MAX);
        assert_memory_equal(out, alone + i, sizeof(out));
        for (size_t k = 0; k <= taken; k++)
            ids[n_ids++] = alone[i++];
    }
    for (size_t k = 0; k < 20; k++) { /* the text goes on with something else: so do the guesses */
        for (size_t j = 0; j < 3; j++)
            ids[n_ids++] = 3 + (out[j] + 1 + (int32_t)(k * 7)) % 400;
        assert_int_equal(guess(d, &t, ids, n_ids, WF_DRAFTER_MAX, out), WF_DRAFTER_MAX);
        n = served_alone(&s, ids, n_ids, WF_DRAFTER_MAX, alone);
        assert_memory_equal(out, alone, n * sizeof(out[0]));
    }
    wf_drafter_forget(&t);
    wf_drafter_free(d);
    served_close(&s);
}

static void test_drafter__reads_a_long_text_in_pieces_and_only_its_end(void **state)
{
    static int32_t ids[2000];
    int32_t out[WF_DRAFTER_MAX];
    struct wf_drafter_text t = {0};
    struct served s;
    size_t n_turns = 0;

    (void)state;
    served_open(&s, "llama");
    struct wf_drafter *d = draft_of(&s);
    served_prompt(ids, 2000, 0, 1);
    while (wf_drafter_guess(d, &t, ids, 1500, 2, out) == 0)
        n_turns++;
    assert_in_range(n_turns, 1, 20);
    for (size_t n = 1500; n < 2000; n++) { /* it has less room than that: it begins anew */
        if (wf_drafter_guess(d, &t, ids, n, 2, out) == 0)
            n_turns++;
    }
    assert_in_range(n_turns, 2, 120);
    wf_drafter_forget(&t);
    wf_drafter_free(d);
    served_close(&s);
}

static void test_drafter__what_spares_nothing_is_asked_little(void **state)
{
    int32_t ids[20], out[WF_DRAFTER_MAX];
    struct wf_drafter_text t = {0};
    struct served s;
    size_t n_asked = 0;

    (void)state;
    served_open(&s, "llama");
    struct wf_drafter *d = draft_of(&s);
    served_prompt(ids, 20, 0, 1);
    assert_int_equal(guess(d, &t, ids, 20, 4, out), 4);
    t.right = wf_drafter_right(d);
    t.value_ns = 10e6;
    t.beside_ns = 5e6;
    for (size_t i = 0; i < 10000; i++) { /* passes of 10 ms; each time all is wrong */
        wf_drafter_worked(d, 10000000);
        if (!wf_drafter_may(d))
            continue;
        wf_drafter_was(d, &t, 4, 0);
        n_asked++;
    }
    assert_in_range(n_asked, 50, 400); /* of 100 s it may have 1.1: 220 times 5 ms */
    assert_true(wf_drafter_right(d) < 0.1);
    for (size_t i = 0; i < 200; i++)
        wf_drafter_was(d, &t, 4, 4);
    for (size_t i = 0; i < 10; i++) /* what was spared is there to be lost again */
        wf_drafter_was(d, &t, 4, 0);
    assert_true(wf_drafter_may(d));
    assert_true(wf_drafter_right(d) > 0.5);
    wf_drafter_forget(&t);
    wf_drafter_free(d);
    served_close(&s);
}

/* All that a job writes, and what was guessed for it. */
static size_t written(struct wf_sched *sched, const struct wf_job_options *o, size_t n_gone,
                      int32_t *out, struct wf_job_counts *io_counts)
{
    struct wf_job_output news;
    struct wf_jobs *jobs = NULL;
    size_t n = 0, i = 0;
    int rc = 0;

    wf_job_output_init(&news);
    assert_int_equal(wf_jobs_start(sched, o, 1, &jobs, NULL), 0);
    while ((n_gone == 0 || n < n_gone) && (rc = wf_jobs_next(jobs, WAIT_MS, &i, &news, NULL)) == 1)
        for (size_t k = 0; k < news.n_tokens; k++)
            out[n++] = news.tokens[k].id;
    assert_true(rc >= 0);
    struct wf_job_counts c = wf_jobs_counts(jobs, 0);
    io_counts->n_guessed += c.n_guessed;
    io_counts->n_right += c.n_right;
    io_counts->n_drafted += c.n_drafted;
    wf_job_output_deinit(&news);
    wf_jobs_free(jobs);
    return n;
}

/* A clock by which whatever is timed takes a millisecond: several guesses as much as one pass, so
 * that it does not depend on the machine whether they pay. */
static int64_t next_millisecond(void *ud)
{
    return atomic_fetch_add((atomic_llong *)ud, 1000000);
}

static atomic_llong now_ns;
static const struct wf_clock clock_of_steps = {.mono_ns = next_millisecond, .ud = &now_ns};

static struct wf_sched *start(const struct served *s, const struct served *draft)
{
    struct wf_sched_options o = {.model = s->model,
                                 .vocab = s->vocab,
                                 .draft = draft != NULL ? draft->model : NULL,
                                 .n_parallel = 2,
                                 .clock = &clock_of_steps,
                                 .runner = {.n_threads = 2, .n_context = CONTEXT, .n_batch = 64}};
    struct wf_sched *sched = NULL;

    assert_int_equal(wf_sched_new(&o, &sched, NULL), 0);
    return sched;
}

/* The same texts with and without a model that guesses: the likeliest tokens, and sampled ones,
 * whose distribution is the same since each of them is. Some are given up halfway. */
static void test_drafter__what_is_written_stays_the_same(void **state)
{
    static const char *const drafts[] = {"llama", "gemma3"}; /* right, and hardly ever */
    int32_t prompt[60], with[CONTEXT], without[CONTEXT];
    struct served s, d;

    (void)state;
    served_open(&s, "llama");
    for (size_t k = 0; k < sizeof(drafts) / sizeof(drafts[0]); k++) {
        struct wf_job_counts by_draft = {0}, by_text = {0};
        served_open(&d, drafts[k]);
        struct wf_sched *drafted = start(&s, &d), *plain = start(&s, NULL);
        for (size_t seed = 0; seed < 24; seed++) {
            struct wf_job_options o = {
                .ids = prompt, .n_ids = 60, .n_max = 100, .sampling = wf_sampling_default()};
            size_t n_gone = seed % 6 == 5 ? 20 : 0;
            served_prompt(prompt, 60, 0, (int32_t)seed);
            o.ignore_eos = true;
            o.sampling.temperature = seed % 3 == 0 ? 0.0f : seed % 3 == 1 ? 0.3f : 1.0f;
            o.sampling.seed = seed;
            size_t n = written(drafted, &o, n_gone, with, &by_draft);
            size_t m = written(plain, &o, n_gone, without, &by_text);
            if (n_gone == 0)
                assert_int_equal(n, m);
            assert_memory_equal(with, without, WF_MIN(n, m) * sizeof(with[0]));
        }
        assert_true(by_draft.n_drafted > 0);
        assert_int_equal(by_text.n_drafted, 0);
        wf_sched_free(drafted);
        wf_sched_free(plain);
        served_close(&d);
    }
    served_close(&s);
}

static void test_drafter__failing_allocations_do_no_harm(void **state)
{
    int32_t prompt[60], with[CONTEXT], without[CONTEXT];
    struct wf_job_counts counts = {0};
    struct served s, d;
    struct wf_drafter *none = NULL;

    (void)state;
    served_open(&s, "llama");
    served_open(&d, "gemma3");
    for (uint64_t at = 1; at < 6; at++) {
        wf_alloc_fail_at(at);
        assert_int_equal(wf_drafter_new(d.model, NULL, 1, 2, &none, NULL), WF_E_NOMEM);
        assert_true(wf_alloc_failed());
        wf_alloc_fail_at(0);
    }
    served_prompt(prompt, 60, 0, 1);
    struct wf_job_options o = {
        .ids = prompt, .n_ids = 60, .n_max = 40, .sampling = wf_sampling_default()};
    struct wf_drafter_text t = {0};
    struct wf_drafter *draft = draft_of(&d);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_drafter_guess(draft, &t, prompt, 60, 4, with), 0);
    wf_alloc_fail_at(0);
    assert_int_equal(guess(draft, &t, prompt, 60, 4, with), 4);
    wf_drafter_forget(&t);
    wf_drafter_free(draft);
    struct wf_sched *drafted = start(&s, &d), *plain = start(&s, NULL);
    size_t n = written(drafted, &o, 0, with, &counts);
    assert_int_equal(written(plain, &o, 0, without, &counts), n);
    assert_memory_equal(with, without, n * sizeof(with[0]));
    wf_sched_free(drafted);
    wf_sched_free(plain);
    served_close(&d);
    served_close(&s);
}

static void test_drafter__only_models_of_the_same_words_suit(void **state)
{
    static char names[TINY_VOCAB][16];
    struct tiny_token tokens[TINY_VOCAB + 1] = {{NULL, 0, 0}};
    struct wf_gguf *file = NULL;
    struct wf_vocab *other = NULL;
    struct wf_buf bytes;
    struct served s, d, conv;

    (void)state;
    for (int i = 0; i < TINY_VOCAB; i++) { /* as many tokens, other words */
        (void)snprintf(names[i], sizeof(names[i]), "x%d", i);
        tokens[i] = (struct tiny_token){names[i], i == 0 ? 2 : i < 3 ? 3 : 1, (float)-i};
    }
    wf_buf_init(&bytes, 1u << 20);
    tiny_vocab_build("llama", NULL, tokens, NULL, &bytes);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &file, NULL), 0);
    assert_int_equal(wf_vocab_open(file, &other, NULL), 0);
    served_open(&s, "llama");
    served_open(&d, "gemma3");
    served_open(&conv, "lfm2");
    assert_true(wf_drafter_suits(d.model, d.vocab, s.vocab));
    assert_false(wf_drafter_suits(d.model, d.vocab, other));
    assert_false(wf_drafter_suits(conv.model, conv.vocab, s.vocab)); /* cannot go back */
    wf_vocab_close(other);
    wf_gguf_close(file);
    wf_buf_deinit(&bytes);
    served_close(&conv);
    served_close(&d);
    served_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drafter__guesses_are_what_it_would_write),
        cmocka_unit_test(test_drafter__reads_a_long_text_in_pieces_and_only_its_end),
        cmocka_unit_test(test_drafter__what_spares_nothing_is_asked_little),
        cmocka_unit_test(test_drafter__what_is_written_stays_the_same),
        cmocka_unit_test(test_drafter__failing_allocations_do_no_harm),
        cmocka_unit_test(test_drafter__only_models_of_the_same_words_suit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
