/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping on POSIX systems: open, mmap, close; the mapping outlives the descriptor. */
#include "os/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "os/file.h"

int wf_mapping_open(const char *path, struct wf_mapping *out, struct wf_err *err)
{
    struct wf_mapping m = {NULL, 0};
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    void *p;

    if (fd < 0)
        return wf_err_errno(err, errno, "%s", path);
    if (fstat(fd, &st) != 0) {
        rc = wf_err_errno(err, errno, "%s", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = wf_err_set(err, WF_E_INVAL, "%s is not a file.", path);
    } else if (st.st_size > 0) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            rc = wf_err_errno(err, errno, "%s could not be mapped", path);
        } else {
            /* Advice: what is read from the disk comes in large pages (models are read from end
             * to end again and again). What is in the system's cache already stays as it is. */
            (void)madvise(p, (size_t)st.st_size, MADV_HUGEPAGE);
            m.ptr = p;
            m.bytes = (size_t)st.st_size;
        }
    }
    wf_file_close(&fd);
    if (rc == 0)
        *out = m;
    return rc;
}

void wf_mapping_rest(const struct wf_mapping *m)
{
    if (m->ptr != NULL)
        (void)madvise((void *)(uintptr_t)m->ptr, m->bytes, MADV_DONTNEED); /* else they stay */
}

void wf_mapping_close(struct wf_mapping *m)
{
    if (m->ptr != NULL)
        (void)munmap((void *)(uintptr_t)m->ptr, m->bytes); /* fails for our own mistakes only */
    m->ptr = NULL;
    m->bytes = 0;
}
