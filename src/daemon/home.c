/* SPDX-License-Identifier: Apache-2.0 */
/* The home folder: where things lie, and the token that guards the HTTP port.
 *
 * Only paths are decided here; who may open which of them is the business of the processes: the
 * core is confined to data/ before it reads a byte of anyone's, so the settings, the token and the
 * list of watched folders are out of its reach once it runs. */
#include "daemon/home.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rng.h"
#include "os/file.h"

static int join(char out[WF_LIMIT_PATH_BYTES], const char *dir, const char *name,
                struct wf_err *err)
{
    int n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s%s%s", dir, *name ? "/" : "", name);

    if (n < 0 || n >= WF_LIMIT_PATH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The path of the home folder is too long: %s", dir);
    return 0;
}

static int absolute(char out[WF_LIMIT_PATH_BYTES], const char *dir, struct wf_err *err)
{
    char cwd[WF_LIMIT_PATH_BYTES];
    size_t n;
    int rc;

    if (dir[0] == '/') {
        rc = join(out, dir, "", err);
    } else {
        if (!getcwd(cwd, sizeof(cwd)))
            return wf_err_set(err, WF_E_IO, "The current folder is gone. Change to another one.");
        rc = join(out, cwd, dir, err);
    }
    if (rc != 0)
        return rc;
    n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        out[--n] = 0;
    return 0;
}

int wf_home_init(struct wf_home *h, const char *dir, struct wf_err *err)
{
    const struct {
        char *out;
        const char *name;
    } parts[] = {
        {h->data, "data"},
        {h->socket, "run/weft.sock"},
        {h->lock, "run/weft.lock"},
        {h->token, "token"},
        {h->watch, "watch"},
        {h->conf, "weft.conf"},
        {h->models, "data/models"},
        {h->policy, "weft.policy"},
        {h->experience, "data/experience"},
        {h->routes, "data/routes"},
        {h->device, "keys/device"},
        {h->spent, "data/spent"},
        {h->ledger, "ledger"},
        {h->ledger_key, "airlock/ledger.key"},
        {h->node, "node"},
        {h->owner, "owner"},
        {h->mesh, "data/mesh"},
        {h->parts, "data/parts"},
        {h->airlock, "run/airlock"},
        {h->link, "link"},
        {h->link_socket, "run/link"},
        {h->link_wanted, "data/mesh/wanted"},
        {h->shared, "data/mesh/shared"},
        {h->link_addresses, "data/mesh/addresses"},
        {h->lan, "lan"},
        {h->phones, "data/phones"},
        {h->engines, "weft.engines"},
        {h->keys, "keys"},
    };
    int rc;

    assert(dir != NULL);
    memset(h, 0, sizeof(*h));
    if (dir[0] == 0)
        return wf_err_set(err, WF_E_INVAL,
                          "The home folder's name is empty. Give --home a folder.");
    rc = absolute(h->dir, dir, err);
    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(parts); i++)
        rc = join(parts[i].out, h->dir, parts[i].name, err);
    if (rc == 0 && strlen(h->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        rc = wf_err_set(err, WF_E_LIMIT,
                        "The path of the home folder is too long for a socket: %.120s. "
                        "Choose one under 90 characters.",
                        h->dir);
    return rc;
}

int wf_home_create(const struct wf_home *h, struct wf_err *err)
{
    char run[WF_LIMIT_PATH_BYTES];
    int rc = join(run, h->dir, "run", err);

    if (rc == 0)
        rc = wf_file_mkdirs(run, err);
    if (rc == 0)
        rc = wf_file_mkdirs(h->data, err);
    if (rc == 0)
        rc = wf_file_mkdirs(h->ledger, err);
    return rc;
}

static bool is_token(struct wf_str s)
{
    if (s.len != WF_TOKEN_HEX_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        bool letter = s.ptr[i] >= 'a' && s.ptr[i] <= 'f';
        if (!digit && !letter)
            return false;
    }
    return true;
}

static int make_token(const struct wf_home *h, char out[WF_TOKEN_HEX_LEN + 1], struct wf_err *err)
{
    char token[WF_TOKEN_HEX_LEN + 2];
    int rc;

    wf_rng_hex(NULL, token, WF_TOKEN_HEX_LEN / 2);
    token[WF_TOKEN_HEX_LEN] = '\n';
    rc = wf_file_replace(h->token, token, WF_TOKEN_HEX_LEN + 1, 0600, err);
    if (rc != 0)
        return rc;
    memcpy(out, token, WF_TOKEN_HEX_LEN);
    out[WF_TOKEN_HEX_LEN] = 0;
    explicit_bzero(token, sizeof(token)); /* processes that must not have it are forked from here */
    return 0;
}

int wf_home_token(const struct wf_home *h, char out[WF_TOKEN_HEX_LEN + 1], struct wf_err *err)
{
    struct wf_buf b;
    struct wf_str s;
    int rc;

    wf_buf_init(&b, 4096);
    if (access(h->token, F_OK) != 0) {
        rc = make_token(h, out, err);
        goto out;
    }
    rc = wf_file_read(h->token, &b, err);
    if (rc != 0)
        goto out;
    s = wf_str_trim(wf_buf_str(&b));
    if (!is_token(s)) {
        rc = wf_err_set(err, WF_E_FORMAT,
                        "%s holds no token. Remove the file; weft up then makes a new one.",
                        h->token);
        goto out;
    }
    memcpy(out, s.ptr, WF_TOKEN_HEX_LEN);
    out[WF_TOKEN_HEX_LEN] = 0;
out:
    explicit_bzero(b.ptr, b.len); /* as above */
    wf_buf_deinit(&b);
    return rc;
}
