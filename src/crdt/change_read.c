/* SPDX-License-Identifier: Apache-2.0 */
/* Reading changes. Everything is checked once, when a change is read (form, order, lengths, names,
 * that values are JSON); who walks its items and ops afterwards meets nothing wrong.
 *
 * Order is checked because it says that no place is written twice in one change: all of it bears
 * one time, and two values of one place and time would be chosen between by chance. */
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "crdt/change_internal.h"
#include "crdt/lib0.h"
#include "text/utf8.h"

static const char item_key[] = "weft record item";

static int malformed(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "This is no change of a record (%s).", what);
}

/* ---- primitives ---- */

/* A number in its shortest form. */
static uint64_t number(struct wf_lib0_in *in)
{
    const uint8_t *start = in->p;
    uint64_t v = wf_lib0_uint(in);

    if (in->p - start > 1 && in->p[-1] == 0) /* the last group says nothing */
        return wf_lib0_fail(in);
    return v;
}

static struct wf_str take(struct wf_lib0_in *in, size_t n)
{
    struct wf_str s = {(const char *)in->p, n};

    if ((size_t)(in->end - in->p) < n) {
        (void)wf_lib0_fail(in);
        return (struct wf_str){NULL, 0};
    }
    in->p += n;
    return s;
}

static struct wf_str text(struct wf_lib0_in *in)
{
    uint64_t n = number(in);

    return take(in, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
}

static uint64_t u64(struct wf_lib0_in *in)
{
    struct wf_str s = take(in, 8);
    uint64_t v = 0;

    for (size_t i = 0; i < s.len; i++)
        v |= (uint64_t)(uint8_t)s.ptr[i] << (8 * i);
    return v;
}

/* ---- names ---- */

static int check_name(struct wf_str s, size_t n_max, const char *what, struct wf_err *err)
{
    if (s.len == 0)
        return wf_err_set(err, WF_E_INVAL, "The %s of a record is empty.", what);
    if (s.len > n_max)
        return wf_err_set(err, WF_E_LIMIT, "The %s of a record has more than %zu bytes.", what,
                          n_max);
    if (wf_utf8_valid_prefix(s) != s.len)
        return wf_err_set(err, WF_E_INVAL, "The %s of a record is not UTF-8.", what);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return wf_err_set(err, WF_E_INVAL, "The %s of a record holds a control character.",
                              what);
    return 0;
}

int wf_record_check_collection(struct wf_str s, struct wf_err *err)
{
    int rc = check_name(s, WF_LIMIT_RECORD_NAME_BYTES, "collection", err);

    if (rc == 0 && wf_str_find_byte(s, '/', 0) != SIZE_MAX)
        rc = wf_err_set(err, WF_E_INVAL, "The collection of a record holds a \"/\".");
    return rc;
}

int wf_record_check_field(struct wf_str s, struct wf_err *err)
{
    return check_name(s, WF_LIMIT_RECORD_NAME_BYTES, "field", err);
}

int wf_record_check_key(struct wf_str s, struct wf_err *err)
{
    return check_name(s, WF_LIMIT_RECORD_KEY_BYTES, "key", err);
}

static int check_value(struct wf_str s, struct wf_err *err)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_error_t je;
    json_t *v;

    if (s.len > WF_LIMIT_RECORD_VALUE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The value of a record's field has more than %u bytes.",
                          WF_LIMIT_RECORD_VALUE_BYTES);
    v = wf_json_load(s, flags, &je);
    if (v == NULL)
        return je.text[0] == 0 || json_error_code(&je) == json_error_out_of_memory
                   ? wf_err_set(err, WF_E_NOMEM, "Out of memory (a record's value).")
                   : malformed(err, "a value that is not JSON");
    json_decref(v);
    return 0;
}

/* ---- ops ---- */

