/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and gates. For a part the rules that fit where it comes from are a set of bits; for each
 * datum that set meets the rules of its kind and of the verb that is asked for; those that another
 * of them overrides drop out, and of the rest the strictest counts. Nothing is allocated, and a
 * datum costs a few intersections of short sets. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "privacy/policy_internal.h"

struct set {
    uint64_t w[WF_POLICY_WORDS_MAX];
};

/* A request being judged. */
struct ask {
    const struct wf_policy *p;
    const struct wf_context_part *parts;
    size_t n_parts;
    const struct wf_target *target; /* NULL: of verbs without one */
    struct wf_str who;              /* of RELEASE */
    uint64_t present;               /* kinds that are in some part */
    uint32_t counts[WF_DATUM_COUNT];
    const struct wf_context_part *part; /* the one looked at */
    struct set here;                    /* rules that fit it */
    const char *type;                   /* the last type asked for, and its kind */
    enum wf_datum kind;
};

static enum wf_datum kind_of(struct ask *a, const char *type)
{
    const union wf_map_value *v;

    if (type == a->type && type != NULL)
        return a->kind;
    a->type = type;
    v = wf_map_get(&a->p->types, wf_str_from(type));
    a->kind = v != NULL ? (enum wf_datum)v->u64 : wf_datum_of(wf_str_from(type));
    return a->kind;
}

static void begin(struct ask *a, const struct wf_policy *p, const struct wf_context_part *parts,
                  size_t n_parts, const struct wf_target *target)
{
    memset(a, 0, offsetof(struct ask, here));
    a->type = NULL;
    a->p = p;
    a->parts = parts;
    a->n_parts = n_parts;
    a->target = target;
    for (size_t i = 0; i < n_parts; i++) {
        for (size_t k = 0; k < parts[i].n_found; k++) {
            enum wf_datum kind = kind_of(a, parts[i].found[k].type);
            a->present |= WF_DATUM_BIT(kind);
            a->counts[kind]++;
        }
    }
}

/* Makes part i the one looked at. */
static void enter(struct ask *a, size_t i)
{
    const struct wf_policy *p = a->p;

    a->part = &a->parts[i];
    memset(a->here.w, 0, p->n_words * sizeof(a->here.w[0]));
    for (size_t k = 0; k < p->n_wheres; k++) {
        if (!wf_policy__is_from(&p->wheres[k], a->part))
            continue;
        for (size_t w = 0; w < p->n_words; w++)
            a->here.w[w] |= p->by_where[k * p->n_words + w];
    }
}

/* Whether a rule that fits by kind and place fits in all other respects. */
static bool fits(const struct ask *a, const struct wf_policy_is *r, const struct wf_pii *datum)
{
    uint64_t n = 0;

    if (r->with != 0 && (r->with & a->present) == 0)
        return false;
    if (a->target != NULL && r->target.tiers != 0 && !wf_policy__is_target(&r->target, a->target))
        return false;
    if (r->who.len > 0 && !wf_str_eq_nocase(r->who, a->who))
        return false;
    if (datum == NULL)
        return true;
    if (datum->score < r->score ||
        (r->type.len > 0 && !wf_str_eq_nocase(r->type, wf_str_from(datum->type))))
        return false;
    for (unsigned k = 0; r->n_least > 1 && k < WF_DATUM_COUNT; k++)
        n += r->kinds & WF_DATUM_BIT(k) ? a->counts[k] : 0;
    return r->n_least <= 1 || n >= r->n_least;
}

static unsigned next_bit(uint64_t *bits)
{
    unsigned i = (unsigned)__builtin_ctzll(*bits);

    *bits &= *bits - 1;
    return i;
}

/* Rules of the verb that fit the datum (NULL: the part itself), without those that others of them
 * override where `weigh`. */
static void fitting(struct ask *a, enum wf_policy_verb verb, const struct wf_pii *datum,
                    enum wf_datum kind, bool weigh, struct set *out)
{
    const struct wf_policy *p = a->p;
    size_t n_words = p->n_words;
    const uint64_t *of = datum == NULL ? p->base : p->by_kind + kind * n_words;
    const uint64_t *by_verb = p->by_verb + verb * n_words;
    struct set all;

