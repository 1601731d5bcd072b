/* CRF: a linear-chain conditional random field over what words show (model/lens_words.h), the
 * judge of entities that stands beside the encoder's head.
 *
 * Fitted by follow-the-regularised-leader (McMahan et al. 2013, FTRL-Proximal): one pass costs a
 * second or two, and weights that help too little stay 0. What a text is not told of is summed
 * over, as the task of entities does it: the loss is the logarithm of the weight of all sequences
 * of tags less that of those that agree with what is known. The same texts in the same order give
 * the same weights. Threads: owner. */
#ifndef WF_TRAIN_CRF_H
#define WF_TRAIN_CRF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/lens.h"
#include "model/lens_words.h"
#include "train/entity.h"

/* ---- texts ---- */

struct wf_crf_text {
    size_t first, n; /* words, in the arrays of a side */
    size_t at, len;  /* bytes, of a side that keeps them */
    uint32_t known;  /* WF_ENTITY_BIT of types that its set tags */
    float weight;
    uint16_t source; /* by number in the experiment */
    bool is_noisy;
    bool is_dev_file; /* its file is kept aside as a whole */
};

/* What is fitted, or what is kept aside. */
struct wf_crf_side {
    bool keeps_bytes;
    struct wf_buf bytes;
    uint32_t *features; /* [n, WF_LENS_WORD_FEATURES] */
    int16_t *tags;      /* [n] or -1: not told, one of `allowed` */
    uint32_t *allowed;  /* [n] bits of tags */
    uint32_t *begins;   /* [n] the first byte within its text, white space left out */
    size_t n, cap;
    struct wf_crf_text *texts; /* [n_texts] */
    size_t n_texts, cap_texts;
};

#define WF_CRF_SOURCES_MAX 64u
struct wf_crf_texts {
    struct wf_crf_side sides[2]; /* to fit; kept aside, with its bytes */
    char *sources[WF_CRF_SOURCES_MAX];
    size_t n_sources;
};

/* Reads the sources of the task `entity` of an experiment, parted as the task does; words are
 * pieces of `vocab`. classes may be NULL. *out is zeroed by the caller and must be given to
 * wf_crf_texts_deinit, also after errors. Errors: those of conf.h, data.h, vocab.h. */
int wf_crf_texts_read(const char *conf, const char *data_dir, const struct wf_vocab *vocab,
                      const struct wf_lens_classes *classes, struct wf_crf_texts *out,
                      struct wf_err *err) WF_MUST_USE;
void wf_crf_texts_deinit(struct wf_crf_texts *t);

/* ---- the field ---- */

struct wf_crf {
    size_t n_features;
    uint32_t *numbers;  /* [n_features] ascending */
    uint32_t *first;    /* [n_features + 1] where a feature's weights begin */
    uint8_t *tags;      /* [first[n_features]] of the weights, ascending in a feature */
    float *weights;     /* as many; 0: it is not there */
    float *squares;     /* as many: sums of their squared gradients */
    float *transitions; /* [WF_ENTITY_TAGS from, WF_ENTITY_TAGS to] */
    float levels[WF_LENS_WORDS_LEVELS]; /* that weights have, once it was squeezed */
};

struct wf_crf_options {
    unsigned passes;
    float rate;
    float l1, l2;      /* what a weight must gain to be there, and what its square costs: of all
                          passes together */
    uint32_t seen_min; /* features seen less often have no weights */
};

/* What does well on texts kept aside. */
extern const struct wf_crf_options wf_crf_usual;

/* Fits a field to a side. `pass` (may be NULL) is called behind each pass with the mean loss of a
 * word. *out is owned by the caller, until wf_crf_free. Errors: LIMIT (too much text), NOMEM. */
