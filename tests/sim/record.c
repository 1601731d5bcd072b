/* SPDX-License-Identifier: Apache-2.0 */
/* What a person does with records. Those of the collection "log" have a key of their own each, are
 * never deleted, and must be on all that may see them; those of "any" are written by all at once.
 */
#include <stdio.h>
#include <string.h>

#include "sim/edit.h"

static enum wf_label any_label(struct sim *s)
{
    return sim_one_in(s, 12) ? WF_LABEL_SECRET : (enum wf_label)sim_below(s, 3);
}

static void write_log(struct sim_node *n, const struct wf_space *space, enum wf_label least)
{
    struct sim *s = n->sim;
    enum wf_label label = any_label(s), shown = wf_label_max(label, least);
    size_t i = s->n_marks;
    char mark[32], value[48];
    struct wf_record_op op = {.kind = WF_RECORD_SET, .field = WF_STR("text")};
    struct wf_record_edit edit = {.collection = WF_STR("log"), .label = (uint8_t)shown, .n_ops = 1};
    struct wf_err err = WF_ERR_INIT;
    int k;

    edit.key = wf_str_n(mark, sim_mark(n, shown, mark));
    k = snprintf(value, sizeof(value), "\"%s\"", mark);
    op.value = wf_str_n(value, (size_t)k);
    edit.ops = &op;
    s->marks[i].is_key = true;
    s->marks[i].space = (uint8_t)sim_space(s, space->uid, least);
    if (wf_records_write(n->records, space->id, &edit, 1, &err) == 0)
        s->marks[i].is_acked = !n->disk.is_dead;
    else
        sim_say(s, "%s: %s", n->name, err.msg);
}

static void write_any(struct sim_node *n, const struct wf_space *space, enum wf_label least)
{
    static const enum wf_record_op_kind kinds[] = {WF_RECORD_SET,   WF_RECORD_SET, WF_RECORD_UNSET,
                                                   WF_RECORD_COUNT, WF_RECORD_ADD, WF_RECORD_TAKE,
                                                   WF_RECORD_DELETE};
    static const char *const fields[] = {"", "", "a", "b", "n", "set", "set"};
    struct sim *s = n->sim;
    /* What it writes above its clearance its likes do not have: they would differ. */
    const struct wf_devices_entry *own = sim_entry(s, n->list, n->id);
    enum wf_label label =
        (enum wf_label)sim_below(s, own == NULL ? 3 : (uint64_t)own->clearance + 1);
    struct wf_record_op op = {.kind = kinds[sim_below(s, sizeof(kinds) / sizeof(kinds[0]))]};
    struct wf_record_edit edit = {.collection = WF_STR("any"), .n_ops = 1};
    char key[16], mark[32], value[48];
    int k = snprintf(key, sizeof(key), "k%u", (unsigned)sim_below(s, 12));

    edit.key = wf_str_n(key, (size_t)k);
    edit.label = (uint8_t)wf_label_max(label, least);
    edit.ops = &op;
    (void)sim_mark(n, wf_label_max(label, least), mark);
    k = snprintf(value, sizeof(value), "\"%s\"", mark);
    op.field = wf_str_from(fields[op.kind]);
    if (op.kind == WF_RECORD_SET || op.kind == WF_RECORD_ADD)
        op.value = wf_str_n(value, (size_t)k);
    if (op.kind == WF_RECORD_SET && sim_one_in(s, 2))
        op.field = WF_STR("b");
    if (op.kind == WF_RECORD_COUNT)
        op.total = (int64_t)sim_below(s, 9) + 1;
    if (op.kind == WF_RECORD_TAKE)
        op.value = WF_STR("\"x\"");
    if (op.kind == WF_RECORD_ADD && sim_one_in(s, 2))
        op.value = WF_STR("\"x\"");
    (void)!wf_records_write(n->records, space->id, &edit, 1, NULL);
}

void edit_record(struct sim_node *n)
{
    struct wf_space space = {.id = 0};
    enum wf_label least;
    struct wf_arena arena;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    edit_space_of(n, &arena, &space);
    if (space.id != 0 && wf_label_parse(space.label, &least)) {
        if (sim_one_in(n->sim, 3))
            write_any(n, &space, least);
        else
            write_log(n, &space, least);
    }
    wf_arena_deinit(&arena);
}
