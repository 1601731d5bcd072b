/* SPDX-License-Identifier: Apache-2.0 */
/* What lens finds, as the detector's types.
 *
 * The scores of lens are shares of all ways to tag a text: half of its right finds have less than
 * 0.6. They are taken from a least one on, which was chosen on half of Presidio's templates for F2
 * (bench_detect), and reported from 0.5 on. */
#include "privacy/names.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "privacy/impersonal.h"

/* What has a form is better known by patterns: of lens it counts only where they find nothing. */
static const struct {
    const char *name, *type;
    float least, score_most;
} kinds[] = {
    {"person", "PERSON", 0, 1},
    {"organisation", "ORGANIZATION", 0, 1},
    {"place", "LOCATION", 0, 1},
    {"date", "DATE_TIME", 0, 0.58F},
    {"address", "STREET_ADDRESS", 0.15F, 1},
    {"health", "MEDICAL_CONDITION", 0, 1},
    {"email", "EMAIL_ADDRESS", 0.2F, 0.55F},
    {"phone", "PHONE_NUMBER", 0.2F, 0.55F},
    {"id", "ID", 0.3F, 0.5F},
};

static const struct {
    const char *name, *type;
} topics[] = {
    {"health", "TOPIC_HEALTH"},
    {"money", "TOPIC_MONEY"},
    {"law", "TOPIC_LAW"},
    {"hr", "TOPIC_HR"},
    {"credentials", "TOPIC_CREDENTIALS"},
    {"children", "TOPIC_CHILDREN"},
    {"identity", "TOPIC_IDENTITY"},
    {"belief", "TOPIC_BELIEF"},
    {"intimate", "TOPIC_INTIMATE"},
    {"crime", "TOPIC_CRIME"},
    {"business", "TOPIC_BUSINESS"},
};
#define TOPIC_LEAST 0.5F
/* Of a name in a question about the world. */
#define PERSON_LIKELY 0.7F

/* Bytes of a part: whole words, and small enough that many parts fill the threads. */
#define PART_BYTES ((size_t)64 << 10)

static int add(struct wf_names *out, struct wf_pii found)
{
    if ((out->n & (out->n + 1)) == 0) { /* one below a power of two: full */
        struct wf_pii *grown = wf_realloc_array(out->items, (out->n + 1) * 2, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        out->items = grown;
    }
    out->items[out->n++] = found;
    return 0;
}

/* The bytes of the line in front of an address that says whose it is: a line without a digit,
 * before one that begins with the house number. 0: there is none. */
static size_t recipient(struct wf_str address)
{
    const size_t end = wf_str_find_byte(address, '\n', 0);
    size_t next = end;

    if (end == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < end; i++)
        if (address.ptr[i] >= '0' && address.ptr[i] <= '9')
            return 0;
    while (next < address.len && strchr("\n\r \t>?", address.ptr[next]) != NULL)
        next++;
    return next < address.len && address.ptr[next] >= '0' && address.ptr[next] <= '9' ? next : 0;
}

/* Two or three words: a person rather than a company. */
static const char *recipient_type(struct wf_str line)
{
    size_t spaces = 0;

    for (size_t i = 0; i < line.len; i++)
        spaces += line.ptr[i] == ' ';
    return spaces == 1 || spaces == 2 ? "PERSON" : "ORGANIZATION";
}

static int add_address(struct wf_names *out, struct wf_str text, struct wf_pii found)
{
    const size_t cut = recipient(wf_str_sub(text, found.start, found.end));
    struct wf_pii whose = found;
    int rc = 0;

    if (cut > 0) {
        whose.end =
            found.start + wf_str_find_byte(wf_str_sub(text, found.start, found.end), '\n', 0);
        while (whose.end > whose.start && text.ptr[whose.end - 1] <= ' ')
            whose.end--;
        whose.type = recipient_type(wf_str_sub(text, whose.start, whose.end));
        if (whose.end > whose.start)
            rc = add(out, whose);
        found.start += cut;
    }
    return rc == 0 ? add(out, found) : rc;
}

static int add_mark(struct wf_names *out, struct wf_str text, const struct wf_lens_mark *m,
                    size_t at)
{
    for (size_t k = 0; k < WF_ARRAY_LEN(kinds); k++) {
        if (!wf_str_eq(m->type, wf_str_from(kinds[k].name)) || m->score < kinds[k].least)
            continue;
        const struct wf_pii found = {.start = at + m->from,
                                     .end = at + m->to,
                                     .type = kinds[k].type,
                                     .score = WF_MIN(0.5F + m->score / 2, kinds[k].score_most),
                                     .reason = "lens"};
        return strcmp(found.type, "STREET_ADDRESS") == 0 ? add_address(out, text, found)
                                                         : add(out, found);
    }
    return 0;
}

/* The highest score of a topic in any part. */
static int add_topic(struct wf_names *out, const struct wf_lens_mark *m, size_t text_bytes)
{
    for (size_t k = 0; k < WF_ARRAY_LEN(topics); k++) {
        size_t i = 0;
        if (!wf_str_eq(m->type, wf_str_from(topics[k].name)) || m->score < TOPIC_LEAST)
            continue;
        if (out->topics == NULL)
            out->topics = wf_alloc_array(WF_ARRAY_LEN(topics), sizeof(*out->topics));
        if (out->topics == NULL)
            return WF_E_NOMEM;
        while (i < out->n_topics && out->topics[i].type != topics[k].type)
            i++;
        if (i == out->n_topics) {
            out->topics[i] =
                (struct wf_pii){.end = text_bytes, .type = topics[k].type, .reason = "lens"};
            out->n_topics++;
        }
        out->topics[i].score = WF_MAX(out->topics[i].score, m->score);
    }
    return 0;
}

static int take(struct wf_names *out, struct wf_str text, const struct wf_lens_answer *a, size_t at)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < a->entities.n; i++)
        rc = add_mark(out, text, &a->entities.items[i], at);
    for (size_t i = 0; rc == 0 && i < a->sensitivity.n; i++)
        rc = add_topic(out, &a->sensitivity.items[i], text.len);
    return rc;
}

