/* SPDX-License-Identifier: Apache-2.0 */
/* What the sentences of a policy are about: data, where they come from, engines and labels. Lists
 * ("names, ages and phone numbers from mail or files") are kept as lists; policy_parse.c multiplies
 * them out, so that each item weighs against other sentences by itself. */
#include <string.h>

#include "privacy/policy_internal.h"

#define TIER(name) (1u << WF_TIER_##name)
#define NODES (TIER(DEVICE) | TIER(EDGE) | TIER(CLOUD))

int wf_policy__label(struct wf_policy_reader *r, uint8_t *out)
{
    enum wf_label label;

    if (r->i >= r->n || r->tokens[r->i].is_quoted || !wf_label_parse(r->tokens[r->i].text, &label))
        return wf_policy__unknown(r, "a label (public, internal, private, secret)");
    r->i++;
    *out = (uint8_t)label;
    return 0;
}

/* ---- sources ---- */

/* "~/Patients/" as "/home/anna/Patients" + tail, in the policy's arena. */
static int path(struct wf_policy_reader *r, const char *tail, struct wf_str *out)
{
    struct wf_str s = {0}, home = r->p->user_home;
    size_t i = r->i;
    char *whole;
    int rc = wf_policy__name(r, "the path", &s);

    if (rc != 0)
        return rc;
    bool is_home = s.ptr[0] == '~' && (s.len == 1 || s.ptr[1] == '/');
    if (is_home && home.len == 0)
        return wf_policy__complain(r, i, WF_E_FORMAT,
                                   "nobody's home folder is known here; write the whole path.");
    while (s.len > 1 && s.ptr[s.len - 1] == '/')
        s.len--;
    if (is_home)
        s = wf_str_sub(s, 1, s.len);
    else
        home = wf_str_n("", 0);
    if (!is_home && s.ptr[0] != '/' && tail[0] != 0)
        return wf_policy__complain(r, i, WF_E_FORMAT,
                                   "a folder's path begins with / or ~/, \"%.*s\" does not.",
                                   WF_STR_ARG(wf_str_sub(s, 0, 60)));
    whole = wf_arena_printf(&r->p->arena, "%.*s%.*s%s", WF_STR_ARG(home), WF_STR_ARG(s), tail);
    if (whole == NULL)
        return wf_policy__complain(r, i, WF_E_NOMEM, "there is not enough memory.");
    *out = wf_str_from(whole);
    if (strstr(whole, "/../") != NULL || strstr(whole, "/./") != NULL ||
        wf_str_ends(*out, WF_STR("/..")) || strstr(whole, "//") != NULL)
        return wf_policy__complain(r, i, WF_E_FORMAT,
                                   "a path here has no \".\", \"..\" or \"//\".");
    return 0;
}

/* A path or pattern follows "files" where it looks like one. */
static bool is_path_next(const struct wf_policy_reader *r)
{
    return r->i < r->n &&
           (r->tokens[r->i].is_quoted ||
            (r->tokens[r->i].text.len > 0 && strchr("/~*?", r->tokens[r->i].text.ptr[0]) != NULL));
}

/* An address or pattern of some ("*@clinic.example"). */
static int sender(struct wf_policy_reader *r, struct wf_str *out)
{
    if (r->i < r->n && wf_str_find_byte(r->tokens[r->i].text, '@', 0) == SIZE_MAX)
        return wf_policy__complain(r, r->i, WF_E_FORMAT,
                                   "a sender is an address: mail from anna@example.org or "
                                   "*@example.org");
    return wf_policy__name(r, "the sender", out);
}

