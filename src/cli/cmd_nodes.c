/* SPDX-License-Identifier: Apache-2.0 */
/* weft nodes: a person's devices: listed, named, taken out; the owner's key, its words on paper and
 * back. The words never pass through the daemon: this command opens the key's folder itself. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/paper.h"
#include "mesh/identity.h"
#include "mesh/pairing.h"
#include "op/json.h"
#include "os/file.h"
#include "os/zone.h"

static const char *usage(void)
{
    return _("Usage: weft nodes [--init]\n"
             "       weft nodes rename NAME NEW-NAME\n"
             "       weft nodes clear NAME public|internal|private\n"
             "       weft nodes --relay NAME [--off]\n"
             "       weft nodes revoke NAME\n"
             "       weft nodes address NAME HOST:PORT\n"
             "       weft nodes leave\n"
             "       weft nodes paper > PAGE.html\n"
             "       weft nodes recover < WORDS\n\n"
             "Lists the devices that are paired. rename and revoke work where the owner's key is;\n"
             "a revoked device learns nothing new. --relay: a device keeps what others write while "
             "they\n"
             "sleep, and gets no keys to read it. address says where a device may be found, where\n"
             "it does not find itself. leave makes this device forget the others.\n"
             "paper gives the recovery words, once: print them. recover makes the key again out "
             "of\n"
             "words that are typed.");
}

/* ---- the list ---- */

static void print_seen(const json_t *node)
{
    const json_t *seen = json_object_get(node, "last_seen");
    char at[WF_CIVIL_BYTES];
    struct wf_civil c;

    if (!json_is_null(json_object_get(node, "revoked"))) {
        printf("%s", _("revoked"));
    } else if (json_is_true(json_object_get(node, "this"))) {
        printf("%s", _("this device"));
    } else if (json_is_true(json_object_get(node, "connected"))) {
        printf("%s  %s", _("connected"), wf_json_text(node, "address"));
    } else if (json_is_integer(seen)) {
        wf_zone_civil(json_integer_value(seen), &c);
        wf_civil_print(&c, at);
        at[10] = ' ';
        printf(_("last seen %s"), at);
    } else {
        printf("%s", _("not seen yet"));
    }
}

static bool is_relay(const json_t *node)
{
    const json_t *role;
    size_t i;

    json_array_foreach(json_object_get(node, "roles"), i, role)
    {
        if (json_is_string(role) && strcmp(json_string_value(role), "ciphertext") == 0)
            return true;
    }
    return false;
}

/* The models that it offers, in one line. */
static void print_models(const json_t *node)
{
    const json_t *models = json_object_get(json_object_get(node, "engine"), "models");
    const json_t *m;
    size_t i;

    json_array_foreach(models, i, m)
    {
        const double ms = json_real_value(json_object_get(m, "write_ms"));
        printf("%s%s", i == 0 ? "    " : ", ", wf_json_text(m, "name"));
        if (ms > 0)
            printf(_(" (%.0f tokens/s)"), 1000 / ms);
    }
    if (json_array_size(models) > 0)
        printf("\n");
}

static void print_nodes(const json_t *v)
{
    const json_t *nodes = json_object_get(v, "nodes");
    const json_t *note = json_object_get(v, "fork");
    json_t *node;
    size_t i;

    if (json_array_size(nodes) == 0)
        printf("%s\n", _("This device is alone. To pair another one: weft pair --show"));
    json_array_foreach(nodes, i, node)
    {
        printf("%s%-20s%s  %-6s  %-8s  %s  ", wf_cli_bold(), wf_json_text(node, "name"),
               wf_cli_plain(), wf_json_text(node, "tier"), wf_json_text(node, "clearance"),
               wf_json_text(node, "fingerprint"));
        print_seen(node);
        if (is_relay(node))
            printf("  %s", _("relay: keeps what it cannot read"));
        printf("\n");
        print_models(node);
    }
    if (json_is_string(note))
        printf("%s\n", json_string_value(note));
    if (json_is_string(json_object_get(v, "unfinished")))
        printf(_("A pairing with %s is not finished: it ends by itself when the two see each "
                 "other.\n"),
               wf_json_text(v, "unfinished"));
    if (json_is_true(json_object_get(v, "paper")))
        printf("%s\n", _("The recovery words are not on paper yet: weft nodes paper > page.html"));
}

static int call_nodes(struct wf_cli *cli, const char *op, json_t *params)
{
    json_t *result = NULL;
    int code = wf_cli_call(cli, op, params, &result);

    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        print_nodes(result);
    json_decref(result);
    return WF_EXIT_DONE;
}

