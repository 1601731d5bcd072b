/* SPDX-License-Identifier: Apache-2.0 */
/* Releases. The rule: a release lowers a label, it moves nothing else. What a `never` sentence
 * closes stays closed, the clearance of the engine stays what it is, and the label goes no lower
 * than the highest floor under what would really leave (what is redacted does not). What is secret
 * stays secret: whoever means otherwise changes the policy, or the text. */
#include "privacy/release.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

static void hash_u64(crypto_generichash_state *s, uint64_t n)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (8 * i));
    (void)crypto_generichash_update(s, bytes, sizeof(bytes)); /* cannot fail */
}

static void hash_str(crypto_generichash_state *s, struct wf_str text)
{
    hash_u64(s, text.len);
    if (text.len > 0)
        (void)crypto_generichash_update(s, (const unsigned char *)text.ptr, text.len);
}

void wf_release_digest(const struct wf_str *texts, size_t n_texts,
                       uint8_t out[WF_RELEASE_DIGEST_BYTES])
{
    crypto_generichash_state s;

    (void)crypto_generichash_init(&s, NULL, 0, WF_RELEASE_DIGEST_BYTES);
    hash_u64(&s, n_texts);
    for (size_t i = 0; i < n_texts; i++)
        hash_str(&s, texts[i]);
    (void)crypto_generichash_final(&s, out, WF_RELEASE_DIGEST_BYTES);
}

/* What is wrong with the release in itself. */
static int check_form(const struct wf_release *r, struct wf_err *err)
{
    if (wf_str_trim(r->who).len == 0 || wf_str_trim(r->reason).len == 0)
        return wf_err_set(err, WF_E_INVAL, "A release says who gives it, and why.");
    if (r->reason.len > WF_RELEASE_REASON_BYTES_MAX || r->who.len > WF_RELEASE_REASON_BYTES_MAX)
        return wf_err_set(err, WF_E_INVAL, "The reason is longer than %d bytes.",
                          WF_RELEASE_REASON_BYTES_MAX);
    if ((unsigned)r->to >= WF_LABEL_COUNT || (unsigned)r->from >= WF_LABEL_COUNT ||
        r->to >= r->from)
        return wf_err_set(err, WF_E_INVAL, "A release lowers a label.");
    return 0;
}

/* Whether it is of this request. */
static int check_match(const struct wf_release *r, struct wf_str engine,
                       const uint8_t what[WF_RELEASE_DIGEST_BYTES], int64_t now_ms,
                       struct wf_err *err)
{
    if (sodium_memcmp(r->what, what, WF_RELEASE_DIGEST_BYTES) != 0)
        return wf_err_set(err, WF_E_DENIED, "The release is for another text than this one.");
    if (!wf_str_eq(r->engine, engine))
        return wf_err_set(err, WF_E_DENIED, "The release is for the engine %.*s, not for %.*s.",
                          WF_STR_ARG(r->engine), WF_STR_ARG(engine));
    if (r->when_ms > now_ms || now_ms - r->when_ms > WF_RELEASE_MS_MAX)
        return wf_err_set(err, WF_E_DENIED, "The release has run out; give it again.");
    return 0;
}

int wf_release_check(const struct wf_release *r, struct wf_str engine,
                     const uint8_t what[WF_RELEASE_DIGEST_BYTES], int64_t now_ms,
                     struct wf_err *err)
{
    int rc = check_form(r, err);

    return rc == 0 ? check_match(r, engine, what, now_ms, err) : rc;
}

/* "... : REASON" */
static int denied(const struct wf_policy *p, const struct wf_context_part *parts,
                  const struct wf_reason *reason, const char *text, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 4 * (size_t)WF_POLICY_LINE_BYTES_MAX + WF_LIMIT_PATH_BYTES);
    (void)wf_policy_say_reason(p, parts, reason, &b); /* without memory the sentence is shorter */
    rc = wf_err_set(err, WF_E_DENIED, "%s: %s", text, b.ptr);
    wf_buf_deinit(&b);
    return rc;
}

