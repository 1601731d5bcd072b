/* Policy, within: rules as they are kept, the reader of sentences, and the order between rules.
 * Thread rule: owner while a policy is made; any afterwards. */
#ifndef WF_PRIVACY_POLICY_INTERNAL_H
#define WF_PRIVACY_POLICY_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "privacy/policy.h"

#define WF_POLICY_WORDS_MAX (WF_POLICY_RULES_MAX / 64) /* of a set of rules */
#define WF_POLICY_WHERES_MAX 512
#define WF_POLICY_GROUPS_MAX 64
#define WF_POLICY_TOKENS_MAX 128
#define WF_POLICY_LIST_MAX 32

/* What a rule does. ASK and RELEASE have both a yes and a no (`is_not`). */
enum wf_policy_verb {
    WF_VERB_LABEL,   /* are private */
    WF_VERB_FLOOR,   /* are never below private */
    WF_VERB_GO,      /* may go to ... when replaced */
    WF_VERB_NEVER,   /* never go to ... */
    WF_VERB_SEE,     /* ... may see private */
    WF_VERB_ASK,     /* [do not] ask before ... go to ... */
    WF_VERB_RELEASE, /* ... may [not] release ... */
    WF_VERB_COUNT
};

/* Where a part comes from, as a sentence says it. Equal ones are kept once. */
struct wf_policy_where {
    uint8_t source;      /* enum wf_source; UNKNOWN: any */
    bool is_base_name;   /* name fits the last part of a path */
    struct wf_str name;  /* a pattern; "": any */
    size_t n_literal;    /* bytes of it before its first wildcard */
    struct wf_str space; /* patterns, too */
    struct wf_str person;
};

enum wf_policy_by {
    WF_BY_TIER,
    WF_BY_PROVIDER, /* the provider's name, or the engine's own */
    WF_BY_NAME,
};

struct wf_policy_target {
    uint8_t tiers; /* a bit for each enum wf_tier */
    uint8_t by;    /* enum wf_policy_by */
    struct wf_str name;
};

struct wf_policy_is {
    uint8_t verb;
    uint8_t label;         /* LABEL, FLOOR, SEE */
    uint8_t op;            /* GO */
    bool is_nothing;       /* SEE: not even public */
    bool is_not;           /* ASK, RELEASE */
    bool is_even_replaced; /* NEVER */
    bool is_base;          /* speaks of the part itself, "everything" */
    bool is_built_in;
    uint64_t kinds;                 /* of data */
    struct wf_str type;             /* this type alone; "": all of the kinds */
    uint64_t with;                  /* only where one of these is in the context; 0: always */
    uint32_t n_least;               /* only where there are so many of the kinds in the context */
    float score;                    /* only data with more than this */
    uint16_t where;                 /* index; 0: anywhere */
    struct wf_policy_target target; /* GO, NEVER, SEE, ASK */
    struct wf_str who;              /* RELEASE: "": anybody */
    uint32_t line;
    struct wf_str text;
};

struct wf_policy_group {
    struct wf_str name;
    uint64_t kinds;
};

struct wf_policy {
    struct wf_arena arena;
    struct wf_map types; /* detectors' types to kinds */
    struct wf_str name;
    struct wf_str user_home;    /* "": "~" is refused */
    struct wf_policy_is *rules; /* [n_rules] */
    size_t n_rules, n_rules_room;
    struct wf_policy_where wheres[WF_POLICY_WHERES_MAX];
    size_t n_wheres;
    struct wf_policy_group groups[WF_POLICY_GROUPS_MAX];
    size_t n_groups;
    bool has_scores;      /* some rule asks how sure a datum is, or for its type alone */
    size_t n_words;       /* of each set of rules below */
    uint64_t *sets;       /* owns them all */
    uint64_t *overridden; /* [n_rules][n_words]: by which rules each is overridden */
    uint64_t *by_where;   /* [n_wheres][n_words] */
    uint64_t *by_kind;    /* [WF_DATUM_COUNT][n_words]: rules of data */
    uint64_t *by_verb;    /* [WF_VERB_COUNT][n_words] */
    uint64_t *base;       /* [n_words]: rules of parts */
};

