/* SPDX-License-Identifier: Apache-2.0 */
/* What models write, in every dialect: the first byte chooses the dialect, the second how the text
 * is cut, and whether there are tools. Whole and cut it must read the same; without tools nothing
 * is a call; arguments of a call that another follows are JSON. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "model/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct notes {
    struct wf_buf out;
    int kind;
    size_t n_calls;
};

static int on_part(void *ud, const struct wf_part *p)
{
    struct notes *n = ud;

    if (p->kind == WF_PART_CALL)
        assert(p->i_call == n->n_calls++ && p->id[0] != 0);
    if (p->kind == WF_PART_ARGUMENTS)
        assert(p->i_call + 1 == n->n_calls && n->kind >= WF_PART_CALL);
    if ((int)p->kind != n->kind)
        (void)wf_buf_appendf(&n->out, "%c", "TRCA"[p->kind]);
    n->kind = (int)p->kind;
    (void)wf_buf_append_str(&n->out, p->name);
    (void)wf_buf_append_str(&n->out, p->text);
    return 0;
}

static void read_all(const struct wf_dialect *d, const json_t *tools, bool thinks,
                     struct wf_str text, size_t piece, struct notes *out)
{
    struct wf_dialect_reader *r = NULL;
    size_t i = 0;

    *out = (struct notes){.kind = -1};
    wf_buf_init(&out->out, 1u << 24);
    if (wf_dialect_reader_new(d, tools, thinks, &r, NULL) != 0)
        return;
    for (; text.len - i > piece; i += piece)
        assert(wf_dialect_read(r, wf_str_sub(text, i, i + piece), false, on_part, out) == 0);
    assert(wf_dialect_read(r, wf_str_sub(text, i, text.len), true, on_part, out) == 0);
    wf_dialect_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *tools;
    static size_t n_dialects;
    const struct wf_dialect *d;
    struct notes whole, cut;
    struct wf_str text;
    bool has_tools, thinks;

    if (tools == NULL) {
        tools = json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
                           "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"n\":"
                           "{\"type\":\"integer\"},\"o\":{\"type\":\"object\"}}}}}]",
                           0, NULL);
        while (wf_dialect_at(n_dialects) != NULL)
            n_dialects++;
    }
    if (size < 2)
        return 0;
    d = wf_dialect_at(data[0] % n_dialects);
    has_tools = (data[1] & 1) == 0;
    thinks = (data[1] & 2) != 0;
    text = wf_str_n((const char *)data + 2, size - 2);
    read_all(d, has_tools ? tools : NULL, thinks, text, SIZE_MAX, &whole);
    read_all(d, has_tools ? tools : NULL, thinks, text, 1u + (data[1] >> 2), &cut);
    assert(whole.out.len == cut.out.len && memcmp(whole.out.ptr, cut.out.ptr, cut.out.len) == 0);
    assert(has_tools || whole.n_calls == 0);
    wf_buf_deinit(&whole.out);
    wf_buf_deinit(&cut.out);
    return 0;
}
