/* SPDX-License-Identifier: Apache-2.0 */
/* Phones: their list is small, so it is one file that is replaced whole. When one was seen last is
 * written now and then only: it is for the person, nothing depends on it. */
#include "op/phones.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/rng.h"
#include "os/file.h"
#include "text/utf8.h"

#define HASH_BYTES 32
#define FILE_BYTES_MAX ((size_t)64 << 10)
#define SEEN_WRITE_MS (10 * 60 * 1000)
#define WRONG_PAUSE_MS 1000
#define CODE_CHARS 10 /* 50 bits, each guess a second, ten guesses */

struct phone {
    uint64_t id;
    char name[WF_PHONES_NAME_BYTES + 8];
    uint8_t hash[HASH_BYTES]; /* of its token */
    int64_t created_ms, seen_ms;
};

struct wf_phones {
    char path[WF_LIMIT_PATH_BYTES];
    const struct wf_clock *clock;
    void (*changed)(void *ud);
    void *changed_ud;
    pthread_mutex_t lock; /* guards what follows */
    struct phone phones[WF_PHONES_MAX];
    size_t n;
    int64_t written_ms;
    char code[WF_PHONES_CODE_BYTES]; /* empty: no invitation */
    int64_t code_until_ms, wrong_ms;
    unsigned n_wrong;
    json_t *lan;
    pthread_mutex_t told_lock; /* held while somebody is told; rank: last */
    void (*revoked)(void *ud, uint64_t id);
    void *revoked_ud;
};

static void hash_of(struct wf_str token, uint8_t out[HASH_BYTES])
{
    static const char purpose[] = "weft phone token 1";

    crypto_generichash(out, HASH_BYTES, (const unsigned char *)(token.len ? token.ptr : ""),
                       token.len, (const unsigned char *)purpose, sizeof(purpose) - 1);
}

static void tell_changed(struct wf_phones *p)
{
    if (p->changed)
        p->changed(p->changed_ud);
}

/* ---- the file ---- */

static bool read_phone(const json_t *v, struct phone *out)
{
    const char *name = wf_json_text(v, "name"), *hash = wf_json_text(v, "hash");
    size_t n = 0;

    *out = (struct phone){.id = (uint64_t)json_integer_value(json_object_get(v, "id")),
                          .created_ms = json_integer_value(json_object_get(v, "created")),
                          .seen_ms = json_integer_value(json_object_get(v, "seen"))};
    if (strlen(name) >= sizeof(out->name) || name[0] == 0 || out->id == 0)
        return false;
    snprintf(out->name, sizeof(out->name), "%s", name);
    return sodium_hex2bin(out->hash, HASH_BYTES, hash, strlen(hash), NULL, &n, NULL) == 0 &&
           n == HASH_BYTES;
}

static int read_file(struct wf_phones *p, struct wf_err *err)
{
    const json_t *list;
    json_t *v = NULL;
    struct wf_buf b;
    bool ok;
    int rc;

    if (access(p->path, F_OK) != 0)
        return 0;
    wf_buf_init(&b, FILE_BYTES_MAX);
    rc = wf_file_read(p->path, &b, err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&b), &v, err);
    wf_buf_deinit(&b);
    if (rc != 0) {
        wf_err_prefix(err, "%s", p->path);
        return rc;
    }
    list = json_object_get(v, "phones");
    ok = json_is_array(list) && json_array_size(list) <= WF_PHONES_MAX;
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = read_phone(json_array_get(list, i), &p->phones[p->n++]);
    json_decref(v);
    return ok ? 0
              : wf_err_set(err, WF_E_FORMAT,
                           "%s is no list of phones. Remove it; phones are then let in anew.",
                           p->path);
}

/* Of those in `phones`. p->lock is held. */
static int write_file(struct wf_phones *p, struct wf_err *err)
{
    json_t *list = json_array(), *v = NULL;
    char hash[2 * HASH_BYTES + 1];
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, FILE_BYTES_MAX);
    for (size_t i = 0; i < p->n; i++) {
        const struct phone *one = &p->phones[i];
        sodium_bin2hex(hash, sizeof(hash), one->hash, HASH_BYTES);
        v = json_pack("{s:I, s:s, s:s, s:I, s:I}", "id", (json_int_t)one->id, "name", one->name,
                      "hash", hash, "created", (json_int_t)one->created_ms, "seen",
                      (json_int_t)one->seen_ms);
        if (json_array_append_new(list, v) != 0)
            rc = WF_E_NOMEM;
    }
    v = rc == 0 ? json_pack("{s:O}", "phones", list) : NULL;
    if (v == NULL || wf_json_append(&b, v) != 0 || wf_buf_append_byte(&b, '\n') != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    else
        rc = wf_file_replace(p->path, b.ptr, b.len, 0600, err);
    if (rc == 0)
        p->written_ms = wf_clock_wall_ms(p->clock);
    json_decref(v);
    json_decref(list);
    wf_buf_deinit(&b);
    return rc;
}

/* ---- beginning and end ---- */

