/* List: intrusive, doubly linked, circular with a head. Nothing is allocated.
 *
 * Thread rule: owner. */
#ifndef WF_BASE_LIST_H
#define WF_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct wf_list {
    struct wf_list *prev;
    struct wf_list *next;
};

/* The struct that holds `member`, from a pointer to that member. */
#define WF_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* Walks all nodes; the body may remove `it`. */
#define WF_LIST_EACH(it, tmp, head)                                                                \
    for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); (it) = (tmp), (tmp) = (it)->next)

/* Makes `head` an empty list (or `node` a node in no list). */
static inline void wf_list_init(struct wf_list *head)
{
    head->prev = head;
    head->next = head;
}

/* True when the list has no nodes. */
static inline bool wf_list_empty(const struct wf_list *head)
{
    return head->next == head;
}

/* Links `node` behind `at` (at = head: in front of all others). */
static inline void wf_list_add(struct wf_list *at, struct wf_list *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

/* Links `node` as the last of the list. */
static inline void wf_list_push(struct wf_list *head, struct wf_list *node)
{
    wf_list_add(head->prev, node);
}

/* Unlinks `node` and leaves it in no list; removing it again is harmless. */
static inline void wf_list_remove(struct wf_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    wf_list_init(node);
}

#endif
