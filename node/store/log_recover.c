/* What a log finds when it is opened: segments in order, records in order, and a place where they
 * end. Whether that place is a torn tail or damage is told by what lies behind it. */
#include "store/log_impl.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 256 << 10 };

struct recovery {
    struct log *l;
    void (*each)(void *ctx, const struct log_recovered *r);
    void *ctx;
    lsn expected;
    lsn claimed; /* Newest record that an intact one calls synced. */
    struct buf window;
    uint64_t window_at; /* Offset of the window in its file. */
    uint64_t file_size;
    char *why;
    size_t why_size;
};

struct listing {
    struct log *l;
    lsn *segments;
    size_t n;
    size_t cap;
    lsn *snapshots;
    size_t snapshots_n;
    size_t snapshots_cap;
};

static int fail(struct recovery *r, const char *file, int error)
{
    snprintf(r->why, r->why_size, "log %s: %s: %s%s", r->l->name, file, error_text(error),
             error == ERROR_DISK_FULL ? "; make room and start again" : "");
    return error;
}

static void push(lsn **items, size_t *n, size_t *cap, lsn item)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        *items = realloc(*items, *cap * sizeof **items);
        CHECK(*items != NULL);
    }
    (*items)[(*n)++] = item;
}

/* "wal.00000000000000ff.log" is of the log "wal". */
static bool parse_name(const struct log *l, const char *name, const char *suffix, lsn *first)
{
    size_t n = strlen(l->name);
    if (strncmp(name, l->name, n) != 0 || name[n] != '.')
        return false;
    const char *hex = name + n + 1;
    if (strspn(hex, "0123456789abcdef") != 16 || hex[16] != '.' || strcmp(hex + 17, suffix) != 0)
        return false;
    *first = strtoull(hex, NULL, 16);
    return *first > 0 && *first < UINT64_MAX;
}

static void list_file(void *arg, const char *name)
{
    struct listing *files = arg;
    lsn at;
    if (parse_name(files->l, name, "log", &at))
        push(&files->segments, &files->n, &files->cap, at);
    else if (parse_name(files->l, name, "snap", &at))
        push(&files->snapshots, &files->snapshots_n, &files->snapshots_cap, at);
}

static int by_lsn(const void *a, const void *b)
{
    lsn x = *(const lsn *)a;
    lsn y = *(const lsn *)b;
    return (x > y) - (x < y);
}

static int remove_file(struct recovery *r, lsn at, const char *suffix)
{
    char name[LOG_FILE_SIZE];
    log_file_name(r->l, at, suffix, name);
    int error = r->l->disk.ops->remove(r->l->disk.ctx, name);
    return error != 0 ? fail(r, name, error) : 0;
}

/* Files that were being made when the last life ended. */
static int remove_unfinished(struct recovery *r)
{
    char names[2][LOG_FILE_SIZE];
    log_next_name(r->l, names[0]);
    log_new_snapshot_name(r->l, names[1]);
    for (int i = 0; i < 2; i++) {
        int error = r->l->disk.ops->remove(r->l->disk.ctx, names[i]);
        if (error != 0 && error != ERROR_NOT_FOUND)
            return fail(r, names[i], error);
    }
    return 0;
}

static int load_snapshot(struct recovery *r, lsn at)
{
    char name[LOG_FILE_SIZE];
    uint64_t size = 0;
    log_file_name(r->l, at, "snap", name);
    int error = r->l->disk.ops->size(r->l->disk.ctx, name, &size);
    buf_clear(&r->window);
    if (error == 0)
        error = r->l->disk.ops->read(r->l->disk.ctx, name, 0, (size_t)size, &r->window);
    if (error != 0)
        return fail(r, name, error);
    struct log_recovered found = {.snapshot = true};
    size_t used = 0;
    if (record_decode(buf_bytes(&r->window), r->l->options.no_checksum, &found.record, &used) !=
        RECORD_OK) {
        snprintf(r->why, r->why_size,
                 "the snapshot %s of log %s is damaged; nothing was changed: bring it back from a "
                 "copy, or move the node's folder away to begin without its data",
                 name, r->l->name);
        return ERROR_DAMAGED;
    }
    found.record.at = at;
    found.place = (struct place){at, 0, (uint32_t)used};
    r->l->snapshot = at;
    r->each(r->ctx, &found);
    return 0;
}