/* Reads one op without looking at what it says; what is malformed sticks to `in`. */
static void read_op(struct wf_lib0_in *in, struct wf_record_op *op)
{
    uint8_t kind = wf_lib0_byte(in);
    uint64_t n = 0;

    *op = (struct wf_record_op){.kind = (enum wf_record_op_kind)kind};
    if (kind >= WF_RECORD_KIND_COUNT) {
        (void)wf_lib0_fail(in);
        return;
    }
    op->field = text(in);
    if (op->kind == WF_RECORD_LABEL)
        op->label = wf_lib0_byte(in);
    if (op->kind == WF_RECORD_SET || op->kind == WF_RECORD_ADD || op->kind == WF_RECORD_TAKE)
        op->value = text(in);
    if (op->kind == WF_RECORD_COUNT)
        op->total = (int64_t)u64(in);
    if (op->kind == WF_RECORD_TAKE) {
        n = number(in);
        if (n == 0 || n > WF_LIMIT_CHANGE_DOTS)
            (void)wf_lib0_fail(in);
        else
            op->dots = take(in, (size_t)n * WF_CHANGE_DOT_BYTES);
    }
}

/* Dots rise by their device, and none is of no time. */
static bool are_dots(struct wf_str dots)
{
    for (size_t at = 0; at < dots.len; at += WF_CHANGE_DOT_BYTES) {
        const char *dot = dots.ptr + at;
        struct wf_lib0_in in = wf_lib0_in(dot + WF_SIGNER_ID_BYTES, 8);
        uint64_t hlc = u64(&in);
        if (hlc == 0 || hlc > INT64_MAX ||
            (at > 0 && memcmp(dot - WF_CHANGE_DOT_BYTES, dot, WF_SIGNER_ID_BYTES) >= 0))
            return false;
    }
    return true;
}

static int check_op(const struct wf_record_op *op, struct wf_err *err)
{
    bool is_whole = op->kind == WF_RECORD_DELETE || op->kind == WF_RECORD_LABEL;
    int rc = is_whole ? 0 : wf_record_check_field(op->field, err);

    if (rc != 0)
        return rc;
    if (is_whole && op->field.len > 0)
        return malformed(err, "a field where none belongs");
    if (op->label > WF_CHANGE_LABEL_MAX)
        return malformed(err, "a label out of range");
    if (op->total < -WF_RECORD_TOTAL_MAX || op->total > WF_RECORD_TOTAL_MAX)
        return malformed(err, "a total out of range");
    if (!are_dots(op->dots))
        return malformed(err, "adds out of order");
    return op->kind == WF_RECORD_SET || op->kind == WF_RECORD_ADD || op->kind == WF_RECORD_TAKE
               ? check_value(op->value, err)
               : 0;
}

int wf_record_op_cmp(const struct wf_record_op *a, const struct wf_record_op *b)
{
    int c = wf_str_cmp(a->field, b->field);

    if (c == 0 && a->kind == b->kind && (a->kind == WF_RECORD_ADD || a->kind == WF_RECORD_TAKE))
        c = wf_str_cmp(a->value, b->value);
    else if (c == 0)
        c = (int)a->kind - (int)b->kind;
    return c;
}

static int check_ops(const struct wf_change_item *item, struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(item->_ops.ptr, item->_ops.len);
    struct wf_record_op before = {.kind = WF_RECORD_DELETE}, op;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < item->n_ops; i++) {
        read_op(&in, &op);
        if (in.bad)
            return malformed(err, "an operation is cut off or unknown");
        if (i > 0 && wf_record_op_cmp(&before, &op) >= 0)
            return malformed(err, "operations out of order");
        before = op;
        rc = check_op(&op, err);
    }
    if (rc == 0 && in.p != in.end)
        rc = malformed(err, "bytes behind the operations");
    return rc;
}

/* ---- items ---- */

static void hash_item(struct wf_str body, uint8_t out[WF_CHANGE_HASH_BYTES])
{
    (void)crypto_generichash(out, WF_CHANGE_HASH_BYTES, (const uint8_t *)body.ptr, body.len,
                             (const uint8_t *)item_key, sizeof(item_key) - 1); /* cannot fail */
}

/* The next item, hashed where that is asked for, its ops not looked at; what is malformed sticks to
 * `in`. */
