/* Remote node: the models of an owner's other devices (mesh/remote_nodes.h), as engine/engine.h has
 * engines.
 *
 * A request for NODE/MODEL is labelled part by part as for any engine elsewhere, the policy's gate
 * is asked with the node's tier and clearance, what a sentence wants replaced for it is, and only
 * then it goes to that node's core, with its label, which is looked at there again. Own nodes are
 * within the border of trust: nothing of it is in the ledger, no airlock is between, and a person
 * cannot release what the policy keeps. Texts for embeddings and scores are looked at likewise and
 * go as they are or not at all; tokens do not. All other requests are the local engine's. Threads:
 * any. */
#ifndef WF_OP_REMOTE_NODE_H
#define WF_OP_REMOTE_NODE_H

#include "engine/engine.h"
#include "engine/model_store.h"
#include "mesh/remote_nodes.h"
#include "op/node_breakers.h"
#include "privacy/detect.h"
#include "privacy/policy.h"

struct wf_lens_pool;

struct wf_remote_node_options {
    struct wf_engine *local; /* taken over, also on failure */
    struct wf_nodes *nodes;
    struct wf_model_store *models; /* whose names come first */
    const struct wf_detector *detector;
    const struct wf_policy *policy;    /* NULL: nothing leaves */
    struct wf_lens_pool *lens;         /* NULL: patterns alone */
    struct wf_node_breakers *breakers; /* NULL: nodes that fail are asked again and again */
};

/* What the options point to is borrowed. *out is owned by the caller, until wf_engine_free, which
 * frees the local one, too. Errors: NOMEM. */
int wf_remote_node_engine_new(const struct wf_remote_node_options *o, struct wf_engine **out,
                              struct wf_err *err) WF_MUST_USE;

/* Whether a request for that model is a node's: `nodes` NULL: never. */
bool wf_remote_node_is(struct wf_nodes *nodes, struct wf_model_store *models, const char *model);

#endif
