/* SPDX-License-Identifier: Apache-2.0 */
/* Opening images: columns become items, a block at a time; groups give them their neighbours and
 * parents; the clients' lists give them their ids. Everything that is followed later is looked at
 * on the way, as if the checksum said nothing:
 *
 * (1) each item is in one group and one list, so that no list runs in circles;
 * (2) origins and owners are structs that there are, an item's own client's are older; (3) content
 * is what its kind says, down to its values; (4) types and the items that hold them name each
 * other, and no type lies within itself; (5) entries are the right ends of the keys' chains, and
 * each end has its entry; (6) where a chain is packed in between, each end has its counterpart
 * (summed up). */
#include "crdt/image.h"

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/image_internal.h"
#include "crdt/update.h"

struct column {
    const uint8_t *p;
    uint32_t n, width;
};

/* The columns of one block's items, each at its slot. */
struct rows {
    uint32_t len[WF_CRDT_BLOCK];
    uint32_t o_client[WF_CRDT_BLOCK], o_clock[WF_CRDT_BLOCK];
    uint32_t r_client[WF_CRDT_BLOCK], r_clock[WF_CRDT_BLOCK];
};

struct opening {
    struct wf_crdt *d;
    uint32_t flags;
    struct column cols[WF_CRDT_IMG_COUNT];
    uint32_t *nexts;      /* of clients, one behind: [0] is for origins that are none */
    uint8_t *text, *rest; /* in the document's memory */
    uint32_t text_at, rest_at, size_at;
    uint32_t n_type_items, n_chains;
    struct rows rows;
    struct wf_buf value; /* one canonical value */
};

uint32_t wf_crdt__image_mark(void)
{
    return wf_crc32c(0, WF_VERSION, sizeof(WF_VERSION));
}

uint32_t wf_crdt__image_sum(struct wf_str image)
{
    size_t from = WF_CRDT_IMAGE_SUM_AT + sizeof(uint32_t);

    return wf_crc32c(0, image.ptr + from, image.len - from);
}

/* ---- sections ---- */

/* Bytes of an element; what has as many elements as which. */
static const struct rule {
    uint8_t min, max;
    enum wf_crdt_section_kind as;
} rules[WF_CRDT_IMG_COUNT] = {
    [WF_CRDT_IMG_CLIENT] = {8, 8, WF_CRDT_IMG_CLIENT},
    [WF_CRDT_IMG_STRUCTS] = {0, 4, WF_CRDT_IMG_CLIENT},
    [WF_CRDT_IMG_NEXT] = {0, 4, WF_CRDT_IMG_CLIENT},
    [WF_CRDT_IMG_LIST] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_TYPE] = {1, 1, WF_CRDT_IMG_TYPE},
    [WF_CRDT_IMG_TYPE_ITEM] = {0, 4, WF_CRDT_IMG_TYPE},
    [WF_CRDT_IMG_TYPE_NAME] = {0, 4, WF_CRDT_IMG_TYPE},
    [WF_CRDT_IMG_KEY_BYTES] = {1, 4, WF_CRDT_IMG_KEY_BYTES},
    [WF_CRDT_IMG_KEYS] = {1, 1, WF_CRDT_IMG_KEYS},
    [WF_CRDT_IMG_ENTRY] = {1, 4, WF_CRDT_IMG_ENTRY},
    [WF_CRDT_IMG_ENTRY_TYPE] = {0, 4, WF_CRDT_IMG_ENTRY},
    [WF_CRDT_IMG_ENTRY_KEY] = {0, 4, WF_CRDT_IMG_ENTRY},
    [WF_CRDT_IMG_GROUP] = {1, 4, WF_CRDT_IMG_GROUP},
    [WF_CRDT_IMG_GROUP_TYPE] = {0, 4, WF_CRDT_IMG_GROUP},
    [WF_CRDT_IMG_GROUP_KEY] = {0, 4, WF_CRDT_IMG_GROUP},
    [WF_CRDT_IMG_HEAD] = {1, 1, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_LEN] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_O_CLIENT] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_O_CLOCK] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_R_CLIENT] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_R_CLOCK] = {0, 4, WF_CRDT_IMG_HEAD},
    [WF_CRDT_IMG_SIZE] = {1, 4, WF_CRDT_IMG_SIZE},
    [WF_CRDT_IMG_MISSING] = {1, 4, WF_CRDT_IMG_MISSING},
    [WF_CRDT_IMG_MISSING_CLOCK] = {0, 4, WF_CRDT_IMG_MISSING},
    [WF_CRDT_IMG_TEXT] = {1, 1, WF_CRDT_IMG_TEXT},
    [WF_CRDT_IMG_REST] = {1, 1, WF_CRDT_IMG_REST},
    [WF_CRDT_IMG_PENDING] = {1, 1, WF_CRDT_IMG_PENDING},
    [WF_CRDT_IMG_DELETES] = {1, 1, WF_CRDT_IMG_DELETES},
};

