/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a policy: a line becomes tokens, phrases are taken from its front, and what is no
 * word here is complained about by its place, with the known word that is nearest to it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "privacy/policy_internal.h"
#include "text/utf8.h"

#define NEAR_BYTES_MAX 48 /* of a word for which a nearer one is sought */

/* What sentences are made of, beside the kinds of data: to find the nearest. */
static const char keywords[] =
    "weft policy|without the built-in policy|everything|anything|from|folder|file|"
    "files|mail|the clipboard|clipboard|prompts|prompt|answers|answers of|tools|tool|"
    "memory|web pages|web pages of|pictures|in space|by person|surer than|together with|"
    "at least|is|are|never below|public|internal|private|secret|nothing|may go to|"
    "may see|never goes to|never go to|never leaves this device|"
    "never leave this device|when|replaced|masked|hashed|encrypted|faked|as they are|"
    "as it is|not even replaced|ask before|do not ask before|goes to|go to|"
    "nobody may release|may release|may not release|person|means|this device|devices|"
    "my devices|edge nodes|cloud nodes|paired nodes|providers|others|provider|engine|"
    "node|and|or|OpenAI|Anthropic|Gemini|Google|Mistral|Azure|Ollama|Groq|DeepSeek|"
    "OpenRouter|Cohere|xAI";

int wf_policy__complain(struct wf_policy_reader *r, size_t i, int code, const char *fmt, ...)
{
    char sentence[WF_ERR_MSG_MAX];
    size_t column = i < r->n ? r->tokens[i].column : 1;
    va_list ap;

    if (i >= r->n && r->n > 0) {
        const struct wf_policy_token *last = &r->tokens[r->n - 1];
        column = last->column + wf_utf8_count(last->text) + 1;
    }
    va_start(ap, fmt);
    (void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
    va_end(ap);
    return wf_err_set(r->err, code, "%s, line %zu, column %zu: %s", r->file, r->line, column,
                      sentence);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Appends a token of line[from, to). */
static int add(struct wf_policy_reader *r, struct wf_str line, size_t from, size_t to, bool quoted)
{
    if (r->n == WF_POLICY_TOKENS_MAX)
        return wf_policy__complain(r, 0, WF_E_LIMIT, "the sentence has more than %d words.",
                                   WF_POLICY_TOKENS_MAX);
    r->tokens[r->n++] =
        (struct wf_policy_token){.text = wf_str_sub(line, from, to),
                                 .column = wf_utf8_count(wf_str_sub(line, 0, from)) + 1,
                                 .is_quoted = quoted};
    return 0;
}

/* A word up to the next space; its comma and percent sign are tokens of their own. */
static int add_word(struct wf_policy_reader *r, struct wf_str line, size_t from, size_t to)
{
    size_t end = to;
    int rc = 0;

    if (end - from > 1 && (line.ptr[end - 1] == ',' || line.ptr[end - 1] == '%'))
        end--;
    rc = add(r, line, from, end, false);
    if (rc == 0 && end < to)
        rc = add(r, line, end, to, false);
    return rc;
}

int wf_policy__tokens(struct wf_policy_reader *r, struct wf_str line)
{
    size_t i = 0, end;
    int rc = 0;

    r->n = r->i = 0;
    if (line.len > WF_POLICY_LINE_BYTES_MAX)
        return wf_policy__complain(r, 0, WF_E_LIMIT, "the line is longer than %u bytes.",
                                   WF_POLICY_LINE_BYTES_MAX);
    if (wf_utf8_valid_prefix(line) != line.len)
        return wf_policy__complain(r, 0, WF_E_FORMAT, "the line is not UTF-8 text.");
    for (i = 0; i < line.len; i++) {
        if (!is_space(line.ptr[i]) && ((unsigned char)line.ptr[i] < 0x20 || line.ptr[i] == 0x7f))
            return wf_policy__complain(r, 0, WF_E_FORMAT, "there is a control character.");
    }
    i = 0;
    while (i < line.len && rc == 0) {
        if (is_space(line.ptr[i])) {
            i++;
        } else if (line.ptr[i] == '#') {
            break;
        } else if (line.ptr[i] == '"') {
            end = wf_str_find_byte(line, '"', i + 1);
            if (end == SIZE_MAX)
                rc = wf_policy__complain(r, r->n, WF_E_FORMAT, "the closing quote is missing.");
            else
                rc = add(r, line, i + 1, end, true);
            i = end + 1;
        } else {
            for (end = i; end < line.len && !is_space(line.ptr[end]);)
                end++;
            rc = add_word(r, line, i, end);
            i = end;
        }
    }
    r->text = wf_str_trim(wf_str_sub(line, 0, i)); /* a comment is no part of it */
    if (rc == 0 && r->n > 0) {                     /* the full stop, where somebody writes one */
        struct wf_policy_token *last = &r->tokens[r->n - 1];
        if (!last->is_quoted && last->text.len > 1 && last->text.ptr[last->text.len - 1] == '.')
            last->text.len--;
        else if (!last->is_quoted && wf_str_eq(last->text, WF_STR(".")))
            r->n--;
    }
    return rc;
}

/* How many tokens from i on are these words; 0: they are not. */
static size_t taken(const struct wf_policy_reader *r, size_t i, struct wf_str words)
{
    struct wf_str word;
    size_t n = 0;

    while (wf_str_split(&words, ' ', &word)) {
        const struct wf_policy_token *t = i + n < r->n ? &r->tokens[i + n] : NULL;
        if (t == NULL || t->is_quoted || !wf_str_eq_nocase(t->text, word))
            return 0;
        n++;
    }
    return n;
}

bool wf_policy__phrase(struct wf_policy_reader *r, const char *words)
{
    size_t n = taken(r, r->i, wf_str_from(words));

    r->i += n;
    return n > 0;
}

bool wf_policy__one_of(struct wf_policy_reader *r, const char *list)
{
    struct wf_str rest = wf_str_from(list), words;
    size_t most = 0;

    while (wf_str_split(&rest, '|', &words)) {
        size_t n = taken(r, r->i, words);
        most = WF_MAX(most, n);
    }
    r->i += most;
    return most > 0;
}

int wf_policy__name(struct wf_policy_reader *r, const char *what, struct wf_str *out)
{
    if (r->i >= r->n || r->tokens[r->i].text.len == 0)
        return wf_policy__complain(r, r->i, WF_E_FORMAT, "%s is missing.", what);
    *out = r->tokens[r->i++].text;
    return 0;
}

bool wf_policy__kinds(struct wf_policy_reader *r, uint64_t *out_kinds, struct wf_str *out_type)
{
    const struct wf_policy_token *t = &r->tokens[r->i];
    struct wf_str said;
    uint64_t kinds;
    size_t most = 0;
    const union wf_map_value *known;
    struct wf_datum_walk walk = {0};

    *out_type = wf_str_n("", 0);
    if (r->i >= r->n)
        return false;
    for (size_t g = 0; t->is_quoted && g < r->p->n_groups; g++) {
        if (wf_str_eq_nocase(r->p->groups[g].name, t->text)) {
            *out_kinds = r->p->groups[g].kinds;
            r->i++;
            return true;
        }
    }
    while (wf_datum_next_said(&walk, &said, &kinds)) {
        size_t n = taken(r, r->i, said);
        if (n > most) {
            most = n;
            *out_kinds = kinds;
        }
    }
    r->i += most;
    if (most > 0 || t->is_quoted)
        return most > 0;
    known = wf_map_get(&r->p->types, t->text);
    if (known == NULL)
        return false;
    *out_kinds = WF_DATUM_BIT(known->u64);
    *out_type = t->text;
    r->i++;
    return true;
}

/* Changes of a letter between two words, upper case or lower, up to `most` (then anything above);
 * neighbours in the wrong order are one change (Damerau's distance, of whole strings). */
static size_t changes(struct wf_str a, struct wf_str b, size_t most)
{
    size_t rows[3][NEAR_BYTES_MAX + 1];

    if (a.len > NEAR_BYTES_MAX || b.len > NEAR_BYTES_MAX ||
        WF_MAX(a.len, b.len) - WF_MIN(a.len, b.len) > most)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = (char)(a.ptr[i - 1] | 0x20), y = (char)(b.ptr[j - 1] | 0x20);
            size_t d = last[j - 1] + (x != y);
            d = WF_MIN(d, last[j] + 1);
            d = WF_MIN(d, now[j - 1] + 1);
            if (i > 1 && j > 1 && x == (char)(b.ptr[j - 2] | 0x20) &&
                y == (char)(a.ptr[i - 2] | 0x20))
                d = WF_MIN(d, before[j - 2] + 1);
            now[j] = d;
        }
    }
    return rows[a.len % 3][b.len];
}

