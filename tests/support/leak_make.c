/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with secrets. National numbers come with their sentences from pii_set; other secrets
 * are made here and take the number's place there. */
#include "support/leak_make.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "privacy/datum.h"
#include "support/hide.h"
#include "support/pii_set.h"
#include "text/utf8.h"

#define TEXT_MOST (1u << 20)

struct leak_maker {
    struct pii_set *set;
    struct wf_rng_seeded seeded;
    size_t i;
    struct leak leak;
    struct wf_buf before, datum, after; /* the sentence, the datum hidden */
};

/* ---- secrets ---- */

/* {a20}: so many letters and digits; d digits, h hexadecimal, u as AWS has them, l letters. */
static const struct secret {
    const char *type, *word, *shape; /* word: what must stand before it, or "" */
    bool is_sure;                    /* tells by itself what it is, also in pieces */
} secrets[] = {
    {"CREDIT_CARD", "card ", NULL, true},
    {"IBAN_CODE", "IBAN ", NULL, true},
    {"AWS_ACCESS_KEY", "", "AKIA{u16}", true},
    {"API_KEY", "", "ghp_{a36}", true},
    {"API_KEY", "", "glpat-{a20}", true},
    {"API_KEY", "", "xoxb-{d12}-{d12}-{a24}", true},
    {"API_KEY", "", "AIza{a35}", true},
    {"API_KEY", "", "sk_live_{a24}", true},
    {"API_KEY", "", "sk-ant-api03-{a40}", true},
    {"API_KEY", "", "sk-proj-{a20}7{a20}", true},
    {"API_KEY", "", "hf_{a34}", true},
    {"API_KEY", "", "npm_{a36}", true},
    {"API_KEY", "", "SG.{a22}.{a43}", true},
    {"API_KEY", "", "dop_v1_{h64}", true},
    {"API_KEY", "", "shpat_{h32}", true},
    {"API_KEY", "", "{d9}:AA{a33}", true},
    {"JWT", "", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI{a24}.{a43}", true},
    {"PRIVATE_KEY", "", "-----BEGIN PRIVATE KEY-----\n{a64}\n{a64}\n-----END PRIVATE KEY-----",
     false},
    {"CONNECTION_STRING", "", "postgres://app:{a14}@db{d2}.example.org:5432/shop", false},
    {"CREDENTIALS", "", "https://anna:{a12}@intra.example.org/x", false},
    {"PASSWORD", "password: ", "{a6}!{d3}{a4}", false},
    {"PASSWORD", "Passwort: ", "{a6}-{d3}{a4}", false},
    {"PASSWORD", "пароль: ", "{a4}{d3}{a4}", false},
    {"SECRET", "client_secret = ", "{a32}", false},
    {"PIN", "PIN: ", "{d6}", false},
    {"EMAIL_ADDRESS", "", "{l7}.{l6}{d2}@example.org", false},
    {"PHONE_NUMBER", "", "+49 30 {d8}", false},
    {"PHONE_NUMBER", "", "+1 (415) 555-{d4}", false},
    {"IP_ADDRESS", "", "2001:db8:{h4}:{h4}::{h4}", false},
    {"MAC_ADDRESS", "", "00:1b:{h2}:{h2}:{h2}:{h2}", false},
    {"CRYPTO", "", "0x{h40}", false},
};

static void put_chars(const struct wf_rng *rng, char kind, unsigned long n, struct wf_buf *out)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                              "0189abcdefghijklmnopqrstuvwxyz";
    const char *from = kind == 'd'   ? "0123456789"
                       : kind == 'h' ? "0123456789abcdef"
                       : kind == 'l' ? "abcdefghijklmnopqrstuvwxyz"
                                     : all;
    size_t most = kind == 'u' ? 32 : strlen(from);

    for (; n > 0; n--)
        (void)wf_buf_append_byte(out, from[wf_rng_below(rng, most)]);
}