uint32_t wf_crdt__image_width_min(enum wf_crdt_section_kind k)
{
    return rules[k].min;
}

static int read_head(struct opening *o, struct wf_str image)
{
    struct wf_crdt_image_head head;
    uint64_t at = sizeof(head);

    if (image.len < sizeof(head))
        return WF_E_FORMAT;
    memcpy(&head, image.ptr, sizeof(head));
    if (memcmp(head.magic, WF_CRDT_IMAGE_MAGIC, sizeof(head.magic)) != 0)
        return WF_E_FORMAT;
    if (head.format != WF_CRDT_IMAGE_FORMAT || head.mark != wf_crdt__image_mark())
        return WF_E_UNSUPPORTED;
    if (head.sum != wf_crdt__image_sum(image))
        return WF_E_FORMAT;
    o->flags = head.flags;
    for (int k = 0; k < WF_CRDT_IMG_COUNT; k++) {
        uint32_t n = head.sections[k].n, width = head.sections[k].width;
        bool odd = width == 3 || (width > 4 && width < 8);
        if (width < rules[k].min || width > rules[k].max || odd ||
            n != head.sections[rules[k].as].n || (uint64_t)n * width > image.len - at)
            return WF_E_FORMAT;
        o->cols[k] = (struct column){.p = (const uint8_t *)image.ptr + at, .n = n, .width = width};
        at += (uint64_t)n * width;
    }
    return at == image.len && o->cols[WF_CRDT_IMG_HEAD].n < WF_LIMIT_CRDT_ITEMS ? 0 : WF_E_FORMAT;
}

static uint32_t get(const struct opening *o, enum wf_crdt_section_kind k, uint32_t i)
{
    const struct column *c = &o->cols[k];
    uint32_t v;
    uint16_t half;

    assert(i < c->n);
    switch (c->width) {
    case 0:
        return 0;
    case 1:
        return c->p[i];
    case 2:
        memcpy(&half, c->p + (size_t)i * 2, sizeof(half));
        return half;
    default:
        memcpy(&v, c->p + (size_t)i * 4, sizeof(v));
        return v;
    }
}

/* n elements from i on. */
static void get_all(const struct opening *o, enum wf_crdt_section_kind k, uint32_t i, uint32_t n,
                    uint32_t *out)
{
    const struct column *c = &o->cols[k];
    const uint8_t *p = c->p + (size_t)i * c->width;
    uint16_t half;

    assert(i <= c->n && n <= c->n - i);
    switch (c->width) {
    case 0:
        memset(out, 0, n * sizeof(*out));
        break;
    case 1:
        for (uint32_t s = 0; s < n; s++)
            out[s] = p[s];
        break;
    case 2:
        for (uint32_t s = 0; s < n; s++) {
            memcpy(&half, p + (size_t)s * 2, sizeof(half));
            out[s] = half;
        }
        break;
    default:
        memcpy(out, p, n * sizeof(*out));
        break;
    }
}

/* ---- names: keys, clients, types ---- */

