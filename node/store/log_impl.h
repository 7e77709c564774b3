/* Inside of the log: what planning, jobs, reading and recovery share.
 *
 * The planning thread owns everything but the fields marked for jobs; a job owns its steps' bytes
 * from log_take() to log_done(), and planning only reads them meanwhile. */
#ifndef ORRERY_STORE_LOG_IMPL_H
#define ORRERY_STORE_LOG_IMPL_H

#include "store/log.h"

#include <stdatomic.h>

enum {
    LOG_NAME_SIZE = 32, /* Of the log, with its terminator. */
    LOG_FILE_SIZE = LEDGER_NAME_MAX,
    LOG_INDEX_EVERY = 32, /* Records per entry of a segment's index. */
    LOG_SEGMENT_BYTES = 16 << 20,
};

enum step_kind {
    STEP_NOTHING,
    STEP_START,    /* Write half: a segment begins. */
    STEP_WRITE,    /* Write half. */
    STEP_DROP,     /* Write half: a segment goes, since its records were cut off. */
    STEP_CUT,      /* Write half: the segment ends at `offset`. */
    STEP_SNAPSHOT, /* Written in one half, made valid in the other. */
    STEP_REMOVE,   /* Sync half: a segment goes, since its records are no longer needed. */
    STEP_NEXT,     /* Sync half: creates the next segment ahead. */
};

struct step {
    enum step_kind kind;
    lsn segment;  /* First record of the segment; SNAPSHOT: its lsn. */
    lsn previous; /* START: first record of the segment before it, if there is one. */
    uint64_t offset;
    size_t from; /* Of the job's bytes. */
    size_t len;
    size_t visible; /* WRITE: what a later cut left of it. For planning. */
    struct ledger_file *ledger;
};

struct log_job {
    struct log *log;
    struct log_job *next;
    struct buf bytes;
    struct step *steps;
    size_t n;
    size_t cap;
    lsn upto;
    bool records;
    int error; /* Planning failed already: nothing is done. */
    _Atomic bool wrote;
};

struct segment {
    lsn first;
    uint64_t end;     /* Planned. */
    uint64_t flushed; /* Below this the disk knows; above, the jobs do. */
    uint64_t *index;  /* Offset of every LOG_INDEX_EVERY-th record. */
    size_t index_n;
    size_t index_cap;
    struct ledger_file *ledger;
};

struct log {
    struct disk disk;
    char name[LOG_NAME_SIZE];
    struct log_options options;
    struct ledger *ledger;
    struct segment *segments; /* Never empty once open; the last one is written to. */
    size_t n;
    size_t cap;
    lsn last;
    lsn written;
    lsn durable; /* What log_durable() says. */
    lsn synced;  /* What really is on disk: less than `durable` under SYNC_NEVER. */
    bool next_planned;
    lsn snapshot_planned;
    struct log_job *flight;
    struct log_job *queue; /* Oldest first. */
    struct log_job *queue_end;
    struct log_job *spare;
    struct buf scratch;
    bool next_exists; /* For jobs. */
    lsn snapshot;     /* For jobs: lsn of the snapshot on disk. */
    lsn writing;      /* For jobs: the segment last written to; LSN_NONE in this life none. */
};

void log_file_name(const struct log *l, lsn first, const char *suffix, char name[LOG_FILE_SIZE]);
void log_next_name(const struct log *l, char name[LOG_FILE_SIZE]);
void log_new_snapshot_name(const struct log *l, char name[LOG_FILE_SIZE]);

struct segment *log_add_segment(struct log *l, lsn first);
void log_index(struct segment *s, lsn at, uint64_t offset);
void log_forget_segments(struct log *l, size_t from, size_t to); /* Of the plan, not of the disk. */

/* Which segment holds record `at`; it must be in [log_first(), log_last()]. */
struct segment *log_segment_of(struct log *l, lsn at);
int log_offset_of(struct log *l, struct segment *s, lsn at, uint64_t *offset);

void log_job_free(struct log_job *job);

/* Fills an empty log from its files; negative and a sentence when that cannot be. */
int log_recover(struct log *l, void (*each)(void *ctx, const struct log_recovered *r), void *ctx,
                char *why, size_t why_size);

#endif
