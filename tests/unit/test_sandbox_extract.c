/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the extract workers' sandboxes by attempts, of every Landlock version, of a kernel
 * without Landlock, of the limits, and of the table that the filter is made from. */
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sandbox_internal.h"
#include "os/sock.h"
#include "support/child.h"

/* Then memory is not limited and threads are not looked for, see sandbox.c. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAVE_SANITIZER 1
#endif
#endif
#ifndef HAVE_SANITIZER
#define HAVE_SANITIZER 0
#endif

static char dir[64];   /* holds "data", which may be read */
static char other[64]; /* holds "secret", which may not */

static const char *at(const char *folder, const char *name)
{
    static char paths[2][256];
    static int turn;
    turn ^= 1;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-test-XXXXXX");
    snprintf(other, sizeof(other), "/tmp/weft-test-XXXXXX");
    if (!mkdtemp(dir) || !mkdtemp(other))
        return -1;
    if (wf_file_replace(at(dir, "data"), "data", 4, 0600, NULL) != 0)
        return -1;
    return wf_file_replace(at(other, "secret"), "secret", 6, 0600, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", dir, other);
    return system(command);
}

static bool refused(long result)
{
    return result == -1 && (errno == EACCES || errno == EPERM || errno == ENOSYS);
}

/* Runs fn in a sandbox; 0, or how it ended. Skips the test where there is none. */
static int in_sandbox(const struct wf_sandbox_options *o, void (*fn)(void *ud), void *ud)
{
    int r = child_run(o, fn, ud);
    if (r == CHILD_UNSUPPORTED)
        skip();
    return r;
}

/* ---- EXTRACT ---- */

static void work_on_descriptors(void *ud)
{
    const int *fds = ud; /* a socket and a document */
    struct wf_buf b;
    bool eof;
    int fd = -1;
    wf_buf_init(&b, 1000);
    CHILD_CHECK(wf_sock_recv_frame(fds[0], &b, &fd, &eof, 1000, NULL) == 0);
    CHILD_CHECK(fd >= 0);
    CHILD_CHECK(wf_file_read_fd(fd, &b, NULL) == 0);
    CHILD_CHECK(strcmp(b.ptr, "document") == 0);
    const char *map = mmap(NULL, 8, PROT_READ, MAP_PRIVATE, fd, 0);
    CHILD_CHECK(map != MAP_FAILED && memcmp(map, "document", 8) == 0);
    CHILD_CHECK(lseek(fd, 0, SEEK_END) == 8);
    FILE *f = fdopen(fd, "r");
    CHILD_CHECK(f != NULL && fgetc(f) == EOF);
    CHILD_CHECK(wf_sock_send_frame(fds[0], "text", 4, -1, 1000, NULL) == 0);
    for (size_t n = 1; n < (size_t)1 << 26; n *= 4) {
        char *p = wf_alloc(n);
        CHILD_CHECK(p != NULL);
        p[n - 1] = 1;
        wf_free(p);
    }
}

static void test_sandbox_extract__works_on_what_it_holds(void **state)
{
    (void)state;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    int fds[2];
    int doc = -1;
    assert_int_equal(wf_sock_pair(fds, NULL), 0);
    assert_int_equal(wf_file_memfd("doc", &doc, NULL), 0);
    assert_int_equal(wf_file_write_all(doc, "document", 8, NULL), 0);
    assert_int_equal(wf_sock_send_frame(fds[1], "name", 4, doc, 1000, NULL), 0);
    int r = child_run(&o, work_on_descriptors, fds);
    wf_file_close(&doc);
    struct wf_buf b;
    bool eof = false;
    wf_buf_init(&b, 100);
    if (r == 0)
        assert_int_equal(wf_sock_recv_frame(fds[1], &b, NULL, &eof, 1000, NULL), 0);
    wf_file_close(&fds[0]);
    wf_file_close(&fds[1]);
    if (r == CHILD_UNSUPPORTED)
        skip();
    assert_int_equal(r, 0);
    assert_string_equal(b.ptr, "text");
    wf_buf_deinit(&b);
}

static void *never(void *ud)
{
    return ud;
}

static void try_ways_out(void *ud)
{
    (void)ud;
    int fds[2];
    pthread_t t;
    struct rlimit l = {1, 1};
    CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
    CHILD_CHECK(refused(open(at(dir, "data"), O_RDONLY)));
    CHILD_CHECK(refused(open(".", O_RDONLY | O_DIRECTORY)));
    CHILD_CHECK(refused(open(at(dir, "new"), O_WRONLY | O_CREAT, 0600)));
    CHILD_CHECK(refused(access("/etc/passwd", F_OK)));
    CHILD_CHECK(refused(unlink(at(dir, "data"))));
    CHILD_CHECK(refused(rename(at(dir, "data"), at(dir, "x"))));
    CHILD_CHECK(refused(socket(AF_INET, SOCK_STREAM, 0)));
    CHILD_CHECK(refused(socket(AF_UNIX, SOCK_STREAM, 0)));
    CHILD_CHECK(refused(socketpair(AF_UNIX, SOCK_STREAM, 0, fds)));
    CHILD_CHECK(refused(memfd_create("x", 0)));
    CHILD_CHECK(refused(kill(getppid(), 0)));
    CHILD_CHECK(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
    CHILD_CHECK(refused(prctl(PR_SET_DUMPABLE, 1)));
    CHILD_CHECK(refused(syscall(SYS_prlimit64, 0, RLIMIT_CPU, &l, NULL)));
    CHILD_CHECK(pthread_create(&t, NULL, never, NULL) != 0);
    CHILD_CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                MAP_FAILED);
    CHILD_CHECK(iconv_open("UTF-8", "IBM1047") == (iconv_t)-1); /* is on the disk */
}

static void test_sandbox_extract__has_no_way_out(void **state)
{
    (void)state;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    assert_int_equal(in_sandbox(&o, try_ways_out, NULL), 0);
}

static void call(void *ud)
{
    syscall(*(const long *)ud, 0, 0, 0, 0, 0, 0);
}

static void test_sandbox_extract__dies_of_what_has_no_row(void **state)
{
    (void)state;
    static const long forbidden[] = {
        SYS_execve,
        SYS_ptrace,
        SYS_process_vm_writev,
        SYS_pidfd_getfd,
        SYS_unshare,
        SYS_setns,
        SYS_mount,
        SYS_keyctl,
        SYS_bpf,
        SYS_userfaultfd,
        SYS_setuid,
        SYS_shmget,
        SYS_perf_event_open,
        SYS_io_uring_enter,
        SYS_personality,
#ifdef SYS_fork
        SYS_fork,
        SYS_vfork,
#endif
    };
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    for (size_t i = 0; i < WF_ARRAY_LEN(forbidden); i++)
        assert_int_equal(in_sandbox(&o, call, (void *)(uintptr_t)&forbidden[i]), -SIGSYS);
}

static void read_libraries_data(void *ud)
{
    (void)ud;
    struct wf_buf b;
    struct stat st;
    wf_buf_init(&b, 100);
    CHILD_CHECK(wf_file_read(at(dir, "data"), &b, NULL) == 0);
    CHILD_CHECK(stat(at(dir, "data"), &st) == 0);
    CHILD_CHECK(refused(open(at(dir, "data"), O_RDWR)));
    CHILD_CHECK(refused(open(at(dir, "new"), O_WRONLY | O_CREAT, 0600)));
    CHILD_CHECK(refused(open(at(dir, "data"), O_RDONLY | O_TRUNC)));
    CHILD_CHECK(refused(open(dir, O_TMPFILE | O_RDWR, 0600)));
    CHILD_CHECK(refused(unlink(at(dir, "data"))));
    CHILD_CHECK(refused(open(at(other, "secret"), O_RDONLY)));
    CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
    CHILD_CHECK(iconv_open("UTF-8", "IBM1047") == (iconv_t)-1); /* code may not be mapped */
    wf_buf_deinit(&b);
}

static void test_sandbox_extract__reads_below_its_folders(void **state)
{
    (void)state;
    if (wf_sandbox__landlock_abi() < 1)
        skip();
    const char *const read_dirs[] = {dir, "/does/not/exist", NULL};
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .read_dirs = read_dirs};
    assert_int_equal(in_sandbox(&o, read_libraries_data, NULL), 0);
}

