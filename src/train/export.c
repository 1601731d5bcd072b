/* SPDX-License-Identifier: Apache-2.0 */
/* A model file out of a checkpoint. Sizes come from the experiment's text, which the checkpoint
 * holds; tensors keep their names. */
#include "train/export.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "kern/dtype.h"
#include "model/gguf_write.h"
#include "model/vocab_pieces.h"
#include "train/checkpoint.h"
#include "train/conf.h"
#include "train/meta.h"
#include "train/settings.h"
#include "train/shape.h"

struct export
{
    struct wf_checkpoint_file *file;
    const struct wf_checkpoint *c;
    struct wf_conf *conf;
    struct wf_train_settings s;
    struct wf_shape shape;
    struct wf_gguf *vocab;
    struct wf_gguf_writer *w;
};

static int read_experiment(struct export *x, const char *from, struct wf_err *err)
{
    const struct wf_conf_section *train, *model;
    int rc = wf_conf_parse(x->c->conf, from, &x->conf, err);

    if (rc != 0)
        return rc;
    train = wf_conf_section(x->conf, "train");
    model = wf_conf_section(x->conf, "model");
    if (train == NULL || model == NULL)
        return wf_err_set(err, WF_E_FORMAT, "%s does not say what network it holds.", from);
    rc = wf_conf_fill(x->conf, train, wf_train_options(), &x->s, err);
    return rc == 0 ? wf_conf_fill(x->conf, model, wf_shape_options(), &x->shape, err) : rc;
}

static int open_vocab(struct export *x, const char *vocab, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    bool is_free = x->s.vocab[0] == '/' || x->s.work[0] == 0;

    if (vocab != NULL)
        return wf_gguf_open(vocab, &x->vocab, err);
    (void)snprintf(path, sizeof(path), "%s%s%s", is_free ? "" : x->s.work, is_free ? "" : "/",
                   x->s.vocab);
    return wf_gguf_open(path, &x->vocab, err);
}

/* The vocabulary must have as many tokens as the network has embeddings. */
static int check_vocab(const struct export *x, struct wf_err *err)
{
    const struct wf_checkpoint_tensor *embed = wf_checkpoint_tensor(x->file, "token_embd.weight");

    if (embed == NULL || wf_vocab_count(x->vocab) != embed->rows)
        return wf_err_set(err, WF_E_FORMAT, "The vocabulary is not that of the checkpoint.");
    return 0;
}

static int put_tensors(struct export *x, struct wf_err *err)
{
    const struct wf_dtype *f32 = wf_dtype_by_id(WF_DTYPE_F32);
    int rc;

    for (size_t i = 0; i < x->c->n_tensors; i++) {
        const struct wf_checkpoint_tensor *t = &x->c->tensors[i];
        uint64_t dims[2] = {t->cols, t->rows};
        if (t->rows == 0 || t->cols == 0)
            return wf_err_set(err, WF_E_FORMAT, "The tensor %s is empty.", t->name);
        wf_gguf_put_tensor(x->w, wf_str_from(t->name), f32, t->rows > 1 ? 2 : 1, dims);
    }
    rc = wf_gguf_writer_begin(x->w, err);
    for (size_t i = 0; i < x->c->n_tensors && rc == 0; i++) {
        const struct wf_checkpoint_tensor *t = &x->c->tensors[i];
        rc = wf_gguf_writer_write(x->w, t->values, (size_t)t->rows * t->cols * sizeof(float), err);
    }
    return rc == 0 ? wf_gguf_writer_finish(x->w, err) : rc;
}

int wf_train_export(const char *from, const char *to, const char *vocab, struct wf_err *err)
{
    struct export x = {0};
    int rc = wf_checkpoint_open(from, &x.file, err);

    if (rc == 0) {
        x.c = wf_checkpoint_of(x.file);
        rc = read_experiment(&x, from, err);
    }
    if (rc == 0)
        rc = open_vocab(&x, vocab, err);
    if (rc == 0)
        rc = check_vocab(&x, err);
    if (rc == 0)
        rc = wf_gguf_writer_new(to, &x.w, err);
    if (rc == 0) {
        wf_shape_put(&x.shape, x.w);
        rc = wf_vocab_put(x.w, x.vocab, strcmp(x.shape.family, "lens") == 0, err);
    }
    if (rc == 0)
        rc = wf_meta_export(x.c->meta, x.w, err);
    if (rc == 0)
        rc = put_tensors(&x, err);
    wf_gguf_writer_free(x.w);
    wf_gguf_close(x.vocab);
    wf_conf_free(x.conf);
    wf_checkpoint_close(x.file);
    return rc;
}