static void read_item(struct wf_lib0_in *in, bool hashed, struct wf_change_item *item)
{
    uint8_t form = wf_lib0_byte(in);
    struct wf_lib0_in own;
    struct wf_str body;

    *item = (struct wf_change_item){.is_pruned = form == 0};
    if (form > 1)
        (void)wf_lib0_fail(in);
    if (form == 0) {
        body = take(in, WF_CHANGE_HASH_BYTES);
        if (body.len > 0)
            memcpy(item->hash, body.ptr, body.len);
        return;
    }
    body = text(in);
    if (in->bad)
        return;
    if (hashed)
        hash_item(body, item->hash);
    own = wf_lib0_in(body.ptr, body.len);
    (void)take(&own, WF_CHANGE_SALT_BYTES);
    item->label = wf_lib0_byte(&own);
    item->collection = text(&own);
    item->key = text(&own);
    uint64_t n = number(&own);
    item->n_ops = n <= WF_LIMIT_CHANGE_OPS ? (size_t)n : 0;
    item->_ops = wf_str_n((const char *)own.p, (size_t)(own.end - own.p));
    if (own.bad || item->n_ops == 0)
        (void)wf_lib0_fail(in);
}

static int check_item(const struct wf_change_item *item, const struct wf_change_item *before,
                      struct wf_err *err)
{
    int rc = 0;

    if (item->label > WF_CHANGE_LABEL_MAX)
        return malformed(err, "a label out of range");
    rc = wf_record_check_collection(item->collection, err);
    if (rc == 0)
        rc = wf_record_check_key(item->key, err);
    if (rc == 0 && before->collection.len > 0) {
        int c = wf_str_cmp(before->collection, item->collection);
        if (c > 0 || (c == 0 && wf_str_cmp(before->key, item->key) >= 0))
            rc = malformed(err, "records out of order");
    }
    return rc == 0 ? check_ops(item, err) : rc;
}

static bool next(const struct wf_change *c, size_t *io_at, bool hashed, struct wf_change_item *out)
{
    struct wf_lib0_in in;

    if (*io_at >= c->_items.len)
        return false;
    in = wf_lib0_in(c->_items.ptr + *io_at, c->_items.len - *io_at);
    read_item(&in, hashed, out);
    *io_at = (size_t)((const char *)in.p - c->_items.ptr);
    return !in.bad;
}

bool wf_change_next(const struct wf_change *c, size_t *io_at, struct wf_change_item *out)
{
    return next(c, io_at, false, out);
}

bool wf_change_op_next(const struct wf_change_item *item, size_t *io_at, struct wf_record_op *out)
{
    struct wf_lib0_in in;

    if (*io_at >= item->_ops.len)
        return false;
    in = wf_lib0_in(item->_ops.ptr + *io_at, item->_ops.len - *io_at);
    read_op(&in, out);
    *io_at = (size_t)((const char *)in.p - item->_ops.ptr);
    return !in.bad;
}

/* ---- a change ---- */

static int read_items(struct wf_lib0_in *in, struct wf_change *c, struct wf_err *err)
{
    struct wf_change_item before = {.is_pruned = false}, item;
    const uint8_t *start = in->p;
    crypto_generichash_state id;
    int rc = 0;

    (void)crypto_generichash_init(&id, NULL, 0, WF_CHANGE_HASH_BYTES); /* cannot fail */
    (void)crypto_generichash_update(&id, (const uint8_t *)c->_head.ptr, c->_head.len);
    for (size_t i = 0; rc == 0 && i < c->n_items; i++) {
        read_item(in, true, &item);
        if (in->bad)
            return malformed(err, "an item is cut off");
        (void)crypto_generichash_update(&id, item.hash, sizeof(item.hash));
        c->n_pruned += item.is_pruned;
        if (item.is_pruned)
            continue;
        rc = check_item(&item, &before, err);
        c->label = WF_MAX(c->label, item.label);
        before = item;
    }
    (void)crypto_generichash_final(&id, c->id, sizeof(c->id));
    c->_items = wf_str_n((const char *)start, (size_t)(in->p - start));
    return rc;
}