static int read_keys(struct opening *o)
{
    const struct column *bytes = &o->cols[WF_CRDT_IMG_KEYS];
    uint32_t n_keys = o->cols[WF_CRDT_IMG_KEY_BYTES].n, at = 0, number;

    if (wf_crdt__names_make(o->d, n_keys, o->cols[WF_CRDT_IMG_ENTRY].n) != 0)
        return WF_E_NOMEM;
    for (uint32_t i = 0; i < n_keys; i++) {
        uint32_t n = get(o, WF_CRDT_IMG_KEY_BYTES, i);
        if (n > bytes->n - at || wf_lib0_units(bytes->p + at, n) == SIZE_MAX)
            return WF_E_FORMAT;
        if (wf_crdt__key(o->d, wf_str_n((const char *)bytes->p + at, n), &number) != 0)
            return WF_E_NOMEM;
        if (number != i + 1) /* it was there already */
            return WF_E_FORMAT;
        at += n;
    }
    return at == bytes->n ? 0 : WF_E_FORMAT;
}

/* Clients with their clocks, of which the lists then tell whether they are right. */
static int read_clients(struct opening *o, uint64_t self)
{
    struct wf_crdt *d = o->d;
    uint32_t n = o->cols[WF_CRDT_IMG_CLIENT].n, number;
    uint64_t id;

    o->nexts = wf_alloc_array((size_t)n + 1, sizeof(*o->nexts));
    if (o->nexts == NULL)
        return WF_E_NOMEM;
    o->nexts[0] = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&id, o->cols[WF_CRDT_IMG_CLIENT].p + (size_t)i * sizeof(id), sizeof(id));
        if (id > WF_LIB0_MAX)
            return WF_E_FORMAT;
        if (wf_crdt__client(d, id, &number) != 0)
            return WF_E_NOMEM;
        o->nexts[i + 1] = d->clients[i].next = get(o, WF_CRDT_IMG_NEXT, i);
        if (number != i || d->clients[i].next == UINT32_MAX)
            return WF_E_FORMAT;
    }
    if (wf_crdt__client(d, self, &d->self) != 0)
        return WF_E_NOMEM;
    d->taken = d->clients[d->self].next > 0;
    return 0;
}

static int read_types(struct opening *o)
{
    struct wf_crdt *d = o->d;
    uint32_t type;

    for (uint32_t i = 0; i < o->cols[WF_CRDT_IMG_TYPE].n; i++) {
        uint32_t kind = get(o, WF_CRDT_IMG_TYPE, i), name = get(o, WF_CRDT_IMG_TYPE_NAME, i);
        bool is_root = get(o, WF_CRDT_IMG_TYPE_ITEM, i) == 0;
        if ((kind & 127) > WF_CRDT_XML_TEXT && ((kind & 127) != WF_CRDT_UNTYPED || !is_root))
            return WF_E_FORMAT;
        if (name >= d->n_keys || (is_root && name == 0))
            return WF_E_FORMAT;
        if (wf_crdt__type_new(d, (enum wf_crdt_kind)(kind & 127), name, &type) != 0)
            return WF_E_NOMEM;
        d->types[type].has_formats = (kind & 128) != 0;
    }
    return 0;
}

/* ---- content ---- */

static int take_memory(struct opening *o)
{
    const struct column *text = &o->cols[WF_CRDT_IMG_TEXT], *rest = &o->cols[WF_CRDT_IMG_REST];
    size_t n = (size_t)text->n + rest->n;
    uint64_t word, high = 0;
    uint32_t i = 0;

    o->text = wf_crdt__pool_make(o->d, n);
    if (o->text == NULL)
        return WF_E_NOMEM;
    o->rest = o->text + text->n;
    memcpy(o->text, text->p, n); /* they stand behind each other */
    for (; i + 8 <= text->n; i += 8) {
        memcpy(&word, o->text + i, sizeof(word));
        high |= word;
    }
    for (; i < text->n; i++)
        high |= o->text[i];
    return (high & UINT64_C(0x8080808080808080)) == 0 ? 0 : WF_E_FORMAT;
}

/* Whether n canonical values stand in the bytes, none of them undefined where it may not be. */
static int check_values(struct opening *o, const uint8_t *p, uint32_t size, uint32_t n, bool json)
{
    struct wf_lib0_in in = wf_lib0_in(p, size), next = in;
    int rc = n > size || (json && size > 0 && p[0] == WF_ANY_UNDEFINED) ? WF_E_FORMAT : 0;

    for (; n > 0 && rc == 0; n--) {
        if (wf_any_plain(&next)) {
            in = next;
            continue;
        }
        next = in; /* read in full, and compared */
        wf_buf_reset(&o->value);
        rc = wf_any_read(&next, &o->value);
        if (rc == 0 && ((size_t)(next.p - in.p) != o->value.len ||
                        memcmp(o->value.ptr, in.p, o->value.len) != 0))
            rc = WF_E_FORMAT;
        in = next;
    }
    if (rc != 0)
        return rc == WF_E_LIMIT ? WF_E_FORMAT : rc;
    return in.p == in.end ? 0 : WF_E_FORMAT;
}

