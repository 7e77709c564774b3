#include "store/log_impl.h"

#include "base/check.h"
#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_KEEP = 4 << 20 }; /* A spare job's buffer above this is given back. */

void log_file_name(const struct log *l, lsn first, const char *suffix, char name[LOG_FILE_SIZE])
{
    int n = snprintf(name, LOG_FILE_SIZE, "%s.%016" PRIx64 ".%s", l->name, first, suffix);
    CHECK(n > 0 && n < LOG_FILE_SIZE);
}

void log_next_name(const struct log *l, char name[LOG_FILE_SIZE])
{
    int n = snprintf(name, LOG_FILE_SIZE, "%s.next", l->name);
    CHECK(n > 0 && n < LOG_FILE_SIZE);
}

void log_new_snapshot_name(const struct log *l, char name[LOG_FILE_SIZE])
{
    int n = snprintf(name, LOG_FILE_SIZE, "%s.newsnap", l->name);
    CHECK(n > 0 && n < LOG_FILE_SIZE);
}

static void *grow(void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    items = realloc(items, *cap * size);
    CHECK(items != NULL);
    return items;
}

struct segment *log_add_segment(struct log *l, lsn first)
{
    CHECK(l->n == 0 || l->segments[l->n - 1].first < first);
    l->segments = grow(l->segments, l->n, &l->cap, sizeof *l->segments);
    struct segment *s = &l->segments[l->n++];
    *s = (struct segment){.first = first};
    return s;
}

void log_index(struct segment *s, lsn at, uint64_t offset)
{
    if ((at - s->first) % LOG_INDEX_EVERY != 0)
        return;
    CHECK((at - s->first) / LOG_INDEX_EVERY == s->index_n);
    s->index = grow(s->index, s->index_n, &s->index_cap, sizeof *s->index);
    s->index[s->index_n++] = offset;
}

void log_forget_segments(struct log *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        free(l->segments[i].index);
    if (to == from)
        return;
    memmove(l->segments + from, l->segments + to, (l->n - to) * sizeof *l->segments);
    l->n -= to - from;
}

/* The file's entry in the ledger; NULL when there is no ledger or no room. */
static struct ledger_file *enter(struct log *l, lsn first, uint64_t synced)
{
    if (!l->ledger)
        return NULL;
    char name[LOG_FILE_SIZE];
    log_file_name(l, first, "log", name);
    struct ledger_file *f = ledger_open(l->ledger, name);
    if (f) {
        atomic_store(&f->written, synced);
        atomic_store(&f->synced, synced);
    }
    return f;
}

struct log *log_open(struct disk *disk, const char *name, const struct log_options *options,
                     struct ledger *ledger, void (*each)(void *ctx, const struct log_recovered *r),
                     void *ctx, char *why, size_t why_size)
{
    CHECK(strlen(name) < LOG_NAME_SIZE);
    struct log *l = must_alloc(1, sizeof *l);
    l->disk = *disk;
    memcpy(l->name, name, strlen(name) + 1);
    l->options = *options;
    if (l->options.segment_bytes == 0)
        l->options.segment_bytes = LOG_SEGMENT_BYTES;
    l->ledger = ledger;
    if (log_recover(l, each, ctx, why, why_size) != 0) {
        log_close(l);
        return NULL;
    }
    CHECK(l->n > 0);
    struct segment *s = &l->segments[l->n - 1];
    s->ledger = enter(l, s->first, s->end);
    l->snapshot_planned = l->snapshot;
    return l;
}

void log_job_free(struct log_job *job)
{
    if (!job)
        return;
    buf_free(&job->bytes);
    free(job->steps);
    free(job);
}

void log_close(struct log *l)
{
    CHECK(!l->flight);
    while (l->queue) {
        struct log_job *job = l->queue;
        l->queue = job->next;
        log_job_free(job);
    }
    log_job_free(l->spare);
    for (size_t i = 0; i < l->n; i++)
        if (l->segments[i].ledger)
            ledger_close(l->segments[i].ledger);
    log_forget_segments(l, 0, l->n);
    free(l->segments);
    buf_free(&l->scratch);
    free(l);
}

static struct log_job *add_job(struct log *l)
{
    struct log_job *job = l->spare;
    l->spare = NULL;
    if (!job) {
        job = must_alloc(1, sizeof *job);
        job->log = l;
    }
    job->upto = l->last;
    if (l->queue_end)
        l->queue_end->next = job;
    else
        l->queue = job;
    l->queue_end = job;
    return job;
}

/* The job that takes the next step. */
static struct log_job *plan(struct log *l, bool fresh)
{
    return l->queue_end && !fresh ? l->queue_end : add_job(l);
}

