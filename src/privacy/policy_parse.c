/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences become rules. A line is a sentence; its first words tell which one; everything in it
 * must be understood. A text with one mistake is no policy at all: what a person meant by the
 * sentence that is wrong cannot be known, and leaving it out could open what it was to close. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/asset.h"
#include "os/file.h"
#include "privacy/pattern.h"
#include "privacy/policy_internal.h"

#define BUILT_IN_NAME "built-in policy"

/* ---- rules ---- */

static int out_of_memory(struct wf_policy_reader *r)
{
    return wf_policy__complain(r, 0, WF_E_NOMEM, "there is not enough memory.");
}

static bool same_where(const struct wf_policy_where *a, const struct wf_policy_where *b)
{
    return a->source == b->source && a->is_base_name == b->is_base_name &&
           wf_str_eq(a->name, b->name) && wf_str_eq(a->space, b->space) &&
           wf_str_eq(a->person, b->person);
}

/* Index of the place, kept once. */
static int find_where(struct wf_policy_reader *r, const struct wf_policy_where *w, uint16_t *out)
{
    struct wf_policy *p = r->p;

    for (size_t i = 0; i < p->n_wheres; i++) {
        if (same_where(&p->wheres[i], w)) {
            *out = (uint16_t)i;
            return 0;
        }
    }
    if (p->n_wheres == WF_POLICY_WHERES_MAX)
        return wf_policy__complain(r, 0, WF_E_LIMIT, "there are more than %d different places.",
                                   WF_POLICY_WHERES_MAX);
    p->wheres[p->n_wheres] = *w;
    for (size_t i = 0; i < w->name.len && strchr("*?", w->name.ptr[i]) == NULL; i++)
        p->wheres[p->n_wheres].n_literal = i + 1;
    *out = (uint16_t)p->n_wheres++;
    return 0;
}

static int add_rule(struct wf_policy_reader *r, const struct wf_policy_is *rule)
{
    struct wf_policy *p = r->p;

    if (p->n_rules == WF_POLICY_RULES_MAX)
        return wf_policy__complain(r, 0, WF_E_LIMIT, "there are more than %u rules.",
                                   WF_POLICY_RULES_MAX);
    if (p->n_rules == p->n_rules_room) {
        size_t room = WF_MIN(WF_POLICY_RULES_MAX, 2 * p->n_rules_room + 64);
        struct wf_policy_is *more = wf_realloc_array(p->rules, room, sizeof(*more));
        if (more == NULL)
            return out_of_memory(r);
        p->rules = more;
        p->n_rules_room = room;
    }
    p->rules[p->n_rules] = *rule;
    p->rules[p->n_rules].line = (uint32_t)r->line;
    p->rules[p->n_rules].text = r->text;
    p->rules[p->n_rules].is_built_in = r->is_built_in;
    p->n_rules++;
    return 0;
}

struct targets {
    struct wf_policy_target items[WF_POLICY_LIST_MAX]; /* [0]: of verbs without an engine */
    size_t n;
};

/* A rule for each item of the subject, place and engine; s NULL: of no subject. */
static int add_rules(struct wf_policy_reader *r, struct wf_policy_is rule,
                     const struct wf_policy_subject *s, const struct targets *t)
{
    size_t n_items = s != NULL ? s->n_items : 1;
    size_t n_wheres = s != NULL && s->n_wheres > 0 ? s->n_wheres : 1;
    const struct wf_policy_where anywhere = {.name = {"", 0}};
    int rc = 0;

    for (size_t k = 0; k < t->n; k++) {
        rule.target = t->items[k];
        for (size_t i = 0; i < n_items; i++) {
            if (s != NULL) {
                rule.is_base = s->is_base;
                rule.kinds = s->items[i].kinds;
                rule.type = s->items[i].type;
                rule.with = s->with;
                rule.n_least = s->n_least;
                rule.score = s->score;
            }
            if (rule.verb == WF_VERB_GO && rule.op != WF_OPERATOR_KEEP)
                rule.kinds &= ~WF_DATUM_TOPICS;
            for (size_t j = 0; j < n_wheres && rc == 0; j++) {
                rc = find_where(r, s != NULL && s->n_wheres > 0 ? &s->wheres[j] : &anywhere,
                                &rule.where);
                if (rc == 0)
                    rc = add_rule(r, &rule);
            }
        }
    }
    return rc;
}

