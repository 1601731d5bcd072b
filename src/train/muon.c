/* SPDX-License-Identifier: Apache-2.0 */
/* Orthogonal steps by five Newton-Schulz iterations of degree five, whose coefficients bring
 * singular values from near 0 to about 1 fast rather than exactly. */
#include "train/muon.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"

#define N_ITERATIONS 5
#define RMS_OF_ADAMW 0.2f

struct wf_muon {
    float *x, *y;       /* [n_values] the matrix on its way */
    float *gram, *poly; /* [side_max, side_max] x x^T and its polynomial */
};

static int refuse(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the optimiser.");
}

int wf_muon_new(size_t n_values, size_t side_max, struct wf_muon **out, struct wf_err *err)
{
    struct wf_muon *m = wf_alloc_array(1, sizeof(*m));

    *out = NULL;
    if (m == NULL)
        return refuse(err);
    m->x = wf_alloc_lines(n_values, sizeof(float));
    m->y = wf_alloc_lines(n_values, sizeof(float));
    m->gram = wf_alloc_lines(side_max * side_max, sizeof(float));
    m->poly = wf_alloc_lines(side_max * side_max, sizeof(float));
    if (m->x == NULL || m->y == NULL || m->gram == NULL || m->poly == NULL) {
        wf_muon_free(m);
        return refuse(err);
    }
    *out = m;
    return 0;
}

void wf_muon_free(struct wf_muon *m)
{
    if (m == NULL)
        return;
    wf_free(m->x);
    wf_free(m->y);
    wf_free(m->gram);
    wf_free(m->poly);
    wf_free(m);
}

/* Nesterov's momentum to m->x, lying so that rows are the shorter side; returns its length. */
static double gather(struct wf_muon *m, const struct wf_muon_step *s)
{
    bool turns = s->rows > s->cols;
    double sum = 0;

    for (size_t i = 0; i < s->rows; i++) {
        for (size_t j = 0; j < s->cols; j++) {
            size_t at = i * s->cols + j;
            float g = s->grad[at] * s->grad_scale;
            float v = s->beta * s->momentum[at] + (1 - s->beta) * g;

            s->momentum[at] = v;
            v = s->beta * v + (1 - s->beta) * g;
            m->x[turns ? j * s->rows + i : at] = v;
            sum += (double)v * (double)v;
        }
    }
    return sqrt(sum);
}

/* x [a, b] -> 3.4445 x - 4.775 (x x^T) x + 2.0315 (x x^T)^2 x, in y, which change places. */
static void iterate(struct wf_muon *m, struct wf_gemm_room *room, struct wf_gang *gang,
                    enum wf_gemm_kind kind, size_t a, size_t b)
{
    struct wf_gemm gram = {.m = a,
                           .n = a,
                           .k = b,
                           .a = m->x,
                           .lda = b,
                           .b = m->x,
                           .ldb = b,
                           .b_turned = true,
                           .c = m->gram,
                           .ldc = a};
    struct wf_gemm square = {.m = a,
                             .n = a,
                             .k = a,
                             .a = m->gram,
                             .lda = a,
                             .b = m->gram,
                             .ldb = a,
                             .c = m->poly,
                             .ldc = a};
    struct wf_gemm apply = {.m = a,
                            .n = b,
                            .k = a,
                            .a = m->poly,
                            .lda = a,
                            .b = m->x,
                            .ldb = b,
                            .c = m->y,
                            .ldc = b,
                            .adds = true};
    float *swap;

    wf_gemm_run(room, gang, kind, &gram);
    wf_gemm_run(room, gang, kind, &square);
    for (size_t i = 0; i < a * a; i++)
        m->poly[i] = -4.7750f * m->gram[i] + 2.0315f * m->poly[i];
    for (size_t i = 0; i < a * b; i++)
        m->y[i] = 3.4445f * m->x[i];
    wf_gemm_run(room, gang, kind, &apply);
    swap = m->x;
    m->x = m->y;
    m->y = swap;
}

void wf_muon_apply(struct wf_muon *m, struct wf_gemm_room *room, struct wf_gang *gang,
                   enum wf_gemm_kind kind, const struct wf_muon_step *s)
{
    bool turns = s->rows > s->cols;
    size_t a = turns ? s->cols : s->rows, b = turns ? s->rows : s->cols;
    double length = gather(m, s);
    float scale = length > 0 ? (float)(1 / length) : 0;
    float step = s->rate * RMS_OF_ADAMW * sqrtf((float)b);

    for (size_t i = 0; i < a * b; i++)
        m->x[i] *= scale;
    for (int i = 0; i < N_ITERATIONS && length > 0; i++)
        iterate(m, room, gang, kind, a, b);
    for (size_t i = 0; i < s->rows; i++) {
        for (size_t j = 0; j < s->cols; j++) {
            size_t at = i * s->cols + j;

            s->value[at] -=
                s->rate * s->decay * s->value[at] + step * m->x[turns ? j * s->rows + i : at];
        }
    }
}
