/* Played, here: the definitions of support/played.h and of what it plays, for the one source file
 * of a program that includes this; in the archive of all helpers they would take the place of the
 * true ones everywhere.
 *
 * Files that are added are known or fail, whatever they hold; a document that is read has two
 * sentences. */
#ifndef WF_TESTS_SUPPORT_PLAYED_HERE_H
#define WF_TESTS_SUPPORT_PLAYED_HERE_H

#include "support/played.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "ingest/extract.h"
#include "ingest/intake.h"
#include "os/file.h"
#include "support/library.h"

#define CALLS_PER_STORE 400

/* ---- what is played ---- */

/* Nothing here has to survive a power cut. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* Every third file fails. */
int wf_intake_add(struct wf_intake *in, const struct wf_intake_request *req, struct wf_err *err)
{
    int fd = req->fd;
    struct wf_intake_result r = {.path = req->path, .bytes = req->stat.size};
    struct wf_intake_progress p = {.n_done = 1, .n_all = 2};
    (void)in;
    assert(fd >= 0);
    if (req->stat.size % 3 == 2) {
        return wf_err_set(err, WF_E_CANCELED, "weft is stopping");
    }
    r.outcome = req->stat.size % 3 == 1 ? WF_INTAKE_FAILED : WF_INTAKE_KNOWN;
    r.reason = r.outcome == WF_INTAKE_FAILED ? WF_STR("broken") : wf_str_n(NULL, 0);
    if (req->progress != NULL) {
        req->progress(req->ud, &p);
    }
    req->done(req->ud, &r);
    wf_file_close(&fd);
    return 0;
}

int wf_intake_look(struct wf_intake *in, struct wf_str path, const struct wf_source_stat *st,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err)
{
    (void)in;
    (void)path;
    (void)space;
    (void)arena;
    (void)err;
    *out =
        (struct wf_source_known){.state = st->mtime_ns % 2 != 0 ? WF_SOURCE_FAILED : WF_SOURCE_NEW,
                                 .reason = WF_STR("broken")};
    return 0;
}

int wf_extract_run(struct wf_extract_client *c, int fd, const char *name, wf_stream_fn fn, void *ud,
                   struct wf_err *err)
{
    struct wf_stream_frame f = {.type = WF_STREAM_TEXT, .text = WF_STR("One line. Another one.\n")};
    (void)c;
    (void)name;
    assert(fd >= 0);
    return fn(ud, &f, err);
}

/* ---- the store ---- */

static struct library library;
static struct wf_rng_seeded rng;
static struct wf_op_context context;
static unsigned n_calls;

/* The original of the n-th document, where the store looks for it; the library keeps none. */
static void put_original(unsigned n, const char *text)
{
    char path[300];
    int len = snprintf(path, sizeof(path), "%s/blobs/%02x", library.dir, n);
    assert(len > 0 && (size_t)len < sizeof(path));
    int rc = wf_file_mkdirs(path, NULL);
    assert(rc == 0);
    len = snprintf(path, sizeof(path), "%s/blobs/%02x/%02x%062d", library.dir, n, n, 0);
    assert(len > 0 && (size_t)len < sizeof(path));
    rc = wf_file_replace(path, text, strlen(text), 0600, NULL);
    assert(rc == 0);
}

static void open_store(void)
{
    static const struct library_document documents[] = {
        {.path = "/a/lease.txt",
         .title = "Lease",
         .text = "# Rent\nThe rent is 700 euros a month. It is due on the third day.\n\nPets need "
                 "consent.\n\f# Notice\nThree months.\n"},
        {.path = "/b/miete.md",
         .space = "haus",
         .type = "text/markdown",
         .modified_ms = 1700000000000,
         .text = "Die Miete beträgt 700 Euro. Wer kündigt, schreibt einen Brief.\n"},
        {.path = "/b/茶.txt", .title = "茶", .text = "茶は七百円です。毎月払います。\n"},
    };
    /* Always the same ids, so that inputs can name documents and threads. */
    wf_rng_seeded_init(&rng, 1);
    library_open_with(&library, &(struct wf_store_options){.rng = &rng.rng});
    for (size_t i = 0; i < WF_ARRAY_LEN(documents); i++) {
        library_add(&library, &documents[i], NULL);
        put_original((unsigned)i + 1, documents[i].text);
    }
    library_commit(&library);
    context =
        (struct wf_op_context){.store = library.store,
                               .intake = (struct wf_intake *)&library, /* played: never looked at */
                               .hub = wf_hub_new(),
                               .home = "/home",
                               .state = wf_op_state_new()};
    assert(context.hub != NULL && context.state != NULL);
}

static void close_store(void)
{
    wf_op_state_free(context.state);
    wf_hub_free(context.hub);
    library_close(&library);
}

struct wf_op_context *played_begin(void)
{
    if (n_calls++ == 0) {
        open_store();
    }
    return &context;
}

bool played_is_full(void)
{
    return n_calls >= CALLS_PER_STORE;
}

void played_end(void)
{
    n_calls = 0;
    close_store();
}

#endif
