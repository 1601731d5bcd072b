/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of drafts behind a script: reads commands from standard input, writes one answer to
 * each that has one. the rooms of tests/crdt play a room with Yjs, write down what they did, and
 * compare what this program says to the same. All numbers and bytes are in lib0's form; a command
 * is its number, then its arguments; an answer is a status (0 or -code), then bytes with their
 * length. Every other document is replaced by what its image gives before each update that it takes
 * in and each transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crdt/any.h"
#include "crdt/awareness.h"
#include "crdt/image.h"
#include "crdt/position.h"
#include "crdt/snapshot.h"
#include "crdt/types.h"
#include "crdt/undo.h"
#include "crdt/update.h"

#define DOCS 64

enum command {
    CMD_NEW = 1,       /* doc client flags */
    CMD_BEGIN,         /* doc */
    CMD_COMMIT,        /* doc -> updates told since BEGIN, each with its length */
    CMD_APPLY,         /* doc format update -> updates told */
    CMD_ENCODE,        /* doc format vector -> update */
    CMD_VECTOR,        /* doc -> state vector */
    CMD_ROOT,          /* doc name kind */
    CMD_READ,          /* doc ref what -> text (0), delta (1), JSON (2) */
    CMD_MERGE,         /* format n updates -> update */
    CMD_DIFF,          /* format update vector -> update */
    CMD_CONVERT,       /* from to update -> update */
    CMD_UPDATE_VECTOR, /* format update -> vector */
    CMD_TEXT_INSERT,   /* doc ref at text has_attrs attrs */
    CMD_TEXT_EMBED,    /* doc ref at put has_attrs attrs */
    CMD_TEXT_DELETE,   /* doc ref at n */
    CMD_TEXT_FORMAT,   /* doc ref at n attrs */
    CMD_ARRAY_INSERT,  /* doc ref at put */
    CMD_ARRAY_PUSH,    /* doc ref put */
    CMD_ARRAY_DELETE,  /* doc ref at n */
    CMD_MAP_SET,       /* doc ref key put */
    CMD_MAP_DELETE,    /* doc ref key */
    CMD_CLIENT,        /* doc client */
    CMD_FREE,          /* doc */
    CMD_UNDO_NEW,      /* doc capture-ms: of all roots that there are */
    CMD_UNDO,          /* doc -> updates told */
    CMD_REDO,          /* doc -> updates told */
    CMD_UNDO_STOP,     /* doc */
    CMD_UNDO_DEPTH,    /* doc -> two numbers */
    CMD_POSITION,      /* doc ref at left -> position */
    CMD_POSITION_FIND, /* doc position -> a number */
    CMD_SNAPSHOT,      /* doc format -> snapshot */
    CMD_RESTORE,       /* doc format snapshot to: the old version into another document */
    CMD_AWARE_NEW,     /* slot client */
    CMD_AWARE_SET,     /* slot state */
    CMD_AWARE_APPLY,   /* slot message */
    CMD_AWARE_ENCODE,  /* slot n clients -> message */
};

struct doc {
    struct wf_crdt *d;
    struct wf_crdt_options options;
    struct wf_buf told;
    struct wf_crdt_undo *undo;
    struct wf_awareness *aware;
    uint64_t roots[8];
    size_t n_roots;
    bool is_open;
};
static struct doc docs[DOCS];
static struct wf_lib0_in in;
static struct wf_buf answer;

static void told(void *ud, struct wf_str update, bool remote)
{
    struct doc *doc = ud;

    (void)remote;
    wf_lib0_append_bytes(&doc->told, update);
}

static struct doc *get_doc(void)
{
    return &docs[wf_lib0_uint(&in) % DOCS];
}

/* A type: 0 name, or 1 client clock. */
static uint64_t get_type(struct doc *doc)
{
    uint64_t client, type = 0;

    if (wf_lib0_uint(&in) == 0) {
        if (wf_crdt_root(doc->d, wf_lib0_bytes(&in), WF_CRDT_UNTYPED, &type) != 0)
            return 0;
        return type;
    }
    client = wf_lib0_uint(&in);
    return wf_crdt_type_at(doc->d, client, (uint32_t)wf_lib0_uint(&in));
}

