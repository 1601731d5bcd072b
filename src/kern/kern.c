/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables of kernels this processor (and its system) runs; slower ones come first. */
#include "kern/kern.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

static const struct wf_kern *const all[] = {
    &wf_kern_ref,
#ifdef __x86_64__
    &wf_kern_avx2, &wf_kern_avxvnni,  &wf_kern_avx512,
#endif
#ifdef __aarch64__
    &wf_kern_neon, &wf_kern_neon_dot, &wf_kern_neon_i8mm,
#endif
};

#define N_ALL (sizeof(all) / sizeof(all[0]))

#ifdef __x86_64__
/* Clang 14 has no name for this feature. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

static bool has_avxvnni(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;
}
#endif

static bool runs_here(const struct wf_kern *k)
{
#ifdef __x86_64__
    if (k == &wf_kern_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    if (k == &wf_kern_avxvnni)
        return runs_here(&wf_kern_avx2) && has_avxvnni();
    if (k == &wf_kern_avx512)
        return runs_here(&wf_kern_avx2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#endif
#ifdef __aarch64__
    if (k == &wf_kern_neon)
        return true;
    if (k == &wf_kern_neon_dot)
        return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    if (k == &wf_kern_neon_i8mm)
        return runs_here(&wf_kern_neon_dot) && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#endif
    return k == &wf_kern_ref;
}

const struct wf_kern *wf_kern_at(size_t i)
{
    for (size_t j = 0; j < N_ALL; j++) {
        if (runs_here(all[j]) && i-- == 0)
            return all[j];
    }
    return NULL;
}

const struct wf_kern *wf_kern(void)
{
    /* Asking the processor takes some 10 us where a hypervisor answers for it. */
    static const struct wf_kern *_Atomic chosen;
    /* Relaxed: the tables are constant, and whoever comes first finds the same. */
    const struct wf_kern *best = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (best != NULL)
        return best;
    best = &wf_kern_ref;
    for (size_t j = 0; j < N_ALL; j++)
        best = runs_here(all[j]) ? all[j] : best;
    atomic_store_explicit(&chosen, best, memory_order_relaxed); /* see above */
    return best;
}

const struct wf_kern *wf_kern_by_name(const char *name)
{
    for (size_t i = 0; wf_kern_at(i) != NULL; i++) {
        if (strcmp(wf_kern_at(i)->name, name) == 0)
            return wf_kern_at(i);
    }
    return NULL;
}
