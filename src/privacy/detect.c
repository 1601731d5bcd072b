/* SPDX-License-Identifier: Apache-2.0 */
/* Opens detectors and resolves what was found.
 *
 * Opening compiles the expressions of all tables to machine code, puts their literals into one
 * automaton and the words of their contexts into another, and sorts the patterns into sets: which
 * fit a count of letters and digits, a first byte, which need a word near. A scan
 * (detect_scan.c) then asks sets, and runs only what is left.
 *
 * A processor or a system that forbids code made at run time gets PCRE2's interpreter, which is
 * slower and finds the same. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "privacy/detect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/sandbox.h"
#include "privacy/datum.h"
#include "privacy/detect_internal.h"
#include "text/utf8.h"

/* How hard one expression may try at one place: its repeats are bounded, so that honest ones stay
 * far below. */
#define MATCH_EFFORT 20000
/* How often one behind the other what only may hide something is undone. */
#define LOOSE_MOST 3
/* What a guess is less than what is seen plainly. */
#define RANK_GUESS 0.2F
/* Bytes of a phone number that is read from behind. */
#define PHONE_LEAST 9

/* Rows of the automata: every byte passes the first, only what is near numbers the second. */
#define TRIGGER_BYTES ((size_t)1 << 20)
#define CONTEXT_BYTES ((size_t)1 << 19)

static void *memory_new(size_t n, void *ud)
{
    (void)ud;
    return wf_alloc(n);
}

static void memory_free(void *p, void *ud)
{
    (void)ud;
    wf_free(p);
}

/* A number is not the end of another ("1.2345", "a716-4466"), nor an amount. */
static const char *const number_borders[2] = {"(?<![A-Za-z0-9_$])(?<![0-9][-.])(?:",
                                              ")(?![A-Za-z0-9_]|[-.][0-9])"};
static const char *const word_borders[2] = {"(?<![A-Za-z0-9_])(?:", ")(?![A-Za-z0-9_])"};

/* What tells by itself what it is may be a part of a name ("my_AKIA..."). */
static const char *const sure_borders[2] = {"(?<![A-Za-z0-9])(?:", ")(?![A-Za-z0-9])"};
#define SCORE_SURE 0.95F

static int compile(struct wf_detector *d, struct wf_detect_form *form, pcre2_compile_context *c,
                   struct wf_err *err)
{
    const struct wf_pattern *row = form->row;
    const char *const *borders = row->triggers == NULL      ? number_borders
                                 : row->score >= SCORE_SURE ? sure_borders
                                                            : word_borders;
    const uint32_t options = PCRE2_UTF | PCRE2_CASELESS | PCRE2_NO_UTF_CHECK |
                             (row->back > 0 ? PCRE2_USE_OFFSET_LIMIT : PCRE2_ANCHORED);
    struct wf_buf b;
    PCRE2_SIZE at = 0;
    int code = 0, rc;

    (void)d;
    wf_buf_init(&b, 1u << 16);
    rc = wf_buf_appendf(&b, "%s%s%s", borders[0], row->regex, borders[1]);
    if (rc == 0) {
        form->code = pcre2_compile((PCRE2_SPTR)b.ptr, b.len, options, &code, &at, c);
        if (form->code == NULL)
            rc = code == PCRE2_ERROR_NOMEMORY || code == 121 /* compiling had no memory */
                     ? WF_E_NOMEM
                     : wf_err_set(err, WF_E_INVAL, "The expression of %s is wrong (%d at %zu).",
                                  row->type, code, at);
    }
    wf_buf_deinit(&b);
    /* Without it the interpreter does the same. */
    form->is_native = rc == 0 && !wf_sandbox_code_is_sealed() &&
                      pcre2_jit_compile(form->code, PCRE2_JIT_COMPLETE) == 0;
    return rc;
}

