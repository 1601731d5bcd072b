/* SPDX-License-Identifier: Apache-2.0 */
/* weft ledger list, verify, export: what left this machine, and that nobody changed the record. It
 * reads the files itself: no daemon is asked for its word. */
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "op/ledger.h"
#include "os/zone.h"
#include "privacy/ledger_read.h"
#include "privacy/node.h"

#define LAST_DEFAULT 20
#define LAST_MAX 100000
/* A write that is under way looks like a damaged end for a moment. */
#define VERIFY_TRIES 5
#define VERIFY_PAUSE_MS 100

struct options {
    int64_t last;
    const char *noted;
};

static const char *local(int64_t ms, char out[WF_CIVIL_BYTES])
{
    struct wf_civil c;

    wf_zone_civil(ms, &c);
    wf_civil_print(&c, out);
    out[10] = ' ';
    return out;
}

/* ---- list ---- */

/* " 2 PERSON, 1 IBAN_CODE" */
static void print_counts(json_t *counts, const char *before)
{
    const char *lead = before, *type;
    json_t *n;

    json_object_foreach(counts, type, n)
    {
        printf("%s%lld %s", lead, (long long)json_integer_value(n), type);
        lead = ", ";
    }
}

static void print_text(const json_t *entry, const char *key, const char *before)
{
    char *text = wf_strdup(wf_json_text(entry, key));

    if (text == NULL || *text == '\0') {
        wf_free(text);
        return;
    }
    wf_str_make_printable(text, strlen(text));
    printf("%s%s", before, text);
    wf_free(text);
}

/* "Ben's phone" of "Ben / phone"; of one that is called as its person is, the name. */
static void whose(const char *to, char *out, size_t cap)
{
    const char *at = NULL;

    for (const char *p = to; (p = strstr(p, " / ")) != NULL; p += 3)
        at = p;
    if (at == NULL)
        snprintf(out, cap, "%s", to);
    else if (strlen(at + 3) == (size_t)(at - to) && strncmp(to, at + 3, strlen(at + 3)) == 0)
        snprintf(out, cap, "%s", at + 3);
    else {
        char person[200];
        snprintf(person, sizeof(person), "%.*s", (int)(at - to), to);
        snprintf(out, cap, _("%s's %s"), person, at + 3);
    }
}

/* "12 changes to the draft plans/list went to Ben's phone" */
struct words {
    const char *count, *place, *to;
    unsigned long n;
};

static void put_words(const char *what, const struct words *w, char *out, size_t cap)
{
    if (strcmp(what, "draft") == 0)
        snprintf(out, cap,
                 ngettext("%s change to the draft %s went to %s",
                          "%s changes to the draft %s went to %s", w->n),
                 w->count, w->place, w->to);
    else if (strcmp(what, "record") == 0)
        snprintf(out, cap,
                 ngettext("%s change to the records %s went to %s",
                          "%s changes to the records %s went to %s", w->n),
                 w->count, w->place, w->to);
    else if (strcmp(what, "document") == 0)
        snprintf(out, cap,
                 ngettext("%s change to the document %s went to %s",
                          "%s changes to the document %s went to %s", w->n),
                 w->count, w->place, w->to);
    else if (strcmp(what, "file") == 0)
        snprintf(out, cap, _("the file %s went to %s"), w->place, w->to);
    else
        snprintf(out, cap,
                 ngettext("%s sealed batch of %s went to %s", "%s sealed batches of %s went to %s",
                          w->n),
                 w->count, w->place, w->to);
}

/* What went to another person's device. */
static void print_given(const json_t *e)
{
    const char *name = wf_json_text(e, "name");
    unsigned long n = (unsigned long)json_integer_value(json_object_get(e, "changes"));
    char place[1200], to[400], count[32], bytes[32], text[2000];
    const struct words w = {.count = count, .place = place, .to = to, .n = n};

    whose(wf_json_text(e, "to"), to, sizeof(to));
    snprintf(place, sizeof(place), "%s%s%s", wf_json_text(e, "space"), name[0] == 0 ? "" : "/",
             name);
    (void)wf_cli_count(count, n);
    put_words(wf_json_text(e, "what"), &w, text, sizeof(text));
    wf_str_make_printable(text, strlen(text));
    printf("%s%s%s  %s%s", wf_cli_bold(), text, wf_cli_plain(),
           wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(e, "bytes"))),
           wf_cli_dim());
    if (!json_is_null(json_object_get(e, "request_entry")))
        printf(_("  in all, since entry %lld"),
               (long long)json_integer_value(json_object_get(e, "request_entry")));
    print_text(e, "reason", "  ");
    printf("%s\n", wf_cli_plain());
}

