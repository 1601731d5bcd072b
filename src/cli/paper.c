/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery page: one sheet, readable for decades without weft, in the person's language. It is
 * a file for a moment only, so it says that it is to be deleted. */
#include "cli/paper.h"

#include "cli/i18n.h"
#include "mesh/pairing.h"

static void print_words(FILE *f, const char *words, const char *before, const char *after)
{
    struct wf_str rest = wf_str_from(words), word;

    for (int i = 1; wf_str_split(&rest, ' ', &word); i++) {
        if (before[0] != 0)
            fprintf(f, "%s%.*s%s\n", before, WF_STR_ARG(word), after);
        else
            fprintf(f, "%4d  %.*s\n", i, WF_STR_ARG(word));
    }
}

void wf_paper_print(FILE *f, const char *words, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                    bool is_html)
{
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];

    wf_fingerprint(owner, fingerprint);
    if (!is_html) {
        printf("%s\n\n", _("Write these twelve words on paper, in this order:"));
        print_words(f, words, "", "");
        fprintf(f, _("\nFingerprint of the key: %s\n"), fingerprint);
        fprintf(f, "%s\n", _("They are not shown again."));
        return;
    }
    fprintf(f,
            "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>%s</title>\n"
            "<style>body{font:16px/1.5 serif;max-width:36em;margin:3em auto}"
            "ol{columns:2;font:22px/1.9 monospace;border:1px solid;padding:1em 3em}"
            "@media print{.screen{display:none}}</style>\n</head>\n<body>\n<h1>%s</h1>\n",
            _("weft: recovery words"), _("weft: recovery words"));
    fprintf(f, "<p class=\"screen\"><strong>%s</strong></p>\n",
            _("Print this page now, then delete the file. The words are not shown again."));
    fprintf(f, "<p>%s</p>\n<ol>\n",
            _("Whoever has these twelve words can take devices in and out in your name. Keep "
              "them where you keep passports."));
    print_words(f, words, "<li>", "</li>");
    fprintf(f, "</ol>\n<p>%s</p>\n<pre>weft nodes recover</pre>\n",
            _("When all devices with the key are lost or broken: install weft on a new one, and "
              "type the words after this command. A word may be cut short after four letters."));
    fprintf(f, _("<p>Fingerprint of the key: <code>%s</code></p>\n"), fingerprint);
    fprintf(f, "</body>\n</html>\n");
}