/* Takes `candidate` when it is nearer to what stands there than *io_best was. */
static void nearer(struct wf_str there, struct wf_str candidate, size_t *io_least,
                   struct wf_str *io_best)
{
    size_t most = WF_MAX((size_t)1, there.len / 3);
    size_t d = changes(there, candidate, most);

    if (d <= most && d < *io_least) {
        *io_least = d;
        *io_best = candidate;
    }
}

/* The known word or phrase that is nearest to the next one to three tokens; empty: none is near. */
static struct wf_str nearest(const struct wf_policy_reader *r)
{
    const char *start = r->tokens[r->i].text.ptr;
    struct wf_str best = {"", 0}, said;
    size_t least = SIZE_MAX;
    uint64_t kinds;

    for (size_t n = 3; n > 0; n--) {
        if (r->i + n > r->n)
            continue;
        const struct wf_str last = r->tokens[r->i + n - 1].text;
        struct wf_str there = wf_str_n(start, (size_t)(last.ptr - start) + last.len);
        struct wf_datum_walk walk = {0};
        while (wf_datum_next_said(&walk, &said, &kinds))
            nearer(there, said, &least, &best);
        for (size_t i = 0; i < r->p->n_groups; i++)
            nearer(there, r->p->groups[i].name, &least, &best);
        struct wf_str rest = wf_str_from(keywords);
        while (wf_str_split(&rest, '|', &said))
            nearer(there, said, &least, &best);
    }
    return best;
}

int wf_policy__unknown(struct wf_policy_reader *r, const char *expected)
{
    struct wf_str near, there;

    if (r->err == NULL)
        return WF_E_FORMAT;
    if (r->i >= r->n)
        return wf_policy__complain(r, r->i, WF_E_FORMAT, "the sentence ends where %s should be.",
                                   expected);
    there = wf_str_sub(r->tokens[r->i].text, 0, NEAR_BYTES_MAX);
    near = nearest(r);
    if (near.len == 0 || wf_str_eq_nocase(near, there))
        return wf_policy__complain(r, r->i, WF_E_FORMAT, "\"%.*s\" stands where %s should be.",
                                   WF_STR_ARG(there), expected);
    return wf_policy__complain(r, r->i, WF_E_FORMAT,
                               "\"%.*s\" stands where %s should be; did you mean \"%.*s\"?",
                               WF_STR_ARG(there), expected, WF_STR_ARG(near));
}
