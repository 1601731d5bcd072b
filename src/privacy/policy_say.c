/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in words: a reason as a sentence, and the whole of it explained: what each sentence
 * means, what it overrides, what is left of it. */
#include <string.h>

#include "base/alloc.h"
#include "privacy/policy_internal.h"

static const char *const operators[WF_OPERATOR_COUNT] = {
    [WF_OPERATOR_NONE] = "none",       [WF_OPERATOR_KEEP] = "keep",
    [WF_OPERATOR_ENCRYPT] = "encrypt", [WF_OPERATOR_FAKE] = "fake",
    [WF_OPERATOR_REPLACE] = "replace", [WF_OPERATOR_HASH] = "hash",
    [WF_OPERATOR_MASK] = "mask",
};

const char *wf_operator_name(enum wf_operator op)
{
    return (unsigned)op < WF_OPERATOR_COUNT ? operators[op] : "mask";
}

bool wf_operator_parse(struct wf_str name, enum wf_operator *out)
{
    for (unsigned i = WF_OPERATOR_KEEP; i < WF_OPERATOR_COUNT; i++) {
        if (wf_str_eq_nocase(name, wf_str_from(operators[i]))) {
            *out = (enum wf_operator)i;
            return true;
        }
    }
    return false;
}

size_t wf_policy_n_rules(const struct wf_policy *p)
{
    return p->n_rules;
}

struct wf_policy_rule wf_policy_rule(const struct wf_policy *p, size_t i)
{
    const struct wf_policy_is *r = &p->rules[i];

    return (struct wf_policy_rule){.text = r->text, .line = r->line, .is_built_in = r->is_built_in};
}

bool wf_policy_path(const struct wf_policy *p, size_t i, struct wf_str *out)
{
    const struct wf_policy_where *w = &p->wheres[p->rules[i].where];
    struct wf_str path = w->name;

    if (w->source != WF_SOURCE_FILE || w->is_base_name || path.len == 0)
        return false;
    if (wf_str_ends(path, WF_STR("/**")))
        path.len -= 3;
    *out = path;
    return wf_str_find_byte(path, '*', 0) == SIZE_MAX && wf_str_find_byte(path, '?', 0) == SIZE_MAX;
}

/* ---- reasons ---- */

static void say_part(const struct wf_context_part *part, struct wf_buf *out)
{
    static const char *const from[WF_SOURCE_COUNT] = {
        [WF_SOURCE_UNKNOWN] = "something of unknown origin",
        [WF_SOURCE_PROMPT] = "the prompt",
        [WF_SOURCE_FILE] = "the file",
        [WF_SOURCE_MAIL] = "mail",
        [WF_SOURCE_CLIPBOARD] = "the clipboard",
        [WF_SOURCE_ANSWER] = "an answer",
        [WF_SOURCE_TOOL] = "a tool's result",
        [WF_SOURCE_MEMORY] = "memory",
        [WF_SOURCE_WEB] = "a web page",
        [WF_SOURCE_PICTURE] = "a picture",
    };
    bool is_known = (unsigned)part->source < WF_SOURCE_COUNT;

    (void)wf_buf_append_cstr(out, from[is_known ? part->source : WF_SOURCE_UNKNOWN]);
    if (part->name.len > 0)
        (void)wf_buf_appendf(out, "%s%.*s", part->source == WF_SOURCE_FILE ? " " : " of ",
                             WF_STR_ARG(part->name));
    if (part->space.len > 0)
        (void)wf_buf_appendf(out, " in space %.*s", WF_STR_ARG(part->space));
}

