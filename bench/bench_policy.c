/* SPDX-License-Identifier: Apache-2.0 */
/* What labelling a request's context and asking at a gate cost, processor time, with the built-in
 * policy and with three hundred sentences more. The gateway labels 8,000 requests a second on two
 * cores: a context may take 10 us, so that all of them take less than a twentieth of that time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "privacy/policy.h"

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
    wf_buf_deinit(&b);
    return good ? 0 : 1;
}
