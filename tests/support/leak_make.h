/* Leaks: chat requests with a secret planted in each, to see whether one byte of it gets out.
 *
 * A request has one datum of somebody's: a number of a state, a card, a key, a password; within a
 * sentence of one of thirty languages (bench/data/leak-sentences.txt), hidden in one of the ways of
 * hide.h, at one place of a request: prompts, system prompts, earlier answers, tools' arguments and
 * results, names of members and files, tables, code, URLs; or split over parts, messages or lines.
 * The same seed gives the same requests. Thread rule: owner. */
#ifndef WF_TESTS_LEAK_MAKE_H
#define WF_TESTS_LEAK_MAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define LEAK_PATH "bench/data/leak-sentences.txt"
#define LEAK_PIECES_MOST 3

struct leak_maker;

struct leak {
    json_t *request;      /* {"model", "messages", "tools"?} as an OpenAI client sends it */
    struct wf_buf secret; /* the datum itself, plain */
    struct wf_buf pieces[LEAK_PIECES_MOST]; /* as it stands in the request's texts */
    size_t n_pieces;
    size_t window;                    /* so many bytes of a piece are a leak */
    const char *type, *trick, *place; /* "DE_TAX_ID", "base64", "tool arguments" */
    char lang[4];
};

/* NULL when the sentences are missing or wrong (said on stderr). */
struct leak_maker *leak_maker_new(const char *path, uint64_t seed);
void leak_maker_free(struct leak_maker *m);

/* The next request: every trick at every place, again and again. Borrowed until the next one. */
const struct leak *leak_next(struct leak_maker *m);

/* Whether anything of the secret is in the bytes that were sent, as they are, or as the texts of
 * the JSON that they are: a piece of it, or its letters and digits whatever stands between. */
bool leak_is_in(const struct leak *l, struct wf_str sent);

#endif
