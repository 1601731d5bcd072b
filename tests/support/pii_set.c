/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences with numbers, and what a detector makes of them. */
#include "support/pii_set.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"
#include "privacy/pattern.h"

#define TEMPLATES_MOST 800
#define LANGS_MOST 64

struct template
{
    struct wf_str text;
    unsigned lang;
    bool decoy;
};

struct pii_set {
    struct wf_buf file;
    struct template templates[TEMPLATES_MOST];
    size_t n_templates;
    char langs[LANGS_MOST][4];
    size_t n_langs;
    const char *words[1024]; /* [pii_kinds_n] of the row that a kind's numbers are told by */
    size_t i;                /* of the next sentence */
    struct wf_rng_seeded seeded;
};

/* ---- templates ---- */

static unsigned lang_of(struct pii_set *s, struct wf_str name)
{
    for (unsigned i = 0; i < s->n_langs; i++) {
        if (wf_str_eq(name, wf_str_from(s->langs[i])))
            return i;
    }
    assert(s->n_langs < LANGS_MOST && name.len < sizeof(s->langs[0]));
    memcpy(s->langs[s->n_langs], name.ptr, name.len);
    return (unsigned)s->n_langs++;
}

static bool read_templates(struct pii_set *s)
{
    struct wf_str rest = {s->file.ptr, s->file.len}, line;

    while (wf_str_line(&rest, &line)) {
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (line.len < 6 || line.ptr[2] != ' ' || (line.ptr[3] != '+' && line.ptr[3] != '-') ||
            s->n_templates == TEMPLATES_MOST) {
            fprintf(stderr, "pii_set: wrong: %.*s\n", WF_STR_ARG(line));
            return false;
        }
        s->templates[s->n_templates++] =
            (struct template){.text = wf_str_sub(line, 5, line.len),
                              .lang = lang_of(s, wf_str_sub(line, 0, 2)),
                              .decoy = line.ptr[3] == '-'};
    }
    return s->n_templates > 0;
}

/* The row that takes a number of the kind with the highest score beside a word. */
static const char *words_of(const struct pii_kind *k, const struct wf_rng *rng)
{
    char number[PII_MADE_MOST];
    const struct wf_pattern *best = NULL;

    pii_make(k, rng, number);
    for (size_t t = 0; t < wf_pattern_tables_n; t++) {
        for (size_t i = 0; i < wf_pattern_tables[t]->n; i++) {
            const struct wf_pattern *p = &wf_pattern_tables[t]->rows[i];
            pcre2_code *code;
            pcre2_match_data *m;
            int error;
            PCRE2_SIZE at;
            if (strcmp(p->type, k->type) != 0 ||
                (best != NULL && best->score_context >= p->score_context))
                continue;
            code = pcre2_compile((PCRE2_SPTR)p->regex, PCRE2_ZERO_TERMINATED,
                                 PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                                 &error, &at, NULL);
            assert(code != NULL);
            m = pcre2_match_data_create_from_pattern(code, NULL);
            if (pcre2_match(code, (PCRE2_SPTR)number, strlen(number), 0, 0, m, NULL) > 0 &&
                (p->valid == NULL || p->valid(wf_str_from(number))))
                best = p;
            pcre2_match_data_free(m);
            pcre2_code_free(code);
        }
    }
    return best == NULL ? NULL : best->context;
}

struct pii_set *pii_set_new(const char *path, uint64_t seed)
{
    struct pii_set *s = wf_alloc_array(1, sizeof(*s));
    struct wf_err err = WF_ERR_INIT;

    assert(s != NULL && pii_kinds_n <= WF_ARRAY_LEN(s->words));
    wf_buf_init(&s->file, 1u << 20);
    wf_rng_seeded_init(&s->seeded, seed);
    if (wf_file_read(path, &s->file, &err) != 0 || !read_templates(s)) {
        fprintf(stderr, "pii_set: %s: %s\n", path, err.msg);
        pii_set_free(s);
        return NULL;
    }
    for (size_t i = 0; i < pii_kinds_n; i++)
        s->words[i] = words_of(&pii_kinds[i], &s->seeded.rng);
    return s;
}

