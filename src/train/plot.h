/* Plot: curves over steps as a picture (SVG) to stand in a page. Colours come from the page's
 * style: classes "c0" to "c7" of curves, "grid", "axis", "label". Threads: any. */
#ifndef WF_TRAIN_PLOT_H
#define WF_TRAIN_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define WF_PLOT_CURVES_MAX 8u

struct wf_plot_curve {
    const char *name;
    const double *x, *y; /* [n], x rising; what is not finite is left out */
    size_t n;
    bool is_faint;   /* behind the others, thin, not in the legend: what another one smooths */
    bool has_points; /* points are marked: there are few */
    unsigned colour; /* 0 to 7 */
};

struct wf_plot {
    const char *title; /* for who cannot see it */
    const char *x_label, *y_label;
    const struct wf_plot_curve *curves;
    size_t n_curves;
    bool from_zero; /* the y axis begins at 0 */
};

/* Appends the picture; nothing where no curve has two points. Errors: the buffer's. */
int wf_plot_write(const struct wf_plot *p, struct wf_buf *out) WF_MUST_USE;

/* Appends text with what HTML takes for itself written as entities. */
void wf_plot_text(struct wf_buf *out, struct wf_str text);

#endif
