/* A request to a model on its way to another node of the same owner, as JSON, UTF-8:
 *
 *   {"v": 1, "label": "private", "id": text for logs, "model": as it is called there,
 *    "messages": [...] in OpenAI's form, or "prompt": text, or "prompt64": bytes in base 64, or
 *    "prompt_ids": [tokens], "suffix": text,
 *    "tools": {"list": [...], "choice": 0..3, "name", "parallel"}, "vars": {}, "continue": bool,
 *    "template": text, "sampling": {numbers by name, "seed", "breakers": [texts],
 *    "biases": [[token, number or null: never]]}, "max", "choices", "top_logprobs", "logprobs",
 *    "stops": [texts], "ignore_eos", "schema", "grammar", "grammar_if_able", "truncate"}
 *
 * or, for texts' vectors, or scores, "v", "label", "id", "model", "truncate" and
 *
 *    "embed": {"texts": [texts], "dims", "raw": bool}, or "rank": {"query": text, "texts": [texts]}
 *
 * What is missing has its usual value; a member that is not known is passed over, a later "v" is
 * refused. Not in it: adapters and how a model is to be loaded, which are that node's own affair;
 * origins, since labels are given out before a request goes anywhere, and releases. "continue" goes
 * on with the last message, an answer that was begun; prompt_ids go on behind their last token, so
 * that an answer that was begun elsewhere goes on at that very token. Thread rule: any. */
#ifndef WF_MESH_REMOTE_REQUEST_H
#define WF_MESH_REMOTE_REQUEST_H

#include "base/arena.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "privacy/label.h"

/* All of one, as bytes: what a face takes; and the values in it. */
#define WF_REMOTE_REQUEST_BYTES WF_LIMIT_HTTP_MODEL_JSON_BYTES
#define WF_REMOTE_REQUEST_VALUES WF_LIMIT_HTTP_MODEL_JSON_VALUES
/* Tokens of a prompt: the longest contexts there are. */
#define WF_REMOTE_PROMPT_IDS (1u << 20)
#define WF_REMOTE_BREAKERS 64u

enum wf_remote_what {
    WF_REMOTE_GENERATE,
    WF_REMOTE_EMBED,
    WF_REMOTE_RANK,
};

struct wf_remote_request {
    enum wf_remote_what what;
    /* By that; they point into what is below. */
    struct wf_gen_request q; /* its model is everybody's */
    struct wf_embed_request embed;
    struct wf_rerank_request rank;
    enum wf_label label;
    const char *id; /* may be empty */
    json_t *_json;
    struct wf_arena _arena;
};

/* Appends. Errors: UNSUPPORTED (it has adapters), LIMIT (longer than WF_REMOTE_REQUEST_BYTES),
 * those of the buffer. */
int wf_remote_request_write(const struct wf_gen_request *q, const char *model, enum wf_label label,
                            struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* The same of texts, and not of tokens. */
int wf_remote_embed_write(const struct wf_embed_request *q, const char *model, const char *id,
                          enum wf_label label, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
int wf_remote_rank_write(const struct wf_rerank_request *q, const char *model, const char *id,
                         enum wf_label label, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* Reads and checks all but the messages' own form, which the engine checks. *out is to be
 * deinitialised, also after an error. Errors: FORMAT (no such request; the sentence says what of
 * it), RANGE, LIMIT, UNSUPPORTED (a later version), NOMEM. */
int wf_remote_request_read(struct wf_str bytes, struct wf_remote_request *out,
                           struct wf_err *err) WF_MUST_USE;
void wf_remote_request_deinit(struct wf_remote_request *r);

#endif
