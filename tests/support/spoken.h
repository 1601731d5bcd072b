/* Spoken: HTTP with a server in this process, byte by byte. The operations are
 * those of support/played.h. What fails ends the process. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_SPOKEN_H
#define WF_TESTS_SUPPORT_SPOKEN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define SPOKEN_PORT 7770
#define SPOKEN_TOKEN "0123456789abcdef0123456789abcdef"
#define SPOKEN_CODE "00112233445566778899aabbccddeeff"

/* A connection; the server is made with the first one. */
int spoken_connect(void);
/* Sends and lets the server work until it has taken in all and answered what it can; what it says
 * goes to `out` (may be NULL). False once it has closed the connection. */
bool spoken_say(int fd, struct wf_str bytes, struct wf_buf *out);
/* Closes; now and then server and store are made anew. */
void spoken_close(int fd);
/* Ends the server. */
void spoken_stop(void);

#endif
