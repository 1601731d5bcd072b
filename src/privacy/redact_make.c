/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of a datum that is not a placeholder: masks, hashes, ciphers; and what a datum
 * means, however it is written. */
#include <sodium.h>
#include <string.h>

#include "base/rng.h"
#include "privacy/redact_internal.h"
#include "text/utf8.h"
#include "text/word.h"

/* Credentials are masked by so many asterisks, however long they are. */
#define MASK_HIDDEN "********"
#define HASH_BYTES 8

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_credential(unsigned kind)
{
    return kind >= WF_DATUM_PASSWORD && kind <= WF_DATUM_ENTROPY;
}

/* Kinds that are numbers: separators in them mean nothing. */
static bool is_number(unsigned kind)
{
    return kind == WF_DATUM_PHONE ||
           (kind >= WF_DATUM_CARD && kind <= WF_DATUM_COMPANY_ID && kind != WF_DATUM_AMOUNT) ||
           kind == WF_DATUM_MAC || kind == WF_DATUM_DEVICE;
}

/* ---- masks ---- */

int wf_redact_mask(struct wf_str datum, const char *type, struct wf_buf *out)
{
    unsigned kind = wf_datum_of(wf_str_from(type));
    size_t n_alnum = 0, n_seen = 0;

    if (is_credential(kind) || kind == WF_DATUM_UNKNOWN)
        return wf_buf_append_cstr(out, MASK_HIDDEN);
    for (size_t i = 0; i < datum.len; i++)
        n_alnum += is_alnum(datum.ptr[i]);
    bool is_long = is_number(kind) && n_alnum >= 9;
    for (size_t i = 0; i < datum.len; i++) {
        unsigned char c = (unsigned char)datum.ptr[i];
        n_seen += is_alnum((char)c);
        if ((c & 0xc0) == 0x80)
            continue; /* a code point is one asterisk */
        if (c >= 0x80 || (is_alnum((char)c) && (!is_long || n_seen + 4 <= n_alnum)))
            (void)wf_buf_append_byte(out, '*');
        else
            (void)wf_buf_append_byte(out, (char)c);
    }
    return wf_buf_status(out);
}

/* ---- hashes and ciphers ---- */

int wf_redact__hash(const struct wf_redaction *r, unsigned kind, struct wf_str meaning,
                    struct wf_buf *out)
{
    uint8_t digest[16];
    char hex[2 * HASH_BYTES + 1];
    crypto_generichash_state s;
    uint8_t head = (uint8_t)kind;

    (void)crypto_generichash_init(&s, r->key, sizeof(r->key), sizeof(digest));
    (void)crypto_generichash_update(&s, (const unsigned char *)"hash", 4);
    (void)crypto_generichash_update(&s, &head, 1);
    if (meaning.len > 0)
        (void)crypto_generichash_update(&s, (const unsigned char *)meaning.ptr, meaning.len);
    (void)crypto_generichash_final(&s, digest, sizeof(digest));
    (void)sodium_bin2hex(hex, sizeof(hex), digest, HASH_BYTES);
    return wf_buf_appendf(out, "<%s:%s>", wf_mark__word(kind), hex);
}

