/* SPDX-License-Identifier: Apache-2.0 */
/* Fewer members are tried when over LOOK_NS of passes one of them lost more than LOST_SHARE of its
 * time, or when energy is to be spared; more, some time after fewer were kept. A trial is four
 * turns, A B B A, of TURN_NS and at least a pass each, so that what changes steadily meanwhile (a
 * text that grows) counts for both alike. Two are enough to stay as it is where that is clearly
 * faster, and eight are taken to change where it is not clear. A trial that changes nothing makes
 * the next one wait twice as long.
 *
 * One member less may help nothing where several are lost, since any that is lost holds up all:
 * then two, four, ... fewer are tried. To spare energy it is a quarter of them, then an eighth,
 * .... */
#include "os/throttle.h"

#include <assert.h>

#include "base/config.h"

#define MS 1000000

/* Longer than what a service that wakes takes of a processor. */
#define LOOK_NS (300 * MS)
#define LOST_SHARE 0.25
#define TURN_NS (200 * MS)
/* So long a turn is not counted: the system moves programs from processor to processor, and favours
 * who has slept. */
#define SKIP_NS (50 * MS)
#define TURNS 4
#define TURNS_MAX 8
/* A lead that settles it: a fifth faster. */
#define CLEAR 0.09
/* So much of the lead before counts, half of that behind the longest wait: passes vary more than
 * one trial tells. */
#define BEFORE_SHARE 0.5
/* Behind such a pause a trial's turns say nothing of each other. */
#define PAUSE_NS (1000 * MS)
/* Behind such a one other programs come and went; how much memory gives stays as it was. */
#define FORGET_NS ((int64_t)10000 * MS)
#define WAIT_MIN_NS ((int64_t)2000 * MS)
#define WAIT_MAX_NS ((int64_t)10000 * MS)
/* And at least so many times as long as the trial took. */
#define WAIT_TRIALS 4
/* Fewer members are kept to spare energy where they reach so much of the speed of more, and else
 * where those that rest bring next to nothing: this much of their part in all. */
#define SPARE_SHARE 0.95
#define NOTHING (1.0 / 16)

void wf_throttle_init(struct wf_throttle *t, size_t n_all)
{
    assert(n_all > 0);
    *t = (struct wf_throttle){.n_all = n_all, .n = n_all, .step = 1, .wait_ns = WAIT_MIN_NS};
}

static size_t arm(const struct wf_throttle_trial *trial)
{
    bool is_second = (trial->turn + 1) / 2 % 2 == 1;

    return is_second != trial->is_up;
}

size_t wf_throttle_n(struct wf_throttle *t, int64_t now_ns)
{
    if (now_ns - t->ended_ns > FORGET_NS && !t->spares)
        wf_throttle_init(t, t->n_all);
    return t->trial.is_on ? t->trial.n[arm(&t->trial)] : t->n;
}

static void begin_trial(struct wf_throttle *t, bool is_up, size_t n_few, size_t n_more)
{
    t->trial = (struct wf_throttle_trial){.is_on = true, .is_up = is_up, .n = {n_few, n_more}};
}

/* How much faster few are than they must be to be kept, as a share of both speeds, once both had as
 * many turns. */
static double lead_of_few(const struct wf_throttle *t)
{
    const struct wf_throttle_trial *trial = &t->trial;
    double rest = (double)(trial->n[1] - trial->n[0]) / (double)trial->n[1];
    double must = (t->spares ? SPARE_SHARE : 1 - NOTHING * rest) * trial->work[1] / trial->ns[1];
    double few = trial->work[0] / trial->ns[0];

    return (few - must) / (few + must);
}

/* The same with what the trial before said, if it was one of the same numbers. */
static double lead_now(const struct wf_throttle *t)
{
    const struct wf_throttle_trial *trial = &t->trial;
    double age = (double)(t->worked_ns - t->lead_ns) / WAIT_MAX_NS;
    bool is_same = t->lead_n[0] == trial->n[0] && t->lead_n[1] == trial->n[1];

    return lead_of_few(t) + (is_same ? BEFORE_SHARE * t->lead / (1 + age) : 0);
}

/* Whether it says to go on otherwise than now. */
static bool says_change(const struct wf_throttle *t, double lead)
{
    return (lead >= 0) != t->trial.is_up;
}