static int check_format(struct opening *o, const struct wf_crdt_item *it)
{
    uint32_t key;

    if (it->bytes <= sizeof(key))
        return WF_E_FORMAT;
    key = wf_crdt__format_key(it);
    if (key == 0 || key >= o->d->n_keys)
        return WF_E_FORMAT;
    return check_values(o, it->data + sizeof(key), it->bytes - (uint32_t)sizeof(key), 1, true);
}

static int check_doc(struct opening *o, const struct wf_crdt_item *it)
{
    struct wf_lib0_in in = wf_lib0_in(it->data, it->bytes);
    struct wf_str guid = wf_lib0_bytes(&in);

    if (in.bad || wf_lib0_units((const uint8_t *)guid.ptr, guid.len) == SIZE_MAX)
        return WF_E_FORMAT;
    return check_values(o, in.p, (uint32_t)(in.end - in.p), 1, false);
}

static int check_content(struct opening *o, const struct wf_crdt_item *it)
{
    bool many = it->kind == WF_CRDT_STRING || it->kind == WF_CRDT_JSON || it->kind == WF_CRDT_ANY ||
                it->kind == WF_CRDT_PACKED;

    if (!many && it->len != 1)
        return WF_E_FORMAT;
    switch (it->kind) {
    case WF_CRDT_STRING:
        return wf_lib0_units(it->data, it->bytes) == it->len ? 0 : WF_E_FORMAT;
    case WF_CRDT_JSON:
    case WF_CRDT_ANY:
        return check_values(o, it->data, it->bytes, it->len, false);
    case WF_CRDT_EMBED:
        return check_values(o, it->data, it->bytes, 1, true);
    case WF_CRDT_FORMAT:
        return check_format(o, it);
    case WF_CRDT_DOC:
        return check_doc(o, it);
    default: /* bytes; what is packed is looked at when all ids are known */
        return 0;
    }
}

/* What is no ASCII string. */
static int take_content(struct opening *o, struct wf_crdt_item *it)
{
    bool bare = it->kind == WF_CRDT_GC || it->kind == WF_CRDT_PACKED;
    bool gone = bare || it->kind == WF_CRDT_DELETED;

    if (it->kind == WF_CRDT_SKIP || it->kind > WF_CRDT_PACKED || bare != (it->parent == 0) ||
        (gone && !wf_crdt__deleted(it)))
        return WF_E_FORMAT;
    if (bare && (it->o_client != WF_CRDT_NONE || it->r_client != WF_CRDT_NONE))
        return WF_E_FORMAT;
    if (it->kind == WF_CRDT_TYPE) {
        o->n_type_items++;
        return it->len == 1 ? 0 : WF_E_FORMAT;
    }
    if (!wf_crdt__has_data(it))
        return 0;
    if (o->size_at >= o->cols[WF_CRDT_IMG_SIZE].n)
        return WF_E_FORMAT;
    it->bytes = get(o, WF_CRDT_IMG_SIZE, o->size_at++);
    if (it->bytes > o->cols[WF_CRDT_IMG_REST].n - o->rest_at)
        return WF_E_FORMAT;
    it->data = o->rest + o->rest_at;
    o->rest_at += it->bytes;
    return check_content(o, it);
}

/* ---- items ---- */

/* The rows of the block that item i lies in. */
static void fill_rows(struct opening *o, uint32_t i)
{
    uint32_t slot = i % WF_CRDT_BLOCK, n = WF_CRDT_BLOCK - slot, left = o->d->n_items - i;

    n = n < left ? n : left;
    get_all(o, WF_CRDT_IMG_LEN, i - 1, n, o->rows.len + slot);
    get_all(o, WF_CRDT_IMG_O_CLIENT, i - 1, n, o->rows.o_client + slot);
    get_all(o, WF_CRDT_IMG_O_CLOCK, i - 1, n, o->rows.o_clock + slot);
    get_all(o, WF_CRDT_IMG_R_CLIENT, i - 1, n, o->rows.r_client + slot);
    get_all(o, WF_CRDT_IMG_R_CLOCK, i - 1, n, o->rows.r_clock + slot);
}