/* The bytes that a match may begin with. */
static void sort_by_first(struct wf_detector *d, size_t i)
{
    const uint8_t *map = NULL;
    uint32_t kind = 0, unit = 0;

    (void)pcre2_pattern_info(d->forms[i].code, PCRE2_INFO_FIRSTCODETYPE, &kind);
    (void)pcre2_pattern_info(d->forms[i].code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
    (void)pcre2_pattern_info(d->forms[i].code, PCRE2_INFO_FIRSTBITMAP, &map);
    for (uint32_t b = 0; b < 256; b++) {
        const uint32_t lower = b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
        const uint32_t first = unit >= 'A' && unit <= 'Z' ? unit + ('a' - 'A') : unit;
        if (kind == 1 ? lower == first : map == NULL || (map[b / 8] >> (b % 8) & 1) != 0)
            wf_detect_set_add(&d->first[b], i);
    }
}

/* Gives each of the words between '|' to a function. */
static int for_each_word(struct wf_detector *d, const char *list, size_t i,
                         int (*add)(struct wf_detector *, struct wf_str, size_t))
{
    struct wf_str rest = wf_str_from(list), word;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, '|', &word))
        if (word.len > 0)
            rc = add(d, word, i);
    return rc;
}

static int add_trigger(struct wf_detector *d, struct wf_str word, size_t i)
{
    return wf_literals_add_folded(&d->triggers, word, (uint16_t)i);
}

/* Words of several parts as identifiers have them: "driver_license", "driver-license",
 * "driverLicense" (capitals count as small letters). */
static int add_joined(struct wf_detector *d, struct wf_str word, uint16_t id)
{
    static const char joints[] = "_-\0"; /* the last: nothing */
    char joined[128];
    int rc = 0;

    if (word.len > sizeof(joined) ||
        (wf_str_find_byte(word, ' ', 0) == SIZE_MAX && wf_str_find_byte(word, '-', 0) == SIZE_MAX))
        return 0;
    for (size_t k = 0; rc == 0 && k < sizeof(joints) - 1; k++) {
        size_t n = 0;
        for (size_t i = 0; i < word.len; i++) {
            if (word.ptr[i] != ' ' && word.ptr[i] != '-')
                joined[n++] = word.ptr[i];
            else if (joints[k] != 0)
                joined[n++] = joints[k];
        }
        rc = wf_literals_add_folded(&d->context, wf_str_n(joined, n), id);
    }
    return rc;
}

