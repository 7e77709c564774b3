/* A folder as a disk: struct disk on real files, and the faults that a user can give it.
 *
 * Calls may come from several threads at once, as long as no two write the same file. The folder is
 * locked for the life of the disk, so that no second node writes to it. */
#ifndef ORRERY_RUNTIME_DISK_POSIX_H
#define ORRERY_RUNTIME_DISK_POSIX_H

#include "base/clock.h"
#include "command.pb-c.h"
#include "store/disk.h"

struct disk_posix;

/* Makes the folder where there is none. NULL and a sentence in `why`. */
struct disk_posix *disk_posix_open(const char *directory, char *why, size_t why_size);
void disk_posix_close(struct disk_posix *d);
struct disk disk_posix_disk(struct disk_posix *d);

/* A full disk refuses writes and new files, as one that shares its space with others does; a broken
 * one refuses everything; a slow one lets each sync take longer, in cluster time: so it also needs
 * to be told when the pace changes. */
void disk_posix_fault(struct disk_posix *d, const Orrery__DiskFault *fault);
void disk_posix_clock(struct disk_posix *d, const struct clock *clock);

#endif
