/* A named log: an ordered sequence of records in preallocated segments, with an optional snapshot
 * that stands for a prefix of it.
 *
 * The log plans, a job does. log_append() and the others only decide where bytes go; log_take()
 * gives the work that piled up as one job, which may run on any thread (or be simulated) while the
 * log plans on. So the records that arrive during one sync share the next: group commit.
 *
 * Recovery gives back a prefix that contains every record that was synced. A record that is not
 * intact is damage, and refused, when an intact one behind it says that it had been synced;
 * otherwise it is a torn tail, and cut with all that follows. The limit: nothing says so of the
 * last batch that was synced, so damage there, by anything but a crash, is cut like a torn tail.
 *
 * Files: NAME.<first lsn, 16 hex digits>.log for segments, NAME.<lsn>.snap for the snapshot. */
#ifndef ORRERY_STORE_LOG_H
#define ORRERY_STORE_LOG_H

#include "base/ledger.h"
#include "core/host.h"
#include "store/disk.h"
#include "store/record.h"

struct log;
struct log_job;

struct log_recovered {
    bool snapshot;
    struct record record;
    struct place place;
};

/* Opens or creates, giving the snapshot and every record behind it in order. A torn tail is cut.
 * NULL and a sentence in `why` when a record that had been synced is damaged, or the disk fails. */
struct log *log_open(struct disk *disk, const char *name, const struct log_options *options,
                     struct ledger *ledger /* may be NULL */,
                     void (*each)(void *ctx, const struct log_recovered *r), void *ctx, char *why,
                     size_t why_size);
void log_close(struct log *l); /* After its jobs are done. */

void log_append(struct log *l, lsn at, uint8_t type, struct bytes body, struct place *place);
void log_truncate_before(struct log *l, lsn at); /* Whole segments go. */
void log_truncate_from(struct log *l, lsn at);   /* The next append is `at`. */
/* Never older than the one before. One beyond the last record replaces the whole log. */
void log_snapshot(struct log *l, lsn at, struct bytes body);

lsn log_first(const struct log *l); /* Oldest record kept; last + 1 when there is none. */
lsn log_last(const struct log *l);  /* Newest record planned. */
lsn log_written(const struct log *l);
lsn log_durable(const struct log *l);

bool log_planned(const struct log *l); /* There is work that waits. */
/* That work, or NULL. One job at a time: the next after log_done(). */
struct log_job *log_take(struct log *l);
/* Two halves, so that a breakpoint fits between: both block, both may run on another thread. */
int log_job_write(struct log_job *job);
int log_job_sync(struct log_job *job); /* Under SYNC_NEVER only what is full. */
lsn log_job_upto(const struct log_job *job);
uint64_t log_job_bytes(const struct log_job *job);
void log_done(struct log *l, struct log_job *job); /* Back on the planning thread; frees it. */

/* Record `at`'s body, from offset on, appended to `into`: whether on disk or still planned. */
int log_read(struct log *l, lsn at, uint64_t offset, uint64_t len, struct buf *into);
/* Up to `count` records from `at` on, encoded as in record.h. */
int log_read_records(struct log *l, lsn at, uint32_t count, struct buf *into);

#endif
