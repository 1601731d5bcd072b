/* SPDX-License-Identifier: Apache-2.0 */
/* Products by blocks. The members of the gang share c out as a grid of rectangles, and each does
 * its own from beginning to end: no member waits for another, and what two of them pack twice is
 * little beside the products (the grid is the one with the least to pack).
 *
 * A member takes NC columns of b at a time, KC values of k of them, and packs that block; then MC
 * rows of a likewise; then every panel of b with every panel of a. A panel of b stays in the first
 * cache while a's go by from the second. k is cut in the same way whoever does it, and every value
 * of c is one chain of additions over a block's k, the blocks in their order: so the number of
 * threads changes no bit. */
#include "kern/gemm.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/gemm_internal.h"
#include "kern/kern.h"

#define KC 384 /* units */
#define MC 256
#define NC 2048
#define LINES_MAX 64 /* of a panel */
#define SLACK 64     /* bytes that packing may write too far, and what panels are aligned to */

struct wf_gemm_room {
    size_t n_threads;
    size_t side_max;
    const struct wf_gemm_isa *isa;
    size_t a_bytes, b_bytes; /* of one member's */
    char *panels;            /* [n_threads] of a, then of b; aligned */
    void *memory;
};

/* A product under way. */
struct job {
    const struct wf_gemm *g;
    const struct wf_gemm_isa *isa;
    enum wf_gemm_kind kind;
    struct wf_gemm_room *room;
};

/* [m, m_end) x [n, n_end) of c. */
struct area {
    size_t m, m_end, n, n_end;
};

static const struct wf_gemm_isa *const all[] = {
    &wf_gemm__ref,
#ifdef __aarch64__
    &wf_gemm__neon,
#endif
#ifdef __x86_64__
    &wf_gemm__avx2, &wf_gemm__avx512, &wf_gemm__avx512_bf16,
#endif
};

