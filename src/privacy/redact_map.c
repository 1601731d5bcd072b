/* SPDX-License-Identifier: Apache-2.0 */
/* The map of a conversation. A datum is looked up by its kind and bytes; what is new gets the
 * number of the entity that it means, or the next one, and a letter where that entity was written
 * otherwise before. Maps hold keyed digests only; the data lie in the items, which are zeroed. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "privacy/redact_internal.h"

#define DIGEST_BYTES 16
#define AMBIGUOUS UINT64_MAX /* of a name: several persons have it */

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* Of what kind `what` says, and bytes: SipHash-2-4 of 128 bits under half of the map's key. */
static struct digest digest_of(const struct wf_redaction *r, unsigned what, struct wf_str s)
{
    const uint8_t *key = r->key + WF_REDACT_KEY_BYTES / 2;
    uint8_t both[DIGEST_BYTES + 4];
    struct digest d;

    _Static_assert(crypto_shorthash_siphashx24_KEYBYTES == WF_REDACT_KEY_BYTES / 2, "half a key");
    _Static_assert(crypto_shorthash_siphashx24_BYTES == DIGEST_BYTES, "a digest");
    (void)crypto_shorthash_siphashx24(both, (const unsigned char *)(s.len > 0 ? s.ptr : ""), s.len,
                                      key); /* neither can fail */
    for (unsigned i = 0; i < 4; i++)
        both[DIGEST_BYTES + i] = (uint8_t)(what >> (8 * i));
    (void)crypto_shorthash_siphashx24(d.bytes, both, sizeof(both), key);
    return d;
}

static struct wf_str key_of(const struct digest *d)
{
    return wf_str_n((const char *)d->bytes, DIGEST_BYTES);
}

static uint64_t *get(const struct wf_map *m, struct wf_str key)
{
    union wf_map_value *v = wf_map_get(m, key);

    return v != NULL ? &v->u64 : NULL;
}

static int put(struct wf_map *m, struct wf_str key, uint64_t value)
{
    union wf_map_value *v = wf_map_put(m, key, NULL);

    if (v == NULL)
        return m->n_items >= m->_n_items_max ? WF_E_LIMIT : WF_E_NOMEM;
    v->u64 = value;
    return 0;
}

/* ---- the object ---- */

int wf_redaction_new(const uint8_t key[WF_REDACT_KEY_BYTES], struct wf_redaction **out,
                     struct wf_err *err)
{
    struct wf_redaction *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to redact.");
    if (key != NULL)
        memcpy(r->key, key, sizeof(r->key));
    else
        wf_rng_system()->fill(wf_rng_system()->ud, r->key, sizeof(r->key));
    wf_map_init(&r->written, 2 * (size_t)WF_REDACT_MARKS_MAX);
    wf_map_init(&r->entities, 4 * (size_t)WF_REDACT_MARKS_MAX);
    wf_map_init(&r->marks, 4 * (size_t)WF_REDACT_MARKS_MAX);
    *out = r;
    return 0;
}

static void free_secret(char *p, size_t n)
{
    if (p != NULL)
        sodium_memzero(p, n);
    wf_free(p);
}

void wf_redaction_free(struct wf_redaction *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++) {
        free_secret(r->items[i].datum, r->items[i].datum_bytes);
        free_secret(r->items[i].fake, r->items[i].fake_bytes);
    }
    wf_free(r->items);
    wf_map_deinit(&r->written);
    wf_map_deinit(&r->entities);
    wf_map_deinit(&r->marks);
    sodium_memzero(r, sizeof(*r));
    wf_free(r);
}

/* ---- marks ---- */

static struct wf_str mark_key(struct wf_mark m, char out[8])
{
    out[0] = (char)m.kind;
    out[1] = m.letter;
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = (char)(m.number >> (8 * i));
    return wf_str_n(out, 6);
}

/* Index of the item + 1, 0 of a number that is passed over, NULL: free. */
static uint64_t *mark_at(const struct wf_redaction *r, struct wf_mark m)
{
    char key[8];

    return get(&r->marks, mark_key(m, key));
}

const struct wf_redacted *wf_redact__find(const struct wf_redaction *r, struct wf_mark m)
{
    const uint64_t *at = mark_at(r, m);

    return at != NULL && *at > 0 ? &r->items[*at - 1] : NULL;
}

