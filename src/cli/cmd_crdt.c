/* SPDX-License-Identifier: Apache-2.0 */
/* weft crdt: updates of drafts as files, for comparing with Yjs and for repair. Bytes go to
 * standard output as they are. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "crdt/crdt.h"
#include "crdt/update.h"
#include "os/file.h"

/* Files of one call. */
#define FILES_MAX 4096u

/* All files of the arguments behind the first, read. */
static int read_files(const struct wf_cli *cli, struct wf_buf *files, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 1; i < cli->n_args && rc == 0; i++)
        rc = wf_file_read(cli->args[i], &files[i - 1], err);
    return rc;
}

static int apply_all(const struct wf_buf *files, size_t n, enum wf_crdt_format format,
                     struct wf_buf *out, struct wf_err *err)
{
    struct wf_crdt *d = NULL;
    int rc = wf_crdt_new(NULL, &d);

    if (rc != 0)
        return wf_err_set(err, rc, "%s", _("Not enough memory for the draft."));
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_crdt_apply(d, wf_buf_str(&files[i]), format, err);
    if (rc == 0) {
        rc = wf_crdt_encode(d, WF_STR(""), format, out);
        if (rc != 0)
            wf_err_set(err, rc, "%s", _("Not enough memory for the draft."));
    }
    wf_crdt_free(d);
    return rc;
}

static int merge_all(const struct wf_buf *files, size_t n, enum wf_crdt_format format,
                     struct wf_buf *out)
{
    struct wf_str *views = wf_alloc_array(n, sizeof(*views));
    int rc;

    if (views == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        views[i] = wf_buf_str(&files[i]);
    rc = wf_crdt_merge(views, n, format, out);
    wf_free(views);
    return rc;
}

/* Runs the verb; WF_E_INVAL without a sentence: it is used in another way. */
static int run(const char *verb, const struct wf_buf *files, size_t n, enum wf_crdt_format format,
               struct wf_buf *out, struct wf_err *err)
{
    enum wf_crdt_format other = format == WF_CRDT_V1 ? WF_CRDT_V2 : WF_CRDT_V1;
    int rc;

    if (strcmp(verb, "apply") == 0 && n >= 1)
        return apply_all(files, n, format, out, err);
    if (strcmp(verb, "merge") == 0 && n >= 1)
        rc = merge_all(files, n, format, out);
    else if (strcmp(verb, "diff") == 0 && n == 2)
        rc = wf_crdt_diff(wf_buf_str(&files[0]), wf_buf_str(&files[1]), format, out);
    else if (strcmp(verb, "encode") == 0 && n == 1)
        rc = wf_crdt_convert(wf_buf_str(&files[0]), other, format, out);
    else if (strcmp(verb, "vector") == 0 && n == 1)
        rc = wf_crdt_update_vector(wf_buf_str(&files[0]), format, out);
    else
        return WF_E_INVAL;
    if (rc != 0)
        wf_err_set(err, rc, _("An update cannot be read: %s."), wf_err_text(rc));
    return rc;
}

int wf_cmd_crdt(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft crdt apply|merge [--v1|--v2] UPDATE...\n"
        "       weft crdt diff [--v1|--v2] UPDATE STATE-VECTOR\n"
        "       weft crdt encode --v1|--v2 UPDATE\n"
        "       weft crdt vector [--v1|--v2] UPDATE\n\n"
        "Works on files with updates of drafts, as Yjs writes them, and prints bytes. apply: the\n"
        "state of a draft with all of them; merge: one update that says the same; diff: what a\n"
        "copy with that state vector lacks; encode: an update of the other format in this one;\n"
        "vector: how far an update goes. Files are in format 1 unless --v2 is given.");
    bool v1 = false, v2 = false;
    const struct wf_option options[] = {
        {.name = "v1", .kind = WF_OPTION_FLAG, .out = &v1},
        {.name = "v2", .kind = WF_OPTION_FLAG, .out = &v2},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf *files, out;
    size_t n;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args < 2 || cli->n_args > FILES_MAX || (v1 && v2))
        return wf_cli_usage(usage);
    n = cli->n_args - 1;
    files = wf_alloc_array(n, sizeof(*files));
    if (files == NULL)
        return wf_cli_usage(usage);
    for (size_t i = 0; i < n; i++)
        wf_buf_init(&files[i], WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&out, WF_LIMIT_CRDT_BYTES);
    rc = read_files(cli, files, &err);
    if (rc == 0)
        rc = run(cli->args[0], files, n, v2 ? WF_CRDT_V2 : WF_CRDT_V1, &out, &err);
    if (rc == 0)
        rc = wf_file_write_all(STDOUT_FILENO, out.ptr, out.len, &err);
    for (size_t i = 0; i < n; i++)
        wf_buf_deinit(&files[i]);
    wf_free(files);
    wf_buf_deinit(&out);
    if (rc == WF_E_INVAL && err.code == 0)
        return wf_cli_usage(usage);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
