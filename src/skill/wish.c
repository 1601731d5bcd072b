/* SPDX-License-Identifier: Apache-2.0 */
/* Wish: one table of the lens's labels, each with the command that it leads to and the slots that
 * give its argument. A label without a command is a wish that weft understands and cannot fulfil
 * yet: it stays in the table so that it is said, instead of something near it being done. */
#include "skill/wish.h"

#include <assert.h>
#include <string.h>

#define SLOT_SCORE_MIN 0.25f

/* Where the argument comes from. */
enum source {
    NOTHING,
    SENTENCE, /* all of it */
    SLOTS,    /* from the first of these slots to the last; the sentence where it has none */
    FILE_SLOT,
    DOCUMENT_SLOT,
    REMINDER, /* --at a time, and what of */
};

static const struct row {
    const char *intent;
    const char *words[3]; /* of the command; none: not yet */
    enum source source;
    const char *slots[3];
    bool changes;
} rows[] = {
    {"add", {"add"}, FILE_SLOT, {"file"}, true},
    {"agenda", {NULL}, NOTHING, {NULL}, false},
    {"analyze", {NULL}, NOTHING, {NULL}, false},
    {"ask", {"ask"}, SENTENCE, {NULL}, false},
    {"forget", {NULL}, NOTHING, {NULL}, false},
    {"help", {"help"}, NOTHING, {NULL}, false},
    {"minutes", {NULL}, NOTHING, {NULL}, false},
    {"models", {"models", "list"}, NOTHING, {NULL}, false},
    {"nodes", {NULL}, NOTHING, {NULL}, false},
    {"pair", {NULL}, NOTHING, {NULL}, false},
    {"plan", {NULL}, NOTHING, {NULL}, false},
    {"remember", {NULL}, NOTHING, {NULL}, false},
    {"remind", {"reminders", "add"}, REMINDER, {"task", "topic", "person"}, false},
    {"remove", {"remove"}, DOCUMENT_SLOT, {"file"}, true},
    {"report", {NULL}, NOTHING, {NULL}, false},
    {"search", {"search"}, SLOTS, {"topic", "person", "file"}, false},
    {"share", {NULL}, NOTHING, {NULL}, false},
    {"status", {"doctor"}, NOTHING, {NULL}, false},
    {"summarize", {"summarize"}, FILE_SLOT, {"file"}, false},
    {"task", {NULL}, NOTHING, {NULL}, false},
    {"tasks", {NULL}, NOTHING, {NULL}, false},
    {"transcribe", {NULL}, NOTHING, {NULL}, false},
    {"translate", {NULL}, NOTHING, {NULL}, false},
    {"why", {NULL}, NOTHING, {NULL}, false},
    {"write", {NULL}, NOTHING, {NULL}, false},
};

static const struct row *find_row(struct wf_str intent)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (wf_str_eq(intent, wf_str_from(rows[i].intent)))
            return &rows[i];
    }
    return NULL;
}

bool wf_wish_can(struct wf_str intent)
{
    const struct row *row = find_row(intent);

    return row != NULL && row->words[0] != NULL;
}

struct wf_str wf_wish_intent(size_t i)
{
    return i < WF_ARRAY_LEN(rows) ? wf_str_from(rows[i].intent) : wf_str_n(NULL, 0);
}

/* ---- arguments ---- */

static bool is_one_of(struct wf_str type, const char *const slots[3])
{
    for (size_t i = 0; i < 3 && slots[i] != NULL; i++) {
        if (wf_str_eq(type, wf_str_from(slots[i])))
            return true;
    }
    return false;
}

