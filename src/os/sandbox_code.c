/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code that libraries made (PCRE2's expressions) lies in pages that stay writable, since
 * their allocator writes into them when more is made or some is freed. Before a process is locked
 * they are made readable and executable alone, for good: from then on the filter lets nothing
 * become executable, so that what runs is what was there. The price: such code can be neither made
 * nor freed any more; who holds some asks wf_sandbox_code_is_sealed.
 *
 * Which pages that are is read in /proc/self/maps: all that are both. Where there is no /proc, or
 * it is locked away already, nothing is sealed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/file.h"
#include "os/sandbox_internal.h"

/* Of the text: some hundred lines of a hundred bytes; with sanitizers thousands. */
#define MAPS_BYTES_MAX ((size_t)8 << 20)

#define ASK_ONLY 0xffffffffUL /* of personality: nothing is set */

static bool is_sealed; /* set before there are threads */

bool wf_sandbox_code_is_sealed(void)
{
    return is_sealed;
}

/* "START-END rwxp ...": whether it is writable and executable. */
static bool is_open_code(struct wf_str line, uintptr_t *out_start, uintptr_t *out_end)
{
    char head[64], *at = head;
    size_t n = WF_MIN(line.len, sizeof(head) - 1);

    memcpy(head, line.ptr, n);
    head[n] = '\0';
    *out_start = (uintptr_t)strtoull(at, &at, 16);
    if (*at++ != '-')
        return false;
    *out_end = (uintptr_t)strtoull(at, &at, 16);
    return strncmp(at, " rwx", 4) == 0 && *out_start < *out_end;
}

static int seal(struct wf_str maps, struct wf_err *err)
{
    struct wf_str line;
    uintptr_t start, end;
    bool is_data;

    while (wf_str_line(&maps, &line)) {
        if (!is_open_code(line, &start, &end))
            continue;
        /* Stack and heap are data, whatever a library wished for. */
        is_data = wf_str_ends(line, WF_STR("[stack]")) || wf_str_ends(line, WF_STR("[heap]"));
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's own words */
        if (mprotect((void *)start, end - start,
                     is_data ? PROT_READ | PROT_WRITE : PROT_READ | PROT_EXEC) != 0)
            return wf_err_errno(err, errno, "cannot protect the code of expressions");
        is_sealed = is_sealed || !is_data;
    }
    return 0;
}

int wf_sandbox__seal_code(struct wf_err *err)
{
    int fd, rc;
    struct wf_buf maps;

    if ((personality(ASK_ONLY) & READ_IMPLIES_EXEC) != 0)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "this process was started so that all its memory is code "
                          "(READ_IMPLIES_EXEC, setarch -X), which weft does not run with");
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    wf_buf_init(&maps, MAPS_BYTES_MAX);
    rc = wf_file_read_stream(fd, &maps, err);
    close(fd);
    if (rc == 0)
        rc = seal(wf_buf_str(&maps), err);
    wf_buf_deinit(&maps);
    return rc;
}
