/* A set of sentences with made-up numbers of somebody's and of nobody's: templates in thirty
 * languages (bench/data/pii-templates.txt), numbers of pii_make.h, words from the tables of
 * patterns; and what a detector makes of them, by type and language. The same seed gives the same
 * sentences. Thread rule: owner. */
#ifndef WF_TESTS_PII_SET_H
#define WF_TESTS_PII_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privacy/detect.h"
#include "support/pii_make.h"

#define PII_SET_PATH "bench/data/pii-templates.txt"
#define PII_SENTENCE_MOST 1024

struct pii_set;

struct pii_sentence {
    char text[PII_SENTENCE_MOST];
    const struct pii_kind *kind; /* NULL: numbers of nobody's alone */
    size_t start, end;           /* bytes of the number; 0 without one */
    char lang[4];
};

/* Reads the templates. NULL when the file is missing or wrong (said on stderr). */
struct pii_set *pii_set_new(const char *path, uint64_t seed);
void pii_set_free(struct pii_set *s);

/* The i-th sentence: one after the other all kinds, again and again, in changing languages; each
 * third is of nobody's numbers. */
void pii_set_next(struct pii_set *s, struct pii_sentence *out);

/* Whether the type is one that is told by form and words, not a name, a date or an address. */
bool pii_is_structured(const char *type);

struct pii_count {
    char name[32];  /* type or language */
    unsigned all;   /* numbers of somebody's */
    unsigned found; /* overlapped by anything structured */
    unsigned named; /* by their own type */
    unsigned wrong; /* structured finds of this type that overlap no number of this type */
};

#define PII_COUNTS_MOST 512

struct pii_measured {
    struct pii_count all, types[PII_COUNTS_MOST], langs[64];
    size_t n_types, n_langs;
};

/* Scans n sentences. False when a scan failed. */
bool pii_measure(struct pii_set *s, struct wf_detect_run *run, size_t n, struct pii_measured *out);

/* Of a count: numbers named right among all; among what was found. 1 where there is nothing. */
double pii_recall(const struct pii_count *c);
double pii_precision(const struct pii_count *c);

#endif
