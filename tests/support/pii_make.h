/* Numbers made up: random valid numbers of every kind that the tables of national numbers know,
 * their check characters computed here a second time, apart from src/privacy; and sentences around
 * them, from templates, with decoys between, to measure recall and precision by type and language.
 * Thread rule: owner. */
#ifndef WF_TESTS_PII_MAKE_H
#define WF_TESTS_PII_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

#define PII_MADE_MOST 96 /* bytes of a number */

/* One form of a type.
 *
 * The shape: n a digit, p a digit but 0, a a letter, x either; y two digits of a year, c four, m
 * and d a month and a day; ? a check character; [abc] one of these; (ab|cd) one of these texts;
 * anything else (capitals, digits, separators) stands for itself. The rule fills the check
 * characters one by one, its parts separated by ';': "r11:5,4,3" the weighted sum's remainder,
 * "c11:" what lacks to the modulus; a letter behind the modulus says what stands for 10 (z 0, o 1,
 * n 9, k K; none: such a number is not made); "@2" counts from the third character on; "luhn";
 * "!name" a function. NULL: nothing is computed. */
struct pii_kind {
    const char *type; /* as src/privacy reports it */
    const char *shape;
    const char *rule;
};

extern const struct pii_kind pii_kinds[];
extern const size_t pii_kinds_n;

/* A random valid number. */
void pii_make(const struct pii_kind *k, const struct wf_rng *rng, char out[PII_MADE_MOST]);

/* ---- the parts, private ---- */

/* A named function: fills the '?' of a code (letters and digits alone); false: no such number, try
 * another. */
typedef bool (*pii_rule_fn)(char *code);
struct pii_rule {
    const char *name;
    pii_rule_fn fill;
};
extern const struct pii_rule pii_rules[];
extern const size_t pii_rules_n;

/* What a character counts: 0..9, A = 10 ... Z = 35; the sum of n from `start` on by weights. */
int pii_value(char c);
int pii_sum(const char *code, size_t start, const int *weights, size_t n);
/* Luhn's check digit of n digits. */
int pii_luhn(const char *digits, size_t n);

#endif
