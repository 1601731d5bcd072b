/* Hardness: how likely a small and a large model answer a request right, from its text alone: a
 * table of what words, pairs of words, beginnings and ends of words and the text's shape (length,
 * digits, signs, given answers, code) say for and against it. Fitted by train/hardness.h to
 * questions that two models have answered; it orders requests, and its two numbers are the log odds
 * for a model of some ten and one of some hundred milliards of weights.
 *
 * A table, little-endian:
 *
 *   0   8  "WFHARD01"
 *   8   4  u32, number of rows: WF_HARDNESS_ROWS
 *   12  8  f32 [2], scale of each output's weights
 *   20  8  f32 [2], bias of each
 *   28  -  i8 [2][rows], weights
 *
 * An output is its bias, and for each group of features (words and pairs; parts of words; shape)
 * the sum of their weights over the square root of how many there are. The trainer and the reader
 * share this file: what wf_hardness_features gives must not change without fitting anew.
 * Threads: open and close by the owner; the rest any. */
#ifndef WF_MODEL_HARDNESS_H
#define WF_MODEL_HARDNESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define WF_HARDNESS_ROWS (1u << 15)
#define WF_HARDNESS_TABLE_BYTES (28u + 2u * WF_HARDNESS_ROWS)
/* Features and words of one text: what is asked stands at its begin and at its end. */
#define WF_HARDNESS_FEATURES_MAX 640u
#define WF_HARDNESS_WORDS_MAX 128u
#define WF_HARDNESS_GROUPS 3u

enum wf_hardness_output {
    WF_HARDNESS_SMALL,
    WF_HARDNESS_LARGE,
    WF_HARDNESS_OUTPUTS,
};

struct wf_hardness_features {
    uint16_t items[WF_HARDNESS_FEATURES_MAX]; /* rows, group by group */
    size_t ends[WF_HARDNESS_GROUPS];          /* where each group ends */
};

/* The features of a text (valid UTF-8). Allocates nothing; some 30 us. */
void wf_hardness_features(struct wf_str text, struct wf_hardness_features *out);

struct wf_hardness;

/* Reads a table; the bytes are copied. *out is owned by the caller, until wf_hardness_close.
 * Errors: FORMAT (it is none), NOMEM. */
int wf_hardness_open(struct wf_str bytes, struct wf_hardness **out, struct wf_err *err) WF_MUST_USE;
/* The table that is built in. Errors: NOMEM. */
int wf_hardness_built_in(struct wf_hardness **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_hardness_close(struct wf_hardness *h);

/* The log odds that a small and a large model answer it right: out [WF_HARDNESS_OUTPUTS]. */
void wf_hardness_score(const struct wf_hardness *h, struct wf_str text, float *out);
/* The same of features that are there already. */
void wf_hardness_weigh(const struct wf_hardness *h, const struct wf_hardness_features *f,
                       float *out);

#endif
