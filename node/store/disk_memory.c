#include "store/disk_memory.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_ = 128 };

/* `seen` and `synced` have the same length, up to the last byte ever written; zeros follow. */
struct disk_memory_file {
    char name[NAME_MAX_];
    uint64_t size;
    struct buf seen;
    struct buf synced;
    struct buf dirty;  /* A byte per block of `seen`: 1 when it differs from what is synced. */
    size_t dirty_from; /* Blocks in [dirty_from, dirty_to) may be dirty. */
    size_t dirty_to;
};

static void *allocate(size_t n)
{
    void *p = must_alloc(1, n);
    return p;
}

/* The first file whose name is not below `name`. */
static size_t position(const struct disk_memory *m, const char *name)
{
    size_t from = 0;
    size_t to = m->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(m->files[middle]->name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct disk_memory_file *find(const struct disk_memory *m, const char *name)
{
    size_t i = position(m, name);
    return i < m->n && strcmp(m->files[i]->name, name) == 0 ? m->files[i] : NULL;
}

static void insert(struct disk_memory *m, struct disk_memory_file *f)
{
    size_t i = position(m, f->name);
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 8;
        m->files = realloc(m->files, m->cap * sizeof *m->files);
        CHECK(m->files != NULL);
    }
    memmove(m->files + i + 1, m->files + i, (m->n - i) * sizeof *m->files);
    m->files[i] = f;
    m->n++;
}

static struct disk_memory_file *take_out(struct disk_memory *m, const char *name)
{
    size_t i = position(m, name);
    if (i == m->n || strcmp(m->files[i]->name, name) != 0)
        return NULL;
    struct disk_memory_file *f = m->files[i];
    m->n--;
    memmove(m->files + i, m->files + i + 1, (m->n - i) * sizeof *m->files);
    return f;
}

static void file_free(struct disk_memory_file *f)
{
    buf_free(&f->seen);
    buf_free(&f->synced);
    buf_free(&f->dirty);
    free(f);
}

static void fill_zeros(struct buf *b, size_t len)
{
    if (len > b->len) {
        size_t more = len - b->len;
        memset(buf_extend(b, more), 0, more);
    }
}

static int broken(const struct disk_memory *m)
{
    return m->powerless || m->eio ? ERROR_DISK_IO : 0;
}

static int do_create(void *ctx, const char *name, uint64_t size)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    if (m->full)
        return ERROR_DISK_FULL;
    CHECK(strlen(name) < NAME_MAX_);
    struct disk_memory_file *f = take_out(m, name);
    if (f)
        file_free(f);
    f = allocate(sizeof *f);
    memcpy(f->name, name, strlen(name));
    f->size = size;
    insert(m, f);
    return 0;
}

static void put(struct disk_memory_file *f, uint64_t offset, struct bytes bytes)
{
    size_t end = (size_t)offset + bytes.len;
    fill_zeros(&f->seen, end);
    fill_zeros(&f->synced, f->seen.len);
    fill_zeros(&f->dirty, (f->seen.len + DISK_MEMORY_BLOCK - 1) / DISK_MEMORY_BLOCK);
    memcpy(f->seen.base + offset, bytes.base, bytes.len);
    if (end > f->size)
        f->size = end;
    size_t from = (size_t)offset / DISK_MEMORY_BLOCK;
    size_t to = (end - 1) / DISK_MEMORY_BLOCK + 1;
    memset(f->dirty.base + from, 1, to - from);
    if (f->dirty_from == f->dirty_to) {
        f->dirty_from = from;
        f->dirty_to = to;
    }
    f->dirty_from = from < f->dirty_from ? from : f->dirty_from;
    f->dirty_to = to > f->dirty_to ? to : f->dirty_to;
}

static int do_write(void *ctx, const char *name, uint64_t offset, struct bytes bytes)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    if (m->full)
        return ERROR_DISK_FULL;
    struct disk_memory_file *f = find(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    if (bytes.len > m->power_left) {
        bytes.len = (size_t)m->power_left;
        m->powerless = true;
    }
    if (m->power_left != UINT64_MAX)
        m->power_left -= bytes.len;
    m->written += bytes.len;
    if (bytes.len > 0)
        put(f, offset, bytes);
    return broken(m);
}

/* Bytes of a block; the last one may be shorter. */
static size_t block_size(const struct disk_memory_file *f, size_t block)
{
    size_t left = f->seen.len - block * DISK_MEMORY_BLOCK;
    return left < DISK_MEMORY_BLOCK ? left : DISK_MEMORY_BLOCK;
}

static void settle(struct disk_memory_file *f, size_t block, bool kept)
{
    uint8_t *seen = f->seen.base + block * DISK_MEMORY_BLOCK;
    uint8_t *synced = f->synced.base + block * DISK_MEMORY_BLOCK;
    memcpy(kept ? synced : seen, kept ? seen : synced, block_size(f, block));
    f->dirty.base[block] = 0;
}

static int do_sync(void *ctx, const char *name)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    struct disk_memory_file *f = find(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    for (size_t i = f->dirty_from; i < f->dirty_to; i++)
        if (f->dirty.base[i])
            settle(f, i, true);
    f->dirty_from = f->dirty_to = 0;
    m->syncs++;
    return 0;
}

