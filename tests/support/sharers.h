/* Sharers: an owner's devices in one process, each with a store of its own on the disk, stepped
 * with a clock that stands still between steps: weeks pass in no time. */
#ifndef WF_TESTS_SUPPORT_SHARERS_H
#define WF_TESTS_SUPPORT_SHARERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/sharing_machine.h"
#include "space/draft.h"
#include "space/record.h"
#include "support/home.h"

#define SHARERS_MAX 4

struct sharers;

struct sharer {
    struct sharers *all;
    size_t i;
    struct home home;
    struct wf_drafts *drafts;
    struct wf_records *records;
    struct wf_sharing *sharing;
    struct wf_device device;
    const struct wf_devices *list; /* of its owner, where it is not that of all; borrowed */
    /* What goes to other people's devices; NULL: nothing does. ud is the sharer. */
    int (*given)(void *ud, struct wf_given *what, size_t n, struct wf_err *err);
    /* A draft's label; NULL: private. And why it cannot be told; 0: it can. */
    enum wf_label (*label)(const struct sharer *d, const struct wf_draft_moment *at);
    int label_fails;
    bool is_up, must_tell;
    bool is_linked[SHARERS_MAX];
};

struct sharers {
    struct sharer at[SHARERS_MAX];
    size_t n;
    struct wf_devices devices;
    int64_t now_ns;
    struct wf_clock clock;
    bool may_end; /* a device may end connections: they are cut in the next step */
    bool ends[SHARERS_MAX][SHARERS_MAX];
    struct sharers_packet *way;
    size_t n_way, cap_way;
};

/* n devices, of which the first is the eldest, and, with `lowest_last`, the last has the lowest id,
 * else the first. None is up. */
void sharers_make(struct sharers *s, size_t n, bool lowest_last);
void sharers_remove(struct sharers *s);

/* Starts one, or all but those of a bit; stops one: its connections are gone. */
void sharer_up(struct sharer *d);
void sharer_down(struct sharer *d);
/* Connects two that are up; ends that. */
void sharers_link(struct sharers *s, size_t a, size_t b);
void sharers_cut(struct sharers *s, size_t a, size_t b);

/* One step of all that are up, time moves on by so much before it, and what is on the way comes. */
void sharers_step(struct sharers *s, int64_t ms);
/* Steps until all that are connected say that they have the same, for so many steps at most; did
 * they? */
bool sharers_settle(struct sharers *s, size_t n_max);

/* The draft's text becomes that one; it is made where there is none. */
void sharer_edit(struct sharer *d, const char *name, struct wf_str text);
/* Appends the text; nothing where there is none. */
void sharer_text(struct sharer *d, const char *name, struct wf_buf *out);
/* A record's field becomes that number; a record is removed. */
void sharer_set(struct sharer *d, const char *key, int64_t value);
void sharer_forget(struct sharer *d, const char *key);

/* The one number that a query gives. */
int64_t sharer_ask(struct sharer *d, const char *sql);
/* Words of its problems, one behind the other, for wf_buf_deinit. */
void sharer_problems(struct sharer *d, struct wf_buf *out);

#endif
