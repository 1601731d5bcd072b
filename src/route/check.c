/* SPDX-License-Identifier: Apache-2.0 */
/* Signs that an answer is wrong, each with the probability that it is; together they are doubted as
 * if they were independent. Words of not knowing count in short answers only: a long one that has
 * them says something all the same. */
#include "route/check.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "route/sums.h"

#define SHORT_BYTES 300  /* an answer that says that it has none is no longer */
#define LOOP_BYTES 64    /* the longest piece that is looked for again and again */
#define LOOPS 5          /* so often in a row ... */
#define LOOPED_BYTES 24  /* ... and so much in all: a million has many noughts */
#define LIKELY 0.45      /* nats a token below which nothing is odd */
#define UNLIKELY_PER 1.6 /* nats from there until it is doubted wholly */

static bool has(struct wf_str s, const char *words)
{
    const size_t n = strlen(words);

    for (size_t i = 0; i + n <= s.len; i++) {
        if (strncasecmp(s.ptr + i, words, n) == 0)
            return true;
    }
    return false;
}

static bool is_unsure(struct wf_str s)
{
    static const char *const words[] = {
        "i don't know",
        "i do not know",
        "i'm not sure",
        "i am not sure",
        "i cannot",
        "i can't",
        "i'm unable",
        "i am unable",
        "as an ai",
        "ich wei\xc3\x9f nicht",
        "ich weiss nicht",
        "ich bin nicht sicher",
        "ich kann nicht",
        "je ne sais pas",
        "je ne peux pas",
        "no lo s\xc3\xa9",
        "no puedo",
        "non lo so",
        "nie wiem",
        "n\xc3\xa3o sei",
        "ik weet het niet",
        "\xe3\x82\x8f\xe3\x81\x8b\xe3\x82\x8a\xe3\x81\xbe\xe3\x81\x9b\xe3\x82\x93",
        "\xe4\xb8\x8d\xe7\x9f\xa5\xe9\x81\x93",
    };

    for (size_t i = 0; s.len <= SHORT_BYTES && i < WF_ARRAY_LEN(words); i++) {
        if (has(s, words[i]))
            return true;
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether a piece says anything: rulers and dots may be long. */
static bool says_something(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_letter(p[i]) || is_digit(p[i]))
            return true;
    }
    return false;
}

/* Whether it ends in the same piece again and again. */
static bool repeats(struct wf_str s)
{
    for (size_t n = 1; n <= LOOP_BYTES && n * LOOPS <= s.len; n++) {
        const size_t n_loops = WF_MAX((size_t)LOOPS, (LOOPED_BYTES + n - 1) / n);
        const char *end = s.ptr + s.len - n;
        bool is_same = n * n_loops <= s.len && says_something(end, n);
        for (size_t k = 1; is_same && k < n_loops; k++)
            is_same = memcmp(end, end - k * n, n) == 0;
        if (is_same)
            return true;
    }
    return false;
}

/* Whether a letter or a digit stands alone, as the name of a choice. */
static bool has_choice(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_name = (s.ptr[i] >= 'A' && s.ptr[i] <= 'J') ||
                       (s.ptr[i] >= 'a' && s.ptr[i] <= 'j') || (s.ptr[i] >= '0' && s.ptr[i] <= '9');
        if (is_name && (i == 0 || !is_letter(s.ptr[i - 1])) &&
            (i + 1 == s.len || !is_letter(s.ptr[i + 1])))
            return true;
    }
    return false;
}

static bool has_digit(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_digit(s.ptr[i]))
            return true;
    }
    return false;
}

double wf_check_doubt(const struct wf_check_answer *a, const char **out_why)
{
    const struct wf_str s = wf_str_trim(a->text);
    const double nats = a->n_logprobs > 0 ? -a->logprob : 0;
    const struct wf_sums sums =
        a->kind != WF_KIND_CODE ? wf_sums_in(s) : (struct wf_sums){.n = 0}; /* code assigns */
    const struct {
        bool holds;
        double doubt;
        const char *why;
    } signs[] = {
        {s.len == 0, 1.0, "empty"},
        {repeats(s), 0.95, "repeats"},
        {is_unsure(s), 0.8, "unsure"},
        {a->finish == WF_FINISH_LENGTH && !a->is_bounded, 0.8, "cut"},
        {a->kind == WF_KIND_CHOICE && !has_choice(s), 0.7, "no choice"},
        {a->kind == WF_KIND_MATH && !has_digit(s), 0.7, "no number"},
        {sums.n_wrong > 0, 0.8, "wrong sum"},
        {nats > LIKELY, fmin((nats - LIKELY) / UNLIKELY_PER, 1.0), "unlikely"},
    };
    double right = 1, most = 0;
    const char *why = "";

    for (size_t i = 0; i < WF_ARRAY_LEN(signs); i++) {
        if (!signs[i].holds)
            continue;
        right *= 1 - signs[i].doubt;
        if (signs[i].doubt > most) {
            most = signs[i].doubt;
            why = signs[i].why;
        }
    }
    if (out_why != NULL)
        *out_why = why;
    return 1 - right;
}
