/* Faces: what the model APIs (OpenAI's, Anthropic's, Ollama's) share over HTTP.
 *
 * A face is a handler that turns a body into a request to the engine, and the engine's events into
 * that API's answer. Its parameters are tables: a row says name, type and bounds, and where the
 * value goes. A name that is in no row is an error, so that nothing that is misspelt is passed
 * over; rows of WF_FACE_IGNORED are accepted because they change nothing here, and the answer's
 * header x-weft-ignored lists them. Errors come in the API's own form, before and within a stream.
 * Only http/ includes this. Threads: the worker that answers. */
#ifndef WF_HTTP_FACE_H
#define WF_HTTP_FACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "http/request.h"
#include "skill/fence.h"
#include "skill/origins.h"

/* ---- errors; thread: any ---- */

/* The API whose path this is (without /t/TOKEN). `anthropic` true: the client says that it speaks
 * Anthropic's, which shares paths with OpenAI's. */
enum wf_face wf_face_of(struct wf_str path, bool anthropic);

/* The HTTP status that an API gives an error with this code (WF_E_*). */
int wf_face_status(enum wf_face face, int code);

/* What went wrong, for the person and for the program. */
struct wf_face_problem {
    int status;
    const char *code;       /* "INVAL", "NOENT", ... */
    const char *detail;     /* the sentence */
    const char *param;      /* the parameter that is wrong; empty: none */
    const char *reason;     /* OpenAI's error.code, where it says more than `code`; empty: none */
    const char *request_id; /* Anthropic's; empty: none */
};

/* The error object of an API other than weft's own. A new reference; NULL out of memory. */
json_t *wf_face_error(enum wf_face face, const struct wf_face_problem *p);

/* ---- one call ---- */

struct wf_face_call {
    struct wf_request *r;
    struct wf_engine *engine;
    struct wf_moving *moving;  /* NULL: answers stay here */
    json_t *body;              /* an object */
    struct wf_arena arena;     /* what the engine's request points to */
    json_t *_kept;             /* JSON that it points to */
    bool may_attach;           /* documents of the library, in messages */
    struct wf_fence fence;     /* around documents that are attached, once there is one */
    struct wf_origins origins; /* of those; in the arena */
    size_t n_flagged;          /* times that they speak to a model; SIZE_MAX: nobody could look */
    char param[128];           /* the parameter an error is about; else empty */
    const char *reason;        /* its error.code in OpenAI's form, or NULL */
    bool is_kept;              /* an error says that the policy keeps the request here */
    char ignored[512];         /* names, by commas */
    bool streams;              /* the answer has begun, and is of events */
    bool is_ndjson;
};

/* Begins to answer r: reads its body. False after having answered: no engine for a route that
 * generates, not JSON, not an object, too many values. wf_face_close ends it in either case. */
bool wf_face_open(struct wf_face_call *c, struct wf_request *r);
void wf_face_close(struct wf_face_call *c);

/* Holds v (taken over) until wf_face_close. Returns it; NULL out of memory. */
json_t *wf_face_keep(struct wf_face_call *c, json_t *v);
/* Lists a name in x-weft-ignored; before the answer begins. */
void wf_face_ignore(struct wf_face_call *c, const char *name);
/* WF_E_INVAL about a parameter: sets `param` and err, returns the code. `reason` may be NULL. */
int wf_face_bad(struct wf_face_call *c, const char *param, const char *reason, struct wf_err *err,
                const char *fmt, ...) WF_PRINTF(5, 6);
/* WF_E_NOMEM with its sentence. */
int wf_face_no_memory(struct wf_err *err);

/* ---- parameters ---- */

