/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a sentence in plain words, on standard error: results belong to the command. */
#include <stdio.h>
#include <string.h>

#include "cli/i18n.h"
#include "cli/plain.h"
#include "op/json.h"

static bool needs_quotes(const char *s)
{
    return *s == 0 || strpbrk(s, " \t\n'()&;|<>*?$\\`!#~") != NULL;
}

void wf_plain_say_command(const struct wf_plain *p)
{
    fprintf(stderr, "%s", _("Understood:"));
    for (size_t i = 0; i < p->n_args; i++) {
        const char *arg = i + 1 == p->n_args && p->shown ? p->shown : p->args[i];
        fprintf(stderr, needs_quotes(arg) ? " \"%s\"" : " %s", arg);
    }
    fprintf(stderr, "\n");
    fflush(stderr); /* before what the command says */
}

/* What a label of the lens means to a person. */
static const char *wish_name(const char *intent)
{
    static const struct {
        const char *intent, *name;
    } names[] = {
        {"agenda", N_("your calendar")},
        {"add", N_("to take something in")},
        {"analyze", N_("to analyze figures")},
        {"forget", N_("what weft remembers of you")},
        {"minutes", N_("the minutes of a meeting")},
        {"nodes", N_("your devices")},
        {"pair", N_("to pair a device")},
        {"plan", N_("a plan")},
        {"remember", N_("to remember something about you")},
        {"remind", N_("a reminder")},
        {"remove", N_("to remove something")},
        {"report", N_("a report")},
        {"share", N_("to share something, or who may see it")},
        {"summarize", N_("a summary")},
        {"task", N_("a task to be noted")},
        {"tasks", N_("your tasks")},
        {"transcribe", N_("a transcript")},
        {"translate", N_("a translation")},
        {"why", N_("why weft answered so, and what left this machine")},
        {"write", N_("a text to be written")},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (strcmp(names[i].intent, intent) == 0)
            return _(names[i].name);
    }
    return intent;
}

/* What of the sentence was taken for what, and which day and minute is meant. */
static void say_slots(const struct wf_plain *p)
{
    const json_t *when = json_object_get(p->wish, "when");
    json_t *slot;
    size_t i;

    json_array_foreach(json_object_get(p->wish, "slots"), i, slot)
    {
        if (strcmp(wf_json_text(slot, "type"), "when") != 0 || json_is_null(when))
            fprintf(stderr, "  %s: %s\n", wf_json_text(slot, "type"), wf_json_text(slot, "text"));
    }
    if (json_is_object(when))
        fprintf(stderr,
                json_is_true(json_object_get(when, "repeats"))
                    ? _("  when: %.10s %.5s, and again\n")
                    : _("  when: %.10s %.5s\n"),
                wf_json_text(when, "local"), wf_json_text(when, "local") + 11);
}

int wf_plain_say_not_yet(const struct wf_plain *p)
{
    fprintf(stderr, _("Understood: %s.\n"), wish_name(wf_json_text(p->wish, "intent")));
    say_slots(p);
    fprintf(stderr, "%s\n", _("weft cannot do that yet. weft --help lists what it can."));
    return WF_EXIT_FAILED;
}

int wf_plain_say_lacking(const struct wf_plain *p)
{
    const char *intent = wf_json_text(p->wish, "intent");

    if (strcmp(intent, "remind") == 0) {
        fprintf(stderr, "%s\n",
                _("Understood: a reminder. But when? Say a day or a time with it."));
        return WF_EXIT_FAILED;
    }
    fprintf(stderr, _("Understood: %s. But of what? Name a file, or a document's title.\n"),
            wish_name(intent));
    return WF_EXIT_FAILED;
}

int wf_plain_say_not_understood(const struct wf_plain *p)
{
    (void)p;
    fprintf(stderr, "%s\n",
            _("weft: did not understand. weft --help lists what it can do; weft ask \"QUESTION\" "
              "asks your documents."));
    return WF_EXIT_FAILED;
}
