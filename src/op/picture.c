/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in chats. */
#include "op/picture.h"

#include <string.h>

#include "base/limits.h"
#include "op/json.h"
#include "privacy/picture.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a picture.");
}

static int make_part(struct wf_str bytes, const char *media_type, json_t **out, struct wf_err *err)
{
    struct wf_buf url;
    int rc;

    wf_buf_init(&url, 2 * (size_t)WF_LIMIT_PICTURE_SENT_BYTES);
    (void)wf_buf_appendf(&url, "data:%s;base64,", media_type); /* asked by the next one */
    rc = wf_picture_encode(bytes, &url);
    *out = rc == 0 ? json_pack("{s:s, s:{s:o}}", "type", "image_url", "image_url", "url",
                               wf_json_str(wf_buf_str(&url)))
                   : NULL;
    wf_buf_deinit(&url);
    return *out != NULL ? 0 : no_memory(err);
}

int wf_op_picture(struct wf_str base64, json_t **out, struct wf_err *err)
{
    struct wf_picture info;
    struct wf_buf bytes, clean;
    int rc;

    wf_buf_init(&bytes, (size_t)WF_LIMIT_PICTURE_SENT_BYTES + 4);
    wf_buf_init(&clean, (size_t)WF_LIMIT_PICTURE_SENT_BYTES + 4);
    rc = wf_picture_decode(base64, &bytes, err);
    if (rc == 0)
        rc = wf_picture_read(wf_buf_str(&bytes), &clean, &info, err);
    if (rc == 0)
        rc = make_part(wf_buf_str(&clean), info.media_type, out, err);
    else if (rc == WF_E_FORMAT)
        rc = err != NULL ? (err->code = WF_E_INVAL) : WF_E_INVAL;
    wf_buf_deinit(&bytes);
    wf_buf_deinit(&clean);
    return rc;
}

int wf_op_picture_of_url(struct wf_str url, json_t **out, struct wf_err *err)
{
    struct wf_str type, base64;

    if (wf_picture_of_url(url, &type, &base64))
        return wf_op_picture(base64, out, err);
    return wf_err_set(err, WF_E_INVAL,
                      "The address of a picture is neither fetched nor passed on: send the picture "
                      "itself, as data:image/png;base64,...");
}

const char *wf_op_picture_url(const json_t *part)
{
    return strcmp(wf_json_text(part, "type"), "image_url") == 0
               ? json_string_value(json_object_get(json_object_get(part, "image_url"), "url"))
               : NULL;
}

bool wf_op_is_picture(const json_t *part)
{
    const json_t *image = json_object_get(part, "image_url"), *url = json_object_get(image, "url");
    const char *detail = json_string_value(json_object_get(image, "detail"));
    const bool has_detail = json_object_get(image, "detail") != NULL;

    return wf_op_picture_url(part) != NULL && json_object_size(part) == 2 &&
           json_object_size(image) == (has_detail ? 2u : 1u) &&
           (!has_detail ||
            (detail != NULL && (strcmp(detail, "auto") == 0 || strcmp(detail, "low") == 0 ||
                                strcmp(detail, "high") == 0))) &&
           wf_picture_url_is_clean(wf_str_n(json_string_value(url), json_string_length(url)));
}

size_t wf_op_pictures(const json_t *messages, size_t *out_bytes)
{
    const json_t *message, *part;
    size_t i, k, n = 0, bytes = 0;

    json_array_foreach(messages, i, message)
    {
        json_array_foreach(json_object_get(message, "content"), k, part)
        {
            const char *url = wf_op_picture_url(part);
            n += url != NULL;
            bytes += url != NULL ? strlen(url) : 0;
        }
    }
    if (out_bytes != NULL)
        *out_bytes = bytes;
    return n;
}
