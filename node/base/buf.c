#include "base/bytes.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_CAP_MIN = 64 };

void buf_free(struct buf *b)
{
    free(b->base);
    *b = (struct buf){NULL, 0, 0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_reserve(struct buf *b, size_t more)
{
    CHECK(b->len <= b->cap);
    if (b->cap - b->len >= more)
        return;
    CHECK(more <= SIZE_MAX / 2 - b->len);
    size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
    while (cap - b->len < more)
        cap *= 2;
    b->base = realloc(b->base, cap);
    CHECK(b->base != NULL);
    b->cap = cap;
}

uint8_t *buf_extend(struct buf *b, size_t n)
{
    buf_reserve(b, n);
    uint8_t *at = n > 0 ? b->base + b->len : b->base; /* No arithmetic on NULL. */
    b->len += n;
    return at;
}

void buf_append(struct buf *b, struct bytes more)
{
    if (more.len > 0)
        memcpy(buf_extend(b, more.len), more.base, more.len);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(n >= 0);
    size_t len = (size_t)n;
    buf_reserve(b, len + 1); /* The terminator is written, and not counted. */
    va_start(args, format);
    (void)vsnprintf((char *)b->base + b->len, len + 1, format, args);
    va_end(args);
    b->len += len;
}

void buf_consume(struct buf *b, size_t n)
{
    CHECK(n <= b->len);
    if (n > 0 && n < b->len)
        memmove(b->base, b->base + n, b->len - n);
    b->len -= n;
}

struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->base, b->len);
}
