/* Recovery from segments that hold anything: records with right checksums that lie about their
 * number or what was synced, pieces of them, other bytes. What is recovered must be recovered again
 * just so, must be readable, and can be appended to.
 *
 * The input is a list of [what, n, n bytes]: a record whose header comes from the bytes, raw bytes,
 * the next file, or bytes that overwrite earlier ones. */
#include "store/disk_memory.h"
#include "store/log.h"

#include "base/check.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t records;
    uint64_t bytes;
};

static void add_up(void *ctx, const struct log_recovered *r)
{
    struct sum *s = ctx;
    s->records = s->records * 31 + r->record.at;
    for (size_t i = 0; i < r->record.body.len; i++)
        s->bytes = s->bytes * 31 + r->record.body.base[i];
}

static void add_record(struct buf *b, lsn at, struct bytes bytes)
{
    struct record r = {.at = at, .type = 1, .body = bytes};
    if (bytes.len > 1) {
        r.at = at + bytes.base[0] % 4 - (at > 2 ? 1 : 0);
        r.synced = bytes.base[1] % r.at;
    }
    record_encode(b, &r);
}

static void add_file(struct disk *d, const struct buf *b, lsn first, bool snapshot)
{
    char name[64];
    snprintf(name, sizeof name, "wal.%016llx.%s", (unsigned long long)first,
             snapshot ? "snap" : "log");
    CHECK(d->ops->create(d->ctx, name, b->len + 100) == 0);
    if (b->len > 0)
        CHECK(d->ops->write(d->ctx, name, 0, buf_bytes(b)) == 0);
}

static void build(struct disk *d, const uint8_t *data, size_t size)
{
    struct buf b = {0};
    lsn first = 1;
    lsn at = 1;
    uint32_t files = 0;
    for (size_t i = 0; i + 2 <= size && files < 6;) {
        uint8_t what = data[i];
        size_t n = data[i + 1];
        i += 2;
        n = n < size - i ? n : size - i;
        struct bytes bytes = bytes_of(data + i, n);
        i += n;
        if (what % 8 < 4) {
            add_record(&b, at++, bytes);
        } else if (what % 8 == 4) {
            buf_append(&b, bytes);
        } else if (what % 8 == 5 && n > 1 && b.len > 0) {
            size_t where = (bytes.base[0] | (size_t)what << 5) % b.len;
            for (size_t k = 1; k < n && where + k < b.len; k++)
                b.base[where + k] = bytes.base[k];
        } else {
            files++;
            add_file(d, &b, first, what % 8 == 7);
            buf_clear(&b);
            first = n > 0 ? at + bytes.base[0] % 3 : at;
            at = first;
        }
    }
    add_file(d, &b, first, false);
    buf_free(&b);
}

static void use(struct disk *d, struct log *l, const struct log_options *o, struct sum first)
{
    char why[512];
    struct sum second = {0, 0};
    lsn from = log_first(l);
    lsn last = log_last(l);
    log_close(l);
    l = log_open(d, "wal", o, NULL, add_up, &second, why, sizeof why);
    CHECK(l && log_first(l) == from && log_last(l) == last);
    CHECK(first.records == second.records && first.bytes == second.bytes);
    struct buf b = {0};
    if (from <= last)
        CHECK(log_read_records(l, from, UINT32_MAX, &b) == 0);
    buf_free(&b);
    log_append(l, last + 1, 1, bytes_str("x"), NULL);
    struct log_job *job = log_take(l);
    CHECK(job && log_job_write(job) == 0 && log_job_sync(job) == 0);
    log_done(l, job);
    log_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct disk_memory m;
    disk_memory_init(&m);
    struct disk d = disk_memory_disk(&m);
    struct log_options options = {.no_checksum = data[0] & 1, .segment_bytes = 512};
    build(&d, data + 1, size - 1);
    char why[512];
    struct sum first = {0, 0};
    struct log *l = log_open(&d, "wal", &options, NULL, add_up, &first, why, sizeof why);
    if (l)
        use(&d, l, &options, first);
    disk_memory_free(&m);
    return 0;
}
