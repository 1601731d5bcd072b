/* Pace: how much of a prompt is read beside texts that are written.
 *
 * Who writes waits for a whole pass, so a piece of a prompt may take only so much of one that the
 * pass stays below twice what it takes without. A token costs more the more stands before it, since
 * it looks at all of that: what a token costs, and what each token before it adds, are learned from
 * the passes themselves. Threads: owner. */
#ifndef WF_ENGINE_PACE_H
#define WF_ENGINE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as zeros: nothing is known. */
struct wf_pace {
    double step_ns;   /* a pass of those who write alone, a running mean; 0: not known */
    double token_ns;  /* of a token read beside them, with nothing before it; 0: not known */
    double before_ns; /* and of each token before it */
    double alone_ns;  /* of a token that is read while nobody writes; 0: not known */
    size_t n_run;     /* pieces since the last pass without one */
};

/* A pass of those who write took so long; n tokens of prompts, read while nobody wrote, did. */
void wf_pace_wrote(struct wf_pace *p, int64_t ns);
void wf_pace_read_alone(struct wf_pace *p, size_t n, int64_t ns);

/* Whether the next pass reads, too: now and then one does not, so that it stays known how long that
 * takes. */
bool wf_pace_reads(struct wf_pace *p);

/* What a pass reads: filled text by text, and then told with what it took. */
struct wf_pace_piece {
    double left_ns;  /* of the time that it may take */
    size_t n_first;  /* tokens that it may have where times are not known */
    size_t n;        /* tokens */
    double n_before; /* tokens before each of them, all together */
    bool is_short;   /* less than there was time for */
};

/* A piece of nothing, with n_shares times the time that one may take (at least 1). */
struct wf_pace_piece wf_pace_begin(const struct wf_pace *p, size_t n_shares);
/* Adds as many of the next n tokens of a text as there is time for, n_before being those before
 * them, and tells how many. An empty piece takes a few, whatever they cost: it comes on. */
size_t wf_pace_add(const struct wf_pace *p, struct wf_pace_piece *io, size_t n_before, size_t n);
/* A pass with this piece took so long. */
void wf_pace_read(struct wf_pace *p, const struct wf_pace_piece *piece, int64_t ns);

#endif
