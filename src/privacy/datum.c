/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of data by their names: the table of the header, and the groups made of its rows. */
#include "privacy/datum.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/config.h"
#include "privacy/pattern.h"

#define BIT(name) WF_DATUM_BIT(WF_DATUM_##name)
#define CREDENTIALS                                                                                \
    (BIT(PASSWORD) | BIT(PRIVATE_KEY) | BIT(API_KEY) | BIT(TOKEN) | BIT(CONNECTION) | BIT(ENTROPY))
#define CONTACT (BIT(EMAIL) | BIT(PHONE) | BIT(ADDRESS) | BIT(USERNAME))
#define OFFICIAL                                                                                   \
    (BIT(NATIONAL) | BIT(TAX) | BIT(PASSPORT) | BIT(LICENCE) | BIT(VEHICLE) | BIT(MEDICAL) |       \
     BIT(INSURANCE))
#define MONEY (BIT(CARD) | BIT(BANK) | BIT(WALLET) | BIT(AMOUNT))
#define HEALTH (BIT(ILLNESS) | BIT(MEDICAL) | BIT(INSURANCE) | BIT(TOPIC_HEALTH))
#define NETWORK (BIT(IP) | BIT(MAC) | BIT(DEVICE))
#define HARMLESS                                                                                   \
    (BIT(ORGANIZATION) | BIT(PLACE) | BIT(DATE) | BIT(AGE) | BIT(ORIGIN) | BIT(TITLE) |            \
     BIT(AMOUNT) | BIT(COMPANY_ID) | BIT(URL) | BIT(TOPIC_BUSINESS))

struct row {
    const char *types, *words, *said;
};

static const struct row rows[WF_DATUM_COUNT] = {
#define ROW(name, types, words, said) {types, words, said},
    WF_DATUM_MAP(ROW)
#undef ROW
};

static const struct {
    const char *said;
    uint64_t kinds;
} groups[] = {
    {"all data", WF_DATUM_ALL},
    {"any data", WF_DATUM_ALL},
    {"all other data", WF_DATUM_ALL},
    {"personal data", WF_DATUM_ALL & ~(HARMLESS | CREDENTIALS | NETWORK | BIT(UNKNOWN))},
    {"credentials", CREDENTIALS},
    {"login data", CREDENTIALS},
    {"contact data", CONTACT},
    {"contact details", CONTACT},
    {"official numbers", OFFICIAL},
    {"ids", OFFICIAL},
    {"money data", MONEY},
    {"financial data", MONEY},
    {"health data", HEALTH},
    {"medical data", HEALTH},
    {"network addresses", NETWORK},
    {"data of children", BIT(TOPIC_CHILDREN)},
    {"sensitive talk", WF_DATUM_TOPICS & ~BIT(TOPIC_BUSINESS)},
    {"everyday data", HARMLESS},
};

/* Whether `word` is one of the words between '|'. */
static bool is_among(struct wf_str word, const char *list)
{
    struct wf_str rest = wf_str_from(list), one;

    while (wf_str_split(&rest, '|', &one)) {
        if (one.len > 0 && wf_str_eq_nocase(one, word))
            return true;
    }
    return false;
}

/* All types that are known, sorted once; what does not fit is told by its name each time. */
#define NAMES_MAX 2048

struct name {
    struct wf_str type;
    enum wf_datum kind;
};

static struct name sorted[NAMES_MAX];
static size_t n_sorted;
static pthread_once_t sorted_once = PTHREAD_ONCE_INIT;