static struct wf_crdt_put get_put(void)
{
    struct wf_crdt_put p = {.kind = (enum wf_crdt_put_kind)wf_lib0_uint(&in)};

    p.n = (uint32_t)wf_lib0_uint(&in);
    p.type = (enum wf_crdt_kind)wf_lib0_uint(&in);
    p.name = wf_lib0_bytes(&in);
    p.bytes = wf_lib0_bytes(&in);
    return p;
}

static const struct wf_str *get_attrs(struct wf_str *out)
{
    bool has = wf_lib0_uint(&in) != 0;

    *out = wf_lib0_bytes(&in);
    return has ? out : NULL;
}

static int change(enum command c, struct doc *doc)
{
    uint64_t type = get_type(doc);
    uint32_t at, n;
    struct wf_str text, attrs;
    struct wf_crdt_put put;
    const struct wf_str *given;

    switch (c) {
    case CMD_TEXT_INSERT:
        at = (uint32_t)wf_lib0_uint(&in);
        text = wf_lib0_bytes(&in);
        given = get_attrs(&attrs);
        return wf_crdt_text_insert(doc->d, type, at, text, given);
    case CMD_TEXT_EMBED:
        at = (uint32_t)wf_lib0_uint(&in);
        put = get_put();
        given = get_attrs(&attrs);
        return wf_crdt_text_embed(doc->d, type, at, &put, given, NULL);
    case CMD_TEXT_DELETE:
    case CMD_ARRAY_DELETE:
        at = (uint32_t)wf_lib0_uint(&in);
        n = (uint32_t)wf_lib0_uint(&in);
        return c == CMD_TEXT_DELETE ? wf_crdt_text_delete(doc->d, type, at, n)
                                    : wf_crdt_array_delete(doc->d, type, at, n);
    case CMD_TEXT_FORMAT:
        at = (uint32_t)wf_lib0_uint(&in);
        n = (uint32_t)wf_lib0_uint(&in);
        return wf_crdt_text_format(doc->d, type, at, n, wf_lib0_bytes(&in));
    case CMD_ARRAY_INSERT:
        at = (uint32_t)wf_lib0_uint(&in);
        put = get_put();
        return wf_crdt_array_insert(doc->d, type, at, &put, NULL);
    case CMD_ARRAY_PUSH:
        put = get_put();
        return wf_crdt_array_push(doc->d, type, &put, NULL);
    case CMD_MAP_SET:
        text = wf_lib0_bytes(&in);
        put = get_put();
        return wf_crdt_map_set(doc->d, type, text, &put, NULL);
    case CMD_MAP_DELETE:
        return wf_crdt_map_delete(doc->d, type, wf_lib0_bytes(&in));
    default:
        return WF_E_INVAL;
    }
}

static int new_doc(void)
{
    struct doc *doc = get_doc();
    struct wf_crdt_options o = {.client = wf_lib0_uint(&in), .on_update = told, .ud = doc};

    o.keep_deleted = (wf_lib0_uint(&in) & 1) != 0;
    o.pack_always = doc != docs; /* the first one only where there is much, as elsewhere */
    wf_crdt_undo_free(doc->undo);
    wf_crdt_free(doc->d);
    doc->undo = NULL;
    doc->d = NULL;
    doc->n_roots = 0;
    wf_buf_init(&doc->told, SIZE_MAX);
    doc->options = o;
    return wf_crdt_new(&o, &doc->d);
}

/* Not while something was undone: an image does not hold that. */
static int reopen(struct doc *doc)
{
    struct wf_crdt *again = NULL;
    struct wf_buf image;
    struct wf_str name;
    size_t i = 0;
    int rc;

    if ((doc - docs) % 2 == 0 || doc->undo != NULL || doc->is_open)
        return 0;
    wf_buf_init(&image, SIZE_MAX);
    rc = wf_crdt_image_write(doc->d, &image);
    doc->options.client = wf_crdt_client(doc->d);
    if (rc == 0)
        rc = wf_crdt_image_open(wf_buf_str(&image), &doc->options, &again);
    wf_buf_deinit(&image);
    if (rc != 0)
        return rc == WF_E_BUSY ? 0 : rc;
    wf_crdt_free(doc->d);
    doc->d = again;
    doc->n_roots = 0;
    while (doc->n_roots < 8 && wf_crdt_root_next(doc->d, &i, &name, &doc->roots[doc->n_roots]))
        doc->n_roots++;
    return 0;
}