static void put_iban(const struct wf_rng *rng, struct wf_buf *out)
{
    char bban[19];
    unsigned rest = 0;

    for (size_t i = 0; i < 18; i++)
        bban[i] = (char)('0' + wf_rng_below(rng, 10));
    bban[18] = 0;
    for (const char *p = bban; *p != 0; p++)
        rest = (rest * 10 + (unsigned)(*p - '0')) % 97;
    for (const char *p = "131400"; *p != 0; p++) /* "DE00" */
        rest = (rest * 10 + (unsigned)(*p - '0')) % 97;
    (void)wf_buf_appendf(out, "DE%02u %.4s %.4s %.4s %.4s %.2s", 98 - rest, bban, bban + 4,
                         bban + 8, bban + 12, bban + 16);
}

static void put_secret(const struct secret *s, const struct wf_rng *rng, struct wf_buf *out)
{
    char made[PII_MADE_MOST];

    if (strcmp(s->type, "CREDIT_CARD") == 0) {
        pii_make(&(struct pii_kind){s->type, "4nnn nnnn nnnn nnn?", "luhn"}, rng, made);
        (void)wf_buf_append_cstr(out, made);
    } else if (s->shape == NULL) {
        put_iban(rng, out);
    }
    for (const char *p = s->shape; p != NULL && *p != 0; p++) {
        char *end;
        if (*p != '{') {
            (void)wf_buf_append_byte(out, *p);
            continue;
        }
        put_chars(rng, p[1], strtoul(p + 2, &end, 10), out);
        assert(*end == '}');
        p = end;
    }
}

/* ---- places ---- */

static json_t *message(const char *role, struct wf_str content)
{
    return json_pack("{s:s, s:o}", "role", role, "content", wf_json_str(content));
}

static json_t *chat(json_t *first, json_t *second)
{
    json_t *messages = json_array();

    json_array_append_new(messages, first);
    if (second != NULL)
        json_array_append_new(messages, second);
    return json_pack("{s:s, s:o}", "model", "gpt-large", "messages", messages);
}

static json_t *question(void)
{
    return message("user", WF_STR("Please go on."));
}

/* A text, or JSON within a text. */
static json_t *arguments(json_t *v, json_t *second)
{
    struct wf_buf b;
    json_t *call;

    wf_buf_init(&b, TEXT_MOST);
    (void)wf_json_append(&b, v);
    json_decref(v);
    call = json_pack("{s:s, s:n, s:[{s:s, s:s, s:{s:s, s:o}}]}", "role", "assistant", "content",
                     "tool_calls", "id", "call_1", "type", "function", "function", "name", "lookup",
                     "arguments", wf_json_str(wf_buf_str(&b)));
    wf_buf_deinit(&b);
    return chat(call, second);
}

static void join(const struct leak_maker *m, struct wf_buf *out)
{
    wf_buf_init(out, TEXT_MOST);
    (void)wf_buf_append_str(out, wf_buf_str(&m->before));
    (void)wf_buf_append_str(out, wf_buf_str(&m->datum));
    (void)wf_buf_append_str(out, wf_buf_str(&m->after));
}

/* A chat with one text of a role before, or, NULL, behind all. */
static json_t *in_role(const struct leak_maker *m, const char *role)
{
    struct wf_buf b;
    json_t *v;

    join(m, &b);
    v = message(role, wf_buf_str(&b));
    wf_buf_deinit(&b);
    return strcmp(role, "user") == 0 ? chat(v, NULL) : chat(v, question());
}

static json_t *in_prompt(const struct leak_maker *m)
{
    return in_role(m, "user");
}

static json_t *in_system(const struct leak_maker *m)
{
    return in_role(m, "system");
}

static json_t *in_answer(const struct leak_maker *m)
{
    return in_role(m, "assistant");
}

static json_t *in_result(const struct leak_maker *m)
{
    struct wf_buf b, json;
    json_t *v, *result;

    join(m, &b);
    v = json_pack("{s:[{s:i, s:o}]}", "rows", "n", 1, "note", wf_json_str(wf_buf_str(&b)));
    wf_buf_init(&json, TEXT_MOST);
    (void)wf_json_append(&json, v);
    result = json_pack("{s:s, s:s, s:o}", "role", "tool", "tool_call_id", "call_1", "content",
                       wf_json_str(wf_buf_str(&json)));
    json_decref(v);
    wf_buf_deinit(&json);
    wf_buf_deinit(&b);
    return chat(result, question());
}

