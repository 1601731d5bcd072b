/* SPDX-License-Identifier: Apache-2.0 */
/* Recognizers that a request brings itself ("ad_hoc_recognizers"): expressions, and lists of words.
 *
 * The expressions are somebody else's: they are compiled without machine code (the core may make
 * none), and a match has a bound on its steps, its depth and its memory. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "op/presidio_internal.h"

/* What one match may take: an honest expression needs a few thousand steps. */
#define STEPS_MAX 1000000
#define DEPTH_MAX 5000
#define HEAP_KIB_MAX 20000

struct own {
    struct wf_str text;
    struct wf_presidio_findings *out;
    pcre2_match_context *limits;
    size_t n_patterns;
    struct wf_err *err;
};

static struct wf_str str_of(const json_t *v)
{
    return wf_str_n(json_string_value(v), json_string_length(v));
}

static int wrong(struct own *o, const char *what)
{
    return wf_err_set(o->err, WF_E_INVAL, "ad_hoc_recognizers: %s", what);
}

int wf_presidio__add(struct wf_presidio_findings *f, const struct wf_presidio_finding *one,
                     struct wf_err *err)
{
    if (f->n == WF_LIMIT_PII)
        return wf_err_set(err, WF_E_LIMIT, "There are more than %u findings.", WF_LIMIT_PII);
    if (f->n == f->n_room) {
        size_t room = 2 * f->n_room + 16;
        struct wf_presidio_finding *more = wf_realloc_array(f->items, room, sizeof(*more));
        if (more == NULL)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory to analyze.");
        f->items = more;
        f->n_room = room;
    }
    f->items[f->n++] = *one;
    return 0;
}

/* All matches of compiled code, as findings like `as`. */
static int match_all(struct own *o, const pcre2_code *code, struct wf_presidio_finding as)
{
    pcre2_match_data *m = pcre2_match_data_create_from_pattern(code, NULL);
    size_t at = 0;
    int rc = 0;

    if (m == NULL)
        return wf_err_set(o->err, WF_E_NOMEM, "Not enough memory to analyze.");
    while (rc == 0 && at <= o->text.len) {
        int n = pcre2_match(code, (PCRE2_SPTR)(o->text.len > 0 ? o->text.ptr : ""), o->text.len, at,
                            PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK, m, o->limits);
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m);
        if (n == PCRE2_ERROR_NOMATCH)
            break;
        if (n < 0 || v[1] <= v[0] || v[1] <= at) {
            rc = n < 0 ? wrong(o, "an expression takes too many steps.") : 0;
            break;
        }
        as.start = v[0];
        as.end = at = v[1];
        rc = wf_presidio__add(o->out, &as, o->err);
    }
    pcre2_match_data_free(m);
    return rc;
}

static int match_expression(struct own *o, struct wf_str regex, struct wf_presidio_finding as)
{
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_MULTILINE |
                             PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_SIZE where;
    int code_rc, rc;
    pcre2_code *code;

    if (++o->n_patterns > WF_PRESIDIO_PATTERNS_MAX)
        return wrong(o, "there are too many patterns.");
    code = pcre2_compile((PCRE2_SPTR)regex.ptr, regex.len, options, &code_rc, &where, NULL);
    if (code == NULL) {
        PCRE2_UCHAR why[120] = {0};
        (void)pcre2_get_error_message(code_rc, why, sizeof(why));
        return wf_err_set(o->err, WF_E_INVAL, "ad_hoc_recognizers: the expression is wrong: %s",
                          (const char *)why);
    }
    rc = match_all(o, code, as);
    pcre2_code_free(code);
    return rc;
}

