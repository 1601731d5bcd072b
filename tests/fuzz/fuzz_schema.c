/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schemas of strangers: any bytes either compile or are refused, and what is written by the
 * grammar validates, as a reading of the schema says that knows nothing of grammars. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/schema.h"
#include "support/written.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const json_t *schema, struct wf_str text)
{
    json_t *v = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct wf_err err = WF_ERR_INIT;
    bool is_valid = false;
    int rc;

    assert(v != NULL);
    rc = wf_schema_check(schema, v, &is_valid, &err);
    if (rc == 0 && !is_valid)
        (void)fprintf(stderr, "wrote %.*s\n", WF_STR_ARG(text));
    assert(rc == WF_E_LIMIT || (rc == 0 && is_valid));
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"ab", "12", "aaaa", "{\"", "\":", NULL};
    static struct byte_vocab vocab;
    json_t *schema = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct wf_grammar *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_rng_seeded rng;
    struct wf_buf text;
    int rc;

    if (vocab.trie == NULL)
        byte_vocab_init(&vocab, words);
    if (schema == NULL)
        return 0;
    rc = wf_grammar_from_schema(schema, &g, &err);
    assert(rc == 0 || err.msg[0] != 0);
    wf_rng_seeded_init(&rng, size);
    for (int i = 0; i < 3 && rc == 0; i++) {
        wf_buf_init(&text, SIZE_MAX);
        rc = written_text(g, &vocab, &rng.rng, 60, &text, &err);
        if (rc == WF_E_UNSUPPORTED && text.len == 0)
            break; /* one byte is no token, so that some texts cannot be written */
        /* No text is so short, or it has too many readings. */
        assert(rc == 0 || (rc == WF_E_LIMIT && (text.len == 0 || strstr(err.msg, "ambiguous"))));
        if (rc == 0)
            check(schema, wf_buf_str(&text));
        wf_buf_deinit(&text);
    }
    wf_grammar_unref(g);
    json_decref(schema);
    return 0;
}
