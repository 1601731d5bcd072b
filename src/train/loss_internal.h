/* What losses share: room, rows in and out, and linear heads. Threads: owner. */
#ifndef WF_TRAIN_LOSS_INTERNAL_H
#define WF_TRAIN_LOSS_INTERNAL_H

#include "kern/kern.h"
#include "train/loss.h"
#include "train/net_internal.h"

struct wf_loss_room {
    struct wf_net *net;
    float *floats; /* [n] */
    size_t n;
};

/* At least n floats, undefined, until the next call; NULL and err when there is no memory. */
float *wf_loss__room(struct wf_loss_room *r, size_t n, struct wf_err *err);

/* Rows [first, first + n) of `rows` into out [n, dim]; and what is asked of them, back. */
void wf_loss__gather(struct wf_net *n, const float *hidden, const struct wf_loss_rows *rows,
                     size_t first, size_t n_rows, float *out);
void wf_loss__scatter(struct wf_net *n, const struct wf_loss_rows *rows, size_t first,
                      size_t n_rows, const float *d, float *d_hidden);

/* y [n_rows, n_labels] = x [n_rows, dim] W^T + bias. */
void wf_loss__apply(struct wf_net *n, const struct wf_loss_head *head, const float *x,
                    size_t n_rows, float *y);
/* Gradients of weight and bias, and dx [n_rows, dim] = dy W. */
void wf_loss__apply_back(struct wf_net *n, const struct wf_loss_head *head, const float *x,
                         const float *dy, size_t n_rows, float *dx);

/* The largest of n values. */
float wf_loss__largest(const float *x, size_t n);

/* As wf_net__each, over any number of rows. */
typedef void (*wf_loss__fn)(void *ud, size_t from, size_t to, size_t i_part);
void wf_loss__each(struct wf_net *n, size_t n_rows, wf_loss__fn fn, void *ud);

#endif
