#include "skill/ask.h"
#include "skill/summarize.h"
int wf_ask(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
           struct wf_answer *out, struct wf_err *err)
{
    (void)s;
    (void)q;
    (void)arena;
    (void)err;
    *out = (struct wf_answer){0};
    return 0;
}
int wf_summarizer_new(const struct wf_summary_options *o, struct wf_summarizer **out,
                      struct wf_err *err)
{
    (void)o;
    (void)err;
    *out = 0;
    return 0;
}
void wf_summarizer_free(struct wf_summarizer *s)
{
    (void)s;
}
int wf_summarizer_feed(struct wf_summarizer *s, struct wf_str text, uint32_t page,
                       struct wf_err *err)
{
    (void)s;
    (void)text;
    (void)page;
    (void)err;
    return 0;
}
int wf_summarizer_border(struct wf_summarizer *s, struct wf_err *err)
{
    (void)s;
    (void)err;
    return 0;
}
void wf_summarizer_heading(struct wf_summarizer *s, unsigned level)
{
    (void)s;
    (void)level;
}
int wf_summarizer_finish(struct wf_summarizer *s, struct wf_arena *arena, struct wf_summary *out,
                         struct wf_err *err)
{
    (void)s;
    (void)arena;
    (void)err;
    out->n_sentences = 0;
    return 0;
}