/* The next number of a kind; 0: there is none. */
static uint32_t next_number(struct wf_redaction *r, unsigned kind)
{
    struct wf_mark m = {.kind = (uint8_t)kind};

    while (r->last[kind] < WF_MARK_NUMBER_MAX) {
        m.number = ++r->last[kind];
        if (mark_at(r, m) == NULL)
            return m.number;
    }
    return 0;
}

/* A free mark of that number: plain, or with a letter. false: all letters are taken. */
static bool free_letter(const struct wf_redaction *r, struct wf_mark *io_m)
{
    io_m->letter = 0;
    if (mark_at(r, *io_m) == NULL)
        return true;
    for (const char *l = WF_MARK_LETTERS; *l != 0; l++) {
        io_m->letter = *l;
        if (mark_at(r, *io_m) == NULL)
            return true;
    }
    return false;
}

/* ---- items ---- */

/* Takes over nothing: copies datum and fake (fake.len 0: a placeholder). */
static int add_item(struct wf_redaction *r, struct wf_mark m, struct wf_str datum,
                    struct wf_str fake, size_t *out_index)
{
    struct wf_redacted item = {.mark = m, .datum_bytes = datum.len, .fake_bytes = fake.len};

    if (r->n == WF_REDACT_MARKS_MAX || datum.len > WF_REDACT_DATUM_BYTES_MAX)
        return WF_E_LIMIT;
    if (r->n == r->n_room) {
        size_t room = 2 * r->n_room + 16;
        struct wf_redacted *more = wf_realloc_array(r->items, room, sizeof(*more));
        if (more == NULL)
            return WF_E_NOMEM;
        r->items = more; /* pointers only: the data stay where they are */
        r->n_room = room;
    }
    item.datum = wf_memdup0(datum.ptr, datum.len);
    item.fake = fake.len > 0 ? wf_memdup0(fake.ptr, fake.len) : NULL;
    if (item.datum == NULL || (fake.len > 0 && item.fake == NULL)) {
        free_secret(item.datum, datum.len);
        free_secret(item.fake, fake.len);
        return WF_E_NOMEM;
    }
    *out_index = r->n;
    r->items[r->n++] = item;
    r->n_fakes += item.fake != NULL;
    return 0;
}

static void drop_last_item(struct wf_redaction *r)
{
    struct wf_redacted *last = &r->items[--r->n];

    r->n_fakes -= last->fake != NULL;
    free_secret(last->datum, last->datum_bytes);
    free_secret(last->fake, last->fake_bytes);
}

/* Persons by their first and last names: `what` is 'F', 'L', or 'W' for one known by that word
 * alone. Several with the same name are told apart from then on. */
static int name_person(struct wf_redaction *r, char what, struct wf_str name, uint32_t number)
{
    struct digest d = digest_of(r, (unsigned)what << 8, name);
    uint64_t *at = get(&r->entities, key_of(&d));

    if (at == NULL)
        return put(&r->entities, key_of(&d), number);
    if (*at != number)
        *at = AMBIGUOUS;
    return 0;
}

static uint32_t person_named(const struct wf_redaction *r, char what, struct wf_str name)
{
    struct digest d = digest_of(r, (unsigned)what << 8, name);
    const uint64_t *at = get(&r->entities, key_of(&d));

    return at != NULL && *at != AMBIGUOUS ? (uint32_t)*at : 0;
}

static bool is_one_word(struct wf_str meaning)
{
    return wf_str_find_byte(meaning, ' ', 0) == SIZE_MAX;
}

/* The number of a person who is known by a part of the name, or the other way round; 0: nobody is,
 * or it is not certain who. */
static uint32_t known_person(const struct wf_redaction *r, struct wf_str meaning)
{
    struct wf_str last = wf_redact__end_name(meaning, true);
    struct digest d;
    uint32_t number;

    if (is_one_word(meaning)) {
        number = person_named(r, 'L', meaning);
        return number != 0 ? number : person_named(r, 'F', meaning);
    }
    d = digest_of(r, (unsigned)'L' << 8, last);
    return get(&r->entities, key_of(&d)) == NULL ? person_named(r, 'W', last) : 0;
}

static int remember_person(struct wf_redaction *r, struct wf_str meaning, uint32_t number)
{
    int rc;

    if (is_one_word(meaning))
        return name_person(r, 'W', meaning, number);
    rc = name_person(r, 'F', wf_redact__end_name(meaning, false), number);
    return rc == 0 ? name_person(r, 'L', wf_redact__end_name(meaning, true), number) : rc;
}

