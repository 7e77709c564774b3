/* The logs of all instances of a node, and the jobs that carry their records to the disk.
 *
 * Records that a turn of the loop appended become one job for each log; those that arrive during
 * its sync become the next: group commit. Jobs of different logs run side by side. A write or a
 * sync that fails ends the node. */
#ifndef ORRERY_RUNTIME_LOGS_H
#define ORRERY_RUNTIME_LOGS_H

#include "runtime/loop.h"
#include "store/log.h"

struct logs_io {
    bool (*wants_written)(void *ctx);
    void (*written)(void *ctx, uint32_t instance, uint32_t log, lsn upto);
    void (*durable)(void *ctx, uint32_t instance, uint32_t log, lsn upto, nsec took);
    void (*data)(void *ctx, uint32_t instance, uint32_t log, uint64_t tag, struct bytes records);
    void (*failed)(void *ctx, const char *why); /* Does not return. */
};

struct logs_log;
struct logs_read;

struct logs {
    struct loop *loop;
    const struct logs_io *io;
    void *ctx;
    struct logs_log *all;
    uint32_t n;
    struct logs_read *reads;
    uint32_t n_reads;
    uint32_t reads_cap;
};

void logs_init(struct logs *l, struct loop *loop, const struct logs_io *io, void *ctx);
void logs_close(struct logs *l); /* With no job in flight. */

/* Opens log `log` of an instance and gives back what it holds. False and a sentence in `why`. */
bool logs_open(struct logs *l, struct disk *disk, uint32_t instance, uint32_t log, const char *name,
               const struct log_options *options, struct ledger *ledger,
               void (*each)(void *ctx, const struct log_recovered *r), void *ctx, char *why,
               size_t why_size);

void logs_append(struct logs *l, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                 struct bytes body, struct place *place);
void logs_truncate(struct logs *l, uint32_t instance, uint32_t log, lsn at, bool suffix);
void logs_snapshot(struct logs *l, uint32_t instance, uint32_t log, lsn at, struct bytes body);
void logs_read(struct logs *l, uint32_t instance, uint32_t log, lsn at, uint32_t count,
               uint64_t tag);
/* Part of a record's body, at once. */
void logs_fetch(struct logs *l, uint32_t instance, const struct slice *slice, struct buf *into);

void logs_flush(struct logs *l);         /* Starts jobs, answers reads. */
bool logs_waiting(const struct logs *l); /* There is something to flush. */
bool logs_busy(const struct logs *l);    /* Something is not on disk yet. */

#endif
