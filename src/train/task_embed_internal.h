/* What the parts of the embedding's task share: texts, and which of them belong together.
 *
 * A unit is what has one meaning: a passage with its questions, a sentence in several languages. It
 * has a cell for each slot of its source (a language, or only one): the text b, and texts a that
 * are to find it. Where all are of one kind (translations) a cell has b alone. Texts are tokens
 * without <s>. Thread rule: owner. */
#ifndef WF_TRAIN_TASK_EMBED_INTERNAL_H
#define WF_TRAIN_TASK_EMBED_INTERNAL_H

#include "base/map.h"
#include "train/conf.h"
#include "train/data_internal.h"
#include "train/items.h"
#include "train/loss.h"
#include "train/task.h"

#define WF_EMBED__NONE UINT32_MAX
#define WF_EMBED__SLOTS_MAX 160u /* languages of one source */
#define WF_EMBED__SOURCES_MAX 64u
#define WF_EMBED__DIMS 256u
#define WF_EMBED__KEYS_MAX (1u << 24) /* of one source */

struct wf_embed__settings {
    char sources[WF_CONF_VALUE_BYTES];
    int64_t tokens, run, pairs, candidates;
    double temperature, same, pivot, title;
    bool marks;
};

/* What is measured with a source. */
enum wf_embed__exam {
    WF_EMBED__NO_EXAM,
    WF_EMBED__FINDS,      /* questions find their passages */
    WF_EMBED__TRANSLATES, /* sentences find their translations */
};

struct wf_embed__link {
    uint32_t text, next; /* next: a link, or NONE */
};

struct wf_embed__cell {
    uint32_t b;     /* a text; NONE: the unit has nothing in this slot */
    uint32_t title; /* what stands above b; NONE */
    uint32_t links; /* the texts a; NONE */
    uint32_t n_links;
};

struct wf_embed__unit {
    uint32_t group;   /* units of one group are not held against each other */
    uint32_t against; /* a text that means something else; NONE */
    bool is_dev;
};

struct wf_embed__source {
    double weight;
    size_t n_slots, n_used, pivot; /* n_used: slots that have anything */
    bool is_alike;                 /* cells have b alone */
    bool runs;                     /* neighbours come together: they are hard to tell apart */
    bool asks;                     /* a is a question, b a passage */
    enum wf_embed__exam exam;
    char slots[WF_EMBED__SLOTS_MAX][16]; /* their names */
    struct wf_embed__unit *units;
    struct wf_embed__cell *cells; /* [n_units, n_slots] */
    size_t n_units, cap_units, cap_cells;
    uint32_t *train; /* [n_train] units to train on */
    size_t n_train, cap_train;
};

struct wf_embed__batch {
    int32_t *ids;              /* [n_tokens_max] */
    uint32_t *starts;          /* [n_tokens_max + 1] of windows */
    uint32_t *from[3], *to[3]; /* [n_tokens_max] rows of a, b and against */
    uint32_t *groups;          /* [n_tokens_max] */
    size_t n_windows, n[3];    /* n of rows */
};

struct wf_embed {
    struct wf_task_place place;
    struct wf_embed__settings s;
    struct wf_task_position position;
    int32_t begin, question, passage, line; /* tokens; line: a line's end */

    int32_t *ids;     /* the texts */
    uint64_t *starts; /* [n_texts + 1] */
    size_t n_ids, cap_ids, n_texts, cap_starts;
    struct wf_embed__link *links;
    size_t n_links, cap_links;
    struct wf_embed__source *sources; /* [n_sources] */
    size_t n_sources;
    double weight_sum;
    uint64_t train_tokens; /* what may come in batches, once */

    struct wf_embed__batch b;
    struct wf_loss_room *room;
};

int wf_embed__no_memory(struct wf_err *err);

/* ---- the store (task_embed_store.c) ---- */

/* Adds a text of n > 0 tokens, cut after `tokens` of the settings unless it is `whole`. */
int wf_embed__add_text(struct wf_embed *e, const int32_t *ids, size_t n, bool whole, uint32_t *out,
                       struct wf_err *err) WF_MUST_USE;
/* Adds a unit with empty cells. */
int wf_embed__add_unit(struct wf_embed__source *s, struct wf_embed__unit unit, uint32_t *out,
                       struct wf_err *err) WF_MUST_USE;
/* A text a of a cell. */
int wf_embed__add_link(struct wf_embed *e, struct wf_embed__cell *c, uint32_t text,
                       struct wf_err *err) WF_MUST_USE;
struct wf_embed__cell *wf_embed__cell(const struct wf_embed__source *s, uint32_t unit, size_t slot);
/* Lists what is trained on, once all units are there. */
int wf_embed__close_source(struct wf_embed *e, struct wf_embed__source *s,
                           struct wf_err *err) WF_MUST_USE;
