/* SPDX-License-Identifier: Apache-2.0 */
/* GBNF of strangers: any bytes either compile or are refused, and what compiles can be written: a
 * mask always leaves a token, which is taken, until the text ends within its budget. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/written.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"ab", "12", "aaaa", "{\"", "\":", NULL};
    static struct byte_vocab vocab;
    struct wf_grammar *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_rng_seeded rng;
    struct wf_buf text;
    int rc;

    if (vocab.trie == NULL)
        byte_vocab_init(&vocab, words);
    rc = wf_grammar_from_gbnf(wf_str_n((const char *)data, size), &g, &err);
    assert(rc == 0 || err.msg[0] != 0);
    if (rc != 0)
        return 0;
    wf_rng_seeded_init(&rng, size);
    wf_buf_init(&text, SIZE_MAX);
    rc = written_text(g, &vocab, &rng.rng, 40, &text, &err);
    if (rc == WF_E_UNSUPPORTED) { /* one byte is no token, so that some texts cannot be written */
        assert(text.len == 0);
        wf_grammar_unref(g);
        return 0;
    }
    /* No text is so short, or it has too many readings. */
    assert(rc == 0 || (rc == WF_E_LIMIT && (text.len == 0 || strstr(err.msg, "ambiguous"))));
    assert(rc != 0 || written_accepts(g, &vocab, wf_buf_str(&text)));
    wf_buf_deinit(&text);
    wf_grammar_unref(g);
    return 0;
}