static json_t *in_arguments(const struct leak_maker *m)
{
    struct wf_buf b;
    json_t *v;

    join(m, &b);
    v = json_pack("{s:o}", "q", wf_json_str(wf_buf_str(&b)));
    wf_buf_deinit(&b);
    return arguments(v, question());
}

/* The sentence before the datum, without the signs that lead to it. */
static struct wf_str naming(const struct leak_maker *m)
{
    struct wf_str s = wf_buf_str(&m->before);

    while (s.len > 0 && strchr(" :=", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

/* {"what it is": "the datum"} */
static json_t *in_member(const struct leak_maker *m)
{
    const struct wf_str name = naming(m).len > 0 ? naming(m) : WF_STR("value");
    json_t *v = json_object();

    (void)json_object_setn_new(v, name.ptr, name.len, wf_json_str(wf_buf_str(&m->datum)));
    (void)json_object_set_new(v, "rest", wf_json_str(wf_buf_str(&m->after)));
    return arguments(v, question());
}

static json_t *in_key(const struct leak_maker *m)
{
    struct wf_buf b;
    json_t *v = json_object();

    join(m, &b);
    (void)json_object_setn_new(v, b.ptr, b.len, json_true());
    wf_buf_deinit(&b);
    return arguments(v, question());
}

static json_t *in_file_name(const struct leak_maker *m)
{
    struct wf_buf b, name;
    json_t *v;

    join(m, &b);
    wf_buf_init(&name, TEXT_MOST);
    (void)wf_buf_append_cstr(&name, "Read /home/anna/Documents/");
    for (size_t i = 0; i < b.len; i++)
        (void)wf_buf_append_byte(&name, b.ptr[i] == ' ' ? '_' : b.ptr[i]);
    (void)wf_buf_append_cstr(&name, ".pdf and tell me what it says.");
    v = message("user", wf_buf_str(&name));
    wf_buf_deinit(&name);
    wf_buf_deinit(&b);
    return chat(v, NULL);
}

static json_t *in_tool(const struct leak_maker *m)
{
    struct wf_buf b;
    json_t *v = chat(question(), NULL);

    join(m, &b);
    (void)json_object_set_new(v, "tools",
                              json_pack("[{s:s, s:{s:s, s:o, s:{s:s}}}]", "type", "function",
                                        "function", "name", "lookup", "description",
                                        wf_json_str(wf_buf_str(&b)), "parameters", "type",
                                        "object"));
    wf_buf_deinit(&b);
    return v;
}

/* The sentence within something: what stands before it, around the datum, and behind. */
static json_t *within(const struct leak_maker *m, const char *const around[4])
{
    const struct wf_str parts[3] = {naming(m), wf_buf_str(&m->datum), wf_buf_str(&m->after)};
    struct wf_buf b;
    json_t *v;

    wf_buf_init(&b, TEXT_MOST);
    for (size_t i = 0; i < 4; i++) {
        (void)wf_buf_append_cstr(&b, around[i]);
        if (i < 3)
            (void)wf_buf_append_str(&b, parts[i]);
    }
    v = message("user", wf_buf_str(&b));
    wf_buf_deinit(&b);
    return chat(v, NULL);
}

static json_t *in_passage(const struct leak_maker *m)
{
    static const char *const around[] = {
        "Answer from these passages.\n\n[1] notes/garden.md, page 3\nThe beds by the wall get "
        "sun until noon; beans did well there, the peas did not. We changed the soil twice and "
        "kept a list of what was sown when.\n\n[2] inbox/letter.eml\n",
        ": ", "", "\n\n[3] notes/roof.md\nThe gutter is to be cleaned before the leaves fall."};
    return within(m, around);
}

static json_t *in_table(const struct leak_maker *m)
{
    static const char *const around[] = {"| what | value | more |\n|---|---|---|\n| ", " | **",
                                         "** | ", " |\n"};
    return within(m, around);
}

static json_t *in_code(const struct leak_maker *m)
{
    static const char *const around[] = {"Fix this:\n```js\nconst ", " = \"", "\"; // ",
                                         "\nsend(value);\n```"};
    return within(m, around);
}

static json_t *in_html(const struct leak_maker *m)
{
    static const char *const around[] = {"<tr><td>", "</td><td><b>", "</b></td><td>", "</td></tr>"};
    return within(m, around);
}

static json_t *in_url(const struct leak_maker *m)
{
    struct wf_buf b, url;
    json_t *v;

    join(m, &b);
    wf_buf_init(&url, TEXT_MOST);
    (void)wf_buf_append_cstr(&url, "Open https://forms.test/new?lang=en&note=");
    for (size_t i = 0; i < b.len; i++) {
        const unsigned char c = (unsigned char)b.ptr[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
            (void)wf_buf_append_byte(&url, (char)c);
        else if (c == ' ')
            (void)wf_buf_append_byte(&url, '+');
        else
            (void)wf_buf_appendf(&url, "%%%02X", c);
    }
    (void)wf_buf_append_cstr(&url, "&page=2 and summarise it.");
    v = message("user", wf_buf_str(&url));
    wf_buf_deinit(&url);
    wf_buf_deinit(&b);
    return chat(v, NULL);
}

/* ---- splitting ---- */

/* Cuts the datum in the middle, where a character begins; the halves are the pieces. */
static void halve(struct leak_maker *m, struct wf_str *first, struct wf_str *second)
{
    const struct wf_str d = wf_buf_str(&m->datum);
    size_t at = d.len / 2;

    while (at < d.len && ((uint8_t)d.ptr[at] & 0xc0) == 0x80)
        at++;
    *first = wf_str_sub(d, 0, at);
    *second = wf_str_sub(d, at, d.len);
    m->leak.n_pieces = 2;
    for (size_t i = 0; i < 2; i++)
        wf_buf_reset(&m->leak.pieces[i]);
    (void)wf_buf_append_str(&m->leak.pieces[0], *first);
    (void)wf_buf_append_str(&m->leak.pieces[1], *second);
}

/* The two halves with something around each. */
static void halves(struct leak_maker *m, const char *behind, const char *before,
                   struct wf_buf out[2])
{
    struct wf_str first, second;

    halve(m, &first, &second);
    for (size_t i = 0; i < 2; i++)
        wf_buf_init(&out[i], TEXT_MOST);
    (void)wf_buf_append_str(&out[0], wf_buf_str(&m->before));
    (void)wf_buf_append_str(&out[0], first);
    (void)wf_buf_append_cstr(&out[0], behind);
    (void)wf_buf_append_cstr(&out[1], before);
    (void)wf_buf_append_str(&out[1], second);
    (void)wf_buf_append_str(&out[1], wf_buf_str(&m->after));
}

static json_t *split_parts(struct leak_maker *m)
{
    struct wf_buf b[2];
    json_t *v;

    halves(m, "", "", b);
    v = json_pack("{s:s, s:[{s:s, s:o}, {s:s, s:o}]}", "role", "user", "content", "type", "text",
                  "text", wf_json_str(wf_buf_str(&b[0])), "type", "text", "text",
                  wf_json_str(wf_buf_str(&b[1])));
    wf_buf_deinit(&b[0]);
    wf_buf_deinit(&b[1]);
    return chat(v, NULL);
}

static json_t *in_two_messages(struct leak_maker *m, const char *behind, const char *before)
{
    struct wf_buf b[2];
    json_t *v;

    halves(m, behind, before, b);
    v = chat(message("user", wf_buf_str(&b[0])), message("user", wf_buf_str(&b[1])));
    wf_buf_deinit(&b[0]);
    wf_buf_deinit(&b[1]);
    return v;
}

static json_t *split_messages(struct leak_maker *m)
{
    return in_two_messages(m, "", "");
}

static json_t *split_talk(struct leak_maker *m)
{
    return in_two_messages(m, " is the first half of it, wait", "and then it goes on: ");
}

/* Over two passages of files in one prompt. */
static json_t *split_passages(struct leak_maker *m)
{
    struct wf_buf b[2];
    json_t *v;

    halves(m, "\n\n[2] scan.pdf, page 2\n", "", b);
    (void)wf_buf_append_str(&b[0], wf_buf_str(&b[1]));
    v = chat(message("user", wf_buf_str(&b[0])), NULL);
    wf_buf_deinit(&b[0]);
    wf_buf_deinit(&b[1]);
    return v;
}

static json_t *split_lines(struct leak_maker *m)
{
    struct wf_buf b[2];
    json_t *v;

    halves(m, "\n", "", b);
    (void)wf_buf_append_str(&b[0], wf_buf_str(&b[1]));
    v = chat(message("user", wf_buf_str(&b[0])), NULL);
    wf_buf_deinit(&b[0]);
    wf_buf_deinit(&b[1]);
    return v;
}

static json_t *split_members(struct leak_maker *m)
{
    struct wf_buf b[2];
    json_t *v;

    halves(m, "", "", b);
    v = json_pack("{s:o, s:o}", "line_1", wf_json_str(wf_buf_str(&b[0])), "line_2",
                  wf_json_str(wf_buf_str(&b[1])));
    wf_buf_deinit(&b[0]);
    wf_buf_deinit(&b[1]);
    return arguments(v, question());
}

/* The datum in parts of n characters. */
static json_t *in_parts(struct leak_maker *m, size_t n)
{
    const struct wf_str d = wf_buf_str(&m->datum);
    json_t *list = json_array();

    for (size_t i = 0; i < d.len;) {
        const size_t from = i;
        for (size_t k = 0; k < n && i < d.len; k++)
            (void)wf_utf8_next(d, &i);
        json_array_append_new(list, wf_json_str(wf_str_sub(d, from, i)));
    }
    return list;
}

/* {"what": ["4111", " 111", ...]} */
static json_t *split_list(struct leak_maker *m)
{
    json_t *v = json_object();

    (void)json_object_set_new(v, "text", wf_json_str(wf_buf_str(&m->before)));
    (void)json_object_set_new(v, "parts", in_parts(m, 4));
    m->leak.n_pieces = 0;
    return arguments(v, question());
}

/* A message for every three characters. */
static json_t *split_many(struct leak_maker *m)
{
    json_t *parts = in_parts(m, 3), *one, *v = chat(message("user", wf_buf_str(&m->before)), NULL);
    size_t i;

    json_array_foreach(parts, i, one)
    {
        json_array_append_new(json_object_get(v, "messages"),
                              message("user", wf_str_from(json_string_value(one))));
    }
    json_decref(parts);
    m->leak.n_pieces = 0;
    return v;
}

static const struct place {
    const char *name;
    json_t *(*put)(const struct leak_maker *m);
    json_t *(*split)(struct leak_maker *m);
    bool sure_only; /* the pieces must tell what they are without words near */
} places[] = {
    {"prompt", in_prompt, NULL, false},
    {"system prompt", in_system, NULL, false},
    {"earlier answer", in_answer, NULL, false},
    {"tool result", in_result, NULL, false},
    {"tool arguments", in_arguments, NULL, false},
    {"JSON member", in_member, NULL, false},
    {"JSON key", in_key, NULL, false},
    {"file name", in_file_name, NULL, false},
    {"tool description", in_tool, NULL, false},
    {"passage of a file", in_passage, NULL, false},
    {"markdown table", in_table, NULL, false},
    {"code", in_code, NULL, false},
    {"HTML", in_html, NULL, false},
    {"URL parameter", in_url, NULL, false},
    {"split over parts", NULL, split_parts, false},
    {"split over messages", NULL, split_messages, false},
    {"split over members", NULL, split_members, false},
    {"split with words between", NULL, split_talk, true},
    {"split over passages", NULL, split_passages, true},
    {"split over lines", NULL, split_lines, true},
    {"split over a list", NULL, split_list, false},
    {"split over many messages", NULL, split_many, false},
};

/* ---- requests ---- */

struct leak_maker *leak_maker_new(const char *path, uint64_t seed)
{
    struct leak_maker *m = wf_alloc_array(1, sizeof(*m));

    assert(m != NULL);
    wf_rng_seeded_init(&m->seeded, seed);
    wf_buf_init(&m->before, TEXT_MOST);
    wf_buf_init(&m->datum, TEXT_MOST);
    wf_buf_init(&m->after, TEXT_MOST);
    wf_buf_init(&m->leak.secret, TEXT_MOST);
    for (size_t i = 0; i < LEAK_PIECES_MOST; i++)
        wf_buf_init(&m->leak.pieces[i], TEXT_MOST);
    m->set = pii_set_new(path, seed);
    if (m->set == NULL) {
        leak_maker_free(m);
        return NULL;
    }
    return m;
}

void leak_maker_free(struct leak_maker *m)
{
    if (m == NULL)
        return;
    pii_set_free(m->set);
    json_decref(m->leak.request);
    wf_buf_deinit(&m->before);
    wf_buf_deinit(&m->datum);
    wf_buf_deinit(&m->after);
    wf_buf_deinit(&m->leak.secret);
    for (size_t i = 0; i < LEAK_PIECES_MOST; i++)
        wf_buf_deinit(&m->leak.pieces[i]);
    wf_free(m);
}

/* The next sentence with somebody's datum (companies' numbers are for all to see); every other one
 * with a secret in its place. */
static void next_sentence(struct leak_maker *m, bool sure_only)
{
    const struct wf_rng *rng = &m->seeded.rng;
    const struct secret *s = NULL;
    struct pii_sentence p;

    do
        pii_set_next(m->set, &p);
    while (p.kind == NULL || wf_datum_of(wf_str_from(p.kind->type)) == WF_DATUM_COMPANY_ID);
    const struct wf_str text = wf_str_from(p.text);
    wf_buf_reset(&m->leak.secret);
    wf_buf_reset(&m->before);
    wf_buf_reset(&m->after);
    (void)wf_buf_append_str(&m->before, wf_str_sub(text, 0, p.start));
    (void)wf_buf_append_str(&m->after, wf_str_sub(text, p.end, text.len));
    memcpy(m->leak.lang, p.lang, sizeof(m->leak.lang));
    if (!sure_only && wf_rng_below(rng, 2) == 0) {
        m->leak.type = p.kind->type;
        (void)wf_buf_append_str(&m->leak.secret, wf_str_sub(text, p.start, p.end));
        return;
    }
    do
        s = &secrets[wf_rng_below(rng, WF_ARRAY_LEN(secrets))];
    while (sure_only && !s->is_sure);
    m->leak.type = s->type;
    (void)wf_buf_append_cstr(&m->before, s->word);
    put_secret(s, rng, &m->leak.secret);
}

static void hide(struct leak_maker *m, const struct hide *h)
{
    struct wf_buf all;

    wf_buf_reset(&m->datum);
    m->leak.trick = h->name;
    if (!h->all) {
        h->fn(wf_buf_str(&m->leak.secret), &m->datum);
        return;
    }
    wf_buf_init(&all, TEXT_MOST);
    (void)wf_buf_append_str(&all, wf_buf_str(&m->before));
    (void)wf_buf_append_str(&all, wf_buf_str(&m->leak.secret));
    (void)wf_buf_append_str(&all, wf_buf_str(&m->after));
    h->fn(wf_buf_str(&all), &m->datum);
    wf_buf_deinit(&all);
    wf_buf_reset(&m->before);
    wf_buf_reset(&m->after);
}

/* What must not be seen: eight characters of the datum, however each is written; of a sentence in
 * base64 and the like, where characters have no place of their own, most of it. */
static void set_piece(struct leak_maker *m, const struct hide *h)
{
    struct leak *l = &m->leak;

    if (h->all && strstr(h->name, "base64") == NULL && strstr(h->name, "data:") == NULL &&
        strstr(h->name, "85") == NULL && strstr(h->name, "packed") == NULL &&
        strstr(h->name, "groups") == NULL)
        h->fn(wf_buf_str(&l->secret), &l->pieces[0]);
    else
        (void)wf_buf_append_str(&l->pieces[0], wf_buf_str(&m->datum));
    l->window = 8 * WF_MAX(l->pieces[0].len / WF_MAX(l->secret.len, 1u), 1u);
    if (h->all && l->pieces[0].ptr != NULL && wf_buf_str(&l->pieces[0]).len == m->datum.len)
        l->window = m->datum.len * 3 / 4;
}

const struct leak *leak_next(struct leak_maker *m)
{
    const struct place *p = &places[m->i % WF_ARRAY_LEN(places)];
    const struct hide *h = &hides[p->split != NULL ? 0 : m->i / WF_ARRAY_LEN(places) % hides_n];

    m->i++;
    json_decref(m->leak.request);
    next_sentence(m, p->sure_only);
    hide(m, h);
    m->leak.place = p->name;
    m->leak.n_pieces = 1;
    wf_buf_reset(&m->leak.pieces[0]);
    set_piece(m, h);
    m->leak.request = p->split != NULL ? p->split(m) : p->put(m);
    assert(m->leak.request != NULL);
    return &m->leak;
}

/* ---- looking for it ---- */

/* All texts of a JSON value, one a line; texts that are JSON as their texts, too. */
static void put_texts(json_t *v, struct wf_buf *out)
{
    const char *key;
    json_t *one, *inner = NULL;
    size_t i;

    if (json_is_string(v)) {
        (void)wf_buf_append(out, json_string_value(v), json_string_length(v));
        (void)wf_buf_append_byte(out, '\n');
        inner = json_loadb(json_string_value(v), json_string_length(v), 0, NULL);
        if (inner != NULL)
            put_texts(inner, out);
        json_decref(inner);
    }
    json_object_foreach(v, key, one)
    {
        (void)wf_buf_append_cstr(out, key);
        (void)wf_buf_append_byte(out, '\n');
        put_texts(one, out);
    }
    json_array_foreach(v, i, one) put_texts(one, out);
}

/* The contents of all messages alone, one right behind the other. */
static void put_contents(json_t *v, struct wf_buf *out)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(v, "messages"), i, one)
    {
        const json_t *content = json_object_get(one, "content");
        if (json_is_string(content))
            (void)wf_buf_append(out, json_string_value(content), json_string_length(content));
    }
}

static void put_core(struct wf_str s, struct wf_buf *out)
{
    for (size_t i = 0; i < s.len; i++)
        if (isalnum((unsigned char)s.ptr[i]))
            (void)wf_buf_append_byte(out, (char)tolower((unsigned char)s.ptr[i]));
}

/* Any `window` bytes of the piece (all of a shorter one). */
static bool has_piece(struct wf_str sent, struct wf_str piece, size_t window)
{
    const size_t n = WF_MIN(piece.len, window);

    for (size_t i = 0; n > 0 && i + n <= piece.len; i++)
        if (wf_str_find(sent, wf_str_sub(piece, i, i + n), 0) != SIZE_MAX)
            return true;
    return false;
}

bool leak_is_in(const struct leak *l, struct wf_str sent)
{
    json_t *v = json_loadb(sent.ptr, sent.len, 0, NULL);
    struct wf_buf texts, core, secret;
    bool is_in = false;

    wf_buf_init(&texts, 4 * TEXT_MOST);
    wf_buf_init(&core, 4 * TEXT_MOST);
    wf_buf_init(&secret, TEXT_MOST);
    (void)wf_buf_append_str(&texts, sent);
    (void)wf_buf_append_byte(&texts, '\n');
    if (v != NULL) {
        put_texts(v, &texts);
        (void)wf_buf_append_byte(&texts, '\n');
        put_contents(v, &texts);
    }
    put_core(wf_buf_str(&texts), &core);
    put_core(wf_buf_str(&l->secret), &secret);
    for (size_t i = 0; i < l->n_pieces; i++)
        is_in = is_in || has_piece(wf_buf_str(&texts), wf_buf_str(&l->pieces[i]), l->window);
    is_in = is_in ||
            (secret.len >= 6 && wf_str_find(wf_buf_str(&core), wf_buf_str(&secret), 0) != SIZE_MAX);
    json_decref(v);
    wf_buf_deinit(&texts);
    wf_buf_deinit(&core);
    wf_buf_deinit(&secret);
    return is_in;
}
