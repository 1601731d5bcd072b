/* SPDX-License-Identifier: Apache-2.0 */
/* A pass with a piece takes step_ns + n * token_ns + n_before * before_ns. The last two follow each
 * pass by the normalised least mean squares (Widrow and Hoff 1960; Nagumo and Noda 1967): what was
 * mistaken is divided among them by how much of each was in the pass. */
#include "engine/pace.h"

#include <assert.h>

#include "base/config.h"

/* Of the time of the others' step a piece may take; what is left is for passes to vary. */
#define PIECE_SHARE 0.65
/* Tokens of a piece whatever they cost, and where nothing is known. */
#define PIECE_MIN 2
#define PIECE_FIRST 8
/* After so many pieces there is a pass without. */
#define PIECES_RUN 16
/* Fewer tokens take longer each, and say little of a prompt. */
#define ALONE_MIN 64
/* The weight of the newest in a running mean. */
#define NEWEST 0.2
/* A pass that took this much longer than it should have, of what its piece should take, was held up
 * by something else. */
#define MISTAKE_MAX 0.5
/* So many tokens before one count like the one itself when a mistake is divided. */
#define BEFORE_UNIT 256.0

void wf_pace_wrote(struct wf_pace *p, int64_t ns)
{
    double d = (double)ns;

    p->step_ns = p->step_ns > 0 ? p->step_ns + NEWEST * (d - p->step_ns) : d;
}

void wf_pace_read_alone(struct wf_pace *p, size_t n, int64_t ns)
{
    double d = (double)ns / (double)n;

    if (n >= ALONE_MIN)
        p->alone_ns = p->alone_ns > 0 ? p->alone_ns + NEWEST * (d - p->alone_ns) : d;
}

bool wf_pace_reads(struct wf_pace *p)
{
    if (p->n_run < PIECES_RUN)
        return true;
    p->n_run = 0;
    return false;
}

struct wf_pace_piece wf_pace_begin(const struct wf_pace *p, size_t n_shares)
{
    assert(n_shares > 0);
    return (struct wf_pace_piece){.left_ns = PIECE_SHARE * p->step_ns * (double)n_shares,
                                  .n_first = PIECE_FIRST * n_shares};
}

size_t wf_pace_add(const struct wf_pace *p, struct wf_pace_piece *io, size_t n_before, size_t n)
{
    double each_ns = p->token_ns + p->before_ns * (double)n_before;
    bool is_known = p->token_ns > 0 && p->step_ns > 0;
    double fits = is_known ? io->left_ns / each_ns : (double)io->n_first - (double)io->n;
    double most = WF_MAX(fits, io->n == 0 ? PIECE_MIN : 0);

    io->is_short = (double)n < most;
    n = io->is_short ? n : (size_t)most;
    io->left_ns -= (double)n * each_ns;
    io->n += n;
    io->n_before += (double)n * (double)n_before;
    return n;
}

void wf_pace_read(struct wf_pace *p, const struct wf_pace_piece *piece, int64_t ns)
{
    double n = (double)piece->n, before = piece->n_before / BEFORE_UNIT;
    double took = (double)ns - p->step_ns, expected, mistake;

    assert(piece->n > 0);
    p->n_run++;
    if (p->step_ns <= 0 || took <= 0)
        return; /* nothing to compare with */
    if (p->token_ns <= 0)
        p->token_ns = took / n;
    expected = n * p->token_ns + piece->n_before * p->before_ns;
    mistake = WF_MIN(took - expected, MISTAKE_MAX * expected);
    if (piece->is_short && mistake > 0)
        return; /* a prompt's end takes longer for each token, and says nothing of more */
    mistake *= NEWEST / (n * n + before * before);
    p->token_ns = WF_MAX(p->token_ns + mistake * n, 1.0);
    p->before_ns = WF_MAX(p->before_ns + mistake * before / BEFORE_UNIT, 0.0);
}