int wf_policy_say_reason(const struct wf_policy *p, const struct wf_context_part *parts,
                         const struct wf_reason *r, struct wf_buf *out)
{
    if (r->kind == WF_REASON_NO_POLICY) {
        (void)wf_buf_append_cstr(out, "no policy can be read, so everything is secret");
        return wf_buf_status(out);
    }
    if (r->datum != WF_REASON_PART) {
        const char *type = parts[r->part].found[r->datum].type;
        struct wf_str name = wf_datum_name(wf_datum_of(wf_str_from(type)));
        (void)wf_buf_appendf(out, "%.*s (%s", WF_STR_ARG(name), type);
        if (r->count > 1)
            (void)wf_buf_appendf(out, " and %u more", (unsigned)r->count - 1);
        (void)wf_buf_append_cstr(out, ") in ");
    }
    say_part(&parts[r->part], out);
    (void)wf_buf_appendf(out, ": %s, ", wf_label_name(r->label));
    switch (r->kind) {
    case WF_REASON_RULE:
        (void)wf_buf_appendf(out, "by %s line %u: %.*s",
                             p->rules[r->rule].is_built_in ? "the built-in policy,"
                                                           : "your policy,",
                             (unsigned)p->rules[r->rule].line, WF_STR_ARG(p->rules[r->rule].text));
        break;
    case WF_REASON_LEAST:
        (void)wf_buf_append_cstr(out, "as it was labelled before");
        break;
    case WF_REASON_NO_RULE:
        (void)wf_buf_append_cstr(out, "as no sentence of the policy speaks of it");
        break;
    case WF_REASON_UNSCANNED:
        (void)wf_buf_append_cstr(out, "as the detectors could not look into it");
        break;
    case WF_REASON_UNCLEAR_PATH:
        (void)wf_buf_append_cstr(out, "as its path does not say clearly where it lies");
        break;
    case WF_REASON_NO_POLICY:
        break;
    }
    return wf_buf_status(out);
}

/* ---- the whole of it ---- */

static void say_kinds(uint64_t kinds, struct wf_buf *out)
{
    size_t n = 0, total = (size_t)__builtin_popcountll(kinds);

    if (kinds == WF_DATUM_ALL || kinds == (WF_DATUM_ALL & ~WF_DATUM_TOPICS)) {
        (void)wf_buf_append_cstr(out, "whatever data are found");
        return;
    }
    for (unsigned k = 0; k < WF_DATUM_COUNT; k++) {
        if ((kinds & WF_DATUM_BIT(k)) == 0)
            continue;
        struct wf_str name = wf_datum_name((enum wf_datum)k);
        (void)wf_buf_appendf(out, "%s%.*s",
                             n == 0           ? ""
                             : n + 1 == total ? " and "
                                              : ", ",
                             WF_STR_ARG(name));
        n++;
    }
}

static void say_where(const struct wf_policy_where *w, struct wf_buf *out)
{
    static const char *const from[WF_SOURCE_COUNT] = {
        [WF_SOURCE_PROMPT] = "prompts",   [WF_SOURCE_FILE] = "files",
        [WF_SOURCE_MAIL] = "mail",        [WF_SOURCE_CLIPBOARD] = "the clipboard",
        [WF_SOURCE_ANSWER] = "answers",   [WF_SOURCE_TOOL] = "tools' results",
        [WF_SOURCE_MEMORY] = "memory",    [WF_SOURCE_WEB] = "web pages",
        [WF_SOURCE_PICTURE] = "pictures",
    };

    if (w->source != WF_SOURCE_UNKNOWN) {
        (void)wf_buf_appendf(out, " in %s", from[w->source]);
        if (w->name.len > 0 && wf_str_ends(w->name, WF_STR("/**")))
            (void)wf_buf_appendf(out, " beneath %.*s",
                                 WF_STR_ARG(wf_str_sub(w->name, 0, w->name.len - 3)));
        else if (w->name.len > 0)
            (void)wf_buf_appendf(out, w->source == WF_SOURCE_FILE ? " %.*s" : " of %.*s",
                                 WF_STR_ARG(w->name));
    }
    if (w->space.len > 0)
        (void)wf_buf_appendf(out, " in the space %.*s", WF_STR_ARG(w->space));
    if (w->person.len > 0)
        (void)wf_buf_appendf(out, " by %.*s", WF_STR_ARG(w->person));
}

