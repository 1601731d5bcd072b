/* SPDX-License-Identifier: Apache-2.0 */
/* weft models import FILE [NAME]: a GGUF that lies on this machine becomes a model.
 *
 * The core may open its own folder only, so this command, which is the person, links the files into
 * the store's incoming folder; the core reads, checks and names them. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/bar.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "engine/model_store.h"
#include "op/json.h"

static int show_copy(void *ud, uint64_t n_done, uint64_t n_all)
{
    wf_bar_draw(ud, _("copying"), n_done, n_all);
    return 0;
}

/* Puts the file and its other parts into incoming/; `files` gets their names there. */
static int place(struct wf_cli *cli, struct wf_model_store *s, const char *path, json_t *files,
                 struct wf_err *err)
{
    char part[WF_LIMIT_PATH_BYTES], file[WF_MODEL_FILE_MAX];
    struct wf_bar bar;
    int rc = 0;

    wf_bar_init(&bar, !cli->json);
    for (size_t i = 0; rc == 0 && i < wf_model_parts_of(path); i++) {
        rc = wf_model_part_path(path, i, part, err);
        if (rc == 0)
            rc = wf_model_store_place(s, part, show_copy, &bar, file, err);
        if (rc == 0 && json_array_append_new(files, json_string(file)) != 0)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    wf_bar_clear(&bar);
    return rc;
}

static void remove_placed(struct wf_model_store *s, const json_t *files)
{
    json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        /* The core's next start would do it, too. */
        (void)!wf_model_store_discard(s, json_string_value(file), NULL);
    }
}

int wf_models_import_file(struct wf_cli *cli, const char *path, const char *name,
                          json_t **out_result)
{
    json_t *files = json_array();
    struct wf_model_store *s = NULL;
    struct wf_client *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    char absolute[PATH_MAX];
    int code = wf_cli_connect(cli, true, &c);

    /* After the core has started: it empties incoming/ of what earlier imports left. */
    if (code == 0 && (wf_model_store_open(cli->home.models, &s, &err) != 0 ||
                      place(cli, s, path, files, &err) != 0))
        code = wf_cli_fail(cli, &err);
    if (code == 0)
        code = wf_models_run(cli, c, "models.import",
                             json_pack("{s:O, s:s, s:s}", "files", files, "name", name, "source",
                                       realpath(path, absolute) ? absolute : path),
                             out_result);
    if (s)
        remove_placed(s, files);
    wf_client_close(c);
    wf_model_store_close(s);
    json_decref(files);
    return code;
}

int wf_models_import(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft models import FILE [NAME]\n\nMakes a GGUF file on this machine a model. The "
          "file "
          "is linked, or copied where its disk\nis another one; it must not be changed afterwards. "
          "Of a split model name the first file.");
    char name[WF_MODEL_NAME_MAX];
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args < 1 || cli->n_args > 2)
        return wf_cli_usage(usage);
    if (cli->n_args == 2)
        snprintf(name, sizeof(name), "%s", cli->args[1]);
    else
        wf_model_name_of_file(cli->args[0], name);
    code = wf_models_import_file(cli, cli->args[0], name, &result);
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        printf(_("%s is there.\n"), wf_json_text(result, "name"));
    json_decref(result);
    return WF_EXIT_DONE;
}
