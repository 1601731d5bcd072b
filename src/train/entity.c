/* SPDX-License-Identifier: Apache-2.0 */
/* Entities: lines of sources, tags, counts. */
#include "train/entity.h"

#include <stdio.h>

#define SOURCE_FIELDS 5u

static bool find_word(const char *const *names, size_t n, struct wf_str word, size_t *out)
{
    for (*out = 0; *out < n; (*out)++) {
        if (wf_str_eq(word, wf_str_from(names[*out])))
            return true;
    }
    return false;
}

int wf_entity_source_parse(struct wf_str line, struct wf_entity_source *out, struct wf_err *err)
{
    static const char *const forms[] = {"conll",    "iob2",        "conllu",
                                        "presidio", "recognizers", "address"};
    static const char *const knowns[] = {"own", "wnut", "news"};
    static const uint32_t bits[] = {0, WF_DATA_KNOWN_WNUT, WF_DATA_KNOWN_NEWS};
    static const char *const uses[] = {"train", "dev", "noisy", "noisydev"};
    struct wf_str words[SOURCE_FIELDS], rest = line;
    size_t form, known, use, n = 0;
    uint64_t hundredths = 0;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n != SOURCE_FIELDS || !find_word(forms, WF_ARRAY_LEN(forms), words[1], &form) ||
        !find_word(knowns, WF_ARRAY_LEN(knowns), words[2], &known) ||
        !wf_str_to_u64(words[3], &hundredths) || hundredths > 10000 ||
        !find_word(uses, WF_ARRAY_LEN(uses), words[4], &use))
        return wf_err_set(err, WF_E_FORMAT, "'%.*s' is no source: PATH FORM KNOWN WEIGHT USE.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    *out = (struct wf_entity_source){
        .path = words[0],
        .form = {.form = (enum wf_data_form)form, .known = bits[known]},
        .weight = (double)hundredths / 100,
        .is_dev = use % 2 == 1,
        .is_noisy = use >= 2,
    };
    return 0;
}

int32_t wf_entity_tag(enum wf_entity type, bool begins)
{
    return type >= WF_ENTITY_TYPES ? -1 : 1 + 2 * (int32_t)type + !begins;
}

unsigned wf_entity_type_of(int32_t tag)
{
    return tag <= 0 ? WF_ENTITY_TYPES : (unsigned)(tag - 1) / 2;
}

uint64_t wf_entity_unknown_tags(uint32_t known)
{
    uint64_t bits = 1;

    for (unsigned t = 0; t < WF_ENTITY_TYPES; t++) {
        if (!(known >> t & 1))
            bits |= (uint64_t)3 << (1 + 2 * t);
    }
    return bits;
}

int32_t wf_entity_find_tag(const struct wf_data_tagged *t, size_t from, size_t to, uint64_t unknown,
                           size_t *io_span, size_t *io_last, uint64_t *out_allowed)
{
    size_t last = *io_last;

    *out_allowed = unknown;
    *io_last = SIZE_MAX;
    while (*io_span < t->n_spans && t->spans[*io_span].to <= from)
        (*io_span)++;
    if (*io_span == t->n_spans || t->spans[*io_span].from >= to)
        return unknown == 1 ? 0 : -1;
    *io_last = *io_span;
    return wf_entity_tag(t->spans[*io_span].type, last != *io_span);
}

/* Whether an entity of `types` begins at word i, and where it ends. */
static bool entity_at(const int32_t *tags, size_t i, size_t n, uint32_t types, size_t *out_to)
{
    unsigned type = wf_entity_type_of(tags[i]);
    bool goes_on =
        tags[i] > 0 && tags[i] % 2 == 0 && i > 0 && wf_entity_type_of(tags[i - 1]) == type;

    if (type == WF_ENTITY_TYPES || goes_on || !(types >> type & 1))
        return false;
    for (*out_to = i + 1; *out_to < n; (*out_to)++) {
        if (tags[*out_to] % 2 != 0 || wf_entity_type_of(tags[*out_to]) != type)
            break;
    }
    return true;
}

void wf_entity_count(const int32_t *gold, const int32_t *got, size_t n, uint32_t types,
                     struct wf_entity_count *io)
{
    for (size_t i = 0; i < n; i++) {
        size_t gold_to = 0, got_to = 0;
        bool there = entity_at(gold, i, n, types, &gold_to);
        bool found = entity_at(got, i, n, types, &got_to);
        io->there += there;
        io->found += found;
        io->right += there && found && gold_to == got_to &&
                     wf_entity_type_of(gold[i]) == wf_entity_type_of(got[i]);
    }
}

static double share(double a, double b)
{
    return b > 0 ? 100 * a / b : 0;
}

double wf_entity_f1(const struct wf_entity_count *c)
{
    return share(2 * c->right, c->there + c->found);
}

double wf_entity_precision(const struct wf_entity_count *c)
{
    return share(c->right, c->found);
}

double wf_entity_recall(const struct wf_entity_count *c)
{
    return share(c->right, c->there);
}

void wf_entity_tag_name(unsigned tag, char out[WF_ENTITY_TAG_BYTES])
{
    if (tag == 0)
        (void)snprintf(out, WF_ENTITY_TAG_BYTES, "O");
    else
        (void)snprintf(out, WF_ENTITY_TAG_BYTES, "%c-%s", tag % 2 == 1 ? 'B' : 'I',
                       wf_entity_name((enum wf_entity)((tag - 1) / 2)));
}
