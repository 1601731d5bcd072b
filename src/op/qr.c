/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes by libqrencode. For terminals colours are set explicitly: on a dark one a code in the
 * terminal's own colours is inverted, which many scanners do not read. */
#include "op/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

#define QUIET 2      /* modules; four are asked for, two are enough for what is near */
#define SIDE_MAX 177 /* modules of the largest code */

int wf_qr_rows(const char *text, json_t **out, struct wf_err *err)
{
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    json_t *rows = json_array();
    char row[SIDE_MAX];
    int rc = 0;

    if (qr == NULL || qr->width > SIDE_MAX) {
        rc = wf_err_set(err, qr == NULL && errno == ENOMEM ? WF_E_NOMEM : WF_E_LIMIT,
                        "No QR code can be made of that.");
    }
    for (int y = 0; rc == 0 && y < qr->width; y++) {
        for (int x = 0; x < qr->width; x++)
            row[x] = (qr->data[y * qr->width + x] & 1) != 0 ? '1' : '0';
        if (json_array_append_new(rows, json_stringn(row, (size_t)qr->width)) != 0)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    QRcode_free(qr);
    if (rc == 0)
        *out = rows;
    else
        json_decref(rows);
    return rc;
}

static bool is_dark(const json_t *rows, size_t x, size_t y)
{
    const json_t *row = y < QUIET ? NULL : json_array_get(rows, y - QUIET);

    return x >= QUIET && x - QUIET < json_string_length(row) &&
           json_string_value(row)[x - QUIET] == '1';
}

int wf_qr_draw(const json_t *rows, struct wf_buf *out, struct wf_err *err)
{
    size_t side = json_array_size(rows) + 2 * (size_t)QUIET;

    if (json_array_size(rows) == 0 || json_array_size(rows) > SIDE_MAX)
        return wf_err_set(err, WF_E_FORMAT, "No QR code can be made of that.");
    for (size_t y = 0; y < side; y += 2) {
        wf_buf_append_cstr(out, "\033[30;107m"); /* black on bright white */
        for (size_t x = 0; x < side; x++) {
            bool upper = is_dark(rows, x, y), lower = is_dark(rows, x, y + 1);
            wf_buf_append_cstr(out, upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ");
        }
        wf_buf_append_cstr(out, "\033[0m\n");
    }
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory.");
    return 0;
}
