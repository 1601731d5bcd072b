/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and passages: readers of the shared data's JSON lines. */
#include "support/qa.h"

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "support/jsonl.h"
#include "text/utf8.h"
#include "train/split.h"

#define WORDS_LEAST 60
#define WORDS_MOST 150
#define PASSAGES_PER_DOCUMENT 40
#define PASSAGES_PER_FILE 8000

static void *need(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "qa: out of memory\n");
        abort();
    }
    return p;
}

uint64_t qa_hash(const char *s)
{
    return wf_str_hash(wf_str_from(s), 7);
}

/* A copy with runs of white space as one space. */
static char *clean(const char *s)
{
    char *out = need(wf_strdup(s));
    size_t n = 0;
    for (; *s != 0; s++) {
        bool is_space = strchr(" \t\r\n", *s) != NULL;
        if (!is_space)
            out[n++] = *s;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    out[n] = 0;
    return out;
}

static struct qa_passage *add_passage(struct qa_set *s, char *text)
{
    if ((s->n_passages & (s->n_passages + 1)) == 0 || s->passages == NULL) {
        size_t room = 2 * s->n_passages + 2;
        s->passages = need(wf_realloc_array(s->passages, room, sizeof *s->passages));
    }
    s->passages[s->n_passages] = (struct qa_passage){.text = text};
    return &s->passages[s->n_passages++];
}

static struct qa_question *add_question(struct qa_set *s, const char *text, size_t passage)
{
    if ((s->n_questions & (s->n_questions + 1)) == 0 || s->questions == NULL) {
        size_t room = 2 * s->n_questions + 2;
        s->questions = need(wf_realloc_array(s->questions, room, sizeof *s->questions));
    }
    s->questions[s->n_questions] = (struct qa_question){.text = clean(text), .passage = passage};
    return &s->questions[s->n_questions++];
}

static void add_answer(struct qa_question *q, const char *text)
{
    for (size_t i = 0; i < QA_ANSWERS_MAX; i++) {
        if (q->answers[i] == NULL) {
            q->answers[i] = clean(text);
            return;
        }
    }
}

static const char *string_of(json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "";
}

static bool on_paragraph(void *ud, json_t *v)
{
    struct qa_set *s = ud;
    json_t *qa, *answer;
    size_t i, k, passage = s->n_passages;
    char *end = NULL;
    unsigned long article = strtoul(string_of(v, "pid"), &end, 10);
    struct qa_passage *p = add_passage(s, clean(string_of(v, "context")));
    p->article = (unsigned)article + 1;
    p->is_dev = wf_split_is_dev(wf_str_from(string_of(v, "title")));
    json_array_foreach(json_object_get(v, "qas"), i, qa)
    {
        struct qa_question *q = add_question(s, string_of(qa, "question"), passage);
        q->is_dev = s->passages[passage].is_dev;
        json_array_foreach(json_object_get(qa, "answers"), k, answer)
            add_answer(q, json_string_value(json_array_get(answer, 0)));
    }
    return true;
}

bool qa_load_xquad(struct qa_set *s, const char *dir, const char *lang)
{
    char pattern[512];
    glob_t found;
    bool ok = false;
    *s = (struct qa_set){.passages = NULL};
    snprintf(pattern, sizeof pattern, "%s/qa-retrieval/xquad/%s.*jsonl*", dir, lang);
    if (glob(pattern, 0, NULL, &found) == 0) {
        ok = jsonl_each(found.gl_pathv[0], on_paragraph, s) > 0;
        globfree(&found);
    }
    s->n_own = s->n_passages;
    return ok;
}

struct lines {
    struct qa_set *set;
    struct wf_map passages, articles;
};

static bool on_line(void *ud, json_t *v)
{
    struct lines *l = ud;
    bool is_new = false;
    size_t i;
    json_t *answer;
    char *text = clean(string_of(v, "context"));
    char *sep = strstr(text, "[SEP]"); /* jsquad: title [SEP] paragraph */
    if (sep != NULL)
        memcpy(sep, "  .  ", 5);
    union wf_map_value *at = need(wf_map_put(&l->passages, wf_str_from(text), &is_new));
    if (is_new) {
        at->u64 = l->set->n_passages;
        union wf_map_value *article =
            need(wf_map_put(&l->articles, wf_str_from(string_of(v, "title")), &is_new));
        if (is_new)
            article->u64 = l->articles.n_items;
        add_passage(l->set, text)->article = (unsigned)article->u64;
    } else {
        wf_free(text);
    }
    struct qa_question *q = add_question(l->set, string_of(v, "question"), (size_t)at->u64);
    q->impossible = json_is_true(json_object_get(v, "impossible"));
    const char *title = string_of(v, "title"); /* as the trainer decides (train/data_questions.c) */
    q->is_dev = wf_split_is_dev(wf_str_from(title[0] != 0 ? title : string_of(v, "context")));
    json_array_foreach(json_object_get(v, "answers"), i, answer)
        add_answer(q, string_of(answer, "text"));
    return true;
}

bool qa_load_lines(struct qa_set *s, const char *path)
{
    struct lines l = {.set = s};
    *s = (struct qa_set){.passages = NULL};
    wf_map_init(&l.passages, 1 << 20);
    wf_map_init(&l.articles, 1 << 20);
    bool ok = jsonl_each(path, on_line, &l) > 0;
    wf_map_deinit(&l.passages);
    wf_map_deinit(&l.articles);
    s->n_own = s->n_passages;
    return ok;
}

static bool on_clapnq(void *ud, json_t *v)
{
    struct qa_set *s = ud;
    json_t *passage = json_array_get(json_object_get(v, "passages"), 0);
    json_t *output = json_array_get(json_object_get(v, "output"), 0);
    const char *answer = string_of(output, "answer");
    size_t number = s->n_passages;
    add_passage(s, clean(string_of(passage, "text")))->article = (unsigned)number + 1;
    struct qa_question *q = add_question(s, string_of(v, "input"), number);
    q->impossible = answer[0] == 0;
    q->is_dev = wf_split_is_dev(wf_str_from(string_of(v, "input")));
    if (!q->impossible)
        add_answer(q, answer);
    return true;
}

bool qa_load_clapnq(struct qa_set *s, const char *dir)
{
    static const char *const names[] = {"answerable", "unanswerable"};
    bool ok = true;
    *s = (struct qa_set){.passages = NULL};
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/qa-retrieval/clapnq/dev_%s.part70.jsonl", dir, names[i]);
        ok = jsonl_each(path, on_clapnq, s) > 0 && ok;
    }
    s->n_own = s->n_passages;
    return ok;
}

