/* A request in pieces: the pieces must not change what it is, and parsing must agree. */
#include "codec/resp.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t piece = data[0] % 16 + 1;
    struct bytes all = bytes_of(data + 1, size - 1);
    struct resp_scan whole = {0};
    struct resp_scan parts = {0};
    int got = resp_scan(&whole, all);
    int got_parts = 0;
    for (size_t n = 0; n < all.len && got_parts == 0;) {
        n = n + piece < all.len ? n + piece : all.len;
        got_parts = resp_scan(&parts, bytes_of(all.base, n));
    }
    CHECK(got == got_parts);
    if (got != 1)
        return 0;
    CHECK(whole.at == parts.at && whole.at <= all.len);
    struct bytes frame = bytes_of(all.base, whole.at);
    if (whole.in_array) {
        int n = resp_parse(frame, NULL, 0);
        CHECK(n == (int)whole.args);
        struct bytes *args = malloc(((size_t)n + 1) * sizeof *args);
        CHECK(args != NULL && resp_parse(frame, args, (uint32_t)n) == n);
        free(args);
    } else {
        struct resp_writer w = {.cap = resp_inline_size(frame.len)};
        w.base = malloc(w.cap);
        int n = resp_inline(frame, &w);
        CHECK(n < 0 || resp_parse(bytes_of(w.base, w.len), NULL, 0) == n);
        free(w.base);
    }
    return 0;
}
