/* SPDX-License-Identifier: Apache-2.0 */
/* Flags in answers: rules over the text, instructions and scripts also where they hide (view.h),
 * what the detectors found beside what was sent, and addresses beside what was redacted. A rule
 * that takes too much effort makes the scan fail, which counts as flagged. */
#include "privacy/inbound.h"

#include <assert.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "os/sandbox.h"
#include "privacy/datum.h"
#include "privacy/inbound_internal.h"
#include "privacy/view.h"
#include "text/utf8.h"

#define MATCH_EFFORT 2000000u
/* Shorter data stand in any address by chance. */
#define DATUM_BYTES_MIN 4
/* A picture's query is looked at by nobody; from so many bytes on it can carry something. */
#define PAYLOAD_BYTES 32
/* Addresses of one answer that are looked into; more are taken to carry something. */
#define ADDRESSES_MAX 512u
/* What was encoded twice is found, thrice is not. */
#define N_VIEWS 2

struct rule {
    struct wf_inbound_rule says;
    pcre2_code *code;
    bool is_native;
};

struct wf_inbound {
    struct rule *rules; /* [n] */
    size_t n;
    pcre2_general_context *memory; /* of runs */
};

struct range {
    size_t start, end;
};

struct wf_inbound_run {
    const struct wf_inbound *in;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct wf_view views[N_VIEWS];
    struct range *code; /* what is shown as it stands, by place */
    size_t n_code, code_cap;
    struct wf_inbound_flag *flags;
    size_t n, cap;
};

/* What personal data in an answer is somebody else's. */
#define SECRETS                                                                                    \
    (WF_DATUM_BIT(WF_DATUM_PASSWORD) | WF_DATUM_BIT(WF_DATUM_PRIVATE_KEY) |                        \
     WF_DATUM_BIT(WF_DATUM_API_KEY) | WF_DATUM_BIT(WF_DATUM_TOKEN) |                               \
     WF_DATUM_BIT(WF_DATUM_CONNECTION) | WF_DATUM_BIT(WF_DATUM_ENTROPY) |                          \
     WF_DATUM_BIT(WF_DATUM_CARD) | WF_DATUM_BIT(WF_DATUM_BANK) | WF_DATUM_BIT(WF_DATUM_WALLET) |   \
     WF_DATUM_BIT(WF_DATUM_NATIONAL) | WF_DATUM_BIT(WF_DATUM_TAX) |                                \
     WF_DATUM_BIT(WF_DATUM_PASSPORT) | WF_DATUM_BIT(WF_DATUM_LICENCE) |                            \
     WF_DATUM_BIT(WF_DATUM_MEDICAL) | WF_DATUM_BIT(WF_DATUM_INSURANCE))

const char *wf_inbound_name(enum wf_inbound_kind kind)
{
    static const char *const names[WF_INBOUND_COUNT] = {"instruction", "secret", "script", "image",
                                                        "link",        "leak",   "unseen"};

    return (unsigned)kind < WF_INBOUND_COUNT ? names[kind] : "leak";
}

/* ---- open ---- */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look at an answer.");
}

static void *memory_new(PCRE2_SIZE n, void *ud)
{
    (void)ud;
    return wf_alloc(n);
}

static void memory_free(void *p, void *ud)
{
    (void)ud;
    wf_free(p);
}

static int add_rule(struct wf_inbound *in, const struct wf_inbound_rule *says, const char *regex,
                    struct wf_err *err)
{
    struct rule *r = &in->rules[in->n];
    PCRE2_SIZE at = 0;
    int code = 0;

    /* With the C library's memory: PCRE2 10.42's native compiler does not survive that an
     * allocation fails, as tests would have it. */
    r->says = *says;
    r->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_MATCH_INVALID_UTF, &code,
                            &at, NULL);
    if (r->code == NULL)
        return code == PCRE2_ERROR_NOMEMORY || code == 121
                   ? no_memory(err)
                   : wf_err_set(err, WF_E_INVAL, "Rule %zu of answers is wrong (%d at %zu).", in->n,
                                code, at);
    if (!wf_sandbox_code_is_sealed()) /* else the interpreter does the same */
        r->is_native = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
    in->n++;
    return 0;
}

