/* Inside a document: items, where they are found, and how they change. Nobody outside crdt/
 * includes this.
 *
 * Items are 64 bytes in blocks that never move and are named by 32-bit numbers; 0 is none. An item
 * stands in two orders: its client's, by clock and without gaps (struct wf_crdt_client), and its
 * parent's, by left and right. Long sequences have a tree over them that counts visible units
 * (tree.c); it is built when a position is first asked for and dropped by large updates.
 *
 * Invariants:
 * (1) the structs of a client cover [0, next) exactly, in order;
 * (2) left and right of two neighbours name each other, or are WF_CRDT_FAR, which only in a key's
 *     chain they are; then the right one's origin is the left one's end;
 * (3) a string's bytes are valid UTF-8 and its len is their UTF-16 length;
 * (4) Any content is canonical (any.h);
 * (5) a type's length is the sum of its visible countable items.
 * Thread rule: owner. */
#ifndef WF_CRDT_CRDT_INTERNAL_H
#define WF_CRDT_CRDT_INTERNAL_H

#include <assert.h>

#include "base/map.h"
#include "crdt/crdt.h"
#include "crdt/lib0.h"

#define WF_CRDT_NONE UINT32_MAX
#define WF_CRDT_FAR UINT32_MAX /* a neighbour in a key's chain that is, or was, packed */
#define WF_CRDT_ROOTS 1u   /* a type of our own, whose keys name the roots: its items are types */
#define WF_CRDT_BLOCK 256u /* items of a block */
#define WF_CRDT_PACK_AFTER (1u << 17) /* items, from which on it is looked what can be packed */
#define WF_CRDT_CHUNK 128u            /* entries of a chunk of a client's structs */

/* As on the wire. */
enum wf_crdt_content {
    WF_CRDT_GC = 0,
    WF_CRDT_DELETED = 1,
    WF_CRDT_JSON = 2,
    WF_CRDT_BINARY = 3,
    WF_CRDT_STRING = 4,
    WF_CRDT_EMBED = 5,
    WF_CRDT_FORMAT = 6, /* data: key number (4 bytes, little-endian), value */
    WF_CRDT_TYPE = 7,
    WF_CRDT_ANY = 8,
    WF_CRDT_DOC = 9, /* data: guid with its length, options */
    WF_CRDT_SKIP = 10,
    WF_CRDT_PACKED = 11, /* ours: a run of structs, see pack.c; parent 0 */
};

enum wf_crdt_flag {
    WF_CRDT_F_DELETED = 1u << 0,
    WF_CRDT_F_KEEP = 1u << 1,      /* an undo stack may bring it back: not collected */
    WF_CRDT_F_REDONE = 1u << 2,    /* brought back as another item: wf_crdt__redone */
    WF_CRDT_F_PARENT_ID = 1u << 3, /* as read: left and right are the parent's client and clock */
    WF_CRDT_F_BORROWED = 1u << 4,  /* as read: data lies in what is read */
};

struct wf_crdt_item {
    uint32_t client; /* index */
    uint32_t clock, len;
    uint32_t left, right;
    uint32_t o_client, o_clock; /* origin: what stood to the left when it was made; client NONE */
    uint32_t r_client, r_clock; /* what stood to the right */
    uint32_t parent;            /* type; 0 = none (GC, Skip) */
    uint32_t sub;               /* key in a map, by number; 0 = in the sequence */
    uint32_t bytes;             /* of data */
    union {
        uint8_t *data;
        uint32_t type;
    };
    uint32_t leaf; /* of the parent's tree; only while there is one */
    uint8_t kind;  /* enum wf_crdt_content */
    uint8_t flags;
};
_Static_assert(sizeof(struct wf_crdt_item) == 64, "an item is a cache line");

struct wf_crdt_entry {
    uint32_t clock, item;
};
struct wf_crdt_chunk {
    uint32_t n, cap;
    struct wf_crdt_entry at[];
};
/* A place among a client's structs. */
struct wf_crdt_place {
    uint32_t chunk, slot;
};

