/* SPDX-License-Identifier: Apache-2.0 */
/* What a synthetic lens has beside its encoder: heads of the real ones' sizes, with made-up labels
 * where these do not matter. */
#include "base/str.h"
#include "model/synth_internal.h"

static const char *const types[] = {
    "person", "organisation", "place", "date",    "amount", "address", "health",
    "email",  "phone",        "id",    "product", "work",   "group",
};

struct head {
    const char *name;
    uint32_t n;  /* rows; of tags: 1 + 2 * types */
    char labels; /* 't' tags of the types above, 'n' numbered, 0 none */
};

static const struct head heads[] = {
    {"embedding", 256, 0},
    {"entity", 1 + 2 * WF_ARRAY_LEN(types), 't'},
    {"intent.clinc150", 151, 'n'},
    {"intent.banking77", 77, 'n'},
    {"intent.hwu64", 64, 'n'},
    {"intent.weft", 40, 'n'},
    {"slot.weft", 1 + 2 * 5, 't'},
    {"sensitivity", 10, 'n'},
    {"salience", 1, 0},
    {"span", 2, 0},
    {"sentence", 1, 0},
};

bool wf_synth__lens_head(size_t i, char out_name[WF_SYNTH_NAME_BYTES], uint32_t *out_n)
{
    if (i >= WF_ARRAY_LEN(heads))
        return false;
    (void)snprintf(out_name, WF_SYNTH_NAME_BYTES, "lens.%s.weight", heads[i].name);
    *out_n = heads[i].n;
    return true;
}

void wf_synth__lens_labels(struct wf_gguf_writer *w)
{
    char text[64];

    for (size_t i = 0; i < WF_ARRAY_LEN(heads); i++) {
        const struct head *h = &heads[i];
        if (h->labels == 0)
            continue;
        (void)snprintf(text, sizeof(text), "lens.%s.labels", h->name);
        wf_gguf_put_strings(w, text, h->n);
        for (uint32_t k = 0; k < h->n; k++) {
            if (h->labels == 'n')
                (void)snprintf(text, sizeof(text), "label-%u", k + 1);
            else if (k == 0)
                (void)snprintf(text, sizeof(text), "O");
            else
                (void)snprintf(text, sizeof(text), "%c-%s", k % 2 == 1 ? 'B' : 'I',
                               types[(k - 1) / 2]);
            wf_gguf_item_put_string(w, wf_str_from(text));
        }
    }
    wf_gguf_put_f32(w, "lens.intent.clinc150.threshold", 0.02f);
    wf_gguf_put_string(w, "lens.intent.clinc150.outside", WF_STR("label-151"));
    wf_gguf_put_string(w, "lens.version", WF_STR("random"));
}