int wf_policy__source(struct wf_policy_reader *r, struct wf_policy_where *out)
{
    *out = (struct wf_policy_where){0};
    if (wf_policy__phrase(r, "folder")) {
        out->source = WF_SOURCE_FILE;
        return path(r, "/**", &out->name);
    }
    if (wf_policy__one_of(r, "files|file")) {
        out->source = WF_SOURCE_FILE;
        if (!is_path_next(r))
            return 0;
        int rc = path(r, "", &out->name);
        out->is_base_name = rc == 0 && wf_str_find_byte(out->name, '/', 0) == SIZE_MAX;
        return rc;
    }
    if (wf_policy__phrase(r, "mail")) {
        out->source = WF_SOURCE_MAIL;
        return wf_policy__phrase(r, "from") ? sender(r, &out->name) : 0;
    }
    if (wf_policy__one_of(r, "the clipboard|clipboard")) {
        out->source = WF_SOURCE_CLIPBOARD;
        return 0;
    }
    if (wf_policy__one_of(r, "prompts|a prompt|prompt")) {
        out->source = WF_SOURCE_PROMPT;
        return 0;
    }
    if (wf_policy__one_of(r, "answers|an answer|answer")) {
        out->source = WF_SOURCE_ANSWER;
        if (!wf_policy__phrase(r, "of"))
            return 0;
        (void)wf_policy__one_of(r, "provider|engine|node"); /* one name space */
        return wf_policy__name(r, "the engine's name", &out->name);
    }
    if (wf_policy__one_of(r, "tools|tool")) {
        bool is_one = wf_str_eq_nocase(r->tokens[r->i - 1].text, WF_STR("tool"));
        out->source = WF_SOURCE_TOOL;
        return is_one ? wf_policy__name(r, "the tool's name", &out->name) : 0;
    }
    if (wf_policy__phrase(r, "memory")) {
        out->source = WF_SOURCE_MEMORY;
        return 0;
    }
    if (wf_policy__one_of(r, "web pages|web page|a web page")) {
        out->source = WF_SOURCE_WEB;
        return wf_policy__phrase(r, "of") ? wf_policy__name(r, "the site's name", &out->name) : 0;
    }
    if (wf_policy__one_of(r, "pictures|a picture|picture")) {
        out->source = WF_SOURCE_PICTURE;
        return 0;
    }
    return wf_policy__unknown(r, "a source (folder, files, mail, prompts, the clipboard, tools, "
                                 "answers, memory, web pages, pictures)");
}

/* ---- engines ---- */

bool wf_policy__target(struct wf_policy_reader *r, struct wf_policy_target *out)
{
    static const struct {
        const char *said;
        uint8_t tiers;
    } tiers[] = {
        {"this device", TIER(HERE)},
        {"my devices|devices", TIER(DEVICE)},
        {"edge nodes", TIER(EDGE)},
        {"cloud nodes", TIER(CLOUD)},
        {"paired nodes|my nodes", NODES},
        {"providers", TIER(PROVIDER)},
        {"others|anybody else", NODES | TIER(PROVIDER)},
    };
    static const struct {
        const char *said;
        uint8_t tiers;
        uint8_t by;
    } named[] = {
        {"provider", TIER(PROVIDER), WF_BY_PROVIDER},
        {"node", NODES, WF_BY_NAME},
        {"engine", TIER(HERE) | NODES | TIER(PROVIDER), WF_BY_NAME},
    };
    static const char known[] = "OpenAI|Anthropic|Gemini|Google|Mistral|Azure|Groq|DeepSeek|"
                                "OpenRouter|Cohere|xAI";

    *out = (struct wf_policy_target){.name = {"", 0}};
    for (size_t i = 0; i < WF_ARRAY_LEN(tiers); i++) {
        if (wf_policy__one_of(r, tiers[i].said)) {
            out->tiers = tiers[i].tiers;
            return true;
        }
    }
    if (wf_policy__one_of(r, known)) {
        *out = (struct wf_policy_target){TIER(PROVIDER), WF_BY_PROVIDER, r->tokens[r->i - 1].text};
        return true;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(named); i++) {
        if (r->i + 1 < r->n && r->tokens[r->i + 1].text.len > 0 &&
            wf_policy__phrase(r, named[i].said)) {
            *out = (struct wf_policy_target){named[i].tiers, named[i].by, r->tokens[r->i++].text};
            return true;
        }
    }
    return false;
}

/* ---- subjects ---- */