int wf_redact__encrypt(const struct wf_redaction *r, unsigned kind, struct wf_str datum,
                       struct wf_buf *out)
{
    uint8_t
        box[crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + WF_REDACT_CIPHER_BYTES_MAX];
    char text[sodium_base64_ENCODED_LEN(sizeof(box), sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    size_t n = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + datum.len;

    if (datum.len > WF_REDACT_CIPHER_BYTES_MAX)
        return WF_E_LIMIT;
    wf_rng_system()->fill(wf_rng_system()->ud, box, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES,
                                (const unsigned char *)(datum.len > 0 ? datum.ptr : ""), datum.len,
                                box, r->key); /* fails only beyond 2^60 bytes */
    (void)sodium_bin2base64(text, sizeof(text), box, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return wf_buf_appendf(out, "<%s~%s>", wf_mark__word(kind), text);
}

bool wf_redact__decrypt(const struct wf_redaction *r, struct wf_str cipher,
                        uint8_t out[WF_REDACT_CIPHER_BYTES_MAX], size_t *out_n)
{
    const size_t over = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    uint8_t
        box[crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + WF_REDACT_CIPHER_BYTES_MAX];
    size_t n;

    if (sodium_base642bin(box, sizeof(box), cipher.ptr, cipher.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n < over ||
        crypto_secretbox_open_easy(out, box + crypto_secretbox_NONCEBYTES,
                                   n - crypto_secretbox_NONCEBYTES, box, r->key) != 0)
        return false;
    *out_n = n - over;
    return true;
}

/* ---- meanings ---- */

bool wf_redact__is_title(struct wf_str word)
{
    static const char titles[] = "mr|mrs|ms|miss|mister|sir|madam|lady|lord|dr|doctor|prof|"
                                 "professor|herr|herrn|frau|fraulein|dipl|ing|senor|senora|"
                                 "senorita|sr|sra|srta|don|dona|mme|mlle|monsieur|madame|"
                                 "mademoiselle|sig|signor|signora|signore|dott|dottore|pan|pani|"
                                 "dhr|mevr|mevrouw|meneer|fru|hr|bay|bayan|rev|father|sister";
    struct wf_str rest = wf_str_from(titles), one;

    while (wf_str_split(&rest, '|', &one)) {
        if (wf_str_eq_nocase(one, word))
            return true;
    }
    return false;
}

static void person(struct wf_str datum, struct wf_buf *out)
{
    struct wf_words words;
    struct wf_word word;
    size_t start = out->len;

    wf_words_init(&words, datum);
    while (wf_words_next(&words, &word)) {
        struct wf_str w = wf_str_n(word.text, word.len);
        if (wf_redact__is_title(w))
            continue;
        if (out->len > start)
            (void)wf_buf_append_byte(out, word.is_pair ? '+' : ' ');
        (void)wf_buf_append_str(out, w);
    }
    if (out->len == start) /* a title alone: as it stands */
        (void)wf_buf_append_str(out, datum);
}

int wf_redact__meaning(unsigned kind, struct wf_str datum, struct wf_buf *out)
{
    bool drops = is_number(kind);

    if (kind == WF_DATUM_PERSON && wf_utf8_valid_prefix(datum) == datum.len) {
        person(datum, out);
        return wf_buf_status(out);
    }
    for (size_t i = 0; i < datum.len; i++) {
        char c = datum.ptr[i];
        if (drops && strchr(" -./:()", c) != NULL && c != 0)
            continue;
        if (c >= 'A' && c <= 'Z' && !is_credential(kind) && kind != WF_MARK_TEXT)
            c = (char)(c | 0x20);
        (void)wf_buf_append_byte(out, c);
    }
    return wf_buf_status(out);
}

struct wf_str wf_redact__end_name(struct wf_str meaning, bool last)
{
    size_t i;

    if (!last)
        return wf_str_sub(meaning, 0, wf_str_find_byte(meaning, ' ', 0));
    for (i = meaning.len; i > 0 && meaning.ptr[i - 1] != ' ';)
        i--;
    return wf_str_sub(meaning, i, meaning.len);
}

/* ---- fakes, found again ---- */

/* Whether s begins with the fake: letters in either case; of numbers, separators may differ. */
static enum wf_mark_is begins(const struct wf_redacted *item, struct wf_str s, bool at_end,
                              size_t *out_bytes)
{
    bool drops = is_number(item->mark.kind);
    size_t i = 0, k = 0;

    while (k < item->fake_bytes) {
        char want = item->fake[k];
        if (drops && k > 0 && !is_alnum(want)) {
            k++;
            continue;
        }
        if (i == s.len)
            return at_end ? WF_MARK_NONE : WF_MARK_MORE;
        if (drops && i > 0 && strchr(" -.", s.ptr[i]) != NULL && s.ptr[i] != 0) {
            i++;
            continue;
        }
        if (s.ptr[i] != want && !(is_alnum(want) && (s.ptr[i] ^ want) == 0x20))
            return WF_MARK_NONE;
        i++;
        k++;
    }
    if (i == s.len && !at_end)
        return WF_MARK_MORE; /* the number could go on */
    if (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
        return WF_MARK_NONE;
    if (i < s.len && item->mark.kind != WF_DATUM_PERSON && is_alnum(s.ptr[i]))
        return WF_MARK_NONE; /* names have endings, other words do not */
    *out_bytes = i;
    return WF_MARK_FOUND;
}

enum wf_mark_is wf_redact__match_fake(const struct wf_redaction *r, struct wf_str s, bool at_border,
                                      bool at_end, const struct wf_redacted **out,
                                      size_t *out_bytes)
{
    enum wf_mark_is is = WF_MARK_NONE;
    size_t most = 0, bytes = 0;

    if (r->n_fakes == 0 || !at_border || s.len == 0)
        return WF_MARK_NONE;
    for (size_t i = 0; i < r->n; i++) {
        const struct wf_redacted *item = &r->items[i];
        if (item->fake == NULL || ((item->fake[0] ^ s.ptr[0]) & ~0x20) != 0)
            continue;
        switch (begins(item, s, at_end, &bytes)) {
        case WF_MARK_NONE:
            break;
        case WF_MARK_MORE:
            return WF_MARK_MORE; /* it could be the longer one */
        case WF_MARK_FOUND:
            if (bytes > most) {
                most = bytes;
                *out = item;
                is = WF_MARK_FOUND;
            }
            break;
        }
    }
    *out_bytes = most;
    return is;
}
