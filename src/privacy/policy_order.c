/* SPDX-License-Identifier: Apache-2.0 */
/* The order of rules, worked out once. Rule a overrides rule b when a speaks of a part of what b
 * speaks of, in every respect: kinds of data, how sure, how many, together with what, from where,
 * for which engine; of two that speak of the same, the later one does. That is an order (nothing
 * overrides itself, over however many steps), so of the rules that fit a datum some always stay;
 * of those that stay the strictest counts. Where it cannot be told that one pattern is a part of
 * another, it is held not to be: then the stricter counts, which is safe.
 *
 * Rules are bits; what fits a datum is an intersection of a few sets of up to 1024 bits. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "privacy/policy_internal.h"

static bool same(char a, char b, bool any_case)
{
    if (a == b)
        return true;
    return any_case && (a | 0x20) == (b | 0x20) && (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
}

bool wf_policy__fits(struct wf_str pattern, struct wf_str text, bool any_case)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_t = 0;   /* behind the last '*', and where it has come to */
    size_t stars = SIZE_MAX, stars_t = 0; /* the same of the last "**" */

    for (;;) {
        if (p + 1 < pattern.len && pattern.ptr[p] == '*' && pattern.ptr[p + 1] == '*') {
            p += 2;
            stars = p;
            stars_t = t;
            star = SIZE_MAX;
        } else if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            star_t = t;
        } else if (t == text.len && p == pattern.len) {
            return true;
        } else if (t < text.len && p < pattern.len &&
                   ((pattern.ptr[p] == '?' && text.ptr[t] != '/') ||
                    same(pattern.ptr[p], text.ptr[t], any_case))) {
            p++;
            t++;
        } else if (star != SIZE_MAX && star_t < text.len && text.ptr[star_t] != '/') {
            p = star;
            t = ++star_t;
        } else if (stars != SIZE_MAX && stars_t < text.len) {
            star = SIZE_MAX;
            p = stars;
            t = ++stars_t;
        } else {
            return false;
        }
    }
}

static bool name_fits(struct wf_str pattern, struct wf_str name)
{
    return pattern.len == 0 || (name.len > 0 && wf_policy__fits(pattern, name, true));
}

/* The folder itself is in it, too: "/a/" + "**" fits "/a". */
static bool path_fits(const struct wf_policy_where *w, struct wf_str path)
{
    size_t slash = SIZE_MAX;

    if (w->name.len == 0)
        return true;
    if (w->is_base_name) {
        for (size_t i = 0; i < path.len; i++) {
            if (path.ptr[i] == '/')
                slash = i;
        }
        path = wf_str_sub(path, slash == SIZE_MAX ? 0 : slash + 1, path.len);
        return wf_policy__fits(w->name, path, true);
    }
    /* The '/' before "**" is not there where the folder itself is meant. */
    if (path.len == 0 || path.len + 1 < w->n_literal ||
        memcmp(path.ptr, w->name.ptr, WF_MIN(path.len, w->n_literal)) != 0)
        return false;
    return wf_policy__fits(w->name, path, false) ||
           (wf_str_ends(w->name, WF_STR("/**")) &&
            wf_policy__fits(wf_str_sub(w->name, 0, w->name.len - 3), path, false));
}

bool wf_policy__is_from(const struct wf_policy_where *w, const struct wf_context_part *part)
{
    if (w->source != WF_SOURCE_UNKNOWN) {
        if (w->source != part->source)
            return false;
        if (part->source == WF_SOURCE_FILE ? !path_fits(w, part->name)
                                           : !name_fits(w->name, part->name))
            return false;
    }
    return name_fits(w->space, part->space) && name_fits(w->person, part->person);
}

bool wf_policy__is_target(const struct wf_policy_target *t, const struct wf_target *target)
{
    if ((t->tiers & (1u << target->tier)) == 0)
        return false;
    return t->by == WF_BY_TIER || name_fits(t->name, target->name) ||
           (t->by == WF_BY_PROVIDER && name_fits(t->name, target->provider));
}

/* ---- parts of one another: each of these is "all of a is in b" ---- */

static bool has_wild(struct wf_str s)
{
    return wf_str_find_byte(s, '*', 0) != SIZE_MAX || wf_str_find_byte(s, '?', 0) != SIZE_MAX;
}

/* Sound, not complete: b's wildcards could take a's as letters and be wrong ('?' for '*'), so a
 * pattern with wildcards is only in one that ends in "**" and has no other, or in itself. */