/* An item between those before and behind it; its client is not known yet. */
static int take_item(struct opening *o, struct wf_crdt_item *it, uint32_t i, uint32_t type,
                     uint32_t key)
{
    const uint32_t n_clients = o->cols[WF_CRDT_IMG_CLIENT].n, s = i % WF_CRDT_BLOCK;
    const uint8_t head = o->cols[WF_CRDT_IMG_HEAD].p[i - 1];
    const uint32_t o_client = o->rows.o_client[s], r_client = o->rows.r_client[s];

    if (o->rows.len[s] == 0 || o_client > n_clients || r_client > n_clients ||
        o->rows.o_clock[s] >= o->nexts[o_client] || o->rows.r_clock[s] >= o->nexts[r_client])
        return WF_E_FORMAT;
    *it = (struct wf_crdt_item){.client = WF_CRDT_NONE,
                                .len = o->rows.len[s],
                                .left = i - 1,
                                .right = i + 1,
                                .o_client = o_client - 1, /* 0, no origin, becomes NONE */
                                .o_clock = o->rows.o_clock[s],
                                .r_client = r_client - 1,
                                .r_clock = o->rows.r_clock[s],
                                .parent = type,
                                .sub = key,
                                .kind = head & WF_CRDT_IMG_KIND,
                                .flags = head >> WF_CRDT_IMG_FLAGS_AT &
                                         (WF_CRDT_F_DELETED | WF_CRDT_F_KEEP)};
    if ((head & WF_CRDT_IMG_ASCII) == 0)
        return take_content(o, it);
    if (it->kind != WF_CRDT_STRING || type == 0 ||
        it->len > o->cols[WF_CRDT_IMG_TEXT].n - o->text_at)
        return WF_E_FORMAT;
    it->data = o->text + o->text_at;
    it->bytes = it->len;
    o->text_at += it->len;
    return 0;
}

static int take_items(struct opening *o, uint32_t first, uint32_t end, uint32_t type, uint32_t key)
{
    struct wf_crdt *d = o->d;
    struct wf_crdt_item *it = wf_crdt__item(d, first);
    uint64_t visible = 0;
    int rc = 0;

    for (uint32_t i = first; i < end && rc == 0; i++, it++) {
        if (i % WF_CRDT_BLOCK == 0 || i == 1)
            fill_rows(o, i);
        if (i % WF_CRDT_BLOCK == 0)
            it = wf_crdt__item(d, i);
        rc = take_item(o, it, i, type, key);
        visible += wf_crdt__visible(it);
        if (type == 0)
            it->left = it->right = 0;
    }
    if (rc != 0 || key != 0 || type == 0)
        return rc;
    if (d->types[type].start != 0 || visible > UINT32_MAX)
        return WF_E_FORMAT;
    d->types[type].start = first;
    d->types[type].length = (uint32_t)visible;
    return 0;
}

static int read_group(struct opening *o, uint32_t g, uint32_t *io_first)
{
    struct wf_crdt *d = o->d;
    uint32_t n = get(o, WF_CRDT_IMG_GROUP, g), first = *io_first, end;
    uint32_t type = get(o, WF_CRDT_IMG_GROUP_TYPE, g), key = get(o, WF_CRDT_IMG_GROUP_KEY, g);
    bool left_far = (n & 2) != 0, right_far = (n & 1) != 0;
    int rc;

    n >>= 2;
    if (n == 0 || n > d->n_items - first || type == WF_CRDT_ROOTS || type >= d->n_types ||
        key >= d->n_keys || (type == 0 && key != 0))
        return WF_E_FORMAT;
    if ((left_far || right_far) && (key == 0 || (o->flags & WF_CRDT_IMAGE_PACKED) == 0))
        return WF_E_FORMAT;
    end = first + n;
    rc = take_items(o, first, end, type, key);
    *io_first = end;
    if (rc != 0 || type == 0)
        return rc;
    wf_crdt__item(d, first)->left = left_far ? WF_CRDT_FAR : 0;
    wf_crdt__item(d, end - 1)->right = right_far ? WF_CRDT_FAR : 0;
    o->n_chains += key != 0 && !right_far;
    return 0;
}

