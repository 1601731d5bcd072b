/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are read by one thread, encoded in batches by all of them, and written in their order: the
 * files are the same whatever the number of threads. */
#include "train/corpus_shards.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"
#include "os/gang.h"
#include "os/thread.h"
#include "train/split.h"

/* A batch is full at so many bytes of text or so many texts. */
#define BATCH_BYTES ((size_t)4 << 20)
#define BATCH_TEXTS 4096
/* A text is encoded in parts of about this size: what the pre-tokenizer notes stays in the cache.
 */
#define PART_BYTES ((size_t)32 << 10)

struct item {
    size_t from, n_bytes; /* of the batch's bytes */
    size_t language_from, n_language;
    bool is_dev;
    struct wf_ids ids; /* kept from batch to batch */
    int rc;
};

struct prepare {
    const struct wf_vocab *vocab;
    const struct wf_corpus_prepare_options *o;
    struct wf_gang *gang;
    size_t i_source;
    struct wf_buf bytes;
    struct item *items; /* [BATCH_TEXTS] */
    size_t n_items;
    struct wf_shard_writer *writers[2]; /* train, dev */
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to make files of tokens.");
}

/* Behind a newline that a visible ASCII character follows, so that no word is cut; a text without
 * such places is cut anywhere before it is too long to be encoded. */
static size_t part_end(struct wf_str text, size_t from)
{
    size_t i = from + PART_BYTES;

    for (; i < text.len && i - from < WF_LIMIT_ENCODE_BYTES; i++) {
        if (text.ptr[i - 1] == '\n' && text.ptr[i] > ' ' && text.ptr[i] <= '~')
            return i;
    }
    return i < text.len ? i : text.len;
}

static void encode_item(const struct prepare *p, struct item *it)
{
    struct wf_str text = wf_str_n(p->bytes.ptr + it->from, it->n_bytes);

    it->ids.n = 0;
    it->rc = 0;
    for (size_t from = 0, to; from < text.len && it->rc == 0; from = to) {
        to = part_end(text, from);
        it->rc = wf_vocab_encode(p->vocab, wf_str_sub(text, from, to), 0, &it->ids, NULL);
    }
}

/* Member i takes every n-th text: long and short ones are mixed. */
static void encode_part(void *ud, size_t i, size_t n)
{
    struct prepare *p = ud;

    for (size_t k = i; k < p->n_items; k += n)
        encode_item(p, &p->items[k]);
}

static int write_batch(struct prepare *p, struct wf_err *err)
{
    int rc = 0;

    wf_gang_run(p->gang, encode_part, p);
    for (size_t i = 0; i < p->n_items && rc == 0; i++) {
        struct item *it = &p->items[i];
        struct wf_corpus_counted c = {
            .i_source = p->i_source,
            .language = wf_str_n(p->bytes.ptr + it->language_from, it->n_language),
            .n_bytes = it->n_bytes,
            .n_tokens = it->ids.n,
            .is_dev = it->is_dev};
        rc = it->rc != 0 ? no_memory(err)
                         : wf_shard_writer_add(p->writers[it->is_dev], it->ids.ptr, it->ids.n,
                                               it->n_bytes, err);
        if (rc == 0 && p->o->on_text != NULL)
            p->o->on_text(p->o->ud, &c);
    }
    p->n_items = 0;
    wf_buf_reset(&p->bytes);
    return rc;
}

static int on_text(void *ud, const struct wf_corpus_text *t, struct wf_err *err)
{
    struct prepare *p = ud;
    struct item *it = &p->items[p->n_items];

    it->from = p->bytes.len;
    it->n_bytes = t->text.len;
    it->language_from = it->from + it->n_bytes;
    it->n_language = t->language.len;
    it->is_dev = t->is_dev;
    (void)wf_buf_append_str(&p->bytes, t->text);
    if (wf_buf_append_str(&p->bytes, t->language) != 0)
        return no_memory(err);
    p->n_items++;
    return p->n_items == BATCH_TEXTS || p->bytes.len >= BATCH_BYTES ? write_batch(p, err) : 0;
}

int wf_corpus_shard_path(const struct wf_corpus_source *s, const char *dir, bool is_dev,
                         struct wf_buf *out, struct wf_err *err)
{
    wf_buf_reset(out);
    if (wf_buf_appendf(out, "%s/%.*s.%s.shard", dir, WF_STR_ARG(s->name),
                       is_dev ? "dev" : "train") != 0)
        return wf_err_set(err, wf_buf_status(out), "The path of a file of tokens is too long.");
    return 0;
}

