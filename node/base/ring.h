/* A ring of events in shared memory: one writer (a node) that never waits, one reader (its agent).
 *
 * The writer publishes a record by one release store after its bytes are there, so a reader finds
 * whole records only, whatever instruction the writer died at. What does not fit is counted and
 * lost; the reader sees the gap in the sequence numbers. The reader trusts nothing in the memory:
 * lengths and positions are checked against the capacity it was given. */
#ifndef ORRERY_BASE_RING_H
#define ORRERY_BASE_RING_H

#include "bytes.h"

#include <stdatomic.h>

enum { RING_MAGIC = 0x474e5252, RING_RECORD_MAX = 1 << 20 };

struct ring_header {
    uint32_t magic;
    uint32_t version;
    uint64_t capacity;               /* Bytes of data behind the header; a power of two. */
    _Alignas(64) _Atomic uint64_t head;    /* Bytes ever written; only the writer stores it. */
    _Atomic uint64_t lost;           /* Records that did not fit. */
    _Alignas(64) _Atomic uint64_t tail;    /* Bytes ever read; only the reader stores it. */
};

struct ring {
    struct ring_header *header;
    uint8_t *data;
    uint64_t capacity;
    uint64_t cached; /* The other side's position when last looked at. */
};

size_t ring_size(size_t capacity);                                  /* Memory that it needs. */
void ring_create(struct ring *r, void *memory, size_t capacity);    /* Fresh; by the agent. */
int ring_attach(struct ring *r, void *memory, size_t size);         /* 0, or ERROR_MALFORMED. */

bool ring_write(struct ring *r, struct bytes record);               /* False: counted as lost. */

/* Gives the next record in place, or copied into `scratch` where it wraps. 1: there is one, valid
 * until ring_read_done(); 0: none; ERROR_MALFORMED: the writer broke the ring. */
int ring_read(struct ring *r, struct bytes *record, struct buf *scratch);
void ring_read_done(struct ring *r);
uint64_t ring_lost(const struct ring *r);

#endif
