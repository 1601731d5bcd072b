/* SPDX-License-Identifier: Apache-2.0 */
/* mDNS: sockets, and the small part of DNS's messages that finding each other needs.
 *
 * Names are read with their compression, which may only point backwards, so that reading ends;
 * records of other kinds are stepped over by their length. */
#include "mesh/mdns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mesh/address.h"
#include "os/file.h"

#define PORT 5353
#define SERVICE "_weft._tcp.local"
#define HEX_CHARS (2 * WF_MDNS_INSTANCE_BYTES)
#define HEAD_BYTES 12u
#define NAME_BYTES 256u
#define JUMPS_MAX 16u
#define RECORDS_MAX 128u
#define ADDRESSES_MAX 8
#define TYPE_A 1
#define TYPE_PTR 12
#define TYPE_AAAA 28
#define TYPE_SRV 33
#define TYPE_ANY 255
#define CLASS_IN 1
#define CLASS_FLUSH 0x8001u /* IN, and what was known before is over */
#define IS_ANSWER 0x8400u   /* a response, with authority */
#define TTL_HOST_S 120
#define TTL_SERVICE_S 4500

/* ---- sockets ---- */

static struct sockaddr_in group(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    a.sin_addr.s_addr = htonl(0xe00000fb); /* 224.0.0.251 */
    return a;
}

/* A socket at the port, which others have, too; -1: none. */
static int open_one(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    const int on = 1, hops = 255;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0;

    ok = ok && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    ok = ok && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
    ok = ok && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) == 0;
    ok = ok && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;
    if (!ok)
        wf_file_close(&fd);
    return fd;
}

void wf_mdns_open(struct wf_mdns *out)
{
    out->hear_fd = open_one();
    out->say_fd = open_one();
}

void wf_mdns_close(struct wf_mdns *m)
{
    wf_file_close(&m->hear_fd);
    wf_file_close(&m->say_fd);
}

void wf_mdns_join(const struct wf_mdns *m, unsigned zone)
{
    const struct ip_mreqn r = {.imr_multiaddr = group().sin_addr, .imr_ifindex = (int)zone};

    (void)setsockopt(m->hear_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r));
}

void wf_mdns_choose(const struct wf_mdns *m, unsigned zone)
{
    const struct ip_mreqn r = {.imr_ifindex = (int)zone};
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    const struct sockaddr_in to = group();

    /* A connected socket keeps its way and its own address: both are let go first. An interface
     * that cannot be chosen is gone: what is said goes nowhere, then. */
    (void)connect(m->say_fd, &none, sizeof(none));
    if (setsockopt(m->say_fd, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof(r)) == 0)
        (void)connect(m->say_fd, (const struct sockaddr *)&to, sizeof(to));
}

/* ---- writing ---- */

void wf_mdns_instance(const uint8_t key[WF_LINK_KEY_BYTES], int64_t day,
                      uint8_t out[WF_MDNS_INSTANCE_BYTES])
{
    static const char word[] = "weft mdns 1";
    uint8_t in[sizeof(word) + 8], hash[crypto_generichash_BYTES];

    memcpy(in, word, sizeof(word));
    for (size_t i = 0; i < 8; i++)
        in[sizeof(word) + i] = (uint8_t)((uint64_t)day >> (8 * i));
    /* Cannot fail with these sizes. */
    (void)crypto_generichash(hash, sizeof(hash), in, sizeof(in), key, WF_LINK_KEY_BYTES);
    memcpy(out, hash, WF_MDNS_INSTANCE_BYTES);
}

static void put_u16(struct wf_buf *out, unsigned v)
{
    (void)wf_buf_append_byte(out, (char)(v >> 8 & 0xff)); /* the end tells, here and below */
    (void)wf_buf_append_byte(out, (char)(v & 0xff));
}

static void put_u32(struct wf_buf *out, uint32_t v)
{
    put_u16(out, v >> 16);
    put_u16(out, v & 0xffff);
}

static void put_name(struct wf_buf *out, const char *dotted)
{
    struct wf_str rest = wf_str_from(dotted), label;

    while (wf_str_split(&rest, '.', &label)) {
        (void)wf_buf_append_byte(out, (char)label.len); /* the end tells, here and below */
        (void)wf_buf_append_str(out, label);
    }
    (void)wf_buf_append_byte(out, 0);
}