    for (size_t w = 0; w < n_words; w++) {
        uint64_t bits = a->here.w[w] & of[w] & by_verb[w], left = bits;
        while (left != 0) {
            unsigned b = next_bit(&left);
            if (!fits(a, &p->rules[w * 64 + b], datum))
                bits &= ~(UINT64_C(1) << b);
        }
        all.w[w] = out->w[w] = bits;
    }
    for (size_t w = 0; w < n_words && weigh; w++) {
        uint64_t left = all.w[w];
        while (left != 0) {
            unsigned b = next_bit(&left);
            const uint64_t *over = p->overridden + (w * 64 + b) * n_words;
            for (size_t k = 0; k < n_words; k++) {
                if (over[k] & all.w[k]) {
                    out->w[w] &= ~(UINT64_C(1) << b);
                    break;
                }
            }
        }
    }
}

/* The rule of the set with the highest value (label or operator) into *out; false: it is empty. */
static bool strictest(const struct ask *a, const struct set *s, bool by_op, uint32_t *out)
{
    int best = -1;

    for (size_t w = 0; w < a->p->n_words; w++) {
        uint64_t left = s->w[w];
        while (left != 0) {
            size_t i = w * 64 + next_bit(&left);
            int value = by_op ? a->p->rules[i].op : a->p->rules[i].label;
            if (value >= best) { /* of equal ones the latest, which is nearest to the person */
                best = value;
                *out = (uint32_t)i;
            }
        }
    }
    return best >= 0;
}

static struct wf_reason by_rule(const struct wf_policy *p, uint32_t rule)
{
    return (struct wf_reason){.kind = WF_REASON_RULE,
                              .label = (enum wf_label)p->rules[rule].label,
                              .rule = rule,
                              .count = 1};
}

/* The floor under a datum or part; public where there is none. */
static struct wf_reason floor_of(struct ask *a, const struct wf_pii *datum, enum wf_datum kind)
{
    struct set s;
    uint32_t rule;

    fitting(a, WF_VERB_FLOOR, datum, kind, false, &s);
    if (!strictest(a, &s, false, &rule))
        return (struct wf_reason){.kind = WF_REASON_NO_RULE, .label = WF_LABEL_PUBLIC, .count = 1};
    return by_rule(a->p, rule);
}

/* The label of a datum or part, and why. */
static struct wf_reason label_of(struct ask *a, const struct wf_pii *datum, enum wf_datum kind)
{
    struct wf_reason r = {.kind = WF_REASON_NO_RULE, .label = WF_LABEL_SECRET, .count = 1};
    struct wf_reason least = floor_of(a, datum, kind);
    struct set s;
    uint32_t rule;

    fitting(a, WF_VERB_LABEL, datum, kind, true, &s);
    if (strictest(a, &s, false, &rule))
        r = by_rule(a->p, rule);
    return least.label > r.label ? least : r;
}

/* A path that could lead elsewhere than its letters say. */
static bool is_unclear(const struct wf_context_part *part)
{
    struct wf_str s = part->name;

    return part->source == WF_SOURCE_FILE &&
           (s.len == 0 || s.ptr[0] != '/' || wf_str_find(s, WF_STR("/../"), 0) != SIZE_MAX ||
            wf_str_find(s, WF_STR("/./"), 0) != SIZE_MAX ||
            wf_str_find(s, WF_STR("//"), 0) != SIZE_MAX || wf_str_ends(s, WF_STR("/..")) ||
            wf_str_ends(s, WF_STR("/.")));
}

/* The label of the part looked at, its data not counted, and why. */
static struct wf_reason label_of_part(struct ask *a)
{
    struct wf_reason r = label_of(a, NULL, WF_DATUM_UNKNOWN);

    if ((unsigned)a->part->least >= WF_LABEL_COUNT || a->part->least > r.label)
        r = (struct wf_reason){.kind = WF_REASON_LEAST,
                               .label = wf_label_max(a->part->least, WF_LABEL_PUBLIC),
                               .count = 1};
    if (is_unclear(a->part) && r.label < WF_LABEL_SECRET)
        r = (struct wf_reason){
            .kind = WF_REASON_UNCLEAR_PATH, .label = WF_LABEL_SECRET, .count = 1};
    if (a->part->is_unscanned && r.label < WF_LABEL_SECRET)
        r = (struct wf_reason){.kind = WF_REASON_UNSCANNED, .label = WF_LABEL_SECRET, .count = 1};
    r.datum = WF_REASON_PART;
    return r;
}