static const struct targets no_target = {.items = {{.name = {"", 0}}}, .n = 1};

/* ---- sentences ---- */

/* Engines between commas and "and", or a complaint. */
static int targets(struct wf_policy_reader *r, struct targets *out)
{
    out->n = 0;
    do {
        if (out->n == WF_POLICY_LIST_MAX)
            return wf_policy__complain(r, r->i, WF_E_LIMIT, "the list has more than %d items.",
                                       WF_POLICY_LIST_MAX);
        if (!wf_policy__target(r, &out->items[out->n]))
            return wf_policy__unknown(r, "an engine (this device, devices, edge nodes, cloud "
                                         "nodes, providers, engine NAME)");
        out->n++;
        if (r->i + 1 < r->n && wf_str_eq(r->tokens[r->i].text, WF_STR(",")) &&
            wf_str_eq_nocase(r->tokens[r->i + 1].text, WF_STR("not")))
            break; /* ", not even replaced" */
    } while (wf_policy__one_of(r, ",|and|or"));
    return 0;
}

/* "OpenAI and Gemini may see internal": taken back where the words are no engines. */
static int see(struct wf_policy_reader *r, bool *out_is)
{
    struct wf_policy_is rule = {.verb = WF_VERB_SEE, .is_base = true};
    struct targets t;
    size_t start = r->i;
    struct wf_err *err = r->err;
    int rc;

    r->err = NULL;
    *out_is = targets(r, &t) == 0 && wf_policy__phrase(r, "may see");
    r->err = err;
    if (!*out_is) {
        r->i = start;
        return 0;
    }
    rule.is_nothing = wf_policy__phrase(r, "nothing");
    rc = rule.is_nothing ? 0 : wf_policy__label(r, &rule.label);
    for (size_t i = 0; i < t.n && rc == 0; i++) {
        if (rule.label == WF_LABEL_SECRET && (t.items[i].tiers & ~(1u << WF_TIER_HERE)) != 0 &&
            t.items[i].by != WF_BY_NAME)
            rc = wf_policy__complain(r, r->n - 1, WF_E_FORMAT,
                                     "what is secret stays on this device; \"private\" is the most "
                                     "that others may see.");
    }
    return rc == 0 ? add_rules(r, rule, NULL, &t) : rc;
}

static int go(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    static const char *const done[WF_OPERATOR_COUNT] = {
        [WF_OPERATOR_KEEP] = "as they are|as it is", [WF_OPERATOR_ENCRYPT] = "when encrypted",
        [WF_OPERATOR_FAKE] = "when faked",           [WF_OPERATOR_REPLACE] = "when replaced",
        [WF_OPERATOR_HASH] = "when hashed",          [WF_OPERATOR_MASK] = "when masked",
    };
    struct wf_policy_is rule = {.verb = WF_VERB_GO};
    size_t start = r->i - 1;
    struct targets t;
    int rc;

    if (s->is_base)
        return wf_policy__complain(r, start, WF_E_FORMAT,
                                   "only data can be replaced or let go: say which (\"names from "
                                   "...\"), or give it a label (\"... is public\").");
    rc = targets(r, &t);
    for (unsigned op = WF_OPERATOR_KEEP; op < WF_OPERATOR_COUNT && rc == 0 && rule.op == 0; op++) {
        if (wf_policy__one_of(r, done[op]))
            rule.op = (uint8_t)op;
    }
    if (rc == 0 && rule.op == 0) {
        (void)wf_policy__phrase(r, "when");
        rc = wf_policy__unknown(r, "\"when replaced\" (masked, hashed, encrypted, faked) or \"as "
                                   "they are\"");
    }
    for (size_t i = 0; i < s->n_items && rc == 0; i++) {
        if (rule.op != WF_OPERATOR_KEEP && (s->items[i].kinds & ~WF_DATUM_TOPICS) == 0)
            rc = wf_policy__complain(r, 0, WF_E_FORMAT,
                                     "what is said of a whole text has no place in it that could "
                                     "be replaced.");
    }
    return rc == 0 ? add_rules(r, rule, s, &t) : rc;
}

