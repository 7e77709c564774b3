/* How a log record lies on disk. Pure: the real disk, the simulated one and the checkers share it.
 *
 *   crc32c  4  of all that follows
 *   length  4  of the body
 *   lsn     8
 *   behind  4  how many records before this one were not yet known to be synced when it was written
 *   type    1
 *   body    length
 *
 * All little-endian. Segments are preallocated with zeros, and a header of zeros is their end: no
 * record has the lsn 0. `behind` (all ones: nothing is known to be synced) lets recovery tell a
 * torn tail from damage: a bad record that a later, intact one calls synced was once whole. */
#ifndef ORRERY_STORE_RECORD_H
#define ORRERY_STORE_RECORD_H

#include "core/core.h"

enum { RECORD_HEADER = 21, RECORD_BODY_MAX = 64 << 20 };

struct record {
    lsn at;
    lsn synced; /* Newest record known to be synced when this one was written. */
    uint8_t type;
    struct bytes body;
};

void record_encode(struct buf *into, const struct record *r);

enum record_state { RECORD_OK, RECORD_END, RECORD_BAD };

/* Reads the record at the start of `b`. On RECORD_OK *size is what it takes on disk, and the body
 * points into `b`. RECORD_END: a header
 * of zeros, or nothing. RECORD_BAD: anything else. With no_checksum (a
 * flaw) only the length is believed to matter. */
enum record_state record_decode(struct bytes b, bool no_checksum, struct record *r, size_t *size);

#endif
