/* SPDX-License-Identifier: Apache-2.0 */
/* Which file or document a sentence means. People say "the folder Downloads", "my report.pdf": so
 * all of it is tried first, then less and less from the front: as a path from here, then from the
 * home; then as a document's title or path. Only what means one thing is taken. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/i18n.h"
#include "cli/plain.h"
#include "op/json.h"

#define SHOWN_MAX 5
#define LETTERS_MIN 3 /* of a title's words: less is in every title */

/* Behind the next blank; NULL: there is none. */
static const char *less(const char *name)
{
    const char *blank = strchr(name, ' ');

    return blank != NULL && blank[1] != 0 ? blank + 1 : NULL;
}

/* A file that is there: its path, in the arena. */
static char *find_file(struct wf_plain *p, const char *name)
{
    const char *home = p->cli->env ? p->cli->env("HOME") : NULL;

    for (const char *rest = name; rest != NULL; rest = less(rest)) {
        char *path = wf_arena_cstr(&p->arena, wf_str_from(rest));
        if (path != NULL && access(path, F_OK) == 0)
            return path;
        path = home != NULL ? wf_arena_printf(&p->arena, "%s/%s", home, rest) : NULL;
        if (path != NULL && access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

/* The documents whose title or path has the words; a new reference, NULL having said why not. */
static json_t *list(struct wf_plain *p, const char *words)
{
    json_t *result = NULL;
    int code = wf_cli_call(p->cli, "documents.list",
                           json_pack("{s:s, s:i}", "q", words, "limit", SHOWN_MAX), &result);

    return code == 0 ? result : NULL;
}

static void say_several(const struct wf_plain *p, const char *name, const json_t *found)
{
    json_t *d;
    size_t i;

    fprintf(stderr, _("weft: several documents may be meant by \"%s\":\n"), name);
    json_array_foreach(json_object_get(found, "documents"), i, d) fprintf(
        stderr, "  weft %s %s   %s\n", p->args[0], wf_json_text(d, "id"), wf_json_text(d, "title"));
}

/* A document's own file, for a command that takes files; NULL: it is not there any more. */
static const char *file_of(const json_t *d)
{
    json_t *path;
    size_t i;

    json_array_foreach(json_object_get(d, "paths"), i, path)
    {
        if (access(json_string_value(path), R_OK) == 0)
            return json_string_value(path);
    }
    return NULL;
}

static int take_document(struct wf_plain *p, const json_t *d, bool as_file)
{
    const char *name = as_file ? file_of(d) : wf_json_text(d, "id");
    const char *title = wf_json_text(d, "title");

    if (name == NULL) {
        fprintf(stderr, _("weft: the file of \"%s\" is not there any more.\n"), title);
        return WF_EXIT_FAILED;
    }
    p->args[p->n_args - 1] = wf_arena_cstr(&p->arena, wf_str_from(name));
    p->shown = as_file ? NULL : wf_arena_cstr(&p->arena, wf_str_from(title));
    return p->args[p->n_args - 1] != NULL ? WF_EXIT_DONE : WF_EXIT_FAILED;
}

static int find_document(struct wf_plain *p, bool as_file)
{
    const char *name = p->args[p->n_args - 1];
    int code = WF_EXIT_DONE;

    for (const char *rest = name; rest != NULL; rest = less(rest)) {
        json_t *found = strlen(rest) >= LETTERS_MIN ? list(p, rest) : json_object();
        const json_t *documents = json_object_get(found, "documents");
        size_t n = json_array_size(documents);
        if (found == NULL)
            return WF_EXIT_FAILED;
        if (n == 1)
            code = take_document(p, json_array_get(documents, 0), as_file);
        else if (n > 1)
            say_several(p, name, found);
        json_decref(found);
        if (n > 0)
            return n == 1 ? code : WF_EXIT_FAILED;
    }
    fprintf(stderr, _("weft: understood \"%s %s\", but nothing here is called so.\n"), p->args[0],
            name);
    return WF_EXIT_FAILED;
}

int wf_plain_find(struct wf_plain *p)
{
    const char *names = wf_json_text(p->wish, "names");
    bool is_file = strcmp(names, "file") == 0, has_home = access(p->cli->home.data, F_OK) == 0;
    bool takes_in = strcmp(p->args[0], "add") == 0;
    char *path;

    if (!is_file && strcmp(names, "document") != 0)
        return WF_EXIT_DONE;
    path = is_file ? find_file(p, p->args[p->n_args - 1]) : NULL;
    if (path != NULL) {
        p->args[p->n_args - 1] = path;
        return WF_EXIT_DONE;
    }
    if (has_home && !takes_in)
        return find_document(p, is_file);
    fprintf(stderr, _("weft: understood \"%s %s\", but nothing here is called so.\n"), p->args[0],
            p->args[p->n_args - 1]);
    return WF_EXIT_FAILED;
}
