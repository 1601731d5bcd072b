/* What the parts of the Jinja interpreter share: values, the tree, a run.
 *
 * Values of a run live in its arena and are never freed one by one. An error sets run->rc once;
 * everything returns at once then, with whatever value. Threads: a run belongs to one. */
#ifndef WF_MODEL_JINJA_H
#define WF_MODEL_JINJA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/template.h"

enum wf_jkind {
    WF_J_UNDEFINED, /* s says of what */
    WF_J_NONE,
    WF_J_BOOL,
    WF_J_INT,
    WF_J_FLOAT,
    WF_J_STR,
    WF_J_LIST,
    WF_J_DICT,
    WF_J_NAMESPACE,
    WF_J_LOOP,
    WF_J_CALLABLE,
};

/* Kinds of lists and strings. */
#define WF_J_TUPLE 1u
#define WF_J_GENERATOR 2u /* a list that can be walked once and has no length */
#define WF_J_MARKUP 4u    /* a string that needs no escapes */

struct wf_jlist;
struct wf_jdict;
struct wf_jcallable;
struct wf_jloop;
struct wf_jnode;
struct wf_jscope;

struct wf_jv {
    enum wf_jkind kind;
    unsigned flags;
    union {
        bool b;
        int64_t i;
        double f;
        struct wf_str s;
        struct wf_jlist *list;
        struct wf_jdict *dict; /* also of a namespace */
        struct wf_jcallable *fn;
        struct wf_jloop *loop;
    };
};

struct wf_jlist {
    struct wf_jv *items;
    size_t n, cap;
};

struct wf_jentry {
    uint64_t hash;
    struct wf_jv key, value;
};

/* In the order of insertion. */
struct wf_jdict {
    struct wf_jentry *entries;
    size_t n, cap;
};

struct wf_jloop {
    const struct wf_jnode *node;
    struct wf_jscope *outer;
    const struct wf_jlist *items;
    size_t index;
    int64_t depth0;
    struct wf_jv last; /* of changed() */
};

/* The tree. Children are a, b, c; `list` is the first of a list linked by next. */
enum wf_jop {
    /* expressions */
    WF_JN_CONST,     /* value */
    WF_JN_NAME,      /* name */
    WF_JN_LIST,      /* list */
    WF_JN_TUPLE,     /* list */
    WF_JN_DICT,      /* list of WF_JN_PAIR */
    WF_JN_PAIR,      /* a: b */
    WF_JN_ATTR,      /* a.name */
    WF_JN_ITEM,      /* a[b] */
    WF_JN_SLICE,     /* a[b:c:list] */
    WF_JN_CALL,      /* a(list of arguments) */
    WF_JN_FILTER,    /* a|name(list); a NULL: the block's text */
    WF_JN_TEST,      /* a is name(list) */
    WF_JN_CONDITION, /* a if b else c */
    WF_JN_AND,
    WF_JN_OR,
    WF_JN_NOT,
    WF_JN_NEGATIVE,
    WF_JN_POSITIVE,
    WF_JN_BINARY,  /* a op b, number: enum wf_jbinary */
    WF_JN_COMPARE, /* a, then list of WF_JN_OPERAND */
    WF_JN_OPERAND, /* number: the operator, a */
    WF_JN_ARG,     /* a; name: of a keyword; number: stars in front */
    /* statements */
    WF_JN_TEXT,        /* name */
    WF_JN_PRINT,       /* a */
    WF_JN_IF,          /* a; list; else b, a WF_JN_BLOCK */
    WF_JN_FOR,         /* target a, in b, if c; list; else other; number: recursive */
    WF_JN_SET,         /* target a = b */
    WF_JN_SETBLOCK,    /* target a, filters b, list */
    WF_JN_MACRO,       /* name, params (WF_JN_ARG: name, default a), list; number: WF_J_USES_* */
    WF_JN_CALLBLOCK,   /* a call; the rest as of a macro */
    WF_JN_FILTERBLOCK, /* a: filters, list */
    WF_JN_WITH,        /* params: WF_JN_SET; list */
    WF_JN_BLOCK,       /* list */
    WF_JN_BREAK,
    WF_JN_CONTINUE,
};