static struct step *add_step(struct log_job *job, enum step_kind kind, lsn segment)
{
    job->steps = grow(job->steps, job->n, &job->cap, sizeof *job->steps);
    struct step *s = &job->steps[job->n++];
    *s = (struct step){.kind = kind, .segment = segment};
    return s;
}

static struct segment *start_segment(struct log *l, struct log_job *job, lsn first)
{
    struct segment *s = log_add_segment(l, first);
    s->ledger = enter(l, first, 0);
    struct step *step = add_step(job, STEP_START, first);
    step->ledger = s->ledger;
    step->previous = l->n > 1 ? l->segments[l->n - 2].first : LSN_NONE;
    l->next_planned = false;
    return s;
}

/* Bytes that lie behind each other in a segment leave by one write. */
static void plan_write(struct log_job *job, struct segment *s, size_t from)
{
    size_t len = job->bytes.len - from;
    struct step *w = job->n > 0 ? &job->steps[job->n - 1] : NULL;
    if (!w || w->kind != STEP_WRITE || w->segment != s->first) {
        w = add_step(job, STEP_WRITE, s->first);
        w->offset = s->end;
        w->from = from;
        w->ledger = s->ledger;
    }
    w->len += len;
    w->visible = w->len;
    s->end += len;
}

void log_append(struct log *l, lsn at, uint8_t type, struct bytes body, struct place *place)
{
    CHECK(at == l->last + 1);
    struct log_job *job = plan(l, false);
    if (l->options.sync == SYNC_EACH && job->records)
        job = plan(l, true);
    struct segment *s = &l->segments[l->n - 1];
    uint64_t size = RECORD_HEADER + body.len;
    if (s->end > 0 && s->end + size > l->options.segment_bytes)
        s = start_segment(l, job, at);
    if (place)
        *place = (struct place){s->first, s->end, (uint32_t)size};
    log_index(s, at, s->end);
    size_t from = job->bytes.len;
    struct record r = {.at = at, .synced = l->synced, .type = type, .body = body};
    record_encode(&job->bytes, &r);
    plan_write(job, s, from);
    l->last = at;
    job->upto = at;
    job->records = true;
    if (s->end > l->options.segment_bytes / 2 && !l->next_planned) {
        l->next_planned = true;
        add_step(job, STEP_NEXT, 0);
    }
}

void log_truncate_before(struct log *l, lsn at)
{
    size_t gone = 0;
    while (gone + 1 < l->n && l->segments[gone + 1].first <= at)
        gone++;
    if (gone == 0)
        return;
    struct log_job *job = plan(l, false);
    for (size_t i = 0; i < gone; i++)
        add_step(job, STEP_REMOVE, l->segments[i].first)->ledger = l->segments[i].ledger;
    log_forget_segments(l, 0, gone);
}

/* What is planned at or behind (segment, offset) will not be found there. */
static void hide(struct log_job *job, lsn segment, uint64_t offset, lsn last)
{
    if (!job)
        return;
    job->upto = job->upto < last ? job->upto : last;
    for (size_t i = 0; i < job->n; i++) {
        struct step *w = &job->steps[i];
        if (w->kind != STEP_WRITE || w->segment < segment)
            continue;
        size_t left =
            w->segment > segment || w->offset >= offset ? 0 : (size_t)(offset - w->offset);
        w->visible = w->visible < left ? w->visible : left;
    }
}

static lsn least(lsn a, lsn b)
{
    return a < b ? a : b;
}

void log_truncate_from(struct log *l, lsn at)
{
    CHECK(at >= log_first(l) && at <= l->last + 1);
    if (at == l->last + 1)
        return;
    struct segment *s = log_segment_of(l, at);
    uint64_t offset = 0;
    /* Should the disk not tell, the job fails, and until then all is planned as if it had. */
    int error = log_offset_of(l, s, at, &offset);
    size_t kept = (size_t)(s - l->segments) + 1;

    hide(l->flight, s->first, offset, at - 1);
    for (struct log_job *job = l->queue; job; job = job->next)
        hide(job, s->first, offset, at - 1);
    l->last = at - 1;
    l->written = least(l->written, l->last);
    l->durable = least(l->durable, l->last);
    l->synced = least(l->synced, l->last);

    /* In a job of its own kind: what it drops has been written and synced by then. */
    struct log_job *job = plan(l, true);
    job->error = error;
    for (size_t i = l->n; i > kept; i--)
        add_step(job, STEP_DROP, l->segments[i - 1].first)->ledger = l->segments[i - 1].ledger;
    struct step *cut = add_step(job, STEP_CUT, s->first);
    cut->offset = offset;
    cut->ledger = s->ledger ? s->ledger : enter(l, s->first, s->end);
    s->ledger = cut->ledger;
    log_forget_segments(l, kept, l->n);
    s->end = offset;
    s->flushed = s->flushed < offset ? s->flushed : offset;
    s->index_n = (size_t)((at - s->first + LOG_INDEX_EVERY - 1) / LOG_INDEX_EVERY);
}

