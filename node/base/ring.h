/* A ring of events in shared memory: one writer (a node) that never waits, one reader (its agent).
 *
 * The writer publishes a record by one release store after its bytes are there, so a reader finds
 * whole records only, whatever instruction the writer died at. What does not fit is counted and
 * lost; the reader sees the gap in the sequence numbers. The reader trusts nothing in the memory:
 * lengths and positions are checked against the capacity it was given, its own position is kept in
 * its own memory, and records are copied out before anybody parses them.
 *
 * A writer that stamps its records says so before it looks at its clock, and when all that it
 * stamped has been written. So a reader knows at any instant since when stamps may still be
 * missing.
 *
 * A record lies as [length, 4 bytes][bytes], padded to 8, and may wrap around the end. */
#ifndef ORRERY_BASE_RING_H
#define ORRERY_BASE_RING_H

#include "bytes.h"

#include <stdatomic.h>

enum { RING_MAGIC = 0x474e5252, RING_VERSION = 2, RING_RECORD_MAX = 1 << 20 };
#define RING_UNTOLD UINT64_C(1)

struct ring_header {
    uint32_t magic;
    uint32_t version;
    uint64_t capacity;                  /* Bytes of data behind the header; a power of two. */
    _Alignas(64) _Atomic uint64_t head; /* Bytes ever written; only the writer stores it. */
    _Atomic uint64_t lost;              /* Records that did not fit. */
    _Atomic uint64_t stamping; /* The first stamp of what is not written yet; 0: there is none. */
    _Alignas(64) _Atomic uint64_t tail; /* Bytes ever read; only the reader stores it. */
};

struct ring {
    struct ring_header *header;
    uint8_t *data;
    uint64_t capacity;
    uint64_t position; /* Our own side's: bytes ever written, or read. */
    uint64_t cached;   /* The other side's when last looked at. */
    bool stamping;     /* Writer: it has told that, and not yet that it is settled. */
    uint64_t taken;    /* Reader: bytes of the record given and not yet done. */
};

size_t ring_size(size_t capacity); /* Memory that it needs; capacity is a power of two. */
/* Fresh and empty; by the reader. `memory` is 64-aligned, as mmap gives it. */
void ring_create(struct ring *r, void *memory, size_t capacity);
int ring_attach(struct ring *r, void *memory, size_t size); /* Writer: 0, or ERROR_MALFORMED. */

/* Writer: around its look at the clock, by which later records may be stamped; and when they are
 * all written. From the second look on until then nothing happens. */
void ring_stamps(struct ring *r);
void ring_stamped(struct ring *r, uint64_t ns);
void ring_settled(struct ring *r);

bool ring_write(struct ring *r, struct bytes record); /* False: counted as lost. */

/* Copies the next record into `scratch`. 1: there is one, valid until ring_read_done(); 0: none;
 * ERROR_MALFORMED: the writer broke the ring, and nothing more can be read from it. */
int ring_read(struct ring *r, struct bytes *record, struct buf *scratch);
void ring_read_done(struct ring *r);
uint64_t ring_lost(const struct ring *r);
/* Before what is in the ring is read: from which stamp on more may come, by a clock that says `now`
 * or more. RING_UNTOLD: the writer is about to look at it. */
uint64_t ring_complete(const struct ring *r, uint64_t now);

#endif