static void read_one_file(void *ud)
{
    (void)ud;
    struct wf_buf b;
    wf_buf_init(&b, 100);
    CHILD_CHECK(wf_file_read(at(dir, "data"), &b, NULL) == 0);
    CHILD_CHECK(refused(open(dir, O_RDONLY | O_DIRECTORY)));
    wf_buf_deinit(&b);
}

static void test_sandbox_extract__a_rule_may_name_a_file(void **state)
{
    (void)state;
    if (wf_sandbox__landlock_abi() < 1)
        skip();
    char path[256];
    snprintf(path, sizeof(path), "%s", at(dir, "data"));
    const char *const read_dirs[] = {path, NULL};
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .read_dirs = read_dirs};
    assert_int_equal(in_sandbox(&o, read_one_file, NULL), 0);
}

static void load_code(void *ud)
{
    (void)ud;
    iconv_t cd = iconv_open("UTF-8", "IBM1047"); /* maps a module of the C library */
    CHILD_CHECK(cd != (iconv_t)-1);
    CHILD_CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0) == MAP_FAILED);
    CHILD_CHECK(syscall(SYS_execve, "/bin/true", NULL, NULL) != 0); /* dies */
}

static void test_sandbox_extract__loads_libraries_where_allowed(void **state)
{
    (void)state;
    if (wf_sandbox__landlock_abi() < 1)
        skip();
    const char *const exec_dirs[] = {"/usr/lib", NULL};
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .exec_dirs = exec_dirs};
    assert_int_equal(in_sandbox(&o, load_code, NULL), -SIGSYS);
}

