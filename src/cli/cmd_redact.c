/* SPDX-License-Identifier: Apache-2.0 */
/* weft redact and weft restore: what is in a text that others need not see goes as placeholders,
 * and comes back in the answer.
 *
 * Files are read before the process is locked down, texts after it. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/labeling.h"
#include "op/json.h"
#include "op/redact.h"
#include "os/file.h"
#include "os/sandbox.h"

#define MAP_BYTES_MAX (64u << 20)

struct asked {
    const char *map, *key_file, *policy, *op, *provider;
    bool all, lines, patterns, in_json;
};

/* What both commands open. */
struct opened {
    uint8_t key[WF_REDACT_KEY_BYTES];
    bool has_key;
    json_t *map; /* NULL: none yet */
};

/* 64 hex digits. */
static int read_key(const char *path, struct opened *o, struct wf_err *err)
{
    struct wf_buf b;
    struct wf_str hex;
    size_t n = 0;
    int rc;

    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    hex = wf_str_trim(wf_buf_str(&b));
    if (rc == 0 && (sodium_hex2bin(o->key, sizeof(o->key), hex.ptr, hex.len, NULL, &n, NULL) != 0 ||
                    n != sizeof(o->key)))
        rc = wf_err_set(err, WF_E_FORMAT, _("%s is no key: a key is %u hex digits."), path,
                        2 * WF_REDACT_KEY_BYTES);
    o->has_key = rc == 0;
    if (b.len > 0)
        sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

/* A map by itself, or what weft redact --json printed. */
static int read_map(const char *path, struct opened *o, struct wf_err *err)
{
    json_t *v = NULL, *map;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, MAP_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&b), &v, err);
    if (rc == 0) {
        map = json_object_get(v, "map");
        o->map = json_incref(json_is_object(map) ? map : v);
    }
    json_decref(v);
    if (b.len > 0)
        sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

static int open_files(const struct asked *a, struct opened *o, struct wf_err *err)
{
    int rc = a->key_file != NULL ? read_key(a->key_file, o, err) : 0;

    return rc == 0 && a->map != NULL ? read_map(a->map, o, err) : rc;
}

static void close_files(struct opened *o)
{
    json_decref(o->map);
    sodium_memzero(o, sizeof(*o));
}

static int new_redaction(const struct opened *o, struct wf_redaction **out, struct wf_err *err)
{
    const uint8_t *key = o->has_key ? o->key : NULL;

    return o->map != NULL ? wf_redaction_from_json(o->map, key, out, err)
                          : wf_redaction_new(key, out, err);
}

/* ---- redact ---- */

struct redacting {
    const struct opened *opened;
    struct wf_labeler *labeler;
    struct wf_redact_wish wish;
    bool in_json;
};

/* The text is JSON: {"text","map"} of it with its texts redacted. */
static int redact_value(const struct redacting *r, struct wf_redaction *redaction,
                        struct wf_str text, json_t **out, struct wf_err *err)
{
    json_t *v = NULL, *redacted = NULL, *map;
    struct wf_buf b;
    int rc = wf_json_parse(text, &v, err);

    wf_buf_init(&b, SIZE_MAX);
    if (rc == 0)
        rc = wf_redact_value(r->labeler, redaction, v, &r->wish, &redacted, err);
    if (rc == 0) {
        map = wf_redaction_json(redaction);
        *out = wf_json_append(&b, redacted) == 0
                   ? json_pack("{s:o, s:o}", "text", wf_json_str(wf_buf_str(&b)), "map", map)
                   : NULL;
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, _("Not enough memory for the text."));
    }
    json_decref(v);
    json_decref(redacted);
    wf_buf_deinit(&b);
    return rc;
}

