/* Wish: what a sentence in plain words asks weft for: a command with its arguments, or something
 * that weft cannot do yet.
 *
 * The lens has said what kind of request it is, and which of its words are what (its set "weft",
 * train/weft-intents.txt). Here stands what follows from that, in one table. Nothing is run here,
 * and nothing is looked for: whether the file that is meant is there is the caller's to find out.
 * Thread rule: any. */
#ifndef WF_SKILL_WISH_H
#define WF_SKILL_WISH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/civil.h"
#include "base/err.h"
#include "base/str.h"
#include "model/lens.h"
#include "text/when.h"

/* The longest sentence, in bytes, and the words of a command. */
#define WF_WISH_BYTES_MAX ((size_t)4096)
#define WF_WISH_ARGS_MAX 6

enum wf_wish_state {
    WF_WISH_UNKNOWN, /* not understood */
    WF_WISH_RUN,     /* args is the command */
    WF_WISH_LACKING, /* a command, but what it is to be done with was not said */
    WF_WISH_NOT_YET, /* understood; weft has no skill for it */
};

/* What the last argument is. */
enum wf_wish_names {
    WF_WISH_WORDS,
    WF_WISH_FILE,     /* a file, as people call it: "report.pdf", "the contract" */
    WF_WISH_DOCUMENT, /* likewise, but one that was taken in */
};

struct wf_wish {
    enum wf_wish_state state;
    struct wf_str intent; /* the lens's label, borrowed from it; also of one it is not sure of */
    float score;
    struct wf_str args[WF_WISH_ARGS_MAX]; /* views of the sentence, or static */
    size_t n_args;
    enum wf_wish_names names;
    bool changes; /* it changes or deletes what weft holds: to be asked before */
    struct wf_when when;
    bool has_when;
    char at[WF_CIVIL_BYTES]; /* when.at as text; an argument may point here: do not copy the struct
                              */
};

/* What `text` asks for, given what the lens says of this very text; times are seen from `now`. *out
 * borrows from `text` and from the lens that `a` is of. */
void wf_wish_make(struct wf_str text, const struct wf_lens_answer *a, const struct wf_civil *now,
                  struct wf_wish *out);

/* Whether weft has a skill for a label of the set. Unknown labels: false. */
bool wf_wish_can(struct wf_str intent);
/* The i-th label of the table; the empty view behind the last. */
struct wf_str wf_wish_intent(size_t i);

#endif
