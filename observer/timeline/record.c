#include "timeline/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/must.h"
#include "base/wire.h"
#include "recording.pb-c.h"
#include "timeline/inside.h"

enum {
    CHUNK_BYTES = 256 << 10,
    CHUNK_NS = 50000000,
    COMPRESSION_LEVEL = 1,
    BLOB_MAX = ORR_CHUNK_MAX - (1 << 20),
    INDEX_ROOM = 1 << 20, /* Kept free below the cap for pyramid and index, at least. */
    PYRAMID_FROM = 6,     /* Finer levels are counted again from the events. */
};

static const size_t waiting_max = (size_t)256 << 20;

struct job {
    struct job *next;
    struct buf raw;
    struct orr_chunk chunk; /* type, first, count, mono_ns */
};

struct recorder {
    int fd;
    char path[256];
    uint64_t bytes_max;
    bool may_wait;
    struct reading *reading;

    struct job *open; /* Entries being gathered; the caller's alone. */
    uint64_t open_since_ns;
    uint64_t next; /* Ordinal expected next; 0 before the first. */
    struct buf scratch;

    pthread_t thread;
    pthread_mutex_t mutex; /* Of all below. */
    pthread_cond_t work;   /* There is a job, or the end. */
    pthread_cond_t room;   /* A job was done. */
    struct job *first, **last;
    struct job *spare; /* Done ones, for their memory. */
    size_t waiting;    /* Raw bytes of the jobs not done. */
    bool ending;
    bool stopped;
    char trouble[TIMELINE_WHY_MAX];

    uint64_t end; /* The thread's alone: where the next chunk goes. */
    ZSTD_CCtx *zstd;
    struct buf stored;
};

static void lock(struct recorder *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
}