/* ---- the label of a context ---- */

/* Data by the same rule in the same part are one reason. */
static void give_reason(struct wf_verdict *v, const struct wf_reason *r)
{
    size_t at = v->n_reasons;

    for (size_t i = 0; i < v->n_reasons; i++) {
        struct wf_reason *old = &v->reasons[i];
        if (old->part == r->part && old->kind == r->kind && old->rule == r->rule &&
            (old->datum == WF_REASON_PART) == (r->datum == WF_REASON_PART) &&
            old->label == r->label) {
            old->count++;
            return;
        }
    }
    while (at > 0 && v->reasons[at - 1].label < r->label)
        at--;
    if (v->n_reasons == WF_REASONS_MAX) {
        v->is_more = true;
        if (at == WF_REASONS_MAX)
            return;
        v->n_reasons--;
    }
    memmove(&v->reasons[at + 1], &v->reasons[at], (v->n_reasons - at) * sizeof(v->reasons[0]));
    v->reasons[at] = *r;
    v->n_reasons++;
}

static void no_policy(struct wf_verdict *out)
{
    out->label = WF_LABEL_SECRET;
    out->n_reasons = 1;
    out->is_more = false;
    out->reasons[0] = (struct wf_reason){
        .kind = WF_REASON_NO_POLICY, .label = WF_LABEL_SECRET, .datum = WF_REASON_PART, .count = 1};
}

static void label_data(struct ask *a, size_t i_part, struct wf_verdict *out)
{
    const struct wf_context_part *part = a->part;
    struct wf_reason known[WF_DATUM_COUNT]; /* of kinds that came already */
    uint64_t is_known = 0;

    for (size_t k = 0; k < part->n_found; k++) {
        enum wf_datum kind = kind_of(a, part->found[k].type);
        struct wf_reason r;
        if ((is_known & WF_DATUM_BIT(kind)) && !a->p->has_scores) {
            r = known[kind];
        } else {
            r = label_of(a, &part->found[k], kind);
            known[kind] = r;
            is_known |= WF_DATUM_BIT(kind);
        }
        r.part = (uint32_t)i_part;
        r.datum = (uint32_t)WF_MIN(k, WF_REASON_PART - 1);
        out->label = wf_label_max(out->label, r.label);
        give_reason(out, &r);
    }
}

void wf_policy_label(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     struct wf_verdict *out)
{
    struct ask a;

    if (p == NULL) {
        no_policy(out);
        return;
    }
    out->label = WF_LABEL_PUBLIC;
    out->n_reasons = 0;
    out->is_more = false;
    begin(&a, p, parts, n_parts, NULL);
    for (size_t i = 0; i < n_parts; i++) {
        enter(&a, i);
        struct wf_reason r = label_of_part(&a);
        r.part = (uint32_t)i;
        out->label = wf_label_max(out->label, r.label);
        give_reason(out, &r);
        label_data(&a, i, out);
    }
}

/* ---- gates ---- */

/* What is done to a datum for the target. */
static enum wf_operator operator_of(struct ask *a, const struct wf_pii *datum, enum wf_datum kind)
{
    struct set s;
    uint32_t rule;

    fitting(a, WF_VERB_GO, datum, kind, true, &s);
    return strictest(a, &s, true, &rule) ? (enum wf_operator)a->p->rules[rule].op
                                         : WF_OPERATOR_NONE;
}

/* Whether a never sentence closes the target for the datum (NULL: the part) and which. */
static bool is_never(struct ask *a, const struct wf_pii *datum, enum wf_datum kind,
                     enum wf_operator op, uint32_t *out_rule)
{
    struct set s;

    fitting(a, WF_VERB_NEVER, datum, kind, false, &s);
    for (size_t w = 0; w < a->p->n_words; w++) {
        uint64_t left = s.w[w];
        while (left != 0) {
            *out_rule = (uint32_t)(w * 64 + next_bit(&left));
            if (op <= WF_OPERATOR_KEEP || a->p->rules[*out_rule].is_even_replaced)
                return true;
        }
    }
    return false;
}

static void ask_consent(struct ask *a, const struct wf_pii *datum, enum wf_datum kind,
                        struct wf_gate *out)
{
    struct set s;

