/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: any bytes list members that can be found by their names and read until their end or a
 * reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS_MAX 8

static void read_member(struct wf_archive *a, size_t i)
{
    struct wf_buf out;
    struct wf_err err = WF_ERR_INIT;
    struct wf_str name = wf_archive_name(a, i);
    size_t found = wf_archive_find(a, name);
    assert(found == SIZE_MAX || found < wf_archive_count(a));
    assert(found != SIZE_MAX || name.len == 0 || name.len > 1024 || name.ptr[0] == '/');
    (void)wf_archive_find_from(a, name, WF_STR("../x/./y%20z.xml?q#f")); /* mostly finds none */
    (void)wf_archive_find_from(a, WF_STR("word/document.xml"), name);    /* likewise */
    wf_buf_init(&out, (size_t)1 << 20);
    int rc = wf_archive_read_all(a, i, &out, &err);
    assert(rc == 0 || err.msg[0] != '\0');
    assert(rc != WF_E_ENCRYPTED || wf_archive_encrypted(a, i));
    wf_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_archive_source src = {.fd = -1, .n_bytes = size};
    struct wf_archive *a = NULL;
    src.bytes = wf_str_n((const char *)data, size);
    int rc = wf_archive_open(&src, &a, NULL);
    if (rc != 0) {
        assert(a == NULL);
        return 0;
    }
    size_t n = wf_archive_count(a);
    assert(n > 0);
    for (size_t i = 0; i < n && i < MEMBERS_MAX; i++) {
        read_member(a, n - 1 - i); /* from the last to the first, and forward again */
    }
    for (size_t i = 0; i < n && i < MEMBERS_MAX; i++) {
        read_member(a, i);
    }
    wf_archive_free(a);
    return 0;
}