void pii_set_free(struct pii_set *s)
{
    if (s == NULL)
        return;
    wf_buf_deinit(&s->file);
    wf_free(s);
}

/* ---- sentences ---- */

static const struct template *choose(struct pii_set *s, unsigned lang, bool decoy)
{
    for (;;) {
        const struct template *t = &s->templates[wf_rng_below(&s->seeded.rng, s->n_templates)];
        if (t->lang == lang && t->decoy == decoy)
            return t;
    }
}

/* One of the words, in the table's small letters, with a capital, or all in capitals. */
static void put_word(struct pii_set *s, const char *words, struct wf_buf *out)
{
    struct wf_str rest = wf_str_from(words), word;
    size_t n = 1, at = out->len;
    unsigned how = (unsigned)wf_rng_below(&s->seeded.rng, 4);

    for (const char *p = words; *p != 0; p++)
        n += *p == '|';
    for (size_t skip = wf_rng_below(&s->seeded.rng, n) + 1; skip > 0; skip--)
        (void)wf_str_split(&rest, '|', &word);
    (void)wf_buf_append(out, word.ptr, word.len);
    for (size_t i = at; i < out->len && (how == 1 || (how == 0 && i == at)); i++) {
        if (out->ptr[i] >= 'a' && out->ptr[i] <= 'z')
            out->ptr[i] = (char)(out->ptr[i] - 'a' + 'A');
    }
}

static const struct {
    const char *name, *shape;
} decoys[] = {
    {"order", "(nnnnnnnn|pnnnnn|2024-nnnnnn|A-nnnnn|pnn-nnnnnn|nnnn/2024|WEB-pnnnnnn)"},
    {"date", "(d.m.2023|2024-m-d|d/m/2022|d.m.23)"},
    {"price", "(pnn,nn EUR|p.nnn,00 EUR|$pnn.nn|pn nnn,50|USD pnnn.nn)"},
    {"year", "(19pn|200n|201n)"},
    {"isbn", "(978-3-16-148410-0|978-0-306-40615-7|0-306-40615-2|978 1 86197 876 9)"},
    {"time", "(1n:2n|0n:4n:1n|2[012]:5n)"},
    {"version", "(p.n.n|1n.p|p.n.n-rc1|2023.m)"},
    {"count", "(pnnn|pn nnn|pnn.nnn|pn,nnn|pnnnnn)"},
    {"article", "(pnnn-nn|XK-pnn|4006381333931|pnn.nnn.p|ZB pnnn)"},
    {"page", "(p|pn)"},
    {"size", "(pn MB|p,n GB|1920x1080|pnn kB|p.n GiB)"},
};

/* The alternatives first, then the shape of the one that was chosen. */
static void put_decoy(struct pii_set *s, struct wf_str name, struct wf_buf *out)
{
    char chosen[PII_MADE_MOST], made[PII_MADE_MOST];

    for (size_t i = 0; i < WF_ARRAY_LEN(decoys); i++) {
        if (!wf_str_eq(name, wf_str_from(decoys[i].name)))
            continue;
        pii_make(&(struct pii_kind){"DECOY", decoys[i].shape, NULL}, &s->seeded.rng, chosen);
        pii_make(&(struct pii_kind){"DECOY", chosen, NULL}, &s->seeded.rng, made);
        (void)wf_buf_append(out, made, strlen(made));
        return;
    }
    fprintf(stderr, "pii_set: no decoy is called %.*s\n", WF_STR_ARG(name));
    assert(false);
}

