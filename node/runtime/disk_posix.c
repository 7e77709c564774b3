#include "runtime/disk_posix.h"

#include "base/check.h"
#include "base/must.h"
#include "runtime/alarm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 32, NAME_SIZE = 128, ZEROS_SIZE = 256 << 10 };

#define LOCK_NAME ".lock"
#define SLOW_MAX  (UINT64_MAX / 4) /* Far away, and still no overflow. */

/* An open file. While somebody uses it, it is not closed, even if its name is gone. */
struct file {
    char
        name[NAME_SIZE]; /* Empty: nobody finds it any more, and without users the place is free. */
    int fd;
    unsigned users;
    uint64_t used_at;
};

struct disk_posix {
    int dir;
    int lock_fd;
    pthread_mutex_t lock; /* Guards all below. */
    struct file files[FILES_MAX];
    uint64_t uses;
    bool full;
    bool eio;
    nsec slow;
    struct clock clock;
    pthread_cond_t changed;
};

static int error_of(int e)
{
    if (e == ENOSPC || e == EDQUOT)
        return ERROR_DISK_FULL;
    return e == ENOENT ? ERROR_NOT_FOUND : ERROR_DISK_IO;
}

static int fault_of(struct disk_posix *d, bool takes_space)
{
    pthread_mutex_lock(&d->lock);
    int error = d->eio ? ERROR_DISK_IO : d->full && takes_space ? ERROR_DISK_FULL : 0;
    pthread_mutex_unlock(&d->lock);
    return error;
}

static struct file *find(struct disk_posix *d, const char *name)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (d->files[i].name[0] && strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    return NULL;
}

/* A free place, or that of the file which nobody used for the longest time. */
static struct file *make_room(struct disk_posix *d)
{
    struct file *oldest = NULL;
    for (int i = 0; i < FILES_MAX; i++) {
        struct file *f = &d->files[i];
        if (f->users > 0)
            continue;
        if (!f->name[0])
            return f;
        if (!oldest || f->used_at < oldest->used_at)
            oldest = f;
    }
    CHECK(oldest); /* There are fewer logs than places. */
    close(oldest->fd);
    oldest->name[0] = 0;
    return oldest;
}

/* Names come from the store, and from what lies in the folder. */
static bool name_sane(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < NAME_SIZE;
}

