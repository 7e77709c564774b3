/* The format of a recording, .orr, version 1. All numbers are little-endian.
 *
 *   file    = magic "\x89ORR\r\n\x1a\n" (8), version (4), CRC-32C of these twelve bytes (4),
 *             chunk*, [ index chunk, trailer ]
 *   chunk   = header (48), stored bytes
 *   header  = "ORRC" (4), type (1), codec (1), zero (2), stored (4), size (4), first (8), count
 * (4), mono_ns (8), CRC-32C of the stored bytes (4), zero (4), CRC-32C of the header so far (4)
 *   trailer = offset of the index chunk (8), "ORRE" (4), CRC-32C of these twelve bytes (4)
 *
 * Codec 0 stores bytes as they are, 1 as one zstd frame. Chunk types:
 *
 *   1 run       a RunInfo; always the first chunk
 *   2 schemas   a FileDescriptorSet; before the first event that needs it
 *   3 start     an Entry whose event is a start, without its schemas: opening reads only these
 *   4 events    Entry*, each behind its length as a varint; ordinals are left out, since they count
 *               on from `first`; `mono_ns` is the time of the first
 *   5 pyramid   a PyramidTile
 *   6 blob      a Blob; `first` is its id
 *   7 index     an Index of all chunks before it
 *
 * Chunks are only ever appended, whole, so a file whose writer was killed reads up to its last
 * whole chunk: without a trailer the headers are walked from the start. A reader skips chunk types
 * that it does not know, and refuses versions that it does not know. */
#ifndef ORRERY_TIMELINE_ORR_H
#define ORRERY_TIMELINE_ORR_H

#include "base/bytes.h"

enum {
    ORR_VERSION = 1,
    ORR_FILE_HEADER = 16,
    ORR_CHUNK_HEADER = 48,
    ORR_TRAILER = 16,
    ORR_CHUNK_MAX = 64 << 20, /* Stored or decompressed bytes of a chunk. */
};

enum orr_type {
    ORR_RUN = 1,
    ORR_SCHEMAS = 2,
    ORR_START = 3,
    ORR_EVENTS = 4,
    ORR_PYRAMID = 5,
    ORR_BLOB = 6,
    ORR_INDEX = 7,
    ORR_LANDMARKS = 8,
};

enum orr_codec { ORR_RAW = 0, ORR_ZSTD = 1 };

struct orr_chunk {
    uint64_t at; /* Of its header in the file. */
    uint8_t type;
    uint8_t codec;
    uint32_t stored;
    uint32_t size;
    uint64_t first;
    uint32_t count;
    uint64_t mono_ns;
    uint32_t crc; /* Of the stored bytes. */
};

void orr_file_header(uint8_t into[ORR_FILE_HEADER]);
/* 0; ERROR_MALFORMED: no recording; ERROR_UNSUPPORTED: *version is not ours. */
int orr_file_check(const uint8_t from[ORR_FILE_HEADER], uint32_t *version);

void orr_chunk_header(const struct orr_chunk *c, uint8_t into[ORR_CHUNK_HEADER]);
int orr_chunk_read(const uint8_t from[ORR_CHUNK_HEADER], struct orr_chunk *c); /* Or MALFORMED. */

void orr_trailer(uint64_t index_at, uint8_t into[ORR_TRAILER]);
int orr_trailer_read(const uint8_t from[ORR_TRAILER], uint64_t *index_at);

#endif
