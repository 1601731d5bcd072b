/* What the tables of national numbers share (patterns_ids_*.c, a file a region): the names of their
 * checksums, as the reason of a find says them. Private to the folder.
 * Thread rule: any, all is constant. */
#ifndef WF_PRIVACY_PATTERNS_IDS_H
#define WF_PRIVACY_PATTERNS_IDS_H

#include "privacy/pattern.h"

/* A row of a number: no literals, nothing before it. */
#define WF_ID(type_, regex_, least, most, valid_, context_, score_, score_near, why_)              \
    {                                                                                              \
        .type = (type_), .regex = (regex_), .letters_digits_least = (least),                       \
        .letters_digits_most = (most), .valid = (valid_), .context = (context_),                   \
        .score = (score_), .score_context = (score_near), .why = (why_)                            \
    }

/* In front of expressions that begin with letters and a space: "is 1234567" is no number of two
 * letters and seven digits, "IS 1234567" is, and "is1234567". */
#define WF_NO_WORD "(?!(?-i:[a-z])[a-z]{0,3} )"
/* Behind those that end with a space and letters: "12345678 a" ends with the digits, or not at
 * all. */
#define WF_NO_TAIL "(?<! (?-i:[a-z]))(?<! (?-i:[a-z])[a-z])(?<! (?-i:[a-z])[a-z][a-z])"

/* What `why` says. */
#define WF_WHY_LUHN "Luhn checksum"
#define WF_WHY_10 "weighted checksum, modulo 10"
#define WF_WHY_11 "weighted checksum, modulo 11"
#define WF_WHY_11_TWO "two weighted checksums, modulo 11"
#define WF_WHY_97 "remainder by 97"
#define WF_WHY_11_10 "ISO 7064 mod 11,10"
#define WF_WHY_DATE "date within"
#define WF_WHY_DATE_LUHN "date within, Luhn checksum"
#define WF_WHY_DATE_10 "date within, weighted checksum, modulo 10"
#define WF_WHY_DATE_11 "date within, weighted checksum, modulo 11"
#define WF_WHY_RANGE "ranges"

#endif
