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
    WF_CLASS_MARK,    /* stands over the character before */
};

enum wf_class wf_hidden__class(uint32_t cp);

/* Whether a run decodes to text. */
bool wf_hidden__decodes(struct wf_str run, enum wf_hiding how);

/* Whether an escape begins at i: *out is what it takes. */
bool wf_hidden__escape(struct wf_str text, size_t i, struct wf_hidden *out);

#endif
