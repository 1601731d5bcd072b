/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of a policy. A sentence names parts of a request ("a prompt saying "..." plus a file ~/x
 * with names") and what is expected of them ("is private", "may go to OpenAI when replaced", "may
 * not go to edge nodes"); the parts are made, the policy is asked, the answers are compared. */
#include "privacy/policy_cases.h"

#include <string.h>

#include "base/alloc.h"
#include "privacy/policy_internal.h"

#define PARTS_MAX 16
#define FOUND_MAX 512 /* data of one case */

struct cases {
    struct wf_policy_reader r;
    const struct wf_policy_cases_options *o;
    struct wf_context_part parts[PARTS_MAX];
    size_t n_parts;
    struct wf_pii found[FOUND_MAX];
    size_t n_found;
    struct wf_arena arena; /* types of found, of one case */
    struct wf_buf got;
};

static int add_datum(struct cases *c, const char *type, float score)
{
    if (c->n_found == FOUND_MAX)
        return wf_policy__complain(&c->r, 0, WF_E_LIMIT, "the case has more than %d data.",
                                   FOUND_MAX);
    c->found[c->n_found++] = (struct wf_pii){.type = type, .score = score, .reason = "case"};
    return 0;
}

/* n data of a kind: of its first type. */
static int add_kind(struct cases *c, enum wf_datum kind, uint64_t n)
{
    struct wf_str type = WF_STR("UNKNOWN");
    enum wf_datum of = WF_DATUM_UNKNOWN;
    struct wf_datum_walk walk = {0};
    const char *name;
    int rc = 0;

    while (of != kind && wf_datum_next_type(&walk, &type, &of)) {
    }
    name = wf_arena_cstr(&c->arena, type);
    if (name == NULL)
        return wf_policy__complain(&c->r, 0, WF_E_NOMEM, "there is not enough memory.");
    for (uint64_t i = 0; i < n && rc == 0; i++)
        rc = add_datum(c, name, 0.9F);
    return rc;
}

/* "with 3 names, ages and US_SSN" */
static int with(struct cases *c)
{
    struct wf_policy_reader *r = &c->r;
    int rc = 0;

    do {
        uint64_t kinds, n = 1;
        struct wf_str type;
        (void)wf_policy__phrase(r, "and"); /* "a, b, and c" */
        if (r->i < r->n && wf_str_to_u64(r->tokens[r->i].text, &n))
            r->i++;
        if (n == 0 || n > FOUND_MAX)
            return wf_policy__complain(r, r->i, WF_E_LIMIT, "a case has 1 to %d data.", FOUND_MAX);
        if (!wf_policy__kinds(r, &kinds, &type))
            return wf_policy__unknown(r, "a kind of data");
        if (type.len > 0) {
            const char *name = wf_arena_cstr(&c->arena, type);
            if (name == NULL)
                return wf_policy__complain(r, 0, WF_E_NOMEM, "there is not enough memory.");
            for (uint64_t i = 0; i < n && rc == 0; i++)
                rc = add_datum(c, name, 0.9F);
            continue;
        }
        for (unsigned k = 0; k < WF_DATUM_COUNT && rc == 0; k++) {
            if (kinds & WF_DATUM_BIT(k))
                rc = add_kind(c, (enum wf_datum)k, n);
        }
    } while (rc == 0 && wf_policy__one_of(r, ",|and"));
    return rc;
}

/* saying "..." */
static int saying(struct cases *c)
{
    const struct wf_pii *found = NULL;
    struct wf_str text = {0};
    size_t n = 0;
    int rc = wf_policy__name(&c->r, "what it says", &text);

    if (rc == 0 && c->o->scan == NULL)
        rc = wf_policy__complain(&c->r, c->r.i - 1, WF_E_UNSUPPORTED,
                                 "texts cannot be looked through here; write \"with names\".");
    if (rc == 0)
        rc = c->o->scan(c->o->ud, text, &found, &n, c->r.err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_datum(c, found[i].type, found[i].score);
    return rc;
}

static int labelled(struct wf_policy_reader *r, struct wf_context_part *p)
{
    uint8_t label = WF_LABEL_SECRET;
    int rc = wf_policy__label(r, &label);

    p->least = (enum wf_label)label;
    return rc;
}

/* One part: "a mail from x@y in space family with names" */
static int part(struct cases *c)
{
    struct wf_policy_where w;
    struct wf_policy_reader *r = &c->r;
    struct wf_context_part *p = &c->parts[c->n_parts];
    size_t first = c->n_found, start = r->i;
    int rc;

    if (c->n_parts == PARTS_MAX)
        return wf_policy__complain(r, r->i, WF_E_LIMIT, "a case has at most %d parts.", PARTS_MAX);
    (void)wf_policy__one_of(r, "a|an|the");
    if (wf_policy__phrase(r, "clipboard")) {
        w = (struct wf_policy_where){.source = WF_SOURCE_CLIPBOARD};
        rc = 0;
    } else {
        rc = wf_policy__source(r, &w);
    }
    if (rc == 0 && wf_str_ends(w.name, WF_STR("/**")))
        rc = wf_policy__complain(r, start, WF_E_FORMAT, "a case has a file, not a folder.");
    *p = (struct wf_context_part){.source = (enum wf_source)w.source, .name = w.name};
    while (rc == 0) {
        if (wf_policy__phrase(r, "in space"))
            rc = wf_policy__name(r, "the space's name", &p->space);
        else if (wf_policy__phrase(r, "by person"))
            rc = wf_policy__name(r, "the person's name", &p->person);
        else if (wf_policy__phrase(r, "with"))
            rc = with(c);
        else if (wf_policy__phrase(r, "saying"))
            rc = saying(c);
        else if (wf_policy__phrase(r, "labelled"))
            rc = labelled(r, p);
        else
            break;
    }
    p->found = &c->found[first];
    p->n_found = c->n_found - first;
    c->n_parts++;
    return rc;
}

/* ---- what is expected ---- */

static int expect_label(struct cases *c, bool *out_passed)
{
    struct wf_verdict v;
    uint8_t label = WF_LABEL_SECRET;
    int rc = wf_policy__label(&c->r, &label);

    if (rc != 0)
        return rc;
    wf_policy_label(c->r.p, c->parts, c->n_parts, &v);
    *out_passed = v.label == (enum wf_label)label;
    return *out_passed ? 0 : wf_policy_say_reason(c->r.p, c->parts, &v.reasons[0], &c->got);
}

/* Whether all that is redacted for the target is so by `op`. */
static bool all_by(struct cases *c, const struct wf_target *t, enum wf_operator op)
{
    uint8_t ops[FOUND_MAX];

    for (size_t i = 0; i < c->n_parts; i++) {
        wf_policy_operators(c->r.p, c->parts, c->n_parts, i, t, ops, NULL);
        for (size_t k = 0; k < c->parts[i].n_found; k++) {
            if (ops[k] > WF_OPERATOR_KEEP && ops[k] != op)
                return false;
        }
    }
    return true;
}

static int say_gate(struct cases *c, const struct wf_gate *g)
{
    if (g->is_open && g->n_redacted > 0)
        (void)wf_buf_appendf(&c->got, "may go, %zu data redacted", g->n_redacted);
    else if (g->is_open)
        (void)wf_buf_append_cstr(&c->got, "may go");
    else
        (void)wf_policy_say_reason(c->r.p, c->parts, &g->reason, &c->got);
    if (g->why == WF_GATE_CLEARANCE)
        (void)wf_buf_appendf(&c->got, "; the engine may see %s",
                             g->clearance < 0 ? "nothing"
                                              : wf_label_name((enum wf_label)g->clearance));
    if (g->needs_consent)
        (void)wf_buf_append_cstr(&c->got, ", after asking");
    return wf_buf_status(&c->got);
}

/* "may go to OpenAI [when replaced | as it is] [after asking | without asking]" */
static int expect_gate(struct cases *c, bool is_not, bool *out_passed)
{
    static const char *const how[WF_OPERATOR_COUNT] = {
        [WF_OPERATOR_ENCRYPT] = "when encrypted", [WF_OPERATOR_FAKE] = "when faked",
        [WF_OPERATOR_REPLACE] = "when replaced",  [WF_OPERATOR_HASH] = "when hashed",
        [WF_OPERATOR_MASK] = "when masked",
    };
    struct wf_policy_reader *r = &c->r;
    struct wf_policy_target named;
    struct wf_target t = {.clearance = WF_LABEL_SECRET};
    struct wf_gate g;

    if (!wf_policy__target(r, &named))
        return wf_policy__unknown(r, "an engine");
    if (named.by == WF_BY_TIER && (named.tiers & (named.tiers - 1)) != 0)
        return wf_policy__complain(r, r->i - 1, WF_E_FORMAT, "a case asks about one tier.");
    for (unsigned i = 0; i < WF_TIER_COUNT; i++) {
        if (named.tiers & (1u << i))
            t.tier = (enum wf_tier)i; /* the farthest that it can be */
    }
    t.name = named.name;
    t.provider = named.by == WF_BY_PROVIDER ? named.name : wf_str_n("", 0);
    wf_policy_gate(r->p, c->parts, c->n_parts, &t, &g);
    *out_passed = g.is_open != is_not;
    if (!is_not && wf_policy__one_of(r, "as it is|as they are"))
        *out_passed &= g.n_redacted == 0;
    for (unsigned op = WF_OPERATOR_ENCRYPT; !is_not && op < WF_OPERATOR_COUNT; op++) {
        if (wf_policy__phrase(r, how[op]))
            *out_passed &= g.n_redacted > 0 && all_by(c, &t, (enum wf_operator)op);
    }
    if (!is_not && wf_policy__phrase(r, "after asking"))
        *out_passed &= g.needs_consent;
    else if (!is_not && wf_policy__phrase(r, "without asking"))
        *out_passed &= !g.needs_consent;
    return *out_passed ? 0 : say_gate(c, &g);
}

/* One sentence, which is told with its outcome. */
static int one_case(struct cases *c, size_t *io_failed)
{
    struct wf_policy_case told = {.text = c->r.text, .line = c->r.line, .got = ""};
    struct wf_policy_reader *r = &c->r;
    int rc;

    c->n_parts = c->n_found = 0;
    wf_arena_reset(&c->arena);
    wf_buf_reset(&c->got);
    do
        rc = part(c);
    while (rc == 0 && wf_policy__phrase(r, "plus"));
    if (rc != 0)
        return rc;
    if (wf_policy__one_of(r, "is|are"))
        rc = expect_label(c, &told.passed);
    else if (wf_policy__phrase(r, "may go to"))
        rc = expect_gate(c, false, &told.passed);
    else if (wf_policy__phrase(r, "may not go to"))
        rc = expect_gate(c, true, &told.passed);
    else
        rc = wf_policy__unknown(r, "\"is\", \"may go to\" or \"may not go to\"");
    if (rc == 0 && r->i < r->n)
        rc = wf_policy__unknown(r, "the end of the sentence");
    if (rc != 0)
        return rc;
    if (!told.passed) {
        told.got = c->got.ptr;
        ++*io_failed;
    }
    if (c->o->tell != NULL)
        c->o->tell(c->o->ud, &told);
    return 0;
}

static int run(struct cases *c, struct wf_str text, size_t *io_n, size_t *io_failed)
{
    struct wf_str line;
    size_t n = 0;
    int rc = 0;

    while (rc == 0 && wf_str_line(&text, &line)) {
        c->r.line++;
        rc = wf_policy__tokens(&c->r, line);
        if (rc != 0 || c->r.n == 0)
            continue;
        if (n++ == 0) {
            if (!wf_policy__phrase(&c->r, "weft cases 1") || c->r.i < c->r.n)
                rc = wf_policy__complain(&c->r, 0, WF_E_FORMAT,
                                         "the first sentence is: weft cases 1");
            continue;
        }
        rc = one_case(c, io_failed);
        if (rc == 0)
            ++*io_n;
    }
    if (rc == 0 && n == 0)
        rc = wf_err_set(c->r.err, WF_E_FORMAT, "%s is empty; the first sentence is: weft cases 1",
                        c->r.file);
    return rc;
}

int wf_policy_cases(const struct wf_policy *p, struct wf_str text,
                    const struct wf_policy_cases_options *o, size_t *out_n, size_t *out_failed,
                    struct wf_err *err)
{
    struct cases *c;
    size_t n = 0, failed = 0;
    int rc;

    if (text.len > WF_POLICY_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "%s is larger than the %u bytes allowed.", o->name,
                          WF_POLICY_BYTES_MAX);
    c = wf_alloc_array(1, sizeof(*c));
    if (c == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for %s.", o->name);
    /* Reading paths puts them into the policy's arena; here they go into one of the case's own. */
    struct wf_policy own = *p;
    wf_arena_init(&own.arena, 0, 16 * (size_t)WF_POLICY_BYTES_MAX);
    wf_arena_init(&c->arena, 0, 16 * (size_t)WF_POLICY_BYTES_MAX);
    wf_buf_init(&c->got, 16 * (size_t)WF_POLICY_LINE_BYTES_MAX);
    c->o = o;
    c->r = (struct wf_policy_reader){.p = &own, .file = o->name, .err = err};
    rc = run(c, text, &n, &failed);
    if (rc == 0) {
        *out_n = n;
        *out_failed = failed;
    }
    wf_buf_deinit(&c->got);
    wf_arena_deinit(&c->arena);
    wf_arena_deinit(&own.arena);
    wf_free(c);
    return rc;
}