static int redact_text(void *ud, struct wf_str text, json_t **out, struct wf_err *err)
{
    const struct redacting *r = ud;
    struct wf_redaction *redaction = NULL;
    int rc = new_redaction(r->opened, &redaction, err);

    if (rc == 0 && r->in_json)
        rc = redact_value(r, redaction, text, out, err);
    else if (rc == 0)
        rc = wf_redact_json(r->labeler, redaction, text, &r->wish, out, err);
    wf_redaction_free(redaction);
    return rc;
}

static int redact_one(const struct wf_cli *cli, struct redacting *r, struct wf_err *err)
{
    struct wf_buf raw, text;
    json_t *v = NULL, *redacted;
    int rc;

    wf_buf_init(&raw, WF_LIMIT_DETECT_BYTES);
    wf_buf_init(&text, (size_t)4 * WF_LIMIT_DETECT_BYTES);
    rc = wf_file_read_stream(STDIN_FILENO, &raw, err);
    if (rc == 0)
        rc = wf_labeling_valid(wf_buf_str(&raw), &text, err);
    if (rc == 0)
        rc = redact_text(r, wf_buf_str(&text), &v, err);
    redacted = json_object_get(v, "text");
    if (rc == 0 && cli->json)
        wf_cli_print_json(v);
    else if (rc == 0)
        (void)fwrite(json_string_value(redacted), 1, json_string_length(redacted), stdout);
    json_decref(v);
    wf_buf_deinit(&raw);
    wf_buf_deinit(&text);
    return rc;
}

int wf_cmd_redact(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft redact [--for PROVIDER] [--with OPERATOR] [--all] [--in-json]\n"
          "                   [--jsonl] [--map FILE] [--key-file FILE] [--patterns] [--policy "
          "FILE]\n\n"
          "Prints the text on standard input as the policy lets a provider see it: with\n"
          "placeholders for the rest. --json prints {\"text\",\"map\"}; weft restore puts back\n"
          "what the map holds.\n"
          "  --for PROVIDER   what the policy says of this provider counts\n"
          "  --with OPERATOR  replace, mask, hash, encrypt or fake, in place of the policy's\n"
          "  --all            takes out everything that is found, also what may be seen\n"
          "  --in-json        the text is JSON: the texts in it are redacted, it stays JSON\n"
          "  --jsonl          standard input has one object {\"text\":...} a line; each gets one "
          "back\n"
          "  --map FILE       goes on with an earlier map: the same gets the same placeholder\n"
          "  --key-file FILE  64 hex digits, for hash and encrypt; else a key for this run alone\n"
          "  --patterns       without the embedded model: no names, but faster\n"
          "  --policy FILE    by this policy in place of weft.policy in the home folder");
    struct asked a = {.map = NULL};
    struct opened o = {.map = NULL};
    struct redacting r = {.opened = &o};
    const struct wf_option options[] = {
        {.name = "for", .kind = WF_OPTION_TEXT, .out = &a.provider},
        {.name = "with", .kind = WF_OPTION_TEXT, .out = &a.op},
        {.name = "all", .kind = WF_OPTION_FLAG, .out = &a.all},
        {.name = "in-json", .kind = WF_OPTION_FLAG, .out = &r.in_json},
        {.name = "jsonl", .kind = WF_OPTION_FLAG, .out = &a.lines},
        {.name = "map", .kind = WF_OPTION_TEXT, .out = &a.map},
        {.name = "key-file", .kind = WF_OPTION_TEXT, .out = &a.key_file},
        {.name = "patterns", .kind = WF_OPTION_FLAG, .out = &a.patterns},
        {.name = "policy", .kind = WF_OPTION_TEXT, .out = &a.policy},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    struct wf_labeling t = {.detector = NULL};
    size_t n_bad = 0;
    int code, rc = 0;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 0 || (a.op != NULL && !wf_operator_parse(wf_str_from(a.op), &r.wish.op)))
        return wf_cli_usage(usage);
    rc = open_files(&a, &o, &err);
    if (rc == 0)
        rc = wf_labeling_open(cli, a.policy, a.patterns, &t, &err);
    r.labeler = t.labeler;
    r.wish.policy = t.policy;
    r.wish.provider = a.provider;
    r.wish.all = a.all;
    if (rc == 0)
        rc = a.lines ? wf_labeling_lines(redact_text, &r, &n_bad, &err) : redact_one(cli, &r, &err);
    wf_labeling_close(&t);
    close_files(&o);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    return n_bad == 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
}

