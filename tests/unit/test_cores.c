/* SPDX-License-Identifier: Apache-2.0 */
/* Cores out of trees that look like sysfs, for the processors that this test may run on. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/cores.h"
#include "os/file.h"
#include "os/thread.h"

#define CPUS_MAX 256

static char root[] = "/tmp/weft-cores-XXXXXX";
static size_t cpus[CPUS_MAX], n_cpus;

static int begin(void **state)
{
    cpu_set_t set;

    (void)state;
    strcpy(root + sizeof(root) - 7, "XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    n_cpus = 0;
    for (size_t i = 0; i < CPUS_MAX; i++) {
        if (CPU_ISSET(i, &set))
            cpus[n_cpus++] = i;
    }
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    assert_int_equal(system(command), 0);
    return 0;
}

/* A file of processor i, its folders made. */
static void put(size_t i, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%zu/%s", root, i, name);
    for (char *p = path + sizeof(root); (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        (void)mkdir(path, 0700);
        *p = '/';
    }
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "%s\n", text) > 0);
    assert_int_equal(fclose(f), 0);
}

static size_t looked(void)
{
    wf_cores_look(root);
    return wf_cores_fast();
}

static void test_cores__all_count_where_nothing_is_known(void **state)
{
    (void)state;
    assert_int_equal(looked(), n_cpus);
}

static void test_cores__processors_of_one_core_count_once(void **state)
{
    char text[64];

    (void)state;
    for (size_t k = 0; k < n_cpus; k++) {
        size_t first = cpus[k - k % 2];
        (void)snprintf(text, sizeof(text), "%zu,%zu", first, first + 1);
        put(cpus[k], k % 4 < 2 ? "topology/core_cpus_list" : "topology/thread_siblings_list", text);
    }
    assert_int_equal(looked(), (n_cpus + 1) / 2);
}

static void test_cores__slow_ones_are_left_out(void **state)
{
    (void)state;
    for (size_t k = 0; k < n_cpus; k++)
        put(cpus[k], "cpufreq/cpuinfo_max_freq", k == 0 ? "4800000" : "3200000");
    assert_int_equal(looked(), 1);
    for (size_t k = 0; k < n_cpus; k++)
        put(cpus[k], "cpu_capacity", k == 0 ? "1024" : "900");
    assert_int_equal(looked(), n_cpus);
    for (size_t k = 0; k < n_cpus; k++)
        put(cpus[k], "cpu_capacity", "nonsense"); /* then the frequencies count */
    assert_int_equal(looked(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cores__all_count_where_nothing_is_known, begin, end),
        cmocka_unit_test_setup_teardown(test_cores__processors_of_one_core_count_once, begin, end),
        cmocka_unit_test_setup_teardown(test_cores__slow_ones_are_left_out, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
