/* Records as protobuf bytes, written by hand: a value may be large, and should be copied once, by
 * the log, instead of thrice. Field numbers are those of kv.proto; a test unpacks what is written
 * here. */
#include "kv_impl.h"

#include "base/check.h"

#include <string.h>

enum { STAYS = 1024 };  /* Values from this size on stay where they lie. */
enum { TAG_BYTES = 2 }; /* Wire type of strings and messages; 0 is a number. */

struct packer {
    uint8_t *base;
    size_t len;
    size_t cap;
    size_t begin; /* Of what is not yet a slice. */
    struct slice *slices;
    uint32_t n;
    uint32_t slices_cap;
};

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 128; v >>= 7)
        n++;
    return n;
}

static void put_varint(struct packer *p, uint64_t v)
{
    CHECK(p->cap - p->len >= varint_size(v));
    for (; v >= 128; v >>= 7)
        p->base[p->len++] = (uint8_t)(v | 128);
    p->base[p->len++] = (uint8_t)v;
}

static void put_number(struct packer *p, uint32_t field, uint64_t v)
{
    if (v == 0)
        return;
    put_varint(p, field << 3);
    put_varint(p, v);
}

static void add_slice(struct packer *p, const uint8_t *base, size_t len)
{
    if (len == 0)
        return;
    CHECK(p->n < p->slices_cap);
    p->slices[p->n++] = (struct slice){.kind = SLICE_MEMORY, .memory = bytes_of(base, len)};
}

static void close_part(struct packer *p)
{
    if (p->len > p->begin)
        add_slice(p, p->base + p->begin, p->len - p->begin);
    p->begin = p->len;
}

static void put_bytes(struct packer *p, uint32_t field, struct bytes b)
{
    if (b.len == 0)
        return;
    put_varint(p, field << 3 | TAG_BYTES);
    put_varint(p, b.len);
    if (b.len >= STAYS) {
        close_part(p);
        add_slice(p, b.base, b.len);
        return;
    }
    CHECK(p->cap - p->len >= b.len);
    memcpy(p->base + p->len, b.base, b.len);
    p->len += b.len;
}

static size_t bytes_size(struct bytes b)
{
    return b.len == 0 ? 0 : 1 + varint_size(b.len) + b.len;
}

/* A Write, as field `field` of what holds it. */
static void put_write(struct packer *p, uint32_t field, const struct change *c)
{
    size_t size = bytes_size(c->key) + bytes_size(c->value) + (c->deleted ? 2 : 0) +
                  (c->everything ? 2 : 0) +
                  (c->expires_ms ? 1 + varint_size((uint64_t)c->expires_ms) : 0);
    put_varint(p, field << 3 | TAG_BYTES);
    put_varint(p, size);
    put_bytes(p, 1, c->key);
    put_bytes(p, 2, c->value);
    put_number(p, 3, c->deleted);
    put_number(p, 4, c->everything);
    put_number(p, 5, (uint64_t)c->expires_ms);
}

static size_t copied(struct bytes b)
{
    return b.len < STAYS ? b.len : 0;
}

/* Room for so many changes that copy so many bytes. */
static bool begin(struct packer *p, struct out *out, size_t bytes, uint32_t large)
{
    *p = (struct packer){.cap = bytes, .slices_cap = 2 * large + 1};
    p->base = out_alloc(out, p->cap);
    p->slices = out_alloc(out, p->slices_cap * sizeof *p->slices);
    return p->base && p->slices;
}

static struct body end(struct packer *p)
{
    close_part(p);
    return (struct body){p->slices, p->n};
}

struct body pack_changes(struct out *out, const struct change *first)
{
    size_t bytes = 0;
    uint32_t large = 0;
    for (const struct change *c = first; c; c = c->next) {
        bytes += copied(c->key) + copied(c->value) + TABLE_ENTRY_EXTRA;
        large += (uint32_t)(c->key.len >= STAYS) + (uint32_t)(c->value.len >= STAYS);
    }
    struct packer p;
    if (!begin(&p, out, bytes, large))
        return (struct body){NULL, 0};
    for (const struct change *c = first; c; c = c->next)
        put_write(&p, 1, c);
    return end(&p);
}

struct body pack_page(struct out *out, const struct page *page, uint32_t number, uint32_t pages)
{
    size_t bytes = 3 * TABLE_ENTRY_EXTRA;
    uint32_t large = 0;
    for (const struct entry *e = table_next(page, NULL); e; e = table_next(page, e)) {
        bytes += copied(entry_key(e)) + copied(entry_value(e)) + TABLE_ENTRY_EXTRA;
        large += (uint32_t)(e->key_len >= STAYS) + (uint32_t)(e->value_len >= STAYS);
    }
    struct packer p;
    if (!begin(&p, out, bytes, large))
        return (struct body){NULL, 0};
    put_number(&p, 1, number);
    put_number(&p, 2, page->at);
    put_number(&p, 4, pages);
    for (const struct entry *e = table_next(page, NULL); e; e = table_next(page, e)) {
        struct change c = {
            .key = entry_key(e), .value = entry_value(e), .expires_ms = e->expires_ms};
        put_write(&p, 3, &c);
    }
    return end(&p);
}