enum wf_face_type {
    WF_FACE_FLOAT,   /* float, within [min, max] */
    WF_FACE_INT,     /* int64_t, within [min, max] */
    WF_FACE_SIZE,    /* size_t, within [min, max] */
    WF_FACE_BOOL,    /* bool */
    WF_FACE_TEXT,    /* const char *, borrowed from the body */
    WF_FACE_OBJECT,  /* const json_t *, borrowed from the body */
    WF_FACE_ARRAY,   /* the same */
    WF_FACE_READ,    /* `read` takes it */
    WF_FACE_IGNORED, /* changes nothing here */
    WF_FACE_REFUSED, /* known, and not supported: `why` is the sentence */
};

/* Reads a value (never null) that `name` has, into what the table fills. */
typedef int (*wf_face_read_fn)(struct wf_face_call *c, void *into, const char *name,
                               const json_t *v, struct wf_err *err);

struct wf_face_param {
    const char *name;
    enum wf_face_type type;
    size_t offset; /* of the field within what the table fills */
    double min, max;
    wf_face_read_fn read;
    const char *why;
};

struct wf_face_table {
    const struct wf_face_param *rows;
    size_t n_rows;
    void *into; /* what offsets count from, and `read` gets */
};

/* Fills what the tables name from an object; null is as if absent. `where` comes before names in
 * errors ("", "stream_options."). Errors: INVAL with c->param set, and those of `read`. */
int wf_face_read(struct wf_face_call *c, const json_t *object, const char *where,
                 const struct wf_face_table *tables, size_t n_tables,
                 struct wf_err *err) WF_MUST_USE;

/* Rows that fill a struct wf_gen_request: sampling, its extensions, grammar, lora, overflow. Each
 * face has some under its own name or bounds; a name that an earlier table of the same call has is
 * not looked for in a later one. */
extern const struct wf_face_param wf_face_sampling_rows[];
extern const size_t wf_face_sampling_n_rows;

/* `stop` of all APIs: a text or an array of texts, into the wf_gen_request `into`. */
int wf_face_read_stop(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                      struct wf_err *err);
/* A JSON Schema (object, or its text), into the wf_gen_request `into`. */
int wf_face_read_schema(struct wf_face_call *c, void *into, const char *name, const json_t *v,
                        struct wf_err *err);

/* `overflow`: "truncate" or "refuse". */
int wf_face_overflow(struct wf_face_call *c, const char *name, const json_t *v,
                     enum wf_overflow *out, struct wf_err *err);

/* For `canceled` of the engine's requests, with the struct wf_request as ud. */
bool wf_face_gone(void *ud);
/* A request with the defaults: sampling with a random seed, canceled once the client has gone. */
void wf_face_request(struct wf_face_call *c, struct wf_gen_request *q);

/* Sets one variable of the chat template (v is taken over), over those there are. */
int wf_face_template_var(struct wf_face_call *c, struct wf_gen_request *q, const char *name,
                         json_t *v, struct wf_err *err) WF_MUST_USE;

/* ---- a generation, event by event, without a thread that waits ---- */

/* The first member of what a face keeps of one answer. */
struct wf_face_pump {
    struct wf_face_call c;
    struct wf_gen *g;
    struct wf_err err;
    /* Begins the answer, headers first, when it is known where it comes from: before the first
     * event, or the end where there is none. An error of before then is answered as a whole. NULL:
     * there is nothing to begin. */
    int (*begin)(struct wf_face_pump *p, struct wf_err *err);
    bool has_begun;
    /* Takes an event: 0, or an error, behind which `end` comes. */
    int (*event)(struct wf_face_pump *p, const struct wf_gen_event *e, struct wf_err *err);
    /* Ends the answer: rc 0 behind the last event, else with err. */
    void (*end)(struct wf_face_pump *p, int rc, struct wf_err *err);
    void (*release)(struct wf_face_pump *p); /* frees what the face holds; NULL: nothing */
    _Atomic int state;
};

/* Zeroed, of `bytes`, with its call open (wf_face_open). NULL after having answered. */
void *wf_face_pump_new(struct wf_request *r, size_t bytes) WF_MUST_USE;
/* Gives what p->g writes to p->event and p->end, now and whenever there is more, on a thread of the
 * generators each time, and frees it all. The caller has p no more. */
