/* SPDX-License-Identifier: Apache-2.0 */
/* Finding lens.gguf. */
#include "daemon/lens_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void wf_lens_file_find(const char *program, const char *setting, struct wf_lens_place *out)
{
    /* Below PREFIX/bin, below build/, and below build/asan/. */
    static const char *const places[] = {"lens.gguf", "../share/weft/lens.gguf",
                                         "../models/lens.gguf", "../../models/lens.gguf"};
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;
    int n = slash != NULL ? (int)(slash - program) : 0;

    memset(out, 0, sizeof(*out));
    out->is_off = strcmp(setting, "off") == 0;
    if (out->is_off)
        return;
    if (strcmp(setting, "on") != 0) {
        (void)snprintf(out->path, sizeof(out->path), "%s", setting);
        return;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(places) && slash != NULL; i++) {
        int len = snprintf(out->path, sizeof(out->path), "%.*s/%s", n, program, places[i]);
        if (len > 0 && (size_t)len < sizeof(out->path) && access(out->path, R_OK) == 0)
            return;
    }
    out->path[0] = 0;
}

struct wf_lens_pool_options wf_lens_file_options(const struct wf_lens_place *place)
{
    return (struct wf_lens_pool_options){.path = place->path[0] != 0 ? place->path : NULL,
                                         .is_off = place->is_off};
}
