/* A writer that scribbles anywhere in the shared memory, between any two reads. */
#include "base/check.h"
#include "base/ring.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 256 };

static void read_some(struct ring *reader, struct buf *scratch)
{
    struct bytes record;
    for (int i = 0; i < 100 && ring_read(reader, &record, scratch) == 1; i++) {
        CHECK(record.len <= CAPACITY);
        uint8_t sum = 0;
        for (size_t j = 0; j < record.len; j++)
            sum = (uint8_t)(sum + record.base[j]);
        __asm__ volatile("" ::"r"(sum)); /* Every byte was there to be read. */
        ring_read_done(reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(64) uint8_t memory[sizeof(struct ring_header) + CAPACITY];
    struct ring reader;
    struct ring writer;
    struct buf scratch = {NULL, 0, 0};
    memset(memory, 0, sizeof memory);
    ring_create(&reader, memory, CAPACITY);
    CHECK(ring_attach(&writer, memory, sizeof memory) == 0);
    while (size >= 3) {
        size_t offset = (data[0] | (size_t)data[1] << 8) % sizeof memory;
        size_t n = data[2] & 0x3f;
        bool honest = data[2] & 0x40;
        data += 3;
        size -= 3;
        n = n < size ? n : size;
        if (honest)
            (void)ring_write(&writer, bytes_of(data, n));
        else
            memcpy(memory + offset, data, n < sizeof memory - offset ? n : sizeof memory - offset);
        data += n;
        size -= n;
        read_some(&reader, &scratch);
        (void)ring_lost(&reader);
    }
    (void)ring_attach(&writer, memory, sizeof memory);
    buf_free(&scratch);
    return 0;
}
