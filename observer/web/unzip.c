#include "web/unzip.h"

#include "base/check.h"

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, PIECE = 1 << 16 };

void unzip(struct bytes gzip, struct buf *into)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)gzip.base, .avail_in = (uInt)gzip.len};
    int status = Z_OK;
    CHECK(inflateInit2(&z, GZIP_WINDOW) == Z_OK);
    while (status == Z_OK) {
        size_t had = into->len;
        z.next_out = buf_extend(into, PIECE);
        z.avail_out = PIECE;
        status = inflate(&z, Z_NO_FLUSH);
        into->len = had + PIECE - z.avail_out;
    }
    CHECK(status == Z_STREAM_END);
    inflateEnd(&z);
}
