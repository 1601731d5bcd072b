/* Zipped: small ZIP archives made in memory, for tests and fuzz targets of packed documents. */
#ifndef WF_TESTS_SUPPORT_ZIPPED_H
#define WF_TESTS_SUPPORT_ZIPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct zipped {
    struct wf_buf bytes; /* the archive, once ended */
    void *_writer;
};

/* Deflated, or stored; with a password, or none (NULL). */
void zipped_begin(struct zipped *z, bool stored, const char *password);
void zipped_add_bytes(struct zipped *z, const char *name, const void *bytes, size_t n);
void zipped_add(struct zipped *z, const char *name, const char *content);
void zipped_end(struct zipped *z);
void zipped_free(struct zipped *z);

#endif
