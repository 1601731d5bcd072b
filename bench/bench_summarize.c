/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries against those that people wrote: ROUGE-1, -2 and -L (F1) of weft beside the first
 * sentences (lead) and plain TextRank, which see the same sentences.
 *
 *   bench_summarize [-a | -k] [DIR]
 *
 * DIR: ../shared/data; -a: also the parts it was tuned on; -k: of all parts only what lens is
 * measured on (train/split.h).
 *
 * Four ways to compare: 5 and 10 sentences, as many sentences as the reference has, and as many
 * words (whole sentences while they fit). With several references the best counts. Must: in every
 * set above both rivals with the reference's number of sentences and of words. The speed and peak
 * memory of one summary of a 30 MB book are printed at the end. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "skill/summarize.h"
#include "support/jsonl.h"
#include "support/rouge.h"
#include "support/textrank.h"
#include "text/sentence.h"
#include "train/split.h"

#define SENTENCES_MAX 8000
#define REFS_MAX 8
#define RANKED_MAX 150 /* sentences asked of weft: more than any reference has */

enum way {
    WAY_5,
    WAY_10,
    WAY_SENTENCES,
    WAY_WORDS,
    WAY_COUNT
};
enum system {
    LEAD,
    TEXTRANK,
    WEFT,
    SYSTEM_COUNT
};

static const char *const way_names[] = {"5 sentences", "10 sentences", "as many sentences",
                                        "as many words"};
static const char *const system_names[] = {"lead", "TextRank", "weft"};

struct set {
    const char *name;
    unsigned n;
    double sum[WAY_COUNT][SYSTEM_COUNT][3];
    double words[WAY_COUNT][SYSTEM_COUNT];
};

/* One text, cut and ranked once. */
struct text {
    struct wf_buf bytes;
    struct wf_str sentences[SENTENCES_MAX];
    struct rouge_text words[SENTENCES_MAX];
    size_t n;
    size_t by_textrank[SENTENCES_MAX];
};

