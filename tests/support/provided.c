/* SPDX-License-Identifier: Apache-2.0 */
/* Provided: see provided.h. The clock stands at 2026-01-02T03:04:05Z. */
#include "support/provided.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1767323045000)

static int64_t wall(void *ud)
{
    (void)ud;
    return NOW_MS;
}

static int64_t mono(void *ud)
{
    (void)ud;
    return 0;
}

static const struct wf_clock still = {wall, mono, NULL};

/* Begins "X:" unless the line's last part began so. */
static void part(struct wf_buf *line, const char *mark)
{
    const char *bar = line->len ? strrchr(line->ptr, '\x1f') : NULL;
    const char *last = bar ? bar + 1 : line->ptr;

    if (line->len > 0 && strncmp(last, mark, strlen(mark)) == 0)
        return;
    if (line->len > 0)
        wf_buf_append_byte(line, '\x1f');
    wf_buf_append_cstr(line, mark);
}

void provided_note(struct wf_buf *line, const struct wf_gen_event *e)
{
    static const char *const ends[] = {"stop", "stop_text", "length", "tool_calls"};
    char mark[64];

    assert(e->i_choice < 100);
    switch (e->kind) {
    case WF_GEN_TEXT:
    case WF_GEN_REASONING:
        snprintf(mark, sizeof(mark), "%s%zu:", e->kind == WF_GEN_TEXT ? "T" : "R", e->i_choice);
        part(line, mark);
        wf_buf_append_str(line, e->text);
        break;
    case WF_GEN_CALL:
        snprintf(mark, sizeof(mark), "C%zu.%zu ", e->i_choice, e->i_call);
        part(line, mark);
        wf_buf_append_str(line, e->call_id);
        wf_buf_append_byte(line, ' ');
        wf_buf_append_str(line, e->call_name);
        break;
    case WF_GEN_ARGUMENTS:
        snprintf(mark, sizeof(mark), "A%zu.%zu:", e->i_choice, e->i_call);
        part(line, mark);
        wf_buf_append_str(line, e->text);
        break;
    case WF_GEN_END:
        snprintf(mark, sizeof(mark), "E%zu ", e->i_choice);
        part(line, mark);
        wf_buf_append_cstr(line, ends[e->finish]);
        if (e->finish == WF_FINISH_STOP_TEXT) {
            wf_buf_append_byte(line, ' ');
            wf_buf_append_str(line, e->stop);
        }
        break;
    }
}

static void set_headers(struct wf_provider_reader *r, const char *headers)
{
    struct wf_str rest = wf_str_from(headers), line;

    while (headers && wf_str_line(&rest, &line)) {
        size_t colon = wf_str_find_byte(line, ':', 0);
        wf_provider_header(r, wf_str_sub(line, 0, colon),
                           wf_str_trim(wf_str_sub(line, colon + 1, line.len)));
    }
}

/* All events that are there now. */
static int pull(struct wf_provider_reader *r, struct provided *out)
{
    struct wf_gen_event e;
    int rc;

    while ((rc = wf_provider_next(r, &e, &out->err)) == 1)
        provided_note(&out->line, &e);
    return rc;
}

int provided_read(const struct wf_engine_entry *e, const struct wf_gen_request *q, bool streamed,
                  int status, const char *headers, struct wf_str body, size_t first, size_t piece,
                  struct provided *out)
{
    struct wf_provider_reader *r = NULL;
    size_t at = 0, n = first ? first : piece;
    int rc;

    memset(out, 0, sizeof(*out));
    wf_buf_init(&out->line, 64u << 20);
    rc = wf_provider_reader_new(e, q, streamed, &still, &r, &out->err);
    if (rc != 0)
        return rc;
    wf_provider_status(r, status);
    set_headers(r, headers);
    rc = WF_PROVIDER_WAIT;
    for (; rc == WF_PROVIDER_WAIT && at < body.len; n = piece) {
        n = WF_MIN(n, body.len - at);
        rc = wf_provider_feed(r, wf_str_sub(body, at, at + n), &out->err);
        at += n;
        rc = rc == 0 ? pull(r, out) : rc;
    }
    if (rc == WF_PROVIDER_WAIT) {
        wf_provider_end(r);
        rc = pull(r, out);
        assert(rc != WF_PROVIDER_WAIT);
    }
    if (rc != 0)
        wf_buf_appendf(&out->line, "!%d", -rc);
    out->problem = wf_provider_problem(r);
    out->rates = wf_provider_rates(r);
    out->usage = *wf_provider_usage(r);
    snprintf(out->model, sizeof(out->model), "%s", out->usage.model);
    out->usage.model = NULL;
    wf_provider_reader_free(r);
    for (size_t i = 0; i < out->line.len; i++)
        out->line.ptr[i] = out->line.ptr[i] == '\x1f' ? '|' : out->line.ptr[i];
    return rc;
}

void provided_free(struct provided *p)
{
    wf_buf_deinit(&p->line);
}

struct wf_engine_entry provided_entry(enum wf_protocol p)
{
    static const char *const urls[WF_PROTOCOL_COUNT] = {
        "https://api.openai.com/v1",    "https://api.openai.com/v1",
        "https://api.anthropic.com/v1", "https://generativelanguage.googleapis.com/v1beta",
        "http://127.0.0.1:11434",       "https://me.openai.azure.com"};
    static const char *const models[] = {"m"};

    return (struct wf_engine_entry){.name = "e",
                                    .protocol = p,
                                    .url = urls[p],
                                    .provider = "p",
                                    .tier = WF_TIER_PROVIDER,
                                    .clearance = WF_LABEL_PUBLIC,
                                    .has_key = true,
                                    .models = models,
                                    .n_models = 1};
}