/* The number of what the datum means: a known one, or a new one. 0: there is none left. */
static int number_of(struct wf_redaction *r, unsigned kind, struct wf_str datum, uint32_t *out)
{
    struct wf_buf meaning;
    struct digest d;
    const uint64_t *at;
    int rc;

    wf_buf_init(&meaning, 2 * (size_t)WF_REDACT_DATUM_BYTES_MAX);
    rc = wf_redact__meaning(kind, datum, &meaning);
    d = digest_of(r, kind, wf_buf_str(&meaning));
    at = get(&r->entities, key_of(&d));
    *out = 0;
    if (rc == 0 && at != NULL) {
        *out = (uint32_t)*at;
    } else if (rc == 0) {
        bool is_person = kind == WF_DATUM_PERSON && meaning.len > 0;
        *out = is_person ? known_person(r, wf_buf_str(&meaning)) : 0;
        if (*out == 0)
            *out = next_number(r, kind);
        if (*out == 0)
            rc = WF_E_LIMIT;
        if (rc == 0)
            rc = put(&r->entities, key_of(&d), *out);
        if (rc == 0 && is_person)
            rc = remember_person(r, wf_buf_str(&meaning), *out);
    }
    if (meaning.len > 0)
        sodium_memzero(meaning.ptr, meaning.len);
    wf_buf_deinit(&meaning);
    return rc;
}

/* Makes the item of a mark known. */
static int bind(struct wf_redaction *r, unsigned how, size_t index)
{
    const struct wf_redacted *item = &r->items[index];
    struct digest d =
        digest_of(r, item->mark.kind | how << 16, wf_str_n(item->datum, item->datum_bytes));
    char key[8];
    int rc = put(&r->written, key_of(&d), index + 1);

    if (rc == 0 && item->fake == NULL)
        rc = put(&r->marks, mark_key(item->mark, key), index + 1);
    if (rc != 0) {
        (void)wf_map_remove(&r->written, key_of(&d));
        drop_last_item(r);
    }
    return rc;
}

/* How a datum is kept: as a placeholder, or as a fake. */
enum how {
    HOW_MARK = 0,
    HOW_FAKE = 1,
};

int wf_redact__item(struct wf_redaction *r, unsigned kind, struct wf_str datum, size_t *out_index)
{
    struct wf_mark m = {.kind = (uint8_t)kind};
    struct digest d = digest_of(r, kind | (unsigned)HOW_MARK << 16, datum);
    const uint64_t *at = get(&r->written, key_of(&d));
    int rc;

    if (at != NULL) {
        *out_index = *at - 1;
        return 0;
    }
    rc = number_of(r, kind, datum, &m.number);
    if (rc == 0 && !free_letter(r, &m)) {
        m.letter = 0;
        m.number = next_number(r, kind);
        rc = m.number > 0 ? 0 : WF_E_LIMIT;
    }
    if (rc == 0)
        rc = add_item(r, m, datum, wf_str_n("", 0), out_index);
    return rc == 0 ? bind(r, HOW_MARK, *out_index) : rc;
}

enum wf_mark_state wf_redact__state(const struct wf_redaction *r, struct wf_mark m)
{
    const uint64_t *at = mark_at(r, m);

    return at == NULL ? WF_MARK_FREE : *at == 0 ? WF_MARK_PASSED : WF_MARK_USED;
}

int wf_redact__pass_over(struct wf_redaction *r, struct wf_mark m)
{
    char key[8];

    return mark_at(r, m) != NULL ? 0 : put(&r->marks, mark_key(m, key), 0);
}

const struct wf_redacted *wf_redact__fake_of(const struct wf_redaction *r, unsigned kind,
                                             struct wf_str datum)
{
    struct digest d = digest_of(r, kind | (unsigned)HOW_FAKE << 16, datum);
    const uint64_t *at = get(&r->written, key_of(&d));

    return at != NULL ? &r->items[*at - 1] : NULL;
}

int wf_redact__seed(struct wf_redaction *r, unsigned kind, struct wf_str datum, uint64_t *out)
{
    struct digest d = digest_of(r, kind, datum);
    uint32_t number = 0;
    char key[8];
    int rc = 0;

    if (kind == WF_DATUM_PERSON) {
        rc = number_of(r, kind, datum, &number);
        d = digest_of(r, kind, mark_key((struct wf_mark){.number = number}, key));
    }
    memcpy(out, d.bytes, sizeof(*out));
    return rc;
}

