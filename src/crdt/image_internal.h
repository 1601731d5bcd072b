/* Layout of images. Numbers are in the order of the machine that wrote them (`mark` tells).
 *
 *   at  bytes
 *    0      8  "weft doc"
 *    8      4  format: WF_CRDT_IMAGE_FORMAT, one more whenever anything below changes, or what
 *              packed runs (pack.c) look like
 *   12      4  mark: wf_crdt__image_mark(), of the program's version
 *   16      4  CRC32C of all from 20 on
 *   20      4  flags: 1 deleted content was kept, 2 there are packed runs
 *   24      8  of each section: number of elements, bytes of one (4 each)
 *              the sections, one behind the other, without gaps; nothing behind the last
 *
 * A section is a column of numbers, of 0 (all are 0), 1, 2 or 4 bytes, whatever the largest needs;
 * or bytes. Items are numbered from 1 as they stand in HEAD; clients, keys and types have numbers
 * of their own: clients from 0, keys from 1, types from 2 (1 is WF_CRDT_ROOTS).
 *
 * Items stand in their parents' order, in groups that are neighbours of each other: a sequence, a
 * key's chain or what packing left of it, or structs without a parent. So left, right, parent and
 * key need no numbers of their own; client and clock are told by LIST, the clients' lists. */
#ifndef WF_CRDT_IMAGE_INTERNAL_H
#define WF_CRDT_IMAGE_INTERNAL_H

#include "crdt/crdt_internal.h"

#define WF_CRDT_IMAGE_FORMAT 1u
#define WF_CRDT_IMAGE_MAGIC "weft doc"
#define WF_CRDT_IMAGE_SUM_AT 16u /* the checksum; what it is of follows */

enum wf_crdt_image_flag {
    WF_CRDT_IMAGE_KEPT = 1u << 0,
    WF_CRDT_IMAGE_PACKED = 1u << 1,
};

enum wf_crdt_section_kind {
    WF_CRDT_IMG_CLIENT,  /* ids, 8 bytes each */
    WF_CRDT_IMG_STRUCTS, /* of each client: its number of structs, and of units */
    WF_CRDT_IMG_NEXT,
    WF_CRDT_IMG_LIST,      /* items by client, then by clock */
    WF_CRDT_IMG_TYPE,      /* kind, 128 = has formats */
    WF_CRDT_IMG_TYPE_ITEM, /* that holds it; 0 = a root */
    WF_CRDT_IMG_TYPE_NAME, /* key */
    WF_CRDT_IMG_KEY_BYTES, /* of each key */
    WF_CRDT_IMG_KEYS,      /* bytes */
    WF_CRDT_IMG_ENTRY,     /* item; type, of a root */
    WF_CRDT_IMG_ENTRY_TYPE,
    WF_CRDT_IMG_ENTRY_KEY,
    WF_CRDT_IMG_GROUP,      /* number of items * 4; 2 = its left neighbour is FAR, 1 = its right */
    WF_CRDT_IMG_GROUP_TYPE, /* 0 = without a parent */
    WF_CRDT_IMG_GROUP_KEY,  /* 0 = a sequence */
    WF_CRDT_IMG_HEAD,       /* kind; 16 deleted, 32 kept, 128 ASCII */
    WF_CRDT_IMG_LEN,
    WF_CRDT_IMG_O_CLIENT, /* origin's client + 1; 0 = none */
    WF_CRDT_IMG_O_CLOCK,
    WF_CRDT_IMG_R_CLIENT,
    WF_CRDT_IMG_R_CLOCK,
    WF_CRDT_IMG_SIZE,    /* bytes of content that is no ASCII string, of each in its order */
    WF_CRDT_IMG_MISSING, /* client that pending updates wait for */
    WF_CRDT_IMG_MISSING_CLOCK,
    WF_CRDT_IMG_TEXT,    /* bytes: strings that are ASCII */
    WF_CRDT_IMG_REST,    /* bytes: all other content, as in struct wf_crdt_item */
    WF_CRDT_IMG_PENDING, /* bytes */
    WF_CRDT_IMG_DELETES, /* bytes: pending deletes */
    WF_CRDT_IMG_COUNT
};

struct wf_crdt_image_head {
    char magic[8];
    uint32_t format, mark, sum, flags;
    struct {
        uint32_t n, width;
    } sections[WF_CRDT_IMG_COUNT];
};
_Static_assert(sizeof(struct wf_crdt_image_head) == 24 + 8 * WF_CRDT_IMG_COUNT, "no gaps");

enum wf_crdt_image_item {
    WF_CRDT_IMG_KIND = 15,
    WF_CRDT_IMG_FLAGS_AT = 4, /* WF_CRDT_F_DELETED and WF_CRDT_F_KEEP, shifted */
    WF_CRDT_IMG_ASCII = 128,
};

/* What a program that reads the image must be. */
uint32_t wf_crdt__image_mark(void);
/* The checksum of an image, which is at least a head long. */
uint32_t wf_crdt__image_sum(struct wf_str image);
/* The least and the most bytes of an element of a section. */
uint32_t wf_crdt__image_width_min(enum wf_crdt_section_kind k);

#endif
