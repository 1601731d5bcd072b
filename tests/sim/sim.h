/* Simulator: some nodes of one owner, each with a store on a disk of its own (disk.h), drafts,
 * records and sharing as they are in the product, stepped in one thread; a network between them;
 * all that chance decides from one seed. See docs/development.md.
 *
 * Every text that is written holds a mark whose number says what label it has, who wrote it and
 * what that device knew: what is sent, and what lies on disks, is searched for them. Thread rule:
 * owner. */
#ifndef WF_TESTS_SIM_SIM_H
#define WF_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "mesh/devices.h"
#include "mesh/sharing_machine.h"
#include "sim/disk.h"
#include "space/device.h"
#include "space/draft.h"
#include "space/record.h"
#include "store/store.h"

#define SIM_NODES 8
#define SIM_CONNS 64
#define SIM_SPACES 64 /* uids that were ever seen */
#define SIM_NS_PER_MS INT64_C(1000000)
#define SIM_NS_PER_S INT64_C(1000000000)
/* The marks: then six hex digits, and four that say that edits have not made it of two. */
#define SIM_MARK "QMARKQ"
/* One time in so many: never. */
#define SIM_NEVER 1000000u

struct sim;

struct sim_node {
    struct sim *sim;
    unsigned id;
    char name[16], dir[96];
    struct disk disk;
    struct wf_rng_seeded rng;
    struct wf_device device;
    uint8_t node_key[32], transport[32];
    int64_t skew_ms;
    struct wf_clock clock;
    bool is_up, is_away; /* away: nobody starts it */
    unsigned list;       /* the version of the devices' list that it knows */
    /* While it is up: */
    struct wf_store *store;
    struct wf_drafts *drafts;
    struct wf_records *records;
    struct wf_sharing *sharing;
    bool is_due, must_tell; /* a step is in the queue; sharing is to be told of changes */
    int64_t wake_ns;
    /* Ever: */
    bool was_lied_to, has_forked, fell; /* lost what it was told is safe; its clearance fell */
    enum wf_label most;                 /* the highest clearance that it ever had */
};

/* One connection; both sides know it by its number. */
struct sim_conn {
    uint64_t id; /* 0: free */
    unsigned of[2];
    bool is_up[2], is_broken;
    int64_t last_ns[2];  /* what side 0, 1 sent last arrives then */
    size_t in_flight[2]; /* bytes */
    bool was_busy[2];
};

enum sim_event_kind {
    SIM_UP,
    SIM_BYTES,
    SIM_ROOM,
    SIM_DOWN,
    SIM_LIST,    /* `number`: the version that it is told */
    SIM_STEP,    /* of sharing */
    SIM_COMMIT,  /* of drafts */
    SIM_START,   /* of the program */
    SIM_CONNECT, /* `number`: to which node */
};

struct sim_event {
    int64_t at_ns;
    uint64_t seq;
    enum sim_event_kind kind;
    unsigned node;
    uint64_t number; /* of the connection */
    size_t n;
    uint8_t *bytes;
};

/* A text that was written. */
struct sim_mark {
    uint8_t label, author;
    unsigned list; /* what the author knew */
    bool is_key;   /* a record of the collection "log", in space uid: it stays for ever */
    bool is_acked;
    bool raises;   /* a text that it stands in is as sensitive, to who looks at it before sealing */
    uint8_t space; /* index in spaces */
};

/* How far a draft was, durably, on a node that said so. */
struct sim_claim {
    uint8_t draft[16];
    uint8_t node;
    uint64_t client;
    uint32_t clock;
};

struct sim_draft {
    uint8_t uid[16];
    bool was_removed, was_secret;
    enum wf_label most; /* the highest that it ever had, secret aside */
    unsigned raised_by; /* a bit for each node that made it more sensitive than it may see itself */
};

/* What a seed does more or less of. */
struct sim_temper {
    bool lies, duplicates, is_lax, wild_clocks, alloc_fails;
    unsigned crashes, faults, admin, delay_ms, labels;
};

struct sim {
    uint64_t seed;
    struct wf_log *log; /* NULL: it is not told what sharing says */
    const char *dir;    /* where nodes have their folders */
    struct wf_rng_seeded rng;
    struct sim_temper temper;
    bool is_verbose, is_healing;
    int64_t now_ns, wall_ms; /* wall_ms: at now_ns 0 */
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    uint64_t n_events, last_conn, hash;

    struct sim_node nodes[SIM_NODES];
    unsigned n_nodes;
    struct wf_devices *lists[1024]; /* [version] */
    unsigned n_lists;               /* the newest version */
    struct sim_conn conns[SIM_CONNS];
    bool is_cut[SIM_NODES][SIM_NODES];

