/* SPDX-License-Identifier: Apache-2.0 */
/* Words as they are written, and the names and numbers among them. */
#include "train/data_made_internal.h"

#define NAME_WORDS 4

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_part(char c)
{
    return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

size_t wf_data__cut_words(struct wf_str text, size_t from, size_t to, struct wf_data__word *out,
                          size_t n_max)
{
    size_t n = 0, i = from;

    while (i < to && n < n_max) {
        struct wf_data__word w = {0};
        size_t stop;
        while (i < to && (unsigned char)text.ptr[i] <= ' ')
            i++;
        for (stop = i; stop < to && (unsigned char)text.ptr[stop] > ' ';)
            stop++;
        w.from = i;
        w.to = stop;
        i = stop;
        while (w.from < w.to && !is_part(text.ptr[w.from]))
            w.from++;
        while (w.to > w.from && !is_part(text.ptr[w.to - 1]))
            w.to--;
        if (w.from == w.to)
            continue;
        w.ends = w.to < stop;
        w.is_name = is_upper(text.ptr[w.from]) && w.to - w.from > 2 && n > 0;
        w.is_number = is_digit(text.ptr[w.from]) && is_digit(text.ptr[w.to - 1]);
        out[n++] = w;
    }
    return n;
}

size_t wf_data__run_at(const struct wf_data__word *w, size_t n, size_t i)
{
    size_t k = i + 1;

    if (w[i].is_number)
        return 1;
    if (!w[i].is_name || (i > 0 && w[i - 1].is_name && !w[i - 1].ends))
        return 0;
    while (k < n && w[k].is_name && !w[k - 1].ends)
        k++;
    return k - i <= NAME_WORDS ? k - i : 0;
}
