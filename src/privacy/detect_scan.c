/* SPDX-License-Identifier: Apache-2.0 */
/* The pass over a text.
 *
 * One automaton stops at literals and at digits. A literal has its forms tried there. A number is
 * followed over its groups ("4111 1111 1111 1111"): the counts of letters and digits at the end of
 * each group, and the first byte, say which forms could be there; those that need a word near are
 * left out where none is. Words are looked for only around numbers and literals, each byte once. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <string.h>

#include "base/alloc.h"
#include "privacy/datum.h"
#include "privacy/detect_internal.h"
#include "text/utf8.h"

/* Bytes that a form sees: from where it may begin to where it must have ended. A private key is the
 * longest; a number has at most two separators after each letter or digit. */
#define WINDOW_LITERAL 16384
#define LANES_LEAST ((size_t)512) /* bytes for which lanes are worth their beginning */
#define WINDOW_SOUGHT 400         /* behind the literal, where a match may begin before it */
#define WINDOW_NUMBER 128
/* A number as likely as this is not looked at again from its second group. */
#define SCORE_SURE 0.8F
/* What a byte of distance takes from the rank: of two meanings the word nearer by decides. */
#define RANK_PER_BYTE 0.003F
/* Words before a number that may belong to it, and their letters. */
#define LEADING_WORDS 2
#define LEADING_LETTERS 4
/* Matches of one form that end before the literal it was sought for. */
#define TRIES_SOUGHT 4
/* Digits of a number that counts without a form; its score. */
#define FORMLESS_LEAST 5
#define APART_LEAST 8
#define SCORE_FORMLESS 0.6F
#define COUNT_MOST ((size_t)WF_DETECT_NUMBER_MAX)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first byte of a letter of Greek or Cyrillic. */
static bool is_far_letter(char c)
{
    return (uint8_t)c >= 0xcd && (uint8_t)c <= 0xd3;
}