static bool is_settled(const struct wf_throttle *t, double lead)
{
    bool is_clear = lead > CLEAR || lead < -CLEAR, changes = says_change(t, lead);
    size_t turn = t->trial.turn;

    return turn == TURNS_MAX || (turn >= TURNS ? is_clear || !changes : is_clear && !changes);
}

/* How many fewer to try at first. */
static size_t first_step(const struct wf_throttle *t)
{
    return t->spares ? WF_MAX(t->n / 4, (size_t)1) : 1;
}

/* A trial changed nothing: whether it was not the last of its direction. */
static bool has_another(struct wf_throttle *t)
{
    if (t->trial.is_up) {
        t->by_one = !t->by_one && !t->spares && t->n + 1 < t->n_all;
        return t->by_one;
    }
    t->step = t->spares ? t->step / 2 : t->step * 2;
    return t->step > 0 && t->step < t->n;
}

static void end_trial(struct wf_throttle *t, double lead)
{
    const struct wf_throttle_trial *trial = &t->trial;
    bool changes = says_change(t, lead);
    int64_t after_ns = t->worked_ns + WAIT_TRIALS * (int64_t)(trial->ns[0] + trial->ns[1]);

    t->trial.is_on = false;
    t->lead = lead;
    t->lead_ns = t->worked_ns;
    t->lead_n[0] = trial->n[0];
    t->lead_n[1] = trial->n[1];
    if (!changes && has_another(t))
        return;
    if (changes) {
        t->n = trial->n[trial->is_up];
        t->wait_ns = WAIT_MIN_NS;
    }
    t->step = first_step(t);
    /* On in a direction that won at once, back only after some time. */
    *(changes == trial->is_up ? &t->less_ns : &t->more_ns) =
        WF_MAX(t->worked_ns + t->wait_ns, after_ns);
    if (!changes)
        t->wait_ns = WF_MIN(2 * t->wait_ns, WAIT_MAX_NS);
}

static void try_a_pass(struct wf_throttle *t, const struct wf_throttle_pass *p)
{
    struct wf_throttle_trial *trial = &t->trial;
    int64_t ns = p->ended_ns - p->begun_ns;
    double lead;

    if (trial->turn_ns >= SKIP_NS || ns >= TURN_NS) {
        trial->work[arm(trial)] += p->work;
        trial->ns[arm(trial)] += (double)ns;
    }
    trial->turn_ns += ns;
    if (trial->turn_ns < TURN_NS)
        return;
    trial->turn_ns = 0;
    if (++trial->turn % 2 != 0)
        return;
    lead = lead_now(t);
    if (is_settled(t, lead))
        end_trial(t, lead);
}

/* To spare energy fewer are held against all, lest small losses add up. */
static void try_fewer(struct wf_throttle *t)
{
    begin_trial(t, false, t->n - t->step, t->spares ? t->n_all : t->n);
}

/* All, since what ran beside is mostly gone when it is gone, then one by one. */
static void try_more(struct wf_throttle *t)
{
    begin_trial(t, true, t->n, t->by_one ? t->n + 1 : t->n_all);
}

static void look(struct wf_throttle *t, const struct wf_throttle_pass *p)
{
    bool loses;

    t->look_ns += p->ended_ns - p->begun_ns;
    t->lost_ns += p->lost_ns;
    if (t->look_ns < LOOK_NS)
        return;
    loses = (double)t->lost_ns > LOST_SHARE * (double)t->look_ns;
    t->look_ns = t->lost_ns = 0;
    if (t->n > 1 && (loses || t->spares) && t->worked_ns >= t->less_ns)
        try_fewer(t);
    else if (t->n < t->n_all && t->worked_ns >= t->more_ns)
        try_more(t);
}

void wf_throttle_ran(struct wf_throttle *t, const struct wf_throttle_pass *p)
{
    bool was_long_ago = p->begun_ns - t->ended_ns > PAUSE_NS;

    assert(p->ended_ns >= p->begun_ns);
    if (t->n_all == 1)
        return;
    t->ended_ns = p->ended_ns;
    t->worked_ns += p->ended_ns - p->begun_ns;
    if (p->spares != t->spares) {
        t->spares = p->spares;
        t->step = first_step(t);
        t->less_ns = t->more_ns = t->worked_ns;
        t->wait_ns = WAIT_MIN_NS;
        t->trial.is_on = false;
        t->lead = 0;
    }
    if (was_long_ago) {
        t->trial.is_on = false;
        t->look_ns = t->lost_ns = 0;
    }
    if (t->trial.is_on)
        try_a_pass(t, p);
    else
        look(t, p);
}
