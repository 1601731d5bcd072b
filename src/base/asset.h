/* Assets: files that are built into the program (the web app, the manual), as tools/embed lays
 * them out. Sorted by path, so that they can be searched by bisection. Thread rule: any. */
#ifndef WF_BASE_ASSET_H
#define WF_BASE_ASSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/config.h"

struct wf_asset {
    const char *path;           /* "/index.html"; of the manual: "add.md" */
    const char *type;           /* media type, "text/html; charset=utf-8" */
    const char *etag;           /* quoted, over the bytes before compression */
    const unsigned char *bytes; /* gzip (RFC 1952) when is_gzip */
    size_t n_bytes;
    size_t n_raw; /* bytes before compression */
    bool is_gzip; /* false where compression gains nothing (pictures, fonts) */
};

/* Appends the bytes as they were before compression. Errors: WF_E_NOMEM, WF_E_LIMIT (the buffer's),
 * WF_E_CORRUPT. */
int wf_asset_unpack(const struct wf_asset *a, struct wf_buf *out) WF_MUST_USE;

extern const struct wf_asset wf_web_assets[];
extern const size_t wf_web_assets_count;
extern const struct wf_asset wf_manual_assets[];
extern const size_t wf_manual_assets_count;
extern const struct wf_asset wf_policy_assets[]; /* the built-in policy alone */
extern const size_t wf_policy_assets_count;
extern const struct wf_asset wf_hardness_assets[]; /* the table of model/hardness.h alone */
extern const size_t wf_hardness_assets_count;

#endif