struct wf_crdt_client {
    uint64_t id;
    uint32_t next; /* clock behind the last struct */
    uint32_t n_chunks;
    size_t cap_chunks, cap_firsts;
    struct wf_crdt_chunk **chunks;
    uint32_t *firsts; /* first clock of each chunk */
    uint32_t hint;    /* chunk that was found last */
    uint32_t epoch;   /* transaction that wrote here last, and the clock before it */
    uint32_t before;
    uint32_t rank;    /* while ranges are sorted: where its first one stood */
    uint32_t section; /* while an update is read: its section + 1 */
    uint8_t *tail;    /* where the next content of this client goes */
    uint32_t tail_left, tail_size;
};

struct wf_crdt_map_entry {
    uint32_t type; /* 0 = no longer */
    uint32_t key;
    uint32_t item; /* the rightmost: the value, when it is not deleted */
    uint32_t next; /* of the same type */
};

struct wf_crdt_type {
    uint8_t kind;
    bool has_formats;
    bool used;
    uint32_t generation;
    uint32_t item;  /* that holds it; 0 = a root */
    uint32_t name;  /* key number: of a root, of an element's node */
    uint32_t start; /* first of the sequence */
    uint32_t length;
    uint32_t first_entry, last_entry;
    uint32_t tree;   /* root node; 0 = none */
    uint32_t cursor; /* a visible item and the position where it begins; 0 = none */
    uint32_t cursor_at;
    uint32_t changed; /* transaction that changed it last, as far as noted */
    uint32_t late;    /* an item whose last changes are not in the tree yet; 0 = none */
    int64_t late_by;  /* units */
};

struct wf_crdt_range {
    uint32_t client, clock, len;
};
struct wf_crdt_ranges {
    struct wf_crdt_range *at;
    size_t n, cap;
};

struct wf_crdt_txn {
    struct wf_crdt_ranges deleted;
    struct wf_crdt_ranges merge; /* ids of items that were split; len unused */
    uint32_t *touched;           /* clients with new structs */
    size_t n_touched, cap_touched;
    uint32_t epoch;
    bool remote;
    const struct wf_crdt_undo *by_undo; /* whose step this is; NULL = none */
    uint32_t *changed;                  /* types, while somebody watches or it is remote */
    size_t n_changed, cap_changed;
    bool has_structs; /* new ones: not only text that grew in place */
};

#define WF_CRDT_FAN 32u
struct wf_crdt_node {
    uint32_t parent;
    uint16_t n;
    bool is_leaf;
    uint32_t kid[WF_CRDT_FAN]; /* items, or nodes */
    uint32_t sum[WF_CRDT_FAN]; /* visible units */
};

struct wf_crdt_pool_block {
    struct wf_crdt_pool_block *next;
    size_t size;
    uint8_t bytes[];
};

struct wf_crdt {
    struct wf_crdt_item **blocks;
    size_t n_blocks, cap_blocks;
    uint32_t n_items, free_item; /* made so far; list by `right` */
    size_t live_items;
    size_t n_holes; /* blocks that were freed: NULL */
    size_t pack_at; /* items, from which on it is looked what can be packed */
    bool pack_always, has_packed;

    struct wf_crdt_client *clients;
    size_t n_clients, cap_clients;
    uint32_t *client_slots; /* hash: index + 1 */
    size_t n_client_slots;
    uint32_t self; /* client index */
    bool taken;

    struct wf_crdt_type *types; /* [0] is unused, [1] is WF_CRDT_ROOTS */
    size_t n_types, cap_types;
    uint32_t free_type; /* list by `start` */

    struct wf_arena key_bytes;
    struct wf_str *keys; /* [0] is unused */
    size_t n_keys, cap_keys;
    uint32_t *key_slots; /* hash */
    size_t n_key_slots;
    uint64_t key_seed;

    struct wf_crdt_map_entry *entries; /* [0] is unused */
    size_t n_entries, cap_entries;
    uint32_t free_entry;
    uint32_t last_entry; /* that was looked for last; may be another's by now */
    uint32_t *entry_slots;
    size_t n_entry_slots, n_entry_used;

    struct wf_crdt_node *nodes; /* [0] is unused */
    size_t n_nodes, cap_nodes;
    uint32_t free_node;

