/* Home: the folder that holds everything of one weft, and the paths in it.
 *
 *   weft.conf   settings, written by the person            (read before the core is locked down)
 *   weft.policy who may see what, written by the person; absent: the built-in policy alone
 *   weft.engines  engines elsewhere, and what each may see (route/engines.h)
 *   keys/       their keys, 0600 (airlock only; route/keys.h), and this device's own signing key
 *               (space/device.h), which core reads before it is locked down
 *   token       the access token, 0600                     (read before the core is locked down)
 *   watch       watched folders, one absolute path a line  (read by the watcher only)
 *   run/        sockets, lock
 *   ledger/     what left this machine (privacy/ledger.h); airlock writes, others read
 *   node/       this node's key and what it certifies (privacy/node.h): for the keeper
 *               (mesh/keeper.h) and short processes of the supervisor's
 *   owner/      the owner's key, where this device has it (mesh/identity.h): for the keeper
 *   airlock/    what airlock alone may open: the ledger's secret key
 *   link/       what link alone may open: the transport key (daemon/link.h)
 *   lan/        the home CA (mesh/home_ca.h): for short processes of the supervisor's
 *   data/       the store; the only folder the core may write
 *
 *   data/experience  what was learned of engines (route/experience.h)
 *   data/spent       what each engine has cost today and this month (route/budget.h)
 *   data/routes      where requests ran, and why (route/record.h)
 *   data/mesh/       who is paired (mesh/fabric.h), whether link is wanted, and where other nodes
 *                    were last (mesh/link.h)
 *   data/phones      the phones that may use weft, by hashes of their tokens (op/phones.h)
 *   data/models/     model files (engine/model_store.h); fetch may write below incoming/ alone
 *
 * Thread rule: owner. */
#ifndef WF_DAEMON_HOME_H
#define WF_DAEMON_HOME_H

#include "base/config.h"
#include "base/err.h"
#include "base/limits.h"

#define WF_TOKEN_HEX_LEN 64 /* 32 random bytes */

struct wf_home {
    char dir[WF_LIMIT_PATH_BYTES]; /* absolute */
    char data[WF_LIMIT_PATH_BYTES];
    char models[WF_LIMIT_PATH_BYTES];
    char socket[WF_LIMIT_PATH_BYTES];
    char lock[WF_LIMIT_PATH_BYTES];
    char token[WF_LIMIT_PATH_BYTES];
    char watch[WF_LIMIT_PATH_BYTES];
    char conf[WF_LIMIT_PATH_BYTES];
    char policy[WF_LIMIT_PATH_BYTES];
    char ledger[WF_LIMIT_PATH_BYTES];      /* the folder */
    char ledger_key[WF_LIMIT_PATH_BYTES];  /* made by who opens the ledger for writing */
    char node[WF_LIMIT_PATH_BYTES];        /* the folder */
    char owner[WF_LIMIT_PATH_BYTES];       /* the folder of the owner's key */
    char mesh[WF_LIMIT_PATH_BYTES];        /* the folder of who is paired (mesh/fabric.h) */
    char parts[WF_LIMIT_PATH_BYTES];       /* what is on its way from other nodes (mesh/blobs.h) */
    char airlock[WF_LIMIT_PATH_BYTES];     /* socket: where the core takes airlocks */
    char link[WF_LIMIT_PATH_BYTES];        /* the folder of link's key */
    char link_socket[WF_LIMIT_PATH_BYTES]; /* where the core takes links */
    char link_wanted[WF_LIMIT_PATH_BYTES]; /* there while core wants a link (mesh/link.h) */
    char shared[WF_LIMIT_PATH_BYTES];      /* there while a space is shared with other people */
    char link_addresses[WF_LIMIT_PATH_BYTES]; /* where other nodes were last */
    char lan[WF_LIMIT_PATH_BYTES];            /* the folder of the home CA */
    char phones[WF_LIMIT_PATH_BYTES];
    char engines[WF_LIMIT_PATH_BYTES];
    char keys[WF_LIMIT_PATH_BYTES];
    char device[WF_LIMIT_PATH_BYTES]; /* this device's signing key (space/device.h) */
    char experience[WF_LIMIT_PATH_BYTES];
    char spent[WF_LIMIT_PATH_BYTES];
    char routes[WF_LIMIT_PATH_BYTES];
};

/* Works out the paths of the home `dir` (made absolute against the current folder). Touches no
 * file. Errors: WF_E_LIMIT when a path, or the socket's (107 bytes), is too long. */
int wf_home_init(struct wf_home *h, const char *dir, struct wf_err *err) WF_MUST_USE;

/* Makes the missing folders, 0700. Errors: WF_E_IO, WF_E_DENIED. */
int wf_home_create(const struct wf_home *h, struct wf_err *err) WF_MUST_USE;

/* The token into out (hex, NUL-terminated), made and written durably when missing.
 * WF_E_FORMAT when the file holds something else. */
int wf_home_token(const struct wf_home *h, char out[WF_TOKEN_HEX_LEN + 1],
                  struct wf_err *err) WF_MUST_USE;

#endif
