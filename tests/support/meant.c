/* SPDX-License-Identifier: Apache-2.0 */
/* Meant: vectors out of words. */
#include "support/meant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "text/word.h"

static struct wf_str stands_for(const struct meant *m, struct wf_str word)
{
    for (size_t i = 0; m->same != NULL && m->same[i][0] != NULL; i++) {
        if (wf_str_eq(word, wf_str_from(m->same[i][0])))
            return wf_str_from(m->same[i][1]);
    }
    return word;
}

static void add_word(struct wf_str word, float *out)
{
    struct wf_rng_seeded rng;
    wf_rng_seeded_init(&rng, wf_str_hash(word, 3));
    for (size_t i = 0; i < MEANT_DIM; i++)
        out[i] += (float)wf_rng_below(&rng.rng, 2001) / 1000.0f - 1;
}

static void embed_one(const struct meant *m, struct wf_str text, float *out)
{
    struct wf_words walk;
    struct wf_word w;
    float sum = 0;
    memset(out, 0, MEANT_DIM * sizeof *out);
    wf_words_init(&walk, text);
    while (wf_words_next(&walk, &w)) {
        struct wf_str word = wf_str_n(w.text, w.len);
        if (!wf_word_is_stop(word))
            add_word(stands_for(m, word), out);
    }
    for (size_t i = 0; i < MEANT_DIM; i++)
        sum += out[i] * out[i];
    for (size_t i = 0; i < MEANT_DIM; i++)
        out[i] = sum > 0 ? out[i] / sqrtf(sum) : i == 0;
}

static int identify(void *ud, char out_lens[WF_VECTOR_LENS_BYTES_MAX + 1], size_t *out_dim,
                    struct wf_err *err)
{
    struct meant *m = ud;
    if (m->version == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "There is no lens.");
    snprintf(out_lens, WF_VECTOR_LENS_BYTES_MAX + 1, "%s", m->version);
    *out_dim = MEANT_DIM;
    return 0;
}

static bool fails(struct meant *m, struct wf_str text)
{
    if (m->fails_on != NULL && wf_str_find(text, wf_str_from(m->fails_on), 0) != SIZE_MAX)
        return true;
    return atomic_load(&m->fails_at) > 0 && atomic_fetch_sub(&m->fails_at, 1) == 1;
}

static int embed(void *ud, const struct wf_str *texts, size_t n, bool are_questions, float *out,
                 struct wf_err *err)
{
    struct meant *m = ud;
    if (m->slow_ms > 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)m->slow_ms * 1000000}, NULL);
    for (size_t i = 0; i < n; i++) {
        if (fails(m, texts[i]))
            return wf_err_set(err, WF_E_NOMEM, "The embedder fails as it was told to.");
        embed_one(m, texts[i], out + i * MEANT_DIM);
    }
    atomic_fetch_add(&m->n_texts, are_questions ? 0 : (unsigned)n);
    atomic_fetch_add(&m->n_questions, are_questions ? 1 : 0);
    return 0;
}

static int judge(void *ud, struct wf_str question, const struct wf_str *texts, size_t n,
                 struct wf_evidence *out, struct wf_err *err)
{
    struct meant *m = ud;
    (void)question;
    if (m->answer == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "It does not read.");
    for (size_t i = 0; i < n; i++) {
        if (fails(m, texts[i]))
            return wf_err_set(err, WF_E_NOMEM, "The embedder fails as it was told to.");
        bool is_right = wf_str_find(texts[i], wf_str_from(m->answer), 0) != SIZE_MAX;
        out[i] = (struct wf_evidence){.answers = is_right ? 6.0f : -6.0f};
    }
    atomic_fetch_add(&m->n_judged, (unsigned)n);
    return 0;
}

struct wf_embedder meant_embedder(struct meant *m)
{
    return (struct wf_embedder){.identify = identify, .embed = embed, .judge = judge, .ud = m};
}
