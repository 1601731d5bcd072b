/* Provider, within route/: what the protocols' files share. */
#ifndef WF_ROUTE_PROVIDER_INTERNAL_H
#define WF_ROUTE_PROVIDER_INTERNAL_H

#include "base/arena.h"
#include "model/stops.h"
#include "route/json_out.h"
#include "route/provider.h"

/* ---- writing ---- */

/* How much a request wants the model to think. */
enum wf_effort {
    WF_EFFORT_UNSAID,
    WF_EFFORT_OFF,
    WF_EFFORT_ON, /* as the model likes */
    WF_EFFORT_LOW,
    WF_EFFORT_MEDIUM,
    WF_EFFORT_HIGH,
};

struct wf_writing {
    const struct wf_engine_entry *e;
    const struct wf_gen_request *q;
    const char *model;
    bool streamed;
    struct wf_json_out out;
    struct wf_buf *left_out; /* or NULL */
    enum wf_effort effort;
    const char *effort_word; /* as it was said, or NULL */
    struct wf_err *err;
};

/* Names something that the protocol goes without. */
void wf_writing__leave(struct wf_writing *w, const char *name);
/* Number of a setting into the body where it is not weft's default. */
void wf_writing__real(struct wf_writing *w, const char *key, float x, float fallback);
/* Names of all sampling beyond temperature and top_p (bits below) that is set: left out. */
enum {
    WF_KNOWS_TOP_K = 1u << 0,
    WF_KNOWS_PENALTIES = 1u << 1, /* frequency, presence */
    WF_KNOWS_MIN_P = 1u << 2,
    WF_KNOWS_MORE = 1u << 3, /* what llama.cpp and Ollama have besides */
};
void wf_writing__leave_sampling(struct wf_writing *w, unsigned knows);
void wf_writing__stops(struct wf_writing *w, const char *key);
/* The text of a message's content: a text, or its parts of text with line breaks between them. */
void wf_writing__text(struct wf_writing *w, const char *key, const json_t *content);
bool wf_writing__has_text(const json_t *content);
/* A part of content: text, a picture, or neither (false, with err set). Of a picture either the
 * media type and the base64 of its bytes, or a URL. */
struct wf_content_part {
    struct wf_str text;
    bool is_image;
    struct wf_str media_type, base64, url;
};
bool wf_writing__part(struct wf_writing *w, const json_t *part, struct wf_content_part *out);
/* A call's arguments as an object. */
int wf_writing__arguments(struct wf_writing *w, const char *key, const json_t *call);
/* The name of the call that a tool's message answers, or "". */
const char *wf_writing__called(const struct wf_writing *w, size_t i_message);
/* WF_E_INVAL about a message. */
int wf_writing__bad(struct wf_writing *w, const char *what);
/* Whether the server is one's own, and so one of those that take more than the provider's. */
bool wf_writing__is_own(const struct wf_engine_entry *e);
/* Whether the host is OpenAI's own (or Azure's), which refuses what it does not know. */
bool wf_writing__is_openai(const struct wf_engine_entry *e);
/* Whether a schema is of the kind that OpenAI's strict mode takes. */
bool wf_writing__is_strict(const json_t *schema);
bool wf_writing__is_any_object(const json_t *schema);

/* ---- reading ---- */

struct wf_reading_call {
    size_t i_choice;
    int64_t key; /* the protocol's own number for it */
    size_t i_call;
    bool has_arguments;
};

struct wf_reading_choice {
    size_t n_calls;
    bool is_finished;
};

struct wf_provider_reader {
    const struct wf_engine_entry *e;
    const struct wf_gen_request *q;
    const struct wf_clock *clock;
    const struct wf_provider_ops *ops;
    bool is_whole; /* one JSON, not a stream of them */

    /* Bytes: `in` holds what is not read yet from `at`; lines were looked for up to `scanned`. */
    struct wf_buf in, data;
    size_t at, scanned;
    uint64_t n_bytes;
    bool has_data, after_cr, is_ended, is_done;

    /* Events of the JSON read last, and what they point into. */
    struct wf_gen_event *events;
    size_t n_events, i_event, cap_events;
    json_t *root;
    struct wf_arena arena;

    struct wf_reading_choice *choices; /* [n_choices] */
    size_t n_choices;
    struct wf_reading_call *calls;
    size_t n_calls;
    struct wf_stops stops; /* of a protocol that has none */
    struct wf_buf cut;
    bool has_stops, is_begun;

    struct wf_gen_usage usage;
    char model[256];
    struct wf_provider_rates rates;
    struct wf_provider_problem problem;
    struct wf_err failed; /* code 0: not */
};

/* One protocol. */
struct wf_provider_ops {
    unsigned abilities;
    bool is_ndjson;
    bool has_stops;
    int (*write)(struct wf_writing *w);
    /* One JSON of the response: an event of its stream, or the whole answer. */
    int (*read)(struct wf_provider_reader *r, const json_t *v);
};

extern const struct wf_provider_ops wf_provider__openai, wf_provider__responses,
    wf_provider__anthropic, wf_provider__gemini, wf_provider__ollama;

const struct wf_provider_ops *wf_provider__ops(const struct wf_engine_entry *e);

/* Each appends events; errors go to r->failed and are returned. Texts must live as long as r->root
 * or r->arena. */
int wf_reading__text(struct wf_provider_reader *r, size_t i_choice, enum wf_gen_event_kind kind,
                     const json_t *text);
/* A call begins, or goes on where that key is known. */
int wf_reading__call(struct wf_provider_reader *r, size_t i_choice, int64_t key, struct wf_str id,
                     struct wf_str name);
bool wf_reading__knows_call(const struct wf_provider_reader *r, size_t i_choice, int64_t key);
int wf_reading__arguments(struct wf_provider_reader *r, size_t i_choice, int64_t key,
                          struct wf_str text);
/* The same of an object. */
int wf_reading__arguments_object(struct wf_provider_reader *r, size_t i_choice, int64_t key,
                                 const json_t *object);
bool wf_reading__has_arguments(const struct wf_provider_reader *r, size_t i_choice, int64_t key);
/* The choice ends. STOP becomes TOOL_CALLS where it has calls. */
int wf_reading__finish(struct wf_provider_reader *r, size_t i_choice, enum wf_gen_finish finish,
                       struct wf_str stop);
void wf_reading__model(struct wf_provider_reader *r, const char *model);
void wf_reading__count(size_t *into, const json_t *n);
struct wf_str wf_reading__str(const json_t *text);

/* Ends the reading: with what a provider said in an error object (any protocol's form; NULL: it
 * said nothing), with the filter's word, with a sentence. */
int wf_reading__error(struct wf_provider_reader *r, const json_t *error);
int wf_reading__filtered(struct wf_provider_reader *r, const char *why);
int wf_reading__fail(struct wf_provider_reader *r, int code, const char *fmt, ...) WF_PRINTF(3, 4);
/* The body of an HTTP error. */
int wf_reading__error_body(struct wf_provider_reader *r, struct wf_str body);
void wf_reading__header(struct wf_provider_reader *r, struct wf_str name, struct wf_str value);

#endif