static int read_items(struct opening *o)
{
    uint32_t first = 1;
    int rc = wf_crdt__items_make(o->d, o->cols[WF_CRDT_IMG_HEAD].n);

    if (rc == 0)
        rc = take_memory(o);
    for (uint32_t g = 0; g < o->cols[WF_CRDT_IMG_GROUP].n && rc == 0; g++)
        rc = read_group(o, g, &first);
    if (rc != 0)
        return rc;
    return first == o->d->n_items && o->text_at == o->cols[WF_CRDT_IMG_TEXT].n &&
                   o->rest_at == o->cols[WF_CRDT_IMG_REST].n &&
                   o->size_at == o->cols[WF_CRDT_IMG_SIZE].n
               ? 0
               : WF_E_FORMAT;
}

/* ---- lists ---- */

/* One client's structs, from element *io_at of LIST on. */
static int read_list(struct opening *o, uint32_t k, uint32_t *io_at)
{
    struct wf_crdt *d = o->d;
    struct wf_crdt_client *c = &d->clients[k];
    uint32_t n = get(o, WF_CRDT_IMG_STRUCTS, k), items[WF_CRDT_CHUNK];
    uint64_t clock = 0;

    if (n > o->cols[WF_CRDT_IMG_LIST].n - *io_at)
        return WF_E_FORMAT;
    if (wf_crdt__chunks_make(c, n) != 0)
        return WF_E_NOMEM;
    for (uint32_t b = 0; b < c->n_chunks; b++) {
        struct wf_crdt_chunk *chunk = c->chunks[b];
        get_all(o, WF_CRDT_IMG_LIST, *io_at, chunk->n, items);
        *io_at += chunk->n;
        c->firsts[b] = (uint32_t)clock;
        for (uint32_t s = 0; s < chunk->n; s++) {
            struct wf_crdt_item *it;
            if (items[s] == 0 || items[s] >= d->n_items)
                return WF_E_FORMAT;
            it = wf_crdt__item(d, items[s]);
            if (it->client != WF_CRDT_NONE)
                return WF_E_FORMAT;
            if ((it->o_client == k && it->o_clock >= clock) ||
                (it->r_client == k && it->r_clock >= clock))
                return WF_E_FORMAT;
            it->client = k;
            it->clock = (uint32_t)clock;
            chunk->at[s] = (struct wf_crdt_entry){it->clock, items[s]};
            clock += it->len;
            if (clock >= UINT32_MAX)
                return WF_E_FORMAT;
        }
    }
    return clock == c->next ? 0 : WF_E_FORMAT;
}

static int read_lists(struct opening *o)
{
    uint32_t at = 0;
    int rc = 0;

    for (uint32_t k = 0; k < o->cols[WF_CRDT_IMG_CLIENT].n && rc == 0; k++)
        rc = read_list(o, k, &at);
    return rc == 0 && at != o->cols[WF_CRDT_IMG_LIST].n ? WF_E_FORMAT : rc;
}

/* ---- types and entries ---- */

/* No type lies within itself: each way up is walked until it meets one that was walked before. */
static int check_nesting(const struct wf_crdt *d)
{
    uint32_t *walk = wf_alloc_array(d->n_types, sizeof(*walk));
    int rc = walk == NULL ? WF_E_NOMEM : 0;

    for (uint32_t t = WF_CRDT_ROOTS + 1; t < d->n_types && rc == 0; t++) {
        uint32_t up = t;
        while (d->types[up].item != 0 && walk[up] == 0) {
            walk[up] = t;
            up = wf_crdt__item(d, d->types[up].item)->parent;
        }
        if (d->types[up].item != 0 && walk[up] == t)
            rc = WF_E_FORMAT;
    }
    wf_free(walk);
    return rc;
}

/* What an item lies in was there before it, where one client made both: updates say so of those
 * without an origin. */
