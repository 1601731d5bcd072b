/* SPDX-License-Identifier: Apache-2.0 */
/* Grounded writing: prompt, grammar, and the look at every statement.
 *
 * The text comes as STATEMENT [3][5] STATEMENT [7] ...; brackets are for numbers only (the grammar
 * sees to that), so a statement ends behind its last bracket, and can be looked at while the next
 * is being written. Models elsewhere may not keep to a grammar: numbers that do not exist are
 * passed over here once more, and a statement without any is left out. */
#include "skill/grounded.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "find/question.h"
#include "skill/fence.h"
#include "text/word.h"

/* A statement's words of meaning that what it cites must have, too. */
#define SHARED_MIN 0.25
/* Tokens of the text: a few statements. */
#define TOKENS_MAX 400
#define TEXT_BYTES_MAX ((size_t)64 << 10)
#define CITED_MAX 16
#define STATEMENTS_MAX 32
#define NOTHING "NONE"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (writing).");
}

/* ---- does it hold? ---- */

static bool has_digit(const struct wf_word *w)
{
    for (size_t i = 0; i < w->len; i++) {
        if (w->text[i] >= '0' && w->text[i] <= '9')
            return true;
    }
    return false;
}

static bool says(struct wf_str text, const struct wf_word *word)
{
    struct wf_str want = wf_str_n(word->text, word->len);
    bool exact = has_digit(word) || word->is_pair;
    struct wf_words words;
    struct wf_word w;

    wf_words_init(&words, text);
    while (wf_words_next(&words, &w)) {
        struct wf_str have = wf_str_n(w.text, w.len);
        if (wf_str_eq(have, want) || (!exact && wf_word_same_stem(have, want)))
            return true;
    }
    return false;
}

static bool any_says(const struct wf_str *texts, size_t n, const struct wf_word *word)
{
    for (size_t i = 0; i < n; i++) {
        if (says(texts[i], word))
            return true;
    }
    return false;
}

bool wf_grounded_holds(struct wf_str statement, const struct wf_str *cited, size_t n_cited,
                       struct wf_str question)
{
    size_t n_words = 0, n_shared = 0;
    struct wf_words words;
    struct wf_word w;

    wf_words_init(&words, statement);
    while (wf_words_next(&words, &w)) {
        bool is_there;
        if (wf_word_is_stop(wf_str_n(w.text, w.len)))
            continue;
        is_there = any_says(cited, n_cited, &w);
        if (has_digit(&w) && !is_there && !says(question, &w))
            return false; /* a number from nowhere */
        n_words++;
        n_shared += is_there;
    }
    return n_words > 0 && n_shared > 0 && (double)n_shared >= SHARED_MIN * (double)n_words;
}

/* ---- what the model is asked ---- */

static int write_group(const struct wf_grounded_request *q, size_t from, size_t to,
                       const struct wf_fence *fence, struct wf_buf *b)
{
    (void)wf_fence_open(fence, b);
    for (size_t i = from; i < to; i++) {
        (void)wf_buf_appendf(b, "[%zu] ", i + 1);
        for (size_t k = 0; k < q->sentences[i].len; k++) {
            char c = q->sentences[i].ptr[k];
            (void)wf_buf_append_byte(b, c == '\n' || c == '\r' ? ' ' : c);
        }
        (void)wf_buf_append_byte(b, '\n');
    }
    return wf_fence_close(fence, b);
}

static int write_instruction(const struct wf_grounded_request *q, struct wf_buf *b)
{
    const char *how = "Use only what the numbered sentences say. End every statement with the "
                      "numbers of the sentences it stands on, in square brackets, like [2] or "
                      "[1][4]. Add nothing else.";

    if (q->task == WF_GROUNDED_SUMMARIZE) {
        (void)wf_buf_append_cstr(b, "\nSummarize these sentences in their language");
        if (q->n_statements > 0)
            (void)wf_buf_appendf(b, ", in about %zu short statements", q->n_statements);
        if (q->question.len > 0)
            (void)wf_buf_appendf(b, ", turned to this: %.*s", WF_STR_ARG(q->question));
        (void)wf_buf_appendf(b, ".\n%s", how);
        return wf_buf_status(b);
    }
    for (size_t i = 0; i < q->n_earlier; i++)
        (void)wf_buf_appendf(b, "%sEarlier question: %.*s\n", i == 0 ? "\n" : "",
                             WF_STR_ARG(q->earlier[i]));
    (void)wf_buf_appendf(b,
                         "\nQuestion: %.*s\n\nAnswer in the question's language, in one to three "
                         "short statements. %s If the sentences do not answer the question, write "
                         "only " NOTHING ".",
                         WF_STR_ARG(q->question), how);
    return wf_buf_status(b);
}

