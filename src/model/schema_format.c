/* SPDX-License-Identifier: Apache-2.0 */
/* Formats as patterns, two for each: one whose strings all have the format, by the strictest
 * reading of the standards and of the validators in use; and a wide one that has all strings of the
 * format, for telling schemas apart. Formats not in the table mean nothing (they are annotations).
 *
 * Sources: RFC 3339 (dates, times, durations), RFC 5321 and 1123 (mail, hosts; no punycode), RFC
 * 4291, RFC 3986, RFC 6570, RFC 9562, RFC 6901, and the draft of relative JSON pointers. */
#include <string.h>

#include "model/schema_internal.h"

#define YMD                                                                                        \
    "([0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|"                                         \
    "[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])|"               \
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define HMS "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
#define ZONE "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define N "[0-9]{1,9}"
#define HOURS "T(" N "H(" N "M(" N "S)?)?|" N "M(" N "S)?|" N "S)"
#define LABEL "[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20}){0,2}"
#define HOST "(" LABEL "\\.){0,3}[A-Za-z][A-Za-z0-9]{0,20}"
#define DOTTED_HOST "(" LABEL "\\.){1,3}[A-Za-z][A-Za-z0-9]{1,20}"
#define LOCAL "[A-Za-z0-9_+-]{1,24}(\\.[A-Za-z0-9_+-]{1,16}){0,2}"
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define H "[0-9A-Fa-f]{1,4}"
#define PCHAR "([A-Za-z0-9._~!$&()*+,;=:@-]|%[0-9A-Fa-f]{2})"
#define SEGMENT "([A-Za-z0-9._~!$&()*+,;=@-]|%[0-9A-Fa-f]{2})+"
#define TAIL "(\\?(" PCHAR "|[/?])*)?(#(" PCHAR "|[/?])*)?"
#define URI "[A-Za-z][A-Za-z0-9+.-]{1,15}://" HOST "(:[1-9][0-9]{0,3})?(/" PCHAR "*)*" TAIL
#define POINTER "(/([^/~]|~[01])*)*"
#define ATOM "([A-Za-z0-9_ ,;=@#%&!<>'\"]|\\\\[dDwWsS.]|\\[\\^?[A-Za-z0-9_]+\\]|\\.)"

static const struct {
    const char *name, *narrow, *wide;
} formats[] = {
    {"date", "^(?!0000)" YMD "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    {"time", "^" HMS ZONE "$", "^[0-9]{2}:[0-9]{2}:[0-9]{2}"},
    {"date-time", "^(?!0000)" YMD "T" HMS ZONE "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"},
    {"iso-time", "^" HMS ZONE "$", "^[0-9]{2}:[0-9]{2}:[0-9]{2}"},
    {"iso-date-time", "^(?!0000)" YMD "T" HMS ZONE "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]"},
    {"duration",
     "^P(" N "W|(" N "Y(" N "M(" N "D)?)?|" N "M(" N "D)?|" N "D)(" HOURS ")?|" HOURS ")$", "^P"},
    {"email", "^" LOCAL "@" DOTTED_HOST "$", "@"},
    {"idn-email", "^" LOCAL "@" DOTTED_HOST "$", "@"},
    {"hostname", "^" HOST "$", "^[A-Za-z0-9.-]+$"},
    {"idn-hostname", "^" HOST "$", "^[^ /:@]+$"},
    {"ipv4", "^(" OCTET "\\.){3}" OCTET "$", "^[0-9.]+$"},
    {"ipv6",
     "^((" H ":){7}" H "|(" H ":){1,7}:|(" H ":){1,6}:" H "|(" H ":){1,5}(:" H "){1,2}|(" H
     ":){1,4}(:" H "){1,3}|(" H ":){1,3}(:" H "){1,4}|(" H ":){1,2}(:" H "){1,5}|" H ":(:" H
     "){1,6}|:((:" H "){1,7}|:))$",
     "^[0-9A-Fa-f:.]+$"},
    {"uri", "^" URI "$", "^[A-Za-z][A-Za-z0-9+.-]*:"},
    {"iri", "^" URI "$", "^[A-Za-z][A-Za-z0-9+.-]*:"},
    {"url", "^https?://" DOTTED_HOST "(/" PCHAR "*)*" TAIL "$", "^[A-Za-z]+:"},
    {"uri-reference", "^(" URI "|/?(" SEGMENT "(/" PCHAR "*)*)?" TAIL ")$", ""},
    {"iri-reference", "^(" URI "|/?(" SEGMENT "(/" PCHAR "*)*)?" TAIL ")$", ""},
    {"uri-template",
     "^([A-Za-z][A-Za-z0-9+.-]{1,15}://" HOST ")?(/(" PCHAR "|\\{[A-Za-z0-9_]+\\})*)*$", ""},
    {"uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
     "^(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
    {"json-pointer", "^" POINTER "$", "^" POINTER "$"},
    {"relative-json-pointer", "^(0|[1-9][0-9]{0,8})(#|" POINTER ")$", "^[0-9]"},
    {"regex", "^\\^?(" ATOM "[*+?]?)*\\$?$", ""},
    {"byte", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", ""},
};

int wf_schema_format(struct wf_schema_doc *d, const json_t *schema, const char *name, bool wide,
                     const struct wf_lang **out)
{
    size_t i = 0;
    union wf_map_value *v;
    char *key;
    struct wf_lang *l = NULL;
    int rc;

    *out = NULL;
    while (i < WF_ARRAY_LEN(formats) && strcmp(formats[i].name, name) != 0)
        i++;
    if (i == WF_ARRAY_LEN(formats))
        return 0;
    key = wf_arena_printf(&d->arena, "%c%s", wide ? 'F' : 'f', name);
    v = key != NULL ? wf_map_put(&d->langs, wf_str_from(key), NULL) : NULL;
    if (v == NULL)
        return wf_schema_no_memory(d);
    if (v->ptr == NULL) {
        const char *pattern = wide ? formats[i].wide : formats[i].narrow;
        rc = wf_lang_regex(&d->arena, wf_str_from(pattern), &l, d->err);
        if (rc != 0) {
            wf_err_prefix(d->err, "format at %.80s", wf_schema_place(d, schema));
            return rc;
        }
        v->ptr = l;
    }
    *out = v->ptr;
    return 0;
}
