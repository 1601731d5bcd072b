/* SPDX-License-Identifier: Apache-2.0 */
/* weft train answers LENS.gguf OUT.gguf FILE ...: how lens joins its heads with shared words. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/answers.h"

/* What a question that was trained on counts beside one that was kept aside. */
#define SEEN_WEIGHT 0.15

static json_t *figures_json(const struct wf_answers_figures *f)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "sentence", f->sentence, "f1", f->f1,
                     "impossible", f->impossible, "elsewhere", f->elsewhere, "both", f->both);
}

static void print_figures(const char *what, const struct wf_answers_figures *f)
{
    printf("%-28s %5.1f %5.1f   %5.1f %5.1f %5.1f\n", what, f->sentence, f->f1, f->impossible,
           f->elsewhere, f->both);
}

static int tell(struct wf_cli *cli, const struct wf_answers_report *r)
{
    json_t *v;

    if (!cli->json) {
        printf(_("%zu questions that are answered, %zu impossible ones, %zu with a passage from "
                 "elsewhere; of those trained on %zu\n"),
               r->n_answered, r->n_impossible, r->n_elsewhere, r->n_seen);
        printf("%-28s %5s %5s   %s\n", "%", "sent.", "F1", "AUROC");
        printf("%-28s %5.1f\n", _("shared words alone"), r->words);
        printf("%-28s %5.1f\n", _("what words say"), r->clues);
        print_figures(_("heads alone"), &r->before);
        print_figures(_("joined, other half's weights"), &r->after);
        if (r->n_seen > 0) {
            print_figures(_("trained on, heads alone"), &r->seen_before);
            print_figures(_("trained on, joined"), &r->seen_after);
        }
        printf(_("%s is written.\n"), cli->args[1]);
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s, s:I, s:I, s:I, s:f, s:o, s:o}", "file", cli->args[1], "answered",
                  (json_int_t)r->n_answered, "impossible", (json_int_t)r->n_impossible, "elsewhere",
                  (json_int_t)r->n_elsewhere, "words", r->words, "before", figures_json(&r->before),
                  "after", figures_json(&r->after));
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}

/* A weight, where it is given: 0 to 99. */
static bool take_weight(const char *name, const char *text, double *out)
{
    double x;

    if (text == NULL)
        return true;
    if (!wf_str_to_f64(wf_str_from(text), &x) || !(x >= 0 && x <= 99)) {
        fprintf(stderr, _("weft: --%s takes a number from 0 to 99, not \"%s\".\n"), name, text);
        return false;
    }
    *out = x;
    return true;
}

int wf_train_answers(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train answers LENS.gguf OUT.gguf FILE ... [--threads N] [--seen N]\n"
          "                          [--rerank X] [--refuse X]\n\n"
          "Fits how lens joins what its heads say of a question and a text with the words that\n"
          "both share: which sentence answers, and whether any does. FILE has English questions\n"
          "(JSON lines); those that are kept aside from training are used. --seen N: one in N of\n"
          "the others, too. --rerank, --refuse: what sentences' shares and \"no answer\" count in\n"
          "weft ask, as bench_ask_lens finds them. OUT.gguf is all that LENS.gguf has, with the "
          "weights.");
    const char *rerank = NULL, *refuse = NULL;
    int64_t threads = 0, seen = 0;
    const struct wf_option options[] = {
        {.name = "threads", .kind = WF_OPTION_NUMBER, .out = &threads, .min = 1, .max = 256},
        {.name = "seen", .kind = WF_OPTION_NUMBER, .out = &seen, .min = 1, .max = 1000000},
        {.name = "rerank", .kind = WF_OPTION_TEXT, .out = &rerank},
        {.name = "refuse", .kind = WF_OPTION_TEXT, .out = &refuse},
        {0},
    };
    struct wf_answers_options o = {.seen_weight = SEEN_WEIGHT, .rerank = -1, .refuse = -1};
    struct wf_answers_report report;
    struct wf_answers *a = NULL;
    struct wf_err err = WF_ERR_INIT;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args < 3)
        return wf_cli_usage(usage);
    if (!take_weight("rerank", rerank, &o.rerank) || !take_weight("refuse", refuse, &o.refuse))
        return WF_EXIT_USAGE;
    o.n_threads = (size_t)threads;
    o.seen_one_in = (uint32_t)seen;
    rc = wf_answers_new(cli->args[0], &o, &a, &err);
    for (int i = 2; i < (int)cli->n_args && rc == 0; i++)
        rc = wf_answers_add(a, cli->args[i], &err);
    if (rc == 0)
        rc = wf_answers_fit(a, &report, &err);
    if (rc == 0)
        rc = wf_answers_write(a, cli->args[1], &err);
    code = rc == 0 ? tell(cli, &report) : wf_cli_fail(cli, &err);
    wf_answers_free(a);
    return code;
}