int wf_phones_open(const struct wf_phones_options *o, struct wf_phones **out, struct wf_err *err)
{
    struct wf_phones *p;
    int rc;

    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_IO, "The system gives no random numbers.");
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    snprintf(p->path, sizeof(p->path), "%s", o->path);
    p->clock = o->clock;
    p->changed = o->changed;
    p->changed_ud = o->ud;
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->told_lock, NULL);
    rc = read_file(p, err);
    if (rc != 0) {
        p->n = 0; /* what was not read is not written */
        p->written_ms = INT64_MAX;
        wf_phones_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

void wf_phones_close(struct wf_phones *p)
{
    bool is_unsaid = false;

    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++)
        is_unsaid = is_unsaid || p->phones[i].seen_ms > p->written_ms;
    if (is_unsaid)
        (void)!write_file(p, NULL); /* when one was seen last: no harm without */
    json_decref(p->lan);
    pthread_mutex_destroy(&p->told_lock);
    pthread_mutex_destroy(&p->lock);
    sodium_memzero(p, sizeof(*p));
    wf_free(p);
}

void wf_phones_on_revoked(struct wf_phones *p, void (*fn)(void *ud, uint64_t id), void *ud)
{
    pthread_mutex_lock(&p->told_lock);
    p->revoked = fn;
    p->revoked_ud = ud;
    pthread_mutex_unlock(&p->told_lock);
}

/* ---- letting one in ---- */

void wf_phones_invite(struct wf_phones *p, char out_code[WF_PHONES_CODE_BYTES],
                      int64_t *out_until_ms)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* none for another */
    size_t at = 0;

    for (size_t i = 0; i < CODE_CHARS; i++) {
        if (i == CODE_CHARS / 2)
            out_code[at++] = '-';
        out_code[at++] = letters[wf_rng_below(NULL, 32)];
    }
    out_code[at] = 0;
    pthread_mutex_lock(&p->lock);
    memcpy(p->code, out_code, sizeof(p->code));
    p->code_until_ms = *out_until_ms = wf_clock_wall_ms(p->clock) + WF_PHONES_INVITE_MS;
    p->n_wrong = 0;
    pthread_mutex_unlock(&p->lock);
}

void wf_phones_uninvite(struct wf_phones *p)
{
    pthread_mutex_lock(&p->lock);
    p->code[0] = 0;
    pthread_mutex_unlock(&p->lock);
}

/* As it is typed: lower case, without the hyphen, with spaces; letters for digits. */
static void clean_code(struct wf_str code, char out[CODE_CHARS + 1])
{
    size_t n = 0;

    memset(out, 0, CODE_CHARS + 1);
    for (size_t i = 0; i < code.len && n < CODE_CHARS; i++) {
        char c = code.ptr[i];
        if (c == '-' || c == ' ')
            continue;
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        out[n++] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
    }
}

/* Whether the code lets somebody in; p->lock is held. */
static int use_code(struct wf_phones *p, struct wf_str code, struct wf_err *err)
{
    int64_t now_ms = wf_clock_wall_ms(p->clock);
    char want[CODE_CHARS + 1], have[CODE_CHARS + 1];

    clean_code(wf_str_from(p->code), want);
    clean_code(code.len > 64 ? wf_str_n("", 0) : code, have);
    if (p->code[0] == 0 || now_ms >= p->code_until_ms)
        return wf_err_set(err, WF_E_DENIED,
                          "This code counts no more. Show a new one on the computer: weft phone");
    if (now_ms - p->wrong_ms < WRONG_PAUSE_MS && now_ms >= p->wrong_ms)
        return wf_err_set(err, WF_E_BUSY, "Too soon after a wrong code. Wait a moment.");
    if (sodium_memcmp(want, have, sizeof(want)) == 0) {
        p->code[0] = 0;
        return 0;
    }
    p->wrong_ms = now_ms;
    if (++p->n_wrong >= WF_PHONES_WRONG_MAX)
        p->code[0] = 0;
    return wf_err_set(err, WF_E_DENIED, "This is not the code. Look at the computer again.");
}

static const struct phone *by_name(const struct wf_phones *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->phones[i].name, name) == 0)
            return &p->phones[i];
    }
    return NULL;
}

/* A name that no other has. */
static void set_name(const struct wf_phones *p, struct wf_str name, struct phone *out)
{
    char wish[WF_PHONES_NAME_BYTES + 1] = "phone";

    name = wf_str_trim(name);
    if (name.len > 0) {
        memcpy(wish, name.ptr, name.len);
        wish[name.len] = 0;
    }
    snprintf(out->name, sizeof(out->name), "%s", wish);
    for (unsigned i = 2; by_name(p, out->name) != NULL; i++)
        snprintf(out->name, sizeof(out->name), "%s (%u)", wish, i);
}

static int check_name(struct wf_str name, struct wf_err *err)
{
    if (wf_str_trim(name).len > WF_PHONES_NAME_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "This name is too long for a phone.");
    if (wf_utf8_valid_prefix(name) != name.len)
        return wf_err_set(err, WF_E_INVAL, "This name is not UTF-8.");
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 32 || name.ptr[i] == 127)
            return wf_err_set(err, WF_E_INVAL, "A name holds no control characters.");
    }
    return 0;
}

