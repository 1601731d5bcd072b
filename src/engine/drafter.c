/* SPDX-License-Identifier: Apache-2.0 */
/* A text's sequence holds the text from token `first` on, and behind it guesses; those of them that
 * the text then went on with need not be read again, the others are taken back. It begins anew,
 * with the text's last tokens, where it lags far behind or has no room. */
#include "engine/drafter.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/config.h"

/* Tokens of a text's end that it reads at first, and all that a sequence may have: what is further
 * away helps little to guess the next word. */
#define END_TOKENS 512
#define CONTEXT 1024
/* Texts that the cache has room for. */
#define TEXTS_MAX 4
/* Tokens that are read in a turn: the others wait for it. */
#define READ_MAX 32
/* With so many what guesses take is measured: that is how many they begin with, one after another.
 */
#define READ_FEW 2
/* Of guesses so many are right, before anything is known. */
#define RIGHT_FIRST 0.5
/* The weight of the newest in running means: of times, of a text's guesses, of all texts'. */
#define TIME_NEWEST 0.1
#define TEXT_NEWEST 0.2
#define ALL_NEWEST 0.05
/* What guessing may take without sparing anything: at first, and of the time of the larger model;
 * what the account holds at most. */
#define ALLOWED_FIRST_NS 1e8
#define ALLOWED_SHARE 0.01
#define ACCOUNT_MAX_NS 2e9

struct wf_drafter {
    struct wf_runner *runner;
    const struct wf_clock *clock;
    size_t n_vocab;
    size_t n_context;
    uint64_t bytes;
    float *logits;     /* [n_vocab] */
    double guess_ns;   /* a running mean; 0: not known */
    double right;      /* of all texts */
    double account_ns; /* spared less taken */
};

bool wf_drafter_suits(const struct wf_model *m, const struct wf_vocab *own,
                      const struct wf_vocab *other)
{
    const struct wf_params *p = wf_model_params(m);
    size_t n = wf_vocab_size(own);

    if (wf_family_sees_all(p->family) || p->conv_len > 0 || wf_vocab_size(other) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (wf_vocab_kind(own, (int32_t)i) != wf_vocab_kind(other, (int32_t)i) ||
            !wf_str_eq(wf_vocab_bytes(own, (int32_t)i), wf_vocab_bytes(other, (int32_t)i)))
            return false;
    }
    return true;
}