/* VERBS ... (WHICH ... NOUNS | NOUNS ... WHICH) */
static int add_override(struct wf_inbound *in, const struct wf_inbound_override *o,
                        struct wf_err *err)
{
    const struct wf_inbound_rule says = {
        .kind = WF_INBOUND_INSTRUCTION, .score = 0.9F, .reason = "instructions to a model"};
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 1u << 16);
    rc = wf_buf_appendf(&b,
                        "\\b(?:%s)(?:\\W{1,3}\\w+){0,4}?\\W{1,3}(?:(?:%s)(?:\\W{1,3}\\w+){0,3}?"
                        "\\W{1,3}(?:%s)|(?:%s)(?:\\W{1,3}\\w+){0,3}?\\W{1,3}(?:%s))\\b",
                        o->verbs, o->which, o->nouns, o->nouns, o->which);
    rc = rc != 0 ? no_memory(err) : add_rule(in, &says, b.ptr, err);
    wf_buf_deinit(&b);
    return rc;
}

int wf_inbound_open(struct wf_inbound **out, struct wf_err *err)
{
    struct wf_inbound *in = wf_alloc_array(1, sizeof(*in));
    int rc = 0;

    if (in == NULL)
        return no_memory(err);
    in->rules = wf_alloc_array(wf_inbound_rules_n + wf_inbound_overrides_n, sizeof(*in->rules));
    in->memory = pcre2_general_context_create(memory_new, memory_free, NULL);
    if (in->rules == NULL || in->memory == NULL)
        rc = no_memory(err);
    for (size_t i = 0; rc == 0 && i < wf_inbound_rules_n; i++)
        rc = add_rule(in, &wf_inbound_rules[i], wf_inbound_rules[i].regex, err);
    for (size_t i = 0; rc == 0 && i < wf_inbound_overrides_n; i++)
        rc = add_override(in, &wf_inbound_overrides[i], err);
    if (rc != 0)
        wf_inbound_free(in);
    else
        *out = in;
    return rc;
}

void wf_inbound_free(struct wf_inbound *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; in->rules != NULL && i < in->n; i++)
        if (!in->rules[i].is_native || !wf_sandbox_code_is_sealed()) /* until the process ends */
            pcre2_code_free(in->rules[i].code);
    wf_free(in->rules);
    pcre2_general_context_free(in->memory);
    wf_free(in);
}

int wf_inbound_run_new(const struct wf_inbound *in, struct wf_inbound_run **out, struct wf_err *err)
{
    struct wf_inbound_run *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL)
        return no_memory(err);
    r->in = in;
    for (size_t i = 0; i < N_VIEWS; i++)
        wf_view_init(&r->views[i]);
    r->match = pcre2_match_data_create(2, in->memory);
    r->limits = pcre2_match_context_create(in->memory);
    if (r->match == NULL || r->limits == NULL) {
        wf_inbound_run_free(r);
        return no_memory(err);
    }
    (void)pcre2_set_match_limit(r->limits, MATCH_EFFORT); /* cannot fail */
    *out = r;
    return 0;
}

void wf_inbound_run_free(struct wf_inbound_run *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < N_VIEWS; i++)
        wf_view_deinit(&r->views[i]);
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->limits);
    wf_free(r->code);
    wf_free(r->flags);
    wf_free(r);
}

/* ---- code ---- */

