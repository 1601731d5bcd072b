/* SPDX-License-Identifier: Apache-2.0 */
/* Byte vocabularies, see the header. */
#include "support/byte_vocab.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/tiny_vocab.h"

/* GPT-2's name of a byte. */
static void name_byte(int b, char out[4])
{
    int next = 256;

    for (int i = 0; i < b; i++)
        next += (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174 ? 0 : 1;
    if ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174)
        next = b;
    if (next < 128)
        (void)snprintf(out, 4, "%c", next);
    else
        (void)snprintf(out, 4, "%c%c", 0xc0 | next >> 6, 0x80 | (next & 63));
}

void byte_vocab_init(struct byte_vocab *v, const char *const *words)
{
    static const char *const merges[] = {"a b", NULL};
    static char names[256][4];
    struct tiny_token *tokens;
    struct wf_err err = WF_ERR_INIT;
    size_t n_words = 0, n = 256;
    int rc;

    while (words != NULL && words[n_words] != NULL)
        n_words++;
    tokens = wf_alloc_array(n + n_words + 4, sizeof(*tokens));
    assert(tokens != NULL);
    for (int b = 0; b < 256; b++) {
        name_byte(b, names[b]);
        tokens[b] = (struct tiny_token){names[b], WF_TOKEN_NORMAL, 0};
    }
    for (size_t i = 0; i < n_words; i++)
        tokens[n++] = (struct tiny_token){words[i], WF_TOKEN_NORMAL, 0};
    tokens[n++] = (struct tiny_token){"<|tool|>", WF_TOKEN_CONTROL, 0};
    tokens[n++] = (struct tiny_token){"<|im_end|>", WF_TOKEN_CONTROL, 0};
    wf_buf_init(&v->file, SIZE_MAX);
    tiny_vocab_build("gpt2", "gpt-2", tokens, merges, &v->file);
    rc = wf_gguf_open_memory(v->file.ptr, v->file.len, &v->gguf, &err);
    rc = rc == 0 ? wf_vocab_open(v->gguf, &v->vocab, &err) : rc;
    rc = rc == 0 ? wf_token_trie_new(v->vocab, &v->trie, &err) : rc;
    if (rc != 0)
        (void)fprintf(stderr, "byte_vocab: %s\n", err.msg);
    assert(rc == 0);
    v->end = wf_vocab_find(v->vocab, WF_STR("<|im_end|>"));
    v->control = wf_vocab_find(v->vocab, WF_STR("<|tool|>"));
    assert(wf_vocab_is_end(v->vocab, v->end));
    wf_free(tokens);
}

void byte_vocab_deinit(struct byte_vocab *v)
{
    wf_token_trie_free(v->trie);
    wf_vocab_close(v->vocab);
    wf_gguf_close(v->gguf);
    wf_buf_deinit(&v->file);
}
