/* Grounded: text that a model writes from numbered sentences, each statement with the numbers of
 * those it stands on, and nothing that does not hold.
 *
 * The model is made (by a grammar) to end every statement with numbers of sentences that exist. A
 * statement is given out only when it holds: it shares words of meaning with what it cites, and its
 * numbers stand there or in the question. The others are left out and counted. So a citation always
 * leads to a sentence that is there and speaks of the same; that the model read it rightly is what
 * the person can then see.
 *
 * Sentences are data: they stand between marks that are new with each request, so that none of them
 * can end the data, and the model is told to do nothing that they ask for. Each group is a piece of
 * the message of its own, with its origins. */
#ifndef WF_SKILL_GROUNDED_H
#define WF_SKILL_GROUNDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"

/* Sentences that a model is given at most, and their bytes: more makes small models worse, not
 * better, and every one is read before the first word is written. */
#define WF_GROUNDED_SENTENCES_MAX 64
#define WF_GROUNDED_BYTES_MAX 8192

enum wf_grounded_task {
    WF_GROUNDED_ANSWER,    /* a question, or the word that nothing here answers it */
    WF_GROUNDED_SUMMARIZE, /* what the sentences say, in fewer words */
};

/* A person's release of what the policy keeps (op/remote.h): first what would go is looked at, then
 * the same is sent, with the marks that were shown. */
struct wf_grounded_release {
    const char *id, *reason; /* NULL: it is only looked at, by `look` */
    struct wf_str fence;     /* the marks' letters; empty: new ones */
    bool as_is;
    /* Looks at the request in place of sending it; `fence`: its marks. */
    int (*look)(void *ud, const struct wf_gen_request *q, const char *fence, struct wf_err *err);
    void *ud;
};

struct wf_grounded_request {
    struct wf_engine *engine;
    const char *model; /* NULL: the default */
    enum wf_grounded_task task;
    struct wf_str question;       /* of an answer; of a summary what it turns to, or empty */
    const struct wf_str *earlier; /* earlier questions of the conversation, oldest first */
    size_t n_earlier;
    const struct wf_str *sentences;  /* [n_sentences] */
    const size_t *groups;            /* [n_sentences] sentences of one passage have one number */
    size_t n_sentences;              /* 1..WF_GROUNDED_SENTENCES_MAX */
    const struct wf_origin *origins; /* [n_origins] where a group is from (i_part: its number) */
    size_t n_origins;
    size_t n_statements;                       /* wanted, about; 0: as many as needed */
    const struct wf_grounded_release *release; /* NULL: none */
    /* A statement that holds, and the sentences it cites (from 0); may be NULL. */
    void (*statement)(void *ud, struct wf_str text, const size_t *cited, size_t n_cited);
    bool (*canceled)(void *ud); /* may be NULL */
    void *ud;
};

/* A statement of the text: bytes [start, end), and which sentences it cites. */
struct wf_grounded_statement {
    size_t start, end;
    const size_t *cited; /* [n_cited] from 0, in the order of its numbers */
    size_t n_cited;
};

struct wf_grounded {
    struct wf_str text; /* the statements, without their numbers; empty: nothing holds, or none */
    const struct wf_grounded_statement *statements;
    size_t n_statements;
    size_t n_left_out; /* statements that did not hold */
    bool is_looked;    /* nothing was asked, but looked at: there is no more in here */
    bool is_none;      /* the model says that nothing there answers */
    const char *model; /* its full name */
    const char *route; /* where it ran, as wf_gen_usage has it; NULL: here */
    const char *flags; /* what is flagged in what it wrote, as wf_gen_usage has it; NULL: nothing */
};

/* Writes, or looks at what would go. Everything in *out lives in `arena`. Errors: those of the
 * engine, or of `look`; INVAL (the fence). Thread: any. */
int wf_grounded_write(const struct wf_grounded_request *q, struct wf_arena *arena,
                      struct wf_grounded *out, struct wf_err *err) WF_MUST_USE;

/* Whether a statement holds: exposed for its tests. */
bool wf_grounded_holds(struct wf_str statement, const struct wf_str *cited, size_t n_cited,
                       struct wf_str question);

#endif
