/* SPDX-License-Identifier: Apache-2.0 */
/* The fabric's files. A list that cannot be read is not overwritten: it may be a person's only way
 * to know who is paired; what needs it says so until somebody removes it (weft nodes leave).
 *
 *   kept    "WFKEPT1\n", u16 length and address, a list (mesh/devices.h)
 *   tries   "WFTRIES1", i64 wall clock of the last try, milliseconds
 *   seen    "WFSEEN1\n", then each: 32 transport key, i64 milliseconds */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mesh/fabric_internal.h"
#include "os/file.h"

#define KEPT_BYTES_MAX (10 + WF_LINK_ADDRESS_BYTES + WF_DEVICES_BYTES_MAX)
#define TRIES_BYTES 16
#define SEEN_BYTES (WF_DEVICES_KEY_BYTES + 8)

static const char kept_magic[8] = {'W', 'F', 'K', 'E', 'P', 'T', '1', '\n'};
static const char seen_magic[8] = {'W', 'F', 'S', 'E', 'E', 'N', '1', '\n'};
static const char tries_magic[8] = {'W', 'F', 'T', 'R', 'I', 'E', 'S', '1'};

static int path_of(const char *dir, const char *name, char out[WF_LIMIT_PATH_BYTES],
                   struct wf_err *err)
{
    int n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s", dir, name);

    return n > 0 && n < WF_LIMIT_PATH_BYTES
               ? 0
               : wf_err_set(err, WF_E_LIMIT, "The path of the home folder is too long.");
}

/* ---- reading ---- */

/* A missing file is no list; what is wrong with one is told when it is needed. */
static void read_list(struct wf_fabric *f, struct wf_buf *b)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_file_read(f->devices_path, b, &err);

    if (rc == 0)
        rc = wf_devices_read(wf_buf_str(b), &f->list, &err);
    if (rc == 0 || rc == WF_E_NOENT)
        return;
    f->list.version = 0;
    f->list_err = err;
}

/* A kept list that cannot be read is as one that never came: it can be asked for by pairing. */
static void read_kept(struct wf_fabric *f, struct wf_buf *b)
{
    const uint8_t *p;
    size_t n;

    if (wf_file_read(f->kept_path, b, NULL) != 0 || b->len < 10 ||
        memcmp(b->ptr, kept_magic, sizeof(kept_magic)) != 0)
        return;
    p = (const uint8_t *)b->ptr;
    n = (size_t)p[8] | (size_t)p[9] << 8;
    if (n > WF_LINK_ADDRESS_BYTES || n > b->len - 10 ||
        wf_devices_read(wf_str_sub(wf_buf_str(b), 10 + n, b->len), &f->kept, NULL) != 0) {
        f->kept.version = 0;
        return;
    }
    memcpy(f->kept_address, p + 10, n);
    f->kept_address[n] = 0;
}