/* Short words stand alone; scripts without spaces have no borders. */
static int add_context(struct wf_detector *d, struct wf_str word, size_t i)
{
    size_t at = 0;
    int rc;
    const uint32_t first = wf_utf8_next(word, &at);
    const size_t letters = wf_utf8_count(word);
    /* Hebrew and Arabic put their articles and prepositions in front without a space. */
    const bool spaced =
        first < 0x2e80 && !(first >= 0xe00 && first < 0xe80) && !(first >= 0x590 && first < 0x780);

    if ((d->n_words & (d->n_words + 1)) == 0) { /* one below a power of two: full */
        struct wf_detect_word *grown =
            wf_realloc_array(d->words, (d->n_words + 1) * 2, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        d->words = grown;
    }
    if (d->n_words >= UINT16_MAX)
        return WF_E_LIMIT;
    d->words[d->n_words] = (struct wf_detect_word){.text = word,
                                                   .form = (uint16_t)i,
                                                   .starts = spaced && letters < 7,
                                                   .ends = spaced && letters < 5};
    rc = wf_literals_add_folded(&d->context, word, (uint16_t)d->n_words);
    if (rc == 0 && spaced && letters >= 6)
        rc = add_joined(d, word, (uint16_t)d->n_words);
    d->n_words++;
    return rc;
}

static int add_form(struct wf_detector *d, const struct wf_pattern *row, pcre2_compile_context *c,
                    struct wf_err *err)
{
    const size_t i = d->n_forms;
    int rc;

    d->forms[i] = (struct wf_detect_form){.row = row};
    rc = compile(d, &d->forms[i], c, err);
    if (rc != 0)
        return rc;
    d->n_forms++;
    sort_by_first(d, i);
    if (row->context != NULL)
        rc = for_each_word(d, row->context, i, add_context);
    if (row->score < d->options.score_least)
        wf_detect_set_add(&d->needs, i);
    if (row->few_digits || row->score < d->options.score_least)
        wf_detect_set_add(&d->few, i);
    if (rc == 0 && row->triggers != NULL)
        rc = for_each_word(d, row->triggers, i, add_trigger);
    if (row->triggers == NULL)
        for (size_t n = row->letters_digits_least;
             n <= row->letters_digits_most && n <= WF_DETECT_NUMBER_MAX; n++)
            wf_detect_set_add(&d->fits[n], i);
    return rc;
}

static int add_tables(struct wf_detector *d, struct wf_err *err)
{
    pcre2_compile_context *c = pcre2_compile_context_create(d->memory);
    int rc = c == NULL ? WF_E_NOMEM : 0;

    for (size_t t = 0; rc == 0 && t < wf_pattern_tables_n; t++)
        for (size_t i = 0; rc == 0 && i < wf_pattern_tables[t]->n; i++)
            rc = add_form(d, &wf_pattern_tables[t]->rows[i], c, err);
    pcre2_compile_context_free(c);
    for (char digit = '0'; rc == 0 && digit <= '9'; digit++)
        rc = wf_literals_add(&d->triggers, wf_str_n(&digit, 1), WF_DETECT_DIGIT);
    if (rc == 0 && !d->options.plain_only)
        rc = wf_detect__add_tellings(d);
    if (rc == 0)
        rc = wf_literals_build(&d->triggers, TRIGGER_BYTES);
    if (rc == 0)
        rc = wf_literals_build(&d->context, CONTEXT_BYTES);
    return rc;
}

int wf_detector_open(const struct wf_detect_options *o, struct wf_detector **out,
                     struct wf_err *err)
{
    struct wf_detector *d = wf_alloc_array(1, sizeof(*d));
    size_t n = 0;
    int rc = WF_E_NOMEM;

    for (size_t t = 0; t < wf_pattern_tables_n; t++)
        n += wf_pattern_tables[t]->n;
    assert(n <= WF_LIMIT_PATTERNS);
    if (d != NULL) {
        d->options = *o;
        if (!(d->options.score_least > 0))
            d->options.score_least = WF_DETECT_SCORE;
        wf_literals_init(&d->triggers);
        wf_literals_init(&d->context);
        d->n_sets = (n + 63) / 64;
        d->forms = wf_alloc_array(n, sizeof(*d->forms));
        d->memory = pcre2_general_context_create(memory_new, memory_free, NULL);
        if (d->forms != NULL && d->memory != NULL)
            rc = add_tables(d, err);
    }
    if (rc != 0) {
        wf_detector_free(d);
        return rc == WF_E_INVAL
                   ? rc
                   : wf_err_set(err, rc, "Not enough memory to look for personal data.");
    }
    *out = d;
    return 0;
}

void wf_detector_free(struct wf_detector *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; d->forms != NULL && i < d->n_forms; i++)
        if (!d->forms[i].is_native ||
            !wf_sandbox_code_is_sealed()) /* else until the process ends */
            pcre2_code_free(d->forms[i].code);
    wf_free(d->forms);
    wf_free(d->words);
    wf_free(d->tellings);
    wf_literals_deinit(&d->triggers);
    wf_literals_deinit(&d->context);
    pcre2_general_context_free(d->memory);
    wf_free(d);
}

