/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of sources and their texts: the first part of the input (to the first NUL) is a list, the
 * rest what each source's files hold. No text that comes out is empty, or longer than its list can
 * make it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "train/corpus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_text(void *ud, const struct wf_corpus_text *t, struct wf_err *err)
{
    const size_t *size = ud;

    (void)err;
    /* a list may join a field to itself as often as it has bytes */
    assert(t->text.len > 0 && t->text.len <= *size * *size);
    assert(wf_str_trim(t->text).len == t->text.len);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *border = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = border != NULL ? (size_t)(border - data) : size;
    struct wf_err err = WF_ERR_INIT;
    struct wf_corpus *c = NULL;
    struct wf_str bytes = {0};

    if (wf_corpus_parse("list", wf_str_n((const char *)data, n), &c, &err) != 0) {
        assert(err.msg[0] != 0);
        return 0;
    }
    if (border != NULL)
        bytes = wf_str_n((const char *)border + 1, size - n - 1);
    for (size_t i = 0; i < wf_corpus_n_sources(c) && i < 4; i++) {
        struct wf_err why = WF_ERR_INIT;
        int rc = wf_corpus_read_bytes(wf_corpus_source(c, i), "x", bytes, on_text, &size, &why);
        assert((rc != 0) == (why.msg[0] != 0));
    }
    wf_corpus_free(c);
    return 0;
}