static int never(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    struct wf_policy_is rule = {.verb = WF_VERB_NEVER};
    struct targets t = {.n = 1};
    int rc = 0;

    if (wf_policy__one_of(r, "leaves this device|leave this device"))
        t.items[0] = (struct wf_policy_target){
            .tiers = (uint8_t)(((1u << WF_TIER_COUNT) - 1) & ~(1u << WF_TIER_HERE)),
            .name = {"", 0}};
    else if (wf_policy__one_of(r, "goes to|go to"))
        rc = targets(r, &t);
    else
        rc = wf_policy__unknown(r, "\"go to\" or \"leave this device\"");
    if (rc == 0 && wf_policy__one_of(r, ", not even replaced|not even replaced"))
        rule.is_even_replaced = true;
    return rc == 0 ? add_rules(r, rule, s, &t) : rc;
}

static int ask(struct wf_policy_reader *r, bool is_not)
{
    struct wf_policy_is rule = {.verb = WF_VERB_ASK, .is_not = is_not};
    struct wf_policy_subject s;
    struct targets t = {.n = 0};
    int rc = wf_policy__subject(r, &s);

    if (rc == 0 && !wf_policy__one_of(r, "goes to|go to"))
        rc = wf_policy__unknown(r, "\"goes to\"");
    if (rc == 0)
        rc = targets(r, &t);
    return rc == 0 ? add_rules(r, rule, &s, &t) : rc;
}

/* `who`: "" for nobody in particular. */
static int release(struct wf_policy_reader *r, struct wf_str who, bool is_not)
{
    struct wf_policy_is rule = {.verb = WF_VERB_RELEASE, .is_not = is_not, .who = who};
    struct wf_policy_subject s;
    int rc = wf_policy__subject(r, &s);

    return rc == 0 ? add_rules(r, rule, &s, &no_target) : rc;
}

static int person(struct wf_policy_reader *r)
{
    struct wf_str who = {0};
    int rc = wf_policy__name(r, "the person's name", &who);

    if (rc == 0 && wf_policy__phrase(r, "may not release"))
        return release(r, who, true);
    if (rc == 0 && wf_policy__phrase(r, "may release"))
        return release(r, who, false);
    return rc == 0 ? wf_policy__unknown(r, "\"may release\" or \"may not release\"") : rc;
}

/* "travel data" means names, passport numbers and places */
static int group(struct wf_policy_reader *r)
{
    struct wf_policy *p = r->p;
    struct wf_policy_subject s;
    struct wf_str name = r->tokens[0].text;
    uint64_t kinds = 0;
    int rc;

    r->i = 2;
    if (name.len == 0 || p->n_groups == WF_POLICY_GROUPS_MAX)
        return wf_policy__complain(r, 0, WF_E_LIMIT, "there can be %d groups, each with a name.",
                                   WF_POLICY_GROUPS_MAX);
    for (size_t i = 0; i < p->n_groups; i++) {
        if (wf_str_eq_nocase(p->groups[i].name, name))
            return wf_policy__complain(r, 0, WF_E_FORMAT, "\"%.*s\" has a meaning already.",
                                       WF_STR_ARG(name));
    }
    rc = wf_policy__subject(r, &s);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < s.n_items; i++) {
        kinds |= s.items[i].kinds;
        if (s.items[i].type.len > 0 || s.is_base)
            return wf_policy__complain(r, 2, WF_E_FORMAT, "a group is made of kinds of data.");
    }
    if (s.with != 0 || s.n_least > 1 || s.score > 0 || s.n_wheres > 0)
        return wf_policy__complain(r, 2, WF_E_FORMAT, "a group is made of kinds of data alone.");
    p->groups[p->n_groups++] = (struct wf_policy_group){.name = name, .kinds = kinds};
    return 0;
}

