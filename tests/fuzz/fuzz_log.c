/* Recovery from segments that hold anything. The first byte chooses; the rest are two segments and
 * a snapshot. What is recovered must be recovered again, and appended to. */
#include "store/disk_memory.h"
#include "store/log.h"

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *ctx, const struct log_recovered *r)
{
    *(uint64_t *)ctx += 1 + (r->record.body.len > 0 ? r->record.body.base[0] : 0);
}

static void add(struct disk *d, const char *name, struct bytes b)
{
    CHECK(d->ops->create(d->ctx, name, b.len + 64) == 0);
    CHECK(d->ops->write(d->ctx, name, 0, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct disk_memory m;
    disk_memory_init(&m);
    struct disk d = disk_memory_disk(&m);
    uint8_t how = data[0];
    size_t split = (data[1] | (size_t)data[2] << 8) % size;
    struct bytes rest = bytes_of(data + 3, size - 3);
    split = split < rest.len ? split : rest.len;
    add(&d, "wal.0000000000000001.log", bytes_of(rest.base, split));
    if (how & 1)
        add(&d, "wal.0000000000000003.log", bytes_of(rest.base + split, rest.len - split));
    if (how & 2)
        add(&d, "wal.0000000000000002.snap", bytes_of(rest.base + split, rest.len - split));
    struct log_options options = {.no_checksum = how & 4, .segment_bytes = 512};
    char why[512];
    uint64_t first = 0;
    struct log *l = log_open(&d, "wal", &options, NULL, count, &first, why, sizeof why);
    if (l) {
        lsn last = log_last(l);
        uint64_t second = 0;
        log_close(l);
        l = log_open(&d, "wal", &options, NULL, count, &second, why, sizeof why);
        CHECK(l && log_last(l) == last && first == second);
        struct buf b = {0};
        if (log_first(l) <= log_last(l))
            CHECK(log_read_records(l, log_first(l), 100, &b) == 0);
        buf_free(&b);
        log_append(l, last + 1, 1, bytes_str("x"), NULL);
        struct log_job *job = log_take(l);
        CHECK(job && log_job_write(job) == 0 && log_job_sync(job) == 0);
        log_done(l, job);
        log_close(l);
    }
    disk_memory_free(&m);
    return 0;
}
