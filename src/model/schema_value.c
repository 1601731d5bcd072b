/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as schemas see them: equality, whole numbers, and their text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/schema_internal.h"

enum wf_type wf_schema_type_of(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        return WF_TYPE_NULL;
    case JSON_FALSE:
        return WF_TYPE_FALSE;
    case JSON_TRUE:
        return WF_TYPE_TRUE;
    case JSON_STRING:
        return WF_TYPE_STRING;
    case JSON_ARRAY:
        return WF_TYPE_ARRAY;
    case JSON_OBJECT:
        return WF_TYPE_OBJECT;
    case JSON_INTEGER:
    case JSON_REAL:
        break;
    }
    return WF_TYPE_NUMBER;
}

bool wf_schema_is_integer(const json_t *v)
{
    double x = json_number_value(v);

    return json_is_integer(v) || (json_is_real(v) && isfinite(x) && floor(x) == x);
}

bool wf_schema_is_multiple(double x, double m)
{
    double q = x / m;

    return isfinite(q) && floor(q) == q && fabs(q) < 1e21;
}

static bool equal_objects(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *member;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, member)
    {
        const json_t *other = json_object_get(b, key);
        if (other == NULL || !wf_schema_equal(member, other))
            return false;
    }
    return true;
}

bool wf_schema_equal(const json_t *a, const json_t *b)
{
    enum wf_type type = wf_schema_type_of(a);

    if (type != wf_schema_type_of(b))
        return false;
    if (type == WF_TYPE_NUMBER) {
        if (json_is_integer(a) && json_is_integer(b))
            return json_integer_value(a) == json_integer_value(b);
        return json_number_value(a) == json_number_value(b);
    }
    if (type == WF_TYPE_STRING)
        return json_string_length(a) == json_string_length(b) &&
               memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) == 0;
    if (type == WF_TYPE_OBJECT)
        return equal_objects(a, b);
    if (type != WF_TYPE_ARRAY)
        return true;
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!wf_schema_equal(json_array_get(a, i), json_array_get(b, i)))
            return false;
    }
    return true;
}

/* The fewest digits that give x again: digits without point, and the exponent of the first. */
static int shortest_digits(double x, char digits[32])
{
    char text[40];
    size_t n = 0;

    for (int precision = 0; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, x);
        if (strtod(text, NULL) == x)
            break;
    }
    for (const char *p = text; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    return (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

/* Digits of which the first has this exponent, without writing one. */
static void write_plain(char *out, const char *sign, const char *digits, int exponent)
{
    size_t n = 0;
    int last = (int)strlen(digits) - 1;

    if (sign[0] != 0)
        out[n++] = sign[0];
    for (int i = WF_MIN(exponent, 0); i <= WF_MAX(exponent, last); i++) {
        if (i == exponent + 1)
            out[n++] = '.';
        out[n++] = '0';
        if (i >= 0 && i <= last)
            out[n - 1] = digits[i];
    }
    out[n] = 0;
}

void wf_schema_write_number(char out[64], const json_t *v)
{
    double x = json_number_value(v);
    char digits[32] = "";
    const char *sign = x < 0 ? "-" : "";
    int exponent;

    if (json_is_integer(v)) {
        (void)snprintf(out, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return;
    }
    if (x == 0 || !isfinite(x)) {
        (void)snprintf(out, 64, "0");
        return;
    }
    exponent = shortest_digits(fabs(x), digits);
    if (exponent > 36 || exponent < -20)
        (void)snprintf(out, 64, "%s%c%s%se%d", sign, digits[0], digits[1] != 0 ? "." : "",
                       digits + 1, exponent);
    else
        write_plain(out, sign, digits, exponent);
}

void wf_schema_write_string(struct wf_buf *out, struct wf_str s)
{
    static const char letters[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";

    (void)wf_buf_append_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        const char *known = c != 0 ? strchr(letters, c) : NULL;
        if (known != NULL)
            (void)wf_buf_appendf(out, "\\%c", names[known - letters]);
        else if ((uint8_t)c < 0x20)
            (void)wf_buf_appendf(out, "\\u%04x", (unsigned)(uint8_t)c);
        else
            (void)wf_buf_append_byte(out, c);
    }
    (void)wf_buf_append_byte(out, '"');
}

int wf_schema_write(struct wf_buf *out, const json_t *v)
{
    char number[64];
    const char *key;
    json_t *member;
    bool more = false;

    switch (json_typeof(v)) {
    case JSON_NULL:
        return wf_buf_append_cstr(out, "null");
    case JSON_FALSE:
        return wf_buf_append_cstr(out, "false");
    case JSON_TRUE:
        return wf_buf_append_cstr(out, "true");
    case JSON_INTEGER:
    case JSON_REAL:
        wf_schema_write_number(number, v);
        return wf_buf_append_cstr(out, number);
    case JSON_STRING:
        wf_schema_write_string(out, wf_str_n(json_string_value(v), json_string_length(v)));
        break;
    case JSON_ARRAY:
        (void)wf_buf_append_byte(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (i > 0)
                (void)wf_buf_append_byte(out, ',');
            (void)wf_schema_write(out, json_array_get(v, i));
        }
        (void)wf_buf_append_byte(out, ']');
        break;
    case JSON_OBJECT:
        (void)wf_buf_append_byte(out, '{');
        json_object_foreach((json_t *)(uintptr_t)v, key, member)
        {
            if (more)
                (void)wf_buf_append_byte(out, ',');
            more = true;
            wf_schema_write_string(out, wf_str_from(key));
            (void)wf_buf_append_byte(out, ':');
            (void)wf_schema_write(out, member);
        }
        (void)wf_buf_append_byte(out, '}');
        break;
    }
    return wf_buf_status(out);
}
