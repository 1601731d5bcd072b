/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, one for each engine: what it spent today and this month, and what is reserved. The file
 * has a line for each:
 *
 *   weft budget 1
 *   ENGINE DAY MONEY TOKENS ENERGY MONTH MONEY TOKENS ENERGY
 *
 * DAY counts days since 1970, MONTH is year * 12 + month - 1; both in UTC. A day that is not today
 * counts for nothing. A clock that goes back does not give anybody his money back: a later day that
 * is booked stays the day until it comes. */
#include "route/budget.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "os/file.h"

#define HEAD "weft budget 1"
#define FILE_BYTES_MAX (64u << 10)
#define ACCOUNTS_MAX                                                                               \
    (4 * WF_ENGINES_MAX) /* removed engines keep theirs until the month is over                    \
                          */
#define AMOUNT_MAX (INT64_MAX / 4)
#define SAVE_EVERY_NS INT64_C(1000000000)
#define MS_PER_DAY INT64_C(86400000)

struct account {
    char name[WF_ENGINE_NAME_BYTES_MAX + 1];
    int64_t day, month;
    struct wf_spending spent_day, spent_month, reserved;
};

struct wf_budget {
    pthread_mutex_t mutex; /* guards all below; no other is taken while it is held */
    const struct wf_clock *clock;
    char *path;
    struct account *accounts; /* [ACCOUNTS_MAX] */
    size_t n;
    int64_t saved_ns;
    bool is_changed;
};

/* ---- amounts ---- */

static int64_t sum(int64_t a, int64_t b)
{
    return WF_MIN(a + b, AMOUNT_MAX);
}

static void add(struct wf_spending *to, const struct wf_spending *s)
{
    to->money_micro = sum(to->money_micro, s->money_micro);
    to->n_tokens = sum(to->n_tokens, s->n_tokens);
    to->energy_j = sum(to->energy_j, s->energy_j);
}

static void take(struct wf_spending *from, const struct wf_spending *s)
{
    from->money_micro = WF_MAX(from->money_micro - s->money_micro, 0);
    from->n_tokens = WF_MAX(from->n_tokens - s->n_tokens, 0);
    from->energy_j = WF_MAX(from->energy_j - s->energy_j, 0);
}

static bool is_amount(const struct wf_spending *s)
{
    return s->money_micro >= 0 && s->money_micro <= AMOUNT_MAX && s->n_tokens >= 0 &&
           s->n_tokens <= AMOUNT_MAX && s->energy_j >= 0 && s->energy_j <= AMOUNT_MAX;
}

/* ---- accounts ---- */

/* Begins the day and the month anew where they are over. */
static void roll(const struct wf_budget *b, struct account *a)
{
    struct wf_civil c = {.year = 1970, .month = 1, .day = 1};
    int64_t day = wf_clock_wall_ms(b->clock) / MS_PER_DAY, month;

    wf_civil_set_days(&c, day);
    month = (int64_t)c.year * 12 + c.month - 1;
    if (day > a->day) {
        a->day = day;
        a->spent_day = (struct wf_spending){0, 0, 0};
    }
    if (month > a->month) {
        a->month = month;
        a->spent_month = (struct wf_spending){0, 0, 0};
    }
}

static struct account *account_of(struct wf_budget *b, const char *name)
{
    struct account *a;

    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->accounts[i].name, name) == 0) {
            roll(b, &b->accounts[i]);
            return &b->accounts[i];
        }
    }
    if (b->n == ACCOUNTS_MAX || name[0] == 0 || strlen(name) > WF_ENGINE_NAME_BYTES_MAX)
        return NULL;
    a = &b->accounts[b->n++];
    *a = (struct account){.day = 0};
    (void)snprintf(a->name, sizeof(a->name), "%s", name);
    roll(b, a);
    return a;
}

/* ---- the file ---- */

/* The next word of a line, as a number from 0. */
static bool take_number(struct wf_str *line, int64_t *out)
{
    struct wf_str word;

    return wf_str_split(line, ' ', &word) && wf_str_to_i64(word, out) && *out >= 0 &&
           *out <= AMOUNT_MAX;
}

