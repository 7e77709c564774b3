/* What a node has written to disk and not yet synced, in memory that outlives it.
 *
 * A SIGKILL loses no written byte: the kernel keeps it. To play a power cut the agent needs to know
 * which bytes a real disk would not have had. All our files are appended to in preallocated zeroed
 * segments, so two positions a file say it: synced up to here, written up to there. `written` is
 * raised before the write, `synced` after the sync. */
#ifndef ORRERY_BASE_LEDGER_H
#define ORRERY_BASE_LEDGER_H

#include "bytes.h"
#include "random.h"

#include <stdatomic.h>

enum { LEDGER_FILES_MAX = 64, LEDGER_NAME_MAX = 64, LEDGER_BLOCK = 512 };

struct ledger_file {
    _Atomic uint32_t used;      /* Set last, cleared first. */
    char name[LEDGER_NAME_MAX]; /* Relative to the node's directory; never with "..". */
    _Atomic uint64_t synced;
    _Atomic uint64_t written;
};

struct ledger {
    struct ledger_file files[LEDGER_FILES_MAX];
};

struct ledger_file *ledger_open(struct ledger *l, const char *name); /* NULL when full. */
void ledger_close(struct ledger_file *f);

/* Calls lose(ctx, name, from, to) for each range that a power cut takes away: everything unsynced,
 * or (torn) each unsynced block by the toss of a coin. Returns how many bytes. The memory may have
 * been scribbled on: names and positions that make no sense are skipped. */
uint64_t ledger_power_cut(const struct ledger *l, bool torn, struct random *random,
                          void (*lose)(void *ctx, const char *name, uint64_t from, uint64_t to),
                          void *ctx);

#endif