/* The text from the first slot of these types to the last; empty where there is none. */
static struct wf_str span_of(struct wf_str text, const struct wf_lens_answer *a,
                             const char *const slots[3])
{
    size_t from = SIZE_MAX, to = 0;

    for (size_t i = 0; i < a->slots.n; i++) {
        const struct wf_lens_mark *m = &a->slots.items[i];
        if (m->score < SLOT_SCORE_MIN || !is_one_of(m->type, slots))
            continue;
        from = WF_MIN(from, m->from);
        to = WF_MAX(to, m->to);
    }
    return from < to ? wf_str_trim(wf_str_sub(text, from, to)) : wf_str_n(NULL, 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The part of the text to the blanks around it, without the marks of a sentence at its ends: names
 * of files are made of more than words. */
static struct wf_str whole_words(struct wf_str text, size_t from, size_t to)
{
    while (from > 0 && !is_blank(text.ptr[from - 1]))
        from--;
    while (to < text.len && !is_blank(text.ptr[to]))
        to++;
    while (from < to && strchr("\"'(,;:", text.ptr[from]) != NULL)
        from++;
    while (from < to && strchr("\"'),;:.?!", text.ptr[to - 1]) != NULL)
        to--;
    return wf_str_trim(wf_str_sub(text, from, to));
}

/* Whether a word can only be a file: it has a slash, or an ending ("notes.md"). */
static bool looks_like_file(struct wf_str word)
{
    size_t point = word.len;

    if (wf_str_find_byte(word, '/', 0) != SIZE_MAX)
        return true;
    while (point > 0 && word.ptr[point - 1] != '.')
        point--;
    if (point < 3 || word.len - point < 1 || word.len - point > 5)
        return false;
    for (size_t i = point; i < word.len; i++) {
        char c = (char)(word.ptr[i] | 32);
        if (!((c >= 'a' && c <= 'z') || (i > point && c >= '0' && c <= '9')))
            return false;
    }
    return true;
}

/* The first word that can only be a file; empty: there is none. */
static struct wf_str file_word(struct wf_str text)
{
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        while (i < text.len && !is_blank(text.ptr[i]))
            i++;
        struct wf_str word = whole_words(text, from, i);
        if (i > from && looks_like_file(word))
            return word;
        i++;
    }
    return wf_str_n(NULL, 0);
}

/* The surest slot of a type; empty where there is none. */
static struct wf_str best_of(struct wf_str text, const struct wf_lens_answer *a,
                             const char *const slots[3])
{
    const struct wf_lens_mark *best = NULL;

    for (size_t i = 0; i < a->slots.n; i++) {
        const struct wf_lens_mark *m = &a->slots.items[i];
        if (m->score >= SLOT_SCORE_MIN && is_one_of(m->type, slots) &&
            (best == NULL || m->score > best->score))
            best = m;
    }
    return best != NULL ? whole_words(text, best->from, best->to) : wf_str_n(NULL, 0);
}

static void put(struct wf_wish *w, struct wf_str arg)
{
    assert(w->n_args < WF_WISH_ARGS_MAX);
    w->args[w->n_args++] = arg;
}

/* What to remind of: without the time, where the sentence says it apart. */
static void put_reminder(struct wf_wish *w, const struct row *row, struct wf_str text,
                         const struct wf_lens_answer *a)
{
    struct wf_str what = span_of(text, a, row->slots);

    if (w->has_when && w->when.repeats) { /* telling it once would be another thing */
        w->state = WF_WISH_NOT_YET;
        w->n_args = 0;
        return;
    }
    if (!w->has_when) {
        w->state = WF_WISH_LACKING;
        return;
    }
    put(w, WF_STR("--at"));
    put(w, wf_str_from(wf_civil_print(&w->when.at, w->at)));
    put(w, what.len > 0 ? what : text);
}

static void put_argument(struct wf_wish *w, const struct row *row, struct wf_str text,
                         const struct wf_lens_answer *a)
{
    struct wf_str arg = text;

    switch (row->source) {
    case NOTHING:
        return;
    case SENTENCE:
        break;
    case SLOTS:
        arg = span_of(text, a, row->slots);
        arg = arg.len > 0 ? arg : text;
        break;
    case FILE_SLOT:
    case DOCUMENT_SLOT:
        arg = file_word(text);
        arg = arg.len > 0 ? arg : best_of(text, a, row->slots);
        w->names = row->source == FILE_SLOT ? WF_WISH_FILE : WF_WISH_DOCUMENT;
        break;
    case REMINDER:
        put_reminder(w, row, text, a);
        return;
    }
    if (arg.len == 0)
        w->state = WF_WISH_LACKING;
    else
        put(w, arg);
}

/* ---- the wish ---- */

/* A summary of a subject, of which no file was named, is what the documents say about it. */
static const struct row *instead(const struct row *row, struct wf_str text,
                                 const struct wf_lens_answer *a)
{
    static const struct row about = {"summarize", {"ask"}, SENTENCE, {NULL}, false};
    static const char *const topic[3] = {"topic"};

    if (row->source == FILE_SLOT && !row->changes && file_word(text).len == 0 &&
        best_of(text, a, row->slots).len == 0 && best_of(text, a, topic).len > 0)
        return &about;
    return row;
}

void wf_wish_make(struct wf_str text, const struct wf_lens_answer *a, const struct wf_civil *now,
                  struct wf_wish *out)
{
    const struct row *row = a->in_scope ? find_row(a->intent) : NULL;

    memset(out, 0, sizeof(*out));
    out->intent = a->intent;
    out->score = a->intent_score;
    out->has_when = wf_when_find(text, now, &out->when);
    if (row == NULL)
        return;
    out->state = row->words[0] != NULL ? WF_WISH_RUN : WF_WISH_NOT_YET;
    row = instead(row, text, a);
    for (size_t i = 0; i < 3 && row->words[i] != NULL; i++)
        put(out, wf_str_from(row->words[i]));
    out->changes = row->changes;
    put_argument(out, row, text, a);
}
