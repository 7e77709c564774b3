#include "machine/table.h"

#include "base/check.h"

#include <string.h>

enum { BUCKETS_FIRST = 8, DUE_FIRST = 64 };

void table_init(struct table *t, struct memory *memory, uint32_t pages)
{
    CHECK(pages > 0);
    *t = (struct table){.memory = memory, .n = pages};
    t->pages = memory_alloc(memory, pages * sizeof *t->pages);
    CHECK(t->pages != NULL);
}

/* FNV-1a, and a final mix (that of splitmix64), since pages are picked by the remainder. */
uint64_t table_hash(struct bytes key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.base[i]) * UINT64_C(0x100000001b3);
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

struct page *table_page(const struct table *t, uint64_t hash)
{
    return &t->pages[hash % t->n];
}

static struct entry **bucket(const struct page *p, uint64_t hash)
{
    return &p->buckets[(uint32_t)(hash >> 32) & (p->n_buckets - 1)];
}

static bool is_entry(const struct entry *e, uint64_t hash, struct bytes key)
{
    return e->hash == hash && bytes_equal(entry_key(e), key);
}

/* Where the entry hangs, or would. NULL when the page has no buckets. */
static struct entry **place(const struct page *p, uint64_t hash, struct bytes key)
{
    if (p->n_buckets == 0)
        return NULL;
    struct entry **at = bucket(p, hash);
    while (*at && !is_entry(*at, hash, key))
        at = &(*at)->next;
    return at;
}

struct entry *table_find(const struct table *t, struct bytes key)
{
    uint64_t hash = table_hash(key);
    return table_find_in(table_page(t, hash), hash, key);
}

struct entry *table_find_in(const struct page *p, uint64_t hash, struct bytes key)
{
    struct entry **at = place(p, hash, key);
    return at ? *at : NULL;
}

/* Without memory the chains just get longer. */
static void grow(struct table *t, struct page *p)
{
    if (t->steady && p->n_buckets > 0)
        return;
    uint32_t n = p->n_buckets ? p->n_buckets * 2 : BUCKETS_FIRST;
    struct entry **buckets = memory_alloc(t->memory, n * sizeof *buckets);
    if (!buckets)
        return;
    struct page larger = *p;
    larger.buckets = buckets;
    larger.n_buckets = n;
    for (uint32_t i = 0; i < p->n_buckets; i++)
        for (struct entry *e = p->buckets[i]; e;) {
            struct entry *next = e->next;
            struct entry **at = bucket(&larger, e->hash);
            e->next = *at;
            *at = e;
            e = next;
        }
    memory_free(t->memory, p->buckets);
    *p = larger;
}

static void count(struct table *t, struct page *p, size_t key, size_t old, size_t new)
{
    p->bytes = p->bytes + key + new - old;
    t->bytes = t->bytes + key + new - old;
}

/* Keys decide among equals, so that the order is the same wherever the same keys are. */
static bool sooner(const struct entry *a, const struct entry *b)
{
    if (a->expires_ms != b->expires_ms)
        return a->expires_ms < b->expires_ms;
    return bytes_compare(entry_key(a), entry_key(b)) < 0;
}

static void set_due(struct table *t, uint32_t i, struct entry *e)
{
    t->due[i] = e;
    e->due = i + 1;
}

/* Puts e where the order wants it, from the gap at i on. */
static void settle_due(struct table *t, uint32_t i, struct entry *e)
{
    for (; i > 0 && sooner(e, t->due[(i - 1) / 2]); i = (i - 1) / 2)
        set_due(t, i, t->due[(i - 1) / 2]);
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= t->n_due)
            break;
        if (child + 1 < t->n_due && sooner(t->due[child + 1], t->due[child]))
            child++;
        if (!sooner(t->due[child], e))
            break;
        set_due(t, i, t->due[child]);
        i = child;
    }
    set_due(t, i, e);
}

static void remove_due(struct table *t, struct entry *e)
{
    if (e->due == 0)
        return;
    uint32_t i = e->due - 1;
    struct entry *last = t->due[--t->n_due];
    if (last != e)
        settle_due(t, i, last);
    e->due = 0;
}

static bool room_for_due(struct table *t)
{
    if (t->n_due < t->due_cap)
        return true;
    uint32_t cap = t->due_cap ? 2 * t->due_cap : DUE_FIRST;
    struct entry **due = memory_resize(t->memory, t->due, cap * sizeof *due);
    if (!due)
        return false;
    t->due = due;
    t->due_cap = cap;
    return true;
}

/* There is room. */
static void put_due(struct table *t, struct entry *e, int64_t expires_ms)
{
    if (e->expires_ms == expires_ms)
        return;
    remove_due(t, e);
    e->expires_ms = expires_ms;
    if (expires_ms != 0)
        settle_due(t, t->n_due++, e);
}

