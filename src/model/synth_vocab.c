/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary for models that know nothing: the 256 bytes, made-up words, control tokens, and a
 * chat template.
 *
 * Words are syllables (a consonant and a vowel) one behind the other, with or without a space in
 * front; each comes out of one merge of two tokens before it, so that any number of them can be
 * made and encoding has merging to do. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/pretokenizer.h"
#include "model/synth_internal.h"
#include "model/vocab.h"

static const char consonants[] = "bcdfghjklmnpqrstvwxyz";
static const char vowels[] = "aeiou";
#define N_SYLLABLES ((uint32_t)((sizeof(consonants) - 1) * (sizeof(vowels) - 1)))

/* The first begins texts where they are begun, the last ends them. */
static const char *const chat_controls[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
static const char *const lens_controls[] = {"<s>", "<mask>", "<q>", "<p>", "</s>"};

/* ChatML; tools as Hermes and Qwen have them. */
static const char chat_template[] =
    "{%- set start = '<|im_start|>' %}{% set end = '<|im_end|>\\n' %}\n"
    "{%- set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}\n"
    "{%- if tools %}\n"
    "    {{- start + 'system\\n' }}\n"
    "    {{- system + '\\n\\n' if system else '' }}\n"
    "    {{- 'These functions can be called:\\n<tools>' }}\n"
    "    {%- for tool in tools %}{{ '\\n' + (tool | tojson) }}{% endfor %}\n"
    "    {{- '\\n</tools>\\nA call is written like this:\\n<tool_call>\\n' }}\n"
    "    {{- '{\"name\": NAME, \"arguments\": OBJECT}\\n</tool_call>' + end }}\n"
    "{%- elif system %}\n"
    "    {{- start + 'system\\n' + system + end }}\n"
    "{%- endif %}\n"
    "{%- for message in messages %}\n"
    "    {%- set role = message['role'] %}\n"
    "    {%- if role == 'tool' %}\n"
    "        {{- start + 'user\\n<tool_response>\\n' + message['content'] }}\n"
    "        {{- '\\n</tool_response>' + end }}\n"
    "    {%- elif not (role == 'system' and loop.first) %}\n"
    "        {{- start + role + '\\n' + (message['content'] or '') }}\n"
    "        {%- for call in message['tool_calls'] or [] %}\n"
    "            {%- set f = call['function'] or call %}\n"
    "            {%- set arguments = f['arguments'] %}\n"
    "            {{- '\\n<tool_call>\\n{\"name\": ' + (f['name'] | tojson) }}\n"
    "            {{- ', \"arguments\": ' }}\n"
    "            {{- arguments if arguments is string else arguments | tojson }}\n"
    "            {{- '}\\n</tool_call>' }}\n"
    "        {%- endfor %}\n"
    "        {{- end }}\n"
    "    {%- endif %}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}{{ start + 'assistant\\n' }}{% endif %}";

/* A word is its first half, an earlier token, and one more piece. */
struct word {
    uint32_t left, right; /* ids; left == right == 0: a byte */
};

struct maker {
    struct word *words; /* [n] by id: bytes, then words */
    uint32_t n;         /* bytes and words; control tokens follow */
    const char *const *controls;
    uint32_t n_controls;
    struct wf_buf name;
    struct wf_buf joined;
};

static void append_byte(struct wf_buf *out, uint32_t byte)
{
    char c = (char)byte;

    (void)wf_alphabet_append(out, wf_str_n(&c, 1)); /* the caller asks for the status */
}

static void append_name(const struct maker *m, uint32_t id, struct wf_buf *out)
{
    uint32_t pieces[64], n = 0;

    for (; id >= 256; id = m->words[id].left) { /* the last piece first */
        assert(n < 62);
        if (m->words[id].right >= 256) {
            pieces[n++] = m->words[m->words[id].right].right;
            pieces[n++] = m->words[m->words[id].right].left;
        } else {
            pieces[n++] = m->words[id].right;
        }
    }
    append_byte(out, id);
    while (n > 0)
        append_byte(out, pieces[--n]);
}

/* Syllables, syllables behind a space, then every word so far with every syllable behind it. */
static void make_words(struct maker *m)
{
    uint32_t id = 256, n_vowels = sizeof(vowels) - 1;

    for (uint32_t i = 0; i < N_SYLLABLES && id < m->n; i++, id++)
        m->words[id] =
            (struct word){(uint8_t)consonants[i / n_vowels], (uint8_t)vowels[i % n_vowels]};
    for (uint32_t i = 0; i < N_SYLLABLES && id < m->n; i++, id++)
        m->words[id] = (struct word){' ', 256 + i};
    for (uint32_t left = 256; id < m->n; left++) {
        for (uint32_t i = 0; i < N_SYLLABLES && id < m->n; i++, id++)
            m->words[id] = (struct word){left, 256 + i};
    }
}

static void put_tokens(struct maker *m, struct wf_gguf_writer *w)
{
    wf_gguf_put_strings(w, "tokenizer.ggml.tokens", m->n + m->n_controls);
    for (uint32_t id = 0; id < m->n; id++) {
        wf_buf_reset(&m->name);
        append_name(m, id, &m->name);
        wf_gguf_item_put_string(w, wf_buf_str(&m->name));
    }
    for (uint32_t i = 0; i < m->n_controls; i++)
        wf_gguf_item_put_string(w, wf_str_from(m->controls[i]));
    wf_gguf_put_i32s(w, "tokenizer.ggml.token_type", m->n + m->n_controls);
    for (uint32_t id = 0; id < m->n + m->n_controls; id++)
        wf_gguf_item_put_i32(w, id < m->n ? WF_TOKEN_NORMAL : WF_TOKEN_CONTROL);
}

static void put_merges(struct maker *m, struct wf_gguf_writer *w)
{
    wf_gguf_put_strings(w, "tokenizer.ggml.merges", m->n - 256);
    for (uint32_t id = 256; id < m->n; id++) {
        wf_buf_reset(&m->joined);
        append_name(m, m->words[id].left, &m->joined);
        wf_buf_append_byte(&m->joined, ' ');
        append_name(m, m->words[id].right, &m->joined);
        wf_gguf_item_put_string(w, wf_buf_str(&m->joined));
    }
}

int wf_synth__vocab(struct wf_gguf_writer *w, uint32_t n_vocab, bool is_lens, struct wf_err *err)
{
    struct maker m = {.controls = is_lens ? lens_controls : chat_controls,
                      .n_controls = (uint32_t)(is_lens ? WF_ARRAY_LEN(lens_controls)
                                                       : WF_ARRAY_LEN(chat_controls))};
    int rc;

    m.n = n_vocab - m.n_controls;

    assert(n_vocab >= WF_SYNTH_VOCAB_MIN);
    m.words = wf_alloc_array(m.n, sizeof(*m.words));
    if (m.words == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a vocabulary.");
    wf_buf_init(&m.name, 4096);
    wf_buf_init(&m.joined, 4096);
    make_words(&m);
    wf_gguf_put_string(w, "tokenizer.ggml.model", WF_STR("gpt2"));
    wf_gguf_put_string(w, "tokenizer.ggml.pre", is_lens ? WF_STR("qwen2") : WF_STR("gpt-2"));
    put_tokens(&m, w);
    put_merges(&m, w);
    wf_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", m.n);
    wf_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", n_vocab - 1);
    wf_gguf_put_bool(w, "tokenizer.ggml.add_bos_token", false);
    if (!is_lens)
        wf_gguf_put_string(w, "tokenizer.chat_template", wf_str_from(chat_template));
    rc = wf_buf_status(&m.name) != 0 ? wf_buf_status(&m.name) : wf_buf_status(&m.joined);
    wf_buf_deinit(&m.name);
    wf_buf_deinit(&m.joined);
    wf_free(m.words);
    return rc == 0 ? 0 : wf_err_set(err, rc, "Not enough memory for a vocabulary.");
}