/* The verb behind a subject. */
static int verb(struct wf_policy_reader *r)
{
    struct wf_policy_is rule = {.verb = WF_VERB_LABEL};
    struct wf_policy_subject s;
    int rc = wf_policy__subject(r, &s);

    if (rc != 0)
        return rc;
    if (wf_policy__phrase(r, "may go to"))
        return go(r, &s);
    if (wf_policy__phrase(r, "never"))
        return never(r, &s);
    if (!wf_policy__one_of(r, "is|are"))
        return wf_policy__unknown(r, s.is_base ? "\"is\", \"never goes to\" or \"from\""
                                               : "\"are\", \"may go to\" or \"never go to\"");
    if (wf_policy__phrase(r, "never below"))
        rule.verb = WF_VERB_FLOOR;
    rc = wf_policy__label(r, &rule.label);
    return rc == 0 ? add_rules(r, rule, &s, &no_target) : rc;
}

static int sentence(struct wf_policy_reader *r)
{
    bool is = false;
    int rc;

    if (wf_policy__phrase(r, "ask before"))
        rc = ask(r, false);
    else if (wf_policy__phrase(r, "do not ask before"))
        rc = ask(r, true);
    else if (wf_policy__phrase(r, "nobody may release"))
        rc = release(r, wf_str_n("", 0), true);
    else if (wf_policy__phrase(r, "person"))
        rc = person(r);
    else if (r->tokens[0].is_quoted && r->n > 1 &&
             wf_str_eq_nocase(r->tokens[1].text, WF_STR("means")))
        rc = group(r);
    else if ((rc = see(r, &is)) == 0 && !is)
        rc = verb(r);
    if (rc == 0 && r->i < r->n)
        rc = wf_policy__unknown(r, "the end of the sentence");
    return rc;
}

/* ---- texts ---- */

/* The first sentence says which edition of this language the text is written in. */
static int header(struct wf_policy_reader *r)
{
    if (!wf_policy__phrase(r, "weft policy"))
        return wf_policy__complain(r, 0, WF_E_FORMAT, "the first sentence is: weft policy 1");
    if (!wf_policy__phrase(r, "1"))
        return wf_policy__complain(r, r->i, WF_E_FORMAT,
                                   "this weft knows policies of edition 1 only.");
    return r->i == r->n ? 0 : wf_policy__unknown(r, "the end of the sentence");
}

/* One line. *io_n counts sentences. */
static int line(struct wf_policy_reader *r, struct wf_str text, size_t *io_n)
{
    int rc = wf_policy__tokens(r, text);

    if (rc != 0 || r->n == 0)
        return rc;
    if (++*io_n == 1)
        return header(r);
    if (!wf_policy__phrase(r, "without the built-in policy"))
        return sentence(r);
    if (*io_n != 2)
        return wf_policy__complain(r, 0, WF_E_FORMAT, "this stands in front of all others.");
    r->p->n_rules = 0;
    return r->i == r->n ? 0 : wf_policy__unknown(r, "the end of the sentence");
}

/* All lines of a text that lives in the arena. With `complain` goes on after a mistake. */
static int lines(struct wf_policy *p, struct wf_str text, const struct wf_policy_options *o,
                 bool is_built_in, struct wf_err *err)
{
    struct wf_err mistake = WF_ERR_INIT;
    struct wf_policy_reader r = {.p = p,
                                 .file = is_built_in ? BUILT_IN_NAME : p->name.ptr,
                                 .is_built_in = is_built_in,
                                 .err = &mistake};
    struct wf_str one;
    size_t n = 0;
    int rc = 0, rc_line;

    while (wf_str_line(&text, &one)) {
        r.line++;
        rc_line = line(&r, one, &n);
        if (rc_line == 0)
            continue;
        if (rc == 0)
            rc = wf_err_set(err, rc_line, "%s", mistake.msg);
        if (o->complain == NULL || rc_line != WF_E_FORMAT)
            return rc;
        o->complain(o->ud, mistake.msg);
    }
    if (rc == 0 && n == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s is empty; the first sentence is: weft policy 1",
                        r.file);
    return rc;
}

