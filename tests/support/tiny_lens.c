/* SPDX-License-Identifier: Apache-2.0 */
/* Tiny lenses, see the header. The file is written as any other and read back. Matrices are Q4_0,
 * which holds ones and zeros to a thousandth. */
#include "support/tiny_lens.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/dtype.h"
#include "model/gguf_write.h"
#include "model/lens_answer.h"
#include "model/lens_grams.h"
#include "model/lens_linear.h"
#include "model/lens_match.h"
#include "model/vocab.h"
#include "os/file.h"

#define DIM TINY_LENS_DIM
#define FF 64
#define N_WORDS 3
#define TENSORS_MAX 40
#define ROW_MAX 256

static const char *const controls[] = {"<s>", "</s>", "<mask>", "<q>", "<p>"};
static const char *const words[N_WORDS] = {"an", "\u0120an", "na"};
static const char *const merges[N_WORDS] = {"a n", "\u0120 an", "n a"};
#define N_CONTROLS (sizeof(controls) / sizeof(controls[0]))
#define N_VOCAB (N_CONTROLS + 256 + N_WORDS)

struct tensor {
    const char *name;
    uint64_t rows, cols; /* rows 0: a vector */
    int at;              /* of a head: its first value; -1: random */
};

struct builder {
    struct wf_gguf_writer *w;
    unsigned with;
    struct tensor tensors[TENSORS_MAX];
    size_t n;
};