static int add_code(struct wf_inbound_run *r, size_t start, size_t end)
{
    if (r->n_code == r->code_cap) {
        size_t cap = r->code_cap * 2 + 16;
        struct range *grown = wf_realloc_array(r->code, cap, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        r->code = grown;
        r->code_cap = cap;
    }
    r->code[r->n_code++] = (struct range){start, end};
    return 0;
}

/* How many of `c` the line begins with, behind at most three spaces. */
static size_t fence_of(struct wf_str line, char c)
{
    size_t i = 0, n = 0;

    while (i < line.len && i < 3 && line.ptr[i] == ' ')
        i++;
    while (i + n < line.len && line.ptr[i + n] == c)
        n++;
    return n;
}

/* `code` within a line. */
static int find_inline(struct wf_inbound_run *r, struct wf_str line, size_t at)
{
    int rc = 0;

    for (size_t i = 0; rc == 0;) {
        size_t open = wf_str_find_byte(line, '`', i), n = 0, close;
        if (open == SIZE_MAX)
            break;
        while (open + n < line.len && line.ptr[open + n] == '`')
            n++;
        close = wf_str_find(line, wf_str_sub(line, open, open + n), open + n);
        if (close != SIZE_MAX)
            rc = add_code(r, at + open, at + close + n);
        i = close != SIZE_MAX ? close + n : open + n;
    }
    return rc;
}

/* Where Markdown shows the text as it stands. */
static int find_code(struct wf_inbound_run *r, struct wf_str text)
{
    struct wf_str rest = text, line;
    size_t fence = 0, start = 0;
    char fence_char = '`';
    int rc = 0;

    r->n_code = 0;
    while (rc == 0 && wf_str_line(&rest, &line)) {
        size_t at = (size_t)(line.ptr - text.ptr);
        size_t n = fence_of(line, '`'), m = fence_of(line, '~');
        if (fence > 0) {
            if ((fence_char == '`' ? n : m) >= fence) {
                rc = add_code(r, start, at + line.len);
                fence = 0;
            }
        } else if (n >= 3 || m >= 3) {
            fence = WF_MAX(n, m);
            fence_char = n >= 3 ? '`' : '~';
            start = at;
        } else {
            rc = find_inline(r, line, at);
        }
    }
    return rc == 0 && fence > 0 ? add_code(r, start, text.len) : rc;
}

static bool is_code(const struct wf_inbound_run *r, size_t at)
{
    size_t low = 0, high = r->n_code;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->code[mid].end <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->n_code && r->code[low].start <= at;
}

/* ---- flags ---- */

static int add_flag(struct wf_inbound_run *r, struct wf_inbound_flag flag)
{
    if (r->n == WF_LIMIT_PII)
        return WF_E_LIMIT;
    if (r->n == r->cap) {
        size_t cap = r->cap * 2 + 16;
        struct wf_inbound_flag *grown = wf_realloc_array(r->flags, cap, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        r->flags = grown;
        r->cap = cap;
    }
    r->flags[r->n++] = flag;
    return 0;
}

/* From a view to the text. */
static void unveil(const struct wf_view *v, struct wf_inbound_flag *io_flag)
{
    size_t start = SIZE_MAX, end = 0;

    for (size_t i = io_flag->start; i < io_flag->end; i++) {
        start = WF_MIN(start, (size_t)v->start[i]);
        end = WF_MAX(end, (size_t)v->end[i]);
    }
    io_flag->start = start;
    io_flag->end = end;
}

/* One rule over a text; v: it is this view's. */
static int apply(struct wf_inbound_run *r, const struct rule *rule, struct wf_str text,
                 const struct wf_view *v)
{
    const enum wf_inbound_kind kind = rule->says.kind;
    const bool shows =
        kind == WF_INBOUND_SCRIPT || kind == WF_INBOUND_IMAGE || kind == WF_INBOUND_LINK;
    int rc = 0;

    for (PCRE2_SIZE at = 0; rc == 0 && at <= text.len;) {
        PCRE2_SPTR p = (PCRE2_SPTR)(text.len > 0 ? text.ptr : "");
        int n = pcre2_match(rule->code, p, text.len, at, 0, r->match, r->limits);
        if (n == PCRE2_ERROR_JIT_STACKLIMIT)
            n = pcre2_match(rule->code, p, text.len, at, PCRE2_NO_JIT, r->match, r->limits);
        if (n == PCRE2_ERROR_NOMATCH)
            return 0;
        if (n < 0)
            return n == PCRE2_ERROR_NOMEMORY ? WF_E_NOMEM : WF_E_LIMIT;
        const PCRE2_SIZE *places = pcre2_get_ovector_pointer(r->match);
        const PCRE2_SIZE *place = n > 1 ? places + 2 : places;
        struct wf_inbound_flag flag = {.start = place[0],
                                       .end = place[1],
                                       .kind = kind,
                                       .score = rule->says.score,
                                       .reason = rule->says.reason};
        at = WF_MAX(places[1], at + (places[1] == places[0]));
        if (v != NULL && flag.end > flag.start)
            unveil(v, &flag);
        if (flag.end > flag.start && !(shows && is_code(r, flag.start)))
            rc = add_flag(r, flag);
    }
    return rc;
}

static int apply_all(struct wf_inbound_run *r, struct wf_str text)
{
    static const unsigned kinds[] = {0, WF_LOOSE_LIKE};
    struct wf_str seen;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->in->n; i++)
        rc = apply(r, &r->in->rules[i], text, NULL);
    if (rc != 0 || wf_utf8_valid_prefix(text) != text.len)
        return rc;
    for (unsigned k = 0; rc == 0 && k < WF_ARRAY_LEN(kinds); k++) {
        if (k > 0 && (r->views[0].has_loose & kinds[k]) == 0)
            break;
        rc = wf_view_make_loose(&r->views[0], text, NULL, kinds[k]);
        seen = wf_buf_str(&r->views[0].text);
        for (size_t i = 0; rc == 0 && seen.len > 0 && i < r->in->n; i++)
            if (r->in->rules[i].says.kind <= WF_INBOUND_SCRIPT)
                rc = apply(r, &r->in->rules[i], seen, &r->views[0]);
    }
    return rc;
}

static int add_secrets(struct wf_inbound_run *r, const struct wf_inbound_ask *ask)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ask->found.n; i++) {
        const struct wf_pii *f = &ask->found.items[i];
        struct wf_str word = wf_str_sub(ask->answer, f->start, f->end);
        bool is_own = wf_str_find(ask->sent, word, 0) != SIZE_MAX;
        for (size_t k = 0; k < ask->n_data && !is_own; k++)
            is_own = wf_str_eq(ask->data[k], word);
        if (!is_own && (SECRETS & WF_DATUM_BIT(wf_datum_of(wf_str_from(f->type)))) != 0)
            rc = add_flag(r, (struct wf_inbound_flag){f->start, f->end, WF_INBOUND_SECRET, f->score,
                                                      f->type});
    }
    return rc;
}

