/* Dialects, inside: the rows, and the reader's parts. Nobody outside model/ includes this. */
#ifndef WF_MODEL_DIALECT_INTERNAL_H
#define WF_MODEL_DIALECT_INTERNAL_H

#include "base/buf.h"
#include "model/dialect.h"
#include "model/json_scan.h"

/* ---- rows ---- */

/* Calls whose arguments stand between marks, one by one:
 *   open NAME name_end (key_open KEY key_end ... value_open VALUE value_end)* close */
struct wf_dialect_marks {
    const char *open;     /* may be empty */
    const char *name_end; /* may be a newline that a key or the end may replace */
    const char *key_open;
    const char *key_end;
    const char *value_open; /* may be empty */
    const char *value_end;
    const char *close;   /* empty: the section's end is the call's */
    const char *is_json; /* between key and value: the value is JSON whatever the schema says */
    bool has_lines; /* values stand on lines of their own: one newline at each end is not theirs */
};

/* What a call may be written as, within a section. */
#define WF_CALL_JSON                                                                               \
    (1u << 0)                    /* {"name": NAME, "arguments": {...}}, several, or a list of them \
                                  */
#define WF_CALL_NAMED (1u << 1)  /* NAME sep {...} */
#define WF_CALL_MARKS (1u << 2)  /* by its `marks` */
#define WF_CALL_PYTHON (1u << 3) /* [NAME(key=value, ...), ...] */

/* How several calls are written. */
enum wf_call_group {
    WF_GROUP_EACH, /* each in a section of its own */
    WF_GROUP_LIST, /* in one, between [ and ] */
    WF_GROUP_ALL,  /* in one, one behind the other */
};

/* A part of the text that holds calls. */
struct wf_dialect_section {
    const char *begin; /* empty: the whole answer, when it begins like a call */
    const char *end;   /* NULL: none; one that is not written is not missed */
    unsigned forms;
    const char *call_begin, *call_end; /* around each call; NULL: nothing */
    const char *sep;                   /* of WF_CALL_NAMED; may be missing before { */
    const char *name_prefix;           /* before a name, and not part of it; NULL: none */
    const struct wf_dialect_marks *marks;
    bool begin_is_open; /* `begin` is that of the first call, too */
    /* What is asked for by a grammar, of what the reader takes: */
    enum wf_call_group group;
    const char
        *tool_kind;     /* of WF_CALL_NAMED: stands before the name, and the arguments in a fence */
    bool is_json_first; /* JSON rather than NAMED */
    bool is_python_first; /* Python rather than JSON */
    bool is_loose;        /* `begin` stands in other texts, too: no call must follow */
};

#define WF_DIALECT_SECTIONS 3

struct wf_dialect {
    const char *name;
    const char *think_open, *think_close; /* NULL: it does not think */
    /* The first is how it is asked to call, and how calls are written by us. */
    struct wf_dialect_section sections[WF_DIALECT_SECTIONS];
    const char *arguments; /* the key of WF_CALL_JSON that this family writes */
    bool is_harmony;       /* channels; read by dialect_harmony.c */
    bool has_short_ids;    /* nine letters and digits */
    bool is_name_id;       /* a name is followed by :NUMBER, and both together are the id */
};

/* ---- the reader ---- */

/* What a step of a part of the reader came to. */
enum wf_read_step {
    WF_READ_MORE, /* more input is needed */
    WF_READ_ON,   /* it went on; call again */
    WF_READ_DONE, /* the part is over */
    WF_READ_BAD,  /* what was read since it was last certain is text */
};

enum wf_reader_state {
    WF_READER_TEXT,
    WF_READER_REASONING,
    WF_READER_BETWEEN, /* in a section, no call begun */
    WF_READER_JSON,
    WF_READER_NAMED,
    WF_READER_MARKS,
    WF_READER_PYTHON,
    WF_READER_HARMONY,
};

struct wf_dialect_reader {
    const struct wf_dialect *d;
    const json_t *tools;
    wf_part_fn fn; /* during wf_dialect_read */
    void *ud;
    bool end; /* no more input follows */
    int status;