/* ---- restore ---- */

/* Standard input as it comes; without `out` each piece goes on at once. */
static int restore_stream(struct wf_restore *s, struct wf_buf *keep, struct wf_err *err)
{
    char piece[16384];
    struct wf_buf b;
    ssize_t got = 1;
    int rc = 0;

    wf_buf_init(&b, SIZE_MAX);
    while (rc == 0 && got > 0) {
        got = read(STDIN_FILENO, piece, sizeof(piece));
        if (got < 0) {
            rc = wf_err_set(err, WF_E_IO, _("standard input cannot be read"));
            break;
        }
        rc = got > 0 ? wf_restore_feed(s, wf_str_n(piece, (size_t)got), &b) : wf_restore_end(s, &b);
        if (rc == 0 && keep != NULL)
            rc = wf_buf_append_str(keep, wf_buf_str(&b));
        if (rc != 0)
            rc = wf_err_set(err, rc, _("Not enough memory for the text."));
        else if (keep == NULL && (fwrite(b.ptr, 1, b.len, stdout) != b.len || fflush(stdout) != 0))
            rc = wf_err_set(err, WF_E_IO, _("the output could not be written"));
        wf_buf_reset(&b);
    }
    wf_buf_deinit(&b);
    return rc;
}

static int restore(const struct wf_cli *cli, const struct opened *o, const struct asked *a,
                   struct wf_err *err)
{
    const struct wf_restore_options options = {.in_json = a->in_json};
    struct wf_redaction *r = NULL;
    struct wf_restore *s = NULL;
    struct wf_buf whole;
    int rc = new_redaction(o, &r, err);

    wf_buf_init(&whole, MAP_BYTES_MAX);
    if (rc == 0)
        rc = wf_restore_new(r, &options, &s, err);
    if (rc == 0)
        rc = restore_stream(s, cli->json ? &whole : NULL, err);
    if (rc == 0 && cli->json) {
        json_t *v = json_pack("{s:o?}", "text", wf_json_str(wf_buf_str(&whole)));
        wf_cli_print_json(v);
        json_decref(v);
    }
    wf_restore_free(s);
    wf_redaction_free(r);
    wf_buf_deinit(&whole);
    return rc;
}

int wf_cmd_restore(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft restore MAP [--key-file FILE] [--in-json]\n\n"
        "Puts back what weft redact took out: standard input, as it comes, with the placeholders\n"
        "of MAP (what weft redact --json printed) replaced by what they stand for, also where a\n"
        "model changed their case, brackets or endings.\n"
        "  --key-file FILE  the key with which data were encrypted\n"
        "  --in-json        the text is JSON: what is put in is escaped for its strings");
    struct asked a = {.map = NULL};
    const struct wf_option options[] = {
        {.name = "key-file", .kind = WF_OPTION_TEXT, .out = &a.key_file},
        {.name = "in-json", .kind = WF_OPTION_FLAG, .out = &a.in_json},
        {.name = NULL},
    };
    const struct wf_sandbox_options box = {.kind = WF_SANDBOX_EXTRACT};
    struct wf_err err = WF_ERR_INIT;
    struct opened o = {.map = NULL};
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    a.map = cli->args[0];
    rc = open_files(&a, &o, &err);
    if (rc == 0 && (rc = wf_sandbox_enter(&box, &err)) != 0)
        wf_err_prefix(&err, "weft does not run without protection");
    if (rc == 0)
        rc = restore(cli, &o, &a, &err);
    close_files(&o);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