/* Detectors' types with their kinds, so that no name is taken apart while requests wait. */
static int fill_types(struct wf_policy *p)
{
    struct wf_str type;
    enum wf_datum kind;
    union wf_map_value *v;
    struct wf_datum_walk walk = {0};

    while (wf_datum_next_type(&walk, &type, &kind)) {
        if ((v = wf_map_put(&p->types, type, NULL)) == NULL)
            return WF_E_NOMEM;
        v->u64 = kind;
    }
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n; i++) {
            bool is_new = false;
            type = wf_str_from(wf_pattern_tables[t]->rows[i].type);
            if ((v = wf_map_put(&p->types, type, &is_new)) == NULL)
                return WF_E_NOMEM;
            if (is_new)
                v->u64 = wf_datum_of(type);
        }
    }
    return 0;
}

static int built_in(struct wf_policy *p, const struct wf_policy_options *o, struct wf_err *err)
{
    struct wf_buf b;
    struct wf_str text = {0};
    int rc;

    wf_buf_init(&b, WF_POLICY_BYTES_MAX);
    rc = wf_policy_built_in_text(&b);
    if (rc == 0)
        text = wf_arena_dup(&p->arena, wf_buf_str(&b));
    wf_buf_deinit(&b);
    if (rc != 0 || text.ptr == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the built-in policy.");
    return lines(p, text, o, true, err);
}

/* text.ptr NULL: the built-in sentences alone. */
static int make(struct wf_str text, const struct wf_policy_options *o, struct wf_policy **out,
                struct wf_err *err)
{
    const char *name = o->name != NULL ? o->name : "policy";
    const char *home = o->user_home != NULL ? o->user_home : "";
    struct wf_policy *p;
    struct wf_str copy;
    int rc;

    if (text.len > WF_POLICY_BYTES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "%s is larger than the %u bytes allowed.", name,
                          WF_POLICY_BYTES_MAX);
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for %s.", name);
    wf_arena_init(&p->arena, 0, 64 * (size_t)WF_POLICY_BYTES_MAX);
    wf_map_init(&p->types, 4096);
    p->wheres[p->n_wheres++] = (struct wf_policy_where){.name = {"", 0}}; /* 0: anywhere */
    p->name = wf_arena_dup(&p->arena, wf_str_from(name));
    p->user_home = wf_arena_dup(&p->arena, wf_str_from(home));
    copy = wf_arena_dup(&p->arena, text);
    rc = p->name.ptr == NULL || p->user_home.ptr == NULL || copy.ptr == NULL ? WF_E_NOMEM
                                                                             : fill_types(p);
    if (rc == 0 && !o->without_built_in)
        rc = built_in(p, o, err);
    if (rc == 0 && text.ptr != NULL)
        rc = lines(p, copy, o, false, err);
    if (rc == 0)
        rc = wf_policy__order(p);
    if (rc == 0)
        *out = p;
    else
        wf_policy_free(p);
    return rc == WF_E_NOMEM ? wf_err_set(err, rc, "Not enough memory for %s.", name) : rc;
}

int wf_policy_parse(struct wf_str text, const struct wf_policy_options *o, struct wf_policy **out,
                    struct wf_err *err)
{
    return make(text.ptr != NULL ? text : wf_str_n("", 0), o, out, err);
}

int wf_policy_load(const char *path, const struct wf_policy_options *o, struct wf_policy **out,
                   struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_POLICY_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = wf_policy_parse(wf_buf_str(&b), o, out, err);
    wf_buf_deinit(&b);
    return rc;
}

int wf_policy_built_in(struct wf_policy **out, struct wf_err *err)
{
    const struct wf_policy_options o = {.name = BUILT_IN_NAME};

    return make(wf_str_n(NULL, 0), &o, out, err);
}

int wf_policy_built_in_text(struct wf_buf *out)
{
    return wf_asset_unpack(&wf_policy_assets[0], out);
}

void wf_policy_free(struct wf_policy *p)
{
    if (p == NULL)
        return;
    wf_arena_deinit(&p->arena);
    wf_map_deinit(&p->types);
    wf_free(p->rules);
    wf_free(p->sets);
    wf_free(p);
}
