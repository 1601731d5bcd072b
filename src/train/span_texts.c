/* SPDX-License-Identifier: Apache-2.0 */
/* From a question to tokens, marks, targets. The window of a long passage lies anywhere around the
 * answer, by chance: a network must not learn that answers are in the middle. */
#include "train/span_texts.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens_match.h"
#include "text/sentence.h"
#include "text/word.h"
#include "train/data_twist.h"
#include "train/shuffle.h"
#include "train/split.h"

#define STRINGS_MAX ((size_t)256 << 20)
#define PASSAGE_MAX (64u << 10)
#define WORDS_MAX ((size_t)4 << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the questions to train on.");
}

/* ---- its beginning and end ---- */

static int find_control(const struct wf_vocab *v, const char *name, int32_t *out,
                        struct wf_err *err)
{
    *out = wf_vocab_find(v, wf_str_from(name));
    return *out != WF_TOKEN_NONE
               ? 0
               : wf_err_set(err, WF_E_FORMAT, "The vocabulary has no token %s.", name);
}

int wf_span_texts_new(const struct wf_task_place *p, struct wf_span_texts **out, struct wf_err *err)
{
    struct wf_span_texts *t = wf_alloc_array(1, sizeof(*t));
    int rc;

    *out = NULL;
    if (t == NULL)
        return no_memory(err);
    t->place = *p;
    wf_arena_init(&t->arena, 0, STRINGS_MAX);
    wf_map_init(&t->seen, WORDS_MAX);
    wf_buf_init(&t->title, PASSAGE_MAX);
    wf_buf_init(&t->twist, PASSAGE_MAX);
    for (size_t i = 0; i < WF_SPAN_NEAR; i++)
        wf_buf_init(&t->near[i], PASSAGE_MAX);
    t->ids = wf_alloc_array(p->n_text_max, sizeof(*t->ids));
    rc = t->ids == NULL ? no_memory(err) : wf_items_new(p, &t->items, err);
    if (rc == 0)
        rc = find_control(p->vocab, "<s>", &t->begin, err);
    if (rc == 0)
        rc = find_control(p->vocab, "</s>", &t->end, err);
    if (rc == 0)
        rc = find_control(p->vocab, "<q>", &t->question, err);
    if (rc == 0)
        rc = find_control(p->vocab, "<p>", &t->passage, err);
    if (rc == 0)
        *out = t;
    else
        wf_span_texts_free(t);
    return rc;
}

void wf_span_texts_free(struct wf_span_texts *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < 2; i++) {
        wf_free(t->sides[i].texts);
        wf_free(t->sides[i].marks);
        wf_free(t->sides[i].sentences);
        wf_free(t->sides[i].golds);
    }
    wf_items_free(t->items);
    wf_arena_deinit(&t->arena);
    wf_map_deinit(&t->seen);
    wf_buf_deinit(&t->title);
    wf_buf_deinit(&t->twist);
    for (size_t i = 0; i < WF_SPAN_NEAR; i++)
        wf_buf_deinit(&t->near[i]);
    wf_free(t->q_ids.ptr);
    wf_free(t->p_ids.ptr);
    wf_free(t->firsts.ptr);
    wf_free(t->offsets);
    wf_free(t->q_marks);
    wf_free(t->p_marks);
    wf_free(t->ids);
    wf_free(t);
}

/* ---- one text ---- */

/* Tokens, their places and their marks. */
static int encode(struct wf_span_texts *t, struct wf_str question, struct wf_str passage,
                  struct wf_err *err)
{
    const struct wf_vocab *v = t->place.vocab;
    size_t most = t->place.n_text_max / 2 - 4, at = 0, n, cap = t->cap_tokens, was = cap;
    int rc;

    t->q_ids.n = t->p_ids.n = t->firsts.n = 0;
    rc = wf_vocab_encode(v, question, 0, &t->q_ids, err);
    if (rc == 0)
        rc = wf_vocab_encode_words(v, passage, &t->p_ids, &t->firsts, err);
    if (rc != 0)
        return rc;
    n = WF_MAX(t->p_ids.n, t->q_ids.n) + 1;
    if (wf_reserve(&t->offsets, &cap, n, sizeof(*t->offsets)) != 0)
        return no_memory(err);
    cap = was;
    if (wf_reserve(&t->q_marks, &cap, n, sizeof(*t->q_marks)) != 0)
        return no_memory(err);
    cap = was;
    if (wf_reserve(&t->p_marks, &cap, n, sizeof(*t->p_marks)) != 0)
        return no_memory(err);
    t->cap_tokens = cap;
    for (size_t i = 0; i < t->p_ids.n; i++) {
        t->offsets[i] = (uint32_t)at;
        at += wf_vocab_bytes(v, t->p_ids.ptr[i]).len;
    }
    t->offsets[t->p_ids.n] = (uint32_t)at;
    rc = wf_lens_match(
        v, &(struct wf_lens_match_text){.text = question, .ids = t->q_ids.ptr, .n = t->q_ids.n},
        &(struct wf_lens_match_text){.text = passage, .ids = t->p_ids.ptr, .n = t->p_ids.n},
        t->q_marks, t->p_marks, err);
    t->q_ids.n = WF_MIN(t->q_ids.n, most);
    return rc;
}

