/* Corpus to shards: every source of a list that an epoch has becomes two files of tokens in a
 * folder, NAME.train.shard and NAME.dev.shard (what is kept aside). Files that are there, made from
 * the same source with the same vocabulary, stay. Threads: owner. */
#ifndef WF_TRAIN_CORPUS_SHARDS_H
#define WF_TRAIN_CORPUS_SHARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/vocab.h"
#include "train/corpus.h"
#include "train/shard.h"

/* What became of one text; for tables. */
struct wf_corpus_counted {
    size_t i_source;
    struct wf_str language;
    size_t n_bytes, n_tokens;
    bool is_dev;
};

struct wf_corpus_prepare_options {
    size_t n_threads;                                             /* 0: as many as processors */
    bool again;                                                   /* also files that could stay */
    void (*on_text)(void *ud, const struct wf_corpus_counted *t); /* may be NULL */
    bool (*tell)(void *ud, size_t i_source); /* before each source; false ends the work; or NULL */
    void *ud;
};

/* Makes what is missing; dir is made where it is missing. Control tokens are not in the shards, and
 * names of them in texts stay plain text. Errors: those of corpus and shard, CANCELED. */
int wf_corpus_prepare(const struct wf_corpus *c, const struct wf_vocab *v, const char *dir,
                      const struct wf_corpus_prepare_options *o, struct wf_err *err) WF_MUST_USE;

/* The path of a source's file, into out; LIMIT when it is too long. */
int wf_corpus_shard_path(const struct wf_corpus_source *s, const char *dir, bool is_dev,
                         struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
