/* SPDX-License-Identifier: Apache-2.0 */
/* Counting in letters and Roman numbers, within what lists of real documents need. */
#include "ingest/counting.h"

#include <stddef.h>

#include "base/config.h"

/* Ten times through the alphabet: longer labels help nobody. */
#define LETTERS_MAX (26 * 10)

int wf_counting_letters(struct wf_buf *out, int64_t n, char first)
{
    if (n < 1 || n > LETTERS_MAX) {
        return wf_buf_appendf(out, "%lld", (long long)n);
    }
    return wf_buf_append_fill(out, (char)(first + (n - 1) % 26), (size_t)((n - 1) / 26 + 1));
}

int wf_counting_roman(struct wf_buf *out, int64_t n, bool upper)
{
    static const struct {
        int value;
        const char *lower;
        const char *upper;
    } rows[] = {{1000, "m", "M"}, {900, "cm", "CM"}, {500, "d", "D"}, {400, "cd", "CD"},
                {100, "c", "C"},  {90, "xc", "XC"},  {50, "l", "L"},  {40, "xl", "XL"},
                {10, "x", "X"},   {9, "ix", "IX"},   {5, "v", "V"},   {4, "iv", "IV"},
                {1, "i", "I"}};
    if (n < 1 || n > 3999) {
        return wf_buf_appendf(out, "%lld", (long long)n);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        for (; n >= rows[i].value; n -= rows[i].value) {
            (void)wf_buf_append_cstr(out, upper ? rows[i].upper : rows[i].lower); /* sticks */
        }
    }
    return wf_buf_status(out);
}
