/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars: what a mask costs at a vocabulary of 128,000 tokens, for several schemas, beside trying
 * the bytes of every token by themselves; and what compiling costs.
 *
 *   bench_grammar [TOKENS [STEPS]]
 *
 * Texts are drawn at random among the allowed tokens, which is harder than what a model writes:
 * every string is full of rare tokens. Must: the median under 1 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/grammar_internal.h"
#include "support/tiny_vocab.h"

#define TOKENS 128000
#define STEPS 3000
#define BUDGET 300
#define NAIVE_STEPS 12
#define MUST_MS 1.0

static const struct {
    const char *name, *schema;
} cases[] = {
    {"any value", "{}"},
    {"flat object",
     "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":"
     "\"integer\",\"minimum\":0,\"maximum\":150},\"email\":{\"type\":\"string\",\"format\":"
     "\"email\"},\"note\":{\"type\":\"string\",\"maxLength\":200}},\"required\":[\"name\",\"age\","
     "\"note\"],\"additionalProperties\":false}"},
    {"tool calls",
     "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"tool\":{\"const\":\"search\"},\"query\":{"
     "\"type\":\"string\"},\"limit\":{\"type\":\"integer\"}},\"required\":[\"tool\",\"query\"]},{"
     "\"type\":\"object\",\"properties\":{\"tool\":{\"const\":\"write\"},\"path\":{\"type\":"
     "\"string\",\"pattern\":\"^(/[a-z0-9_.-]+)+$\"},\"text\":{\"type\":\"string\"}},"
     "\"required\":[\"tool\",\"path\",\"text\"]}]}"},
    {"recursive tree",
     "{\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"value\":{\"type\":\"string\"},"
     "\"children\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/node\"},\"maxItems\":8}},"
     "\"required\":[\"value\",\"children\"]}},\"$ref\":\"#/$defs/node\"}"},
    {"array of enums and dates",
     "{\"type\":\"array\",\"minItems\":20,\"items\":{\"type\":\"object\",\"properties\":{\"day\":{"
     "\"type\":\"string\",\"format\":\"date\"},\"level\":{\"enum\":[\"low\",\"middle\",\"high\"]},"
     "\"score\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}},\"required\":[\"day\",\"level\","
     "\"score\"]}}"},
};

static const char gbnf[] =
    "root ::= object\n"
    "value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
    "object ::= \"{\" ( string \":\" ws value (\",\" ws string \":\" ws value)* )? \"}\"\n"
    "array ::= \"[\" ( value (\",\" ws value)* )? \"]\"\n"
    "string ::= \"\\\"\" ( [^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F]{4}) "
    ")* \"\\\"\"\n"
    "number ::= \"-\"? (\"0\" | [1-9] [0-9]{0,14}) (\".\" [0-9]{1,15})?\n"
    "ws ::= \" \"?\n";

struct bench {
    struct wf_vocab *vocab;
    struct wf_token_trie *trie;
    struct wf_rng_seeded rng;
    uint32_t *bits;
    double *ms;
    size_t n, n_max;
    bool fits;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int rc, const struct wf_err *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench_grammar: %s\n", err->msg);
    exit(1);
}

/* ---- a vocabulary like a real one: bytes, words, numbers, marks with quotes, other scripts ----
 */

static size_t append_word(struct wf_rng_seeded *r, char *out)
{
    static const char *const parts[] = {"an", "er", "in", "st", "on", "re", "th", "is", "lo", "ve",
                                        "qu", "ba", "mi", "ty", "ck", "ul", "dr", "Co", "Ma", "X"};
    size_t n = 0, count = 1 + (size_t)wf_rng_below(&r->rng, 4);

    if (wf_rng_below(&r->rng, 2) == 0) {
        memcpy(out, "\xc4\xa0", 2); /* a space, as GPT-2 names it */
        n = 2;
    }
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[wf_rng_below(&r->rng, WF_ARRAY_LEN(parts))];
        memcpy(out + n, part, strlen(part));
        n += strlen(part);
    }
    return n;
}

