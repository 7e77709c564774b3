/* Byte strings as numbers: equal strings, equal numbers. */
#ifndef ORRERY_CHECK_WORDS_H
#define ORRERY_CHECK_WORDS_H

#include "base/bytes.h"

struct words {
    struct bytes *all; /* By number; all[0] stands for "nothing". Owned. */
    uint32_t n;
    uint32_t cap;
    uint32_t *table;    /* Open addressing; 0 is free. */
    uint32_t table_cap; /* A power of two. */
};

void words_init(struct words *w);
void words_free(struct words *w);
uint32_t words_add(struct words *w, struct bytes b); /* From 1. */

#endif
