#include "web/single.h"

#include "base/check.h"
#include "web/assets.h"
#include "web/unzip.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 };
static const char place[] = "<!--run-->"; /* Where the page has room for it: scripts/single.mjs. */
static const char before[] = "<script id=\"run\" type=\"application/octet-stream\">";
static const char behind[] = "</script>";

static void deflate_all(struct bytes plain, struct buf *into)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)plain.base, .avail_in = (uInt)plain.len};
    CHECK(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) ==
          Z_OK);
    size_t room = deflateBound(&z, (uLong)plain.len), had = into->len;
    CHECK(room <= UINT_MAX);
    z.next_out = buf_extend(into, room);
    z.avail_out = (uInt)room;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    into->len = had + room - z.avail_out;
    deflateEnd(&z);
}

static void put_base64(struct bytes b, struct buf *into)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *at = buf_extend(into, (b.len + 2) / 3 * 4);
    for (size_t i = 0; i < b.len; i += 3) {
        size_t n = b.len - i < 3 ? b.len - i : 3;
        uint32_t three = (uint32_t)b.base[i] << 16;
        three |= n > 1 ? (uint32_t)b.base[i + 1] << 8 : 0;
        three |= n > 2 ? b.base[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            *at++ = k <= n ? (uint8_t)digits[three >> (18 - 6 * k) & 63] : '=';
    }
}

bool single_page_make(struct bytes carried, struct buf *into, char *why, size_t why_size)
{
    struct buf page = {0}, packed = {0};
    if (single_page.len == 0) {
        snprintf(why, why_size, "this observer was built without its page (ORRERY_PAGE=OFF)");
        return false;
    }
    if (carried.len > INT_MAX) {
        snprintf(why, why_size,
                 "the run is too large for one page: cut its end with '--until EVENT'");
        return false;
    }
    unzip(single_page, &page);
    const uint8_t *hole = memmem(page.base, page.len, place, sizeof place - 1);
    CHECK(hole);
    const uint8_t *rest = hole + sizeof place - 1;
    deflate_all(carried, &packed);
    buf_append(into, bytes_of(page.base, (size_t)(hole - page.base)));
    buf_append(into, bytes_str(before));
    put_base64(buf_bytes(&packed), into);
    buf_append(into, bytes_str(behind));
    buf_append(into, bytes_of(rest, (size_t)(page.base + page.len - rest)));
    buf_free(&page);
    buf_free(&packed);
    return true;
}