static size_t append_marks(struct wf_rng_seeded *r, char *out)
{
    static const char marks[] = "\"\"\"{}[]:,,.;()<>/\\=-_*'!?#0123456789";
    size_t n = 1 + (size_t)wf_rng_below(&r->rng, 4);

    for (size_t i = 0; i < n; i++)
        out[i] = marks[wf_rng_below(&r->rng, sizeof(marks) - 1)];
    return n;
}

/* Characters of three bytes, as GPT-2 names these: each byte by two. */
static size_t append_script(struct wf_rng_seeded *r, char *out)
{
    size_t n = 0, count = 1 + (size_t)wf_rng_below(&r->rng, 3);

    for (size_t i = 0; i < count; i++) {
        unsigned bytes[3] = {0xe4 + (unsigned)wf_rng_below(&r->rng, 5),
                             0xae + (unsigned)wf_rng_below(&r->rng, 16),
                             0xae + (unsigned)wf_rng_below(&r->rng, 16)};
        for (size_t k = 0; k < 3; k++) {
            out[n++] = (char)(0xc0 | bytes[k] >> 6);
            out[n++] = (char)(0x80 | (bytes[k] & 63));
        }
    }
    return n;
}

static size_t name_byte(unsigned b, char *out)
{
    unsigned next = 256;

    for (unsigned i = 0; i < b; i++)
        next += (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174 ? 0 : 1;
    if ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174)
        next = b;
    if (next < 128) {
        out[0] = (char)next;
        return 1;
    }
    out[0] = (char)(0xc0 | next >> 6);
    out[1] = (char)(0x80 | (next & 63));
    return 2;
}

static void build_vocab(struct bench *b, size_t n_tokens, struct wf_buf *file)
{
    struct tiny_token *tokens = wf_alloc_array(n_tokens + 2, sizeof(*tokens));
    char *names = wf_alloc(n_tokens * 32);
    static const char *const merges[] = {"a b", NULL};
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_rng_seeded r;
    double start;

    wf_rng_seeded_init(&r, 1);
    if (tokens == NULL || names == NULL)
        exit(1);
    for (size_t i = 0; i < n_tokens; i++) {
        char *name = names + i * 32;
        size_t n, kind = (size_t)wf_rng_below(&r.rng, 10);
        if (i < 256)
            n = name_byte((unsigned)i, name);
        else if (kind < 7)
            n = append_word(&r, name);
        else
            n = kind < 8 ? append_marks(&r, name) : append_script(&r, name);
        name[n] = 0;
        tokens[i] = (struct tiny_token){name, WF_TOKEN_NORMAL, 0};
    }
    tokens[n_tokens - 1] = (struct tiny_token){"<|im_end|>", WF_TOKEN_CONTROL, 0};
    wf_buf_init(file, SIZE_MAX);
    tiny_vocab_build("gpt2", "gpt-2", tokens, merges, file);
    must(wf_gguf_open_memory(file->ptr, file->len, &g, &err), &err);
    must(wf_vocab_open(g, &b->vocab, &err), &err);
    start = now_ms();
    must(wf_token_trie_new(b->vocab, &b->trie, &err), &err);
    printf("  %-28s %9.1f ms   %zu tokens, %zu nodes\n", "trie", now_ms() - start, n_tokens,
           b->trie->n);
    b->bits = wf_alloc_array(n_tokens / 32 + 1, sizeof(*b->bits));
    wf_free(tokens);
    wf_free(names);
}

/* ---- masks ---- */

static int32_t draw(struct bench *b)
{
    size_t n = 0, n_vocab = wf_vocab_size(b->vocab), left;

    for (size_t i = 0; i < (n_vocab + 31) / 32; i++)
        n += (size_t)__builtin_popcount(b->bits[i]);
    left = (size_t)wf_rng_below(&b->rng.rng, n);
    for (size_t i = 0; i < (n_vocab + 31) / 32; i++) {
        size_t here = (size_t)__builtin_popcount(b->bits[i]);
        if (left >= here) {
            left -= here;
            continue;
        }
        for (size_t k = 0; k < 32; k++) {
            if ((b->bits[i] >> k & 1) != 0 && left-- == 0)
                return (int32_t)(i * 32 + k);
        }
    }
    return -1;
}