void wf_face_pump_run(struct wf_face_pump *p);
/* Frees it: where nothing is to be given, the error has been answered. */
void wf_face_pump_free(struct wf_face_pump *p);

/* ---- what a generation wrote, whole ---- */

struct wf_face_tool_call {
    char *id, *name;
    struct wf_buf arguments; /* JSON text */
};

struct wf_face_choice {
    struct wf_buf text, reasoning;
    struct wf_face_tool_call *calls;
    size_t n_calls;
    json_t *logprobs; /* array of OpenAI's {token, logprob, bytes, top_logprobs}, or NULL */
    enum wf_gen_finish finish;
    char *stop; /* of WF_FINISH_STOP_TEXT, else NULL */
};

struct wf_face_written {
    struct wf_face_choice *choices;
    size_t n_choices;
};

/* Begins with nothing. Errors: NOMEM. */
int wf_face_written_init(struct wf_face_written *w, size_t n_choices,
                         struct wf_err *err) WF_MUST_USE;
/* Puts an event behind what there is. Errors: RANGE, FORMAT, LIMIT, NOMEM. */
int wf_face_written_add(struct wf_face_written *w, const struct wf_gen_event *e,
                        struct wf_err *err) WF_MUST_USE;
/* Pulls all events of g; *out is freed by wf_face_written_free in any case. Errors: those of
 * wf_gen_next, NOMEM, LIMIT. */
int wf_face_gather(struct wf_gen *g, size_t n_choices, struct wf_face_written *out,
                   struct wf_err *err) WF_MUST_USE;
void wf_face_written_free(struct wf_face_written *w);

/* OpenAI's form of the logarithms behind a piece of text: a new array; NULL out of memory. */
json_t *wf_face_logprobs(const struct wf_gen_logprob *p, size_t n);

/* ---- the answer ---- */

/* Says in headers who answers and what was cut; before the answer begins. `route` is the usage's;
 * NULL: the model runs here. */
void wf_face_about(struct wf_face_call *c, const char *route, const char *model,
                   size_t n_truncated);
/* The same of a generation, who besides the person may provoke tool calls in its answer, and how
 * often documents that are attached speak to a model. */
void wf_face_about_gen(struct wf_face_call *c, const struct wf_gen_usage *u);
/* Begins an answer of unknown length that wf_answer_write goes on with. */
void wf_face_begin(struct wf_face_call *c, int status, const char *type);
/* The whole answer; v is taken over, NULL: out of memory. */
void wf_face_answer(struct wf_face_call *c, int status, json_t *v);
/* The error, whole or as the last event of a stream, which it ends. */
void wf_face_fail(struct wf_face_call *c, const struct wf_err *err);

/* Begins an answer of server-sent events, or of a line of JSON each. */
void wf_face_stream(struct wf_face_call *c, bool is_ndjson);
/* Sends one event; `event` NULL: without a name. data is taken over. WF_E_CANCELED once the client
 * has gone, NOMEM. */
int wf_face_send(struct wf_face_call *c, const char *event, json_t *data,
                 struct wf_err *err) WF_MUST_USE;
/* Sends a text as the data of an event: [DONE]. As wf_face_send. */
int wf_face_send_text(struct wf_face_call *c, const char *text, struct wf_err *err) WF_MUST_USE;
/* The end of the stream. */
void wf_face_stream_end(struct wf_face_call *c);

/* A fresh id: prefix and 24 hex digits, in the arena; NULL out of memory. */
const char *wf_face_id(struct wf_face_call *c, const char *prefix);
/* A time (milliseconds since 1970) as RFC 3339 has it, in UTC. */
#define WF_FACE_TIME_BYTES 40
void wf_face_time(int64_t ms, char out[WF_FACE_TIME_BYTES]);
/* Seconds since 1970. */
json_int_t wf_face_now_s(const struct wf_face_call *c);

#endif