static void put_head(struct wf_buf *out, unsigned flags, unsigned n_questions, unsigned n_answers)
{
    put_u16(out, 0);
    put_u16(out, flags);
    put_u16(out, n_questions);
    put_u16(out, n_answers);
    put_u32(out, 0);
}

int wf_mdns_put_query(struct wf_buf *out)
{
    put_head(out, 0, 1, 0);
    put_name(out, SERVICE);
    put_u16(out, TYPE_PTR);
    put_u16(out, CLASS_IN);
    return wf_buf_status(out);
}

/* A record up to its data, whose length is set by end_record. */
static size_t begin_record(struct wf_buf *out, const char *name, unsigned type, unsigned class,
                           uint32_t ttl_s)
{
    put_name(out, name);
    put_u16(out, type);
    put_u16(out, class);
    put_u32(out, ttl_s);
    put_u16(out, 0);
    return out->len;
}

static void end_record(struct wf_buf *out, size_t at)
{
    const size_t n = out->len - at;

    if (wf_buf_status(out) != 0)
        return;
    out->ptr[at - 2] = (char)(n >> 8);
    out->ptr[at - 1] = (char)(n & 0xff);
}

/* One address record; how many: 0 or 1. */
static unsigned put_address(struct wf_buf *out, const char *host, struct wf_str line)
{
    struct sockaddr_storage s;
    struct wf_address a;
    size_t at;

    if (wf_address_read(line, &a) != 0 || !wf_address_numeric(&a, &s))
        return 0;
    if (s.ss_family == AF_INET) {
        at = begin_record(out, host, TYPE_A, CLASS_FLUSH, TTL_HOST_S);
        (void)wf_buf_append(out, &((struct sockaddr_in *)&s)->sin_addr, 4);
    } else {
        at = begin_record(out, host, TYPE_AAAA, CLASS_FLUSH, TTL_HOST_S);
        (void)wf_buf_append(out, &((struct sockaddr_in6 *)&s)->sin6_addr, 16);
    }
    end_record(out, at);
    return 1;
}

int wf_mdns_put_answer(const uint8_t instance[WF_MDNS_INSTANCE_BYTES], uint16_t port,
                       struct wf_str addresses, struct wf_buf *out)
{
    char hex[HEX_CHARS + 1], name[HEX_CHARS + sizeof(SERVICE) + 1], host[HEX_CHARS + 8];
    const size_t begin = out->len;
    struct wf_str line;
    unsigned n = 2;
    size_t at;

    (void)sodium_bin2hex(hex, sizeof(hex), instance, WF_MDNS_INSTANCE_BYTES);
    (void)snprintf(name, sizeof(name), "%s." SERVICE, hex);
    (void)snprintf(host, sizeof(host), "%s.local", hex);
    put_head(out, IS_ANSWER, 0, 0);
    at = begin_record(out, SERVICE, TYPE_PTR, CLASS_IN, TTL_SERVICE_S);
    put_name(out, name);
    end_record(out, at);
    at = begin_record(out, name, TYPE_SRV, CLASS_FLUSH, TTL_HOST_S);
    put_u32(out, 0); /* priority and weight */
    put_u16(out, port);
    put_name(out, host);
    end_record(out, at);
    for (int i = 0; i < ADDRESSES_MAX && wf_str_line(&addresses, &line); i++)
        n += put_address(out, host, line);
    if (wf_buf_status(out) == 0)
        out->ptr[begin + 7] = (char)n;
    return wf_buf_status(out);
}

/* ---- reading ---- */

struct reader {
    struct wf_str s;
    size_t at;
    bool bad;
};

static unsigned take_u16(struct reader *r)
{
    const uint8_t *p = (const uint8_t *)r->s.ptr + r->at;

    if (r->bad || r->s.len - r->at < 2) {
        r->bad = true;
        return 0;
    }
    r->at += 2;
    return (unsigned)p[0] << 8 | p[1];
}

/* A label at `at` behind the dots in out; its bytes, or 0 when it does not fit. */
static size_t take_label(struct wf_str s, size_t at, char out[NAME_BYTES], size_t used)
{
    const size_t n = (uint8_t)s.ptr[at];

    if (s.len - at - 1 < n || used + n + 1 >= NAME_BYTES)
        return 0;
    if (used > 0)
        out[used++] = '.';
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[at + 1 + i];
        out[used + i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c == '.' ? '?' : c);
    }
    out[used + n] = 0;
    return n;
}

