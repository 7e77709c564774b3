#include "log_bench.h"

static struct bytes read_all(struct disk *d, const char *name, struct buf *into)
{
    buf_clear(into);
    assert_int_equal(d->ops->read(d->ctx, name, 0, 1 << 20, into), 0);
    return buf_bytes(into);
}

static void unsynced_bytes_are_lost(void **state)
{
    (void)state;
    struct disk_memory m;
    disk_memory_init(&m);
    struct disk d = disk_memory_disk(&m);
    struct buf b = {0};
    struct random random;
    random_seed(&random, 1);
    assert_int_equal(d.ops->create(d.ctx, "a", 2000), 0);
    assert_int_equal(d.ops->write(d.ctx, "a", 0, bytes_str("kept")), 0);
    assert_int_equal(d.ops->sync(d.ctx, "a"), 0);
    assert_int_equal(d.ops->write(d.ctx, "a", 4, bytes_str(" lost")), 0);
    assert_int_equal(disk_memory_crash(&m, DISK_LOSE_NOTHING, NULL), 0);
    assert_memory_equal(read_all(&d, "a", &b).base, "kept lost", 9);
    assert_true(disk_memory_crash(&m, DISK_LOSE_ALL, NULL) > 0);
    assert_memory_equal(read_all(&d, "a", &b).base, "kept\0\0\0\0\0", 9);
    assert_int_equal(b.len, 2000);
    assert_int_equal(disk_memory_crash(&m, DISK_LOSE_RANDOM, &random), 0);
    buf_free(&b);
    disk_memory_free(&m);
}

static void torn_blocks_are_whole_or_old(void **state)
{
    (void)state;
    bool some_kept = false;
    bool some_lost = false;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct disk_memory m;
        disk_memory_init(&m);
        struct disk d = disk_memory_disk(&m);
        struct buf b = {0};
        struct random random;
        random_seed(&random, seed);
        uint8_t ones[3000];
        memset(ones, 1, sizeof ones);
        assert_int_equal(d.ops->create(d.ctx, "a", 4096), 0);
        assert_int_equal(d.ops->write(d.ctx, "a", 100, bytes_of(ones, sizeof ones)), 0);
        disk_memory_crash(&m, DISK_LOSE_RANDOM, &random);
        struct bytes all = read_all(&d, "a", &b);
        for (size_t block = 0; block < 8; block++) {
            bool kept = all.base[block == 0 ? 100 : block * 512] == 1;
            for (size_t i = block * 512; i < (block + 1) * 512; i++)
                assert_int_equal(all.base[i], kept && i >= 100 && i < 3100 ? 1 : 0);
            some_kept |= kept;
            some_lost |= !kept && block < 7;
        }
        buf_free(&b);
        disk_memory_free(&m);
    }
    assert_true(some_kept && some_lost);
}

static void power_fails_within_a_write(void **state)
{
    (void)state;
    struct disk_memory m;
    disk_memory_init(&m);
    struct disk d = disk_memory_disk(&m);
    struct buf b = {0};
    assert_int_equal(d.ops->create(d.ctx, "a", 100), 0);
    m.power_left = 6;
    assert_int_equal(d.ops->write(d.ctx, "a", 0, bytes_str("four")), 0);
    assert_int_equal(d.ops->write(d.ctx, "a", 4, bytes_str("more")), ERROR_DISK_IO);
    assert_int_equal(d.ops->sync(d.ctx, "a"), ERROR_DISK_IO);
    disk_memory_crash(&m, DISK_LOSE_NOTHING, NULL);
    assert_memory_equal(read_all(&d, "a", &b).base, "fourmo\0\0", 8);
    buf_free(&b);
    disk_memory_free(&m);
}

static void faults_and_names(void **state)
{
    (void)state;
    struct disk_memory m;
    struct disk_memory copy;
    disk_memory_init(&m);
    struct disk d = disk_memory_disk(&m);
    struct buf b = {0};
    assert_int_equal(d.ops->write(d.ctx, "b", 0, bytes_str("x")), ERROR_NOT_FOUND);
    assert_int_equal(d.ops->create(d.ctx, "b", 10), 0);
    assert_int_equal(d.ops->rename(d.ctx, "b", "a"), 0);
    assert_int_equal(d.ops->remove(d.ctx, "b"), ERROR_NOT_FOUND);
    m.full = true;
    assert_int_equal(d.ops->write(d.ctx, "a", 0, bytes_str("x")), ERROR_DISK_FULL);
    assert_int_equal(d.ops->create(d.ctx, "c", 10), ERROR_DISK_FULL);
    m.full = false;
    assert_int_equal(d.ops->write(d.ctx, "a", 0, bytes_str("x")), 0);
    disk_memory_copy(&copy, &m);
    struct disk e = disk_memory_disk(&copy);
    assert_int_equal(d.ops->truncate(d.ctx, "a", 0), 0);
    assert_int_equal(d.ops->truncate(d.ctx, "a", 20), 0);
    assert_int_equal(read_all(&d, "a", &b).base[0], 0);
    assert_int_equal(b.len, 20);
    assert_int_equal(read_all(&e, "a", &b).base[0], 'x');
    m.eio = true;
    assert_int_equal(d.ops->read(d.ctx, "a", 0, 1, &b), ERROR_DISK_IO);
    buf_free(&b);
    disk_memory_free(&m);
    disk_memory_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsynced_bytes_are_lost),
        cmocka_unit_test(torn_blocks_are_whole_or_old),
        cmocka_unit_test(power_fails_within_a_write),
        cmocka_unit_test(faults_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
