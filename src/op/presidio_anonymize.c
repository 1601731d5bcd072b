/* SPDX-License-Identifier: Apache-2.0 */
/* Presidio's anonymizer, and its way back. Results that lie within others, or beside others of
 * their type with only white space between, are one first; what then still overlaps is cut where
 * the later one begins. The text is built from its end to its beginning, which is why the last item
 * comes first. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "op/json.h"
#include "op/presidio.h"
#include "privacy/redact.h"
#include "text/utf8.h"

struct result {
    size_t start, end; /* bytes */
    struct wf_str type;
    double score;
    size_t i; /* as it came */
};

struct item {
    struct wf_str type;
    const char *operator_name;
    char *text; /* owned */
    size_t bytes;
    size_t start, end; /* of the result, bytes of the old text */
};

#define MARK_CPS 1024 /* code points between two marks */

struct work {
    struct wf_str text;
    size_t n_cps;  /* code points of it */
    size_t *marks; /* bytes where each MARK_CPS-th begins: positions are found from there */
    const json_t *operators; /* {"DEFAULT" or type: {"type", ...}} */
    bool is_back;
    struct result *results;
    size_t n;
    struct item *items;
    size_t n_items;
};

static struct wf_str str_of(const json_t *v)
{
    return wf_str_n(json_string_value(v), json_string_length(v));
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to anonymize.");
}

/* ---- the results ---- */

static int mark_text(struct work *w, struct wf_err *err)
{
    size_t at = 0;

    w->n_cps = wf_utf8_count(w->text);
    w->marks = wf_alloc_array(w->n_cps / MARK_CPS + 1, sizeof(*w->marks));
    if (w->marks == NULL)
        return no_memory(err);
    for (size_t i = 0; i <= w->n_cps / MARK_CPS; i++) {
        w->marks[i] = at;
        at += wf_utf8_offset(wf_str_sub(w->text, at, w->text.len), MARK_CPS);
    }
    return 0;
}

/* A position in code points as bytes. false: none within the text. */
static bool position(const struct work *w, const json_t *v, size_t *out)
{
    json_int_t n = json_integer_value(v);
    size_t cp = (size_t)n, mark;

    if (n < 0 || cp > w->n_cps)
        return false;
    mark = w->marks[cp / MARK_CPS];
    *out = mark + wf_utf8_offset(wf_str_sub(w->text, mark, w->text.len), cp % MARK_CPS);
    return true;
}

static int read_result(const struct work *w, const json_t *v, struct result *out,
                       struct wf_err *err)
{
    const json_t *start = json_object_get(v, "start"), *end = json_object_get(v, "end");
    const json_t *type = json_object_get(v, "entity_type");

    if (!json_is_string(type) || !json_is_integer(start) || !json_is_integer(end))
        return wf_err_set(err, WF_E_INVAL,
                          "Invalid input, result must contain start, end and "
                          "entity_type");
    if (json_integer_value(start) >= json_integer_value(end))
        return wf_err_set(err, WF_E_INVAL,
                          "Invalid input, start index '%lld' must be smaller than end index '%lld'",
                          (long long)json_integer_value(start), (long long)json_integer_value(end));
    if (!position(w, start, &out->start) || !position(w, end, &out->end))
        return wf_err_set(
            err, WF_E_INVAL,
            "Invalid analyzer result, start: %lld and end: %lld, while text length is "
            "only %zu.",
            (long long)json_integer_value(start), (long long)json_integer_value(end), w->n_cps);
    out->type = str_of(type);
    out->score = json_number_value(json_object_get(v, "score"));
    return 0;
}

/* By place; of the same place the surer one first, then as they came. */
static int by_place(const void *a, const void *b)
{
    const struct result *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return x->i < y->i ? -1 : 1;
}

static bool is_blank(struct wf_str s)
{
    return wf_str_trim(s).len == 0;
}

