/* What a log needs of a disk: named files in one folder, appended to, synced, read. Calls block.
 * The real one is runtime/disk_posix.h, the simulated one store/disk_memory.h.
 *
 * Every call returns 0 or a negative error: DISK_FULL, DISK_IO, NOT_FOUND. A real disk must bear a
 * read by the planning thread while a job writes on another. */
#ifndef ORRERY_STORE_DISK_H
#define ORRERY_STORE_DISK_H

#include "base/bytes.h"
#include "base/errors.h"

struct disk_ops {
    /* A file of `size` zeros, itself and its name durable. */
    int (*create)(void *ctx, const char *name, uint64_t size);
    /* Where the file is shorter it grows: only a record larger than a segment needs that. */
    int (*write)(void *ctx, const char *name, uint64_t offset, struct bytes bytes);
    int (*sync)(void *ctx, const char *name);
    /* Appends up to n bytes to `into`; fewer at the end of the file. */
    int (*read)(void *ctx, const char *name, uint64_t offset, size_t n, struct buf *into);
    int (*size)(void *ctx, const char *name, uint64_t *size);
    /* Shorter, or longer by zeros; whole or not at all, and durable on return. */
    int (*truncate)(void *ctx, const char *name, uint64_t size);
    int (*rename)(void *ctx, const char *from, const char *to); /* Durable on return. */
    /* Several are taken away in the order in which they were asked for. */
    int (*remove)(void *ctx, const char *name);
    int (*list)(void *ctx, void (*each)(void *arg, const char *name), void *arg);
};

struct disk {
    const struct disk_ops *ops;
    void *ctx;
};

#endif
