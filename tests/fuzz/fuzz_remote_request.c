/* SPDX-License-Identifier: Apache-2.0 */
/* A request of another node: what can be read is written and read again as the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mesh/remote_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct wf_remote_request *r, const struct wf_remote_request *b)
{
    assert(b->label == r->label && b->q.n_max == r->q.n_max && b->q.n_stops == r->q.n_stops);
    assert(b->q.sampling.seed == r->q.sampling.seed);
    assert(memcmp(&b->q.sampling.temperature, &r->q.sampling.temperature, sizeof(float)) == 0);
    assert(b->q.n_prompt_ids == r->q.n_prompt_ids && wf_str_eq(b->q.prompt, r->q.prompt));
    assert((b->q.messages != NULL) == (r->q.messages != NULL));
    assert(r->q.messages == NULL || json_equal(b->q.messages, r->q.messages));
    assert(b->q.sampling.n_biases == r->q.sampling.n_biases);
    assert(b->what == r->what && b->embed.n_texts == r->embed.n_texts);
    assert(b->embed.n_dims == r->embed.n_dims && b->rank.n_texts == r->rank.n_texts);
    assert(wf_str_eq(b->rank.query, r->rank.query));
}

static int write(const struct wf_remote_request *r, struct wf_buf *out)
{
    const char *model = r->q.model != NULL ? r->q.model : "";

    switch (r->what) {
    case WF_REMOTE_EMBED:
        return wf_remote_embed_write(&r->embed, model, r->id, r->label, out, NULL);
    case WF_REMOTE_RANK:
        return wf_remote_rank_write(&r->rank, model, r->id, r->label, out, NULL);
    case WF_REMOTE_GENERATE:
        break;
    }
    return wf_remote_request_write(&r->q, model, r->label, out, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_remote_request r, again;
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    if (wf_remote_request_read(wf_str_n((const char *)data, size), &r, NULL) == 0 &&
        write(&r, &b) == 0) {
        assert(wf_remote_request_read(wf_buf_str(&b), &again, NULL) == 0);
        check_again(&r, &again);
        wf_remote_request_deinit(&again);
    }
    wf_remote_request_deinit(&r);
    wf_buf_deinit(&b);
    return 0;
}