static bool pattern_in(struct wf_str a, struct wf_str b, bool any_case)
{
    if (b.len == 0 || (a.len == b.len && (any_case ? wf_str_eq_nocase(a, b) : wf_str_eq(a, b))))
        return true;
    if (a.len == 0)
        return false;
    if (!has_wild(a))
        return wf_policy__fits(b, a, any_case);
    if (!wf_str_ends(b, WF_STR("**")) || has_wild(wf_str_sub(b, 0, b.len - 2)))
        return false;
    return wf_policy__fits(b, a, any_case);
}

static bool where_in(const struct wf_policy_where *a, const struct wf_policy_where *b)
{
    if (b->source != WF_SOURCE_UNKNOWN && a->source != b->source)
        return false;
    if (b->is_base_name && !a->is_base_name) {
        struct wf_context_part part = {.source = WF_SOURCE_FILE, .name = a->name};
        if (a->name.len == 0 || has_wild(a->name) || !wf_policy__is_from(b, &part))
            return false;
    } else if (a->is_base_name && !b->is_base_name) {
        if (b->name.len > 0)
            return false;
    } else if (!pattern_in(a->name, b->name, a->source != WF_SOURCE_FILE || a->is_base_name)) {
        return false;
    }
    return pattern_in(a->space, b->space, true) && pattern_in(a->person, b->person, true);
}

/* A named engine is a part of every tier that it could be in. */
static bool target_in(const struct wf_policy_target *a, const struct wf_policy_target *b)
{
    if (b->by == WF_BY_TIER)
        return a->by == WF_BY_TIER ? (a->tiers & ~b->tiers) == 0 : (a->tiers & b->tiers) != 0;
    if (a->by == WF_BY_TIER || (a->tiers & b->tiers) == 0 ||
        (a->by == WF_BY_PROVIDER && b->by == WF_BY_NAME))
        return false;
    return pattern_in(a->name, b->name, true);
}

/* Only rules of one verb are compared; what a verb has not is the same in all of them. */
static bool rule_in(const struct wf_policy *p, const struct wf_policy_is *a,
                    const struct wf_policy_is *b)
{
    if (a->is_base != b->is_base || (a->kinds & ~b->kinds) != 0 || a->score < b->score ||
        a->n_least < b->n_least)
        return false;
    if (b->type.len > 0 && !wf_str_eq_nocase(a->type, b->type))
        return false;
    if (b->with != 0 && (a->with == 0 || (a->with & ~b->with) != 0))
        return false;
    if (!where_in(&p->wheres[a->where], &p->wheres[b->where]) || !target_in(&a->target, &b->target))
        return false;
    return pattern_in(a->who, b->who, true);
}

static void put(uint64_t *set, size_t i)
{
    set[i / 64] |= UINT64_C(1) << (i % 64);
}

int wf_policy__order(struct wf_policy *p)
{
    size_t n = p->n_rules, w = (n + 63) / 64, kinds = WF_DATUM_COUNT;
    uint64_t *at =
        wf_alloc_array((n + p->n_wheres + kinds + WF_VERB_COUNT + 1) * w + 1, sizeof(*at));

    if (at == NULL)
        return WF_E_NOMEM;
    assert(w <= WF_POLICY_WORDS_MAX);
    p->n_words = w;
    p->sets = at;
    p->overridden = at;
    p->by_where = p->overridden + n * w;
    p->by_kind = p->by_where + p->n_wheres * w;
    p->by_verb = p->by_kind + kinds * w;
    p->base = p->by_verb + WF_VERB_COUNT * w;
    for (size_t i = 0; i < n; i++) {
        const struct wf_policy_is *r = &p->rules[i];
        put(p->by_where + r->where * w, i);
        put(p->by_verb + r->verb * w, i);
        p->has_scores |= r->score > 0 || r->type.len > 0;
        if (r->is_base)
            put(p->base, i);
        for (unsigned k = 0; !r->is_base && k < kinds; k++) {
            if (r->kinds & WF_DATUM_BIT(k))
                put(p->by_kind + k * w, i);
        }
        for (size_t j = 0; j < n; j++) {
            const struct wf_policy_is *other = &p->rules[j];
            if (j == i || other->verb != r->verb || !rule_in(p, other, r))
                continue;
            if (j > i || !rule_in(p, r, other))
                put(p->overridden + i * w, j);
        }
    }
    return 0;
}
