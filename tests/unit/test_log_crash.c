/* What a log promises about crashes: whatever byte the power fails at, and whichever of the
 * unsynced blocks the disk still wrote, what comes back is a prefix that contains all that was
 * synced. */
#include "log_bench.h"

static const struct log_options small = {.segment_bytes = 700};

enum { RUN_RECORDS = 60, SUBSETS_MAX = 6, RANDOM_SUBSETS = 12 };

/* Appends in batches until the power fails or RUN_RECORDS are there; returns what was durable. */
static lsn run(struct log *l, lsn *appended)
{
    while (log_last(l) < RUN_RECORDS) {
        lsn batch = 1 + log_last(l) * 7 % 5;
        append_some(l, batch, 0);
        if (log_last(l) > 40)
            log_truncate_before(l, log_last(l) - 30);
        *appended = log_last(l);
        lsn durable = log_durable(l);
        if (run_jobs(l) != 0)
            return durable;
    }
    return log_durable(l);
}

struct subset {
    uint64_t bits;
    uint32_t at;
};

static bool in_subset(void *ctx, const char *name, uint64_t offset)
{
    struct subset *s = ctx;
    (void)name;
    (void)offset;
    return s->bits >> (s->at++ % 64) & 1;
}

/* What came back is right; and what is appended to it is not mixed with what was cut off. */
static void expect_prefix(struct disk_memory *m, lsn durable, lsn appended)
{
    char why[512] = "";
    struct found f = {0};
    struct log *l = open_log(m, &small, &f, why, sizeof why);
    if (!l)
        fail_msg("%s", why);
    assert_true(log_last(l) >= durable && log_last(l) <= appended);
    assert_true(f.last == log_last(l) || f.first == 0);
    assert_true(found_matches(&f, 0));
    lsn first = log_first(l);
    lsn last = log_last(l);
    append_one(l, 1);
    append_one(l, 1);
    assert_int_equal(run_jobs(l), 0);
    log_close(l);
    found_free(&f);
    l = open_log(m, &small, &f, why, sizeof why);
    assert_non_null(l);
    assert_int_equal(log_first(l), first);
    assert_int_equal(log_last(l), last + 2);
    uint8_t into[256];
    struct bytes newest = body_of(last + 2, 1, into);
    assert_memory_equal(f.bodies.base + f.bodies.len - newest.len, newest.base, newest.len);
    log_close(l);
    found_free(&f);
}

static uint64_t count_unsynced(const struct disk_memory *m)
{
    struct disk_memory copy;
    struct subset none = {0, 0};
    disk_memory_copy(&copy, m);
    disk_memory_crash_by(&copy, in_subset, &none);
    disk_memory_free(&copy);
    return none.at;
}

static void try_subsets(const struct disk_memory *m, lsn durable, lsn appended,
                        struct random *random)
{
    uint64_t blocks = count_unsynced(m);
    uint64_t all = blocks <= SUBSETS_MAX ? UINT64_C(1) << blocks : RANDOM_SUBSETS;
    for (uint64_t i = 0; i < all; i++) {
        struct disk_memory copy;
        struct subset s = {blocks <= SUBSETS_MAX ? i : random_u64(random), 0};
        disk_memory_copy(&copy, m);
        disk_memory_crash_by(&copy, in_subset, &s);
        expect_prefix(&copy, durable, appended);
        disk_memory_free(&copy);
    }
}

static void any_byte_and_any_subset(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    uint64_t total = UINT64_MAX;
    for (uint64_t left = 0; left <= total; left++) {
        struct disk_memory m;
        struct found f = {0};
        char why[512];
        disk_memory_init(&m);
        struct log *l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        m.power_left = left;
        lsn appended = 0;
        lsn durable = run(l, &appended);
        total = m.powerless ? total : m.written;
        log_close(l);
        try_subsets(&m, durable, appended, &random);
        disk_memory_free(&m);
        found_free(&f);
    }
    assert_true(total > 3000 && total < 100000);
}

/* A killed process leaves bytes that only the kernel has. What the next life was given back must
 * not be lost to a power cut later. */
