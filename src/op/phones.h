/* Phones: browsers elsewhere in the local network that the owner let in (`weft up --lan`). Each has
 * a token of its own, of which only a hash is kept, and is out at once when it is revoked.
 *
 * One is let in by a code that an invitation shows: it counts once, for five minutes, and a second
 * passes between two wrong ones; after ten of those it counts no more. What a phone may do is what
 * http/route.c's rows say; nothing that is labelled secret is shown to it.
 *
 *   FILE  {"phones": [{"id","name","hash","created","seen"}]}, 0600
 *
 * Thread rule: any. */
#ifndef WF_OP_PHONES_H
#define WF_OP_PHONES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define WF_PHONES_MAX 32
#define WF_PHONES_NAME_BYTES 64
#define WF_PHONES_CODE_BYTES 16 /* "ABCDE-FGHJK" and NUL */
#define WF_PHONES_TOKEN_HEX 64
#define WF_PHONES_INVITE_MS (5 * 60 * 1000)
#define WF_PHONES_WRONG_MAX 10

struct wf_phones;

struct wf_phones_options {
    const char *path;             /* the file; copied */
    const struct wf_clock *clock; /* NULL = the system's */
    /* Something is different: who is there, or where phones connect. */
    void (*changed)(void *ud);
    void *ud;
};

/* Reads the file; a missing one is none. Errors: FORMAT (it is not such a file), NOMEM, IO. */
int wf_phones_open(const struct wf_phones_options *o, struct wf_phones **out,
                   struct wf_err *err) WF_MUST_USE;
/* Writes what was seen last, if it can. NULL is a no-op. */
void wf_phones_close(struct wf_phones *p);

/* Who is to be told that a phone is out, by the thread that revokes it; one at a time, NULL: nobody
 * any more. */
void wf_phones_on_revoked(struct wf_phones *p, void (*fn)(void *ud, uint64_t id), void *ud);

/* A new code; one that was given before counts no more. */
void wf_phones_invite(struct wf_phones *p, char out_code[WF_PHONES_CODE_BYTES],
                      int64_t *out_until_ms);
void wf_phones_uninvite(struct wf_phones *p);

/* Lets one in: durable when it returns 0. `name` may be empty; one that is there already gets a
 * number behind it. out_token is what it shows from now on, to be wiped. Errors: DENIED (wrong or
 * old code; a sentence for the person), BUSY (too soon after a wrong one), LIMIT (too many phones,
 * too long a name), INVAL, those of writing. */
struct wf_phones_joined {
    uint64_t id;
    char name[WF_PHONES_NAME_BYTES + 8];
    char token[WF_PHONES_TOKEN_HEX + 1];
};
int wf_phones_join(struct wf_phones *p, struct wf_str code, struct wf_str name,
                   struct wf_phones_joined *out, struct wf_err *err) WF_MUST_USE;

/* The phone that has this token, and that it was there now; 0: none has. Takes the same time for
 * any wrong one. */
uint64_t wf_phones_token(struct wf_phones *p, struct wf_str token) WF_MUST_USE;

/* Takes one out, by its name. Durable, and told, when it returns 0. Errors: NOENT, those of
 * writing. */
int wf_phones_revoke(struct wf_phones *p, struct wf_str name, struct wf_err *err) WF_MUST_USE;
/* The same for one that leaves by itself. */
int wf_phones_leave(struct wf_phones *p, uint64_t id, struct wf_err *err) WF_MUST_USE;

/* {"id","name","created","seen"}; NULL: there is none of this id, or memory is exhausted. */
json_t *wf_phones_one(struct wf_phones *p, uint64_t id) WF_MUST_USE;
/* An array of those; NULL out of memory. */
json_t *wf_phones_list(struct wf_phones *p) WF_MUST_USE;

/* Where phones connect: {"hosts":[...],"port","fingerprint","until"} or {"problem"}; taken over.
 * And a copy of it: NULL where --lan was not asked for. */
void wf_phones_set_lan(struct wf_phones *p, json_t *lan);
json_t *wf_phones_lan(struct wf_phones *p) WF_MUST_USE;

#endif
