/* SPDX-License-Identifier: Apache-2.0 */
/* weft models show NAME: everything that is known of a model without loading it. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "op/json.h"

static json_int_t number(const json_t *m, const char *key)
{
    return json_integer_value(json_object_get(m, key));
}

/* Values come from files and registries: what would move the terminal's cursor is left out. */
static void print_line(const char *what, const char *value)
{
    char *text = value && value[0] ? wf_strdup(value) : NULL;

    if (!text)
        return;
    wf_str_make_printable(text, strlen(text));
    printf("%s%-12s%s %s\n", wf_cli_dim(), what, wf_cli_plain(), text);
    wf_free(text);
}

static void print_types(const json_t *types)
{
    const json_t *t;
    char bytes[32], count[32];
    size_t i;

    json_array_foreach(types, i, t)
    {
        char line[128];
        snprintf(line, sizeof(line), _("%-6s  %s tensors, %s"), wf_json_text(t, "type"),
                 wf_cli_count(count, (uint64_t)number(t, "tensors")),
                 wf_cli_bytes(bytes, (uint64_t)number(t, "bytes")));
        print_line(i == 0 ? _("types") : "", line);
    }
}

static void print_tokenizer(const json_t *t)
{
    const char *model = wf_json_text(t, "model"), *pre = wf_json_text(t, "pre");
    char line[256], count[32];

    if (!model[0])
        return;
    snprintf(line, sizeof(line), _("%.80s%s%.80s, %s tokens"), model, pre[0] ? " / " : "", pre,
             wf_cli_count(count, (uint64_t)number(t, "tokens")));
    print_line(_("tokenizer"), line);
}

static void print_model(const json_t *m)
{
    const json_t *registry = json_object_get(m, "registry");
    char text[128], n[32];

    printf("%s%s%s\n", wf_cli_bold(), wf_json_text(m, "name"), wf_cli_plain());
    print_line(_("kind"), wf_json_text(m, "kind"));
    print_line(_("family"), wf_json_text(m, "family"));
    print_line(_("weights"), wf_models_params(n, (uint64_t)number(m, "params")));
    snprintf(text, sizeof(text), _("%s in %s"), wf_cli_bytes(n, (uint64_t)number(m, "bytes")),
             wf_json_text(m, "quantization"));
    print_line(_("size"), text);
    print_types(json_object_get(m, "types"));
    if (number(m, "context") > 0) {
        snprintf(text, sizeof(text), _("%s tokens"),
                 wf_cli_count(n, (uint64_t)number(m, "context")));
        print_line(_("context"), text);
    }
    print_tokenizer(json_object_get(m, "tokenizer"));
    print_line(_("template"), wf_json_text(m, "dialect"));
    print_line(_("digest"), wf_json_text(m, "digest"));
    print_line(_("file"), wf_json_text(m, "path"));
    print_line(_("from"), wf_json_text(m, "source"));
    if (wf_json_text(registry, "system")[0])
        print_line(_("system"), wf_json_text(registry, "system"));
    if (wf_json_text(registry, "license")[0]) {
        snprintf(text, sizeof(text), "%.60s", wf_json_text(registry, "license"));
        text[strcspn(text, "\r\n")] = '\0';
        print_line(_("licence"), text);
    }
}

int wf_models_show(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft models show NAME\n\nSays everything about a model: sizes, types, "
          "context, tokenizer, where it came from.\nWith --json also its template "
          "and the metadata of its file.");
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    code = wf_models_call(cli, "models.show", json_pack("{s:s}", "name", cli->args[0]), &result);
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        print_model(result);
    json_decref(result);
    return WF_EXIT_DONE;
}