/* GPT-2's name of a byte. */
static void put_byte(struct wf_gguf_writer *w, int byte)
{
    int n = 256, c = byte;
    char name[4];

    for (int i = 0; i <= byte; i++) {
        bool is_shown = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174;
        c = is_shown ? i : n++;
    }
    if (c < 128)
        (void)snprintf(name, sizeof(name), "%c", c);
    else
        (void)snprintf(name, sizeof(name), "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
    wf_gguf_item_put_string(w, wf_str_from(name));
}

static void put_vocab(struct builder *b)
{
    struct wf_gguf_writer *w = b->w;

    wf_gguf_put_string(w, "tokenizer.ggml.model", WF_STR("gpt2"));
    wf_gguf_put_string(w, "tokenizer.ggml.pre", WF_STR("qwen2"));
    wf_gguf_put_strings(w, "tokenizer.ggml.tokens", N_VOCAB);
    for (size_t i = 0; i < N_CONTROLS; i++)
        wf_gguf_item_put_string(w, (b->with & TINY_LENS_NO_CONTROL) != 0 && i == 3
                                       ? WF_STR("<r>")
                                       : wf_str_from(controls[i]));
    for (int i = 0; i < 256; i++) {
        if ((b->with & TINY_LENS_NO_BYTE) != 0 && i == 'z')
            wf_gguf_item_put_string(w, WF_STR("no"));
        else
            put_byte(w, i);
    }
    for (size_t i = 0; i < N_WORDS; i++)
        wf_gguf_item_put_string(w, wf_str_from(words[i]));
    wf_gguf_put_i32s(w, "tokenizer.ggml.token_type", N_VOCAB);
    for (size_t i = 0; i < N_VOCAB; i++)
        wf_gguf_item_put_i32(w, i < N_CONTROLS ? WF_TOKEN_CONTROL : WF_TOKEN_NORMAL);
    wf_gguf_put_strings(w, "tokenizer.ggml.merges", N_WORDS);
    for (size_t i = 0; i < N_WORDS; i++)
        wf_gguf_item_put_string(w, wf_str_from(merges[i]));
}

static void put_params(struct builder *b)
{
    static const struct {
        const char *key;
        uint32_t v;
    } numbers[] = {
        {"lens.block_count", 1},          {"lens.context_length", TINY_LENS_CONTEXT},
        {"lens.embedding_length", DIM},   {"lens.feed_forward_length", FF},
        {"lens.attention.head_count", 2}, {"lens.attention.head_count_kv", 2},
    };

    wf_gguf_put_string(b->w, "general.architecture", WF_STR("lens"));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        wf_gguf_put_u32(b->w, numbers[i].key, numbers[i].v);
    wf_gguf_put_f32(b->w, "lens.attention.layer_norm_rms_epsilon", 1e-5f);
    wf_gguf_put_f32(b->w, "lens.rope.freq_base", 10000.0f);
    if ((b->with & TINY_LENS_SEARCH) != 0) {
        wf_gguf_put_f32(b->w, "lens.search.similarity", 7.0f);
        wf_gguf_put_f32(b->w, "lens.search.answers", 0.5f);
        wf_gguf_put_f32(b->w, "lens.search.span", 1e30f); /* too much */
    }
    wf_gguf_put_u32(b->w, "lens.window",
                    (b->with & TINY_LENS_BAD_WINDOW) != 0 ? TINY_LENS_CONTEXT + 1 : 32);
    wf_gguf_put_string(b->w, "lens.version", WF_STR("tiny"));
    wf_gguf_put_strings(b->w, "lens.card", 1);
    wf_gguf_item_put_string(b->w, WF_STR("entities: F1 0.0"));
    if ((b->with & TINY_LENS_MARKS) != 0)
        wf_gguf_put_bool(b->w, "lens.embedding.marks", true);
}

static const struct wf_dtype *type_of(const struct tensor *t)
{
    return wf_dtype_by_id(t->rows > 0 && t->cols % 32 == 0 ? WF_DTYPE_Q4_0 : WF_DTYPE_F32);
}

static void add(struct builder *b, const char *name, uint64_t rows, uint64_t cols, int at)
{
    uint64_t dims[2] = {cols, rows};

    assert(b->n < TENSORS_MAX);
    b->tensors[b->n++] = (struct tensor){name, rows, cols, at};
    wf_gguf_put_tensor(b->w, wf_str_from(name), type_of(&b->tensors[b->n - 1]), rows > 0 ? 2 : 1,
                       dims);
}

/* A head that looks at the values from `at` on, and its labels. */
static void add_head(struct builder *b, const char *name, const char *const *labels, size_t n,
                     int at)
{
    static char names[16][64];
    static size_t i_name;
    char *full = names[i_name++ % 16];
    bool is_entity = strcmp(name, "entity") == 0;

    if ((b->with & TINY_LENS_NO_HEADS) != 0)
        return;
    (void)snprintf(full, 64, "lens.%s.weight", name);
    add(b, full, n, (b->with & TINY_LENS_BAD_SHAPE) != 0 && is_entity ? DIM / 2 : DIM, at);
    if (labels == NULL)
        return;
    char key[64];
    bool is_short = (b->with & TINY_LENS_FEW_LABELS) != 0 && is_entity;
    (void)snprintf(key, sizeof(key), "lens.%s.labels", name);
    wf_gguf_put_strings(b->w, key, is_short ? n - 1 : n);
    for (size_t i = 0; i < (is_short ? n - 1 : n); i++) {
        struct wf_str label = wf_str_from(labels[i]);
        if ((b->with & TINY_LENS_BAD_TAG) != 0 && is_entity && i == 1)
            label = WF_STR("X-person");
        if ((b->with & TINY_LENS_BAD_LABEL) != 0 && is_entity && i == 1)
            label = WF_STR("B-\xff");
        wf_gguf_item_put_string(b->w, label);
    }
}

static int by_gram(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Four bytes a number, the first the lowest; the last one is filled up with 0. */
static void put_bytes(struct wf_gguf_writer *w, const char *key, const struct wf_buf *b)
{
    wf_gguf_put_i32s(w, key, (b->len + 3) / 4);
    for (size_t i = 0; i < b->len; i += 4) {
        uint32_t v = 0;
        for (size_t k = i; k < b->len && k < i + 4; k++)
            v |= (uint32_t)(unsigned char)b->ptr[k] << 8 * (k - i);
        wf_gguf_item_put_i32(w, (int32_t)v);
    }
}

/* A linear judge of the set "weft", see the header. */
static void add_linear(struct builder *b)
{
    static const char *const labels[] = {"add", "remove", "oos"};
    struct wf_lens_grams g;
    struct wf_buf grams, weights;
    uint32_t last = 0;

    wf_buf_init(&grams, 1u << 16);
    wf_buf_init(&weights, 1u << 16);
    wf_lens_grams(WF_STR("an milk"), &g);
    qsort(g.items, g.n, sizeof(g.items[0]), by_gram);
    for (size_t i = 0; i < g.n; i++) {
        uint32_t more = g.items[i] - last;
        for (; more >= 0x80; more >>= 7)
            (void)wf_buf_append_byte(&grams, (char)(more | 0x80));
        (void)wf_buf_append_byte(&grams, (char)more);
        (void)wf_buf_append_byte(&grams, 1 << 1 | 1); /* label 1 alone */
        (void)wf_buf_append_byte(&weights, (char)0xff);
        last = g.items[i];
    }
    put_bytes(b->w, "lens.intent.weft.linear.grams", &grams);
    put_bytes(b->w, "lens.intent.weft.linear.weights", &weights);
    wf_gguf_put_u32(b->w, "lens.intent.weft.linear.n_grams", (uint32_t)g.n);
    wf_gguf_put_u32(b->w, "lens.intent.weft.linear.n_entries",
                    (uint32_t)g.n + ((b->with & TINY_LENS_BAD_LINEAR) != 0));
    wf_gguf_put_f32(b->w, "lens.intent.weft.linear.scale", TINY_LENS_LINEAR_SCALE);
    add(b, "lens.intent.weft.linear.levels", 0, WF_LENS_LINEAR_LEVELS, -3);
    add(b, "lens.intent.weft.linear.biases", 0, 3, -3);
    if ((b->with & TINY_LENS_NO_HEADS) != 0) {
        wf_gguf_put_strings(b->w, "lens.intent.weft.labels", 3);
        for (size_t i = 0; i < 3; i++)
            wf_gguf_item_put_string(b->w, wf_str_from(labels[i]));
    }
    wf_buf_deinit(&grams);
    wf_buf_deinit(&weights);
}

static void add_heads(struct builder *b)
{
    static const char *const tags[] = {"O",        "B-person", "I-person", "B-place", "I-place",
                                       "L-person", "U-person", "L-place",  "U-place"};
    static const char *const labels[] = {"health", "money", "law"};
    static const char *const intents[] = {"add", "remove", "oos"};
    static const char *const slots[] = {"O", "B-date", "I-date"};
    size_t n = (b->with & TINY_LENS_BILOU) != 0 ? 9 : 5;

    add_head(b, "entity", tags, n, TINY_LENS_ENTITY);
    if ((b->with & TINY_LENS_TRANSITIONS) != 0)
        add(b, "lens.entity.transitions", n, n, -2);
    add_head(b, "sensitivity", labels, 3, TINY_LENS_SENSITIVITY);
    if ((b->with & TINY_LENS_MEANS) != 0)
        wf_gguf_put_string(b->w, "lens.sensitivity.pool", WF_STR("mean"));
    add_head(b, "intent.weft", intents, 3, TINY_LENS_INTENT);
    add_head(b, "slot.weft", slots, 3, TINY_LENS_SLOT);
    add_head(b, "salience", NULL, 1, TINY_LENS_SALIENCE);
    add_head(b, "span", NULL, 2, TINY_LENS_SPAN);
    add_head(b, "sentence", NULL, 1, TINY_LENS_SENTENCE);
    add_head(b, "embedding", NULL, 256, 0);
    if ((b->with & TINY_LENS_WITH_NONE) != 0)
        add_head(b, "none", NULL, 1, TINY_LENS_NONE);
    if ((b->with & TINY_LENS_MATCH) != 0) {
        add(b, "lens.span.match", WF_LENS_MATCH_BITS, DIM, -1);
        wf_gguf_put_u32(b->w, "lens.span.match.edition",
                        WF_LENS_MATCH_EDITION + ((b->with & TINY_LENS_BAD_EDITION) != 0));
        wf_gguf_put_f32(b->w, "lens.span.rerank", 2.0f);
    }
    if ((b->with & TINY_LENS_LINEAR) != 0)
        add_linear(b);
    if ((b->with & TINY_LENS_ANSWER) != 0) {
        add(b, "lens.answer.sentence", 0, WF_LENS_ANSWER_S_COUNT, -5);
        add(b, "lens.answer.clues", 0, WF_LENS_CLUE_COUNT, -7);
        if ((b->with & TINY_LENS_HALF_ANSWER) == 0)
            add(b, "lens.answer.none", 0, WF_LENS_ANSWER_N_COUNT, -6);
        wf_gguf_put_u32(b->w, "lens.answer.edition",
                        WF_LENS_ANSWER_EDITION + ((b->with & TINY_LENS_BAD_ANSWER) != 0));
    }
    wf_gguf_put_f32(b->w, "lens.intent.weft.threshold", 0.5f);
}

static void add_encoder(struct builder *b)
{
    add(b, "token_embd.weight", N_VOCAB, DIM, -1);
    add(b, "output_norm.weight", 0, DIM, -1);
    add(b, "blk.0.attn_norm.weight", 0, DIM, -1);
    add(b, "blk.0.attn_q.weight", DIM, DIM, -1);
    add(b, "blk.0.attn_k.weight", DIM, DIM, -1);
    add(b, "blk.0.attn_v.weight", DIM, DIM, -1);
    add(b, "blk.0.attn_output.weight", DIM, DIM, -1);
    add(b, "blk.0.ffn_norm.weight", 0, DIM, -1);
    add(b, "blk.0.ffn_gate.weight", FF, DIM, -1);
    add(b, "blk.0.ffn_up.weight", FF, DIM, -1);
    add(b, "blk.0.ffn_down.weight", DIM, FF, -1);
}

static float value_of(const struct tensor *t, uint64_t row, uint64_t col, uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    if (t->at == -2) /* transitions: from O to B-person */
        return row == 0 && col == 1 ? -5.0f : 0.0f;
    if (t->at == -3) /* levels: the last is 1 */
        return col == WF_LENS_LINEAR_LEVELS - 1 ? 1.0f : 0.0f;
    if (t->at == -5)
        return col == WF_LENS_ANSWER_S_CLUES ? 3.0f : 0.0f;
    if (t->at == -7)
        return col == WF_LENS_CLUE_COVER ? 3.0f : 0.0f;
    if (t->at == -6) /* a name that the text lacks is worth six, nothing else anything */
        return col == WF_LENS_ANSWER_N_NAMES ? 6.0f : col == WF_LENS_ANSWER_N_ONE ? -3.0f : 0.0f;
    if (t->at >= 0)
        return col == ((uint64_t)t->at + row) % DIM ? 1.0f : 0.0f;
    return (float)((int32_t)(*state >> 40) - (1 << 23)) * 0x1p-23f * (t->rows > 0 ? 0.2f : 1.0f);
}

static void write_tensors(struct builder *b)
{
    uint64_t state = 1;

    for (size_t i = 0; i < b->n; i++) {
        const struct tensor *t = &b->tensors[i];
        for (uint64_t r = 0; r < (t->rows > 0 ? t->rows : 1); r++) {
            float row[ROW_MAX], packed[ROW_MAX];
            int rc;
            for (uint64_t c = 0; c < t->cols; c++)
                row[c] = value_of(t, r, c, &state);
            type_of(t)->pack(row, packed, (size_t)t->cols);
            rc = wf_gguf_writer_write(b->w, packed, wf_dtype_bytes(type_of(t), (size_t)t->cols),
                                      NULL);
            assert(rc == 0);
            (void)rc;
        }
    }
}

void tiny_lens_build(unsigned with, struct wf_buf *out)
{
    char dir[] = "/tmp/weft-tiny-lens-XXXXXX", path[64];
    struct builder b = {.with = with};
    struct wf_buf file;
    int rc = mkdtemp(dir) == NULL;

    assert(rc == 0);
    (void)snprintf(path, sizeof(path), "%s/lens.gguf", dir);
    rc = wf_gguf_writer_new(path, &b.w, NULL);
    assert(rc == 0);
    put_params(&b);
    put_vocab(&b);
    add_encoder(&b);
    add_heads(&b);
    rc = wf_gguf_writer_begin(b.w, NULL);
    assert(rc == 0);
    write_tensors(&b);
    rc = wf_gguf_writer_finish(b.w, NULL);
    assert(rc == 0);
    wf_gguf_writer_free(b.w);
    wf_buf_init(&file, 8u << 20);
    rc = wf_file_read(path, &file, NULL);
    assert(rc == 0);
    rc = wf_buf_append_str(out, wf_buf_str(&file));
    assert(rc == 0);
    wf_buf_deinit(&file);
    rc = unlink(path) != 0 || rmdir(dir) != 0;
    assert(rc == 0);
    (void)rc;
}
