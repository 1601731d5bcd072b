/* SPDX-License-Identifier: Apache-2.0 */
/* Runs real, odd and broken files through spawner and workers, as `weft add` does, and prints a
 * line a type: how many, how many gave text, how many were refused, the time. Fails when a worker
 * crashed, ran out of time or memory: every file must give text or a true reason.
 *
 *   bench_documents [--reasons] [DIR]   all files below DIR (../shared/data/documents)
 *   bench_documents --dump FILE...      what a file gives, with its frames shown
 *   --unsandboxed                       where the sandbox does not exist (emulators) */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ingest/extract.h"
#include "support/parsed.h"

#define TYPES_MAX 64
#define TYPE_NAME 24

struct type {
    char name[TYPE_NAME];
    unsigned n, n_text, n_refused, n_broken;
    double ms, ms_max;
    uint64_t bytes, text_bytes;
};

struct bench {
    struct wf_extract_client *c;
    struct type types[TYPES_MAX];
    size_t n_types;
    bool reasons;
};

static struct type *type_of(struct bench *b, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *name = dot != NULL && strchr(dot, '/') == NULL ? dot + 1 : "none";
    for (size_t i = 0; i < b->n_types; i++) {
        if (strcasecmp(b->types[i].name, name) == 0) {
            return &b->types[i];
        }
    }
    struct type *t = &b->types[b->n_types < TYPES_MAX - 1 ? b->n_types++ : TYPES_MAX - 1];
    (void)snprintf(t->name, sizeof(t->name), "%s", name);
    return t;
}

static bool is_broken(int rc)
{
    return rc == WF_E_CRASHED || rc == WF_E_TIMEOUT || rc == WF_E_LIMIT || rc == WF_E_IO;
}

static void run_file(struct bench *b, const char *path)
{
    struct parsed p;
    struct stat st = {0};
    struct type *t = type_of(b, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        return;
    }
    parsed_init(&p);
    int64_t start = wf_clock_mono_ns(NULL);
    p.rc = wf_extract_run(b->c, fd, path, parsed_frame, &p, &p.err);
    double ms = (double)(wf_clock_mono_ns(NULL) - start) / 1e6;
    t->n++;
    t->n_text += p.rc == 0;
    t->n_refused += p.rc != 0 && !is_broken(p.rc);
    t->n_broken += is_broken(p.rc);
    t->ms += ms;
    t->ms_max = ms > t->ms_max ? ms : t->ms_max;
    t->bytes += (uint64_t)st.st_size;
    t->text_bytes += p.text.len;
    if (p.rc != 0 && (b->reasons || is_broken(p.rc))) {
        printf("%s: %s: %s\n", path, wf_err_name(p.rc), p.err.msg);
    }
    if (p.rc == 0 && b->reasons && p.warnings.len > 0) {
        printf("%s: warning: %s", path, p.warnings.ptr);
    }
    parsed_deinit(&p);
    close(fd);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void walk(struct bench *b, const char *dir)
{
    DIR *d = opendir(dir);
    char *paths[4096];
    size_t n = 0;
    if (d == NULL) {
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL && n < 4096;) {
        char path[4096];
        if (e->d_name[0] != '.' && strcmp(e->d_name, "README.md") != 0) {
            (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
            paths[n] = wf_strdup(path);
            n += paths[n] != NULL;
        }
    }
    closedir(d);
    qsort(paths, n, sizeof(paths[0]), by_name);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            walk(b, paths[i]);
        } else {
            run_file(b, paths[i]);
        }
        wf_free(paths[i]);
    }
}

static int print_types(const struct bench *b)
{
    struct type all = {.name = "all"};
    printf("%-6s %5s %5s %8s %7s %10s %8s %10s %10s\n", "type", "n", "text", "refused", "broken",
           "ms", "ms max", "bytes", "text");
    for (size_t i = 0; i <= b->n_types; i++) {
        const struct type *t = i < b->n_types ? &b->types[i] : &all;
        printf("%-6s %5u %5u %8u %7u %10.1f %8.1f %10llu %10llu\n", t->name, t->n, t->n_text,
               t->n_refused, t->n_broken, t->ms, t->ms_max, (unsigned long long)t->bytes,
               (unsigned long long)t->text_bytes);
        all.n += t->n;
        all.n_text += t->n_text;
        all.n_refused += t->n_refused;
        all.n_broken += t->n_broken;
        all.ms += t->ms;
        all.ms_max = t->ms_max > all.ms_max ? t->ms_max : all.ms_max;
        all.bytes += t->bytes;
        all.text_bytes += t->text_bytes;
    }
    return all.n_broken > 0;
}

static int dump(struct bench *b, const char *path)
{
    struct parsed p;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return 1;
    }
    parsed_init(&p);
    p.rc = wf_extract_run(b->c, fd, path, parsed_frame, &p, &p.err);
    printf("===== %s\n%s%s%s", path, p.meta.ptr, p.warnings.len > 0 ? "warning: " : "",
           p.warnings.ptr);
    if (p.rc != 0) {
        printf("----- %s: %s\n", wf_err_name(p.rc), p.err.msg);
    } else {
        printf("-----\n%s\n", p.marked.ptr);
    }
    parsed_deinit(&p);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct wf_extract_limits limits = {0};
    struct wf_err err = WF_ERR_INIT;
    const char *dir = "../shared/data/documents";
    bool dumps = false;
    int fd = -1;
    int pid = 0;
    int rc = 0;
    for (int i = 1; i < argc; i++) {
        limits.unsandboxed = limits.unsandboxed || strcmp(argv[i], "--unsandboxed") == 0;
        b.reasons = b.reasons || strcmp(argv[i], "--reasons") == 0;
        dumps = dumps || strcmp(argv[i], "--dump") == 0;
        dir = argv[i][0] != '-' ? argv[i] : dir;
    }
    if (access(dir, R_OK) != 0) {
        printf("skipped: no %s\n", dir);
        return 0;
    }
    if (wf_extract_spawn(&limits, &fd, &pid, &err) != 0 ||
        wf_extract_client_new(fd, &limits, &b.c, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (int i = 1; dumps && i < argc; i++) {
        rc |= argv[i][0] != '-' ? dump(&b, argv[i]) : 0;
    }
    if (!dumps) {
        walk(&b, dir);
        rc = print_types(&b);
    }
    wf_extract_client_free(b.c);
    return rc;
}
