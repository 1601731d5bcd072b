/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes by libqrencode, drawn with half blocks. Colours are set explicitly: on a dark terminal a
 * code in the terminal's own colours is inverted, which many scanners do not read. */
#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

#define QUIET 2 /* modules; four are asked for, two are enough for what is near */

static bool is_dark(const QRcode *qr, int x, int y)
{
    x -= QUIET;
    y -= QUIET;
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width &&
           (qr->data[y * qr->width + x] & 1) != 0;
}

int wf_qr_print(const char *text, struct wf_buf *out, struct wf_err *err)
{
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    int side;

    if (qr == NULL)
        return wf_err_set(err, errno == ENOMEM ? WF_E_NOMEM : WF_E_LIMIT,
                          "No QR code can be made of that.");
    side = qr->width + 2 * QUIET;
    for (int y = 0; y < side; y += 2) {
        wf_buf_append_cstr(out, "\033[30;107m"); /* black on bright white */
        for (int x = 0; x < side; x++) {
            bool upper = is_dark(qr, x, y), lower = is_dark(qr, x, y + 1);
            wf_buf_append_cstr(out, upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ");
        }
        wf_buf_append_cstr(out, "\033[0m\n");
    }
    QRcode_free(qr);
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory.");
    return 0;
}
