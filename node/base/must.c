#include "base/must.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    CHECK(p);
    return p;
}

void *must_grow(void *things, size_t n, size_t to, size_t size)
{
    CHECK(to >= n && to > 0 && to <= SIZE_MAX / size);
    uint8_t *p = realloc(things, to * size);
    CHECK(p);
    memset(p + n * size, 0, (to - n) * size);
    return p;
}

char *must_copy(const char *text)
{
    char *copy = strdup(text);
    CHECK(copy);
    return copy;
}
