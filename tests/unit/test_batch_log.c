/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in a store: each log without a gap, a fork noted, what is trimmed gone; and as a shelf.
 */
#include "store/batch_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/shelf.h"
#include "support/home.h"

static struct home home;
static const struct wf_batch_log_name one = {.stream = {1}, .device = {1}};
static const struct wf_batch_log_name two = {.stream = {1}, .device = {2}};
static const struct wf_batch_log_name far = {.stream = {2}, .device = {1}};

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

/* The batch with that number, in the story that `fork` says. */
static int append_as(const struct wf_batch_log_name *log, uint64_t number, uint8_t fork)
{
    uint8_t prev[32] = {0}, hash[32] = {0};
    const char bytes[100] = {(char)number};
    const struct wf_batch_log_row row = {
        .number = number, .prev = prev, .hash = hash, .bytes = wf_str_n(bytes, sizeof(bytes))};
    int rc;

    prev[0] = (uint8_t)(number - 1);
    hash[0] = (uint8_t)number;
    hash[1] = fork;
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    rc = wf_batch_log_append(home.store, log, &row, NULL);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    return rc;
}

static struct wf_batch_log_head head_of(const struct wf_batch_log_name *log)
{
    struct wf_batch_log_head h;
    struct wf_reader *r = NULL;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_batch_log_head(r, log, &h, NULL), 0);
    wf_store_reader_put(home.store, r);
    return h;
}

static void test_batch_log__has_no_gap(void **state)
{
    (void)state;
    assert_int_equal(head_of(&one).last, 0);
    assert_int_equal(append_as(&one, 2, 0), WF_E_RANGE);
    for (uint64_t n = 1; n <= 5; n++)
        assert_int_equal(append_as(&one, n, 0), 0);
    assert_int_equal(append_as(&one, 7, 0), WF_E_RANGE);
    assert_int_equal(append_as(&one, 3, 0), WF_E_EXIST);
    assert_int_equal(append_as(&two, 1, 0), 0);
    assert_int_equal(append_as(&far, 1, 0), 0);
    struct wf_batch_log_head h = head_of(&one);
    assert_int_equal(h.last, 5);
    assert_int_equal(h.first, 1);
    assert_int_equal(h.n_bytes, 500);
    assert_int_equal(h.hash[0], 5);
    assert_int_equal(sodium_is_zero(h.fork, sizeof(h.fork)), 1);
}

static void test_batch_log__notes_a_fork(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(append_as(&one, n, 0), 0);
    assert_int_equal(append_as(&one, 2, 9), WF_E_CORRUPT);
    struct wf_batch_log_head h = head_of(&one);
    assert_int_equal(h.fork[0], 2);
    assert_int_equal(h.fork[1], 9);
    assert_int_equal(append_as(&one, 1, 8), WF_E_CORRUPT); /* the first one stays */
    assert_int_equal(head_of(&one).fork[1], 9);
    assert_int_equal(h.last, 3);
}

struct seen {
    uint64_t numbers[16];
    size_t n;
};

static int see(void *ud, const struct wf_batch_log_row *row, struct wf_err *err)
{
    struct seen *s = ud;

    (void)err;
    assert_int_equal(row->bytes.len, 100);
    assert_int_equal(row->hash[0], row->number);
    s->numbers[s->n++] = row->number;
    return 0;
}

static size_t read_from(const struct wf_batch_log_name *log, uint64_t from, size_t bytes_max,
                        struct seen *out)
{
    struct wf_reader *r = NULL;

    out->n = 0;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_batch_log_read(r, log, from, bytes_max, see, out, NULL), 0);
    wf_store_reader_put(home.store, r);
    return out->n;
}

static void test_batch_log__is_read_and_trimmed(void **state)
{
    (void)state;
    struct seen s;

    for (uint64_t n = 1; n <= 9; n++)
        assert_int_equal(append_as(&one, n, 0), 0);
    assert_int_equal(read_from(&one, 3, 100000, &s), 7);
    assert_int_equal(s.numbers[0], 3);
    assert_int_equal(read_from(&one, 3, 0, &s), 1);
    assert_int_equal(read_from(&one, 3, 250, &s), 3);
    assert_int_equal(read_from(&one, 10, 1000, &s), 0);
    assert_int_equal(read_from(&two, 1, 1000, &s), 0);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_batch_log_trim(home.store, &one, 6, NULL), 0);
    assert_int_equal(wf_batch_log_trim(home.store, &two, 6, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    struct wf_batch_log_head h = head_of(&one);
    assert_int_equal(h.first, 7);
    assert_int_equal(h.last, 9);
    assert_int_equal(h.n_bytes, 300);
    assert_int_equal(read_from(&one, 1, 1000, &s), 3);
    assert_int_equal(s.numbers[0], 7);
    assert_int_equal(append_as(&one, 4, 0), WF_E_EXIST); /* gone, not to come again */
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_batch_log_trim(home.store, &one, 100, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(read_from(&one, 1, 1000, &s), 0);
    assert_int_equal(append_as(&one, 10, 0), 0); /* it goes on where it was */
}

static int count_head(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    (void)err;
    assert_int_equal(head->last, 2);
    (*(unsigned *)ud)++;
    return 0;
}

static int count_batch(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    (void)err;
    (void)bytes;
    *(uint64_t *)ud = number;
    return 0;
}

/* Real batches, over the shelf. */
static void test_batch_log__is_a_shelf(void **state)
{
    (void)state;
    const uint8_t seed[32] = {3};
    struct wf_batch_place at = {.number = 1};
    struct wf_signer_key secret;
    struct wf_space_key key;
    struct wf_signer device;
    struct wf_sync_log log;
    struct wf_batch batches[3];
    struct wf_buf bytes[2];
    struct wf_shelf shelf;
    uint8_t hash[WF_BATCH_HASH_BYTES];
    unsigned n_heads = 0;
    uint64_t last = 0;
    int rcs[3];

    wf_signer_from_seed(seed, &secret, &device);
    wf_space_key_new(NULL, &key);
    for (size_t i = 0; i < 2; i++) {
        wf_buf_init(&bytes[i], SIZE_MAX);
        assert_int_equal(
            wf_batch_write(&at, &key, &device, NULL, WF_STR("words"), &bytes[i], hash, NULL), 0);
        assert_int_equal(wf_batch_read(wf_buf_str(&bytes[i]), &batches[i], NULL), 0);
        memcpy(at.prev, hash, sizeof(hash));
        at.number++;
    }
    batches[2] = batches[0];
    wf_shelf_of_store(home.store, &shelf);
    assert_int_equal(shelf.append(shelf.ud, batches, 3, rcs, NULL), 0);
    assert_int_equal(rcs[0], 0);
    assert_int_equal(rcs[1], 0);
    assert_int_equal(rcs[2], WF_E_EXIST);
    assert_int_equal(shelf.heads(shelf.ud, count_head, &n_heads, NULL), 0);
    assert_int_equal(n_heads, 1);
    memcpy(log.stream, batches[0].stream, sizeof(log.stream));
    memcpy(log.device, batches[0].device, sizeof(log.device));
    assert_int_equal(shelf.read(shelf.ud, &log, 1, SIZE_MAX, count_batch, &last, NULL), 0);
    assert_int_equal(last, 2);
    assert_int_equal(shelf.trim(shelf.ud, &log, 1, NULL), 0);
    wf_buf_deinit(&bytes[0]);
    wf_buf_deinit(&bytes[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_batch_log__has_no_gap),
        TEST(test_batch_log__notes_a_fork),
        TEST(test_batch_log__is_read_and_trimmed),
        TEST(test_batch_log__is_a_shelf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