static void write_one(struct bench *b, struct wf_grammar *g)
{
    struct wf_constraint *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    size_t left = BUDGET;

    must(wf_constraint_new(g, b->trie, &c, &err), &err);
    for (; left > 0 && b->n < b->n_max; left--) {
        double start = now_ms();
        int rc = wf_constraint_mask(c, left, b->bits, &err);
        int32_t id;
        b->ms[b->n++] = now_ms() - start;
        if (rc == WF_E_LIMIT && left == BUDGET) {
            left *= 4;
            continue;
        }
        must(rc, &err);
        id = draw(b);
        must(wf_constraint_accept(c, id, &err), &err);
        if (wf_vocab_is_end(b->vocab, id))
            break;
    }
    wf_constraint_free(c);
}

/* Every token's bytes from where the text is, one token after another. */
static double naive(struct bench *b, struct wf_grammar *g)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_g_plan *plan = NULL;
    struct wf_walker w;
    uint32_t state = 0;
    double sum = 0;

    must(wf_grammar__plan(g, b->trie, &plan, &err), &err);
    wf_walker_init(&w, g, plan->dist, plan->need);
    must(wf_walker_start(&w, g->root, &state), &err);
    for (size_t i = 0; i < NAIVE_STEPS; i++) {
        size_t n_words = (wf_vocab_size(b->vocab) + 31) / 32;
        double start = now_ms();
        memset(b->bits, 0, n_words * sizeof(*b->bits));
        for (int32_t id = 0; (size_t)id < wf_vocab_size(b->vocab); id++) {
            struct wf_str s = wf_vocab_bytes(b->vocab, id);
            uint32_t to = state;
            for (size_t k = 0; k < s.len && to != 0; k++)
                must(wf_walker_step(&w, to, (uint8_t)s.ptr[k], &to), &err);
            if (to != 0 && s.len > 0)
                b->bits[id / 32] |= UINT32_C(1) << id % 32;
        }
        sum += now_ms() - start;
        struct wf_str s = wf_vocab_bytes(b->vocab, draw(b));
        for (size_t k = 0; k < s.len; k++)
            must(wf_walker_step(&w, state, (uint8_t)s.ptr[k], &state), &err);
        if (w.states[state].n_configs == 0)
            must(wf_walker_start(&w, g->root, &state), &err);
    }
    wf_walker_deinit(&w);
    wf_plan_unref(plan);
    return sum / NAIVE_STEPS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void run(struct bench *b, const char *name, struct wf_grammar *g, double compile_ms)
{
    double floor_ms = naive(b, g), median;

    b->n = 0;
    while (b->n < b->n_max)
        write_one(b, g);
    qsort(b->ms, b->n, sizeof(*b->ms), compare);
    median = b->ms[b->n / 2];
    b->fits &= median < MUST_MS;
    printf("  %-28s %9.1f %9.4f %9.3f %9.2f %9.2f\n", name, compile_ms, median,
           b->ms[b->n * 99 / 100], b->ms[b->n - 1], floor_ms);
    wf_grammar_unref(g);
}

int main(int argc, char **argv)
{
    struct bench b = {.fits = true};
    struct wf_err err = WF_ERR_INIT;
    struct wf_grammar *g = NULL;
    struct wf_buf file;
    double start;

    b.n_max = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : STEPS;
    b.ms = wf_alloc_array(b.n_max + 1, sizeof(*b.ms));
    wf_rng_seeded_init(&b.rng, 3);
    printf("grammar: masks of tokens\n");
    build_vocab(&b, argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : TOKENS, &file);
    printf("  %-28s %9s %9s %9s %9s %9s\n", "ms", "compile", "median", "p99", "max", "naive");
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        json_t *schema = json_loads(cases[i].schema, 0, NULL);
        start = now_ms();
        must(wf_grammar_from_schema(schema, &g, &err), &err);
        run(&b, cases[i].name, g, now_ms() - start);
        json_decref(schema);
    }
    start = now_ms();
    must(wf_grammar_from_gbnf(wf_str_from(gbnf), &g, &err), &err);
    run(&b, "JSON in GBNF", g, now_ms() - start);
    printf("  must: median under %.0f ms: %s\n", MUST_MS, b.fits ? "yes" : "NO");
    return b.fits ? 0 : 1;
}