struct bench {
    struct text text;
    struct set *sets[2]; /* general, about */
    bool only_kept;      /* what lens is measured on */
    double weft_s;
    uint64_t weft_bytes;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void text_reset(struct text *t)
{
    for (size_t i = 0; i < t->n; i++)
        rouge_free(&t->words[i]);
    t->n = 0;
    wf_buf_reset(&t->bytes);
}

static void text_ready(struct text *t)
{
    struct wf_str s = wf_buf_str(&t->bytes);
    struct wf_sentence sentence;
    for (size_t i = 0; t->n < SENTENCES_MAX && wf_sentence_next(s, &i, &sentence);) {
        t->sentences[t->n] = wf_str_sub(s, sentence.start, sentence.end);
        rouge_append(&t->words[t->n], t->sentences[t->n]);
        t->n += t->words[t->n].n > 0;
    }
    textrank(t->sentences, t->n, t->by_textrank);
}

static int by_score(const void *a, const void *b)
{
    const struct wf_summary_sentence *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->start_cp < y->start_cp ? -1 : x->start_cp > y->start_cp;
}

/* weft's sentences, best first, as views into the arena. */
static size_t rank_weft(struct bench *b, const char *about, struct wf_arena *arena,
                        struct wf_str *out)
{
    struct wf_summary_options o = {.n_sentences = RANKED_MAX, .about = wf_str_from(about)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_summarizer *s = NULL;
    struct wf_summary summary = {0};
    double start = now_s();
    int r = wf_summarizer_new(&o, &s, &err);
    if (r == 0)
        r = wf_summarizer_feed(s, wf_buf_str(&b->text.bytes), 0, &err);
    if (r == 0)
        r = wf_summarizer_finish(s, arena, &summary, &err);
    b->weft_s += now_s() - start;
    b->weft_bytes += b->text.bytes.len;
    wf_summarizer_free(s);
    if (r != 0) {
        fprintf(stderr, "weft: %s\n", err.msg);
        exit(1);
    }
    qsort(summary.sentences, summary.n_sentences, sizeof *summary.sentences, by_score);
    for (size_t i = 0; i < summary.n_sentences; i++)
        out[i] = summary.sentences[i].text;
    return summary.n_sentences;
}

struct ranked {
    struct wf_str sentences[SENTENCES_MAX]; /* best first */
    size_t at[SENTENCES_MAX];               /* position in the text */
    size_t n;
};

/* The first sentences of the ranking that make a summary, in text order, scored. */
static void judge(const struct ranked *ranked, size_t n, size_t n_words, struct rouge_text *refs,
                  size_t n_refs, double out[3], double *out_words)
{
    static struct wf_str chosen[SENTENCES_MAX];
    static size_t order[SENTENCES_MAX];
    struct rouge_text summary = {0};
    size_t k = 0, words = 0;
    for (; k < ranked->n && k < n; k++) {
        struct rouge_text one = {0};
        rouge_append(&one, ranked->sentences[k]);
        bool fits = k == 0 || words + one.n <= n_words;
        words += fits ? one.n : 0;
        rouge_free(&one);
        if (!fits)
            break;
        size_t i = k;
        for (; i > 0 && order[i - 1] > ranked->at[k]; i--) {
            order[i] = order[i - 1];
            chosen[i] = chosen[i - 1];
        }
        order[i] = ranked->at[k];
        chosen[i] = ranked->sentences[k];
    }
    for (size_t i = 0; i < k; i++)
        rouge_append(&summary, chosen[i]);
    for (size_t r = 0; r < n_refs; r++) {
        struct rouge score = rouge_score(&summary, &refs[r]);
        for (int m = 0; m < 3; m++)
            out[m] = fmax(out[m], score.f[m]);
    }
    *out_words = (double)summary.n;
    rouge_free(&summary);
}

static size_t count_sentences(struct wf_str s)
{
    struct wf_sentence sentence;
    size_t n = 0;
    for (size_t i = 0; wf_sentence_next(s, &i, &sentence);)
        n++;
    return n;
}

static void rank_rival(const struct text *t, bool is_lead, struct ranked *out)
{
    out->n = t->n;
    for (size_t i = 0; i < t->n; i++) {
        out->at[i] = is_lead ? i : t->by_textrank[i];
        out->sentences[i] = t->sentences[out->at[i]];
    }
}

/* Compares the three on the bench's text. */
static void compare(struct bench *b, struct set *set, const char *about, const char **refs,
                    size_t n_refs)
{
    static struct ranked ranked[SYSTEM_COUNT];
    struct rouge_text ref_words[REFS_MAX] = {{0}};
    struct wf_arena arena;
    size_t n_sentences = 0, n_words = 0;
    if (b->text.n == 0 || n_refs == 0)
        return;
    for (size_t r = 0; r < n_refs; r++) {
        rouge_append(&ref_words[r], wf_str_from(refs[r]));
        n_words += ref_words[r].n;
        n_sentences += count_sentences(wf_str_from(refs[r]));
    }
    n_words /= n_refs;
    n_sentences = (n_sentences + n_refs / 2) / n_refs;
    rank_rival(&b->text, true, &ranked[LEAD]);
    rank_rival(&b->text, false, &ranked[TEXTRANK]);
    wf_arena_init(&arena, 0, 64 << 20);
    ranked[WEFT].n = rank_weft(b, about, &arena, ranked[WEFT].sentences);
    for (size_t i = 0; i < ranked[WEFT].n; i++) {
        /* where it lies in the text: its copy is found by content, from the front */
        size_t at = wf_str_find(wf_buf_str(&b->text.bytes), ranked[WEFT].sentences[i], 0);
        ranked[WEFT].at[i] = at;
    }
    const size_t n_of[] = {5, 10, n_sentences, SENTENCES_MAX};
    for (int way = 0; way < WAY_COUNT; way++)
        for (int system = 0; system < SYSTEM_COUNT; system++) {
            double f[3] = {0}, words;
            judge(&ranked[system], n_of[way], way == WAY_WORDS ? n_words : SIZE_MAX / 2, ref_words,
                  n_refs, f, &words);
            for (int m = 0; m < 3; m++)
                set->sum[way][system][m] += f[m];
            set->words[way][system] += words;
        }
    set->n++;
    wf_arena_deinit(&arena);
    for (size_t r = 0; r < n_refs; r++)
        rouge_free(&ref_words[r]);
}

static const char *string_of(json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void set_text(struct bench *b, const char *s)
{
    text_reset(&b->text);
    (void)wf_buf_append_cstr(&b->text.bytes, s);
    text_ready(&b->text);
}

/* Whether a text counts; `key` says what it belongs to. */
static bool counts(const struct bench *b, const char *key)
{
    return !b->only_kept || wf_split_is_dev(wf_str_from(key));
}

static bool on_squality(void *ud, json_t *o)
{
    struct bench *b = ud;
    size_t i, r;
    json_t *question, *response;
    if (!counts(b, string_of(o, "document")))
        return true;
    set_text(b, string_of(o, "document"));
    json_array_foreach(json_object_get(o, "questions"), i, question)
    {
        const char *refs[REFS_MAX];
        size_t n = 0;
        json_array_foreach(json_object_get(question, "responses"), r, response) if (n < REFS_MAX)
            refs[n++] = string_of(response, "response_text");
        compare(b, b->sets[i > 0], i > 0 ? string_of(question, "question_text") : "", refs, n);
    }
    return true;
}

static bool on_qmsum(void *ud, json_t *o)
{
    struct bench *b = ud;
    size_t i;
    json_t *turn, *query;
    if (!counts(b, string_of(o, "id")))
        return true;
    text_reset(&b->text);
    json_array_foreach(json_object_get(o, "meeting_transcripts"), i, turn)(void) wf_buf_appendf(
        &b->text.bytes, "%s: %s\n", string_of(turn, "speaker"), string_of(turn, "content"));
    text_ready(&b->text);
    json_array_foreach(json_object_get(o, "general_query_list"), i, query)
        compare(b, b->sets[0], "", (const char *[]){string_of(query, "answer")}, 1);
    json_array_foreach(json_object_get(o, "specific_query_list"), i, query) compare(
        b, b->sets[1], string_of(query, "query"), (const char *[]){string_of(query, "answer")}, 1);
    return true;
}

static bool on_pair(struct bench *b, json_t *o, const char *key, const char *text,
                    const char *summary)
{
    if (!counts(b, string_of(o, key)))
        return true;
    set_text(b, string_of(o, text));
    compare(b, b->sets[0], "", (const char *[]){string_of(o, summary)}, 1);
    return true;
}

static bool on_ami(void *ud, json_t *o)
{
    return on_pair(ud, o, "id", "transcript", "abstract");
}

static bool on_aci(void *ud, json_t *o)
{
    return on_pair(ud, o, "encounter_id", "dialogue", "note");
}

static bool on_europarl(void *ud, json_t *o)
{
    return on_pair(ud, o, "transcript", "transcript", "minutes");
}

static bool on_mts(void *ud, json_t *o)
{
    return on_pair(ud, o, "dialogue", "dialogue", "summary");
}

/* Prints one set; true when weft is above both rivals where it must be. */
static bool report(const struct set *set)
{
    bool is_above = true;
    if (set->n == 0)
        return true;
    printf("%s (%u)\n", set->name, set->n);
    for (int way = 0; way < WAY_COUNT; way++) {
        bool below = false;
        printf("  %-18s", way_names[way]);
        for (int system = 0; system < SYSTEM_COUNT; system++) {
            const double *sum = set->sum[way][system];
            printf("  %s %5.2f %5.2f %5.2f (%3.0f words)", system_names[system],
                   100 * sum[0] / set->n, 100 * sum[1] / set->n, 100 * sum[2] / set->n,
                   set->words[way][system] / set->n);
            for (int m = 0; m < 3; m++)
                below = below || sum[m] > set->sum[way][WEFT][m];
        }
        printf("%s\n", below ? "  BELOW" : "");
        is_above = is_above && !(below && way >= WAY_SENTENCES);
    }
    return is_above;
}

struct source {
    const char *path;
    bool is_tuned_on;
    bool (*fn)(void *ud, json_t *o);
    int set; /* the set of general summaries; the next one is about questions */
};

static const struct source sources[] = {
    {"summarisation/squality/train.jsonl.xz", true, on_squality, 0},
    {"summarisation/squality/dev.jsonl.xz", false, on_squality, 0},
    {"meetings/qmsum/train.jsonl.xz", true, on_qmsum, 2},
    {"meetings/qmsum/val.jsonl.xz", false, on_qmsum, 2},
    {"meetings/ami-summaries/shared.jsonl.xz", false, on_ami, 4},
    {"meetings/aci-bench/train.jsonl.xz", true, on_aci, 5},
    {"meetings/aci-bench/valid.jsonl.xz", false, on_aci, 5},
    {"meetings/europarlmin/dev.part70.jsonl.xz", false, on_europarl, 6},
    {"meetings/mts-dialog/train.jsonl.xz", true, on_mts, 7},
    {"meetings/mts-dialog/val.jsonl", false, on_mts, 7},
};

static struct set sets[] = {
    {.name = "stories: plot"},       {.name = "stories: questions"}, {.name = "meetings"},
    {.name = "meetings: questions"}, {.name = "design meetings"},    {.name = "doctors' visits"},
    {.name = "parliament: minutes"}, {.name = "doctors' notes"},
};

#define N_SETS (sizeof sets / sizeof *sets)

/* The means over all sets, so that small sets count alike. */
static void report_mean(void)
{
    struct set mean = {.name = "all, each set alike", .n = 1};
    unsigned n = 0;
    for (size_t i = 0; i < N_SETS; i++)
        n += sets[i].n > 0;
    for (size_t i = 0; i < N_SETS && n > 0; i++)
        for (int way = 0; way < WAY_COUNT && sets[i].n > 0; way++)
            for (int system = 0; system < SYSTEM_COUNT; system++) {
                for (int m = 0; m < 3; m++)
                    mean.sum[way][system][m] += sets[i].sum[way][system][m] / sets[i].n / n;
                mean.words[way][system] += sets[i].words[way][system] / sets[i].n / n;
            }
    (void)report(&mean);
}

/* One summary of a made-up book of 30 MB, some 10,000 pages. */
static bool report_book(void)
{
    enum {
        BOOK_BYTES = 30 << 20,
        PEAK_MAX_MB = 16
    };
    struct wf_summary_options o = {.n_sentences = 20};
    struct wf_summarizer *s = NULL;
    struct wf_summary summary;
    struct wf_arena arena;
    struct wf_err err = WF_ERR_INIT;
    struct wf_rng_seeded seeded;
    uint64_t before = wf_alloc_stats().bytes_live, peak = 0;
    size_t fed = 0;
    double seconds = 0;
    wf_rng_seeded_init(&seeded, 1);
    wf_arena_init(&arena, 0, 1 << 20);
    int r = wf_summarizer_new(&o, &s, &err);
    for (uint32_t page = 1; r == 0 && fed < BOOK_BYTES; page++) {
        char text[3000];
        size_t n = 0;
        while (n < sizeof text - 40) { /* few words often, many rarely */
            uint64_t word = wf_rng_below(&seeded.rng, 1 + wf_rng_below(&seeded.rng, 60000));
            bool is_end = wf_rng_below(&seeded.rng, 15) == 0;
            n += (size_t)snprintf(text + n, sizeof text - n, "w%llx%s", (unsigned long long)word,
                                  is_end ? ". W" : " ");
        }
        double start = now_s();
        r = wf_summarizer_feed(s, wf_str_n(text, n), page, &err);
        seconds += now_s() - start;
        fed += n;
        uint64_t live = wf_alloc_stats().bytes_live - before;
        peak = live > peak ? live : peak;
    }
    double start = now_s();
    if (r == 0)
        r = wf_summarizer_finish(s, &arena, &summary, &err);
    seconds += now_s() - start;
    if (r == 0)
        printf("a book of 30 MB: %.1f s, at most %.1f MB (limit %d MB)\n", seconds,
               (double)peak / 1e6, PEAK_MAX_MB);
    else
        printf("a book of 30 MB: %s\n", err.msg);
    wf_summarizer_free(s);
    wf_arena_deinit(&arena);
    return r == 0 && peak < (uint64_t)PEAK_MAX_MB << 20;
}

int main(int argc, char **argv)
{
    static struct bench b;
    bool kept = argc > 1 && strcmp(argv[1], "-k") == 0;
    bool all = kept || (argc > 1 && strcmp(argv[1], "-a") == 0);
    const char *dir = argc > 1 + all ? argv[1 + all] : "../shared/data";
    bool is_above = true, any = false;
    b.only_kept = kept;
    wf_buf_init(&b.text.bytes, 64 << 20);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        char path[4096];
        const struct source *s = &sources[i];
        if (s->is_tuned_on && !all)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, s->path);
        b.sets[0] = &sets[s->set];
        b.sets[1] = &sets[(size_t)s->set + 1 < N_SETS ? s->set + 1 : s->set];
        any = (access(path, R_OK) == 0 && jsonl_each(path, s->fn, &b) > 0) || any;
    }
    text_reset(&b.text);
    wf_buf_deinit(&b.text.bytes);
    if (!any) {
        printf("no data in %s\n", dir);
        return 77;
    }
    for (size_t i = 0; i < N_SETS; i++)
        is_above = report(&sets[i]) && is_above;
    report_mean();
    printf("weft: %.1f MB/s\n", (double)b.weft_bytes / 1e6 / b.weft_s);
    is_above = report_book() && is_above;
    return is_above ? 0 : 1;
}
