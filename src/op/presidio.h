/* Presidio's requests, as JSON in and out: what its analyzer and anonymizer answer over REST, so
 * that their clients move over by changing the address (docs/api.md says where this differs).
 * Positions are code points. Errors are INVAL with Presidio's own sentence where it has one, else
 * those of what is called. Thread rule: any; a labeler is its owner's. */
#ifndef WF_OP_PRESIDIO_H
#define WF_OP_PRESIDIO_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "op/label.h"

/* POST /analyze: an array of {"entity_type","start","end","score","analysis_explanation"}; for an
 * array of texts an array of those. *out is a new reference, also below. */
int wf_presidio_analyze(struct wf_labeler *l, const json_t *body, json_t **out,
                        struct wf_err *err) WF_MUST_USE;

/* POST /anonymize and /deanonymize: {"text","items":[{"operator","entity_type","start","end",
 * "text"}]}, the last item first. */
int wf_presidio_anonymize(const json_t *body, json_t **out, struct wf_err *err) WF_MUST_USE;
int wf_presidio_deanonymize(const json_t *body, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Arrays of names: of what is found, of operators, of those that go back. */
json_t *wf_presidio_entities(void) WF_MUST_USE;
json_t *wf_presidio_anonymizers(void) WF_MUST_USE;
json_t *wf_presidio_deanonymizers(void) WF_MUST_USE;

/* AES in CBC mode with PKCS#7 padding, the initial vector in front, base64 with '-' and '_' (read
 * with '+' and '/', too): what Presidio's encrypt writes. key: 16, 24 or 32 bytes. Errors: INVAL
 * (key; what is no such text), NOMEM, the buffer's. */
int wf_presidio_encrypt(struct wf_str key, struct wf_str plain, struct wf_buf *out,
                        struct wf_err *err) WF_MUST_USE;
int wf_presidio_decrypt(struct wf_str key, struct wf_str text, struct wf_buf *out,
                        struct wf_err *err) WF_MUST_USE;

#endif
