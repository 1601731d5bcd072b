/* What the files of the summarizer share. Internal to skill/summarize*.c. Thread rule: owner. */
#ifndef WF_SKILL_SUMMARIZE_INTERNAL_H
#define WF_SKILL_SUMMARIZE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "skill/summarize.h"

/* ---- terms: how often each content word's stem occurs, in bounded memory ---- */

#define WF_SUM_TERMS_MAX 100000u /* distinct stems of a 1,000-page book: some 20,000 */
#define WF_SUM_NO_TERM UINT32_MAX

struct wf_sum_terms {
    uint64_t *hash;  /* of the stem; stands for it */
    uint32_t *tf;    /* occurrences */
    uint32_t *df;    /* sentences it occurs in */
    uint32_t n, cap; /* entries */
    uint32_t *index; /* open addressing: entry + 1, 0 = free */
    uint32_t n_index;
};

/* Frees all and leaves an empty vocabulary. */
void wf_summarize__terms_deinit(struct wf_sum_terms *t);
/* The entry of `hash`, made when absent; WF_SUM_NO_TERM when WF_SUM_TERMS_MAX are in use.
 * Errors: WF_E_NOMEM. */
int wf_summarize__terms_add(struct wf_sum_terms *t, uint64_t hash, uint32_t *out_id) WF_MUST_USE;
/* Drops entries whose keep[] is false and writes where the others went to map[] (both terms.n
 * long; WF_SUM_NO_TERM for those dropped). */
void wf_summarize__terms_prune(struct wf_sum_terms *t, const bool *keep, uint32_t *map);

/* ---- words of a sentence ---- */

#define WF_SUM_QUERY_MAX 24u      /* stems of `about` that count */
#define WF_SUM_SENTENCE_TERMS 200 /* stems of one sentence that count */

/* What one sentence holds. */
struct wf_sum_words {
    uint64_t terms[WF_SUM_SENTENCE_TERMS]; /* hashes of stems of content words */
    size_t n_terms;
    float n_words;  /* all words; a pair of letters counts half */
    float n_speech; /* pronouns of the first and second person */
    float n_names;  /* capitals within */
    size_t n_label; /* leading terms that belong to a speaker's label */
    uint64_t hash;  /* of its words, for finding repetitions */
    bool has_label; /* begins with "Speaker:" or "[speaker]" */
    bool is_markup; /* <tag> */
};

/* Fills *out from one sentence (valid UTF-8). */
void wf_summarize__words(struct wf_str sentence, struct wf_sum_words *out);

/* Hashes of the stems of `about` that say what it is about (not: summarize the discussion of). */
size_t wf_summarize__query(struct wf_str about, uint64_t out_terms[WF_SUM_QUERY_MAX]);

/* ---- candidates ---- */

#define WF_SUM_POOL_MAX 4096u  /* candidates held at most */
#define WF_SUM_POOL_KEEP 2048u /* held after a reduction */

struct wf_sum_cand {
    uint64_t ordinal; /* among all sentences */
    uint64_t start_cp, end_cp;
    uint32_t page;
    uint32_t n_terms;
    uint32_t text_len;
    uint32_t hits; /* bit q: holds query stem q */
    float n_words;
    float prior;     /* what speaks for it whatever the rest says */
    float *near;     /* per query stem: hits around, fading; the last: hits in speakers' labels */
    uint32_t *terms; /* entries, ascending, repeated as they occur */
    char *text;
};

#define WF_SUM_RECENT 16 /* sentences back that a hit still reaches */

struct wf_summarizer {
    struct wf_summary_options options;
    uint64_t query[WF_SUM_QUERY_MAX];
    uint32_t query_ids[WF_SUM_QUERY_MAX];
    size_t n_query;

    struct wf_buf pending; /* text not cut into sentences yet */
    uint64_t pending_cp;   /* where it begins in the text as fed */
    struct wf_sum_mark {
        size_t offset; /* in pending */
        uint32_t page;
    } * marks; /* where pages begin in pending; the first at 0 */
    size_t n_marks;
    bool is_heading, next_is_heading;
    bool is_talk; /* begins with speakers' labels: its opening greets, it does not tell */

    struct wf_sum_terms terms;
    struct wf_sum_cand **cands; /* in text order */
    size_t n_cands;
    uint64_t n_sentences;
    uint64_t *seen; /* hashes of sentences, a small cache */

    float fade[WF_SUM_QUERY_MAX + 1];          /* hits so far, fading */
    struct wf_sum_cand *recent[WF_SUM_RECENT]; /* by ordinal; NULL where none is a candidate */
    uint32_t label_hits; /* query stems in the speaker's label that holds now */
};

/* Takes in one sentence: counts its terms and makes it a candidate. */
int wf_summarize__take(struct wf_summarizer *s, struct wf_str sentence, uint64_t start_cp,
                       uint32_t page, struct wf_err *err) WF_MUST_USE;
/* Frees candidates and cache. */
void wf_summarize__pool_deinit(struct wf_summarizer *s);

/* ---- ranking ---- */

struct wf_sum_pick {
    uint32_t i_cand;
    float gain;
};

/* The best n candidates, best first, into out[n] (n <= s->n_cands). */
int wf_summarize__rank(const struct wf_summarizer *s, size_t n, struct wf_sum_pick *out,
                       struct wf_err *err) WF_MUST_USE;

/* The same by the judge of lens; *out_knows is false, and out is as it was, where there is none or
 * it knows too few of the words. */
int wf_summarize__judge(const struct wf_summarizer *s, size_t n, struct wf_sum_pick *out,
                        bool *out_knows, struct wf_err *err) WF_MUST_USE;

#endif