static int do_read(void *ctx, const char *name, uint64_t offset, size_t n, struct buf *into)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    struct disk_memory_file *f = find(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    if (offset >= f->size)
        return 0;
    n = n < f->size - offset ? n : (size_t)(f->size - offset);
    size_t there = offset < f->seen.len ? f->seen.len - (size_t)offset : 0;
    there = there < n ? there : n;
    if (there > 0)
        buf_append(into, bytes_of(f->seen.base + offset, there));
    if (n > there)
        memset(buf_extend(into, n - there), 0, n - there);
    return 0;
}

static int do_size(void *ctx, const char *name, uint64_t *size)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    struct disk_memory_file *f = find(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    *size = f->size;
    return 0;
}

static int do_truncate(void *ctx, const char *name, uint64_t size)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    struct disk_memory_file *f = find(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    f->size = size;
    if (size >= f->seen.len)
        return 0;
    f->seen.len = f->synced.len = (size_t)size;
    f->dirty.len = ((size_t)size + DISK_MEMORY_BLOCK - 1) / DISK_MEMORY_BLOCK;
    f->dirty_to = f->dirty_to < f->dirty.len ? f->dirty_to : f->dirty.len;
    f->dirty_from = f->dirty_from < f->dirty_to ? f->dirty_from : f->dirty_to;
    return 0;
}

static int do_rename(void *ctx, const char *from, const char *to)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    CHECK(strlen(to) < NAME_MAX_);
    struct disk_memory_file *f = take_out(m, from);
    if (!f)
        return ERROR_NOT_FOUND;
    struct disk_memory_file *old = take_out(m, to);
    if (old)
        file_free(old);
    memset(f->name, 0, sizeof f->name);
    memcpy(f->name, to, strlen(to));
    insert(m, f);
    return 0;
}

static int do_remove(void *ctx, const char *name)
{
    struct disk_memory *m = ctx;
    if (broken(m))
        return ERROR_DISK_IO;
    struct disk_memory_file *f = take_out(m, name);
    if (!f)
        return ERROR_NOT_FOUND;
    file_free(f);
    return 0;
}

static int do_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
    struct disk_memory *m = ctx;
    if (m->powerless)
        return ERROR_DISK_IO;
    for (size_t i = 0; i < m->n; i++)
        each(arg, m->files[i]->name);
    return 0;
}

static const struct disk_ops memory_ops = {
    .create = do_create,
    .write = do_write,
    .sync = do_sync,
    .read = do_read,
    .size = do_size,
    .truncate = do_truncate,
    .rename = do_rename,
    .remove = do_remove,
    .list = do_list,
};

void disk_memory_init(struct disk_memory *m)
{
    *m = (struct disk_memory){.power_left = UINT64_MAX};
}

void disk_memory_free(struct disk_memory *m)
{
    for (size_t i = 0; i < m->n; i++)
        file_free(m->files[i]);
    free(m->files);
    disk_memory_init(m);
}

struct disk disk_memory_disk(struct disk_memory *m)
{
    return (struct disk){&memory_ops, m};
}

void disk_memory_copy(struct disk_memory *to, const struct disk_memory *from)
{
    *to = *from;
    to->files = allocate((from->n ? from->n : 1) * sizeof *to->files);
    to->cap = from->n ? from->n : 1;
    for (size_t i = 0; i < from->n; i++) {
        const struct disk_memory_file *f = from->files[i];
        struct disk_memory_file *copy = allocate(sizeof *copy);
        *copy = *f;
        copy->seen = copy->synced = copy->dirty = (struct buf){NULL, 0, 0};
        buf_append(&copy->seen, buf_bytes(&f->seen));
        buf_append(&copy->synced, buf_bytes(&f->synced));
        buf_append(&copy->dirty, buf_bytes(&f->dirty));
        to->files[i] = copy;
    }
}

uint64_t disk_memory_crash_by(struct disk_memory *m,
                              bool (*keep)(void *ctx, const char *name, uint64_t offset), void *ctx)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct disk_memory_file *f = m->files[i];
        for (size_t b = f->dirty_from; b < f->dirty_to; b++) {
            if (!f->dirty.base[b])
                continue;
            bool kept = keep(ctx, f->name, (uint64_t)b * DISK_MEMORY_BLOCK);
            settle(f, b, kept);
            lost += kept ? 0 : block_size(f, b);
        }
        f->dirty_from = f->dirty_to = 0;
    }
    m->powerless = false;
    m->power_left = UINT64_MAX;
    return lost;
}

static bool toss(void *ctx, const char *name, uint64_t offset)
{
    (void)name;
    (void)offset;
    return random_chance(ctx, 0.5);
}

static bool none(void *ctx, const char *name, uint64_t offset)
{
    (void)ctx;
    (void)name;
    (void)offset;
    return false;
}

uint64_t disk_memory_crash(struct disk_memory *m, enum disk_loss loss, struct random *random)
{
    if (loss == DISK_LOSE_ALL)
        return disk_memory_crash_by(m, none, NULL);
    if (loss == DISK_LOSE_RANDOM)
        return disk_memory_crash_by(m, toss, random);
    m->powerless = false;
    m->power_left = UINT64_MAX;
    return 0;
}
