/* SPDX-License-Identifier: Apache-2.0 */
/* Names are checked where they come in, so that whatever stands in the store can be typed, shown,
 * and put into an address. */
#include "space/space.h"

#include "base/limits.h"
#include "text/utf8.h"

bool wf_space_name_ok(struct wf_str name)
{
    struct wf_str trimmed = wf_str_trim(name);

    if (name.len == 0 || name.len > WF_LIMIT_NAME_BYTES || trimmed.len != name.len ||
        wf_utf8_valid_prefix(name) != name.len || wf_utf8_count(name) > WF_LIMIT_NAME_CHARACTERS ||
        wf_str_eq(name, WF_STR(".")) || wf_str_eq(name, WF_STR("..")))
        return false;
    for (size_t i = 0; i < name.len;) {
        uint32_t cp = wf_utf8_next(name, &i);
        if (cp < 0x20 || cp == '/' || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029)
            return false;
    }
    return true;
}

int wf_space_name_check(struct wf_str name, const char *what, struct wf_err *err)
{
    if (wf_space_name_ok(name))
        return 0;
    return wf_err_set(err, WF_E_INVAL,
                      "\"%.*s\" cannot be the name of a %s: 1 to %d characters, no \"/\", no line "
                      "breaks, no space at the ends.",
                      (int)WF_MIN(name.len, (size_t)80), name.len ? name.ptr : "", what,
                      WF_LIMIT_NAME_CHARACTERS);
}

int wf_space_split(struct wf_str address, struct wf_str *out_space, struct wf_str *out_name,
                   struct wf_err *err)
{
    size_t slash = wf_str_find_byte(address, '/', 0);
    struct wf_str space = slash == SIZE_MAX ? WF_STR("me") : wf_str_sub(address, 0, slash);
    struct wf_str name = slash == SIZE_MAX ? address : wf_str_sub(address, slash + 1, address.len);
    int rc = wf_space_name_check(space, "space", err);

    if (rc == 0)
        rc = wf_space_name_check(name, "draft", err);
    if (rc != 0)
        return rc;
    *out_space = space;
    *out_name = name;
    return 0;
}
