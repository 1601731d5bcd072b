/* SPDX-License-Identifier: Apache-2.0 */
/* What airlock decides about a request whose label a person has lowered (privacy/release.h).
 *
 * Core is believed in who gave the release and why, and in nothing else: the release must be of the
 * very bytes that would leave, for this engine, not older than some minutes, and not used before;
 * the policy must let it be given; and the second look must find nothing that is above the label it
 * was released from, nothing that is secret, nothing that was to be redacted. What was used is
 * remembered for as long as a release counts; an airlock that starts reads it out of the ledger. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/airlock_internal.h"
#include "privacy/ledger_read.h"

/* The ledger's entries of some minutes, at most: behind more of them no release is taken. */
#define ENTRIES_MAX 1000000

/* ---- used before ---- */

static bool was_used(const struct wf_airlock_used *u, const uint8_t id[WF_RELEASE_DIGEST_BYTES])
{
    for (size_t i = 0; i < u->n; i++)
        if (memcmp(u->items[i].id, id, WF_RELEASE_DIGEST_BYTES) == 0)
            return true;
    return false;
}

/* Forgets those that would be too old by themselves. */
static void forget_old(struct wf_airlock_used *u, int64_t now_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < u->n; i++)
        if (now_ms - u->items[i].when_ms <= WF_RELEASE_MS_MAX)
            u->items[n++] = u->items[i];
    u->n = n;
}

static int use(struct wf_airlock_used *u, const struct wf_release *r, int64_t now_ms,
               struct wf_err *err)
{
    uint8_t id[WF_RELEASE_DIGEST_BYTES];

    wf_release_id(r, id);
    if (now_ms < u->blind_until_ms)
        return wf_err_set(err, WF_E_DENIED,
                          "Kept back: the ledger of the last minutes cannot be read, so it is not "
                          "known whether this release was used before.");
    forget_old(u, now_ms);
    if (was_used(u, id))
        return wf_err_set(err, WF_E_DENIED, "Kept back: this release was used before.");
    if (u->n == WF_AIRLOCK_USED_MAX)
        return wf_err_set(err, WF_E_BUSY, "Kept back: too many releases in ten minutes.");
    memcpy(u->items[u->n].id, id, sizeof(id));
    u->items[u->n++].when_ms = r->when_ms;
    return 0;
}

void wf_airlock__used_read(struct wf_airlock_used *u, const char *ledger, int64_t now_ms)
{
    struct wf_ledger_reader *r = NULL;
    const struct wf_ledger_entry *e;
    size_t n_seen = 0;
    int rc = wf_ledger_reader_open(ledger, &r, NULL);

    *u = (struct wf_airlock_used){.n = 0};
    if (rc == WF_E_NOENT)
        return; /* nothing has left yet */
    if (rc == 0)
        wf_ledger_reader_to_end(r);
    while (rc == 0 && (rc = wf_ledger_reader_back(r, &e, NULL)) == 1) {
        rc = 0;
        if (now_ms - e->time_ms > WF_RELEASE_MS_MAX)
            break;
        if (++n_seen > ENTRIES_MAX || (e->is_released && u->n == WF_AIRLOCK_USED_MAX)) {
            rc = WF_E_LIMIT;
        } else if (e->is_released && e->kind == WF_LEDGER_REQUEST) {
            wf_release_id(&e->release, u->items[u->n].id);
            u->items[u->n++].when_ms = e->release.when_ms;
        }
    }
    if (rc < 0)
        u->blind_until_ms = now_ms + WF_RELEASE_MS_MAX;
    wf_ledger_reader_free(r);
}

/* ---- the check ---- */

/* What the second look found, against what was released. */
static int judge(const struct wf_airlock_check *c, const struct wf_target *target,
                 const struct wf_release *release, const struct wf_pii_list *found,
                 size_t n_pictures, struct wf_err *err)
{
    const struct wf_context_part parts[] = {
        {.source = WF_SOURCE_PROMPT, .found = found->items, .n_found = found->n},
        {.source = WF_SOURCE_PICTURE}};
    const size_t n = n_pictures > 0 ? 2 : 1;
    uint8_t *ops = wf_alloc_array(found->n + 1, 1);
    const char *forgotten = NULL;
    struct wf_gate gate;
    int rc;

    if (ops == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    wf_policy_operators(c->policy, parts, n, 0, target, ops, NULL);
    for (size_t i = 0; i < found->n && forgotten == NULL; i++)
        if (ops[i] > WF_OPERATOR_KEEP)
            forgotten = found->items[i].type;
    wf_free(ops);
    if (forgotten != NULL)
        return wf_err_set(err, WF_E_DENIED,
                          "Kept back from %.40s: the second look found what was to be replaced "
                          "(%.40s).",
                          target->name.ptr, forgotten);
    wf_policy_gate(c->policy, parts, n, target, &gate);
    rc = wf_release_admit(c->policy, parts, n, target, release, &gate, err);
    if (rc != 0)
        wf_err_prefix(err, "Kept back");
    return rc;
}

static int look(struct wf_airlock_check *c, const struct wf_target *target,
                const struct wf_airlock_frame *f, struct wf_err *err)
{
    struct wf_pii_list found = {.n = 0};
    size_t n_pictures = 0;
    int rc = wf_airlock__read(c, f->text, &n_pictures, err);

    if (rc != 0)
        return rc;
    rc = wf_detect_scan(c->run, wf_buf_str(&c->plain), (struct wf_pii_list){.n = 0}, &found, err);
    if (rc != 0)
        wf_err_prefix(err, "Kept back, the second look failed");
    return rc == 0 ? judge(c, target, &f->release, &found, n_pictures, err) : rc;
}

int wf_airlock__check_released(struct wf_airlock_check *c, struct wf_airlock_used *used,
                               const struct wf_engine_entry *engine,
                               const struct wf_airlock_frame *f, int64_t now_ms, struct wf_err *err)
{
    const struct wf_target target = wf_engine_target(engine);
    uint8_t what[WF_RELEASE_DIGEST_BYTES];
    int rc;

    if (c->policy == NULL || c->run == NULL)
        return wf_err_set(err, WF_E_DENIED, "Kept back: there is no policy, or no detector.");
    wf_release_digest(&f->text, 1, what);
    rc = wf_release_check(&f->release, target.name, what, now_ms, err);
    if (rc != 0) {
        wf_err_prefix(err, "Kept back");
        return rc;
    }
    rc = look(c, &target, f, err);
    return rc == 0 ? use(used, &f->release, now_ms, err) : rc;
}
