/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of the text floor on one core, MB/s of processor time, beside what the intake needs.
 *
 *   bench_text [DIR]    DIR: ../shared/data; English books, and question sets in other scripts */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "support/jsonl.h"
#include "text/sentence.h"
#include "text/utf8.h"
#include "text/word.h"

#define TEXT_BYTES (8u << 20) /* taken from each source */
#define ROUNDS 3              /* the best counts: the machine may be busy */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t run_valid(struct wf_str s)
{
    return wf_utf8_valid_prefix(s);
}

static size_t run_count(struct wf_str s)
{
    return wf_utf8_count(s);
}

static size_t run_words(struct wf_str s)
{
    struct wf_words w;
    struct wf_word word;
    size_t n = 0;
    wf_words_init(&w, s);
    while (wf_words_next(&w, &word))
        n++;
    return n;
}

static size_t run_sentences(struct wf_str s)
{
    struct wf_sentence sentence;
    size_t n = 0;
    for (size_t i = 0; wf_sentence_next(s, &i, &sentence);)
        n++;
    return n;
}

static const struct {
    const char *name;
    size_t (*fn)(struct wf_str s);
    double must; /* MB/s, English */
} runs[] = {
    {"validity", run_valid, 2000},
    {"count", run_count, 2000},
    {"words", run_words, 200},
    {"sentences", run_sentences, 100},
};

static const struct {
    const char *name, *path, *key;
} sources[] = {
    {"English", "text/books-en-1.jsonl.xz", "text"},
    {"German", "qa-retrieval/xquad/de.part70.jsonl", "context"},
    {"Russian", "qa-retrieval/xquad/ru.part70.jsonl.xz", "context"},
    {"Chinese", "qa-retrieval/xquad/zh.part70.jsonl.xz", "context"},
    {"Thai", "qa-retrieval/xquad/th.part70.jsonl.xz", "context"},
    {"Hindi", "qa-retrieval/xquad/hi.part70.jsonl.xz", "context"},
    {"Arabic", "qa-retrieval/xquad/ar.part70.jsonl.xz", "context"},
};

struct gather {
    struct wf_buf text;
    const char *key;
};

static bool on_line(void *ud, json_t *o)
{
    struct gather *g = ud;
    const char *s = json_string_value(json_object_get(o, g->key));
    if (s && g->text.len + strlen(s) + 2 <= TEXT_BYTES) {
        (void)wf_buf_append_cstr(&g->text, s);
        (void)wf_buf_append_cstr(&g->text, "\n\n");
        return true;
    }
    return false;
}

/* MB/s of the best of ROUNDS. */
static double speed(size_t (*fn)(struct wf_str s), struct wf_str text)
{
    double best = 0;
    size_t n_times = (16u << 20) / text.len + 1, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        for (size_t i = 0; i < n_times; i++)
            sum += fn(text);
        double mb_s = (double)(text.len * n_times) / 1e6 / (now_s() - start);
        best = mb_s > best ? mb_s : best;
    }
    return sum > 0 ? best : 0;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "../shared/data";
    bool missed = false, any = false;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct gather g = {.key = sources[i].key};
        char path[4096];
        wf_buf_init(&g.text, TEXT_BYTES);
        (void)snprintf(path, sizeof(path), "%s/%s", dir, sources[i].path);
        if (jsonl_each(path, on_line, &g) > 0 && g.text.len > 0) {
            printf("%-8s", sources[i].name);
            for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
                double mb_s = speed(runs[r].fn, wf_buf_str(&g.text));
                printf("  %s %5.0f MB/s", runs[r].name, mb_s);
                if (i == 0)
                    printf(" (must %.0f)", runs[r].must);
                missed = missed || (i == 0 && mb_s < runs[r].must);
            }
            printf("\n");
            any = true;
        }
        wf_buf_deinit(&g.text);
    }
    if (!any) {
        printf("no data in %s\n", dir);
        return 77;
    }
    return missed ? 1 : 0;
}
