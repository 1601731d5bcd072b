/* SPDX-License-Identifier: Apache-2.0 */
/* Guesses: what a text may go on with, so that several of its tokens are computed in one pass.
 *
 * A text often repeats what stands in it: a summary quotes, code names its variables, an answer
 * takes up the question. Where its last tokens stood before, those that followed there are guessed
 * (prompt look-up; Yang et al., Inference with Reference, 2023); or a small model guesses
 * (drafter.h), whichever promises more. The pass gives the logits behind each guess; the sampler
 * picks from them as if there had been none, and the first pick that is not the guess ends it. So
 * the text is the same to the letter, guessed or not: only when a pass is cheaper for several
 * tokens than several passes, it comes sooner. Whether that is so is measured: how long passes of
 * so many tokens take, and how often this text's guesses were right. */
#include "engine/scheduler_internal.h"

/* Tokens that must stand there again, and those that do when no more do. */
#define ALIKE 3
#define ALIKE_MIN 2
/* Of a text's guesses so many are right, before anything is known of them. */
#define RIGHT_FIRST 0.5
#define NEWEST 0.1
/* What is not tried comes nearer to being tried, a step at a time. */
#define HOPE 0.002
#define TIME_NEWEST 0.2
#define TIME_FADES 0.999

/* The latest place before the end where the last n tokens stand, behind them; 0: none. */
static size_t place_of(const int32_t *ids, size_t n_ids, size_t n)
{
    const int32_t *end = ids + n_ids - n;

    for (size_t i = n_ids - n; i-- > 0;) {
        size_t k = 0;
        while (k < n && ids[i + k] == end[k])
            k++;
        if (k == n)
            return i + n;
    }
    return 0;
}

/* Time of a pass of n tokens: no less than of fewer. Of one that was never made it is that of the
 * next smaller one: trying is how it becomes known. */
static double time_of(const struct wf_guesses *g, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = WF_MAX(most, g->pass_ns[i]);
    return most;
}

/* Of `most` guesses, which take each_ns to make, as many as pay beside n_base tokens that are
 * computed anyway, and more than *io_rate, tokens a nanosecond, which is raised to theirs. */
static size_t worth(const struct wf_guesses *g, double right, double each_ns, size_t n_base,
                    size_t most, double *io_rate)
{
    double tokens = (double)n_base, chance = 1.0;
    size_t k = 0;

    for (size_t i = 1; i <= most; i++) {
        double ns = time_of(g, n_base + i) + (double)i * each_ns;
        chance *= right;
        tokens += chance;
        if (tokens / ns > *io_rate) {
            *io_rate = tokens / ns;
            k = i;
        }
    }
    return k;
}

/* Guesses by what stood in the text: how many pay; *out_at is where they stand. */
static size_t look_up(const struct wf_guesses *g, struct wf_job *job, size_t n_base, size_t most,
                      size_t *out_at, double *io_rate)
{
    size_t at = 0, n;

    for (size_t alike = ALIKE; alike >= ALIKE_MIN && at == 0; alike--) {
        if (job->ids.n > alike)
            at = place_of(job->ids.ptr, job->ids.n, alike);
    }
    if (at == 0)
        return 0;
    n = worth(g, job->right, 0, n_base, WF_MIN(most, job->ids.n - at), io_rate);
    if (n == 0)
        job->right = WF_MIN(job->right + HOPE, 1.0);
    *out_at = at;
    return n;
}

/* Guesses by the small model, where more of them pay than *io_rate says: how many were made. */
static size_t ask_draft(const struct wf_guesses *g, struct wf_drafter *d, struct wf_job *job,
                        size_t n_base, size_t most, double rate)
{
    struct wf_drafter_text *t = &job->draft;
    double before = time_of(g, n_base);
    size_t n;

    if (t->right <= 0)
        t->right = wf_drafter_right(d);
    if (!wf_drafter_may(d))
        return 0;
    n = worth(g, t->right, wf_drafter_guess_ns(d), n_base, most, &rate);
    if (n == 0) {
        t->right = WF_MIN(t->right + HOPE, 1.0);
        return 0;
    }
    n = wf_drafter_guess(d, t, job->ids.ptr, job->ids.n, n, job->guessed + 1);
    t->value_ns = before / (double)n_base;
    t->beside_ns = time_of(g, n_base + n) - before;
    return n;
}

size_t wf_guess(const struct wf_guesses *g, struct wf_drafter *draft, struct wf_job *job,
                size_t n_base, size_t room)
{
    size_t at = 0, n, n_drafted = 0;
    double rate;

    if (job->right <= 0)
        job->right = RIGHT_FIRST;
    if (job->seq.conv != NULL || n_base > WF_GUESS_ROWS || g->pass_ns[0] <= 0 || room == 0)
        return 0; /* convolutions cannot be taken back to any place */
    rate = (double)n_base / time_of(g, n_base);
    room = WF_MIN(WF_MIN(room, WF_GUESS_ROWS - n_base), WF_GUESS_MAX);
    n = look_up(g, job, n_base, room, &at, &rate);
    if (draft != NULL && room > 0)
        n_drafted = ask_draft(g, draft, job, n_base, room, rate);
    job->guessed[0] = job->ids.ptr[job->ids.n - 1];
    job->is_drafted = n_drafted > 0;
    if (n_drafted > 0)
        return n_drafted;
    for (size_t i = 0; i < n; i++)
        job->guessed[i + 1] = job->ids.ptr[at + i];
    return n;
}

void wf_guess_was(struct wf_drafter *draft, struct wf_job *job, size_t n_guessed, size_t n_right)
{
    pthread_mutex_lock(&job->group->lock);
    job->counts.n_guessed += n_guessed;
    job->counts.n_right += n_right;
    job->counts.n_drafted += job->is_drafted ? n_guessed : 0;
    pthread_mutex_unlock(&job->group->lock);
    if (job->is_drafted) {
        wf_drafter_was(draft, &job->draft, n_guessed, n_right);
        return;
    }
    for (size_t i = 0; i < n_right; i++)
        job->right += NEWEST * (1.0 - job->right);
    if (n_right < n_guessed)
        job->right -= NEWEST * job->right;
}

void wf_guess_took(struct wf_guesses *g, size_t n, int64_t ns)
{
    if (n == 0 || n > WF_GUESS_ROWS)
        return;
    for (size_t i = 0; i < WF_GUESS_ROWS; i++) {
        if (i + 1 != n)
            g->pass_ns[i] *= TIME_FADES;
    }
    g->pass_ns[n - 1] = g->pass_ns[n - 1] > 0
                            ? g->pass_ns[n - 1] + TIME_NEWEST * ((double)ns - g->pass_ns[n - 1])
                            : (double)ns;
}
