/* SPDX-License-Identifier: Apache-2.0 */
/* The progress bar. The rate is that since the bar began, so that it does not jump. */
#include "cli/bar.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"

#define REDRAW_NS 100000000
/* Before that a rate says nothing. */
#define RATE_AFTER_S 0.5

void wf_bar_init(struct wf_bar *b, bool wanted)
{
    *b = (struct wf_bar){.is_on = wanted && isatty(STDERR_FILENO)};
}

void wf_bar_clear(struct wf_bar *b)
{
    if (b->is_on && b->_drawn_ns) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    b->_drawn_ns = 0;
}

/* " · 3 min left", or nothing where it cannot be known. */
static void time_left(char *out, size_t n, double rate, uint64_t left_bytes)
{
    double s = rate > 0 ? (double)left_bytes / rate : 0;

    out[0] = '\0';
    if (s < 1 || s > 1e6)
        return;
    if (s < 100)
        snprintf(out, n, _(" · %d s left"), (int)s + 1);
    else if (s < 6000)
        snprintf(out, n, _(" · %d min left"), (int)(s / 60) + 1);
    else
        snprintf(out, n, _(" · %d h left"), (int)(s / 3600) + 1);
}

void wf_bar_draw(struct wf_bar *b, const char *what, uint64_t n_done, uint64_t n_all)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    char done[32], all[32], rate[32], left[64] = "", speed[96] = "";

    if (!b->is_on)
        return;
    if (!b->_start_ns || b->_all != n_all || n_done < b->_first) {
        b->_start_ns = now_ns;
        b->_first = n_done;
        b->_all = n_all;
    }
    if (now_ns - b->_drawn_ns < REDRAW_NS && n_done != n_all)
        return;
    b->_drawn_ns = now_ns;
    double s = (double)(now_ns - b->_start_ns) / 1e9;
    double per_s = s > RATE_AFTER_S ? (double)(n_done - b->_first) / s : 0;
    if (per_s > 0) {
        if (n_all > n_done)
            time_left(left, sizeof(left), per_s, n_all - n_done);
        snprintf(speed, sizeof(speed), " · %s/s%s", wf_cli_bytes(rate, (uint64_t)per_s), left);
    }
    fputs("\r\033[K", stderr);
    if (n_all)
        fprintf(stderr, _("%s: %d%% · %s of %s%s"), what,
                (int)(100.0 * (double)n_done / (double)n_all), wf_cli_bytes(done, n_done),
                wf_cli_bytes(all, n_all), speed);
    else
        fprintf(stderr, "%s: %s%s", what, wf_cli_bytes(done, n_done), speed);
    fflush(stderr);
}