static void start_thread(void *ud)
{
    pthread_t t;
    void *result = NULL;
    CHILD_CHECK(pthread_create(&t, NULL, never, ud) == 0);
    CHILD_CHECK(pthread_join(t, &result) == 0 && result == ud);
    CHILD_CHECK(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
}

static void test_sandbox_extract__starts_threads_where_allowed(void **state)
{
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .threads = true};
    assert_int_equal(in_sandbox(&o, start_thread, state), 0);
}

/* ---- limits ---- */

static void take_memory(void *ud)
{
    const uint64_t *max = ud;
    void *p = wf_alloc(*max / 2);
    CHILD_CHECK(p != NULL);
    wf_free(p);
    CHILD_CHECK(wf_alloc(*max) == NULL);
}

static void test_sandbox_extract__memory_is_limited(void **state)
{
    (void)state;
    if (HAVE_SANITIZER)
        skip();
    uint64_t max = (uint64_t)512 << 20;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .memory_bytes_max = max};
    assert_int_equal(in_sandbox(&o, take_memory, &max), 0);
}

static void burn(void *ud)
{
    (void)ud;
    for (volatile unsigned i = 0;; i = i + 1)
        ;
}

static void test_sandbox_extract__processor_time_is_limited(void **state)
{
    (void)state;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .cpu_s_max = 1};
    assert_int_equal(in_sandbox(&o, burn, NULL), -SIGXCPU);
}

static void write_file(void *ud)
{
    const int *fd = ud;
    char bytes[100] = {0};
    CHILD_CHECK(write(*fd, bytes, sizeof(bytes)) == 100);
    CHILD_CHECK(write(*fd, bytes, 1) == 1); /* dies */
}

static void test_sandbox_extract__file_size_is_limited(void **state)
{
    (void)state;
    int fd = -1;
    assert_int_equal(wf_file_memfd("x", &fd, NULL), 0);
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .file_bytes_max = 100};
    int r = child_run(&o, write_file, &fd);
    wf_file_close(&fd);
    if (r == CHILD_UNSUPPORTED)
        skip();
    assert_int_equal(r, -SIGXFSZ);
}

