/* Home CA: the certificate authority of one home, which phones trust so that a browser takes this
 * machine's pages for safe, and the certificates of one machine (leaves) that it signs.
 *
 *   FOLDER/ca.key   its secret key (P-256), PKCS #8 in PEM, 0600
 *   FOLDER/ca.crt   its certificate, PEM
 *
 * It may vouch for private addresses, names below .local and .home.arpa, and the machine's name
 * alone (name constraints, critical): who steals it cannot be anybody's bank. The folder is for
 * short processes of the supervisor's (daemon/lan.h); core gets the leaf and its key, which are
 * nowhere on the disk. Thread rule: owner. */
#ifndef WF_MESH_HOME_CA_H
#define WF_MESH_HOME_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define WF_HOME_CA_NAMES_MAX 16
#define WF_HOME_CA_NAME_BYTES 64
/* How long a leaf counts: browsers of phones take no more than 398 days. */
#define WF_HOME_CA_LEAF_DAYS 90
/* "A1:B2:...": SHA-256 of the CA's certificate, as phones show it. */
#define WF_HOME_CA_FINGERPRINT_BYTES 96

struct wf_home_ca;

/* The CA in that folder, which is made when it is missing; `host` is the machine's name without
 * dots (may be empty). To be closed. Errors: FORMAT (files that hold no such key, or no certificate
 * of it), DENIED (the key can be read by others), FULL, IO, NOMEM. */
int wf_home_ca_open(const char *dir, const char *host, int64_t now_ms, struct wf_home_ca **out,
                    struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_home_ca_close(struct wf_home_ca *ca);

/* Appends its certificate as PEM. Errors: those of the buffer. */
int wf_home_ca_cert(const struct wf_home_ca *ca, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;
void wf_home_ca_fingerprint(const struct wf_home_ca *ca, char out[WF_HOME_CA_FINGERPRINT_BYTES]);

/* Makes a new key and a certificate for it with these names (numeric addresses and host names,
 * those that the CA may not vouch for are left out): both are appended as PEM, the key to be wiped.
 * *out_until_ms is when it ends. Errors: INVAL (no name is left), NOMEM, IO. */
struct wf_home_ca_names {
    char name[WF_HOME_CA_NAMES_MAX][WF_HOME_CA_NAME_BYTES];
    size_t n;
};
int wf_home_ca_leaf(const struct wf_home_ca *ca, const struct wf_home_ca_names *names,
                    int64_t now_ms, struct wf_buf *out_cert, struct wf_buf *out_key,
                    int64_t *out_until_ms, struct wf_err *err) WF_MUST_USE;

/* Whether a numeric address is one of a private network, where no stranger of the internet comes
 * from (10/8, 172.16/12, 192.168/16, 169.254/16, fc00::/7); loopback counts with `loopback`.
 * Thread: any. */
bool wf_home_ca_is_private(const char *address, bool loopback);

#endif
