#include "unit.h"

#include "runtime/alarm.h"
#include "runtime/disk_posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char folder[64];
    struct disk_posix *posix;
    struct disk disk;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/orrery-disk-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    char why[256];
    w->posix = disk_posix_open(w->folder, why, sizeof why);
    assert_non_null(w->posix);
    w->disk = disk_posix_disk(w->posix);
    *state = w;
    return 0;
}

static void remove_one(void *arg, const char *name)
{
    struct world *w = arg;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    unlink(path);
}

static int end(void **state)
{
    struct world *w = *state;
    Orrery__DiskFault well = ORRERY__DISK_FAULT__INIT;
    well.has_well = well.well = 1;
    disk_posix_fault(w->posix, &well);
    w->disk.ops->list(w->disk.ctx, remove_one, w);
    remove_one(w, ".lock");
    disk_posix_close(w->posix);
    assert_int_equal(rmdir(w->folder), 0);
    free(w);
    return 0;
}

static void expect_file(struct world *w, const char *name, const char *text)
{
    struct buf all = {0};
    assert_int_equal(w->disk.ops->read(w->disk.ctx, name, 0, 1 << 20, &all), 0);
    assert_int_equal(all.len, strlen(text));
    assert_memory_equal(all.base, text, all.len);
    buf_free(&all);
}

static void a_new_file_is_zeros_of_its_size(void **state)
{
    struct world *w = *state;
    void *ctx = w->disk.ctx;
    const struct disk_ops *ops = w->disk.ops;
    assert_int_equal(ops->create(ctx, "a", 300000), 0);
    uint64_t size;
    assert_int_equal(ops->size(ctx, "a", &size), 0);
    assert_int_equal(size, 300000);
    struct buf all = {0};
    buf_append(&all, bytes_str("kept"));
    assert_int_equal(ops->read(ctx, "a", 299990, 100, &all), 0);
    assert_int_equal(all.len, 14);
    assert_memory_equal(all.base, "kept\0\0\0\0\0\0\0\0\0\0", 14);
    buf_free(&all);
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/a", w->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 >= 300000); /* Its blocks are there. */
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void writes_truncations_and_names_are_as_asked(void **state)
{
    struct world *w = *state;
    void *ctx = w->disk.ctx;
    const struct disk_ops *ops = w->disk.ops;
    assert_int_equal(ops->create(ctx, "a", 4), 0);
    assert_int_equal(ops->write(ctx, "a", 1, bytes_str("bc")), 0);
    assert_int_equal(ops->write(ctx, "a", 0, bytes_str("a")), 0);
    assert_int_equal(ops->write(ctx, "a", 3, bytes_str("def")), 0); /* It grows. */
    assert_int_equal(ops->sync(ctx, "a"), 0);
    expect_file(w, "a", "abcdef");
    assert_int_equal(ops->truncate(ctx, "a", 3), 0);
    expect_file(w, "a", "abc");
    assert_int_equal(ops->rename(ctx, "a", "b"), 0);
    assert_int_equal(ops->size(ctx, "a", &(uint64_t){0}), ERROR_NOT_FOUND);
    expect_file(w, "b", "abc");
    assert_int_equal(ops->create(ctx, "a", 0), 0);
    assert_int_equal(ops->write(ctx, "a", 0, bytes_str("new")), 0);
    assert_int_equal(ops->rename(ctx, "a", "b"), 0); /* Over one that is there. */
    expect_file(w, "b", "new");
    assert_int_equal(ops->remove(ctx, "b"), 0);
    assert_int_equal(ops->remove(ctx, "b"), ERROR_NOT_FOUND);
    assert_int_equal(ops->sync(ctx, "b"), ERROR_NOT_FOUND);
}

static void count_one(void *arg, const char *name)
{
    assert_true(name[0] == 'f');
    ++*(int *)arg;
}

static void more_files_than_are_kept_open(void **state)
{
    struct world *w = *state;
    void *ctx = w->disk.ctx;
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(w->disk.ops->create(ctx, name, 0), 0);
        assert_int_equal(w->disk.ops->write(ctx, name, 0, bytes_str(name)), 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%d", i);
        expect_file(w, name, name);
    }
    int n = 0;
    assert_int_equal(w->disk.ops->list(ctx, count_one, &n), 0);
    assert_int_equal(n, 100);
}

static void two_nodes_cannot_share_a_folder(void **state)
{
    struct world *w = *state;
    char why[256] = "";
    assert_null(disk_posix_open(w->folder, why, sizeof why));
    assert_non_null(strstr(why, "another node uses the folder"));
    assert_null(disk_posix_open("/proc/nonsense/deep", why, sizeof why));
    assert_non_null(strstr(why, "cannot be used"));
}

static void links_are_not_followed(void **state)
{
    struct world *w = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/link", w->folder);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    struct buf all = {0};
    assert_int_equal(w->disk.ops->read(w->disk.ctx, "link", 0, 10, &all), ERROR_DISK_IO);
    buf_free(&all);
}

static void faults_are_what_they_are_called(void **state)
{
    struct world *w = *state;
    void *ctx = w->disk.ctx;
    const struct disk_ops *ops = w->disk.ops;
    assert_int_equal(ops->create(ctx, "a", 8), 0);
    Orrery__DiskFault full = ORRERY__DISK_FAULT__INIT;
    full.has_full = full.full = 1;
    disk_posix_fault(w->posix, &full);
    assert_int_equal(ops->write(ctx, "a", 0, bytes_str("x")), ERROR_DISK_FULL);
    assert_int_equal(ops->create(ctx, "b", 8), ERROR_DISK_FULL);
    assert_int_equal(ops->sync(ctx, "a"), 0);
    Orrery__DiskFault broken = ORRERY__DISK_FAULT__INIT;
    broken.has_eio = broken.eio = 1;
    disk_posix_fault(w->posix, &broken);
    struct buf all = {0};
    assert_int_equal(ops->sync(ctx, "a"), ERROR_DISK_IO);
    assert_int_equal(ops->read(ctx, "a", 0, 1, &all), ERROR_DISK_IO);
    Orrery__DiskFault well = ORRERY__DISK_FAULT__INIT;
    well.has_well = well.well = 1;
    disk_posix_fault(w->posix, &well);
    assert_int_equal(ops->write(ctx, "a", 0, bytes_str("x")), 0);
    assert_int_equal(ops->sync(ctx, "a"), 0);
    buf_free(&all);
}

static void *sync_a(void *arg)
{
    struct world *w = arg;
    return (void *)(intptr_t)w->disk.ops->sync(w->disk.ctx, "a");
}

static void a_slow_disk_is_slow_in_cluster_time(void **state)
{
    struct world *w = *state;
    void *ctx = w->disk.ctx;
    assert_int_equal(w->disk.ops->create(ctx, "a", 8), 0);
    struct clock clock;
    clock_init(&clock, mono_now());
    disk_posix_clock(w->posix, &clock);
    Orrery__DiskFault slow = ORRERY__DISK_FAULT__INIT;
    slow.has_slow_ns = 1;
    slow.slow_ns = 20000000;
    disk_posix_fault(w->posix, &slow);
    uint64_t begun = mono_now();
    assert_int_equal(w->disk.ops->sync(ctx, "a"), 0);
    assert_true(mono_now() - begun >= slow.slow_ns);

    /* An hour; but then time runs, and the sync ends. At first time even stands still. */
    slow.slow_ns = UINT64_C(3600000000000);
    disk_posix_fault(w->posix, &slow);
    clock_pace(&clock, mono_now(), 0);
    disk_posix_clock(w->posix, &clock);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sync_a, w), 0);
    clock_pace(&clock, mono_now(), 1e9);
    disk_posix_clock(w->posix, &clock);
    void *result;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);

    /* Made well, it ends at once. */
    slow.slow_ns = UINT64_MAX / 4;
    disk_posix_fault(w->posix, &slow);
    assert_int_equal(pthread_create(&thread, NULL, sync_a, w), 0);
    Orrery__DiskFault well = ORRERY__DISK_FAULT__INIT;
    well.has_well = well.well = 1;
    disk_posix_fault(w->posix, &well);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
}

