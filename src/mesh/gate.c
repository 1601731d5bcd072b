/* SPDX-License-Identifier: Apache-2.0 */
/* Gate: buckets of tokens in a small table with sets; the oldest of a set makes room. */
#include "mesh/gate.h"

#include <netinet/in.h>
#include <string.h>

#include "base/config.h"
#include "base/rng.h"
#include "base/str.h"

void wf_gate_init(struct wf_gate *g, double burst, double per_s)
{
    memset(g, 0, sizeof(*g));
    g->burst = burst;
    g->per_s = per_s;
    g->_seed = wf_rng_u64(NULL); /* so that nobody can aim at another's bucket */
}

/* What of an address counts: IPv4 whole, also within IPv6; IPv6 its first 64 bits. */
static void part_of(const struct sockaddr *a, uint8_t out[8])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

    memset(out, 0, 8);
    if (a->sa_family == AF_INET)
        memcpy(out, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    else if (a->sa_family == AF_INET6 && memcmp(&v6->sin6_addr, mapped, sizeof(mapped)) == 0)
        memcpy(out, (const uint8_t *)&v6->sin6_addr + 12, 4);
    else if (a->sa_family == AF_INET6)
        memcpy(out, &v6->sin6_addr, 8);
}

static struct wf_gate_bucket *bucket_of(struct wf_gate *g, const uint8_t part[8])
{
    uint64_t h = wf_str_hash(wf_str_n((const char *)part, 8), g->_seed);
    struct wf_gate_bucket *set = g->_buckets[h % WF_GATE_SETS], *oldest = set;

    for (size_t i = 0; i < WF_GATE_WAYS; i++) {
        if (set[i].at_ns != 0 && memcmp(set[i].address, part, 8) == 0)
            return &set[i];
        if (set[i].at_ns < oldest->at_ns)
            oldest = &set[i];
    }
    memcpy(oldest->address, part, 8);
    oldest->at_ns = 0;
    return oldest;
}

bool wf_gate_pass(struct wf_gate *g, const struct sockaddr *a, int64_t now_ns)
{
    uint8_t part[8];
    struct wf_gate_bucket *b;

    part_of(a, part);
    b = bucket_of(g, part);
    if (b->at_ns == 0)
        b->tokens = g->burst;
    else
        b->tokens = WF_MIN(b->tokens + (double)(now_ns - b->at_ns) / 1e9 * g->per_s, g->burst);
    b->at_ns = now_ns;
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}

bool wf_gate_is_same(const struct sockaddr *a, const struct sockaddr *b)
{
    uint8_t x[8], y[8];

    part_of(a, x);
    part_of(b, y);
    return memcmp(x, y, sizeof(x)) == 0;
}
