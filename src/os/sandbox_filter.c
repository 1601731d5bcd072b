/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of system calls: compiles the table of sandbox_table.c into a seccomp program.
 *
 * seccomp sees numbers, not what pointers point to. Hence the core's way to have no network:
 * connect is closed altogether (the core accepts, it never connects); sendto works only without an
 * address; sendmsg's address cannot be seen, but no socket that would heed one can be made (AF_UNIX
 * streams only) or received (sock.h; and who has one, fetch and airlock, may not make the call that
 * hands it over), and MSG_FASTOPEN, which would connect a listener that was
 * shut down, is a flag that is seen; openat2 and clone3 hide their flags in memory and so do not
 * exist (libraries fall back). Conditions compare the low 32 bits, which is all that the kernel
 * looks at in those arguments; pointers are compared whole.
 *
 * The program is linear: for each call a jump, the alternatives, the answer. Kernels from 5.11 keep
 * a bitmap of calls that are always allowed, so only calls with conditions run it at all. */
#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/sandbox_internal.h"

/* 0 on other machines: no filter, wf_sandbox_enter is refused. */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arguments are read low half first");

/* The x32 calls of x86-64 have this bit. */
#define X32_BIT 0x40000000u
/* The table needs about 700. */
#define INSTRUCTIONS_MAX 2048

struct program {
    struct sock_filter ins[INSTRUCTIONS_MAX];
    unsigned short n;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
    assert(p->n < INSTRUCTIONS_MAX);
    p->ins[p->n++] = (struct sock_filter){code, jt, jf, k};
}

static void emit_return(struct program *p, uint32_t action)
{
    emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_load(struct program *p, size_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* A comparison whose "no" goes to a place that is not known yet: patch_no sets it. */
static unsigned short emit_if_equal(struct program *p, uint32_t k)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 0);
    return (unsigned short)(p->n - 1);
}

/* Makes "no" of the comparison at `at` go to what is emitted next. */
static void patch_no(struct program *p, unsigned short at)
{
    unsigned distance = (unsigned)p->n - at - 1u;
    assert(distance <= UINT8_MAX);
    p->ins[at].jf = (uint8_t)distance;
}

/* Emits one alternative: allow when all conditions hold. True when it has none. */
static bool emit_alternative(struct program *p, const struct wf_sandbox_rule *r)
{
    unsigned short no[2 * WF_SANDBOX_CONDITIONS];
    size_t n_no = 0;
    for (size_t i = 0; i < WF_SANDBOX_CONDITIONS && r->cond[i].kind != WF_COND_NONE; i++) {
        size_t low = offsetof(struct seccomp_data, args) + r->cond[i].arg * sizeof(uint64_t);
        uint32_t value = r->cond[i].kind == WF_COND_SELF ? (uint32_t)getpid() : r->cond[i].value;
        if (r->cond[i].kind == WF_COND_NULL) {
            emit_load(p, low + 4);
            no[n_no++] = emit_if_equal(p, 0);
        }
        emit_load(p, low);
        if (r->cond[i].kind == WF_COND_BITS && r->cond[i].mask != UINT32_MAX)
            emit(p, BPF_ALU | BPF_AND | BPF_K, r->cond[i].mask, 0, 0);
        no[n_no++] = emit_if_equal(p, value);
    }
    emit_return(p, SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < n_no; i++)
        patch_no(p, no[i]);
    return n_no == 0;
}

/* Emits the n_rows rows of one call. */
static void emit_call(struct program *p, const struct wf_sandbox_rule *rows, size_t n_rows,
                      unsigned powers, uint32_t deny)
{
    unsigned short other_call = emit_if_equal(p, (uint32_t)rows->nr);
    bool always = false;
    for (size_t i = 0; i < n_rows && !always; i++) {
        if (rows[i].powers & powers)
            always = emit_alternative(p, &rows[i]);
    }
    uint32_t errnum = rows[n_rows - 1].otherwise;
    if (!always)
        emit_return(p, errnum ? SECCOMP_RET_ERRNO | (errnum & SECCOMP_RET_DATA) : deny);
    patch_no(p, other_call);
}

static void emit_head(struct program *p)
{
    emit_load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, offsetof(struct seccomp_data, nr));
    const uint32_t arch = ARCH;
    if (arch == AUDIT_ARCH_X86_64) {
        emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
        emit_return(p, SECCOMP_RET_KILL_PROCESS);
    }
}