    fitting(a, WF_VERB_ASK, datum, kind, true, &s);
    for (size_t w = 0; w < a->p->n_words; w++) {
        uint64_t left = s.w[w];
        while (left != 0) {
            uint32_t i = (uint32_t)(w * 64 + next_bit(&left));
            if (a->p->rules[i].is_not)
                continue;
            out->needs_consent = true;
            out->consent_rule = i;
        }
    }
}

/* The least that rules of equal weight allow; a target that nothing speaks of sees nothing. */
static int clearance_of(struct ask *a)
{
    struct set s;
    int least = a->target->tier == WF_TIER_HERE ? WF_LABEL_SECRET : -1;
    bool is_first = true;

    fitting(a, WF_VERB_SEE, NULL, WF_DATUM_UNKNOWN, true, &s);
    for (size_t w = 0; w < a->p->n_words; w++) {
        uint64_t left = s.w[w];
        while (left != 0) {
            const struct wf_policy_is *r = &a->p->rules[w * 64 + next_bit(&left)];
            int sees = r->is_nothing ? -1 : (int)r->label;
            least = is_first ? sees : WF_MIN(least, sees);
            is_first = false;
        }
    }
    return WF_MIN(least, (int)a->target->clearance);
}

static void close_by(struct wf_gate *g, enum wf_gate_why why, struct wf_reason r, size_t i_part,
                     size_t i_datum)
{
    if (g->why == WF_GATE_NEVER) /* nothing says it more clearly */
        return;
    g->why = why;
    g->reason = r;
    g->reason.part = (uint32_t)i_part;
    g->reason.datum = (uint32_t)WF_MIN(i_datum, WF_REASON_PART);
}

/* What of the part looked at would go, and what closes the gate. *io_top: the reason of the highest
 * label so far. */
static void gate_part(struct ask *a, size_t i, struct wf_gate *out, struct wf_reason *io_top)
{
    struct wf_reason r = label_of_part(a);
    uint32_t rule;

    r.part = (uint32_t)i;
    if (i == 0 || r.label > io_top->label)
        *io_top = r;
    if (is_never(a, NULL, WF_DATUM_UNKNOWN, WF_OPERATOR_NONE, &rule))
        close_by(out, WF_GATE_NEVER, by_rule(a->p, rule), i, WF_REASON_PART);
    ask_consent(a, NULL, WF_DATUM_UNKNOWN, out);
    for (size_t k = 0; k < a->part->n_found; k++) {
        const struct wf_pii *d = &a->part->found[k];
        enum wf_datum kind = kind_of(a, d->type);
        enum wf_operator op = operator_of(a, d, kind);
        if (is_never(a, d, kind, op, &rule))
            close_by(out, WF_GATE_NEVER, by_rule(a->p, rule), i, k);
        if (op > WF_OPERATOR_KEEP) {
            out->n_redacted++;
            continue;
        }
        ask_consent(a, d, kind, out);
        r = op == WF_OPERATOR_KEEP ? floor_of(a, d, kind) : label_of(a, d, kind);
        r.part = (uint32_t)i;
        r.datum = (uint32_t)WF_MIN(k, WF_REASON_PART - 1);
        if (r.label > io_top->label)
            *io_top = r;
    }
}

void wf_policy_gate(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                    const struct wf_target *target, struct wf_gate *out)
{
    struct wf_reason top = {.kind = WF_REASON_NO_POLICY, .datum = WF_REASON_PART, .count = 1};
    struct ask a;

    memset(out, 0, sizeof(*out));
    out->clearance = -1;
    if (p == NULL) {
        out->label = top.label = WF_LABEL_SECRET;
        out->why = WF_GATE_NO_POLICY;
        out->reason = top;
        out->is_open = target->tier == WF_TIER_HERE;
        out->clearance = out->is_open ? WF_LABEL_SECRET : -1;
        return;
    }
    begin(&a, p, parts, n_parts, target);
    static const struct wf_context_part nowhere = {.name = {"", 0}};
    a.parts = &nowhere; /* who may see what depends on no part */
    enter(&a, 0);
    out->clearance = clearance_of(&a);
    a.parts = parts;
    for (size_t i = 0; i < n_parts; i++) {
        enter(&a, i);
        gate_part(&a, i, out, &top);
    }
    out->label = top.label;
    if (out->label == WF_LABEL_SECRET && target->tier != WF_TIER_HERE)
        close_by(out, WF_GATE_SECRET, top, top.part, top.datum);
    else if ((int)out->label > out->clearance)
        close_by(out, WF_GATE_CLEARANCE, top, top.part, top.datum);
    out->is_open = out->why == WF_GATE_OPEN;
}