/* ---- addresses that carry data ---- */

static bool has_datum(struct wf_str s, const struct wf_inbound_ask *ask)
{
    for (size_t i = 0; i < ask->n_data; i++) {
        if (ask->data[i].len >= DATUM_BYTES_MIN && wf_str_find(s, ask->data[i], 0) != SIZE_MAX)
            return true;
    }
    return false;
}

/* "PERSON_1": what the engine was given in place of a datum. */
static bool has_placeholder(struct wf_str s)
{
    size_t n_upper = 0;

    for (size_t i = 0; i + 1 < s.len; i++) {
        char c = s.ptr[i], next = s.ptr[i + 1];
        if (c == '_' && n_upper >= 3 && next >= '0' && next <= '9')
            return true;
        if (c >= 'A' && c <= 'Z')
            n_upper++;
        else if (c != '_')
            n_upper = 0;
    }
    return false;
}

/* The address, or what is encoded in it, has something of what was asked, or was redacted. */
static int carries(struct wf_inbound_run *r, struct wf_str url, const struct wf_inbound_ask *ask,
                   const struct wf_inbound_said *said, bool *out)
{
    struct wf_str seen = url;

    *out = wf_inbound__tells(url, said) || has_datum(url, ask) ||
           (ask->n_data > 0 && has_placeholder(url));
    for (size_t i = 0; i < N_VIEWS && !*out && seen.len > 0; i++) {
        if (wf_utf8_valid_prefix(seen) != seen.len)
            return 0;
        if (wf_view_make(&r->views[i], seen, i > 0 ? &r->views[i - 1] : NULL) != 0)
            return WF_E_NOMEM;
        seen = wf_buf_str(&r->views[i].text);
        *out = seen.len > 0 && (wf_inbound__tells(seen, said) || has_datum(seen, ask) ||
                                (ask->n_data > 0 && has_placeholder(seen)));
    }
    return 0;
}

