/* SPDX-License-Identifier: Apache-2.0 */
/* Zipped: libarchive's writer, into a buffer. */
#include "support/zipped.h"

#include <assert.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

static la_ssize_t on_write(struct archive *a, void *ud, const void *p, size_t n)
{
    struct zipped *z = ud;
    (void)a;
    return wf_buf_append(&z->bytes, p, n) == 0 ? (la_ssize_t)n : -1;
}

void zipped_begin(struct zipped *z, bool stored, const char *password)
{
    struct archive *a = archive_write_new();
    assert(a != NULL);
    wf_buf_init(&z->bytes, (size_t)1 << 30);
    int rc = archive_write_set_format_zip(a);
    assert(rc == ARCHIVE_OK);
    rc = archive_write_set_options(a, stored ? "zip:compression=store" : "zip:compression=deflate");
    assert(rc == ARCHIVE_OK);
    if (password != NULL) {
        rc = archive_write_set_options(a, "zip:encryption=traditional");
        assert(rc == ARCHIVE_OK);
        rc = archive_write_set_passphrase(a, password);
        assert(rc == ARCHIVE_OK);
    }
    rc = archive_write_set_bytes_in_last_block(a, 1);
    assert(rc == ARCHIVE_OK);
    rc = archive_write_open(a, z, NULL, on_write, NULL);
    assert(rc == ARCHIVE_OK);
    z->_writer = a;
}

void zipped_add_bytes(struct zipped *z, const char *name, const void *bytes, size_t n)
{
    struct archive_entry *e = archive_entry_new();
    assert(e != NULL);
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)n);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    int rc = archive_write_header(z->_writer, e);
    assert(rc == ARCHIVE_OK);
    la_ssize_t written = archive_write_data(z->_writer, bytes, n);
    assert(written == (la_ssize_t)n);
    archive_entry_free(e);
}

void zipped_add(struct zipped *z, const char *name, const char *content)
{
    zipped_add_bytes(z, name, content, strlen(content));
}

void zipped_end(struct zipped *z)
{
    int rc = archive_write_close(z->_writer);
    assert(rc == ARCHIVE_OK);
    archive_write_free(z->_writer);
    z->_writer = NULL;
}

void zipped_free(struct zipped *z)
{
    wf_buf_deinit(&z->bytes);
}
