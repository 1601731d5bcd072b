/* Throttle: how many members of a gang work, by what their passes take.
 *
 * Beside other programs the others wait for a member that lost its processor, and that may cost
 * more than it brings; where memory is the limit, fewer members read it as fast and draw less
 * energy. Neither is believed: when members lose their processors, or energy is to be spared, fewer
 * and more members take turns for a moment, and what passes then took decides. ("Concurrency
 * throttling", Curtis-Maury et al. 2006; "Feedback-driven threading", Suleman et al. 2008.)
 * One throttle is for passes of one kind. It knows no clock, it is told. Threads: owner. */
#ifndef WF_OS_THROTTLE_H
#define WF_OS_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A trial: passes by few and by more members in turns (0: few, 1: more). */
struct wf_throttle_trial {
    bool is_on, is_up; /* is_up: by more members than now */
    size_t n[2];       /* members */
    double work[2], ns[2];
    size_t turn;
    int64_t turn_ns; /* of the turn that runs */
};

struct wf_throttle {
    size_t n_all, n;          /* members, and those that work but for trials */
    bool spares;              /* energy */
    size_t step;              /* so many fewer are tried next */
    int64_t ended_ns;         /* of the last pass */
    int64_t worked_ns;        /* all passes took; what is timed below is timed by it */
    int64_t look_ns, lost_ns; /* passes since the last look, and what members lost meanwhile */
    int64_t less_ns, more_ns; /* when fewer, and more, may be tried next */
    int64_t wait_ns;          /* between trials that changed nothing */
    bool by_one;              /* more by one are tried next, not all */
    double lead;              /* of the fewer in the last trial, which was one of lead_n */
    size_t lead_n[2];
    int64_t lead_ns;
    struct wf_throttle_trial trial;
};

/* A pass that was run. */
struct wf_throttle_pass {
    int64_t begun_ns, ended_ns; /* monotonic */
    double work;                /* that it did, in whichever unit passes of the kind share */
    int64_t lost_ns;            /* of this time the member that lost most had no processor */
    bool spares; /* as few members as give nearly the speed of all; else the fastest */
};

/* All n_all members (at least 1) work. */
void wf_throttle_init(struct wf_throttle *t, size_t n_all);
/* Members for the pass that begins now, 1..n_all. */
size_t wf_throttle_n(struct wf_throttle *t, int64_t now_ns);
/* A pass by as many was run. */
void wf_throttle_ran(struct wf_throttle *t, const struct wf_throttle_pass *p);

#endif
