/* SPDX-License-Identifier: Apache-2.0 */
/* weft train adapter MODEL OUT FILE...: a LoRA adapter for a model's file, from texts of one's own.
 * What it takes is said before it begins, and it does not begin where the memory is not there. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/i18n.h"
#include "cli/train.h"
#include "os/file.h"
#include "os/memory.h"
#include "train/lora.h"

#define REDRAW_NS 200000000
#define LOG_NS 60000000000

struct shown {
    bool is_terminal;
    int64_t drawn_ns;
};

static bool on_stops(void *ud)
{
    (void)ud;
    return wf_train_asked_to_stop();
}

static void on_step(void *ud, const struct wf_lora_view *v)
{
    struct shown *s = ud;
    int64_t now = wf_clock_mono_ns(NULL);
    char left[64], speed[32];

    if (now - s->drawn_ns < (s->is_terminal ? REDRAW_NS : LOG_NS) && v->step != v->n_steps)
        return;
    s->drawn_ns = now;
    wf_train_time_left(left, sizeof(left), v->left_s);
    fputs(s->is_terminal ? "\r\033[K" : "", stderr);
    fprintf(stderr, _("step %llu of %llu"), (unsigned long long)v->step,
            (unsigned long long)v->n_steps);
    fprintf(stderr, _(" · loss %.3f · %s tokens/s"), v->loss,
            wf_cli_count(speed, (uint64_t)v->tokens_per_s));
    fprintf(stderr, "%s%s", left, s->is_terminal && v->step != v->n_steps ? "" : "\n");
    (void)fflush(stderr);
}

static int add_files(const struct wf_cli *cli, struct wf_lora *l, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 2; i < cli->n_args && rc == 0; i++) {
        struct wf_buf text;
        wf_buf_init(&text, WF_LIMIT_ENCODE_BYTES);
        rc = wf_file_read(cli->args[i], &text, err);
        if (rc == 0)
            rc = wf_lora_add(l, wf_buf_str(&text), err);
        if (rc != 0)
            wf_err_prefix(err, "%s", cli->args[i]);
        wf_buf_deinit(&text);
    }
    return rc;
}

/* Says what it takes; refuses when the machine has less. */
static int begin(const struct wf_lora *l, struct wf_err *err)
{
    struct wf_lora_plan p;
    uint64_t there = wf_memory_available();
    char pieces[32], tokens[32], values[32], bytes[32], model[32];

    wf_lora_plan(l, &p);
    fprintf(stderr, _("%s pieces of text, %s tokens; %s values learn, in %" PRIu64 " steps.\n"),
            wf_cli_count(pieces, p.n_pieces), wf_cli_count(tokens, p.n_tokens),
            wf_cli_count(values, p.n_values), p.n_steps);
    fprintf(stderr, _("It takes %s of memory beside the model's %s, which stay in its file.\n"),
            wf_cli_bytes(bytes, p.bytes), wf_cli_bytes(model, p.model_bytes));
    if (there == 0 || p.bytes <= there)
        return 0;
    return wf_err_set(err, WF_E_NOMEM,
                      _("Only %s are free. Fewer --tokens or --batch tokens, or a lower --rank, "
                        "take less."),
                      wf_cli_bytes(model, there));
}

static int finish(const struct wf_cli *cli, const struct wf_lora_result *r)
{
    const char *out = cli->args[1];
    json_t *o;

    if (cli->json) {
        o = json_pack("{s:s, s:b, s:I}", "file", out, "done", r->is_done, "steps",
                      (json_int_t)r->n_steps);
        if (o != NULL && isfinite(r->before)) {
            (void)json_object_set_new(o, "loss_before", json_real(r->before));
            (void)json_object_set_new(o, "loss_after", json_real(r->after));
        }
        if (o != NULL)
            wf_cli_print_json(o);
        json_decref(o);
        return WF_EXIT_DONE;
    }
    if (isfinite(r->before))
        printf(_("On pieces kept aside the loss a token went from %.3f to %.3f.\n"), r->before,
               r->after);
    if (!r->is_done)
        printf(_("It was ended after %llu steps.\n"), (unsigned long long)r->n_steps);
    printf(_("%s is written.\n"), out);
    return WF_EXIT_DONE;
}

static int run(const struct wf_cli *cli, const struct wf_lora_options *o)
{
    struct shown shown = {.is_terminal = isatty(STDERR_FILENO) != 0};
    struct wf_lora_events events = {&shown, on_stops, on_step};
    struct wf_lora_result result = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_lora *l = NULL;
    int rc = wf_lora_open(cli->args[0], o, &l, &err);

    if (rc == 0)
        rc = add_files(cli, l, &err);
    if (rc == 0)
        rc = begin(l, &err);
    if (rc == 0) {
        wf_train_catch_signals();
        rc = wf_lora_train(l, &events, &result, &err);
    }
    if (rc == 0)
        rc = wf_lora_write(l, cli->args[1], &err);
    wf_lora_close(l);
    return rc == 0 ? finish(cli, &result) : wf_cli_fail(cli, &err);
}

int wf_train_adapter(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train adapter MODEL.gguf OUT.gguf FILE... [--rank N] [--epochs N]\n"
        "                          [--rate RATE] [--tokens N] [--batch N] [--threads N]\n\n"
        "Trains a LoRA adapter for a model on texts of your own and writes it as a model file's\n"
        "companion. The model, quantised or not, stays as it is; nothing leaves the machine. The\n"
        "memory that it takes is said before it begins. --tokens is the length of the pieces\n"
        "that texts are cut into, --batch how many tokens a step looks at.");
    int64_t rank = 0, epochs = 0, tokens = 0, batch = 0, threads = 0, seed = 0;
    const char *rate_text = NULL;
    double rate = 0;
    const struct wf_option options[] = {
        {.name = "rank", .kind = WF_OPTION_NUMBER, .out = &rank, .min = 1, .max = 256},
        {.name = "epochs", .kind = WF_OPTION_NUMBER, .out = &epochs, .min = 1, .max = 1000},
        {.name = "rate", .kind = WF_OPTION_TEXT, .out = &rate_text},
        {.name = "tokens", .kind = WF_OPTION_NUMBER, .out = &tokens, .min = 8, .max = 65536},
        {.name = "batch", .kind = WF_OPTION_NUMBER, .out = &batch, .min = 8, .max = 65536},
        {.name = "seed", .kind = WF_OPTION_NUMBER, .out = &seed, .min = 0, .max = INT32_MAX},
        {"threads", 't', WF_OPTION_NUMBER, &threads, 1, 256},
        {0},
    };
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (rate_text != NULL && (!wf_str_to_f64(wf_str_from(rate_text), &rate) || !(rate > 0)))
        return wf_cli_usage(usage);
    if (cli->n_args < 3)
        return wf_cli_usage(usage);
    return run(cli, &(struct wf_lora_options){.rank = (uint32_t)rank,
                                              .n_epochs = (uint32_t)epochs,
                                              .rate = rate,
                                              .text_tokens = (uint32_t)tokens,
                                              .batch_tokens = (uint32_t)batch,
                                              .n_threads = (size_t)threads,
                                              .seed = (uint64_t)seed});
}
