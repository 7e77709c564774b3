/* What the tests of logs share: a log on a simulated disk, and what it gave back when opened. */
#ifndef ORRERY_TESTS_LOG_BENCH_H
#define ORRERY_TESTS_LOG_BENCH_H

#include "base/check.h"
#include "store/disk_memory.h"
#include "store/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct found {
    lsn first; /* 0 when nothing was there. */
    lsn last;
    lsn snapshot;
    struct buf bodies; /* Of the records, each behind its length. */
    struct buf snapshot_body;
    struct buf bounds; /* struct place of each record. */
};

static inline void found_record(void *ctx, const struct log_recovered *r)
{
    struct found *f = ctx;
    if (r->snapshot) {
        f->snapshot = r->record.at;
        buf_append(&f->snapshot_body, r->record.body);
        return;
    }
    if (f->first == 0)
        f->first = r->record.at;
    else
        assert_int_equal(r->record.at, f->last + 1);
    f->last = r->record.at;
    put_u32(buf_extend(&f->bodies, 4), (uint32_t)r->record.body.len);
    buf_append(&f->bodies, r->record.body);
    buf_append(&f->bounds, bytes_of(&r->place, sizeof r->place));
}

static inline void found_free(struct found *f)
{
    buf_free(&f->bodies);
    buf_free(&f->snapshot_body);
    buf_free(&f->bounds);
    *f = (struct found){0};
}

static inline struct log *open_log(struct disk_memory *m, const struct log_options *options,
                                   struct found *f, char *why, size_t why_size)
{
    struct disk disk = disk_memory_disk(m);
    return log_open(&disk, "wal", options, NULL, found_record, f, why, why_size);
}

/* Does all that is planned; the first error otherwise. */
static inline int run_jobs(struct log *l)
{
    struct log_job *job;
    while ((job = log_take(l)) != NULL) {
        int error = log_job_write(job);
        if (error == 0)
            error = log_job_sync(job);
        log_done(l, job);
        if (error != 0)
            return error;
    }
    return 0;
}

/* The body of record `at` in these tests: its length and bytes follow from its number. */
static inline struct bytes body_of(lsn at, uint32_t salt, uint8_t into[256])
{
    size_t n = (size_t)((at * 7 + salt * 31) % 90);
    for (size_t i = 0; i < n; i++)
        into[i] = (uint8_t)(at * 13 + salt + i * 5);
    return bytes_of(into, n);
}

static inline void append_one(struct log *l, uint32_t salt)
{
    uint8_t body[256];
    lsn at = log_last(l) + 1;
    log_append(l, at, (uint8_t)(at % 200), body_of(at, salt, body), NULL);
}

static inline void append_some(struct log *l, int n, uint32_t salt)
{
    for (int i = 0; i < n; i++)
        append_one(l, salt);
}

/* What was found is records first..last of `salt`. */
static inline bool found_matches(const struct found *f, uint32_t salt)
{
    size_t at = 0;
    uint8_t into[256];
    for (lsn i = f->first; i != 0 && i <= f->last; i++) {
        struct bytes body = body_of(i, salt, into);
        if (f->bodies.len - at < 4 + body.len || get_u32(f->bodies.base + at) != body.len ||
            memcmp(f->bodies.base + at + 4, body.base, body.len) != 0)
            return false;
        at += 4 + body.len;
    }
    return at == f->bodies.len;
}

#endif