/* Where a part that begins at `from` ends: at white space if it can, never within a character. */
static size_t part_end(struct wf_str t, size_t from)
{
    size_t end = from + PART_BYTES;

    if (end >= t.len)
        return t.len;
    for (size_t i = end; i > end - 256; i--)
        if (t.ptr[i] == ' ' || t.ptr[i] == '\n')
            return i;
    while (((uint8_t)t.ptr[end] & 0xc0) == 0x80)
        end--;
    return end;
}

/* Marks of choices ("A.", "\nB. ") and bare numbers are no names or addresses. */
static bool is_nothing(struct wf_str text, const struct wf_pii *p, bool is_quiz, bool is_question)
{
    const struct wf_str s = wf_str_sub(text, p->start, p->end);
    const bool is_address = strcmp(p->type, "STREET_ADDRESS") == 0;
    size_t n_letters = 0;

    for (size_t i = 0; i < s.len; i++)
        n_letters +=
            (uint8_t)s.ptr[i] >= 0x80 || ((s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z');
    if (is_address)
        return is_quiz || (n_letters == 0 && is_question);
    return n_letters < 2 && (strcmp(p->type, "LOCATION") == 0 || strcmp(p->type, "PERSON") == 0 ||
                             strcmp(p->type, "ORGANIZATION") == 0);
}

/* "What is 12345678 times 9?" */
static bool is_bare_number(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

/* What is private only as something of a person. */
static bool is_of_persons(const char *topic)
{
    static const char *const types[] = {"TOPIC_HEALTH", "TOPIC_BELIEF", "TOPIC_INTIMATE",
                                        "TOPIC_CRIME", "TOPIC_CHILDREN"};

    for (size_t i = 0; i < WF_ARRAY_LEN(types); i++)
        if (strcmp(topic, types[i]) == 0)
            return true;
    return false;
}

/* Leaves out what is nothing; of a question about the world, names that are unlikely and, where no
 * person is named, what it is about. */
static void weigh(struct wf_names *out, struct wf_str text)
{
    const bool is_quiz = wf_is_quiz(text), is_impersonal = is_quiz || wf_is_impersonal(text);
    const bool is_question = is_impersonal || wf_is_question(text);
    size_t n = 0;
    bool has_person = false;

    for (size_t i = 0; i < out->n; i++) {
        const struct wf_pii *p = &out->items[i];
        const bool is_person = strcmp(p->type, "PERSON") == 0;
        if (is_nothing(text, p, is_quiz, is_question) ||
            (is_impersonal && is_bare_number(wf_str_sub(text, p->start, p->end))) ||
            (is_person && is_question && p->score < PERSON_LIKELY))
            continue;
        has_person = has_person || is_person;
        out->items[n++] = *p;
    }
    out->n = n;
    if (!is_impersonal || (has_person && !is_quiz))
        return;
    n = 0;
    for (size_t i = 0; i < out->n_topics; i++)
        if (!is_of_persons(out->topics[i].type))
            out->topics[n++] = out->topics[i];
    out->n_topics = n;
}

int wf_names_find(struct wf_lens_pool *pool, struct wf_str text, struct wf_names *out,
                  struct wf_err *err)
{
    const struct wf_lens *lens;
    int rc = wf_lens_pool_lens(pool, &lens, err);

    *out = (struct wf_names){.n = 0};
    for (size_t from = 0, end; rc == 0 && from < text.len; from = end) {
        struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES | WF_LENS_SENSITIVITY};
        struct wf_lens_answer a;
        end = part_end(text, from);
        ask.text = wf_str_sub(text, from, end);
        if (wf_lens_can(lens, &ask, NULL) != 0)
            ask.tasks = WF_LENS_ENTITIES;
        rc = wf_lens_pool_run(pool, &ask, 1, &a, err);
        if (rc != 0)
            break;
        rc = take(out, text, &a, from);
        if (rc != 0)
            rc = wf_err_set(err, rc, "Not enough memory for the names of a text.");
        wf_lens_answer_deinit(&a);
    }
    if (rc != 0)
        wf_names_deinit(out);
    else
        weigh(out, text);
    return rc;
}

void wf_names_deinit(struct wf_names *n)
{
    wf_free(n->items);
    wf_free(n->topics);
    *n = (struct wf_names){.n = 0};
}
