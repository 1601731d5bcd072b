/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in answers, beside what was asked: one that stood there, or leads to a host that stood
 * there and carries nothing, was somebody's; every other one is the model's idea, or that of a
 * document that it read. What an address carries is looked for word by word: a number or a long
 * word of what was asked tells something already, plain words only when several come together. */
#include <string.h>

#include "base/alloc.h"
#include "privacy/inbound_internal.h"

#define NUMBER_BYTES 4   /* of a word with digits that tells */
#define LONG_BYTES 16    /* of a word that tells by itself */
#define WORD_BYTES 4     /* of one that counts */
#define WORDS_IN_QUERY 3 /* so many tell */
#define WORDS_IN_PATH 5  /* words of what is spoken of are in every path */
#define OPAQUE_BYTES 24  /* a run without a break, of which nobody can say what it holds */
#define TOKENS_MAX 256   /* looked at in one address; one with more is taken to tell */

/* Seeds: words and hosts stand in one table. */
#define WORDS 1
#define HOSTS 2

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* ---- what was said ---- */

static uint64_t hash_of(struct wf_str s, uint64_t seed)
{
    char part[64];
    uint64_t h = seed;

    for (size_t i = 0; i < s.len; i += sizeof(part)) {
        const size_t n = WF_MIN(s.len - i, sizeof(part));
        for (size_t k = 0; k < n; k++)
            part[k] = lower(s.ptr[i + k]);
        h = wf_str_hash(wf_str_n(part, n), h);
    }
    return h != 0 ? h : 1; /* 0 is an empty slot */
}

static bool has(const struct wf_inbound_said *said, uint64_t h)
{
    if (said->n_slots == 0)
        return false;
    for (size_t i = (size_t)h & (said->n_slots - 1); said->slots[i] != 0;
         i = (i + 1) & (said->n_slots - 1))
        if (said->slots[i] == h)
            return true;
    return false;
}

static void put(struct wf_inbound_said *said, uint64_t h)
{
    size_t i = (size_t)h & (said->n_slots - 1);

    while (said->slots[i] != 0 && said->slots[i] != h)
        i = (i + 1) & (said->n_slots - 1);
    said->slots[i] = h;
}

static bool is_host(char c)
{
    return is_word(c) || c == '-' || c == '.';
}

/* The next run of characters that `is` lets through, at least `least` bytes. */
static bool next_run(struct wf_str s, bool (*is)(char c), size_t least, size_t *io_at,
                     struct wf_str *out)
{
    size_t from = *io_at, to = from;

    for (; from < s.len; from = to) {
        while (from < s.len && !is(s.ptr[from]))
            from++;
        for (to = from; to < s.len && is(s.ptr[to]);)
            to++;
        if (to - from >= least && to > from)
            break;
    }
    *io_at = to;
    *out = wf_str_sub(s, from, to);
    return out->len > 0;
}

static struct wf_str host_trimmed(struct wf_str s)
{
    while (s.len > 0 && !is_word(s.ptr[0]))
        s = wf_str_sub(s, 1, s.len);
    while (s.len > 0 && !is_word(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

int wf_inbound__said_read(struct wf_inbound_said *out, struct wf_str sent)
{
    size_t n = 16, at = 0;
    struct wf_str run;

    *out = (struct wf_inbound_said){.sent = sent};
    while (n < sent.len / 2) /* a run has at least four bytes, and there are two kinds */
        n *= 2;
    out->slots = wf_alloc_array(n, sizeof(*out->slots));
    if (out->slots == NULL)
        return WF_E_NOMEM;
    out->n_slots = n;
    memset(out->slots, 0, n * sizeof(*out->slots));
    while (next_run(sent, is_word, WORD_BYTES, &at, &run))
        put(out, hash_of(run, WORDS));
    for (at = 0; next_run(sent, is_host, WORD_BYTES, &at, &run);)
        put(out, hash_of(host_trimmed(run), HOSTS));
    return 0;
}

void wf_inbound__said_deinit(struct wf_inbound_said *said)
{
    wf_free(said->slots);
    *said = (struct wf_inbound_said){.n_slots = 0};
}

/* Whether the word was said, alone; capitals or not. */
static bool says(const struct wf_inbound_said *said, struct wf_str word)
{
    return has(said, hash_of(word, WORDS));
}

/* Whether the host itself was named; one that another ends with, or begins, is not. */
static bool names_host(const struct wf_inbound_said *said, struct wf_str host)
{
    return has(said, hash_of(wf_str_sub(host, 0, wf_str_find_byte(host, ':', 0)), HOSTS));
}

/* ---- addresses ---- */

/* Takes an address apart: the host, and what stands behind it. False: it has no host. */
static bool split(struct wf_str url, struct wf_str *out_host, struct wf_str *out_tail)
{
    size_t at = wf_str_find(url, WF_STR("//"), 0), end;

    if (at == SIZE_MAX && wf_str_eq_nocase(wf_str_sub(url, 0, 4), WF_STR("www.")))
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

bool wf_inbound__tells(struct wf_str url, const struct wf_inbound_said *said)
{
    struct wf_str host, tail;
    size_t n_tokens = 0, n_words = 0, most = WORDS_IN_PATH;

    if (wf_str_find(said->sent, url, 0) != SIZE_MAX)
        return false;
    if (!split(url, &host, &tail))
        tail = url;
    else if (wf_str_find_byte(host, '@', 0) != SIZE_MAX || !names_host(said, host))
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
        if (!says(said, wf_str_sub(tail, i, to)))
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

bool wf_inbound__is_own(struct wf_str url, const struct wf_inbound_said *said)
{
    struct wf_str host, tail;

    if (wf_str_find(said->sent, url, 0) != SIZE_MAX)
        return true;
    return split(url, &host, &tail) && wf_str_find_byte(host, '@', 0) == SIZE_MAX &&
           names_host(said, host) && !is_opaque(tail);
}