void qa_join(struct qa_set *s, struct qa_set *from)
{
    size_t n_passages = s->n_passages;
    unsigned last = 0;
    for (size_t i = 0; i < n_passages; i++)
        last = WF_MAX(last, s->passages[i].article);
    for (size_t i = 0; i < from->n_passages; i++) {
        struct qa_passage *p = add_passage(s, from->passages[i].text);
        p->article = from->passages[i].article + last;
        p->is_dev = from->passages[i].is_dev;
    }
    for (size_t i = 0; i < from->n_questions; i++) {
        struct qa_question *q = add_question(s, "", 0);
        wf_free(q->text);
        *q = from->questions[i];
        q->passage += n_passages;
    }
    s->n_own = s->n_passages;
    wf_free(from->passages);
    wf_free(from->questions);
    *from = (struct qa_set){.passages = NULL};
}

void qa_free(struct qa_set *s)
{
    for (size_t i = 0; i < s->n_passages; i++)
        wf_free(s->passages[i].text);
    for (size_t i = 0; i < s->n_questions; i++) {
        wf_free(s->questions[i].text);
        for (size_t k = 0; k < QA_ANSWERS_MAX; k++)
            wf_free(s->questions[i].answers[k]);
    }
    wf_free(s->passages);
    wf_free(s->questions);
    *s = (struct qa_set){.passages = NULL};
}

/* ---- other passages ---- */

static const char *const pool_langs[16] = {"en", "es", "de", "ru", "zh", "ar", "hi",   "th",
                                           "el", "fr", "it", "pt", "ja", "ko", "other"};

