/* Lens file: where lens.gguf lies, by the setting and the program's place.
 * Thread rule: any. */
#ifndef WF_DAEMON_LENS_FILE_H
#define WF_DAEMON_LENS_FILE_H

#include "base/limits.h"
#include "engine/lens.h"

struct wf_lens_place {
    char path[WF_LIMIT_PATH_BYTES]; /* empty: there is none */
    bool is_off;
};

/* The setting "off", or a path; "on": beside `program`, where make install puts it, or where a
 * build is. Looks for the file and reads nothing of it. */
void wf_lens_file_find(const char *program, const char *setting, struct wf_lens_place *out);

/* What a pool is made with; path points into `place`. */
struct wf_lens_pool_options wf_lens_file_options(const struct wf_lens_place *place);

#endif