/* What a rule speaks of: "three or more names, surer than 70 %, in mail of x@y". */
static void say_subject(const struct wf_policy *p, const struct wf_policy_is *r, struct wf_buf *out)
{
    if (r->is_base)
        (void)wf_buf_append_cstr(out, "everything");
    else if (r->type.len > 0)
        (void)wf_buf_append_str(out, r->type);
    else
        say_kinds(r->kinds, out);
    if (r->n_least > 1)
        (void)wf_buf_appendf(out, ", where there are %u or more", (unsigned)r->n_least);
    if (r->score > 0)
        (void)wf_buf_appendf(out, ", where that is surer than %.0f %%", (double)r->score * 100);
    if (r->with != 0) {
        (void)wf_buf_append_cstr(out, ", where the request also has ");
        say_kinds(r->with, out);
    }
    say_where(&p->wheres[r->where], out);
}

static void say_target(const struct wf_policy_target *t, struct wf_buf *out)
{
    static const char *const tiers[WF_TIER_COUNT] = {
        "this device", "your other devices", "your edge nodes", "your cloud nodes", "providers"};
    size_t n = 0;

    if (t->by != WF_BY_TIER) {
        (void)wf_buf_appendf(out, "%s %.*s",
                             t->by == WF_BY_PROVIDER ? "the provider" : "the engine",
                             WF_STR_ARG(t->name));
        return;
    }
    for (unsigned i = 0; i < WF_TIER_COUNT; i++) {
        if (t->tiers & (1u << i))
            (void)wf_buf_appendf(out, "%s%s", n++ > 0 ? ", " : "", tiers[i]);
    }
}

static void say_go(const struct wf_policy *p, const struct wf_policy_is *r, struct wf_buf *out)
{
    static const char *const how[WF_OPERATOR_COUNT] = {
        [WF_OPERATOR_KEEP] = "goes as it is",
        [WF_OPERATOR_ENCRYPT] = "goes only encrypted, and is decrypted in the answer",
        [WF_OPERATOR_FAKE] = "goes only as a made-up one, which is put back in the answer",
        [WF_OPERATOR_REPLACE] = "goes only as a placeholder, which is put back in the answer",
        [WF_OPERATOR_HASH] = "goes only as a keyed hash",
        [WF_OPERATOR_MASK] = "goes only masked",
    };

    (void)wf_buf_append_cstr(out, "to ");
    say_target(&r->target, out);
    (void)wf_buf_append_cstr(out, ", ");
    say_subject(p, r, out);
    (void)wf_buf_appendf(out, ": %s; its own label then does not count", how[r->op]);
}

static void say_rule(const struct wf_policy *p, const struct wf_policy_is *r, struct wf_buf *out)
{
    switch ((enum wf_policy_verb)r->verb) {
    case WF_VERB_LABEL:
        say_subject(p, r, out);
        (void)wf_buf_appendf(out, ": %s", wf_label_name((enum wf_label)r->label));
        break;
    case WF_VERB_FLOOR:
        say_subject(p, r, out);
        (void)wf_buf_appendf(out, ": at least %s, whatever else is said or released",
                             wf_label_name((enum wf_label)r->label));
        break;
    case WF_VERB_GO:
        say_go(p, r, out);
        break;
    case WF_VERB_NEVER:
        say_subject(p, r, out);
        (void)wf_buf_append_cstr(out, ": not to ");
        say_target(&r->target, out);
        (void)wf_buf_append_cstr(out, r->is_even_replaced ? ", not even replaced, nor released"
                                                          : ", unless replaced; no release helps");
        break;
    case WF_VERB_SEE:
        say_target(&r->target, out);
        (void)wf_buf_appendf(out,
                             r->is_nothing ? ": may see nothing" : ": may see at most what is %s",
                             wf_label_name((enum wf_label)r->label));
        break;
    case WF_VERB_ASK:
        say_subject(p, r, out);
        (void)wf_buf_append_cstr(out, r->is_not ? ": you are not asked before it goes to "
                                                : ": you are asked before it goes to ");
        say_target(&r->target, out);
        break;
    case WF_VERB_RELEASE:
        say_subject(p, r, out);
        if (r->who.len == 0)
            (void)wf_buf_append_cstr(out, ": nobody may");
        else
            (void)wf_buf_appendf(out, ": %.*s %s", WF_STR_ARG(r->who),
                                 r->is_not ? "may not" : "may");
        (void)wf_buf_append_cstr(out, " lower the label for a release");
        break;
    case WF_VERB_COUNT:
        break;
    }
}

