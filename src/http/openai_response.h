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

/* A response under way. */
struct wf_openai_talk {
    struct wf_face_pump pump;
    struct wf_openai_response q;
    struct wf_openai_response_writer *w; /* owned */
};

/* Begins the answer that t->pump.g gives, at once or as events; keeps it at its end when asked to.
 * The pump is then ready to run, and frees what this made. Errors: NOMEM, CANCELED. */
int wf_openai_response_begin(struct wf_openai_talk *t, struct wf_err *err) WF_MUST_USE;

#endif
