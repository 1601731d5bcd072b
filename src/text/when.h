/* When: finds the time that a sentence speaks of ("on Friday", "morgen um neun", "le 12 mars",
 * "dentro de dos horas") in English, German, French and Spanish, and says which day and minute that
 * is.
 *
 * What is left open is filled in as people mean it: a day alone is at nine, "evening" at six, a
 * weekday or date without more is the next one, hours one to six without more are in the
 * afternoon, a time alone is the next one. "Every Tuesday" gives the next one and says that it
 * repeats. Dates with slashes are passed over, since countries read them differently.
 * Thread rule: any. */
#ifndef WF_TEXT_WHEN_H
#define WF_TEXT_WHEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/civil.h"
#include "base/str.h"

/* Words of a text that are looked at. */
#define WF_WHEN_WORDS_MAX 128

struct wf_when_part {
    size_t from, to; /* bytes of the text */
};

struct wf_when {
    struct wf_civil at;
    bool has_time;                /* a time of day was said */
    bool repeats;                 /* at is the first time */
    struct wf_when_part parts[2]; /* where it stands; a day and a time may stand apart */
    size_t n_parts;
};

/* The first time that `text` (valid UTF-8) speaks of, seen from `now`; false when it speaks of
 * none. Linear in the text; allocates nothing. */
bool wf_when_find(struct wf_str text, const struct wf_civil *now, struct wf_when *out);

#endif
