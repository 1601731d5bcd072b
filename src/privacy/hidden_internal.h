/* What the finder of hidden parts (hidden.c) asks of the decoders (hidden_undo.c). */
#ifndef WF_PRIVACY_HIDDEN_INTERNAL_H
#define WF_PRIVACY_HIDDEN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "privacy/view.h"

/* What a character beyond ASCII may be. */
enum wf_class {
    WF_CLASS_PLAIN,   /* itself */
    WF_CLASS_UNSEEN,  /* has no width */
    WF_CLASS_LIKE,    /* another way to write an ASCII letter, digit or sign */
    WF_CLASS_LETTER,  /* of another script, looks like a Latin one */
    WF_CLASS_SIGN,    /* a sign, wherever it stands */
    WF_CLASS_BETWEEN, /* a dash or a space */
    WF_CLASS_RAISED,  /* a small digit: of a number, or of "m²" */
    WF_CLASS_MARK,    /* stands over the character before */
};

enum wf_class wf_hidden__class(uint32_t cp);

/* Whether what may hide something is told; that there was such is noted. */
bool wf_hidden__may_be(struct wf_hidden_finder *f, enum wf_loose kind);

/* Whether a run decodes to text. */
bool wf_hidden__decodes(struct wf_str run, enum wf_hiding how);
/* The same of base64 from behind. */
bool wf_hidden__decodes_backwards(struct wf_str run);

/* Single characters with the same separator between them, the first of which ends at i: the parts
 * are told one by one. */
bool wf_hidden__apart(struct wf_hidden_finder *f, size_t i);
bool wf_hidden__next_apart(struct wf_hidden_finder *f, struct wf_hidden *out);
/* What stands at i between a digit and the next; between two strings, of which i is the quote at
 * the end of the first; whether the '_' at f->i stands for a space. */
bool wf_hidden__parted(struct wf_str text, size_t i, struct wf_hidden *out);
bool wf_hidden__joined(struct wf_str text, size_t i, struct wf_hidden *out);
bool wf_hidden__joint(struct wf_hidden_finder *f, struct wf_hidden *out);

/* Numbers of characters, the first of which is [from, end), with brackets around them; signs of
 * Morse, one of which is at i, none before `floor`. */
bool wf_hidden__codes(struct wf_str text, size_t from, size_t end, size_t floor,
                      struct wf_hidden *out);
bool wf_hidden__morse(struct wf_str text, size_t i, size_t floor, struct wf_hidden *out);
/* Append what such parts are; return wf_buf_status. */
int wf_hidden__undo_codes(struct wf_str part, struct wf_buf *out);
int wf_hidden__undo_morse(struct wf_str part, struct wf_buf *out);

/* Letters, digits and other bytes that a decoded run has at least. */
#define WF_HIDDEN_LEAST 6

/* Bytes of the beginning by which others than UTF-8 are known. */
#define WF_HIDDEN_BEGIN 96

/* Whether bytes that begin so may be text in another way than as UTF-8: packed, UTF-16. */
bool wf_hidden__is_other(const uint8_t *begin, size_t n);
/* Makes text of such bytes from `from` on; none where they are none. Bytes that begin in another
 * way stay. Errors: NOMEM, or what the buffer has. */
int wf_hidden__as_text(struct wf_buf *io, size_t from);

/* Whether a run of letters and digits is text in base 58. */
bool wf_hidden__decodes58(struct wf_str run);
int wf_hidden__undo58(struct wf_str run, struct wf_buf *out);
/* Whether a part of a long word is text in base 85; io->at: where the word is, then the part. The
 * next such part of a text from *io_i on. */
bool wf_hidden__coded85(struct wf_str token, struct wf_hidden *io);
bool wf_hidden__next_token(struct wf_str t, size_t *io_i, struct wf_hidden *out);
int wf_hidden__undo85(struct wf_str part, struct wf_buf *out);
/* Characters of Braille. */
int wf_hidden__undo_braille(struct wf_str s, struct wf_buf *out);

/* Whether an escape begins at i: *out is what it takes. */
bool wf_hidden__escape(struct wf_str text, size_t i, struct wf_hidden *out);

#endif
