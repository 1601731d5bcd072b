/* SPDX-License-Identifier: Apache-2.0 */
/* The card of a lens file. Figures are measured with the file as it is shipped, so they come into
 * it last. */
#include "train/card.h"

#include "base/limits.h"
#include "model/gguf_write.h"
#include "model/vocab_pieces.h"
#include "text/utf8.h"

/* What is not taken from the other file as it stands: the vocabulary is put in pieces. */
static const char *const own[] = {"lens.version", "lens.card", "tokenizer.", NULL};

static void put_card(struct wf_gguf_writer *w, struct wf_str version, struct wf_str text, size_t n)
{
    struct wf_str line;

    wf_gguf_put_string(w, "lens.version", version);
    wf_gguf_put_strings(w, "lens.card", n);
    while (wf_str_line(&text, &line))
        if (wf_str_trim(line).len > 0)
            wf_gguf_item_put_string(w, wf_str_trim(line));
}

int wf_card_write(const struct wf_gguf *into, struct wf_str version, struct wf_str text,
                  const char *path, struct wf_err *err)
{
    struct wf_gguf_writer *w = NULL;
    struct wf_str rest = text, line;
    size_t n = 0;
    int rc;

    if (version.len == 0 || wf_utf8_valid_prefix(version) < version.len ||
        wf_utf8_valid_prefix(text) < text.len)
        return wf_err_set(err, WF_E_INVAL, "A card is UTF-8 and has a version.");
    while (wf_str_line(&rest, &line))
        n += wf_str_trim(line).len > 0;
    if (n > WF_LIMIT_LENS_CARD)
        return wf_err_set(err, WF_E_LIMIT, "A card has at most %d lines.", WF_LIMIT_LENS_CARD);
    rc = wf_gguf_writer_new(path, &w, err);
    if (rc != 0)
        return rc;
    wf_gguf_put_others(w, into, own);
    put_card(w, version, text, n);
    rc = wf_vocab_put(w, into, true, err);
    if (rc == 0)
        rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_write_others(w, into, own, err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}