void wf_embed__free_source(struct wf_embed__source *s);
size_t wf_embed__text_len(const struct wf_embed *e, uint32_t text);

/* ---- reading (task_embed_read.c, task_embed_questions.c, task_embed_mine.c) ---- */

struct wf_embed__reader {
    struct wf_embed *e;
    struct wf_embed__source *s;
    size_t slot;  /* of the file that is read */
    double share; /* of documents' passages that are taken */
    struct wf_ids ids;
    struct wf_err *err;
};

int wf_embed__read_sources(struct wf_embed *e, struct wf_err *err) WF_MUST_USE;

/* Tokens of a string into r->ids, instead of what is there. */
int wf_embed__encode(struct wf_embed__reader *r, struct wf_str text) WF_MUST_USE;
/* The same and adds them; *out is NONE when the text has none. */
int wf_embed__encode_text(struct wf_embed__reader *r, struct wf_str text, bool whole,
                          uint32_t *out) WF_MUST_USE;

/* A text in sentences: tokens into r->ids, where each begins and (last) all end. */
struct wf_embed__cut {
    size_t *ids, *bytes; /* [n + 1] */
    size_t n, cap;
};
int wf_embed__cut_append(struct wf_embed__reader *r, struct wf_str text,
                         struct wf_embed__cut *io) WF_MUST_USE;
void wf_embed__cut_reset(struct wf_embed__reader *r, struct wf_embed__cut *c);
void wf_embed__cut_free(struct wf_embed__cut *c);
/* Behind the last sentence of the passage that begins with sentence i. */
size_t wf_embed__cut_piece(const struct wf_embed *e, const struct wf_embed__cut *c, size_t i,
                           size_t n);

int wf_embed__read_questions(struct wf_embed__reader *r, const char *path) WF_MUST_USE;

/* What is made of the same questions in several languages, a file each. */
enum wf_embed__parallel {
    WF_EMBED__QUESTIONS, /* find their passages */
    WF_EMBED__PASSAGES,  /* are translations of each other */
    WF_EMBED__ASKED,     /* likewise the questions */
};

struct wf_embed__across {
    struct wf_embed__reader *r;
    struct wf_map units; /* a question's id: unit */
    enum wf_embed__parallel what;
    uint64_t passage;
    uint32_t unit; /* the last passage's, of the first file */
};
/* Reads the file of r->slot; slot 0 says which units there are. */
int wf_embed__read_across(struct wf_embed__across *a, const char *path) WF_MUST_USE;

/* What is made of documents without labels. */
enum wf_embed__mined {
    WF_EMBED__CLOZE,    /* a sentence, and the passage that it was in */
    WF_EMBED__NEXT,     /* a passage and the next one */
    WF_EMBED__HEADINGS, /* a heading or title, and what stands below it */
};
int wf_embed__mine(struct wf_embed__reader *r, const char *path,
                   enum wf_embed__mined what) WF_MUST_USE;

/* ---- batches (task_embed.c), measuring (task_embed_exam.c) ---- */

/* A text at the end of the batch: windows, each behind <s> and its mark. Row 0 is a, 1 b, 2
 * against. False: it has no room. */
struct wf_embed__put {
    uint32_t text, title; /* title: NONE */
    size_t n_max;         /* tokens */
    unsigned row;
    bool is_question;
};
bool wf_embed__put(struct wf_embed *e, const struct wf_embed__put *p);
void wf_embed__begin(struct wf_embed__batch *b);
int wf_embed__room(struct wf_embed *e, struct wf_net *net, struct wf_err *err) WF_MUST_USE;
struct wf_loss_head wf_embed__head(const struct wf_net *net);

/* Puts texts, the first of n (up to one that is NONE), as they are read when measured; returns how
 * many had room. titles NULL: none. */
size_t wf_embed__fill(struct wf_embed *e, const uint32_t *texts, const uint32_t *titles, size_t n,
                      bool is_question);

/* Whose embeddings are measured: writes those of n texts to out [n, WF_EMBED__DIMS], at length 1;
 * of a text NONE zeros. titles: what stands above each; NULL: nothing. */
struct wf_embed__encoder {
    int (*embed)(void *ud, const uint32_t *texts, const uint32_t *titles, size_t n,
                 bool is_question, float *out, struct wf_err *err);
    void *ud;
};

extern const struct wf_task_figure wf_embed__figures[];
/* Fills out, a number for each of these figures. Errors: of the encoder; NOMEM. */
int wf_embed__examine(struct wf_embed *e, const struct wf_embed__encoder *by, double *out,
                      struct wf_err *err) WF_MUST_USE;
int wf_embed__evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err) WF_MUST_USE;

#endif
