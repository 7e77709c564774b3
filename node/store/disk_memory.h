/* The simulated disk: files in memory, with what a power cut would leave of them.
 *
 * Each file has two contents: what a reader sees, and what has been synced. A crash settles, block
 * by block, which of the two every unsynced block comes back with, as a disk without its power
 * does. Creating, truncating, renaming and removing are durable when they return, as disk.h
 * demands. Deterministic, and of one thread. */
#ifndef ORRERY_STORE_DISK_MEMORY_H
#define ORRERY_STORE_DISK_MEMORY_H

#include "base/random.h"
#include "store/disk.h"

enum { DISK_MEMORY_BLOCK = 512 };

struct disk_memory_file;

struct disk_memory {
    struct disk_memory_file **files; /* By name, ascending. */
    size_t n;
    size_t cap;
    /* Faults, set at will. */
    bool full; /* Creating and writing fail with ERROR_DISK_FULL. */
    bool eio;  /* Everything but listing fails with ERROR_DISK_IO. */
    /* The power fails after so many more written bytes, in the middle of a write: from then on
     * everything fails until disk_memory_crash(). UINT64_MAX: never. */
    uint64_t power_left;
    bool powerless;
    uint64_t written; /* Bytes ever; for measures. */
    uint64_t syncs;
};

void disk_memory_init(struct disk_memory *m);
void disk_memory_free(struct disk_memory *m);
struct disk disk_memory_disk(struct disk_memory *m);                           /* Borrows m. */
void disk_memory_copy(struct disk_memory *to, const struct disk_memory *from); /* `to` is fresh. */

/* A crash, after which the disk can be used again (its faults stay). Returns the bytes lost.
 * NOTHING is the death of a process: the kernel keeps what was written. */
enum disk_loss { DISK_LOSE_NOTHING, DISK_LOSE_ALL, DISK_LOSE_RANDOM };
uint64_t disk_memory_crash(struct disk_memory *m, enum disk_loss loss, struct random *random);

/* The same, asking for each unsynced block whether it made it; in order of name and offset. */
uint64_t disk_memory_crash_by(struct disk_memory *m,
                              bool (*keep)(void *ctx, const char *name, uint64_t offset),
                              void *ctx);

#endif
