#include "check/words.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

void words_init(struct words *w)
{
    *w = (struct words){.n = 1, .cap = 64, .table_cap = 256};
    w->all = calloc(w->cap, sizeof *w->all);
    w->table = calloc(w->table_cap, sizeof *w->table);
    CHECK(w->all && w->table);
}

void words_free(struct words *w)
{
    for (uint32_t i = 1; i < w->n; i++)
        free((void *)(uintptr_t)w->all[i].base);
    free(w->all);
    free(w->table);
    *w = (struct words){0};
}

static uint32_t slot(const struct words *w, struct bytes b)
{
    uint32_t at = crc32c(0, b.base, b.len) & (w->table_cap - 1);
    while (w->table[at] && !bytes_equal(w->all[w->table[at]], b))
        at = (at + 1) & (w->table_cap - 1);
    return at;
}

static void grow(struct words *w)
{
    w->table_cap *= 2;
    free(w->table);
    w->table = must_alloc(w->table_cap, sizeof *w->table);
    for (uint32_t i = 1; i < w->n; i++)
        w->table[slot(w, w->all[i])] = i;
}

uint32_t words_add(struct words *w, struct bytes b)
{
    uint32_t at = slot(w, b);
    if (w->table[at])
        return w->table[at];
    if (w->n == w->cap) {
        w->cap *= 2;
        w->all = realloc(w->all, w->cap * sizeof *w->all);
        CHECK(w->all);
    }
    uint8_t *copy = malloc(b.len ? b.len : 1);
    CHECK(copy);
    if (b.len)
        memcpy(copy, b.base, b.len);
    w->all[w->n] = bytes_of(copy, b.len);
    w->table[at] = w->n++;
    if (2 * w->n > w->table_cap)
        grow(w);
    return w->n - 1;
}