enum wf_jbinary {
    WF_J_ADD,
    WF_J_SUB,
    WF_J_MUL,
    WF_J_DIV,
    WF_J_FLOORDIV,
    WF_J_MOD,
    WF_J_POW,
    WF_J_CONCAT,
    WF_J_EQ,
    WF_J_NE,
    WF_J_LT,
    WF_J_LE,
    WF_J_GT,
    WF_J_GE,
    WF_J_IN,
    WF_J_NOT_IN,
};

/* Names that a macro's body uses, which decide what it may be called with. */
#define WF_J_USES_CALLER 1u
#define WF_J_USES_VARARGS 2u
#define WF_J_USES_KWARGS 4u

struct wf_jnode {
    enum wf_jop op;
    uint32_t line;
    int number;
    struct wf_str name;
    struct wf_jv value;
    struct wf_jnode *a, *b, *c, *list, *params, *other, *next;
};

/* Tokens. */
enum wf_jtoken_kind {
    WF_JT_END,
    WF_JT_TEXT,
    WF_JT_BLOCK_BEGIN,
    WF_JT_BLOCK_END,
    WF_JT_PRINT_BEGIN,
    WF_JT_PRINT_END,
    WF_JT_NAME,
    WF_JT_STR, /* text is what it stands for */
    WF_JT_INT,
    WF_JT_FLOAT,
    WF_JT_SIGN, /* text: the operator or bracket */
};

struct wf_jtoken {
    enum wf_jtoken_kind kind;
    uint32_t line;
    struct wf_str text;
    int64_t i;
    double f;
};

struct wf_jtokens {
    struct wf_jtoken *ptr;
    size_t n, cap;
};

/* Cuts a template into tokens, the last is END. Errors: FORMAT, NOMEM. */
int wf_jinja__lex(struct wf_arena *arena, struct wf_str source, struct wf_jtokens *out,
                  struct wf_err *err) WF_MUST_USE;
/* Makes the tree of tokens, a WF_JN_BLOCK. Errors: FORMAT, LIMIT, NOMEM. */
int wf_jinja__parse(struct wf_arena *arena, const struct wf_jtokens *tokens, bool with_generation,
                    struct wf_jnode **out, struct wf_err *err) WF_MUST_USE;

struct wf_jparser {
    struct wf_arena *arena;
    const struct wf_jtoken *tokens;
    size_t at;
    unsigned depth;
    bool with_generation; /* {% generation %} is known */
    unsigned uses;        /* WF_J_USES_* of the macro that is being read */
    int rc;
    struct wf_err *err;
};

/* Parts of the parser: an expression; a tuple or expression (`if` after it belongs to it only
 * with_condition); what an assignment goes to; a chain of filters over a (may be NULL). NULL after
 * an error. */
struct wf_jnode *wf_jparse__expression(struct wf_jparser *p);
struct wf_jnode *wf_jparse__tuple(struct wf_jparser *p, bool with_condition);
struct wf_jnode *wf_jparse__target(struct wf_jparser *p, bool with_namespace);
struct wf_jnode *wf_jparse__filters(struct wf_jparser *p, struct wf_jnode *a);
struct wf_jnode *wf_jparse__call(struct wf_jparser *p, struct wf_jnode *a);
struct wf_jnode *wf_jparse__node(struct wf_jparser *p, enum wf_jop op);
const struct wf_jtoken *wf_jparse__peek(const struct wf_jparser *p);
bool wf_jparse__is_sign(const struct wf_jparser *p, const char *sign);
bool wf_jparse__is_name(const struct wf_jparser *p, const char *name);
bool wf_jparse__accept_sign(struct wf_jparser *p, const char *sign);
bool wf_jparse__accept_name(struct wf_jparser *p, const char *name);
void wf_jparse__expect_sign(struct wf_jparser *p, const char *sign);
struct wf_str wf_jparse__expect_name(struct wf_jparser *p);
void wf_jparse__fail(struct wf_jparser *p, const char *fmt, ...) WF_PRINTF(2, 3);

/* Variables of a block; names that are not here are looked for in the parent. */
struct wf_jscope {
    struct wf_jscope *parent;
    struct wf_jdict vars;
};