static void enter_with_lower_limits(void *ud)
{
    struct rlimit l = {50, 60};
    CHILD_CHECK(setrlimit(RLIMIT_CPU, &l) == 0);
    CHILD_CHECK(wf_sandbox_enter(ud, NULL) == 0);
    CHILD_CHECK(getrlimit(RLIMIT_CPU, &l) == 0);
    CHILD_CHECK(l.rlim_cur == 50 && l.rlim_max == 60); /* never raised */
    CHILD_CHECK(getrlimit(RLIMIT_CORE, &l) == 0);
    CHILD_CHECK(l.rlim_cur == 0 && l.rlim_max == 0);
}

static void test_sandbox_extract__limits_are_never_raised(void **state)
{
    (void)state;
    if (!wf_sandbox__has_filter())
        skip();
    struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .cpu_s_max = 100};
    assert_int_equal(child_run(NULL, enter_with_lower_limits, &o), 0);
}

/* ---- EXTRACT_EXEC ---- */

/* A PDF of one page that says "woven words". */
static int make_pdf(void)
{
    static const char *const objects[] = {
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        ("<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 5 0 R"
         "/Resources<</Font<</F 4 0 R>>>>>>"),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Length 43>>stream\nBT /F 24 Tf 20 40 Td (woven words) Tj ET   \nendstream",
    };
    struct wf_buf b;
    size_t offsets[WF_ARRAY_LEN(objects)];
    wf_buf_init(&b, 10000);
    (void)wf_buf_append_cstr(&b, "%PDF-1.4\n"); /* checked at the end */
    for (size_t i = 0; i < WF_ARRAY_LEN(objects); i++) {
        offsets[i] = b.len;
        (void)wf_buf_appendf(&b, "%zu 0 obj %s endobj\n", i + 1, objects[i]);
    }
    size_t xref = b.len;
    (void)wf_buf_append_cstr(&b, "xref\n0 6\n0000000000 65535 f \n");
    for (size_t i = 0; i < WF_ARRAY_LEN(objects); i++)
        (void)wf_buf_appendf(&b, "%010zu 00000 n \n", offsets[i]);
    (void)wf_buf_appendf(&b, "trailer<</Size 6/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", xref);
    assert_int_equal(wf_buf_status(&b), 0);
    int fd = -1;
    assert_int_equal(wf_file_memfd("pdf", &fd, NULL), 0);
    assert_int_equal(wf_file_write_all(fd, b.ptr, b.len, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    wf_buf_deinit(&b);
    return fd;
}

static int nothing(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd > 0);
    return fd;
}

struct helper {
    const char *argv[8];
    int in_fd;
    char out[100000];
    size_t n_out;
    int exit_code;
};

/* In the worker: forks the helper, reads all that it says, waits for it. */
static void run_helper(void *ud)
{
    struct helper *h = ud;
    int pipes[2];
    static char *const no_env[] = {NULL};
    CHILD_CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    pid_t pid = fork();
    CHILD_CHECK(pid >= 0);
    if (pid == 0) {
        struct wf_err e = WF_ERR_INIT;
        CHILD_CHECK(dup2(h->in_fd, 0) == 0 && dup2(pipes[1], 1) == 1);
        int r = wf_sandbox_exec(h->argv[0], (char *const *)(uintptr_t)h->argv, no_env, &e);
        _exit(r == WF_E_DENIED ? 126 : 127);
    }
    wf_file_close(&pipes[1]);
    for (;;) {
        ssize_t n = read(pipes[0], h->out + h->n_out, sizeof(h->out) - 1 - h->n_out);
        CHILD_CHECK(n >= 0);
        if (n == 0)
            break;
        h->n_out += (size_t)n;
    }
    int status = 0;
    CHILD_CHECK(waitpid(pid, &status, 0) == pid);
    h->exit_code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static const char *const poppler_exec[] = {
    "/usr/bin/pdftotext", "/usr/bin/pdftoppm", "/lib", "/lib64", "/usr/lib", NULL};
static const char *const poppler_read[] = {
    "/usr/share/poppler", "/usr/share/fonts",      "/etc/fonts", "/usr/share/fontconfig",
    "/etc/ld.so.cache",   "/var/cache/fontconfig", NULL};

/* Runs a helper in the sandbox; its output is in memory that both processes share. */
static struct helper *in_exec_sandbox(const char *const *exec_dirs, struct helper h)
{
    struct helper *shared =
        mmap(NULL, sizeof(h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    *shared = h;
    const struct wf_sandbox_options o = {
        .kind = WF_SANDBOX_EXTRACT_EXEC,
        .exec_dirs = exec_dirs,
        .read_dirs = poppler_read,
        .memory_bytes_max = (uint64_t)512 << 20,
        .cpu_s_max = 60,
        .file_bytes_max = (uint64_t)1 << 30,
    };
    int r = child_run(&o, run_helper, shared);
    wf_file_close(&h.in_fd);
    if (r == CHILD_UNSUPPORTED)
        skip();
    assert_int_equal(r, 0);
    return shared;
}

static void test_sandbox_extract__pdftotext_reads_a_descriptor(void **state)
{
    (void)state;
    if (access("/usr/bin/pdftotext", X_OK) != 0)
        skip();
    const char *const inputs[] = {"-", "fd://0"};
    for (size_t i = 0; i < WF_ARRAY_LEN(inputs); i++) {
        struct helper *h = in_exec_sandbox(
            poppler_exec, (struct helper){.argv = {"/usr/bin/pdftotext", inputs[i], "-", NULL},
                                          .in_fd = make_pdf()});
        assert_int_equal(h->exit_code, 0);
        assert_non_null(strstr(h->out, "woven words"));
        munmap(h, sizeof(*h));
    }
}

static void test_sandbox_extract__pdftoppm_draws_with_system_fonts(void **state)
{
    (void)state;
    if (access("/usr/bin/pdftoppm", X_OK) != 0)
        skip();
    struct helper *h = in_exec_sandbox(
        poppler_exec, (struct helper){.argv = {"/usr/bin/pdftoppm", "-r", "72", "-gray", "-", NULL},
                                      .in_fd = make_pdf()});
    assert_int_equal(h->exit_code, 0);
    assert_memory_equal(h->out, "P5\n", 3);
    size_t n_dark = 0;
    for (size_t i = 15; i < h->n_out; i++)
        n_dark += (unsigned char)h->out[i] < 64;
    if (access("/usr/share/fonts/truetype", F_OK) == 0)
        assert_true(n_dark > 200); /* the letters are there */
    munmap(h, sizeof(*h));
}

static void test_sandbox_extract__runs_nothing_else(void **state)
{
    (void)state;
    if (wf_sandbox__landlock_abi() < 1)
        skip();
    struct helper *h =
        in_exec_sandbox(poppler_exec, (struct helper){.argv = {"/bin/cat", "/etc/passwd", NULL},
                                                      .in_fd = nothing()});
    assert_int_equal(h->exit_code, 126);
    assert_int_equal(h->n_out, 0);
    munmap(h, sizeof(*h));
}

static void test_sandbox_extract__a_helper_stays_locked(void **state)
{
    (void)state;
    if (wf_sandbox__landlock_abi() < 1)
        skip();
    static const char *const all[] = {"/bin", "/usr/bin", "/lib", "/lib64", "/usr/lib", NULL};
    const struct {
        const char *script;
        const char *want;
    } scripts[] = {
        {"echo alive", "alive\n"},
        {"/bin/true && echo forked", ""},
        {"read x < /etc/passwd && echo read", ""},
        {"echo x > /tmp/weft-test-made && echo made", ""},
        {"exec /bin/cat /etc/passwd", ""},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(scripts); i++) {
        struct helper *h =
            in_exec_sandbox(all, (struct helper){.argv = {"/bin/sh", "-c", scripts[i].script, NULL},
                                                 .in_fd = nothing()});
        assert_string_equal(h->out, scripts[i].want);
        munmap(h, sizeof(*h));
    }
    assert_int_equal(access("/tmp/weft-test-made", F_OK), -1);
}

/* ---- the parts ---- */

static void live_with_version(void *ud)
{
    int abi = *(const int *)ud;
    const char *const write_dirs[] = {dir, NULL};
    const char *const read_dirs[] = {"/usr/lib/locale", NULL};
    const struct wf_sandbox_options o = {
        .kind = WF_SANDBOX_CORE, .write_dirs = write_dirs, .read_dirs = read_dirs};
    struct wf_err e = WF_ERR_INIT;
    CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHILD_CHECK(wf_sandbox__landlock(&o, abi, &e) == 0);
    CHILD_CHECK(wf_file_mkdirs(at(dir, "sub"), &e) == 0);
    CHILD_CHECK(wf_file_replace(at(dir, "f"), "x", 1, 0600, &e) == 0);
    CHILD_CHECK((rename(at(dir, "f"), at(dir, "sub/f")) == 0) == (abi >= 2));
    CHILD_CHECK(refused(open(at(other, "secret"), O_RDONLY)));
    CHILD_CHECK(refused(truncate(at(other, "secret"), 1)) == (abi >= 3));
    CHILD_CHECK(refused(open("/etc/passwd", O_RDONLY)));
    int port_fd = -1;
    uint16_t port = 0;
    CHILD_CHECK((wf_sock_listen_tcp("127.0.0.1", 0, &port_fd, &port, &e) == 0) == (abi < 4));
    CHILD_CHECK((kill(getppid(), 0) == 0) == (abi < 6));
}

static void test_sandbox_extract__every_landlock_version(void **state)
{
    (void)state;
    int newest = wf_sandbox__landlock_abi();
    if (newest < 1)
        skip();
    for (int abi = 1; abi <= newest; abi++)
        assert_int_equal(child_run(NULL, live_with_version, &abi), 0);
}

static void test_sandbox_extract__which_landlock_is_good_enough(void **state)
{
    (void)state;
    const char *const dirs[] = {"/tmp", NULL};
    const struct wf_sandbox_options reads = {.kind = WF_SANDBOX_EXTRACT, .read_dirs = dirs};
    const struct wf_sandbox_options writes = {.kind = WF_SANDBOX_CORE, .write_dirs = dirs};
    assert_false(wf_sandbox__landlock_useful(&reads, 0));
    assert_true(wf_sandbox__landlock_useful(&reads, 1));
    assert_false(wf_sandbox__landlock_useful(&writes, 1)); /* it could not move files */
    assert_true(wf_sandbox__landlock_useful(&writes, 2));
    assert_true(wf_sandbox__landlock_useful(&writes, 99));
}

static void enter_without_landlock(void *ud)
{
    const struct wf_sandbox_options *o = ud;
    CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHILD_CHECK(wf_sandbox__filter(o, false, NULL) == 0);
    bool opens = o->kind != WF_SANDBOX_EXTRACT;
    CHILD_CHECK((open("/etc/passwd", O_RDONLY) >= 0) == opens);
    CHILD_CHECK((access("/etc/passwd", R_OK) == 0) == opens);
    CHILD_CHECK((open(at(dir, "data"), O_RDWR) >= 0) == (o->kind == WF_SANDBOX_CORE));
    CHILD_CHECK(refused(socket(AF_INET, SOCK_STREAM, 0)));
}

static void test_sandbox_extract__a_kernel_without_landlock(void **state)
{
    (void)state;
    if (!wf_sandbox__has_filter())
        skip();
    const char *const dirs[] = {dir, NULL};
    const enum wf_sandbox_kind kinds[] = {WF_SANDBOX_CORE, WF_SANDBOX_EXTRACT,
                                          WF_SANDBOX_EXTRACT_EXEC};
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        struct wf_sandbox_options o = {.kind = kinds[i], .read_dirs = dirs};
        assert_int_equal(child_run(NULL, enter_without_landlock, &o), 0);
    }
}

static void explain(void *ud)
{
    const int *fd = ud;
    CHILD_CHECK(dup2(*fd, STDERR_FILENO) == STDERR_FILENO);
    syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void test_sandbox_extract__explains_when_asked(void **state)
{
    (void)state;
    int pipes[2];
    char want[64];
    char got[200] = "";
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .explain = true};
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    int r = child_run(&o, explain, &pipes[1]);
    close(pipes[1]);
    ssize_t n = read(pipes[0], got, sizeof(got) - 1);
    close(pipes[0]);
    if (r == CHILD_UNSUPPORTED)
        skip();
    assert_int_equal(r, -SIGSYS);
    assert_true(n > 0);
    snprintf(want, sizeof(want), " %d\n", SYS_ptrace);
    assert_non_null(strstr(got, want));
}

static void *wait_long(void *ud)
{
    pause();
    return ud;
}

static void enter_with_threads(void *ud)
{
    pthread_t t;
    struct wf_err e = WF_ERR_INIT;
    CHILD_CHECK(pthread_create(&t, NULL, wait_long, NULL) == 0);
    CHILD_CHECK(wf_sandbox_enter(ud, &e) == WF_E_INVAL);
    CHILD_CHECK(open("/etc/passwd", O_RDONLY) >= 0); /* nothing was applied */
}

static void test_sandbox_extract__is_entered_before_threads(void **state)
{
    (void)state;
    if (!wf_sandbox__has_filter() || HAVE_SANITIZER)
        skip();
    struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    assert_int_equal(child_run(NULL, enter_with_threads, &o), 0);
}

static void test_sandbox_extract__unsupported_applies_nothing(void **state)
{
    (void)state;
    if (wf_sandbox__has_filter())
        skip();
    struct wf_err e = WF_ERR_INIT;
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT};
    assert_int_equal(wf_sandbox_enter(&o, &e), WF_E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "seccomp"));
    assert_false(wf_sandbox_support().seccomp);
    int fd = open("/etc/passwd", O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
}

static void test_sandbox_extract__rows_of_a_call_are_neighbours(void **state)
{
    (void)state;
    for (size_t i = 0; i < wf_sandbox__n_rules; i++) {
        bool group_ended = false;
        for (size_t k = i + 1; k < wf_sandbox__n_rules; k++) {
            bool same = wf_sandbox__rules[k].nr == wf_sandbox__rules[i].nr;
            if (same && group_ended)
                print_error("call %d has rows apart\n", wf_sandbox__rules[i].nr);
            assert_false(same && group_ended);
            group_ended = group_ended || !same;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox_extract__works_on_what_it_holds),
        cmocka_unit_test_setup_teardown(test_sandbox_extract__has_no_way_out, set_up, tear_down),
        cmocka_unit_test(test_sandbox_extract__dies_of_what_has_no_row),
        cmocka_unit_test_setup_teardown(test_sandbox_extract__reads_below_its_folders, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox_extract__a_rule_may_name_a_file, set_up,
                                        tear_down),
        cmocka_unit_test(test_sandbox_extract__loads_libraries_where_allowed),
        cmocka_unit_test(test_sandbox_extract__starts_threads_where_allowed),
        cmocka_unit_test(test_sandbox_extract__memory_is_limited),
        cmocka_unit_test(test_sandbox_extract__processor_time_is_limited),
        cmocka_unit_test(test_sandbox_extract__file_size_is_limited),
        cmocka_unit_test(test_sandbox_extract__limits_are_never_raised),
        cmocka_unit_test(test_sandbox_extract__pdftotext_reads_a_descriptor),
        cmocka_unit_test(test_sandbox_extract__pdftoppm_draws_with_system_fonts),
        cmocka_unit_test(test_sandbox_extract__runs_nothing_else),
        cmocka_unit_test(test_sandbox_extract__a_helper_stays_locked),
        cmocka_unit_test_setup_teardown(test_sandbox_extract__every_landlock_version, set_up,
                                        tear_down),
        cmocka_unit_test(test_sandbox_extract__which_landlock_is_good_enough),
        cmocka_unit_test_setup_teardown(test_sandbox_extract__a_kernel_without_landlock, set_up,
                                        tear_down),
        cmocka_unit_test(test_sandbox_extract__explains_when_asked),
        cmocka_unit_test(test_sandbox_extract__is_entered_before_threads),
        cmocka_unit_test(test_sandbox_extract__unsupported_applies_nothing),
        cmocka_unit_test(test_sandbox_extract__rows_of_a_call_are_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
