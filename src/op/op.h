/* Operations: what weft can be asked to do, with JSON in and JSON out.
 *
 * One table, one row an operation; the HTTP server and the local socket both run its rows, so that
 * the two faces cannot differ. Parameters and results are those that docs/api.md describes.
 * Thread rule: any (each call works on its own; the context's members are shared and safe). */
#ifndef WF_OP_OP_H
#define WF_OP_OP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "engine/model_store.h"
#include "ingest/intake.h"
#include "op/hub.h"
#include "store/store.h"

struct wf_blobs;
struct wf_engine;
struct wf_detector;
struct wf_drafts;
struct wf_records;
struct wf_rights;
struct wf_fabric;
struct wf_engines;
struct wf_lens_pool;
struct wf_link;
struct wf_node_breakers;
struct wf_nodes;
struct wf_sealed;
struct wf_sharing;
struct wf_nearby;
struct wf_moving;
struct wf_thread_share;
struct wf_extract_client;
struct wf_inbound;
struct wf_meaning;
struct wf_op_state;
struct wf_phones;
struct wf_policy;
struct wf_power;

#define WF_OP_LINK_BYTES 256

/* How core gets to a process that may reach the internet (daemon/fetch.h): `begin` starts a
 * download into incoming/ID of the model store, *out_fd is its socket; `end` closes that. Threads:
 * any. */
struct wf_op_pull {
    int (*begin)(void *ud, const char *id, const json_t *request, int *out_fd, struct wf_err *err);
    void (*end)(void *ud, const char *id, int *io_fd);
    void *ud;
    const char *registry; /* where names without a host are looked for */
    const char *hub;
    const char *token; /* of the hub; empty: none */
};

struct wf_op_context {
    struct wf_store *store;
    struct wf_intake *intake;
    struct wf_rights *rights;   /* in which spaces may be written; NULL: in all */
    struct wf_records *records; /* what devices keep together; NULL: without a home */
    struct wf_drafts *drafts;   /* what is edited together; NULL: without a home */
    struct wf_fabric *fabric;   /* this owner's nodes; NULL: without a home */
    struct wf_extract_client *extract;
    struct wf_engine *engine;           /* what runs models; NULL: nothing does */
    struct wf_engine *router;           /* the same, where it is one (op/router.h); else NULL */
    const struct wf_engines *engines;   /* those elsewhere that `engine` knows; NULL: none */
    struct wf_meaning *meaning;         /* the vector side of search; NULL: by words alone */
    struct wf_lens_pool *lens;          /* the embedded model; NULL: none */
    const struct wf_detector *detector; /* of personal data and secrets; NULL: none */
    const struct wf_inbound *inbound;  /* what is flagged in documents and answers; NULL: nothing */
    const struct wf_policy *policy;    /* who may see what; NULL: none can be read, all is secret */
    bool is_plain_off;                 /* by the setting: sentences are not understood */
    bool summarizes_by_words;          /* by the setting: summaries do not ask lens */
    struct wf_hub *hub;                /* who wants to hear of changes */
    struct wf_log *log;                /* may be NULL */
    const struct wf_clock *clock;      /* NULL = the system's */
    const char *home;                  /* for status only: nothing is opened by it */
    const char *ledger;                /* its folder; NULL: without a home */
    const char *routes;                /* the decisions' log; NULL: without a home */
    const struct wf_power *power;      /* the device's; NULL: not known */
    int64_t carbon_g_kwh;              /* of its current, by the setting; 0: not said */
    struct wf_op_state *state;         /* what operations remember between calls */
    struct wf_model_store *models;     /* NULL: without a home */
    const struct wf_op_pull *pull;     /* NULL: nothing can be downloaded */
    struct wf_link *link;              /* the way to other nodes; NULL: none */
    struct wf_sealed *sealed;          /* what their cores say to each other; NULL: likewise */
    struct wf_nodes *nodes;            /* their models; NULL: likewise */
    struct wf_node_breakers *breakers; /* which of them are left alone for a while; likewise */
    struct wf_phones *phones;        /* browsers elsewhere that were let in; NULL: without a home */
    struct wf_sharing *sharing;      /* drafts and records on all of them; NULL: without link */
    struct wf_moving *moving;        /* answers that may go on elsewhere; NULL: likewise */
    struct wf_nearby *nearby;        /* what is open on all of them; NULL: likewise */
    struct wf_thread_share *threads; /* conversations on all of them; NULL: likewise */
    struct wf_blobs *blobs;          /* documents on all of them; NULL: without link */
    /* Writes a new one-time link to the page into out; NULL when no page is served. */
    void (*new_link)(void *ud, char out[WF_OP_LINK_BYTES]);
    void *new_link_ud;
    /* Called when there are more reminders, or fewer; NULL: nobody tells them. */
    void (*reminders_changed)(void *ud);
    void *reminders_ud;
};

