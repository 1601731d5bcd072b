/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of providers: the first byte chooses the protocol and whether it is a stream, the second
 * the status, the third how the rest is cut; a line "name: value" each, up to an empty one, is
 * headers. Whole and cut it must read the same: events in order, each choice ended at most once,
 * arguments only of calls that began; what is no whole answer is an error with a sentence. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "route/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_CHOICES 3
#define CALLS_MAX ((size_t)WF_PROVIDER_CALLS_MAX)

struct notes {
    struct wf_buf line;
    int rc;
    size_t n_calls[N_CHOICES];
    bool is_ended[N_CHOICES];
};

static void note(struct notes *n, const struct wf_gen_event *e)
{
    char mark = "TRCAE"[e->kind];

    assert(e->i_choice < N_CHOICES && !n->is_ended[e->i_choice]);
    if (e->kind == WF_GEN_CALL) {
        assert(e->i_call == n->n_calls[e->i_choice]++ && e->i_call < CALLS_MAX);
        assert(e->call_id.len > 0 && e->call_name.len > 0);
        (void)wf_buf_append_str(&n->line, e->call_name); /* an id may be one of our own making */
    }
    if (e->kind == WF_GEN_ARGUMENTS)
        assert(e->i_call < n->n_calls[e->i_choice]);
    if (e->kind == WF_GEN_END) {
        n->is_ended[e->i_choice] = true;
        (void)wf_buf_append_byte(&n->line, (char)('0' + (int)e->finish));
        (void)wf_buf_append_str(&n->line, e->stop);
    } else {
        assert(e->kind == WF_GEN_CALL || e->text.len > 0);
    }
    (void)wf_buf_append_byte(&n->line, mark);
    (void)wf_buf_append_str(&n->line, e->text);
}

static struct wf_str headers(struct wf_provider_reader *r, struct wf_str text)
{
    struct wf_str line;

    while (wf_str_line(&text, &line) && line.len > 0) {
        size_t colon = wf_str_find_byte(line, ':', 0);
        wf_provider_header(r, wf_str_sub(line, 0, colon), wf_str_sub(line, colon + 1, line.len));
    }
    return text;
}

static void read_all(const struct wf_engine_entry *e, const struct wf_gen_request *q, bool streamed,
                     int status, struct wf_str text, size_t piece, struct notes *out)
{
    struct wf_provider_reader *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event event;
    int rc;

    memset(out, 0, sizeof(*out));
    wf_buf_init(&out->line, SIZE_MAX);
    if (wf_provider_reader_new(e, q, streamed, NULL, &r, &err) != 0)
        return;
    wf_provider_status(r, status);
    text = headers(r, text);
    for (;;) {
        while ((rc = wf_provider_next(r, &event, &err)) == 1)
            note(out, &event);
        if (rc != WF_PROVIDER_WAIT)
            break;
        if (text.len == 0) {
            wf_provider_end(r);
            continue;
        }
        (void)!wf_provider_feed(r, wf_str_sub(text, 0, piece), NULL);
        text = wf_str_sub(text, piece, text.len);
    }
    out->rc = rc;
    assert(rc == 0 || (rc < 0 && err.msg[0] != 0));
    for (size_t i = 0; rc == 0 && i < WF_MAX(q->n_choices, (size_t)1); i++)
        assert(out->is_ended[i]);
    assert(wf_provider_problem(r).retry_after_ms >= -1);
    assert(wf_provider_usage(r)->model != NULL);
    wf_provider_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wf_str stops[] = {{"END", 3}, {"\n\n\n", 3}};
    static const int statuses[] = {200, 400, 401, 429, 500, 503};
    struct wf_engine_entry e = {.name = "e", .url = "https://a", .provider = "p"};
    struct wf_gen_request q = {.stops = stops, .n_stops = 2, .n_choices = 1};
    struct notes whole, cut;
    struct wf_str text;
    bool streamed;

    if (size < 3)
        return 0;
    e.protocol = (enum wf_protocol)(data[0] % WF_PROTOCOL_COUNT);
    streamed = (data[0] & 0x80) == 0;
    q.n_choices = data[0] & 0x40 ? N_CHOICES : 1;
    text = wf_str_n((const char *)data + 3, size - 3);
    read_all(&e, &q, streamed, statuses[data[1] % WF_ARRAY_LEN(statuses)], text, SIZE_MAX / 2,
             &whole);
    read_all(&e, &q, streamed, statuses[data[1] % WF_ARRAY_LEN(statuses)], text,
             (size_t)data[2] + 1, &cut);
    assert(whole.rc == cut.rc);
    assert(wf_str_eq(wf_buf_str(&whole.line), wf_buf_str(&cut.line)));
    wf_buf_deinit(&whole.line);
    wf_buf_deinit(&cut.line);
    return 0;
}