int wf_phones_join(struct wf_phones *p, struct wf_str code, struct wf_str name,
                   struct wf_phones_joined *out, struct wf_err *err)
{
    struct phone one = {.id = 0};
    int rc = check_name(name, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&p->lock);
    if (p->n == WF_PHONES_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "There are too many phones. Take one out: weft phones");
    if (rc == 0)
        rc = use_code(p, code, err);
    if (rc == 0) {
        wf_rng_hex(NULL, out->token, WF_PHONES_TOKEN_HEX / 2);
        hash_of(wf_str_n(out->token, WF_PHONES_TOKEN_HEX), one.hash);
        one.id = wf_rng_below(NULL, ((uint64_t)1 << 52) - 1) + 1; /* JavaScript can hold it */
        one.created_ms = one.seen_ms = wf_clock_wall_ms(p->clock);
        set_name(p, name, &one);
        p->phones[p->n++] = one;
        rc = write_file(p, err);
        p->n -= rc != 0;
    }
    pthread_mutex_unlock(&p->lock);
    if (rc != 0)
        return rc;
    out->id = one.id;
    memcpy(out->name, one.name, sizeof(out->name));
    tell_changed(p);
    return 0;
}

uint64_t wf_phones_token(struct wf_phones *p, struct wf_str token)
{
    int64_t now_ms = wf_clock_wall_ms(p->clock);
    uint8_t hash[HASH_BYTES];
    uint64_t id = 0;

    hash_of(token, hash);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        if (sodium_memcmp(hash, p->phones[i].hash, HASH_BYTES) != 0)
            continue;
        id = p->phones[i].id;
        p->phones[i].seen_ms = now_ms;
    }
    if (id != 0 && now_ms - p->written_ms > SEEN_WRITE_MS && p->written_ms != 0)
        (void)!write_file(p, NULL); /* as at the end */
    if (p->written_ms == 0)
        p->written_ms = now_ms;
    pthread_mutex_unlock(&p->lock);
    return id;
}

/* ---- taking one out ---- */

static int take_out(struct wf_phones *p, size_t i, struct wf_err *err)
{
    struct phone gone = p->phones[i];
    int rc;

    memmove(&p->phones[i], &p->phones[i + 1], (p->n - i - 1) * sizeof(gone));
    p->n--;
    rc = write_file(p, err);
    if (rc != 0) { /* it would be back after the next start: not done at all, then */
        memmove(&p->phones[i + 1], &p->phones[i], (p->n - i) * sizeof(gone));
        p->phones[i] = gone;
        p->n++;
    }
    return rc;
}

static int take_out_one(struct wf_phones *p, uint64_t id, struct wf_str name, struct wf_err *err)
{
    int rc = WF_E_NOENT;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n && rc == WF_E_NOENT; i++) {
        if (id != 0 ? p->phones[i].id != id : !wf_str_eq(name, wf_str_from(p->phones[i].name)))
            continue;
        id = p->phones[i].id;
        rc = take_out(p, i, err);
    }
    pthread_mutex_unlock(&p->lock);
    if (rc == WF_E_NOENT)
        return wf_err_set(err, rc, "There is no phone of that name. weft phones lists them.");
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&p->told_lock);
    if (p->revoked)
        p->revoked(p->revoked_ud, id);
    pthread_mutex_unlock(&p->told_lock);
    tell_changed(p);
    return 0;
}

int wf_phones_revoke(struct wf_phones *p, struct wf_str name, struct wf_err *err)
{
    return take_out_one(p, 0, name, err);
}

int wf_phones_leave(struct wf_phones *p, uint64_t id, struct wf_err *err)
{
    return take_out_one(p, id, WF_STR(""), err);
}

/* ---- reading ---- */

static json_t *phone_json(const struct phone *one)
{
    return json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)one->id, "name", one->name,
                     "created", (json_int_t)one->created_ms, "seen", (json_int_t)one->seen_ms);
}

json_t *wf_phones_one(struct wf_phones *p, uint64_t id)
{
    json_t *v = NULL;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        if (p->phones[i].id == id)
            v = phone_json(&p->phones[i]);
    }
    pthread_mutex_unlock(&p->lock);
    return v;
}

json_t *wf_phones_list(struct wf_phones *p)
{
    json_t *list = json_array();
    bool ok = list != NULL;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; ok && i < p->n; i++)
        ok = json_array_append_new(list, phone_json(&p->phones[i])) == 0;
    pthread_mutex_unlock(&p->lock);
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

void wf_phones_set_lan(struct wf_phones *p, json_t *lan)
{
    pthread_mutex_lock(&p->lock);
    json_decref(p->lan);
    p->lan = lan;
    pthread_mutex_unlock(&p->lock);
    tell_changed(p);
}

json_t *wf_phones_lan(struct wf_phones *p)
{
    json_t *v;

    pthread_mutex_lock(&p->lock);
    v = json_deep_copy(p->lan); /* NULL of NULL */
    pthread_mutex_unlock(&p->lock);
    return v;
}
