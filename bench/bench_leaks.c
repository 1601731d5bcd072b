/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with secrets planted in them (tests/support/leak_make.h), sent as a provider would get
 * them: how many leak, by trick, place, language and type.
 *
 *   bench_leaks [N [SEED]]
 *
 * A request is refused by the policy's gate, or it is redacted and goes. It leaks when any of its
 * secret is in what goes. Patterns alone, the built-in policy. Must: none,
 * whatever the seed. `-v` as a third argument prints what leaked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/hide.h"
#include "support/leak_send.h"

#define REQUESTS 8000

struct tally {
    char name[40];
    unsigned all, leaked;
};

struct tallies {
    const char *title;
    struct tally items[512];
    size_t n;
};

static void add(struct tallies *t, const char *name, bool leaked)
{
    size_t i = 0;

    while (i < t->n && strcmp(t->items[i].name, name) != 0)
        i++;
    if (i == t->n && t->n < sizeof(t->items) / sizeof(t->items[0]))
        (void)snprintf(t->items[t->n++].name, sizeof(t->items[0].name), "%s", name);
    t->items[i].all++;
    t->items[i].leaked += leaked;
}

static void print(const struct tallies *t, bool all)
{
    printf("%s\n", t->title);
    for (size_t i = 0; i < t->n; i++)
        if (all || t->items[i].leaked > 0)
            printf("  %-26s %4u of %5u\n", t->items[i].name, t->items[i].leaked, t->items[i].all);
}

static bool is_usual(const struct leak *l)
{
    for (size_t i = 0; i < HIDES_USUAL; i++)
        if (strcmp(hides[i].name, l->trick) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static struct tallies by[] = {{.title = "leaked by trick"},
                                  {.title = "leaked by place"},
                                  {.title = "leaked by language"},
                                  {.title = "leaked by type (of those that leak)"}};
    const unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : REQUESTS;
    struct leak_maker *m = leak_maker_new(LEAK_PATH, argc > 2 ? strtoul(argv[2], NULL, 10) : 5);
    struct leak_sender *s = leak_sender_new(NULL);
    unsigned long n_leaked = 0, n_refused = 0, n_usual = 0, n_usual_leaked = 0;

    if (m == NULL || s == NULL)
        return EXIT_FAILURE;
    for (unsigned long i = 0; i < n; i++) {
        const struct leak *l = leak_next(m);
        const struct wf_buf *sent = leak_send(s, l->request);
        const bool leaked = sent != NULL && leak_is_in(l, wf_buf_str(sent));
        n_refused += sent == NULL;
        n_leaked += leaked;
        n_usual += is_usual(l);
        n_usual_leaked += leaked && is_usual(l);
        add(&by[0], l->trick, leaked);
        add(&by[1], l->place, leaked);
        add(&by[2], l->lang, leaked);
        add(&by[3], l->type, leaked);
        if (leaked && argc > 3)
            printf("%s | %s | %s | %s | %.600s\n", l->type, l->trick, l->place, l->secret.ptr,
                   strstr(sent->ptr, "content"));
    }
    printf("requests with a secret: %lu, refused %lu, sent redacted %lu, leaked %lu\n", n,
           n_refused, n - n_refused - n_leaked, n_leaked);
    printf("  hidden in the usual ways, or plain: %lu, leaked %lu (must 0)\n", n_usual,
           n_usual_leaked);
    printf("  hidden from detectors on purpose, in %zu other ways: %lu, leaked %lu (must 0)\n",
           hides_n - HIDES_USUAL, n - n_usual, n_leaked - n_usual_leaked);
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
        print(&by[i], i < 3);
    leak_sender_free(s);
    leak_maker_free(m);
    return n_leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