struct wf_policy_token {
    struct wf_str text;
    size_t column; /* code points, from 1 */
    bool is_quoted;
};

/* One sentence being read. The first complaint sticks. */
struct wf_policy_reader {
    struct wf_policy *p;
    const char *file;
    bool is_built_in;
    size_t line;        /* from 1 */
    struct wf_str text; /* the whole sentence, in the policy's arena */
    struct wf_policy_token tokens[WF_POLICY_TOKENS_MAX];
    size_t n, i;
    struct wf_err *err;
};

/* What a sentence speaks of: lists are multiplied out into rules. */
struct wf_policy_subject {
    bool is_base;
    struct {
        uint64_t kinds;
        struct wf_str type;
    } items[WF_POLICY_LIST_MAX];
    size_t n_items;
    uint64_t with;
    uint32_t n_least;
    float score;
    struct wf_policy_where wheres[WF_POLICY_LIST_MAX];
    size_t n_wheres; /* 0: anywhere */
};

/* ---- policy_words.c: tokens, phrases, complaints ---- */

/* Cuts a line into tokens; the sentence without its comment is then r->text. Errors: FORMAT, LIMIT.
 */
int wf_policy__tokens(struct wf_policy_reader *r, struct wf_str line) WF_MUST_USE;
/* Whether the next tokens are these words ("may go to"); then they are taken. */
bool wf_policy__phrase(struct wf_policy_reader *r, const char *words);
/* The same of the longest of the words between '|' in `list`. */
bool wf_policy__one_of(struct wf_policy_reader *r, const char *list);
/* The next token into *out; FORMAT where there is none, which `what` names. */
int wf_policy__name(struct wf_policy_reader *r, const char *what, struct wf_str *out) WF_MUST_USE;
/* Kinds of data that the next words name, the longest phrase first. */
bool wf_policy__kinds(struct wf_policy_reader *r, uint64_t *out_kinds, struct wf_str *out_type);
/* Complains about the next token, where `expected` should be, with the nearest known word. */
int wf_policy__unknown(struct wf_policy_reader *r, const char *expected) WF_MUST_USE;
/* Complains about token i: "FILE, line 3, column 7: ...". Returns code. */
int wf_policy__complain(struct wf_policy_reader *r, size_t i, int code, const char *fmt, ...)
    WF_PRINTF(4, 5);

/* ---- policy_subject.c: what sentences are about ---- */

/* Reads what a sentence is about. */
int wf_policy__subject(struct wf_policy_reader *r, struct wf_policy_subject *out) WF_MUST_USE;
/* Reads where something comes from ("folder ~/a", "mail from x@y"), after "from". */
int wf_policy__source(struct wf_policy_reader *r, struct wf_policy_where *out) WF_MUST_USE;
/* One engine or tier; false (and nothing taken) where the words name none. */
bool wf_policy__target(struct wf_policy_reader *r, struct wf_policy_target *out);
/* A label, or a complaint. */
int wf_policy__label(struct wf_policy_reader *r, uint8_t *out) WF_MUST_USE;

/* ---- policy_order.c: which rule overrides which ---- */

/* Whether text fits the pattern: '*' is anything but '/', '**' anything, '?' one byte but '/'. */
bool wf_policy__fits(struct wf_str pattern, struct wf_str text, bool any_case);
/* Whether a part is from there. */
bool wf_policy__is_from(const struct wf_policy_where *w, const struct wf_context_part *part);
bool wf_policy__is_target(const struct wf_policy_target *t, const struct wf_target *target);
/* Builds the sets once all rules are there. Errors: NOMEM. */
int wf_policy__order(struct wf_policy *p) WF_MUST_USE;

#endif