int wf_detect_run_new(const struct wf_detector *d, struct wf_detect_run **out, struct wf_err *err)
{
    struct wf_detect_run *r = wf_alloc_array(1, sizeof(*r));

    if (r != NULL) {
        r->d = d;
        wf_buf_init(&r->clean, WF_LIMIT_DETECT_BYTES);
        for (size_t i = 0; i < WF_DETECT_DEPTH; i++)
            wf_view_init(&r->views[i]);
        wf_view_init(&r->said);
        wf_view_init(&r->retold);
        r->match = pcre2_match_data_create(2, d->memory);
        r->limits = pcre2_match_context_create(d->memory);
        r->done = wf_alloc_array(WF_MAX(d->n_forms, 1u), sizeof(*r->done));
    }
    if (r == NULL || r->match == NULL || r->limits == NULL || r->done == NULL) {
        wf_detect_run_free(r);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to look for personal data.");
    }
    (void)pcre2_set_match_limit(r->limits, MATCH_EFFORT); /* cannot fail */
    *out = r;
    return 0;
}

void wf_detect_run_free(struct wf_detect_run *r)
{
    if (r == NULL)
        return;
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->limits);
    for (size_t i = 0; i < WF_DETECT_DEPTH; i++)
        wf_view_deinit(&r->views[i]);
    wf_view_deinit(&r->said);
    wf_view_deinit(&r->retold);
    wf_buf_deinit(&r->clean);
    wf_free(r->near.ends);
    wf_free(r->near.states);
    wf_free(r->found);
    wf_free(r->list);
    wf_free(r->done);
    wf_free(r);
}

/* From a view to the text. What hides may also stand just beside it. Returns in which way
 * a part of it was guessed, or NONE. */
static enum wf_hiding unveil(const struct wf_view *v, struct wf_pii *io_found)
{
    size_t start = SIZE_MAX, end = 0;
    enum wf_hiding how = WF_HIDING_NONE;
    enum wf_hiding guess = WF_HIDING_NONE;

    for (size_t i = io_found->start; i < io_found->end; i++) {
        start = WF_MIN(start, v->start[i]);
        end = WF_MAX(end, v->end[i]);
        if (how == WF_HIDING_NONE)
            how = (enum wf_hiding)v->how[i];
        if (v->how[i] >= WF_HIDING_GUESSED)
            guess = WF_MAX(guess, (enum wf_hiding)v->how[i]);
    }
    if (how == WF_HIDING_NONE && io_found->start > 0)
        how = (enum wf_hiding)v->how[io_found->start - 1];
    if (how == WF_HIDING_NONE && io_found->end < v->text.len)
        how = (enum wf_hiding)v->how[io_found->end];
    io_found->start = start;
    io_found->end = end;
    io_found->hidden = wf_hiding_name(how);
    return guess;
}

static bool has_letter(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z')
            return true;
    return false;
}

/* Whether a number is a round one or a date, from behind: "000021", "0202 50 21". */
static bool is_common(struct wf_str s)
{
    const bool is_year =
        s.len > 4 && ((s.ptr[2] == '9' && s.ptr[3] == '1') || (s.ptr[2] == '0' && s.ptr[3] == '2'));

    return (s.len > 3 && memcmp(s.ptr, "000", 3) == 0) ||
           (is_year && strchr(" -./", s.ptr[4]) != NULL);
}

/* Whether something guessed counts: by a word near, or as it tells itself what it is. of: what it
 * is in the view. */
static bool is_sure(const struct wf_pii *p, enum wf_hiding how, struct wf_str of)
{
    const enum wf_datum kind = wf_datum_of(wf_str_from(p->type));

    if (how >= WF_HIDING_REVERSED && kind == WF_DATUM_PHONE) /* of many numbers one may be read */
        return how == WF_HIDING_REVERSED && of.len >= PHONE_LEAST && of.ptr[0] == '+' &&
               of.ptr[1] >= '1' && of.ptr[1] <= '9';
    if (how == WF_HIDING_REVERSED && strcmp(p->reason, "form") == 0 && is_common(of))
        return false;
    if (how == WF_HIDING_ROTATED && kind == WF_DATUM_IP && !has_letter(of))
        return false; /* it stands there plainly */
    if (how > WF_HIDING_PARTED && (kind == WF_DATUM_MAC || kind == WF_DATUM_WALLET ||
                                   (kind == WF_DATUM_IP && how == WF_HIDING_ROTATED)))
        return true;
    return p->word.len > 0 || (p->score >= SCORE_SURE && kind != WF_DATUM_URL) ||
           (kind >= WF_DATUM_PASSWORD && kind <= WF_DATUM_ENTROPY);
}

