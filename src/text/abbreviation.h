/* Abbreviations: words whose point ends no sentence. Internal to text/. Thread rule: any. */
#ifndef WF_TEXT_ABBREVIATION_H
#define WF_TEXT_ABBREVIATION_H

#include "base/str.h"

enum wf_abbreviation {
    WF_ABBREVIATION_NONE,
    WF_ABBREVIATION_NEVER,  /* never ends a sentence: e.g., bzw. */
    WF_ABBREVIATION_TITLE,  /* before a name, when written with a capital: Dr. */
    WF_ABBREVIATION_NUMBER, /* before a number: Fig., Nr. */
    WF_ABBREVIATION_ENDS,   /* may stand at the end of a sentence: etc., Inc. */
};

/* What `word` is: letters and inner points without the last point, in lower case. */
enum wf_abbreviation wf_text__abbreviation(struct wf_str word);

#endif
