/* Corpus: the texts that a model learns from, out of the files of a list of sources.
 *
 * The list is a file of lines; "#" begins a comment, "\" at a line's end goes on in the next:
 *
 *     data=../shared/data
 *     NAME lang=eng read=json:text vocab=1 epoch=1 dev=200 FILE FILE ...
 *
 * data    the folder that files lie in, relative to the working folder; before the first source
 * lang    the texts' language (ISO 639-3), or @FIELD: the field (JSON) or column (TSV) of it
 * read    json:FIELDS   JSON lines. FIELDS are parted by ","; each gives texts of its own. "a.b"
 *                       is b within a. Of a list every item is a text; with "*" in front they
 *                       are joined by newlines. "a+b" joins fields by newlines.
 *         tsv:COLUMNS   columns parted by tabs, counted from 1, each a text
 *         tsvh:COLUMNS  the same behind a line of names
 *         plain         paragraphs, parted by empty lines
 *         conll, iob2, conllu, presidio, address
 *                       sentences of tagged data, see data_tagged.h; tokens without a text are
 *                       joined as people write them
 * vocab   how often a text counts when a vocabulary is made (0 to 1000, two decimals)
 * epoch   how often a text is seen in one epoch (likewise)
 * dev     one text in so many is kept aside (see split.h); 0: none
 * key     the field or column whose hash decides that, instead of the text itself
 *
 * A text that a source has had before (but for white space) is skipped. Threads: owner. */
#ifndef WF_TRAIN_CORPUS_H
#define WF_TRAIN_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum wf_corpus_reader {
    WF_CORPUS_JSON,
    WF_CORPUS_TSV,
    WF_CORPUS_PLAIN,
    WF_CORPUS_CONLL,
    WF_CORPUS_IOB2,
    WF_CORPUS_CONLLU,
    WF_CORPUS_ADDRESS,
    WF_CORPUS_PRESIDIO,
};

/* All views are the corpus's. */
struct wf_corpus_source {
    struct wf_str name;
    struct wf_str language; /* or "@FIELD" */
    enum wf_corpus_reader reader;
    struct wf_str fields; /* behind "read=json:" */
    struct wf_str key;    /* empty: the text */
    bool has_header;
    uint32_t vocab_hundredths, epoch_hundredths; /* weights, times 100 */
    uint32_t dev_one_in;
    const char **files; /* [n_files], paths with the data folder in front */
    size_t n_files;
};

struct wf_corpus;

/* Reads a list. *out is owned by the caller until wf_corpus_free. Errors: FORMAT (names file and
 * line), NOENT, IO, LIMIT, NOMEM. */
int wf_corpus_open(const char *path, struct wf_corpus **out, struct wf_err *err) WF_MUST_USE;
/* The same of a list in memory; `name` is for messages. */
int wf_corpus_parse(const char *name, struct wf_str list, struct wf_corpus **out,
                    struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_corpus_free(struct wf_corpus *c);

/* The sources, in the order of the list; i must be below their number. Borrowed. */
size_t wf_corpus_n_sources(const struct wf_corpus *c);
const struct wf_corpus_source *wf_corpus_source(const struct wf_corpus *c, size_t i);

/* One text; views are valid during the call. */
struct wf_corpus_text {
    struct wf_str text;
    struct wf_str language;
    bool is_dev;
};
/* Another return than 0 ends the reading, which returns it; err is then the callback's to fill. */
typedef int (*wf_corpus_fn)(void *ud, const struct wf_corpus_text *t, struct wf_err *err);

/* Reads all texts of a source, in the order of its files. Errors: NOENT, IO, FORMAT (a damaged
 * file, a line that is not what the source says: names file and line), LIMIT, NOMEM, and what fn
 * returns. */
int wf_corpus_read(const struct wf_corpus_source *s, wf_corpus_fn fn, void *ud,
                   struct wf_err *err) WF_MUST_USE;
/* The same as if its files held these bytes, not packed; `name` is for messages. */
int wf_corpus_read_bytes(const struct wf_corpus_source *s, const char *name, struct wf_str bytes,
                         wf_corpus_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

#endif
