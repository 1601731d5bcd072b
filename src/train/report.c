/* SPDX-License-Identifier: Apache-2.0 */
/* The page: a head with where the training stands, a card for each thing that is drawn (loss, rate,
 * speed, gradients, the tasks' figures on what is kept aside), the experiment's text. What is drawn
 * follows from the columns' names: loss.TASK, dev.TASK.FIGURE. */
#include "train/report.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "os/file.h"
#include "train/plot.h"

#define PAGE_BYTES_MAX ((size_t)32 << 20)

static const char style[] =
    ":root{--bg:#f7f7f5;--card:#fff;--ink:#1d1f21;--dim:#5c6166;--line:#dcdcd7;"
    "--c0:#1f5fbf;--c1:#b4540a;--c2:#1b7a43;--c3:#8a3aa8;--c4:#b01e3c;--c5:#00707a;--c6:#6b5b00;"
    "--c7:#555}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#141618;--card:#1d2023;--ink:#e8e8e6;"
    "--dim:#a3a8ad;--line:#34383c;--c0:#7fb2ff;--c1:#ffab66;--c2:#6fd39a;--c3:#d59bf0;"
    "--c4:#ff8fa3;--c5:#5fd0d9;--c6:#dcc84f;--c7:#bbb}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1.25rem;max-width:76rem;"
    "background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:0 0 .75rem}h2{font-size:1rem;margin:0}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;"
    "margin:0 0 1.25rem}.facts div{background:var(--card);border:1px solid var(--line);"
    "border-radius:.5rem;padding:.6rem .8rem}dt{color:var(--dim);font-size:.85rem}"
    "dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));"
    "gap:1rem}figure{margin:0;background:var(--card);border:1px solid var(--line);"
    "border-radius:.5rem;padding:.8rem}svg{display:block;width:100%;height:auto;"
    "margin-top:.4rem}\n"
    "svg text{fill:var(--dim);font:13px system-ui,sans-serif;font-variant-numeric:tabular-nums}"
    ".c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}"
    ".c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.c6{stroke:var(--c6)}.c7{stroke:var(--c7)}"
    "circle{fill:var(--card);stroke-width:2}.curve{fill:none;stroke-width:2;stroke-linejoin:round}."
    "faint{stroke-width:1;opacity:.35}"
    ".grid{stroke:var(--line);fill:none}.axis{stroke:var(--dim);fill:none}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;color:var(--dim);font-size:.85rem}"
    ".legend i{display:inline-block;width:.9rem;height:.2rem;margin-right:.35rem;"
    "vertical-align:middle}\n"
    "details{margin-top:1.25rem}summary{cursor:pointer}pre{overflow:auto;background:var(--card);"
    "border:1px solid var(--line);border-radius:.5rem;padding:.8rem;font-size:.85rem}\n";

struct page {
    const struct wf_report *r;
    const struct wf_history *h;
    struct wf_buf *out;
    double *x;      /* [n_rows] steps */
    double *series; /* [2 * WF_PLOT_CURVES_MAX, n_rows] */
};

/* Copies a column; the last finite value, or NAN. */
static double column(const struct page *p, size_t i, double *out)
{
    double last = NAN;

    for (size_t k = 0; k < p->h->n_rows; k++) {
        out[k] = wf_history_at(p->h, k, i);
        if (isfinite(out[k]))
            last = out[k];
    }
    return last;
}

/* A moving mean that weighs older values ever less, over about a hundredth of the rows. */
static void smooth(const double *in, size_t n, double *out)
{
    double keep = 1 - 1 / fmax(3, (double)n / 100), mean = 0, weight = 0;

    for (size_t i = 0; i < n; i++) {
        if (isfinite(in[i])) {
            mean = keep * mean + (1 - keep) * in[i];
            weight = keep * weight + (1 - keep);
        }
        out[i] = weight > 0 ? mean / weight : NAN;
    }
}

/* ---- a card ---- */

