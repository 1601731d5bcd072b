/* Redaction, within: the map, and the grammar of placeholders. Thread rule: owner. */
#ifndef WF_PRIVACY_REDACT_INTERNAL_H
#define WF_PRIVACY_REDACT_INTERNAL_H

#include "base/map.h"
#include "privacy/redact.h"

#define WF_MARK_TEXT WF_DATUM_COUNT /* the kind of a form that stood in the text itself */
#define WF_MARK_KINDS (WF_DATUM_COUNT + 1)
#define WF_MARK_NUMBER_MAX 999999u
#define WF_MARK_BYTES_MAX 48 /* of a placeholder as it is written */
/* Letters for other ways to write the same: without those that are endings (PERSON_1s). */
#define WF_MARK_LETTERS "bcdfghjklmpqrtuvwxyz"

/* A placeholder as it was found or is to be written. */
struct wf_mark {
    uint8_t kind;
    char letter; /* 0: none */
    uint32_t number;
};

/* What stands at a place of a text. */
struct wf_mark_found {
    struct wf_mark mark;
    size_t bytes;         /* all that it takes */
    struct wf_str suffix; /* an ending that stood within the brackets */
    struct wf_str cipher; /* of an encrypted datum, base64; then the number is 0 */
};

enum wf_mark_is {
    WF_MARK_NONE,
    WF_MARK_FOUND,
    WF_MARK_MORE, /* cannot be told before more of the text is there */
};

/* The word of a kind ("PERSON"); NULL for what cannot be replaced. */
const char *wf_mark__word(unsigned kind);
/* Writes "<PERSON_1b>" into out, NUL-terminated. Returns its length. */
size_t wf_mark__print(struct wf_mark m, char out[WF_MARK_BYTES_MAX]);

/* Looks for a placeholder, however it was changed, at the start of s. at_border: what stands before
 * is no letter, digit or '_'. at_end: nothing comes behind s. `has` (may be NULL: only plain
 * numbers) says whether a lettered one is known. */
enum wf_mark_is wf_mark__match(struct wf_str s, bool at_border, bool at_end,
                               bool (*has)(const void *ud, struct wf_mark m), const void *ud,
                               struct wf_mark_found *out);
/* Whether a match can begin here, by two bytes: a cheap look before wf_mark__match. s is not empty.
 */
bool wf_mark__begins(struct wf_str s, bool at_border);

/* The same, for nearly all bytes by one. */
static inline bool wf_mark__may_begin(struct wf_str s, bool at_border)
{
    const uint64_t low = UINT64_C(1) << '%' | UINT64_C(1) << '&' | UINT64_C(1) << '<';
    const uint64_t high =
        UINT64_C(1) << ('[' - 64) | UINT64_C(1) << ('\\' - 64) | UINT64_C(1) << ('{' - 64);
    unsigned char b = (unsigned char)s.ptr[0];

    if ((unsigned)(b | 0x20) - 'a' < 26)
        return at_border && wf_mark__begins(s, at_border);
    if (b < 0x80 && ((b < 64 ? low >> b : high >> (b - 64)) & 1) == 0)
        return false;
    return wf_mark__begins(s, at_border);
}

/* One placeholder or fake, and what it stands for. */
struct wf_redacted {
    struct wf_mark mark; /* of a fake: number 0 */
    char *datum;         /* owned, zeroed when freed */
    size_t datum_bytes;
    char *fake; /* owned; NULL: a placeholder */
    size_t fake_bytes;
};

struct wf_redaction {
    uint8_t key[WF_REDACT_KEY_BYTES];
    struct wf_redacted *items; /* [n] */
    size_t n, n_room;
    size_t n_fakes;
    uint32_t last[WF_MARK_KINDS]; /* the last number given to each kind */
    /* Keys are keyed digests: no datum lies in a map. */
    struct wf_map written;  /* kind, operator and bytes of a datum -> item + 1 */
    struct wf_map entities; /* kind and what the datum means -> its number */
    struct wf_map marks;    /* a mark -> item + 1; 0: the number is passed over */
};

/* ---- redact_map.c ---- */

enum wf_mark_state {
    WF_MARK_FREE,
    WF_MARK_PASSED, /* some text has that form: it is never given to a datum */
    WF_MARK_USED,
};

enum wf_mark_state wf_redact__state(const struct wf_redaction *r, struct wf_mark m);
/* Makes a free number one that is passed over. Errors, also below: NOMEM, LIMIT. */
int wf_redact__pass_over(struct wf_redaction *r, struct wf_mark m);
/* Index of the item of a datum; a new one gets a placeholder. */
int wf_redact__item(struct wf_redaction *r, unsigned kind, struct wf_str datum, size_t *out_index);
/* The fake that a datum has already, or NULL; and keeps one. */
const struct wf_redacted *wf_redact__fake_of(const struct wf_redaction *r, unsigned kind,
                                             struct wf_str datum);
int wf_redact__keep_fake(struct wf_redaction *r, unsigned kind, struct wf_str datum,
                         struct wf_str fake);
/* Of which seed a fake is: one person's names have the same, however they are written. */
int wf_redact__seed(struct wf_redaction *r, unsigned kind, struct wf_str datum, uint64_t *out);

/* The item of a mark, or NULL. */
const struct wf_redacted *wf_redact__find(const struct wf_redaction *r, struct wf_mark m);

/* Appends "<PERSON~...>", the datum encrypted, or "<PERSON:...>", a hash of what it means. Errors:
 * LIMIT (too long to be carried), the buffer's. */
int wf_redact__encrypt(const struct wf_redaction *r, unsigned kind, struct wf_str datum,
                       struct wf_buf *out);
int wf_redact__hash(const struct wf_redaction *r, unsigned kind, struct wf_str meaning,
                    struct wf_buf *out);
/* The datum of such a cipher; false: it is none of this key's. */
bool wf_redact__decrypt(const struct wf_redaction *r, struct wf_str cipher,
                        uint8_t out[WF_REDACT_CIPHER_BYTES_MAX], size_t *out_n);

/* Appends what a datum means, however it is written: digits and letters of a number, folded words
 * of a name without titles. Errors: the buffer's. */
int wf_redact__meaning(unsigned kind, struct wf_str datum, struct wf_buf *out);
/* The first or last word of a person's meaning, where it has several; empty otherwise. */
struct wf_str wf_redact__end_name(struct wf_str meaning, bool last);

/* Whether a word without accents is a form of address: it names nobody. */
bool wf_redact__is_title(struct wf_str word);

/* The fake that begins s (of any fake of the map), with its item. */
enum wf_mark_is wf_redact__match_fake(const struct wf_redaction *r, struct wf_str s, bool at_border,
                                      bool at_end, const struct wf_redacted **out,
                                      size_t *out_bytes);

#endif