/* Drops what lies within another; joins neighbours of one type. */
static void settle(struct work *w)
{
    size_t n = 0, most = 0; /* where what came so far ends: all of it begins before */

    qsort(w->results, w->n, sizeof(*w->results), by_place);
    for (size_t i = 0; i < w->n; i++) {
        const struct result r = w->results[i];
        if (r.end <= most && !w->is_back)
            continue;
        most = WF_MAX(most, r.end);
        struct result *last = n > 0 ? &w->results[n - 1] : NULL;
        if (last != NULL && !w->is_back && wf_str_eq(last->type, r.type) &&
            (r.start <= last->end || is_blank(wf_str_sub(w->text, last->end, r.start)))) {
            last->end = WF_MAX(last->end, r.end);
            last->score = WF_MAX(last->score, r.score);
        } else {
            w->results[n++] = r;
        }
    }
    w->n = n;
}

static int read_results(struct work *w, const json_t *array, struct wf_err *err)
{
    const json_t *v;
    size_t i;
    int rc;

    rc = mark_text(w, err);
    if (rc != 0)
        return rc;
    w->results = wf_alloc_array(json_array_size(array) + 1, sizeof(*w->results));
    w->items = wf_alloc_array(json_array_size(array) + 1, sizeof(*w->items));
    if (w->results == NULL || w->items == NULL)
        return no_memory(err);
    json_array_foreach(array, i, v)
    {
        rc = read_result(w, v, &w->results[w->n], err);
        if (rc != 0)
            return rc;
        w->results[w->n].i = i;
        w->n++;
    }
    settle(w);
    return 0;
}

/* ---- operators ---- */

static int replace(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                   struct wf_err *err)
{
    const json_t *v = json_object_get(o, "new_value");

    (void)part;
    (void)err;
    if (json_is_string(v) && json_string_length(v) > 0)
        return wf_buf_append_str(out, str_of(v));
    return wf_buf_appendf(out, "<%.*s>", WF_STR_ARG(type));
}

static int redact(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                  struct wf_err *err)
{
    (void)o;
    (void)type;
    (void)part;
    (void)err;
    return wf_buf_status(out);
}

static int keep(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                struct wf_err *err)
{
    (void)o;
    (void)type;
    (void)err;
    return wf_buf_append_str(out, part);
}

static int mask(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                struct wf_err *err)
{
    const json_t *with = json_object_get(o, "masking_char"),
                 *n = json_object_get(o, "chars_to_mask");
    size_t total = wf_utf8_count(part), n_masked, cut;

    (void)type;
    if (!json_is_string(with) || wf_utf8_count(str_of(with)) != 1)
        return wf_err_set(err, WF_E_INVAL, "Invalid input, masking_char must be a character");
    if (!json_is_integer(n))
        return wf_err_set(err, WF_E_INVAL, "Expected parameter chars_to_mask");
    n_masked = json_integer_value(n) <= 0 ? 0 : WF_MIN(total, (size_t)json_integer_value(n));
    if (json_is_true(json_object_get(o, "from_end"))) {
        cut = wf_utf8_offset(part, total - n_masked);
        (void)wf_buf_append_str(out, wf_str_sub(part, 0, cut));
    } else {
        cut = wf_utf8_offset(part, n_masked);
    }
    for (size_t i = 0; i < n_masked; i++)
        (void)wf_buf_append_str(out, str_of(with));
    if (!json_is_true(json_object_get(o, "from_end")))
        (void)wf_buf_append_str(out, wf_str_sub(part, cut, part.len));
    return wf_buf_status(out);
}

static int hash(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                struct wf_err *err)
{
    const json_t *v = json_object_get(o, "hash_type");
    struct wf_str name = json_is_string(v) ? str_of(v) : WF_STR("sha256");
    uint8_t digest[crypto_hash_sha512_BYTES];
    char hex[2 * sizeof(digest) + 1];
    const unsigned char *p = (const unsigned char *)(part.len > 0 ? part.ptr : "");
    size_t n = crypto_hash_sha256_BYTES;

    (void)type;
    if (json_object_get(o, "salt") != NULL)
        return wf_err_set(err, WF_E_INVAL, "weft hashes without salt here");
    if (wf_str_eq(name, WF_STR("sha512"))) {
        (void)crypto_hash_sha512(digest, p, part.len);
        n = crypto_hash_sha512_BYTES;
    } else if (wf_str_eq(name, WF_STR("sha256"))) {
        (void)crypto_hash_sha256(digest, p, part.len);
    } else {
        return wf_err_set(err, WF_E_INVAL,
                          "Invalid input, hash_type must be one of sha256 or sha512");
    }
    (void)sodium_bin2hex(hex, sizeof(hex), digest, n);
    return wf_buf_append_cstr(out, hex);
}