static int use(struct disk_posix *d, const char *name, int flags, struct file **used)
{
    CHECK(name_sane(name));
    int error = 0;
    pthread_mutex_lock(&d->lock);
    struct file *f = find(d, name);
    if (!f) {
        int fd = openat(d->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
        if (fd < 0) {
            error = error_of(errno);
        } else {
            f = make_room(d);
            *f = (struct file){.fd = fd};
            snprintf(f->name, sizeof f->name, "%s", name);
        }
    }
    if (f) {
        f->users++;
        f->used_at = ++d->uses;
    }
    pthread_mutex_unlock(&d->lock);
    *used = f;
    return error;
}

static void unuse(struct disk_posix *d, struct file *f)
{
    pthread_mutex_lock(&d->lock);
    f->users--;
    if (f->users == 0 && !f->name[0])
        close(f->fd);
    pthread_mutex_unlock(&d->lock);
}

/* The name leads somewhere else from now on. */
static void forget(struct disk_posix *d, const char *name)
{
    pthread_mutex_lock(&d->lock);
    struct file *f = find(d, name);
    if (f) {
        f->name[0] = 0;
        if (f->users == 0)
            close(f->fd);
    }
    pthread_mutex_unlock(&d->lock);
}

static int write_all(int fd, const uint8_t *at, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, at, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? error_of(errno) : ERROR_DISK_IO;
        at += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

/* Zeros that are really written: a later sync then has data to flush and nothing else, where blocks
 * that are merely reserved would cost a change of the file's own structure each time. */
static int write_zeros(int fd, uint64_t from, uint64_t upto)
{
    uint8_t *zeros = must_alloc(1, ZEROS_SIZE);
    int error = 0;
    while (!error && from < upto) {
        size_t n = upto - from < ZEROS_SIZE ? (size_t)(upto - from) : ZEROS_SIZE;
        error = write_all(fd, zeros, n, from);
        from += n;
    }
    free(zeros);
    return error;
}

static int grow(int fd, uint64_t from, uint64_t upto)
{
    if (upto > from && posix_fallocate(fd, (off_t)from, (off_t)(upto - from)) == ENOSPC)
        return ERROR_DISK_FULL; /* Elsewhere it is only not known how: the zeros will tell. */
    int error = write_zeros(fd, from, upto);
    if (!error && fsync(fd) < 0)
        error = error_of(errno);
    return error;
}

static int sync_names(struct disk_posix *d)
{
    return fsync(d->dir) < 0 ? error_of(errno) : 0;
}

static int disk_create(void *ctx, const char *name, uint64_t size)
{
    struct disk_posix *d = ctx;
    int error = fault_of(d, true);
    if (error)
        return error;
    forget(d, name);
    struct file *f;
    error = use(d, name, O_CREAT | O_TRUNC, &f);
    if (error)
        return error;
    error = grow(f->fd, 0, size);
    unuse(d, f);
    if (!error)
        error = sync_names(d);
    return error;
}

static int disk_write(void *ctx, const char *name, uint64_t offset, struct bytes bytes)
{
    struct disk_posix *d = ctx;
    int error = fault_of(d, true);
    if (error)
        return error;
    struct file *f;
    error = use(d, name, 0, &f);
    if (error)
        return error;
    error = write_all(f->fd, bytes.base, bytes.len, offset);
    unuse(d, f);
    return error;
}

/* Waits as long as the fault says, which may change meanwhile. */
static void be_slow(struct disk_posix *d)
{
    pthread_mutex_lock(&d->lock);
    nsec begun = clock_now(&d->clock, mono_now());
    while (d->slow > 0) {
        uint64_t mono = mono_now();
        if (clock_now(&d->clock, mono) >= begun + d->slow)
            break;
        uint64_t until = clock_until(&d->clock, begun + d->slow, mono);
        if (until == UINT64_MAX) {
            pthread_cond_wait(&d->changed, &d->lock);
            continue;
        }
        struct timespec at = {.tv_sec = (time_t)(until / 1000000000),
                              .tv_nsec = (long)(until % 1000000000)};
        pthread_cond_timedwait(&d->changed, &d->lock, &at);
    }
    pthread_mutex_unlock(&d->lock);
}

static int disk_sync(void *ctx, const char *name)
{
    struct disk_posix *d = ctx;
    int error = fault_of(d, false);
    if (error)
        return error;
    struct file *f;
    error = use(d, name, 0, &f);
    if (error)
        return error;
    be_slow(d);
    if (fdatasync(f->fd) < 0)
        error = error_of(errno);
    unuse(d, f);
    return error ? error : fault_of(d, false);
}

static int disk_read(void *ctx, const char *name, uint64_t offset, size_t n, struct buf *into)
{
    struct disk_posix *d = ctx;
    int error = fault_of(d, false);
    if (error)
        return error;
    struct file *f;
    error = use(d, name, 0, &f);
    if (error)
        return error;
    size_t before = into->len;
    while (n > 0) {
        size_t part = n < ZEROS_SIZE ? n : ZEROS_SIZE;
        buf_reserve(into, part);
        ssize_t done = pread(f->fd, into->base + into->len, part, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            error = error_of(errno);
        if (done <= 0)
            break;
        into->len += (size_t)done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    if (error)
        into->len = before;
    unuse(d, f);
    return error;
}

static int disk_size(void *ctx, const char *name, uint64_t *size)
{
    struct disk_posix *d = ctx;
    struct file *f;
    int error = use(d, name, 0, &f);
    if (error)
        return error;
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        error = error_of(errno);
    else
        *size = (uint64_t)st.st_size;
    unuse(d, f);
    return error;
}

static int disk_truncate(void *ctx, const char *name, uint64_t size)
{
    struct disk_posix *d = ctx;
    uint64_t now = 0;
    int error = disk_size(d, name, &now);
    if (!error)
        error = fault_of(d, size > now);
    if (error)
        return error;
    struct file *f;
    error = use(d, name, 0, &f);
    if (error)
        return error;
    if (size > now)
        error = grow(f->fd, now, size);
    else if (ftruncate(f->fd, (off_t)size) < 0 || fsync(f->fd) < 0)
        error = error_of(errno);
    unuse(d, f);
    return error;
}

static int disk_rename(void *ctx, const char *from, const char *to)
{
    struct disk_posix *d = ctx;
    CHECK(name_sane(from) && name_sane(to));
    int error = fault_of(d, false);
    if (error)
        return error;
    forget(d, from);
    forget(d, to);
    if (renameat(d->dir, from, d->dir, to) < 0)
        return error_of(errno);
    return sync_names(d);
}

static int disk_remove(void *ctx, const char *name)
{
    struct disk_posix *d = ctx;
    CHECK(name_sane(name));
    int error = fault_of(d, false);
    if (error)
        return error;
    forget(d, name);
    if (unlinkat(d->dir, name, 0) < 0)
        return error_of(errno);
    return sync_names(d);
}

static int disk_list(void *ctx, void (*each)(void *arg, const char *name), void *arg)
{
    struct disk_posix *d = ctx;
    int error = fault_of(d, false);
    if (error)
        return error;
    int fd = openat(d->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        error = error_of(errno);
        if (fd >= 0)
            close(fd);
        return error;
    }
    errno = 0;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (name_sane(entry->d_name))
            each(arg, entry->d_name);
        errno = 0;
    }
    error = errno ? error_of(errno) : 0;
    closedir(dir);
    return error;
}

static const struct disk_ops ops = {
    .create = disk_create,
    .write = disk_write,
    .sync = disk_sync,
    .read = disk_read,
    .size = disk_size,
    .truncate = disk_truncate,
    .rename = disk_rename,
    .remove = disk_remove,
    .list = disk_list,
};

struct disk disk_posix_disk(struct disk_posix *d)
{
    return (struct disk){&ops, d};
}

/* mkdir -p; what fails shows when the folder is opened. */
static void make_folders(const char *directory)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
        return;
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(path, 0700);
        *at = '/';
    }
    mkdir(path, 0700);
}

static int lock_folder(int dir)
{
    int fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

struct disk_posix *disk_posix_open(const char *directory, char *why, size_t why_size)
{
    make_folders(directory);
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock_fd = dir < 0 ? -1 : lock_folder(dir);
    if (lock_fd < 0) {
        if (errno == EWOULDBLOCK)
            snprintf(why, why_size, "another node uses the folder %s; end that one first",
                     directory);
        else
            snprintf(why, why_size, "the folder %s cannot be used: %s", directory, strerror(errno));
        if (dir >= 0)
            close(dir);
        return NULL;
    }
    struct disk_posix *d = must_alloc(1, sizeof *d);
    d->dir = dir;
    d->lock_fd = lock_fd;
    clock_init(&d->clock, 0);
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&d->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
    return d;
}

void disk_posix_close(struct disk_posix *d)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (d->files[i].name[0])
            close(d->files[i].fd);
    close(d->lock_fd);
    close(d->dir);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void disk_posix_fault(struct disk_posix *d, const Orrery__DiskFault *fault)
{
    pthread_mutex_lock(&d->lock);
    if (fault->has_well && fault->well) {
        d->full = false;
        d->eio = false;
        d->slow = 0;
    }
    if (fault->has_full)
        d->full = fault->full;
    if (fault->has_eio)
        d->eio = fault->eio;
    if (fault->has_slow_ns)
        d->slow = fault->slow_ns < SLOW_MAX ? fault->slow_ns : SLOW_MAX;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

void disk_posix_clock(struct disk_posix *d, const struct clock *clock)
{
    pthread_mutex_lock(&d->lock);
    d->clock = *clock;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}
