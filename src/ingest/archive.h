/* Archive: the members of a ZIP file (DOCX, XLSX, PPTX, ODF, EPUB), read one at a time.
 *
 * Owns: the list of members, the bounds on what unpacking may give (number of members, bytes in
 * all, ratio to the file's size), and one member that is open. Reads the descriptor with pread
 * only. A central directory that is missing or wrong is replaced by a walk over the members
 * themselves, as far as they are whole. It never unpacks an archive inside an archive.
 * Thread rule: owner. */
#ifndef WF_INGEST_ARCHIVE_H
#define WF_INGEST_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/parse.h"

/* Where the bytes come from: a descriptor, or memory when fd is -1 (borrowed until free). */
struct wf_archive_source {
    int fd;
    uint64_t n_bytes;
    struct wf_str bytes;
};

struct wf_archive;

/* Lists the members. Errors: WF_E_FORMAT (no ZIP, or too damaged), WF_E_LIMIT (too many members),
 * WF_E_IO, WF_E_NOMEM. */
int wf_archive_open(const struct wf_archive_source *src, struct wf_archive **out,
                    struct wf_err *err) WF_MUST_USE;
/* The same of a parser's input. */
int wf_archive_open_input(const struct wf_parse_input *in, struct wf_archive **out,
                          struct wf_err *err) WF_MUST_USE;
void wf_archive_free(struct wf_archive *a);

/* Members, and the name of member i < count: "/" between folders, none in front; it lives as long
 * as the archive. Folders are listed too; their names end in "/". */
size_t wf_archive_count(const struct wf_archive *a);
struct wf_str wf_archive_name(const struct wf_archive *a, size_t i);
/* The member of that name (a leading "/" is ignored; if none is exactly it, the first that differs
 * in ASCII case only), or SIZE_MAX. Of several equal names the first. */
size_t wf_archive_find(const struct wf_archive *a, struct wf_str name);
/* The member that `target` means inside the member `base`: relative to its folder, or absolute with
 * a "/" in front; "." and ".." are followed, "#..." and "?..." ignored, %20 and the like decoded.
 */
size_t wf_archive_find_from(const struct wf_archive *a, struct wf_str base, struct wf_str target);
/* True when the listing was cut short or rebuilt: the file is damaged, members may be missing. */
bool wf_archive_damaged(const struct wf_archive *a);
/* True when the member's bytes are encrypted. */
bool wf_archive_encrypted(const struct wf_archive *a, size_t i);

/* Opens member i for reading from its start; the member open before is closed.
 * Errors: WF_E_ENCRYPTED, WF_E_FORMAT, WF_E_IO, WF_E_NOMEM. */
int wf_archive_begin(struct wf_archive *a, size_t i, struct wf_err *err) WF_MUST_USE;
/* The next up to n > 0 bytes of the open member; *out_n is 0 at its end only.
 * Errors: WF_E_FORMAT (damaged), WF_E_LIMIT (the archive unpacks to too much), WF_E_IO. */
int wf_archive_read(struct wf_archive *a, void *p, size_t n, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;
/* The whole of member i, appended to `out`, whose maximum is the limit. What was read before a
 * failure stays in it. Errors: those of both, WF_E_LIMIT, WF_E_NOMEM. */
int wf_archive_read_all(struct wf_archive *a, size_t i, struct wf_buf *out,
                        struct wf_err *err) WF_MUST_USE;

/* Sets the sentence for a document that cannot be read without its password; WF_E_ENCRYPTED. */
int wf_archive_need_password(struct wf_err *err);

/* Opens and frees the library once, so that what it loads on first use is in memory before a
 * process is locked down. Thread: init. */
void wf_archive_warm(void);

#endif
