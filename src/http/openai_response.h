/* OpenAI's responses: what reading and writing them share. Only http/ includes this. Threads: the
 * worker that answers. */
#ifndef WF_HTTP_OPENAI_RESPONSE_H
#define WF_HTTP_OPENAI_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>

#include "http/face.h"

struct wf_openai_response {
    struct wf_gen_request q;
    const char *instructions, *previous, *effort, *truncation;
    const json_t *input, *tools, *tool_choice, *text, *metadata;
    bool store, stream;
    json_t *conversation; /* messages without the instructions; kept by the call */
    const char *id;
};

/* Reads the body of POST /v1/responses; with previous_response_id the conversation goes on. Errors:
 * INVAL, NOMEM. */
int wf_openai_response_read(struct wf_face_call *c, struct wf_openai_response *q,
                            struct wf_err *err) WF_MUST_USE;

/* Pulls all that g writes and answers with it, at once or as events; keeps it when asked to. */
void wf_openai_response_write(struct wf_face_call *c, struct wf_openai_response *q,
                              struct wf_gen *g);

#endif
