/* SPDX-License-Identifier: Apache-2.0 */
/* weft train linear CONF --into LENS.gguf: the linear judges of sets of intents, fitted and put
 * beside the encoder. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/conf.h"
#include "train/linear_fit.h"

static void add_judge(json_t *to, const char *key, const struct wf_linear_figures *f)
{
    json_t *v = json_pack("{s:f, s:f}", "accuracy", f->accuracy, "closed_accuracy", f->closed);

    if (v != NULL && isfinite(f->outside_recall))
        json_object_set_new(v, "outside_recall", json_real(f->outside_recall));
    json_object_set_new(to, key, v);
}

static json_t *as_json(const struct wf_linear_report *r)
{
    json_t *v = json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "set", r->name, "labels",
                          (json_int_t)r->n_labels, "kept_aside", (json_int_t)r->linear.n, "entries",
                          (json_int_t)r->n_entries, "bytes", (json_int_t)r->bytes, "encoder_scale",
                          r->scales.encoder, "linear_scale", r->scales.linear, "threshold",
                          r->scales.threshold);

    if (v == NULL)
        return NULL;
    add_judge(v, "whole", &r->whole);
    add_judge(v, "linear", &r->linear);
    if (r->has_encoder) {
        add_judge(v, "encoder", &r->encoder);
        add_judge(v, "both", &r->both);
    }
    return v;
}

static void print_judge(const char *who, const struct wf_linear_figures *f)
{
    printf("  %-28s %6.2f", who, f->accuracy);
    if (isfinite(f->outside_recall))
        printf("  %6.2f", f->outside_recall);
    putchar('\n');
}

static void print_set(const struct wf_linear_report *r)
{
    char bytes[32], entries[32], texts[32];

    printf(_("%s: %s weights in %s, %s requests kept aside\n"), r->name,
           wf_cli_count(entries, r->n_entries), wf_cli_bytes(bytes, r->bytes),
           wf_cli_count(texts, r->linear.n));
    printf("  %-28s %6s", _("% right, % turned away"), "");
    putchar('\n');
    print_judge(_("linear, all weights"), &r->whole);
    print_judge(_("linear, as it is stored"), &r->linear);
    if (!r->has_encoder)
        return;
    print_judge(_("encoder"), &r->encoder);
    print_judge(_("both"), &r->both);
}

static int on_set(void *ud, const struct wf_linear_report *r)
{
    struct wf_cli *cli = ud;
    json_t *v;

    if (!cli->json) {
        print_set(r);
        (void)fflush(stdout);
        return 0;
    }
    v = as_json(r);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return 0;
}

int wf_train_linear(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train linear CONF --into LENS.gguf [--out OUT.gguf] [--data FOLDER]\n\n"
          "Fits, for each [task intent SET] of the experiment CONF that has linear weights, a\n"
          "linear judge over words and groups of letters, chooses how much it counts beside the\n"
          "encoder of LENS.gguf, and writes it into that file, or into OUT.gguf.");
    struct wf_linear_job job = {.on_set = on_set, .ud = cli};
    struct wf_err err = WF_ERR_INIT;
    struct wf_train_fit f;
    int code, rc;

    if (!wf_train_fit_open(cli, usage, NULL, 0, &f, &code))
        return code;
    job.into = f.into;
    job.out = f.out;
    job.data_dir = f.data;
    rc = wf_linear_fit_all(f.conf, &job, &err);
    wf_conf_free(f.conf);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
