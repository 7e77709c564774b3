/* The table: keys, values and when they expire, in lent memory, in pages; each page is a hash table
 * of its own. It knows no time: what has expired is here until it is removed. */
#ifndef ORRERY_MACHINE_TABLE_H
#define ORRERY_MACHINE_TABLE_H

#include "core/core.h"

enum {
    TABLE_VALUE_MAX = 32 << 20, /* Of a key with its value. */
    TABLE_PAGES_MAX = 1 << 16,
    TABLE_PAGE_MAX = 48 << 20, /* What the image of a page may take; it is one record. */
    TABLE_ENTRY_EXTRA = 32,    /* At most, of an entry in an image, beside its key and value. */
};

struct entry {
    struct entry *next;
    lsn at; /* The record that wrote it, or that of the image it came from. */
    uint64_t hash;
    int64_t expires_ms; /* Unix time; 0: never. */
    uint32_t key_len;
    uint32_t value_len;
    uint32_t due;    /* Its place in the table's order of expiry, from 1; 0: none. */
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
    bool steady;        /* Buckets are not made more: memory that was counted on stays there. */
    struct entry **due; /* A heap: first what expires first, of equals the lesser key. */
    uint32_t n_due;
    uint32_t due_cap;
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
struct entry *table_find_in(const struct page *p, uint64_t hash, struct bytes key);

/* `hash` is that of the key. False: the memory does not suffice, nothing changed. */
bool table_put(struct table *t, uint64_t hash, struct bytes key, struct bytes value,
               int64_t expires_ms, lsn at);
bool table_remove(struct table *t, struct bytes key); /* False: it was not there. */
void table_empty_page(struct table *t, struct page *p);
bool table_fits(const struct page *p, size_t key_len, size_t value_len); /* Page and value. */

/* The one that expires first. NULL: none ever does. */
static inline struct entry *table_due(const struct table *t)
{
    return t->n_due > 0 ? t->due[0] : NULL;
}

/* The record `at` changed the page. */
void table_touch(struct page *p, lsn at);

/* Entries of a page in an order that stays while it does not change: begin with NULL. */
struct entry *table_next(const struct page *p, const struct entry *e);

void table_check(const struct table *t);

#endif