struct wf_arena;
struct wf_document;

/* Tells listeners what became of a file, and now and then how many documents there are; and the
 * latter at once. Thread: any. */
void wf_op_publish_intake(struct wf_op_context *ctx, const struct wf_intake_result *r);
void wf_op_publish_documents(struct wf_op_context *ctx);

/* "added", "unchanged" (also for content that is known already) or "failed". Static storage. */
const char *wf_op_outcome(enum wf_intake_outcome outcome);

/* The document of docs/api.md, with its paths; NULL (and err set) out of memory or when they cannot
 * be read. Thread: owner of the reader. */
json_t *wf_op_document_json(struct wf_reader *r, const struct wf_document *d,
                            struct wf_arena *arena, struct wf_err *err);

/* Tells listeners (event "reminder") of all reminders that are due, each once, however late, and
 * says in *out_wait_ms when to call it again at the latest. Errors: those of the store. Thread:
 * any.
 */
int wf_op_remind(struct wf_op_context *ctx, int64_t *out_wait_ms, struct wf_err *err) WF_MUST_USE;

/* Whether `options` are some that the operation chat takes; and the name of the i-th one, NULL
 * behind the last. Errors: INVAL (the sentence names the option), NOMEM. Thread: any. */
int wf_op_chat_check(const json_t *options, struct wf_err *err) WF_MUST_USE;
const char *wf_op_chat_option(size_t i);

/* A draft has changed and rests: gives it the label that what stands in it asks for (never a lower
 * one), and tells listeners (event "drafts"). `ud` is the context. Thread: any. */
void wf_op_draft_settled(void *ud, int64_t draft);
/* A document's label as its text asks for, at least its space's; secret where it cannot be told.
 * For who is to pass it on (ud: the context). Reads all of it. */
enum wf_label wf_op_document_label(void *ud, int64_t document);
/* A draft's label as its text at that moment asks for: the row's is raised when it is lower. Secret
 * where nothing looks at texts. For who is to pass it on (ud: the context). Errors: those of
 * reading it, LIMIT, NOMEM. Thread: owner of the reader. */
struct wf_draft_moment;
int wf_op_draft_label(void *ud, const struct wf_draft_moment *at, enum wf_label *out,
                      struct wf_err *err) WF_MUST_USE;

/* Whether the draft NAME (or its id) of a space is secret: it is not for other devices. True where
 * that cannot be told; false where there is none. Thread: any. */
bool wf_op_draft_hidden(struct wf_op_context *ctx, struct wf_str space, struct wf_str name);

/* A model as models.list has it; NULL out of memory. */
json_t *wf_op_model_json(const struct wf_model_entry *m);

/* A remote on another device moved what this one's screen shows. For wf_nearby_options. Never
 * waits. */
void wf_op_present_moved(struct wf_op_context *ctx, const json_t *state);

/* A record has changed: tells listeners (event "records"). `ud` is the context. Thread: any. */
void wf_op_record_changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key);

/* What the watcher last reported, and the like. NULL out of memory. Thread: any. */
struct wf_op_state *wf_op_state_new(void) WF_MUST_USE;
void wf_op_state_free(struct wf_op_state *s);

/* Operations that run now. Thread: any. */
size_t wf_op_running(const struct wf_op_context *ctx);

/* Where an operation sends what it has before its result. All members may be NULL. */
struct wf_op_sink {
    /* `data` is borrowed for the call. */
    void (*event)(void *ud, const char *name, json_t *data);
    /* True once the caller has gone: stop early with WF_E_CANCELED. */
    bool (*canceled)(void *ud);
    void *ud;
};

struct wf_op_call {
    const json_t *params;          /* object; never NULL */
    const struct wf_op_sink *sink; /* never NULL */
    bool hides_secret;             /* the asker is another device: what is secret is not there */
    int fd;                        /* a descriptor that came with the call, or -1; borrowed */
};

typedef int (*wf_op_fn)(struct wf_op_context *ctx, const struct wf_op_call *call,
                        json_t **out_result, struct wf_err *err);

/* Runs the operation `name`. *out_result is a new reference (an object), given on success only.
 * Errors: WF_E_NOENT (no such operation, or no such document or thread), WF_E_INVAL (a parameter
 * is missing, unknown or of the wrong type; the sentence names it), those of the operation. */
int wf_op_run(struct wf_op_context *ctx, const char *name, const struct wf_op_call *call,
              json_t **out_result, struct wf_err *err) WF_MUST_USE;

#endif
