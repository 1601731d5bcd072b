/* Models on disk for tests: tiny GGUF files, whole and split, and a folder for a store. */
#ifndef WF_TESTS_SUPPORT_MODELS_H
#define WF_TESTS_SUPPORT_MODELS_H

#include <stddef.h>

#include "engine/model_store.h"

struct models {
    char dir[64];   /* of the test */
    char store[80]; /* dir/models */
    struct wf_model_store *s;
};

/* Makes the folder and opens the store in it; closes and removes all. */
void models_make(struct models *m);
void models_remove(struct models *m);

/* Writes a tiny model (see tiny_model.h) to dir/file; out_path gets its path. `pad` bytes are put
 * behind it, so that the same model has another digest. */
void models_write(const struct models *m, const char *kind, size_t pad, const char *file,
                  char out_path[128]);

/* Writes a llama in two parts; the path of the first. */
void models_write_split(const struct models *m, char out_path[128]);

/* Files below dir/models/FOLDER, folders not counted. */
size_t models_n_files(const struct models *m, const char *folder);

#endif
