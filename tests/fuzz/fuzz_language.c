/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of languages: any file is refused with a reason, or says something of any text. The input
 * is a text, NUL, and a GGUF file. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "model/lens_language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, 0, size);
    size_t n_text = nul != NULL ? (size_t)(nul - data) : size;
    size_t from = nul != NULL ? n_text + 1 : size;
    struct wf_lens_language_guess best[3];
    float logits[WF_LENS_LANGUAGES_MAX];
    struct wf_lens_language *l = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;

    if (wf_gguf_open_memory(data + from, size - from, &g, &err) != 0)
        return 0;
    if (wf_lens_language_open(g, &l, &err) == 0) {
        size_t n = wf_lens_language_n(l);
        (void)wf_lens_language_score(l, wf_str_n((const char *)data, n_text), logits);
        n = wf_lens_language_best(logits, n, best, 3);
        assert(n > 0 && best[0].probability > 0 && best[0].probability <= 1);
        assert(wf_lens_language_label(l, best[0].label).len > 0);
    } else {
        assert(err.msg[0] != 0);
    }
    wf_lens_language_close(l);
    wf_gguf_close(g);
    return 0;
}
