/* SPDX-License-Identifier: Apache-2.0 */
/* What weft lens shows to a person: an answer, and what the file can do. */
#include <stdio.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "cli/lens.h"
#include "op/json.h"

/* Beyond so many a list of labels is only counted. */
#define LABELS_SHOWN 24

static void print_mark(struct wf_str text, const struct wf_lens_mark *m)
{
    struct wf_str s = wf_str_sub(text, m->from, m->to);

    printf("  %-14.*s ", WF_STR_ARG(m->type));
    for (size_t i = 0; i < s.len; i++) /* on one line, whatever the text is */
        putchar((unsigned char)s.ptr[i] < ' ' ? ' ' : s.ptr[i]);
    printf("  %s%.2f%s\n", wf_cli_dim(), (double)m->score, wf_cli_plain());
}

static void print_marks(struct wf_str text, const struct wf_lens_marks *m, const char *none)
{
    for (size_t i = 0; i < m->n; i++)
        print_mark(text, &m->items[i]);
    if (m->n == 0)
        printf("%s\n", none);
}

static void print_sentences(struct wf_str text, const struct wf_lens_marks *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct wf_str s = wf_str_sub(text, m->items[i].from, m->items[i].to);
        printf("  %s%.2f%s  ", wf_cli_dim(), (double)m->items[i].score, wf_cli_plain());
        for (size_t k = 0; k < s.len; k++)
            putchar((unsigned char)s.ptr[k] < ' ' ? ' ' : s.ptr[k]);
        putchar('\n');
    }
}

void wf_lens_print(const struct wf_lens_ask *ask, const struct wf_lens_answer *a)
{
    switch (ask->tasks) {
    case WF_LENS_EMBED:
        for (size_t i = 0; i < WF_LENS_DIMS; i++)
            printf(i > 0 ? " %.5f" : "%.5f", (double)a->vector[i]);
        putchar('\n');
        break;
    case WF_LENS_SPANS:
        print_mark(ask->text, &a->span);
        printf(_("No answer in the text: %.0f%%\n"), (double)a->none * 100);
        break;
    case WF_LENS_ENTITIES:
        print_marks(ask->text, &a->entities, _("Nothing was found."));
        break;
    case WF_LENS_SALIENCE:
        print_sentences(ask->text, &a->sentences);
        break;
    case WF_LENS_INTENT:
        printf("%.*s  %s%.2f%s%s%s\n", WF_STR_ARG(a->intent), wf_cli_dim(), (double)a->intent_score,
               wf_cli_plain(), a->in_scope ? "" : "  ", a->in_scope ? "" : _("out of scope"));
        for (size_t i = 0; i < a->slots.n; i++)
            print_mark(ask->text, &a->slots.items[i]);
        break;
    case WF_LENS_LANGUAGE:
        printf("%.*s  %s%.2f%s\n", WF_STR_ARG(a->language), wf_cli_dim(), (double)a->language_score,
               wf_cli_plain());
        break;
    default:
        for (size_t i = 0; i < a->sensitivity.n; i++)
            printf("  %-14.*s %s%.2f%s\n", WF_STR_ARG(a->sensitivity.items[i].type), wf_cli_dim(),
                   (double)a->sensitivity.items[i].score, wf_cli_plain());
        if (a->sensitivity.n == 0)
            printf("%s\n", _("Nothing was found."));
        break;
    }
}

/* ---- what a file can do ---- */

static bool can(const struct wf_lens *l, unsigned task, const char *set)
{
    const struct wf_lens_ask ask = {.tasks = task, .set = set};

    return wf_lens_can(l, &ask, NULL) == 0;
}

static void show_labels(const struct wf_lens *l, unsigned task, const char *set)
{
    size_t n = wf_lens_n_labels(l, task, set);

    for (size_t i = 0; i < n && n <= LABELS_SHOWN; i++)
        printf("%s%.*s", i > 0 ? ", " : "", WF_STR_ARG(wf_lens_label(l, task, set, i)));
    if (n > LABELS_SHOWN)
        printf(ngettext("%zu label", "%zu labels", n), n);
    putchar('\n');
}