static int answer_told(struct doc *doc, int rc)
{
    (void)wf_buf_append_str(&answer, wf_buf_str(&doc->told));
    wf_buf_reset(&doc->told);
    return rc;
}

static int raw(enum command c)
{
    enum wf_crdt_format format = (enum wf_crdt_format)wf_lib0_uint(&in), to;
    struct wf_str updates[DOCS], update;
    size_t n;

    switch (c) {
    case CMD_MERGE:
        n = (size_t)wf_lib0_uint(&in);
        for (size_t i = 0; i < n; i++)
            updates[i % DOCS] = wf_lib0_bytes(&in);
        return wf_crdt_merge(updates, n, format, &answer);
    case CMD_DIFF:
        update = wf_lib0_bytes(&in);
        return wf_crdt_diff(update, wf_lib0_bytes(&in), format, &answer);
    case CMD_CONVERT:
        to = (enum wf_crdt_format)wf_lib0_uint(&in);
        return wf_crdt_convert(wf_lib0_bytes(&in), format, to, &answer);
    default:
        return wf_crdt_update_vector(wf_lib0_bytes(&in), format, &answer);
    }
}

static int read_type(struct doc *doc)
{
    uint64_t type = get_type(doc), what = wf_lib0_uint(&in);

    if (what == 0)
        return wf_crdt_text_get(doc->d, type, &answer);
    if (what == 1)
        return wf_crdt_text_delta(doc->d, type, &answer);
    return wf_crdt_json(doc->d, type, &answer);
}

static int undo(enum command c, struct doc *doc)
{
    struct wf_crdt_undo_options o = {.types = doc->roots, .n_types = doc->n_roots};

    switch (c) {
    case CMD_UNDO_NEW:
        o.capture_ms = (uint32_t)wf_lib0_uint(&in);
        return wf_crdt_undo_new(doc->d, &o, &doc->undo);
    case CMD_UNDO:
        return answer_told(doc, wf_crdt_undo(doc->undo, NULL));
    case CMD_REDO:
        return answer_told(doc, wf_crdt_redo(doc->undo, NULL));
    case CMD_UNDO_STOP:
        wf_crdt_undo_stop(doc->undo);
        return 0;
    default:
        wf_lib0_append_uint(&answer, wf_crdt_undo_depth(doc->undo));
        wf_lib0_append_uint(&answer, wf_crdt_redo_depth(doc->undo));
        return 0;
    }
}

static int restore(struct doc *doc, enum wf_crdt_format format)
{
    struct wf_str snapshot = wf_lib0_bytes(&in);
    struct doc *to = get_doc();
    struct wf_buf update;
    int rc;

    wf_buf_init(&update, SIZE_MAX);
    rc = wf_crdt_snapshot_restore(doc->d, snapshot, format, &update);
    if (rc == 0)
        rc = wf_crdt_apply(to->d, wf_buf_str(&update), WF_CRDT_V2, NULL);
    wf_buf_deinit(&update);
    return rc;
}

static int place(enum command c, struct doc *doc)
{
    uint64_t type;
    uint32_t at;
    int rc;

    switch (c) {
    case CMD_POSITION:
        type = get_type(doc);
        at = (uint32_t)wf_lib0_uint(&in);
        return wf_crdt_position_make(doc->d, type, at, wf_lib0_uint(&in) != 0, &answer);
    case CMD_POSITION_FIND:
        rc = wf_crdt_position_find(doc->d, wf_lib0_bytes(&in), &type, &at);
        wf_lib0_append_uint(&answer, rc == 0 ? at + 1 : 0);
        return 0;
    case CMD_SNAPSHOT:
        return wf_crdt_snapshot(doc->d, (enum wf_crdt_format)wf_lib0_uint(&in), &answer);
    default:
        return restore(doc, (enum wf_crdt_format)wf_lib0_uint(&in));
    }
}