static uint64_t mix(uint64_t h, struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return (h ^ 0xff) * UINT64_C(1099511628211);
}

/* Of everything that decides which texts a source gives. */
static uint64_t source_hash(const struct wf_corpus_source *s)
{
    uint64_t h = UINT64_C(14695981039346656037);

    h = (h ^ (uint64_t)s->reader ^ (uint64_t)s->has_header << 8) * UINT64_C(1099511628211);
    h = (h ^ s->dev_one_in ^ (uint64_t)WF_SPLIT_EDITION << 32) * UINT64_C(1099511628211);
    h = mix(mix(h, s->fields), s->key);
    for (size_t i = 0; i < s->n_files; i++)
        h = mix(h, wf_str_from(s->files[i]));
    return h;
}

static bool is_current(const char *path, const struct wf_shard_head *want)
{
    struct wf_shard *s = NULL;
    bool is = wf_shard_open(path, &s, NULL) == 0;

    if (is) {
        const struct wf_shard_head *h = wf_shard_head(s);
        is = h->vocab_hash == want->vocab_hash && h->source_hash == want->source_hash;
    }
    wf_shard_close(s);
    return is;
}

static int prepare_source(struct prepare *p, const struct wf_corpus_source *s, const char *dir,
                          struct wf_err *err)
{
    struct wf_shard_head head = {.n_vocab = (uint32_t)wf_vocab_size(p->vocab),
                                 .vocab_hash = wf_shard_vocab_hash(p->vocab),
                                 .source_hash = source_hash(s)};
    bool stays = !p->o->again;
    struct wf_buf path;
    int rc = 0;

    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    for (int dev = 0; dev < 2 && rc == 0; dev++) {
        rc = wf_corpus_shard_path(s, dir, dev == 1, &path, err);
        stays = stays && rc == 0 && is_current(path.ptr, &head);
    }
    for (int dev = 0; dev < 2 && rc == 0 && !stays; dev++) {
        rc = wf_corpus_shard_path(s, dir, dev == 1, &path, err);
        if (rc == 0)
            rc = wf_shard_writer_new(path.ptr, &head, &p->writers[dev], err);
    }
    if (rc == 0 && !stays)
        rc = wf_corpus_read(s, on_text, p, err);
    if (rc == 0 && p->n_items > 0)
        rc = write_batch(p, err);
    p->n_items = 0; /* of a source that failed, too */
    wf_buf_reset(&p->bytes);
    for (int dev = 0; dev < 2; dev++) {
        if (rc == 0 && !stays)
            rc = wf_shard_writer_finish(p->writers[dev], NULL, err);
        wf_shard_writer_free(p->writers[dev]);
        p->writers[dev] = NULL;
    }
    wf_buf_deinit(&path);
    return rc;
}

int wf_corpus_prepare(const struct wf_corpus *c, const struct wf_vocab *v, const char *dir,
                      const struct wf_corpus_prepare_options *o, struct wf_err *err)
{
    struct prepare p = {.vocab = v, .o = o};
    size_t n_threads = o->n_threads > 0 ? o->n_threads : wf_cpu_count();
    int rc = wf_file_mkdirs(dir, err);

    wf_buf_init(&p.bytes, SIZE_MAX);
    p.items = wf_alloc_array(BATCH_TEXTS, sizeof(*p.items));
    if (rc == 0 && p.items == NULL)
        rc = no_memory(err);
    if (rc == 0)
        rc = wf_gang_new(WF_MIN(n_threads, (size_t)WF_GANG_MEMBERS_MAX), &p.gang, err);
    for (size_t i = 0; i < wf_corpus_n_sources(c) && rc == 0; i++) {
        p.i_source = i;
        if (wf_corpus_source(c, i)->epoch_hundredths == 0)
            continue;
        if (o->tell != NULL && !o->tell(o->ud, i))
            rc = wf_err_set(err, WF_E_CANCELED, "Making files of tokens was stopped.");
        else
            rc = prepare_source(&p, wf_corpus_source(c, i), dir, err);
    }
    wf_gang_free(p.gang);
    for (size_t i = 0; p.items != NULL && i < BATCH_TEXTS; i++)
        wf_free(p.items[i].ids.ptr);
    wf_free(p.items);
    wf_buf_deinit(&p.bytes);
    return rc;
}
