/* Opening a recording: by its index, or, where the writer never came to write one, by walking the
 * chunks from the start. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/errors.h"
#include "base/wire.h"
#include "recording.pb-c.h"
#include "timeline/inside.h"
#include "timeline/inside_reading.h"

/* Events must count on without a gap, and everything lie within the file. */
static bool fits(const struct reading *r, const struct orr_chunk *c, uint64_t file_size)
{
    if (c->at < ORR_FILE_HEADER || c->at > file_size ||
        file_size - c->at < (uint64_t)ORR_CHUNK_HEADER + c->stored)
        return false;
    if (c->type != ORR_EVENTS)
        return true;
    const struct orr_chunk *last = r->events.n ? &r->events.all[r->events.n - 1] : NULL;
    return c->count > 0 && c->first > 0 && c->first <= UINT64_MAX / 2 &&
           (!last || c->first == last->first + last->count);
}

/* Unpacking costs more memory than the bytes: not more chunks than the file has room for. */
static bool index_sane(struct bytes packed, uint64_t file_size)
{
    const uint8_t *at = packed.base, *end = wire_end(packed);
    uint64_t n = 0;
    while (at < end) {
        struct wire_field f;
        at = wire_next(at, end, &f);
        if (!at)
            return false;
        n += f.number == 1;
    }
    return n <= file_size / ORR_CHUNK_HEADER;
}

static bool take_index(struct reading *r, const Orrery__Index *index, uint64_t index_at)
{
    for (size_t i = 0; i < index->n_chunks; i++) {
        const Orrery__Chunk *from = index->chunks[i];
        struct orr_chunk c = {
            .at = from->at,
            .type = (uint8_t)from->type,
            .stored = from->stored,
            .size = from->size,
            .first = from->first,
            .count = from->count,
            .mono_ns = from->mono_ns,
        };
        if (from->type > UINT8_MAX || c.stored > ORR_CHUNK_MAX || c.size > ORR_CHUNK_MAX ||
            !fits(r, &c, index_at))
            return false;
        reading_add(r, &c);
    }
    r->holes = index->holes;
    r->trouble = index->trouble && *index->trouble ? strdup(index->trouble) : NULL;
    return true;
}

static bool open_by_index(struct reading *r, uint64_t file_size)
{
    uint8_t trailer[ORR_TRAILER], header[ORR_CHUNK_HEADER];
    uint64_t at;
    struct orr_chunk c;
    if (file_size < ORR_FILE_HEADER + ORR_TRAILER ||
        reading_read(r, file_size - ORR_TRAILER, trailer, sizeof trailer) < 0 ||
        orr_trailer_read(trailer, &at) < 0 || at > file_size ||
        reading_read(r, at, header, sizeof header) < 0 || orr_chunk_read(header, &c) < 0)
        return false;
    c.at = at;
    if (c.type != ORR_INDEX || !fits(r, &c, file_size) || reading_load(r, &c, &r->single) < 0 ||
        !index_sane(buf_bytes(&r->single), file_size))
        return false;
    Orrery__Index *index = orrery__index__unpack(NULL, r->single.len, r->single.base);
    bool ok = index && take_index(r, index, at);
    if (index)
        orrery__index__free_unpacked(index, NULL);
    r->whole = ok;
    return ok;
}

/* Bytes that are left over behind the last whole chunk. */
static uint64_t walk(struct reading *r, uint64_t file_size)
{
    r->events.n = r->others.n = 0;
    uint64_t at = ORR_FILE_HEADER;
    uint8_t header[ORR_CHUNK_HEADER];
    struct orr_chunk c;
    while (file_size - at >= ORR_CHUNK_HEADER && reading_read(r, at, header, sizeof header) == 0 &&
           orr_chunk_read(header, &c) == 0) {
        c.at = at;
        if (!fits(r, &c, file_size))
            break;
        at += ORR_CHUNK_HEADER + c.stored;
        if (c.type != ORR_INDEX)
            reading_add(r, &c);
    }
    while (r->events.n > 0) { /* A power cut may have left room without bytes. */
        const struct orr_chunk *last = &r->events.all[r->events.n - 1];
        if (reading_load(r, last, &r->single) == 0)
            break;
        at = last->at;
        r->events.n--;
    }
    r->end = at;
    return file_size - at;
}

