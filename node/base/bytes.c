#include "base/bytes.h"

#include <string.h>

struct bytes bytes_str(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n == 0 ? 0 : memcmp(a.base, b.base, n);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}
