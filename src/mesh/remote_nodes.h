/* Nodes: models that run on an owner's other devices. Each paired node that offers its models says
 * which it has and how it is (catalog); requests go to it sealed core to core (mesh/sealed.h), and
 * their answers come back event by event; whoever gives a request up stops it there.
 *
 * What a node asks of this one is answered by this device's own models alone, never passed on, and
 * only up to this device's clearance: the label that a request bears is looked at before it is
 * sent, and again here. Nothing of it is kept: no thread, no file; a model's cache of known
 * beginnings is memory only. A node whose role or tier says that it is there for others offers its
 * models; one in the hand does where that is set.
 *
 * In a request a node is called by its name, with '-' in place of spaces: NODE/MODEL, or NODE for
 * the first model of that kind that it has, its default one where it has one. Thread rule: any; one
 * generation has one owner. */
#ifndef WF_MESH_REMOTE_NODES_H
#define WF_MESH_REMOTE_NODES_H

#include <jansson.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/model_store.h"
#include "mesh/sealed.h"
#include "os/power.h"

/* Models of one node that are listed: what chooses among places takes no more in all. */
#define WF_NODES_MODELS_MAX 64u
/* Requests of one node at once, and of all of them; they wait for their turn at the models. */
#define WF_NODES_REQUESTS_PEER 8u
#define WF_NODES_REQUESTS_MAX 16u
/* Bytes of requests that are on their way here, of all nodes. */
#define WF_NODES_INCOMING_BYTES (96u << 20)

struct wf_nodes;

enum wf_nodes_offers {
    WF_NODES_OFFERS_AUTO, /* where its role is to compute, or it is an edge or cloud node */
    WF_NODES_OFFERS_ON,
    WF_NODES_OFFERS_OFF,
};

struct wf_nodes_options {
    struct wf_sealed *sealed;      /* this and the next are borrowed until free */
    struct wf_engine *engine;      /* this device's own models; NULL: none to offer */
    struct wf_model_store *models; /* likewise */
    const struct wf_power *power;  /* NULL: not known */
    enum wf_nodes_offers offers;
    uint32_t n_slots;     /* texts that a model writes at once */
    int64_t carbon_g_kwh; /* 0: not said */
    struct wf_log *log;   /* may be NULL */
    /* Something that wf_nodes_json tells is different. Must not wait or call back; may be NULL. */
    void (*changed)(void *ud);
    void *ud;
};

/* Takes WF_LINK_REQUESTS of sealed, before there are sessions. Errors: NOMEM, BUSY (no thread). */
int wf_nodes_new(const struct wf_nodes_options *o, struct wf_nodes **out,
                 struct wf_err *err) WF_MUST_USE;
/* Ends what others have asked of this device, and what was asked of them (IO); no more callbacks.
 * Before `engine` is freed. NULL is a no-op. */
void wf_nodes_stop(struct wf_nodes *n);
/* After all generations were. NULL is a no-op. */
void wf_nodes_free(struct wf_nodes *n);

/* A model of a node that is connected and offers it. */
struct wf_nodes_place {
    uint64_t peer;
    char node[WF_DEVICES_NAME_BYTES + 1]; /* without spaces */
    char model[WF_MODEL_NAME_MAX];
    enum wf_model_kind kind; /* CHAT, EMBED or RERANK */
    enum wf_node_tier tier;
    enum wf_label clearance;
    uint64_t n_params, n_context; /* 0: not known */
    bool is_loaded;
    uint32_t n_queued, n_slots;
    double read_ms, write_ms; /* a token, as measured there; 0: not yet */
    double round_trip_ms;     /* 0: not yet */
    float battery, heat;      /* as os/power.h has them */
    double carbon_g_kwh;
};

/* A node's name as requests have it. */
void wf_nodes_plain_name(const char *name, char out[WF_DEVICES_NAME_BYTES + 1]);

/* All of them, of each node those for chats first, its default one before. *out is the caller's
 * (wf_free). Errors: NOMEM. */
int wf_nodes_places(struct wf_nodes *n, struct wf_nodes_place **out, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;
/* Whether there is any for chats. */
bool wf_nodes_has_places(struct wf_nodes *n);
/* Whether a request's model names one of the owner's other nodes, connected or not. */
bool wf_nodes_is_node(struct wf_nodes *n, const char *model);
/* The place that a model names, for chats (which only models of that kind can have), vectors (kind
 * EMBED: chat models have them, too) or scores (RERANK: the model there says whether it has them).
 * Errors: NOENT (no such node or model there, or it offers none; the
 * sentence says which), BUSY (it is not connected now). */
int wf_nodes_find(struct wf_nodes *n, const char *model, enum wf_model_kind kind,
                  struct wf_nodes_place *out, struct wf_err *err) WF_MUST_USE;
/* The same of any kind. */
int wf_nodes_find_any(struct wf_nodes *n, const char *model, struct wf_nodes_place *out,
                      struct wf_err *err) WF_MUST_USE;

/* Asks a node. The label is what everything in the request bears together; q is borrowed until the
 * generation is freed. *out is the caller's, with the counts of wf_gen_usage once the node has told
 * them. Errors: DENIED (secret, or above the node's clearance), BUSY (it is not connected now),
 * UNSUPPORTED (adapters), LIMIT, NOMEM; later those of the node, IO (it is gone), FORMAT (what came
 * is no answer), CANCELED. */
int wf_nodes_generate(struct wf_nodes *n, const struct wf_nodes_place *at,
                      const struct wf_gen_request *q, enum wf_label label, struct wf_gen **out,
                      struct wf_err *err) WF_MUST_USE;

/* Vectors and scores of texts, not of tokens (UNSUPPORTED); it waits. The id is for the node's log.
 * As wf_engine_embed and wf_engine_rerank; errors as above. */
int wf_nodes_embed(struct wf_nodes *n, const struct wf_nodes_place *at,
                   const struct wf_embed_request *q, const char *id, enum wf_label label,
                   struct wf_embeddings *out, struct wf_err *err) WF_MUST_USE;
int wf_nodes_rerank(struct wf_nodes *n, const struct wf_nodes_place *at,
                    const struct wf_rerank_request *q, const char *id, enum wf_label label,
                    float *out_scores, struct wf_rerank_usage *out_usage,
                    struct wf_err *err) WF_MUST_USE;

/* What each connected node offers: {NAME: {"offers", "round_trip_ms", "battery", "models":
 * [{"name", "kind", "params", "context", "loaded", "queued", "read_ms", "write_ms"}]}} by the
 * list's names. A new reference; NULL: out of memory. */
json_t *wf_nodes_json(struct wf_nodes *n) WF_MUST_USE;

#endif
