/* SPDX-License-Identifier: Apache-2.0 */
/* weft lens TASK --json: lines in, lines out.
 *
 * Lines are read as they come and asked at once; answers are written in order. While more lines are
 * there already, so many questions are open that batches are full; when the input pauses, all that
 * was asked is answered first, so that a program may wait for each answer. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "cli/i18n.h"
#include "cli/lens.h"
#include "op/json.h"
#include "op/lens.h"
#include "os/file.h"

/* Questions that are open at most, and bytes of their lines. */
#define OPEN_MAX ((size_t)256)
#define OPEN_BYTES_MAX ((size_t)8 << 20)
/* A text and a question at their limits, every byte of them written as an escape of six. */
#define LINE_MAX_BYTES ((size_t)12 * WF_LIMIT_LENS_BYTES + 1024)
#define READ_BYTES ((size_t)64 << 10)

struct line {
    size_t n; /* counted from 1 */
    size_t bytes;
    json_t *json; /* holds the texts */
    struct wf_lens_ask ask;
    struct wf_lens_use *use; /* NULL: it could not be asked */
    struct wf_err err;       /* then: why */
};

struct lines {
    struct wf_lens_pool *pool;
    unsigned task;
    const char *set;
    struct wf_buf in, out;
    struct line open[OPEN_MAX]; /* a ring */
    size_t i_first, n_open, bytes_open;
    size_t n_read, n_bad;
    bool skips; /* the rest of a line that is too long */
};

static void append_error(struct lines *l, const struct line *line)
{
    json_t *v = json_pack("{s:s, s:I}", "error", line->err.msg, "line", (json_int_t)line->n);

    l->n_bad++;
    if (v == NULL)
        (void)wf_buf_append_cstr(&l->out, "{\"error\":\"Out of memory.\"}");
    else
        (void)wf_json_append(&l->out, v);
    json_decref(v);
}

static int flush(struct lines *l, struct wf_err *err)
{
    int rc = wf_buf_status(&l->out);

    if (rc != 0)
        return wf_err_set(err, rc, _("Not enough memory for the answers."));
    rc = wf_file_write_all(STDOUT_FILENO, l->out.ptr, l->out.len, err);
    wf_buf_reset(&l->out);
    return rc;
}

/* Writes the oldest open question's answer. */
static int answer_one(struct lines *l, struct wf_err *err)
{
    struct line *line = &l->open[l->i_first];
    struct wf_lens_answer a;

    if (line->use != NULL && wf_lens_pool_answer(line->use, &a, &line->err) == 0) {
        (void)wf_op_lens_append(&l->out, &line->ask, &a);
        wf_lens_answer_deinit(&a);
    } else {
        append_error(l, line);
    }
    (void)wf_buf_append_byte(&l->out, '\n');
    json_decref(line->json);
    l->i_first = (l->i_first + 1) % OPEN_MAX;
    l->n_open--;
    l->bytes_open -= line->bytes;
    return l->out.len >= READ_BYTES ? flush(l, err) : 0;
}

static int answer_all(struct lines *l, struct wf_err *err)
{
    int rc = 0;

    while (l->n_open > 0 && rc == 0)
        rc = answer_one(l, err);
    return rc == 0 ? flush(l, err) : rc;
}

static void ask(struct lines *l, struct line *line, struct wf_str text)
{
    if (wf_json_parse(text, &line->json, &line->err) == 0 &&
        wf_op_lens_ask(line->json, l->task, l->set, &line->ask, &line->err) == 0 &&
        wf_lens_pool_ask(l->pool, &line->ask, &line->use, &line->err) != 0)
        line->use = NULL;
}

/* A line that came whole; NULL: one that is too long. */
static int take_line(struct lines *l, struct wf_str text, struct wf_err *err)
{
    struct line *line;
    int rc = 0;

    while (rc == 0 &&
           (l->n_open == OPEN_MAX || (l->n_open > 0 && l->bytes_open + text.len > OPEN_BYTES_MAX)))
        rc = answer_one(l, err);
    if (rc != 0)
        return rc;
    line = &l->open[(l->i_first + l->n_open) % OPEN_MAX];
    memset(line, 0, sizeof(*line));
    line->n = ++l->n_read;
    line->bytes = text.len;
    l->n_open++;
    l->bytes_open += text.len;
    if (text.ptr == NULL)
        wf_err_set(&line->err, WF_E_LIMIT, _("The line is too long."));
    else
        ask(l, line, text);
    return 0;
}

/* Takes all whole lines of `in`. */
static int take_lines(struct lines *l, struct wf_err *err)
{
    size_t from = 0;
    int rc = 0;

    while (rc == 0 && from < l->in.len) {
        const char *at = l->in.ptr + from, *end = memchr(at, '\n', l->in.len - from);
        if (end == NULL)
            break;
        if (!l->skips)
            rc = take_line(l, wf_str_n(at, (size_t)(end - at)), err);
        l->skips = false;
        from += (size_t)(end - at) + 1;
    }
    wf_buf_consume(&l->in, from);
    if (rc == 0 && (l->skips || l->in.len > LINE_MAX_BYTES)) {
        if (!l->skips)
            rc = take_line(l, wf_str_n(NULL, 0), err);
        l->skips = true;
        wf_buf_reset(&l->in);
    }
    return rc;
}

static bool has_more(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static int read_all(struct lines *l, struct wf_err *err)
{
    ssize_t n;
    int rc = 0;

    for (;;) {
        if (!has_more())
            rc = answer_all(l, err);
        if (rc == 0 && wf_buf_reserve(&l->in, READ_BYTES) != 0)
            rc = wf_err_set(err, WF_E_NOMEM, _("Not enough memory for a line."));
        if (rc != 0)
            return rc;
        n = read(STDIN_FILENO, l->in.ptr + l->in.len, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wf_err_errno(err, errno, _("standard input cannot be read"));
        if (n == 0)
            break;
        wf_buf_commit(&l->in, (size_t)n);
        rc = take_lines(l, err);
        if (rc != 0)
            return rc;
    }
    if (l->in.len > 0 && !l->skips) /* a last line without its end */
        rc = take_line(l, wf_buf_str(&l->in), err);
    return rc == 0 ? answer_all(l, err) : rc;
}

int wf_lens_lines(struct wf_lens_pool *pool, unsigned task, const char *set, size_t *out_n_bad,
                  struct wf_err *err)
{
    struct lines *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, _("Not enough memory for the answers."));
    l->pool = pool;
    l->task = task;
    l->set = set;
    wf_buf_init(&l->in, LINE_MAX_BYTES + 2 * READ_BYTES);
    wf_buf_init(&l->out, SIZE_MAX);
    rc = read_all(l, err);
    for (; l->n_open > 0; l->n_open--, l->i_first = (l->i_first + 1) % OPEN_MAX) {
        wf_lens_pool_drop(l->open[l->i_first].use);
        json_decref(l->open[l->i_first].json);
    }
    *out_n_bad = l->n_bad;
    wf_buf_deinit(&l->in);
    wf_buf_deinit(&l->out);
    wf_free(l);
    return rc;
}
