/* The sandbox's parts, which sandbox.c puts together and the tests try one by one. */
#ifndef WF_OS_SANDBOX_INTERNAL_H
#define WF_OS_SANDBOX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sandbox.h"

/* ---- machine code (sandbox_code.c) ---- */

/* Takes the right to write from all pages that are executable. Errors: IO, NOMEM. */
int wf_sandbox__seal_code(struct wf_err *err) WF_MUST_USE;

/* ---- Landlock (sandbox_landlock.c) ---- */

/* The kernel's Landlock version, 0 when it has none. */
int wf_sandbox__landlock_abi(void);

/* True when version `abi` is good enough for what `o` wants. */
bool wf_sandbox__landlock_useful(const struct wf_sandbox_options *o, int abi);

/* Restricts files, TCP, abstract sockets and signals as far as version `abi` can (1 to the
 * kernel's). no_new_privs is set. Errors: as wf_sandbox_enter. */
int wf_sandbox__landlock(const struct wf_sandbox_options *o, int abi,
                         struct wf_err *err) WF_MUST_USE;

/* ---- the filter of system calls (sandbox_filter.c) ---- */

/* True when the kernel can end a process by filter. */
bool wf_sandbox__has_filter(void);

/* Installs the filter. `has_landlock`: files are restricted by it. no_new_privs is set. Errors: as
 * wf_sandbox_enter. */
int wf_sandbox__filter(const struct wf_sandbox_options *o, bool has_landlock,
                       struct wf_err *err) WF_MUST_USE;

/* Adds a filter that forbids making processes, in whatever state the process is. no_new_privs is
 * set. 0, or -1 and errno. */
int wf_sandbox__forbid_fork(void);

/* ---- what the filter says (sandbox_table.c) ---- */

/* What a process may do beyond the least; a row asks for one or several of these. */
enum wf_sandbox_power {
    WF_POWER_LEAST = 1u << 0,    /* everyone */
    WF_POWER_CORE = 1u << 1,     /* writing files, serving sockets */
    WF_POWER_PATHS = 1u << 2,    /* looking at and reading files by path */
    WF_POWER_MAP_CODE = 1u << 3, /* mapping files as code: libraries that are loaded late */
    WF_POWER_EXEC = 1u << 4,     /* fork and exec */
    WF_POWER_THREADS = 1u << 5,  /* threads */
    WF_POWER_WATCH = 1u << 6,    /* watching folders, connecting to a local socket */
    WF_POWER_FETCH = 1u << 7,    /* connecting to the internet, writing files */
    WF_POWER_LINK = 1u << 8,     /* connecting to the internet, accepting, no files */
};

enum wf_sandbox_condition {
    WF_COND_NONE,
    WF_COND_BITS, /* (argument & mask) == value, low 32 bits */
    WF_COND_NULL, /* the argument is a NULL pointer */
    WF_COND_SELF, /* the argument is this process's id */
};

#define WF_SANDBOX_CONDITIONS 2

struct wf_sandbox_rule {
    int nr;             /* of the system call */
    unsigned powers;    /* one of these lets it through, when all conditions hold */
    uint16_t otherwise; /* errno for the rest; 0: the process dies. The last row of a call counts */
    struct {
        enum wf_sandbox_condition kind;
        unsigned arg; /* 0..5 */
        uint32_t mask;
        uint32_t value;
    } cond[WF_SANDBOX_CONDITIONS];
};

/* Rows of the same call are neighbours. */
extern const struct wf_sandbox_rule wf_sandbox__rules[];
extern const size_t wf_sandbox__n_rules;

#endif