/* The newest snapshot counts; older ones were about to be removed. */
static int recover_snapshots(struct recovery *r, const struct listing *files)
{
    for (size_t i = 0; i + 1 < files->snapshots_n; i++) {
        int error = remove_file(r, files->snapshots[i], "snap");
        if (error != 0)
            return error;
    }
    return files->snapshots_n > 0 ? load_snapshot(r, files->snapshots[files->snapshots_n - 1]) : 0;
}

static int read_more(struct recovery *r, const char *name, size_t n)
{
    uint64_t from = r->window_at + r->window.len;
    return r->l->disk.ops->read(r->l->disk.ctx, name, from, n, &r->window);
}

/* Makes the window begin at `offset` and hold the record there, if the file does. */
static int look_at(struct recovery *r, const char *name, uint64_t offset)
{
    size_t skip = (size_t)(offset - r->window_at);
    for (;;) {
        size_t there = r->window.len - skip;
        size_t needed = RECORD_HEADER;
        if (there >= RECORD_HEADER) {
            uint32_t length = get_u32(r->window.base + skip + 4);
            needed += length <= RECORD_BODY_MAX ? length : 0;
        }
        uint64_t in_file = r->file_size > offset ? r->file_size - offset : 0;
        if (there >= needed || there >= in_file)
            break;
        buf_consume(&r->window, skip);
        r->window_at = offset;
        skip = 0;
        size_t before = r->window.len;
        int error = read_more(r, name, needed - there > WINDOW ? needed - there : WINDOW);
        if (error != 0)
            return error;
        if (r->window.len == before) /* Shorter than it said. */
            r->file_size = r->window_at + r->window.len;
    }
    return 0;
}

/* What the window holds from `offset` on. */
static struct bytes view(const struct recovery *r, uint64_t offset)
{
    size_t skip = (size_t)(offset - r->window_at);
    size_t n = r->window.len - skip;
    return n > 0 ? bytes_of(r->window.base + skip, n) : bytes_of(NULL, 0);
}

static bool all_zero(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.base[i] != 0)
            return false;
    return true;
}

/* Whether nothing but zeros follows `offset`. */
static int rest_is_zero(struct recovery *r, const char *name, uint64_t offset, bool *zero)
{
    *zero = all_zero(view(r, offset));
    while (*zero && r->window_at + r->window.len < r->file_size) {
        r->window_at += r->window.len;
        buf_clear(&r->window);
        int error = read_more(r, name, WINDOW);
        if (error != 0)
            return error;
        if (r->window.len == 0)
            break;
        *zero = all_zero(buf_bytes(&r->window));
    }
    return 0;
}

static void give(struct recovery *r, const struct segment *s, const struct record *record,
                 size_t size)
{
    if (record->at <= r->l->snapshot)
        return;
    struct log_recovered found = {.record = *record, .place = {s->first, s->end, (uint32_t)size}};
    r->each(r->ctx, &found);
}

/* Reads a segment up to where its records end. *clean: only zeros follow. */
static int recover_segment(struct recovery *r, struct segment *s, bool *clean)
{
    char name[LOG_FILE_SIZE];
    log_file_name(r->l, s->first, "log", name);
    int error = r->l->disk.ops->size(r->l->disk.ctx, name, &r->file_size);
    buf_clear(&r->window);
    r->window_at = 0;
    while (error == 0) {
        error = look_at(r, name, s->end);
        if (error != 0)
            break;
        size_t size = 0;
        struct record record;
        enum record_state state =
            record_decode(view(r, s->end), r->l->options.no_checksum, &record, &size);
        if (state == RECORD_OK && r->l->options.no_checksum) {
            record.at = r->expected;
            record.synced = LSN_NONE;
        }
        if (state != RECORD_OK || record.at != r->expected) {
            *clean = false;
            if (state == RECORD_END)
                error = rest_is_zero(r, name, s->end, clean);
            break;
        }
        r->claimed = record.synced > r->claimed ? record.synced : r->claimed;
        log_index(s, record.at, s->end);
        give(r, s, &record, size);
        s->end += size;
        r->expected++;
    }
    s->flushed = s->end;
    return error != 0 ? fail(r, name, error) : 0;
}