static size_t lang_index(const char *lang)
{
    for (size_t i = 0; i < 15; i++) {
        if (strcmp(pool_langs[i], lang) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* The script of most letters tells the language, or the document's source does. */
static const char *language_of(const char *source, const char *text)
{
    static const struct {
        uint32_t first, last;
        const char *lang;
    } scripts[] = {{0x3040, 0x30FF, "ja"}, {0x4E00, 0x9FFF, "zh"}, {0x400, 0x4FF, "ru"},
                   {0x600, 0x6FF, "ar"},   {0x900, 0x97F, "hi"},   {0xE00, 0xE7F, "th"},
                   {0x370, 0x3FF, "el"},   {0xAC00, 0xD7AF, "ko"}};
    static const struct {
        const char *part, *lang;
    } sources[] = {{"-de@", "de"},      {"68_german", "de"}, {"ELTeC-fra", "fr"},
                   {"ELTeC-spa", "es"}, {"ELTeC-ita", "it"}, {"ELTeC-por", "pt"}};
    size_t count[WF_ARRAY_LEN(scripts)] = {0}, n = 0;
    for (size_t i = 0; i < WF_ARRAY_LEN(sources); i++) {
        if (strstr(source, sources[i].part) != NULL)
            return sources[i].lang;
    }
    struct wf_str s = wf_str_sub(wf_str_from(text), 0, 2000);
    for (size_t i = 0; i < s.len; n++) {
        uint32_t cp = wf_utf8_next(s, &i);
        for (size_t k = 0; k < WF_ARRAY_LEN(scripts); k++)
            count[k] += cp >= scripts[k].first && cp <= scripts[k].last;
    }
    for (size_t k = 0; k < WF_ARRAY_LEN(scripts); k++) {
        if (count[k] * 5 > n)
            return scripts[k].lang;
    }
    return "other";
}

struct pool_load {
    struct qa_pool *pool;
    bool is_english; /* all of the file */
    size_t n_in_file;
};

static void pool_add(struct qa_pool *p, size_t lang, char *text)
{
    size_t n = p->n[lang];
    if ((n & (n + 1)) == 0 || p->texts[lang] == NULL)
        p->texts[lang] = need(wf_realloc_array(p->texts[lang], 2 * n + 2, sizeof(char *)));
    p->texts[lang][p->n[lang]++] = text;
}

static size_t count_words(const char *s, size_t n)
{
    size_t words = 0, wide = 0;
    for (size_t i = 0; i < n; i++) {
        words += s[i] == ' ' || s[i] == '\n';
        wide += (unsigned char)s[i] >= 0xE3; /* Han, kana, hangul: two letters a word */
    }
    return words + 1 + wide / 2;
}

/* Paragraphs gathered until they are long enough; those too long are cut. */
static bool on_document(void *ud, json_t *v)
{
    struct pool_load *load = ud;
    char *text = need(wf_strdup(string_of(v, "text")));
    const char *name = load->is_english ? "en" : language_of(string_of(v, "source"), text);
    size_t lang = lang_index(name), n_here = 0, start = 0, n = strlen(text);
    for (size_t i = 0; i <= n && n_here < PASSAGES_PER_DOCUMENT; i++) {
        bool is_end = i == n || text[i] == '\n';
        bool is_long = text[i] == ' ' && count_words(text + start, i - start) >= WORDS_MOST;
        if ((!is_end && !is_long) || count_words(text + start, i - start) < WORDS_LEAST)
            continue;
        char saved = text[i];
        text[i] = 0;
        pool_add(load->pool, lang, clean(text + start));
        text[i] = saved;
        start = i + 1;
        n_here++;
        load->n_in_file++;
    }
    wf_free(text);
    return !load->is_english || load->n_in_file < PASSAGES_PER_FILE;
}

bool qa_pool_load(struct qa_pool *p, const char *dir)
{
    static const struct {
        const char *file;
        bool is_english;
    } files[] = {{"docs-other", false},         {"novels-other", false},
                 {"books-en-1", true},          {"docs-en", true},
                 {"everyday-en-1", true},       {"openstax-by", true},
                 {"openstax-by-earlier", true}, {"everyday-en-2", true}};
    *p = (struct qa_pool){.n = {0}};
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        char path[512];
        struct pool_load load = {.pool = p, .is_english = files[i].is_english};
        snprintf(path, sizeof path, "%s/text/%s.jsonl.xz", dir, files[i].file);
        if (jsonl_each(path, on_document, &load) <= 0)
            return false;
    }
    return true;
}

void qa_pool_free(struct qa_pool *p)
{
    for (size_t i = 0; i < 16; i++) {
        for (size_t k = 0; k < p->n[i]; k++)
            wf_free(p->texts[i][k]);
        wf_free(p->texts[i]);
    }
}

size_t qa_pool_count(const struct qa_pool *p, const char *lang)
{
    size_t i = lang_index(lang);
    return i != SIZE_MAX ? p->n[i] : 0;
}

/* Spread over all of a language's passages. */
static void add_from(struct qa_set *s, const struct qa_pool *p, size_t lang, size_t n_max)
{
    size_t n = WF_MIN(n_max, p->n[lang]);
    for (size_t i = 0; i < n; i++)
        add_passage(s, need(wf_strdup(p->texts[lang][i * p->n[lang] / n])));
}

void qa_add_others(struct qa_set *s, const struct qa_pool *p, const char *lang, size_t n_max)
{
    size_t want = s->n_passages + n_max, own = lang_index(lang);
    if (own != SIZE_MAX)
        add_from(s, p, own, n_max);
    for (size_t i = 0; i < 15 && s->n_passages < want; i++) {
        if (i != own)
            add_from(s, p, i, want - s->n_passages);
    }
}
