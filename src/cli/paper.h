/* The page that a recovery phrase is printed on. Thread rule: any. */
#ifndef WF_CLI_PAPER_H
#define WF_CLI_PAPER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mesh/devices.h"

/* Prints the words (parted by spaces) and the owner's fingerprint: a page in HTML that loads
 * nothing, or plain lines. */
void wf_paper_print(FILE *f, const char *words, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                    bool is_html);

#endif