int wf_detect__add(struct wf_detect_run *r, struct wf_pii found, float rank)
{
    if (r->n == r->cap) {
        const size_t cap = r->cap == 0 ? 64 : r->cap * 2;
        struct wf_detect_found *grown =
            cap > WF_LIMIT_PII ? NULL : wf_realloc_array(r->found, cap, sizeof(*grown));
        if (grown == NULL)
            return cap > WF_LIMIT_PII ? WF_E_LIMIT : WF_E_NOMEM;
        r->found = grown;
        r->cap = cap;
    }
    const struct wf_str of = wf_str_sub(r->text, found.start, found.end);
    const enum wf_hiding guess = r->view != NULL ? unveil(r->view, &found) : WF_HIDING_NONE;
    if (guess != WF_HIDING_NONE && !is_sure(&found, guess, of))
        return 0;
    r->found[r->n] =
        (struct wf_detect_found){.pii = found,
                                 .rank = guess >= WF_HIDING_REVERSED ? rank - RANK_GUESS : rank,
                                 .order = r->n,
                                 .is_guess = guess >= WF_HIDING_REVERSED};
    r->n++;
    return 0;
}

static int by_rank(const void *a, const void *b)
{
    const struct wf_detect_found *x = a, *y = b;
    const size_t nx = x->pii.end - x->pii.start, ny = y->pii.end - y->pii.start;

    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    if (nx != ny)
        return nx > ny ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const struct wf_pii *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* The bits of word w that are in [start, end): words of 64 bytes, as a part that was decoded may be
 * long. */
static uint64_t bits_in(size_t w, size_t start, size_t end)
{
    uint64_t bits = ~UINT64_C(0);

    if (w == start / 64)
        bits &= ~UINT64_C(0) << (start % 64);
    if (w == (end - 1) / 64)
        bits &= ~UINT64_C(0) >> (63 - (end - 1) % 64);
    return bits;
}

static bool is_free(const uint64_t *taken, size_t start, size_t end)
{
    for (size_t w = start / 64; w <= (end - 1) / 64; w++)
        if ((taken[w] & bits_in(w, start, end)) != 0)
            return false;
    return true;
}

static void set(uint64_t *taken, size_t start, size_t end)
{
    for (size_t w = start / 64; w <= (end - 1) / 64; w++)
        taken[w] |= bits_in(w, start, end);
}

/* An address of the web may be seen by all: what stands in one and was told by a word, or hid, or
 * is a secret, counts more than the address. */
static bool is_web(const struct wf_pii *p)
{
    return strcmp(p->type, "URL") == 0 || strcmp(p->type, "DOMAIN_NAME") == 0;
}

static bool outweighs_web(const struct wf_pii *p)
{
    const enum wf_datum kind = wf_datum_of(wf_str_from(p->type));

    return !is_web(p) && (p->word.len > 0 || p->hidden != NULL ||
                          (kind >= WF_DATUM_PASSWORD && kind <= WF_DATUM_ENTROPY));
}

/* Nor may what all may see (companies' numbers) stand for what hides in it. */
static bool is_public(const struct wf_pii *p)
{
    return wf_datum_of(wf_str_from(p->type)) == WF_DATUM_COMPANY_ID;
}

/* Leaves out addresses of the web that hold more than that. */
static void open_web(struct wf_detect_run *r, uint64_t *bits, uint64_t *hidden)
{
    size_t n = 0, n_open = 0;
    bool any_hidden = false;

    for (size_t i = 0; i < r->n; i++)
        any_hidden = any_hidden || r->found[i].pii.hidden != NULL;
    for (size_t i = 0; i < r->n; i++)
        n_open += is_web(&r->found[i].pii) || (any_hidden && is_public(&r->found[i].pii));
    for (size_t i = 0; n_open > 0 && i < r->n; i++) {
        const struct wf_pii *p = &r->found[i].pii;
        if (p->end > p->start && outweighs_web(p) && !is_public(p))
            set(bits, p->start, p->end);
        if (p->end > p->start && outweighs_web(p) && p->hidden != NULL && !r->found[i].is_guess &&
            !is_public(p))
            set(hidden, p->start, p->end);
    }
    for (size_t i = 0; n_open > 0 && i < r->n; i++) {
        const struct wf_pii *p = &r->found[i].pii;
        if (p->end == p->start || (!is_web(p) && !(any_hidden && is_public(p))) ||
            is_free(is_web(p) || p->word.len == 0 ? bits : hidden, p->start, p->end))
            r->found[n++] = r->found[i];
    }
    r->n = n_open > 0 ? n : r->n;
}

/* Whether what is left of it tells much, when a part of it is taken for something else. */
static bool is_whole(const struct wf_pii *p)
{
    const enum wf_datum kind = wf_datum_of(wf_str_from(p->type));

    return kind == WF_DATUM_IP || kind == WF_DATUM_MAC || kind == WF_DATUM_WALLET ||
           kind == WF_DATUM_CARD || kind == WF_DATUM_BANK ||
           (kind >= WF_DATUM_PRIVATE_KEY && kind <= WF_DATUM_ENTROPY);
}

/* Adds what is free of something that hides or counts as a whole: no byte of it stays because
 * something shorter was seen in it. Returns how many parts. */
static size_t add_rest(uint64_t *taken, const struct wf_pii *p, struct wf_pii *out, size_t most)
{
    size_t n = 0;

    for (size_t i = p->start, end; i < p->end; i = end) {
        end = i + 1;
        if (!is_free(taken, i, end))
            continue;
        while (end < p->end && is_free(taken, end, end + 1))
            end++;
        if (n == most)
            break;
        out[n] = *p;
        out[n].start = i;
        out[n++].end = end;
    }
    for (size_t k = 0; k < n; k++)
        set(taken, out[k].start, out[k].end);
    return n;
}

/* The best of what overlaps, in order of place, into r->list. */
static int resolve(struct wf_detect_run *r, struct wf_str text, struct wf_pii_list *out)
{
    const size_t n_words = text.len / 64 + 1;
    uint64_t *taken = wf_alloc_array(2 * n_words, sizeof(*taken));
    const size_t cap = 2 * r->n + 8;
    struct wf_pii *list = wf_realloc_array(r->list, cap, sizeof(*list));

    if (list != NULL)
        r->list = list;
    if (taken == NULL || list == NULL) {
        wf_free(taken);
        return WF_E_NOMEM;
    }
    open_web(r, taken, taken + n_words);
    memset(taken, 0, n_words * sizeof(*taken));
    wf_detect__unite(r);
    if (r->n > 0)
        qsort(r->found, r->n, sizeof(*r->found), by_rank);
    out->n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct wf_pii *p = &r->found[i].pii;
        if (p->end > p->start && (p->hidden != NULL || is_whole(p)) &&
            !is_free(taken, p->start, p->end)) {
            out->n += add_rest(taken, p, list + out->n, cap - out->n);
            continue;
        }
        if (p->end == p->start || out->n == cap || !is_free(taken, p->start, p->end))
            continue;
        set(taken, p->start, p->end);
        list[out->n++] = *p;
    }
    if (out->n > 0)
        qsort(list, out->n, sizeof(*list), by_place);
    out->n = wf_detect__join(text, list, out->n);
    out->items = list;
    wf_free(taken);
    return 0;
}

