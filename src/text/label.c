/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of speakers in transcripts. */
#include "text/sentence.h"

#define LABEL_MAX 48 /* bytes */

size_t wf_sentence_label(struct wf_str s)
{
    bool is_bracket = s.len > 0 && s.ptr[0] == '[', is_first = true;
    for (size_t i = 0; i + 1 < s.len && i < LABEL_MAX; i++) {
        char c = s.ptr[i];
        if (is_bracket && c == ']')
            return i > 1 ? i + 1 : 0;
        if (!is_bracket && c == ':')
            return i > 0 && (s.ptr[i + 1] == ' ' || s.ptr[i + 1] == '\n') ? i + 1 : 0;
        if (c == '\n' || c == ',' || c == ';' || c == '"' || c == '!' || c == '?')
            return 0;
        /* the words of a name begin with capitals (or belong to a script without ASCII) */
        if (!is_bracket && is_first && c >= 'a' && c <= 'z')
            return 0;
        is_first = c == ' ';
    }
    return 0;
}
