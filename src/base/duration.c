/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go's programs write and read them: Ollama's API, OpenAI's headers. */
#include "base/duration.h"

#define NS_PER_S INT64_C(1000000000)

/* The unit at the beginning of *s, which moves behind it. */
static bool take_unit(struct wf_str *s, double *out_ns)
{
    static const struct {
        struct wf_str name;
        double ns;
    } units[] = {
        /* "ms" before "m" */
        {{"ns", 2}, 1},   {{"us", 2}, 1e3}, {{"\xc2\xb5s", 3}, 1e3}, {{"\xce\xbcs", 3}, 1e3},
        {{"ms", 2}, 1e6}, {{"s", 1}, 1e9},  {{"m", 1}, 60e9},        {{"h", 1}, 3600e9},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(units); i++) {
        if (!wf_str_starts(*s, units[i].name))
            continue;
        *out_ns = units[i].ns;
        *s = wf_str_sub(*s, units[i].name.len, s->len);
        return true;
    }
    return false;
}

static bool take_number(struct wf_str *s, double *out)
{
    size_t n = 0;
    struct wf_str digits;

    while (n < s->len && ((s->ptr[n] >= '0' && s->ptr[n] <= '9') || s->ptr[n] == '.'))
        n++;
    digits = wf_str_sub(*s, 0, n);
    *s = wf_str_sub(*s, n, s->len);
    if (wf_str_ends(digits, WF_STR(".")))
        digits.len--; /* Go takes "1.s" */
    return wf_str_to_f64(digits, out);
}

bool wf_duration_read(struct wf_str text, int64_t *out_ns)
{
    bool negative = wf_str_starts(text, WF_STR("-"));
    struct wf_str rest = wf_str_sub(text, negative || wf_str_starts(text, WF_STR("+")), text.len);
    double ns = 0, number, unit;

    if (wf_str_to_f64(rest, &number) && !wf_str_starts(rest, WF_STR("-"))) {
        ns = number * (double)NS_PER_S;
    } else {
        if (rest.len == 0)
            return false;
        while (rest.len > 0) {
            if (!take_number(&rest, &number) || !take_unit(&rest, &unit))
                return false;
            ns += number * unit;
        }
    }
    if (!(ns < 9.2e18))
        return false;
    *out_ns = (int64_t)(negative ? -ns : ns);
    return true;
}
