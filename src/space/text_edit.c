/* SPDX-License-Identifier: Apache-2.0 */
/* Edits are made from the end to the beginning, so that places stay right. */
#include "space/text_edit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "crdt/types.h"
#include "space/draft.h"
#include "space/text_diff.h"
#include "text/utf8.h"

#define EDITS_BYTES_MAX ((size_t)256 << 20)

static int check(struct wf_str text, struct wf_err *err)
{
    if (text.len > WF_LIMIT_DRAFT_BYTES / 4)
        return wf_err_set(err, WF_E_LIMIT, "The text is too long: a draft has at most %u MB.",
                          (WF_LIMIT_DRAFT_BYTES / 4) >> 20);
    if (wf_utf8_valid_prefix(text) != text.len || wf_str_find_byte(text, 0, 0) != SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "The text is not UTF-8.");
    return 0;
}

static int apply_edits(struct wf_crdt *doc, uint64_t root, const struct wf_text_edit *edits,
                       size_t n)
{
    int rc = wf_crdt_begin(doc), rc2;

    if (rc != 0)
        return rc;
    for (size_t i = n; i-- > 0 && rc == 0;) {
        if (edits[i].n_deleted > 0)
            rc = wf_crdt_text_delete(doc, root, edits[i].at, edits[i].n_deleted);
        if (rc == 0 && edits[i].insert.len > 0)
            rc = wf_crdt_text_insert(doc, root, edits[i].at, edits[i].insert, NULL);
    }
    rc2 = wf_crdt_commit(doc);
    return rc == 0 ? rc2 : rc;
}

bool wf_text_is(const struct wf_crdt *doc)
{
    bool has_text = false, has_other = false;
    struct wf_str name;
    uint64_t root;
    size_t i = 0;

    while (wf_crdt_root_next(doc, &i, &name, &root)) {
        if (wf_str_eq(name, WF_DRAFT_ROOT))
            has_text = true;
        else if (!wf_str_eq(name, WF_STR("comments"))) /* of the page's editor */
            has_other = true;
    }
    return has_text || !has_other;
}

int wf_text_edit(struct wf_crdt *doc, struct wf_str text, struct wf_err *err)
{
    struct wf_text_edit *edits = NULL;
    struct wf_arena arena;
    struct wf_buf old;
    uint64_t root = 0;
    size_t n = 0;
    int rc = check(text, err);

    if (rc == 0 && !wf_text_is(doc))
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "This draft is no text: open it in its editor.");
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 64 << 10, EDITS_BYTES_MAX);
    wf_buf_init(&old, WF_LIMIT_DRAFT_BYTES);
    rc = wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root);
    if (rc == WF_E_EXIST || (rc == 0 && wf_crdt_type_kind(doc, root) != WF_CRDT_TEXT))
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "This draft is no text: open it in its editor.");
    else if (rc == 0)
        rc = wf_crdt_text_get(doc, root, &old);
    if (rc == 0)
        rc = wf_text_diff(wf_buf_str(&old), text, &arena, &edits, &n);
    if (rc == 0 && n > 0)
        rc = apply_edits(doc, root, edits, n);
    wf_buf_deinit(&old);
    wf_arena_deinit(&arena);
    return rc == 0 || rc == WF_E_UNSUPPORTED
               ? rc
               : wf_err_set(err, rc, "The text could not be changed.");
}

static int set_it(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    const struct wf_str *text = ud;

    return wf_text_edit(doc, *text, err);
}

int wf_draft_set_text(struct wf_draft *d, struct wf_str text, bool *out_changed, struct wf_err *err)
{
    return wf_draft_change(d, set_it, &text, out_changed, err);
}