/* Adds what is in b as a piece of the message, and empties it. */
static int add_piece(json_t *content, struct wf_buf *b)
{
    json_t *piece = wf_buf_status(b) == 0
                        ? json_pack("{s:s, s:s%}", "type", "text", "text", b->ptr, b->len)
                        : NULL;

    wf_buf_reset(b);
    return json_array_append_new(content, piece) == 0 ? 0 : WF_E_NOMEM;
}

/* What is asked: the message's pieces are [0] the rules, then a group each, then the question. The
 * origins of group i become those of its piece. */
struct prompt {
    json_t *messages;
    struct wf_origin *origins;
    size_t n_origins;
    struct wf_fence fence;
};

static int add_groups(const struct wf_grounded_request *q, const struct wf_fence *fence,
                      json_t *content, struct wf_buf *b, struct prompt *io)
{
    int rc = 0;

    for (size_t from = 0, to; rc == 0 && from < q->n_sentences; from = to) {
        for (to = from + 1; to < q->n_sentences && q->groups[to] == q->groups[from]; to++)
            ;
        for (size_t k = 0; k < q->n_origins; k++) {
            if (q->origins[k].i_part != q->groups[from])
                continue;
            io->origins[io->n_origins] = q->origins[k];
            io->origins[io->n_origins].i_message = 0;
            io->origins[io->n_origins++].i_part = json_array_size(content);
        }
        rc = write_group(q, from, to, fence, b);
        if (rc == 0)
            rc = add_piece(content, b);
    }
    return rc;
}

/* The message and its origins: those of a group that comes twice would be twice, so the room is
 * for as many as there can be. */
static int make_prompt(const struct wf_grounded_request *q, struct wf_arena *arena,
                       struct prompt *out)
{
    const struct wf_fence fence = out->fence;
    json_t *content = json_array();
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, TEXT_BYTES_MAX);
    out->origins = wf_arena_array(arena, q->n_origins * q->n_sentences + 1, sizeof(*out->origins));
    rc = wf_fence_rules(&fence, "numbered sentences of documents", &b);
    if (content == NULL || out->origins == NULL)
        rc = WF_E_NOMEM;
    if (rc == 0)
        rc = add_piece(content, &b);
    if (rc == 0)
        rc = add_groups(q, &fence, content, &b, out);
    if (rc == 0)
        rc = write_instruction(q, &b);
    if (rc == 0)
        rc = add_piece(content, &b);
    wf_buf_deinit(&b);
    if (rc == 0)
        out->messages = json_pack("[{s:s, s:O}]", "role", "user", "content", content);
    json_decref(content);
    return out->messages != NULL ? 0 : WF_E_NOMEM;
}

/* Statements of text without brackets, each with at least one number that exists; or NOTHING. */
static int grammar_of(const struct wf_grounded_request *q, struct wf_buf *b)
{
    size_t n = q->n_statements > 0 ? q->n_statements * 2 : STATEMENTS_MAX / 4;

    n = n < STATEMENTS_MAX ? n : STATEMENTS_MAX;
    (void)wf_buf_append_cstr(b, "root ::= ");
    if (q->task == WF_GROUNDED_ANSWER)
        (void)wf_buf_append_cstr(b, "\"" NOTHING "\" | ");
    (void)wf_buf_appendf(b,
                         "statement{1,%zu}\n"
                         "statement ::= [^\\[\\]\\n ] [^\\[\\]\\n]{3,400} cite{1,4} end?\n"
                         "end ::= \".\"? [ \\n]?\n"
                         "cite ::= \" \"? \"[\" number \"]\"\n"
                         "number ::= ",
                         n);
    for (size_t i = 0; i < q->n_sentences; i++)
        (void)wf_buf_appendf(b, "%s\"%zu\"", i > 0 ? " | " : "", i + 1);
    (void)wf_buf_append_byte(b, '\n');
    return wf_buf_status(b);
}

/* ---- reading what it writes ---- */

struct writing {
    const struct wf_grounded_request *q;
    struct wf_arena *arena;
    struct wf_buf raw;  /* what is not yet a whole statement */
    struct wf_buf text; /* what holds */
    struct wf_grounded_statement *statements;
    size_t n_statements, n_left_out;
};

