/* SPDX-License-Identifier: Apache-2.0 */
/* weft sample MODEL --schema FILE | --grammar FILE: texts that a model writes under a grammar, each
 * drawn by the model's own distribution among the tokens that the grammar allows. For measuring:
 * whether what comes out is valid is checked apart from the grammar. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "model/grammar.h"
#include "model/sampler.h"
#include "model/schema.h"
#include "model/transformer.h"
#include "model/vocab.h"
#include "os/file.h"

struct sampling {
    struct wf_model *model;
    struct wf_vocab *vocab;
    struct wf_runner *runner;
    struct wf_token_trie *trie;
    struct wf_grammar *grammar;
    json_t *schema; /* NULL: the grammar is GBNF */
    float *logits;
    uint32_t *allowed;
    size_t n_logits, n_words;
    struct wf_sampling settings;
    size_t n_max;
};

/* One text in the making. */
struct text {
    struct wf_seq seq;
    struct wf_sampler *sampler;
    struct wf_constraint *constraint;
    struct wf_buf bytes;
    size_t n;
};

/* Numbers that are too large for an integer are kept as floating point. */
static int read_schema(const char *path, struct sampling *s, struct wf_err *err)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
    json_error_t why;
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_LIMIT_GRAMMAR_BYTES);
    rc = wf_file_read(path, &text, err);
    if (rc == 0) {
        s->schema = json_loadb(text.ptr, text.len, flags, &why);
        if (s->schema == NULL)
            s->schema = json_loadb(text.ptr, text.len, flags | JSON_DECODE_INT_AS_REAL, &why);
        if (s->schema == NULL)
            rc = wf_err_set(err, WF_E_FORMAT, _("%s is no JSON: line %d: %s."), path, why.line,
                            why.text);
    }
    if (rc == 0)
        rc = wf_grammar_from_schema(s->schema, &s->grammar, err);
    wf_buf_deinit(&text);
    return rc;
}

static int read_gbnf(const char *path, struct sampling *s, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_LIMIT_GRAMMAR_BYTES);
    rc = wf_file_read(path, &text, err);
    if (rc == 0)
        rc = wf_grammar_from_gbnf(wf_buf_str(&text), &s->grammar, err);
    wf_buf_deinit(&text);
    return rc;
}

