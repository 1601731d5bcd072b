/* What presence*.c share. */
#ifndef WF_MESH_PRESENCE_INTERNAL_H
#define WF_MESH_PRESENCE_INTERNAL_H

#include "mesh/presence.h"

/* Something that is open, here or elsewhere. */
struct wf_presence_item {
    char id[WF_PRESENCE_ID_BYTES + 1];
    enum wf_label label;
    json_t *what;      /* owned */
    int64_t active_ms; /* monotonic, of this device */
    int64_t said_ms;   /* here: when its page last said that it is there */
    uint64_t version;  /* here: changes with what is said; never 0 */
    bool is_touched;   /* here: active again, which the others may not know */
};

/* What a device was told of. */
struct wf_presence_told {
    char id[WF_PRESENCE_ID_BYTES + 1];
    uint64_t version;
};

struct wf_presence_device {
    uint8_t key[WF_SIGNER_ID_BYTES];
    char name[WF_DEVICES_NAME_BYTES + 1];
    enum wf_label clearance;
    uint64_t peer;    /* 0: not connected */
    int64_t heard_ms; /* the last word of it */
    struct wf_presence_item items[WF_PRESENCE_ITEMS_MAX];
    size_t n_items;
    json_t *screen; /* owned; NULL: it shows nothing */
    enum wf_label screen_label;
    int64_t screen_ms; /* when it said so */
    /* ---- what it is told ---- */
    struct wf_presence_told told[WF_PRESENCE_ITEMS_MAX];
    size_t n_told;
    uint64_t screen_told; /* which version of the screen; 0: that there is none */
    bool is_begun;        /* the first message went out */
    bool is_full;         /* it takes nothing now: `room` tells */
    int64_t next_ms;      /* not before */
    int64_t active_ms;    /* when ages alone were last sent */
    int64_t beat_ms;      /* when anything was */
};

struct wf_presence {
    struct wf_presence_options o;
    struct wf_presence_item items[WF_PRESENCE_ITEMS_MAX];
    size_t n_items;
    struct wf_presence_device *devices;
    size_t n_devices, cap_devices;
    uint64_t n_versions;
    char handed_by[WF_DEVICES_NAME_BYTES + 1];
    json_t *handed; /* NULL: nothing */
    int64_t handed_ms;
    json_t *screen; /* of this device; NULL: nothing is presented */
    enum wf_label screen_label;
    uint64_t n_screens; /* versions of it */
};

static inline int64_t wf_presence__now_ms(const struct wf_presence *p)
{
    return wf_clock_mono_ns(p->o.clock) / 1000000;
}

int wf_presence__no_memory(struct wf_err *err);
/* Of n items: the one of that id, or NULL. */
struct wf_presence_item *wf_presence__item(struct wf_presence_item *items, size_t n,
                                           struct wf_str id);
void wf_presence__drop(struct wf_presence_item *items, size_t *io_n, size_t i);
/* As messages have it; with_what: else its age alone. NULL: out of memory. */
json_t *wf_presence__item_json(const struct wf_presence_item *it, int64_t now_ms, bool with_what);
/* A message: kind and body, which is taken over (NULL: out of memory). */
int wf_presence__write(unsigned kind, json_t *body, struct wf_buf *out, struct wf_err *err);
/* Sends it to a device; BUSY is noted. */
int wf_presence__send(struct wf_presence *p, struct wf_presence_device *d, unsigned kind,
                      json_t *body, struct wf_err *err);
/* What a message says of one item, into *out (what: NULL, its age alone). Errors: FORMAT. */
int wf_presence__read_item(const json_t *v, int64_t now_ms, struct wf_presence_item *out,
                           struct wf_err *err);

/* The connected device of that number, or NULL. */
struct wf_presence_device *wf_presence__device_at(struct wf_presence *p, uint64_t peer);

/* ---- presence_screen.c ---- */

/* Tells a device what the screen here shows, where it does not know. */
void wf_presence__tell_screen(struct wf_presence *p, struct wf_presence_device *d);
/* Messages about screens. Errors: FORMAT, INVAL (in words for a page), NOMEM. */
int wf_presence__take_screen(struct wf_presence *p, struct wf_presence_device *d,
                             const json_t *body, struct wf_err *err);
int wf_presence__take_move(struct wf_presence *p, struct wf_presence_device *d, const json_t *body,
                           struct wf_err *err);
/* It is gone, and so is what it shows. */
void wf_presence__drop_screen(struct wf_presence *p, struct wf_presence_device *d);

/* ---- presence_send.c ---- */

/* Tells a device what it does not know yet, when it is time; *io_ms becomes earlier where there is
 * more to be said later. */
void wf_presence__tell(struct wf_presence *p, struct wf_presence_device *d, int64_t now_ms,
                       int64_t *io_ms);

#endif