/* The name at r->at, in small letters with dots. */
static void take_name(struct reader *r, char out[NAME_BYTES])
{
    size_t at = r->at, used = 0, least = at, n;
    bool jumped = false;

    out[0] = 0;
    for (unsigned jumps = 0; !r->bad;) {
        if (at >= r->s.len) {
            r->bad = true;
        } else if ((uint8_t)r->s.ptr[at] == 0) {
            r->at = jumped ? r->at : at + 1;
            return;
        } else if (((uint8_t)r->s.ptr[at] & 0xc0) == 0xc0) {
            if (r->s.len - at < 2 || ++jumps > JUMPS_MAX) {
                r->bad = true;
                return;
            }
            n = ((size_t)(uint8_t)r->s.ptr[at] & 0x3f) << 8 | (uint8_t)r->s.ptr[at + 1];
            r->at = jumped ? r->at : at + 2;
            jumped = true;
            r->bad = n >= least; /* backwards alone: it ends */
            at = least = n;
        } else {
            n = (uint8_t)r->s.ptr[at] > 63 ? 0 : take_label(r->s, at, out, used);
            r->bad = n == 0;
            used += n + (used > 0 ? 1 : 0);
            at += n + 1;
        }
    }
}

static void take_srv(struct wf_str s, const char *name, struct wf_mdns_news *out)
{
    const struct wf_str all = wf_str_from(name);
    struct reader r = {.s = s};
    size_t n = 0;
    unsigned port;

    (void)take_u16(&r); /* priority */
    (void)take_u16(&r); /* weight */
    port = take_u16(&r);
    if (r.bad || port == 0 || out->n >= WF_MDNS_INSTANCES || all.len < HEX_CHARS + 1 ||
        !wf_str_eq(wf_str_sub(all, HEX_CHARS, all.len), WF_STR("." SERVICE)))
        return;
    if (sodium_hex2bin(out->instances[out->n].instance, WF_MDNS_INSTANCE_BYTES, name, HEX_CHARS,
                       NULL, &n, NULL) != 0 ||
        n != WF_MDNS_INSTANCE_BYTES)
        return;
    out->instances[out->n++].port = (uint16_t)port;
}

static void take_question(struct reader *r, struct wf_mdns_news *out)
{
    char name[NAME_BYTES];
    unsigned type;

    take_name(r, name);
    type = take_u16(r);
    (void)take_u16(r); /* the class, and whether the answer may come alone */
    if (!r->bad && (type == TYPE_PTR || type == TYPE_ANY) && strcmp(name, SERVICE) == 0)
        out->is_asked = true;
}

static void take_record(struct reader *r, struct wf_mdns_news *out)
{
    char name[NAME_BYTES];
    unsigned type, n;

    take_name(r, name);
    type = take_u16(r);
    (void)take_u16(r); /* class */
    (void)take_u16(r); /* how long it is good for: it is dialled at once or not at all */
    (void)take_u16(r);
    n = take_u16(r);
    if (r->bad || r->s.len - r->at < n) {
        r->bad = true;
        return;
    }
    if (type == TYPE_SRV)
        take_srv(wf_str_sub(r->s, r->at, r->at + n), name, out);
    r->at += n;
}

int wf_mdns_read(struct wf_str message, struct wf_mdns_news *out)
{
    struct reader r = {.s = message, .bad = message.len > WF_MDNS_MESSAGE_BYTES};
    unsigned flags, n_questions, n_records;

    memset(out, 0, sizeof(*out));
    (void)take_u16(&r); /* an id, of no use here */
    flags = take_u16(&r);
    n_questions = take_u16(&r);
    n_records = take_u16(&r);
    n_records += take_u16(&r);
    n_records += take_u16(&r);
    if (r.bad || n_questions > RECORDS_MAX || n_records > RECORDS_MAX)
        return WF_E_FORMAT;
    for (unsigned i = 0; i < n_questions && !r.bad; i++)
        take_question(&r, out);
    out->is_asked = out->is_asked && (flags & 0x8000u) == 0;
    for (unsigned i = 0; i < n_records && !r.bad; i++)
        take_record(&r, out);
    if ((flags & 0x8000u) == 0)
        out->n = 0; /* what a question brings is what the asker knows already */
    return r.bad ? WF_E_FORMAT : 0;
}