    struct wf_crdt_pool_block *pool;
    size_t pool_bytes, pool_dead;

    uint32_t *stamps; /* of items, while concurrent ones are ordered */
    size_t cap_stamps;
    uint32_t stamp;
    uint32_t passed_left; /* items that this update may still pass; 0 = it was too many */

    struct wf_map redone; /* item number (4 bytes) to client index << 32 | clock */

    struct wf_crdt_txn txns[2]; /* the second tidies formats after the first */
    struct wf_crdt_txn *txn;    /* NULL = none is open */
    unsigned depth;
    uint32_t epoch;

    struct wf_buf pending;         /* update of format 2 that waits; empty = none */
    struct wf_crdt_ranges missing; /* client and the clock that it waits for */
    struct wf_buf pending_deletes; /* likewise, deletes only */

    struct wf_buf scratch; /* for the update that is told */
    bool keep_deleted, no_cleanup, broken;
    wf_crdt_on_update *on_update;
    void *ud;
    struct wf_crdt_undo *undo; /* who watches; a list */
};

static inline struct wf_crdt_item *wf_crdt__item(const struct wf_crdt *d, uint32_t i)
{
    return &d->blocks[i / WF_CRDT_BLOCK][i % WF_CRDT_BLOCK];
}

static inline bool wf_crdt__deleted(const struct wf_crdt_item *it)
{
    return (it->flags & WF_CRDT_F_DELETED) != 0;
}
static inline bool wf_crdt__countable(const struct wf_crdt_item *it)
{
    return it->kind >= WF_CRDT_JSON && it->kind != WF_CRDT_FORMAT;
}
/* Units that it adds to its parent's length. */
static inline uint32_t wf_crdt__visible(const struct wf_crdt_item *it)
{
    return (it->flags & WF_CRDT_F_DELETED) == 0 && wf_crdt__countable(it) ? it->len : 0;
}
static inline bool wf_crdt__has_data(const struct wf_crdt_item *it)
{
    return it->kind >= WF_CRDT_JSON && it->kind != WF_CRDT_TYPE && it->kind != WF_CRDT_SKIP;
}

/* ---- document (doc.c) ---- */

/* As wf_crdt_new, but without a client: `self` is to be set. */
int wf_crdt__new_bare(const struct wf_crdt_options *o, struct wf_crdt **out);
/* Marks the document as broken. Returns WF_E_NOMEM. */
int wf_crdt__break(struct wf_crdt *d);
/* The type of a public number, or NULL. */
struct wf_crdt_type *wf_crdt__type(const struct wf_crdt *d, uint64_t type, uint32_t *out_index);
uint64_t wf_crdt__type_number(const struct wf_crdt *d, uint32_t index);
/* A new type in *out. */
int wf_crdt__type_new(struct wf_crdt *d, enum wf_crdt_kind kind, uint32_t name, uint32_t *out);
void wf_crdt__type_free(struct wf_crdt *d, uint32_t type);
/* The root of that name, made untyped where there is none. */
int wf_crdt__root(struct wf_crdt *d, struct wf_str name, uint32_t *out);
/* The number of a key, made when new; from 1. */
int wf_crdt__key(struct wf_crdt *d, struct wf_str key, uint32_t *out);
/* Room for so many keys and entries, of a document that has none. */
int wf_crdt__names_make(struct wf_crdt *d, size_t n_keys, size_t n_entries);
/* The entry of a key in a type, or 0. */
uint32_t wf_crdt__entry(const struct wf_crdt *d, uint32_t type, uint32_t key);
/* Makes `item` the last of its key. */
int wf_crdt__entry_set(struct wf_crdt *d, uint32_t type, uint32_t key, uint32_t item);
void wf_crdt__entries_free(struct wf_crdt *d, uint32_t type);

/* Frees an item that was read but never integrated, with its content. */
void wf_crdt__discard(struct wf_crdt *d, uint32_t i);

/* ---- store (store.c) ---- */

