/* A set of configurations: rows of words, all of one width. */
#ifndef ORRERY_CHECK_CONFIGURATIONS_H
#define ORRERY_CHECK_CONFIGURATIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { CONFIGURATIONS_MAX = 1 << 20 };

struct configurations {
    uint32_t *words;
    uint32_t width;
    uint32_t n;
    uint32_t cap;
    uint32_t *table; /* Open addressing; index + 1. Of the first `tabled`. */
    uint32_t table_cap;
    uint32_t tabled;
};

void configurations_free(struct configurations *c);
void configurations_clear(struct configurations *c, uint32_t width);
/* False when there are too many. `row` may not be one of its own. */
bool configurations_add(struct configurations *c, const uint32_t *row);
/* Without looking whether it is there. */
bool configurations_put(struct configurations *c, const uint32_t *row);

static inline uint32_t *configurations_row(const struct configurations *c, uint32_t i)
{
    return c->words + (uint64_t)i * c->width;
}

#endif