/* An intact record in `b` that calls record `lost` synced; LSN_NONE when there is none. Where the
 * records lie is not known any more, so every byte may begin one. */
static lsn accuser(struct bytes b, lsn lost)
{
    for (size_t i = 0; i + RECORD_HEADER <= b.len; i++) {
        lsn at = get_u64(b.base + i + 8);
        if (at <= lost || at - lost > UINT32_MAX)
            continue;
        struct record record;
        size_t size;
        struct bytes here = bytes_of(b.base + i, b.len - i);
        if (record_decode(here, false, &record, &size) == RECORD_OK && record.synced >= lost)
            return record.at;
    }
    return LSN_NONE;
}

/* Looks behind (segment i of the files, offset) for records that call the expected one synced. */
static int look_behind(struct recovery *r, const struct listing *files, size_t i, uint64_t offset,
                       lsn *by)
{
    char name[LOG_FILE_SIZE];
    *by = LSN_NONE;
    for (; i < files->n && *by == LSN_NONE; i++, offset = 0) {
        uint64_t size = 0;
        log_file_name(r->l, files->segments[i], "log", name);
        int error = r->l->disk.ops->size(r->l->disk.ctx, name, &size);
        buf_clear(&r->window);
        if (error == 0 && size > offset)
            error = r->l->disk.ops->read(r->l->disk.ctx, name, offset, (size_t)(size - offset),
                                         &r->window);
        if (error != 0)
            return fail(r, name, error);
        *by = accuser(buf_bytes(&r->window), r->expected);
    }
    return 0;
}

static int refuse(struct recovery *r, const struct segment *s, lsn by)
{
    char name[LOG_FILE_SIZE];
    log_file_name(r->l, s->first, "log", name);
    snprintf(r->why, r->why_size,
             "the log %s is damaged: %s, offset %" PRIu64 ": record %" PRIu64
             " is not intact, though record %" PRIu64
             " behind it says that it had been synced; nothing was changed: bring the file back "
             "from a copy, or move the node's folder away to begin without its data",
             r->l->name, name, s->end, r->expected, by);
    return ERROR_DAMAGED;
}

/* Ends the log behind its last intact record: what follows was never promised to anybody. */
static int cut_tail(struct recovery *r, const struct listing *files, size_t i)
{
    const struct segment *s = &r->l->segments[r->l->n - 1];
    for (size_t k = files->n; k > i + 1; k--) {
        int error = remove_file(r, files->segments[k - 1], "log");
        if (error != 0)
            return error;
    }
    char name[LOG_FILE_SIZE];
    uint64_t size = 0;
    log_file_name(r->l, s->first, "log", name);
    int error = r->l->disk.ops->size(r->l->disk.ctx, name, &size);
    if (error == 0 && size > s->end)
        error = r->l->disk.ops->truncate(r->l->disk.ctx, name, s->end);
    if (error == 0 && size > s->end)
        error = r->l->disk.ops->truncate(r->l->disk.ctx, name, size);
    return error != 0 ? fail(r, name, error) : 0;
}

/* Where a segment begins right behind the snapshot, those before it are not needed; they may also
 * be left-overs with a gap behind them. */
static int drop_leftovers(struct recovery *r, struct listing *files)
{
    size_t k = 0;
    while (k < files->n && files->segments[k] != r->l->snapshot + 1)
        k++;
    if (k == files->n || r->l->snapshot == LSN_NONE)
        return 0;
    for (size_t i = 0; i < k; i++) {
        int error = remove_file(r, files->segments[i], "log");
        if (error != 0)
            return error;
    }
    files->n -= k;
    memmove(files->segments, files->segments + k, files->n * sizeof *files->segments);
    return 0;
}

