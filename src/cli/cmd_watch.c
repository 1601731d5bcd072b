/* SPDX-License-Identifier: Apache-2.0 */
/* weft watch [FOLDER...]: which folders are kept taken in. The list is a file of the home that the
 * watcher reads by itself when it changes; the core cannot touch it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/walk.h"
#include "daemon/watcher.h"

#define PATHS_BYTES_MAX (1u << 20)

static size_t find_path(const struct wf_watch_list *l, const char *path)
{
    size_t i = 0;

    while (i < l->n_paths && strcmp(l->paths[i], path) != 0)
        i++;
    return i;
}

static int add_path(struct wf_watch_list *l, const char *path, struct wf_err *err)
{
    struct stat st;
    char **p;

    if (strchr(path, '\n'))
        return wf_err_set(err, WF_E_INVAL, "%s",
                          _("A folder with a line break in its name cannot "
                            "be watched."));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return wf_err_set(err, WF_E_NOENT, _("%.200s is not a folder."), path);
    if (find_path(l, path) < l->n_paths)
        return 0;
    p = wf_realloc_array(l->paths, l->n_paths + 1, sizeof(*p));
    if (p)
        l->paths = p;
    if (!p || !(p[l->n_paths] = wf_strdup(path)))
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Out of memory."));
    l->n_paths++;
    return 0;
}

static int remove_path(struct wf_watch_list *l, const char *path, struct wf_err *err)
{
    size_t i = find_path(l, path);

    if (i == l->n_paths)
        return wf_err_set(err, WF_E_NOENT, _("%.200s is not watched."), path);
    wf_free(l->paths[i]);
    l->paths[i] = l->paths[--l->n_paths];
    return 0;
}

static void print_list(const struct wf_cli *cli, const struct wf_watch_list *l)
{
    json_t *paths = json_array();

    for (size_t i = 0; i < l->n_paths; i++) {
        if (!cli->json)
            printf("%s\n", l->paths[i]);
        json_array_append_new(paths, json_string(l->paths[i]));
    }
    if (cli->json) {
        json_t *v = json_pack("{s:O}", "watched", paths);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (l->n_paths == 0) {
        printf("%s\n", _("No folder is watched. Watch one: weft watch FOLDER"));
    }
    json_decref(paths);
}

int wf_cmd_watch(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft watch [FOLDER...] [--remove]\n\nKeeps folders taken in while "
          "weft runs; without a folder, lists those watched.\n--remove stops "
          "watching; documents stay.");
    bool remove = false;
    const struct wf_option options[] = {
        {.name = "remove", .kind = WF_OPTION_FLAG, .out = &remove},
        {.name = NULL},
    };
    struct wf_watch_list list = {NULL, 0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_arena arena;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (remove && cli->n_args == 0)
        return wf_cli_usage(usage);
    wf_arena_init(&arena, 0, PATHS_BYTES_MAX);
    rc = wf_watch_list_load(&cli->home, &list, &err);
    for (size_t i = 0; rc == 0 && i < cli->n_args; i++) {
        char *path = wf_walk_absolute(&arena, cli->args[i]);
        if (!path)
            rc = wf_err_set(&err, WF_E_LIMIT, "%s", _("The path is too long."));
        else
            rc = remove ? remove_path(&list, path, &err) : add_path(&list, path, &err);
    }
    if (rc == 0 && cli->n_args > 0)
        rc = wf_home_create(&cli->home, &err);
    if (rc == 0 && cli->n_args > 0)
        rc = wf_watch_list_save(&cli->home, &list, &err);
    if (rc == 0)
        print_list(cli, &list);
    wf_watch_list_free(&list);
    wf_arena_deinit(&arena);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