static void print_entry(const json_t *e)
{
    char at[WF_CIVIL_BYTES], bytes[32];

    printf("%6lld  %s  %-10s  %-8s ", (long long)json_integer_value(json_object_get(e, "seq")),
           local(json_integer_value(json_object_get(e, "time")), at), wf_json_text(e, "kind"),
           wf_json_text(e, "label"));
    if (strncmp(wf_json_text(e, "kind"), "given", 5) == 0) {
        print_given(e);
        return;
    }
    printf("%s", wf_cli_bold());
    print_text(e, "engine", "");
    print_text(e, "to", " > ");
    printf("%s", wf_cli_plain());
    print_text(e, "model", "  ");
    printf("  %s", wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(e, "bytes"))));
    print_counts(json_object_get(e, "redactions"), _("  redacted: "));
    print_counts(json_object_get(e, "flags"), _("  flagged: "));
    printf("%s", wf_cli_dim());
    print_text(json_object_get(e, "release"), "who", _("  released by "));
    print_text(json_object_get(e, "release"), "from", _(" from "));
    print_text(json_object_get(e, "release"), "reason", ": ");
    print_text(e, "reason", "  ");
    printf("%s\n", wf_cli_plain());
}

static int list(struct wf_cli *cli, const struct options *o, struct wf_err *err)
{
    const struct wf_op_ledger_page page = {.limit = (size_t)o->last,
                                           .now_ms = wf_clock_wall_ms(NULL)};
    json_t *v = NULL;
    const json_t *entries;
    int rc = wf_op_ledger_json(cli->home.ledger, &page, &v, err);

    if (rc != 0)
        return rc;
    entries = json_object_get(v, "entries");
    if (cli->json)
        wf_cli_print_json(v);
    else if (json_array_size(entries) == 0)
        printf("%s\n", _("Nothing has left this machine."));
    for (size_t i = json_array_size(entries); !cli->json && i > 0; i--)
        print_entry(json_array_get(entries, i - 1));
    json_decref(v);
    return 0;
}

/* ---- verify ---- */

/* "SEQ:HASH", as verify prints it. */
static bool read_noted(const char *text, struct wf_ledger_noted *out)
{
    struct wf_str rest = wf_str_from(text), seq, hash;
    size_t n = 0;

    return wf_str_split(&rest, ':', &seq) && wf_str_split(&rest, ':', &hash) &&
           wf_str_to_u64(seq, &out->seq) && out->seq > 0 &&
           sodium_hex2bin(out->hash, sizeof(out->hash), hash.ptr, hash.len, NULL, &n, NULL) == 0 &&
           n == sizeof(out->hash) && !wf_str_split(&rest, ':', &hash);
}

/* What the node's key says of the ledger's. */
struct certified {
    struct wf_node_cert cert;
    int rc; /* 0, NOENT: not yet */
};

static void print_certified(const struct certified *c)
{
    char key[2 * WF_NODE_KEY_BYTES + 1], at[WF_CIVIL_BYTES];

    if (c->rc != 0) {
        printf("%s\n", _("No node key certifies it yet: the running weft does that once."));
        return;
    }
    (void)sodium_bin2hex(key, sizeof(key), c->cert.node, sizeof(c->cert.node));
    printf(_("Certified by this node's key %s at %s.\n"), key, local(c->cert.time_ms, at));
}

static json_t *certified_json(const struct certified *c)
{
    char key[2 * WF_NODE_KEY_BYTES + 1];

    if (c->rc != 0)
        return json_null();
    (void)sodium_bin2hex(key, sizeof(key), c->cert.node, sizeof(c->cert.node));
    return json_pack("{s:s, s:I}", "node", key, "time", (json_int_t)c->cert.time_ms);
}