static int check_owners(const struct opening *o)
{
    const struct wf_crdt *d = o->d;
    uint32_t i = 1;

    for (uint32_t g = 0; g < o->cols[WF_CRDT_IMG_GROUP].n; g++) {
        uint32_t end = i + (get(o, WF_CRDT_IMG_GROUP, g) >> 2);
        uint32_t owner = d->types[get(o, WF_CRDT_IMG_GROUP_TYPE, g)].item;
        for (; i < end && owner != 0; i++) {
            const struct wf_crdt_item *it = wf_crdt__item(d, i), *in = wf_crdt__item(d, owner);
            if (it->o_client == WF_CRDT_NONE && it->r_client == WF_CRDT_NONE &&
                in->client == it->client && in->clock >= it->clock)
                return WF_E_FORMAT;
        }
        i = end;
    }
    return 0;
}

static int join_types(struct opening *o)
{
    struct wf_crdt *d = o->d;
    uint32_t n_held = 0;

    for (uint32_t t = WF_CRDT_ROOTS + 1; t < d->n_types; t++) {
        uint32_t i = get(o, WF_CRDT_IMG_TYPE_ITEM, t - WF_CRDT_ROOTS - 1);
        if (i == 0)
            continue;
        if (i >= d->n_items || wf_crdt__item(d, i)->kind != WF_CRDT_TYPE ||
            wf_crdt__item(d, i)->type != 0)
            return WF_E_FORMAT;
        wf_crdt__item(d, i)->type = t;
        d->types[t].item = i;
        n_held++;
    }
    if (n_held != o->n_type_items || check_owners(o) != 0)
        return WF_E_FORMAT;
    return check_nesting(d);
}

static bool entry_fits(const struct wf_crdt *d, const struct wf_crdt_map_entry *e)
{
    const struct wf_crdt_item *it;

    if (e->type == WF_CRDT_ROOTS)
        return e->item > WF_CRDT_ROOTS && e->item < d->n_types && d->types[e->item].item == 0 &&
               d->types[e->item].name == e->key;
    if (e->type < WF_CRDT_ROOTS || e->type >= d->n_types || e->key == 0 || e->item == 0 ||
        e->item >= d->n_items)
        return false;
    it = wf_crdt__item(d, e->item);
    return it->parent == e->type && it->sub == e->key && it->right == 0;
}

static int read_entries(struct opening *o)
{
    struct wf_crdt *d = o->d;
    uint32_t n = o->cols[WF_CRDT_IMG_ENTRY].n, n_roots = 0, n_in_items = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct wf_crdt_map_entry e = {.type = get(o, WF_CRDT_IMG_ENTRY_TYPE, i),
                                            .key = get(o, WF_CRDT_IMG_ENTRY_KEY, i),
                                            .item = get(o, WF_CRDT_IMG_ENTRY, i)};
        if (!entry_fits(d, &e))
            return WF_E_FORMAT;
        if (wf_crdt__entry_set(d, e.type, e.key, e.item) != 0)
            return WF_E_NOMEM;
        if (d->n_entries != i + 2) /* its key was there already */
            return WF_E_FORMAT;
        n_roots += e.type == WF_CRDT_ROOTS;
    }
    for (uint32_t t = WF_CRDT_ROOTS + 1; t < d->n_types; t++)
        n_in_items += d->types[t].item != 0;
    return n - n_roots == o->n_chains && n_roots == d->n_types - 2 - n_in_items ? 0 : WF_E_FORMAT;
}

/* ---- packed ---- */

/* The end of a chain's part, as a number to sum up. */
static uint64_t end_of(uint32_t client, uint32_t clock, const struct wf_crdt_item *it)
{
    uint64_t h = ((uint64_t)client << 32 | clock) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 29 ^ ((uint64_t)it->parent << 32 | it->sub)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 32) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

static bool add_ends(const struct wf_crdt_item *it, uint64_t *io_sum)
{
    if (it->left == WF_CRDT_FAR && it->o_client == WF_CRDT_NONE)
        return false;
    if (it->left == WF_CRDT_FAR)
        *io_sum += end_of(it->o_client, it->o_clock, it);
    if (it->right == WF_CRDT_FAR)
        *io_sum -= end_of(it->client, it->clock + it->len - 1, it);
    return true;
}

