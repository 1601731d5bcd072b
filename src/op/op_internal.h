/* What the operations share: the rows' functions, and JSON of the things they give. Only op/
 * includes this. */
#ifndef WF_OP_OP_INTERNAL_H
#define WF_OP_OP_INTERNAL_H

#include "base/arena.h"
#include "find/find.h"
#include "mesh/devices.h"
#include "op/json.h"
#include "op/op.h"
#include "privacy/label.h"
#include "skill/grounded.h"
#include "store/document.h"

/* The most one operation's results may take. */
#define WF_OP_ARENA_BYTES_MAX ((size_t)64 << 20)

/* INVAL where there are no nodes to ask for: without a home. */
int wf_op__has_fabric(const struct wf_op_context *ctx, struct wf_err *err) WF_MUST_USE;

/* Every operation has this type. */
typedef int wf_op_operation(struct wf_op_context *ctx, const struct wf_op_call *call,
                            json_t **out_result, struct wf_err *err);

wf_op_operation wf_op__ask;
wf_op_operation wf_op__chat;
wf_op_operation wf_op__search;
wf_op_operation wf_op__summarize;
wf_op_operation wf_op__understand;
wf_op_operation wf_op__documents_list;
wf_op_operation wf_op__documents_get;
wf_op_operation wf_op__documents_parts;
wf_op_operation wf_op__documents_remove;
wf_op_operation wf_op__documents_pin;
wf_op_operation wf_op__documents_unpin;
wf_op_operation wf_op__documents_fetch;
wf_op_operation wf_op__threads_list;
wf_op_operation wf_op__threads_get;
wf_op_operation wf_op__threads_rename;
wf_op_operation wf_op__threads_remove;
wf_op_operation wf_op__chats_list;
wf_op_operation wf_op__chats_get;
wf_op_operation wf_op__chats_put;
wf_op_operation wf_op__chats_remove;
wf_op_operation wf_op__generations_take;
wf_op_operation wf_op__generations_follow;
wf_op_operation wf_op__presence_list;
wf_op_operation wf_op__presence_set;
wf_op_operation wf_op__presence_end;
wf_op_operation wf_op__handoff;
wf_op_operation wf_op__handoff_take;
wf_op_operation wf_op__reminders_list;
wf_op_operation wf_op__reminders_add;
wf_op_operation wf_op__reminders_remove;
wf_op_operation wf_op__nodes_list;
wf_op_operation wf_op__sync_status;
wf_op_operation wf_op__nodes_init;
wf_op_operation wf_op__nodes_rename;
wf_op_operation wf_op__nodes_clear;
wf_op_operation wf_op__nodes_relay;
wf_op_operation wf_op__nodes_revoke;
wf_op_operation wf_op__nodes_leave;
wf_op_operation wf_op__present_get;
wf_op_operation wf_op__present_set;
wf_op_operation wf_op__phones_list;
wf_op_operation wf_op__phones_invite;
wf_op_operation wf_op__phones_uninvite;
wf_op_operation wf_op__phones_revoke;
wf_op_operation wf_op__pair_show;
wf_op_operation wf_op__pair_hide;
wf_op_operation wf_op__pair_state;
wf_op_operation wf_op__pair_join;
/* Gives a code (taken), or, with "wait", what came of it: pair.show's, members.invite's. */
int wf_op__pair_code(struct wf_op_context *ctx, const struct wf_op_call *call, json_t *code,
                     json_t **out_result, struct wf_err *err) WF_MUST_USE;
/* INVAL where "wait" is no boolean. */
int wf_op__pair_wait_ok(const struct wf_op_call *call, struct wf_err *err) WF_MUST_USE;
wf_op_operation wf_op__members_list;
wf_op_operation wf_op__members_invite;
wf_op_operation wf_op__members_join;
wf_op_operation wf_op__members_role;
wf_op_operation wf_op__members_remove;
wf_op_operation wf_op__members_leave;
wf_op_operation wf_op__spaces_list;
wf_op_operation wf_op__spaces_create;
wf_op_operation wf_op__drafts_list;
wf_op_operation wf_op__drafts_create;
wf_op_operation wf_op__drafts_get;
wf_op_operation wf_op__drafts_edit;
wf_op_operation wf_op__drafts_history;
wf_op_operation wf_op__drafts_restore;
wf_op_operation wf_op__drafts_change;
wf_op_operation wf_op__drafts_remove;
wf_op_operation wf_op__records_list;
wf_op_operation wf_op__records_get;
wf_op_operation wf_op__records_put;
wf_op_operation wf_op__records_edit;
wf_op_operation wf_op__records_remove;
wf_op_operation wf_op__records_write;
wf_op_operation wf_op__models_list;
wf_op_operation wf_op__models_show;
wf_op_operation wf_op__models_remove;
wf_op_operation wf_op__models_copy;
wf_op_operation wf_op__models_import;
wf_op_operation wf_op__models_verify;
wf_op_operation wf_op__models_pull;
wf_op_operation wf_op__ledger;
wf_op_operation wf_op__nodes_link;
wf_op_operation wf_op__nodes_address;
wf_op_operation wf_op__policy;
wf_op_operation wf_op__release;
wf_op_operation wf_op__route;
wf_op_operation wf_op__feedback;
wf_op_operation wf_op__evaluate;
wf_op_operation wf_op__why;
wf_op_operation wf_op__status;
wf_op_operation wf_op__vectors_make;
wf_op_operation wf_op__settings_get;
wf_op_operation wf_op__settings_set;
wf_op_operation wf_op__watch_report;
wf_op_operation wf_op__link;

