/* SPDX-License-Identifier: Apache-2.0 */
/* The manual goes the way of every document, workers and all, so that a newcomer can ask about weft
 * before adding anything. Its pages live in the space "manual" and are named weft:manual/PAGE,
 * which a newer version's page then replaces. */
#include "daemon/manual.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/asset.h"
#include "os/file.h"
#include "store/thread.h"

#define PAGE_BYTES_MAX (1u << 20)
#define PATH_BYTES_MAX 256

/* What tells this program's manual from another's: the tags of all pages. */
static void fingerprint(struct wf_buf *out)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < wf_manual_assets_count; i++)
        hash = wf_str_hash(wf_str_from(wf_manual_assets[i].etag), hash + 1);
    wf_buf_appendf(out, "%016llx", (unsigned long long)hash);
}

static bool is_held(struct wf_op_context *ctx, struct wf_str mark)
{
    struct wf_str held = wf_str_n(NULL, 0);
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    bool same = false;

    if (wf_store_reader_get(ctx->store, &r, NULL) != 0)
        return true; /* the store has other troubles */
    wf_arena_init(&arena, 0, PAGE_BYTES_MAX);
    if (wf_setting_get(r, "manual", &arena, &held, NULL) == 0)
        same = wf_str_eq(held, mark);
    wf_arena_deinit(&arena);
    wf_store_reader_put(ctx->store, r);
    return same;
}

static void on_done(void *ud, const struct wf_intake_result *r)
{
    struct wf_op_context *ctx = ud;

    if (r->outcome == WF_INTAKE_FAILED)
        wf_log_line(ctx->log, WF_LOG_WARN, "core", "a page of the manual was not taken in: %.*s",
                    WF_STR_ARG(r->reason));
    wf_op_publish_intake(ctx, r);
}

static int submit(struct wf_op_context *ctx, const struct wf_asset *a, const char *spool_dir,
                  struct wf_err *err)
{
    struct wf_intake_request req = {.space = WF_STR("manual"),
                                    .name = wf_str_from(a->path),
                                    .retry = true,
                                    .done = on_done,
                                    .ud = ctx};
    char path[PATH_BYTES_MAX];
    struct wf_buf raw;
    int rc;

    snprintf(path, sizeof(path), "weft:manual/%s", a->path);
    req.path = wf_str_from(path);
    wf_buf_init(&raw, PAGE_BYTES_MAX);
    req.fd = open(spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    rc = req.fd < 0 ? wf_err_errno(err, errno, "no temporary file") : wf_asset_unpack(a, &raw);
    if (rc == 0)
        rc = wf_file_write_all(req.fd, raw.ptr, raw.len, err);
    req.stat.size = raw.len;
    if (rc == 0)
        rc = wf_intake_add(ctx->intake, &req, err);
    if (rc != 0)
        wf_file_close(&req.fd);
    wf_buf_deinit(&raw);
    return rc;
}

void wf_manual_offer(struct wf_op_context *ctx, const char *spool_dir)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf mark;
    int rc = 0;

    wf_buf_init(&mark, 64);
    fingerprint(&mark);
    if (!is_held(ctx, wf_buf_str(&mark))) {
        for (size_t i = 0; rc == 0 && i < wf_manual_assets_count; i++)
            rc = submit(ctx, &wf_manual_assets[i], spool_dir, &err);
        wf_intake_flush(ctx->intake);
        if (rc == 0)
            rc = wf_setting_set(ctx->store, "manual", wf_buf_str(&mark), &err);
        if (rc != 0)
            wf_log_line(ctx->log, WF_LOG_WARN, "core", "the manual was not taken in: %s", err.msg);
    }
    wf_buf_deinit(&mark);
}