/* Each left end that is far has a right end that is its origin, once, in the same key. */
static int check_far(const struct wf_crdt *d)
{
    uint64_t sum = 0;
    struct wf_crdt_run r;

    for (uint32_t i = 1; i < d->n_items; i++) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (it->kind != WF_CRDT_PACKED) {
            if (!add_ends(it, &sum))
                return WF_E_FORMAT;
            continue;
        }
        if (!wf_crdt__run_check(d, it))
            return WF_E_FORMAT;
        for (r = wf_crdt__run(it); wf_crdt__run_next(&r);)
            (void)add_ends(&r.at, &sum);
    }
    return sum == 0 ? 0 : WF_E_FORMAT;
}

/* ---- the whole ---- */

/* An update that waits, which must be whole. */
static int read_update(struct opening *o, enum wf_crdt_section_kind k, struct wf_buf *out)
{
    const struct column *c = &o->cols[k];
    struct wf_str update = wf_str_n((const char *)c->p, c->n);
    int rc = 0;

    wf_buf_reset(&o->value);
    if (c->n > 0)
        rc = wf_crdt_update_vector(update, WF_CRDT_V2, &o->value);
    if (rc == 0)
        rc = wf_buf_append_str(out, update);
    return rc == WF_E_LIMIT ? WF_E_FORMAT : rc;
}

static int read_pending(struct opening *o)
{
    struct wf_crdt *d = o->d;
    int rc;

    for (uint32_t i = 0; i < o->cols[WF_CRDT_IMG_MISSING].n; i++) {
        uint32_t client = get(o, WF_CRDT_IMG_MISSING, i);
        if (client >= d->n_clients)
            return WF_E_FORMAT;
        if (wf_crdt__ids_add(&d->missing, client, get(o, WF_CRDT_IMG_MISSING_CLOCK, i)) != 0)
            return WF_E_NOMEM;
    }
    rc = read_update(o, WF_CRDT_IMG_PENDING, &d->pending);
    return rc != 0 ? rc : read_update(o, WF_CRDT_IMG_DELETES, &d->pending_deletes);
}

static int read_all(struct opening *o, uint64_t self)
{
    struct wf_crdt *d = o->d;
    int rc = read_keys(o);

    if (rc == 0)
        rc = read_clients(o, self);
    if (rc == 0)
        rc = read_types(o);
    if (rc == 0)
        rc = read_items(o);
    if (rc == 0)
        rc = read_lists(o);
    if (rc == 0)
        rc = join_types(o);
    if (rc == 0)
        rc = read_entries(o);
    if (rc == 0)
        rc = read_pending(o);
    d->has_packed = (o->flags & WF_CRDT_IMAGE_PACKED) != 0;
    if (rc == 0)
        rc = d->has_packed ? check_far(d) : 0;
    if (d->has_packed && !d->pack_always)
        d->pack_at = 2 * d->live_items + WF_CRDT_PACK_AFTER;
    return rc;
}

int wf_crdt_image_open(struct wf_str image, const struct wf_crdt_options *options,
                       struct wf_crdt **out)
{
    static const struct wf_crdt_options none = {0};
    struct wf_crdt_options how = options != NULL ? *options : none;
    struct opening *o = wf_alloc(sizeof(*o));
    int rc;

    if (o == NULL)
        return WF_E_NOMEM;
    o->d = NULL;
    o->nexts = NULL;
    o->text_at = o->rest_at = o->size_at = o->n_type_items = o->n_chains = 0;
    wf_buf_init(&o->value, WF_LIMIT_CRDT_BYTES);
    rc = read_head(o, image);
    if (rc == 0) {
        how.keep_deleted = (o->flags & WF_CRDT_IMAGE_KEPT) != 0;
        rc = wf_crdt__new_bare(&how, &o->d);
    }
    if (rc == 0)
        rc = read_all(o, how.client != 0 ? how.client : 1);
    if (rc == 0)
        *out = o->d;
    else
        wf_crdt_free(o->d);
    wf_buf_deinit(&o->value);
    wf_free(o->nexts);
    wf_free(o);
    return rc;
}
