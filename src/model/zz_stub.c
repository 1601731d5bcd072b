#include "find/find.h"
#include "ingest/intake.h"
int wf_find(struct wf_store *s, const struct wf_find_query *q, struct wf_arena *arena,
            struct wf_hits *out, struct wf_err *err)
{
    (void)s;
    (void)q;
    (void)arena;
    (void)err;
    out->items = 0;
    out->n_items = 0;
    return 0;
}
int wf_intake_new(struct wf_store *s, struct wf_extract_client *e, struct wf_intake **out,
                  struct wf_err *err)
{
    (void)s;
    (void)e;
    (void)err;
    *out = (void *)1;
    return 0;
}
void wf_intake_free(struct wf_intake *in)
{
    (void)in;
}
int wf_intake_add(struct wf_intake *in, const struct wf_intake_request *req, struct wf_err *err)
{
    (void)in;
    (void)req;
    return wf_err_set(err, WF_E_BUSY, "stub");
}
int wf_intake_look(struct wf_intake *in, struct wf_str path, const struct wf_source_stat *st,
                   struct wf_str space, struct wf_arena *arena, struct wf_source_known *out,
                   struct wf_err *err)
{
    (void)in;
    (void)path;
    (void)st;
    (void)space;
    (void)arena;
    (void)err;
    out->state = WF_SOURCE_NEW;
    return 0;
}
