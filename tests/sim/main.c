/* SPDX-License-Identifier: Apache-2.0 */
/* usage: sim [-v] [-n SEEDS] [-s STEPS] [-f FIRST] [-c FILE]: plays seeds; prints the first line of
 * what went wrong and how to play it again. -c: writes the next seed into FILE now and then. -t:
 * each seed twice, both must come to the same hash. -d DIR: leaves the
 * nodes' databases there. -x BITS: without some of what goes wrong
 * (even). */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>
#include <sqlite3.h>

#include "sim/seams.h"
#include "sim/sim.h"

#define CALM_S 1200
#define CALM_EVENTS 400000u

struct options {
    bool is_verbose, twice;
    uint64_t n_seeds, n_steps, first, off;
    const char *checkpoint, *dir, *dump;
};

struct totals {
    uint64_t n_steps, n_crashes, n_edits, n_sent, n_bytes, n_decisions, n_faults;
};

/* ---- one seed ---- */

static void temper(struct sim *s)
{
    struct sim_temper *t = &s->temper;

    t->lies = sim_one_in(s, 8);
    t->duplicates = sim_one_in(s, 4);
    t->is_lax = sim_one_in(s, 4);
    t->wild_clocks = sim_one_in(s, 6);
    t->alloc_fails = sim_one_in(s, 5);
    t->crashes = sim_one_in(s, 4) ? 0 : 1 + (unsigned)sim_below(s, 40);
    t->faults = sim_one_in(s, 2) ? 0 : 1 + (unsigned)sim_below(s, 30);
    t->admin = sim_one_in(s, 3) ? 0 : 1 + (unsigned)sim_below(s, 8);
    t->labels = sim_one_in(s, 2) ? SIM_NEVER : 20 + (unsigned)sim_below(s, 200);
    t->delay_ms = sim_one_in(s, 3) ? 1 : sim_one_in(s, 2) ? 30 : 2000;
}

/* To find out what a failure comes from: a bit for each member of the temper, which is off then. */
static void even(struct sim_temper *t, uint64_t off)
{
    t->lies = t->lies && (off & 1) == 0;
    t->duplicates = t->duplicates && (off & 2) == 0;
    t->is_lax = t->is_lax && (off & 4) == 0;
    t->wild_clocks = t->wild_clocks && (off & 8) == 0;
    t->alloc_fails = t->alloc_fails && (off & 16) == 0;
    t->crashes = (off & 32) == 0 ? t->crashes : 0;
    t->faults = (off & 64) == 0 ? t->faults : 0;
    t->admin = (off & 128) == 0 ? t->admin : 0;
    t->labels = (off & 256) == 0 ? t->labels : SIM_NEVER;
}

static void begin(struct sim *s, uint64_t off)
{
    unsigned n = 2 + (unsigned)sim_below(s, 4);

    s->wall_ms = INT64_C(1764000000000);
    temper(s);
    even(&s->temper, off);
    for (unsigned i = 0; i < n; i++) {
        act_add_node(s, i == 0 ? WF_NODE_TIER_DEVICE : (enum wf_node_tier)sim_below(s, 3),
                     i == 0 || sim_one_in(s, 2) ? WF_LABEL_PRIVATE
                                                : (enum wf_label)sim_below(s, 3));
        /* Who was lied to may tell two stories, and is taken out: the first is the owner's, whom
         * nobody takes out here. */
        s->nodes[i].disk.lies = s->temper.lies && sim_one_in(s, 2) && i > 0;
    }
    for (unsigned i = 0; i < n; i++) {
        s->nodes[i].list = s->n_lists;
        sim_in(s, (int64_t)sim_below(s, 3) * SIM_NS_PER_S, SIM_START, i, 0);
    }
}

static bool one_event(struct sim *s)
{
    struct sim_event e;

    if (!sim_next(s, &e))
        return false;
    sim_mix(s, &e.at_ns, sizeof(e.at_ns));
    sim_mix(s, &(uint64_t){(uint64_t)e.kind << 32 | e.node}, sizeof(uint64_t));
    node_event(s, &e);
    sqlite3_free(e.bytes);
    return true;
}

static void play(struct sim *s, uint64_t n_steps)
{
    for (uint64_t i = 0; i < n_steps && s->failure[0] == '\0'; i++) {
        if (sim_one_in(s, 4) || !one_event(s))
            act(s);
    }
}

static void calm_down(struct sim *s)
{
    int64_t until;
    bool is_calm = false;

    act_heal(s);
    until = s->now_ns + CALM_S * SIM_NS_PER_S;
    for (uint64_t i = 0; s->failure[0] == '\0' && !is_calm && s->now_ns < until && i < CALM_EVENTS;
         i++) {
        if (!one_event(s))
            break;
        if (i % 128 == 127)
            is_calm = check_is_calm(s, false);
        if (i % 1024 == 1023)
            net_try_all(s);
    }
    if (!is_calm && s->failure[0] == '\0')
        (void)check_is_calm(s, true);
}

/* A device whose disk lied may have told two stories. That is named, and the owner takes it out. */
static void come_to_rest(struct sim *s)
{
    calm_down(s);
    if (s->failure[0] == '\0' || !act_take_out_liars(s))
        return;
    sim_say(s, "who was lied to by its disk is taken out");
    s->failure[0] = '\0';
    calm_down(s);
}

/* The databases as files, to be looked at with sqlite3. */
static void dump(struct sim *s, const char *dir)
{
    static const char *const names[] = {"db", "db-wal"};
    char path[256];

    for (unsigned i = 0; i < s->n_nodes; i++) {
        for (unsigned k = 0; k < 2; k++) {
            const struct disk_bytes *b = &s->nodes[i].disk.files[k].mem;
            FILE *f;
            (void)snprintf(path, sizeof(path), "%s/node%u.%s", dir, i, names[k]);
            f = fopen(path, "w");
            if (f == NULL)
                continue;
            (void)!fwrite(b->p, 1, b->n, f);
            (void)fclose(f);
        }
    }
}

