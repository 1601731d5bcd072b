/* Pattern: one kind of structured datum that can be recognised by its form.
 *
 * Patterns are rows of tables, one file a family; detect.c runs them all at once. A row says which
 * literals must be there (or how many letters and digits), what the form is, what is computed to
 * check it, and which words near by make it likelier. How scores are meant:
 *
 *   a checksum that one in 97 passes by chance, or a telling form    0.8 to 1
 *   a checksum that one in ten passes                    0.3 to 0.5, with a word near 0.85 and more
 *   no checksum (nine digits, a passport)                0.05 to 0.2, with a word near 0.6 to 0.85
 *
 * Only what has 0.5 or more is reported unless asked otherwise; a row that stays below without a
 * word costs nothing where none of its words is near. Thread rule: any, all is constant. */
#ifndef WF_PRIVACY_PATTERN_H
#define WF_PRIVACY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct wf_pattern {
    /* Presidio's name where it has one (CREDIT_CARD, US_SSN, UK_NHS), else COUNTRY_NAME in its
     * manner (BR_CPF). */
    const char *type;
    /* PCRE2, caseless ("(?-i)" in front where case tells), UTF-8. A match is never in the middle of
     * a word or number: the engine adds borders of ASCII letters, digits and "_". Where it has a
     * group "( )", that group is the datum and the rest is what must stand around it. Repeats are
     * bounded and no two neighbours can take the same bytes, so that no text makes it slow. */
    const char *regex;
    /* Lower-case literals with '|' between them, of which every match holds one ("@", "akia").
     * NULL: a number, found by its digits: it begins with a word that has a digit, or at most two
     * words of at most four letters before it ("QQ 12 34 56 C", "B-AB 1234"), also of Greek or
     * Cyrillic letters, which letters_digits may count or not. */
    const char *triggers;
    /* Where triggers is NULL: how many ASCII letters and digits a match has at the end of one of
     * its groups, separators not counted; at most 40. Separators are one or two of " -./:_()". At
     * least 4 are digits; 1 is enough for rows that need a word near, or say few_digits. */
    uint8_t letters_digits_least, letters_digits_most;
    /* With triggers: bytes before the literal where a match may begin; 0: it begins with it. */
    uint8_t back;
    /* Checksum, ranges, dates: false: it is not this. NULL: none. Pure; any bytes may come, with
     * their separators. */
    bool (*valid)(struct wf_str match);
    /* Words of any language, lower-case, '|' between them, that make it likelier when near (60
     * characters before, 30 behind). One with a space is also seen as a name in a program (tax_id,
     * tax-id, taxId). Upper case, capitals and missing accents are seen too; a word of up to 4
     * letters must stand alone, longer ones may begin a word, from 7 on they may be anywhere in one
     * ("passnummer" in "Reisepassnummer"); scripts without spaces have no borders. NULL: none. */
    const char *context;
    float score;         /* 0..1: without a word near */
    float score_context; /* 0..1: with one */
    /* What `valid` computes, for the reason that is shown ("Luhn checksum"). NULL: "form". */
    const char *why;
    bool few_digits; /* a number with less than 4 digits will do; the expression fails fast */
};

/* A family of patterns: a file of its own each, listed in patterns.c. */
struct wf_pattern_table {
    const struct wf_pattern *rows;
    size_t n;
};

/* What a table's file defines: WF_PATTERN_TABLE(wf_patterns_common, rows). */
#define WF_PATTERN_TABLE(name, array)                                                              \
    const struct wf_pattern_table name = {.rows = (array), .n = WF_ARRAY_LEN(array)}

extern const struct wf_pattern_table wf_patterns_common;  /* payment, networks, wallets */
extern const struct wf_pattern_table wf_patterns_person;  /* phones, dates, ages, postcodes */
extern const struct wf_pattern_table wf_patterns_names;   /* people by what stands before */
extern const struct wf_pattern_table wf_patterns_street;  /* addresses */
extern const struct wf_pattern_table wf_patterns_secrets; /* keys, tokens, passwords */

/* What states, insurers and banks give people, by region; the last is of no country. */
extern const struct wf_pattern_table wf_patterns_ids_vat, wf_patterns_ids_west,
    wf_patterns_ids_north, wf_patterns_ids_east, wf_patterns_ids_cis, wf_patterns_ids_americas,
    wf_patterns_ids_asia, wf_patterns_ids_africa, wf_patterns_ids_general;

/* All of them. */
extern const struct wf_pattern_table *const wf_pattern_tables[];
extern const size_t wf_pattern_tables_n;

#endif