struct writer {
    struct world *w;
    char name[8];
};

static void *write_much(void *arg)
{
    struct writer *writer = arg;
    const struct disk *disk = &writer->w->disk;
    for (uint64_t i = 0; i < 500; i++) {
        if (disk->ops->write(disk->ctx, writer->name, i, bytes_str("x")) < 0)
            return arg;
        if (i % 100 == 0 && disk->ops->sync(disk->ctx, writer->name) < 0)
            return arg;
    }
    return NULL;
}

static void threads_write_side_by_side_while_others_read(void **state)
{
    struct world *w = *state;
    struct writer writers[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        writers[i].w = w;
        snprintf(writers[i].name, sizeof writers[i].name, "f%d", i);
        assert_int_equal(w->disk.ops->create(w->disk.ctx, writers[i].name, 4096), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, write_much, &writers[i]), 0);
    }
    for (int i = 0; i < 300; i++) {
        struct buf all = {0};
        assert_int_equal(w->disk.ops->read(w->disk.ctx, writers[i % 3].name, 0, 4096, &all), 0);
        assert_int_equal(all.len, 4096);
        buf_free(&all);
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_zeros_of_its_size),
        TEST(writes_truncations_and_names_are_as_asked),
        TEST(more_files_than_are_kept_open),
        TEST(two_nodes_cannot_share_a_folder),
        TEST(links_are_not_followed),
        TEST(faults_are_what_they_are_called),
        TEST(a_slow_disk_is_slow_in_cluster_time),
        TEST(threads_write_side_by_side_while_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
