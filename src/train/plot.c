/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing curves. Long ones are thinned to POINTS means, so that a page of a month's training opens
 * as fast as one of an hour's. Ticks lie on round numbers. */
#include "train/plot.h"

#include <math.h>
#include <stdio.h>

/* The picture's inner units; at a card's usual width about one CSS pixel each. */
#define WIDTH 420.0
#define HEIGHT 270.0
#define LEFT 72.0
#define RIGHT 16.0
#define TOP 12.0
#define BOTTOM 44.0
#define POINTS 300u
#define TICKS 5

struct range {
    double low, high, step;
};

void wf_plot_text(struct wf_buf *out, struct wf_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<':
            wf_buf_append_cstr(out, "&lt;");
            break;
        case '>':
            wf_buf_append_cstr(out, "&gt;");
            break;
        case '&':
            wf_buf_append_cstr(out, "&amp;");
            break;
        case '"':
            wf_buf_append_cstr(out, "&quot;");
            break;
        default:
            wf_buf_append_byte(out, text.ptr[i]);
        }
    }
}

/* 1, 2 or 5 times a power of ten that cuts the width into about TICKS parts. */
static double round_step(double width)
{
    double raw = width / TICKS, power = pow(10, floor(log10(raw))), part = raw / power;

    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static void widen(struct range *r, double v)
{
    if (!isfinite(v))
        return;
    r->low = v < r->low ? v : r->low;
    r->high = v > r->high ? v : r->high;
}

static void finish(struct range *r, bool from_zero)
{
    if (from_zero && r->low > 0)
        r->low = 0;
    if (!(r->high > r->low)) { /* one value: some room around it */
        double room = fabs(r->low) > 0 ? fabs(r->low) * 0.1 : 1;
        r->high = r->low + room;
        r->low -= from_zero && r->low == 0 ? 0 : room;
    }
    r->step = round_step(r->high - r->low);
}

static double x_at(const struct range *r, double v)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (v - r->low) / (r->high - r->low);
}

static double y_at(const struct range *r, double v)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - r->low) / (r->high - r->low);
}

/* 12000 as "12k", 0.00025 as "0.00025", 2.5e-05. */
static void put_number(struct wf_buf *out, double v, double step)
{
    int digits = (int)fmax(0, -floor(log10(step) + 1e-9));

    if (fabs(v) < step * 1e-6)
        wf_buf_append_cstr(out, "0");
    else if (fabs(v) >= 1e6)
        wf_buf_appendf(out, "%gM", v / 1e6);
    else if (fabs(v) >= 1e4)
        wf_buf_appendf(out, "%gk", v / 1e3);
    else if (digits > 5)
        wf_buf_appendf(out, "%.3g", v);
    else
        wf_buf_appendf(out, "%.*f", digits, v);
}

/* The i-th tick; false behind the last. */
static bool tick(const struct range *r, unsigned i, double *out)
{
    double first = ceil(r->low / r->step - 1e-9);

    *out = (first + i) * r->step;
    return *out <= r->high + r->step * 1e-9 && i < 4 * TICKS;
}

static void put_axes(const struct wf_plot *p, const struct range *x, const struct range *y,
                     struct wf_buf *out)
{
    double v;