    uint8_t spaces[SIM_SPACES][16];
    uint8_t space_label[SIM_SPACES];
    unsigned n_spaces;
    struct sim_mark *marks;
    size_t n_marks, cap_marks;
    struct sim_claim *claims;
    size_t n_claims, cap_claims;
    struct sim_draft *drafts;
    size_t n_drafts, cap_drafts;

    char failure[400];
    uint64_t n_crashes, n_edits, n_sent, n_bytes, n_decisions, n_faults;
};

/* ---- world.c: chance, time, the queue, what is known of the world ---- */

uint64_t sim_below(struct sim *s, uint64_t n);
/* One time in n. */
bool sim_one_in(struct sim *s, uint64_t n);
/* Memory that no ordered failure of allocations hits; aborts out of it. */
void *sim_room(void *p, size_t *io_cap, size_t n, size_t item_bytes);
void sim_say(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first one counts. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Into the hash that two runs of a seed have in common. */
void sim_mix(struct sim *s, const void *bytes, size_t n);
void sim_at(struct sim *s, int64_t ns, struct sim_event e);
void sim_in(struct sim *s, int64_t ns, enum sim_event_kind kind, unsigned node, uint64_t number);
bool sim_next(struct sim *s, struct sim_event *out);
const struct wf_devices *sim_list_of(const struct sim_node *n);
const struct wf_devices_entry *sim_entry(const struct sim *s, unsigned list, unsigned node);
/* Puts the next version of the list of devices in place; *out is to be changed by the caller. */
struct wf_devices *sim_list_next(struct sim *s);
struct sim_draft *sim_draft(struct sim *s, const uint8_t uid[16]);
unsigned sim_space(struct sim *s, const uint8_t uid[16], enum wf_label label);
/* A new mark's text in `out` (32 bytes). */
size_t sim_mark(struct sim_node *n, enum wf_label label, char *out);
/* The number of the mark that begins there; SIZE_MAX: it is none, or cut. */
size_t sim_mark_at(const struct sim *s, const void *p);

/* ---- net.c ---- */

void net_try_all(struct sim *s);
void net_break(struct sim *s, struct sim_conn *c);
/* The node has gone, or its list has become another. */
void net_gone(struct sim_node *n);
void net_listed(struct sim_node *n);
/* Whether all who may be are connected. */
bool net_is_whole(struct sim *s);
void net_event(struct sim *s, const struct sim_event *e);
int net_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err);
void net_close(void *ud, uint64_t peer);

/* ---- node.c ---- */

/* Stores that new nodes begin with, made once: opening one anew costs more than a seed. */
bool node_templates(const char *dir);
void node_templates_free(void);
void node_make(struct sim *s, unsigned id, const char *dir);
void node_free(struct sim_node *n);
void node_start(struct sim_node *n);
/* Ends the program; what the disk has then is what it finds at the next start. */
void node_stop(struct sim_node *n);
void node_crash(struct sim_node *n, bool only_program);
/* Before and after anything that the product does: sets its clock; looks whether the disk died. */
void node_enter(struct sim_node *n);
void node_leave(struct sim_node *n);
void node_event(struct sim *s, const struct sim_event *e);
/* The row of a draft. */
int node_draft_row(struct sim_node *n, int64_t draft, struct wf_arena *arena,
                   struct wf_draft_row *out);
/* A step of sharing is due soon. */
void node_due(struct sim_node *n);

/* ---- act.c: what people and the world do ---- */

void act(struct sim *s);
/* A node more, of that tier and clearance, in the next list. */
void act_add_node(struct sim *s, enum wf_node_tier tier, enum wf_label clearance);
void act_heal(struct sim *s);
/* Takes out who lost what it was told is safe, the first node aside, which is the owner's. False:
 * there is nobody. */
bool act_take_out_liars(struct sim *s);

/* ---- check.c: what is sent and what lies on disks ---- */

/* Of each message, before it is on its way. */
void check_sent(struct sim_node *from, unsigned to, struct wf_str bytes);
/* Whether the node is the owner's, by the newest list. */
bool check_is_in(const struct sim *s, const struct sim_node *n);
void check_disk(struct sim_node *n);

/* ---- compare.c: what nodes have ---- */

/* What a node has after a start: all that it was told is durable. */
void check_claims(struct sim_node *n);
/* Whether all say that they are the same; `tells`: who does not is a failure. */
bool check_is_calm(struct sim *s, bool tells);
/* At the end, when all have had time. */
void check_all(struct sim *s);

#endif
