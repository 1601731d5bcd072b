/* SPDX-License-Identifier: Apache-2.0 */
/* weft train route DATA --into FILE: the table by which easy and hard requests are told apart,
 * fitted to questions that two models have answered. */
#include <stdio.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "cli/train.h"
#include "os/file.h"
#include "train/hardness.h"

/* How well each set's questions are ordered, by tables that were fitted to the others. */
static int measure(const struct wf_cli *cli, const struct wf_hardness_questions *q,
                   struct wf_err *err)
{
    double *gains = wf_alloc_array(2 * q->n + 1, sizeof(*gains)), area[2];
    json_t *all = json_object();
    int rc =
        gains == NULL || all == NULL ? wf_err_set(err, WF_E_NOMEM, _("Not enough memory.")) : 0;

    for (int k = 0; k < 2 && rc == 0; k++)
        rc = wf_hardness_fold_gains(q, k == 1, gains + (size_t)k * q->n, err);
    if (rc == 0 && !cli->json)
        printf("%-20s %10s %10s\n", _("area (any order: .5)"), _("questions"), _("subjects"));
    for (size_t s = 0; s < q->n_sets && rc == 0; s++) {
        for (int k = 0; k < 2 && rc == 0; k++)
            rc = wf_hardness_area(q, s, gains + (size_t)k * q->n, &area[k], err);
        if (rc == 0 && !cli->json)
            printf("%-20s %10.4f %10.4f\n", q->sets[s], area[0], area[1]);
        else if (rc == 0)
            (void)json_object_set_new(
                all, q->sets[s],
                json_pack("{s:f, s:f}", "questions", area[0], "subjects", area[1]));
    }
    if (rc == 0 && cli->json)
        wf_cli_print_json(all);
    json_decref(all);
    wf_free(gains);
    return rc;
}

int wf_train_route(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train route DATA --into FILE\n\n"
          "Fits the table by which easy and hard requests are told apart. DATA has a line\n"
          "{\"set\",\"subject\",\"prompt\",\"weak\",\"strong\"} for each question: whether the "
          "small and\n"
          "the large model answered it right. Says how well questions that were kept aside are\n"
          "ordered, by folds of questions and of whole subjects.");
    const char *into = NULL;
    const struct wf_option options[] = {
        {.name = "into", .kind = WF_OPTION_TEXT, .out = &into},
        {0},
    };
    struct wf_hardness_questions q = {.n = 0};
    struct wf_err err = WF_ERR_INIT;
    char *table;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || into == NULL)
        return wf_cli_usage(usage);
    table = wf_alloc(WF_HARDNESS_TABLE_BYTES);
    rc = table == NULL ? wf_err_set(&err, WF_E_NOMEM, _("Not enough memory."))
                       : wf_hardness_questions_read(cli->args[0], &q, &err);
    if (rc == 0)
        rc = measure(cli, &q, &err);
    if (rc == 0)
        rc = wf_hardness_fit(&q, WF_HARDNESS_ALL, false, table, &err);
    if (rc == 0)
        rc = wf_file_replace(into, table, WF_HARDNESS_TABLE_BYTES, 0644, &err);
    wf_hardness_questions_deinit(&q);
    wf_free(table);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