int wf_release_admit(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     const struct wf_target *target, const struct wf_release *release,
                     const struct wf_gate *gate, struct wf_err *err)
{
    struct wf_reason reason;

    if (p == NULL || gate->why == WF_GATE_NO_POLICY)
        return wf_err_set(err, WF_E_DENIED, "Without a readable policy nothing is released.");
    if (gate->why == WF_GATE_NEVER)
        return denied(p, parts, &gate->reason, "No release opens what may never go", err);
    if (release->from >= WF_LABEL_SECRET || gate->label >= WF_LABEL_SECRET)
        return denied(p, parts, &gate->reason, "What is secret stays, no release opens it", err);
    if (gate->label > release->from)
        return wf_err_set(err, WF_E_DENIED, "The release is for what is %s, and this is %s.",
                          wf_label_name(release->from), wf_label_name(gate->label));
    if (!wf_policy_may_release(p, parts, n_parts, release->who, &reason))
        return denied(p, parts, &reason, "The policy does not leave this release to you", err);
    if (release->to < wf_policy_floor(p, parts, n_parts, target, &reason))
        return denied(p, parts, &reason, "The policy lets the label go no lower", err);
    if ((int)release->to > gate->clearance)
        return wf_err_set(err, WF_E_DENIED, "%.*s may not even see what is %s.",
                          WF_STR_ARG(target->name), wf_label_name(release->to));
    return 0;
}

int wf_release_apply(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     const struct wf_target *target, const struct wf_release *release,
                     const uint8_t what[WF_RELEASE_DIGEST_BYTES], int64_t now_ms,
                     struct wf_gate *io_gate, struct wf_err *err)
{
    int rc = wf_release_check(release, target->name, what, now_ms, err);

    if (rc == 0 && io_gate->why != WF_GATE_NO_POLICY && release->from != io_gate->label)
        rc = wf_err_set(err, WF_E_DENIED, "The release is for what is %s, and this is %s.",
                        wf_label_name(release->from), wf_label_name(io_gate->label));
    if (rc == 0)
        rc = wf_release_admit(p, parts, n_parts, target, release, io_gate, err);
    if (rc != 0)
        return rc;
    assert(release->to < WF_LABEL_SECRET); /* lower than a label that there is */
    io_gate->label = release->to;
    io_gate->why = WF_GATE_OPEN;
    io_gate->is_open = true;
    return 0;
}

void wf_release_id(const struct wf_release *r, uint8_t out[WF_RELEASE_DIGEST_BYTES])
{
    crypto_generichash_state s;

    (void)crypto_generichash_init(&s, NULL, 0, WF_RELEASE_DIGEST_BYTES);
    hash_str(&s, r->who);
    hash_u64(&s, (uint64_t)r->when_ms);
    hash_str(&s, wf_str_n((const char *)r->what, sizeof(r->what)));
    hash_str(&s, r->engine);
    hash_u64(&s, (uint64_t)r->from);
    hash_u64(&s, (uint64_t)r->to);
    hash_str(&s, r->reason);
    (void)crypto_generichash_final(&s, out, WF_RELEASE_DIGEST_BYTES);
}

json_t *wf_release_json(const struct wf_release *r)
{
    char what[2 * WF_RELEASE_DIGEST_BYTES + 1], id[2 * WF_RELEASE_DIGEST_BYTES + 1];
    uint8_t digest[WF_RELEASE_DIGEST_BYTES];

    wf_release_id(r, digest);
    (void)sodium_bin2hex(id, sizeof(id), digest, sizeof(digest));
    (void)sodium_bin2hex(what, sizeof(what), r->what, sizeof(r->what));
    return json_pack("{s:s, s:s%, s:I, s:s, s:s%, s:s, s:s, s:s%}", "id", id, "who",
                     r->who.len ? r->who.ptr : "", r->who.len, "when", (json_int_t)r->when_ms,
                     "what", what, "engine", r->engine.len ? r->engine.ptr : "", r->engine.len,
                     "from", wf_label_name(r->from), "to", wf_label_name(r->to), "reason",
                     r->reason.len ? r->reason.ptr : "", r->reason.len);
}