int wf_crdt__client(struct wf_crdt *d, uint64_t id, uint32_t *out);
/* The index of a client, or NONE. */
uint32_t wf_crdt__client_find(const struct wf_crdt *d, uint64_t id);
/* A zeroed item, or 0. */
uint32_t wf_crdt__item_new(struct wf_crdt *d);
void wf_crdt__item_free(struct wf_crdt *d, uint32_t i);
/* The struct that holds the clock, which there is. */
struct wf_crdt_place wf_crdt__find(struct wf_crdt_client *c, uint32_t clock);
static inline uint32_t wf_crdt__at(const struct wf_crdt_client *c, struct wf_crdt_place p)
{
    return c->chunks[p.chunk]->at[p.slot].item;
}
/* Steps; false at the end. */
bool wf_crdt__step_right(const struct wf_crdt_client *c, struct wf_crdt_place *io);
bool wf_crdt__step_left(const struct wf_crdt_client *c, struct wf_crdt_place *io);
/* Appends the struct, whose clock is c->next. */
int wf_crdt__append(struct wf_crdt *d, uint32_t item);
/* Puts an entry behind a place; removes one. */
int wf_crdt__put_behind(struct wf_crdt_client *c, struct wf_crdt_place p, struct wf_crdt_entry e);
void wf_crdt__take_out(struct wf_crdt_client *c, struct wf_crdt_place p);
void wf_crdt__client_deinit(struct wf_crdt_client *c);
/* The item that holds an id, or 0. */
uint32_t wf_crdt__item_at(struct wf_crdt *d, uint32_t client, uint32_t clock);
/* Splits so that an item begins, or ends, at the clock; that item in *out. */
int wf_crdt__clean_start(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out);
int wf_crdt__clean_end(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out);
/* Cuts item i behind its first `at` units; the rest in *out. */
int wf_crdt__split(struct wf_crdt *d, uint32_t i, struct wf_crdt_place p, uint32_t at,
                   uint32_t *out);

/* Items 1 to n, to be filled, of a document that has none; chunks for a client's n structs,
 * likewise.
 */
int wf_crdt__items_make(struct wf_crdt *d, uint32_t n);
int wf_crdt__chunks_make(struct wf_crdt_client *c, uint32_t n);
/* Gives back the blocks without items. */
int wf_crdt__items_trim(struct wf_crdt *d);

/* ---- packed (pack.c) ---- */

/* Goes over the structs of a packed item: after each next() `at` is one of them, whose links are
 * FAR. */
struct wf_crdt_run {
    struct wf_lib0_in in;
    struct wf_crdt_item at;
};
struct wf_crdt_run wf_crdt__run(const struct wf_crdt_item *packed);
bool wf_crdt__run_next(struct wf_crdt_run *r);

/* Of what a run's numbers become others. */
struct wf_crdt_numbers {
    const uint32_t *clients, *types, *keys;
};
/* Appends a packed item's data with other numbers. */
void wf_crdt__run_renumber(const struct wf_crdt_item *packed, const struct wf_crdt_numbers *to,
                           struct wf_buf *out);
/* False when a packed item's data does not hold what it should, or what the document lacks. */
bool wf_crdt__run_check(const struct wf_crdt *d, const struct wf_crdt_item *packed);
/* Packs what can be, where there is much; not within a transaction. Places become stale. */
int wf_crdt__pack(struct wf_crdt *d);
/* The struct at the clock as an item of its own; a key's item's left neighbour likewise, and linked
 * to it; all on its right; a key's whole chain. Places become stale, items stay where they are. */
int wf_crdt__unpack_at(struct wf_crdt *d, uint32_t client, uint32_t clock, uint32_t *out);
int wf_crdt__unpack_left(struct wf_crdt *d, uint32_t i);
int wf_crdt__unpack_right(struct wf_crdt *d, uint32_t i);
int wf_crdt__unpack_chain(struct wf_crdt *d, uint32_t type, uint32_t sub);

/* ---- content (content.c) ---- */

