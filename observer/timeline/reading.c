#include "timeline/reading.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "base/must.h"
#include "base/wire.h"
#include "recording.pb-c.h"
#include "timeline/inside_reading.h"

struct reading *reading_new(int fd, bool own_fd)
{
    struct reading *r = must_alloc(1, sizeof *r);
    r->fd = fd;
    r->own_fd = own_fd;
    r->end = ORR_FILE_HEADER;
    CHECK(pthread_mutex_init(&r->mutex, NULL) == 0);
    r->zstd = ZSTD_createDCtx();
    CHECK(r->zstd);
    return r;
}

struct reading *reading_live(int fd)
{
    return reading_new(fd, false);
}

void reading_free(struct reading *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < READING_CACHE; i++) {
        buf_free(&r->cache[i].data);
        free(r->cache[i].offsets);
    }
    buf_free(&r->stored);
    buf_free(&r->single);
    free(r->events.all);
    free(r->others.all);
    free(r->trouble);
    ZSTD_freeDCtx(r->zstd);
    (void)pthread_mutex_destroy(&r->mutex);
    if (r->own_fd)
        (void)close(r->fd);
    free(r);
}

static void chunks_add(struct chunks *c, const struct orr_chunk *chunk)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->all = realloc(c->all, c->cap * sizeof *c->all);
        CHECK(c->all);
    }
    c->all[c->n++] = *chunk;
}

void reading_add(struct reading *r, const struct orr_chunk *chunk)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    chunks_add(chunk->type == ORR_EVENTS ? &r->events : &r->others, chunk);
    r->end = chunk->at + ORR_CHUNK_HEADER + chunk->stored;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
}

uint64_t reading_bytes(struct reading *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    uint64_t end = r->end;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return end;
}

uint64_t reading_newest(struct reading *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    const struct orr_chunk *last = r->events.n ? &r->events.all[r->events.n - 1] : NULL;
    uint64_t newest = last ? last->first + last->count - 1 : 0;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return newest;
}

uint64_t reading_oldest(struct reading *r)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    uint64_t oldest = r->events.n ? r->events.all[0].first : 1;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return oldest;
}

uint64_t reading_holes(struct reading *r)
{
    return r->holes;
}

bool reading_whole(struct reading *r)
{
    return r->whole;
}

const char *reading_trouble(struct reading *r)
{
    return r->trouble;
}

/* --- chunks --- */

static int read_at(int fd, uint64_t at, uint8_t *into, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(fd, into, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? ERROR_DISK_IO : ERROR_TRUNCATED;
        into += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int reading_read(struct reading *r, uint64_t at, uint8_t *into, size_t n)
{
    return read_at(r->fd, at, into, n);
}

int reading_load(struct reading *r, const struct orr_chunk *chunk, struct buf *into)
{
    uint8_t header[ORR_CHUNK_HEADER];
    struct orr_chunk c;
    int status = read_at(r->fd, chunk->at, header, sizeof header);
    if (status < 0 || (status = orr_chunk_read(header, &c)) < 0)
        return status;
    if (c.type != chunk->type || c.stored != chunk->stored || c.size != chunk->size ||
        c.first != chunk->first || c.count != chunk->count)
        return ERROR_MALFORMED;
    struct buf *stored = c.codec == ORR_RAW ? into : &r->stored;
    buf_clear(stored);
    uint8_t *at = buf_extend(stored, c.stored);
    status = read_at(r->fd, chunk->at + ORR_CHUNK_HEADER, at, c.stored);
    if (status < 0)
        return status;
    if (crc32c(0, at, c.stored) != c.crc)
        return ERROR_DAMAGED;
    if (c.codec == ORR_RAW)
        return c.size == c.stored ? 0 : ERROR_MALFORMED;
    if (c.codec != ORR_ZSTD)
        return ERROR_UNSUPPORTED;
    buf_clear(into);
    size_t n = ZSTD_decompressDCtx(r->zstd, buf_extend(into, c.size), c.size, at, c.stored);
    return n == c.size ? 0 : ERROR_MALFORMED;
}

bool reading_chunk(struct reading *r, size_t i, struct orr_chunk *chunk)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    bool there = i < r->others.n;
    if (there)
        *chunk = r->others.all[i];
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return there;
}

/* --- entries --- */

int entry_read(struct bytes packed, struct entry *e)
{
    *e = (struct entry){0};
    const uint8_t *at = packed.base, *end = wire_end(packed);
    while (at < end) {
        struct wire_field f;
        at = wire_next(at, end, &f);
        if (!at)
            return ERROR_MALFORMED;
        if (f.number == 4 && f.type == WIRE_BYTES)
            e->event = f.bytes;
        if (f.type != WIRE_VARINT)
            continue;
        if (f.number == 1)
            e->ordinal = f.value;
        else if (f.number == 2)
            e->node = (uint32_t)f.value;
        else if (f.number == 3)
            e->boot = (uint32_t)f.value;
        else if (f.number == 5)
            e->cause = f.value;
        else if (f.number == 6)
            e->previous = f.value;
    }
    return e->event.len ? event_head_read(e->event, &e->head) : ERROR_MALFORMED;
}

/* Index of the last events chunk with first <= ordinal (or mono <= time); -1: none. */
static ptrdiff_t chunk_before(const struct chunks *c, uint64_t value, bool by_time)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t at = by_time ? c->all[middle].mono_ns : c->all[middle].first;
        if (at <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return (ptrdiff_t)low - 1;
}

static bool chunk_of(struct reading *r, uint64_t ordinal, struct orr_chunk *chunk)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    ptrdiff_t i = chunk_before(&r->events, ordinal, false);
    bool there = i >= 0 && ordinal - r->events.all[i].first < r->events.all[i].count;
    if (there)
        *chunk = r->events.all[i];
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return there;
}