    for (unsigned i = 0; tick(y, i, &v); i++) {
        wf_buf_appendf(out, "<path class=grid d='M%.1f %.1fH%.1f'/>", LEFT, y_at(y, v),
                       WIDTH - RIGHT);
        wf_buf_appendf(out, "<text x=%.1f y=%.1f text-anchor=end>", LEFT - 6, y_at(y, v) + 4);
        put_number(out, v, y->step);
        wf_buf_append_cstr(out, "</text>");
    }
    for (unsigned i = 0; tick(x, i, &v); i++) {
        wf_buf_appendf(out, "<path class=axis d='M%.1f %.1fv4'/>", x_at(x, v), HEIGHT - BOTTOM);
        wf_buf_appendf(out, "<text x=%.1f y=%.1f text-anchor=middle>", x_at(x, v),
                       HEIGHT - BOTTOM + 18);
        put_number(out, v, x->step);
        wf_buf_append_cstr(out, "</text>");
    }
    wf_buf_appendf(out, "<path class=axis d='M%.1f %.1fH%.1f'/>", LEFT, HEIGHT - BOTTOM,
                   WIDTH - RIGHT);
    wf_buf_appendf(out, "<text class=label x=%.1f y=%.1f text-anchor=middle>",
                   (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
    wf_plot_text(out, wf_str_from(p->x_label));
    wf_buf_appendf(out,
                   "</text><text class=label transform='translate(12 %.1f)rotate(-90)' "
                   "text-anchor=middle>",
                   (TOP + HEIGHT - BOTTOM) / 2);
    wf_plot_text(out, wf_str_from(p->y_label));
    wf_buf_append_cstr(out, "</text>");
}

/* Means of finite points in equal parts of the curve; returns how many there are. */
static size_t thin(const struct wf_plot_curve *c, double px[POINTS], double py[POINTS])
{
    size_t n_parts = c->n < POINTS ? c->n : POINTS, n = 0;

    for (size_t k = 0; k < n_parts; k++) {
        size_t from = k * c->n / n_parts, to = (k + 1) * c->n / n_parts, m = 0;
        double sx = 0, sy = 0;
        for (size_t i = from; i < to; i++) {
            if (!isfinite(c->y[i]) || !isfinite(c->x[i]))
                continue;
            sx += c->x[i];
            sy += c->y[i];
            m++;
        }
        if (m == 0)
            continue;
        px[n] = sx / (double)m;
        py[n++] = sy / (double)m;
    }
    return n;
}

static void put_curve(const struct wf_plot_curve *c, const struct range *x, const struct range *y,
                      struct wf_buf *out)
{
    double px[POINTS], py[POINTS];
    size_t n = thin(c, px, py);

    wf_buf_appendf(out, "<path class='curve c%u%s' d='", c->colour % WF_PLOT_CURVES_MAX,
                   c->is_faint ? " faint" : "");
    for (size_t i = 0; i < n; i++)
        wf_buf_appendf(out, "%s%.1f %.1f", i == 0 ? "M" : "L", x_at(x, px[i]), y_at(y, py[i]));
    wf_buf_append_cstr(out, "'/>");
    for (size_t i = 0; i < n && c->has_points && n <= 60; i++)
        wf_buf_appendf(out, "<circle class=c%u cx=%.1f cy=%.1f r=3 />",
                       c->colour % WF_PLOT_CURVES_MAX, x_at(x, px[i]), y_at(y, py[i]));
}

static bool find_ranges(const struct wf_plot *p, struct range *x, struct range *y)
{
    double px[POINTS], py[POINTS];
    bool any = false;

    *x = *y = (struct range){.low = INFINITY, .high = -INFINITY};
    for (size_t i = 0; i < p->n_curves; i++) {
        size_t n = thin(&p->curves[i], px, py);
        any = any || n > 1;
        for (size_t k = 0; k < n; k++) {
            widen(x, px[k]);
            widen(y, py[k]);
        }
    }
    if (!any)
        return false;
    finish(x, false);
    finish(y, p->from_zero);
    return true;
}

int wf_plot_write(const struct wf_plot *p, struct wf_buf *out)
{
    struct range x, y;

    if (!find_ranges(p, &x, &y))
        return wf_buf_status(out);
    wf_buf_appendf(out, "<svg viewBox='0 0 %.0f %.0f' role=img aria-label=\"", WIDTH, HEIGHT);
    wf_plot_text(out, wf_str_from(p->title));
    wf_buf_append_cstr(out, "\">");
    put_axes(p, &x, &y, out);
    for (int faint = 1; faint >= 0; faint--) {
        for (size_t i = 0; i < p->n_curves; i++) {
            if (p->curves[i].is_faint == (faint == 1))
                put_curve(&p->curves[i], &x, &y, out);
        }
    }
    wf_buf_append_cstr(out, "</svg>\n");
    return wf_buf_status(out);
}