/* n bytes of a client's memory, with a copy of `p`; NULL on failure. */
uint8_t *wf_crdt__pool_put(struct wf_crdt *d, uint32_t client, const void *p, size_t n);
/* n bytes to be filled with the content of a whole document; NULL on failure. */
uint8_t *wf_crdt__pool_make(struct wf_crdt *d, size_t n);
/* Bytes that nobody points to any more. */
void wf_crdt__pool_drop(struct wf_crdt *d, size_t n);
/* Appends bytes to an item's data, in place where its client's memory ends with it. */
int wf_crdt__content_extend(struct wf_crdt *d, struct wf_crdt_item *it, const uint8_t *p, size_t n);
/* Copies into the document what still lies in the update that is read. */
int wf_crdt__content_own(struct wf_crdt *d, struct wf_crdt_item *it);
/* Moves what lies behind the first `at` units of a's content to b, of the same kind. */
int wf_crdt__content_split(struct wf_crdt *d, struct wf_crdt_item *a, struct wf_crdt_item *b,
                           uint32_t at);
/* Puts b's content behind a's; false when the kind cannot. */
bool wf_crdt__content_joins(const struct wf_crdt_item *a);
int wf_crdt__content_join(struct wf_crdt *d, struct wf_crdt_item *a, const struct wf_crdt_item *b);
/* Compacts the content's memory when much of it is dead. */
int wf_crdt__pool_tidy(struct wf_crdt *d);
void wf_crdt__pool_free(struct wf_crdt *d);
/* Key and value of a format. */
static inline uint32_t wf_crdt__format_key(const struct wf_crdt_item *it)
{
    uint32_t key;

    memcpy(&key, it->data, 4);
    return key;
}
static inline struct wf_str wf_crdt__format_value(const struct wf_crdt_item *it)
{
    return wf_str_n((const char *)it->data + 4, it->bytes - 4);
}

/* ---- order (integrate.c) ---- */

/* Puts an item with origins, parent and content in its place; left and right may be set. `offset`
 * units of it are known already. */
int wf_crdt__integrate(struct wf_crdt *d, uint32_t i, uint32_t offset);
int wf_crdt__delete(struct wf_crdt *d, uint32_t i);
/* Makes a local item between two neighbours and integrates it. content: kind, data (copied) or
 * type, len. */
int wf_crdt__insert(struct wf_crdt *d, uint32_t parent, uint32_t sub, uint32_t left, uint32_t right,
                    const struct wf_crdt_item *content, uint32_t *out);

/* The same, kept from the beginning; it does not grow what is there. */
int wf_crdt__insert_kept(struct wf_crdt *d, uint32_t parent, uint32_t sub, uint32_t left,
                         uint32_t right, const struct wf_crdt_item *content, uint32_t *out);

/* ---- transactions (txn.c) ---- */

int wf_crdt__touch(struct wf_crdt *d, uint32_t client);
/* Adds a range, joined with the last one where they touch; or an id, which stays one of its own. */
int wf_crdt__ids_add(struct wf_crdt_ranges *r, uint32_t client, uint32_t clock);
int wf_crdt__ranges_add(struct wf_crdt_ranges *r, uint32_t client, uint32_t clock, uint32_t len);
/* By client in the order in which they first come (formats are tidied in it), then by clock,
 * joined. */
void wf_crdt__ranges_sort(struct wf_crdt *d, struct wf_crdt_ranges *r);
/* The clock before the open transaction. */
static inline uint32_t wf_crdt__before(const struct wf_crdt *d, uint32_t client)
{
    const struct wf_crdt_client *c = &d->clients[client];

    return c->epoch == d->txn->epoch ? c->before : c->next;
}
/* Joins the struct at p with those on its left as far as they fit; how many were joined. */
int wf_crdt__join_lefts(struct wf_crdt *d, uint32_t client, struct wf_crdt_place *io_place,
                        uint32_t *out_n);
int wf_crdt__collect(struct wf_crdt *d, uint32_t i, bool parent_gone);

/* ---- tree (tree.c) ---- */

/* The item that holds position `at` of a type (0 <= at < length), and where the item begins. */
int wf_crdt__tree_find(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_item,
                       uint32_t *out_begin);
int wf_crdt__tree_insert(struct wf_crdt *d, uint32_t type, uint32_t i);
void wf_crdt__tree_change(struct wf_crdt *d, uint32_t i, int64_t delta);
void wf_crdt__tree_remove(struct wf_crdt *d, uint32_t i);
void wf_crdt__tree_drop(struct wf_crdt *d, uint32_t type);

#endif