/* The text with a byte that no text has (SUB) for each that is no UTF-8: places stay. */
static int clean(struct wf_detect_run *r, struct wf_str *io_text)
{
    const size_t valid = wf_utf8_valid_prefix(*io_text);
    int rc;

    if (valid == io_text->len)
        return 0;
    wf_buf_reset(&r->clean);
    rc = wf_buf_append_str(&r->clean, *io_text);
    for (size_t i = valid; rc == 0 && i < io_text->len;) {
        r->clean.ptr[i++] = 0x1a;
        i += wf_utf8_valid_prefix(wf_str_sub(*io_text, i, io_text->len));
    }
    *io_text = wf_buf_str(&r->clean);
    return rc;
}

/* Looks through views of what was looked at last, and of those again. loose: how often parts that
 * only may hide something may be undone. */
static int look_deeper(struct wf_detect_run *r, size_t depth, unsigned loose)
{
    const struct wf_str text = r->text;
    const struct wf_view *below = r->view;
    static const unsigned kinds[] = {
        0, WF_LOOSE_NAMES, WF_LOOSE_PARTS, WF_LOOSE_LIKE, WF_LOOSE_JOINED, WF_LOOSE_TOKENS};
    struct wf_view *v = &r->views[depth];
    unsigned has_loose = 0;
    int rc = 0;

    if (depth == WF_DETECT_DEPTH)
        return 0;
    for (unsigned pass = 0; rc == 0 && pass < WF_ARRAY_LEN(kinds); pass++) {
        if (pass > 0 && (loose == 0 || ((has_loose | WF_LOOSE_TOKENS) & kinds[pass]) == 0))
            continue;
        rc = wf_view_make_loose(v, text, below, kinds[pass]);
        has_loose |= v->has_loose;
        r->view = v;
        r->text = wf_buf_str(&v->text);
        if (rc == 0 && r->text.len > 0)
            rc = wf_detect__look(r);
        if (rc == 0 && r->text.len > 0)
            rc = wf_detect__look_told(r);
        if (rc == 0 && r->text.len > 0)
            rc = look_deeper(r, depth + 1, pass > 0 ? loose - 1 : loose);
    }
    r->view = below;
    r->text = text;
    return rc;
}

