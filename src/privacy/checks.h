/* Checks: the checksums that states, banks and insurers put into their numbers, as few general
 * functions over values: what a digit or letter counts (0..9, A = 10 ... Z = 35).
 *
 * A national number is then a row of weights or a small function (patterns_ids*.c). Everything here
 * is pure, takes any values and allocates nothing. Thread rule: any. */
#ifndef WF_PRIVACY_CHECKS_H
#define WF_PRIVACY_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The longest number that is looked at, in letters and digits: TZ_NIDA has 20, an IBAN 34. */
#define WF_CODE_MOST 40

/* A number without its separators. */
struct wf_code {
    uint8_t v[WF_CODE_MOST]; /* [n] 0..35 */
    size_t n;
};

/* Reads what stands there; separators (" -./:_()" and tabs) are passed over. False: another byte,
 * or more than WF_CODE_MOST letters and digits. *out is written in any case. */
bool wf_code_read(struct wf_str s, struct wf_code *out);

/* Reads it and compares with a shape: '9' a digit, 'A' a letter, '*' either; any other character
 * stands for itself (capital letters other than A). False where length or kind differ. */
bool wf_code_shape(struct wf_str s, const char *shape, struct wf_code *out);

/* Reads it and takes a prefix in capitals off where it begins with it ("DE" of a VAT number). */
bool wf_code_after(struct wf_str s, const char *prefix, struct wf_code *out);

/* Whether all n values are digits; whether they are one digit again and again. */
bool wf_code_is_digits(const uint8_t *v, size_t n);
bool wf_code_is_same(const uint8_t *v, size_t n);

/* The value of n digits (n <= 18), most significant first. */
uint64_t wf_code_number(const uint8_t *v, size_t n);

/* The remainder by m (1..1000) of n values written one behind the other in decimal, letters as two
 * digits (as ISO 7064 and IBAN have it). */
unsigned wf_code_mod(const uint8_t *v, size_t n, unsigned m);

/* Sum of value times weight; of the digits of each product added up (35 counts 8). */
unsigned wf_check_sum(const uint8_t *v, const uint8_t *weights, size_t n);
unsigned wf_check_cross_sum(const uint8_t *v, const uint8_t *weights, size_t n);

#define WF_REFUSED 255 /* numbers whose check digit would be 10 are not given out */

/* n weighted values, then a check digit: the weighted sum's remainder, or what it lacks to the
 * modulus. */
struct wf_weighing {
    uint8_t n;       /* 1..20 */
    uint8_t modulus; /* 10 or 11 */
    bool lacking;    /* the check digit is what lacks, not the remainder */
    uint8_t ten;     /* what stands where 10 comes out: a digit, or WF_REFUSED */
    uint8_t weights[20];
};

/* Whether v[w->n] is the check digit of v[0..w->n). */
bool wf_check_weighed(const uint8_t *v, const struct wf_weighing *w);

/* Reads it, compares its shape, refuses one digit again and again, and checks it so. */
bool wf_code_weighed(struct wf_str s, const char *shape, const struct wf_weighing *w);

/* Luhn (ISO/IEC 7812) over n digits, the last is the check digit; base 36 over letters, too. The
 * sum alone: every second value from the last but one doubled, its digits added up. */
unsigned wf_check_luhn_sum(const uint8_t *v, size_t n);
bool wf_check_luhn(const uint8_t *v, size_t n);
bool wf_check_luhn36(const uint8_t *v, size_t n);

/* ISO/IEC 7064: hybrid systems mod 11,10 (digits) and mod 37,36; pure systems mod 11-2 (the check
 * character X is ten) and mod 97-10. The check characters are the last of the n. */
bool wf_check_mod11_10(const uint8_t *v, size_t n);
bool wf_check_mod37_36(const uint8_t *v, size_t n);
bool wf_check_mod11_2(const uint8_t *v, size_t n);
bool wf_check_mod97_10(const uint8_t *v, size_t n);

/* Verhoeff's (dihedral group of ten) and Damm's (a quasigroup) over n digits, the last is the check
 * digit: all single errors and all swapped neighbours are found. */
bool wf_check_verhoeff(const uint8_t *v, size_t n);
bool wf_check_damm(const uint8_t *v, size_t n);

/* Whether the value is the i-th character of an alphabet of capitals and digits. */
bool wf_check_letter(uint8_t v, const char *alphabet, size_t i);

/* Whether there is such a day; then six digits YYMMDD or DDMMYY of any century (29 February always
 * passes in a year divisible by four), eight digits YYYYMMDD (1850..2099). */
bool wf_check_date(unsigned year, unsigned month, unsigned day);
bool wf_check_yymmdd(const uint8_t *v);
bool wf_check_ddmmyy(const uint8_t *v);
bool wf_check_yyyymmdd(const uint8_t *v);

#endif