/* ", line 3 of the built-in policy" for each rule of a set, sentences only once, at most eight. */
static void say_lines(const struct wf_policy *p, const uint64_t *set, const char *what,
                      struct wf_buf *out)
{
    uint32_t last = 0;
    bool last_built_in = false;
    size_t n = 0;

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct wf_policy_is *r = &p->rules[i];
        if ((set[i / 64] >> (i % 64) & 1) == 0 ||
            (r->line == last && r->is_built_in == last_built_in))
            continue;
        last = r->line;
        last_built_in = r->is_built_in;
        if (n == 8) {
            (void)wf_buf_append_cstr(out, ", ...");
            break;
        }
        (void)wf_buf_appendf(out, "%s%s%u (%.*s)", n++ == 0 ? what : ", ",
                             r->is_built_in ? "built-in line " : "line ", (unsigned)r->line,
                             WF_STR_ARG(r->text));
    }
    if (n > 0)
        (void)wf_buf_append_byte(out, '\n');
}

/* Whether rules that override this one leave nothing of it: one is about the same, or for each of
 * its kinds there is one that is as wide in all else. Those are put into out. */
static bool is_dead(const struct wf_policy *p, size_t i, uint64_t *out)
{
    const struct wf_policy_is *r = &p->rules[i];
    const uint64_t *over = p->overridden + i * p->n_words;
    uint64_t left = r->kinds;

    memset(out, 0, p->n_words * sizeof(*out));
    for (size_t j = 0; j < p->n_rules; j++) {
        const struct wf_policy_is *o = &p->rules[j];
        if ((over[j / 64] >> (j % 64) & 1) == 0 || o->where != r->where || o->with != r->with ||
            o->n_least != r->n_least || o->score > r->score || o->target.by != r->target.by ||
            o->target.tiers != r->target.tiers || o->who.len != r->who.len ||
            (o->type.len > 0 && r->type.len == 0))
            continue;
        if (r->is_base || (left & o->kinds) != 0)
            out[j / 64] |= UINT64_C(1) << (j % 64);
        left &= ~o->kinds;
        if (r->is_base || left == 0)
            return true;
    }
    return false;
}

/* The rules that rule i overrides. */
static void overrides(const struct wf_policy *p, size_t i, uint64_t *out)
{
    memset(out, 0, p->n_words * sizeof(*out));
    for (size_t j = 0; j < p->n_rules; j++) {
        if (p->overridden[j * p->n_words + i / 64] >> (i % 64) & 1)
            out[j / 64] |= UINT64_C(1) << (j % 64);
    }
}

int wf_policy_explain(const struct wf_policy *p, bool all, struct wf_buf *out, struct wf_err *err)
{
    uint64_t set[WF_POLICY_WORDS_MAX];
    uint32_t line = 0;
    bool is_built_in = true;
    size_t n = 0;

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct wf_policy_is *r = &p->rules[i];
        if (r->is_built_in && !all)
            continue;
        if (line != r->line || is_built_in != r->is_built_in)
            (void)wf_buf_appendf(out, "%s%s%u: %.*s\n", n > 0 ? "\n" : "",
                                 r->is_built_in ? "built-in line " : "line ", (unsigned)r->line,
                                 WF_STR_ARG(r->text));
        line = r->line;
        is_built_in = r->is_built_in;
        n++;
        (void)wf_buf_append_cstr(out, "    means: ");
        say_rule(p, r, out);
        (void)wf_buf_append_byte(out, '\n');
        overrides(p, i, set);
        say_lines(p, set, "    overrides ", out);
        if (is_dead(p, i, set))
            say_lines(p, set, "    NEVER COUNTS: all of it is overridden by ", out);
        else
            say_lines(p, p->overridden + i * p->n_words, "    is overridden, in part, by ", out);
    }
    if (n == 0)
        (void)wf_buf_append_cstr(out, "There are no sentences but the built-in ones.\n");
    return wf_buf_status(out) == 0
               ? 0
               : wf_err_set(err, wf_buf_status(out), "Not enough memory to explain the policy.");
}