static void put_number(char *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint64_t get_number(const char *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return v;
}

/* What cannot be read was not seen. */
static void read_seen(struct wf_fabric *f, struct wf_buf *b)
{
    size_t n;

    if (wf_file_read(f->seen_path, b, NULL) != 0 || b->len < sizeof(seen_magic) ||
        memcmp(b->ptr, seen_magic, sizeof(seen_magic)) != 0)
        return;
    n = WF_MIN((b->len - sizeof(seen_magic)) / SEEN_BYTES, (size_t)WF_FABRIC_PEERS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *p = b->ptr + sizeof(seen_magic) + i * SEEN_BYTES;
        memcpy(f->seen[i].key, p, WF_DEVICES_KEY_BYTES);
        f->seen[i].at_ms = (int64_t)(get_number(p + WF_DEVICES_KEY_BYTES) & INT64_MAX);
    }
    f->n_seen = n;
}

void wf_fabric__write_seen(struct wf_fabric *f)
{
    char bytes[sizeof(seen_magic) + WF_FABRIC_PEERS_MAX * SEEN_BYTES];

    memcpy(bytes, seen_magic, sizeof(seen_magic));
    for (size_t i = 0; i < f->n_seen; i++) {
        char *p = bytes + sizeof(seen_magic) + i * SEEN_BYTES;
        memcpy(p, f->seen[i].key, WF_DEVICES_KEY_BYTES);
        put_number(p + WF_DEVICES_KEY_BYTES, (uint64_t)f->seen[i].at_ms);
    }
    /* For people alone: a disk that is full is told by what must be kept. */
    (void)!wf_file_replace(f->seen_path, bytes, sizeof(seen_magic) + f->n_seen * SEEN_BYTES, 0600,
                           NULL);
}

int wf_fabric__open(struct wf_fabric *f, struct wf_err *err)
{
    struct wf_buf b;
    int rc = path_of(f->o.dir, "", f->dir, err);

    if (rc == 0)
        rc = path_of(f->o.dir, "devices", f->devices_path, err);
    if (rc == 0)
        rc = path_of(f->o.dir, "kept", f->kept_path, err);
    if (rc == 0)
        rc = path_of(f->o.dir, "tries", f->tries_path, err);
    if (rc == 0)
        rc = path_of(f->o.dir, "seen", f->seen_path, err);
    if (rc == 0)
        rc = wf_file_mkdirs(f->o.dir, err);
    if (rc != 0)
        return rc;
    wf_buf_init(&b, KEPT_BYTES_MAX);
    read_list(f, &b);
    read_kept(f, &b);
    read_seen(f, &b);
    wf_buf_deinit(&b);
    return 0;
}

/* ---- writing ---- */

int wf_fabric__forget_kept(struct wf_fabric *f, struct wf_err *err)
{
    int rc = wf_file_remove(f->kept_path, err);

    if (rc == 0)
        f->kept.version = 0;
    return rc;
}

int wf_fabric__forget_list(struct wf_fabric *f, struct wf_err *err)
{
    int rc = wf_file_remove(f->devices_path, err);

    if (rc == 0)
        rc = wf_file_sync_dir(f->dir, err);
    if (rc != 0)
        return rc;
    f->list.version = 0;
    f->list_err = f->fork = (struct wf_err)WF_ERR_INIT;
    wf_fabric__allow(f);
    return 0;
}

int wf_fabric__hold(struct wf_fabric *f, const struct wf_devices *list, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    rc = wf_devices_write(list, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory.");
    else
        rc = wf_file_replace(f->devices_path, b.ptr, b.len, 0600, err);
    wf_buf_deinit(&b);
    if (rc != 0)
        return rc;
    f->list = *list;
    f->list_err = f->fork = (struct wf_err)WF_ERR_INIT;
    /* One that stays behind is older than the list, and is seen to be. */
    (void)!wf_fabric__forget_kept(f, NULL);
    wf_fabric__allow(f);
    return 0;
}

int wf_fabric__keep(struct wf_fabric *f, const struct wf_devices *list, const char *address,
                    struct wf_err *err)
{
    size_t n = strnlen(address, WF_LINK_ADDRESS_BYTES);
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, KEPT_BYTES_MAX);
    wf_buf_append(&b, kept_magic, sizeof(kept_magic)); /* the status is looked at below */
    wf_buf_append_byte(&b, (char)n);
    wf_buf_append_byte(&b, (char)(n >> 8));
    wf_buf_append(&b, address, n);
    rc = wf_devices_write(list, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory.");
    else
        rc = wf_file_replace(f->kept_path, b.ptr, b.len, 0600, err);
    wf_buf_deinit(&b);
    if (rc != 0)
        return rc;
    f->kept = *list;
    snprintf(f->kept_address, sizeof(f->kept_address), "%.*s", (int)n, address);
    return 0;
}

/* ---- whose keys count ---- */

/* The transport keys of those that are in, without this device's own. */
static size_t pins_of(const struct wf_fabric *f, const struct wf_devices *d,
                      uint8_t (*out)[WF_LINK_KEY_BYTES], bool *out_in)
{
    size_t n = 0;
    bool is_in = false;

    for (size_t i = 0; i < d->n_entries; i++) {
        const struct wf_devices_entry *e = &d->entries[i];
        if (memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0)
            is_in = e->revoked_ms == 0;
        else if (e->revoked_ms == 0)
            memcpy(out[n++], e->transport, WF_LINK_KEY_BYTES);
    }
    *out_in = is_in;
    return is_in ? n : 0; /* whom the owner has taken out speaks to nobody */
}

void wf_fabric__allow(struct wf_fabric *f)
{
    uint8_t pins[WF_LINK_PINS_MAX][WF_LINK_KEY_BYTES];
    bool is_in = false, is_kept_in;
    size_t n = 0;

    if (f->o.link == NULL)
        return;
    if (f->list.version != 0)
        n = pins_of(f, &f->list, pins, &is_in);
    if (f->kept.version != 0 && n == 0) /* to ask whether the kept list counts */
        n = pins_of(f, &f->kept, pins, &is_kept_in);
    for (size_t i = 0; is_in && i < f->n_people && n < WF_LINK_PINS_MAX; i++)
        memcpy(pins[n++], f->people[i], WF_LINK_KEY_BYTES);
    wf_link_allow(f->o.link, (const uint8_t(*)[WF_LINK_KEY_BYTES])pins, n);
}

/* ---- tries ---- */

/* 0: never. What cannot be read counts as just now. */
static int64_t last_try(const struct wf_fabric *f, int64_t now_ms)
{
    uint64_t v = 0;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 4096);
    rc = wf_file_read(f->tries_path, &b, NULL);
    if (rc == 0 && b.len == TRIES_BYTES && memcmp(b.ptr, tries_magic, sizeof(tries_magic)) == 0)
        v = get_number(b.ptr + 8);
    else if (rc != WF_E_NOENT)
        v = (uint64_t)now_ms;
    wf_buf_deinit(&b);
    return (int64_t)v;
}

static int write_try(struct wf_fabric *f, int64_t now_ms, struct wf_err *err)
{
    char bytes[TRIES_BYTES];

    memcpy(bytes, tries_magic, sizeof(tries_magic));
    put_number(bytes + 8, (uint64_t)now_ms);
    return wf_file_replace(f->tries_path, bytes, sizeof(bytes), 0600, err);
}

void wf_fabric__forget_try(struct wf_fabric *f)
{
    (void)!wf_file_remove(f->tries_path, NULL); /* else the next one waits */
}

int wf_fabric__count_try(struct wf_fabric *f, unsigned *out_wait_s, struct wf_err *err)
{
    int64_t now_ms = wf_fabric__now_ms(f), last_ms = last_try(f, now_ms);

    *out_wait_s = WF_FABRIC_TRY_S;
    if (last_ms > now_ms) { /* the clock was set back: a minute from now on */
        int rc = write_try(f, now_ms, err);
        return rc != 0 ? rc : wf_err_set(err, WF_E_BUSY, "The clock was set back. One minute.");
    }
    if (last_ms != 0 && now_ms - last_ms < WF_FABRIC_TRY_S * INT64_C(1000)) {
        *out_wait_s =
            (unsigned)((WF_FABRIC_TRY_S * INT64_C(1000) - (now_ms - last_ms) + 999) / 1000);
        return wf_err_set(err, WF_E_BUSY, "Somebody tried a code again within a minute.");
    }
    return write_try(f, now_ms, err);
}