static int prepare(struct sampling *s, const char *model, struct wf_err *err)
{
    struct wf_runner_options o = {.n_context = s->n_max + 1, .n_batch = 1};
    int rc = wf_model_open(model, &s->model, err);

    if (rc == 0)
        rc = wf_model_pack(s->model, 0, err);
    if (rc == 0)
        rc = wf_vocab_open(wf_model_gguf(s->model), &s->vocab, err);
    if (rc == 0)
        rc = wf_token_trie_new(s->vocab, &s->trie, err);
    if (rc == 0)
        rc = wf_runner_new(s->model, &o, &s->runner, err);
    if (rc != 0)
        return rc;
    s->n_logits = wf_model_params(s->model)->n_vocab;
    s->n_words = WF_MAX(s->n_logits, wf_vocab_size(s->vocab)) / 32 + 1;
    s->logits = wf_alloc_array(s->n_logits, sizeof(*s->logits));
    s->allowed = wf_alloc_array(s->n_words, sizeof(*s->allowed));
    if (s->logits == NULL || s->allowed == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the logits."));
    return 0;
}

/* Tokens that the model does not compute cannot come; false: none can. */
static bool keep_computed(struct sampling *s)
{
    uint32_t any = 0;

    for (size_t i = s->n_logits; i < 32 * s->n_words; i++)
        s->allowed[i / 32] &= ~(UINT32_C(1) << i % 32);
    for (size_t i = 0; i < s->n_words; i++)
        any |= s->allowed[i];
    return any != 0;
}

/* One more token; *io_id is the last one. *out_done: the text is. */
static int step(struct sampling *s, struct text *t, int32_t *io_id, bool *out_done,
                struct wf_err *err)
{
    struct wf_batch_part part = {.seq = &t->seq, .ids = io_id, .n = 1, .n_logits = 1};
    int rc = wf_constraint_mask(t->constraint, s->n_max - t->n, s->allowed, err);

    *out_done = rc == 0 && !keep_computed(s);
    if (rc == 0 && !*out_done)
        rc = wf_runner_eval(s->runner, &part, 1, NULL, s->logits, err);
    if (rc != 0 || *out_done)
        return rc;
    *io_id = wf_sampler_pick(t->sampler, s->logits, s->allowed, 0, NULL);
    t->n++;
    *out_done = wf_vocab_is_end(s->vocab, *io_id);
    if (*out_done)
        return 0;
    rc = wf_sampler_accept(t->sampler, *io_id);
    if (rc != 0)
        return wf_err_set(err, rc, "%s", _("Not enough memory for the text."));
    rc = wf_constraint_accept(t->constraint, *io_id, err);
    if (rc == 0)
        rc = wf_vocab_decode(s->vocab, io_id, 1, true, &t->bytes, err);
    *out_done = t->n >= s->n_max || wf_constraint_must_end(t->constraint);
    return rc;
}

static int32_t first_token(const struct sampling *s)
{
    int32_t id = wf_vocab_bos(s->vocab);

    return id >= 0 && (size_t)id < s->n_logits ? id : 0;
}

static int write_text(struct sampling *s, struct text *t, struct wf_err *err)
{
    int32_t id = first_token(s);
    bool done = false;
    int rc = wf_seq_init(&t->seq, wf_runner_kv(s->runner), err);

    if (rc == 0)
        rc = wf_sampler_new(&s->settings, s->vocab, s->n_logits, &t->sampler, err);
    if (rc == 0)
        rc = wf_constraint_new(s->grammar, s->trie, &t->constraint, err);
    while (rc == 0 && !done)
        rc = step(s, t, &id, &done, err);
    return rc;
}

/* By the schema itself; of GBNF, whether the grammar takes the whole text. */
static int check(struct sampling *s, struct text *t, bool *out, struct wf_err *err)
{
    json_t *v;
    int rc = 0;

    *out = wf_constraint_may_end(t->constraint);
    if (s->schema == NULL)
        return 0;
    v = json_loadb(t->bytes.ptr, t->bytes.len,
                   JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    *out = false;
    if (v != NULL)
        rc = wf_schema_check(s->schema, v, out, err);
    json_decref(v);
    return rc;
}

static int print(const struct wf_cli *cli, const struct text *t, bool is_valid, struct wf_err *err)
{
    json_t *line;

    if (!cli->json) {
        (void)printf("%s\n", t->bytes.ptr);
        return 0;
    }
    line = json_pack("{s:o, s:I, s:b}", "text", json_stringn(t->bytes.ptr, t->bytes.len), "tokens",
                     (json_int_t)t->n, "valid", is_valid);
    if (line == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the text."));
    wf_cli_print_json(line);
    json_decref(line);
    return 0;
}

static int sample(const struct wf_cli *cli, struct sampling *s, struct wf_err *err)
{
    struct text t = {0};
    bool is_valid = false;
    int rc;

    wf_buf_init(&t.bytes, SIZE_MAX);
    rc = write_text(s, &t, err);
    if (rc == 0)
        rc = check(s, &t, &is_valid, err);
    if (rc == 0)
        rc = print(cli, &t, is_valid, err);
    wf_constraint_free(t.constraint);
    wf_sampler_free(t.sampler);
    wf_seq_deinit(&t.seq);
    wf_buf_deinit(&t.bytes);
    return rc;
}

static void close_all(struct sampling *s)
{
    wf_runner_free(s->runner);
    wf_grammar_unref(s->grammar);
    wf_token_trie_free(s->trie);
    wf_vocab_close(s->vocab);
    wf_model_close(s->model);
    json_decref(s->schema);
    wf_free(s->logits);
    wf_free(s->allowed);
}

int wf_cmd_sample(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft sample MODEL (--schema FILE | --grammar FILE) [-n N] [--seed N]\n"
          "                   [--max-tokens N] [--temperature T]\n\n"
          "Prints texts that a model writes when it may only write what validates against a JSON\n"
          "Schema, or what a grammar in GBNF takes; one a line, with --json as "
          "{\"text\",\"tokens\",\n"
          "\"valid\"}. Every text is whole within --max-tokens (512).");
    const char *schema = NULL, *gbnf = NULL, *temperature = NULL;
    int64_t n = 1, seed = 1, n_max = 512;
    double degrees = 1;
    const struct wf_option options[] = {
        {.name = "schema", .kind = WF_OPTION_TEXT, .out = &schema},
        {.name = "grammar", .kind = WF_OPTION_TEXT, .out = &gbnf},
        {.name = "temperature", .kind = WF_OPTION_TEXT, .out = &temperature},
        {.name = "count",
         .letter = 'n',
         .kind = WF_OPTION_NUMBER,
         .out = &n,
         .min = 1,
         .max = 1000000},
        {.name = "seed", .kind = WF_OPTION_NUMBER, .out = &seed, .min = 0, .max = INT64_MAX},
        {.name = "max-tokens", .kind = WF_OPTION_NUMBER, .out = &n_max, .min = 1, .max = 1000000},
        {0},
    };
    struct sampling s = {.settings = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || (schema == NULL) == (gbnf == NULL) ||
        (temperature != NULL && !wf_str_to_f64(wf_str_from(temperature), &degrees)))
        return wf_cli_usage(usage);
    s.n_max = (size_t)n_max;
    s.settings.temperature = (float)degrees;
    s.settings.top_k = 0;
    s.settings.top_p = 1;
    s.settings.min_p = 0;
    rc = schema != NULL ? read_schema(schema, &s, &err) : read_gbnf(gbnf, &s, &err);
    if (rc == 0)
        rc = prepare(&s, cli->args[0], &err);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        s.settings.seed = (uint64_t)seed + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
        rc = sample(cli, &s, &err);
    }
    close_all(&s);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
