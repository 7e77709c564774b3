#include "runtime/logs.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "runtime/alarm.h"

#include <stdio.h>
#include <stdlib.h>

struct logs_log {
    struct loop_job job;
    struct logs *logs;
    struct log *log;
    uint32_t instance;
    uint32_t number;
    char name[32];
    bool queued;            /* Its job is submitted and not done. */
    uint32_t records;       /* Appended since the last job began. */
    struct log_job *flight; /* What the job has to do, once it has begun. */
    bool tells_written;     /* Asked when it begins, so that it need not wait for the lock. */
    int error;
    const char *verb; /* What failed: "written" or "synced". */
    nsec took;
};

struct logs_read {
    struct logs_log *log;
    lsn at;
    uint32_t count;
    uint64_t tag;
};

void logs_init(struct logs *l, struct loop *loop, const struct logs_io *io, void *ctx)
{
    *l = (struct logs){.loop = loop, .io = io, .ctx = ctx};
    l->all = must_alloc(INSTANCES_MAX * LOGS_MAX, sizeof *l->all);
}

void logs_close(struct logs *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        CHECK(!l->all[i].queued);
        log_close(l->all[i].log);
    }
    free(l->all);
    free(l->reads);
}

static struct logs_log *find(struct logs *l, uint32_t instance, uint32_t number)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->all[i].instance == instance && l->all[i].number == number)
            return &l->all[i];
    check_failed(__FILE__, __LINE__, "the log is open");
}

/* As late as can be: a group is all that came before a thread was free. */
static void job_begin(struct loop_job *job)
{
    struct logs_log *one = (struct logs_log *)job;
    struct logs *l = one->logs;
    one->flight = log_take(one->log);
    CHECK(one->flight); /* Planned when it was submitted, and only this job takes it. */
    one->tells_written = log_job_upto(one->flight) != LSN_NONE && l->io->wants_written(l->ctx);
    job->brief = one->records <= 1;
    one->records = 0;
}

static void job_work(struct loop_job *job)
{
    struct logs_log *one = (struct logs_log *)job;
    struct logs *l = one->logs;
    one->verb = "written";
    one->error = log_job_write(one->flight);
    if (one->error)
        return;
    if (one->tells_written) {
        loop_enter(l->loop);
        l->io->written(l->ctx, one->instance, one->number, log_job_upto(one->flight));
        loop_leave(l->loop);
    }
    one->verb = "synced";
    uint64_t begun = mono_now();
    one->error = log_job_sync(one->flight);
    one->took = mono_now() - begun;
}

static void job_done(struct loop_job *job)
{
    struct logs_log *one = (struct logs_log *)job;
    struct logs *l = one->logs;
    if (one->error) {
        char why[160];
        snprintf(why, sizeof why, "the log \"%s\" could not be %s: %s", one->name, one->verb,
                 error_text(one->error));
        l->io->failed(l->ctx, why);
    }
    lsn before = log_durable(one->log);
    log_done(one->log, one->flight);
    one->flight = NULL;
    one->queued = false;
    lsn durable = log_durable(one->log);
    if (durable > before)
        l->io->durable(l->ctx, one->instance, one->number, durable, one->took);
}

static void start(struct logs_log *one)
{
    if (one->queued || !log_planned(one->log))
        return;
    one->queued = true;
    one->job.begin = job_begin;
    one->job.work = job_work;
    one->job.done = job_done;
    loop_submit(one->logs->loop, &one->job);
}

bool logs_open(struct logs *l, struct disk *disk, uint32_t instance, uint32_t log, const char *name,
               const struct log_options *options, struct ledger *ledger,
               void (*each)(void *ctx, const struct log_recovered *r), void *ctx, char *why,
               size_t why_size)
{
    CHECK(l->n < INSTANCES_MAX * LOGS_MAX);
    struct logs_log *one = &l->all[l->n];
    *one = (struct logs_log){.logs = l, .instance = instance, .number = log};
    snprintf(one->name, sizeof one->name, "%s", name);
    one->log = log_open(disk, name, options, ledger, each, ctx, why, why_size);
    if (!one->log)
        return false;
    l->n++;
    return true;
}

void logs_append(struct logs *l, uint32_t instance, uint32_t log, lsn at, uint8_t type,
                 struct bytes body, struct place *place)
{
    struct logs_log *one = find(l, instance, log);
    log_append(one->log, at, type, body, place);
    one->records++;
}

void logs_truncate(struct logs *l, uint32_t instance, uint32_t log, lsn at, bool suffix)
{
    struct logs_log *one = find(l, instance, log);
    if (suffix)
        log_truncate_from(one->log, at);
    else
        log_truncate_before(one->log, at);
}

void logs_snapshot(struct logs *l, uint32_t instance, uint32_t log, lsn at, struct bytes body)
{
    struct logs_log *one = find(l, instance, log);
    log_snapshot(one->log, at, body);
}

void logs_read(struct logs *l, uint32_t instance, uint32_t log, lsn at, uint32_t count,
               uint64_t tag)
{
    if (l->n_reads == l->reads_cap) {
        l->reads_cap = l->reads_cap ? l->reads_cap * 2 : 8;
        l->reads = realloc(l->reads, l->reads_cap * sizeof *l->reads);
        CHECK(l->reads);
    }
    l->reads[l->n_reads++] = (struct logs_read){find(l, instance, log), at, count, tag};
}

void logs_fetch(struct logs *l, uint32_t instance, const struct slice *slice, struct buf *into)
{
    struct logs_log *one = find(l, instance, slice->log);
    int error = log_read(one->log, slice->at, slice->offset, slice->len, into);
    if (!error)
        return;
    char why[160];
    snprintf(why, sizeof why, "the log \"%s\" could not be read: %s", one->name, error_text(error));
    l->io->failed(l->ctx, why);
}

static void answer_reads(struct logs *l)
{
    struct buf records = {0};
    for (uint32_t i = 0; i < l->n_reads; i++) { /* Answers may ask for more. */
        struct logs_read r = l->reads[i];
        buf_clear(&records);
        int error = log_read_records(r.log->log, r.at, r.count, &records);
        if (error && error != ERROR_NOT_FOUND) {
            char why[160];
            snprintf(why, sizeof why, "the log \"%s\" could not be read: %s", r.log->name,
                     error_text(error));
            l->io->failed(l->ctx, why);
        }
        l->io->data(l->ctx, r.log->instance, r.log->number, r.tag, buf_bytes(&records));
    }
    l->n_reads = 0;
    buf_free(&records);
}

void logs_flush(struct logs *l)
{
    if (l->n_reads)
        answer_reads(l);
    for (uint32_t i = 0; i < l->n; i++)
        start(&l->all[i]);
}

bool logs_waiting(const struct logs *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (!l->all[i].queued && log_planned(l->all[i].log))
            return true;
    return l->n_reads > 0;
}

bool logs_busy(const struct logs *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->all[i].queued || log_planned(l->all[i].log))
            return true;
    return false;
}
