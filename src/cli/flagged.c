/* SPDX-License-Identifier: Apache-2.0 */
/* What is flagged in documents that a model read, and in what it wrote: told behind the answer, on
 * standard error. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

void wf_cli_print_flagged(const json_t *result)
{
    const json_t *flagged = json_object_get(result, "flagged"), *words;
    const json_t *answer = json_object_get(flagged, "answer");
    size_t i;

    if (flagged == NULL)
        return;
    fflush(stdout); /* behind the answer, also where both go to one file */
    json_array_foreach(json_object_get(flagged, "instructions"), i, words)
        fprintf(stderr, _("A document speaks to the model, not to you: \"%s\"\n"),
                json_string_value(words));
    if (json_object_get(answer, "leak") != NULL)
        fprintf(
            stderr, "%s\n",
            _("An address in this answer carries something of what was asked: do not open it."));
    else if (json_object_get(answer, "link") != NULL || json_object_get(answer, "image") != NULL)
        fprintf(stderr, "%s\n",
                _("An address in this answer was named neither by you nor by your documents."));
    if (json_object_get(flagged, "unscanned") != NULL)
        fprintf(stderr, "%s\n",
                _("This answer could not be looked through for what does not "
                  "belong there."));
}