/* Flags addresses that carry something; those that the asker, or a document, had are none. */
static int add_leaks(struct wf_inbound_run *r, const struct wf_inbound_ask *ask,
                     const struct wf_inbound_said *said)
{
    const size_t n = r->n;
    size_t n_kept = 0, n_seen = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wf_inbound_flag f = r->flags[i];
        struct wf_str url = wf_str_sub(ask->answer, f.start, f.end);
        size_t query = wf_str_find_byte(url, '?', 0);
        bool leaks = false;
        if (f.kind != WF_INBOUND_IMAGE && f.kind != WF_INBOUND_LINK)
            continue;
        if (n_seen++ < ADDRESSES_MAX)
            rc = carries(r, url, ask, said, &leaks);
        else
            leaks = true;
        if (rc == 0 && leaks)
            rc = add_flag(r, (struct wf_inbound_flag){f.start, f.end, WF_INBOUND_LEAK, 0.95F,
                                                      "something of what was asked, in an "
                                                      "address"});
        else if (rc == 0 && f.kind == WF_INBOUND_IMAGE && query != SIZE_MAX &&
                 url.len - query > PAYLOAD_BYTES)
            rc = add_flag(r, (struct wf_inbound_flag){f.start, f.end, WF_INBOUND_LEAK, 0.7F,
                                                      "a picture's address with data"});
        else if (f.kind == WF_INBOUND_LINK && wf_inbound__is_own(url, said))
            r->flags[i].end = r->flags[i].start; /* goes below */
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->flags[i].end > r->flags[i].start)
            r->flags[n_kept++] = r->flags[i];
    r->n = n_kept;
    return rc;
}

static bool is_address(const struct wf_inbound_flag *f)
{
    return f->kind == WF_INBOUND_IMAGE || f->kind == WF_INBOUND_LINK;
}

static int look_at_addresses(struct wf_inbound_run *r, const struct wf_inbound_ask *ask)
{
    struct wf_inbound_said said;
    size_t i = 0;
    int rc;

    while (i < r->n && !is_address(&r->flags[i]))
        i++;
    if (i == r->n)
        return 0;
    rc = wf_inbound__said_read(&said, ask->sent);
    if (rc == 0)
        rc = add_leaks(r, ask, &said);
    wf_inbound__said_deinit(&said);
    return rc;
}

/* ---- the scan ---- */

static int by_place(const void *a, const void *b)
{
    const struct wf_inbound_flag *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int by_start(const void *a, const void *b)
{
    const struct wf_inbound_flag *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

/* One flag for what overlaps and is of one kind: the surer reason stays. */
static void merge(struct wf_inbound_run *r)
{
    size_t n = 0;

    qsort(r->flags, r->n, sizeof(*r->flags), by_place);
    for (size_t i = 0; i < r->n; i++) {
        struct wf_inbound_flag f = r->flags[i], *last = n > 0 ? &r->flags[n - 1] : NULL;
        if (last == NULL || last->kind != f.kind || f.start >= last->end) {
            r->flags[n++] = f;
            continue;
        }
        last->end = WF_MAX(last->end, f.end);
        if (f.score > last->score) {
            last->score = f.score;
            last->reason = f.reason;
        }
    }
    r->n = n;
    qsort(r->flags, r->n, sizeof(*r->flags), by_start);
}

int wf_inbound_scan(struct wf_inbound_run *r, const struct wf_inbound_ask *ask,
                    const struct wf_inbound_flag **out, size_t *out_n, struct wf_err *err)
{
    int rc = ask->answer.len > WF_LIMIT_DETECT_BYTES ? WF_E_LIMIT : 0;

    r->n = 0;
    if (rc == 0)
        rc = find_code(r, ask->answer);
    if (rc == 0)
        rc = apply_all(r, ask->answer);
    if (rc == 0)
        rc = add_secrets(r, ask);
    if (rc == 0)
        rc = look_at_addresses(r, ask);
    if (rc == WF_E_LIMIT)
        return wf_err_set(err, rc, "The answer is too long or too strange to be looked at.");
    if (rc != 0)
        return no_memory(err);
    if (r->n > 0)
        merge(r);
    *out = r->flags;
    *out_n = r->n;
    return 0;
}
