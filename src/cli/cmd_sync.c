/* SPDX-License-Identifier: Apache-2.0 */
/* weft sync: whether this device and the connected ones have the same drafts and records; --wait
 * until they do. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

#define LOOK_MS 50

static int64_t number(const json_t *v, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(v, "behind"), key));
}

/* Who is not there: what holds for those who are says nothing of them. */
static void print_absent(const json_t *list)
{
    json_t *one;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    printf("%s", _("Not connected, and not counted:"));
    json_array_foreach(list, i, one)
    {
        printf("%s %s", i > 0 ? "," : "", wf_json_text(one, "name"));
    }
    printf("\n");
}

static void print_relay(const json_t *v)
{
    if (!json_is_object(v))
        return;
    printf(_("Kept for others, unread: %lld MiB of at most %lld, %lld letters.\n"),
           (long long)json_integer_value(json_object_get(v, "bytes")) >> 20,
           (long long)json_integer_value(json_object_get(v, "bytes_max")) >> 20,
           (long long)json_integer_value(json_object_get(v, "letters")));
    if (json_is_true(json_object_get(v, "full")))
        printf("%s\n", _("That is its bound: it takes no more until devices have fetched some."));
}

static void print_status(const json_t *v)
{
    int64_t n = json_integer_value(json_object_get(v, "nodes"));
    json_t *problem;
    size_t i;

    if (n == 0)
        printf("%s\n", _("No other device is connected. Paired ones: weft nodes"));
    else if (json_is_true(json_object_get(v, "converged")))
        printf(ngettext("This device and %lld other have the same.\n",
                        "This device and %lld others have the same.\n", (unsigned long)n),
               (long long)n);
    else
        printf(_("On the way: %lld batches to this device, %lld to others.\n"),
               (long long)(number(v, "here") + number(v, "untaken")),
               (long long)number(v, "there"));
    print_absent(json_object_get(v, "absent"));
    print_relay(json_object_get(v, "relay"));
    json_array_foreach(json_object_get(v, "problems"), i, problem)
    {
        printf("%s: %s\n", wf_json_text(problem, "device"), wf_json_text(problem, "words"));
    }
}

int wf_cmd_sync(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft sync [--wait] [--timeout 60]\n\n"
                          "Whether this device and the connected ones have the same drafts and "
                          "records.\n--wait waits until they do, for so many seconds at most.");
    bool waits = false;
    int64_t timeout_s = 60, until_ns;
    const struct wf_option options[] = {
        {.name = "wait", .kind = WF_OPTION_FLAG, .out = &waits},
        {.name = "timeout", .kind = WF_OPTION_NUMBER, .out = &timeout_s, .min = 0, .max = 86400},
        {.name = NULL},
    };
    bool is_done = false;
    json_t *v = NULL;
    int code = 0;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    until_ns = wf_clock_mono_ns(NULL) + timeout_s * INT64_C(1000000000);
    while (code == 0 && !is_done) {
        json_decref(v);
        v = NULL;
        code = wf_cli_call(cli, "sync.status", json_object(), &v);
        is_done = !waits || json_is_true(json_object_get(v, "converged")) ||
                  wf_clock_mono_ns(NULL) > until_ns;
        if (code == 0 && !is_done)
            (void)usleep(LOOK_MS * 1000);
    }
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(v);
    else
        print_status(v);
    is_done = json_is_true(json_object_get(v, "converged"));
    json_decref(v);
    return waits && !is_done ? WF_EXIT_FAILED : WF_EXIT_DONE;
}
