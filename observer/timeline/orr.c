#include "timeline/orr.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/errors.h"

static const uint8_t file_magic[8] = {0x89, 'O', 'R', 'R', '\r', '\n', 0x1a, '\n'};
static const uint8_t chunk_magic[4] = {'O', 'R', 'R', 'C'};
static const uint8_t trailer_magic[4] = {'O', 'R', 'R', 'E'};

void orr_file_header(uint8_t into[ORR_FILE_HEADER])
{
    memcpy(into, file_magic, 8);
    put_u32(into + 8, ORR_VERSION);
    put_u32(into + 12, crc32c(0, into, 12));
}

int orr_file_check(const uint8_t from[ORR_FILE_HEADER], uint32_t *version)
{
    *version = get_u32(from + 8);
    if (memcmp(from, file_magic, 8) != 0 || get_u32(from + 12) != crc32c(0, from, 12))
        return ERROR_MALFORMED;
    return *version == ORR_VERSION ? 0 : ERROR_UNSUPPORTED;
}

void orr_chunk_header(const struct orr_chunk *c, uint8_t into[ORR_CHUNK_HEADER])
{
    memset(into, 0, ORR_CHUNK_HEADER);
    memcpy(into, chunk_magic, 4);
    into[4] = c->type;
    into[5] = c->codec;
    put_u32(into + 8, c->stored);
    put_u32(into + 12, c->size);
    put_u64(into + 16, c->first);
    put_u32(into + 24, c->count);
    put_u64(into + 28, c->mono_ns);
    put_u32(into + 36, c->crc);
    put_u32(into + 44, crc32c(0, into, 44));
}

int orr_chunk_read(const uint8_t from[ORR_CHUNK_HEADER], struct orr_chunk *c)
{
    if (memcmp(from, chunk_magic, 4) != 0 || get_u32(from + 44) != crc32c(0, from, 44))
        return ERROR_MALFORMED;
    *c = (struct orr_chunk){
        .type = from[4],
        .codec = from[5],
        .stored = get_u32(from + 8),
        .size = get_u32(from + 12),
        .first = get_u64(from + 16),
        .count = get_u32(from + 24),
        .mono_ns = get_u64(from + 28),
        .crc = get_u32(from + 36),
    };
    return c->stored <= ORR_CHUNK_MAX && c->size <= ORR_CHUNK_MAX ? 0 : ERROR_MALFORMED;
}

void orr_trailer(uint64_t index_at, uint8_t into[ORR_TRAILER])
{
    put_u64(into, index_at);
    memcpy(into + 8, trailer_magic, 4);
    put_u32(into + 12, crc32c(0, into, 12));
}

int orr_trailer_read(const uint8_t from[ORR_TRAILER], uint64_t *index_at)
{
    *index_at = get_u64(from);
    bool ok = memcmp(from + 8, trailer_magic, 4) == 0 && get_u32(from + 12) == crc32c(0, from, 12);
    return ok ? 0 : ERROR_MALFORMED;
}