static int look_everywhere(struct wf_detect_run *r, struct wf_str text)
{
    int rc = clean(r, &text);

    r->text = text;
    r->view = NULL;
    if (rc == 0)
        rc = wf_detect__look(r);
    if (rc == 0 && !r->d->options.plain_only)
        rc = wf_detect__look_told(r);
    if (rc == 0 && !r->d->options.plain_only)
        rc = look_deeper(r, 0, LOOSE_MOST);
    r->view = NULL;
    return rc;
}

int wf_detect_scan(struct wf_detect_run *r, struct wf_str text, struct wf_pii_list more,
                   struct wf_pii_list *out, struct wf_err *err)
{
    int rc = text.len > WF_LIMIT_DETECT_BYTES ? WF_E_LIMIT : 0;

    r->n = 0;
    if (rc == 0)
        rc = look_everywhere(r, text);
    for (size_t i = 0; rc == 0 && i < more.n; i++) {
        assert(more.items[i].start <= more.items[i].end && more.items[i].end <= text.len);
        if (more.items[i].score >= r->d->options.score_least)
            rc = wf_detect__add(r, more.items[i], more.items[i].score);
    }
    if (rc == 0)
        rc = resolve(r, text, out);
    if (rc == WF_E_LIMIT)
        return wf_err_set(err, rc, "The text is too long, or holds too much personal data.");
    if (rc != 0)
        return wf_err_set(err, rc, "Not enough memory to look for personal data.");
    return 0;
}
