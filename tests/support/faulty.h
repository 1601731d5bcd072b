/* Faulty: a file system under SQLite ("faulty") whose n-th write, sync or truncation fails; memory
 * under it whose n-th allocation does. */
#ifndef WF_TESTS_SUPPORT_FAULTY_H
#define WF_TESTS_SUPPORT_FAULTY_H

#include <stdbool.h>

/* Makes SQLite know it; before a store is opened with .vfs = "faulty". */
void faulty_register(void);

/* The n-th call from now fails (and, when sticky, all after it); 0 = none. */
void faulty_set(int n, bool sticky);

/* Whether one has failed since. */
bool faulty_hit(void);

/* The same for memory: before SQLite is used for anything. */
void faulty_register_memory(void);
void faulty_memory_set(int n);
bool faulty_memory_hit(void);

#endif