static void legend(const struct page *p, const struct wf_plot_curve *c, size_t n)
{
    wf_buf_append_cstr(p->out, "<div class=legend>");
    for (size_t i = 0; i < n; i++) {
        double last = NAN;
        if (c[i].is_faint)
            continue;
        for (size_t k = 0; k < c[i].n; k++)
            last = isfinite(c[i].y[k]) ? c[i].y[k] : last;
        wf_buf_appendf(p->out, "<span><i style='background:var(--c%u)'></i>", c[i].colour);
        wf_plot_text(p->out, wf_str_from(c[i].name));
        if (isfinite(last))
            wf_buf_appendf(p->out, fabs(last) < 1000 ? " %.4g" : " %.0f", last);
        wf_buf_append_cstr(p->out, "</span>");
    }
    wf_buf_append_cstr(p->out, "</div>");
}

static void card(const struct page *p, const struct wf_plot *plot)
{
    wf_buf_append_cstr(p->out, "<figure><h2>");
    wf_plot_text(p->out, wf_str_from(plot->title));
    wf_buf_append_cstr(p->out, "</h2>");
    legend(p, plot->curves, plot->n_curves);
    (void)!wf_plot_write(plot, p->out); /* a failure sticks in the buffer */
    wf_buf_append_cstr(p->out, "</figure>\n");
}

static void column_card(const struct page *p, const char *name, const char *title,
                        const char *y_label, bool from_zero)
{
    size_t i = wf_history_column(p->h, name);
    struct wf_plot_curve c = {.name = "last", .x = p->x, .y = p->series, .n = p->h->n_rows};
    struct wf_plot plot = {.title = title,
                           .x_label = "step",
                           .y_label = y_label,
                           .curves = &c,
                           .n_curves = 1,
                           .from_zero = from_zero};

    if (i == SIZE_MAX)
        return;
    (void)column(p, i, p->series);
    card(p, &plot);
}

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool is_dev_loss(const char *name)
{
    size_t n = strlen(name);

    return starts(name, "dev.") && n > 9 && strcmp(name + n - 5, ".loss") == 0;
}

/* The curves of one loss: of what is kept aside as it is, else as it is and smoothed. Returns how
 * many there are. */
static size_t loss_curves(const struct page *p, size_t i_column, unsigned colour, double *series,
                          struct wf_plot_curve out[2])
{
    size_t n = p->h->n_rows;
    const char *name = p->h->names[i_column];
    struct wf_plot_curve c = {.name = name, .x = p->x, .y = series, .n = n, .colour = colour};

    (void)column(p, i_column, series);
    if (is_dev_loss(name)) {
        c.has_points = true;
        out[0] = c;
        return 1;
    }
    smooth(series, n, series + n);
    c.name = name + strlen("loss.");
    c.is_faint = true;
    out[0] = c;
    c.is_faint = false;
    c.y = series + n;
    out[1] = c;
    return 2;
}

/* Every task's loss, and that of what is kept aside. */
static void loss_card(const struct page *p)
{
    struct wf_plot_curve c[2 * WF_PLOT_CURVES_MAX];
    size_t n = 0;
    unsigned colour = 0;

    for (size_t i = 0; i < p->h->n_columns && n + 2 <= WF_ARRAY_LEN(c); i++) {
        const char *name = p->h->names[i];
        if (!starts(name, "loss.") && !is_dev_loss(name))
            continue;
        n += loss_curves(p, i, colour, p->series + n * p->h->n_rows, c + n);
        colour++;
    }
    struct wf_plot plot = {
        .title = "Loss", .x_label = "step", .y_label = "loss", .curves = c, .n_curves = n};
    if (n > 0)
        card(p, &plot);
}

static void dev_cards(const struct page *p)
{
    for (size_t i = 0; i < p->h->n_columns; i++) {
        const char *name = p->h->names[i];
        struct wf_plot_curve c = {.name = "last",
                                  .x = p->x,
                                  .y = p->series,
                                  .n = p->h->n_rows,
                                  .has_points = true,
                                  .colour = 2};
        char title[WF_HISTORY_NAME_BYTES + 32];
        struct wf_plot plot = {.title = title,
                               .x_label = "step",
                               .y_label = strrchr(name, '.') != NULL ? strrchr(name, '.') + 1 : "",
                               .curves = &c,
                               .n_curves = 1};
        if (!starts(name, "dev.") || is_dev_loss(name))
            continue;
        (void)snprintf(title, sizeof(title), "%s, on texts kept aside", name + 4);
        if (isfinite(column(p, i, p->series)))
            card(p, &plot);
    }
}