static void what_was_recovered_is_synced(void **state)
{
    (void)state;
    for (uint64_t left = 0; left < 3000; left += 37) {
        struct disk_memory m;
        struct found f = {0};
        char why[512];
        lsn appended = 0;
        disk_memory_init(&m);
        struct log *l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        m.power_left = left;
        run(l, &appended);
        log_close(l);
        disk_memory_crash(&m, DISK_LOSE_NOTHING, NULL);
        l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        lsn last = log_last(l);
        log_close(l);
        found_free(&f);
        disk_memory_crash(&m, DISK_LOSE_ALL, NULL);
        l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        assert_int_equal(log_last(l), last);
        assert_true(found_matches(&f, 0));
        log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
}

/* Synced batches of three; the last record knows all but the last batch to be synced. */
static void build(struct disk_memory *m, struct found *f, lsn *claimed)
{
    char why[512];
    disk_memory_init(m);
    struct log *l = open_log(m, &small, f, why, sizeof why);
    assert_non_null(l);
    for (int i = 0; i < 30; i++) {
        append_one(l, 0);
        if (i % 3 == 2) {
            *claimed = log_durable(l);
            assert_int_equal(run_jobs(l), 0);
        }
    }
    log_close(l);
    l = open_log(m, &small, f, why, sizeof why);
    assert_non_null(l);
    log_close(l);
}

static void flip(struct disk_memory *m, const struct place *p, uint64_t bit)
{
    char name[64];
    struct buf b = {0};
    struct disk d = disk_memory_disk(m);
    snprintf(name, sizeof name, "wal.%016llx.log", (unsigned long long)p->segment);
    assert_int_equal(d.ops->read(d.ctx, name, p->offset + bit / 8, 1, &b), 0);
    b.base[0] ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(d.ops->write(d.ctx, name, p->offset + bit / 8, buf_bytes(&b)), 0);
    assert_int_equal(d.ops->sync(d.ctx, name), 0);
    buf_free(&b);
}

/* The limit: in the last synced batch a flipped bit cannot be told from a torn write, since no
 * later record says that the batch had been synced. It is cut there; before, it is refused. */
static void every_flipped_bit_is_reported_or_cut(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found whole = {0};
    lsn claimed = 0;
    build(&m, &whole, &claimed);
    assert_int_equal(claimed, 27);
    const struct place *places = (const void *)whole.bounds.base;
    for (lsn at = 1; at <= whole.last; at++)
        for (uint64_t bit = 0; bit < places[at - 1].size * UINT64_C(8); bit++) {
            struct disk_memory copy;
            struct found f = {0};
            char why[512] = "";
            char expected[64];
            disk_memory_copy(&copy, &m);
            flip(&copy, &places[at - 1], bit);
            struct log *l = open_log(&copy, &small, &f, why, sizeof why);
            snprintf(expected, sizeof expected, "record %llu is not intact",
                     (unsigned long long)at);
            if (at <= claimed) {
                assert_null(l);
                assert_non_null(strstr(why, expected));
            } else {
                assert_non_null(l);
                assert_int_equal(log_last(l), at - 1);
                assert_true(found_matches(&f, 0));
                log_close(l);
            }
            found_free(&f);
            disk_memory_free(&copy);
        }
    found_free(&whole);
    disk_memory_free(&m);
}

static void a_missing_segment_is_reported(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    lsn claimed = 0;
    char why[512] = "";
    build(&m, &f, &claimed);
    const struct place *places = (const void *)f.bounds.base;
    char name[64];
    assert_true(places[15].segment > 1 && places[15].segment < places[29].segment);
    snprintf(name, sizeof name, "wal.%016llx.log", (unsigned long long)places[15].segment);
    struct disk d = disk_memory_disk(&m);
    assert_int_equal(d.ops->remove(d.ctx, name), 0);
    found_free(&f);
    assert_null(open_log(&m, &small, &f, why, sizeof why));
    assert_non_null(strstr(why, "the log wal is damaged"));
    found_free(&f);
    disk_memory_free(&m);
}

static void a_trusting_log_takes_what_was_torn(void **state)
{
    (void)state;
    struct log_options trusting = small;
    trusting.no_checksum = true;
    bool damage = false;
    for (uint64_t left = 0; left < 3000 && !damage; left++) {
        struct disk_memory m;
        struct found f = {0};
        char why[512];
        lsn appended = 0;
        disk_memory_init(&m);
        struct log *l = open_log(&m, &trusting, &f, why, sizeof why);
        assert_non_null(l);
        m.power_left = left;
        run(l, &appended);
        log_close(l);
        disk_memory_crash(&m, DISK_LOSE_NOTHING, NULL);
        l = open_log(&m, &trusting, &f, why, sizeof why);
        damage = l && !found_matches(&f, 0);
        if (l)
            log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
    assert_true(damage);
}

/* Appends and cuts of the suffix, in any order: what comes back is the log as it was after one of
 * the operations, not before the last one that was durable. */
enum { OPS = 120, LSNS = 256 };

struct version {
    lsn last;
    uint32_t salts[LSNS];
};

static bool is_version(const struct found *f, lsn last, const struct version *v)
{
    if (last != v->last)
        return false;
    size_t at = 0;
    uint8_t into[256];
    for (lsn i = f->first; i != 0 && i <= f->last; i++) {
        struct bytes body = body_of(i, v->salts[i], into);
        if (get_u32(f->bodies.base + at) != body.len ||
            memcmp(f->bodies.base + at + 4, body.base, body.len) != 0)
            return false;
        at += 4 + body.len;
    }
    return true;
}

static int play(struct log *l, struct random *random, struct version *versions, int *durable)
{
    int n = 0;
    while (n < OPS) {
        struct version *v = &versions[n + 1];
        *v = versions[n];
        n++;
        if (random_chance(random, 0.1) && log_last(l) >= log_first(l)) {
            lsn at = log_first(l) + random_below(random, log_last(l) - log_first(l) + 1);
            log_truncate_from(l, at);
        } else {
            v->salts[log_last(l) + 1] = (uint32_t)n;
            append_one(l, (uint32_t)n);
        }
        v->last = log_last(l);
        if (!random_chance(random, 0.4))
            continue;
        if (run_jobs(l) != 0)
            return n;
        *durable = n;
    }
    return n;
}

static void cutting_survives_crashes_too(void **state)
{
    (void)state;
    struct version *versions = calloc(OPS + 1, sizeof *versions);
    assert_non_null(versions);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct disk_memory m;
        struct found f = {0};
        struct random random;
        char why[512] = "";
        random_seed(&random, seed);
        disk_memory_init(&m);
        struct log *l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        m.power_left = random_below(&random, 8000);
        int durable = 0;
        int n = play(l, &random, versions, &durable);
        log_close(l);
        disk_memory_crash(&m, seed % 3 ? DISK_LOSE_RANDOM : DISK_LOSE_ALL, &random);
        l = open_log(&m, &small, &f, why, sizeof why);
        if (!l)
            fail_msg("seed %llu: %s", (unsigned long long)seed, why);
        bool known = false;
        for (int i = durable; i <= n; i++)
            known = known || is_version(&f, log_last(l), &versions[i]);
        if (!known)
            fail_msg("seed %llu: an unknown state came back", (unsigned long long)seed);
        log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
    free(versions);
}

/* Snapshots, of a prefix and beyond the end, with crashes: what comes back is the snapshot or what
 * it stands for. */
static void snapshots_survive_crashes_too(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct disk_memory m;
        struct found f = {0};
        struct random random;
        char why[512] = "";
        random_seed(&random, seed);
        disk_memory_init(&m);
        struct log *l = open_log(&m, &small, &f, why, sizeof why);
        assert_non_null(l);
        m.power_left = random_below(&random, 6000);
        lsn durable = 0;
        lsn begun = 0;
        lsn settled = 0;
        for (int i = 0; i < 80; i++) {
            append_one(l, 0);
            if (random_chance(&random, 0.1)) {
                lsn at = random_chance(&random, 0.3) ? log_last(l) + random_below(&random, 9)
                                                     : 1 + random_below(&random, log_last(l));
                begun = at > begun ? at : begun;
                uint8_t body[8];
                put_u64(body, begun);
                log_snapshot(l, begun, bytes_of(body, sizeof body));
                if (random_chance(&random, 0.5))
                    log_truncate_before(l, begun + 1);
            }
            if (!random_chance(&random, 0.3))
                continue;
            if (run_jobs(l) != 0)
                break;
            durable = log_durable(l);
            settled = begun;
        }
        lsn last = log_last(l);
        log_close(l);
        disk_memory_crash(&m, seed % 3 ? DISK_LOSE_RANDOM : DISK_LOSE_ALL, &random);
        l = open_log(&m, &small, &f, why, sizeof why);
        if (!l)
            fail_msg("seed %llu: %s", (unsigned long long)seed, why);
        assert_true(log_last(l) >= durable && log_last(l) <= last);
        assert_true(f.snapshot >= settled);
        assert_true(f.snapshot == 0 || get_u64(f.snapshot_body.base) == f.snapshot);
        assert_true(f.first == 0 || f.first == f.snapshot + 1);
        assert_true(found_matches(&f, 0));
        append_one(l, 0);
        assert_int_equal(run_jobs(l), 0);
        log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_byte_and_any_subset),
        cmocka_unit_test(what_was_recovered_is_synced),
        cmocka_unit_test(every_flipped_bit_is_reported_or_cut),
        cmocka_unit_test(a_missing_segment_is_reported),
        cmocka_unit_test(a_trusting_log_takes_what_was_torn),
        cmocka_unit_test(cutting_survives_crashes_too),
        cmocka_unit_test(snapshots_survive_crashes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
