/* Pictures in chats: parts {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}
 * of a message's content. They come in by wf_op_picture, which leaves out what is more than seen
 * (privacy/picture.h); others are nobody's picture. Thread rule: any. */
#ifndef WF_OP_PICTURE_H
#define WF_OP_PICTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* What a picture counts in tokens, about: providers say 85 to 1,600. */
#define WF_OP_PICTURE_TOKENS 1000u

/* The part of a picture's file in base64. *out is a new reference. Errors: INVAL (no picture that
 * can be passed on), LIMIT, NOMEM. */
int wf_op_picture(struct wf_str base64, json_t **out, struct wf_err *err) WF_MUST_USE;
/* The same of its address, which must hold the picture itself: where it lies elsewhere is not
 * passed on (who fetches it would be told of the chat), nor fetched. Errors: as above. */
int wf_op_picture_of_url(struct wf_str url, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Whether a part is one of those, with nothing in it but a clean picture. */
bool wf_op_is_picture(const json_t *part);
/* The picture's address in a part of the type; NULL: it is none. It may be anything. */
const char *wf_op_picture_url(const json_t *part);
/* How many pictures the messages hold, and in *out_bytes (may be NULL) what their addresses take of
 * a body. Says nothing of whether they are clean. */
size_t wf_op_pictures(const json_t *messages, size_t *out_bytes);

#endif
