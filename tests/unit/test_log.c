#include "log_bench.h"

static const struct log_options small = {.segment_bytes = 2048};

static struct log *open_good(struct disk_memory *m, const struct log_options *o, struct found *f)
{
    char why[512] = "";
    struct log *l = open_log(m, o, f, why, sizeof why);
    if (!l)
        fail_msg("%s", why);
    return l;
}

static void records_come_back_over_segments(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    disk_memory_init(&m);
    struct log *l = open_good(&m, &small, &f);
    assert_int_equal(f.first, 0);
    for (int i = 0; i < 500; i++) {
        append_one(l, 0);
        if (i % 7 == 0)
            assert_int_equal(run_jobs(l), 0);
    }
    assert_true(log_durable(l) < log_last(l));
    assert_int_equal(run_jobs(l), 0);
    assert_int_equal(log_durable(l), 500);
    assert_int_equal(log_written(l), 500);
    log_close(l);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.first, 1);
    assert_int_equal(f.last, 500);
    assert_true(found_matches(&f, 0));
    assert_int_equal(log_last(l), 500);
    assert_int_equal(log_durable(l), 500);
    log_close(l);
    found_free(&f);
    disk_memory_free(&m);
}

static void what_piles_up_shares_one_sync(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    disk_memory_init(&m);
    struct log *l = open_good(&m, &(struct log_options){.segment_bytes = 1 << 20}, &f);
    append_one(l, 0);
    struct log_job *job = log_take(l);
    assert_non_null(job);
    append_some(l, 100, 0);
    assert_null(log_take(l));
    uint64_t syncs = m.syncs;
    assert_int_equal(log_job_write(job), 0);
    assert_int_equal(log_written(l), 1);
    assert_int_equal(log_job_sync(job), 0);
    assert_int_equal(log_durable(l), 0);
    log_done(l, job);
    assert_int_equal(log_durable(l), 1);
    assert_int_equal(run_jobs(l), 0);
    assert_int_equal(log_durable(l), 101);
    assert_int_equal(m.syncs - syncs, 2);
    log_close(l);
    found_free(&f);
    disk_memory_free(&m);
}

static void the_policies_sync_as_they_say(void **state)
{
    (void)state;
    for (int each = 0; each < 2; each++) {
        struct disk_memory m;
        struct found f = {0};
        struct log_options o = {.segment_bytes = 1 << 20, .sync = each ? SYNC_EACH : SYNC_NEVER};
        disk_memory_init(&m);
        struct log *l = open_good(&m, &o, &f);
        uint64_t syncs = m.syncs;
        append_some(l, 20, 0);
        assert_int_equal(run_jobs(l), 0);
        assert_int_equal(log_durable(l), 20);
        assert_int_equal(m.syncs - syncs, each ? 20 : 0);
        log_close(l);
        disk_memory_crash(&m, DISK_LOSE_ALL, NULL);
        l = open_good(&m, &o, &f);
        assert_int_equal(f.last, each ? 20 : 0);
        log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
}

static void places_tell_where_records_lie(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    struct place planned[100];
    uint8_t body[256];
    disk_memory_init(&m);
    struct log *l = open_good(&m, &small, &f);
    for (lsn at = 1; at <= 100; at++)
        log_append(l, at, 1, body_of(at, 0, body), &planned[at - 1]);
    assert_int_equal(run_jobs(l), 0);
    log_close(l);
    log_close(open_good(&m, &small, &f));
    assert_int_equal(f.bounds.len, sizeof planned);
    const struct place *found = (const void *)f.bounds.base;
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(found[i].segment, planned[i].segment);
        assert_int_equal(found[i].offset, planned[i].offset);
        assert_int_equal(found[i].size, planned[i].size);
    }
    assert_true(planned[99].segment > 1);
    found_free(&f);
    disk_memory_free(&m);
}

static void a_record_may_be_larger_than_a_segment(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    disk_memory_init(&m);
    struct log *l = open_good(&m, &small, &f);
    struct buf large = {0};
    memset(buf_extend(&large, 900000), 'x', 900000);
    append_one(l, 0);
    log_append(l, 2, 1, buf_bytes(&large), NULL);
    append_one(l, 0);
    assert_int_equal(run_jobs(l), 0);
    log_close(l);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.last, 3);
    struct buf got = {0};
    assert_int_equal(log_read(l, 2, 100, 1000, &got), 0);
    assert_memory_equal(got.base, large.base, 1000);
    assert_int_equal(log_read(l, 2, 100, 900000, &got), ERROR_TOO_LARGE);
    log_close(l);
    buf_free(&got);
    buf_free(&large);
    found_free(&f);
    disk_memory_free(&m);
}