uint64_t reading_at(struct reading *r, uint64_t mono_ns)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    ptrdiff_t i = chunk_before(&r->events, mono_ns, true);
    uint64_t first = r->events.n ? r->events.all[i < 0 ? 0 : i].first : 1;
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    return first;
}

/* Where each entry of a decompressed chunk begins. */
static bool find_offsets(struct cached *c)
{
    const uint8_t *base = c->data.base, *at = base, *end = wire_end(buf_bytes(&c->data));
    c->offsets = realloc(c->offsets, (c->chunk.count + (size_t)1) * sizeof *c->offsets);
    CHECK(c->offsets);
    for (uint32_t i = 0; i < c->chunk.count; i++) {
        uint64_t len;
        c->offsets[i] = (uint32_t)(at - base);
        at = wire_varint(at, end, &len);
        if (!at || len > (uint64_t)(end - at))
            return false;
        at += len;
    }
    c->offsets[c->chunk.count] = (uint32_t)(at - base);
    return at == end;
}

static struct cached *cached_chunk(struct reading *r, const struct orr_chunk *chunk)
{
    struct cached *oldest = &r->cache[0];
    for (size_t i = 0; i < READING_CACHE; i++) {
        struct cached *c = &r->cache[i];
        if ((c->filled || c->broken) && c->chunk.at == chunk->at) {
            c->used = ++r->uses;
            return c->filled ? c : NULL;
        }
        if (c->used < oldest->used)
            oldest = c;
    }
    oldest->chunk = *chunk;
    oldest->used = ++r->uses;
    oldest->filled = chunk->count <= chunk->size && reading_load(r, chunk, &oldest->data) == 0 &&
                     find_offsets(oldest);
    oldest->broken = !oldest->filled;
    return oldest->filled ? oldest : NULL;
}

bool reading_entry(struct reading *r, uint64_t ordinal, struct entry *e)
{
    struct cached *c = r->last;
    if (!c || !c->filled || ordinal < c->chunk.first ||
        ordinal - c->chunk.first >= c->chunk.count) {
        struct orr_chunk chunk;
        c = chunk_of(r, ordinal, &chunk) ? cached_chunk(r, &chunk) : NULL;
        if (!c)
            return false;
        r->last = c;
    }
    size_t i = (size_t)(ordinal - c->chunk.first);
    const uint8_t *at = c->data.base + c->offsets[i], *end = c->data.base + c->offsets[i + 1];
    uint64_t len;
    at = wire_varint(at, end, &len);
    if (!at || entry_read(bytes_of(at, (size_t)len), e) < 0)
        return false;
    e->ordinal = ordinal;
    /* Causes come before: what says otherwise would send readers in circles. */
    if (e->cause >= ordinal)
        e->cause = 0;
    if (e->previous >= ordinal)
        e->previous = 0;
    return true;
}

int reading_blob(struct reading *r, uint64_t id, struct buf *type, struct buf *body)
{
    struct orr_chunk chunk;
    for (size_t i = 0; reading_chunk(r, i, &chunk); i++) {
        if (chunk.type != ORR_BLOB || chunk.first != id)
            continue;
        int status = reading_load(r, &chunk, &r->single);
        if (status < 0)
            return status;
        Orrery__Blob *blob = orrery__blob__unpack(NULL, r->single.len, r->single.base);
        if (!blob)
            return ERROR_MALFORMED;
        buf_clear(type);
        buf_append(type, bytes_str(blob->type));
        buf_clear(body);
        buf_append(body, bytes_of(blob->body.data, blob->body.len));
        orrery__blob__free_unpacked(blob, NULL);
        return 0;
    }
    return ERROR_NOT_FOUND;
}
