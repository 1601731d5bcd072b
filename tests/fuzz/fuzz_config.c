/* SPDX-License-Identifier: Apache-2.0 */
/* Settings, token and list of watched folders: any bytes as their files give values within their
 * bounds, or a reason that names the place. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/home.h"
#include "daemon/watcher.h"
#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const char *path)
{
    struct wf_config c;
    struct wf_err err = WF_ERR_INIT;
    wf_config_init(&c);
    int rc = wf_config_load(&c, path, &err);
    assert(rc == 0 || strstr(err.msg, path) != NULL);
    struct wf_config_option o;
    for (size_t i = 0; wf_config_option_at(i, &o); i++) {
        const char *field = (const char *)&c + o.offset;
        int64_t v = o.min;
        if (o.text_bytes > 0) {
            assert(memchr(field, 0, o.text_bytes) != NULL);
            assert(field[0] != '\0' || o.fallback[0] == '\0');
        } else {
            memcpy(&v, field, sizeof(v));
        }
        assert(v >= o.min && v <= o.max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_home home = {.dir = ""};
    struct wf_watch_list list;
    char token[WF_TOKEN_HEX_LEN + 1];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    ssize_t n = write(fd, data, size);
    assert(n == (ssize_t)size);
    (void)snprintf(home.watch, sizeof(home.watch), "/proc/self/fd/%d", fd);
    (void)snprintf(home.token, sizeof(home.token), "/proc/self/fd/%d", fd);
    check_settings(home.watch);
    if (wf_home_token(&home, token, NULL) == 0) {
        assert(strlen(token) == WF_TOKEN_HEX_LEN);
        assert(strspn(token, "0123456789abcdef") == WF_TOKEN_HEX_LEN);
    }
    if (wf_watch_list_load(&home, &list, NULL) == 0) {
        for (size_t i = 0; i < list.n_paths; i++) {
            assert(list.paths[i][0] == '/' && strchr(list.paths[i], '\n') == NULL);
        }
        wf_watch_list_free(&list);
    }
    wf_file_close(&fd);
    return 0;
}