static bool take_spending(struct wf_str *line, struct wf_spending *out)
{
    return take_number(line, &out->money_micro) && take_number(line, &out->n_tokens) &&
           take_number(line, &out->energy_j);
}

static bool read_line(struct wf_budget *b, struct wf_str line)
{
    struct account *a = &b->accounts[b->n];
    struct wf_str name;

    if (b->n == ACCOUNTS_MAX || !wf_str_split(&line, ' ', &name) || name.len == 0 ||
        name.len > WF_ENGINE_NAME_BYTES_MAX)
        return false;
    *a = (struct account){.day = 0};
    memcpy(a->name, name.ptr, name.len);
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->accounts[i].name, a->name) == 0)
            return false;
    }
    b->n++;
    return strlen(a->name) == name.len && take_number(&line, &a->day) &&
           take_spending(&line, &a->spent_day) && take_number(&line, &a->month) &&
           take_spending(&line, &a->spent_month) && line.ptr == NULL;
}

static int read_file(struct wf_budget *b, struct wf_err *err)
{
    struct wf_str rest, line;
    struct wf_buf text;
    bool ok;
    int rc;

    if (access(b->path, F_OK) != 0)
        return 0;
    wf_buf_init(&text, FILE_BYTES_MAX);
    rc = wf_file_read(b->path, &text, err);
    rest = wf_buf_str(&text);
    ok = rc == 0 && wf_str_line(&rest, &line) && wf_str_eq(line, WF_STR(HEAD));
    while (ok && wf_str_line(&rest, &line))
        ok = read_line(b, line);
    wf_buf_deinit(&text);
    if (rc == 0 && !ok)
        rc = wf_err_set(err, WF_E_FORMAT,
                        "%s cannot be read, so nothing may be spent: mend it, or remove it and "
                        "begin to count anew.",
                        b->path);
    return rc;
}

static void print_spending(struct wf_buf *text, const struct wf_spending *s)
{
    wf_buf_appendf(text, " %" PRId64 " %" PRId64 " %" PRId64, s->money_micro, s->n_tokens,
                   s->energy_j);
}

/* With the mutex held. */
static int save(struct wf_budget *b, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, FILE_BYTES_MAX);
    wf_buf_append_cstr(&text, HEAD "\n");
    for (size_t i = 0; i < b->n; i++) {
        const struct account *a = &b->accounts[i];
        wf_buf_appendf(&text, "%s %" PRId64, a->name, a->day);
        print_spending(&text, &a->spent_day);
        wf_buf_appendf(&text, " %" PRId64, a->month);
        print_spending(&text, &a->spent_month);
        wf_buf_append_byte(&text, '\n');
    }
    rc = wf_buf_status(&text);
    if (rc != 0)
        (void)wf_err_set(err, rc, "What was spent cannot be written down.");
    else
        rc = wf_file_replace(b->path, text.ptr, text.len, 0600, err);
    if (rc == 0) {
        b->is_changed = false;
        b->saved_ns = wf_clock_mono_ns(b->clock);
    }
    wf_buf_deinit(&text);
    return rc;
}

/* ---- the calls ---- */

int wf_budget_open(const char *path, const struct wf_clock *clock, struct wf_budget **out,
                   struct wf_err *err)
{
    struct wf_budget *b = wf_alloc_array(1, sizeof(*b));
    int rc;

    if (!b)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    (void)pthread_mutex_init(&b->mutex, NULL);
    b->clock = clock;
    b->path = wf_strdup(path);
    b->accounts = wf_alloc_array(ACCOUNTS_MAX, sizeof(*b->accounts));
    b->saved_ns = wf_clock_mono_ns(clock) - SAVE_EVERY_NS; /* the first is saved at once */
    rc = b->path && b->accounts ? read_file(b, err) : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (rc == 0)
        *out = b;
    else
        (void)wf_budget_close(b, NULL);
    return rc;
}

int wf_budget_close(struct wf_budget *b, struct wf_err *err)
{
    int rc;

    if (!b)
        return 0;
    rc = b->is_changed ? save(b, err) : 0;
    (void)pthread_mutex_destroy(&b->mutex);
    wf_free(b->path);
    wf_free(b->accounts);
    wf_free(b);
    return rc;
}

