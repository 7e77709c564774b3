/* Reading back: what jobs have brought to the disk is read there, the rest is still in the jobs. */
#include "store/log_impl.h"

#include "base/check.h"

struct segment *log_segment_of(struct log *l, lsn at)
{
    CHECK(at >= l->segments[0].first && at <= l->last);
    size_t from = 0;
    size_t to = l->n;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (l->segments[middle].first <= at)
            from = middle;
        else
            to = middle;
    }
    return &l->segments[from];
}

static const struct step *covers(const struct log_job *job, lsn segment, uint64_t offset)
{
    const struct step *found = NULL;
    for (size_t i = 0; job && i < job->n; i++) {
        const struct step *w = &job->steps[i];
        if (w->kind == STEP_WRITE && w->segment == segment && offset >= w->offset &&
            offset < w->offset + w->visible)
            found = w;
    }
    return found;
}

/* Planned bytes at `offset`, as many as lie together, at most n. */
static struct bytes planned(const struct log *l, lsn segment, uint64_t offset, size_t n)
{
    const struct log_job *job = l->flight;
    const struct step *w = covers(job, segment, offset);
    for (const struct log_job *j = l->queue; !w && j; j = j->next) {
        w = covers(j, segment, offset);
        job = j;
    }
    CHECK(w != NULL);
    size_t skip = (size_t)(offset - w->offset);
    size_t there = w->visible - skip;
    return bytes_of(job->bytes.base + w->from + skip, there < n ? there : n);
}

static int read_range(struct log *l, const struct segment *s, uint64_t offset, size_t n,
                      struct buf *into)
{
    char name[LOG_FILE_SIZE];
    while (n > 0) {
        size_t took;
        if (offset < s->flushed) {
            size_t there = s->flushed - offset < n ? (size_t)(s->flushed - offset) : n;
            size_t before = into->len;
            log_file_name(l, s->first, "log", name);
            int error = l->disk.ops->read(l->disk.ctx, name, offset, there, into);
            if (error != 0)
                return error;
            took = into->len - before;
            if (took != there)
                return ERROR_DAMAGED;
        } else {
            struct bytes b = planned(l, s->first, offset, n);
            buf_append(into, b);
            took = b.len;
        }
        offset += took;
        n -= took;
    }
    return 0;
}

/* The record at `offset`, whole and as stored, appended to `into`. */
static int read_raw(struct log *l, const struct segment *s, lsn at, uint64_t offset,
                    struct buf *into, struct record *r)
{
    size_t begin = into->len;
    if (offset + RECORD_HEADER > s->end)
        return ERROR_DAMAGED;
    int error = read_range(l, s, offset, RECORD_HEADER, into);
    if (error != 0)
        return error;
    uint32_t length = get_u32(into->base + begin + 4);
    if (length > RECORD_BODY_MAX || offset + RECORD_HEADER + length > s->end)
        return ERROR_DAMAGED;
    error = read_range(l, s, offset + RECORD_HEADER, length, into);
    if (error != 0)
        return error;
    size_t size = 0;
    struct bytes raw = bytes_of(into->base + begin, into->len - begin);
    bool trusting = l->options.no_checksum;
    if (record_decode(raw, trusting, r, &size) != RECORD_OK || (r->at != at && !trusting))
        return ERROR_DAMAGED;
    return 0;
}

int log_offset_of(struct log *l, struct segment *s, lsn at, uint64_t *offset)
{
    size_t i = (size_t)((at - s->first) / LOG_INDEX_EVERY);
    CHECK(i < s->index_n);
    *offset = s->index[i];
    for (lsn k = s->first + i * LOG_INDEX_EVERY; k < at; k++) {
        buf_clear(&l->scratch);
        if (*offset + RECORD_HEADER > s->end)
            return ERROR_DAMAGED;
        int error = read_range(l, s, *offset, RECORD_HEADER, &l->scratch);
        if (error != 0)
            return error;
        *offset += RECORD_HEADER + (uint64_t)get_u32(l->scratch.base + 4);
    }
    return *offset < s->end ? 0 : ERROR_DAMAGED;
}

int log_read(struct log *l, lsn at, uint64_t offset, uint64_t len, struct buf *into)
{
    if (at < log_first(l) || at > l->last)
        return ERROR_NOT_FOUND;
    struct segment *s = log_segment_of(l, at);
    uint64_t where = 0;
    int error = log_offset_of(l, s, at, &where);
    if (error != 0)
        return error;
    struct record r;
    buf_clear(&l->scratch);
    error = read_raw(l, s, at, where, &l->scratch, &r);
    if (error != 0)
        return error;
    if (offset > r.body.len || len > r.body.len - offset)
        return ERROR_TOO_LARGE;
    buf_append(into, bytes_of(r.body.base + offset, (size_t)len));
    return 0;
}

int log_read_records(struct log *l, lsn at, uint32_t count, struct buf *into)
{
    if (at < log_first(l) || at > l->last)
        return ERROR_NOT_FOUND;
    struct segment *s = log_segment_of(l, at);
    uint64_t offset = 0;
    int error = log_offset_of(l, s, at, &offset);
    for (; error == 0 && count > 0 && at <= l->last; count--, at++) {
        if (offset == s->end) {
            s++;
            offset = 0;
        }
        size_t before = into->len;
        struct record r;
        error = read_raw(l, s, at, offset, into, &r);
        if (error != 0)
            into->len = before;
        offset += into->len - before;
    }
    return error;
}
