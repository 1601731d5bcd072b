/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a training: how to end it early, and how long it takes. */
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

void wf_train_catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    (void)sigemptyset(&a.sa_mask);
    (void)sigaction(SIGINT, &a, NULL); /* fails for signals only that do not exist */
    (void)sigaction(SIGTERM, &a, NULL);
}

bool wf_train_asked_to_stop(void)
{
    return asked_to_stop != 0;
}

void wf_train_time_left(char *out, size_t n, double s)
{
    out[0] = 0;
    if (!isfinite(s) || s > 1e7)
        return;
    if (s < 100)
        snprintf(out, n, _(" · %d s left"), (int)s + 1);
    else if (s < 6000)
        snprintf(out, n, _(" · %d min left"), (int)(s / 60) + 1);
    else
        snprintf(out, n, _(" · %d h %d min left"), (int)(s / 3600), (int)(s / 60) % 60);
}