    struct wf_buf in; /* not read yet: from `at` on */
    size_t at;
    struct wf_buf raw;   /* read since something was last given out: perhaps text after all */
    struct wf_buf space; /* white space that is text when text follows */
    bool at_start;       /* neither text nor call yet */
    bool skips_space;    /* white space that comes first is not text */

    enum wf_reader_state state;
    const struct wf_dialect_section *section;
    size_t n_calls, n_section; /* calls given out, of them in this section */
    bool in_list;
    bool in_call_frame; /* call_begin was read, call_end was not */

    /* the call that is read */
    int step; /* within the state */
    struct wf_json_scan scan;
    struct wf_buf field; /* key, name or value that is collected */
    struct wf_buf name, id, arguments;
    struct wf_buf out;    /* arguments on their way out */
    const json_t *schema; /* of the tool */
    int key;
    size_t depth;
    char stack[WF_LIMIT_NESTING]; /* brackets that are open: the ones that close them */
    bool has_arguments;
    bool is_begun; /* the call was given out */
    bool is_text;  /* the value is a text, and its characters are given out as they come */
    char quote;
};

/* Bytes that are not read yet. */
static inline struct wf_str wf_reader_rest(const struct wf_dialect_reader *r)
{
    return wf_str_n(r->in.ptr + r->at, r->in.len - r->at);
}

/* How the input begins: WF_READ_ON: with `mark`; WF_READ_MORE: perhaps; WF_READ_BAD: not. */
enum wf_read_step wf_reader_looks_at(const struct wf_dialect_reader *r, const char *mark);
/* Reads n bytes on, which are text when it comes to the worst. */
void wf_reader_take(struct wf_dialect_reader *r, size_t n);
/* Takes white space; false when nothing else is there yet. */
bool wf_reader_take_space(struct wf_dialect_reader *r);
/* Takes `mark` when the input begins with it: ON, MORE or BAD as above. */
enum wf_read_step wf_reader_take_mark(struct wf_dialect_reader *r, const char *mark);

/* Whether a tool of the reader's name buffer was offered; its schema is noted. */
bool wf_reader_knows_name(struct wf_dialect_reader *r);
/* A call is certain: gives out r->name with r->id, or one that is made. */
void wf_reader_give_call(struct wf_dialect_reader *r);
/* Gives out more of the call's arguments, those in r->out, which is emptied. */
void wf_reader_give_arguments(struct wf_dialect_reader *r);
/* Begins to read a call: forgets the last. */
void wf_reader_begin_call(struct wf_dialect_reader *r, enum wf_reader_state state);
/* Text and thoughts, with the rules for white space. */
void wf_reader_give_text(struct wf_dialect_reader *r, struct wf_str s);
void wf_reader_give_reasoning(struct wf_dialect_reader *r, struct wf_str s);
/* What was read since it was last certain becomes text. */
void wf_reader_give_up(struct wf_dialect_reader *r);

/* Whether a schema allows nothing but texts. */
bool wf_dialect_is_text(const json_t *schema);

/* Appends a text as the inside of a JSON string. */
int wf_json_escape(struct wf_buf *out, struct wf_str s);

/* Appends a Python literal as JSON. Errors: FORMAT (it is none), LIMIT, NOMEM; out may then hold a
 * part. */
int wf_python_to_json(struct wf_str s, struct wf_buf *out) WF_MUST_USE;

/* One step of each. */
enum wf_read_step wf_reader_json(struct wf_dialect_reader *r);
enum wf_read_step wf_reader_named(struct wf_dialect_reader *r);
enum wf_read_step wf_reader_marks(struct wf_dialect_reader *r);
enum wf_read_step wf_reader_python(struct wf_dialect_reader *r);
enum wf_read_step wf_reader_harmony(struct wf_dialect_reader *r);

/* Whether a byte may stand in a tool's name. */
bool wf_reader_is_name(char c);

/* Passes the bytes of a JSON value on to out as far as they have come: MORE, DONE, BAD. */
enum wf_read_step wf_reader_json_value(struct wf_dialect_reader *r, struct wf_buf *out);

#endif
