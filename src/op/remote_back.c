/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: the reader's events with what was redacted put back.
 *
 * Per choice one stream of text is open at a time (answer, thoughts, or one call's arguments); when
 * another begins, or the end comes, what the open one still held back goes out first. */
#include "base/alloc.h"
#include "base/limits.h"
#include "op/remote_internal.h"
#include "route/provider.h"

#define EVENT_BYTES_MAX ((size_t)WF_PROVIDER_EVENT_BYTES_MAX + (64u << 10))

int wf_remote__back_init(struct wf_remote_back *b, size_t n_choices, struct wf_err *err)
{
    wf_buf_init(&b->text, EVENT_BYTES_MAX);
    wf_buf_init(&b->name, EVENT_BYTES_MAX);
    b->n_choices = n_choices;
    b->choices = wf_alloc_array(n_choices, sizeof(*b->choices));
    return b->choices != NULL ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

void wf_remote__back_deinit(struct wf_remote_back *b)
{
    for (size_t i = 0; b->choices != NULL && i < b->n_choices; i++)
        wf_restore_free(b->choices[i].open);
    wf_free(b->choices);
    wf_buf_deinit(&b->text);
    wf_buf_deinit(&b->name);
}

/* Ends the open stream of a choice; true when something of it was left, in b->text. */
static int close_stream(struct wf_remote_back *b, struct wf_remote_choice *ch, bool *out_rest)
{
    int rc = 0;

    *out_rest = false;
    if (ch->open == NULL)
        return 0;
    wf_buf_reset(&b->text);
    rc = wf_restore_end(ch->open, &b->text);
    wf_restore_free(ch->open);
    ch->open = NULL;
    *out_rest = rc == 0 && b->text.len > 0;
    return rc;
}

bool wf_remote__is_text(enum wf_gen_event_kind kind)
{
    return kind == WF_GEN_TEXT || kind == WF_GEN_REASONING || kind == WF_GEN_ARGUMENTS;
}

static int restore_name(struct wf_remote_back *b, const struct wf_redaction *redaction,
                        struct wf_gen_event *io, struct wf_err *err)
{
    wf_buf_reset(&b->name);
    int rc = wf_restore_text(redaction, io->call_name, &b->name, err);
    io->call_name = wf_buf_str(&b->name);
    return rc;
}

int wf_remote__restore(struct wf_remote_back *b, const struct wf_redaction *redaction,
                       struct wf_gen_event *io, struct wf_err *err)
{
    struct wf_remote_choice *ch = &b->choices[io->i_choice];
    const struct wf_restore_options ro = {.in_json = io->kind == WF_GEN_ARGUMENTS};
    bool rest = false;
    int rc = 0;

    if (ch->open != NULL && (ch->kind != io->kind || ch->i_call != io->i_call)) {
        struct wf_gen_event held = {
            .kind = ch->kind, .i_choice = io->i_choice, .i_call = ch->i_call};
        rc = close_stream(b, ch, &rest);
        if (rc != 0)
            return wf_err_set(err, rc, "Out of memory.");
        if (rest) {
            b->stash = *io; /* the reader is not asked again before it is out */
            b->has_stash = true;
            held.text = wf_buf_str(&b->text);
            *io = held;
            return 1;
        }
    }
    if (io->kind == WF_GEN_CALL)
        rc = restore_name(b, redaction, io, err);
    if (!wf_remote__is_text(io->kind))
        return rc == 0 ? 1 : rc;
    if (ch->open == NULL)
        rc = wf_restore_new(redaction, &ro, &ch->open, err);
    ch->kind = io->kind;
    ch->i_call = io->i_call;
    wf_buf_reset(&b->text);
    if (rc == 0 && wf_restore_feed(ch->open, io->text, &b->text) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    io->text = wf_buf_str(&b->text);
    io->logprobs = NULL; /* of tokens that are not the restored text's */
    io->n_logprobs = 0;
    return rc != 0 ? rc : b->text.len > 0;
}
