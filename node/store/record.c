#include "store/record.h"

#include "base/check.h"
#include "base/crc32c.h"

#include <string.h>

enum { AT_LENGTH = 4, AT_LSN = 8, AT_BEHIND = 16, AT_TYPE = 20 };

/* `behind` of a record that calls nothing synced. */
#define BEHIND_ALL UINT32_MAX

void record_encode(struct buf *into, const struct record *r)
{
    CHECK(r->at > 0 && r->synced < r->at);
    CHECK(r->body.len <= RECORD_BODY_MAX);
    uint64_t behind = r->at - 1 - r->synced;
    uint8_t *at = buf_extend(into, RECORD_HEADER + r->body.len);
    put_u32(at + AT_LENGTH, (uint32_t)r->body.len);
    put_u64(at + AT_LSN, r->at);
    put_u32(at + AT_BEHIND, behind < BEHIND_ALL ? (uint32_t)behind : BEHIND_ALL);
    at[AT_TYPE] = r->type;
    if (r->body.len > 0)
        memcpy(at + RECORD_HEADER, r->body.base, r->body.len);
    put_u32(at, crc32c(0, at + AT_LENGTH, RECORD_HEADER - AT_LENGTH + r->body.len));
}

static bool zeros(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != 0)
            return false;
    return true;
}

enum record_state record_decode(struct bytes b, bool no_checksum, struct record *r, size_t *size)
{
    if (zeros(b.base, b.len < RECORD_HEADER ? b.len : RECORD_HEADER))
        return RECORD_END;
    if (b.len < RECORD_HEADER)
        return RECORD_BAD;
    uint32_t length = get_u32(b.base + AT_LENGTH);
    if (length > RECORD_BODY_MAX || length > b.len - RECORD_HEADER)
        return RECORD_BAD;
    size_t covered = RECORD_HEADER - AT_LENGTH + length;
    if (!no_checksum && get_u32(b.base) != crc32c(0, b.base + AT_LENGTH, covered))
        return RECORD_BAD;
    r->at = get_u64(b.base + AT_LSN);
    uint32_t behind = get_u32(b.base + AT_BEHIND);
    bool says = behind != BEHIND_ALL && r->at > behind;
    r->synced = says ? r->at - 1 - behind : LSN_NONE;
    r->type = b.base[AT_TYPE];
    r->body = bytes_of(b.base + RECORD_HEADER, length);
    *size = RECORD_HEADER + length;
    return RECORD_OK;
}
