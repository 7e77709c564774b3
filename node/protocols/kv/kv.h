/* kv: a single-node durable key-value store that Redis clients can talk to.
 *
 * Two logs. Every change is first a record of "wal", one for a command or an EXEC, all or nothing.
 * The table lives in memory, divided into pages by a key's hash. A checkpoint appends the images of
 * the pages that changed to "pages", each only once the wal is durable up to the newest change in
 * it (the write-ahead rule); when they are durable too, the wal's beginning may go.
 *
 * Recovery reads "pages" first, hence the order of the logs: the newest image of a page counts, and
 * then of each record of the wal what the page's image does not contain yet. Replies wait for the
 * wal (core_ops.waits_for), those of reads too: nobody sees what a crash could take back. */
#ifndef ORRERY_PROTOCOLS_KV_H
#define ORRERY_PROTOCOLS_KV_H

#include "core/core.h"

extern const struct core_ops kv_ops;

#endif
