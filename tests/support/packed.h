/* Packed: a package (DOCX, ODF, EPUB ...) written as plain text, so that a fuzzer changes the parts
 * themselves and not their compressed bytes. A part begins with a line "@@ NAME" and ends where the
 * next one begins; what lies before the first is not used. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_PACKED_H
#define WF_TESTS_SUPPORT_PACKED_H

#include "base/str.h"
#include "support/zipped.h"

/* Makes the archive, its parts stored as they are; zipped_free frees it. Bytes of a name that an
 * archive's writer would refuse become "_". */
void packed_build(struct zipped *z, struct wf_str text);

#endif