void pii_set_next(struct pii_set *s, struct pii_sentence *out)
{
    size_t i = s->i++, kind = (i - i / 3) % pii_kinds_n;
    bool decoy = i % 3 == 2 || s->words[kind] == NULL;
    unsigned lang = (unsigned)wf_rng_below(&s->seeded.rng, s->n_langs);
    struct wf_str t = choose(s, lang, decoy)->text;
    struct wf_buf b;

    wf_buf_init(&b, PII_SENTENCE_MOST);
    *out = (struct pii_sentence){.kind = decoy ? NULL : &pii_kinds[kind]};
    memcpy(out->lang, s->langs[lang], sizeof(out->lang));
    while (t.len > 0) {
        size_t open = wf_str_find_byte(t, '{', 0), close = wf_str_find_byte(t, '}', 0);
        struct wf_str hole = open == SIZE_MAX ? (struct wf_str){0} : wf_str_sub(t, open + 1, close);
        (void)wf_buf_append(&b, t.ptr, open == SIZE_MAX ? t.len : open);
        if (open == SIZE_MAX)
            break;
        if (wf_str_eq(hole, WF_STR("w"))) {
            put_word(s, s->words[kind], &b);
        } else if (wf_str_eq(hole, WF_STR("n"))) {
            char number[PII_MADE_MOST];
            pii_make(out->kind, &s->seeded.rng, number);
            out->start = b.len;
            (void)wf_buf_append(&b, number, strlen(number));
            out->end = b.len;
        } else {
            put_decoy(s, hole, &b);
        }
        t = wf_str_sub(t, close + 1, t.len);
    }
    assert(b.len < sizeof(out->text));
    memcpy(out->text, b.ptr, b.len);
    wf_buf_deinit(&b);
}

/* ---- measuring ---- */

bool pii_is_structured(const char *type)
{
    static const char others[] =
        "|DATE_TIME|DATE_OF_BIRTH|AGE|URL|DOMAIN_NAME|STREET_ADDRESS|ZIP_CODE|"
        "GEO_POSITION|PERSON|LOCATION|ORGANIZATION|NRP|TITLE|";
    char key[80];

    snprintf(key, sizeof(key), "|%.70s|", type);
    return strstr(others, key) == NULL;
}

static struct pii_count *count_of(struct pii_count *counts, size_t *n, size_t most,
                                  const char *name)
{
    size_t i = 0;

    while (i < *n && strcmp(counts[i].name, name) != 0)
        i++;
    assert(i < most);
    if (i == *n) {
        snprintf(counts[i].name, sizeof(counts[i].name), "%s", name);
        (*n)++;
    }
    return &counts[i];
}

bool pii_measure(struct pii_set *s, struct wf_detect_run *run, size_t n, struct pii_measured *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        struct pii_sentence sentence;
        struct wf_pii_list list;
        struct pii_count *lang, *type = NULL;
        bool found = false, named = false;
        pii_set_next(s, &sentence);
        if (wf_detect_scan(run, wf_str_from(sentence.text), (struct wf_pii_list){.n = 0}, &list,
                           NULL) != 0)
            return false;
        lang = count_of(out->langs, &out->n_langs, WF_ARRAY_LEN(out->langs), sentence.lang);
        if (sentence.kind != NULL)
            type = count_of(out->types, &out->n_types, PII_COUNTS_MOST, sentence.kind->type);
        for (size_t k = 0; k < list.n; k++) {
            const struct wf_pii *p = &list.items[k];
            bool over = sentence.kind != NULL && p->start < sentence.end && sentence.start < p->end;
            bool same = over && strcmp(p->type, sentence.kind->type) == 0;
            if (!pii_is_structured(p->type))
                continue;
            found |= over;
            named |= same;
            if (same)
                continue;
            count_of(out->types, &out->n_types, PII_COUNTS_MOST, p->type)->wrong++;
            lang->wrong++;
            out->all.wrong++;
        }
        if (type == NULL)
            continue;
        type->all++, lang->all++, out->all.all++;
        type->found += found, lang->found += found, out->all.found += found;
        type->named += named, lang->named += named, out->all.named += named;
    }
    return true;
}

double pii_recall(const struct pii_count *c)
{
    return c->all == 0 ? 1 : (double)c->named / c->all;
}

double pii_precision(const struct pii_count *c)
{
    return c->named + c->wrong == 0 ? 1 : (double)c->named / (c->named + c->wrong);
}