/* Whether `more` fits; if not, the sentence. */
static int fits(const char *engine, const char *period, const char *unit, double scale,
                const int64_t amounts[3], int64_t limit, struct wf_err *err)
{
    int64_t spent = amounts[0], reserved = amounts[1], more = amounts[2];

    if (limit <= 0 || sum(sum(spent, reserved), more) <= limit)
        return 0;
    return wf_err_set(err, WF_E_LIMIT,
                      "%s has spent %.6g of its %.6g %s for %s (%.6g more are under way), and this "
                      "could take %.6g: not before the next %s (UTC), or with a larger budget.",
                      engine, (double)spent / scale, (double)limit / scale, unit,
                      period[0] == 'd' ? "today" : "this month", (double)reserved / scale,
                      (double)more / scale, period);
}

static int fits_all(const struct account *a, const struct wf_engine_entry *e,
                    const struct wf_spending *more, struct wf_err *err)
{
    const struct {
        const char *period;
        const struct wf_spending *spent;
        const struct wf_budget_limits *limits;
    } periods[] = {{"day", &a->spent_day, &e->day}, {"month", &a->spent_month, &e->month}};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(periods); i++) {
        const struct wf_spending *s = periods[i].spent;
        const struct wf_budget_limits *l = periods[i].limits;
        const int64_t money[] = {s->money_micro, a->reserved.money_micro, more->money_micro};
        const int64_t tokens[] = {s->n_tokens, a->reserved.n_tokens, more->n_tokens};
        const int64_t energy[] = {s->energy_j, a->reserved.energy_j, more->energy_j};
        rc = fits(e->name, periods[i].period, "in money", 1e6, money, l->money_micro, err);
        if (rc == 0)
            rc = fits(e->name, periods[i].period, "tokens", 1, tokens, l->n_tokens, err);
        if (rc == 0)
            rc = fits(e->name, periods[i].period, "joules", 1, energy, l->energy_j, err);
    }
    return rc;
}

int wf_budget_reserve(struct wf_budget *b, const struct wf_engine_entry *e,
                      const struct wf_spending *most, struct wf_err *err)
{
    struct account *a;
    int rc;

    if (!is_amount(most))
        return wf_err_set(err, WF_E_INVAL, "This is no amount that could be spent.");
    (void)pthread_mutex_lock(&b->mutex);
    a = account_of(b, e->name);
    rc = a ? fits_all(a, e, most, err)
           : wf_err_set(err, WF_E_LIMIT, "There are too many engines to keep accounts of.");
    if (rc == 0)
        add(&a->reserved, most);
    (void)pthread_mutex_unlock(&b->mutex);
    return rc;
}

int wf_budget_settle(struct wf_budget *b, const struct wf_engine_entry *e,
                     const struct wf_spending *most, const struct wf_spending *spent,
                     struct wf_err *err)
{
    struct account *a;
    int rc = 0;

    (void)pthread_mutex_lock(&b->mutex);
    a = account_of(b, e->name);
    if (a && is_amount(most) && is_amount(spent)) {
        take(&a->reserved, most);
        add(&a->spent_day, spent);
        add(&a->spent_month, spent);
        b->is_changed = true;
        if (wf_clock_mono_ns(b->clock) - b->saved_ns >= SAVE_EVERY_NS)
            rc = save(b, err);
    } else {
        rc = wf_err_set(err, WF_E_INVAL, "This is no amount that could be spent.");
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return rc;
}

void wf_budget_spent(struct wf_budget *b, const char *engine, struct wf_spending *out_day,
                     struct wf_spending *out_month)
{
    *out_day = *out_month = (struct wf_spending){0, 0, 0};
    (void)pthread_mutex_lock(&b->mutex);
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->accounts[i].name, engine) != 0)
            continue;
        roll(b, &b->accounts[i]);
        *out_day = b->accounts[i].spent_day;
        *out_month = b->accounts[i].spent_month;
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

int wf_budget_save(struct wf_budget *b, struct wf_err *err)
{
    int rc;

    (void)pthread_mutex_lock(&b->mutex);
    rc = b->is_changed ? save(b, err) : 0;
    (void)pthread_mutex_unlock(&b->mutex);
    return rc;
}
