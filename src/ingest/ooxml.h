/* OOXML: the package around Word, Excel and PowerPoint documents: which part is the document, how
 * parts point at each other, and the document's properties. Thread rule: owner. */
#ifndef WF_INGEST_OOXML_H
#define WF_INGEST_OOXML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/archive.h"
#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/stream.h"
#include "ingest/xml.h"

/* Namespaces of all three, for the tables of names. */
extern const struct wf_xml_ns wf_ooxml_spaces[];

/* A relationship of a part to another one. */
struct wf_ooxml_rel {
    struct wf_str id;
    struct wf_str type; /* the last word of the type's URI: "slide", "footnotes" */
    size_t i_member;    /* the part, or SIZE_MAX when it is outside or missing */
};

struct wf_ooxml_rels {
    struct wf_ooxml_rel *items;
    size_t n_items;
};

struct wf_ooxml {
    struct wf_archive *archive;
    struct wf_arena arena; /* everything that lives as long as the package */
    bool damaged;          /* some part was */
};

/* Errors: those of wf_archive_open. */
int wf_ooxml_open(const struct wf_parse_input *in, struct wf_ooxml *pkg,
                  struct wf_err *err) WF_MUST_USE;
void wf_ooxml_close(struct wf_ooxml *pkg);

/* The relationships of member i_part (SIZE_MAX: of the package); none when it has no list of them.
 * They live as long as the package. Errors: WF_E_NOMEM, WF_E_LIMIT, WF_E_ENCRYPTED. */
int wf_ooxml_rels(struct wf_ooxml *pkg, size_t i_part, struct wf_ooxml_rels *out,
                  struct wf_err *err) WF_MUST_USE;
/* The member of the relationship of that id, or SIZE_MAX. */
size_t wf_ooxml_by_id(const struct wf_ooxml_rels *rels, struct wf_str id);
/* The next member of that type: start with *io_i = 0; SIZE_MAX at the end. */
size_t wf_ooxml_by_type(const struct wf_ooxml_rels *rels, const char *type, size_t *io_i);

/* The part that is the document; `usual` is where it lies if the package does not say so.
 * Errors: WF_E_FORMAT when there is none. */
int wf_ooxml_main(struct wf_ooxml *pkg, const char *usual, size_t *out_i_member,
                  struct wf_err *err) WF_MUST_USE;

/* Title, author, date, ... as metadata. Errors: those of the stream. */
int wf_ooxml_meta(struct wf_ooxml *pkg, struct wf_stream_writer *w, struct wf_err *err) WF_MUST_USE;

/* The last words of every such parser: a warning when parts were damaged, and the refusal when
 * there was no text at all. */
int wf_ooxml_finish(const struct wf_ooxml *pkg, const struct wf_compose *c,
                    struct wf_stream_writer *w, struct wf_err *err) WF_MUST_USE;

/* For the rows: how sure it is that the file is such a package with a part below `folder`
 * ("word/"). */
int wf_ooxml_score(const struct wf_format *f, const struct wf_format_hint *h, const char *folder);
/* For the rows: initialises the libraries of all packed formats. Thread: init. */
void wf_ooxml_warm(void);

#endif
