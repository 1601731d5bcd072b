/* SPDX-License-Identifier: Apache-2.0 */
/* Weather: a network for tests, of any number of machines, each at a link that is as good or as bad
 * as it is told to be: delay, loss, order, doubles, speed, and who reaches whom at all.
 *
 *   weather SEED NAME...     makes a TAP device of each name in this network namespace, to be moved
 *                            into that of the machine; says "ready" and takes lines from stdin:
 *   link NAME KEY=VALUE...   delay, jitter (ms one way), drop, reorder, twice, spoil (of 1,000
 *                            frames), rate (kB/s), queue (kB); what is not named is none
 *   cut NAME NAME            from now on the two do not reach each other; "*": all others
 *   join NAME NAME           now they do
 *   stats                    a line a machine: frames and bytes from it, frames lost, spoilt
 * Each is answered by "ok" or by a sentence. A frame from one machine to another has the delay and
 * the losses of both links, the rate of both: first it leaves, then it arrives. A spoilt one is
 * what somebody on the way makes of it: a byte of what TCP carries is another, and the sum agrees.
 * What is drawn is drawn from the seed; which frames there are is the machines' doing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/rng.h"

#define PORTS_MAX 16
#define FRAME_MAX 2048
#define MACS_MAX 256
#define MAC_BYTES 6
#define NS_PER_MS INT64_C(1000000)

struct weather_link {
    long delay, jitter, drop, reorder, twice, spoil, rate, queue;
};

struct weather_port {
    const char *name;
    int fd;
    struct weather_link link;
    int64_t out_free_ns, in_free_ns; /* when its line is free again */
    unsigned long long n_frames, n_bytes, n_lost, n_spoilt;
};

struct weather_frame {
    int64_t due_ns;
    uint64_t turn; /* of those due at once the older first */
    unsigned from, to;
    bool has_left; /* it is on the way; next it arrives */
    uint16_t n;
    uint8_t bytes[FRAME_MAX];
};

struct weather_mac {
    uint8_t mac[MAC_BYTES];
    unsigned port;
};

static struct {
    struct weather_port ports[PORTS_MAX];
    unsigned n_ports;
    bool is_cut[PORTS_MAX][PORTS_MAX];
    struct weather_frame **heap;
    size_t n_heap, cap_heap;
    uint64_t turn;
    struct weather_mac macs[MACS_MAX];
    size_t n_macs;
    struct wf_rng_seeded rng;
} w;

