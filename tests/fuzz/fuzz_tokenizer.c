/* SPDX-License-Identifier: Apache-2.0 */
/* The index's tokenizer: any text gives tokens that lie in it, in order. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "store/fts_tokenizer.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    int n_bytes;
    int i_start; /* of the last token */
};

static int on_token(void *ud, int flags, const char *p, int n, int i_start, int i_end)
{
    struct text *t = ud;
    (void)flags;
    assert(n > 0 && wf_utf8_valid_prefix(wf_str_n(p, (size_t)n)) == (size_t)n);
    assert(i_start >= t->i_start && i_start < i_end && i_end <= t->n_bytes);
    t->i_start = i_start;
    return SQLITE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sqlite3 *db;
    static fts5_api *api;
    fts5_tokenizer t;
    Fts5Tokenizer *tokenizer = NULL;
    void *ud = NULL;
    struct text text = {.i_start = 0};
    struct wf_buf b;
    int rc = db != NULL ? SQLITE_OK : sqlite3_open(":memory:", &db);
    assert(rc == SQLITE_OK);
    if (api == NULL) {
        rc = wf_fts_tokenizer_register(db, NULL);
        assert(rc == 0);
        api = wf_fts_api(db);
    }
    rc = api->xFindTokenizer(api, "weft", &ud, &t);
    assert(rc == SQLITE_OK);
    const char *args[] = {"1"};
    rc = t.xCreate(ud, args, 1, &tokenizer);
    assert(rc == SQLITE_OK);
    wf_buf_init(&b, (size_t)1 << 20);
    rc = wf_utf8_append_repaired(&b, wf_str_n((const char *)data, size));
    assert(rc == 0);
    text.n_bytes = (int)b.len;
    int flags = size % 2 != 0 ? FTS5_TOKENIZE_DOCUMENT : FTS5_TOKENIZE_QUERY;
    rc = t.xTokenize(tokenizer, &text, flags, b.len > 0 ? b.ptr : "", (int)b.len, on_token);
    assert(rc == SQLITE_OK);
    t.xDelete(tokenizer);
    wf_buf_deinit(&b);
    return 0;
}
