/* Policy: who may see what. A text of plain sentences (docs/policy.md has the grammar), the
 * built-in ones in front, becomes rules; by them the context of a request gets its label, and each
 * engine its yes or no, with reasons that can be shown.
 *
 * How sentences weigh against each other: one that speaks of a part of what another speaks of
 * overrides it; of two about the same the later counts; of two that merely overlap the stricter.
 * What no sentence speaks of is secret, for no engine but this device's; without a policy all is.
 * `never` sentences are overridden by nothing.
 *
 * A policy never changes once it is read: any number of threads may ask it. Thread rule: any. */
#ifndef WF_PRIVACY_POLICY_H
#define WF_PRIVACY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "privacy/datum.h"
#include "privacy/detect.h"
#include "privacy/label.h"

/* A text by hand has some hundred sentences. */
#define WF_POLICY_BYTES_MAX (256u << 10)
#define WF_POLICY_RULES_MAX 1024u
#define WF_POLICY_LINE_BYTES_MAX 2000u

struct wf_policy;

struct wf_policy_options {
    const char *name;      /* of the file, for complaints; NULL: "policy" */
    const char *user_home; /* what "~" stands for; NULL: "~" is refused */
    bool without_built_in; /* as if the text began so */
    void (*complain)(void *ud, const char *sentence); /* each mistake; NULL: the first, in err */
    void *ud;
};

/* Reads a policy. *out is owned by the caller. Errors: FORMAT (which word, in which line and
 * column, and the nearest word that is known), LIMIT, NOMEM. */
int wf_policy_parse(struct wf_str text, const struct wf_policy_options *o, struct wf_policy **out,
                    struct wf_err *err) WF_MUST_USE;
/* The same of a file; NOENT when there is none: then wf_policy_built_in is meant. */
int wf_policy_load(const char *path, const struct wf_policy_options *o, struct wf_policy **out,
                   struct wf_err *err) WF_MUST_USE;
/* The built-in sentences alone. Errors: NOMEM. */
int wf_policy_built_in(struct wf_policy **out, struct wf_err *err) WF_MUST_USE;
/* Appends the built-in policy's text. Errors: the buffer's. */
int wf_policy_built_in_text(struct wf_buf *out);
/* NULL is a no-op. */
void wf_policy_free(struct wf_policy *p);

/* ---- the label of a context ---- */

/* Where a part of a request comes from. */
enum wf_source {
    WF_SOURCE_UNKNOWN, /* only sentences about everything fit it */
    WF_SOURCE_PROMPT,  /* what the person typed or said now */
    WF_SOURCE_FILE,    /* name: absolute path */
    WF_SOURCE_MAIL,    /* name: address of the sender */
    WF_SOURCE_CLIPBOARD,
    WF_SOURCE_ANSWER,  /* name: the engine's or its provider's */
    WF_SOURCE_TOOL,    /* what a tool gave; name: the tool's */
    WF_SOURCE_MEMORY,  /* what the twin knows */
    WF_SOURCE_WEB,     /* name: host */
    WF_SOURCE_PICTURE, /* that detectors cannot look into */
    WF_SOURCE_COUNT
};

struct wf_context_part {
    enum wf_source source;
    struct wf_str name;         /* by source */
    struct wf_str space;        /* "" : none known */
    struct wf_str person;       /* whose words they are; "": not known */
    const struct wf_pii *found; /* [n_found] */
    size_t n_found;
    enum wf_label least; /* what it bears already; public: nothing */
    bool is_unscanned;   /* detectors could not look: secret */
};

enum wf_reason_kind {
    WF_REASON_RULE,    /* a sentence says so */
    WF_REASON_LEAST,   /* the part bore it already */
    WF_REASON_NO_RULE, /* no sentence speaks of it */
    WF_REASON_UNSCANNED,
    WF_REASON_UNCLEAR_PATH, /* "..", or not absolute */
    WF_REASON_NO_POLICY,
};

#define WF_REASON_PART UINT32_MAX /* as a datum: the part itself */

struct wf_reason {
    enum wf_reason_kind kind;
    enum wf_label label;
    uint32_t rule;  /* of RULE: for wf_policy_rule */
    uint32_t part;  /* index */
    uint32_t datum; /* the first in the part's found, or WF_REASON_PART */
    uint32_t count; /* data of this part by this rule */
};

#define WF_REASONS_MAX 16

struct wf_verdict {
    enum wf_label label;
    size_t n_reasons;
    bool is_more; /* there are more reasons, of no higher label than those */
    struct wf_reason reasons[WF_REASONS_MAX]; /* the highest label first */
};

/* The label of all parts together: the highest of theirs. p NULL: secret. Allocates nothing; some
 * microseconds for a request with a few dozen data. */