static void print_report(const struct wf_cli *cli, const struct wf_ledger_report *r,
                         const struct certified *c, int rc, const struct wf_err *err)
{
    char hash[2 * WF_LEDGER_HASH_BYTES + 1], key[2 * WF_LEDGER_KEY_BYTES + 1];
    char n[32], at[WF_CIVIL_BYTES];

    (void)sodium_bin2hex(hash, sizeof(hash), r->hash, sizeof(r->hash));
    (void)sodium_bin2hex(key, sizeof(key), r->key, sizeof(r->key));
    if (cli->json) {
        json_t *v =
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o}", "ok", rc == 0, "entries",
                      (json_int_t)r->n_entries, "signed", (json_int_t)r->n_signed, "signed_time",
                      (json_int_t)r->signed_ms, "unfinished_bytes", (json_int_t)r->n_unfinished,
                      "hash", hash, "key", key, "certified", certified_json(c), "mistake",
                      rc == 0 ? json_null() : json_string(err->msg));
        wf_cli_print_json(v);
        json_decref(v);
        return;
    }
    if (rc != 0)
        return;
    printf(ngettext("%s entry, unchanged; signed at %s.\n",
                    "%s entries, unchanged; signed at %s.\n", (unsigned long)r->n_entries),
           wf_cli_count(n, r->n_entries), local(r->signed_ms, at));
    if (r->n_signed < r->n_entries)
        printf(_("The last %s are not signed yet.\n"), wf_cli_count(n, r->n_entries - r->n_signed));
    printf(_("Signed by the key %s.\n"), key);
    print_certified(c);
    if (r->n_entries > 0)
        printf(_("Note this down elsewhere, and nobody can put an older ledger in its place:\n"
                 "  weft ledger verify --noted %llu:%s\n"),
               (unsigned long long)r->n_entries, hash);
}

static int verify(struct wf_cli *cli, const struct options *o, int *out_exit, struct wf_err *err)
{
    struct wf_ledger_report r = {.n_entries = 0};
    struct certified c = {.rc = WF_E_NOENT};
    struct wf_ledger_noted noted;
    int rc = 0;

    if (o->noted != NULL && !read_noted(o->noted, &noted))
        return wf_err_set(err, WF_E_INVAL, _("--noted takes what verify printed: NUMBER:HASH."));
    for (unsigned i = 0; i < VERIFY_TRIES; i++) {
        rc = wf_ledger_verify(cli->home.ledger, o->noted != NULL ? &noted : NULL, &r, err);
        if (rc != WF_E_CORRUPT || r.n_unfinished == 0)
            break;
        (void)poll(NULL, 0, VERIFY_PAUSE_MS);
    }
    if (rc == 0) {
        c.rc = wf_node_check_ledger(cli->home.node, r.key, &c.cert, err);
        rc = c.rc == WF_E_NOENT ? 0 : c.rc;
    }
    if (rc != 0 && rc != WF_E_CORRUPT)
        return rc;
    print_report(cli, &r, &c, rc, err);
    *out_exit = rc == 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
    return rc != 0 && !cli->json ? rc : 0;
}

/* ---- export ---- */

static int export(struct wf_cli *cli, struct wf_err *err)
{
    const struct wf_ledger_entry *e;
    struct wf_ledger_reader *r = NULL;
    int rc = wf_ledger_reader_open(cli->home.ledger, &r, err);

    while (rc == 0 && (rc = wf_ledger_reader_next(r, &e, err)) == 1) {
        json_t *v = wf_ledger_entry_json(e);
        rc = v == NULL ? wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory.")) : 0;
        if (v != NULL)
            wf_cli_print_json(v);
        json_decref(v);
    }
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = wf_err_set(err, WF_E_IO, "%s", _("The output could not be written."));
    wf_ledger_reader_free(r);
    return rc;
}

int wf_cmd_ledger(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft ledger [list] [--last N]               what left this machine, newest last\n"
          "       weft ledger verify [--noted NUMBER:HASH]    whether anybody changed the record\n"
          "       weft ledger export                          all of it, a JSON object a line\n\n"
          "Nothing leaves for a provider or another person's device before it stands here: when,\n"
          "to whom, how sensitive, what was redacted, how much, why. No text is kept. "
          "docs/privacy.md says what a\n"
          "verified ledger proves.");
    struct options o = {.last = LAST_DEFAULT};
    const struct wf_option options[] = {
        {.name = "last", .kind = WF_OPTION_NUMBER, .out = &o.last, .min = 1, .max = LAST_MAX},
        {.name = "noted", .kind = WF_OPTION_TEXT, .out = &o.noted},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    const char *what;
    int code = WF_EXIT_DONE, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    what = cli->n_args > 0 ? cli->args[0] : "list";
    if (cli->n_args > 1)
        return wf_cli_usage(usage);
    if (strcmp(what, "list") == 0)
        rc = list(cli, &o, &err);
    else if (strcmp(what, "verify") == 0)
        rc = verify(cli, &o, &code, &err);
    else if (strcmp(what, "export") == 0)
        rc = export(cli, &err);
    else
        return wf_cli_usage(usage);
    return rc != 0 ? wf_cli_fail(cli, &err) : code;
}
