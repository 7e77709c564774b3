#include "check/configurations.h"

#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MIN = 16, TABLE_FROM = 12, TABLE_MIN = 64 }; /* Few rows are compared one by one. */

void configurations_free(struct configurations *c)
{
    free(c->words);
    free(c->table);
    *c = (struct configurations){0};
}

void configurations_clear(struct configurations *c, uint32_t width)
{
    if (c->tabled)
        memset(c->table, 0, c->table_cap * sizeof *c->table);
    c->n = c->tabled = 0;
    if (width > c->width) /* In rows of the new width. */
        c->cap = 0;
    c->width = width;
}

static uint64_t hash(const uint32_t *row, uint32_t width)
{
    uint64_t h = UINT64_C(0x243f6a8885a308d3);
    for (uint32_t i = 0; i < width; i++)
        h = hash_word(h, row[i]);
    return h;
}

static uint32_t *find(const struct configurations *c, const uint32_t *row)
{
    uint64_t at = hash(row, c->width);
    for (;; at++) {
        uint32_t *entry = &c->table[at & (c->table_cap - 1)];
        if (!*entry || memcmp(configurations_row(c, *entry - 1), row, c->width * sizeof *row) == 0)
            return entry;
    }
}

static void table_all(struct configurations *c)
{
    if (2 * (c->n + 1) > c->table_cap) {
        c->table_cap = c->table_cap ? c->table_cap : TABLE_MIN;
        while (2 * (c->n + 1) > c->table_cap)
            c->table_cap *= 2;
        free(c->table);
        c->table = calloc(c->table_cap, sizeof *c->table);
        CHECK(c->table);
        c->tabled = 0;
    }
    for (; c->tabled < c->n; c->tabled++)
        *find(c, configurations_row(c, c->tabled)) = c->tabled + 1;
}

bool configurations_put(struct configurations *c, const uint32_t *row)
{
    if (c->n >= c->cap) {
        if (c->n >= CONFIGURATIONS_MAX)
            return false;
        c->cap = c->cap ? 2 * c->cap : ROWS_MIN;
        c->words = realloc(c->words, (uint64_t)c->cap * c->width * sizeof *c->words);
        CHECK(c->words);
    }
    memcpy(configurations_row(c, c->n++), row, c->width * sizeof *row);
    return true;
}

bool configurations_add(struct configurations *c, const uint32_t *row)
{
    if (c->n < TABLE_FROM) {
        for (uint32_t i = 0; i < c->n; i++)
            if (memcmp(configurations_row(c, i), row, c->width * sizeof *row) == 0)
                return true;
        return configurations_put(c, row);
    }
    table_all(c);
    return *find(c, row) != 0 || configurations_put(c, row);
}