int wf_redact__keep_fake(struct wf_redaction *r, unsigned kind, struct wf_str datum,
                         struct wf_str fake)
{
    size_t index;
    int rc = add_item(r, (struct wf_mark){.kind = (uint8_t)kind}, datum, fake, &index);

    return rc == 0 ? bind(r, HOW_FAKE, index) : rc;
}

/* ---- JSON ---- */

json_t *wf_redaction_json(const struct wf_redaction *r)
{
    json_t *map = json_object();

    for (size_t i = 0; i < r->n; i++) {
        const struct wf_redacted *item = &r->items[i];
        char text[WF_MARK_BYTES_MAX];
        json_t *datum = json_stringn(item->datum, item->datum_bytes);
        (void)wf_mark__print(item->mark, text);
        if (datum == NULL ||
            json_object_set_new(map, item->fake != NULL ? item->fake : text, datum) != 0) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

/* One member of the object. */
static int add_member(struct wf_redaction *r, struct wf_str name, struct wf_str datum)
{
    struct wf_mark_found found = {.bytes = 0};
    struct wf_mark m = {.kind = WF_DATUM_UNKNOWN};
    size_t index;
    int rc;

    /* The letter is read as an ending while it is not known: it is one where it is the only one. */
    bool is_mark = wf_mark__match(name, true, true, NULL, NULL, &found) == WF_MARK_FOUND &&
                   found.bytes == name.len && found.cipher.len == 0 && found.suffix.len <= 1;
    if (!is_mark) {
        rc = name.len == 0 ? WF_E_FORMAT : add_item(r, m, datum, name, &index);
        return rc == 0 ? bind(r, HOW_FAKE, index) : rc;
    }
    m = found.mark;
    m.letter = found.suffix.len == 1 ? found.suffix.ptr[0] : 0;
    if ((m.letter != 0 && strchr(WF_MARK_LETTERS, m.letter) == NULL) || mark_at(r, m) != NULL)
        return WF_E_FORMAT;
    r->last[m.kind] = WF_MAX(r->last[m.kind], m.number);
    rc = add_item(r, m, datum, wf_str_n("", 0), &index);
    return rc == 0 ? bind(r, HOW_MARK, index) : rc;
}

/* What each plain placeholder means, so that other ways to write it find it again. */
static int learn_meanings(struct wf_redaction *r)
{
    struct wf_buf meaning;
    int rc = 0;

    wf_buf_init(&meaning, 2 * (size_t)WF_REDACT_DATUM_BYTES_MAX);
    for (size_t i = 0; i < r->n && rc == 0; i++) {
        const struct wf_redacted *item = &r->items[i];
        if (item->fake != NULL)
            continue;
        wf_buf_reset(&meaning);
        rc =
            wf_redact__meaning(item->mark.kind, wf_str_n(item->datum, item->datum_bytes), &meaning);
        struct digest d = digest_of(r, item->mark.kind, wf_buf_str(&meaning));
        if (rc == 0)
            rc = put(&r->entities, key_of(&d), item->mark.number);
        if (rc == 0 && item->mark.kind == WF_DATUM_PERSON && meaning.len > 0)
            rc = remember_person(r, wf_buf_str(&meaning), item->mark.number);
    }
    wf_buf_deinit(&meaning);
    return rc;
}

int wf_redaction_from_json(const json_t *map, const uint8_t key[WF_REDACT_KEY_BYTES],
                           struct wf_redaction **out, struct wf_err *err)
{
    struct wf_redaction *r = NULL;
    const char *name;
    json_t *datum, *object = (json_t *)(uintptr_t)map; /* jansson walks no const objects */
    int rc;

    if (!json_is_object(map))
        return wf_err_set(err, WF_E_FORMAT, "The map is no JSON object.");
    rc = wf_redaction_new(key, &r, err);
    if (rc != 0)
        return rc;
    json_object_foreach(object, name, datum)
    {
        rc = json_is_string(datum)
                 ? add_member(r, wf_str_from(name),
                              wf_str_n(json_string_value(datum), json_string_length(datum)))
                 : WF_E_FORMAT;
        if (rc != 0)
            break;
    }
    if (rc == 0)
        rc = learn_meanings(r);
    if (rc == 0) {
        *out = r;
        return 0;
    }
    wf_redaction_free(r);
    return wf_err_set(err, rc,
                      rc == WF_E_FORMAT  ? "The map has a member that is no placeholder "
                                           "with its text."
                      : rc == WF_E_LIMIT ? "The map is too large."
                                         : "Not enough memory for the map.");
}