/* The token of the passage that holds a byte. */
static size_t token_of(const struct wf_span_texts *t, size_t byte)
{
    size_t low = 0, high = t->p_ids.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->offsets[mid + 1] <= byte)
            low = mid + 1;
        else
            high = mid;
    }
    return WF_MIN(low, t->p_ids.n - 1);
}

/* Tokens [from, to) of the passage. */
struct window {
    size_t from, to;
};

static struct window choose_window(const struct wf_span_texts *t, const struct wf_data_question *q)
{
    size_t n = t->p_ids.n, room = t->place.n_text_max - t->q_ids.n - 4, first, last, low, high;
    uint64_t draw = wf_split_hash(q->question);

    if (n <= room)
        return (struct window){0, n};
    if (q->n_answers == 0)
        return (struct window){0, room};
    first = token_of(t, q->answers[0].from);
    last = token_of(t, q->answers[0].to - 1);
    low = last + 1 > room ? last + 1 - room : 0;
    high = WF_MIN(first, n - room);
    low = WF_MIN(low, high);
    low += (size_t)wf_draw_below(&draw, high - low + 1);
    return (struct window){low, low + room};
}

static bool holds_answer(const struct wf_data_question *q, const struct wf_sentence *s)
{
    for (size_t i = 0; i < q->n_answers; i++) {
        if (q->answers[i].from < s->end && q->answers[i].from >= s->start)
            return true;
    }
    return false;
}

/* The sentences that the window has tokens of. */
static int add_sentences(struct wf_span_texts *t, const struct wf_data_question *q, struct window w,
                         struct wf_span_side *side, struct wf_span_text *io)
{
    struct wf_sentence s;
    size_t at = 0, k = w.from;

    io->sentences = (uint32_t)side->n_sentences;
    while (wf_sentence_next(q->passage, &at, &s)) {
        size_t from, to;
        while (k < w.to && t->offsets[k + 1] <= s.start)
            k++;
        for (from = to = k; to < w.to && t->offsets[to] < s.end;)
            to++;
        if (from == to)
            continue;
        if (wf_reserve(&side->sentences, &side->cap_sentences, side->n_sentences + 1,
                       sizeof(*side->sentences)) != 0)
            return WF_E_NOMEM;
        struct wf_span_sentence *x = &side->sentences[side->n_sentences++];
        *x = (struct wf_span_sentence){.from = (uint32_t)(io->first + from - w.from),
                                       .to = (uint32_t)(io->first + to - w.from),
                                       .answers = holds_answer(q, &s)};
        if (x->answers && io->sentence < 0)
            io->sentence = (int32_t)io->n_sentences;
        io->n_sentences++;
    }
    return 0;
}

static void set_targets(const struct wf_span_texts *t, const struct wf_data_question *q,
                        struct window w, struct wf_span_text *io)
{
    size_t first, last;

    if (q->n_answers == 0)
        return;
    io->start = io->end = -1;
    if (q->is_sentences)
        return;
    first = token_of(t, q->answers[0].from);
    last = token_of(t, q->answers[0].to - 1);
    if (first < w.from || last >= w.to)
        return;
    io->start = (int32_t)(io->first + first - w.from);
    io->end = (int32_t)(io->first + last - w.from);
}

static int add_marks(struct wf_span_texts *t, struct window w, struct wf_span_side *side,
                     struct wf_span_text *io)
{
    size_t n = io->n_tokens;
    uint16_t *out;

    if (wf_reserve(&side->marks, &side->cap_marks, side->n_marks + n, sizeof(*side->marks)) != 0)
        return WF_E_NOMEM;
    io->marks = (uint32_t)side->n_marks;
    out = side->marks + side->n_marks;
    side->n_marks += n;
    memset(out, 0, n * sizeof(*out));
    memcpy(out + 2, t->q_marks, t->q_ids.n * sizeof(*out));
    memcpy(out + io->first, t->p_marks + w.from, (w.to - w.from) * sizeof(*out));
    return 0;
}