void wf_policy_label(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     struct wf_verdict *out);

/* ---- engines ---- */

enum wf_tier {
    WF_TIER_HERE,     /* this device */
    WF_TIER_DEVICE,   /* a paired device */
    WF_TIER_EDGE,     /* a paired node at home, in the ward, in the shop */
    WF_TIER_CLOUD,    /* a paired node of one's own in a data centre */
    WF_TIER_PROVIDER, /* somebody else's */
    WF_TIER_COUNT
};

struct wf_target {
    enum wf_tier tier;
    struct wf_str name;      /* the engine's or node's own name */
    struct wf_str provider;  /* "openai"; "" where there is none */
    enum wf_label clearance; /* what its own entry allows at most */
};

/* What is done to a datum before it goes; the later the stricter. */
enum wf_operator {
    WF_OPERATOR_NONE,    /* nothing is said of it: it goes where its label may go */
    WF_OPERATOR_KEEP,    /* goes as it is, its label does not count */
    WF_OPERATOR_ENCRYPT, /* with the conversation's key */
    WF_OPERATOR_FAKE,    /* a made-up one of the same form */
    WF_OPERATOR_REPLACE, /* a placeholder */
    WF_OPERATOR_HASH,
    WF_OPERATOR_MASK,
    WF_OPERATOR_COUNT
};

/* "keep", "replace", ... */
const char *wf_operator_name(enum wf_operator op);
bool wf_operator_parse(struct wf_str name, enum wf_operator *out) WF_MUST_USE;

enum wf_gate_why {
    WF_GATE_OPEN,
    WF_GATE_CLEARANCE, /* label above the engine's clearance */
    WF_GATE_NEVER,     /* a never sentence */
    WF_GATE_SECRET,    /* secret stays on this device */
    WF_GATE_NO_POLICY,
};

struct wf_gate {
    bool is_open;        /* may go, once what is asked for is there */
    bool needs_consent;  /* the person must be asked before */
    int clearance;       /* enum wf_label, or -1: it may see nothing */
    enum wf_label label; /* of what would go: after redaction, and after a release */
    size_t n_redacted;   /* data that must be redacted for it */
    enum wf_gate_why why;
    struct wf_reason reason; /* of what closes it; not of NO_POLICY */
    uint32_t consent_rule;   /* where needs_consent */
};

/* Whether the parts may go to the target. *out says it with the reason. Allocates nothing. */
void wf_policy_gate(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                    const struct wf_target *target, struct wf_gate *out);

/* What is to be done with each datum of parts[i_part] for the target: out [n_found] of enum
 * wf_operator; and the label that each has by itself: out_labels [n_found], may be NULL. Without a
 * policy: MASK, secret. */
void wf_policy_operators(const struct wf_policy *p, const struct wf_context_part *parts,
                         size_t n_parts, size_t i_part, const struct wf_target *target,
                         uint8_t *out, uint8_t *out_labels);

/* The label below which no sentence and no release brings the parts, for this target (NULL: by
 * itself, nothing redacted), and what says so; public where nothing does. */
enum wf_label wf_policy_floor(const struct wf_policy *p, const struct wf_context_part *parts,
                              size_t n_parts, const struct wf_target *target,
                              struct wf_reason *out);

/* Whether `person` may release the parts (wf_release says what that is); if not, *out says why. */
bool wf_policy_may_release(const struct wf_policy *p, const struct wf_context_part *parts,
                           size_t n_parts, struct wf_str person, struct wf_reason *out);

/* ---- what can be shown ---- */

struct wf_policy_rule {
    struct wf_str text; /* the sentence, borrowed from the policy */
    uint32_t line;      /* 1.. */
    bool is_built_in;
};

/* Rules by index: a sentence with a list gives several. */
size_t wf_policy_n_rules(const struct wf_policy *p);
struct wf_policy_rule wf_policy_rule(const struct wf_policy *p, size_t i);

/* The place in files that rule i speaks of, where it is one without wildcards ("/home/anna/a" for
 * all beneath it); false: it speaks of none. Borrowed from the policy. */
bool wf_policy_path(const struct wf_policy *p, size_t i, struct wf_str *out);

/* Appends one sentence: "card numbers in /home/a/b.txt: private (built-in policy, line 20: ...)".
 * Errors: the buffer's. */
int wf_policy_say_reason(const struct wf_policy *p, const struct wf_context_part *parts,
                         const struct wf_reason *r, struct wf_buf *out);

/* Appends what the policy means, sentence by sentence, what overrides what, and what never counts.
 * `all`: the built-in sentences, too. Errors: NOMEM, the buffer's. */
int wf_policy_explain(const struct wf_policy *p, bool all, struct wf_buf *out,
                      struct wf_err *err) WF_MUST_USE;

#endif
