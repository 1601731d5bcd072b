/* SPDX-License-Identifier: Apache-2.0 */
/* Tagged texts: chooses the reader of a form, and what all of them do with a text at its end. */
#include "train/data_tagged.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "train/data_tagged_internal.h"

int wf_data__give_tagged(struct wf_data__tagged *r, struct wf_str text, uint32_t known,
                         struct wf_str key)
{
    struct wf_data_tagged t = {.text = text, .known = known, .key = key.len > 0 ? key : text};

    if (text.len == 0)
        return 0;
    wf_data__sort_spans(&r->spans);
    t.spans = r->spans.ptr;
    t.n_spans = r->spans.n;
    return r->fn(r->ud, &t, r->err);
}

int wf_data_tagged_read_lines(struct wf_lines *l, const struct wf_data_tagged_options *o,
                              wf_data_tagged_fn fn, void *ud, struct wf_err *err)
{
    struct wf_data__tagged r = {.l = l, .o = o, .fn = fn, .ud = ud, .err = err};
    int rc = 0;

    wf_buf_init(&r.text, WF_LIMIT_CORPUS_LINE_BYTES);
    switch (o->form) {
    case WF_DATA_CONLL:
    case WF_DATA_IOB2:
    case WF_DATA_CONLLU:
        rc = wf_data__read_columns(&r);
        break;
    case WF_DATA_PRESIDIO:
        rc = wf_data__read_presidio(&r);
        break;
    case WF_DATA_RECOGNIZERS:
        rc = wf_data__read_recognizers(&r);
        break;
    case WF_DATA_ADDRESS:
        rc = wf_data__read_addresses(&r);
        break;
    }
    wf_buf_deinit(&r.text);
    wf_free(r.spans.ptr);
    return rc;
}

int wf_data_tagged_read(const char *path, const struct wf_data_tagged_options *o,
                        wf_data_tagged_fn fn, void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_tagged_read_lines(l, o, fn, ud, err);
    wf_lines_close(l);
    return rc;
}