/* "3", or "3, 5", as models without a grammar write it: adds to the n that are cited. */
static size_t read_list(const struct writing *w, struct wf_str list, size_t cited[CITED_MAX],
                        size_t n)
{
    uint64_t number;

    for (size_t from = 0, to; from <= list.len; from = to + 1) {
        to = WF_MIN(wf_str_find_byte(list, ',', from), list.len);
        if (wf_str_to_u64(wf_str_trim(wf_str_sub(list, from, to)), &number) && number >= 1 &&
            number <= w->q->n_sentences && n < CITED_MAX)
            cited[n++] = (size_t)number - 1;
    }
    return n;
}

/* The numbers behind a statement, from `at` on; moves *io_at behind the last bracket. */
static size_t read_numbers(const struct writing *w, struct wf_str raw, size_t *io_at,
                           size_t cited[CITED_MAX])
{
    size_t n = 0, at = *io_at;

    for (;;) {
        size_t open = at, close;
        while (open < raw.len && raw.ptr[open] == ' ')
            open++;
        if (open >= raw.len || raw.ptr[open] != '[')
            break;
        close = wf_str_find_byte(raw, ']', open);
        if (close == SIZE_MAX)
            break;
        n = read_list(w, wf_str_sub(raw, open + 1, close), cited, n);
        at = close + 1;
    }
    *io_at = at;
    return n;
}

static int keep(struct writing *w, struct wf_str statement, const size_t *cited, size_t n_cited)
{
    struct wf_grounded_statement *s = &w->statements[w->n_statements];
    size_t *copy = wf_arena_array(w->arena, n_cited, sizeof(*copy));

    if (copy == NULL)
        return WF_E_NOMEM;
    memcpy(copy, cited, n_cited * sizeof(*copy));
    if (w->text.len > 0)
        (void)wf_buf_append_byte(&w->text, ' ');
    *s = (struct wf_grounded_statement){.start = w->text.len, .cited = copy, .n_cited = n_cited};
    (void)wf_buf_append_str(&w->text, statement);
    if (strchr(".!?:;", statement.ptr[statement.len - 1]) == NULL)
        (void)wf_buf_append_byte(&w->text, '.');
    s->end = w->text.len;
    w->n_statements++;
    if (w->q->statement != NULL && wf_buf_status(&w->text) == 0)
        w->q->statement(w->q->ud, wf_str_sub(wf_buf_str(&w->text), s->start, s->end), copy,
                        n_cited);
    return wf_buf_status(&w->text);
}

/* Looks at one statement and its numbers. */
static int look_at(struct writing *w, struct wf_str statement, const size_t *cited, size_t n_cited)
{
    struct wf_str texts[CITED_MAX];

    while (statement.len > 0 && statement.ptr[0] != '\0' &&
           strchr(" .,;-*\n", statement.ptr[0]) != NULL)
        statement = wf_str_sub(statement, 1, statement.len);
    statement = wf_str_trim(statement);
    for (size_t i = 0; i < n_cited; i++)
        texts[i] = w->q->sentences[cited[i]];
    if (n_cited > 0 && statement.len > 0 && w->n_statements < STATEMENTS_MAX &&
        wf_grounded_holds(statement, texts, n_cited, w->q->question))
        return keep(w, statement, cited, n_cited);
    w->n_left_out += statement.len > 0;
    return 0;
}

/* Takes whole statements off the front of raw; at the end all of it. */
static int take_statements(struct writing *w, bool end)
{
    size_t cited[CITED_MAX], n, open, at;
    struct wf_str raw;
    int rc = 0;

    while (rc == 0) {
        raw = wf_buf_str(&w->raw);
        open = wf_str_find_byte(raw, '[', 0);
        if (open == SIZE_MAX)
            break;
        at = open;
        n = read_numbers(w, raw, &at, cited);
        /* More numbers may follow until something else stands behind them. */
        if (!end && (at == open || at >= raw.len || raw.ptr[at] == ' ' || raw.ptr[at] == '['))
            break;
        rc = look_at(w, wf_str_sub(raw, 0, open), cited, n);
        wf_buf_consume(&w->raw, at > open ? at : open + 1);
    }
    if (rc == 0 && end && w->raw.len > 0) {
        rc = look_at(w, wf_buf_str(&w->raw), cited, 0);
        wf_buf_reset(&w->raw);
    }
    return rc;
}

static bool says_nothing(struct wf_str raw)
{
    return wf_str_starts(wf_str_trim(raw), WF_STR(NOTHING));
}