static void a_prefix_goes_by_segments(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    disk_memory_init(&m);
    struct log *l = open_good(&m, &small, &f);
    append_some(l, 300, 0);
    assert_int_equal(run_jobs(l), 0);
    log_truncate_before(l, 200);
    lsn first = log_first(l);
    assert_true(first > 100 && first <= 200);
    size_t files = m.n;
    assert_int_equal(run_jobs(l), 0);
    assert_true(m.n < files);
    struct buf b = {0};
    assert_int_equal(log_read(l, first - 1, 0, 0, &b), ERROR_NOT_FOUND);
    log_close(l);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.first, first);
    assert_int_equal(f.last, 300);
    assert_true(found_matches(&f, 0));
    log_close(l);
    found_free(&f);
    disk_memory_free(&m);
}

static void a_suffix_is_cut_and_written_anew(void **state)
{
    (void)state;
    for (lsn cut = 1; cut <= 301; cut += 4) {
        struct disk_memory m;
        struct found f = {0};
        disk_memory_init(&m);
        struct log *l = open_good(&m, &small, &f);
        for (int i = 0; i < 300; i++) {
            append_one(l, 0);
            if (i == 150)
                assert_int_equal(run_jobs(l), 0);
        }
        if (cut % 8 == 1)
            assert_int_equal(run_jobs(l), 0);
        log_truncate_from(l, cut);
        assert_int_equal(log_last(l), cut - 1);
        assert_true(log_durable(l) <= cut - 1);
        append_some(l, 5, 1);
        assert_int_equal(run_jobs(l), 0);
        log_close(l);
        log_close(open_good(&m, &small, &f));
        assert_int_equal(f.last, cut + 4);
        uint8_t into[256];
        size_t at = 0;
        for (lsn i = 1; i <= f.last; i++) {
            struct bytes body = body_of(i, i < cut ? 0 : 1, into);
            assert_int_equal(get_u32(f.bodies.base + at), body.len);
            assert_memory_equal(f.bodies.base + at + 4, body.base, body.len);
            at += 4 + body.len;
        }
        found_free(&f);
        disk_memory_free(&m);
    }
}

static void a_snapshot_stands_for_a_prefix(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    disk_memory_init(&m);
    struct log *l = open_good(&m, &small, &f);
    append_some(l, 300, 0);
    log_snapshot(l, 100, bytes_str("first"));
    log_snapshot(l, 250, bytes_str("second"));
    assert_int_equal(run_jobs(l), 0);
    log_close(l);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.snapshot, 250);
    assert_true(bytes_equal(buf_bytes(&f.snapshot_body), bytes_str("second")));
    assert_int_equal(f.first, 251);
    assert_int_equal(f.last, 300);
    assert_true(found_matches(&f, 0));
    assert_int_equal(log_first(l), 1);
    found_free(&f);

    log_snapshot(l, 1000, bytes_str("of a leader"));
    assert_int_equal(log_last(l), 1000);
    append_one(l, 0);
    assert_int_equal(run_jobs(l), 0);
    log_close(l);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.snapshot, 1000);
    assert_int_equal(f.first, 1001);
    assert_int_equal(log_first(l), 1001);
    log_close(l);
    found_free(&f);
    disk_memory_free(&m);
}

