/* Dialect: how one family of models writes its thoughts and its tool calls, and how they are read.
 *
 * A dialect is a row of a table, recognised by the model's chat template. It reads a text while it
 * is written and says what each part is: answer, reasoning, a tool call and its arguments. It also
 * gives the grammar that makes a model keep to a tool choice. Messages and tools are JSON in
 * OpenAI's form throughout. Texts hold control tokens by their names.
 * Threads: dialects by any; a reader by its owner. */
#ifndef WF_MODEL_DIALECT_H
#define WF_MODEL_DIALECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"
#include "model/grammar.h"

struct wf_dialect;

/* The dialect of a chat template (its Jinja source; empty: none); never NULL: the plainest is one
 * of JSON objects. */
const struct wf_dialect *wf_dialect_of(struct wf_str chat_template);
/* "hermes", "llama3", "mistral", "harmony", "lfm2", "granite", "phi", "json", ... */
const char *wf_dialect_name(const struct wf_dialect *d);
/* The i-th row; NULL behind the last. */
const struct wf_dialect *wf_dialect_at(size_t i);

enum wf_tool_choice {
    WF_TOOL_AUTO,     /* answer or calls, as the model likes */
    WF_TOOL_NONE,     /* no calls */
    WF_TOOL_REQUIRED, /* at least one call */
    WF_TOOL_NAMED,    /* a call of this tool */
};

struct wf_tool_rules {
    const json_t *tools; /* array in OpenAI's form; NULL or empty: none */
    enum wf_tool_choice choice;
    const char *name; /* of WF_TOOL_NAMED */
    bool parallel;    /* several calls in one answer */
};

#define WF_TOOL_TRIGGERS 4

/* What makes a model keep to the rules. */
struct wf_tool_grammar {
    struct wf_grammar *grammar; /* NULL: nothing is enforced; owned, wf_grammar_unref */
    /* The grammar holds from where one of these texts (a call's beginning) is written, including
     * it; none: from the first token on. Static storage. */
    const char *triggers[WF_TOOL_TRIGGERS];
    size_t n_triggers;
};

/* For WF_TOOL_AUTO a call that is begun must be one of the tools with arguments by their schemas;
 * the reader finds calls without any mark around them, but nothing enforces those. `thinks`: the
 * prompt ended within a thought. Where a schema cannot be enforced, its arguments are any JSON
 * object, unless the tool says "strict". Errors: INVAL (tools are not in OpenAI's form, no tool of
 * that name), UNSUPPORTED (the schema of a strict tool), LIMIT, NOMEM. */
int wf_dialect_grammar(const struct wf_dialect *d, const struct wf_tool_rules *rules, bool thinks,
                       struct wf_tool_grammar *out, struct wf_err *err) WF_MUST_USE;

enum wf_part_kind {
    WF_PART_TEXT,
    WF_PART_REASONING,
    WF_PART_CALL,      /* a call begins: i_call, name, id */
    WF_PART_ARGUMENTS, /* more of the last call's arguments: JSON text */
};

struct wf_part {
    enum wf_part_kind kind;
    struct wf_str text; /* borrowed for the call */
    size_t i_call;
    struct wf_str name;
    char id[40]; /* given by the model, or made here */
};

/* Returns 0, or an error that ends the reading. */
typedef int (*wf_part_fn)(void *ud, const struct wf_part *part);

struct wf_dialect_reader;

/* `thinks`: the prompt ended within a thought. `tools`: the array that was offered, borrowed until
 * the reader is freed (their schemas tell texts from numbers in dialects that do not); NULL or
 * empty: what looks like a call is text, as is a call of a tool that is not among them. *out is
 * owned by the caller. Errors: NOMEM. */
int wf_dialect_reader_new(const struct wf_dialect *d, const json_t *tools, bool thinks,
                          struct wf_dialect_reader **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_dialect_reader_free(struct wf_dialect_reader *r);

/* Reads what was written next, in pieces of any size (whole code points); `end` true once, with the
 * last piece: what was held back is then given out, as text when a call was not finished. Parts
 * come as early as it is certain what they are, and come to the same however the text is cut. White
 * space between thoughts, answer and calls is dropped. Errors: those of fn, LIMIT, NOMEM. */
int wf_dialect_read(struct wf_dialect_reader *r, struct wf_str piece, bool end, wf_part_fn fn,
                    void *ud) WF_MUST_USE;

/* Appends a system text that explains tools and how to call them, for models whose template does
 * not. Errors: LIMIT, NOMEM. */
int wf_dialect_tools_prompt(const struct wf_dialect *d, const json_t *tools,
                            struct wf_buf *out) WF_MUST_USE;
/* Appends calls (tool_calls of a message) as the dialect's reader would read them. Errors: LIMIT,
 * NOMEM. */
int wf_dialect_write_calls(const struct wf_dialect *d, const json_t *calls,
                           struct wf_buf *out) WF_MUST_USE;

/* Whether a prompt that ends like this leaves the model within a thought. */
bool wf_dialect_thinks(const struct wf_dialect *d, struct wf_str prompt);

#endif
