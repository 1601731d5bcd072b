/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary embeddings. Pair i of n turns by base^(-i/n) a position. A context that is stretched by a
 * factor turns that much slower: all pairs alike (linear), or only those that turn less than once
 * in the trained context, with a ramp between (YaRN), or by factors of each pair's own (LongRoPE).
 * Angles are kept in double: at position 100,000 a float angle would be off by a hundredth. */
#include "model/rope.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

/* The pair that turns `n_turns` times within the trained context. */
static double pair_of_turns(const struct wf_params *p, double base, double n_turns)
{
    return p->n_rot * log(p->rope_context / (n_turns * 2 * PI)) / (2 * log(base));
}

/* How much of pair i stays as it was trained: 1 for fast pairs, 0 for slow ones. */
static double kept_share(double low, double high, size_t i)
{
    double y = ((double)i - low) / fmax(0.001, high - low);

    return 1.0 - fmin(1.0, fmax(0.0, y));
}

/* The length of turned vectors that YaRN asks for; the plain factor otherwise. */
static float turned_length(const struct wf_params *p, double factor)
{
    double length = 1.0;

    if (p->yarn_ext != 0.0f && factor > 1.0) {
        length = 1.0 + 0.1 * log(factor);
        if (p->yarn_log_mul != 0.0f)
            length =
                (0.1 * log(factor) + 1.0) / (0.1 * (double)p->yarn_log_mul * log(factor) + 1.0);
    }
    return (float)(length * (double)p->rope_attn_factor);
}

float wf_rope_frequencies(const struct wf_params *p, bool is_windowed, const float *factors,
                          double *out)
{
    double base = (double)(is_windowed ? p->rope_base_window : p->rope_base);
    double factor = (double)(is_windowed ? p->rope_factor_window : p->rope_factor);
    double low = fmax(0.0, floor(pair_of_turns(p, base, (double)p->yarn_beta_fast)));
    double high = fmin(p->n_rot - 1.0, ceil(pair_of_turns(p, base, (double)p->yarn_beta_slow)));

    for (size_t i = 0; i < p->n_rot / 2; i++) {
        double trained = pow(base, -2.0 * (double)i / p->n_rot);
        if (factors != NULL)
            trained /= (double)factors[i];
        double kept = p->yarn_ext != 0.0f ? kept_share(low, high, i) * (double)p->yarn_ext : 0.0;
        out[i] = trained * ((1.0 - kept) / factor + kept);
    }
    return turned_length(p, factor);
}

void wf_rope_angles(const double *frequencies, size_t n_pairs, size_t position, float length,
                    float *out)
{
    for (size_t i = 0; i < n_pairs; i++) {
        double angle = (double)position * frequencies[i];
        out[2 * i] = (float)cos(angle) * length;
        out[2 * i + 1] = (float)sin(angle) * length;
    }
}

static void turn_pairs(const float *angles, size_t n_rot, float *x)
{
    size_t i = 0;

    for (; i + 8 <= n_rot; i += 8) { /* four pairs at once, see turn_halves */
        float turned[8];
        for (size_t k = 0; k < 8; k += 2) {
            float c = angles[i + k], s = angles[i + k + 1];
            turned[k] = x[i + k] * c - x[i + k + 1] * s;
            turned[k + 1] = x[i + k] * s + x[i + k + 1] * c;
        }
        memcpy(x + i, turned, sizeof(turned));
    }
    for (; i < n_rot; i += 2) {
        float c = angles[i], s = angles[i + 1], a = x[i], b = x[i + 1];
        x[i] = a * c - b * s;
        x[i + 1] = a * s + b * c;
    }
}

static void turn_halves(const float *angles, size_t n_rot, float *x)
{
    size_t half = n_rot / 2;

    size_t i = 0;

    for (; i + 4 <= half; i += 4) { /* four at once: all four are read before one is written */
        float low[4], high[4];
        for (size_t k = 0; k < 4; k++) {
            float c = angles[2 * (i + k)], s = angles[2 * (i + k) + 1];
            low[k] = x[i + k] * c - x[i + k + half] * s;
            high[k] = x[i + k] * s + x[i + k + half] * c;
        }
        memcpy(x + i, low, sizeof(low));
        memcpy(x + i + half, high, sizeof(high));
    }
    for (; i < half; i++) {
        float c = angles[2 * i], s = angles[2 * i + 1], a = x[i], b = x[i + half];
        x[i] = a * c - b * s;
        x[i + half] = a * s + b * c;
    }
}

void wf_rope_turn(enum wf_rope_kind kind, const float *angles, size_t n_rot, size_t head_dim,
                  size_t n_heads, float *x)
{
    assert(n_rot <= head_dim);
    for (size_t h = 0; h < n_heads; h++) {
        if (kind == WF_ROPE_PAIRS)
            turn_pairs(angles, n_rot, x + h * head_dim);
        else if (kind == WF_ROPE_HALVES)
            turn_halves(angles, n_rot, x + h * head_dim);
    }
}