static bool is_alnum(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_separator(char c)
{
    return c == ' ' || c == '-' || c == '.' || c == '/' || c == ':' || c == '_' || c == '(' ||
           c == ')' || c == '\t';
}

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* ---- words near ---- */

static int near_add(struct wf_detect_near *near, size_t end, uint32_t state)
{
    if (near->n == near->cap) {
        const size_t cap = near->cap == 0 ? 256 : near->cap * 2;
        uint32_t *ends = wf_realloc_array(near->ends, cap, sizeof(*ends));
        if (ends == NULL)
            return WF_E_NOMEM;
        near->ends = ends;
        uint32_t *states = wf_realloc_array(near->states, cap, sizeof(*states));
        if (states == NULL)
            return WF_E_NOMEM;
        near->states = states;
        near->cap = cap;
    }
    near->ends[near->n] = (uint32_t)end;
    near->states[near->n++] = state;
    return 0;
}

/* Looks for words up to `to`; what lies far behind is left out. */
static int near_look(struct wf_detect_run *r, size_t from, size_t to)
{
    struct wf_detect_near *near = &r->near;
    const struct wf_literals *l = &r->d->context;
    int rc = 0;

    if (near->to == 0 || from > near->to || from < near->from) {
        near->from = near->to = from;
        near->n = 0;
        near->state = 0;
    }
    for (; rc == 0 && near->to < to; near->to++) {
        near->state = wf_literals_step(l, near->state, r->text.ptr[near->to]);
        if ((near->state & WF_LITERAL_HIT) != 0)
            rc = near_add(near, near->to + 1, near->state);
    }
    return rc;
}

/* Whether a letter of a script with borders between words stands before (at) a place. */
static bool letter_at(struct wf_str t, size_t i)
{
    uint32_t cp;

    if (i >= t.len)
        return false;
    if ((uint8_t)t.ptr[i] < 0x80)
        return is_letter(t.ptr[i]);
    cp = wf_utf8_next(t, &i);
    return cp >= 0xc0 && cp < 0x2000 && cp != 0xd7 && cp != 0xf7;
}

static bool letter_before(struct wf_str t, size_t i)
{
    if (i == 0)
        return false;
    i--;
    while (i > 0 && is_continuation(t.ptr[i]))
        i--;
    return letter_at(t, i);
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Whether it stands as a word there, be it within a name such as cardNumber. */
static bool word_stands(struct wf_str t, const struct wf_detect_word *w, size_t start, size_t end)
{
    if (w->starts && letter_before(t, start) &&
        !(is_upper(t.ptr[start]) && !is_upper(t.ptr[start - 1])))
        return false;
    return !w->ends || !letter_at(t, end) || (is_upper(t.ptr[end]) && !is_upper(t.ptr[end - 1]));
}

/* Calls for every word that ends within (from, to] and begins at or after from. The hits before
 * are passed over from behind: they are few, as they are near. */
struct near_visit {
    struct wf_detect_set *set; /* where to add the forms, or NULL */
    size_t form;               /* whose nearest word is sought, without a set */
    bool any;                  /* of any number of a person's: form tells which */
    size_t start, end;         /* the match: words within it do not count */
    struct wf_str word;
    size_t distance;
};

/* Whether a form is of numbers that somebody has. */
static bool is_persons(const struct wf_pattern *row)
{
    static const uint64_t kinds = WF_DATUM_BIT(WF_DATUM_PHONE) | WF_DATUM_BIT(WF_DATUM_CARD) |
                                  WF_DATUM_BIT(WF_DATUM_BANK) | WF_DATUM_BIT(WF_DATUM_NATIONAL) |
                                  WF_DATUM_BIT(WF_DATUM_TAX) | WF_DATUM_BIT(WF_DATUM_PASSPORT) |
                                  WF_DATUM_BIT(WF_DATUM_LICENCE) | WF_DATUM_BIT(WF_DATUM_VEHICLE) |
                                  WF_DATUM_BIT(WF_DATUM_MEDICAL) |
                                  WF_DATUM_BIT(WF_DATUM_INSURANCE) | WF_DATUM_BIT(WF_DATUM_BIRTH) |
                                  WF_DATUM_BIT(WF_DATUM_PASSWORD);

    return (WF_DATUM_BIT(wf_datum_of(wf_str_from(row->type))) & kinds) != 0;
}

static void near_word(struct wf_detect_run *r, size_t from, size_t end, struct wf_literal hit,
                      struct near_visit *v)
{
    const struct wf_detect_word *w = &r->d->words[hit.id];
    const size_t start = end - hit.bytes;

    if (start < from || !(v->set != NULL || v->any || w->form == v->form) ||
        (v->any && !is_persons(r->d->forms[w->form].row)) || (end > v->start && start < v->end) ||
        !word_stands(r->text, w, start, end))
        return;
    if (v->set != NULL) {
        wf_detect_set_add(v->set, w->form);
    } else {
        const size_t distance = end <= v->start ? v->start - end : (start - v->end) * 2;
        if (v->word.len == 0 || distance < v->distance) {
            v->word = w->text;
            v->distance = distance;
            v->form = w->form;
        }
    }
}

static void near_each(struct wf_detect_run *r, size_t from, size_t to, struct near_visit *v)
{
    const struct wf_detect_near *near = &r->near;

    for (size_t i = near->n; i-- > 0 && near->ends[i] > from;) {
        const struct wf_literal *hits;
        const size_t n =
            near->ends[i] > to ? 0 : wf_literals_at(&r->d->context, near->states[i], &hits);
        for (size_t k = 0; k < n; k++)
            near_word(r, from, near->ends[i], hits[k], v);
    }
}

static size_t before(size_t i, size_t n)
{
    return i > n ? i - n : 0;
}

/* n characters before, or behind, a place. */
static size_t chars_before(struct wf_str t, size_t i, size_t n)
{
    for (; i > 0 && n > 0; n--) {
        i--;
        while (i > 0 && is_continuation(t.ptr[i]))
            i--;
    }
    return i;
}

static size_t chars_behind(struct wf_str t, size_t i, size_t n)
{
    for (; i < t.len && n > 0; n--) {
        i++;
        while (i < t.len && is_continuation(t.ptr[i]))
            i++;
    }
    return i;
}

/* The forms that have a word near [start, end). */
static int near_forms(struct wf_detect_run *r, size_t start, size_t end, struct wf_detect_set *out)
{
    const size_t from = chars_before(r->text, start, WF_DETECT_BEFORE);
    const size_t to = chars_behind(r->text, end, WF_DETECT_BEHIND);
    struct near_visit v = {.set = out, .start = start, .end = start};
    const int rc = near_look(r, from, to);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        near_each(r, from, to, &v);
    return rc;
}

/* ---- one form at one place ---- */

/* Moves to where a character begins. */
static size_t whole(struct wf_str t, size_t i)
{
    i = WF_MIN(i, t.len);
    while (i > 0 && i < t.len && is_continuation(t.ptr[i]))
        i--;
    return i;
}

/* A match: the whole, and the datum within. */
struct hit {
    size_t start, end, datum_start, datum_end;
};

static bool run_form(struct wf_detect_run *r, size_t i, size_t from, size_t to, struct hit *out)
{
    const PCRE2_SIZE *at;
    const struct wf_detect_form *form = &r->d->forms[i];
    const PCRE2_SPTR text = (PCRE2_SPTR)r->text.ptr;
    const int rc =
        form->is_native
            ? pcre2_jit_match(form->code, text, to, from, 0, r->match, r->limits)
            : pcre2_match(form->code, text, to, from, PCRE2_NO_UTF_CHECK, r->match, r->limits);

    if (rc < 0)
        return false; /* none, or more effort than any true match takes */
    at = pcre2_get_ovector_pointer(r->match);
    *out = (struct hit){at[0], at[1], at[0], at[1]};
    if (rc != 1 && at[2] != PCRE2_UNSET && at[3] > at[2]) {
        out->datum_start = at[2];
        out->datum_end = at[3];
    }
    /* Where the window ends the border behind was not seen. */
    return at[1] > at[0] && !(at[1] == to && to < r->text.len && is_alnum(r->text.ptr[to]));
}

/* Adds a match when it is valid and likely enough. *io_score: what it has. */
static int judge(struct wf_detect_run *r, size_t i, const struct hit *hit, float *out_score)
{
    const struct wf_pattern *row = r->d->forms[i].row;
    const size_t start = hit->datum_start, end = hit->datum_end;
    struct near_visit v = {.form = i, .start = start, .end = end};
    struct wf_pii found = {.start = start, .end = end, .type = row->type, .score = row->score};
    float rank;

    *out_score = 0;
    if (row->valid != NULL && !row->valid(wf_str_sub(r->text, start, end)))
        return 0;
    if (row->context != NULL) {
        const size_t from = chars_before(r->text, start, WF_DETECT_BEFORE);
        const size_t to = chars_behind(r->text, end, WF_DETECT_BEHIND);
        const int rc = near_look(r, from, to);
        if (rc != 0)
            return rc;
        near_each(r, from, to, &v);
    }
    if (v.word.len > 0)
        found.score = row->score_context;
    if (found.score < r->d->options.score_least)
        return 0;
    found.word = v.word;
    found.reason = row->why != NULL ? row->why : "form";
    rank = found.score - RANK_PER_BYTE * (float)v.distance;
    *out_score = found.score;
    return wf_detect__add(r, found, rank);
}

/* ---- literals ---- */

/* A form whose literal ends at `end`. */
static int literal(struct wf_detect_run *r, struct wf_literal hit, size_t end)
{
    const struct wf_pattern *row = r->d->forms[hit.id].row;
    const size_t at = end - hit.bytes;
    struct wf_detect_set near;
    struct hit m;
    float score;
    int rc;

    if (at < r->done[hit.id])
        return 0; /* within its last match */
    if (wf_detect_set_has(&r->d->needs, hit.id)) {
        rc = near_forms(r, at, end, &near);
        if (rc != 0 || !wf_detect_set_has(&near, hit.id))
            return rc;
    }
    if (row->back == 0) {
        (void)pcre2_set_offset_limit(r->limits, PCRE2_UNSET); /* cannot fail */
        if (!run_form(r, hit.id, at, whole(r->text, at + WINDOW_LITERAL), &m))
            return 0;
        r->done[hit.id] = m.end;
        return judge(r, hit.id, &m, &score);
    }
    size_t from = whole(r->text, WF_MAX(before(at, row->back), r->done[hit.id]));
    const size_t to = whole(r->text, end + WINDOW_SOUGHT);
    (void)pcre2_set_offset_limit(r->limits, at); /* cannot fail */
    for (int t = 0; t < TRIES_SOUGHT && run_form(r, hit.id, from, to, &m); t++) {
        if (m.end >= end) {
            r->done[hit.id] = m.end;
            return judge(r, hit.id, &m, &score);
        }
        from = m.end;
    }
    r->done[hit.id] = WF_MAX(r->done[hit.id], at); /* no start before it will ever do */
    return 0;
}

/* ---- numbers ---- */

/* The forms whose counts fit a number that begins here; *out_end: behind its last group. */
static void count_groups(const struct wf_detect_run *r, size_t start, struct wf_detect_set *out,
                         size_t *out_end)
{
    const struct wf_str t = r->text;
    size_t i = start, count = 0, digits = 0, lead = 0;

    memset(out, 0, sizeof(*out));
    for (; i < t.len && !is_alnum(t.ptr[i]); i++) /* Greek, Cyrillic: counted or not */
        lead += is_far_letter(t.ptr[i]);
    for (;;) {
        while (i < t.len && is_alnum(t.ptr[i])) {
            digits += is_digit(t.ptr[i++]);
            count++;
        }
        if (count > WF_DETECT_NUMBER_MAX)
            break;
        *out_end = i;
        const struct wf_detect_set *fit = &r->d->fits[count],
                                   *more = &r->d->fits[WF_MIN(count + lead, COUNT_MOST)];
        for (size_t w = 0; w < r->d->n_sets; w++)
            out->bits[w] |=
                (fit->bits[w] | more->bits[w]) & (digits >= 4 ? ~UINT64_C(0) : r->d->few.bits[w]);
        size_t next = i;
        while (next < t.len && next < i + 2 && is_separator(t.ptr[next]))
            next++;
        if (next == i || next >= t.len || !is_alnum(t.ptr[next]))
            break;
        i = next;
    }
}

/* The forms that could be at a number, by its shape and by the words near. */
static int forms_at(struct wf_detect_run *r, size_t start, struct wf_detect_set *out)
{
    const struct wf_detector *d = r->d;
    const struct wf_detect_set *first = &d->first[(uint8_t)r->text.ptr[start]];
    struct wf_detect_set near;
    uint64_t need = 0;
    size_t end = start;

    count_groups(r, start, out, &end);
    for (size_t w = 0; w < d->n_sets; w++) {
        out->bits[w] &= first->bits[w];
        need |= out->bits[w] & d->needs.bits[w];
    }
    if (need == 0)
        return 0;
    const int rc = near_forms(r, start, end, &near);
    for (size_t w = 0; w < d->n_sets; w++)
        out->bits[w] &= ~d->needs.bits[w] | near.bits[w];
    return rc;
}

/* Tries all forms that begin at a place; *io_next moves behind a sure one. */
static int number_from(struct wf_detect_run *r, size_t start, size_t *io_next)
{
    const size_t to = whole(r->text, start + WINDOW_NUMBER);
    struct wf_detect_set forms;
    int rc = forms_at(r, start, &forms);

    for (size_t w = 0; rc == 0 && w < r->d->n_sets; w++)
        for (uint64_t bits = forms.bits[w]; rc == 0 && bits != 0; bits &= bits - 1) {
            const size_t i = w * 64 + (size_t)__builtin_ctzll(bits);
            struct hit m;
            float score;
            if (!run_form(r, i, start, to, &m))
                continue;
            rc = judge(r, i, &m, &score);
            if (score >= SCORE_SURE)
                *io_next = WF_MAX(*io_next, m.end);
        }
    return rc;
}

/* The start of the letters that end at `end`, ASCII ones or of Greek and Cyrillic; `end` when there
 * are none, or more than may belong to a number. */
static size_t letters_before(struct wf_str t, size_t end)
{
    size_t i = end, n = 0;

    for (; i > 0 && n <= LEADING_LETTERS; n++) {
        if (is_letter(t.ptr[i - 1]))
            i--;
        else if (i > 1 && is_continuation(t.ptr[i - 1]) && is_far_letter(t.ptr[i - 2]))
            i -= 2;
        else
            break;
    }
    return n > LEADING_LETTERS || (i > 0 && is_digit(t.ptr[i - 1])) ? end : i;
}

/* The start of the word before `start` that may belong to a number; `start` when there is none. */
static size_t word_before(struct wf_str t, size_t start)
{
    size_t end = start, i;

    while (end > 0 && end + 2 > start && is_separator(t.ptr[end - 1]))
        end--;
    i = letters_before(t, end);
    return i == end ? start : i;
}

/* Whether a number in words, signs or single characters was nothing, or what all may see: its
 * separators may have been lost. n_found: what was found before it. */
static bool may_lack_form(const struct wf_detect_run *r, size_t start, size_t end, size_t n_found)
{
    size_t digits = 0;

    for (size_t i = start; i < end; i++)
        digits += is_digit(r->text.ptr[i]);
    if (r->view == NULL || digits < FORMLESS_LEAST || digits > WF_DETECT_NUMBER_MAX)
        return false;
    /* What is apart is told by what stands between: by its second character. */
    const uint8_t how = r->view->how[start];
    if (how != WF_HIDING_SPELLED && how != WF_HIDING_MORSE &&
        (digits < APART_LEAST || r->view->how[start + 1] != WF_HIDING_SPACED))
        return false;
    for (size_t i = n_found; i < r->n; i++)
        if (wf_datum_of(wf_str_from(r->found[i].pii.type)) != WF_DATUM_COMPANY_ID)
            return false;
    return true;
}

/* Adds such a number as what the word near says; nothing where there is none. */
static int add_formless(struct wf_detect_run *r, size_t start, size_t end)
{
    struct near_visit v = {.any = true, .start = start, .end = end};
    const size_t from = chars_before(r->text, start, WF_DETECT_BEFORE);
    const size_t to = chars_behind(r->text, end, WF_DETECT_BEHIND);
    const int rc = near_look(r, from, to);

    if (rc == 0)
        near_each(r, from, to, &v);
    if (rc != 0 || v.word.len == 0)
        return rc;
    return wf_detect__add(r,
                          (struct wf_pii){.start = start,
                                          .end = end,
                                          .type = r->d->forms[v.form].row->type,
                                          .score = SCORE_FORMLESS,
                                          .word = v.word,
                                          .reason = "number, word near"},
                          SCORE_FORMLESS);
}

/* A number whose first digit is at i. *io_next: from where digits are looked at again. */
static int number(struct wf_detect_run *r, size_t i, size_t *io_next)
{
    const struct wf_str t = r->text;
    size_t starts[LEADING_WORDS + 1], n = 1, end = i;
    int rc = 0;

    (void)pcre2_set_offset_limit(r->limits, PCRE2_UNSET); /* cannot fail */
    starts[0] = i;
    while (starts[0] > 0 && i - starts[0] <= WF_DETECT_NUMBER_MAX && is_alnum(t.ptr[starts[0] - 1]))
        starts[0]--;
    while (end < t.len && is_alnum(t.ptr[end]))
        end++;
    *io_next = end;
    while (n <= LEADING_WORDS) {
        starts[n] = word_before(t, starts[n - 1]);
        if (starts[n] == starts[n - 1])
            break;
        n++;
    }
    const size_t n_found = r->n;
    while (rc == 0 && n-- > 0)
        rc = number_from(r, starts[n], io_next);
    wf_detect__note_spot(r, starts[0], end);
    if (rc == 0 && r->n == n_found)
        wf_detect__note_unit(r, starts[0]);
    return rc == 0 && may_lack_form(r, starts[0], end, n_found) ? add_formless(r, starts[0], end)
                                                                : rc;
}

/* ---- the pass ---- */

static int stop_at(struct wf_detect_run *r, uint32_t state, size_t i, size_t *io_next_number)
{
    const struct wf_literal *hits;
    const size_t n = wf_literals_at(&r->d->triggers, state, &hits);
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < n; k++) {
        if (hits[k].id >= WF_DETECT_TELLING && hits[k].id != WF_DETECT_DIGIT)
            rc = wf_detect__tell(r, hits[k], i + 1);
        else if (hits[k].id != WF_DETECT_DIGIT)
            rc = literal(r, hits[k], i + 1);
        else if (i >= *io_next_number)
            rc = number(r, i, io_next_number);
    }
    return rc;
}

/* The automaton's state before `at`: no word is longer than what is read here. */
static uint32_t state_at(const struct wf_detect_run *r, size_t at)
{
    const struct wf_literals *l = &r->d->triggers;
    uint32_t state = 0;

    for (size_t i = before(at, l->longest); i < at; i++)
        state = wf_literals_step(l, state, r->text.ptr[i]);
    return state;
}

struct lanes {
    struct wf_detect_hit hits[WF_DETECT_LANES][WF_DETECT_LANE_BYTES];
    size_t n[WF_DETECT_LANES];
};

/* Where words end in lanes of `bytes` from `from` on. Returns the state at the end of the last. */
static uint32_t pass_lanes(const struct wf_detect_run *r, size_t from, size_t bytes, uint32_t state,
                           struct lanes *out)
{
    const struct wf_literals *l = &r->d->triggers;
    const char *a = r->text.ptr + from, *b = a + bytes, *c = b + bytes, *d = c + bytes;
    uint32_t s = state, t = state_at(r, from + bytes), u = state_at(r, from + 2 * bytes),
             v = state_at(r, from + 3 * bytes);

    memset(out->n, 0, sizeof(out->n));
    for (uint32_t i = 0; i < bytes; i++) {
        s = wf_literals_step(l, s, a[i]);
        t = wf_literals_step(l, t, b[i]);
        u = wf_literals_step(l, u, c[i]);
        v = wf_literals_step(l, v, d[i]);
        if (__builtin_expect(((s | t | u | v) & WF_LITERAL_HIT) == 0, 1))
            continue;
        const uint32_t states[WF_DETECT_LANES] = {s, t, u, v};
        for (size_t k = 0; k < WF_DETECT_LANES; k++)
            if ((states[k] & WF_LITERAL_HIT) != 0)
                out->hits[k][out->n[k]++] = (struct wf_detect_hit){.at = i, .state = states[k]};
    }
    return v;
}

/* Looks through the lanes from *io_at on, in order. */
static int look_in_lanes(struct wf_detect_run *r, size_t *io_at, uint32_t *io_state,
                         size_t *io_next_number)
{
    const size_t bytes =
        WF_MIN((r->text.len - *io_at) / WF_DETECT_LANES, (size_t)WF_DETECT_LANE_BYTES);
    struct lanes lanes;
    int rc = 0;

    *io_state = pass_lanes(r, *io_at, bytes, *io_state, &lanes);
    for (size_t k = 0; k < WF_DETECT_LANES; k++) {
        for (size_t i = 0; rc == 0 && i < lanes.n[k]; i++) {
            const struct wf_detect_hit hit = lanes.hits[k][i];
            rc = stop_at(r, hit.state, *io_at + k * bytes + hit.at, io_next_number);
        }
    }
    *io_at += WF_DETECT_LANES * bytes;
    return rc;
}

int wf_detect__look(struct wf_detect_run *r)
{
    const struct wf_literals *l = &r->d->triggers;
    const struct wf_str t = r->text;
    uint32_t state = 0;
    size_t next_number = 0, i = 0;
    int rc = 0;

    r->near.n = 0;
    r->near.from = r->near.to = 0;
    wf_detect__begin_told(r);
    memset(r->done, 0, r->d->n_forms * sizeof(*r->done));
    while (rc == 0 && t.len - i >= LANES_LEAST)
        rc = look_in_lanes(r, &i, &state, &next_number);
    for (; rc == 0 && i < t.len; i++) {
        state = wf_literals_step(l, state, t.ptr[i]);
        if (__builtin_expect((state & WF_LITERAL_HIT) != 0, 0))
            rc = stop_at(r, state, i, &next_number);
    }
    return rc;
}