static int read_events(struct writing *w, struct wf_gen *g, bool *out_none, struct wf_err *err)
{
    struct wf_gen_event e;
    int rc;

    *out_none = false;
    while ((rc = wf_gen_next(g, &e, err)) == 1) {
        if (e.kind != WF_GEN_TEXT)
            continue;
        rc = wf_buf_append_str(&w->raw, e.text);
        if (rc == 0 && w->n_statements + w->n_left_out == 0 && w->raw.len <= strlen(NOTHING) + 2 &&
            says_nothing(wf_buf_str(&w->raw)))
            *out_none = w->q->task == WF_GROUNDED_ANSWER;
        if (rc == 0)
            rc = take_statements(w, false);
        if (rc != 0)
            return no_memory(err);
    }
    if (rc == 0 && !*out_none && take_statements(w, true) != 0)
        rc = no_memory(err);
    return rc;
}

static int generate(struct writing *w, const struct prompt *prompt, const char *grammar,
                    struct wf_grounded *out, struct wf_err *err)
{
    json_t *vars = json_pack("{s:b}", "enable_thinking", 0);
    struct wf_gen_request q = {.model = w->q->model,
                               .messages = prompt->messages,
                               .origins = prompt->origins,
                               .n_origins = prompt->n_origins,
                               .template_vars = vars,
                               .grammar = grammar,
                               .grammar_if_able = true,
                               .n_max = TOKENS_MAX,
                               .overflow = WF_OVERFLOW_REFUSE,
                               .sampling = wf_sampling_default(),
                               .canceled = w->q->canceled,
                               .canceled_ud = w->q->ud};
    const struct wf_grounded_release *release = w->q->release;
    struct wf_gen *g = NULL;
    int rc = vars == NULL ? no_memory(err) : 0;

    q.sampling.temperature = 0;
    if (release != NULL) {
        q.release_id = release->id;
        q.release_reason = release->reason;
        q.release_as_is = release->as_is;
        out->is_looked = release->id == NULL;
    }
    if (rc == 0 && out->is_looked) {
        rc = release->look(release->ud, &q, prompt->fence.mark, err);
        json_decref(vars);
        return rc;
    }
    if (rc == 0)
        rc = wf_engine_generate(w->q->engine, &q, &g, err);
    if (rc == 0)
        rc = read_events(w, g, &out->is_none, err);
    if (rc == 0) {
        const struct wf_gen_usage *u = wf_gen_usage(g);
        out->model = wf_arena_cstr(w->arena, wf_str_from(u->model));
        if (u->route != NULL)
            out->route = wf_arena_cstr(w->arena, wf_str_from(u->route));
        if (u->flags != NULL)
            out->flags = wf_arena_cstr(w->arena, wf_str_from(u->flags));
        if (out->model == NULL || (u->route != NULL && out->route == NULL) ||
            (u->flags != NULL && out->flags == NULL))
            rc = no_memory(err);
    }
    wf_gen_free(g);
    json_decref(vars);
    return rc;
}

int wf_grounded_write(const struct wf_grounded_request *q, struct wf_arena *arena,
                      struct wf_grounded *out, struct wf_err *err)
{
    struct writing w = {.q = q, .arena = arena};
    struct prompt prompt = {.messages = NULL};
    struct wf_grounded made = {.n_statements = 0};
    struct wf_buf grammar;
    int rc = 0;

    assert(q->n_sentences > 0);
    assert(q->n_sentences <= WF_GROUNDED_SENTENCES_MAX);
    if (q->release == NULL || q->release->fence.len == 0)
        wf_fence_make(&prompt.fence);
    else if (!wf_fence_again(q->release->fence, &prompt.fence))
        rc = wf_err_set(err, WF_E_INVAL, "The release has no marks of a request.");
    if (rc == 0 && make_prompt(q, arena, &prompt) != 0)
        rc = no_memory(err);
    wf_buf_init(&grammar, TEXT_BYTES_MAX);
    wf_buf_init(&w.raw, TEXT_BYTES_MAX);
    wf_buf_init(&w.text, TEXT_BYTES_MAX);
    w.statements = wf_arena_array(arena, STATEMENTS_MAX, sizeof(*w.statements));
    if (rc == 0 && (w.statements == NULL || grammar_of(q, &grammar) != 0))
        rc = no_memory(err);
    if (rc == 0)
        rc = generate(&w, &prompt, grammar.ptr, &made, err);
    if (rc == 0) {
        made.text = wf_arena_dup(arena, wf_buf_str(&w.text));
        made.statements = w.statements;
        made.n_statements = w.n_statements;
        made.n_left_out = w.n_left_out;
        if (made.text.ptr == NULL)
            rc = no_memory(err);
        else
            *out = made;
    }
    wf_buf_deinit(&w.text);
    wf_buf_deinit(&w.raw);
    wf_buf_deinit(&grammar);
    json_decref(prompt.messages);
    return rc;
}