/* ---- the words ---- */

static int paper(struct wf_cli *cli)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES];
    char text[WF_PHRASE_TEXT_BYTES];
    struct wf_err err = WF_ERR_INIT;
    struct wf_identity k;
    int rc = wf_identity_paper(cli->home.owner, secret, &err);

    if (rc == 0)
        rc = wf_identity_open(cli->home.owner, &k, &err);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    wf_phrase_write(secret, text);
    if (cli->json)
        printf("{\"words\":\"%s\"}\n", text);
    else
        wf_paper_print(stdout, text, k.signer.id, !isatty(STDOUT_FILENO));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(text, sizeof(text));
    wf_identity_forget(&k);
    /* Forgotten only when they are out. */
    if (fflush(stdout) != 0 || ferror(stdout))
        rc = wf_err_set(&err, WF_E_IO, "%s",
                        _("The page could not be written. The words are still here."));
    else
        rc = wf_identity_paper_done(cli->home.owner, &err);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}

static int recover(struct wf_cli *cli)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES], id[WF_SIGNER_ID_BYTES];
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf typed;
    int rc;

    wf_buf_init(&typed, WF_PHRASE_TYPED_BYTES);
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "%s\n", _("Type the twelve words from the paper, then Ctrl-D:"));
    rc = wf_file_read_stream(STDIN_FILENO, &typed, &err);
    if (rc == 0)
        rc = wf_phrase_read(wf_buf_str(&typed), secret, &err);
    if (rc == 0)
        rc = wf_file_mkdirs(cli->home.dir, &err);
    if (rc == 0)
        rc = wf_identity_recover(cli->home.owner, secret, id, &err);
    sodium_memzero(secret, sizeof(secret));
    if (typed.len > 0)
        sodium_memzero(typed.ptr, typed.len);
    wf_buf_deinit(&typed);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    wf_fingerprint(id, fingerprint);
    if (cli->json)
        printf("{\"owner\":\"%s\"}\n", fingerprint);
    else
        printf(_("The owner's key is on this device now. Its fingerprint must be that on the "
                 "paper: %s\n"),
               fingerprint);
    return WF_EXIT_DONE;
}

int wf_cmd_nodes(struct wf_cli *cli)
{
    bool is_init = false, is_off = false;
    const char *relay = NULL;
    const struct wf_option options[] = {
        {.name = "relay", .kind = WF_OPTION_TEXT, .out = &relay},
        {.name = "off", .kind = WF_OPTION_FLAG, .out = &is_off},
        {.name = "init", .kind = WF_OPTION_FLAG, .out = &is_init},
        {.name = NULL},
    };
    const char *verb;
    int code;

    if (!wf_cli_options(cli, usage(), options, &code))
        return code;
    verb = cli->n_args > 0 ? cli->args[0] : "";
    wf_zone_init();
    if (sodium_init() < 0)
        return WF_EXIT_FAILED;
    if (relay != NULL && cli->n_args == 0 && !is_init)
        return call_nodes(cli, "nodes.relay",
                          json_pack("{s:s, s:b}", "name", relay, "off", is_off));
    if (relay != NULL || is_off)
        return wf_cli_usage(usage());
    if (cli->n_args == 0)
        return call_nodes(cli, is_init ? "nodes.init" : "nodes.list", json_object());
    if (is_init)
        return wf_cli_usage(usage());
    if (strcmp(verb, "rename") == 0 && cli->n_args == 3)
        return call_nodes(cli, "nodes.rename",
                          json_pack("{s:s, s:s}", "name", cli->args[1], "to", cli->args[2]));
    if (strcmp(verb, "clear") == 0 && cli->n_args == 3)
        return call_nodes(cli, "nodes.clear",
                          json_pack("{s:s, s:s}", "name", cli->args[1], "label", cli->args[2]));
    if (strcmp(verb, "revoke") == 0 && cli->n_args == 2)
        return call_nodes(cli, "nodes.revoke", json_pack("{s:s}", "name", cli->args[1]));
    if (strcmp(verb, "address") == 0 && cli->n_args == 3)
        return call_nodes(cli, "nodes.address",
                          json_pack("{s:s, s:s}", "name", cli->args[1], "address", cli->args[2]));
    if (strcmp(verb, "leave") == 0 && cli->n_args == 1)
        return call_nodes(cli, "nodes.leave", json_object());
    if (strcmp(verb, "paper") == 0 && cli->n_args == 1)
        return paper(cli);
    if (strcmp(verb, "recover") == 0 && cli->n_args == 1)
        return recover(cli);
    return wf_cli_usage(usage());
}
