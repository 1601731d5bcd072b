/* SPDX-License-Identifier: Apache-2.0 */
/* What is private in a text, by the encoder's head and by a linear judge of words and groups of
 * letters (lens_linear.h): what both say is added, each times how much it counts, with a number for
 * each label. A long text holds what any piece of it holds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens_internal.h"

#define PIECE_TOKENS 96u /* what the head was trained on (train/sensitivity.conf) */

void wf_lens__take_labels(struct wf_lens_job *j, size_t i, const float *hidden, size_t n_tok)
{
    const struct wf_lens_head *head = &j->lens->sensitivity;
    size_t dim = j->lens->dim, n = head->n;
    size_t n_pieces = WF_MAX((n_tok + PIECE_TOKENS / 2) / PIECE_TOKENS, 1);
    float *out = j->labels + i * n, *one = out + j->n_windows * n, *mean = j->means + i * dim;

    if (!head->pools_mean) {
        wf_lens__apply(j->lens, head, hidden, out);
        return;
    }
    for (size_t k = 0; k < n; k++)
        out[k] = -INFINITY;
    for (size_t p = 0; p < n_pieces; p++) {
        size_t from = p * n_tok / n_pieces, to = (p + 1) * n_tok / n_pieces;
        memset(mean, 0, dim * sizeof(*mean));
        for (size_t t = from; t < to; t++)
            wf_kern()->axpy(1.0f / (float)(to - from), hidden + t * dim, mean, dim);
        wf_lens__apply(j->lens, head, mean, one);
        for (size_t k = 0; k < n; k++)
            out[k] = fmaxf(out[k], one[k]);
    }
}

size_t wf_lens_piece(struct wf_str text, size_t from)
{
    size_t to = from + WF_LENS_PIECE_BYTES;

    if (to >= text.len)
        return text.len;
    for (size_t i = to; i > from + WF_LENS_PIECE_BYTES / 2; i--) {
        if (text.ptr[i] == ' ' || text.ptr[i] == '\n')
            return i;
    }
    while (to > from && ((unsigned char)text.ptr[to] & 0xc0) == 0x80)
        to--;
    return to;
}

int wf_lens__ask_linear(struct wf_lens_job *j, struct wf_err *err)
{
    size_t n = j->lens->sensitivity.n;
    float *out = wf_alloc_array(2 * n, sizeof(*out)), *one;

    if (out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    one = out + n;
    for (size_t from = 0, to; from == 0 || from < j->text.len; from = to) {
        to = wf_lens_piece(j->text, from);
        wf_lens_linear_score(j->lens->sensitivity_linear, wf_str_sub(j->text, from, to), one);
        for (size_t k = 0; k < n; k++)
            out[k] = from == 0 ? one[k] : fmaxf(out[k], one[k]);
        if (to == from)
            break; /* an empty text */
    }
    j->linear = out;
    return 0;
}

/* What the head says of label k in windows [from, to): of their mean, as it is linear. */
static float mean_of(const struct wf_lens_job *j, size_t from, size_t to, size_t k)
{
    float sum = 0.0f;

    for (size_t i = from; i < to; i++)
        sum += j->labels[i * j->lens->sensitivity.n + k];
    return sum / (float)(to - from);
}

/* Of each label the log of how likely it is to how likely it is not: out [labels]. */
static void judge(const struct wf_lens_job *j, float *out)
{
    const float *mix = j->lens->sensitivity_mix;
    size_t n = j->lens->sensitivity.n;
    size_t window = j->n_windows > 0 ? wf_lens_job_window_tokens(j, 0) : PIECE_TOKENS;
    size_t n_of_piece =
        j->lens->sensitivity.pools_mean ? WF_MAX((PIECE_TOKENS + window / 2) / window, 1) : 1;

    for (size_t k = 0; k < n; k++) {
        float encoder = j->n_windows > 0 ? -INFINITY : 0.0f;
        for (size_t i = 0; i < j->n_windows; i += n_of_piece)
            encoder = fmaxf(encoder, mean_of(j, i, WF_MIN(i + n_of_piece, j->n_windows), k));
        if (j->linear == NULL)
            out[k] = encoder;
        else /* no encoder: 0 times nothing */
            out[k] = mix[0] * encoder + mix[1] * j->linear[k] + mix[2 + k];
    }
}

static int by_score(const void *a, const void *b)
{
    float x = ((const struct wf_lens_mark *)a)->score, y = ((const struct wf_lens_mark *)b)->score;

    return (x < y) - (x > y);
}

int wf_lens__finish_sensitivity(struct wf_lens_job *j, struct wf_lens_marks *out,
                                struct wf_err *err)
{
    const struct wf_lens *l = j->lens;
    size_t n = l->sensitivity.n;
    float *logits = wf_alloc_array(n, sizeof(*logits));
    int rc = logits == NULL ? WF_E_NOMEM : 0;

    if (rc == 0)
        judge(j, logits);
    for (size_t k = 0; k < n && rc == 0; k++) {
        struct wf_lens_mark m = {.type = l->sensitivity.labels[k],
                                 .score = wf_lens__share(logits[k])};
        if (m.score >= l->thresholds[k])
            rc = wf_lens__push(out, m);
    }
    wf_free(logits);
    if (rc != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    if (out->n > 1)
        qsort(out->items, out->n, sizeof(*out->items), by_score);
    return 0;
}