/* A change in the form in which it was signed; in->p is at its beginning. */
static int read_signed(struct wf_lib0_in *in, struct wf_change *c, struct wf_err *err)
{
    const char *start = (const char *)in->p;
    struct wf_str device;
    uint64_t n = wf_lib0_byte(in);
    int rc;

    if (in->bad || n != WF_CHANGE_VERSION)
        return malformed(err, "no version");
    device = take(in, WF_SIGNER_ID_BYTES);
    c->dseq = number(in);
    c->hlc = u64(in);
    n = number(in);
    if (in->bad || device.ptr == NULL || c->dseq == 0 || c->hlc == 0 || c->hlc > INT64_MAX)
        return malformed(err, "its head");
    if (n == 0 || n > WF_LIMIT_CHANGE_ITEMS)
        return malformed(err, "too many records, or none");
    memcpy(c->device, device.ptr, sizeof(c->device));
    c->n_items = (size_t)n;
    c->_head = wf_str_n(start, (size_t)((const char *)in->p - start));
    rc = read_items(in, c, err);
    if (rc != 0)
        return rc;
    if (in->end - in->p != WF_SIGNATURE_BYTES)
        return malformed(err, "its signature");
    c->_signature = in->p;
    return 0;
}

int wf_change_read(struct wf_str bytes, struct wf_change *out, struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(bytes.ptr, bytes.len);
    struct wf_change c = {.bytes = bytes};
    struct wf_str uid;
    int rc;

    c.is_moved = bytes.len > 0 && bytes.ptr[0] == WF_CHANGE_MOVED;
    if (bytes.len > WF_LIMIT_CHANGE_BYTES + (c.is_moved ? WF_CHANGE_MOVED_BYTES : 0))
        return wf_err_set(err, WF_E_LIMIT, "A change of records has more than %u bytes.",
                          WF_LIMIT_CHANGE_BYTES);
    if (bytes.len > 0 && (uint8_t)bytes.ptr[0] > WF_CHANGE_MOVED)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "A newer weft has made this change of a record: update weft.");
    if (c.is_moved) {
        (void)wf_lib0_byte(&in);
        uid = take(&in, WF_CHANGE_UID_BYTES);
        if (uid.ptr == NULL)
            return malformed(err, "the space that it was written into");
        memcpy(c.uid, uid.ptr, sizeof(c.uid));
    }
    rc = read_signed(&in, &c, err);
    if (rc == 0)
        *out = c;
    return rc;
}

void wf_change_moved_head(const uint8_t uid[WF_CHANGE_UID_BYTES],
                          uint8_t out[WF_CHANGE_MOVED_BYTES])
{
    out[0] = WF_CHANGE_MOVED;
    memcpy(out + 1, uid, WF_CHANGE_UID_BYTES);
}

int wf_change__append_signed(const struct wf_change *c, const uint8_t uid[WF_CHANGE_UID_BYTES],
                             struct wf_buf *out)
{
    struct wf_change_item item;
    size_t at = 0;

    wf_buf_append(out, uid, WF_CHANGE_UID_BYTES);
    wf_buf_append_str(out, c->_head);
    while (next(c, &at, true, &item))
        wf_buf_append(out, item.hash, sizeof(item.hash));
    return wf_buf_status(out);
}

int wf_change_verify(const struct wf_change *c, const uint8_t uid[WF_CHANGE_UID_BYTES],
                     struct wf_err *err)
{
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, WF_LIMIT_CHANGE_BYTES);
    if (wf_change__append_signed(c, c->is_moved ? c->uid : uid, &b) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (a change's signature).");
    else if (!wf_signer_is_signed(c->device, WF_CHANGE_PURPOSE, wf_buf_str(&b), c->_signature))
        rc = wf_err_set(err, WF_E_DENIED,
                        "A change of a record is not signed by the device that it names.");
    wf_buf_deinit(&b);
    return rc;
}

int wf_change_prune(const struct wf_change *c,
                    bool (*is_gone)(void *ud, const struct wf_change_item *item), void *ud,
                    struct wf_buf *out)
{
    struct wf_change_item item;
    size_t at = 0, from = 0;

    if (c->is_moved)
        wf_buf_append(out, c->bytes.ptr, WF_CHANGE_MOVED_BYTES);
    wf_buf_append_str(out, c->_head);
    while (next(c, &at, true, &item)) {
        if (!item.is_pruned && is_gone(ud, &item)) {
            wf_buf_append_byte(out, 0);
            wf_buf_append(out, item.hash, sizeof(item.hash));
        } else {
            wf_buf_append_str(out, wf_str_sub(c->_items, from, at));
        }
        from = at;
    }
    wf_buf_append(out, c->_signature, WF_SIGNATURE_BYTES);
    return wf_buf_status(out);
}