static int key_of(const json_t *o, struct wf_str *out, struct wf_err *err)
{
    const json_t *v = json_object_get(o, "key");

    if (!json_is_string(v))
        return wf_err_set(err, WF_E_INVAL, "Expected parameter key");
    *out = str_of(v);
    return 0;
}

static int encrypt(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                   struct wf_err *err)
{
    struct wf_str key;
    int rc = key_of(o, &key, err);

    (void)type;
    return rc == 0 ? wf_presidio_encrypt(key, part, out, err) : rc;
}

static int decrypt(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                   struct wf_err *err)
{
    struct wf_str key;
    int rc = key_of(o, &key, err);

    (void)type;
    return rc == 0 ? wf_presidio_decrypt(key, part, out, err) : rc;
}

/* weft's own: a made-up one of the same form. The same text gets the same within a request. */
static int fake(const json_t *o, struct wf_str type, struct wf_str part, struct wf_buf *out,
                struct wf_err *err)
{
    char *name = wf_memdup0(type.ptr, type.len);
    size_t before = out->len;
    int rc;

    (void)o;
    if (name == NULL)
        return no_memory(err);
    rc = wf_redact_fake(part, name, wf_str_hash(part, 0), out);
    wf_free(name);
    return rc == 0 && out->len == before ? wf_buf_appendf(out, "<%.*s>", WF_STR_ARG(type)) : rc;
}

typedef int (*operator_fn)(const json_t *o, struct wf_str type, struct wf_str part,
                           struct wf_buf *out, struct wf_err *err);

static const struct {
    const char *name;
    operator_fn run;
    bool is_back;
} operators[] = {
    {"hash", hash, false},       {"mask", mask, false},      {"redact", redact, false},
    {"replace", replace, false}, {"keep", keep, false},      {"encrypt", encrypt, false},
    {"fake", fake, false},       {"decrypt", decrypt, true},
};

static json_t *names(bool is_back)
{
    json_t *array = json_array();

    for (size_t i = 0; i < WF_ARRAY_LEN(operators); i++) {
        if (operators[i].is_back == is_back)
            json_array_append_new(array, json_string(operators[i].name));
    }
    return array;
}

json_t *wf_presidio_anonymizers(void)
{
    return names(false);
}

json_t *wf_presidio_deanonymizers(void)
{
    return names(true);
}

/* What is done to a result of the type: its operator's own object, the default one, or "replace".
 */
static int operator_of(const struct work *w, struct wf_str type, const json_t **out_o,
                       size_t *out_index, struct wf_err *err)
{
    const json_t *o = json_object_getn(w->operators, type.ptr, type.len), *v;
    struct wf_str name = WF_STR("replace");

    if (o == NULL)
        o = json_object_get(w->operators, "DEFAULT");
    if (o == NULL && w->is_back)
        return wf_err_set(err, WF_E_INVAL, "Invalid input, there is no deanonymizer for %.*s",
                          WF_STR_ARG(wf_str_sub(type, 0, 60)));
    v = json_object_get(o, "type");
    if (o != NULL && !json_is_string(v))
        return wf_err_set(err, WF_E_INVAL, "Expected parameter type");
    if (o != NULL)
        name = str_of(v);
    for (size_t i = 0; i < WF_ARRAY_LEN(operators); i++) {
        if (!wf_str_eq(name, wf_str_from(operators[i].name)) || operators[i].is_back != w->is_back)
            continue;
        *out_o = o;
        *out_index = i;
        return 0;
    }
    return wf_err_set(err, WF_E_INVAL, "Invalid operator class '%.*s'.",
                      WF_STR_ARG(wf_str_sub(name, 0, 60)));
}

/* ---- the answer ---- */