static bool runs_here(const struct wf_gemm_isa *isa)
{
    return wf_kern_by_name(isa->needs) != NULL && (isa->runs == NULL || isa->runs());
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* n in equal parts of at most `most`, each but the last a multiple of `grain`: a part's size. */
static size_t even_part(size_t n, size_t most, size_t grain)
{
    size_t n_parts = (n + most - 1) / most;

    return n_parts == 0 ? grain : round_up((n + n_parts - 1) / n_parts, grain);
}

static const struct wf_gemm_isa *isa_at(size_t i)
{
    for (size_t j = 0; j < WF_ARRAY_LEN(all); j++) {
        if (runs_here(all[j]) && i-- == 0)
            return all[j];
    }
    return NULL;
}

/* The fastest: the last. */
static const struct wf_gemm_isa *best(void)
{
    const struct wf_gemm_isa *best = &wf_gemm__ref;

    for (size_t i = 0; isa_at(i) != NULL; i++)
        best = isa_at(i);
    return best;
}

const char *wf_gemm_room_use(struct wf_gemm_room *r, size_t i)
{
    const struct wf_gemm_isa *isa = isa_at(i);

    if (isa == NULL)
        return NULL;
    r->isa = isa;
    return isa->name;
}

bool wf_gemm_has_bf16(void)
{
    return best()->per_unit[WF_GEMM_BF16] > 1;
}

int wf_gemm_room_new(size_t n_threads, size_t side_max, struct wf_gemm_room **out,
                     struct wf_err *err)
{
    struct wf_gemm_room *r = wf_alloc_array(1, sizeof(*r));
    size_t k = WF_MIN(side_max, KC);

    assert(n_threads >= 1);
    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for products.");
    r->n_threads = n_threads;
    r->side_max = side_max;
    r->isa = best();
    r->a_bytes = round_up(k * (WF_MIN(side_max, MC) + LINES_MAX) * WF_GEMM_UNIT + SLACK, SLACK);
    r->b_bytes = round_up(k * (WF_MIN(side_max, NC) + LINES_MAX) * WF_GEMM_UNIT + SLACK, SLACK);
    r->memory = wf_alloc_array(n_threads * (r->a_bytes + r->b_bytes) + SLACK, 1);
    if (r->memory == NULL) {
        wf_gemm_room_free(r);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for products.");
    }
    r->panels = (char *)r->memory + (SLACK - (uintptr_t)r->memory % SLACK) % SLACK;
    *out = r;
    return 0;
}

void wf_gemm_room_free(struct wf_gemm_room *r)
{
    if (r == NULL)
        return;
    wf_free(r->memory);
    wf_free(r);
}

/* A packed block of a with one of b. */
static void multiply(const struct job *j, const char *a, const char *b, size_t n_units,
                     const struct area *at, bool adds)
{
    const struct wf_gemm_isa *isa = j->isa;
    const struct wf_gemm *g = j->g;

    for (size_t n = at->n; n < at->n_end; n += isa->nr) {
        const char *b_panel = b + (n - at->n) * n_units * WF_GEMM_UNIT;
        for (size_t m = at->m; m < at->m_end; m += isa->mr)
            isa->tile[j->kind](n_units, a + (m - at->m) * n_units * WF_GEMM_UNIT, b_panel,
                               g->c + m * g->ldc + n, g->ldc, WF_MIN(isa->mr, at->m_end - m),
                               WF_MIN(isa->nr, at->n_end - n), adds);
    }
}

static size_t units_of(const struct job *j, size_t n_k)
{
    size_t per = j->isa->per_unit[j->kind];

    return (n_k + per - 1) / per;
}

static void pack_a(const struct job *j, size_t m, size_t m_end, size_t k, size_t n_k, char *out)
{
    const struct wf_gemm *g = j->g;
    struct wf_gemm_piece x = {.x = g->a + (g->a_turned ? k * g->lda + m : m * g->lda + k),
                              .ld = g->lda,
                              .turned = g->a_turned,
                              .n_lines = m_end - m,
                              .n_k = n_k};

    j->isa->pack[j->kind](&x, j->isa->mr, out);
}

static void pack_b(const struct job *j, size_t n, size_t n_end, size_t k, size_t n_k, char *out)
{
    const struct wf_gemm *g = j->g;
    struct wf_gemm_piece y = {.x = g->b + (g->b_turned ? n * g->ldb + k : k * g->ldb + n),
                              .ld = g->ldb,
                              .turned = !g->b_turned,
                              .n_lines = n_end - n,
                              .n_k = n_k};

    j->isa->pack[j->kind](&y, j->isa->nr, out);
}

/* Columns [area->n, area->n_end), at most NC, of a member's area. Where there are several blocks of
 * a's rows, as many blocks of k as there is room for are packed of b before: then c is gone through
 * once for all of them. */
static void multiply_columns(const struct job *j, size_t i, const struct area *area)
{
    const struct wf_gemm *g = j->g;
    const struct wf_gemm_isa *isa = j->isa;
    size_t kc = even_part(g->k, KC * isa->per_unit[j->kind], isa->per_unit[j->kind]);
    size_t mc = even_part(area->m_end - area->m, MC / isa->mr * isa->mr, isa->mr);
    size_t block_bytes = units_of(j, kc) * round_up(area->n_end - area->n, isa->nr) * WF_GEMM_UNIT;
    size_t many = area->m_end - area->m > mc ? j->room->b_bytes / block_bytes * kc : kc;
    char *a = j->room->panels + i * (j->room->a_bytes + j->room->b_bytes);
    char *b = a + j->room->a_bytes;

    for (size_t first = 0; first < g->k; first += many) {
        size_t end = WF_MIN(first + many, g->k);
        for (size_t k = first; k < end; k += kc)
            pack_b(j, area->n, area->n_end, k, WF_MIN(kc, end - k),
                   b + (k - first) / kc * block_bytes);
        for (size_t m = area->m; m < area->m_end; m += mc) {
            struct area block = {m, WF_MIN(m + mc, area->m_end), area->n, area->n_end};
            for (size_t k = first; k < end; k += kc) {
                size_t n_k = WF_MIN(kc, end - k);
                pack_a(j, m, block.m_end, k, n_k, a);
                multiply(j, a, b + (k - first) / kc * block_bytes, units_of(j, n_k), &block,
                         k > 0 || g->adds);
            }
        }
    }
}

/* How many parts m is cut into when n_members share c out; n is cut into n_members / that. */
static size_t parts_of_m(const struct wf_gemm *g, size_t n_members)
{
    size_t best = 1, least = SIZE_MAX;

    for (size_t p = 1; p <= n_members; p++) {
        size_t lines = (g->m + p - 1) / p + g->n / (n_members / p);
        if (n_members % p == 0 && lines < least) {
            least = lines;
            best = p;
        }
    }
    return best;
}

static void do_part(void *ud, size_t i, size_t n)
{
    const struct job *j = ud;
    const struct wf_gemm *g = j->g;
    const struct wf_gemm_isa *isa = j->isa;
    size_t p = parts_of_m(g, n), nc;
    struct area mine;

    wf_gang_part(g->m, isa->mr, i % p, p, &mine.m, &mine.m_end);
    wf_gang_part(g->n, isa->nr, i / p, n / p, &mine.n, &mine.n_end);
    nc = even_part(mine.n_end - mine.n, NC, isa->nr);
    for (size_t from = mine.n; from < mine.n_end && mine.m < mine.m_end; from += nc) {
        struct area columns = {mine.m, mine.m_end, from, WF_MIN(from + nc, mine.n_end)};
        multiply_columns(j, i, &columns);
    }
}

void wf_gemm_run(struct wf_gemm_room *r, struct wf_gang *gang, enum wf_gemm_kind kind,
                 const struct wf_gemm *g)
{
    struct job j = {.g = g, .isa = r->isa, .kind = kind, .room = r};

    assert(gang == NULL || wf_gang_size(gang) <= r->n_threads);
    assert(g->m <= r->side_max && g->n <= r->side_max && g->k <= r->side_max);
    if (g->k == 0 && !g->adds) {
        for (size_t i = 0; i < g->m; i++)
            memset(g->c + i * g->ldc, 0, g->n * sizeof(float));
    }
    if (g->m == 0 || g->n == 0 || g->k == 0)
        return;
    if (gang == NULL)
        do_part(&j, 0, 1);
    else
        wf_gang_run(gang, do_part, &j);
}
