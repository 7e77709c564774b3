#include "base/ledger.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct losses {
    uint64_t bytes;
    int calls;
    bool blocks[1024];
    char name[LEDGER_NAME_MAX];
};

static void note(void *ctx, const char *name, uint64_t from, uint64_t to)
{
    struct losses *l = ctx;
    assert_true(from < to);
    l->bytes += to - from;
    l->calls++;
    (void)strcpy(l->name, name);
    for (uint64_t b = from / LEDGER_BLOCK; b * LEDGER_BLOCK < to && b < 1024; b++) {
        assert_false(l->blocks[b]);
        l->blocks[b] = true;
    }
}

static void all_unsynced_bytes_go(void **state)
{
    (void)state;
    struct ledger *l = calloc(1, sizeof *l);
    struct ledger_file *f = ledger_open(l, "wal.0.log");
    atomic_store(&f->written, 1000);
    atomic_store(&f->synced, 700);
    assert_ptr_equal(ledger_open(l, "wal.0.log"), f);
    struct ledger_file *closed = ledger_open(l, "gone.log");
    atomic_store(&closed->written, 50);
    ledger_close(closed);
    struct random r;
    random_seed(&r, 1);
    struct losses lost = {0};
    assert_int_equal(ledger_power_cut(l, false, &r, note, &lost), 300);
    assert_int_equal(lost.bytes, 300);
    assert_int_equal(lost.calls, 1);
    assert_string_equal(lost.name, "wal.0.log");
    free(l);
}

static void torn_blocks_are_tossed_apart(void **state)
{
    (void)state;
    struct ledger *l = calloc(1, sizeof *l);
    struct ledger_file *f = ledger_open(l, "a");
    atomic_store(&f->synced, 100);
    atomic_store(&f->written, 400 * LEDGER_BLOCK + 10);
    struct random r;
    random_seed(&r, 1);
    struct losses lost = {0};
    uint64_t bytes = ledger_power_cut(l, true, &r, note, &lost);
    assert_int_equal(bytes, lost.bytes);
    int blocks = 0;
    for (int i = 0; i <= 400; i++)
        blocks += lost.blocks[i];
    assert_in_range(blocks, 150, 250);
    assert_in_range(lost.calls, 50, 150); /* Neighbours are merged. */
    struct losses again = {0};
    random_seed(&r, 1);
    assert_int_equal(ledger_power_cut(l, true, &r, note, &again), bytes);
    assert_memory_equal(lost.blocks, again.blocks, sizeof lost.blocks);
    free(l);
}

static void scribbles_are_skipped(void **state)
{
    (void)state;
    struct ledger *l = calloc(1, sizeof *l);
    const char *bad[] = {"../etc/passwd", "/etc/passwd", "a/../../b", ""};
    for (int i = 0; i < 4; i++) {
        (void)strcpy(l->files[i].name, bad[i]);
        atomic_store(&l->files[i].written, 100);
        atomic_store(&l->files[i].used, 1);
    }
    memset(l->files[4].name, 'x', LEDGER_NAME_MAX); /* No end. */
    atomic_store(&l->files[4].written, 100);
    atomic_store(&l->files[4].used, 1);
    (void)strcpy(l->files[5].name, "backwards");
    atomic_store(&l->files[5].synced, 100);
    atomic_store(&l->files[5].used, 1);
    (void)strcpy(l->files[6].name, "huge");
    atomic_store(&l->files[6].written, UINT64_MAX);
    atomic_store(&l->files[6].used, 1);
    struct random r;
    random_seed(&r, 1);
    struct losses lost = {0};
    assert_int_equal(ledger_power_cut(l, true, &r, note, &lost), 0);
    assert_int_equal(lost.calls, 0);
    free(l);
}

static void full_ledger_says_so(void **state)
{
    (void)state;
    struct ledger *l = calloc(1, sizeof *l);
    char name[16] = "f00";
    for (int i = 0; i < LEDGER_FILES_MAX; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        assert_non_null(ledger_open(l, name));
    }
    assert_null(ledger_open(l, "one-more"));
    ledger_close(&l->files[5]);
    assert_non_null(ledger_open(l, "one-more"));
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_unsynced_bytes_go),
        cmocka_unit_test(torn_blocks_are_tossed_apart),
        cmocka_unit_test(scribbles_are_skipped),
        cmocka_unit_test(full_ledger_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
