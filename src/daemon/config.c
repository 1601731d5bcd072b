/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from one table. Only what a person has a reason to change is a setting; every other
 * number is a limit with its reason in base/limits.h. */
#include "daemon/config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"

#define FIELD(f) offsetof(struct wf_config, f)

static const struct wf_config_option options[] = {
    {"host", FIELD(host), sizeof(((struct wf_config *)0)->host), "127.0.0.1", 0, 0,
     "address of the HTTP port; weft is made for this machine alone, so leave it a loopback one"},
    {"port", FIELD(port), 0, "7770", 0, 65535, "HTTP port; 0 takes any free one"},
    {"log_level", FIELD(log_level), 0, "2", 0, 3, "0 errors, 1 warnings, 2 information, 3 debug"},
    {"extract_memory_mib", FIELD(extract_memory_mib), 0, "512", 64, 16384,
     "memory of one worker that reads a file"},
    {"extract_time_s", FIELD(extract_time_s), 0, "60", 1, 86400,
     "time of one worker that reads a file; raise it for long scanned documents"},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

const struct wf_config_option *wf_config_options(void)
{
    return options;
}

static int set_option(struct wf_config *c, const struct wf_config_option *o, struct wf_str value,
                      struct wf_err *err)
{
    char *field = (char *)c + o->offset;
    int64_t n = 0;

    if (o->text_bytes > 0) {
        if (value.len == 0 || value.len >= o->text_bytes ||
            wf_str_find_byte(value, 0, 0) != SIZE_MAX)
            return wf_err_set(err, WF_E_RANGE, "The setting \"%s\" is empty or too long.", o->name);
        memset(field, 0, o->text_bytes);
        memcpy(field, value.ptr, value.len);
        return 0;
    }
    if (!wf_str_to_i64(value, &n) || n < o->min || n > o->max)
        return wf_err_set(err, WF_E_RANGE,
                          "The setting \"%s\" must be a whole number from %" PRId64 " to %" PRId64
                          ", not \"%.*s\".",
                          o->name, o->min, o->max, WF_STR_ARG(value));
    memcpy(field, &n, sizeof(n));
    return 0;
}

void wf_config_init(struct wf_config *c)
{
    memset(c, 0, sizeof(*c));
    for (const struct wf_config_option *o = options; o->name; o++) {
        int rc = set_option(c, o, wf_str_from(o->fallback), NULL);
        assert(rc == 0); /* the table's own defaults are within its bounds */
        (void)rc;
    }
}

int wf_config_set(struct wf_config *c, struct wf_str name, struct wf_str value, struct wf_err *err)
{
    for (const struct wf_config_option *o = options; o->name; o++) {
        if (wf_str_eq(name, wf_str_from(o->name)))
            return set_option(c, o, value, err);
    }
    return wf_err_set(err, WF_E_NOENT, "There is no setting \"%.*s\". See man weft.",
                      WF_STR_ARG(name));
}

static int set_line(struct wf_config *c, struct wf_str line, struct wf_err *err)
{
    size_t comment = wf_str_find_byte(line, '#', 0), equals;

    line = wf_str_trim(comment == SIZE_MAX ? line : wf_str_sub(line, 0, comment));
    if (line.len == 0)
        return 0;
    equals = wf_str_find_byte(line, '=', 0);
    if (equals == SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "A setting is written: name = value");
    return wf_config_set(c, wf_str_trim(wf_str_sub(line, 0, equals)),
                         wf_str_trim(wf_str_sub(line, equals + 1, line.len)), err);
}

int wf_config_load(struct wf_config *c, const char *path, struct wf_err *err)
{
    struct wf_str rest, line;
    size_t n_line = 0;
    struct wf_buf b;
    int rc = 0;

    if (access(path, F_OK) != 0)
        return 0;
    wf_buf_init(&b, 64u << 10);
    rc = wf_file_read(path, &b, err);
    rest = wf_buf_str(&b);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        n_line++;
        rc = set_line(c, line, err);
        if (rc != 0)
            wf_err_prefix(err, "%s, line %zu", path, n_line);
    }
    wf_buf_deinit(&b);
    return rc;
}