/* {"name","regex","score"} */
static int pattern(struct own *o, const json_t *p, struct wf_presidio_finding as)
{
    const json_t *regex = json_object_get(p, "regex"), *score = json_object_get(p, "score");

    if (!json_is_string(regex) || json_string_length(regex) == 0 ||
        json_string_length(regex) > WF_PRESIDIO_PATTERN_BYTES_MAX)
        return wrong(o, "a pattern has a \"regex\" of up to 4096 bytes.");
    if (!json_is_number(score) || !(json_number_value(score) >= 0) || json_number_value(score) > 1)
        return wrong(o, "a pattern has a \"score\" from 0 to 1.");
    as.score = json_number_value(score);
    if (json_is_string(json_object_get(p, "name")))
        as.why = str_of(json_object_get(p, "name"));
    return match_expression(o, str_of(regex), as);
}

/* Words, each of which is one where no letter or digit stands beside it. */
static int deny_list(struct own *o, const json_t *list, struct wf_presidio_finding as)
{
    const json_t *one;
    struct wf_buf b;
    size_t i;
    int rc = 0;

    if (json_array_size(list) == 0)
        return 0;
    if (json_array_size(list) > WF_PRESIDIO_DENIED_MAX)
        return wrong(o, "a deny list has up to 4096 words.");
    wf_buf_init(&b, (size_t)1 << 20);
    (void)wf_buf_append_cstr(&b, "(?:^|(?<=\\W))(?:");
    json_array_foreach(list, i, one)
    {
        struct wf_str word = json_is_string(one) ? str_of(one) : wf_str_n("", 0);
        if (word.len == 0 || memchr(word.ptr, 0, word.len) != NULL) {
            rc = wrong(o, "a deny list holds words.");
            break;
        }
        (void)wf_buf_append_cstr(&b, i > 0 ? "|" : "");
        for (size_t k = 0; k < word.len; k++) {
            if (strchr("\\^$.[|()?*+{}#- ]", word.ptr[k]) != NULL)
                (void)wf_buf_append_byte(&b, '\\');
            (void)wf_buf_append_byte(&b, word.ptr[k]);
        }
    }
    (void)wf_buf_append_cstr(&b, ")(?:(?=\\W)|$)");
    if (rc == 0 && wf_buf_status(&b) != 0)
        rc = wrong(o, "the deny list is too long.");
    as.why = WF_STR("deny list");
    if (rc == 0)
        rc = match_expression(o, wf_buf_str(&b), as);
    wf_buf_deinit(&b);
    return rc;
}

static int recognizer(struct own *o, const json_t *r)
{
    const json_t *entity = json_object_get(r, "supported_entity"), *p;
    const json_t *name = json_object_get(r, "name"), *score = json_object_get(r, "deny_list_score");
    struct wf_presidio_finding as = {.by = WF_STR("ad hoc"), .word = {"", 0}, .why = {"", 0}};
    size_t i;
    int rc = 0;

    if (!json_is_string(entity) || json_string_length(entity) == 0)
        return wrong(o, "a recognizer has a \"supported_entity\".");
    as.type = str_of(entity);
    if (json_is_string(name))
        as.by = str_of(name);
    json_array_foreach(json_object_get(r, "patterns"), i, p)
    {
        rc = pattern(o, p, as);
        if (rc != 0)
            return rc;
    }
    as.score = json_is_number(score) ? json_number_value(score) : 1;
    return deny_list(o, json_object_get(r, "deny_list"), as);
}

int wf_presidio__own(const json_t *recognizers, struct wf_str text,
                     struct wf_presidio_findings *out, struct wf_err *err)
{
    struct own o = {.text = text, .out = out, .err = err};
    const json_t *one;
    size_t i;
    int rc = 0;

    if (json_array_size(recognizers) == 0)
        return 0;
    if (json_array_size(recognizers) > WF_PRESIDIO_RECOGNIZERS_MAX)
        return wrong(&o, "there are too many.");
    o.limits = pcre2_match_context_create(NULL);
    if (o.limits == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to analyze.");
    (void)pcre2_set_match_limit(o.limits, STEPS_MAX);
    (void)pcre2_set_depth_limit(o.limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(o.limits, HEAP_KIB_MAX);
    json_array_foreach(recognizers, i, one)
    {
        rc = recognizer(&o, one);
        if (rc != 0)
            break;
    }
    pcre2_match_context_free(o.limits);
    return rc;
}
