/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: looks at everything weft needs and says, line by line, whether it is well, and what
 * to do when it is not. It changes nothing. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/i18n.h"
#include "crdt/hlc.h"
#include "daemon/config.h"
#include "daemon/watcher.h"
#include "os/sandbox.h"

#define FREE_BYTES_LOW ((uint64_t)1 << 30)

void wf_doctor_say(struct wf_doctor *r, enum wf_doctor_state state, const char *what,
                   const char *detail, const char *advice)
{
    static const char *const names[] = {"ok", "note", "problem"};
    static const char *const marks[] = {"✓", "·", "✗"};

    if (state == WF_DOCTOR_BAD)
        r->bad = true;
    json_array_append_new(r->lines, json_pack("{s:s, s:s, s:s, s:s*}", "state", names[state],
                                              "what", what, "detail", detail, "advice", advice));
    if (r->cli->json)
        return;
    printf("%s %s%s%s: %s\n", marks[state], wf_cli_bold(), what, wf_cli_plain(), detail);
    if (advice)
        printf("    %s\n", advice);
}

static void check_sandbox(struct wf_doctor *r)
{
    struct wf_sandbox_support s = wf_sandbox_support();
    char detail[64];

    if (!s.seccomp)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Protection"), _("this kernel has no seccomp filter"),
                      _("weft does not run without it. Use a kernel with CONFIG_SECCOMP_FILTER."));
    snprintf(detail, sizeof(detail), _("seccomp, Landlock version %d"), s.landlock_abi);
    if (s.seccomp && s.landlock_abi > 0)
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Protection"), detail, NULL);
    else if (s.seccomp)
        wf_doctor_say(
            r, WF_DOCTOR_NOTE, _("Protection"), _("seccomp only; this kernel has no Landlock"),
            _("Files are then guarded by system call rules alone. Linux 5.13 or newer has "
              "Landlock."));
}

static void check_program(struct wf_doctor *r, const char *name, const char *path,
                          const char *package, const char *purpose)
{
    char advice[128];

    if (access(path, X_OK) == 0) {
        wf_doctor_say(r, WF_DOCTOR_WELL, name, purpose, NULL);
        return;
    }
    snprintf(advice, sizeof(advice), _("Install it: apt install %s"), package);
    wf_doctor_say(r, WF_DOCTOR_BAD, name, _("is missing"), advice);
}

/* The languages Tesseract can read, from its data files' names. */
static void check_ocr(struct wf_doctor *r)
{
    static const char *const dirs[] = {"/usr/share/tesseract-ocr/5/tessdata",
                                       "/usr/share/tesseract-ocr/4.00/tessdata",
                                       "/usr/share/tessdata"};
    char list[256] = "";
    size_t n = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(dirs) && n == 0; i++) {
        struct dirent *e;
        DIR *d = opendir(dirs[i]);
        while (d && (e = readdir(d)) != NULL) {
            struct wf_str name = wf_str_from(e->d_name);
            if (!wf_str_ends(name, WF_STR(".traineddata")) || wf_str_starts(name, WF_STR("osd")))
                continue;
            name = wf_str_sub(name, 0, name.len - 12);
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.*s", n ? ", " : "",
                                  WF_STR_ARG(name));
            if (n >= sizeof(list))
                break;
        }
        if (d)
            closedir(d);
    }
    if (n > 0)
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Text in pictures"), list, NULL);
    else
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Text in pictures"), _("no language is installed"),
                      _("Install those you need: apt install tesseract-ocr-eng tesseract-ocr-deu"));
}

static void check_home(struct wf_doctor *r)
{
    const struct wf_home *h = &r->cli->home;
    struct statvfs fs;
    char free_text[32], detail[300];
    struct stat st;

    if (stat(h->dir, &st) != 0) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Home"), h->dir,
                      _("It is not there yet; weft add or weft up makes it."));
        return;
    }
    if (access(h->dir, R_OK | W_OK | X_OK) != 0)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Home"), h->dir,
                      _("You may not write there. Mend its permissions."));
    else if (st.st_mode & 077)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Home"), _("others on this machine may look into it"),
                      _("Close it: chmod 700 on the home folder"));
    else
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Home"), h->dir, NULL);
    if (stat(h->token, &st) == 0 && (st.st_mode & 077))
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Token"), _("others on this machine may read it"),
                      _("Remove the file \"token\" in the home; weft up then makes a new one."));
    if (statvfs(h->dir, &fs) != 0)
        return;
    wf_cli_bytes(free_text, (uint64_t)fs.f_bavail * fs.f_frsize);
    snprintf(detail, sizeof(detail), _("%s free"), free_text);
    if ((uint64_t)fs.f_bavail * fs.f_frsize < FREE_BYTES_LOW)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Disk"), detail,
                      _("Make room: weft stops taking in files when it is full."));
    else
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Disk"), detail, NULL);
}

static void check_config(struct wf_doctor *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_config config;

    if (wf_cli_config(r->cli, &config, &err) != 0)
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Settings"), err.msg,
                      _("Mend the line; man weft lists the settings."));
    else if (strcmp(config.host, "127.0.0.1") != 0 && strcmp(config.host, "::1") != 0)
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Settings"),
                      _("the HTTP port can be reached from other machines, without "
                        "encryption"),
                      _("Set host = 127.0.0.1 in weft.conf unless you mean it."));
    else
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Settings"), _("in order"), NULL);
}

