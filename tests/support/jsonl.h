/* JSON lines: the objects of a .jsonl or .jsonl.xz file, for benches and tests on real data.
 *
 * Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_JSONL_H
#define WF_TESTS_SUPPORT_JSONL_H

#include <jansson.h>
#include <stdbool.h>

/* Calls fn(ud, object) for each line until it returns false. Returns the lines read, or -1 when the
 * file cannot be opened or a line is no JSON. */
long jsonl_each(const char *path, bool (*fn)(void *ud, json_t *object), void *ud);

#endif