/* One kind, group or type; a list goes on while there are commas and "and". */
static int items(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    for (;;) {
        if (s->n_items == WF_POLICY_LIST_MAX)
            return wf_policy__complain(r, r->i, WF_E_LIMIT, "the list has more than %d items.",
                                       WF_POLICY_LIST_MAX);
        if (!wf_policy__kinds(r, &s->items[s->n_items].kinds, &s->items[s->n_items].type))
            return wf_policy__unknown(r, "a kind of data");
        s->n_items++;
        if (wf_policy__phrase(r, ",")) {
            (void)wf_policy__phrase(r, "and"); /* "a, b, and c" */
            continue;
        }
        if (!wf_policy__one_of(r, "and|or"))
            return 0;
    }
}

static int number(struct wf_policy_reader *r, const char *what, uint64_t most, uint64_t *out)
{
    if (r->i >= r->n || !wf_str_to_u64(r->tokens[r->i].text, out) || *out == 0 || *out > most)
        return wf_policy__complain(r, r->i, WF_E_FORMAT, "%s is a number from 1 to %llu.", what,
                                   (unsigned long long)most);
    r->i++;
    return 0;
}

static int sureness(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    uint64_t n = 0;
    int rc;

    if (s->is_base || s->score > 0)
        return wf_policy__complain(r, r->i - 1, WF_E_FORMAT,
                                   "\"surer than\" is said once, of data.");
    rc = number(r, "sureness", 99, &n);
    if (rc == 0 && !wf_policy__phrase(r, "%"))
        rc = wf_policy__unknown(r, "\"%\"");
    s->score = (float)n / 100.0F;
    return rc;
}

static int together(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    struct wf_str type;
    uint64_t kinds;

    if (s->with != 0)
        return wf_policy__complain(r, r->i - 1, WF_E_FORMAT, "\"together with\" is said once.");
    do {
        if (!wf_policy__kinds(r, &kinds, &type))
            return wf_policy__unknown(r, "a kind of data");
        s->with |= kinds;
    } while (wf_policy__phrase(r, "or"));
    return 0;
}

static int sources(struct wf_policy_reader *r, struct wf_policy_subject *s)
{
    int rc;

    if (s->n_wheres > 0)
        return wf_policy__complain(r, r->i - 1, WF_E_FORMAT,
                                   "\"from\" is said once: from mail or files");
    do {
        if (s->n_wheres == WF_POLICY_LIST_MAX)
            return wf_policy__complain(r, r->i, WF_E_LIMIT, "the list has more than %d sources.",
                                       WF_POLICY_LIST_MAX);
        rc = wf_policy__source(r, &s->wheres[s->n_wheres]);
        s->n_wheres++;
    } while (rc == 0 && wf_policy__phrase(r, "or"));
    return rc;
}

/* "everything" or data, then in any order: surer than, together with, from, in space, by person. */
int wf_policy__subject(struct wf_policy_reader *r, struct wf_policy_subject *out)
{
    struct wf_str space = {"", 0}, person = {"", 0};
    uint64_t n = 1;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (wf_policy__one_of(r, "everything|anything")) {
        out->is_base = true;
        out->items[out->n_items++].type = wf_str_n("", 0);
    } else {
        if (wf_policy__phrase(r, "at least"))
            rc = number(r, "\"at least\"", 1000000, &n);
        if (rc == 0)
            rc = items(r, out);
    }
    out->n_least = (uint32_t)n;
    while (rc == 0) {
        if (wf_policy__phrase(r, "surer than"))
            rc = sureness(r, out);
        else if (wf_policy__phrase(r, "together with"))
            rc = together(r, out);
        else if (wf_policy__phrase(r, "from"))
            rc = sources(r, out);
        else if (space.len == 0 && wf_policy__phrase(r, "in space"))
            rc = wf_policy__name(r, "the space's name", &space);
        else if (person.len == 0 && wf_policy__phrase(r, "by person"))
            rc = wf_policy__name(r, "the person's name", &person);
        else
            break;
    }
    if (out->n_wheres == 0 && (space.len > 0 || person.len > 0))
        out->wheres[out->n_wheres++] = (struct wf_policy_where){.name = {"", 0}};
    for (size_t i = 0; i < out->n_wheres; i++) {
        out->wheres[i].space = space;
        out->wheres[i].person = person;
    }
    return rc;
}