static int add_gold(struct wf_span_texts *t, const struct wf_data_question *q, struct window w,
                    struct wf_span_side *side, struct wf_span_text *io)
{
    struct wf_span_gold *g;

    if (wf_reserve(&side->golds, &side->cap_golds, side->n_golds + 1, sizeof(*side->golds)) != 0)
        return WF_E_NOMEM;
    io->gold = (uint32_t)side->n_golds;
    g = &side->golds[side->n_golds++];
    *g = (struct wf_span_gold){
        .question = wf_arena_dup(&t->arena, q->question),
        .passage =
            wf_arena_dup(&t->arena, wf_str_sub(q->passage, t->offsets[w.from], t->offsets[w.to]))};
    if (g->question.ptr == NULL || g->passage.ptr == NULL)
        return WF_E_NOMEM;
    for (; g->n_answers < q->n_answers; g->n_answers++) {
        const struct wf_data_span *a = &q->answers[g->n_answers];
        g->answers[g->n_answers] = wf_arena_dup(&t->arena, wf_str_sub(q->passage, a->from, a->to));
        if (g->answers[g->n_answers].ptr == NULL)
            return WF_E_NOMEM;
    }
    return 0;
}

static int add_text(struct wf_span_texts *t, const struct wf_data_question *q,
                    enum wf_span_kind kind, bool is_dev, double weight, struct wf_err *err)
{
    struct wf_span_side *side = &t->sides[is_dev];
    struct wf_span_text x = {.kind = (uint8_t)kind, .is_english = t->is_english, .sentence = -1};
    struct window w;
    size_t n = 0;
    int rc = encode(t, q->question, q->passage, err);

    if (rc != 0 || t->p_ids.n == 0)
        return rc;
    w = choose_window(t, q);
    t->ids[n++] = t->begin;
    t->ids[n++] = t->question;
    memcpy(t->ids + n, t->q_ids.ptr, t->q_ids.n * sizeof(*t->ids));
    n += t->q_ids.n;
    t->ids[n++] = t->end;
    t->ids[n++] = t->passage;
    x.first = (uint32_t)n;
    memcpy(t->ids + n, t->p_ids.ptr + w.from, (w.to - w.from) * sizeof(*t->ids));
    n += w.to - w.from;
    x.n_tokens = (uint32_t)n;
    set_targets(t, q, w, &x);
    if (wf_reserve(&side->texts, &side->cap_texts, side->n_texts + 1, sizeof(*side->texts)) != 0 ||
        add_sentences(t, q, w, side, &x) != 0 || add_marks(t, w, side, &x) != 0 ||
        (is_dev && add_gold(t, q, w, side, &x) != 0))
        return no_memory(err);
    rc = wf_items_add(t->items, is_dev, weight, &(struct wf_item_text){t->ids, n}, 1, err);
    if (rc == 0)
        side->texts[side->n_texts++] = x;
    return rc;
}

/* ---- passages ---- */

/* Counts the words of a passage to train on, each once: the number of the last passage that has a
 * word is in the upper half of its value, how many have it in the lower. */
static int count_words(struct wf_span_texts *t, struct wf_str passage)
{
    struct wf_words walk;
    struct wf_word w;

    t->n_passages++;
    wf_words_init(&walk, passage);
    while (wf_words_next(&walk, &w)) {
        union wf_map_value *n = wf_map_put(&t->seen, wf_str_n(w.text, w.len), NULL);
        if (n == NULL)
            return WF_E_NOMEM;
        if (n->u64 >> 32 != t->n_passages)
            n->u64 = (uint64_t)t->n_passages << 32 | ((n->u64 & 0xffffffffu) + 1);
    }
    return 0;
}

/* Remembers the passage among those of its article. *out_new: it was not the last one. */
static int remember(struct wf_span_texts *t, const struct wf_data_question *q, bool *out_new)
{
    struct wf_buf *b;

    *out_new = false;
    if (!wf_str_eq(wf_buf_str(&t->title), q->title)) {
        wf_buf_reset(&t->title);
        (void)wf_buf_append_str(&t->title, q->title);
        t->n_near = 0;
    }
    if (t->n_near > 0 &&
        wf_str_eq(wf_buf_str(&t->near[(t->n_near - 1) % WF_SPAN_NEAR]), q->passage))
        return 0;
    *out_new = true;
    b = &t->near[t->n_near++ % WF_SPAN_NEAR];
    wf_buf_reset(b);
    (void)wf_buf_append_str(b, q->passage);
    return wf_buf_status(b) != 0 || wf_buf_status(&t->title) != 0 ? WF_E_NOMEM : 0;
}

