/* SPDX-License-Identifier: Apache-2.0 */
/* weft summarize FILE|-: the sentences that carry a text, or a model's words for them. The file is
 * read by an extract worker of the core, like any other, but nothing of it is kept, so that a home
 * is needed for a model only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/release.h"
#include "op/json.h"
#include "os/file.h"
#include "text/utf8.h"

/* Copies standard input into a file in memory, for the worker needs one it can seek in. */
static int slurp_stdin(int *out_fd, struct wf_err *err)
{
    char buf[64 << 10];
    uint64_t n_all = 0;
    ssize_t n;
    int fd = -1, rc = wf_file_memfd("stdin", &fd, err);

    while (rc == 0 && (n = read(STDIN_FILENO, buf, sizeof(buf))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = wf_err_errno(err, errno, _("Standard input could not be read"));
        else if ((n_all += (uint64_t)n) > WF_LIMIT_FILE_BYTES)
            rc = wf_err_set(err, WF_E_LIMIT, "%s", _("Standard input holds more than 2 GiB."));
        else
            rc = wf_file_write_all(fd, buf, (size_t)n, err);
    }
    if (rc != 0) {
        wf_file_close(&fd);
        return rc;
    }
    *out_fd = fd;
    return 0;
}

static int open_input(const char *path, int *out_fd, struct wf_err *err)
{
    struct stat st;
    int fd;

    if (strcmp(path, "-") == 0)
        return slurp_stdin(out_fd, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return wf_err_errno(err, errno, "%s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        wf_file_close(&fd);
        return wf_err_set(err, WF_E_INVAL, _("%s is not a file."), path);
    }
    *out_fd = fd;
    return 0;
}

/* A model's statements, and below them the sentences that they cite. */
static void print_written(const json_t *result)
{
    struct wf_str text = wf_str_from(wf_json_text(result, "summary"));
    json_t *s;
    char mark[32];
    size_t i;

    wf_cli_print_wrapped(text.ptr, 0, 0, 0);
    printf("\n");
    json_array_foreach(json_object_get(result, "sentences"), i, s)
    {
        (void)snprintf(mark, sizeof(mark), "[%zu]", i + 1);
        if (wf_str_find(text, wf_str_from(mark), 0) == SIZE_MAX)
            continue;
        printf("%s%s%s\n", wf_cli_dim(), mark, wf_cli_plain());
        wf_cli_print_wrapped(wf_json_text(s, "text"), 4, 0, 0);
    }
}

static void print_summary(const json_t *result)
{
    const json_t *sentences = json_object_get(result, "sentences");
    json_t *s;
    size_t i;

    if (json_object_get(result, "summary") != NULL) {
        print_written(result);
        return;
    }
    if (json_array_size(sentences) == 0)
        printf("%s\n", _("There are no sentences in it."));
    json_array_foreach(sentences, i, s)
    {
        const json_t *page = json_object_get(s, "page");
        wf_cli_print_wrapped(wf_json_text(s, "text"), 0, 0, 0);
        if (json_is_integer(page))
            printf(_("  %spage %d%s\n"), wf_cli_dim(), (int)json_integer_value(page),
                   wf_cli_plain());
        printf("\n");
    }
}

/* Models live in a home; without any a summary needs none. */
static bool has_models(const struct wf_cli *cli)
{
    char names[WF_LIMIT_PATH_BYTES + 8];

    (void)snprintf(names, sizeof(names), "%s/names", cli->home.models);
    return access(names, F_OK) == 0;
}

int wf_cmd_summarize(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft summarize FILE|- [--sentences N | --ratio R] "
                          "[--about \"WORDS\"] [--model NAME | --quote]\n\nPrints the sentences "
                          "that carry the text, in its own order. - reads standard input.\nWhere "
                          "a chat model is there it writes the summary, each statement with the "
                          "sentences it\nstands on; --quote prints sentences of the text.");
    const char *about = NULL, *model = NULL, *slash;
    char path[PATH_MAX] = "";
    bool quote = false, writes;
    int64_t sentences = 0;
    double ratio = 0;
    const struct wf_option options[] = {
        {.name = "sentences",
         .letter = 'n',
         .kind = WF_OPTION_NUMBER,
         .out = &sentences,
         .min = 1,
         .max = 10000},
        {.name = "ratio", .kind = WF_OPTION_RATIO, .out = &ratio},
        {.name = "about", .kind = WF_OPTION_TEXT, .out = &about},
        {.name = "model", .kind = WF_OPTION_TEXT, .out = &model},
        {.name = "quote", .kind = WF_OPTION_FLAG, .out = &quote},
        {.name = NULL},
    };
    struct wf_client_options with_home = {.program = cli->program};
    struct wf_client_call call = {.op = "summarize"};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int code, fd = -1;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || (sentences > 0 && ratio > 0) || (model && quote))
        return wf_cli_usage(usage);
    writes = model || (!quote && has_models(cli));
    slash = strrchr(cli->args[0], '/');
    if (realpath(cli->args[0], path) == NULL ||
        wf_utf8_valid_prefix(wf_str_from(path)) != strlen(path))
        path[0] = '\0'; /* then the policy knows of no place */
    call.params = json_pack("{s:s, s:I, s:f, s:s*, s:s*, s:s*, s:s}", "name",
                            slash ? slash + 1 : cli->args[0], "sentences", (json_int_t)sentences,
                            "ratio", ratio, "about", about, "model", model, "mode",
                            quote ? "extractive" : NULL, "path", path);
    code = WF_EXIT_DONE;
    if (open_input(cli->args[0], &fd, &err) != 0 ||
        (writes ? wf_client_open(&cli->home, &with_home, &c, &err)
                : wf_client_open_bare(&cli->home, cli->program, &c, &err)) != 0) {
        code = wf_cli_fail(cli, &err);
    } else {
        call.fd = fd;
        if (wf_release_run(cli, c, &call, &result, &err) != 0)
            code = wf_cli_fail(cli, &err);
        else if (cli->json)
            wf_cli_print_json(result);
        else
            print_summary(result);
        if (code == WF_EXIT_DONE && !cli->json)
            wf_cli_print_flagged(result);
    }
    wf_client_close(c);
    wf_file_close(&fd);
    json_decref(call.params);
    json_decref(result);
    return code;
}
