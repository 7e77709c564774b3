/* A whole history of clients, however it was told: in a file, or by the events of a run. */
#ifndef ORRERY_CHECK_HISTORY_H
#define ORRERY_CHECK_HISTORY_H

#include "check/datatype.h"
#include "check/operation.h"

struct operations {
    struct operation **all;
    uint32_t n;
    uint32_t cap;
};

void operations_add(struct operations *l, struct operation *o);
void operations_free(struct operations *l); /* And what is in it. */

struct history {
    struct datatype datatype;
    struct words keys;
    struct words clients;         /* Their names; operation.client is a word of them. */
    struct operations operations; /* In the order of their invocations. Owned. */
    uint32_t initial;             /* Of each key: VALUE_ABSENT or VALUE_ANY. */
};

void history_init(struct history *h, bool brief);
void history_free(struct history *h);

/* "write k0 '5'", "read k0: '5'": fit for terminals, and short. */
void history_print_operation(const struct history *h, const struct operation *o, struct buf *into);
void history_print_key(const struct history *h, uint32_t key, struct buf *into); /* " k0" */
void history_print_value(const struct history *h, uint32_t value, struct buf *into);

#endif
