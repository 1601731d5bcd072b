/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in answers, beside what was asked: one that stood there, or leads to a host that stood
 * there and carries nothing, was somebody's; every other one is the model's idea, or that of a
 * document that it read. What an address carries is looked for word by word: a number or a long
 * word of what was asked tells something already, plain words only when several come together. */
#include "privacy/inbound_internal.h"

#define NUMBER_BYTES 4   /* of a word with digits that tells */
#define LONG_BYTES 16    /* of a word that tells by itself */
#define WORD_BYTES 4     /* of one that counts */
#define WORDS_IN_QUERY 3 /* so many tell */
#define WORDS_IN_PATH 5  /* words of what is spoken of are in every path */
#define OPAQUE_BYTES 24  /* a run without a break, of which nobody can say what it holds */
#define TOKENS_MAX 256   /* looked at in one address; one with more is taken to tell */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_at(struct wf_str text, size_t at, struct wf_str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (lower(text.ptr[at + i]) != lower(word.ptr[i]))
            return false;
    return true;
}

/* Whether the word stands in the text, alone; capitals or not. */
static bool says(struct wf_str text, struct wf_str word)
{
    for (size_t i = 0; word.len > 0 && i + word.len <= text.len; i++)
        if ((i == 0 || !is_word(text.ptr[i - 1])) && is_at(text, i, word) &&
            (i + word.len == text.len || !is_word(text.ptr[i + word.len])))
            return true;
    return false;
}

/* Whether the text names the host itself; one that another ends with, or begins, is not named. */
static bool names_host(struct wf_str text, struct wf_str host)
{
    for (size_t i = 0; host.len > 0 && i + host.len <= text.len; i++) {
        const char before = i > 0 ? text.ptr[i - 1] : ' ';
        const size_t to = i + host.len;
        const bool goes_on =
            to < text.len &&
            (is_word(text.ptr[to]) || text.ptr[to] == '-' ||
             (text.ptr[to] == '.' && to + 1 < text.len && is_word(text.ptr[to + 1])));
        if (!is_word(before) && before != '-' && before != '.' && !goes_on && is_at(text, i, host))
            return true;
    }
    return false;
}

/* Takes an address apart: the host, and what stands behind it. False: it has no host. */
static bool split(struct wf_str url, struct wf_str *out_host, struct wf_str *out_tail)
{
    size_t at = wf_str_find(url, WF_STR("//"), 0), end;

    if (at == SIZE_MAX && is_at(url, 0, wf_str_sub(WF_STR("www."), 0, WF_MIN(url.len, (size_t)4))))
        at = 0;
    else if (at == SIZE_MAX)
        return false;
    else
        at += 2;
    for (end = at; end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' &&
                   url.ptr[end] != '#' && url.ptr[end] != '\\';)
        end++;
    *out_host = wf_str_sub(url, at, end);
    *out_tail = wf_str_sub(url, end, url.len);
    return out_host->len > 0;
}

bool wf_inbound__tells(struct wf_str url, struct wf_str sent)
{
    struct wf_str host, tail;
    size_t n_tokens = 0, n_words = 0, most = WORDS_IN_PATH;

    if (wf_str_find(sent, url, 0) != SIZE_MAX)
        return false;
    if (!split(url, &host, &tail))
        tail = url;
    else if (wf_str_find_byte(host, '@', 0) != SIZE_MAX || !names_host(sent, host))
        tail = wf_str_sub(url, (size_t)(host.ptr - url.ptr), url.len); /* a host carries, too */
    for (size_t i = 0, to; i < tail.len; i = to + 1) {
        bool digits = false;
        if (tail.ptr[i] == '?' || tail.ptr[i] == '#') {
            most = WORDS_IN_QUERY;
            n_words = 0;
        }
        for (to = i; to < tail.len && is_word(tail.ptr[to]); to++)
            digits = digits || (tail.ptr[to] >= '0' && tail.ptr[to] <= '9');
        if (to - i < WORD_BYTES)
            continue;
        if (++n_tokens > TOKENS_MAX)
            return true;
        if (!says(sent, wf_str_sub(tail, i, to)))
            continue;
        n_words++;
        if ((digits && to - i >= NUMBER_BYTES) || to - i >= LONG_BYTES || n_words >= most)
            return true;
    }
    return false;
}

/* A long run without any break, as encoded data are. */
static bool is_opaque(struct wf_str tail)
{
    size_t n = 0;

    for (size_t i = 0; i < tail.len; i++) {
        const char c = tail.ptr[i];
        n = is_word(c) || c == '%' || c == '+' || c == '=' || c == '_' ? n + 1 : 0;
        if (n >= OPAQUE_BYTES)
            return true;
    }
    return false;
}

bool wf_inbound__is_own(struct wf_str url, struct wf_str sent)
{
    struct wf_str host, tail;

    if (wf_str_find(sent, url, 0) != SIZE_MAX)
        return true;
    return split(url, &host, &tail) && wf_str_find_byte(host, '@', 0) == SIZE_MAX &&
           names_host(sent, host) && !is_opaque(tail);
}
