/* SPDX-License-Identifier: Apache-2.0 */
/* What was learned, in memory and in its file. The reader takes exactly what the writer writes, and
 * nothing that could not have been learned. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "os/file.h"
#include "route/experience_internal.h"

#define FIRST_LINE "weft experience 1"

static void forget(struct wf_experience *x)
{
    x->n = 0;
    x->lengths_ms = 0;
    for (size_t k = 0; k < WF_KIND_COUNT; k++)
        x->lengths[k] = wf_experience__length_prior();
}

int wf_experience_new(struct wf_experience **out, struct wf_err *err)
{
    struct wf_experience *x = wf_alloc_array(1, sizeof(*x));

    if (x == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn how fast engines are.");
    forget(x);
    *out = x;
    return 0;
}

void wf_experience_free(struct wf_experience *x)
{
    wf_free(x);
}

size_t wf_experience_n_lessons(const struct wf_experience *x)
{
    return x->n;
}

uint64_t wf_experience__hash(struct wf_str engine, struct wf_str model)
{
    return wf_str_hash(model, wf_str_hash(engine, 7));
}

const struct wf_lesson *wf_experience__find(const struct wf_experience *x, struct wf_str engine,
                                            struct wf_str model)
{
    uint64_t hash = wf_experience__hash(engine, model);

    for (size_t i = 0; i < x->n; i++) {
        const struct wf_lesson *l = &x->lessons[i];
        if (l->hash == hash && wf_str_eq(wf_str_from(l->engine), engine) &&
            wf_str_eq(wf_str_from(l->model), model))
            return l;
    }
    return NULL;
}

/* ---- writing ---- */

static void print_beliefs(const struct wf_belief *b, size_t n, struct wf_buf *out)
{
    for (size_t i = 0; i < n; i++)
        (void)wf_buf_appendf(out, " %.9g %.9g", (double)b[i].mean, (double)b[i].var);
    (void)wf_buf_append_byte(out, '\n');
}

int wf_experience_print(const struct wf_experience *x, struct wf_buf *out)
{
    (void)wf_buf_appendf(out, FIRST_LINE "\nlengths %lld", (long long)x->lengths_ms);
    print_beliefs(x->lengths, WF_KIND_COUNT, out);
    for (size_t i = 0; i < x->n; i++) {
        const struct wf_lesson *l = &x->lessons[i];
        (void)wf_buf_appendf(out, "lesson %s %s %lld", l->engine, l->model, (long long)l->at_ms);
        print_beliefs(l->beliefs, WF_BELIEFS, out);
    }
    return wf_buf_status(out);
}

/* ---- reading ---- */

static bool next_word(struct wf_str *rest, struct wf_str *out)
{
    return wf_str_split(rest, ' ', out) && out->len > 0;
}

static bool read_time(struct wf_str *rest, int64_t *out)
{
    struct wf_str word;

    return next_word(rest, &word) && wf_str_to_i64(word, out) && *out >= 0 &&
           *out <= INT64_C(1) << 53;
}

static bool read_beliefs(struct wf_str *rest, struct wf_belief *out, size_t n)
{
    struct wf_str word;

    for (size_t i = 0; i < n; i++) {
        double mean, var;
        if (!next_word(rest, &word) || !wf_str_to_f64(word, &mean) || !(fabs(mean) <= 12.0) ||
            !next_word(rest, &word) || !wf_str_to_f64(word, &var) || !(var >= 1e-5 && var <= 10.0))
            return false;
        out[i] = (struct wf_belief){(float)mean, (float)var};
    }
    return !wf_str_split(rest, ' ', &word); /* nothing more */
}

/* A name without white space and control characters. */
static bool read_name(struct wf_str *rest, char *out, size_t max)
{
    struct wf_str word;

    if (!next_word(rest, &word) || word.len > max)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if ((unsigned char)word.ptr[i] <= ' ' || word.ptr[i] == 0x7f)
            return false;
    }
    memcpy(out, word.ptr, word.len);
    return true;
}

static bool read_lesson(struct wf_experience *x, struct wf_str rest)
{
    struct wf_lesson *l = &x->lessons[x->n];

    if (!read_name(&rest, l->engine, WF_EXPERIENCE_ENGINE_BYTES) ||
        !read_name(&rest, l->model, WF_EXPERIENCE_MODEL_BYTES) || !read_time(&rest, &l->at_ms) ||
        !read_beliefs(&rest, l->beliefs, WF_BELIEFS))
        return false;
    l->hash = wf_experience__hash(wf_str_from(l->engine), wf_str_from(l->model));
    if (wf_experience__find(x, wf_str_from(l->engine), wf_str_from(l->model)) != NULL)
        return false; /* said twice */
    x->n++;
    return true;
}

static int read_lines(struct wf_experience *x, struct wf_str text, struct wf_err *err)
{
    struct wf_str line, word;
    unsigned n = 0;
    bool is_good = text.len > 0 && text.ptr[text.len - 1] == '\n';

    while (is_good && wf_str_split(&text, '\n', &line) && !(line.len == 0 && text.ptr == NULL)) {
        if (++n == 1)
            is_good = wf_str_eq(line, WF_STR(FIRST_LINE));
        else if (!next_word(&line, &word))
            is_good = false;
        else if (n == 2)
            is_good = wf_str_eq(word, WF_STR("lengths")) && read_time(&line, &x->lengths_ms) &&
                      read_beliefs(&line, x->lengths, WF_KIND_COUNT);
        else if (x->n == WF_EXPERIENCE_MAX)
            return wf_err_set(err, WF_E_LIMIT, "What was learned of engines has over %u lessons.",
                              WF_EXPERIENCE_MAX);
        else
            is_good = wf_str_eq(word, WF_STR("lesson")) && read_lesson(x, line);
    }
    if (is_good && n >= 2)
        return 0;
    return wf_err_set(err, WF_E_FORMAT, "What was learned of engines cannot be read: line %u.", n);
}

int wf_experience_parse(struct wf_experience *x, struct wf_str text, struct wf_err *err)
{
    struct wf_experience *read = NULL;
    int rc = wf_experience_new(&read, err);

    if (rc == 0)
        rc = read_lines(read, text, err);
    if (rc == 0)
        *x = *read;
    wf_experience_free(read);
    return rc;
}

int wf_experience_load(struct wf_experience *x, const char *path, struct wf_err *err)
{
    struct wf_buf b;
    struct wf_err e = WF_ERR_INIT;
    int rc;

    wf_buf_init(&b, WF_EXPERIENCE_BYTES_MAX);
    rc = wf_file_read(path, &b, &e);
    if (rc == WF_E_NOENT) {
        forget(x);
        rc = 0;
    } else if (rc == 0) {
        rc = wf_experience_parse(x, wf_buf_str(&b), &e);
    }
    wf_buf_deinit(&b);
    return rc == 0 ? 0 : wf_err_set(err, rc, "%s", e.msg);
}

int wf_experience_save(const struct wf_experience *x, const char *path, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_EXPERIENCE_BYTES_MAX);
    rc = wf_experience_print(x, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Not enough memory to keep what was learned of engines.");
    else
        rc = wf_file_replace(path, b.ptr, b.len, 0600, err);
    wf_buf_deinit(&b);
    return rc;
}
