/* SPDX-License-Identifier: Apache-2.0 */
/* weft train sensitivity CONF --into LENS.gguf: the linear judge of private matters, fitted and put
 * beside the encoder. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/conf.h"
#include "train/sensitivity_fit.h"

static void add(json_t *to, const char *key, const struct wf_sensitivity_figures *f)
{
    json_object_set_new(to, key,
                        json_pack("{s:f, s:f, s:f, s:f}", "f1", f->f1, "recall", f->recall,
                                  "precision", f->precision, "micro_f1", f->micro_f1));
}

static void print_json(const struct wf_sensitivity_report *r)
{
    json_t *v = json_pack("{s:I, s:I, s:I, s:I}", "texts", (json_int_t)r->n_texts, "kept_aside",
                          (json_int_t)r->n_kept, "entries", (json_int_t)r->n_entries, "bytes",
                          (json_int_t)r->bytes);

    if (v == NULL)
        return;
    add(v, "keywords", &r->words);
    add(v, "linear", &r->linear);
    if (r->has_encoder) {
        add(v, "encoder", &r->encoder);
        add(v, "both", &r->both);
    }
    wf_cli_print_json(v);
    json_decref(v);
}

static void print_judge(const char *who, const struct wf_sensitivity_figures *f)
{
    printf("  %-28s %6.2f %6.2f %6.2f %6.2f\n", who, f->f1, f->recall, f->precision, f->micro_f1);
}

static int tell(void *ud, const struct wf_sensitivity_report *r)
{
    char bytes[32], entries[32], texts[32];

    if (((struct wf_cli *)ud)->json) {
        print_json(r);
        return 0;
    }
    printf(_("%s weights in %s, %s texts kept aside\n"), wf_cli_count(entries, r->n_entries),
           wf_cli_bytes(bytes, r->bytes), wf_cli_count(texts, r->n_kept));
    printf("  %-28s\n", _("F1, recall, precision by label; F1 of all"));
    print_judge(_("keywords"), &r->words);
    print_judge(_("linear, all weights"), &r->whole);
    print_judge(_("linear, as it is stored"), &r->linear);
    if (r->has_encoder) {
        print_judge(_("encoder"), &r->encoder);
        print_judge(_("both"), &r->both);
    }
    for (size_t i = 0; i < r->n_labels; i++)
        printf("  %s\n", r->table[i]);
    return 0;
}

int wf_train_sensitivity(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train sensitivity CONF --into LENS.gguf [--out OUT.gguf] [--data FOLDER]\n\n"
        "Fits a linear judge over words and groups of letters to the sources of the experiment's\n"
        "[task sensitivity], chooses how much it counts beside the encoder of LENS.gguf and from\n"
        "where on a label is said, and writes it into that file, or into OUT.gguf.");
    struct wf_sensitivity_job job = {.on_done = tell, .ud = cli};
    struct wf_err err = WF_ERR_INIT;
    struct wf_train_fit f;
    int code, rc;

    if (!wf_train_fit_open(cli, usage, NULL, 0, &f, &code))
        return code;
    job.into = f.into;
    job.out = f.out;
    job.data_dir = f.data;
    rc = wf_sensitivity_fit(f.conf, &job, &err);
    wf_conf_free(f.conf);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