static void compile(struct program *p, unsigned powers, uint32_t deny)
{
    emit_head(p);
    const struct wf_sandbox_rule *rules = wf_sandbox__rules;
    for (size_t i = 0, end; i < wf_sandbox__n_rules; i = end) {
        for (end = i + 1; end < wf_sandbox__n_rules && rules[end].nr == rules[i].nr;)
            end++;
        emit_call(p, rules + i, end - i, powers, deny);
    }
    emit_return(p, deny);
}

static unsigned powers_of(const struct wf_sandbox_options *o, bool has_landlock)
{
    unsigned powers = WF_POWER_LEAST;
    if (o->exec_dirs)
        powers |= WF_POWER_MAP_CODE;
    if (o->threads || o->kind == WF_SANDBOX_CORE)
        powers |= WF_POWER_THREADS;
    if (has_landlock && (o->read_dirs || o->exec_dirs))
        powers |= WF_POWER_PATHS;
    switch (o->kind) {
    case WF_SANDBOX_CORE:
        return powers | WF_POWER_CORE;
    case WF_SANDBOX_FETCH:
    case WF_SANDBOX_AIRLOCK:
        return powers | WF_POWER_FETCH | WF_POWER_PATHS | WF_POWER_THREADS;
    case WF_SANDBOX_LINK:
        /* Without Landlock names are resolved by files all the same: reading stays open. */
        return powers | WF_POWER_LINK | WF_POWER_PATHS | WF_POWER_THREADS;
    case WF_SANDBOX_WATCH:
        /* Without Landlock the paths stay open: reading is its work. */
        return powers | WF_POWER_WATCH | WF_POWER_PATHS;
    case WF_SANDBOX_EXTRACT:
        return powers;
    case WF_SANDBOX_EXTRACT_EXEC:
        /* The loader of the program that it runs needs these. */
        return powers | WF_POWER_EXEC | WF_POWER_PATHS | WF_POWER_MAP_CODE;
    }
    assert(false); /* a kind without powers */
    return 0;
}

/* Names the forbidden call on stderr and dies as without `explain`. */
static void explain_and_die(int sig, siginfo_t *info, void *context)
{
    (void)context;
    char text[] = "weft: the sandbox forbids system call      \n";
    unsigned nr = (unsigned)info->si_syscall;
    for (size_t at = sizeof(text) - 3; nr > 0 && text[at] == ' '; at--, nr /= 10)
        text[at] = (char)('0' + nr % 10);
    ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)n; /* nobody is left to tell */
    signal(sig, SIG_DFL);
    raise(sig);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int install(const struct program *p)
{
    struct sock_fprog f = {p->n, (struct sock_filter *)(uintptr_t)p->ins};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f);
}

bool wf_sandbox__has_filter(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return ARCH != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int wf_sandbox__filter(const struct wf_sandbox_options *o, bool has_landlock, struct wf_err *err)
{
    struct program p = {.n = 0};
    uint32_t deny = SECCOMP_RET_KILL_PROCESS;
    if (o->explain) {
        struct sigaction act = {.sa_sigaction = explain_and_die, .sa_flags = SA_SIGINFO};
        if (sigaction(SIGSYS, &act, NULL) != 0)
            return wf_err_errno(err, errno, "cannot handle SIGSYS");
        deny = SECCOMP_RET_TRAP;
    }
    compile(&p, powers_of(o, has_landlock), deny);
    if (install(&p) != 0)
        return wf_err_errno(err, errno, "cannot install the filter of system calls");
    return 0;
}

int wf_sandbox__forbid_fork(void)
{
    static const int calls[] = {
        SYS_clone,
        SYS_clone3,
#ifdef SYS_fork
        SYS_fork,
        SYS_vfork,
#endif
    };
    struct program p = {.n = 0};
    emit_head(&p);
    for (size_t i = 0; i < WF_ARRAY_LEN(calls); i++) {
        unsigned short other_call = emit_if_equal(&p, (uint32_t)calls[i]);
        emit_return(&p, SECCOMP_RET_ERRNO | (calls[i] == SYS_clone3 ? ENOSYS : EPERM));
        patch_no(&p, other_call);
    }
    emit_return(&p, SECCOMP_RET_ALLOW);
    return install(&p);
}
