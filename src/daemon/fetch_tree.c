/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing among a repository's files on the hub: by quantization, which stands in their names
 * ("...-Q4_K_M.gguf", "Q8_0/...-00001-of-00003.gguf"), or the very file.
 *
 * Where nothing is asked for, the first of a list is taken that there is: Q4_K_M is what most
 * people run; then what is near it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/fetch_parse.h"

/* "-00001-of-00003.gguf" */
#define SPLIT_TAIL 20
#define SHOWN_BYTES 120

static const char *const liked[] = {"Q4_K_M", "Q4_K_S", "Q4_0", "IQ4_XS", "IQ4_NL", "MXFP4",
                                    "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0",   "Q3_K_M", "Q4_1",
                                    "Q5_0",   "Q5_1",   "Q2_K", "F16",    "BF16",   "F32"};

struct entry {
    struct wf_str path;
    char digest[72];
    uint64_t bytes;
};

struct tree {
    struct entry *entries; /* GGUF files only */
    size_t n;
};

static bool contains_nocase(struct wf_str s, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= s.len; i++) {
        if (strncasecmp(s.ptr + i, word, n) == 0)
            return true;
    }
    return false;
}

/* Quantizations are words between these. */
static bool is_border(char c)
{
    return strchr("-./", c) != NULL;
}

static bool has_quantization(struct wf_str path, const char *q)
{
    size_t n = strlen(q);

    for (size_t i = 0; i + n <= path.len; i++) {
        if (strncasecmp(path.ptr + i, q, n) == 0 && (i == 0 || is_border(path.ptr[i - 1])) &&
            (i + n == path.len || is_border(path.ptr[i + n])))
            return true;
    }
    return false;
}

/* How many parts the file's name says, and which it is (from 1); 1 of 1 for a whole one. */
static size_t parts_of(struct wf_str path, size_t *out_no)
{
    struct wf_str tail =
        wf_str_sub(path, path.len > SPLIT_TAIL ? path.len - SPLIT_TAIL : 0, path.len);
    uint64_t no, n;

    *out_no = 1;
    if (tail.len != SPLIT_TAIL || tail.ptr[0] != '-' ||
        !wf_str_eq(wf_str_sub(tail, 6, 10), WF_STR("-of-")) ||
        !wf_str_to_u64(wf_str_sub(tail, 1, 6), &no) ||
        !wf_str_to_u64(wf_str_sub(tail, 10, 15), &n) || n == 0 || n > WF_LIMIT_GGUF_PARTS ||
        no == 0 || no > n)
        return 1;
    *out_no = (size_t)no;
    return (size_t)n;
}

static bool is_model_file(struct wf_str path)
{
    return path.len > 5 && strncasecmp(path.ptr + path.len - 5, ".gguf", 5) == 0 &&
           !contains_nocase(path, "mmproj") && !contains_nocase(path, "imatrix");
}

static int read_entry(const json_t *o, struct tree *t)
{
    const json_t *lfs = json_object_get(o, "lfs");
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *oid = json_string_value(json_object_get(lfs, "oid"));
    const json_t *path = json_object_get(o, "path");
    json_int_t bytes = json_integer_value(json_object_get(o, "size"));
    struct wf_str p = wf_str_n(json_string_value(path), json_string_length(path));
    struct entry *e;

    if (!type || strcmp(type, "file") != 0 || !p.ptr || !is_model_file(p) || bytes < 0 ||
        strlen(p.ptr) != p.len || p.len > 1000)
        return 0;
    e = &t->entries[t->n++];
    e->path = p;
    e->bytes = (uint64_t)bytes;
    if (oid && strlen(oid) == 64 && strspn(oid, "0123456789abcdef") == 64)
        snprintf(e->digest, sizeof(e->digest), "sha256:%s", oid);
    return 0;
}

/* The best entry that `q` describes (first parts only); NULL when none does. */
static const struct entry *best_of(const struct tree *t, const char *q)
{
    const struct entry *best = NULL;

    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->entries[i];
        size_t no;
        (void)parts_of(e->path, &no);
        if (no != 1 || (q && !has_quantization(e->path, q)))
            continue;
        if (!best || e->path.len < best->path.len ||
            (e->path.len == best->path.len && wf_str_cmp(e->path, best->path) < 0))
            best = e;
    }
    return best;
}

static const struct entry *by_path(const struct tree *t, struct wf_str path)
{
    for (size_t i = 0; i < t->n; i++) {
        if (wf_str_eq(t->entries[i].path, path))
            return &t->entries[i];
    }
    return NULL;
}