static bool refuse(struct reading *r, char *why, size_t why_size, const char *path,
                   const char *what)
{
    (void)snprintf(why, why_size, "%s: %s", path, what);
    reading_free(r);
    return false;
}

static bool check_header(struct reading *r, const char *path, char *why, size_t why_size)
{
    uint8_t header[ORR_FILE_HEADER];
    uint32_t version = 0;
    int status = reading_read(r, 0, header, sizeof header);
    if (status == 0)
        status = orr_file_check(header, &version);
    if (status == ERROR_UNSUPPORTED) {
        (void)snprintf(why, why_size,
                       "%s is a recording of format %u, and this program reads format %d: open it "
                       "with a newer orrery",
                       path, (unsigned)version, ORR_VERSION);
        reading_free(r);
        return false;
    }
    return status == 0 || refuse(r, why, why_size, path, "this is no recording of orrery");
}

struct reading *reading_open(const char *path, char *torn, char *why, size_t why_size)
{
    torn[0] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)snprintf(why, why_size, "%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    struct reading *r = reading_new(fd, true);
    struct stat stat;
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)) {
        refuse(r, why, why_size, path, "this is not a file");
        return NULL;
    }
    if (!check_header(r, path, why, why_size))
        return NULL;
    uint64_t size = (uint64_t)stat.st_size;
    if (open_by_index(r, size))
        return r;
    uint64_t left = walk(r, size);
    if (r->others.n == 0 || r->others.all[0].type != ORR_RUN) {
        refuse(r, why, why_size, path, "nothing whole was recorded in it");
        return NULL;
    }
    (void)snprintf(torn, TIMELINE_WHY_MAX,
                   "the recording was cut short: it is shown up to e%llu, and %llu bytes behind "
                   "that could not be read",
                   (unsigned long long)reading_newest(r), (unsigned long long)left);
    return r;
}

static void index_chunk(Orrery__Chunk *into, const struct orr_chunk *c)
{
    orrery__chunk__init(into);
    into->at = c->at;
    into->type = c->type;
    into->stored = c->stored;
    into->size = c->size;
    into->first = c->first;
    into->count = c->count;
    into->mono_ns = c->mono_ns;
}

void reading_index(struct reading *r, uint64_t holes, const char *trouble, struct buf *into)
{
    CHECK(pthread_mutex_lock(&r->mutex) == 0);
    size_t n = r->events.n + r->others.n;
    Orrery__Chunk *chunks = calloc(n + 1, sizeof *chunks);
    Orrery__Chunk **list = calloc(n + 1, sizeof(Orrery__Chunk *));
    CHECK(chunks && list);
    for (size_t i = 0, e = 0, o = 0; i < n; i++) { /* In the order of the file. */
        bool other =
            e == r->events.n || (o < r->others.n && r->others.all[o].at < r->events.all[e].at);
        index_chunk(&chunks[i], other ? &r->others.all[o++] : &r->events.all[e++]);
        list[i] = &chunks[i];
    }
    CHECK(pthread_mutex_unlock(&r->mutex) == 0);
    Orrery__Index index = ORRERY__INDEX__INIT;
    index.n_chunks = n;
    index.chunks = list;
    index.holes = holes;
    char empty[] = "";
    index.trouble = trouble ? (char *)(uintptr_t)trouble : empty;
    buf_clear(into);
    orrery__index__pack(&index, buf_extend(into, orrery__index__get_packed_size(&index)));
    free(list);
    free(chunks);
}
