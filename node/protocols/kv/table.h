/* The table: keys and values in lent memory, in pages; each page is a hash table of its own. */
#ifndef ORRERY_PROTOCOLS_KV_TABLE_H
#define ORRERY_PROTOCOLS_KV_TABLE_H

#include "core/core.h"

enum {
    KV_VALUE_MAX = 32 << 20, /* Of a key with its value. */
    KV_PAGES_MAX = 1 << 16,
    KV_PAGE_MAX = 48 << 20, /* What the image of a page may take; it is one record. */
    KV_ENTRY_EXTRA = 32,    /* At most, of an entry in an image, beside its key and value. */
};

struct entry {
    struct entry *next;
    lsn at; /* The record that wrote it, or that of the image it came from. */
    uint64_t hash;
    uint32_t key_len;
    uint32_t value_len;
    uint8_t bytes[]; /* The key, then the value. */
};

struct page {
    struct entry **buckets;
    uint32_t n_buckets; /* A power of two, or 0. */
    uint32_t keys;
    uint64_t bytes; /* Keys and values. */
    lsn at;         /* Newest record of the wal that changed it. */
    lsn first;      /* Oldest one that its newest image lacks; LSN_NONE: it is clean. */
    lsn imaged;     /* The newest record of the wal that the image contains. */
    lsn image;      /* The image's record in "pages"; LSN_NONE: there is none. */
};

struct table {
    struct memory *memory;
    struct page *pages;
    uint32_t n;
    bool steady; /* Buckets are not made more: memory that was counted on stays there. */
    uint64_t keys;
    uint64_t bytes;
};

void table_init(struct table *t, struct memory *memory, uint32_t pages);

static inline struct bytes entry_key(const struct entry *e)
{
    return bytes_of(e->bytes, e->key_len);
}

static inline struct bytes entry_value(const struct entry *e)
{
    return bytes_of(e->bytes + e->key_len, e->value_len);
}

uint64_t table_hash(struct bytes key);
struct page *table_page(const struct table *t, uint64_t hash);
struct entry *table_find(const struct table *t, struct bytes key); /* NULL when there is none. */

/* False: the memory does not suffice, nothing changed. */
bool table_put(struct table *t, struct bytes key, struct bytes value, lsn at);
bool table_remove(struct table *t, struct bytes key); /* False: it was not there. */
void table_empty_page(struct table *t, struct page *p);
bool table_fits(const struct table *t, struct bytes key, size_t value_len); /* Page and value. */

/* The record `at` changed the page. */
void table_touch(struct page *p, lsn at);

/* Entries of a page in an order that stays while it does not change: begin with NULL. */
struct entry *table_next(const struct page *p, const struct entry *e);

void table_check(const struct table *t);

#endif