static int upper(char c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

static int by_name(const void *a, const void *b)
{
    const struct wf_str x = ((const struct name *)a)->type, y = ((const struct name *)b)->type;

    for (size_t i = 0; i < x.len && i < y.len; i++) {
        int d = upper(x.ptr[i]) - upper(y.ptr[i]);
        if (d != 0)
            return d;
    }
    return (x.len > y.len) - (x.len < y.len);
}

static bool look_up(struct wf_str type, size_t n, enum wf_datum *out)
{
    const struct name wanted = {.type = type}, *found;

    found = bsearch(&wanted, sorted, n, sizeof(sorted[0]), by_name);
    if (found != NULL)
        *out = found->kind;
    return found != NULL;
}

/* By the words of the name, the most telling kinds first: credentials, then papers and money. */
static bool by_words(struct wf_str type, enum wf_datum *out)
{
    static const uint8_t order[] = {
        WF_DATUM_PRIVATE_KEY, WF_DATUM_PASSWORD, WF_DATUM_CONNECTION, WF_DATUM_TOKEN,
        WF_DATUM_API_KEY,     WF_DATUM_ENTROPY,  WF_DATUM_PASSPORT,   WF_DATUM_VEHICLE,
        WF_DATUM_MEDICAL,     WF_DATUM_LICENCE,  WF_DATUM_INSURANCE,  WF_DATUM_TAX,
        WF_DATUM_BANK,        WF_DATUM_WALLET,   WF_DATUM_COMPANY_ID, WF_DATUM_NATIONAL,
        WF_DATUM_CARD,        WF_DATUM_BIRTH,    WF_DATUM_PHONE,      WF_DATUM_EMAIL,
        WF_DATUM_IP,          WF_DATUM_MAC,      WF_DATUM_ADDRESS,    WF_DATUM_POSITION,
        WF_DATUM_DEVICE,      WF_DATUM_URL,      WF_DATUM_PERSON,
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(order); i++) {
        struct wf_str rest = type, word;
        while (wf_str_split(&rest, '_', &word)) {
            if (is_among(word, rows[order[i]].words)) {
                *out = (enum wf_datum)order[i];
                return true;
            }
        }
    }
    return false;
}

/* By the words of a name, or by the country in front of it. */
static enum wf_datum told_by_name(struct wf_str name)
{
    enum wf_datum kind;

    if (by_words(name, &kind))
        return kind;
    /* A country's number of a kind that its name does not tell (BR_CPF): of a person. */
    if (name.len > 3 && name.ptr[2] == '_' && name.ptr[0] >= 'A' && name.ptr[0] <= 'Z' &&
        name.ptr[1] >= 'A' && name.ptr[1] <= 'Z')
        return WF_DATUM_NATIONAL;
    return WF_DATUM_UNKNOWN;
}

/* The table's types, and those of the detectors that it has not. */
static void sort_names(void)
{
    struct wf_datum_walk walk = {0};
    struct name one;
    size_t n_table;

    while (n_sorted < NAMES_MAX && wf_datum_next_type(&walk, &one.type, &one.kind))
        sorted[n_sorted++] = one;
    qsort(sorted, n_sorted, sizeof(sorted[0]), by_name);
    n_table = n_sorted;
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n && n_sorted < NAMES_MAX; i++) {
            one.type = wf_str_from(wf_pattern_tables[t]->rows[i].type);
            if (look_up(one.type, n_table, &one.kind) ||
                (n_sorted > n_table && wf_str_eq(sorted[n_sorted - 1].type, one.type)))
                continue;
            one.kind = told_by_name(one.type);
            sorted[n_sorted++] = one;
        }
    }
    qsort(sorted, n_sorted, sizeof(sorted[0]), by_name);
}

enum wf_datum wf_datum_of(struct wf_str name)
{
    enum wf_datum kind;

    (void)pthread_once(&sorted_once, sort_names);
    return look_up(name, n_sorted, &kind) ? kind : told_by_name(name);
}

bool wf_datum_next_type(struct wf_datum_walk *w, struct wf_str *out_type, enum wf_datum *out_kind)
{
    for (;;) {
        while (w->_i > 0 && wf_str_split(&w->_rest, '|', out_type)) {
            if (out_type->len == 0)
                continue;
            *out_kind = (enum wf_datum)(w->_i - 1);
            return true;
        }
        if (w->_i == WF_DATUM_COUNT)
            return false;
        w->_rest = wf_str_from(rows[w->_i++].types);
    }
}

struct wf_str wf_datum_name(enum wf_datum kind)
{
    struct wf_str rest, name = {0};

    rest = wf_str_from(rows[(unsigned)kind < WF_DATUM_COUNT ? kind : WF_DATUM_UNKNOWN].said);
    (void)wf_str_split(&rest, '|', &name); /* no row is without words */
    return name;
}

bool wf_datum_next_said(struct wf_datum_walk *w, struct wf_str *out_said, uint64_t *out_kinds)
{
    const size_t n = WF_ARRAY_LEN(groups);

    if (w->_i < n) {
        *out_said = wf_str_from(groups[w->_i].said);
        *out_kinds = groups[w->_i++].kinds;
        return true;
    }
    while (w->_i == n || !wf_str_split(&w->_rest, '|', out_said)) {
        if (w->_i == n + WF_DATUM_COUNT)
            return false;
        w->_rest = wf_str_from(rows[w->_i++ - n].said);
    }
    *out_kinds = WF_DATUM_BIT(w->_i - 1 - n);
    return true;
}