struct wf_jrun {
    struct wf_arena arena;
    struct wf_jscope *scope;
    struct wf_buf *out;
    struct wf_err *err;
    int rc;
    unsigned depth;
    uint32_t line;
    uint64_t steps;
    time_t now;
};

/* Arguments of a call, a filter, a test. */
struct wf_jargs {
    struct wf_jlist pos;
    struct wf_jdict named;
};

typedef struct wf_jv (*wf_jcall_fn)(struct wf_jrun *r, struct wf_jv self,
                                    const struct wf_jargs *args);

struct wf_jcallable {
    wf_jcall_fn fn;               /* NULL: a macro */
    struct wf_jv self;            /* of a method */
    const struct wf_jnode *macro; /* WF_JN_MACRO or WF_JN_CALLBLOCK */
    struct wf_jscope *scope;      /* where it was made */
    struct wf_str name;
};

/* Sets the error; the first one stays. */
void wf_jrun__fail(struct wf_jrun *r, int code, const char *fmt, ...) WF_PRINTF(3, 4);
/* The error of an undefined value that is used. */
void wf_jrun__fail_undefined(struct wf_jrun *r, struct wf_jv v);
/* Counts work; false and an error at the limit. */
bool wf_jrun__step(struct wf_jrun *r, size_t n);

/* Evaluates an expression; runs statements into r->out; calls a callable. */
struct wf_jv wf_jinja__eval(struct wf_jrun *r, const struct wf_jnode *n);
enum wf_jflow {
    WF_J_GO,
    WF_J_BREAK,
    WF_J_CONTINUE
};
enum wf_jflow wf_jinja__run(struct wf_jrun *r, const struct wf_jnode *list);
struct wf_jv wf_jinja__call(struct wf_jrun *r, struct wf_jv fn, const struct wf_jargs *args);
/* Runs a macro's body with arguments; its text. */
struct wf_jv wf_jinja__call_macro(struct wf_jrun *r, const struct wf_jcallable *fn,
                                  const struct wf_jargs *args);
/* A recursive loop, once more over other items; its text. */
struct wf_jv wf_jinja__call_loop(struct wf_jrun *r, const struct wf_jloop *loop,
                                 const struct wf_jargs *args);
/* Applies a filter, or a test, by name. */
struct wf_jv wf_jinja__filter(struct wf_jrun *r, struct wf_str name, struct wf_jv v,
                              const struct wf_jargs *args);
bool wf_jinja__test(struct wf_jrun *r, struct wf_str name, struct wf_jv v,
                    const struct wf_jargs *args);
bool wf_jinja__has_filter(struct wf_str name);
bool wf_jinja__has_test(struct wf_str name);
wf_jcall_fn wf_jinja__list_filter(struct wf_str name);
wf_jcall_fn wf_jinja__str_method(struct wf_str name);
/* A method of a value; a callable of all templates; UNDEFINED if there is none. */
struct wf_jv wf_jinja__method(struct wf_jrun *r, struct wf_jv self, struct wf_str name);
struct wf_jv wf_jinja__global(struct wf_jrun *r, struct wf_str name);
/* v.name, v[key], and a path like "function.name". */
struct wf_jv wf_jinja__attr(struct wf_jrun *r, struct wf_jv v, struct wf_str name);
struct wf_jv wf_jinja__item(struct wf_jrun *r, struct wf_jv v, struct wf_jv key);
struct wf_jv wf_jinja__path(struct wf_jrun *r, struct wf_jv v, struct wf_jv path);
struct wf_jv wf_jinja__binary(struct wf_jrun *r, enum wf_jbinary op, struct wf_jv a,
                              struct wf_jv b);