static const struct wf_gguf_value *card_of(const struct wf_lens *l)
{
    const struct wf_gguf_value *v = wf_gguf_value(wf_model_gguf(wf_lens_model(l)), "lens.card");

    return v != NULL && v->kind == WF_GGUF_ARRAY && v->item_kind == WF_GGUF_STRING ? v : NULL;
}

/* A text out of the file, fit to be shown. */
static void show_text(struct wf_str s)
{
    char *copy = wf_memdup0(s.ptr, s.len);

    if (copy == NULL)
        return;
    wf_str_make_printable(copy, s.len);
    printf("%s", copy);
    wf_free(copy);
}

void wf_lens_show(const struct wf_lens *l, const char *path)
{
    const struct wf_gguf *g = wf_model_gguf(wf_lens_model(l));
    const struct wf_gguf_value *card = card_of(l);
    struct wf_str version = WF_STR("-"), line;
    char bytes[32];

    (void)wf_gguf_string(g, "lens.version", &version); /* absent: as it is */
    printf("%s  %s  ", path, wf_cli_bytes(bytes, wf_gguf_bytes(g)));
    show_text(version);
    printf("\n\n");
    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        const char *name = wf_lens_task_name(1u << i);
        if (1u << i == WF_LENS_INTENT) {
            for (size_t k = 0; wf_lens_set_at(l, k) != NULL; k++) {
                printf("  %s --set %s: ", name, wf_lens_set_at(l, k));
                show_labels(l, WF_LENS_INTENT, wf_lens_set_at(l, k));
            }
        } else if (!can(l, 1u << i, NULL)) {
            printf("  %-12s %s\n", name, _("not in this file"));
        } else {
            printf("  %-12s ", name);
            show_labels(l, 1u << i, NULL);
        }
    }
    putchar('\n');
    for (size_t i = 0; card != NULL && i < card->n_items; i++) {
        if (!wf_gguf_item_string(card, i, &line))
            continue;
        show_text(line);
        putchar('\n');
    }
}

static json_t *labels_json(const struct wf_lens *l, unsigned task, const char *set)
{
    json_t *a = json_array();

    for (size_t i = 0; i < wf_lens_n_labels(l, task, set); i++)
        json_array_append_new(a, wf_json_str(wf_lens_label(l, task, set, i)));
    return a;
}

json_t *wf_lens_show_json(const struct wf_lens *l, const char *path)
{
    const struct wf_gguf *g = wf_model_gguf(wf_lens_model(l));
    const struct wf_gguf_value *card = card_of(l);
    json_t *heads = json_object(), *sets = json_object(), *lines = json_array();
    struct wf_str version = {NULL, 0}, line;

    (void)wf_gguf_string(g, "lens.version", &version); /* absent: null */
    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        if (1u << i != WF_LENS_INTENT && can(l, 1u << i, NULL))
            json_object_set_new(heads, wf_lens_task_name(1u << i), labels_json(l, 1u << i, NULL));
    }
    for (size_t k = 0; wf_lens_set_at(l, k) != NULL; k++)
        json_object_set_new(sets, wf_lens_set_at(l, k),
                            labels_json(l, WF_LENS_INTENT, wf_lens_set_at(l, k)));
    for (size_t i = 0; card != NULL && i < card->n_items; i++) {
        if (wf_gguf_item_string(card, i, &line))
            json_array_append_new(lines, wf_json_str(line));
    }
    json_object_set_new(heads, "intent", sets);
    return json_pack("{s:s, s:I, s:o, s:I, s:o, s:o}", "file", path, "bytes",
                     (json_int_t)wf_gguf_bytes(g), "version", wf_json_str_or_null(version),
                     "window", (json_int_t)wf_lens_window(l), "heads", heads, "card", lines);
}