/* Search by meaning: how many passages have a vector. */
static void say_vectors(struct wf_doctor *r, const json_t *status)
{
    const json_t *v = json_object_get(status, "vectors");
    const char *state = json_string_value(json_object_get(v, "state"));
    const char *why = json_string_value(json_object_get(v, "why"));
    char n[32], all[32], detail[128];

    if (!state || strcmp(state, "off") == 0 || strcmp(state, "absent") == 0) {
        wf_doctor_say(r, WF_DOCTOR_NOTE, _("Search by meaning"), _("off: words alone"), why);
        return;
    }
    wf_cli_count(n, (uint64_t)json_integer_value(json_object_get(v, "chunks")));
    wf_cli_count(all, (uint64_t)json_integer_value(json_object_get(status, "chunks")));
    snprintf(detail, sizeof(detail), _("%s of %s passages"), n, all);
    wf_doctor_say(r, strcmp(state, "failed") == 0 ? WF_DOCTOR_BAD : WF_DOCTOR_WELL,
                  _("Search by meaning"), detail, why);
}

/* A clock that was set back: records go on from the time that it showed before, which others refuse
 * while it is too far ahead of theirs. */
static void say_clock(struct wf_doctor *r, const json_t *status)
{
    long long ms = (long long)json_integer_value(json_object_get(status, "clock_ahead_ms"));
    char detail[128];

    if (ms <= WF_HLC_AHEAD_MS_MAX)
        return;
    snprintf(detail, sizeof(detail), _("it was set back by %lld minutes"), ms / 60000);
    wf_doctor_say(r, WF_DOCTOR_BAD, _("Clock"), detail,
                  _("Other devices refuse new records until then. If the clock is wrong now, set "
                    "it."));
}

static void check_store(struct wf_doctor *r)
{
    struct wf_client_options o = {.program = r->cli->program};
    struct wf_client_call call = {.op = "status", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    char n[32], detail[128];
    struct stat st;
    int rc;

    if (stat(r->cli->home.data, &st) != 0)
        return;
    o.program = NULL;
    rc = wf_client_open(&r->cli->home, &o, &c, &err);
    r->is_daemon_there = rc == 0;
    wf_doctor_say(r, WF_DOCTOR_NOTE, _("Daemon"), rc == 0 ? _("running") : _("not running"),
                  rc == 0 ? NULL : _("Commands work without it; weft up starts it."));
    o.program = r->cli->program;
    if (rc != 0)
        rc = wf_client_open(&r->cli->home, &o, &c, &err);
    if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    if (rc != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Documents"), err.msg, NULL);
    } else {
        wf_cli_count(n, (uint64_t)json_integer_value(json_object_get(result, "documents")));
        snprintf(detail, sizeof(detail), _("%s taken in"), n);
        wf_doctor_say(r, WF_DOCTOR_WELL, _("Documents"), detail, NULL);
        say_vectors(r, result);
        say_clock(r, result);
    }
    json_decref(result);
    wf_client_close(c);
}

static void check_watched(struct wf_doctor *r)
{
    struct wf_watch_list list;
    struct wf_err err = WF_ERR_INIT;

    if (wf_watch_list_load(&r->cli->home, &list, &err) != 0) {
        wf_doctor_say(r, WF_DOCTOR_BAD, _("Watched folders"), err.msg, NULL);
        return;
    }
    for (size_t i = 0; i < list.n_paths; i++) {
        bool readable = access(list.paths[i], R_OK | X_OK) == 0;
        wf_doctor_say(r, readable ? WF_DOCTOR_WELL : WF_DOCTOR_BAD, _("Watched folder"),
                      list.paths[i],
                      readable ? NULL
                               : _("It is missing or may not be read. weft watch --remove forgets "
                                   "it."));
    }
    wf_watch_list_free(&list);
}

int wf_cmd_doctor(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft doctor\n\nSays what is installed, missing, misconfigured, "
                          "and what to do. Changes nothing.");
    struct wf_doctor r = {.cli = cli, .lines = json_array()};
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code)) {
        json_decref(r.lines);
        return code;
    }
    check_sandbox(&r);
    check_program(&r, "pdftotext", "/usr/bin/pdftotext", "poppler-utils", _("reads PDF files"));
    check_program(&r, "pdftoppm", "/usr/bin/pdftoppm", "poppler-utils",
                  _("shows scanned pages to the reader of pictures"));
    check_ocr(&r);
    check_home(&r);
    check_config(&r);
    check_store(&r);
    check_watched(&r);
    wf_doctor_airlock(&r);
    wf_doctor_link(&r);
    if (cli->json) {
        json_t *v = json_pack("{s:b, s:O}", "well", !r.bad, "checks", r.lines);
        wf_cli_print_json(v);
        json_decref(v);
    } else {
        printf("\n%s\n",
               r.bad ? _("Something needs your hand: see the lines marked ✗.") : _("All is well."));
    }
    json_decref(r.lines);
    return r.bad ? WF_EXIT_FAILED : WF_EXIT_DONE;
}
