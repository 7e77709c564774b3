#include "base/ring.h"

#include "base/check.h"
#include "base/errors.h"

#include <string.h>

enum { LENGTH_SIZE = 4, RECORD_ALIGN = 8, CAPACITY_MIN = 64 };

static bool capacity_ok(uint64_t capacity)
{
    return capacity >= CAPACITY_MIN && (capacity & (capacity - 1)) == 0;
}

static uint64_t footprint(uint64_t len)
{
    return (LENGTH_SIZE + len + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
}

size_t ring_size(size_t capacity)
{
    CHECK(capacity_ok(capacity));
    return sizeof(struct ring_header) + capacity;
}

static void ring_set(struct ring *r, void *memory, uint64_t capacity)
{
    CHECK((uintptr_t)memory % _Alignof(struct ring_header) == 0);
    struct ring_header *header = memory;
    *r = (struct ring){
        .header = header, .data = (uint8_t *)memory + sizeof *header, .capacity = capacity};
}

void ring_create(struct ring *r, void *memory, size_t capacity)
{
    CHECK(capacity_ok(capacity));
    memset(memory, 0, sizeof(struct ring_header));
    ring_set(r, memory, capacity);
    r->header->magic = RING_MAGIC;
    r->header->version = RING_VERSION;
    r->header->capacity = capacity;
}

int ring_attach(struct ring *r, void *memory, size_t size)
{
    const struct ring_header *header = memory;
    if (size < sizeof *header || header->magic != RING_MAGIC || header->version != RING_VERSION)
        return ERROR_MALFORMED;
    uint64_t capacity = header->capacity;
    if (!capacity_ok(capacity) || capacity > size - sizeof *header)
        return ERROR_MALFORMED;
    ring_set(r, memory, capacity);
    r->position = atomic_load_explicit(&r->header->head, memory_order_relaxed);
    r->cached = atomic_load_explicit(&r->header->tail, memory_order_acquire);
    return r->position % RECORD_ALIGN == 0 ? 0 : ERROR_MALFORMED;
}

static bool has_room(struct ring *r, uint64_t need)
{
    uint64_t used = r->position - r->cached;
    if (used <= r->capacity && r->capacity - used >= need)
        return true;
    r->cached = atomic_load_explicit(&r->header->tail, memory_order_acquire);
    used = r->position - r->cached;
    return used <= r->capacity && r->capacity - used >= need;
}

/* The length never wraps: positions are multiples of 8, and so is the capacity. */
static void copy_in(struct ring *r, uint64_t position, struct bytes b)
{
    uint64_t at = position & (r->capacity - 1);
    uint64_t first = r->capacity - at < b.len ? r->capacity - at : b.len;
    memcpy(r->data + at, b.base, first);
    if (first < b.len)
        memcpy(r->data, b.base + first, b.len - first);
}

/* Told before the clock is looked at, in the eyes of all: a reader that sees nothing told has
 * looked at its own clock before. */
void ring_stamps(struct ring *r)
{
    if (!r->stamping)
        atomic_store(&r->header->stamping, RING_UNTOLD);
}

void ring_stamped(struct ring *r, uint64_t ns)
{
    if (!r->stamping)
        atomic_store_explicit(&r->header->stamping, ns, memory_order_release);
    r->stamping = true;
}

void ring_settled(struct ring *r)
{
    if (r->stamping)
        atomic_store_explicit(&r->header->stamping, 0, memory_order_release);
    r->stamping = false;
}

uint64_t ring_complete(const struct ring *r, uint64_t now)
{
    uint64_t since = atomic_load(&r->header->stamping);
    return since && since < now ? since : now;
}

bool ring_write(struct ring *r, struct bytes record)
{
    uint64_t need = footprint(record.len);
    if (record.len > RING_RECORD_MAX || !has_room(r, need)) {
        uint64_t lost = atomic_load_explicit(&r->header->lost, memory_order_relaxed);
        atomic_store_explicit(&r->header->lost, lost + 1, memory_order_relaxed);
        return false;
    }
    uint32_t len = (uint32_t)record.len;
    memcpy(r->data + (r->position & (r->capacity - 1)), &len, LENGTH_SIZE);
    if (len > 0)
        copy_in(r, r->position + LENGTH_SIZE, record);
    r->position += need;
    atomic_store_explicit(&r->header->head, r->position, memory_order_release);
    return true;
}

static void copy_out(const struct ring *r, uint64_t position, uint32_t len, struct buf *into)
{
    uint64_t at = position & (r->capacity - 1);
    uint64_t first = r->capacity - at < len ? r->capacity - at : len;
    buf_clear(into);
    uint8_t *to = buf_extend(into, len);
    if (len == 0)
        return;
    memcpy(to, r->data + at, first);
    if (first < len)
        memcpy(to + first, r->data, len - first);
}

int ring_read(struct ring *r, struct bytes *record, struct buf *scratch)
{
    CHECK(r->taken == 0);
    if (r->cached == r->position)
        r->cached = atomic_load_explicit(&r->header->head, memory_order_acquire);
    uint64_t there = r->cached - r->position;
    if (there == 0)
        return 0;
    if (there > r->capacity || there < RECORD_ALIGN)
        return ERROR_MALFORMED;
    /* Read once, and as an atom: the writer may change it under our feet. */
    const void *at = r->data + (r->position & (r->capacity - 1));
    uint32_t len = atomic_load_explicit((const _Atomic uint32_t *)at, memory_order_relaxed);
    if (len > RING_RECORD_MAX || footprint(len) > there)
        return ERROR_MALFORMED;
    copy_out(r, r->position + LENGTH_SIZE, len, scratch);
    *record = buf_bytes(scratch);
    r->taken = footprint(len);
    return 1;
}

void ring_read_done(struct ring *r)
{
    CHECK(r->taken > 0);
    r->position += r->taken;
    r->taken = 0;
    atomic_store_explicit(&r->header->tail, r->position, memory_order_release);
}

uint64_t ring_lost(const struct ring *r)
{
    return atomic_load_explicit(&r->header->lost, memory_order_relaxed);
}