int wf_drafter_new(const struct wf_model *m, const struct wf_clock *clock, size_t n_threads,
                   size_t n_texts, struct wf_drafter **out, struct wf_err *err)
{
    size_t trained = wf_model_params(m)->n_context, n = WF_MIN(n_texts, (size_t)TEXTS_MAX);
    struct wf_drafter *d = wf_alloc_array(1, sizeof(*d));
    struct wf_runner_options o = {.n_threads = n_threads,
                                  .n_context = WF_MIN(trained, (size_t)CONTEXT),
                                  .n_batch = READ_MAX,
                                  .kv = WF_KV_F16,
                                  .act = WF_ACT_Q8};
    int rc;

    if (d == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to run a model.");
    d->clock = clock;
    o.n_cache_tokens = o.n_context * n;
    rc = wf_runner_new(m, &o, &d->runner, err);
    if (rc == 0) {
        d->n_vocab = wf_model_params(m)->n_vocab;
        d->n_context = o.n_context;
        d->right = RIGHT_FIRST;
        d->account_ns = ALLOWED_FIRST_NS;
        d->bytes = wf_runner_bytes(d->runner) +
                   o.n_cache_tokens * wf_kv_token_bytes(wf_runner_kv(d->runner));
        d->logits = wf_alloc_array(d->n_vocab, sizeof(*d->logits));
        if (d->logits == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to run a model.");
    }
    if (rc != 0)
        wf_drafter_free(d);
    else
        *out = d;
    return rc;
}

void wf_drafter_free(struct wf_drafter *d)
{
    if (d == NULL)
        return;
    wf_runner_free(d->runner);
    wf_free(d->logits);
    wf_free(d);
}

uint64_t wf_drafter_bytes(const struct wf_drafter *d)
{
    return d->bytes;
}

bool wf_drafter_may(const struct wf_drafter *d)
{
    return d->account_ns > 0;
}

double wf_drafter_guess_ns(const struct wf_drafter *d)
{
    return d->guess_ns;
}

double wf_drafter_right(const struct wf_drafter *d)
{
    return d->right;
}

void wf_drafter_forget(struct wf_drafter_text *t)
{
    if (t->has_seq)
        wf_seq_deinit(&t->seq);
    t->has_seq = false;
}

/* Takes back what the text has not gone on with, and one token at least, whose logits are wanted.
 * False: there is no sequence, or none that is of use. */
static bool go_on(const struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids,
                  size_t n_ids, size_t n_more)
{
    size_t n = t->n_same, end = n_ids - t->first;

    if (!t->has_seq || end + n_more > d->n_context || end - n > END_TOKENS)
        return false;
    while (n < t->seq.n_tokens && n < end && t->guessed[n - t->n_same] == ids[t->first + n])
        n++;
    t->n_same = wf_seq_truncate(&t->seq, WF_MIN(n, end - 1));
    return true;
}

/* Begins a sequence with the text's last tokens. */
static bool begin(const struct wf_drafter *d, struct wf_drafter_text *t, size_t n_ids)
{
    size_t n = WF_MIN((size_t)END_TOKENS, d->n_context / 2);

    wf_drafter_forget(t);
    t->has_seq = wf_seq_init(&t->seq, wf_runner_kv(d->runner), NULL) == 0;
    t->first = n_ids > n ? n_ids - n : 0;
    t->n_same = 0;
    return t->has_seq;
}

static bool eval(struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids, size_t n,
                 bool wants_logits)
{
    const struct wf_batch_part part = {
        .seq = &t->seq, .ids = ids, .n = n, .n_logits = wants_logits, .reads = n > 1};

    return wf_runner_eval(d->runner, &part, 1, NULL, d->logits, NULL) == 0;
}

static int32_t likeliest(const struct wf_drafter *d)
{
    size_t best = 0;

    for (size_t i = 1; i < d->n_vocab; i++)
        best = d->logits[i] > d->logits[best] ? i : best;
    return (int32_t)best;
}

/* Reads on in the text; false: it is not read to its end yet, or cannot be. */
static bool catch_up(struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids,
                     size_t n_ids)
{
    size_t left = n_ids - t->first - t->n_same, n = WF_MIN(left, (size_t)READ_MAX);

    if (!eval(d, t, ids + t->first + t->n_same, n, n == left)) {
        wf_drafter_forget(t); /* the cache is full: others' guesses have their turn */
        return false;
    }
    t->n_same += n;
    return n == left;
}

size_t wf_drafter_guess(struct wf_drafter *d, struct wf_drafter_text *t, const int32_t *ids,
                        size_t n_ids, size_t n, int32_t *out)
{
    int64_t start = wf_clock_mono_ns(d->clock);
    size_t k = 0, n_read;
    double ns;

    assert(n >= 1);
    assert(n <= WF_DRAFTER_MAX);
    if (!go_on(d, t, ids, n_ids, n) && !begin(d, t, n_ids))
        return 0;
    n_read = n_ids - t->first - t->n_same;
    if (catch_up(d, t, ids, n_ids)) {
        out[k++] = likeliest(d);
        while (k < n && eval(d, t, &out[k - 1], 1, true))
            out[k++] = likeliest(d);
        memcpy(t->guessed, out, k * sizeof(out[0]));
    }
    ns = (double)(wf_clock_mono_ns(d->clock) - start);
    d->account_ns -= ns;
    if (k > 0 && n_read <= READ_FEW) {
        ns /= (double)k;
        d->guess_ns = d->guess_ns > 0 ? d->guess_ns + TIME_NEWEST * (ns - d->guess_ns) : ns;
    }
    return k;
}

/* A running mean of guesses of which the first n_right were right and the next one, if there was
 * one, was not. */
static double mean_with(double mean, double newest, size_t n_guessed, size_t n_right)
{
    for (size_t i = 0; i < n_right; i++)
        mean += newest * (1.0 - mean);
    return n_right < n_guessed ? mean - newest * mean : mean;
}

void wf_drafter_was(struct wf_drafter *d, struct wf_drafter_text *t, size_t n_guessed,
                    size_t n_right)
{
    t->right = mean_with(t->right, TEXT_NEWEST, n_guessed, n_right);
    d->right = mean_with(d->right, ALL_NEWEST, n_guessed, n_right);
    d->account_ns += (double)n_right * t->value_ns - t->beside_ns;
    d->account_ns = WF_MIN(d->account_ns, ACCOUNT_MAX_NS);
}

void wf_drafter_worked(struct wf_drafter *d, int64_t ns)
{
    d->account_ns = WF_MIN(d->account_ns + ALLOWED_SHARE * (double)ns, ACCOUNT_MAX_NS);
}