/* Conversations have changed here: listeners and the other devices are told. */
void wf_op__threads_changed(struct wf_op_context *ctx);

/* An operation begins, and ends. */
void wf_op__enter(struct wf_op_context *ctx);
void wf_op__leave(struct wf_op_context *ctx);

/* What a screen shows now, a copy, NULL: nothing; and sets it (copied). */
json_t *wf_op__presented(struct wf_op_context *ctx);
void wf_op__set_presented(struct wf_op_context *ctx, const json_t *state);

/* WF_E_NOMEM with its sentence; and v, or that error when v is NULL. */
int wf_op__no_memory(struct wf_err *err);
int wf_op__give(json_t *v, json_t **out_result, struct wf_err *err);

/* The filter that the params space, type, path, since, until, document describe (views into
 * params). */
int wf_op__filter(const struct wf_op_call *call, struct wf_find_filter *out, struct wf_err *err);

/* Whether what bears this label (its name) is not there for who asks. */
bool wf_op__hides(const struct wf_op_call *call, struct wf_str label);
/* wf_document_get for who asks. NOENT also where it is hidden. */
int wf_op__document(const struct wf_op_call *call, struct wf_reader *r, struct wf_str id,
                    struct wf_arena *arena, struct wf_document *out,
                    struct wf_err *err) WF_MUST_USE;

/* The label that the policy gives a text by what patterns find in it. The context has a detector.
 * Errors: those of wf_labeler_scan. */
int wf_op__label_of(struct wf_op_context *ctx, struct wf_str text, enum wf_label *out) WF_MUST_USE;

/* How far the vectors of the documents are; NULL out of memory. */
json_t *wf_op__vectors_json(struct wf_op_context *ctx);

/* Tells the sink, now and then, how far reading a model's files is (wf_model_progress_fn); stops it
 * when the caller has gone. ud is a struct wf_op_checking. */
struct wf_op_checking {
    const struct wf_op_sink *sink;
    int64_t told_ns;
};
int wf_op__checking(void *ud, uint64_t n_done, uint64_t n_all);

/* Brings a model from a paired node: `as` NULL: under its own name; `digest` "": any. out_node: who
 * had it. Errors: NOENT (no connected node has it, or none any more), CANCELED, those of
 * wf_blobs_model_file and wf_model_store_commit. */
struct wf_op_pull_what {
    const char *name, *as, *digest;
};
int wf_op__pull_from_node(struct wf_op_context *ctx, const struct wf_op_call *call,
                          const struct wf_op_pull_what *what, struct wf_model_entry *out,
                          char out_node[WF_DEVICES_NAME_BYTES + 1], struct wf_err *err) WF_MUST_USE;

/* A hit, with `"highlight"` absent; NULL out of memory. */
json_t *wf_op__hit_json(const struct wf_hit *h);

/* A person's release of what would go elsewhere for an operation that writes, by the parameter
 * "release": {"id", "reason", "fence", "as_is"}; without "id" what would go is only looked at. */
struct wf_op_release {
    struct wf_grounded_release r;
    struct wf_op_context *ctx;
    json_t *looked; /* what was seen; owned by whoever ends it */
};
/* *out_is_said: there is one. *out is in place from here on. Errors: INVAL. */
int wf_op__read_release(struct wf_op_context *ctx, const json_t *params, struct wf_op_release *out,
                        bool *out_is_said, struct wf_err *err) WF_MUST_USE;
/* The result of one that only looked. Errors: UNSUPPORTED (nothing would have gone). */
int wf_op__give_looked(struct wf_op_release *release, json_t **out_result,
                       struct wf_err *err) WF_MUST_USE;

/* Whether an answer is to be written by a model, and which (NULL: the default): by the parameters
 * "mode" (auto, generative, extractive) and "model". Errors: INVAL, and for "generative" those of
 * finding a model. */
int wf_op__writer(struct wf_op_context *ctx, const json_t *params, struct wf_arena *arena,
                  bool *out_writes, const char **out_model, struct wf_err *err) WF_MUST_USE;

#endif