static void die(const char *what)
{
    fprintf(stderr, "weather: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- frames that wait ---- */

static bool is_before(const struct weather_frame *a, const struct weather_frame *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->turn < b->turn;
}

static void heap_put(struct weather_frame *f)
{
    size_t i = w.n_heap;

    if (wf_reserve(&w.heap, &w.cap_heap, w.n_heap + 1, sizeof(*w.heap)) != 0)
        die("memory");
    f->turn = w.turn++;
    for (w.n_heap++; i > 0 && is_before(f, w.heap[(i - 1) / 2]); i = (i - 1) / 2)
        w.heap[i] = w.heap[(i - 1) / 2];
    w.heap[i] = f;
}

static struct weather_frame *heap_take(void)
{
    struct weather_frame *first = w.heap[0], *last = w.heap[--w.n_heap];
    size_t i = 0, k;

    while ((k = 2 * i + 1) < w.n_heap) {
        k += k + 1 < w.n_heap && is_before(w.heap[k + 1], w.heap[k]);
        if (!is_before(w.heap[k], last))
            break;
        w.heap[i] = w.heap[k];
        i = k;
    }
    w.heap[i] = last;
    return first;
}

/* ---- a link ---- */

static bool happens(long of_1000)
{
    return of_1000 > 0 && wf_rng_below(&w.rng.rng, 1000) < (uint64_t)of_1000;
}

/* When a frame has passed the link; -1: it is lost. */
static int64_t passed_ns(struct weather_port *p, int64_t *io_free_ns, size_t n, int64_t now_ns)
{
    const struct weather_link *l = &p->link;
    int64_t at_ns = now_ns;

    if (happens(l->drop)) {
        p->n_lost++;
        return -1;
    }
    if (l->rate > 0) {
        int64_t start_ns = WF_MAX(*io_free_ns, now_ns);
        if (l->queue > 0 && (start_ns - now_ns) / NS_PER_MS * l->rate / 1000 > l->queue) {
            p->n_lost++;
            return -1;
        }
        at_ns = *io_free_ns = start_ns + (int64_t)n * NS_PER_MS / l->rate;
    }
    at_ns += l->delay * NS_PER_MS;
    if (l->jitter > 0)
        at_ns += (int64_t)wf_rng_below(&w.rng.rng, (uint64_t)(l->jitter * NS_PER_MS));
    if (happens(l->reorder))
        at_ns += (2 + l->delay + l->jitter) * NS_PER_MS;
    return at_ns;
}

/* Where in an IPv4 or IPv6 frame the TCP header stands; 0: in none. */
static size_t tcp_at(const uint8_t *f, size_t n)
{
    size_t at = 14;

    if (n >= at + 40 && f[12] == 0x86 && f[13] == 0xdd && f[at + 6] == 6)
        return at + 40;
    if (n < at + 20 || f[12] != 0x08 || f[13] != 0x00 || f[at + 9] != 6)
        return 0;
    return at + 4 * (size_t)(f[at] & 15);
}

/* Changes a byte of what TCP carries, and the sum with it (RFC 1624). */
static void spoil(struct weather_port *p, struct weather_frame *f)
{
    size_t tcp = tcp_at(f->bytes, f->n), data, at, i;
    uint32_t sum;
    uint8_t *word;

    if (tcp == 0 || f->n < tcp + 20)
        return;
    data = tcp + 4 * (size_t)(f->bytes[tcp + 12] >> 4);
    if (data >= f->n)
        return;
    at = data + (size_t)wf_rng_below(&w.rng.rng, f->n - data);
    i = (at - tcp) / 2 * 2 + tcp;
    word = &f->bytes[i];
    if (i + 1 >= f->n)
        return; /* half a word */
    sum = (uint32_t)(f->bytes[tcp + 16] << 8 | f->bytes[tcp + 17]) ^ 0xffff;
    sum += (uint32_t)(word[0] << 8 | word[1]) ^ 0xffff;
    f->bytes[at] ^= (uint8_t)(1 + wf_rng_below(&w.rng.rng, 255));
    sum += (uint32_t)(word[0] << 8 | word[1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    f->bytes[tcp + 16] = (uint8_t)(sum >> 8);
    f->bytes[tcp + 17] = (uint8_t)sum;
    p->n_spoilt++;
}

/* The frame, which is taken, goes over the next of its two links. */
static void send_on(struct weather_frame *f, int64_t now_ns)
{
    struct weather_port *p = &w.ports[f->has_left ? f->to : f->from];

    if (happens(p->link.spoil))
        spoil(p, f);
    f->due_ns = passed_ns(p, f->has_left ? &p->in_free_ns : &p->out_free_ns, f->n, now_ns);
    if (f->due_ns < 0)
        wf_free(f);
    else
        heap_put(f);
}

static void start(unsigned from, unsigned to, const uint8_t *bytes, size_t n, int64_t now_ns)
{
    unsigned n_times = happens(w.ports[from].link.twice) ? 2 : 1;

    if (from == to || w.is_cut[from][to])
        return;
    for (unsigned i = 0; i < n_times; i++) {
        struct weather_frame *f = wf_alloc(sizeof(*f));
        if (f == NULL)
            die("memory");
        f->from = from;
        f->to = to;
        f->has_left = false;
        f->n = (uint16_t)n;
        memcpy(f->bytes, bytes, n);
        send_on(f, now_ns);
    }
}

static void arrive(int64_t now_ns)
{
    while (w.n_heap > 0 && w.heap[0]->due_ns <= now_ns) {
        struct weather_frame *f = heap_take();
        if (!f->has_left) {
            f->has_left = true;
            send_on(f, f->due_ns);
            continue;
        }
        /* A full or absent device loses it, as a network does. */
        if (!w.is_cut[f->from][f->to] && write(w.ports[f->to].fd, f->bytes, f->n) < 0)
            w.ports[f->to].n_lost++;
        wf_free(f);
    }
}

/* ---- a switch that learns who is where ---- */

static void learn(const uint8_t *mac, unsigned port)
{
    for (size_t i = 0; i < w.n_macs; i++) {
        if (memcmp(w.macs[i].mac, mac, MAC_BYTES) == 0) {
            w.macs[i].port = port;
            return;
        }
    }
    if (w.n_macs < MACS_MAX) {
        memcpy(w.macs[w.n_macs].mac, mac, MAC_BYTES);
        w.macs[w.n_macs++].port = port;
    }
}

/* PORTS_MAX: all. */
static unsigned port_of(const uint8_t *mac)
{
    for (size_t i = 0; i < w.n_macs; i++) {
        if (memcmp(w.macs[i].mac, mac, MAC_BYTES) == 0)
            return w.macs[i].port;
    }
    return PORTS_MAX;
}

static void take_frames(unsigned from, int64_t now_ns)
{
    uint8_t bytes[FRAME_MAX];
    ssize_t n;

    while ((n = read(w.ports[from].fd, bytes, sizeof(bytes))) > 2 * MAC_BYTES) {
        unsigned to = port_of(bytes);
        w.ports[from].n_frames++;
        w.ports[from].n_bytes += (unsigned long long)n;
        learn(bytes + MAC_BYTES, from);
        for (unsigned k = 0; k < w.n_ports; k++) {
            if (to == k || to == PORTS_MAX)
                start(from, k, bytes, (size_t)n, now_ns);
        }
    }
}

/* ---- what it is told ---- */

static int find(const char *name)
{
    for (unsigned i = 0; i < w.n_ports && name != NULL; i++) {
        if (strcmp(w.ports[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool set_link(struct weather_link *l, const char *word)
{
    static const char *const names[] = {"delay", "jitter", "drop", "reorder",
                                        "twice", "spoil",  "rate", "queue"};
    long *const values[] = {&l->delay, &l->jitter, &l->drop, &l->reorder,
                            &l->twice, &l->spoil,  &l->rate, &l->queue};

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);
        if (strncmp(word, names[i], n) == 0 && word[n] == '=') {
            *values[i] = strtol(word + n + 1, NULL, 10);
            return *values[i] >= 0 && *values[i] <= 1000000;
        }
    }
    return false;
}

static bool do_link(char **io_rest)
{
    int port = find(strtok_r(NULL, " \n", io_rest));
    struct weather_link link = {0};
    const char *word;

    if (port < 0)
        return false;
    while ((word = strtok_r(NULL, " \n", io_rest)) != NULL) {
        if (!set_link(&link, word))
            return false;
    }
    w.ports[port].link = link;
    return true;
}

static bool do_cut(char **io_rest, bool is_cut)
{
    int a = find(strtok_r(NULL, " \n", io_rest));
    const char *other = strtok_r(NULL, " \n", io_rest);
    int b = find(other);

    if (a < 0 || other == NULL || (b < 0 && strcmp(other, "*") != 0))
        return false;
    for (int k = 0; k < (int)w.n_ports; k++) {
        if (b < 0 || b == k)
            w.is_cut[a][k] = w.is_cut[k][a] = is_cut;
    }
    return true;
}

static bool do_stats(void)
{
    for (unsigned i = 0; i < w.n_ports; i++)
        printf("%s %llu %llu %llu %llu\n", w.ports[i].name, w.ports[i].n_frames, w.ports[i].n_bytes,
               w.ports[i].n_lost, w.ports[i].n_spoilt);
    return true;
}

static void obey(char *line)
{
    char *rest = NULL;
    const char *verb = strtok_r(line, " \n", &rest);
    bool done = false;

    if (verb != NULL && strcmp(verb, "link") == 0)
        done = do_link(&rest);
    else if (verb != NULL && (strcmp(verb, "cut") == 0 || strcmp(verb, "join") == 0))
        done = do_cut(&rest, verb[0] == 'c');
    else if (verb != NULL && strcmp(verb, "stats") == 0)
        done = do_stats();
    puts(done ? "ok" : "there is no such order");
    fflush(stdout);
}

/* Whole lines of stdin; false: it has ended. */
static bool take_orders(void)
{
    static char text[1024];
    static size_t n;
    char *end;
    ssize_t got = read(STDIN_FILENO, text + n, sizeof(text) - 1 - n);

    if (got <= 0)
        return false;
    n += (size_t)got;
    text[n] = '\0';
    while ((end = strchr(text, '\n')) != NULL) {
        *end = '\0';
        obey(text);
        n -= (size_t)(end + 1 - text);
        memmove(text, end + 1, n + 1);
    }
    return n < sizeof(text) - 1;
}

/* ---- */

static void open_port(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    struct weather_port *p = &w.ports[w.n_ports++];

    p->name = name;
    p->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (p->fd < 0)
        die("/dev/net/tun");
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(p->fd, TUNSETIFF, &request) != 0)
        die(name);
}

static void run(void)
{
    struct pollfd fds[PORTS_MAX + 1];

    for (bool goes = true; goes;) {
        int64_t now_ns = wf_clock_mono_ns(NULL), wait_ns = 1000 * NS_PER_MS;
        struct timespec wait;
        for (unsigned i = 0; i < w.n_ports; i++)
            fds[i] = (struct pollfd){.fd = w.ports[i].fd, .events = POLLIN};
        fds[w.n_ports] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        if (w.n_heap > 0)
            wait_ns = WF_MAX(w.heap[0]->due_ns - now_ns, 0);
        wait = (struct timespec){(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)};
        if (ppoll(fds, w.n_ports + 1, &wait, NULL) < 0 && errno != EINTR)
            die("poll");
        now_ns = wf_clock_mono_ns(NULL);
        arrive(now_ns);
        for (unsigned i = 0; i < w.n_ports; i++) {
            if (fds[i].revents != 0)
                take_frames(i, now_ns);
        }
        if (fds[w.n_ports].revents != 0)
            goes = take_orders();
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc - 2 > PORTS_MAX) {
        fprintf(stderr, "usage: weather SEED NAME...\n");
        return 2;
    }
    wf_rng_seeded_init(&w.rng, strtoull(argv[1], NULL, 10));
    for (int i = 2; i < argc; i++)
        open_port(argv[i]);
    puts("ready");
    fflush(stdout);
    run();
    return 0;
}