/* From the last result to the first. */
static int operate(struct work *w, struct wf_err *err)
{
    size_t end = w->text.len;

    for (size_t i = w->n; i > 0; i--) {
        const struct result *r = &w->results[i - 1];
        const json_t *o = NULL;
        struct item *item = &w->items[w->n_items];
        struct wf_buf b;
        size_t which = 0;
        int rc = operator_of(w, r->type, &o, &which, err);
        if (rc != 0)
            return rc;
        item->start = r->start;
        item->end = WF_MIN(r->end, end);
        item->type = r->type;
        item->operator_name = operators[which].name;
        wf_buf_init(&b, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
        rc = operators[which].run(o, r->type, wf_str_sub(w->text, item->start, item->end), &b, err);
        if (rc == 0)
            item->text = wf_buf_detach(&b, &item->bytes);
        wf_buf_deinit(&b);
        if (rc != 0)
            return wf_buf_status(&b) != 0 ? no_memory(err) : rc;
        if (item->text == NULL)
            return no_memory(err);
        w->n_items++;
        end = item->start;
    }
    return 0;
}

/* The new text; items get their places in it, in code points. */
static json_t *new_text(struct work *w)
{
    struct wf_buf b;
    size_t from = 0, cp = 0;
    json_t *text;

    wf_buf_init(&b, SIZE_MAX);
    for (size_t i = w->n_items; i > 0; i--) {
        struct item *item = &w->items[i - 1];
        struct wf_str before = wf_str_sub(w->text, from, item->start);
        struct wf_str made = wf_str_n(item->text, item->bytes);
        (void)wf_buf_append_str(&b, before);
        (void)wf_buf_append_str(&b, made);
        from = item->end;
        item->start = cp + wf_utf8_count(before);
        item->end = cp = item->start + wf_utf8_count(made);
    }
    (void)wf_buf_append_str(&b, wf_str_sub(w->text, from, w->text.len));
    text = wf_buf_status(&b) == 0 ? wf_json_str(wf_buf_str(&b)) : NULL;
    wf_buf_deinit(&b);
    return text;
}

/* NULL: out of memory. */
static json_t *answer(struct work *w)
{
    json_t *text = new_text(w), *items = json_array();
    bool good = text != NULL && items != NULL;

    for (size_t i = 0; i < w->n_items && good; i++) {
        const struct item *item = &w->items[i];
        json_t *v = json_pack("{s:s, s:s%, s:I, s:I, s:o?}", "operator", item->operator_name,
                              "entity_type", item->type.ptr, item->type.len, "start",
                              (json_int_t)item->start, "end", (json_int_t)item->end, "text",
                              wf_json_str(wf_str_n(item->text, item->bytes)));
        good = json_array_append_new(items, v) == 0;
    }
    if (good)
        return json_pack("{s:o, s:o}", "text", text, "items", items);
    json_decref(text);
    json_decref(items);
    return NULL;
}

static int run(const json_t *body, bool is_back, json_t **out, struct wf_err *err)
{
    const json_t *text = json_object_get(body, "text");
    const json_t *results =
        json_object_get(body, is_back ? "anonymizer_results" : "analyzer_results");
    struct work w = {.is_back = is_back,
                     .operators = json_object_get(body, is_back ? "deanonymizers" : "anonymizers")};
    int rc = 0;

    if (!json_is_string(text) || json_string_length(text) == 0)
        return wf_err_set(err, WF_E_INVAL, "Invalid input, text can not be empty");
    if (!json_is_array(results))
        return wf_err_set(err, WF_E_INVAL, "Invalid input, %s can not be empty",
                          is_back ? "anonymizer_results" : "analyzer_results");
    if (json_array_size(results) > WF_LIMIT_PII)
        return wf_err_set(err, WF_E_INVAL, "There are more than %d results.", WF_LIMIT_PII);
    w.text = str_of(text);
    rc = read_results(&w, results, err);
    if (rc == 0)
        rc = operate(&w, err);
    if (rc == 0 && (*out = answer(&w)) == NULL)
        rc = no_memory(err);
    for (size_t i = 0; i < w.n_items; i++)
        wf_free(w.items[i].text);
    wf_free(w.items);
    wf_free(w.results);
    wf_free(w.marks);
    return rc;
}

int wf_presidio_anonymize(const json_t *body, json_t **out, struct wf_err *err)
{
    return run(body, false, out, err);
}

int wf_presidio_deanonymize(const json_t *body, json_t **out, struct wf_err *err)
{
    return run(body, true, out, err);
}