/* Values. */
struct wf_jv wf_jv__undefined(struct wf_str what);
struct wf_jv wf_jv__none(void);
struct wf_jv wf_jv__bool(bool b);
struct wf_jv wf_jv__int(int64_t i);
struct wf_jv wf_jv__float(double f);
struct wf_jv wf_jv__str(struct wf_str s);
struct wf_jv wf_jv__list(struct wf_jrun *r, unsigned flags);
struct wf_jv wf_jv__dict(struct wf_jrun *r);
struct wf_jv wf_jv__of_buf(struct wf_jrun *r, struct wf_buf *b); /* copies, and frees b */
struct wf_jv wf_jv__of_json(struct wf_jrun *r, const json_t *json);
void wf_jlist__push(struct wf_jrun *r, struct wf_jlist *list, struct wf_jv v);
void wf_jdict__set(struct wf_jrun *r, struct wf_jdict *d, struct wf_jv key, struct wf_jv v);
/* NULL when absent; the first fails for keys that cannot be (lists, dicts). */
struct wf_jv *wf_jdict__get(struct wf_jrun *r, const struct wf_jdict *d, struct wf_jv key);
struct wf_jv *wf_jdict__get_name(const struct wf_jdict *d, struct wf_str name);
bool wf_jv__is_true(struct wf_jrun *r, struct wf_jv v);
bool wf_jv__equal(struct wf_jrun *r, struct wf_jv a, struct wf_jv b);
/* <0, 0, >0; fails for what has no order. */
int wf_jv__compare(struct wf_jrun *r, struct wf_jv a, struct wf_jv b);
bool wf_jv__contains(struct wf_jrun *r, struct wf_jv in, struct wf_jv what);
const char *wf_jv__type(struct wf_jv v);
/* A bool, an int or a float; its value, 0 of anything else; of a bool or an int, 0 otherwise. */
bool wf_jv__is_number(struct wf_jv v);
double wf_jv__number(struct wf_jv v);
int64_t wf_jv__integer(struct wf_jv v);
/* The items of anything that can be walked, as a list; fails otherwise. */
struct wf_jlist wf_jv__items(struct wf_jrun *r, struct wf_jv v);
/* Code points; -1 and an error when it has no length. */
int64_t wf_jv__length(struct wf_jrun *r, struct wf_jv v);

/* Text of values: as Python's str(), repr(), json.dumps(). */
struct wf_str wf_jv__text(struct wf_jrun *r, struct wf_jv v);
void wf_jv__append_text(struct wf_jrun *r, struct wf_jv v, struct wf_buf *out);
void wf_jv__append_repr(struct wf_jrun *r, struct wf_jv v, struct wf_buf *out);
struct wf_jjson {
    struct wf_str indent; /* ptr NULL: one line */
    struct wf_str comma, colon;
    bool sort_keys, ascii;
};
void wf_jv__append_json(struct wf_jrun *r, struct wf_jv v, const struct wf_jjson *o, size_t level,
                        struct wf_buf *out);
void wf_jv__append_float(double f, struct wf_buf *out);
/* str % args, str.format(args). */
struct wf_jv wf_jinja__percent(struct wf_jrun *r, struct wf_str format, struct wf_jv args);
struct wf_jv wf_jinja__format(struct wf_jrun *r, struct wf_str format, const struct wf_jargs *args);
/* Cases as Python has them: some letters become several. The first appends the code point at *io_i
 * and moves behind it. */
enum wf_jcase {
    WF_J_LOWER,
    WF_J_UPPER,
    WF_J_TITLE, /* of a word's first letter */
    WF_J_FOLD,
};
void wf_jv__append_cased(struct wf_str s, size_t *io_i, enum wf_jcase to, struct wf_buf *out);
struct wf_jv wf_jv__cased(struct wf_jrun *r, struct wf_str s, enum wf_jcase to);
bool wf_jv__is_space(uint32_t c);
/* Slices of code points or of lists, as Python's. */
struct wf_jv wf_jv__slice(struct wf_jrun *r, struct wf_jv v, struct wf_jv from, struct wf_jv to,
                          struct wf_jv step);

/* The i-th argument, or the named one, or what it is otherwise. */
struct wf_jv wf_jargs__at(const struct wf_jargs *args, size_t i, const char *name,
                          struct wf_jv otherwise);
/* The i-th argument as a text; the i-th or named one as a whole number. They fail on others. */
struct wf_str wf_jargs__str(struct wf_jrun *r, const struct wf_jargs *args, size_t i);
int64_t wf_jargs__int(struct wf_jrun *r, const struct wf_jargs *args, size_t i, const char *name,
                      int64_t otherwise);
bool wf_jargs__has(const struct wf_jargs *args, size_t i, const char *name);

#endif