static struct entry *replace(struct table *t, struct page *p, struct entry **at, struct bytes value,
                             lsn when)
{
    struct entry *e = *at;
    size_t old = e->value_len;
    if (old != value.len) {
        struct entry *moved = memory_resize(t->memory, e, sizeof *e + e->key_len + value.len);
        if (!moved)
            return NULL;
        *at = e = moved;
        if (e->due != 0)
            t->due[e->due - 1] = e;
    }
    if (value.len > 0)
        memcpy(e->bytes + e->key_len, value.base, value.len);
    e->value_len = (uint32_t)value.len;
    e->at = when;
    count(t, p, 0, old, value.len);
    return e;
}

static struct entry *insert(struct table *t, struct page *p, uint64_t hash, struct bytes key,
                            struct bytes value, lsn when)
{
    if (p->keys >= p->n_buckets)
        grow(t, p);
    struct entry *e =
        p->n_buckets ? memory_alloc(t->memory, sizeof *e + key.len + value.len) : NULL;
    if (!e)
        return NULL;
    e->hash = hash;
    e->at = when;
    e->key_len = (uint32_t)key.len;
    e->value_len = (uint32_t)value.len;
    if (key.len > 0)
        memcpy(e->bytes, key.base, key.len);
    if (value.len > 0)
        memcpy(e->bytes + key.len, value.base, value.len);
    struct entry **at = bucket(p, hash);
    e->next = *at;
    *at = e;
    p->keys++;
    t->keys++;
    count(t, p, key.len, 0, value.len);
    return e;
}

bool table_put(struct table *t, uint64_t hash, struct bytes key, struct bytes value,
               int64_t expires_ms, lsn at)
{
    CHECK(key.len <= UINT32_MAX && value.len <= UINT32_MAX && expires_ms >= 0);
    struct page *p = table_page(t, hash);
    struct entry **found = place(p, hash, key);
    if (expires_ms != 0 && !room_for_due(t))
        return false;
    struct entry *e =
        found && *found ? replace(t, p, found, value, at) : insert(t, p, hash, key, value, at);
    if (e)
        put_due(t, e, expires_ms);
    return e != NULL;
}

static void forget(struct table *t, struct page *p, struct entry **at)
{
    struct entry *e = *at;
    remove_due(t, e);
    *at = e->next;
    p->keys--;
    t->keys--;
    p->bytes -= (uint64_t)e->key_len + e->value_len;
    t->bytes -= (uint64_t)e->key_len + e->value_len;
    memory_free(t->memory, e);
}

bool table_remove(struct table *t, struct bytes key)
{
    uint64_t hash = table_hash(key);
    struct page *p = table_page(t, hash);
    struct entry **at = place(p, hash, key);
    if (!at || !*at)
        return false;
    forget(t, p, at);
    return true;
}

void table_empty_page(struct table *t, struct page *p)
{
    for (uint32_t i = 0; i < p->n_buckets; i++)
        while (p->buckets[i])
            forget(t, p, &p->buckets[i]);
    memory_free(t->memory, p->buckets);
    p->buckets = NULL;
    p->n_buckets = 0;
}

bool table_fits(const struct page *p, size_t key_len, size_t value_len)
{
    if (key_len > TABLE_VALUE_MAX || value_len > TABLE_VALUE_MAX - key_len)
        return false;
    uint64_t image = p->bytes + (uint64_t)p->keys * TABLE_ENTRY_EXTRA;
    return image + key_len + value_len + 2 * TABLE_ENTRY_EXTRA <= TABLE_PAGE_MAX;
}

void table_touch(struct page *p, lsn at)
{
    /* A page that went to disk before its log (a flaw) may be ahead of the log after a crash. */
    p->at = at > p->at ? at : p->at;
    if (p->first == LSN_NONE)
        p->first = at;
}

struct entry *table_next(const struct page *p, const struct entry *e)
{
    uint32_t i = 0;
    if (e) {
        if (e->next)
            return e->next;
        i = ((uint32_t)(e->hash >> 32) & (p->n_buckets - 1)) + 1;
    }
    for (; i < p->n_buckets; i++)
        if (p->buckets[i])
            return p->buckets[i];
    return NULL;
}

void table_check(const struct table *t)
{
    uint64_t keys = 0;
    uint64_t bytes = 0;
    uint64_t due = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const struct page *p = &t->pages[i];
        uint32_t n = 0;
        uint64_t size = 0;
        for (const struct entry *e = table_next(p, NULL); e; e = table_next(p, e)) {
            CHECK(table_page(t, e->hash) == p);
            CHECK((e->expires_ms == 0) == (e->due == 0));
            CHECK(e->due <= t->n_due && (e->due == 0 || t->due[e->due - 1] == e));
            due += e->due != 0;
            n++;
            size += (uint64_t)e->key_len + e->value_len;
        }
        CHECK(n == p->keys);
        CHECK(size == p->bytes);
        CHECK(p->imaged <= p->at);
        CHECK(p->first == LSN_NONE || p->first <= p->at);
        CHECK(p->image != LSN_NONE || p->imaged == LSN_NONE);
        keys += n;
        bytes += size;
    }
    CHECK(keys == t->keys);
    CHECK(bytes == t->bytes);
    CHECK(due == t->n_due);
    for (uint32_t i = 1; i < t->n_due; i++)
        CHECK(!sooner(t->due[i], t->due[(i - 1) / 2]));
}