void wf_policy_operators(const struct wf_policy *p, const struct wf_context_part *parts,
                         size_t n_parts, size_t i_part, const struct wf_target *target,
                         uint8_t *out, uint8_t *out_labels)
{
    const struct wf_context_part *part = &parts[i_part];
    struct ask a;

    assert(i_part < n_parts);
    if (p == NULL) {
        memset(out, WF_OPERATOR_MASK, part->n_found);
        if (out_labels != NULL)
            memset(out_labels, WF_LABEL_SECRET, part->n_found);
        return;
    }
    begin(&a, p, parts, n_parts, target);
    enter(&a, i_part);
    for (size_t k = 0; k < part->n_found; k++) {
        enum wf_datum kind = kind_of(&a, part->found[k].type);
        out[k] = (uint8_t)operator_of(&a, &part->found[k], kind);
        if (out_labels != NULL)
            out_labels[k] = (uint8_t)label_of(&a, &part->found[k], kind).label;
    }
}

/* ---- releases ---- */

enum wf_label wf_policy_floor(const struct wf_policy *p, const struct wf_context_part *parts,
                              size_t n_parts, const struct wf_target *target, struct wf_reason *out)
{
    struct wf_reason top = {.kind = WF_REASON_NO_RULE, .datum = WF_REASON_PART, .count = 1};
    struct ask a;

    if (p == NULL) {
        top.kind = WF_REASON_NO_POLICY;
        top.label = WF_LABEL_SECRET;
        *out = top;
        return top.label;
    }
    begin(&a, p, parts, n_parts, target);
    for (size_t i = 0; i < n_parts; i++) {
        enter(&a, i);
        struct wf_reason r = floor_of(&a, NULL, WF_DATUM_UNKNOWN);
        r.part = (uint32_t)i;
        r.datum = WF_REASON_PART;
        if (r.label > top.label)
            top = r;
        for (size_t k = 0; k < parts[i].n_found; k++) {
            enum wf_datum kind = kind_of(&a, parts[i].found[k].type);
            if (target != NULL && operator_of(&a, &parts[i].found[k], kind) > WF_OPERATOR_KEEP)
                continue;
            r = floor_of(&a, &parts[i].found[k], kind);
            r.part = (uint32_t)i;
            r.datum = (uint32_t)WF_MIN(k, WF_REASON_PART - 1);
            if (r.label > top.label)
                top = r;
        }
    }
    *out = top;
    return top.label;
}

/* Whether the rules about releasing the datum (NULL: the part) leave it to the asker. */
static bool may_release(struct ask *a, const struct wf_pii *datum, enum wf_datum kind,
                        struct wf_reason *out)
{
    struct set s;

    fitting(a, WF_VERB_RELEASE, datum, kind, true, &s);
    for (size_t w = 0; w < a->p->n_words; w++) {
        uint64_t left = s.w[w];
        while (left != 0) {
            uint32_t i = (uint32_t)(w * 64 + next_bit(&left));
            if (!a->p->rules[i].is_not)
                continue;
            *out = by_rule(a->p, i);
            out->datum = WF_REASON_PART;
            return false;
        }
    }
    return true;
}

bool wf_policy_may_release(const struct wf_policy *p, const struct wf_context_part *parts,
                           size_t n_parts, struct wf_str person, struct wf_reason *out)
{
    struct wf_verdict nothing;
    struct ask a;

    if (p == NULL) {
        no_policy(&nothing);
        *out = nothing.reasons[0];
        return false;
    }
    begin(&a, p, parts, n_parts, NULL);
    a.who = person;
    for (size_t i = 0; i < n_parts; i++) {
        enter(&a, i);
        if (!may_release(&a, NULL, WF_DATUM_UNKNOWN, out)) {
            out->part = (uint32_t)i;
            return false;
        }
        for (size_t k = 0; k < parts[i].n_found; k++) {
            const struct wf_pii *d = &parts[i].found[k];
            if (may_release(&a, d, kind_of(&a, d->type), out))
                continue;
            out->part = (uint32_t)i;
            out->datum = (uint32_t)WF_MIN(k, WF_REASON_PART - 1);
            return false;
        }
    }
    return true;
}
