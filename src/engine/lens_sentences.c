/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences are joined to texts again, a line each, so that the encoder sees each with what is
 * around it. Lens cuts its own sentences; what overlaps is averaged. */
#include "engine/lens_sentences.h"

#include <math.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"

#define PIECE_BYTES ((size_t)128 << 10) /* of a text that is asked for at once */
#define SHARE_MIN 1e-6f

static float logit(float share)
{
    float x = fmaxf(SHARE_MIN, fminf(1.0f - SHARE_MIN, share));

    return logf(x / (1.0f - x));
}

/* The mean of the marks that overlap bytes [from, to), by how much; *io_i: the first that may. */
static float mean_of(const struct wf_lens_marks *m, size_t from, size_t to, size_t *io_i)
{
    double sum = 0, n = 0;

    while (*io_i < m->n && m->items[*io_i].to <= from)
        (*io_i)++;
    for (size_t i = *io_i; i < m->n && m->items[i].from < to; i++) {
        double shared = (double)(WF_MIN(to, m->items[i].to) - WF_MAX(from, m->items[i].from));
        sum += shared * (double)logit(m->items[i].score);
        n += shared;
    }
    return n > 0 ? (float)(sum / n) : 0.0f;
}

/* Sentences [n] as one text; text is reused. */
static int run_piece(struct wf_lens_pool *p, const struct wf_str *sentences, size_t n,
                     struct wf_buf *text, float *out, struct wf_err *err)
{
    struct wf_lens_ask ask = {.tasks = WF_LENS_SALIENCE, .encoder_only = true};
    struct wf_lens_answer a;
    size_t at = 0, i_mark = 0;
    int rc;

    wf_buf_reset(text);
    for (size_t i = 0; i < n; i++) {
        (void)wf_buf_append(text, sentences[i].ptr, sentences[i].len);
        (void)wf_buf_append_byte(text, '\n');
    }
    if (wf_buf_status(text) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at a text.");
    ask.text = wf_buf_str(text);
    rc = wf_lens_pool_run(p, &ask, 1, &a, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        out[i] = mean_of(&a.sentences, at, at + sentences[i].len, &i_mark);
        at += sentences[i].len + 1;
    }
    wf_lens_answer_deinit(&a);
    return 0;
}

int wf_lens_sentences(struct wf_lens_pool *p, const struct wf_str *sentences, size_t n,
                      float *out_logits, struct wf_err *err)
{
    struct wf_buf text;
    int rc = 0;

    wf_buf_init(&text, WF_LIMIT_LENS_BYTES);
    for (size_t i = 0, k; i < n && rc == 0; i = k) {
        size_t bytes = sentences[i].len + 1;
        for (k = i + 1; k < n && bytes + sentences[k].len + 1 <= PIECE_BYTES; k++)
            bytes += sentences[k].len + 1;
        rc = run_piece(p, sentences + i, k - i, &text, out_logits + i, err);
    }
    wf_buf_deinit(&text);
    return rc;
}
