/* The half of the log that blocks: it touches the disk, its own steps, and nothing of the plan. */
#include "store/log_impl.h"

#include "base/check.h"

static int start_segment(struct log *l, const struct step *s)
{
    char name[LOG_FILE_SIZE];
    log_file_name(l, s->segment, "log", name);
    if (!l->next_exists)
        return l->disk.ops->create(l->disk.ctx, name, l->options.segment_bytes);
    char next[LOG_FILE_SIZE];
    log_next_name(l, next);
    l->next_exists = false;
    return l->disk.ops->rename(l->disk.ctx, next, name);
}

static int write_bytes(struct log *l, const struct log_job *job, const struct step *s)
{
    char name[LOG_FILE_SIZE];
    log_file_name(l, s->segment, "log", name);
    l->writing = s->segment;
    if (s->ledger)
        atomic_store(&s->ledger->written, s->offset + s->len);
    return l->disk.ops->write(l->disk.ctx, name, s->offset,
                              bytes_of(job->bytes.base + s->from, s->len));
}

/* The file ends here, and is then as long as it was, with zeros. */
static int cut_segment(struct log *l, const struct step *s)
{
    char name[LOG_FILE_SIZE];
    uint64_t size = 0;
    log_file_name(l, s->segment, "log", name);
    int error = l->disk.ops->size(l->disk.ctx, name, &size);
    if (error == 0)
        error = l->disk.ops->truncate(l->disk.ctx, name, s->offset);
    if (error == 0 && size > s->offset)
        error = l->disk.ops->truncate(l->disk.ctx, name, size);
    if (error == 0 && s->ledger) {
        atomic_store(&s->ledger->synced, s->offset);
        atomic_store(&s->ledger->written, s->offset);
    }
    return error;
}

static int write_snapshot(struct log *l, const struct log_job *job, const struct step *s)
{
    char name[LOG_FILE_SIZE];
    log_new_snapshot_name(l, name);
    int error = l->disk.ops->create(l->disk.ctx, name, s->len);
    if (error != 0)
        return error;
    return l->disk.ops->write(l->disk.ctx, name, 0, bytes_of(job->bytes.base + s->from, s->len));
}

static int remove_segment(struct log *l, lsn first)
{
    char name[LOG_FILE_SIZE];
    log_file_name(l, first, "log", name);
    if (l->writing == first)
        l->writing = LSN_NONE;
    return l->disk.ops->remove(l->disk.ctx, name);
}

int log_job_write(struct log_job *job)
{
    struct log *l = job->log;
    int error = job->error;
    for (size_t i = 0; i < job->n && error == 0; i++) {
        const struct step *s = &job->steps[i];
        if (s->kind == STEP_START)
            error = start_segment(l, s);
        else if (s->kind == STEP_WRITE)
            error = write_bytes(l, job, s);
        else if (s->kind == STEP_DROP)
            error = remove_segment(l, s->segment);
        else if (s->kind == STEP_CUT)
            error = cut_segment(l, s);
        else if (s->kind == STEP_SNAPSHOT)
            error = write_snapshot(l, job, s);
    }
    if (error == 0)
        atomic_store_explicit(&job->wrote, true, memory_order_release);
    return error;
}

static int sync_segment(struct log *l, const struct step *s)
{
    char name[LOG_FILE_SIZE];
    log_file_name(l, s->segment, "log", name);
    int error = l->disk.ops->sync(l->disk.ctx, name);
    if (error == 0 && s->ledger)
        atomic_store(&s->ledger->synced, s->offset + s->len);
    return error;
}

static bool written_again(const struct log_job *job, size_t i)
{
    for (size_t k = i + 1; k < job->n; k++)
        if (job->steps[k].kind == STEP_WRITE && job->steps[k].segment == job->steps[i].segment)
            return true;
    return false;
}

/* Under SYNC_NEVER too a segment is synced when it is full, so that what a power cut can take stays
 * bounded, and the newest one before older ones go, so that the log never forgets where it is. */
static int sync_file(struct log *l, lsn segment)
{
    if (segment == LSN_NONE)
        return 0;
    char name[LOG_FILE_SIZE];
    log_file_name(l, segment, "log", name);
    return l->disk.ops->sync(l->disk.ctx, name);
}

static int sync_writes(struct log *l, const struct log_job *job)
{
    int error = 0;
    for (size_t i = 0; i < job->n && error == 0; i++) {
        const struct step *s = &job->steps[i];
        if (l->options.sync == SYNC_NEVER) {
            if (s->kind == STEP_START)
                error = sync_file(l, s->previous);
            else if (s->kind == STEP_REMOVE)
                error = sync_file(l, l->writing);
        } else if (s->kind == STEP_WRITE && !written_again(job, i)) {
            error = sync_segment(l, s);
        }
    }
    return error;
}

static int publish_snapshot(struct log *l, const struct step *s)
{
    char new[LOG_FILE_SIZE];
    char name[LOG_FILE_SIZE];
    log_new_snapshot_name(l, new);
    log_file_name(l, s->segment, "snap", name);
    int error = l->disk.ops->sync(l->disk.ctx, new);
    if (error == 0)
        error = l->disk.ops->rename(l->disk.ctx, new, name);
    if (error == 0 && l->snapshot != LSN_NONE && l->snapshot != s->segment) {
        log_file_name(l, l->snapshot, "snap", name);
        error = l->disk.ops->remove(l->disk.ctx, name);
    }
    l->snapshot = s->segment;
    return error;
}

static int create_next(struct log *l)
{
    if (l->next_exists)
        return 0;
    char next[LOG_FILE_SIZE];
    log_next_name(l, next);
    int error = l->disk.ops->create(l->disk.ctx, next, l->options.segment_bytes);
    l->next_exists = error == 0;
    return error;
}

int log_job_sync(struct log_job *job)
{
    struct log *l = job->log;
    int error = sync_writes(l, job);
    /* What a snapshot stands for goes only when it is there. */
    for (size_t i = 0; i < job->n && error == 0; i++)
        if (job->steps[i].kind == STEP_SNAPSHOT)
            error = publish_snapshot(l, &job->steps[i]);
    for (size_t i = 0; i < job->n && error == 0; i++) {
        const struct step *s = &job->steps[i];
        if (s->kind == STEP_REMOVE)
            error = remove_segment(l, s->segment);
        else if (s->kind == STEP_NEXT)
            error = create_next(l);
    }
    return error;
}

lsn log_job_upto(const struct log_job *job)
{
    return job->upto;
}

uint64_t log_job_bytes(const struct log_job *job)
{
    return job->bytes.len;
}