static int recover_segments(struct recovery *r, const struct listing *files)
{
    r->expected = files->segments[0];
    for (size_t i = 0; i < files->n; i++) {
        bool clean = true;
        struct segment *s = log_add_segment(r->l, files->segments[i]);
        int error = recover_segment(r, s, &clean);
        if (error != 0)
            return error;
        if (clean && (i + 1 == files->n || files->segments[i + 1] == r->expected))
            continue;
        lsn by = LSN_NONE;
        if (!r->l->options.no_checksum)
            error = look_behind(r, files, i, s->end, &by);
        if (error == 0 && by != LSN_NONE)
            error = refuse(r, s, by);
        return error != 0 ? error : cut_tail(r, files, i);
    }
    return 0;
}

/* A process that was killed may have left bytes that only the kernel has. */
static int sync_tail(struct recovery *r)
{
    char name[LOG_FILE_SIZE];
    for (size_t i = r->l->n; i > 0; i--) {
        log_file_name(r->l, r->l->segments[i - 1].first, "log", name);
        int error = r->l->disk.ops->sync(r->l->disk.ctx, name);
        if (error != 0)
            return fail(r, name, error);
        if (r->l->segments[i - 1].first <= r->claimed + 1)
            break;
    }
    return 0;
}

static int begin_empty(struct recovery *r, lsn first)
{
    char name[LOG_FILE_SIZE];
    log_file_name(r->l, first, "log", name);
    r->expected = first;
    log_add_segment(r->l, first);
    int error = r->l->disk.ops->create(r->l->disk.ctx, name, r->l->options.segment_bytes);
    return error != 0 ? fail(r, name, error) : 0;
}

/* Nobody waited for the log (SYNC_NEVER), and it ends before its snapshot does. */
static int begin_behind_snapshot(struct recovery *r)
{
    while (r->l->n > 0) {
        int error = remove_file(r, r->l->segments[r->l->n - 1].first, "log");
        if (error != 0)
            return error;
        log_forget_segments(r->l, r->l->n - 1, r->l->n);
    }
    return begin_empty(r, r->l->snapshot + 1);
}

static int recover_files(struct recovery *r, struct listing *files)
{
    int error = remove_unfinished(r);
    if (error == 0)
        error = recover_snapshots(r, files);
    if (error == 0)
        error = drop_leftovers(r, files);
    if (error != 0)
        return error;
    if (files->n == 0)
        return begin_empty(r, r->l->snapshot + 1);
    if (r->l->snapshot != LSN_NONE && files->segments[0] > r->l->snapshot + 1) {
        snprintf(r->why, r->why_size,
                 "the log %s is damaged: records %" PRIu64 " to %" PRIu64
                 " behind its snapshot are missing; bring them back from a copy, or move the "
                 "node's folder away to begin without its data",
                 r->l->name, r->l->snapshot + 1, files->segments[0] - 1);
        return ERROR_DAMAGED;
    }
    error = recover_segments(r, files);
    if (error != 0)
        return error;
    return r->expected <= r->l->snapshot ? begin_behind_snapshot(r) : sync_tail(r);
}

int log_recover(struct log *l, void (*each)(void *ctx, const struct log_recovered *r), void *ctx,
                char *why, size_t why_size)
{
    struct recovery r = {.l = l, .each = each, .ctx = ctx, .why = why, .why_size = why_size};
    struct listing files = {.l = l};
    int error = l->disk.ops->list(l->disk.ctx, list_file, &files);
    if (error != 0) {
        fail(&r, "the folder", error);
    } else {
        if (files.n > 0)
            qsort(files.segments, files.n, sizeof *files.segments, by_lsn);
        if (files.snapshots_n > 0)
            qsort(files.snapshots, files.snapshots_n, sizeof *files.snapshots, by_lsn);
        error = recover_files(&r, &files);
    }
    if (error == 0)
        l->last = l->written = l->durable = l->synced = r.expected - 1;
    free(files.segments);
    free(files.snapshots);
    buf_free(&r.window);
    return error;
}