/* ---- the page ---- */

static void fact(const struct page *p, const char *name, const char *value)
{
    wf_buf_appendf(p->out, "<div><dt>%s</dt><dd>%s</dd></div>", name, value);
}

static double last_of(const struct page *p, const char *name)
{
    size_t i = wf_history_column(p->h, name);

    return i == SIZE_MAX ? NAN : column(p, i, p->series);
}

static void facts(const struct page *p)
{
    double step = last_of(p, "step"), tokens = last_of(p, "tokens"), s = last_of(p, "seconds"),
           speed = last_of(p, "tokens_per_s");
    char text[64];

    wf_buf_append_cstr(p->out, "<dl class=facts>");
    (void)snprintf(text, sizeof(text), "%.0f of %llu", isfinite(step) ? step : 0,
                   (unsigned long long)p->r->n_steps);
    fact(p, "steps", text);
    (void)snprintf(text, sizeof(text), "%.1f M", isfinite(tokens) ? tokens / 1e6 : 0);
    fact(p, "tokens seen", text);
    if (isfinite(s)) {
        (void)snprintf(text, sizeof(text), "%.0f h %02.0f min", floor(s / 3600),
                       floor(fmod(s, 3600) / 60));
        fact(p, "time", text);
    }
    if (isfinite(speed)) {
        (void)snprintf(text, sizeof(text), "%.0f", speed);
        fact(p, "tokens a second", text);
    }
    (void)snprintf(text, sizeof(text), "%.2f M", (double)p->r->n_values / 1e6);
    fact(p, "parameters", text);
    wf_buf_append_cstr(p->out, "</dl>\n");
}

static void body(const struct page *p)
{
    wf_buf_append_cstr(p->out, "<h1>Training of ");
    wf_plot_text(p->out, wf_str_from(p->r->title));
    wf_buf_append_cstr(p->out, "</h1>\n");
    facts(p);
    wf_buf_append_cstr(p->out, "<div class=cards>\n");
    loss_card(p);
    dev_cards(p);
    column_card(p, "learning_rate", "Learning rate", "rate", true);
    column_card(p, "tokens_per_s", "Speed", "tokens a second", true);
    column_card(p, "norm", "Gradients before clipping", "norm", true);
    wf_buf_append_cstr(p->out, "</div>\n<details><summary>The experiment</summary><pre>");
    wf_plot_text(p->out, p->r->conf);
    wf_buf_append_cstr(p->out, "</pre></details>\n");
}

int wf_report_page(const struct wf_report *r, struct wf_buf *out)
{
    struct page p = {.r = r, .h = r->history, .out = out};
    size_t n = r->history->n_rows + 1;

    p.x = wf_alloc_array(n, sizeof(double));
    p.series = wf_alloc_array(n, 2 * WF_PLOT_CURVES_MAX * sizeof(double));
    if (p.x == NULL || p.series == NULL) {
        wf_free(p.x);
        wf_free(p.series);
        return WF_E_NOMEM;
    }
    (void)column(&p, 0, p.x);
    wf_buf_append_cstr(out, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
                            "<meta name=viewport content='width=device-width,initial-scale=1'>"
                            "<meta name=color-scheme content='light dark'><title>Training of ");
    wf_plot_text(out, wf_str_from(r->title));
    wf_buf_appendf(out, "</title>\n<style>%s</style></head><body>\n", style);
    body(&p);
    wf_buf_append_cstr(out, "</body></html>\n");
    wf_free(p.x);
    wf_free(p.series);
    return wf_buf_status(out);
}

int wf_report_write(const struct wf_report *r, const char *path, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, PAGE_BYTES_MAX);
    rc = wf_report_page(r, &b);
    rc = rc != 0 ? wf_err_set(err, rc, "Not enough memory for the page of figures.")
                 : wf_file_replace(path, b.ptr, b.len, 0644, err);
    wf_buf_deinit(&b);
    return rc;
}