static int aware(enum command c, struct doc *doc)
{
    uint64_t clients[DOCS];
    size_t n;

    switch (c) {
    case CMD_AWARE_NEW:
        wf_awareness_free(doc->aware);
        return wf_awareness_new(wf_lib0_uint(&in), &doc->aware);
    case CMD_AWARE_SET:
        return wf_awareness_set(doc->aware, wf_lib0_bytes(&in), 0);
    case CMD_AWARE_APPLY:
        return wf_awareness_apply(doc->aware, wf_lib0_bytes(&in), 0, NULL);
    default:
        n = (size_t)wf_lib0_uint(&in);
        for (size_t i = 0; i < n; i++)
            clients[i % DOCS] = wf_lib0_uint(&in);
        return wf_awareness_encode(doc->aware, clients, n, &answer);
    }
}

static int run(enum command c)
{
    struct doc *doc;
    enum wf_crdt_format format;
    struct wf_str s;
    uint64_t type;
    int rc;

    if (c == CMD_NEW)
        return new_doc();
    if (c >= CMD_MERGE && c <= CMD_UPDATE_VECTOR)
        return raw(c);
    doc = get_doc();
    if (c >= CMD_TEXT_INSERT && c <= CMD_MAP_DELETE)
        return change(c, doc);
    if (c >= CMD_UNDO_NEW && c <= CMD_UNDO_DEPTH)
        return undo(c, doc);
    if (c >= CMD_POSITION && c <= CMD_RESTORE)
        return place(c, doc);
    if (c >= CMD_AWARE_NEW && c <= CMD_AWARE_ENCODE)
        return aware(c, doc);
    switch (c) {
    case CMD_BEGIN:
        rc = reopen(doc);
        if (rc == 0)
            rc = wf_crdt_begin(doc->d);
        doc->is_open = rc == 0;
        return rc;
    case CMD_COMMIT:
        rc = doc->is_open ? wf_crdt_commit(doc->d) : WF_E_INVAL;
        doc->is_open = false;
        return answer_told(doc, rc);
    case CMD_APPLY:
        format = (enum wf_crdt_format)wf_lib0_uint(&in);
        rc = reopen(doc);
        if (rc != 0)
            return rc;
        return answer_told(doc, wf_crdt_apply(doc->d, wf_lib0_bytes(&in), format, NULL));
    case CMD_ENCODE:
        format = (enum wf_crdt_format)wf_lib0_uint(&in);
        return wf_crdt_encode(doc->d, wf_lib0_bytes(&in), format, &answer);
    case CMD_VECTOR:
        return wf_crdt_state_vector(doc->d, &answer);
    case CMD_ROOT:
        s = wf_lib0_bytes(&in);
        rc = wf_crdt_root(doc->d, s, (enum wf_crdt_kind)wf_lib0_uint(&in), &type);
        if (rc == 0 && doc->n_roots < 8)
            doc->roots[doc->n_roots++] = type;
        return rc;
    case CMD_READ:
        return read_type(doc);
    case CMD_CLIENT:
        return wf_crdt_set_client(doc->d, wf_lib0_uint(&in));
    default:
        wf_crdt_undo_free(doc->undo);
        wf_crdt_free(doc->d);
        doc->undo = NULL;
        doc->d = NULL;
        wf_buf_deinit(&doc->told);
        return 0;
    }
}

int main(void)
{
    struct wf_buf script, out;
    size_t n;

    wf_buf_init(&script, SIZE_MAX);
    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&answer, SIZE_MAX);
    do {
        if (wf_buf_reserve(&script, 1 << 16) != 0)
            return 1;
        n = fread(script.ptr + script.len, 1, 1 << 16, stdin);
        wf_buf_commit(&script, n);
    } while (n > 0);
    in = wf_lib0_in(script.ptr, script.len);
    while (in.p < in.end && !in.bad) {
        wf_buf_reset(&answer);
        int rc = run((enum command)wf_lib0_uint(&in));
        wf_lib0_append_uint(&out, (uint64_t)-rc);
        wf_lib0_append_bytes(&out, wf_buf_str(&answer));
    }
    (void)fwrite(out.ptr, 1, out.len, stdout);
    for (size_t i = 0; i < DOCS; i++) {
        wf_crdt_undo_free(docs[i].undo);
        wf_crdt_free(docs[i].d);
        wf_awareness_free(docs[i].aware);
        wf_buf_deinit(&docs[i].told);
    }
    wf_buf_deinit(&script);
    wf_buf_deinit(&out);
    wf_buf_deinit(&answer);
    return in.bad ? 1 : 0;
}