void log_snapshot(struct log *l, lsn at, struct bytes body)
{
    CHECK(at >= l->snapshot_planned);
    l->snapshot_planned = at;
    struct log_job *job = plan(l, false);
    for (size_t i = 0; i < job->n; i++)
        if (job->steps[i].kind == STEP_SNAPSHOT)
            job->steps[i].kind = STEP_NOTHING; /* Superseded before it was begun. */
    struct step *step = add_step(job, STEP_SNAPSHOT, at);
    step->from = job->bytes.len;
    struct record r = {.at = at, .synced = LSN_NONE, .type = 0, .body = body};
    record_encode(&job->bytes, &r);
    step->len = job->bytes.len - step->from;
    if (at <= l->last)
        return;
    /* It stands for records that never were here: the log goes on behind it. */
    size_t old = l->n;
    for (size_t i = 0; i < old; i++)
        add_step(job, STEP_REMOVE, l->segments[i].first)->ledger = l->segments[i].ledger;
    start_segment(l, job, at + 1);
    log_forget_segments(l, 0, old);
    l->last = at;
    job->upto = at;
}

lsn log_first(const struct log *l)
{
    return l->segments[0].first;
}

lsn log_last(const struct log *l)
{
    return l->last;
}

lsn log_written(const struct log *l)
{
    bool wrote = l->flight && atomic_load_explicit(&l->flight->wrote, memory_order_acquire);
    return wrote && l->flight->upto > l->written ? l->flight->upto : l->written;
}

lsn log_durable(const struct log *l)
{
    return l->durable;
}

bool log_planned(const struct log *l)
{
    return l->queue != NULL;
}

struct log_job *log_take(struct log *l)
{
    if (l->flight || !l->queue)
        return NULL;
    struct log_job *job = l->queue;
    l->queue = job->next;
    if (!l->queue)
        l->queue_end = NULL;
    job->next = NULL;
    l->flight = job;
    return job;
}

static struct segment *find_segment(struct log *l, lsn first)
{
    for (size_t i = l->n; i > 0 && l->segments[i - 1].first >= first; i--)
        if (l->segments[i - 1].first == first)
            return &l->segments[i - 1];
    return NULL;
}

/* Unless a new segment of the same name took it over. */
static void leave(struct log *l, struct ledger_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < l->n; i++)
        if (l->segments[i].ledger == f)
            return;
    ledger_close(f);
}

/* What the job did is now the disk's to tell. */
static void settle(struct log *l, const struct log_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        const struct step *step = &job->steps[i];
        if (step->kind == STEP_WRITE && step->visible > 0) {
            struct segment *s = find_segment(l, step->segment);
            if (s && s->flushed < step->offset + step->visible)
                s->flushed = step->offset + step->visible;
        } else if (step->kind == STEP_DROP || step->kind == STEP_REMOVE) {
            leave(l, step->ledger);
        } else if (step->kind == STEP_START && l->options.sync == SYNC_NEVER) {
            /* Whole segments are synced even then. */
            lsn full = least(step->segment - 1, job->upto);
            l->synced = l->synced < full ? full : l->synced;
        }
    }
    /* Segments that are full and synced can lose nothing any more. */
    for (size_t i = l->n - 1; i > 0 && l->segments[i - 1].ledger; i--) {
        struct segment *s = &l->segments[i - 1];
        if (s->flushed < s->end)
            continue;
        ledger_close(s->ledger);
        s->ledger = NULL;
    }
}

void log_done(struct log *l, struct log_job *job)
{
    CHECK(job == l->flight);
    l->flight = NULL;
    l->written = l->written < job->upto ? job->upto : l->written;
    l->durable = l->durable < job->upto ? job->upto : l->durable;
    if (l->options.sync != SYNC_NEVER && l->synced < job->upto)
        l->synced = job->upto;
    settle(l, job);
    if (l->spare || job->bytes.cap > JOB_KEEP) {
        log_job_free(job);
        return;
    }
    buf_clear(&job->bytes);
    job->n = 0;
    job->records = false;
    job->error = 0;
    atomic_store(&job->wrote, false);
    l->spare = job;
}
