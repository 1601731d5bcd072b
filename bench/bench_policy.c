/* SPDX-License-Identifier: Apache-2.0 */
/* What labelling a request's context and asking at a gate cost, processor time, with the built-in
 * policy and with three hundred sentences more; and what redacting a prompt of 1.8 kB with six data
 * and restoring an answer of that length, token by token, do. The gateway handles 8,000 requests a
 * second on two cores: labels and gates may take 10 us each, redacting and restoring 40 us, so that
 * all of it takes two fifths of that time at most. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "privacy/policy.h"
#include "privacy/redact.h"

#define ROUNDS 20000
#define MUST_US 10.0

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* A prompt with 20 data, two passages with 5 each, a tool's answer. */
static struct wf_context_part parts[4];
static struct wf_pii found[30];

static void fill(void)
{
    static const char *const types[] = {"PERSON",      "EMAIL_ADDRESS", "PHONE_NUMBER",
                                        "CREDIT_CARD", "DATE_TIME",     "US_SSN"};

    for (size_t i = 0; i < WF_ARRAY_LEN(found); i++)
        found[i] = (struct wf_pii){.type = types[i % WF_ARRAY_LEN(types)], .score = 0.9F};
    parts[0] = (struct wf_context_part){.source = WF_SOURCE_PROMPT, .found = found, .n_found = 20};
    parts[1] = (struct wf_context_part){.source = WF_SOURCE_FILE,
                                        .name = WF_STR("/home/anna/Documents/2024/letter.pdf"),
                                        .found = found + 20,
                                        .n_found = 5};
    parts[2] = parts[1];
    parts[2].found += 5;
    parts[3] = (struct wf_context_part){.source = WF_SOURCE_TOOL, .name = WF_STR("calendar")};
}

static bool measure(const char *name, const char *text)
{
    const struct wf_policy_options o = {.name = name, .user_home = "/home/anna"};
    const struct wf_target target = {.tier = WF_TIER_PROVIDER,
                                     .name = WF_STR("gpt"),
                                     .provider = WF_STR("openai"),
                                     .clearance = WF_LABEL_SECRET};
    struct wf_policy *p = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_verdict v;
    struct wf_gate g;
    unsigned sum = 0;
    double start = now_us(), read, label, gate;

    if (wf_policy_parse(wf_str_from(text), &o, &p, &err) != 0) {
        printf("%s\n", err.msg);
        return false;
    }
    read = now_us() - start;
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        wf_policy_label(p, parts, WF_ARRAY_LEN(parts), &v);
        sum += (unsigned)v.label;
    }
    label = (now_us() - start) / ROUNDS;
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        wf_policy_gate(p, parts, WF_ARRAY_LEN(parts), &target, &g);
        sum += (unsigned)g.label;
    }
    gate = (now_us() - start) / ROUNDS;
    printf("%-24s %4zu rules  read %6.1f ms  label %5.2f us  gate %5.2f us (must %.0f each)%s\n",
           name, wf_policy_n_rules(p), read / 1e3, label, gate, MUST_US, sum == 0 ? " ?" : "");
    wf_policy_free(p);
    return label <= MUST_US && gate <= MUST_US;
}

#define PROMPT_BYTES 1800
#define REDACT_MUST_US 40.0

/* Sentences with a datum each 300 bytes. */
static size_t prompt(struct wf_buf *b, struct wf_redact_span *spans)
{
    size_t n = 0;

    while (b->len < PROMPT_BYTES) {
        size_t start = b->len;
        (void)wf_buf_appendf(b, "%c. Meyer %zu", 'A' + (int)n, n);
        spans[n++] = (struct wf_redact_span){start, b->len, "PERSON", WF_OPERATOR_REPLACE};
        while (b->len < start + PROMPT_BYTES / 6)
            (void)wf_buf_append_cstr(b, " wrote that the meeting is on Monday, [1] and so on.");
    }
    return n;
}

static void restore(const struct wf_redaction *r, struct wf_str text, struct wf_buf *back)
{
    struct wf_restore *s = NULL;

    if (wf_restore_new(r, NULL, &s, NULL) != 0)
        return;
    for (size_t at = 0; at < text.len; at += 5) /* a token */
        (void)!wf_restore_feed(s, wf_str_sub(text, at, at + 5), back);
    (void)!wf_restore_end(s, back);
    wf_restore_free(s);
}

static bool measure_redacting(void)
{
    struct wf_redact_span spans[16];
    struct wf_redaction *r = NULL;
    struct wf_buf text, out, back;
    size_t n;
    double start, redacting, restoring;

    wf_buf_init(&text, SIZE_MAX);
    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&back, SIZE_MAX);
    n = prompt(&text, spans);
    start = now_us();
    for (int i = 0; i < ROUNDS / 10; i++) {
        wf_redaction_free(r);
        r = NULL;
        wf_buf_reset(&out);
        if (wf_redaction_new(NULL, &r, NULL) != 0 ||
            wf_redact(r, wf_buf_str(&text), spans, n, &out, NULL) != 0)
            return false;
    }
    redacting = (now_us() - start) / (ROUNDS / 10.0);
    start = now_us();
    for (int i = 0; i < ROUNDS / 10; i++) {
        wf_buf_reset(&back);
        restore(r, wf_buf_str(&out), &back);
    }
    restoring = (now_us() - start) / (ROUNDS / 10.0);
    printf(
        "%zu bytes, %zu data: redact %5.1f us, restore %5.1f us, %.0f MB/s (must %.0f us each)%s\n",
        text.len, n, redacting, restoring, (double)text.len / restoring, REDACT_MUST_US,
        wf_str_eq(wf_buf_str(&back), wf_buf_str(&text)) ? "" : " NOT THE SAME");
    wf_redaction_free(r);
    wf_buf_deinit(&text);
    wf_buf_deinit(&out);
    wf_buf_deinit(&back);
    return redacting <= REDACT_MUST_US && restoring <= REDACT_MUST_US;
}

int main(void)
{
    struct wf_buf b;
    bool good;

    fill();
    wf_buf_init(&b, WF_POLICY_BYTES_MAX);
    (void)wf_buf_append_cstr(&b, "weft policy 1\n");
    good = measure("built-in", b.ptr);
    for (int i = 0; i < 150; i++)
        (void)wf_buf_appendf(&b,
                             "everything from folder ~/work/%d is %s\nnames in space s%d are "
                             "private\n",
                             i, i % 2 ? "secret" : "internal", i);
    good &= measure("three hundred sentences", b.ptr);
    good &= measure_redacting();
    wf_buf_deinit(&b);
    return good ? 0 : 1;
}