static int nothing_fits(const struct tree *t, const struct wf_fetch_target *target,
                        struct wf_err *err)
{
    char shown[SHOWN_BYTES] = "";
    size_t len = 0;

    if (t->n == 0)
        return wf_err_set(err, WF_E_NOENT, "%.100s holds no GGUF file.", target->repo);
    for (size_t i = 0; i < WF_ARRAY_LEN(liked); i++) {
        if (!best_of(t, liked[i]))
            continue;
        int k = snprintf(shown + len, sizeof(shown) - len, "%s%s", len ? ", " : "", liked[i]);
        if (k < 0 || len + (size_t)k >= sizeof(shown))
            break;
        len += (size_t)k;
    }
    return wf_err_set(err, WF_E_NOENT, "%.80s has no %.60s.%s%s", target->repo,
                      target->file[0] ? target->file : target->tag, len ? " There is: " : "",
                      shown);
}

static const struct entry *choose(const struct tree *t, const struct wf_fetch_target *target,
                                  char tag[64])
{
    const struct entry *e = NULL;

    tag[0] = '\0';
    if (target->file[0])
        e = by_path(t, wf_str_from(target->file));
    else if (target->tag[0])
        e = best_of(t, target->tag);
    for (size_t i = 0; i < WF_ARRAY_LEN(liked); i++) {
        if (!target->file[0] && !target->tag[0] && !e)
            e = best_of(t, liked[i]);
        if (e && !tag[0] && has_quantization(e->path, liked[i]))
            snprintf(tag, 64, "%s", liked[i]);
    }
    if (target->tag[0] && strlen(target->tag) < 64)
        snprintf(tag, 64, "%.63s", target->tag);
    if (!e && !target->file[0] && !target->tag[0])
        e = best_of(t, NULL);
    return e;
}

/* The URL of a file; what does not belong in a path is escaped. */
static const char *url_of(const struct wf_fetch_target *t, struct wf_str path, struct wf_arena *a)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    char escaped[3 * 1000 + 1];
    size_t k = 0;

    for (size_t i = 0; i < path.len; i++) {
        if (strchr(plain, path.ptr[i]))
            escaped[k++] = path.ptr[i];
        else
            k += (size_t)snprintf(escaped + k, 4, "%%%02X", (unsigned char)path.ptr[i]);
    }
    escaped[k] = '\0';
    return wf_arena_printf(a, "%s/%s/resolve/%s/%s", t->base, t->repo, t->revision, escaped);
}

static int plan_entry(const struct tree *t, const struct wf_fetch_target *target,
                      const struct entry *first, struct wf_arena *a, struct wf_fetch_plan *out,
                      struct wf_err *err)
{
    size_t no, n = parts_of(first->path, &no);
    char path[1024];

    out->files = wf_arena_array(a, n, sizeof(*out->files));
    if (!out->files)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = first;
        if (n > 1) {
            snprintf(path, sizeof(path), "%.*s-%05zu-of-%05zu.gguf",
                     (int)(first->path.len - SPLIT_TAIL), first->path.ptr, i + 1, n);
            e = by_path(t, wf_str_from(path));
        }
        if (!e)
            return wf_err_set(err, WF_E_NOENT, "%.80s lacks a part of the model: %.100s",
                              target->repo, path);
        struct wf_fetch_file *f = &out->files[out->n_files++];
        f->bytes = e->bytes;
        memcpy(f->digest, e->digest, sizeof(f->digest));
        f->url = url_of(target, e->path, a);
        if (!f->url)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    return 0;
}

int wf_fetch_tree(struct wf_str json, const struct wf_fetch_target *target, struct wf_arena *a,
                  struct wf_fetch_plan *out, struct wf_err *err)
{
    json_t *root = json_loadb(json.len ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, NULL);
    struct wf_fetch_plan plan = {.n_files = 0};
    struct tree t = {.n = 0};
    const json_t *o;
    size_t i;
    int rc = 0;

    if (!json_is_array(root)) {
        json_decref(root);
        return wf_err_set(err, WF_E_FORMAT, "The server's answer is malformed.");
    }
    t.entries = wf_arena_array(a, json_array_size(root) + 1, sizeof(*t.entries));
    if (!t.entries)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    json_array_foreach(root, i, o)
    {
        if (rc == 0)
            rc = read_entry(o, &t);
    }
    if (rc == 0) {
        const struct entry *first = choose(&t, target, plan.tag);
        rc = first ? plan_entry(&t, target, first, a, &plan, err) : nothing_fits(&t, target, err);
    }
    json_decref(root);
    if (rc == 0)
        *out = plan;
    return rc;
}
