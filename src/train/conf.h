/* Conf: one readable text file from which an experiment can be repeated.
 *
 *     # a comment
 *     [train]
 *     steps = 1000
 *     [task mlm]            # kind, and where there are several of it, a name: [task intent
 * banking] weight = 1
 *
 * What keys mean is said by tables (struct wf_conf_option) of those who read them; here it is only
 * known that a key stands in a section, once, on a line. Keys that nobody asked for are errors: a
 * typing error must not pass as a default. Every error names file, line and key. Threads: owner. */
#ifndef WF_TRAIN_CONF_H
#define WF_TRAIN_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Bounds of such a file: a person writes it. */
#define WF_CONF_BYTES_MAX (256u << 10)
#define WF_CONF_SECTIONS_MAX 64u
#define WF_CONF_ENTRIES_MAX 1024u
#define WF_CONF_NAME_BYTES 48u    /* of a key, a kind, a name */
#define WF_CONF_VALUE_BYTES 4000u /* a list of files is the longest value */

enum wf_conf_kind {
    WF_CONF_TEXT,   /* char[text_bytes], NUL-terminated */
    WF_CONF_NUMBER, /* int64_t within [min, max] */
    WF_CONF_REAL,   /* double within [min, max] */
    WF_CONF_FLAG,   /* bool: yes or no */
    WF_CONF_CHOICE, /* int64_t: the index of the word in `choices` */
};

/* One key that somebody understands; a table ends with name NULL. */
struct wf_conf_option {
    const char *name;
    enum wf_conf_kind kind;
    size_t offset;              /* of the field in the struct that is filled */
    size_t text_bytes;          /* size of a text field */
    const char *fallback;       /* as it would be written; NULL: the key must be there */
    double min, max;            /* of a number */
    const char *const *choices; /* ended by NULL */
    const char *help;
};

struct wf_conf;

/* "[task intent banking]": kind "task", of "intent", name "banking". "[task mlm]": of and name
 * "mlm". "[train]": of "", name "train". Names are unique. */
struct wf_conf_section {
    struct wf_str kind, of, name;
    size_t line;
};

/* Reads text; `name` is that of its file, for errors. Both are copied. *out is owned by the caller.
 * Errors: FORMAT (says line and key), LIMIT, NOMEM. */
int wf_conf_parse(struct wf_str text, const char *name, struct wf_conf **out,
                  struct wf_err *err) WF_MUST_USE;
/* The same for a file. Errors: also those of wf_file_read. */
int wf_conf_load(const char *path, struct wf_conf **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_conf_free(struct wf_conf *c);

/* Sets a key over the file's, from "SECTION.KEY=VALUE" (the section's name; it must be there).
 * Errors: NOENT, FORMAT, LIMIT, NOMEM. */
int wf_conf_set(struct wf_conf *c, struct wf_str assignment, struct wf_err *err) WF_MUST_USE;

/* Sections in order; borrowed. By name: NULL when absent. */
size_t wf_conf_n_sections(const struct wf_conf *c);
const struct wf_conf_section *wf_conf_section_at(const struct wf_conf *c, size_t i);
const struct wf_conf_section *wf_conf_section(const struct wf_conf *c, const char *name);

/* Fills the fields of `out` that `options` names from section s (of c; NULL: all fallbacks), and
 * marks those keys as asked for. Errors: FORMAT, RANGE (says line, key and what is allowed). */
int wf_conf_fill(struct wf_conf *c, const struct wf_conf_section *s,
                 const struct wf_conf_option *options, void *out, struct wf_err *err) WF_MUST_USE;

/* FORMAT where a key was never asked for, of a section or of all: says which, and its line. */
int wf_conf_check_section(const struct wf_conf *c, const struct wf_conf_section *s,
                          struct wf_err *err) WF_MUST_USE;
int wf_conf_check(const struct wf_conf *c, struct wf_err *err) WF_MUST_USE;

/* Appends the whole file as it counts, what was set included, without comments: to be kept beside
 * results. Errors: the buffer's. */
int wf_conf_write(const struct wf_conf *c, struct wf_buf *out) WF_MUST_USE;

#endif