typedef void (*wf_crf_pass_fn)(void *ud, unsigned pass, double loss);
int wf_crf_fit(const struct wf_crf_side *s, const struct wf_crf_options *o, wf_crf_pass_fn pass,
               void *ud, struct wf_crf **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_crf_free(struct wf_crf *c);

/* Scores of the tags of n words by what they show: out [n, WF_ENTITY_TAGS]. */
void wf_crf_score(const struct wf_crf *c, const uint32_t *features, size_t n, float *out);

/* The likeliest tags of n words, as lens finds them: an entity goes on only where it has begun.
 * scores [n, WF_ENTITY_TAGS], moves [WF_ENTITY_TAGS, WF_ENTITY_TAGS], out [n]. Errors: NOMEM. */
int wf_crf_decode(const float *scores, size_t n, const float *moves, int32_t *out) WF_MUST_USE;

/* ---- the loss of a text ---- */

#define WF_CRF_ROW 32u /* of tags, so that rows are whole registers */

/* Room for the sums over sequences of texts of n_max words at most. */
struct wf_crf_room;
int wf_crf_room_new(size_t n_max, struct wf_crf_room **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_crf_room_free(struct wf_crf_room *r);

/* The loss of n words whose tags may be `allowed` (bits), with scores [n, WF_CRF_ROW] and moves
 * [WF_ENTITY_TAGS, WF_CRF_ROW]: the logarithm of the weight of all sequences less that of those
 * that are allowed. Writes its gradient: d_scores [n, WF_CRF_ROW] and d_moves
 * [WF_ENTITY_TAGS, WF_CRF_ROW]. */
double wf_crf_loss(struct wf_crf_room *r, const uint32_t *allowed, size_t n, const float *scores,
                   const float *moves, float *d_scores, float *d_moves);

/* ---- beside the encoder ---- */

/* How much each judge counts (model/lens_words.h). */
struct wf_crf_numbers {
    double share, outside;
};

/* In %, of texts kept aside: of all types that their sets tag; of noisy sets persons, places and
 * organisations; the same of files that are kept aside as a whole. */
struct wf_crf_figures {
    double f1, precision, recall, noisy_f1, dev_file_f1;
};

struct wf_crf_choice {
    struct wf_crf_numbers numbers;
    bool has_encoder;
    struct wf_crf_figures both, words, encoder;
    struct wf_crf_figures crossed; /* both, each half by the numbers chosen on the other */
};

/* Chooses the numbers on a side with its bytes. lens: of the same vocabulary, with tags of
 * entities; NULL: the field is alone. Errors: FORMAT (other tags), NOMEM, those of a runner. */
int wf_crf_choose(const struct wf_crf *c, const struct wf_lens *lens, size_t n_threads,
                  const struct wf_crf_side *s, struct wf_crf_choice *out,
                  struct wf_err *err) WF_MUST_USE;

/* ---- in a lens file ---- */

/* What is written of a field. */
struct wf_crf_table {
    size_t n_features, n_entries;
    size_t bytes; /* of all that is in the file */
};

/* The field as lens has it: weights that matter least are left out, so that it takes about
 * `bytes_max` at most (0: all that are not 0), and the rest are brought to 128 levels. */
void wf_crf_squeeze(struct wf_crf *c, size_t bytes_max);

/* Whether a lens file's encoder, where it has tags of entities, has those of a field. Errors:
 * FORMAT. */
int wf_crf_check_labels(const struct wf_gguf *g, struct wf_err *err) WF_MUST_USE;

/* Writes a copy of a lens file, at `path` (which may be its own), with the field, which was
 * squeezed, in place of the one that it has. classes: NULL or empty: none. Errors: NOMEM, LIMIT,
 * those of wf_crf_check_labels and of model/gguf_write.h. */
int wf_crf_write(const struct wf_crf *c, const struct wf_crf_numbers *numbers,
                 const struct wf_lens_classes *classes, const struct wf_gguf *into,
                 const char *path, struct wf_crf_table *out, struct wf_err *err) WF_MUST_USE;

#endif