static void end(struct sim *s, struct totals *t)
{
    struct sim_event e;

    for (unsigned i = 0; i < s->n_nodes; i++)
        node_free(&s->nodes[i]);
    while (sim_next(s, &e))
        sqlite3_free(e.bytes);
    for (unsigned i = 1; i <= s->n_lists; i++)
        sqlite3_free(s->lists[i]);
    sqlite3_free(s->heap);
    sqlite3_free(s->marks);
    sqlite3_free(s->claims);
    sqlite3_free(s->drafts);
    t->n_crashes += s->n_crashes;
    t->n_edits += s->n_edits;
    t->n_sent += s->n_sent;
    t->n_bytes += s->n_bytes;
    t->n_decisions += s->n_decisions;
    t->n_faults += s->n_faults;
}

/* False: something does not hold. */
static bool run(const struct options *o, uint64_t seed, struct totals *t, uint64_t *out_hash)
{
    static struct sim s;
    bool ok;

    memset(&s, 0, sizeof(s));
    s.seed = seed;
    s.dir = o->dir;
    s.is_verbose = o->is_verbose;
    s.log = o->is_verbose ? wf_log_new(STDOUT_FILENO, WF_LOG_DEBUG) : NULL;
    (void)setvbuf(stdout, NULL, o->is_verbose ? _IONBF : _IOFBF, BUFSIZ);
    wf_rng_seeded_init(&s.rng, seed);
    seams_seed(seed);
    sqlite3_randomness(0, NULL); /* begins anew, from us */
    begin(&s, o->off);
    play(&s, o->n_steps);
    come_to_rest(&s);
    if (s.failure[0] == '\0')
        check_all(&s);
    *out_hash = s.hash;
    if (o->dump != NULL)
        dump(&s, o->dump);
    ok = s.failure[0] == '\0';
    if (!ok)
        printf("seed %llu: %s\n  again: make sim SEEDS=1 STEPS=%llu FROM=%llu V=1\n",
               (unsigned long long)seed, s.failure, (unsigned long long)o->n_steps,
               (unsigned long long)seed);
    t->n_steps += o->n_steps;
    end(&s, t);
    wf_log_free(s.log);
    return ok;
}

/* ---- all ---- */

static void save(const char *path, uint64_t next)
{
    FILE *f = path == NULL ? NULL : fopen(path, "w");

    if (f == NULL)
        return;
    fprintf(f, "%llu\n", (unsigned long long)next);
    (void)fclose(f);
}

static uint64_t number(const char *s)
{
    return strtoull(s, NULL, 10);
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int c;

    while ((c = getopt(argc, argv, "vtn:s:f:c:x:d:")) != -1) {
        switch (c) {
        case 'v':
            o->is_verbose = true;
            break;
        case 't':
            o->twice = true;
            break;
        case 'n':
            o->n_seeds = number(optarg);
            break;
        case 's':
            o->n_steps = number(optarg);
            break;
        case 'f':
            o->first = number(optarg);
            break;
        case 'c':
            o->checkpoint = optarg;
            break;
        case 'd':
            o->dump = optarg;
            break;
        case 'x':
            o->off = number(optarg);
            break;
        default:
            return false;
        }
    }
    return true;
}

static uint64_t play_seeds(const struct options *o, struct totals *t)
{
    uint64_t n_failed = 0, hash = 0, again = 0;

    for (uint64_t i = 0; i < o->n_seeds; i++) {
        uint64_t seed = o->first + i;
        n_failed += !run(o, seed, t, &hash);
        if (o->twice && run(o, seed, t, &again) && hash != again) {
            printf("seed %llu: two runs differ\n", (unsigned long long)seed);
            n_failed++;
        }
        if (o->n_seeds <= 20)
            printf("seed %llu: hash %016llx\n", (unsigned long long)seed, (unsigned long long)hash);
        if (i % 100 == 99)
            save(o->checkpoint, seed + 1);
        (void)fflush(stdout);
    }
    return n_failed;
}

static int64_t real_ms(void)
{
    struct timespec t;

    (void)timespec_get(&t, TIME_UTC); /* not what seams.c took over */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(int argc, char **argv)
{
    struct options o = {.n_seeds = 20, .n_steps = 2000, .first = 1};
    char dir[] = "/tmp/weft-sim-XXXXXX";
    struct totals t = {.n_steps = 0};
    uint64_t n_failed;
    int64_t begun;

    if (!read_options(argc, argv, &o) || mkdtemp(dir) == NULL || !seams_init())
        return 2;
    json_object_seed(7);
    o.dir = dir;
    disk_register(seams_wall_ms);
    if (!node_templates(dir))
        return 2;
    begun = real_ms();
    n_failed = play_seeds(&o, &t);
    printf(
        "%llu seeds of %llu steps in %.1f s: %llu failed; %llu edits, %llu crashes, %llu faults, "
        "%llu messages (%llu MB), %llu decisions\n",
        (unsigned long long)o.n_seeds, (unsigned long long)o.n_steps,
        (double)(real_ms() - begun) / 1000, (unsigned long long)n_failed,
        (unsigned long long)t.n_edits, (unsigned long long)t.n_crashes,
        (unsigned long long)t.n_faults, (unsigned long long)t.n_sent,
        (unsigned long long)(t.n_bytes >> 20), (unsigned long long)t.n_decisions);
    node_templates_free();
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return n_failed == 0 ? 0 : 1;
}
