/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of nodes: reading and writing them. */
#include "mesh/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define HOST_BYTES_MAX 253 /* a name in the domain name system */

static bool is_host(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.' || c == '_' || c == ':' || c == '%';
        if (!ok)
            return false;
    }
    return s.len > 0 && s.len <= HOST_BYTES_MAX;
}

/* Host and port's text; port empty: none was given. */
static bool cut(struct wf_str text, struct wf_str *out_host, struct wf_str *out_port)
{
    size_t colon = wf_str_find_byte(text, ':', 0), end;

    *out_port = WF_STR("");
    if (text.len > 0 && text.ptr[0] == '[') {
        end = wf_str_find_byte(text, ']', 0);
        if (end == SIZE_MAX)
            return false;
        *out_host = wf_str_sub(text, 1, end);
        if (end + 1 == text.len)
            return true;
        *out_port = wf_str_sub(text, end + 2, text.len);
        return text.ptr[end + 1] == ':' && out_port->len > 0;
    }
    *out_host = text;
    if (colon == SIZE_MAX || wf_str_find_byte(text, ':', colon + 1) != SIZE_MAX)
        return true; /* a name, or an IPv6 address without brackets */
    *out_host = wf_str_sub(text, 0, colon);
    *out_port = wf_str_sub(text, colon + 1, text.len);
    return out_port->len > 0;
}

int wf_address_read(struct wf_str text, struct wf_address *out)
{
    struct wf_str host, port;
    uint64_t n = WF_LINK_PORT;

    if (!cut(text, &host, &port) || !is_host(host))
        return WF_E_INVAL;
    if (port.len > 0 && (!wf_str_to_u64(port, &n) || n == 0 || n > UINT16_MAX))
        return WF_E_INVAL;
    memset(out, 0, sizeof(*out));
    memcpy(out->host, host.ptr, host.len);
    out->port = (uint16_t)n;
    return 0;
}

bool wf_address_numeric(const struct wf_address *a, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    const struct wf_str host = wf_str_from(a->host);
    const size_t percent = wf_str_find_byte(host, '%', 0);
    char text[INET6_ADDRSTRLEN + 1] = "";
    uint64_t zone = 0;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, a->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(a->port);
        return true;
    }
    if (percent != SIZE_MAX && !wf_str_to_u64(wf_str_sub(host, percent + 1, host.len), &zone))
        return false;
    if (WF_MIN(percent, host.len) >= sizeof(text) || zone > UINT32_MAX)
        return false;
    memcpy(text, host.ptr, WF_MIN(percent, host.len));
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(a->port);
    v6->sin6_scope_id = (uint32_t)zone;
    return true;
}

void wf_address_write(const struct wf_address *a, char out[WF_LINK_ADDRESS_BYTES + 1])
{
    const bool is_v6 = strchr(a->host, ':') != NULL;

    (void)snprintf(out, WF_LINK_ADDRESS_BYTES + 1, is_v6 ? "[%.253s]:%u" : "%.253s:%u", a->host,
                   a->port); /* fits: 253 and 8 */
}