static void reading_finds_planned_and_written_records(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct disk_memory m;
        struct found f = {0};
        struct random random;
        random_seed(&random, seed);
        disk_memory_init(&m);
        struct log *l = open_good(&m, &small, &f);
        uint32_t salts[2000] = {0};
        struct log_job *job = NULL;
        for (int step = 0; step < 400; step++) {
            uint64_t dice = random_below(&random, 20);
            if (dice < 14) {
                salts[log_last(l) + 1] = (uint32_t)step;
                append_one(l, (uint32_t)step);
            } else if (dice == 14 && log_last(l) >= log_first(l)) {
                lsn span = log_last(l) - log_first(l) + 2;
                log_truncate_from(l, log_first(l) + random_below(&random, span));
            } else if (dice == 15) {
                log_truncate_before(l, random_below(&random, log_last(l) + 2));
            } else if (job) {
                assert_int_equal(log_job_write(job), 0);
                assert_int_equal(log_job_sync(job), 0);
                log_done(l, job);
                job = NULL;
            } else {
                job = log_take(l);
            }
            uint8_t into[256];
            struct buf got = {0};
            if (log_last(l) < log_first(l))
                continue;
            lsn at = log_first(l) + random_below(&random, log_last(l) - log_first(l) + 1);
            struct bytes body = body_of(at, salts[at], into);
            assert_int_equal(log_read(l, at, 0, body.len, &got), 0);
            assert_true(bytes_equal(buf_bytes(&got), body));
            buf_clear(&got);
            assert_int_equal(log_read_records(l, at, 50, &got), 0);
            size_t offset = 0;
            for (lsn i = at; i < at + 50 && i <= log_last(l); i++) {
                struct record r;
                size_t size;
                struct bytes rest = bytes_of(got.base + offset, got.len - offset);
                assert_int_equal(record_decode(rest, false, &r, &size), RECORD_OK);
                assert_int_equal(r.at, i);
                assert_true(bytes_equal(r.body, body_of(i, salts[i], into)));
                offset += size;
            }
            assert_int_equal(offset, got.len);
            buf_free(&got);
        }
        if (job) {
            assert_int_equal(log_job_write(job), 0);
            assert_int_equal(log_job_sync(job), 0);
            log_done(l, job);
        }
        assert_int_equal(run_jobs(l), 0);
        lsn first = log_first(l);
        lsn last = log_last(l);
        log_close(l);
        l = open_good(&m, &small, &f);
        assert_int_equal(log_first(l), first);
        assert_int_equal(log_last(l), last);
        log_close(l);
        found_free(&f);
        disk_memory_free(&m);
    }
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    char why[512] = "";
    disk_memory_init(&m);
    m.full = true;
    assert_null(open_log(&m, &small, &f, why, sizeof why));
    assert_non_null(strstr(why, "the disk is full"));
    m.full = false;
    struct log *l = open_good(&m, &small, &f);
    append_one(l, 0);
    assert_int_equal(run_jobs(l), 0);
    m.full = true;
    append_one(l, 0);
    assert_int_equal(run_jobs(l), ERROR_DISK_FULL);
    log_close(l);
    m.full = false;
    disk_memory_crash(&m, DISK_LOSE_ALL, NULL);
    l = open_good(&m, &small, &f);
    assert_int_equal(f.last, 1);
    log_close(l);
    found_free(&f);
    disk_memory_free(&m);
}

struct loss {
    uint64_t bytes;
};

static void lose(void *ctx, const char *name, uint64_t from, uint64_t to)
{
    struct loss *loss = ctx;
    assert_string_equal(name, "wal.0000000000000001.log");
    loss->bytes += to - from;
}

static void the_ledger_knows_what_is_unsynced(void **state)
{
    (void)state;
    struct disk_memory m;
    struct found f = {0};
    char why[512];
    struct ledger *ledger = calloc(1, sizeof *ledger);
    assert_non_null(ledger);
    disk_memory_init(&m);
    struct disk disk = disk_memory_disk(&m);
    struct random random;
    random_seed(&random, 1);
    struct log *l = log_open(&disk, "wal", &(struct log_options){.segment_bytes = 1 << 16}, ledger,
                             found_record, &f, why, sizeof why);
    assert_non_null(l);
    struct loss loss = {0};
    uint8_t body[256];
    log_append(l, 1, 1, bytes_of(body, 100), NULL);
    ledger_power_cut(ledger, false, &random, lose, &loss);
    assert_int_equal(loss.bytes, 0);
    struct log_job *job = log_take(l);
    assert_int_equal(log_job_write(job), 0);
    ledger_power_cut(ledger, false, &random, lose, &loss);
    assert_int_equal(loss.bytes, RECORD_HEADER + 100);
    assert_int_equal(log_job_sync(job), 0);
    log_done(l, job);
    loss.bytes = 0;
    ledger_power_cut(ledger, false, &random, lose, &loss);
    assert_int_equal(loss.bytes, 0);
    /* Many segments do not fill the ledger. */
    for (int i = 0; i < 300000; i++) {
        append_one(l, 0);
        if (i % 100 == 0)
            assert_int_equal(run_jobs(l), 0);
    }
    assert_int_equal(run_jobs(l), 0);
    uint32_t used = 0;
    for (int i = 0; i < LEDGER_FILES_MAX; i++)
        used += atomic_load(&ledger->files[i].used);
    assert_int_equal(used, 1);
    log_close(l);
    free(ledger);
    found_free(&f);
    disk_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_over_segments),
        cmocka_unit_test(what_piles_up_shares_one_sync),
        cmocka_unit_test(the_policies_sync_as_they_say),
        cmocka_unit_test(places_tell_where_records_lie),
        cmocka_unit_test(a_record_may_be_larger_than_a_segment),
        cmocka_unit_test(a_prefix_goes_by_segments),
        cmocka_unit_test(a_suffix_is_cut_and_written_anew),
        cmocka_unit_test(a_snapshot_stands_for_a_prefix),
        cmocka_unit_test(reading_finds_planned_and_written_records),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(the_ledger_knows_what_is_unsynced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
