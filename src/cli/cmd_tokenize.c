/* SPDX-License-Identifier: Apache-2.0 */
/* weft tokenize MODEL: standard input as tokens, or with --decode tokens as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "model/vocab.h"
#include "os/file.h"

/* An id takes up to nine bytes. */
#define INPUT_MAX ((size_t)WF_LIMIT_ENCODE_BYTES * 9)

static int encode(const struct wf_vocab *v, struct wf_str text, unsigned flags, struct wf_err *err)
{
    struct wf_ids ids = {0};
    int rc = wf_vocab_encode(v, text, flags, &ids, err);

    for (size_t i = 0; i < ids.n && rc == 0; i++)
        (void)printf(i > 0 ? " %" PRId32 : "%" PRId32, ids.ptr[i]);
    if (rc == 0)
        (void)putchar('\n');
    wf_free(ids.ptr);
    return rc;
}

static int decode(const struct wf_vocab *v, struct wf_buf *input, bool with_control,
                  struct wf_err *err)
{
    struct wf_str text = wf_buf_str(input), word;
    struct wf_buf out;
    int32_t *ids = wf_alloc_array(text.len / 2 + 1, sizeof(*ids));
    size_t n = 0;
    int64_t id;
    int rc = 0;

    if (ids == NULL)
        return wf_err_set(err, WF_E_NOMEM, _("Not enough memory for %zu token ids."), text.len / 2);
    for (size_t i = 0; i < input->len; i++) {
        if (strchr("\t\n\r", input->ptr[i]) != NULL)
            input->ptr[i] = ' ';
    }
    wf_buf_init(&out, SIZE_MAX);
    while (rc == 0 && wf_str_split(&text, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (!wf_str_to_i64(word, &id) || id < 0 || id > INT32_MAX)
            rc = wf_err_set(err, WF_E_FORMAT, _("'%.*s' is not a token id."),
                            WF_STR_ARG(wf_str_sub(word, 0, 40)));
        else
            ids[n++] = (int32_t)id;
    }
    if (rc == 0)
        rc = wf_vocab_decode(v, ids, n, with_control, &out, err);
    if (rc == 0)
        (void)fwrite(out.ptr, 1, out.len, stdout);
    wf_buf_deinit(&out);
    wf_free(ids);
    return rc;
}

int wf_cmd_tokenize(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft tokenize MODEL [--no-special] [--decode]\n\n"
          "Prints the tokens of standard input, as the model sees it: with the tokens that begin\n"
          "and end texts, and with names of control tokens read as these. --no-special adds none\n"
          "and reads such names as plain text. --decode reads token ids and prints their text.");
    bool no_special = false, is_decode = false;
    const struct wf_option options[] = {
        {.name = "no-special", .kind = WF_OPTION_FLAG, .out = &no_special},
        {.name = "decode", .letter = 'd', .kind = WF_OPTION_FLAG, .out = &is_decode},
        {0},
    };
    struct wf_gguf *g = NULL;
    struct wf_vocab *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    wf_buf_init(&text, INPUT_MAX);
    rc = wf_gguf_open(cli->args[0], &g, &err);
    if (rc == 0)
        rc = wf_vocab_open(g, &v, &err);
    if (rc == 0)
        rc = wf_file_read_stream(STDIN_FILENO, &text, &err);
    if (rc == 0 && is_decode)
        rc = decode(v, &text, !no_special, &err);
    else if (rc == 0)
        rc =
            encode(v, wf_buf_str(&text), no_special ? 0 : WF_ENCODE_ENDS | WF_ENCODE_CONTROL, &err);
    wf_buf_deinit(&text);
    wf_vocab_close(v);
    wf_gguf_close(g);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