static void unlock(struct recorder *r)
{
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* The first reason counts. Called locked. */
static void stop(struct recorder *r, const char *reason)
{
    if (!r->stopped)
        (void)snprintf(r->trouble, sizeof r->trouble,
                       "recording stopped after e%llu: %s; what was recorded until then is in %s",
                       (unsigned long long)reading_newest(r->reading), reason, r->path);
    r->stopped = true;
}

/* --- the thread: compresses and writes --- */

static int write_all(int fd, uint64_t at, struct iovec *parts, int n)
{
    while (n > 0) {
        ssize_t done = pwritev(fd, parts, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        at += (uint64_t)done;
        while (n > 0 && (size_t)done >= parts->iov_len) {
            done -= (ssize_t)parts->iov_len;
            parts++;
            n--;
        }
        if (n > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + done;
            parts->iov_len -= (size_t)done;
        }
    }
    return 0;
}

static struct bytes compress(struct recorder *r, struct job *job)
{
    size_t bound = ZSTD_compressBound(job->raw.len);
    buf_clear(&r->stored);
    size_t n = ZSTD_compressCCtx(r->zstd, buf_extend(&r->stored, bound), bound, job->raw.base,
                                 job->raw.len, COMPRESSION_LEVEL);
    bool smaller = !ZSTD_isError(n) && n < job->raw.len;
    job->chunk.codec = smaller ? ORR_ZSTD : ORR_RAW;
    return smaller ? bytes_of(r->stored.base, n) : buf_bytes(&job->raw);
}

enum { AT_CAP = 1 };

/* 0, AT_CAP, or a negative errno. */
static int put_chunk(struct recorder *r, struct job *job, uint64_t room)
{
    struct bytes stored = compress(r, job);
    if (r->end + ORR_CHUNK_HEADER + stored.len + room > r->bytes_max)
        return AT_CAP;
    job->chunk.at = r->end;
    job->chunk.size = (uint32_t)job->raw.len;
    job->chunk.stored = (uint32_t)stored.len;
    job->chunk.crc = crc32c(0, stored.base, stored.len);
    uint8_t header[ORR_CHUNK_HEADER];
    orr_chunk_header(&job->chunk, header);
    struct iovec parts[] = {
        {header, sizeof header},
        {(void *)(uintptr_t)stored.base, stored.len},
    };
    int status = write_all(r->fd, r->end, parts, 2);
    if (status < 0) {
        (void)!ftruncate(r->fd, (off_t)r->end); /* No half chunk stays, if that can be helped. */
        return status;
    }
    r->end += ORR_CHUNK_HEADER + stored.len;
    reading_add(r->reading, &job->chunk);
    return 0;
}

static void do_job(struct recorder *r, struct job *job)
{
    uint64_t room = r->bytes_max / 8 < INDEX_ROOM ? r->bytes_max / 8 : INDEX_ROOM;
    if (job->chunk.type == ORR_PYRAMID)
        room /= 4;
    lock(r);
    bool stopped = r->stopped && job->chunk.type != ORR_PYRAMID;
    unlock(r);
    int status = stopped ? 0 : put_chunk(r, job, room);
    lock(r);
    if (status == AT_CAP && job->chunk.type != ORR_PYRAMID)
        stop(r, "it has reached its size limit");
    else if (status < 0)
        stop(r, strerror(-status));
    r->waiting -= job->raw.len;
    buf_clear(&job->raw);
    job->next = r->spare;
    r->spare = job;
    CHECK(pthread_cond_broadcast(&r->room) == 0);
    unlock(r);
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    for (;;) {
        lock(r);
        while (!r->first && !r->ending)
            CHECK(pthread_cond_wait(&r->work, &r->mutex) == 0);
        struct job *job = r->first;
        if (job) {
            r->first = job->next;
            if (!r->first)
                r->last = &r->first;
        }
        unlock(r);
        if (!job)
            return NULL;
        do_job(r, job);
    }
}

/* --- the caller's side --- */

static struct job *job_new(struct recorder *r, enum orr_type type)
{
    lock(r);
    struct job *job = r->spare;
    if (job)
        r->spare = job->next;
    unlock(r);
    if (!job) {
        job = must_alloc(1, sizeof *job);
    }
    job->next = NULL;
    job->chunk = (struct orr_chunk){.type = (uint8_t)type};
    return job;
}

static void hand_over(struct recorder *r, struct job *job)
{
    lock(r);
    while (r->may_wait && !r->stopped && r->waiting > waiting_max)
        CHECK(pthread_cond_wait(&r->room, &r->mutex) == 0);
    if (r->waiting > waiting_max)
        stop(r, "the disk could not keep up");
    r->waiting += job->raw.len;
    *r->last = job;
    r->last = &job->next;
    CHECK(pthread_cond_signal(&r->work) == 0);
    unlock(r);
}

void recorder_flush(struct recorder *r)
{
    if (!r->open)
        return;
    struct job *job = r->open;
    r->open = NULL;
    hand_over(r, job);
}

void recorder_tick(struct recorder *r)
{
    if (r->open && now_ns() - r->open_since_ns >= CHUNK_NS)
        recorder_flush(r);
}

void recorder_settle(struct recorder *r)
{
    recorder_flush(r);
    lock(r);
    while (r->waiting > 0)
        CHECK(pthread_cond_wait(&r->room, &r->mutex) == 0);
    unlock(r);
}

static void put_single(struct recorder *r, enum orr_type type, uint64_t first, struct bytes body)
{
    struct job *job = job_new(r, type);
    job->chunk.first = first;
    buf_append(&job->raw, body);
    hand_over(r, job);
}

void recorder_schemas(struct recorder *r, struct bytes set)
{
    put_single(r, ORR_SCHEMAS, 0, set);
}

void recorder_blob(struct recorder *r, uint64_t id, const char *type, struct bytes body)
{
    CHECK(body.len <= BLOB_MAX);
    Orrery__Blob blob = ORRERY__BLOB__INIT;
    blob.id = id;
    blob.type = (char *)(uintptr_t)type;
    blob.body.data = (uint8_t *)(uintptr_t)body.base;
    blob.body.len = body.len;
    buf_clear(&r->scratch);
    orrery__blob__pack(&blob, buf_extend(&r->scratch, orrery__blob__get_packed_size(&blob)));
    put_single(r, ORR_BLOB, id, buf_bytes(&r->scratch));
}

/* An Entry without its ordinal, which the chunk knows. */
static void put_entry(struct buf *raw, const struct entry *e, struct bytes event)
{
    uint8_t head[8 * WIRE_VARINT_MAX], *at = head;
    at = wire_put_number(at, 2, e->node);
    at = wire_put_number(at, 3, e->boot);
    if (e->cause)
        at = wire_put_number(at, 5, e->cause);
    if (e->previous)
        at = wire_put_number(at, 6, e->previous);
    at = wire_put_varint(at, 4 << 3 | WIRE_BYTES);
    at = wire_put_varint(at, event.len);
    size_t n = (size_t)(at - head);
    uint8_t len[WIRE_VARINT_MAX];
    size_t n_len = (size_t)(wire_put_varint(len, n + event.len) - len);
    uint8_t *into = buf_extend(raw, n_len + n + event.len);
    memcpy(into, len, n_len);
    memcpy(into + n_len, head, n);
    memcpy(into + n_len + n, event.base, event.len);
}

/* Starts are kept apart as well, so that opening a recording needs no events. */
static void put_start(struct recorder *r, const struct entry *e)
{
    struct buf start = {0}, event = {0};
    wire_without(e->head.payload, 8, &start);
    wire_without(e->event, ORRERY__EVENT__BODY_START, &event);
    wire_put_bytes(&event, ORRERY__EVENT__BODY_START, buf_bytes(&start));
    struct job *job = job_new(r, ORR_START);
    job->chunk.first = e->ordinal;
    put_entry(&job->raw, e, buf_bytes(&event));
    hand_over(r, job);
    buf_free(&start);
    buf_free(&event);
}

void recorder_entry(struct recorder *r, const struct entry *e)
{
    CHECK(r->next == 0 || e->ordinal == r->next);
    r->next = e->ordinal + 1;
    if (e->head.body == ORRERY__EVENT__BODY_START)
        put_start(r, e);
    if (!r->open) {
        r->open = job_new(r, ORR_EVENTS);
        r->open->chunk.first = e->ordinal;
        r->open->chunk.mono_ns = e->head.mono_ns;
        r->open_since_ns = now_ns();
    }
    put_entry(&r->open->raw, e, e->event);
    r->open->chunk.count++;
    if (r->open->raw.len >= CHUNK_BYTES)
        recorder_flush(r);
}

struct reading *recorder_reading(struct recorder *r)
{
    return r->reading;
}

const char *recorder_trouble(struct recorder *r)
{
    lock(r);
    bool stopped = r->stopped;
    unlock(r);
    return stopped ? r->trouble : NULL; /* Written once, before it was seen. */
}

/* --- beginning and end --- */

static int refuse(int fd, char *why, size_t why_size, const char *path, const char *what)
{
    (void)snprintf(why, why_size, "cannot record into %s: %s", path, what);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* An empty file for us alone: a new one, or a recording that is written over. */
static int open_file(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(fd, why, why_size, path, strerror(errno));
    struct stat stat;
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        return refuse(fd, why, why_size, path, "it is not a file");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(fd, why, why_size, path, "another run is recording into it");
    uint8_t header[ORR_FILE_HEADER];
    uint32_t version;
    ssize_t n = pread(fd, header, sizeof header, 0);
    bool ours = n == (ssize_t)sizeof header && orr_file_check(header, &version) != ERROR_MALFORMED;
    if (stat.st_size > 0 && !ours)
        return refuse(fd, why, why_size, path,
                      "it exists and is no recording; choose another name");
    if (ftruncate(fd, 0) < 0)
        return refuse(fd, why, why_size, path, strerror(errno));
    return fd;
}

static int put_beginning(struct recorder *r, const Orrery__RunInfo *info)
{
    uint8_t header[ORR_FILE_HEADER];
    orr_file_header(header);
    struct iovec part = {header, sizeof header};
    int status = write_all(r->fd, 0, &part, 1);
    if (status < 0)
        return status;
    r->end = ORR_FILE_HEADER;
    struct job *job = job_new(r, ORR_RUN);
    orrery__run_info__pack(info, buf_extend(&job->raw, orrery__run_info__get_packed_size(info)));
    status = put_chunk(r, job, 0);
    buf_clear(&job->raw);
    r->spare = job;
    return status;
}

static void start_thread(struct recorder *r)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0); /* Signals are for the main thread. */
    CHECK(pthread_create(&r->thread, NULL, run, r) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static void recorder_free(struct recorder *r)
{
    for (struct job *job = r->spare, *next; job; job = next) {
        next = job->next;
        buf_free(&job->raw);
        free(job);
    }
    reading_free(r->reading);
    buf_free(&r->scratch);
    buf_free(&r->stored);
    ZSTD_freeCCtx(r->zstd);
    (void)pthread_mutex_destroy(&r->mutex);
    (void)pthread_cond_destroy(&r->work);
    (void)pthread_cond_destroy(&r->room);
    (void)close(r->fd);
    free(r);
}

struct recorder *recorder_new(const struct recorder_options *options, char *why, size_t why_size)
{
    int fd = open_file(options->path, why, why_size);
    if (fd < 0)
        return NULL;
    struct recorder *r = must_alloc(1, sizeof *r);
    r->fd = fd;
    (void)snprintf(r->path, sizeof r->path, "%s", options->path);
    r->bytes_max = options->bytes_max;
    r->may_wait = options->may_wait;
    r->reading = reading_live(fd);
    r->last = &r->first;
    r->zstd = ZSTD_createCCtx();
    CHECK(r->zstd);
    CHECK(pthread_mutex_init(&r->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&r->work, NULL) == 0 && pthread_cond_init(&r->room, NULL) == 0);
    int status = put_beginning(r, options->info);
    if (status != 0) {
        (void)snprintf(why, why_size, "cannot record into %s: %s", options->path,
                       status == AT_CAP ? "the size limit is too small" : strerror(-status));
        recorder_free(r);
        return NULL;
    }
    start_thread(r);
    return r;
}

static void put_pyramid(struct recorder *r, const struct pyramid *p)
{
    for (uint32_t level = PYRAMID_FROM; level < PYRAMID_LEVELS; level++) {
        uint64_t *tiles;
        size_t n = pyramid_tiles(p, level, &tiles);
        for (size_t i = 0; i < n; i++) {
            struct job *job = job_new(r, ORR_PYRAMID);
            job->chunk.first = level;
            (void)pyramid_pack(p, level, tiles[i], &job->raw);
            hand_over(r, job); /* An empty one does no harm. */
        }
        free(tiles);
    }
}

static void put_landmarks(struct recorder *r, const struct landmarks *landmarks)
{
    struct job *job = job_new(r, ORR_LANDMARKS);
    landmarks_pack(landmarks, &job->raw);
    hand_over(r, job);
}

/* After the thread has ended. A file without an index is still readable. */
static void put_index(struct recorder *r, uint64_t holes)
{
    struct job job = {.chunk = {.type = ORR_INDEX}};
    reading_index(r->reading, holes, r->stopped ? r->trouble : NULL, &job.raw);
    uint64_t at = r->end;
    if (put_chunk(r, &job, 0) == 0) {
        uint8_t trailer[ORR_TRAILER];
        orr_trailer(at, trailer);
        struct iovec part = {trailer, sizeof trailer};
        (void)write_all(r->fd, r->end, &part, 1);
    }
    buf_free(&job.raw);
}

void recorder_end(struct recorder *r, const struct pyramid *pyramid,
                  const struct landmarks *landmarks, uint64_t holes)
{
    recorder_flush(r);
    put_pyramid(r, pyramid);
    put_landmarks(r, landmarks);
    lock(r);
    r->ending = true;
    CHECK(pthread_cond_signal(&r->work) == 0);
    unlock(r);
    CHECK(pthread_join(r->thread, NULL) == 0);
    put_index(r, holes);
    recorder_free(r);
}