/* How many of the question's words of meaning the text has. */
static size_t n_shared(struct wf_str question, struct wf_str text)
{
    struct wf_words walk, other;
    struct wf_word w, x;
    size_t n = 0;

    wf_words_init(&walk, question);
    while (wf_words_next(&walk, &w)) {
        bool is_there = wf_word_is_stop(wf_str_n(w.text, w.len));
        if (is_there)
            continue;
        wf_words_init(&other, text);
        while (!is_there && wf_words_next(&other, &x))
            is_there = wf_str_eq(wf_str_n(w.text, w.len), wf_str_n(x.text, x.len));
        n += is_there;
    }
    return n;
}

/* One of the passages near by: any, or the one that has most of the question. */
static struct wf_str choose_near(const struct wf_span_texts *t, struct wf_str question,
                                 struct wf_str answer, bool is_hard, uint64_t *io_draw)
{
    size_t n = WF_MIN(t->n_near, (size_t)WF_SPAN_NEAR), most = 0;
    struct wf_str best = wf_buf_str(&t->near[wf_draw_below(io_draw, n)]);

    for (size_t i = 0; i < n && is_hard; i++) {
        struct wf_str p = wf_buf_str(&t->near[i]);
        size_t shared = wf_str_find(p, answer, 0) == SIZE_MAX ? n_shared(question, p) : 0;
        if (shared <= most)
            continue;
        most = shared;
        best = p;
    }
    return best;
}

/* The question again, with another passage of its article that does not have the answer. */
static int add_elsewhere(struct wf_span_texts *t, const struct wf_data_question *q, bool is_dev,
                         struct wf_err *err)
{
    uint64_t draw = wf_split_hash(q->question);
    struct wf_data_question other = {.title = q->title, .question = q->question};
    struct wf_str answer;

    if (q->n_answers == 0 || q->title.len == 0 || t->n_near < 2 || t->elsewhere <= 0)
        return 0;
    if (is_dev && wf_draw_real(&draw) >= t->elsewhere)
        return 0;
    answer = wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to);
    other.passage =
        choose_near(t, q->question, answer, !is_dev && wf_split_hash(q->question) % 2 == 0, &draw);
    if (wf_str_find(other.passage, answer, 0) < other.passage.len)
        return 0;
    return add_text(t, &other, WF_SPAN_ELSEWHERE, is_dev, t->weight * t->elsewhere, err);
}

/* The question with a word that makes it another one, which the passage does not answer. */
static int add_twisted(struct wf_span_texts *t, const struct wf_data_question *q,
                       struct wf_err *err)
{
    uint64_t draw = wf_seed_mix(wf_split_hash(q->question), 1);
    size_t n = WF_MIN(t->n_near, (size_t)WF_SPAN_NEAR);
    struct wf_str near[WF_SPAN_NEAR];
    struct wf_data_question other = {.title = q->title, .passage = q->passage};

    if (q->n_answers == 0 || t->is_made || !t->is_english || t->twisted <= 0 || q->is_sentences)
        return 0;
    for (size_t i = 0; i < n; i++)
        near[i] = wf_buf_str(&t->near[i]);
    if (!wf_data_twist(q->question, wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to),
                       near, n, &draw, &t->twist))
        return wf_buf_status(&t->twist) != 0 ? no_memory(err) : 0;
    other.question = wf_buf_str(&t->twist);
    return add_text(t, &other, WF_SPAN_IMPOSSIBLE, false, t->weight * t->twisted, err);
}

int wf_span_texts_add(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct wf_span_texts *t = ud;
    bool is_dev = t->is_dev || wf_split_is_dev(q->key), is_new;
    int rc;

    if (q->passage.len > PASSAGE_MAX || (is_dev ? t->is_made : t->weight <= 0))
        return 0;
    if (remember(t, q, &is_new) != 0 || (is_new && !is_dev && count_words(t, q->passage) != 0))
        return no_memory(err);
    rc = add_text(t, q, q->n_answers > 0 ? WF_SPAN_ANSWERED : WF_SPAN_IMPOSSIBLE, is_dev, t->weight,
                  err);
    if (rc == 0)
        rc = add_elsewhere(t, q, is_dev, err);
    return rc == 0 && !is_dev ? add_twisted(t, q, err) : rc;
}
